//! The listener rule that leads a host's requests, or those under a path, or all, to this service.

pub mod priority;
pub mod rewrite;
pub mod takes;
#[cfg(test)]
mod tests;

use super::{Action, changed};
use crate::{
    address::Known,
    apply::Outputs,
    aws::{
        Reader, Writer, elb_tags,
        explain::{Explain as _, Failure},
        settle::{Settling, is_not_known_yet},
    },
    resource::{load_balancer::ownerships, target_group},
    tags::{Ownership, Tags},
};
use aws_sdk_elasticloadbalancingv2::types::{
    Action as ElbAction, ActionTypeEnum, ForwardActionConfig, Rule, TargetGroupTuple,
};
use rewrite::Rewrite;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use takes::Takes;

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
    /// The host that it takes; `None` takes every host.
    pub host: Option<String>,
    /// The path that it takes, with all below it; `None` takes every path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What becomes of the URL before the service sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<Rewrite>,
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
            path: None,
            rewrite: None,
            target_groups: BTreeMap::new(),
        }
    }

    /// Which requests it takes.
    pub fn takes(&self) -> Takes {
        Takes::of(self.host.as_deref(), self.path.as_deref())
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
    /// Whose it is, where that was asked: see [`Own`].
    pub ownership: Ownership,
    /// How it is set; `None` where it has a form that this program never makes.
    pub settings: Option<Settings>,
    /// Which requests it takes, in whatever form.
    pub takes: Takes,
    /// Its priority; `None` for the default rule.
    pub priority: Option<u32>,
}

/// By what a stack's own rules are told from the others before their tags are read. Tags are asked for by
/// twenty rules a call, and a load balancer has a hundred; so only these are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// The names of the target groups that they may lead to.
    pub target_groups: Vec<String>,
    /// What they may take, where they were made to lead somewhere else.
    pub takes: Takes,
}

impl Own {
    fn may_be(&self, rule: &Rule) -> bool {
        let leads_to = |known: &Known| {
            known
                .now()
                .and_then(|arn| target_group::name_of(arn))
                .is_some_and(|name| self.target_groups.iter().any(|own| own == name))
        };
        rule.actions().iter().flat_map(forwarded).any(|(group, _)| leads_to(&group))
            || Takes::read(rule.conditions()) == self.takes
    }
}

/// Reads the listener's rules, the default one left out.
pub async fn observe(aws: &Reader, listener: &str, own: &Own) -> Result<Vec<Observed>, Failure> {
    let request = aws.elb.describe_rules().listener_arn(listener).page_size(PAGE);
    let mut pages = request.into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.explain("elasticloadbalancing:DescribeRules", listener)?;
        let rules = page.rules.unwrap_or_default();
        found.extend(rules.into_iter().filter(|rule| rule.is_default() != Some(true)));
    }
    let asked = found.iter().filter(|rule| own.may_be(rule));
    let asked: Vec<_> = asked.filter_map(|rule| rule.rule_arn().map(str::to_owned)).collect();
    let mut owners = ownerships(aws, &asked).await?;
    Ok(found
        .iter()
        .map(|rule| {
            let arn = rule.rule_arn().unwrap_or_default().to_owned();
            Observed {
                ownership: owners.remove(&arn).unwrap_or_default(),
                settings: settings(rule, listener),
                takes: Takes::read(rule.conditions()),
                priority: priority_of(rule),
                arn,
            }
        })
        .collect())
}

fn priority_of(rule: &Rule) -> Option<u32> {
    rule.priority().and_then(|priority| priority.parse().ok())
}

