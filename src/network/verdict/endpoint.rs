//! The way through an interface endpoint, what its policy says, and the endpoint that would be missing.

use super::{
    Broken, Case, Check, Hop, Stop, Via, Walk,
    acl::{self, Border, Far},
    groups,
    policy::{self, Answer},
    route,
};
use crate::network::{
    fix::{self, Direction, Fix, NewEndpoint, Place},
    model::{Endpoint, EndpointKind},
    net::{Net, Ports},
};
use std::collections::{BTreeMap, BTreeSet};

/// Walks to the interfaces of an endpoint and back. Its name is answered with any of their addresses, so
/// each of them has to be reached.
pub(super) fn interface(
    case: &Case<'_>,
    endpoint: &Endpoint,
    walk: &mut Walk,
) -> Result<Option<Via>, Box<Broken>> {
    let Case { vpc, subnet, .. } = *case;
    if endpoint.state == "partial" {
        walk.pass(Err(Stop::Unknown(format!("{} is partial", endpoint.id))))?;
    }
    if endpoint.subnets.is_empty() {
        let what = format!("{} has no interface in any zone", endpoint.id);
        let fix =
            subnets(case).map(|subnets| Fix::AddSubnets { endpoint: endpoint.id.clone(), subnets });
        walk.pass(Err(Stop::broken(Hop::Endpoint, what, fix)))?;
    }
    let Some(near) = walk.take(near(case))? else { return Ok(None) };
    let mut interfaces = Vec::new();
    for id in &endpoint.subnets {
        if let Some(far) = walk.take(far(case, endpoint, id))? {
            interfaces.push((id, far));
        }
    }
    let elsewhere = || interfaces.iter().filter(|(id, _)| **id != subnet.id);
    let border = |hop, subnet, direction, ports| Border { hop, subnet, direction, ports };
    for (_, far) in elsewhere() {
        walk.pass(route::stays_inside(case, far.widest))?;
    }
    let carried = carried(case, endpoint);
    for (_, far) in &interfaces {
        walk.pass(groups::egress(case, far, &carried))?;
    }
    for (id, far) in elsewhere() {
        let out = border(Hop::TaskAcl, subnet.id.as_str(), Direction::Out, Ports::HTTPS);
        walk.pass(acl::pass(vpc, out, far))?;
        let into = border(Hop::EndpointAcl, id.as_str(), Direction::In, Ports::HTTPS);
        walk.pass(acl::pass(vpc, into, &near))?;
    }
    walk.pass(groups::ingress(case, &endpoint.id, &carried, near.widest))?;
    for (id, far) in elsewhere() {
        let out = border(Hop::EndpointAcl, id.as_str(), Direction::Out, acl::TASK_PORTS);
        walk.pass(acl::pass(vpc, out, &near))?;
        let into = border(Hop::TaskAcl, subnet.id.as_str(), Direction::In, acl::TASK_PORTS);
        walk.pass(acl::pass(vpc, into, far))?;
    }
    walk.pass(admits(case, endpoint))?;
    Ok(Some(Via::Interface(endpoint.id.clone())))
}

/// The task, wherever in its subnet.
pub(super) fn near(case: &Case<'_>) -> Check<Far> {
    let net = block(case, &case.subnet.id)?;
    Ok(Far {
        name: case.subnet.id.clone(),
        nets: vec![net],
        is_exact: true,
        widest: net,
        prefix_list: None,
    })
}

fn far(case: &Case<'_>, endpoint: &Endpoint, subnet: &str) -> Check<Far> {
    let net = block(case, subnet)?;
    let known: Vec<_> = endpoint
        .addresses
        .iter()
        .filter(|(_, at)| *at == subnet)
        .map(|(address, _)| Net::host(*address))
        .collect();
    Ok(Far {
        name: format!("{} in {subnet}", endpoint.id),
        is_exact: !known.is_empty(),
        nets: if known.is_empty() { vec![net] } else { known },
        widest: net,
        prefix_list: None,
    })
}

fn block(case: &Case<'_>, subnet: &str) -> Check<Net> {
    let found = case.vpc.subnet(subnet).and_then(|subnet| subnet.cidr.parse().ok());
    found.ok_or_else(|| Stop::Unknown(format!("the block of {subnet} is not known")))
}

