//! The listener rule that leads a host's requests, or all, to this service.

use super::{Action, changed};
use crate::{
    address::Known,
    apply::Outputs,
    aws::{
        Reader, Writer, elb_tags,
        explain::{Explain as _, Failure},
        settle::{Settling, is_not_known_yet},
    },
    resource::load_balancer::ownerships,
    tags::{Ownership, Tags},
};
use aws_sdk_elasticloadbalancingv2::types::{
    Action as ElbAction, ActionTypeEnum, ForwardActionConfig, HostHeaderConditionConfig,
    PathPatternConditionConfig, Rule, RuleCondition, TargetGroupTuple,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The first priority that is tried; those before it are left for rules made by hand.
const FIRST_PRIORITY: u32 = 100;
/// ELB's last priority.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateRule.html>
const LAST_PRIORITY: u32 = 50_000;
/// The path of every request.
const EVERY_PATH: &str = "/*";

/// The most rules that ELB gives at once: a listener with more of them takes a further round trip.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeRules.html>
const PAGE: i32 = 400;

/// What a rule looks like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// The listener's ARN.
    pub listener: Known,
    /// The order in which rules are asked; one per listener.
    pub priority: u32,
    /// The host that it takes; `None` takes every request.
    pub host: Option<String>,
    /// Where the requests go, by weight. Where there are two, ECS moves the weights.
    pub target_groups: BTreeMap<Known, u32>,
}

impl Settings {
    /// What is known of a rule that has a form which this program never makes.
    pub fn other(rule: &Observed, listener: &str) -> Self {
        Self {
            listener: Known::Now(listener.to_owned()),
            priority: rule.priority.unwrap_or_default(),
            host: Some("(changed by somebody)".to_owned()),
            target_groups: BTreeMap::new(),
        }
    }
}

impl super::Settings for Settings {
    fn references(&self) -> Vec<&Known> {
        std::iter::once(&self.listener).chain(self.target_groups.keys()).collect()
    }
}

/// A rule that is there.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Its ARN.
    pub arn: String,
    /// Whose it is.
    pub ownership: Ownership,
    /// How it is set; `None` where it has a form that this program never makes.
    pub settings: Option<Settings>,
    /// Its priority; `None` for the default rule.
    pub priority: Option<u32>,
}

/// Reads the listener's rules, the default one left out.
pub async fn observe(aws: &Reader, listener: &str) -> Result<Vec<Observed>, Failure> {
    let request = aws.elb.describe_rules().listener_arn(listener).page_size(PAGE);
    let mut pages = request.into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.explain("elasticloadbalancing:DescribeRules", listener)?;
        let rules = page.rules.unwrap_or_default();
        found.extend(rules.into_iter().filter(|rule| rule.is_default() != Some(true)));
    }
    let arns: Vec<_> = found.iter().filter_map(|rule| rule.rule_arn().map(str::to_owned)).collect();
    let mut owners = ownerships(aws, &arns).await?;
    Ok(found
        .iter()
        .map(|rule| {
            let arn = rule.rule_arn().unwrap_or_default().to_owned();
            Observed {
                ownership: owners.remove(&arn).unwrap_or_default(),
                settings: settings(rule, listener),
                priority: priority(rule),
                arn,
            }
        })
        .collect())
}

fn priority(rule: &Rule) -> Option<u32> {
    rule.priority().and_then(|priority| priority.parse().ok())
}

fn settings(rule: &Rule, listener: &str) -> Option<Settings> {
    let ([condition], [action]) = (rule.conditions(), rule.actions()) else { return None };
    let host = if condition.field() == Some("path-pattern") {
        let paths =
            condition.path_pattern_config().map_or(condition.values(), |path| path.values());
        (paths == [EVERY_PATH]).then_some(None)?
    } else {
        let hosts = condition.host_header_config().map_or(condition.values(), |host| host.values());
        let [host] = hosts else { return None };
        Some(host.clone())
    };
    let target_groups = forwarded(action);
    (!target_groups.is_empty()).then_some(Settings {
        listener: Known::Now(listener.to_owned()),
        priority: priority(rule)?,
        host,
        target_groups,
    })
}

/// Where an action leads, by weight; empty where it leads to no target group.
pub fn forwarded(action: &ElbAction) -> BTreeMap<Known, u32> {
    let known = |arn: Option<&str>| arn.map(|arn| Known::Now(arn.to_owned()));
    let weighted = action.forward_config().map_or(&[][..], ForwardActionConfig::target_groups);
    let mut groups: BTreeMap<_, _> = weighted
        .iter()
        .filter_map(|group| {
            let weight = group.weight().and_then(|weight| weight.try_into().ok()).unwrap_or(1);
            Some((known(group.target_group_arn())?, weight))
        })
        .collect();
    if groups.is_empty() {
        groups.extend(known(action.target_group_arn()).map(|group| (group, 1)));
    }
    groups
}