fn settings(rule: &Rule, listener: &str) -> Option<Settings> {
    let [action] = rule.actions() else { return None };
    let (host, path) = Takes::read(rule.conditions()).single()?;
    let target_groups = forwarded(action);
    (!target_groups.is_empty()).then_some(Settings {
        listener: Known::Now(listener.to_owned()),
        priority: priority_of(rule)?,
        host,
        path,
        rewrite: Rewrite::read(rule.transforms()).ok()?,
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

/// The priorities that the rules of a listener have, and the first of those that would take what `wanted`
/// asks for before it.
pub fn standing<'a>(
    rules: impl Iterator<Item = &'a Observed> + Clone,
    wanted: &Takes,
) -> (BTreeSet<u32>, Option<&'a Observed>) {
    let taken = rules.clone().filter_map(|rule| rule.priority).collect();
    let shadows = rules.filter(|rule| rule.takes.shadows(wanted) && rule.priority.is_some());
    (taken, shadows.min_by_key(|rule| rule.priority))
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
        Action::Update { id, from, to } => {
            modify(id, from.rewrite.is_some(), to, aws, outputs).await?;
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
    let takes = to.takes();
    let mut in_use = BTreeSet::new();
    let mut priority = to.priority;
    loop {
        let created = aws.settled(Settling::MADE, is_not_known_yet, async || {
            let request = aws.aws.elb.create_rule().listener_arn(&listener);
            request
                .priority(priority.cast_signed())
                .set_conditions(Some(takes.conditions()))
                .set_transforms(transforms(to))
                .actions(forward(to, outputs))
                .set_tags(Some(elb_tags(tags)))
                .send()
                .await
                .explain("elasticloadbalancing:CreateRule", format!("{takes} for {listener}"))
        });
        let refusal = match created.await {
            Err(failure) if failure.is("PriorityInUse") => failure,
            created => {
                return Ok(created?
                    .rules
                    .and_then(|rules| rules.into_iter().next())
                    .and_then(|rule| rule.rule_arn)
                    .unwrap_or_default());
            }
        };
        in_use.insert(priority);
        let rules = observe(&aws.aws, &listener, &own(to, outputs)).await?;
        let is_ours = |rule: &&Observed| {
            rule.ownership.is_of(&aws.stack) && rule.settings.is_some() && rule.takes == takes
        };
        if let Some(found) = rules.iter().find(is_ours) {
            lead(&found.arn, found.settings.as_ref(), to, aws, outputs).await?;
            return Ok(found.arn.clone());
        }
        let (standing, shadow) = standing(rules.iter(), &takes);
        in_use.extend(standing);
        let before = shadow.and_then(|rule| rule.priority);
        priority = priority::free(&in_use, to.priority, before).ok_or(refusal)?;
    }
}

fn own(to: &Settings, outputs: &Outputs) -> Own {
    let names = to.target_groups.keys().map(|group| outputs.resolve(group));
    let names = names.filter_map(|arn| target_group::name_of(&arn).map(str::to_owned));
    Own { target_groups: names.collect(), takes: to.takes() }
}

/// Lets a rule of this stack's lead to the target group, where it does not, and by the same URL.
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
        groups(from) == groups(to) && from.rewrite == to.rewrite
    };
    if from.is_some_and(leads_there) {
        return Ok(());
    }
    let has_rewrite = from.is_some_and(|from| from.rewrite.is_some());
    modify(id, has_rewrite, to, aws, outputs).await
}

async fn modify(
    id: &str,
    has_rewrite: bool,
    to: &Settings,
    aws: &Writer,
    outputs: &Outputs,
) -> Result<(), Failure> {
    let request = aws.aws.elb.modify_rule().rule_arn(id);
    request
        .set_conditions(Some(to.takes().conditions()))
        .set_transforms(transforms(to))
        .set_reset_transforms((has_rewrite && to.rewrite.is_none()).then_some(true))
        .actions(forward(to, outputs))
        .send()
        .await
        .explain("elasticloadbalancing:ModifyRule", id)
        .map(drop)
}

fn transforms(to: &Settings) -> Option<Vec<aws_sdk_elasticloadbalancingv2::types::RuleTransform>> {
    to.rewrite.as_ref().map(|rewrite| vec![rewrite.transform()])
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
