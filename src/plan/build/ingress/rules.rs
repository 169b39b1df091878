//! The rules by which requests come to the service.

use super::Inputs;
use crate::{
    address::{Address, Known},
    error::{Error, Result},
    plan::{Plan, change::Change},
    resource::{
        Action,
        rule::{self, priority, rewrite::Rewrite, takes::Takes},
    },
};
use std::collections::BTreeMap;

/// A rule of this plan, or one that stands.
pub(super) struct Ruled {
    /// What it is known by.
    pub(super) rule: Known,
    /// The same, or the step that changes it.
    pub(super) waits_for: Known,
    /// Where it will lead.
    pub(super) target_groups: BTreeMap<Known, u32>,
}

/// The rule by which the service's host comes, or its path, or everybody.
pub(super) fn rule(
    inputs: &Inputs<'_>,
    listener: Known,
    target_groups: BTreeMap<Known, u32>,
    address: Address,
    plan: &mut Plan,
) -> Result<Ruled> {
    let Inputs { config, names, world, .. } = *inputs;
    let (host, path) = world.place.way(&config.load_balancer);
    let takes = Takes::of(host.as_deref(), path.as_deref());
    let rules = listener.now().and_then(|arn| world.rules.get(arn)).map_or(&[][..], Vec::as_slice);
    // One of ours that somebody gave another form is passed over once there is a better one: it must
    // not make a new rule in every run.
    let own = rules.iter().filter(|rule| rule.ownership.is_of(&names.stack));
    let own = own.max_by_key(|rule| rule.settings.is_some());
    let others = rules.iter().filter(|rule| !rule.ownership.is_of(&names.stack));
    if let Some(other) = others.clone().find(|rule| rule.takes.collides(&takes)) {
        let found = other.settings.as_ref().map(|found| &found.target_groups);
        if let Some(found) = found.filter(|found| leads_to(found, &target_groups)) {
            plan.unchanged += 1;
            let rule = Known::Now(other.arn.clone());
            return Ok(Ruled { waits_for: rule.clone(), rule, target_groups: found.clone() });
        }
        return Err(taken(inputs, &takes, other));
    }
    let number = config.preview_of.as_ref().map(|preview| preview.number);
    let wanted = priority::first(host.is_some(), path.is_some(), number);
    let (priorities, shadow) = rule::standing(others.clone(), &takes);
    let before = shadow.and_then(|rule| rule.priority);
    let kept = own.and_then(|rule| rule.settings.as_ref()).map(|found| found.priority);
    let priority = kept.or_else(|| priority::free(&priorities, wanted, before));
    let desired = rule::Settings {
        listener,
        priority: priority.ok_or_else(|| no_priority(inputs, &takes, shadow))?,
        rewrite: path.as_deref().map(Rewrite::off),
        host,
        path,
        target_groups,
    };
    let change = rule::diff(&desired, own);
    if let Some(rule) = shadow.filter(|rule| kept.is_some() && rule.priority < kept) {
        plan.warnings.push(format!(
            "a rule of load balancer {} is asked before this service's and takes its requests: {}",
            world.place.name, rule.arn
        ));
    }
    let reason = match (&desired.path, &desired.host) {
        (Some(path), Some(host)) => format!("requests for {host}{path} go to this service"),
        (Some(path), None) => format!("requests for {path} go to this service"),
        (None, Some(host)) => format!("requests for {host} go to this service"),
        (None, None) => "ECS moves the requests by it".to_owned(),
    };
    let after = Known::After(address.clone());
    let there = own.and_then(|rule| Some((Known::Now(rule.arn.clone()), rule.settings.as_ref()?)));
    let made = match (&change, there) {
        (None, Some((rule, found))) => {
            let target_groups = found.target_groups.clone();
            Ruled { waits_for: rule.clone(), rule, target_groups }
        }
        (Some(Action::Update { to, .. }), Some((rule, _))) => {
            Ruled { rule, waits_for: after, target_groups: to.target_groups.clone() }
        }
        _ => Ruled { rule: after.clone(), waits_for: after, target_groups: desired.target_groups },
    };
    plan.add(address, change.map(Change::Rule), &reason);
    Ok(made)
}

fn taken(inputs: &Inputs<'_>, takes: &Takes, other: &rule::Observed) -> Error {
    let help = match (&inputs.config.preview_of, &inputs.config.load_balancer.path) {
        (None, _) => "give this service another `load-balancer.host`, or delete that rule",
        (Some(_), None) => "give the previews another `preview.host`, or delete that rule",
        (Some(_), Some(_)) => "give the previews another `preview.path`, or delete that rule",
    };
    let name = &inputs.world.place.name;
    Error::refused(
        format!("another rule of load balancer `{name}` takes {takes}: {}", other.arn),
        help,
    )
}

fn no_priority(inputs: &Inputs<'_>, takes: &Takes, shadow: Option<&rule::Observed>) -> Error {
    let name = &inputs.world.place.name;
    let what = match shadow {
        Some(rule) => format!(
            "a rule of load balancer `{name}` takes {takes} before any other can: {} has priority {}",
            rule.arn,
            rule.priority.unwrap_or_default()
        ),
        None => {
            format!("load balancer `{name}` has no priority left for a rule that takes {takes}")
        }
    };
    Error::refused(what, "give that rule a later one: aws elbv2 set-rule-priorities")
}

fn leads_to(found: &BTreeMap<Known, u32>, wanted: &BTreeMap<Known, u32>) -> bool {
    wanted.keys().all(|group| found.contains_key(group))
}
