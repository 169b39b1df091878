//! Reads a VPC as the doctor judges it. What is refused becomes unknown, and the rest goes on.
//!
//! Two round trips, one after the other: everything that the VPC's id finds, then what that names.

mod shape;

use super::vpc;
use crate::{
    aws::{
        Reader,
        explain::{Explain as _, Failure},
    },
    error::Result,
    network::model::{Dns, Endpoint, PrefixList, Read, Topology, Unknown},
};
use aws_sdk_ec2::types::{DhcpConfiguration, DhcpOptions, Filter, VpcAttributeName, VpcEndpoint};
use futures_util::{FutureExt as _, future::join_all};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

/// Reads it. `services` are the short names whose zones are asked for. The subnets are the one thing
/// without which there is nothing to say.
pub async fn observe(
    aws: &Reader,
    vpc: &aws_sdk_ec2::types::Vpc,
    services: &BTreeSet<String>,
) -> Result<Topology> {
    let id = vpc.vpc_id().unwrap_or_default();
    let in_vpc = || Filter::builder().name("vpc-id").values(id).build();
    let region = aws.identity.region.as_str();
    let ec2 = &aws.ec2;
    let subnets = ec2.describe_subnets().filters(in_vpc()).into_paginator().items().send();
    let tables = ec2.describe_route_tables().filters(in_vpc()).into_paginator().items().send();
    let endpoints = ec2.describe_vpc_endpoints().filters(in_vpc()).into_paginator().items().send();
    let groups = ec2.describe_security_groups().filters(in_vpc()).into_paginator().items().send();
    let acls = ec2.describe_network_acls().filters(in_vpc()).into_paginator().items().send();
    let nats = ec2.describe_nat_gateways().filter(in_vpc()).into_paginator().items().send();
    let lists = ec2.describe_prefix_lists().into_paginator().items().send();
    let (subnets, tables, endpoints, groups, acls, nats, lists, dns, resolvers, offered) = tokio::join!(
        subnets.collect::<std::result::Result<Vec<_>, _>>().boxed(),
        tables.collect::<std::result::Result<Vec<_>, _>>().boxed(),
        endpoints.collect::<std::result::Result<Vec<_>, _>>().boxed(),
        groups.collect::<std::result::Result<Vec<_>, _>>().boxed(),
        acls.collect::<std::result::Result<Vec<_>, _>>().boxed(),
        nats.collect::<std::result::Result<Vec<_>, _>>().boxed(),
        lists.collect::<std::result::Result<Vec<_>, _>>().boxed(),
        dns(aws, id).boxed(),
        resolvers(aws, vpc.dhcp_options_id()).boxed(),
        offered(aws, services).boxed(),
    );
    let subnets = subnets.explain("ec2:DescribeSubnets", id)?;
    let tables = tables.explain("ec2:DescribeRouteTables", id).map_err(|failure| unknown(&failure));
    let endpoints =
        endpoints.explain("ec2:DescribeVpcEndpoints", id).map_err(|failure| unknown(&failure));
    let groups =
        groups.explain("ec2:DescribeSecurityGroups", id).map_err(|failure| unknown(&failure));
    let acls = acls.explain("ec2:DescribeNetworkAcls", id).map_err(|failure| unknown(&failure));
    let nats = nats.explain("ec2:DescribeNatGateways", id).map_err(|failure| unknown(&failure));
    let lists =
        lists.explain("ec2:DescribePrefixLists", region).map_err(|failure| unknown(&failure));
    let groups = groups.map(|groups| groups.iter().map(shape::group).collect::<BTreeMap<_, _>>());
    let lists = lists.map(|lists| lists.iter().map(shape::prefix_list).collect::<BTreeMap<_, _>>());
    let endpoints = endpoints.map(|found| {
        let interfaces = found.iter().flat_map(VpcEndpoint::network_interface_ids).cloned();
        let interfaces: BTreeSet<String> = interfaces.collect();
        (
            found.iter().filter_map(|one| shape::endpoint(one, region)).collect::<Vec<_>>(),
            interfaces,
        )
    });
    let (endpoints, lists) = tokio::join!(
        async {
            match endpoints {
                Ok((endpoints, interfaces)) => Ok(with_addresses(aws, endpoints, interfaces).await),
                Err(unknown) => Err(unknown),
            }
        },
        with_entries(aws, lists, shape::named_lists(groups.iter().flat_map(BTreeMap::values))),
    );
    Ok(Topology {
        region: region.to_owned(),
        account: aws.identity.account.clone(),
        vpc: id.to_owned(),
        owner: vpc.owner_id().unwrap_or(&aws.identity.account).to_owned(),
        cidrs: shape::blocks(vpc),
        subnets: subnets.iter().map(vpc::subnet).collect(),
        tables: tables.map(|tables| tables.iter().map(vpc::table).collect()),
        endpoints,
        groups,
        acls: acls.map(|acls| acls.iter().map(shape::acl).collect()),
        nats: nats.map(|nats| nats.iter().map(shape::nat).collect()),
        dns,
        resolvers,
        prefix_lists: lists,
        offered,
    })
}

/// `was refused` of a missing permission; AWS's own code of anything else.
fn unknown(failure: &Failure) -> Unknown {
    let why = match &failure.code {
        _ if failure.is_denied() => "was refused".to_owned(),
        Some(code) => format!("failed with {code}"),
        None => format!("got no answer: {}", failure.message),
    };
    Unknown { what: failure.operation.to_owned(), why }
}