/// An endpoint that was given no group carries the VPC's own.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcEndpoint.html>
fn carried(case: &Case<'_>, endpoint: &Endpoint) -> BTreeSet<String> {
    if !endpoint.groups.is_empty() {
        return endpoint.groups.clone();
    }
    let groups = case.vpc.groups.iter().flatten();
    groups.filter(|(_, group)| group.name == "default").map(|(id, _)| id.clone()).collect()
}

/// Whether the endpoint's policy lets every request of the need through.
pub(super) fn admits(case: &Case<'_>, endpoint: &Endpoint) -> Check {
    let Some(document) = &endpoint.policy else { return Ok(()) };
    let statements = policy::statements(document).map_err(|why| {
        Stop::Unknown(format!("the policy of {} is not a policy: {why}", endpoint.id))
    })?;
    if policy::is_full_access(&statements) {
        return Ok(());
    }
    if case.need.requests.is_empty() {
        return Err(Stop::Unknown(format!(
            "the policy of {} is not full access, and what is asked of {} is not known",
            endpoint.id, case.need.service
        )));
    }
    // S3 is asked with addresses that ECR signed, and not by the task's role.
    let role = case.task.execution_role.as_deref().filter(|_| case.need.service != "s3");
    let mut missing = Vec::new();
    let mut doubt = None;
    for request in &case.need.requests {
        let on = request.resource.as_deref().unwrap_or("*");
        match policy::evaluate(&statements, request, role) {
            Answer::Allowed => {}
            Answer::NotAllowed => missing.push((request.action, on)),
            Answer::Denied(index) => {
                let sid = statements[index]["Sid"].as_str();
                let statement = sid.map_or_else(
                    || format!("statement {} of its policy", index + 1),
                    |sid| format!("the statement `{sid}` of its policy"),
                );
                let what =
                    format!("{} denies {} on {on}: {statement}", endpoint.id, request.action);
                let fix = Fix::DropStatement {
                    endpoint: endpoint.id.clone(),
                    statement,
                    policy: fix::without(&statements, index),
                };
                return Err(Stop::broken(Hop::Policy, what, fix));
            }
            Answer::Depends(why) => doubt = Some(why),
        }
    }
    if let Some((action, on)) = missing.first() {
        let what = format!("the policy of {} does not allow {action} on {on}", endpoint.id);
        let fix = Fix::AllowInPolicy {
            endpoint: endpoint.id.clone(),
            policy: fix::allowing(&statements, &missing),
        };
        return Err(Stop::broken(Hop::Policy, what, fix));
    }
    doubt.map_or(Ok(()), |why| {
        Err(Stop::Unknown(format!("by the policy of {}, {why}", endpoint.id)))
    })
}

/// Why there is no way: `what` is wrong at `hop` with the way that is no endpoint, and this says what is
/// wrong with the endpoint.
pub(super) fn absent(case: &Case<'_>, hop: Hop, what: &str) -> Stop {
    let Case { vpc, need, .. } = *case;
    if need.is_outside {
        let what = format!("{what}, and no endpoint of the VPC leads to {}", need.service);
        return Stop::broken(hop, what, None);
    }
    let Ok(endpoints) = &vpc.endpoints else { return Stop::broken(hop, what, None) };
    let of = |kind| {
        let found = endpoints.iter().filter(move |endpoint| {
            endpoint.service == need.service
                && endpoint.kind == kind
                && !["deleting", "deleted"].contains(&endpoint.state.as_str())
        });
        // One that stands says more than one that does not.
        found.max_by_key(|endpoint| (endpoint.state == "available", endpoint.private_dns))
    };
    let is_gateway = need.has_gateway();
    if let Some(gateway) = of(EndpointKind::Gateway) {
        return standing(case, gateway, what).unwrap_or_else(|| unassociated(case, gateway, what));
    }
    // A name that leads out of the VPC on purpose is left so: the gateway is the way to S3.
    let is_used = |endpoint: &&Endpoint| {
        !is_gateway || (endpoint.private_dns && !endpoint.inbound_resolver_only)
    };
    if let Some(interface) = of(EndpointKind::Interface).filter(is_used) {
        return standing(case, interface, what).unwrap_or_else(|| unnamed(case, interface, what));
    }
    if vpc.is_shared() {
        return Stop::Unknown(format!(
            "{what}; {} belongs to account {}, which alone sees its endpoints and makes them",
            vpc.vpc, vpc.owner
        ));
    }
    if !is_gateway && let Some(off) = hostnames_off(case) {
        let what = format!("{what}, and an endpoint needs `enableDnsHostnames`, which is off");
        return Stop::broken(Hop::Dns, what, off);
    }
    let what = format!("{what}, and there is no endpoint of {}", need.service);
    Stop::broken(hop, what, new(case, None))
}

