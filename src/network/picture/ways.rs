//! The ways that a task takes, those that are alike as one.

use super::Picture;
use crate::network::{
    diagnose::Finding,
    model::{Endpoint, EndpointKind},
    subnets,
    verdict::{Hop, Verdict, Via},
};
use std::collections::{BTreeMap, BTreeSet};

/// How far a way goes; the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Reached,
    Unknown,
    Broken(Hop),
}

/// A way from the tasks of a subnet.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Way<'a> {
    pub(super) from: &'a str,
    pub(super) goal: Goal<'a>,
    pub(super) state: State,
    /// What goes this way.
    pub(super) services: BTreeSet<&'a str>,
}

/// What a way leads to. Endpoints are pairs of service and id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Goal<'a> {
    Interfaces {
        at: Option<&'a str>,
        endpoints: Vec<(&'a str, &'a str)>,
    },
    Gateways(Vec<(&'a str, &'a str)>),
    Nat(&'a str),
    Internet(&'a str),
    /// The services themselves, to which no way is known; and the worst of what is known.
    Services {
        names: Vec<&'a str>,
        state: State,
    },
}

/// One thing that a way leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Target<'a> {
    Interface { at: Option<&'a str>, service: &'a str, id: &'a str },
    Gateway { service: &'a str, id: &'a str },
    Nat(&'a str),
    Internet(&'a str),
    Service(&'a str),
}

/// What is asked of a target, by the task's subnet and the service.
type Asked<'a> = BTreeMap<(&'a str, &'a str), State>;

/// The ways of these subnets' tasks.
pub(super) fn ways<'a>(picture: &Picture<'a>, drawn: &BTreeSet<&str>) -> Vec<Way<'a>> {
    let mut targets: BTreeMap<Target<'a>, Asked<'a>> = BTreeMap::new();
    for finding in picture.findings.iter().filter(|it| drawn.contains(it.subnet.as_str())) {
        let key = (finding.subnet.as_str(), finding.need.service.as_str());
        let asked = targets.entry(target(picture, finding)).or_default();
        let worst = asked.entry(key).or_insert(State::Reached);
        *worst = state(finding).max(*worst);
    }
    // What is reached alike from the same subnets is drawn as one.
    let mut alike: BTreeMap<_, Vec<(Target<'a>, Asked<'a>)>> = BTreeMap::new();
    for (target, asked) in targets {
        let mut from: Vec<_> = asked.iter().map(|((subnet, _), state)| (*subnet, *state)).collect();
        from.dedup();
        let key = match target {
            Target::Interface { at, .. } => (0, at, from),
            Target::Gateway { .. } => (1, None, from),
            Target::Service(_) => (2, None, from),
            Target::Nat(id) => (3, Some(id), Vec::new()),
            Target::Internet(id) => (4, Some(id), Vec::new()),
        };
        alike.entry(key).or_default().push((target, asked));
    }
    let mut ways = Vec::new();
    for group in alike.into_values() {
        let goal = goal(&group);
        let mut services: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for ((subnet, service), state) in group.iter().flat_map(|(_, asked)| asked) {
            services.entry((*subnet, *state)).or_default().insert(*service);
        }
        for ((from, state), services) in services {
            ways.push(Way { from, goal: goal.clone(), state, services });
        }
    }
    ways
}

fn state(finding: &Finding) -> State {
    match &finding.verdict {
        Verdict::Reachable(_) => State::Reached,
        Verdict::Unreachable(broken) => State::Broken(broken.hop),
        Verdict::Unknown(_) => State::Unknown,
    }
}

fn goal<'a>(group: &[(Target<'a>, Asked<'a>)]) -> Goal<'a> {
    let worst = group.iter().flat_map(|(_, asked)| asked.values().copied()).max();
    let endpoints = || {
        let pair = |target: &Target<'a>| match *target {
            Target::Interface { service, id, .. } | Target::Gateway { service, id } => {
                Some((service, id))
            }
            Target::Nat(_) | Target::Internet(_) | Target::Service(_) => None,
        };
        group.iter().filter_map(|(target, _)| pair(target)).collect()
    };
    let name = |target: &Target<'a>| match *target {
        Target::Service(name) => Some(name),
        _ => None,
    };
    match group[0].0 {
        Target::Interface { at, .. } => Goal::Interfaces { at, endpoints: endpoints() },
        Target::Gateway { .. } => Goal::Gateways(endpoints()),
        Target::Nat(id) => Goal::Nat(id),
        Target::Internet(id) => Goal::Internet(id),
        Target::Service(_) => Goal::Services {
            names: group.iter().filter_map(|(target, _)| name(target)).collect(),
            state: worst.unwrap_or(State::Unknown),
        },
    }
}

