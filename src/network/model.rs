//! A VPC as plain data: everything that decides whether a task in it can start.

use super::{
    net::{ANYWHERE, Net, Ports},
    subnets::{RouteTable, Subnet},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::Ipv4Addr,
};

/// What was read, or why it could not be.
pub type Read<T> = Result<T, Unknown>;

/// A read that was refused or that failed: what depends on it is unknown, and the rest goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// `ec2:DescribeNetworkAcls`.
    pub what: String,
    /// `was refused`.
    pub why: String,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.what, self.why)
    }
}

/// The VPC, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology {
    /// `eu-west-1`.
    pub region: String,
    /// The account that asks.
    pub account: String,
    /// The VPC's id.
    pub vpc: String,
    /// The account that owns it; another one where its subnets are shared.
    pub owner: String,
    /// Its IPv4 blocks.
    pub cidrs: Vec<Net>,
    /// Its subnets.
    pub subnets: Vec<Subnet>,
    /// Its route tables.
    pub tables: Read<Vec<RouteTable>>,
    /// Its endpoints.
    pub endpoints: Read<Vec<Endpoint>>,
    /// Its security groups, by id.
    pub groups: Read<BTreeMap<String, Group>>,
    /// Its network ACLs.
    pub acls: Read<Vec<Acl>>,
    /// Its NAT gateways.
    pub nats: Read<Vec<Nat>>,
    /// `enableDnsSupport` and `enableDnsHostnames`.
    pub dns: Read<Dns>,
    /// The name servers of its DHCP options: `AmazonProvidedDNS`, or addresses.
    pub resolvers: Read<Vec<String>>,
    /// Prefix lists, by id.
    pub prefix_lists: Read<BTreeMap<String, PrefixList>>,
    /// The zones that an endpoint service serves, by its short name.
    pub offered: Read<BTreeMap<String, BTreeSet<String>>>,
    /// Whether the endpoints' interfaces were read, whose addresses are the endpoints' own.
    pub interfaces: Read<()>,
}

/// The VPC's DNS attributes; private DNS needs both.
/// <https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html#privatelink-dns-concepts>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dns {
    /// `enableDnsSupport`: whether Amazon's resolver answers at all.
    pub support: bool,
    /// `enableDnsHostnames`.
    pub hostnames: bool,
}

/// What an endpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointKind {
    /// A route to the service in the route tables that it is associated with.
    Gateway,
    /// Network interfaces in subnets of the VPC.
    Interface,
}

/// A VPC endpoint of an AWS service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: String,
    /// `ecr.api` of `com.amazonaws.eu-west-1.ecr.api`.
    pub service: String,
    /// What it is.
    pub kind: EndpointKind,
    /// EC2's word in lower case: `available`, `pending`, `failed`, …
    pub state: String,
    /// The account that owns it.
    pub owner: String,
    /// Where its interfaces stand.
    pub subnets: BTreeSet<String>,
    /// Its interfaces' ids.
    pub interfaces: BTreeSet<String>,
    /// The interfaces' addresses and their subnets, where they were read.
    pub addresses: BTreeMap<Ipv4Addr, String>,
    /// What its interfaces carry.
    pub groups: BTreeSet<String>,
    /// Whether the service's own name leads to it.
    pub private_dns: bool,
    /// Whether that holds for an inbound resolver endpoint only, and not in the VPC itself; S3 has it.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/privatelink-interface-endpoints.html#private-dns>
    pub inbound_resolver_only: bool,
    /// The route tables that it is associated with.
    pub tables: BTreeSet<String>,
    /// The policy document, as JSON; full access where there is none.
    pub policy: Option<String>,
}

/// A security group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name; each VPC's own is called `default`.
    pub name: String,
    /// What it admits.
    pub ingress: Vec<Rule>,
    /// What it lets out.
    pub egress: Vec<Rule>,
}

impl Group {
    /// One as EC2 makes it: it admits nothing and lets everything out.
    /// <https://docs.aws.amazon.com/vpc/latest/userguide/creating-security-groups.html>
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ingress: Vec::new(), egress: vec![Rule::anything()] }
    }

    /// The blocks that it admits HTTPS from.
    pub fn https_from(&self) -> impl Iterator<Item = Net> {
        self.ingress.iter().filter(|rule| rule.is_https()).filter_map(|rule| match rule.peer {
            Peer::Cidr(net) => Some(net),
            Peer::PrefixList(_) | Peer::Group(_) => None,
        })
    }
}

/// A rule of a security group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// `tcp`, `6`, `-1` for all.
    pub protocol: String,
    /// The ports of a protocol that has them.
    pub ports: Ports,
    /// The other side.
    pub peer: Peer,
}

