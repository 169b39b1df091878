//! Which subnets the tasks, the endpoints and the load balancer stand in.

use super::subnets::{Class, Classified, Subnet};
use crate::error::Problem;
use std::collections::{BTreeMap, BTreeSet};

/// A service takes sixteen subnets at most.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html>
const MOST_TASK_SUBNETS: usize = 16;
/// What ELB asks of each subnet of a load balancer.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#subnets-load-balancer>
const LOAD_BALANCER_ADDRESSES: u32 = 8;

/// Where everything stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The tasks': private, in zones that the load balancer serves.
    pub tasks: BTreeSet<String>,
    /// The interface endpoints': one of the tasks' subnets a zone.
    pub endpoints: BTreeSet<String>,
    /// The route tables of the tasks' subnets.
    pub route_tables: BTreeSet<String>,
    /// The load balancer's: public, one a zone, two zones at least.
    pub load_balancer: BTreeSet<String>,
    /// What the user should know about the choice.
    pub warnings: Vec<String>,
}

/// A load balancer that stands.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// Its subnets.
    pub subnets: &'a BTreeSet<String>,
    /// Whether it may get more of them.
    pub is_ours: bool,
}

/// Chooses. A load balancer that stands keeps its subnets, and only one of ours gets more.
pub fn place(
    subnets: &[Classified],
    standing: Option<Standing<'_>>,
) -> Result<Placement, Box<Problem>> {
    let mut subnets = subnets.to_vec();
    // EC2 answers in no order, and the choice must not change from run to run.
    subnets.sort_by_cached_key(|found| {
        let Subnet { zone, cidr, id, .. } = found.subnet.clone();
        (zone, cidr, id)
    });
    let subnets = &subnets[..];
    let private: Vec<_> =
        subnets.iter().filter(|subnet| matches!(subnet.class, Class::Private { .. })).collect();
    if private.is_empty() {
        return Err(Box::new(listed(
            Problem::new("no private subnet: no subnet of the VPC is without a route to an internet gateway"),
            subnets,
        )
        .help(
            "make a private subnet in two zones, or take the route to the internet gateway out of the \
             route table of the subnets that the tasks should stand in",
        )));
    }
    let enabled = standing.map(|standing| zones_of(subnets, standing.subnets));
    let is_given = standing.is_some_and(|standing| !standing.is_ours);
    let mut public = if is_given { BTreeMap::new() } else { public_by_zone(subnets)? };
    public.extend(enabled.clone().unwrap_or_default());
    let (served, unserved): (Vec<_>, Vec<_>) =
        private.iter().copied().partition(|subnet| public.contains_key(&subnet.subnet.zone));
    if served.is_empty() {
        let zones = public.keys().cloned().collect::<Vec<_>>().join(", ");
        return Err(Box::new(listed(
            Problem::new(format!(
                "no private subnet in a zone that the load balancer can serve ({zones})"
            )),
            subnets,
        )
        .help("a load balancer reaches tasks only in the zones in which it has a public subnet: make a private subnet in one of these zones")));
    }
    let tasks = task_subnets(&served);
    let mut warnings = Vec::new();
    let lost: BTreeSet<_> = unserved.iter().map(|subnet| subnet.subnet.zone.as_str()).collect();
    for zone in lost {
        warnings.push(format!(
            "{zone} has private subnets and no public one that the load balancer stands in: no task is placed there"
        ));
    }
    let mut endpoints = BTreeMap::new();
    for subnet in &tasks {
        endpoints.entry(&subnet.subnet.zone).or_insert_with(|| subnet.subnet.id.clone());
    }
    let mut load_balancer: BTreeSet<_> = enabled.unwrap_or_default().into_values().collect();
    if !is_given {
        load_balancer.extend(load_balancer_subnets(&public, &tasks));
    }
    Ok(Placement {
        endpoints: endpoints.into_values().collect(),
        route_tables: tasks.iter().map(|subnet| subnet.route_table.clone()).collect(),
        tasks: tasks.iter().map(|subnet| subnet.subnet.id.clone()).collect(),
        load_balancer,
        warnings,
    })
}

