//! Reads the VPC, its subnets and its routes.

use crate::{
    aws::{
        Identity, Reader,
        explain::{Explain as _, Failure},
    },
    error::{Error, Problem, Result},
    network::{
        model::Dns,
        subnets::{Classified, Route, RouteTable, Subnet, Target, classify},
    },
};
use aws_sdk_ec2::types::{Filter, RouteState, SecurityGroup, VpcAttributeName, VpcEndpoint};
use futures_util::FutureExt as _;
use std::collections::BTreeSet;

/// The VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vpc {
    /// Its id.
    pub id: String,
    /// Its IPv4 blocks.
    pub cidrs: Vec<String>,
    /// `enableDnsSupport` and `enableDnsHostnames`: private DNS needs both.
    pub dns: Dns,
    /// Its subnets, with what their routes say.
    pub subnets: Vec<Classified>,
}

/// What a VPC consists of, as EC2 describes it. What was refused is kept as a refusal: who needs it
/// fails by it, and who can do without goes on.
#[derive(Debug)]
pub struct Described {
    /// The VPC itself.
    pub vpc: aws_sdk_ec2::types::Vpc,
    /// Its IPv4 blocks.
    pub cidrs: Vec<String>,
    /// Its subnets, without which there is nothing to say.
    pub subnets: Vec<Subnet>,
    /// Its route tables.
    pub tables: Result<Vec<RouteTable>, Failure>,
    /// Its DNS attributes.
    pub dns: Result<Dns, Failure>,
    /// Its endpoints.
    pub endpoints: Result<Vec<VpcEndpoint>, Failure>,
    /// Its security groups.
    pub groups: Result<Vec<SecurityGroup>, Failure>,
}

/// Which VPC is read.
#[derive(Debug, Clone)]
pub enum Which {
    /// The one of this id.
    Named(String),
    /// The one that was found.
    Found(Box<aws_sdk_ec2::types::Vpc>),
}

impl Which {
    /// Its id.
    pub fn id(&self) -> &str {
        match self {
            Self::Named(id) => id,
            Self::Found(vpc) => vpc.vpc_id().unwrap_or_default(),
        }
    }

    /// The VPC, which is asked for only where it was not found yet.
    async fn read(&self, aws: &Reader) -> Result<aws_sdk_ec2::types::Vpc> {
        let id = match self {
            Self::Found(vpc) => return Ok(vpc.as_ref().clone()),
            Self::Named(id) => id,
        };
        let found = aws.ec2.describe_vpcs().vpc_ids(id).send().await;
        let found = match found.explain("ec2:DescribeVpcs", id) {
            Err(failure) if failure.code.as_deref().is_some_and(is_of_id) => None,
            found => found?.vpcs.unwrap_or_default().into_iter().next(),
        };
        if let Some(vpc) = found {
            return Ok(vpc);
        }
        let Identity { region, account, .. } = aws.identity().await?;
        Err(Error::refused(
            format!("VPC `{id}` does not exist in {region} for account {account}"),
            "check the VPC's id, the region and the account of the credentials",
        ))
    }
}

/// `InvalidVpcID.NotFound`, `InvalidVpcID.Malformed`.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
fn is_of_id(code: &str) -> bool {
    code.starts_with("InvalidVpcID")
}

/// The VPC that is named, or the only one of the region.
pub async fn choose(aws: &Reader, id: Option<&str>) -> Result<Which> {
    if let Some(id) = id {
        return Ok(Which::Named(id.to_owned()));
    }
    let region = &aws.region;
    let found = aws.ec2.describe_vpcs().send().await.explain("ec2:DescribeVpcs", "this region");
    let mut vpcs = found?.vpcs.unwrap_or_default();
    match vpcs.len() {
        1 => Ok(Which::Found(Box::new(vpcs.remove(0)))),
        0 => Err(Error::refused(
            format!("no VPC in {region} for account {}", aws.identity().await?.account),
            "make a VPC with private and public subnets, or check `region` and the account of the \
             credentials",
        )),
        many => {
            let problem = Problem::new(format!("{many} VPCs in {region}, and none is named"));
            let problem = vpcs.iter().fold(problem, |problem, vpc| problem.found(line(vpc)));
            Err(Error::Refused(problem.help(
                "add `network: { vpc: vpc-… }` to the file with the one to use, or ask `doctor` about \
                 one with `--vpc`",
            )))
        }
    }
}

