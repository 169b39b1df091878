//! The way to a service's public addresses: a gateway endpoint, a NAT gateway, the internet gateway, or
//! something that cannot be seen through.

use super::{
    Broken, Case, Check, Hop, Stop, Via, Walk,
    acl::{self, Border, Far},
    endpoint, groups,
};
use crate::network::{
    fix::Direction,
    model::{Endpoint, EndpointKind, Nat},
    net::{self, ANYWHERE, Net, Ports},
    subnets::{Route, RouteTable, Target},
};
use std::collections::BTreeSet;

/// Walks to the service's public addresses and back.
pub(super) fn public(case: &Case<'_>, walk: &mut Walk) -> Result<Option<Via>, Box<Broken>> {
    let far = service(case);
    let Some(table) = walk.take(case.vpc.table_of(&case.subnet.id).map_err(Stop::from))? else {
        return Ok(None);
    };
    let Some(table) = table else {
        let what = format!("no route table was found for {}", case.subnet.id);
        walk.pass(Err(Stop::Unknown(what)))?;
        return Ok(None);
    };
    if let Some(gateway) = gateway(case, table) {
        own_border(case, &far, walk)?;
        walk.pass(endpoint::admits(case, gateway))?;
        return Ok(Some(Via::Gateway(gateway.id.clone())));
    }
    let Some(exit) = walk.take(exit(case, table, &far))? else {
        own_border(case, &far, walk)?;
        return Ok(None);
    };
    walk.pass(detours(case, table, &far))?;
    match exit {
        Exit::Internet(id) => {
            own_border(case, &far, walk)?;
            Ok(Some(Via::Internet(id)))
        }
        Exit::Nat(nat) => {
            own_border(case, &far, walk)?;
            nat_border(case, nat, &far, walk)?;
            Ok(Some(Via::Nat(nat.id.clone())))
        }
    }
}

/// Whether the packets to a block of the VPC take the local route: one to a narrower block may lead
/// through an appliance.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/route-table-options.html#route-tables-appliance-routing>
pub(super) fn stays_inside(case: &Case<'_>, to: Net) -> Check {
    let Some(table) = case.vpc.table_of(&case.subnet.id)? else { return Ok(()) };
    let inside = |route: &&Route| {
        let net = route.destination.parse::<Net>().ok();
        net.is_some_and(|net| {
            net.overlaps(to) && case.vpc.cidrs.iter().any(|block| block.contains(net))
        })
    };
    match table.routes.iter().filter(inside).find(|route| route.target != Target::Inside) {
        None => Ok(()),
        Some(route) => Err(Stop::Unknown(format!(
            "{} in {} leads to {}, through which the way to {to} cannot be seen",
            route.destination,
            table.id,
            name(&route.target)
        ))),
    }
}

enum Exit<'a> {
    Internet(String),
    Nat(&'a Nat),
}

fn exit<'a>(case: &Case<'a>, table: &RouteTable, far: &Far) -> Check<Exit<'a>> {
    let Case { vpc, subnet, task, .. } = *case;
    let default = table.routes.iter().find(|route| route.destination == "0.0.0.0/0");
    let Some(default) = default else {
        detours(case, table, far)?;
        let six = table.routes.iter().find(|route| route.destination == "::/0" && route.is_active);
        let what = match six.map(|route| name(&route.target)) {
            Some(six) => {
                format!("{} of {} has a default route for IPv6 only, by {six}", table.id, subnet.id)
            }
            None => format!("{} of {} has no default route", table.id, subnet.id),
        };
        return Err(endpoint::absent(case, Hop::Route, &what));
    };
    let target = name(&default.target);
    if !default.is_active {
        let what = format!("0.0.0.0/0 in {} is a blackhole: {target} is gone", table.id);
        return Err(endpoint::absent(case, Hop::Route, &what));
    }
    match &default.target {
        Target::InternetGateway(id) if !task.has_public_address => {
            let what = format!(
                "0.0.0.0/0 in {} leads to {id}, which a task without a public address cannot use",
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
                let what = format!("0.0.0.0/0 in {} leads to {id}, which is gone", table.id);
                return Err(endpoint::absent(case, Hop::Nat, &what));
            };
            nat_works(case, nat).map(|()| Exit::Nat(nat))
        }
        Target::Elsewhere(_) | Target::Inside => Err(Stop::Unknown(format!(
            "0.0.0.0/0 in {} leads to {target}, behind which nothing can be seen from here",
            table.id
        ))),
    }
}

