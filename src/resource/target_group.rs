//! The target group in which ECS registers the tasks' addresses.

use super::{Action, changed};
use crate::{
    address::Known,
    aws::{
        Reader, Writer, elb_tags,
        explain::{Explain as _, Failure},
        settle::{Settling, is_not_known_yet},
    },
    config::model::LoadBalancer,
    resource::load_balancer::{self, ownership},
    tags::{Ownership, Tags},
};
use aws_sdk_elasticloadbalancingv2::types::{
    Matcher, ProtocolEnum, TargetGroupAttribute, TargetTypeEnum,
};
use serde::Serialize;
use std::time::Duration;

/// Each target of type ip is registered with its own port, so this one is never used; a fixed one
/// keeps the group, whose port cannot be changed, through a change of the container's port.
const UNUSED_PORT: i32 = 80;
const DEREGISTRATION_DELAY: &str = "deregistration_delay.timeout_seconds";
/// ELB's own default.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html>
const DEFAULT_DEREGISTRATION_DELAY: u32 = 300;

/// What a target group looks like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// Its name; one per account and region.
    pub name: String,
    /// The VPC; fixed when it is made.
    pub vpc: String,
    /// The path that is asked for.
    pub health_check_path: String,
    /// HTTP codes that count as well.
    pub matcher: String,
    /// Seconds between two checks.
    pub health_check_interval: u32,
    /// Seconds after which a check has failed.
    pub health_check_timeout: u32,
    /// Checks in a row that make a target healthy.
    pub healthy_threshold: u32,
    /// Checks in a row that make a target unhealthy.
    pub unhealthy_threshold: u32,
    /// Seconds that a target which leaves may finish its requests in.
    pub deregistration_delay: u32,
}

impl super::Settings for Settings {
    fn references(&self) -> Vec<&Known> {
        Vec::new()
    }
}

/// A target group that is there.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Its ARN.
    pub arn: String,
    /// `ip`, `instance`, …
    pub target_type: String,
    /// Whose it is.
    pub ownership: Ownership,
    /// How it is set.
    pub settings: Settings,
}

/// The settings that the file asks for.
pub fn desired(name: String, vpc: &str, config: &LoadBalancer) -> Settings {
    let check = &config.health_check;
    Settings {
        name,
        vpc: vpc.to_owned(),
        health_check_path: check.path.clone(),
        matcher: check.matcher.clone(),
        health_check_interval: check.interval,
        health_check_timeout: check.timeout,
        healthy_threshold: check.healthy_threshold,
        unhealthy_threshold: check.unhealthy_threshold,
        deregistration_delay: config.deregistration_delay,
    }
}

/// Reads the target group; `None` where there is none.
pub async fn observe(aws: &Reader, name: &str) -> Result<Option<Observed>, Failure> {
    let on = format!("target group {name}");
    let found = aws.elb.describe_target_groups().names(name).send().await;
    let found = match found.explain("elasticloadbalancing:DescribeTargetGroups", &on) {
        Err(failure) if failure.is("TargetGroupNotFound") => return Ok(None),
        found => found?.target_groups.unwrap_or_default().into_iter().next(),
    };
    let Some(found) = found else { return Ok(None) };
    let arn = found.target_group_arn().unwrap_or_default().to_owned();
    let (attributes, ownership) = tokio::join!(
        aws.elb.describe_target_group_attributes().target_group_arn(&arn).send(),
        ownership(aws, &arn),
    );
    let attributes =
        attributes.explain("elasticloadbalancing:DescribeTargetGroupAttributes", &on)?;
    let delay = attributes
        .attributes()
        .iter()
        .find(|attribute| attribute.key() == Some(DEREGISTRATION_DELAY))
        .and_then(|attribute| attribute.value()?.parse().ok());
    let number = |value: Option<i32>| value.and_then(|value| value.try_into().ok()).unwrap_or(0);
    Ok(Some(Observed {
        target_type: found.target_type().map_or("", TargetTypeEnum::as_str).to_owned(),
        ownership: ownership?,
        settings: Settings {
            name: name.to_owned(),
            vpc: found.vpc_id().unwrap_or_default().to_owned(),
            health_check_path: found.health_check_path().unwrap_or_default().to_owned(),
            matcher: found.matcher().and_then(Matcher::http_code).unwrap_or_default().to_owned(),
            health_check_interval: number(found.health_check_interval_seconds()),
            health_check_timeout: number(found.health_check_timeout_seconds()),
            healthy_threshold: number(found.healthy_threshold_count()),
            unhealthy_threshold: number(found.unhealthy_threshold_count()),
            deregistration_delay: delay.unwrap_or(DEFAULT_DEREGISTRATION_DELAY),
        },
        arn,
    }))
}

