//! The way to a service's public addresses: a gateway endpoint, a NAT gateway, the internet gateway, or
//! something that cannot be seen through.

use super::{
    Broken, Case, Check, Hop, Stop, Via, Walk,
    acl::{self, Border, Far},
    endpoint, groups,
};
use crate::network::{
    fix::Direction,
    map::Lanes,
    model::{Endpoint, EndpointKind, Nat},
    net::{self, ANYWHERE, Net, Open, Packets, Ports},
    subnets::{Route, RouteTable, Target},
};
use std::collections::BTreeSet;

/// Walks to the service's public addresses and back.
pub(super) fn public(case: &Case<'_>, walk: &mut Walk) -> Result<Option<Via>, Box<Broken>> {
    let service = case.known.public.get("", || {
        let far = service(case);
        let egress = groups::egress(case, &far, &BTreeSet::new());
        (far, egress)
    });
    let (far, egress) = &*service;
    let Some(lanes) = walk.take(case.map.table_of(&case.subnet.id).map_err(Stop::from))? else {
        return Ok(None);
    };
    let Some(lanes) = lanes else {
        let what = format!("no route table was found for {}", case.subnet.id);
        walk.pass(Err(Stop::Unknown(what)))?;
        return Ok(None);
    };
    if let Some(gateway) = gateway(case, lanes.table) {
        walk.pass(past_gateway(case, &lanes, far))?;
        own_border(case, far, egress, walk)?;
        walk.pass(endpoint::admits(case, gateway))?;
        return Ok(Some(Via::Gateway(gateway.id.clone())));
    }
    let Some(exit) = walk.take(exit(case, &lanes, far))? else {
        own_border(case, far, egress, walk)?;
        return Ok(None);
    };
    match exit {
        Exit::Internet(id) => {
            own_border(case, far, egress, walk)?;
            Ok(Some(Via::Internet(id)))
        }
        Exit::Nat(nat) => {
            own_border(case, far, egress, walk)?;
            nat_border(case, nat, far, walk)?;
            Ok(Some(Via::Nat(nat.id.clone())))
        }
    }
}

/// Whether the packets to a block of the VPC take the local route: one to a narrower block may lead
/// through an appliance.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/route-table-options.html#route-tables-appliance-routing>
pub(super) fn stays_inside(case: &Case<'_>, to: Net) -> Check {
    let Some(lanes) = case.map.table_of(&case.subnet.id)? else { return Ok(()) };
    match lanes.within().find(|(net, _)| net.overlaps(to)) {
        None => Ok(()),
        Some((_, route)) => Err(Stop::Unknown(format!(
            "{} in {} leads to {}, through which the way to {to} cannot be seen",
            route.destination,
            lanes.table.id,
            name(&route.target)
        ))),
    }
}

enum Exit<'a> {
    Internet(String),
    Nat(&'a Nat),
}

fn exit<'a>(case: &Case<'a>, lanes: &Lanes<'_>, far: &Far) -> Check<Exit<'a>> {
    let Case { vpc, subnet, task, .. } = *case;
    let table = lanes.table;
    let Some(default) = taken(case, lanes, far)? else {
        let six = table.routes.iter().find(|route| route.destination == "::/0" && route.is_active);
        let what = match six.map(|route| name(&route.target)) {
            Some(six) => {
                format!("{} of {} has a default route for IPv6 only, by {six}", table.id, subnet.id)
            }
            None => format!("{} of {} has no default route", table.id, subnet.id),
        };
        return Err(endpoint::absent(case, Hop::Route, &what));
    };
    let to = &default.destination;
    let target = name(&default.target);
    if !default.is_active {
        let what = format!("{to} in {} is a blackhole: {target} is gone", table.id);
        return Err(endpoint::absent(case, Hop::Route, &what));
    }
    match &default.target {
        Target::InternetGateway(id) if !task.has_public_address => {
            let what = format!(
                "{to} in {} leads to {id}, which a task without a public address cannot use",
                table.id
            );
            Err(endpoint::absent(case, Hop::Route, &what))
        }
        Target::InternetGateway(id) if subnet.block_public_access == "block-bidirectional" => {
            let what = format!("VPC Block Public Access closes {id} to {}", subnet.id);
            Err(endpoint::absent(case, Hop::Route, &what))
        }
        Target::InternetGateway(id) => Ok(Exit::Internet(id.clone())),
        Target::Nat(id) => {
            let nats = vpc.nats.as_ref()?;
            let Some(nat) = nats.iter().find(|nat| nat.id == *id) else {
                let what = format!("{to} in {} leads to {id}, which is gone", table.id);
                return Err(endpoint::absent(case, Hop::Nat, &what));
            };
            nat_works(case, nat, far).map(|()| Exit::Nat(nat))
        }
        Target::Elsewhere(_) | Target::Inside => Err(Stop::Unknown(format!(
            "{to} in {} leads to {target}, behind which nothing can be seen from here",
            table.id
        ))),
    }
}

