//! Whether security groups let HTTPS out of the task and into the endpoint. They are stateful: the
//! answers need no rule. Amazon's DNS passes without one.
//! <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html>

use super::{Case, Check, Hop, Stop, acl::Far};
use crate::network::{
    fix::{Direction, Fix},
    model::{Group, Peer, Rule, Topology},
    net::{Net, Share, share},
};
use std::collections::BTreeSet;

/// Whether the task's groups let it out. `far_groups` are what the other side carries.
pub(super) fn egress(case: &Case<'_>, far: &Far, far_groups: &BTreeSet<String>) -> Check {
    let (rules, mut doubt) = rules(case.vpc, &case.task.groups, |group| &group.egress)?;
    let admitted = admitted(case.vpc, &rules, far_groups, far.prefix_list.as_deref(), &mut doubt);
    let Admitted::Nets(nets) = admitted else { return Ok(()) };
    let shares: Vec<_> =
        far.nets.iter().map(|target| share(*target, nets.iter().copied())).collect();
    if shares.iter().all(|share| *share == Share::All) {
        return Ok(());
    }
    if let Some(doubt) = doubt {
        return Err(Stop::Unknown(doubt));
    }
    let some = shares.iter().any(|share| *share != Share::Nothing);
    let groups = case.task.groups.iter().cloned().collect::<Vec<_>>().join(", ");
    if some && !far.is_exact {
        let what = format!("{groups} lets out HTTPS to a part of where {} is", case.need.service);
        return Err(Stop::Unknown(what));
    }
    let fix = case.task.groups.iter().next().map(|group| Fix::Authorize {
        group: group.clone(),
        direction: Direction::Out,
        peer: match (far_groups.iter().next(), &far.prefix_list) {
            (Some(group), _) => Peer::Group(group.clone()),
            (None, Some(list)) => Peer::PrefixList(list.clone()),
            (None, None) => Peer::Cidr(far.widest),
        },
    });
    let what = if some {
        format!("{groups} lets out HTTPS to a part of {} only", far.name)
    } else {
        format!("{groups} does not let out HTTPS to {}", far.name)
    };
    Err(Stop::broken(Hop::TaskEgress, what, fix))
}

/// Whether the endpoint's groups admit the task, wherever in its subnet it stands.
pub(super) fn ingress(
    case: &Case<'_>,
    endpoint: &str,
    groups: &BTreeSet<String>,
    from: Net,
) -> Check {
    let (rules, mut doubt) = rules(case.vpc, groups, |group| &group.ingress)?;
    let admitted = admitted(case.vpc, &rules, &case.task.groups, None, &mut doubt);
    let Admitted::Nets(nets) = admitted else { return Ok(()) };
    let share = share(from, nets);
    if share == Share::All {
        return Ok(());
    }
    if let Some(doubt) = doubt {
        return Err(Stop::Unknown(doubt));
    }
    let names = groups.iter().cloned().collect::<Vec<_>>().join(", ");
    let extent = if share == Share::Part { "all of " } else { "" };
    let what = format!("{names} of {endpoint} does not admit HTTPS from {extent}{from}");
    let fix = groups.iter().next().map(|group| Fix::Authorize {
        group: group.clone(),
        direction: Direction::In,
        peer: Peer::Cidr(block_of(case.vpc, from)),
    });
    Err(Stop::broken(Hop::EndpointIngress, what, fix))
}

/// A group for a new endpoint: one that an endpoint carries already and that admits HTTPS from all of
/// these. Any other group may be about something else altogether.
pub(super) fn admitting(case: &Case<'_>, from: &[Net]) -> Option<String> {
    let groups = case.vpc.groups.as_ref().ok()?;
    let endpoints = case.vpc.endpoints.as_ref().ok()?;
    let carried = endpoints.iter().flat_map(|endpoint| &endpoint.groups);
    let admits = |id: &&String| {
        let Some(group) = groups.get(*id) else { return false };
        let rules: Vec<_> = group.ingress.iter().filter(|rule| rule.is_https()).collect();
        match admitted(case.vpc, &rules, &case.task.groups, None, &mut None) {
            Admitted::All => true,
            Admitted::Nets(nets) => {
                from.iter().all(|net| share(*net, nets.iter().copied()) == Share::All)
            }
        }
    };
    carried.into_iter().find(admits).cloned()
}

/// The VPC's block: private DNS leads all of the VPC to an endpoint, not only these tasks.
pub(super) fn block_of(vpc: &Topology, net: Net) -> Net {
    vpc.cidrs.iter().copied().find(|block| block.contains(net)).unwrap_or(net)
}

/// What rules admit.
enum Admitted {
    /// The other side, by its group or its prefix list.
    All,
    /// These blocks.
    Nets(Vec<Net>),
}

fn admitted(
    vpc: &Topology,
    rules: &[&Rule],
    groups: &BTreeSet<String>,
    list: Option<&str>,
    doubt: &mut Option<String>,
) -> Admitted {
    let mut nets = Vec::new();
    for rule in rules {
        match &rule.peer {
            Peer::Group(group) if groups.contains(group) => return Admitted::All,
            Peer::PrefixList(id) if list == Some(id) => return Admitted::All,
            Peer::Group(_) => {}
            Peer::Cidr(net) => nets.push(*net),
            Peer::PrefixList(id) => match &vpc.prefix_lists {
                Ok(lists) => match lists.get(id) {
                    Some(list) => nets.extend(&list.cidrs),
                    None => *doubt = Some(format!("the prefix list {id} was not found")),
                },
                Err(unknown) => *doubt = Some(unknown.to_string()),
            },
        }
    }
    Admitted::Nets(nets)
}

/// The rules of these groups that are about HTTPS, and the doubt where one of the groups is not seen: the
/// others may admit, but nothing can be said to be refused.
fn rules<'a>(
    vpc: &'a Topology,
    ids: &BTreeSet<String>,
    side: impl Fn(&'a Group) -> &'a Vec<Rule>,
) -> Check<(Vec<&'a Rule>, Option<String>)> {
    let groups = vpc.groups.as_ref()?;
    let mut rules = Vec::new();
    let mut doubt = None;
    for id in ids {
        match groups.get(id) {
            Some(group) => rules.extend(side(group).iter().filter(|rule| rule.is_https())),
            None => doubt = Some(format!("the security group {id} was not found in {}", vpc.vpc)),
        }
    }
    Ok((rules, doubt))
}