/// The name in a target group's ARN.
pub fn name_of(arn: &str) -> Option<&str> {
    arn.split_once(":targetgroup/")?.1.split('/').next()
}

/// A target group of the account, and the load balancer that leads to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// Its name.
    pub name: String,
    /// The load balancer's ARN; one at most.
    pub by: Option<String>,
}

/// All target groups of the account and region, as few calls as there are four hundreds of them.
pub async fn all(aws: &Reader) -> Result<Vec<Used>, Failure> {
    let request = aws.elb.describe_target_groups().page_size(load_balancer::PAGE);
    let mut pages = request.into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.explain("elasticloadbalancing:DescribeTargetGroups", "all of them")?;
        found.extend(page.target_groups.unwrap_or_default().into_iter().map(|group| Used {
            name: group.target_group_name().unwrap_or_default().to_owned(),
            by: group.load_balancer_arns().first().cloned(),
        }));
    }
    Ok(found)
}

/// What is missing or differs.
pub fn diff(desired: &Settings, observed: Option<&Observed>) -> Option<Action<Settings>> {
    let Some(observed) = observed else { return Some(Action::Create(desired.clone())) };
    if !observed.ownership.is_managed() {
        return None;
    }
    changed(&observed.arn, &observed.settings, desired)
}

fn is_checked_otherwise(from: &Settings, to: &Settings) -> bool {
    let delay = to.deregistration_delay;
    Settings { deregistration_delay: delay, ..from.clone() } != *to
}

/// The calls that [`apply`] makes.
pub fn calls(action: &Action<Settings>) -> Vec<&'static str> {
    match action {
        Action::Create(_) => vec![
            "elasticloadbalancing:CreateTargetGroup",
            "elasticloadbalancing:ModifyTargetGroupAttributes",
        ],
        Action::Update { from, to, .. } => {
            let mut calls = Vec::new();
            if is_checked_otherwise(from, to) {
                calls.push("elasticloadbalancing:ModifyTargetGroup");
            }
            if from.deregistration_delay != to.deregistration_delay {
                calls.push("elasticloadbalancing:ModifyTargetGroupAttributes");
            }
            calls
        }
        Action::Delete { .. } => vec!["elasticloadbalancing:DeleteTargetGroup"],
    }
}

