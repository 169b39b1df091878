//! The part of the plan that lets the internet in: load balancer, listeners, rule.

mod certificates;
mod listeners;
mod rules;

use super::{Inputs, shift};
use crate::{
    address::{Address, Kind, Known},
    error::{Error, Result},
    network::placement::Placement,
    plan::{Plan, change::Change},
    resource::{Action, load_balancer},
    world::vpc::Vpc,
};
use listeners::{redirect, serving, test_listener};
use rules::{Ruled, rule};
use std::collections::BTreeSet;

/// A load balancer that stands is used only where it leads from the internet into this VPC.
pub(super) fn check_given(found: &load_balancer::Observed, vpc: &Vpc) -> Result<()> {
    let name = &found.settings.name;
    let is_here = |id: &String| vpc.subnets.iter().any(|subnet| subnet.subnet.id == *id);
    let public = |id: &String| {
        vpc.subnets.iter().any(|subnet| {
            subnet.subnet.id == *id && subnet.class == crate::network::subnets::Class::Public
        })
    };
    let private: Vec<_> = found.settings.subnets.iter().filter(|id| !public(id)).cloned().collect();
    let what = if found.kind != "application" {
        format!("is a {} load balancer, not an application load balancer", found.kind)
    } else if !found.settings.subnets.iter().any(is_here) {
        let subnets = found.settings.subnets.iter().cloned().collect::<Vec<_>>().join(", ");
        format!("stands in another VPC, in {subnets}; the service stands in {}", vpc.id)
    } else if found.settings.scheme != "internet-facing" {
        "is internal: nothing outside the VPC reaches it, and its scheme cannot be changed"
            .to_owned()
    } else if !private.is_empty() {
        format!("stands in subnets that have no route from the internet: {}", private.join(", "))
    } else {
        return Ok(());
    };
    Err(Error::refused(
        format!("load balancer `{name}` {what}"),
        "name another one in `load-balancer.name`; one that does not exist is made",
    ))
}

/// What the load balancer carries, where that is not this plan's to change: it is somebody else's, or the
/// main service's. A load balancer for previews that the first one cannot take carries what that does,
/// because it is what the tasks admit.
pub(super) fn carried(inputs: &Inputs<'_>) -> Option<BTreeSet<Known>> {
    let Inputs { config, world, .. } = *inputs;
    let is_preview = config.preview_of.is_some();
    let found = world.load_balancer.as_ref();
    let found = found.filter(|found| is_preview || !found.ownership.is_managed());
    match (found, &world.place.overflow) {
        (Some(found), _) => Some(found.settings.security_groups.clone()),
        (None, Some(overflow)) => {
            Some(overflow.security_groups.iter().cloned().map(Known::Now).collect())
        }
        (None, None) => None,
    }
}

/// Plans the load balancer.
pub(super) fn load_balancer(
    inputs: &Inputs<'_>,
    placement: &Placement,
    groups: &BTreeSet<Known>,
    plan: &mut Plan,
) -> Known {
    let Inputs { config, world, .. } = *inputs;
    let place = &world.place;
    let desired = load_balancer::Settings {
        name: place.name.clone(),
        scheme: "internet-facing".to_owned(),
        subnets: placement.load_balancer.clone(),
        security_groups: groups.clone(),
        drop_invalid_headers: true,
        used_by_this_stack: place.overflow.is_none(),
        overflow_of: place.overflow.as_ref().map(|_| config.load_balancer.name.clone()),
    };
    let observed = world.load_balancer.as_ref();
    // What a preview finds is the main service's, and nothing of that is changed for it.
    let change = match observed {
        Some(_) if config.preview_of.is_some() => None,
        observed => load_balancer::diff(&desired, observed),
    };
    let reason = match (&change, &place.overflow) {
        (Some(Action::Update { .. }), _) => "its zones, groups, attributes or users differ",
        (_, Some(overflow)) => &overflow.full.join("; "),
        _ => "the internet reaches the service through it",
    };
    let address = Address::new(Kind::LoadBalancer, &place.name);
    plan.add(address.clone(), change.map(Change::LoadBalancer), reason);
    plan.warnings.extend(told(inputs));
    observed.map_or(Known::After(address), |found| Known::Now(found.arn.clone()))
}