/// Where some private subnets have a way out and others have none, the ones without are kept apart on
/// purpose, for databases mostly.
fn task_subnets<'a>(served: &[&'a Classified]) -> Vec<&'a Classified> {
    let has_egress =
        |subnet: &Classified| matches!(subnet.class, Class::Private { egress: Some(_) });
    let any = served.iter().any(|subnet| has_egress(subnet));
    let mut in_zone: BTreeMap<&str, usize> = BTreeMap::new();
    let mut tasks: Vec<_> = served
        .iter()
        .copied()
        .filter(|subnet| !any || has_egress(subnet))
        .map(|subnet| {
            let nth = in_zone.entry(&subnet.subnet.zone).or_default();
            *nth += 1;
            (*nth, subnet)
        })
        .collect();
    // Where there are too many, each zone keeps some.
    tasks.sort_by_key(|(nth, _)| *nth);
    tasks.truncate(MOST_TASK_SUBNETS);
    tasks.into_iter().map(|(_, subnet)| subnet).collect()
}

fn zones_of(subnets: &[Classified], ids: &BTreeSet<String>) -> BTreeMap<String, String> {
    subnets
        .iter()
        .filter(|found| ids.contains(&found.subnet.id))
        .map(|found| (found.subnet.zone.clone(), found.subnet.id.clone()))
        .collect()
}

/// One public subnet a zone: the first that has the addresses that ELB asks for, else the first.
fn public_by_zone(subnets: &[Classified]) -> Result<BTreeMap<String, String>, Box<Problem>> {
    let mut zones: BTreeMap<String, &Classified> = BTreeMap::new();
    for found in subnets.iter().filter(|subnet| subnet.class == Class::Public) {
        let fits = |subnet: &Classified| subnet.subnet.free_addresses >= LOAD_BALANCER_ADDRESSES;
        let chosen = zones.entry(found.subnet.zone.clone()).or_insert(found);
        if !fits(chosen) && fits(found) {
            *chosen = found;
        }
    }
    if zones.len() >= 2 {
        return Ok(zones
            .into_iter()
            .map(|(zone, found)| (zone, found.subnet.id.clone()))
            .collect());
    }
    let what = match zones.keys().next() {
        None => "no public subnet: an internet-facing load balancer needs one in each of two zones"
            .to_owned(),
        Some(zone) => format!(
            "public subnets in {zone} only: an internet-facing load balancer needs one in each of two zones"
        ),
    };
    Err(Box::new(listed(Problem::new(what), subnets).help(
        "make a subnet in another zone whose route table leads 0.0.0.0/0 to the VPC's internet gateway",
    )))
}

/// The tasks' zones, and one more where that is only one.
fn load_balancer_subnets(
    public: &BTreeMap<String, String>,
    tasks: &[&Classified],
) -> BTreeSet<String> {
    let zones: BTreeSet<_> = tasks.iter().map(|subnet| &subnet.subnet.zone).collect();
    let mut chosen: BTreeSet<_> =
        public.iter().filter(|(zone, _)| zones.contains(zone)).map(|(_, id)| id.clone()).collect();
    let others = public.iter().filter(|(zone, _)| !zones.contains(zone));
    let lacking = 2_usize.saturating_sub(chosen.len());
    chosen.extend(others.take(lacking).map(|(_, id)| id.clone()));
    chosen
}

