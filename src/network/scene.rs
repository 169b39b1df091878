//! VPCs for the tests of this module.

use super::{
    model::{
        Acl, Dns, Endpoint, EndpointKind, Entry, Group, Nat, Peer, PrefixList, Rule, Topology,
    },
    needs::{Need, TaskFacts, needs},
    net::{ANYWHERE, Net, Ports},
    subnets::{Route, RouteTable, Subnet, Target},
    verdict::Task,
};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const REGION: &str = "eu-west-1";
pub(crate) const S3_LIST: &str = "pl-s3";

pub(crate) fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|&id| id.to_owned()).collect()
}

pub(crate) fn net(text: &str) -> Net {
    text.parse().expect("a block")
}

pub(crate) fn subnet(id: &str, zone: &str, cidr: &str) -> Subnet {
    Subnet {
        id: id.to_owned(),
        zone: format!("{REGION}{zone}"),
        cidr: cidr.to_owned(),
        free_addresses: 200,
        is_ipv6_native: false,
        is_on_outpost: false,
        owner: "1".to_owned(),
        block_public_access: "off".to_owned(),
    }
}

pub(crate) fn route(destination: &str, target: Target) -> Route {
    Route { destination: destination.to_owned(), target, is_active: true }
}

pub(crate) fn table(id: &str, subnets: &[&str], default: Option<Target>) -> RouteTable {
    let mut routes = vec![route("10.0.0.0/16", Target::Inside)];
    routes.extend(default.map(|target| route("0.0.0.0/0", target)));
    let subnets = subnets.iter().map(|&id| id.to_owned()).collect();
    RouteTable { id: id.to_owned(), is_main: id == "rtb-main", subnets, routes }
}

pub(crate) fn igw() -> Target {
    Target::InternetGateway("igw-1".to_owned())
}

pub(crate) fn nat() -> Target {
    Target::Nat("nat-1".to_owned())
}

pub(crate) fn allow(peer: Peer) -> Rule {
    Rule::https(peer)
}

pub(crate) fn allow_all() -> Rule {
    Rule::anything()
}

pub(crate) fn group(name: &str, ingress: Vec<Rule>, egress: Vec<Rule>) -> Group {
    Group { name: name.to_owned(), ingress, egress }
}

pub(crate) fn entry(allows: bool, ports: Ports, cidr: &str) -> Entry {
    Entry { allows, protocol: "6".to_owned(), ports, cidr: net(cidr) }
}

pub(crate) fn open_acl(id: &str, subnets: &[&str]) -> Acl {
    let all = || {
        let entry =
            Entry { allows: true, protocol: "-1".to_owned(), ports: Ports::ALL, cidr: ANYWHERE };
        BTreeMap::from([(100, entry)])
    };
    Acl {
        id: id.to_owned(),
        is_default: id == "acl-default",
        subnets: set(subnets),
        inbound: all(),
        outbound: all(),
    }
}

pub(crate) fn interface(service: &str, subnets: &[&str]) -> Endpoint {
    Endpoint {
        id: format!("vpce-{service}"),
        service: service.to_owned(),
        kind: EndpointKind::Interface,
        state: "available".to_owned(),
        owner: "1".to_owned(),
        subnets: set(subnets),
        interfaces: BTreeSet::new(),
        addresses: BTreeMap::new(),
        groups: set(&["sg-endpoint"]),
        private_dns: true,
        inbound_resolver_only: false,
        tables: BTreeSet::new(),
        policy: None,
    }
}

pub(crate) fn gateway(tables: &[&str]) -> Endpoint {
    Endpoint {
        id: "vpce-s3".to_owned(),
        kind: EndpointKind::Gateway,
        subnets: BTreeSet::new(),
        groups: BTreeSet::new(),
        private_dns: false,
        tables: set(tables),
        ..interface("s3", &[])
    }
}