fn standing(case: &Case<'_>, endpoint: &Endpoint, what: &str) -> Option<Stop> {
    let id = &endpoint.id;
    let fix = match endpoint.state.as_str() {
        "available" | "partial" => return None,
        "pending" | "pendingacceptance" => Some(Fix::Await { endpoint: id.clone() }),
        _ => new(case, Some(id)),
    };
    Some(Stop::broken(Hop::Endpoint, format!("{id} is {}, and {what}", endpoint.state), fix))
}

fn unassociated(case: &Case<'_>, gateway: &Endpoint, what: &str) -> Stop {
    let Ok(Some(table)) = case.vpc.table_of(&case.subnet.id) else {
        return Stop::broken(Hop::Route, what, None);
    };
    let fix = Fix::AssociateTable { endpoint: gateway.id.clone(), table: table.id.clone() };
    let what =
        format!("{} of {} has no route to {}, and {what}", table.id, case.subnet.id, gateway.id);
    Stop::broken(Hop::Route, what, fix)
}

fn unnamed(case: &Case<'_>, interface: &Endpoint, what: &str) -> Stop {
    if let Some(off) = hostnames_off(case) {
        let what = format!(
            "`enableDnsHostnames` of {} is off, so the name of {} does not lead to {}, and {what}",
            case.vpc.vpc, case.need.service, interface.id
        );
        return Stop::broken(Hop::Dns, what, off);
    }
    let fix = Fix::EnablePrivateDns { endpoint: interface.id.clone() };
    let what = format!("{} has private DNS off, and {what}", interface.id);
    Stop::broken(Hop::Dns, what, fix)
}

fn hostnames_off(case: &Case<'_>) -> Option<Fix> {
    let dns = case.vpc.dns.as_ref().ok()?;
    (!dns.hostnames).then(|| Fix::EnableDnsHostnames { vpc: case.vpc.vpc.clone() })
}

fn new(case: &Case<'_>, replaces: Option<&String>) -> Option<Fix> {
    let Case { vpc, task, need, .. } = *case;
    let place = if need.has_gateway() {
        let table = |id: &String| vpc.table_of(id).ok().flatten().map(|table| table.id.clone());
        let here = std::iter::once(&case.subnet.id);
        Place::Tables(task.subnets.iter().chain(here).filter_map(table).collect())
    } else {
        let here = std::iter::once(&case.subnet.id);
        let from: Vec<_> = task
            .subnets
            .iter()
            .chain(here)
            .filter_map(|id| vpc.subnet(id)?.cidr.parse().ok())
            .collect();
        let group = groups::admitting(case, &from).ok_or_else(|| {
            let blocks: BTreeSet<_> = from.iter().map(|net| groups::block_of(vpc, *net)).collect();
            blocks.into_iter().collect()
        });
        Place::Subnets { subnets: subnets(case)?, group }
    };
    Some(Fix::Create(NewEndpoint {
        region: vpc.region.clone(),
        vpc: vpc.vpc.clone(),
        service: need.service.clone(),
        replaces: replaces.cloned(),
        place,
    }))
}

/// One subnet a zone: of the tasks', in the zones that the service serves and with an address left; else
/// any of the VPC, since an endpoint serves all of its zones.
/// <https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html>
fn subnets(case: &Case<'_>) -> Option<BTreeSet<String>> {
    let offered = case.vpc.offered.as_ref().ok().and_then(|all| all.get(&case.need.service));
    let mut by_zone = BTreeMap::new();
    let usable = case.vpc.subnets.iter().filter(|subnet| {
        !subnet.is_ipv6_native
            && !subnet.is_on_outpost
            && subnet.free_addresses > 0
            && offered.is_none_or(|zones| zones.contains(&subnet.zone))
    });
    let (tasks, others): (Vec<_>, Vec<_>) = usable
        .partition(|subnet| subnet.id == case.subnet.id || case.task.subnets.contains(&subnet.id));
    for subnet in &tasks {
        by_zone.entry(&subnet.zone).or_insert_with(|| subnet.id.clone());
    }
    if by_zone.is_empty() {
        by_zone.extend(others.first().map(|subnet| (&subnet.zone, subnet.id.clone())));
    }
    Some(by_zone.into_values().collect()).filter(|found: &BTreeSet<_>| !found.is_empty())
}