/// The other side of a security group's rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// A block.
    Cidr(Net),
    /// The id of a prefix list.
    PrefixList(String),
    /// Whatever carries this group.
    Group(String),
}

impl Rule {
    /// All traffic, to or from everywhere.
    pub fn anything() -> Self {
        Self { protocol: "-1".to_owned(), ports: Ports::ALL, peer: Peer::Cidr(ANYWHERE) }
    }

    /// HTTPS, to or from the other side.
    pub fn https(peer: Peer) -> Self {
        Self { protocol: "tcp".to_owned(), ports: Ports::HTTPS, peer }
    }

    /// Whether it is about HTTPS too.
    pub fn is_https(&self) -> bool {
        match self.protocol.as_str() {
            "-1" | "all" => true,
            "tcp" | "6" => self.ports.from <= 443 && 443 <= self.ports.to,
            _ => false,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cidr(net) => net.fmt(f),
            Self::PrefixList(id) | Self::Group(id) => f.write_str(id),
        }
    }
}

/// A network ACL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acl {
    /// Its id.
    pub id: String,
    /// Whether it serves the subnets that have no other.
    pub is_default: bool,
    /// The subnets that it serves.
    pub subnets: BTreeSet<String>,
    /// Its rules for what comes in, by number: the lowest that matches decides.
    pub inbound: BTreeMap<u16, Entry>,
    /// Its rules for what goes out.
    pub outbound: BTreeMap<u16, Entry>,
}

/// A rule of a network ACL. The last one, `*`, which denies the rest, is not kept.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/nacl-rules.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Whether it lets through what it matches.
    pub allows: bool,
    /// `6` for TCP, `-1` for all.
    pub protocol: String,
    /// The destination's ports.
    pub ports: Ports,
    /// The other side.
    pub cidr: Net,
}

/// A NAT gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nat {
    /// Its id.
    pub id: String,
    /// Whether it leads to the internet: a private one does not.
    pub is_public: bool,
    /// `available`, `pending`, `failed`, `deleting`, `deleted`.
    pub state: String,
    /// Its subnet; a regional one has none.
    pub subnet: Option<String>,
}

/// A prefix list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrefixList {
    /// `com.amazonaws.eu-west-1.s3`.
    pub name: String,
    /// Its IPv4 blocks.
    pub cidrs: Read<Vec<Net>>,
}

impl Topology {
    /// A subnet by its id.
    pub fn subnet(&self, id: &str) -> Option<&Subnet> {
        self.subnets.iter().find(|subnet| subnet.id == id)
    }

    /// The route table in force for a subnet: the one that names it, else the main one.
    pub fn table_of(&self, subnet: &str) -> Read<Option<&RouteTable>> {
        let tables = self.tables.as_ref().map_err(Clone::clone)?;
        let named = tables.iter().find(|table| table.subnets.iter().any(|id| id == subnet));
        Ok(named.or_else(|| tables.iter().find(|table| table.is_main)))
    }

    /// The network ACL in force for a subnet.
    pub fn acl_of(&self, subnet: &str) -> Read<Option<&Acl>> {
        let acls = self.acls.as_ref().map_err(Clone::clone)?;
        let named = acls.iter().find(|acl| acl.subnets.contains(subnet));
        Ok(named.or_else(|| acls.iter().find(|acl| acl.is_default)))
    }

    /// The VPC's own security group, which is carried by what was given none.
    /// <https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html>
    pub fn default_group(&self) -> Option<String> {
        let mut groups = self.groups.iter().flatten();
        groups.find(|(_, group)| group.name == "default").map(|(id, _)| id.clone())
    }

    /// What could not be read, whether anything depends on it or not.
    pub fn unread(&self) -> BTreeSet<String> {
        let parts = [
            self.tables.as_ref().err(),
            self.endpoints.as_ref().err(),
            self.groups.as_ref().err(),
            self.acls.as_ref().err(),
            self.nats.as_ref().err(),
            self.dns.as_ref().err(),
            self.resolvers.as_ref().err(),
            self.prefix_lists.as_ref().err(),
            self.offered.as_ref().err(),
            self.interfaces.as_ref().err(),
        ];
        let lists = self.prefix_lists.iter().flat_map(BTreeMap::values);
        let entries = lists.filter_map(|list| list.cidrs.as_ref().err());
        parts.into_iter().flatten().chain(entries).map(ToString::to_string).collect()
    }

    /// Whether the subnets are another account's, shared with this one.
    pub fn is_shared(&self) -> bool {
        self.owner != self.account
    }
}