/// Where a finding's way leads, or where it would lead were it not broken.
fn target<'a>(picture: &Picture<'a>, finding: &'a Finding) -> Target<'a> {
    let service = finding.need.service.as_str();
    let endpoints = || picture.vpc.endpoints.iter().flatten();
    let by_id = |id: &str| endpoints().find(|endpoint| endpoint.id == id);
    match &finding.verdict {
        Verdict::Reachable(Via::Nat(id)) => Target::Nat(id),
        Verdict::Reachable(Via::Internet(id)) => Target::Internet(id),
        Verdict::Reachable(Via::Gateway(id) | Via::Interface(id)) => match by_id(id) {
            Some(endpoint) => at(picture, finding, endpoint, ""),
            None => Target::Gateway { service, id },
        },
        Verdict::Unknown(_) => likely(picture, finding, ""),
        Verdict::Unreachable(broken) => {
            let named = |endpoint: &&Endpoint| {
                endpoint.service == service && names(&broken.what, &endpoint.id)
            };
            if let Some(endpoint) = endpoints().find(named) {
                return at(picture, finding, endpoint, &broken.what);
            }
            match broken.hop {
                Hop::Route => Target::Service(service),
                Hop::Nat => way_out(picture, &finding.subnet).unwrap_or(Target::Service(service)),
                _ => likely(picture, finding, &broken.what),
            }
        }
    }
}

/// Whether one of the text's words is this id.
fn names(text: &str, id: &str) -> bool {
    text.split([' ', ',', ';', ':']).any(|word| word == id)
}

/// The endpoint's interface whose network ACL the text is about; else the nearest.
fn at<'a>(
    picture: &Picture<'a>,
    finding: &'a Finding,
    endpoint: &'a Endpoint,
    about: &str,
) -> Target<'a> {
    let (service, id) = (endpoint.service.as_str(), endpoint.id.as_str());
    if endpoint.kind == EndpointKind::Gateway {
        return Target::Gateway { service, id };
    }
    let own = finding.subnet.as_str();
    let zone = picture.zone(own);
    let distance = |subnet: &&String| {
        let is_meant = about.contains(&format!(" of {subnet} refuses "));
        (!is_meant, *subnet != own, picture.zone(subnet) != zone)
    };
    let at = endpoint.subnets.iter().min_by_key(distance).map(String::as_str);
    Target::Interface { at, service, id }
}

/// Where the name and the routes would lead.
fn likely<'a>(picture: &Picture<'a>, finding: &'a Finding, about: &str) -> Target<'a> {
    let service = finding.need.service.as_str();
    let table = picture.vpc.table_of(&finding.subnet).ok().flatten();
    let leads = |endpoint: &&Endpoint| {
        let is_way = match endpoint.kind {
            EndpointKind::Interface => endpoint.private_dns && !endpoint.inbound_resolver_only,
            EndpointKind::Gateway => table.is_some_and(|it| endpoint.tables.contains(&it.id)),
        };
        is_way && endpoint.service == service
    };
    match picture.vpc.endpoints.iter().flatten().find(leads) {
        Some(endpoint) => at(picture, finding, endpoint, about),
        None => way_out(picture, &finding.subnet).unwrap_or(Target::Service(service)),
    }
}

/// The NAT gateway or the internet gateway of a subnet's default route.
fn way_out<'a>(picture: &Picture<'a>, subnet: &str) -> Option<Target<'a>> {
    let table = picture.vpc.table_of(subnet).ok().flatten()?;
    let default = table.routes.iter().find(|route| route.destination == "0.0.0.0/0")?;
    match &default.target {
        subnets::Target::Nat(id) => Some(Target::Nat(id)),
        subnets::Target::InternetGateway(id) => Some(Target::Internet(id)),
        subnets::Target::Elsewhere(_) | subnets::Target::Inside => None,
    }
}
