//! The listener rule that leads a host's requests to this service.

use super::{Action, changed};
use crate::{
    address::Known,
    apply::Outputs,
    aws::{
        Reader, Writer, elb_tags,
        explain::{Explain as _, Failure},
    },
    resource::load_balancer::ownerships,
    tags::{Ownership, Tags},
};
use aws_sdk_elasticloadbalancingv2::types::{
    Action as ElbAction, ActionTypeEnum, HostHeaderConditionConfig, Rule, RuleCondition,
};
use serde::Serialize;
use std::collections::BTreeSet;

/// The first priority that is tried; those before it are left for rules made by hand.
const FIRST_PRIORITY: u32 = 100;
/// ELB's last priority.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateRule.html>
const LAST_PRIORITY: u32 = 50_000;

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
    /// The host that it takes.
    pub host: String,
    /// Where the requests go.
    pub target_group: Known,
}

impl super::Settings for Settings {
    fn references(&self) -> Vec<&Known> {
        vec![&self.listener, &self.target_group]
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
    let [condition] = rule.conditions() else { return None };
    let hosts = condition.host_header_config().map_or(condition.values(), |host| host.values());
    let ([host], [action]) = (hosts, rule.actions()) else { return None };
    let group = action.target_group_arn().or_else(|| {
        let groups = action.forward_config()?.target_groups();
        groups.first()?.target_group_arn()
    })?;
    Some(Settings {
        listener: Known::Now(listener.to_owned()),
        priority: priority(rule)?,
        host: host.clone(),
        target_group: Known::Now(group.to_owned()),
    })
}

/// The lowest priority that is free.
pub fn free_priority(taken: &BTreeSet<u32>) -> u32 {
    (FIRST_PRIORITY..=LAST_PRIORITY)
        .find(|priority| !taken.contains(priority))
        .unwrap_or(LAST_PRIORITY)
}

/// What is missing or differs. The priority of a rule that stands is kept.
pub fn diff(desired: &Settings, observed: Option<&Observed>) -> Option<Action<Settings>> {
    let observed = observed.and_then(|rule| rule.settings.as_ref().map(|found| (rule, found)));
    let Some((rule, found)) = observed else { return Some(Action::Create(desired.clone())) };
    changed(&rule.arn, found, &Settings { priority: found.priority, ..desired.clone() })
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
            elb.modify_rule()
                .rule_arn(id)
                .conditions(condition(to))
                .actions(forward(to, outputs))
                .send()
                .await
                .explain("elasticloadbalancing:ModifyRule", id)?;
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
/// taken. Each round somebody else got a rule, so the rounds end.
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
        let created = aws
            .aws
            .elb
            .create_rule()
            .listener_arn(&listener)
            .priority(priority.cast_signed())
            .conditions(condition(to))
            .actions(forward(to, outputs))
            .set_tags(Some(elb_tags(tags)))
            .send()
            .await
            .explain("elasticloadbalancing:CreateRule", format!("{} for {}", to.host, listener));
        match created {
            Err(failure) if failure.is("PriorityInUse") && priority < LAST_PRIORITY => {
                taken.insert(priority);
                let rules = observe(&aws.aws, &listener).await?;
                taken.extend(rules.iter().filter_map(|rule| rule.priority));
                priority = free_priority(&taken);
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

fn condition(to: &Settings) -> RuleCondition {
    RuleCondition::builder()
        .field("host-header")
        .host_header_config(HostHeaderConditionConfig::builder().values(&to.host).build())
        .build()
}

fn forward(to: &Settings, outputs: &Outputs) -> ElbAction {
    ElbAction::builder()
        .r#type(ActionTypeEnum::Forward)
        .target_group_arn(outputs.resolve(&to.target_group))
        .build()
}