/// Two private subnets, `a` and `b`, in two zones on `rtb-private`; a public one, `pub`, in the first
/// on the main table; no endpoint, and a NAT gateway that nothing leads to.
pub(crate) fn bare() -> Topology {
    let groups = [
        ("sg-default", group("default", vec![], vec![allow_all()])),
        ("sg-task", group("task", vec![], vec![allow_all()])),
        (
            "sg-endpoint",
            group("endpoint", vec![allow(Peer::Cidr(net("10.0.0.0/16")))], vec![allow_all()]),
        ),
    ];
    let s3 = PrefixList {
        name: format!("com.amazonaws.{REGION}.s3"),
        cidrs: Ok(vec![net("52.92.0.0/17"), net("52.218.0.0/17")]),
    };
    Topology {
        region: REGION.to_owned(),
        account: "1".to_owned(),
        vpc: "vpc-1".to_owned(),
        owner: "1".to_owned(),
        cidrs: vec![net("10.0.0.0/16")],
        subnets: vec![
            subnet("a", "a", "10.0.1.0/24"),
            subnet("b", "b", "10.0.2.0/24"),
            subnet("pub", "a", "10.0.100.0/24"),
        ],
        tables: Ok(vec![
            table("rtb-private", &["a", "b"], None),
            table("rtb-main", &[], Some(igw())),
        ]),
        endpoints: Ok(vec![]),
        groups: Ok(groups.map(|(id, group)| (id.to_owned(), group)).into()),
        acls: Ok(vec![open_acl("acl-default", &["a", "b", "pub"])]),
        nats: Ok(vec![Nat {
            id: "nat-1".to_owned(),
            is_public: true,
            state: "available".to_owned(),
            subnet: Some("pub".to_owned()),
        }]),
        dns: Ok(Dns { support: true, hostnames: true }),
        resolvers: Ok(vec!["AmazonProvidedDNS".to_owned()]),
        prefix_lists: Ok(BTreeMap::from([(S3_LIST.to_owned(), s3)])),
        offered: Ok(BTreeMap::new()),
        interfaces: Ok(()),
    }
}

/// The same, with the endpoints that a plain task needs.
pub(crate) fn complete() -> Topology {
    let endpoints = vec![
        interface("ecr.api", &["a", "b"]),
        interface("ecr.dkr", &["a", "b"]),
        interface("logs", &["a", "b"]),
        gateway(&["rtb-private"]),
    ];
    Topology { endpoints: Ok(endpoints), ..bare() }
}

/// The same, with the private subnets' way out by NAT, and no endpoint.
pub(crate) fn with_nat() -> Topology {
    let tables =
        vec![table("rtb-private", &["a", "b"], Some(nat())), table("rtb-main", &[], Some(igw()))];
    Topology { tables: Ok(tables), ..bare() }
}

pub(crate) fn task() -> Task {
    Task { subnets: set(&["a", "b"]), groups: set(&["sg-task"]), ..Task::default() }
}

/// The needs of a plain task with a log.
pub(crate) fn plain() -> Vec<Need> {
    needs(&TaskFacts {
        region: REGION.to_owned(),
        repositories: Some(set(&["arn:aws:ecr:eu-west-1:1:repository/web"])),
        log_groups: Some(set(&["arn:aws:logs:eu-west-1:1:log-group:web"])),
        ..TaskFacts::default()
    })
}

impl Topology {
    pub(crate) fn endpoint(&mut self, id: &str) -> &mut Endpoint {
        let endpoints = self.endpoints.as_mut().expect("they are read");
        endpoints.iter_mut().find(|endpoint| endpoint.id == id).expect("it is there")
    }

    pub(crate) fn group(&mut self, id: &str) -> &mut Group {
        self.groups.as_mut().expect("they are read").get_mut(id).expect("it is there")
    }

    pub(crate) fn table(&mut self, id: &str) -> &mut RouteTable {
        let tables = self.tables.as_mut().expect("they are read");
        tables.iter_mut().find(|table| table.id == id).expect("it is there")
    }

    pub(crate) fn acl(&mut self, id: &str) -> &mut Acl {
        let acls = self.acls.as_mut().expect("they are read");
        acls.iter_mut().find(|acl| acl.id == id).expect("it is there")
    }
}
