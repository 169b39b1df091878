//! For VPCs nobody thought of: breaking a hop of a way that works is found at that hop, and mending what
//! is named makes it work again.

use super::{
    diagnose::diagnose,
    fix::mend,
    model::{EndpointKind, Nat, Peer, Topology},
    net::Ports,
    scene::{
        allow, allow_all, complete, entry, group, igw, net, open_acl, plain, set, subnet, table,
        task,
    },
    subnets::Target,
    verdict::{Hop, Task, Verdict, Via, judge},
};
use proptest::{prelude::*, sample::select};

/// How a VPC may differ and still work.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each may be so or not, whatever the others are")]
struct Shape {
    zones: usize,
    by_nat: bool,
    is_regional: bool,
    on_main: bool,
    own_acls: bool,
    endpoint_subnets: usize,
    by_group: bool,
}

const ZONES: [&str; 4] = ["a", "b", "c", "d"];

fn shapes() -> impl Strategy<Value = Shape> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (1..=4_usize, 1..=4_usize, flags).prop_map(|(zones, endpoint_subnets, flags)| {
        let (by_nat, is_regional, on_main, own_acls, by_group) = flags;
        Shape { zones, by_nat, is_regional, on_main, own_acls, endpoint_subnets, by_group }
    })
}

fn build(shape: &Shape) -> (Topology, Task) {
    let zones = &ZONES[..shape.zones];
    let mut vpc = complete();
    let block = |at: usize| format!("10.0.{}.0/24", at + 1);
    vpc.subnets =
        zones.iter().enumerate().map(|(at, zone)| subnet(zone, zone, &block(at))).collect();
    vpc.subnets.push(subnet("pub", "a", "10.0.100.0/24"));
    let out = shape.by_nat.then(|| Target::Nat("nat-1".to_owned()));
    let (named, main) = if shape.on_main { (&[][..], "rtb-main") } else { (zones, "rtb-private") };
    let others = if shape.on_main { vec![] } else { vec![table("rtb-main", &[], None)] };
    let mut tables = vec![table(main, named, out), table("rtb-public", &["pub"], Some(igw()))];
    tables.extend(others);
    vpc.tables = Ok(tables);
    let everywhere: Vec<_> = zones.iter().copied().chain(["pub"]).collect();
    vpc.acls = Ok(if shape.own_acls {
        everywhere.iter().map(|id| open_acl(&format!("acl-{id}"), &[id])).collect()
    } else {
        vec![open_acl("acl-default", &everywhere)]
    });
    if shape.by_nat {
        vpc.endpoints = Ok(vec![]);
    }
    let stands = set(&zones[..shape.endpoint_subnets.min(zones.len())]);
    for endpoint in vpc.endpoints.iter_mut().flatten() {
        match endpoint.kind {
            EndpointKind::Interface => endpoint.subnets.clone_from(&stands),
            EndpointKind::Gateway => endpoint.tables = set(&[main]),
        }
    }
    vpc.nats = Ok(vec![Nat {
        id: "nat-1".to_owned(),
        is_public: true,
        state: "available".to_owned(),
        subnet: (!shape.is_regional).then(|| "pub".to_owned()),
    }]);
    if shape.by_group {
        let peer = Peer::Group("sg-task".to_owned());
        vpc.group("sg-endpoint").ingress = vec![allow(peer)];
    }
    (vpc, Task { subnets: set(zones), ..task() })
}

/// Something that can break.
#[derive(Debug, Clone, Copy)]
enum Harm {
    DnsSupport,
    Hostnames,
    PrivateDns,
    EndpointGone,
    EndpointState,
    NoInterface,
    Ingress,
    IngressPart,
    Egress,
    Table,
    Route,
    Blackhole,
    PrivateNat,
    NatState,
    NatRoute,
    AclOut(u16),
    AclAnswers(u16),
    AclLast,
    Policy,
    PolicyDenies,
}

const HARMS: [Harm; 22] = [
    Harm::DnsSupport,
    Harm::Hostnames,
    Harm::PrivateDns,
    Harm::EndpointGone,
    Harm::EndpointState,
    Harm::NoInterface,
    Harm::Ingress,
    Harm::IngressPart,
    Harm::Egress,
    Harm::Table,
    Harm::Route,
    Harm::Blackhole,
    Harm::PrivateNat,
    Harm::NatState,
    Harm::NatRoute,
    Harm::AclOut(1),
    Harm::AclOut(50),
    Harm::AclAnswers(1),
    Harm::AclAnswers(99),
    Harm::AclLast,
    Harm::Policy,
    Harm::PolicyDenies,
];

const DENIES: &str = r#"{"Statement": [
    {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"},
    {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}
]}"#;

