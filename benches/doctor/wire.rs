//! A VPC as EC2 tells it on the wire.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Welcome.html>

use super::large::{ACCOUNT, REGION};
use ecs_private_deploy::network::{
    model::{Endpoint, EndpointKind, Entry, Peer, Rule, Topology},
    net::Ports,
    subnets::{Route, Target},
};
use std::{collections::BTreeMap, fmt::Display};

/// The answers by their actions.
pub(crate) fn answers(vpc: &Topology) -> BTreeMap<String, String> {
    let id = tag("vpcId", &vpc.vpc);
    let on = tag("value", true);
    let all = [
        ("DescribeVpcs", list("vpcSet", [format!("{id}{}{}", blocks(vpc), owner(&vpc.owner))])),
        ("DescribeVpcAttribute enableDnsSupport", tag("enableDnsSupport", &on)),
        ("DescribeVpcAttribute enableDnsHostnames", tag("enableDnsHostnames", &on)),
        ("DescribeDhcpOptions", dhcp(vpc)),
        ("DescribeSubnets", subnets(vpc)),
        ("DescribeRouteTables", tables(vpc)),
        (
            "DescribeVpcEndpoints",
            list("vpcEndpointSet", vpc.endpoints.iter().flatten().map(endpoint)),
        ),
        ("DescribeSecurityGroups", groups(vpc)),
        ("DescribeNetworkAcls", acls(vpc)),
        ("DescribeNatGateways", nats(vpc)),
        ("DescribePrefixLists", lists(vpc)),
        ("GetManagedPrefixListEntries", entries(vpc)),
        ("DescribeVpcEndpointServices", services(vpc)),
        ("DescribeNetworkInterfaces", interfaces(vpc)),
    ];
    let answer = |(key, body): (&str, String)| {
        let action = key.split(' ').next().unwrap_or_default();
        (key.to_owned(), tag(&format!("{action}Response"), body))
    };
    let mut answers: BTreeMap<_, _> = all.into_iter().map(answer).collect();
    let caller = format!(
        "{}{}{}",
        tag("Arn", format!("arn:aws:iam::{ACCOUNT}:user/bench")),
        tag("UserId", "bench"),
        tag("Account", ACCOUNT)
    );
    let result = tag("GetCallerIdentityResult", caller);
    answers.insert("GetCallerIdentity".to_owned(), tag("GetCallerIdentityResponse", result));
    answers
}

fn tag(name: &str, content: impl Display) -> String {
    format!("<{name}>{content}</{name}>")
}

fn list(name: &str, items: impl IntoIterator<Item = impl Display>) -> String {
    tag(name, items.into_iter().map(|item| tag("item", item)).collect::<String>())
}

fn owner(account: &str) -> String {
    tag("ownerId", account)
}

fn blocks(vpc: &Topology) -> String {
    let block = |cidr| {
        let state = tag("cidrBlockState", tag("state", "associated"));
        format!("{}{state}", tag("cidrBlock", cidr))
    };
    let blocks = list("cidrBlockAssociationSet", vpc.cidrs.iter().map(block));
    format!("{blocks}{}", tag("dhcpOptionsId", "dopt-1"))
}

fn dhcp(vpc: &Topology) -> String {
    let servers = vpc.resolvers.iter().flatten().map(|server| tag("value", server));
    let setting = format!("{}{}", tag("key", "domain-name-servers"), list("valueSet", servers));
    list("dhcpOptionsSet", [list("dhcpConfigurationSet", [setting])])
}

fn subnets(vpc: &Topology) -> String {
    list(
        "subnetSet",
        vpc.subnets.iter().map(|subnet| {
            [
                tag("subnetId", &subnet.id),
                tag("availabilityZone", &subnet.zone),
                tag("cidrBlock", &subnet.cidr),
                tag("availableIpAddressCount", subnet.free_addresses),
                owner(&subnet.owner),
            ]
            .concat()
        }),
    )
}

fn tables(vpc: &Topology) -> String {
    let associations = |table: &ecs_private_deploy::network::subnets::RouteTable| {
        let main = table.is_main.then(|| tag("main", true));
        let named = table.subnets.iter().map(|subnet| tag("subnetId", subnet));
        list("associationSet", named.chain(main))
    };
    list(
        "routeTableSet",
        vpc.tables.iter().flatten().map(|table| {
            [
                tag("routeTableId", &table.id),
                associations(table),
                list("routeSet", table.routes.iter().map(route)),
            ]
            .concat()
        }),
    )
}

fn route(route: &Route) -> String {
    let destination = if route.destination.starts_with("pl-") {
        tag("destinationPrefixListId", &route.destination)
    } else {
        tag("destinationCidrBlock", &route.destination)
    };
    let target = match &route.target {
        Target::InternetGateway(id) => tag("gatewayId", id),
        Target::Nat(id) => tag("natGatewayId", id),
        Target::Elsewhere(id) => tag("transitGatewayId", id),
        Target::Inside if route.destination.starts_with("pl-") => tag("gatewayId", "vpce-1"),
        Target::Inside => tag("gatewayId", "local"),
    };
    format!("{destination}{target}{}", tag("state", "active"))
}