fn listed(problem: Problem, subnets: &[Classified]) -> Problem {
    if subnets.is_empty() {
        return problem.found("the VPC has no subnet");
    }
    let mut subnets: Vec<_> = subnets.iter().collect();
    subnets.sort_by_key(|found| (&found.subnet.zone, &found.subnet.cidr, &found.subnet.id));
    subnets.into_iter().fold(problem, |problem, subnet| problem.found(subnet.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(id: &str, zone: &str, class: Class) -> Classified {
        Classified {
            subnet: Subnet {
                id: id.to_owned(),
                zone: zone.to_owned(),
                cidr: "10.0.0.0/24".to_owned(),
                free_addresses: 251,
                is_ipv6_native: false,
                is_on_outpost: false,
                owner: "1".to_owned(),
                block_public_access: "off".to_owned(),
            },
            route_table: format!("rtb-{id}"),
            class,
        }
    }

    fn private(id: &str, zone: &str) -> Classified {
        subnet(id, zone, Class::Private { egress: None })
    }

    fn public(id: &str, zone: &str) -> Classified {
        subnet(id, zone, Class::Public)
    }

    fn set(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(|&id| id.to_owned()).collect()
    }

    #[test]
    fn one_endpoint_a_zone_and_a_load_balancer_in_the_tasks_zones() {
        let subnets = [
            private("a1", "a"),
            private("a2", "a"),
            private("b1", "b"),
            public("pa", "a"),
            public("pb", "b"),
            public("pc", "c"),
        ];
        let placement = place(&subnets, None).expect("it fits");
        assert_eq!(placement.tasks, set(&["a1", "a2", "b1"]));
        assert_eq!(placement.endpoints, set(&["a1", "b1"]));
        assert_eq!(placement.load_balancer, set(&["pa", "pb"]));
        assert_eq!(placement.route_tables, set(&["rtb-a1", "rtb-a2", "rtb-b1"]));
    }

    #[test]
    fn tasks_in_one_zone_still_get_a_load_balancer_in_two() {
        let subnets = [private("a1", "a"), public("pa", "a"), public("pb", "b")];
        assert_eq!(place(&subnets, None).expect("it fits").load_balancer, set(&["pa", "pb"]));
    }

    #[test]
    fn a_zone_without_a_public_subnet_gets_no_task() {
        let subnets =
            [private("a1", "a"), private("c1", "c"), public("pa", "a"), public("pb", "b")];
        let placement = place(&subnets, None).expect("it fits");
        assert_eq!(placement.tasks, set(&["a1"]));
        insta::assert_debug_snapshot!(placement.warnings, @r#"
        [
            "c has private subnets and no public one that the load balancer stands in: no task is placed there",
        ]
        "#);
    }

    #[test]
    fn isolated_subnets_are_left_to_databases_where_others_have_a_way_out() {
        let nat = Class::Private { egress: Some("nat-1".to_owned()) };
        let subnets =
            [private("db", "a"), subnet("app", "a", nat), public("pa", "a"), public("pb", "b")];
        assert_eq!(place(&subnets, None).expect("it fits").tasks, set(&["app"]));
    }

    #[test]
    fn too_many_subnets_cost_no_zone() {
        let ids: Vec<_> = (0..27).map(|index| format!("s{index:02}")).collect();
        let zones = ["a", "b", "c"];
        let mut subnets: Vec<_> =
            ids.iter().enumerate().map(|(index, id)| private(id, zones[index / 9])).collect();
        subnets.extend(zones.map(|zone| public(&format!("p{zone}"), zone)));
        let placement = place(&subnets, None).expect("it fits");
        assert_eq!(placement.tasks.len(), MOST_TASK_SUBNETS);
        assert_eq!(placement.endpoints, set(&["s00", "s09", "s18"]));
        assert_eq!(placement.load_balancer, set(&["pa", "pb", "pc"]));
    }

    #[test]
    fn a_load_balancer_that_stands_keeps_its_subnets_and_only_ours_gets_more() {
        let subnets = [
            private("a1", "a"),
            private("c1", "c"),
            public("pa1", "a"),
            public("pa2", "a"),
            public("pb", "b"),
            public("pc", "c"),
        ];
        let stands = set(&["pa2", "pb"]);
        let ours = place(&subnets, Some(Standing { subnets: &stands, is_ours: true }));
        let ours = ours.expect("it fits");
        assert_eq!(ours.load_balancer, set(&["pa2", "pb", "pc"]));
        assert_eq!(ours.tasks, set(&["a1", "c1"]));
        let given = place(&subnets, Some(Standing { subnets: &stands, is_ours: false }));
        let given = given.expect("it fits");
        assert_eq!(given.load_balancer, stands);
        assert_eq!(given.tasks, set(&["a1"]));
    }

    #[test]
    fn public_subnets_in_one_zone_are_refused_with_what_was_found() {
        let subnets = [private("a1", "a"), public("pa", "a")];
        insta::assert_snapshot!(place(&subnets, None).expect_err("one zone"), @"
        public subnets in a only: an internet-facing load balancer needs one in each of two zones
          a1 in a (10.0.0.0/24): private, no default route in rtb-a1
          pa in a (10.0.0.0/24): public by rtb-pa
          help: make a subnet in another zone whose route table leads 0.0.0.0/0 to the VPC's internet gateway
        ");
    }
}