/// <https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html>
fn nat_works(case: &Case<'_>, nat: &Nat) -> Check {
    let absent = |what: &str| Err(endpoint::absent(case, Hop::Nat, what));
    if !nat.is_public {
        return absent(&format!("{} is a private NAT gateway and does not lead out", nat.id));
    }
    if nat.state != "available" {
        return absent(&format!("{} is {}", nat.id, nat.state));
    }
    // A regional one stands in no subnet and has its own way out.
    let at = nat.subnet.as_deref().unwrap_or(&case.subnet.id);
    let blocked = case.vpc.subnet(at).map(|subnet| subnet.block_public_access.as_str());
    if blocked == Some("block-bidirectional") {
        return absent(&format!("VPC Block Public Access closes {} of {at}", nat.id));
    }
    let Some(subnet) = &nat.subnet else { return Ok(()) };
    let Some(table) = case.vpc.table_of(subnet)? else { return Ok(()) };
    let default = table
        .routes
        .iter()
        .find(|route| route.destination == "0.0.0.0/0" && route.is_active)
        .map(|route| &route.target);
    match default {
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

/// Narrower routes that may lead some of the service's addresses another way.
fn detours(case: &Case<'_>, table: &RouteTable, far: &Far) -> Check {
    let is_detour = |route: &&Route| {
        let to_service = match route.destination.parse::<Net>() {
            Ok(net) => {
                net != ANYWHERE
                    && !net.is_private()
                    && !case.vpc.cidrs.iter().any(|block| block.contains(net))
                    && far.nets.iter().any(|far| far.overlaps(net))
            }
            Err(_) => route.destination.starts_with("pl-"),
        };
        to_service && route.is_active && route.target != Target::Inside
    };
    match table.routes.iter().find(is_detour) {
        None => Ok(()),
        Some(route) => Err(Stop::Unknown(format!(
            "{} in {} leads to {}, and whether {} is there is not known",
            route.destination,
            table.id,
            name(&route.target),
            case.need.service
        ))),
    }
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
    let known = list.filter(|(_, list)| !list.cidrs.is_empty());
    Far {
        name: match list {
            Some((id, _)) => format!("{} ({id})", need.service),
            None => format!("the public addresses of {}", need.service),
        },
        nets: known.map_or_else(net::internet, |(_, list)| list.cidrs.clone()),
        is_exact: known.is_some(),
        widest: ANYWHERE,
        prefix_list: list.map(|(id, _)| id.clone()),
    }
}

/// What the task and its subnet say, whatever comes after.
fn own_border(case: &Case<'_>, far: &Far, walk: &mut Walk) -> Result<(), Box<Broken>> {
    walk.pass(groups::egress(case, far, &BTreeSet::new()))?;
    let border =
        |direction, ports| Border { hop: Hop::TaskAcl, subnet: &case.subnet.id, direction, ports };
    walk.pass(acl::pass(case.vpc, border(Direction::Out, Ports::HTTPS), far))?;
    walk.pass(acl::pass(case.vpc, border(Direction::In, acl::TASK_PORTS), far))
}

/// A NAT gateway has no security group, but its subnet has an ACL.
fn nat_border(case: &Case<'_>, nat: &Nat, far: &Far, walk: &mut Walk) -> Result<(), Box<Broken>> {
    let Some(subnet) = nat.subnet.as_deref() else { return Ok(()) };
    let Some(near) = walk.take(endpoint::near(case))? else { return Ok(()) };
    let border = |direction, ports| Border { hop: Hop::NatAcl, subnet, direction, ports };
    if subnet != case.subnet.id {
        walk.pass(acl::pass(case.vpc, border(Direction::In, Ports::HTTPS), &near))?;
    }
    walk.pass(acl::pass(case.vpc, border(Direction::Out, Ports::HTTPS), far))?;
    walk.pass(acl::pass(case.vpc, border(Direction::In, acl::NAT_PORTS), far))?;
    if subnet != case.subnet.id {
        walk.pass(acl::pass(case.vpc, border(Direction::Out, acl::TASK_PORTS), &near))?;
    }
    Ok(())
}

fn name(target: &Target) -> &str {
    match target {
        Target::InternetGateway(id) | Target::Nat(id) | Target::Elsewhere(id) => id,
        Target::Inside => "the VPC itself",
    }
}
