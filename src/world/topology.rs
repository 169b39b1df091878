//! Reads a VPC as the doctor judges it. What is refused becomes unknown, and the rest goes on.
//!
//! Two round trips, one after the other: everything that the VPC's id finds, then what that names.

mod shape;

use super::vpc::{self, Described, Which};
use crate::{
    aws::{
        Reader,
        explain::{Explain as _, Failure},
    },
    error::Result,
    network::model::{Endpoint, PrefixList, Read, Topology, Unknown},
    resource::endpoint::{service_name, short_name},
};
use aws_sdk_ec2::types::{DhcpConfiguration, DhcpOptions, Filter, VpcEndpoint};
use futures_util::{FutureExt as _, future::join_all};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

/// Reads it, with what EC2 said as it said it. `services` are the short names whose zones are asked for.
/// The subnets are the one thing without which there is nothing to say.
pub async fn read(
    aws: &Reader,
    which: &Which,
    services: &BTreeSet<String>,
) -> Result<(Described, Topology)> {
    let id = which.id();
    let in_vpc = || Filter::builder().name("vpc-id").values(id).build();
    let region = aws.region.as_str();
    let ec2 = &aws.ec2;
    let acls = ec2.describe_network_acls().filters(in_vpc()).into_paginator().items().send();
    let nats = ec2.describe_nat_gateways().filter(in_vpc()).into_paginator().items().send();
    let lists = ec2.describe_prefix_lists().into_paginator().items().send();
    let (described, acls, nats, lists, offered) = tokio::join!(
        vpc::describe(aws, which).boxed(),
        acls.collect::<std::result::Result<Vec<_>, _>>().boxed(),
        nats.collect::<std::result::Result<Vec<_>, _>>().boxed(),
        lists.collect::<std::result::Result<Vec<_>, _>>().boxed(),
        offered(aws, services).boxed(),
    );
    let described = described?;
    let acls = acls.explain("ec2:DescribeNetworkAcls", id).map_err(|failure| unknown(&failure));
    let nats = nats.explain("ec2:DescribeNatGateways", id).map_err(|failure| unknown(&failure));
    let lists =
        lists.explain("ec2:DescribePrefixLists", region).map_err(|failure| unknown(&failure));
    let lists = lists.map(|lists| lists.iter().map(shape::prefix_list).collect::<BTreeMap<_, _>>());
    let groups = described.groups.as_ref().map_err(unknown);
    let groups = groups.map(|groups| groups.iter().map(shape::group).collect::<BTreeMap<_, _>>());
    let endpoints = described.endpoints.as_ref().map_err(unknown);
    let vpc = &described.vpc;
    let (endpoints, resolvers, offered, lists) = tokio::join!(
        async {
            let found = endpoints?;
            let interfaces = found.iter().flat_map(VpcEndpoint::network_interface_ids).cloned();
            let endpoints = found.iter().filter_map(|one| shape::endpoint(one, region)).collect();
            Ok(with_addresses(aws, id, endpoints, interfaces.collect()).await)
        },
        resolvers(aws, vpc.dhcp_options_id()),
        all_offered(aws, offered),
        with_entries(aws, lists, shape::named_lists(groups.iter().flat_map(BTreeMap::values))),
    );
    let (endpoints, interfaces) = match endpoints {
        Ok((endpoints, interfaces)) => (Ok(endpoints), interfaces),
        Err(unknown) => (Err(unknown), Ok(())),
    };
    let account = &aws.identity().await?.account;
    let topology = Topology {
        region: region.to_owned(),
        account: account.clone(),
        vpc: id.to_owned(),
        owner: vpc.owner_id().unwrap_or(account).to_owned(),
        cidrs: described.cidrs.iter().filter_map(|block| block.parse().ok()).collect(),
        subnets: described.subnets.clone(),
        tables: described.tables.clone().map_err(|failure| unknown(&failure)),
        endpoints,
        groups,
        acls: acls.map(|acls| acls.iter().map(shape::acl).collect()),
        nats: nats.map(|nats| nats.iter().map(shape::nat).collect()),
        dns: described.dns.clone().map_err(|failure| unknown(&failure)),
        resolvers,
        prefix_lists: lists,
        offered,
        interfaces,
    };
    Ok((described, topology))
}

/// The same, without EC2's own words.
pub async fn observe(aws: &Reader, which: &Which, services: &BTreeSet<String>) -> Result<Topology> {
    Ok(read(aws, which, services).await?.1)
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

/// The zones of the endpoint services of these names, as far as there are such.
async fn offered(aws: &Reader, services: &BTreeSet<String>) -> Result<Zones, Failure> {
    if services.is_empty() {
        return Ok(Zones::new());
    }
    let names = services.iter().map(|service| service_name(&aws.region, service));
    zones(aws, Some(names.collect())).await
}

/// The same where one of the names was refused: EC2 then tells of none, and is asked for all.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcEndpointServices.html>
async fn all_offered(aws: &Reader, told: Result<Zones, Failure>) -> Read<Zones> {
    let told = match told {
        Err(failure) if failure.is("InvalidServiceName") => zones(aws, None).await,
        told => told,
    };
    told.map_err(|failure| unknown(&failure))
}

type Zones = BTreeMap<String, BTreeSet<String>>;

async fn zones(aws: &Reader, names: Option<Vec<String>>) -> Result<Zones, Failure> {
    let region = &aws.region;
    let mut zones = Zones::new();
    let mut token = None;
    loop {
        let request = aws.ec2.describe_vpc_endpoint_services().set_service_names(names.clone());
        let page = request.set_next_token(token).send().await;
        let page = page.explain("ec2:DescribeVpcEndpointServices", region)?;
        let interfaces = page.service_details().iter().filter(|detail| {
            let mut kinds = detail.service_type().iter();
            kinds.any(|kind| kind.service_type().is_some_and(|kind| kind.as_str() == "Interface"))
        });
        for detail in interfaces {
            let name = detail.service_name().and_then(|name| short_name(name, region));
            if let Some(name) = name {
                zones
                    .insert(name.to_owned(), detail.availability_zones().iter().cloned().collect());
            }
        }
        token = page.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
        if token.is_none() {
            return Ok(zones);
        }
    }
}

/// Adds the interfaces' addresses. Without them an endpoint is judged by its subnets' blocks.
async fn with_addresses(
    aws: &Reader,
    vpc: &str,
    mut endpoints: Vec<Endpoint>,
    interfaces: BTreeSet<String>,
) -> (Vec<Endpoint>, Read<()>) {
    /// What one filter takes.
    const MOST: usize = 200;
    let interfaces: Vec<_> = interfaces.into_iter().collect();
    let pages = interfaces.chunks(MOST).map(|ids| {
        let filter = Filter::builder().name("network-interface-id").set_values(Some(ids.to_vec()));
        aws.ec2.describe_network_interfaces().filters(filter.build()).send()
    });
    let mut addresses: BTreeMap<String, (Ipv4Addr, String)> = BTreeMap::new();
    let mut all = Ok(());
    for page in join_all(pages).await {
        let page = match page.explain("ec2:DescribeNetworkInterfaces", vpc) {
            Ok(page) => page,
            Err(failure) => {
                all = Err(unknown(&failure));
                continue;
            }
        };
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
    (endpoints, all)
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