/// Breaks what `via` goes through from `subnet`, and says at which hop that shows; `None` where it is no
/// part of that way.
fn harm(vpc: &mut Topology, via: &Via, subnet: &str, harm: Harm) -> Option<Hop> {
    let table = vpc.table_of(subnet).ok()??.id.clone();
    let acl = vpc.acl_of(subnet).ok()??.id.clone();
    let default = |vpc: &mut Topology, id: &str| {
        let table = vpc.table(id);
        table.routes.iter().position(|route| route.destination == "0.0.0.0/0")
    };
    match (harm, via) {
        (Harm::DnsSupport, _) => {
            vpc.dns.as_mut().ok()?.support = false;
            Some(Hop::Dns)
        }
        (Harm::Hostnames, Via::Interface(_)) => {
            vpc.dns.as_mut().ok()?.hostnames = false;
            Some(Hop::Dns)
        }
        (Harm::PrivateDns, Via::Interface(id)) => {
            vpc.endpoint(id).private_dns = false;
            Some(Hop::Dns)
        }
        (Harm::EndpointGone, Via::Interface(id) | Via::Gateway(id)) => {
            vpc.endpoints.as_mut().ok()?.retain(|endpoint| endpoint.id != *id);
            Some(Hop::Route)
        }
        (Harm::EndpointState, Via::Interface(id) | Via::Gateway(id)) => {
            vpc.endpoint(id).state = "failed".to_owned();
            Some(Hop::Endpoint)
        }
        (Harm::NoInterface, Via::Interface(id)) => {
            vpc.endpoint(id).subnets.clear();
            Some(Hop::Endpoint)
        }
        (Harm::Ingress, Via::Interface(_)) => {
            vpc.group("sg-endpoint").ingress.clear();
            Some(Hop::EndpointIngress)
        }
        (Harm::IngressPart, Via::Interface(_)) => {
            let half = vpc.subnet(subnet)?.cidr.replace("/24", "/25");
            let peer = Peer::Cidr(half.parse().ok()?);
            vpc.group("sg-endpoint").ingress = vec![allow(peer)];
            Some(Hop::EndpointIngress)
        }
        (Harm::Egress, _) => {
            vpc.group("sg-task").egress.clear();
            Some(Hop::TaskEgress)
        }
        (Harm::Table, Via::Gateway(id)) => {
            vpc.endpoint(id).tables.clear();
            Some(Hop::Route)
        }
        (Harm::Route, Via::Nat(_)) => {
            let at = default(vpc, &table)?;
            vpc.table(&table).routes.remove(at);
            Some(Hop::Route)
        }
        (Harm::Blackhole, Via::Nat(_)) => {
            let at = default(vpc, &table)?;
            vpc.table(&table).routes[at].is_active = false;
            Some(Hop::Route)
        }
        (Harm::PrivateNat, Via::Nat(_)) => {
            vpc.nats.as_mut().ok()?[0].is_public = false;
            Some(Hop::Nat)
        }
        (Harm::NatState, Via::Nat(_)) => {
            vpc.nats.as_mut().ok()?[0].state = "deleting".to_owned();
            Some(Hop::Nat)
        }
        (Harm::NatRoute, Via::Nat(_)) => {
            vpc.nats.as_ref().ok()?[0].subnet.as_ref()?;
            vpc.table("rtb-public").routes.clear();
            Some(Hop::Nat)
        }
        (Harm::AclOut(number), _) => {
            crosses(vpc, via, subnet).then_some(())?;
            let deny = entry(false, Ports::HTTPS, "0.0.0.0/0");
            vpc.acl(&acl).outbound.insert(number, deny);
            Some(Hop::TaskAcl)
        }
        (Harm::AclAnswers(number), _) => {
            crosses(vpc, via, subnet).then_some(())?;
            vpc.acls.as_ref().ok()?.get(1)?;
            let deny = entry(false, Ports { from: 40000, to: 40000 }, "0.0.0.0/0");
            vpc.acl(&acl).inbound.insert(number, deny);
            Some(Hop::TaskAcl)
        }
        (Harm::AclLast, _) => {
            crosses(vpc, via, subnet).then_some(())?;
            vpc.acl(&acl).outbound.clear();
            Some(Hop::TaskAcl)
        }
        (Harm::Policy, Via::Interface(id) | Via::Gateway(id)) => {
            vpc.endpoint(id).policy = Some(r#"{"Statement": []}"#.to_owned());
            Some(Hop::Policy)
        }
        (Harm::PolicyDenies, Via::Interface(id) | Via::Gateway(id)) => {
            vpc.endpoint(id).policy = Some(DENIES.to_owned());
            Some(Hop::Policy)
        }
        _ => None,
    }
}

/// Whether the way leaves the subnet: within one, no ACL applies.
fn crosses(vpc: &mut Topology, via: &Via, subnet: &str) -> bool {
    match via {
        Via::Interface(id) => vpc.endpoint(id).subnets.iter().any(|stands| stands != subnet),
        _ => true,
    }
}

proptest! {
    #[test]
    fn what_works_is_reachable(shape in shapes()) {
        let (vpc, task) = build(&shape);
        for finding in diagnose(&vpc, &task, &plain()).findings {
            let is_nat = matches!(&finding.verdict, Verdict::Reachable(Via::Nat(_)));
            let is_reachable = matches!(&finding.verdict, Verdict::Reachable(_));
            prop_assert!(is_reachable, "{finding:?}");
            prop_assert_eq!(is_nat, shape.by_nat);
        }
    }

    #[test]
    fn a_broken_hop_is_the_one_that_is_named_and_mending_it_is_enough(
        shape in shapes(),
        harm_ in select(&HARMS[..]),
        need in 0..4_usize,
        at in 0..4_usize,
    ) {
        let (mut vpc, task) = build(&shape);
        let need = &plain()[need];
        let subnet = ZONES[at % shape.zones];
        let Verdict::Reachable(via) = judge(&vpc, &task, need, subnet) else {
            return Err(TestCaseError::fail("it works"));
        };
        let Some(hop) = harm(&mut vpc, &via, subnet, harm_) else { return Ok(()) };
        let verdict = judge(&vpc, &task, need, subnet);
        let Verdict::Unreachable(broken) = verdict else {
            return Err(TestCaseError::fail(format!("{verdict:?}")));
        };
        prop_assert_eq!(broken.hop, hop, "{}", broken.what);
        // One harm may be several hops: an ACL serves the task's subnet and the NAT gateway's.
        let one = Task { subnets: set(&[subnet]), ..task.clone() };
        for problem in diagnose(&vpc, &one, std::slice::from_ref(need)).problems {
            mend(&mut vpc, &problem.broken.fix.expect("a change of the VPC broke it"));
        }
        let verdict = judge(&vpc, &one, need, subnet);
        prop_assert!(matches!(verdict, Verdict::Reachable(_)), "{verdict:?}");
    }

    #[test]
    fn mending_all_that_is_named_leaves_nothing_broken(
        shape in shapes(),
        harms in prop::collection::vec((select(&HARMS[..]), 0..4_usize, 0..4_usize), 0..6),
    ) {
        let (mut vpc, task) = build(&shape);
        for (harm_, need, at) in harms {
            let subnet = ZONES[at % shape.zones];
            if let Verdict::Reachable(via) = judge(&vpc, &task, &plain()[need], subnet) {
                harm(&mut vpc, &via, subnet, harm_);
            }
        }
        let before = diagnose(&vpc, &task, &plain());
        let is_broken = before.findings.iter().any(|finding| matches!(finding.verdict, Verdict::Unreachable(_)));
        prop_assert_eq!(is_broken, !before.problems.is_empty());
        for problem in &before.problems {
            let fix = problem.broken.fix.as_ref().expect("a change of the VPC broke it");
            mend(&mut vpc, fix);
        }
        let after = diagnose(&vpc, &task, &plain());
        for finding in &after.findings {
            prop_assert!(matches!(finding.verdict, Verdict::Reachable(_)), "{finding:?}");
        }
        prop_assert!(after.problems.is_empty());
    }
}

#[test]
fn every_subnet_of_a_large_vpc_has_its_verdicts() {
    let mut vpc = complete();
    let subnets: Vec<_> = (0..200_u16)
        .map(|at| (format!("s{at}"), format!("10.{}.{}.0/24", at / 100 + 1, at % 100)))
        .collect();
    vpc.cidrs = vec![net("10.0.0.0/8")];
    vpc.subnets.extend(subnets.iter().map(|(id, cidr)| subnet(id, "b", cidr)));
    let ids: Vec<_> = subnets.iter().map(|(id, _)| id.as_str()).collect();
    vpc.table("rtb-private").subnets.extend(ids.iter().map(|&id| id.to_owned()));
    vpc.acl("acl-default").subnets.extend(set(&ids));
    vpc.group("sg-endpoint").ingress = vec![allow_all()];
    for at in 0..500 {
        let group = group("other", vec![allow_all(); 10], vec![]);
        vpc.groups.as_mut().expect("read").insert(format!("sg-{at}"), group);
    }
    let all = Task { subnets: set(&ids), ..task() };
    let found = diagnose(&vpc, &all, &plain());
    assert_eq!(found.findings.len(), 800);
    assert!(found.findings.iter().all(|one| matches!(one.verdict, Verdict::Reachable(_))));
}