/// The VPC of these subnets.
pub async fn of_subnets(aws: &Reader, subnets: &BTreeSet<String>) -> Result<Which> {
    let names = subnets.iter().cloned().collect::<Vec<_>>();
    let on = names.join(", ");
    let found = aws.ec2.describe_subnets().set_subnet_ids(Some(names)).send().await;
    let found = match found.explain("ec2:DescribeSubnets", &on) {
        Err(failure)
            if failure.code.as_deref().is_some_and(|code| code.starts_with("InvalidSubnetID")) =>
        {
            return Err(Error::refused(
                format!("{}: {}", aws.region, failure.message),
                "name subnets of this region and account",
            ));
        }
        found => found?,
    };
    let vpcs: BTreeSet<_> =
        found.subnets().iter().filter_map(|subnet| subnet.vpc_id().map(str::to_owned)).collect();
    let mut vpcs = vpcs.into_iter();
    match (vpcs.next(), vpcs.next()) {
        (Some(vpc), None) => Ok(Which::Named(vpc)),
        (Some(one), Some(other)) => Err(Error::refused(
            format!("the subnets {on} are in {one} and {other}"),
            "name subnets of one VPC",
        )),
        _ => Err(Error::refused(format!("there is no subnet {on}"), "check the ids")),
    }
}

fn line(vpc: &aws_sdk_ec2::types::Vpc) -> String {
    let name = vpc.tags().iter().find(|tag| tag.key() == Some("Name")).and_then(|tag| tag.value());
    let id = vpc.vpc_id().unwrap_or_default();
    let cidr = vpc.cidr_block().unwrap_or_default();
    let default = if vpc.is_default() == Some(true) { ", the default VPC" } else { "" };
    format!("{id} ({cidr}{default}) {}", name.unwrap_or_default()).trim_end().to_owned()
}

/// Reads what the VPC consists of.
pub async fn describe(aws: &Reader, which: &Which) -> Result<Described> {
    let id = which.id();
    let filter = || Filter::builder().name("vpc-id").values(id).build();
    let ec2 = &aws.ec2;
    let subnets = ec2.describe_subnets().filters(filter()).into_paginator().items().send();
    let tables = ec2.describe_route_tables().filters(filter()).into_paginator().items().send();
    let endpoints = ec2.describe_vpc_endpoints().filters(filter()).into_paginator().items().send();
    let groups = ec2.describe_security_groups().filters(filter()).into_paginator().items().send();
    let (vpc, subnets, tables, endpoints, groups, dns) = tokio::join!(
        which.read(aws).boxed(),
        subnets.collect::<std::result::Result<Vec<_>, _>>().boxed(),
        tables.collect::<std::result::Result<Vec<_>, _>>().boxed(),
        endpoints.collect::<std::result::Result<Vec<_>, _>>().boxed(),
        groups.collect::<std::result::Result<Vec<_>, _>>().boxed(),
        dns(aws, id).boxed(),
    );
    let vpc = vpc?;
    let subnets = subnets.explain("ec2:DescribeSubnets", id)?;
    let tables = tables.explain("ec2:DescribeRouteTables", id);
    Ok(Described {
        cidrs: blocks(&vpc),
        vpc,
        subnets: subnets.iter().map(subnet).collect(),
        tables: tables.map(|tables| tables.iter().map(table).collect()),
        dns,
        endpoints: endpoints.explain("ec2:DescribeVpcEndpoints", id),
        groups: groups.explain("ec2:DescribeSecurityGroups", id),
    })
}

impl Described {
    /// The VPC as a plan needs it, which nothing may be unknown of.
    pub fn vpc(&self, region: &str) -> Result<Vpc, Failure> {
        let tables = self.tables.as_ref().map_err(Clone::clone)?;
        Ok(Vpc {
            id: self.vpc.vpc_id().unwrap_or_default().to_owned(),
            cidrs: self.cidrs.clone(),
            dns: self.dns.clone()?,
            subnets: classify(&self.subnets, tables, region),
        })
    }
}