/// The priority that is free: for one host the lowest, for every request the highest, so that the
/// rules of hosts come before it.
pub fn free_priority(taken: &BTreeSet<u32>, is_for_one_host: bool) -> u32 {
    let mut all = FIRST_PRIORITY..=LAST_PRIORITY;
    let is_free = |priority: &u32| !taken.contains(priority);
    let free = if is_for_one_host { all.find(is_free) } else { all.rfind(is_free) };
    free.unwrap_or(LAST_PRIORITY)
}

/// What is missing or differs. The priority of a rule that stands is kept, and so are the weights of the
/// target groups that it leads to: they say which one is live.
pub fn diff(desired: &Settings, observed: Option<&Observed>) -> Option<Action<Settings>> {
    let observed = observed.and_then(|rule| rule.settings.as_ref().map(|found| (rule, found)));
    let Some((rule, found)) = observed else { return Some(Action::Create(desired.clone())) };
    let target_groups = weights(&desired.target_groups, &found.target_groups);
    let to = Settings { priority: found.priority, target_groups, ..desired.clone() };
    changed(&rule.arn, found, &to)
}

/// The wanted target groups with the weights that stand, where one of them gets requests already.
fn weights(wanted: &BTreeMap<Known, u32>, found: &BTreeMap<Known, u32>) -> BTreeMap<Known, u32> {
    if !wanted.keys().any(|group| found.get(group).is_some_and(|weight| *weight > 0)) {
        return wanted.clone();
    }
    wanted.keys().map(|group| (group.clone(), found.get(group).copied().unwrap_or(0))).collect()
}

/// The calls that [`apply`] makes.
pub fn calls(action: &Action<Settings>) -> Vec<&'static str> {
    match action {
        Action::Create(_) => vec!["elasticloadbalancing:CreateRule"],
        Action::Update { .. } => vec!["elasticloadbalancing:ModifyRule"],
        Action::Delete { .. } => vec!["elasticloadbalancing:DeleteRule"],
    }
}

/// Makes it so; yields the rule's ARN.
pub async fn apply(
    action: &Action<Settings>,
    tags: &Tags,
    aws: &Writer,
    outputs: &Outputs,
) -> Result<String, Failure> {
    let elb = &aws.aws.elb;
    match action {
        Action::Create(to) => create(to, tags, aws, outputs).await,
        Action::Update { id, to, .. } => {
            modify(id, to, aws, outputs).await?;
            Ok(id.clone())
        }
        Action::Delete { id, .. } => {
            let deleted = elb.delete_rule().rule_arn(id).send().await;
            match deleted.explain("elasticloadbalancing:DeleteRule", id) {
                Err(failure) if !failure.is("RuleNotFound") => Err(failure),
                _ => Ok(id.clone()),
            }
        }
    }
}

/// Another run may take the priority between this run's look and its call: then the next free one is
/// taken. Each round somebody else got a rule, so the rounds end. CreateRule knows no call again, so the
/// rule that has the priority may be this stack's own: of a call whose answer was lost, or of another run
/// of the same service.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateRule.html>
async fn create(
    to: &Settings,
    tags: &Tags,
    aws: &Writer,
    outputs: &Outputs,
) -> Result<String, Failure> {
    let listener = outputs.resolve(&to.listener);
    let mut taken = BTreeSet::new();
    let mut priority = to.priority;
    loop {
        let created = aws.settled(Settling::MADE, is_not_known_yet, async || {
            let request = aws.aws.elb.create_rule().listener_arn(&listener);
            request
                .priority(priority.cast_signed())
                .conditions(condition(to))
                .actions(forward(to, outputs))
                .set_tags(Some(elb_tags(tags)))
                .send()
                .await
                .explain("elasticloadbalancing:CreateRule", format!("{} for {listener}", takes(to)))
        });
        match created.await {
            Err(failure) if failure.is("PriorityInUse") && priority < LAST_PRIORITY => {
                taken.insert(priority);
                let rules = observe(&aws.aws, &listener).await?;
                let is_ours = |rule: &&Observed| {
                    let settings = rule.settings.as_ref();
                    rule.ownership.is_of(&aws.stack)
                        && settings.is_some_and(|settings| settings.host == to.host)
                };
                if let Some(found) = rules.iter().find(is_ours) {
                    lead(&found.arn, found.settings.as_ref(), to, aws, outputs).await?;
                    return Ok(found.arn.clone());
                }
                taken.extend(rules.iter().filter_map(|rule| rule.priority));
                priority = free_priority(&taken, to.host.is_some());
            }
            created => {
                return Ok(created?
                    .rules
                    .and_then(|rules| rules.into_iter().next())
                    .and_then(|rule| rule.rule_arn)
                    .unwrap_or_default());
            }
        }
    }
}

