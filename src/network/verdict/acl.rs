//! Whether network ACLs let HTTPS out and its answers back in. They are stateless: the answers go to the
//! ephemeral port of the side that asked. Within one subnet they do not apply.
//! <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-network-acls.html>

use super::{Check, Hop, Stop, groups};
use crate::network::{
    fix::{Direction, Fix},
    map::Map,
    model::{Acl, Entry},
    net::{Net, Open, Packets, Ports},
};
use std::collections::BTreeMap;

/// The ports that Linux asks from. A narrower rule refuses some of a task's connections.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/nacl-ephemeral-ports.html>
pub(super) const TASK_PORTS: Ports = Ports { from: 32768, to: 60999 };
/// The ports that a NAT gateway asks from, and those that AWS says to open for all clients.
pub(super) const NAT_PORTS: Ports = Ports { from: 1024, to: 65535 };

/// The other side of a connection.
#[derive(Debug, Clone)]
pub(super) struct Far {
    /// What it is called.
    pub(super) name: String,
    /// Where it is.
    pub(super) nets: Vec<Net>,
    /// Whether it is everywhere there; else it is somewhere there.
    pub(super) is_exact: bool,
    /// What to open for it, where it has to be opened.
    pub(super) widest: Net,
    /// Its prefix list.
    pub(super) prefix_list: Option<String>,
}

/// Packets at the border of a subnet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Border<'a> {
    pub(super) hop: Hop,
    pub(super) subnet: &'a str,
    pub(super) direction: Direction,
    pub(super) ports: Ports,
}

/// Whether the subnet's ACL lets them pass, from or to the other side.
pub(super) fn pass(map: Map<'_>, border: Border<'_>, far: &Far) -> Check {
    let Border { hop, subnet, direction, ports } = border;
    let Some(acl) = map.acl_of(subnet)? else {
        return Err(Stop::Unknown(format!("no network ACL was found for {subnet}")));
    };
    let entries = match direction {
        Direction::In => &acl.inbound,
        Direction::Out => &acl.outbound,
    };
    if far.nets.iter().all(|net| lets_all(entries, Packets::new(*net, ports))) {
        return Ok(());
    }
    let mut refused = Refused::default();
    let mut open = Vec::new();
    for net in &far.nets {
        decide(entries, Packets::new(*net, ports), &mut open, &mut refused);
    }
    if !refused.any {
        return Ok(());
    }
    let of_what = if ports == Ports::HTTPS { "HTTPS" } else { "the answers" };
    let side = match direction {
        Direction::In => "from",
        Direction::Out => "to",
    };
    let by = refused.by.map_or_else(|| "its last rule, `*`".to_owned(), |n| format!("rule {n}"));
    let what = format!(
        "{} of {subnet} refuses {of_what} {side} {} (TCP {ports}) by {by}",
        acl.id, far.name
    );
    // Where the other side is only somewhere in the block, a refusal is certain only if a port is
    // refused everywhere in it.
    if !far.is_exact && covers(&mut open, ports) {
        return Err(Stop::Unknown(format!("{what}, in a part of where it may be")));
    }
    let wanted = if ports == Ports::HTTPS { ports } else { NAT_PORTS };
    // The whole VPC at once: an ACL takes twenty rules, and an endpoint may stand in as many subnets.
    let cidr = groups::block_of(map.vpc, far.widest);
    Err(Stop::broken(hop, what, fix(acl, entries, direction, refused.by, wanted, cidr)))
}

#[derive(Debug, Default)]
struct Refused {
    any: bool,
    /// The first rule that refuses; the last one, `*`, where there is none.
    by: Option<u16>,
}

/// Whether the first rule that matches any of them allows all of them, as it does nearly always.
fn lets_all(entries: &BTreeMap<u16, Entry>, packets: Packets) -> bool {
    let first = entries.values().find_map(|entry| {
        let shared = packets.and(Packets::new(entry.cidr, ports(entry)?))?;
        Some(entry.allows && shared == packets)
    });
    first == Some(true)
}

/// The ports that a rule is about, where it is about TCP.
fn ports(entry: &Entry) -> Option<Ports> {
    match entry.protocol.as_str() {
        "-1" | "all" => Some(Ports::ALL),
        "6" | "tcp" => Some(entry.ports),
        _ => None,
    }
}

fn decide(
    entries: &BTreeMap<u16, Entry>,
    packets: Packets,
    allowed: &mut Vec<Ports>,
    refused: &mut Refused,
) {
    let mut open = Open::new(packets);
    for (number, entry) in entries {
        let Some(ports) = ports(entry) else { continue };
        let matched = open.decide(Packets::new(entry.cidr, ports));
        if entry.allows {
            allowed.extend(matched.into_iter().map(Packets::ports));
        } else if !matched.is_empty() {
            refused.any = true;
            refused.by = Some(refused.by.map_or(*number, |by| by.min(*number)));
        }
        if open.is_empty() {
            return;
        }
    }
    refused.any = true;
}

/// Whether every port is let through for one address at least.
fn covers(allowed: &mut [Ports], ports: Ports) -> bool {
    allowed.sort_unstable();
    let mut next = u32::from(ports.from);
    for range in allowed {
        if u32::from(range.from) > next {
            break;
        }
        next = next.max(u32::from(range.to) + 1);
    }
    next > u32::from(ports.to)
}

/// A rule that lets them pass, before the first that refuses; where no number is left there, that one
/// goes.
fn fix(
    acl: &Acl,
    entries: &BTreeMap<u16, Entry>,
    direction: Direction,
    by: Option<u16>,
    ports: Ports,
    cidr: Net,
) -> Fix {
    /// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkAclEntry.html>
    const HIGHEST: u16 = 32766;
    let is_free = |number: &u16| !entries.contains_key(number);
    let after = entries.keys().next_back().map_or(100, |last| (last / 10).saturating_add(1) * 10);
    let number = match by {
        Some(by) => (1..by).rev().find(is_free),
        None if after <= HIGHEST => Some(after),
        None => (1..=HIGHEST).rev().find(is_free),
    };
    let acl = acl.id.clone();
    match (number, by) {
        (Some(number), _) => Fix::AllowInAcl { acl, number, direction, ports, cidr },
        (None, by) => Fix::DropAclEntry { acl, number: by.unwrap_or(HIGHEST), direction },
    }
}