fn endpoint(endpoint: &Endpoint) -> String {
    let kind = match endpoint.kind {
        EndpointKind::Gateway => "Gateway",
        EndpointKind::Interface => "Interface",
    };
    let policy = endpoint.policy.as_deref().unwrap_or_default().replace('"', "&quot;");
    [
        tag("vpcEndpointId", &endpoint.id),
        tag("vpcEndpointType", kind),
        tag("serviceName", format!("com.amazonaws.{REGION}.{}", endpoint.service)),
        tag("state", &endpoint.state),
        tag("policyDocument", policy),
        list("routeTableIdSet", &endpoint.tables),
        list("subnetIdSet", &endpoint.subnets),
        list("groupSet", endpoint.groups.iter().map(|group| tag("groupId", group))),
        tag("privateDnsEnabled", endpoint.private_dns),
        list("networkInterfaceIdSet", &endpoint.interfaces),
        owner(&endpoint.owner),
    ]
    .concat()
}

fn interfaces(vpc: &Topology) -> String {
    let of = |endpoint: &Endpoint| {
        let interfaces = endpoint.interfaces.iter().zip(&endpoint.addresses);
        let lines = interfaces.map(|(id, (address, subnet))| {
            [
                tag("networkInterfaceId", id),
                tag("privateIpAddress", address),
                tag("subnetId", subnet),
            ]
            .concat()
        });
        lines.collect::<Vec<_>>()
    };
    list("networkInterfaceSet", vpc.endpoints.iter().flatten().flat_map(of))
}

fn groups(vpc: &Topology) -> String {
    let group = |(id, group): (&String, &ecs_private_deploy::network::model::Group)| {
        [
            tag("groupId", id),
            tag("groupName", &group.name),
            list("ipPermissions", group.ingress.iter().map(rule)),
            list("ipPermissionsEgress", group.egress.iter().map(rule)),
        ]
        .concat()
    };
    list("securityGroupInfo", vpc.groups.iter().flatten().map(group))
}

fn rule(rule: &Rule) -> String {
    let peer = match &rule.peer {
        Peer::Cidr(net) => list("ipRanges", [tag("cidrIp", net)]),
        Peer::PrefixList(id) => list("prefixListIds", [tag("prefixListId", id)]),
        Peer::Group(id) => list("groups", [tag("groupId", id)]),
    };
    let ports = if rule.ports == Ports::ALL {
        String::new()
    } else {
        format!("{}{}", tag("fromPort", rule.ports.from), tag("toPort", rule.ports.to))
    };
    format!("{}{ports}{peer}", tag("ipProtocol", &rule.protocol))
}

fn acls(vpc: &Topology) -> String {
    let entry = |is_egress: bool| {
        move |(number, entry): (&u16, &Entry)| {
            let action = if entry.allows { "allow" } else { "deny" };
            let ports = format!("{}{}", tag("from", entry.ports.from), tag("to", entry.ports.to));
            [
                tag("ruleNumber", number),
                tag("protocol", &entry.protocol),
                tag("ruleAction", action),
                tag("egress", is_egress),
                tag("cidrBlock", entry.cidr),
                tag("portRange", ports),
            ]
            .concat()
        }
    };
    list(
        "networkAclSet",
        vpc.acls.iter().flatten().map(|acl| {
            let entries =
                acl.inbound.iter().map(entry(false)).chain(acl.outbound.iter().map(entry(true)));
            [
                tag("networkAclId", &acl.id),
                tag("default", acl.is_default),
                list("entrySet", entries),
                list("associationSet", acl.subnets.iter().map(|subnet| tag("subnetId", subnet))),
            ]
            .concat()
        }),
    )
}

fn nats(vpc: &Topology) -> String {
    list(
        "natGatewaySet",
        vpc.nats.iter().flatten().map(|nat| {
            [
                tag("natGatewayId", &nat.id),
                tag("connectivityType", if nat.is_public { "public" } else { "private" }),
                tag("state", &nat.state),
                tag("subnetId", nat.subnet.as_deref().unwrap_or_default()),
            ]
            .concat()
        }),
    )
}

/// AWS's own: a customer's is not among them.
fn lists(vpc: &Topology) -> String {
    let own = vpc.prefix_lists.iter().flatten().filter(|(id, list)| list.name != **id);
    list(
        "prefixListSet",
        own.map(|(id, found)| {
            let cidrs = list("cidrSet", found.cidrs.iter().flatten());
            format!("{}{}{cidrs}", tag("prefixListId", id), tag("prefixListName", &found.name))
        }),
    )
}

fn entries(vpc: &Topology) -> String {
    let customers = vpc.prefix_lists.iter().flatten().filter(|(id, list)| list.name == **id);
    let cidrs = customers.flat_map(|(_, list)| list.cidrs.iter().flatten());
    list("entrySet", cidrs.map(|cidr| tag("cidr", cidr)))
}

fn services(vpc: &Topology) -> String {
    list(
        "serviceDetailSet",
        vpc.offered.iter().flatten().map(|(service, zones)| {
            let kind = list("serviceType", [tag("serviceType", "Interface")]);
            let name = tag("serviceName", format!("com.amazonaws.{REGION}.{service}"));
            format!("{name}{kind}{}", list("availabilityZoneSet", zones))
        }),
    )
}