fn takes(to: &Settings) -> &str {
    to.host.as_deref().unwrap_or(EVERY_PATH)
}

/// Lets a rule of this stack's lead to the target group, where it does not.
async fn lead(
    id: &str,
    from: Option<&Settings>,
    to: &Settings,
    aws: &Writer,
    outputs: &Outputs,
) -> Result<(), Failure> {
    let leads_there = |from: &Settings| {
        let groups = |settings: &Settings| -> BTreeSet<String> {
            settings.target_groups.keys().map(|group| outputs.resolve(group)).collect()
        };
        groups(from) == groups(to)
    };
    if from.is_some_and(leads_there) {
        return Ok(());
    }
    modify(id, to, aws, outputs).await
}

async fn modify(id: &str, to: &Settings, aws: &Writer, outputs: &Outputs) -> Result<(), Failure> {
    let request = aws.aws.elb.modify_rule().rule_arn(id);
    let request = request.conditions(condition(to)).actions(forward(to, outputs));
    request.send().await.explain("elasticloadbalancing:ModifyRule", id).map(drop)
}

fn condition(to: &Settings) -> RuleCondition {
    let builder = RuleCondition::builder();
    match &to.host {
        Some(host) => builder
            .field("host-header")
            .host_header_config(HostHeaderConditionConfig::builder().values(host).build()),
        None => builder
            .field("path-pattern")
            .path_pattern_config(PathPatternConditionConfig::builder().values(EVERY_PATH).build()),
    }
    .build()
}

fn forward(to: &Settings, outputs: &Outputs) -> ElbAction {
    let builder = ElbAction::builder().r#type(ActionTypeEnum::Forward);
    let mut groups = to.target_groups.iter();
    if let (Some((group, _)), None) = (groups.next(), groups.next()) {
        return builder.target_group_arn(outputs.resolve(group)).build();
    }
    let groups = to.target_groups.iter().map(|(group, weight)| {
        TargetGroupTuple::builder()
            .target_group_arn(outputs.resolve(group))
            .weight(weight.cast_signed())
            .build()
    });
    let config = ForwardActionConfig::builder().set_target_groups(Some(groups.collect()));
    builder.forward_config(config.build()).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str) -> Known {
        Known::Now(name.to_owned())
    }

    fn rule(weights: &[(&str, u32)]) -> Settings {
        Settings {
            listener: Known::Now("listener".to_owned()),
            priority: 100,
            host: Some("web.example.com".to_owned()),
            target_groups: weights.iter().map(|&(name, weight)| (group(name), weight)).collect(),
        }
    }

    fn observed(settings: Settings) -> Observed {
        let ownership = Ownership::read([(crate::tags::STACK, "web")]);
        Observed {
            arn: "arn".to_owned(),
            ownership,
            priority: Some(settings.priority),
            settings: Some(settings),
        }
    }

    #[test]
    fn weights_that_ecs_moved_are_not_moved_back() {
        let wanted = rule(&[("blue", 1), ("green", 0)]);
        for there in [[("blue", 0), ("green", 100)], [("blue", 90), ("green", 10)]] {
            assert_eq!(diff(&wanted, Some(&observed(rule(&there)))), None);
        }
    }

    #[test]
    fn a_second_target_group_gets_no_requests_at_first() {
        let wanted = rule(&[("blue", 1), ("green", 0)]);
        for (there, live) in
            [("blue", [("blue", 1), ("green", 0)]), ("green", [("blue", 0), ("green", 1)])]
        {
            let change = diff(&wanted, Some(&observed(rule(&[(there, 1)]))));
            let Some(Action::Update { to, .. }) = change else { panic!("{change:?}") };
            assert_eq!(to.target_groups, rule(&live).target_groups);
        }
        let change = diff(&wanted, Some(&observed(rule(&[("other", 1)]))));
        let Some(Action::Update { to, .. }) = change else { panic!("{change:?}") };
        assert_eq!(to, wanted);
    }

    #[test]
    fn a_rule_for_every_request_comes_after_those_for_hosts() {
        let taken = BTreeSet::from([100, 101, 50_000]);
        assert_eq!((free_priority(&taken, true), free_priority(&taken, false)), (102, 49_999));
    }

    #[test]
    fn what_a_rule_takes_and_where_it_leads_is_read_as_it_is_written() {
        for host in [None, Some("web.example.com".to_owned())] {
            for groups in [&[("blue", 1)][..], &[("blue", 1), ("green", 0)]] {
                let wanted = Settings { host: host.clone(), ..rule(groups) };
                let written = Rule::builder()
                    .priority("100")
                    .conditions(condition(&wanted))
                    .actions(forward(&wanted, &Outputs::default()))
                    .build();
                assert_eq!(settings(&written, "listener"), Some(wanted));
            }
        }
    }
}