async fn dns(aws: &Reader, id: &str) -> Read<Dns> {
    let attribute = |name| aws.ec2.describe_vpc_attribute().vpc_id(id).attribute(name).send();
    let (support, hostnames) = tokio::join!(
        attribute(VpcAttributeName::EnableDnsSupport),
        attribute(VpcAttributeName::EnableDnsHostnames),
    );
    let support =
        support.explain("ec2:DescribeVpcAttribute", id).map_err(|failure| unknown(&failure))?;
    let hostnames =
        hostnames.explain("ec2:DescribeVpcAttribute", id).map_err(|failure| unknown(&failure))?;
    let is_on = |value: Option<&aws_sdk_ec2::types::AttributeBooleanValue>| {
        value.and_then(aws_sdk_ec2::types::AttributeBooleanValue::value) == Some(true)
    };
    Ok(Dns {
        support: is_on(support.enable_dns_support()),
        hostnames: is_on(hostnames.enable_dns_hostnames()),
    })
}

/// The name servers of the VPC's DHCP options. A VPC with `default` has no set of its own.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/DHCPOptionSet.html>
async fn resolvers(aws: &Reader, id: Option<&str>) -> Read<Vec<String>> {
    let Some(id) = id.filter(|id| *id != "default") else { return Ok(Vec::new()) };
    let found = aws.ec2.describe_dhcp_options().dhcp_options_ids(id).send().await;
    let found =
        found.explain("ec2:DescribeDhcpOptions", id).map_err(|failure| unknown(&failure))?;
    let settings = found.dhcp_options().iter().flat_map(DhcpOptions::dhcp_configurations);
    let servers = settings.filter(|setting| setting.key() == Some("domain-name-servers"));
    let values = servers.flat_map(DhcpConfiguration::values);
    Ok(values.filter_map(|value| value.value().map(str::to_owned)).collect())
}

/// A filter and not the parameter, which refuses the whole question for one name that is not offered.
async fn offered(
    aws: &Reader,
    services: &BTreeSet<String>,
) -> Read<BTreeMap<String, BTreeSet<String>>> {
    if services.is_empty() {
        return Ok(BTreeMap::new());
    }
    let region = &aws.identity.region;
    let names = services.iter().map(|service| format!("com.amazonaws.{region}.{service}"));
    let filter = Filter::builder().name("service-name").set_values(Some(names.collect())).build();
    let found = aws.ec2.describe_vpc_endpoint_services().filters(filter).send().await;
    let found = found
        .explain("ec2:DescribeVpcEndpointServices", region)
        .map_err(|failure| unknown(&failure))?;
    let details = found.service_details().iter().filter(|detail| {
        detail
            .service_type()
            .iter()
            .any(|kind| kind.service_type().is_some_and(|kind| kind.as_str() == "Interface"))
    });
    let zones = details.filter_map(|detail| {
        let service = shape::short(detail.service_name()?, region)?;
        Some((service.to_owned(), detail.availability_zones().iter().cloned().collect()))
    });
    Ok(zones.collect())
}

/// Adds the interfaces' addresses. Without them an endpoint is judged by its subnets' blocks.
async fn with_addresses(
    aws: &Reader,
    mut endpoints: Vec<Endpoint>,
    interfaces: BTreeSet<String>,
) -> Vec<Endpoint> {
    /// What one filter takes.
    const MOST: usize = 200;
    let interfaces: Vec<_> = interfaces.into_iter().collect();
    let pages = interfaces.chunks(MOST).map(|ids| {
        let filter = Filter::builder().name("network-interface-id").set_values(Some(ids.to_vec()));
        aws.ec2.describe_network_interfaces().filters(filter.build()).send()
    });
    let mut addresses: BTreeMap<String, (Ipv4Addr, String)> = BTreeMap::new();
    for page in join_all(pages).await.into_iter().flatten() {
        for interface in page.network_interfaces() {
            let id = interface.network_interface_id();
            let address = interface.private_ip_address().and_then(|text| text.parse().ok());
            if let (Some(id), Some(address), Some(subnet)) = (id, address, interface.subnet_id()) {
                addresses.insert(id.to_owned(), (address, subnet.to_owned()));
            }
        }
    }
    for endpoint in &mut endpoints {
        let known = endpoint.interfaces.iter().filter_map(|id| addresses.get(id).cloned());
        endpoint.addresses = known.collect();
    }
    endpoints
}

/// Adds the customers' lists that rules name; AWS's own came with their blocks.
async fn with_entries(
    aws: &Reader,
    lists: Read<BTreeMap<String, PrefixList>>,
    named: BTreeSet<String>,
) -> Read<BTreeMap<String, PrefixList>> {
    let mut lists = lists?;
    let missing = named.into_iter().filter(|id| !lists.contains_key(id));
    let reads = missing.map(|id| async {
        let request = aws.ec2.get_managed_prefix_list_entries().prefix_list_id(&id);
        let entries = request.into_paginator().items().send();
        let entries = entries.collect::<std::result::Result<Vec<_>, _>>().await;
        (entries.explain("ec2:GetManagedPrefixListEntries", &id), id)
    });
    for (entries, id) in join_all(reads).await {
        let cidrs = entries
            .map_err(|failure| unknown(&failure))
            .map(|entries| entries.iter().filter_map(|entry| entry.cidr()?.parse().ok()).collect());
        lists.insert(id.clone(), PrefixList { name: id, cidrs });
    }
    Ok(lists)
}