/// <https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html>
fn nat_works(case: &Case<'_>, nat: &Nat, far: &Far) -> Check {
    let absent = |what: &str| Err(endpoint::absent(case, Hop::Nat, what));
    if !nat.is_public {
        return absent(&format!("{} is a private NAT gateway and does not lead out", nat.id));
    }
    if nat.state != "available" {
        return absent(&format!("{} is {}", nat.id, nat.state));
    }
    // A regional one stands in no subnet and has its own way out.
    let at = nat.subnet.as_deref().unwrap_or(&case.subnet.id);
    let blocked = case.map.subnet(at).map(|subnet| subnet.block_public_access.as_str());
    if blocked == Some("block-bidirectional") {
        return absent(&format!("VPC Block Public Access closes {} of {at}", nat.id));
    }
    let Some(subnet) = &nat.subnet else { return Ok(()) };
    let Some(lanes) = case.map.table_of(subnet)? else { return Ok(()) };
    let table = lanes.table;
    let way = taken(case, &lanes, far)?.filter(|route| route.is_active);
    match way.map(|route| &route.target) {
        Some(Target::InternetGateway(_)) => Ok(()),
        Some(Target::Elsewhere(id)) => Err(Stop::Unknown(format!(
            "{} goes on to {id} by {}, behind which nothing can be seen from here",
            nat.id, table.id
        ))),
        _ => absent(&format!(
            "{} stands in {subnet}, whose {} has no route to an internet gateway",
            nat.id, table.id
        )),
    }
}

/// The one way of all the service's addresses, by its widest route; `None` where no route leads any of
/// them anywhere. Each address takes the narrowest route that matches it, also one that leads nowhere.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/route-tables-priority.html>
fn taken<'a>(case: &Case<'_>, lanes: &Lanes<'a>, far: &Far) -> Check<Option<&'a Route>> {
    let table = lanes.table;
    let mut open: Vec<_> =
        far.nets.iter().map(|net| Open::new(Packets::new(*net, Ports::HTTPS))).collect();
    let mut routes = Vec::new();
    for (net, route) in lanes.blocks() {
        let packets = Packets::new(net, Ports::HTTPS);
        let matched = open.iter_mut().filter_map(|open| open.decide(packets).pop()).count();
        if matched > 0 && !case.vpc.cidrs.iter().any(|block| block.contains(net)) {
            routes.push(route);
        }
    }
    // What a customer's prefix list holds is not read.
    let is_list = |route: &&Route| {
        route.destination.starts_with("pl-") && route.is_active && route.target != Target::Inside
    };
    let Some(&widest) = routes.last() else {
        let list = table.routes.iter().find(is_list);
        return list.map_or(Ok(None), |list| Err(detour(case, table, list)));
    };
    let is_other =
        |route: &&Route| route.target != widest.target || route.is_active != widest.is_active;
    let lists = table.routes.iter().filter(is_list);
    match routes.into_iter().chain(lists).find(is_other) {
        Some(other) => Err(detour(case, table, other)),
        None if open.iter().all(Open::is_empty) => Ok(Some(widest)),
        None => Err(detour(case, table, widest)),
    }
}