/// The VPC's IPv4 blocks that are in use.
fn blocks(vpc: &aws_sdk_ec2::types::Vpc) -> Vec<String> {
    let associated = vpc.cidr_block_association_set().iter().filter(|block| {
        let state = block.cidr_block_state().and_then(|state| state.state());
        state.is_none_or(|state| state.as_str() == "associated")
    });
    let blocks: Vec<_> =
        associated.filter_map(|block| block.cidr_block().map(str::to_owned)).collect();
    if blocks.is_empty() {
        return vpc.cidr_block().map(str::to_owned).into_iter().collect();
    }
    blocks
}

async fn dns(aws: &Reader, id: &str) -> Result<Dns, Failure> {
    let attribute = |name| aws.ec2.describe_vpc_attribute().vpc_id(id).attribute(name).send();
    let (support, hostnames) = tokio::join!(
        attribute(VpcAttributeName::EnableDnsSupport),
        attribute(VpcAttributeName::EnableDnsHostnames),
    );
    let support = support.explain("ec2:DescribeVpcAttribute", id)?;
    let hostnames = hostnames.explain("ec2:DescribeVpcAttribute", id)?;
    let is_on = |value: Option<&aws_sdk_ec2::types::AttributeBooleanValue>| {
        value.and_then(aws_sdk_ec2::types::AttributeBooleanValue::value) == Some(true)
    };
    Ok(Dns {
        support: is_on(support.enable_dns_support()),
        hostnames: is_on(hostnames.enable_dns_hostnames()),
    })
}

fn subnet(subnet: &aws_sdk_ec2::types::Subnet) -> Subnet {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let blocked = subnet.block_public_access_states();
    Subnet {
        id: text(subnet.subnet_id()),
        zone: text(subnet.availability_zone()),
        cidr: text(subnet.cidr_block()),
        free_addresses: subnet
            .available_ip_address_count()
            .and_then(|count| count.try_into().ok())
            .unwrap_or(0),
        is_ipv6_native: subnet.ipv6_native() == Some(true),
        is_on_outpost: subnet.outpost_arn().is_some(),
        owner: text(subnet.owner_id()),
        block_public_access: blocked
            .and_then(|states| states.internet_gateway_block_mode())
            .map_or("off", |mode| mode.as_str())
            .to_owned(),
    }
}

fn table(table: &aws_sdk_ec2::types::RouteTable) -> RouteTable {
    let associations = table.associations();
    RouteTable {
        id: table.route_table_id().unwrap_or_default().to_owned(),
        is_main: associations.iter().any(|association| association.main() == Some(true)),
        subnets: associations
            .iter()
            .filter_map(|association| association.subnet_id().map(str::to_owned))
            .collect(),
        routes: table.routes().iter().map(route).collect(),
    }
}

fn route(route: &aws_sdk_ec2::types::Route) -> Route {
    let destination = route
        .destination_cidr_block()
        .or(route.destination_ipv6_cidr_block())
        .or(route.destination_prefix_list_id());
    Route {
        destination: destination.unwrap_or_default().to_owned(),
        target: target(route),
        // EC2 has said `blackhole` for long and `filtered` since lately; both lead nowhere.
        is_active: route.state().is_none_or(|state| *state == RouteState::Active),
    }
}

fn target(route: &aws_sdk_ec2::types::Route) -> Target {
    let gateway = route.gateway_id().unwrap_or_default();
    let is_prefix_list = route.destination_prefix_list_id().is_some();
    if gateway.starts_with("igw-") {
        return Target::InternetGateway(gateway.to_owned());
    }
    if gateway == "local" || (is_prefix_list && gateway.starts_with("vpce-")) {
        return Target::Inside;
    }
    if let Some(nat) = route.nat_gateway_id().or(route.egress_only_internet_gateway_id()) {
        return Target::Nat(nat.to_owned());
    }
    let others = [
        route.transit_gateway_id(),
        route.vpc_peering_connection_id(),
        route.core_network_arn(),
        route.network_interface_id(),
        route.instance_id(),
        route.local_gateway_id(),
        route.carrier_gateway_id(),
        Some(gateway).filter(|id| !id.is_empty()),
    ];
    let elsewhere = others.into_iter().flatten().next();
    elsewhere.map_or(Target::Inside, |id| Target::Elsewhere(id.to_owned()))
}