/// Makes it so; yields the target group's ARN.
pub async fn apply(
    action: &Action<Settings>,
    tags: &Tags,
    aws: &Writer,
) -> Result<String, Failure> {
    let elb = &aws.aws.elb;
    match action {
        Action::Create(to) => {
            let created = elb
                .create_target_group()
                .name(&to.name)
                .vpc_id(&to.vpc)
                .target_type(TargetTypeEnum::Ip)
                .protocol(ProtocolEnum::Http)
                .port(UNUSED_PORT)
                .health_check_enabled(true)
                .health_check_protocol(ProtocolEnum::Http)
                .health_check_port("traffic-port")
                .health_check_path(&to.health_check_path)
                .matcher(Matcher::builder().http_code(&to.matcher).build())
                .health_check_interval_seconds(to.health_check_interval.cast_signed())
                .health_check_timeout_seconds(to.health_check_timeout.cast_signed())
                .healthy_threshold_count(to.healthy_threshold.cast_signed())
                .unhealthy_threshold_count(to.unhealthy_threshold.cast_signed())
                .set_tags(Some(elb_tags(tags)))
                .send()
                .await
                .explain(
                    "elasticloadbalancing:CreateTargetGroup",
                    format!("target group {}", to.name),
                );
            let created = match created {
                Err(failure) if failure.is("DuplicateTargetGroupName") => {
                    return Box::pin(take(to, tags, aws, failure)).await;
                }
                created => created?,
            };
            let arn = created
                .target_groups
                .and_then(|groups| groups.into_iter().next())
                .and_then(|group| group.target_group_arn)
                .unwrap_or_default();
            let set = async || set_delay(aws, &arn, to).await;
            aws.settled(Settling::MADE, is_not_known_yet, set).await?;
            Ok(arn)
        }
        Action::Update { id, from, to } => {
            if is_checked_otherwise(from, to) {
                elb.modify_target_group()
                    .target_group_arn(id)
                    .health_check_path(&to.health_check_path)
                    .matcher(Matcher::builder().http_code(&to.matcher).build())
                    .health_check_interval_seconds(to.health_check_interval.cast_signed())
                    .health_check_timeout_seconds(to.health_check_timeout.cast_signed())
                    .healthy_threshold_count(to.healthy_threshold.cast_signed())
                    .unhealthy_threshold_count(to.unhealthy_threshold.cast_signed())
                    .send()
                    .await
                    .explain("elasticloadbalancing:ModifyTargetGroup", id)?;
            }
            if from.deregistration_delay != to.deregistration_delay {
                set_delay(aws, id, to).await?;
            }
            Ok(id.clone())
        }
        Action::Delete { id, .. } => delete(aws, id).await.map(|()| id.clone()),
    }
}

/// Takes the group of the name that is there: another run made it since this one looked, or this one
/// did and the answer was lost.
async fn take(
    to: &Settings,
    tags: &Tags,
    aws: &Writer,
    duplicate: Failure,
) -> Result<String, Failure> {
    let Some(found) = observe(&aws.aws, &to.name).await?.filter(|found| found.fits(to, aws)) else {
        return Err(duplicate);
    };
    match diff(to, Some(&found)) {
        Some(action) => apply(&action, tags, aws).await,
        None => Ok(found.arn),
    }
}

impl Observed {
    /// Whether it can become what is wanted: what is fixed when a group is made is as it should be.
    fn fits(&self, to: &Settings, aws: &Writer) -> bool {
        let is_fixed_right = self.target_type == "ip" && self.settings.vpc == to.vpc;
        self.ownership.is_of(&aws.stack) && is_fixed_right
    }
}

async fn set_delay(aws: &Writer, arn: &str, to: &Settings) -> Result<(), Failure> {
    let attribute = TargetGroupAttribute::builder()
        .key(DEREGISTRATION_DELAY)
        .value(to.deregistration_delay.to_string())
        .build();
    let request = aws.aws.elb.modify_target_group_attributes().target_group_arn(arn);
    request
        .attributes(attribute)
        .send()
        .await
        .explain("elasticloadbalancing:ModifyTargetGroupAttributes", arn)
        .map(drop)
}

/// A listener that was just deleted holds its target group for a moment.
const HELD: Settling = Settling {
    what: "its listener to let it go",
    longest: Duration::from_mins(1),
    pause: Duration::from_secs(3),
};

async fn delete(aws: &Writer, arn: &str) -> Result<(), Failure> {
    let is_held = |failure: &Failure| failure.is("ResourceInUse");
    let deleted = aws
        .settled(HELD, is_held, async || {
            let request = aws.aws.elb.delete_target_group().target_group_arn(arn);
            request.send().await.explain("elasticloadbalancing:DeleteTargetGroup", arn)
        })
        .await;
    match deleted {
        Err(failure) if !failure.is("TargetGroupNotFound") => Err(failure),
        _ => Ok(()),
    }
}