/// A route that leads only some of the service's addresses.
fn detour(case: &Case<'_>, table: &RouteTable, route: &Route) -> Stop {
    let Route { destination, target, is_active } = route;
    let leads = if *is_active { "leads to" } else { "is a blackhole since it led to" };
    Stop::Unknown(format!(
        "{destination} in {} {leads} {}, and whether {} is there is not known",
        table.id,
        name(target),
        case.need.service
    ))
}

/// Routes to blocks of the gateway's prefix list, or narrower ones: they come before it, and lead some of
/// the service's addresses elsewhere.
fn past_gateway(case: &Case<'_>, lanes: &Lanes<'_>, far: &Far) -> Check {
    let is_before = |&(net, route): &(Net, &Route)| {
        route.target != Target::Inside
            && far.is_exact
            && far.nets.iter().any(|block| block.contains(net))
    };
    let before = lanes.blocks().find(is_before);
    before.map_or(Ok(()), |(_, route)| Err(detour(case, lanes.table, route)))
}

fn gateway<'a>(case: &Case<'a>, table: &RouteTable) -> Option<&'a Endpoint> {
    case.vpc.endpoints.as_ref().ok()?.iter().find(|endpoint| {
        !case.need.is_outside
            && endpoint.kind == EndpointKind::Gateway
            && endpoint.service == case.need.service
            && endpoint.state == "available"
            && endpoint.tables.contains(&table.id)
    })
}

/// The service on the internet: its prefix list where it has one, else somewhere.
fn service(case: &Case<'_>) -> Far {
    let Case { vpc, need, .. } = *case;
    let name = format!("com.amazonaws.{}.{}", vpc.region, need.service);
    let lists = vpc.prefix_lists.iter().flatten();
    let list = lists.into_iter().find(|(_, list)| !need.is_outside && list.name == name);
    let known = list.and_then(|(_, list)| list.cidrs.as_ref().ok()).filter(|all| !all.is_empty());
    Far {
        name: match list {
            Some((id, _)) => format!("{} ({id})", need.service),
            None => format!("the public addresses of {}", need.service),
        },
        nets: known.cloned().unwrap_or_else(net::internet),
        is_exact: known.is_some(),
        widest: ANYWHERE,
        prefix_list: list.map(|(id, _)| id.clone()),
    }
}

/// What the task and its subnet say, whatever comes after.
fn own_border(
    case: &Case<'_>,
    far: &Far,
    egress: &Check,
    walk: &mut Walk,
) -> Result<(), Box<Broken>> {
    walk.pass(egress.clone())?;
    let border =
        |direction, ports| Border { hop: Hop::TaskAcl, subnet: &case.subnet.id, direction, ports };
    walk.pass(acl::pass(case.map, border(Direction::Out, Ports::HTTPS), far))?;
    walk.pass(acl::pass(case.map, border(Direction::In, acl::TASK_PORTS), far))
}

/// A NAT gateway has no security group, but its subnet has an ACL.
fn nat_border(case: &Case<'_>, nat: &Nat, far: &Far, walk: &mut Walk) -> Result<(), Box<Broken>> {
    let Some(subnet) = nat.subnet.as_deref() else { return Ok(()) };
    let Some(near) = walk.take(endpoint::near(case))? else { return Ok(()) };
    let border = |direction, ports| Border { hop: Hop::NatAcl, subnet, direction, ports };
    if subnet != case.subnet.id {
        walk.pass(acl::pass(case.map, border(Direction::In, Ports::HTTPS), &near))?;
    }
    walk.pass(acl::pass(case.map, border(Direction::Out, Ports::HTTPS), far))?;
    walk.pass(acl::pass(case.map, border(Direction::In, acl::NAT_PORTS), far))?;
    if subnet != case.subnet.id {
        walk.pass(acl::pass(case.map, border(Direction::Out, acl::TASK_PORTS), &near))?;
    }
    Ok(())
}

fn name(target: &Target) -> &str {
    match target {
        Target::InternetGateway(id) | Target::Nat(id) | Target::Elsewhere(id) => id,
        Target::Inside => "the VPC itself",
    }
}

#[cfg(test)]
mod tests;