/// What is told of a preview's URL, where somebody has to do something for it to lead here.
fn told(inputs: &Inputs<'_>) -> Option<String> {
    let Inputs { config, world, .. } = *inputs;
    config.preview_of.as_ref()?;
    let (host, path) = world.place.way(&config.load_balancer);
    match (host, path, &world.place.overflow) {
        (Some(host), None, Some(overflow)) => {
            let name = &world.place.name;
            let to = world.load_balancer.as_ref().map_or_else(
                || format!("the DNS name that load balancer {name} gets"),
                |found| format!("{}, load balancer {name}", found.dns),
            );
            let why = match &overflow.full[..] {
                [] => format!("load balancer {} was full when it was made", config.load_balancer.name),
                full => full.join("; "),
            };
            Some(format!("{host} needs a DNS record of its own, to {to}: {why}"))
        }
        (None, Some(_), _) if config.load_balancer.certificate.is_some() => Some(
            "the URL is under the load balancer's own name, which no certificate covers: a browser warns \
             of it"
                .to_owned(),
        ),
        _ => None,
    }
}

/// Where the requests are to go.
#[derive(Debug, Clone, Copy)]
pub(super) struct To<'a> {
    /// The target group.
    pub(super) one: &'a Known,
    /// The target group that ECS moves them to and back from.
    pub(super) other: Option<&'a Known>,
    /// The port by which a new version is tried.
    pub(super) test_port: Option<u16>,
}

/// The way in, as far as the service has to know it.
#[derive(Debug)]
pub(super) struct WayIn {
    /// What the service has to wait for, because ECS refuses a target group that hangs on nothing.
    pub(super) stands_on: Vec<Known>,
    /// The rule by which everybody's requests come; `None` where the listener itself leads here.
    pub(super) rule: Option<Known>,
    /// The rule by which a new version is tried.
    pub(super) test_rule: Option<Known>,
}

/// Plans the listeners and the rules. A rule there is for a host, for a path, and where requests move from one target
/// group to another: ECS is told of a rule, and not of a listener.
pub(super) fn way_in(
    inputs: &Inputs<'_>,
    balancer: &Known,
    to: &To<'_>,
    plan: &mut Plan,
) -> Result<WayIn> {
    let config = &inputs.config.load_balancer;
    let https =
        config.certificate.clone().map(|certificate| (certificate, config.ssl_policy.clone()));
    let name = if https.is_some() { "https" } else { "http" };
    let serving = serving(inputs, name, balancer, to.one, https.clone(), plan)?;
    if https.is_some() {
        redirect(inputs, balancer, plan);
        certificates::ensure(inputs, &serving, plan)?;
    }
    if config.host.is_none() && config.path.is_none() && to.other.is_none() {
        let address = Address::new(Kind::Listener, name);
        let changes = plan.steps.contains_key(&address);
        let stands_on = vec![if changes { Known::After(address) } else { serving }];
        return Ok(WayIn { stands_on, rule: None, test_rule: None });
    }
    let target_groups = shift::target_groups(to.one, to.other);
    let address = inputs.address(Kind::Rule);
    let Ruled { rule: main, waits_for, target_groups } =
        rule(inputs, serving, target_groups, address, plan)?;
    let mut stands_on = vec![waits_for];
    let test_rule = to.test_port.map(|port| {
        let listener = test_listener(inputs, port, balancer, https, plan)?;
        let address = Address::new(Kind::Rule, format!("{}-test", inputs.config.service));
        // It begins with the weights of the other one: the version that is live gets both.
        rule(inputs, listener, target_groups, address, plan)
    });
    let test_rule = test_rule.transpose()?.map(|ruled| {
        stands_on.push(ruled.waits_for);
        ruled.rule
    });
    Ok(WayIn { stands_on, rule: Some(main), test_rule })
}
