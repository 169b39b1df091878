//! Whether a task in a subnet reaches what it needs: every hop that a packet takes, in order.

pub mod acl;
pub mod dns;
pub mod endpoint;
pub mod groups;
pub mod policy;
pub mod route;

use super::{
    fix::Fix,
    model::{Topology, Unknown},
    needs::Need,
};
use serde::Serialize;
use std::{collections::BTreeSet, fmt};

/// What is to run in the VPC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Task {
    /// Where it may be placed.
    pub subnets: BTreeSet<String>,
    /// Its security groups.
    pub groups: BTreeSet<String>,
    /// Whether it gets a public address.
    pub has_public_address: bool,
    /// Its execution role's ARN, where it is known.
    pub execution_role: Option<String>,
}

/// Whether it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every hop lets it through.
    Reachable(Via),
    /// A hop does not.
    Unreachable(Broken),
    /// No hop is known to be broken, and these cannot be judged from here.
    Unknown(Vec<String>),
}

/// Which way it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Via {
    /// A gateway endpoint.
    Gateway(String),
    /// An interface endpoint.
    Interface(String),
    /// A NAT gateway.
    Nat(String),
    /// The internet gateway, with a public address.
    Internet(String),
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway(id) | Self::Interface(id) | Self::Nat(id) | Self::Internet(id) => {
                f.write_str(id)
            }
        }
    }
}

/// The first hop that fails, and what mends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which kind of hop.
    pub hop: Hop,
    /// What is wrong with it: a lowercase fragment with the ids.
    pub what: String,
    /// What mends it; `None` where no change of the VPC by itself does.
    pub fix: Option<Fix>,
}

/// A hop of the way. `Display` is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hop {
    /// The task's subnet.
    Subnet,
    /// The name's way to an address.
    Dns,
    /// The subnet's route table.
    Route,
    /// The NAT gateway.
    Nat,
    /// The endpoint, that is not there or does not stand.
    Endpoint,
    /// The task's security groups.
    TaskEgress,
    /// The network ACL of the task's subnet.
    TaskAcl,
    /// The network ACL of the endpoint's subnet.
    EndpointAcl,
    /// The network ACL of the NAT gateway's subnet.
    NatAcl,
    /// The endpoint's security groups.
    EndpointIngress,
    /// The endpoint's policy.
    Policy,
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Subnet => "subnet",
            Self::Dns => "DNS",
            Self::Route => "route",
            Self::Nat => "NAT gateway",
            Self::Endpoint => "endpoint",
            Self::TaskEgress => "security group of the task",
            Self::TaskAcl => "network ACL of the task",
            Self::EndpointAcl => "network ACL of the endpoint",
            Self::NatAcl => "network ACL of the NAT gateway",
            Self::EndpointIngress => "security group of the endpoint",
            Self::Policy => "endpoint policy",
        })
    }
}

/// Why a check does not pass.
#[derive(Debug)]
enum Stop {
    Broken(Box<Broken>),
    Unknown(String),
}

type Check<T = ()> = Result<T, Stop>;

impl Stop {
    fn broken(hop: Hop, what: impl Into<String>, fix: impl Into<Option<Fix>>) -> Self {
        Self::Broken(Box::new(Broken { hop, what: what.into(), fix: fix.into() }))
    }
}

impl From<&Unknown> for Stop {
    fn from(unknown: &Unknown) -> Self {
        Self::Unknown(unknown.to_string())
    }
}

impl From<Unknown> for Stop {
    fn from(unknown: Unknown) -> Self {
        Self::from(&unknown)
    }
}

/// One need of a task in one subnet.
#[derive(Debug, Clone, Copy)]
struct Case<'a> {
    vpc: &'a Topology,
    task: &'a Task,
    need: &'a Need,
    subnet: &'a super::subnets::Subnet,
}

/// What could not be judged on the way: a hop after it that is certainly broken still decides.
#[derive(Debug, Default)]
struct Walk {
    doubts: Vec<String>,
}

impl Walk {
    fn pass(&mut self, check: Check) -> Result<(), Box<Broken>> {
        self.take(check).map(drop)
    }

    fn take<T>(&mut self, check: Check<T>) -> Result<Option<T>, Box<Broken>> {
        match check {
            Ok(found) => Ok(Some(found)),
            Err(Stop::Broken(broken)) => Err(broken),
            Err(Stop::Unknown(why)) => {
                if !self.doubts.contains(&why) {
                    self.doubts.push(why);
                }
                Ok(None)
            }
        }
    }
}

/// Judges one need of a task in one subnet.
pub fn judge(vpc: &Topology, task: &Task, need: &Need, subnet: &str) -> Verdict {
    let Some(subnet) = vpc.subnet(subnet) else {
        return Verdict::Unknown(vec![format!("{subnet} is not a subnet of {}", vpc.vpc)]);
    };
    let case = Case { vpc, task, need, subnet };
    let mut walk = Walk::default();
    match walked(&case, &mut walk) {
        Err(broken) => Verdict::Unreachable(*broken),
        Ok(Some(via)) if walk.doubts.is_empty() => Verdict::Reachable(via),
        Ok(_) => Verdict::Unknown(walk.doubts),
    }
}

fn walked(case: &Case<'_>, walk: &mut Walk) -> Result<Option<Via>, Box<Broken>> {
    if case.subnet.is_ipv6_native {
        let what = format!("{} has no IPv4, which a Fargate task needs to start", case.subnet.id);
        walk.pass(Err(Stop::broken(Hop::Subnet, what, None)))?;
    }
    let Some(leads) = walk.take(dns::leads(case))? else { return Ok(None) };
    walk.doubts.extend(leads.doubts);
    // Where it is not certain to what the name leads, only what holds for each of them is.
    let mut ways = Vec::new();
    for lead in &leads.to {
        let mut own = Walk::default();
        let way = match lead {
            dns::Lead::Endpoint(endpoint) => endpoint::interface(case, endpoint, &mut own),
            dns::Lead::Public => route::public(case, &mut own),
        };
        ways.push((way, own));
    }
    if let Some(at) = ways.iter().position(|(way, _)| way.is_ok()) {
        let (way, own) = ways.swap_remove(at);
        walk.doubts.extend(own.doubts);
        return way;
    }
    ways.swap_remove(0).0
}
