//! EC2's shapes as the model's.

use crate::{
    network::{
        model::{Acl, Endpoint, EndpointKind, Entry, Group, Nat, Peer, PrefixList, Rule},
        net::Ports,
    },
    resource::endpoint::short_name,
};
use aws_sdk_ec2::types::{
    ConnectivityType, DnsOptions, IpPermission, NatGateway, NetworkAcl, NetworkAclEntry, PortRange,
    RuleAction, SecurityGroup, VpcEndpoint, VpcEndpointType,
};
use std::collections::{BTreeMap, BTreeSet};

/// The number of the rule that denies the rest.
const LAST_RULE: i32 = 32767;

fn text(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

/// Endpoints of AWS services of this region; those of other people's services are no way to any of them.
pub(super) fn endpoint(endpoint: &VpcEndpoint, region: &str) -> Option<Endpoint> {
    let kind = match endpoint.vpc_endpoint_type() {
        Some(VpcEndpointType::Interface) => EndpointKind::Interface,
        Some(VpcEndpointType::Gateway) | None => EndpointKind::Gateway,
        Some(_) => return None,
    };
    let groups = endpoint.groups().iter().filter_map(|group| group.group_id());
    let options = endpoint.dns_options();
    Some(Endpoint {
        id: text(endpoint.vpc_endpoint_id()),
        service: short_name(endpoint.service_name()?, region)?.to_owned(),
        kind,
        // The SDK's enum is in Pascal case and the wire in lower case, so its variants never match.
        state: endpoint.state().map(|state| state.as_str().to_lowercase()).unwrap_or_default(),
        owner: text(endpoint.owner_id()),
        subnets: endpoint.subnet_ids().iter().cloned().collect(),
        interfaces: endpoint.network_interface_ids().iter().cloned().collect(),
        addresses: BTreeMap::new(),
        groups: groups.map(str::to_owned).collect(),
        private_dns: endpoint.private_dns_enabled() == Some(true),
        inbound_resolver_only: options
            .and_then(DnsOptions::private_dns_only_for_inbound_resolver_endpoint)
            == Some(true),
        tables: endpoint.route_table_ids().iter().cloned().collect(),
        policy: endpoint.policy_document().filter(|text| !text.is_empty()).map(str::to_owned),
    })
}

pub(super) fn group(group: &SecurityGroup) -> (String, Group) {
    let rules = |permissions: &[IpPermission]| permissions.iter().flat_map(rules).collect();
    let found = Group {
        name: text(group.group_name()),
        ingress: rules(group.ip_permissions()),
        egress: rules(group.ip_permissions_egress()),
    };
    (text(group.group_id()), found)
}

fn rules(permission: &IpPermission) -> Vec<Rule> {
    let cidrs = permission.ip_ranges().iter().filter_map(|range| range.cidr_ip()?.parse().ok());
    let lists = permission.prefix_list_ids().iter().filter_map(|list| list.prefix_list_id());
    let groups = permission.user_id_group_pairs().iter().filter_map(|pair| pair.group_id());
    let peers = cidrs
        .map(Peer::Cidr)
        .chain(lists.map(|id| Peer::PrefixList(id.to_owned())))
        .chain(groups.map(|id| Peer::Group(id.to_owned())));
    let protocol = permission.ip_protocol().unwrap_or("-1").to_owned();
    let ports = ports(permission.from_port(), permission.to_port());
    peers.map(|peer| Rule { protocol: protocol.clone(), ports, peer }).collect()
}

/// A rule without ports, or with -1, is about all of them.
fn ports(from: Option<i32>, to: Option<i32>) -> Ports {
    let port = |port: Option<i32>, otherwise| {
        port.and_then(|port| u16::try_from(port).ok()).unwrap_or(otherwise)
    };
    Ports { from: port(from, Ports::ALL.from), to: port(to, Ports::ALL.to) }
}

pub(super) fn acl(acl: &NetworkAcl) -> Acl {
    let entries = |is_egress: bool| {
        let ours = acl.entries().iter().filter(|entry| entry.egress() == Some(is_egress));
        ours.filter_map(entry).collect()
    };
    let associations = acl.associations().iter();
    Acl {
        id: text(acl.network_acl_id()),
        is_default: acl.is_default() == Some(true),
        subnets: associations.filter_map(|found| found.subnet_id().map(str::to_owned)).collect(),
        inbound: entries(false),
        outbound: entries(true),
    }
}

/// Rules for IPv6 have no IPv4 block, and are about other packets.
fn entry(entry: &NetworkAclEntry) -> Option<(u16, Entry)> {
    let number = entry.rule_number().filter(|number| *number < LAST_RULE)?;
    let range = entry.port_range();
    let found = Entry {
        allows: entry.rule_action() == Some(&RuleAction::Allow),
        protocol: entry.protocol().unwrap_or("-1").to_owned(),
        ports: ports(range.and_then(PortRange::from), range.and_then(PortRange::to)),
        cidr: entry.cidr_block()?.parse().ok()?,
    };
    Some((u16::try_from(number).ok()?, found))
}

pub(super) fn nat(nat: &NatGateway) -> Nat {
    Nat {
        id: text(nat.nat_gateway_id()),
        is_public: nat.connectivity_type() != Some(&ConnectivityType::Private),
        state: nat.state().map(|state| state.as_str().to_lowercase()).unwrap_or_default(),
        subnet: nat.subnet_id().filter(|id| !id.is_empty()).map(str::to_owned),
    }
}

pub(super) fn prefix_list(list: &aws_sdk_ec2::types::PrefixList) -> (String, PrefixList) {
    let cidrs = list.cidrs().iter().filter_map(|cidr| cidr.parse().ok()).collect();
    (text(list.prefix_list_id()), PrefixList { name: text(list.prefix_list_name()), cidrs })
}

/// The prefix lists that rules name.
pub(super) fn named_lists<'a>(groups: impl Iterator<Item = &'a Group>) -> BTreeSet<String> {
    let rules = groups.flat_map(|group| group.ingress.iter().chain(&group.egress));
    let lists = rules.filter_map(|rule| match &rule.peer {
        Peer::PrefixList(id) => Some(id.clone()),
        Peer::Cidr(_) | Peer::Group(_) => None,
    });
    lists.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_without_ports_is_about_all_of_them() {
        assert_eq!(ports(None, None), Ports::ALL);
        assert_eq!(ports(Some(-1), Some(-1)), Ports::ALL);
        assert_eq!(ports(Some(443), Some(443)), Ports::HTTPS);
    }
}
