//! The internet-facing application load balancer, which services may share.

mod active;

use super::{Action, changed};
use crate::{
    address::Known,
    apply::Outputs,
    aws::{
        Reader, Writer, elb_tags,
        explain::{Explain as _, Failure},
        settle::{Settling, is_not_known_yet},
    },
    resource::listener,
    tags::{self, Ownership, Tags},
};
use active::active;
use aws_sdk_elasticloadbalancingv2::{
    operation::describe_tags::DescribeTagsOutput,
    types::{
        Listener, LoadBalancer, LoadBalancerAttribute, LoadBalancerSchemeEnum, LoadBalancerTypeEnum,
    },
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Headers that are not valid HTTP are dropped before they reach the application; ELB's default is to
/// let them through.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#load-balancer-attributes>
const DROP_INVALID_HEADERS: &str = "routing.http.drop_invalid_header_fields.enabled";

/// The most that ELB gives at once of load balancers and of target groups.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeLoadBalancers.html>
pub const PAGE: i32 = 400;

/// What a load balancer looks like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// Its name; one per account and region.
    pub name: String,
    /// `internet-facing`; fixed when it is made.
    pub scheme: String,
    /// One public subnet a zone, two at least.
    pub subnets: BTreeSet<String>,
    /// What it carries.
    pub security_groups: BTreeSet<Known>,
    /// Whether headers that are not valid are dropped.
    pub drop_invalid_headers: bool,
    /// Whether this stack is registered as a user of it.
    pub used_by_this_stack: bool,
    /// The load balancer that is full, where this one was made for the previews that it cannot take. It
    /// has no users that are registered: it goes with the last rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overflow_of: Option<String>,
}

impl super::Settings for Settings {
    fn references(&self) -> Vec<&Known> {
        self.security_groups.iter().collect()
    }
}

/// A load balancer that is there.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Its ARN.
    pub arn: String,
    /// Where it answers.
    pub dns: String,
    /// `application`, `network`, …
    pub kind: String,
    /// Whose it is.
    pub ownership: Ownership,
    /// How it is set.
    pub settings: Settings,
}

/// Finds the load balancer, whose listeners can be asked for then; `None` where there is none.
pub async fn find(aws: &Reader, name: &str) -> Result<Option<LoadBalancer>, Failure> {
    let found = aws.elb.describe_load_balancers().names(name).send().await;
    let on = format!("load balancer {name}");
    match found.explain("elasticloadbalancing:DescribeLoadBalancers", on) {
        Err(failure) if failure.is("LoadBalancerNotFound") => Ok(None),
        found => Ok(found?.load_balancers.unwrap_or_default().into_iter().next()),
    }
}

/// All load balancers of the account and region, as few calls as there are four hundreds of them.
pub async fn all(aws: &Reader) -> Result<Vec<LoadBalancer>, Failure> {
    let mut pages = aws.elb.describe_load_balancers().page_size(PAGE).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.explain("elasticloadbalancing:DescribeLoadBalancers", "all of them")?;
        found.extend(page.load_balancers.unwrap_or_default());
    }
    Ok(found)
}

/// Reads the rest of it.
pub async fn observe(aws: &Reader, found: &LoadBalancer, stack: &str) -> Result<Observed, Failure> {
    let name = found.load_balancer_name().unwrap_or_default();
    let on = format!("load balancer {name}");
    let arn = found.load_balancer_arn().unwrap_or_default().to_owned();
    let (attributes, ownership) = tokio::join!(
        aws.elb.describe_load_balancer_attributes().load_balancer_arn(&arn).send(),
        ownership(aws, &arn),
    );
    let attributes =
        attributes.explain("elasticloadbalancing:DescribeLoadBalancerAttributes", &on)?;
    let ownership = ownership?;
    let zones = found.availability_zones().iter();
    let groups = found.security_groups().iter().cloned().map(Known::Now);
    Ok(Observed {
        dns: found.dns_name().unwrap_or_default().to_owned(),
        kind: found.r#type().map_or("application", LoadBalancerTypeEnum::as_str).to_owned(),
        settings: Settings {
            name: name.to_owned(),
            scheme: found.scheme().map_or("", LoadBalancerSchemeEnum::as_str).to_owned(),
            subnets: zones.filter_map(|zone| zone.subnet_id().map(str::to_owned)).collect(),
            security_groups: groups.collect(),
            drop_invalid_headers: attributes.attributes().iter().any(|attribute| {
                attribute.key() == Some(DROP_INVALID_HEADERS) && attribute.value() == Some("true")
            }),
            used_by_this_stack: ownership.is_used_by(stack),
            overflow_of: ownership.overflow_of.clone(),
        },
        ownership,
        arn,
    })
}

/// Whose an ELB thing is.
pub async fn ownership(aws: &Reader, arn: &str) -> Result<Ownership, Failure> {
    let owners = ownerships(aws, &[arn.to_owned()]).await?;
    Ok(owners.into_values().next().unwrap_or_default())
}

/// Whose these ELB things are, by ARN. One call answers for twenty.
pub async fn ownerships(
    aws: &Reader,
    arns: &[String],
) -> Result<BTreeMap<String, Ownership>, Failure> {
    const ARNS_A_CALL: usize = 20;
    let calls = arns.chunks(ARNS_A_CALL).map(|arns| async move {
        let request = aws.elb.describe_tags().set_resource_arns(Some(arns.to_vec()));
        request.send().await.explain("elasticloadbalancing:DescribeTags", arns.join(", "))
    });
    let answers = futures_util::future::try_join_all(calls).await?;
    let descriptions = answers.iter().flat_map(DescribeTagsOutput::tag_descriptions);
    Ok(descriptions
        .map(|description| {
            let tags = description.tags().iter();
            let tags = tags.filter_map(|tag| Some((tag.key()?, tag.value().unwrap_or_default())));
            let arn = description.resource_arn().unwrap_or_default().to_owned();
            (arn, Ownership::read(tags))
        })
        .collect())
}

/// What is missing or differs. Zones that others enabled stay.
pub fn diff(desired: &Settings, observed: Option<&Observed>) -> Option<Action<Settings>> {
    let Some(observed) = observed else { return Some(Action::Create(desired.clone())) };
    if !observed.ownership.is_managed() {
        return None;
    }
    let mut to = desired.clone();
    to.overflow_of.clone_from(&observed.settings.overflow_of);
    to.subnets.extend(observed.settings.subnets.iter().cloned());
    changed(&observed.arn, &observed.settings, &to)
}

/// The calls that [`apply`] makes.
pub fn calls(action: &Action<Settings>) -> Vec<&'static str> {
    match action {
        Action::Create(to) => {
            let mut calls = vec!["elasticloadbalancing:CreateLoadBalancer"];
            if to.drop_invalid_headers {
                calls.push("elasticloadbalancing:ModifyLoadBalancerAttributes");
            }
            calls
        }
        Action::Update { from, to, .. } => {
            let mut calls = Vec::new();
            if from.subnets != to.subnets {
                calls.push("elasticloadbalancing:SetSubnets");
            }
            if from.security_groups != to.security_groups {
                calls.push("elasticloadbalancing:SetSecurityGroups");
            }
            if from.drop_invalid_headers != to.drop_invalid_headers {
                calls.push("elasticloadbalancing:ModifyLoadBalancerAttributes");
            }
            calls.extend(user_call(from.used_by_this_stack, to.used_by_this_stack));
            calls
        }
        Action::Delete { .. } => vec!["elasticloadbalancing:DeleteLoadBalancer"],
    }
}

/// The call that registers this stack as a user of a shared ELB thing, or takes it off.
pub fn user_call(before: bool, after: bool) -> Option<&'static str> {
    match (before, after) {
        (false, true) => Some("elasticloadbalancing:AddTags"),
        (true, false) => Some("elasticloadbalancing:RemoveTags"),
        _ => None,
    }
}

/// Registers this stack as a user of a shared ELB thing, or takes it off.
pub async fn set_user(aws: &Writer, arn: &str, before: bool, after: bool) -> Result<(), Failure> {
    let user = tags::user(&aws.main);
    let elb = &aws.aws.elb;
    match (before, after) {
        (false, true) => {
            let request = elb.add_tags().resource_arns(arn).set_tags(Some(elb_tags(&user)));
            request.send().await.explain("elasticloadbalancing:AddTags", arn).map(drop)
        }
        (true, false) => {
            let keys = Some(user.into_keys().collect());
            let request = elb.remove_tags().resource_arns(arn).set_tag_keys(keys);
            request.send().await.explain("elasticloadbalancing:RemoveTags", arn).map(drop)
        }
        _ => Ok(()),
    }
}

/// Makes it so, and waits until a new one is active: until then no target is found healthy, and the
/// endpoints' private names, which nothing tells the progress of, spread meanwhile. Yields its ARN.
pub async fn apply(
    action: &Action<Settings>,
    tags: &Tags,
    aws: &Writer,
    outputs: &Outputs,
) -> Result<String, Failure> {
    let elb = &aws.aws.elb;
    match action {
        Action::Create(to) => {
            let created = aws.settled(Settling::MADE, is_not_known_yet, async || {
                elb.create_load_balancer()
                    .name(&to.name)
                    .scheme(to.scheme.as_str().into())
                    .r#type(LoadBalancerTypeEnum::Application)
                    .set_subnets(Some(to.subnets.iter().cloned().collect()))
                    .set_security_groups(Some(outputs.resolve_all(&to.security_groups)))
                    .set_tags(Some(elb_tags(tags)))
                    .send()
                    .await
                    .explain(
                        "elasticloadbalancing:CreateLoadBalancer",
                        format!("load balancer {}", to.name),
                    )
            });
            let created = match created.await {
                Err(failure) if failure.is("DuplicateLoadBalancerName") => {
                    return Box::pin(take(to, tags, aws, outputs, failure)).await;
                }
                created => created?,
            };
            let arn = created
                .load_balancers
                .and_then(|balancers| balancers.into_iter().next())
                .and_then(|balancer| balancer.load_balancer_arn)
                .unwrap_or_default();
            if to.drop_invalid_headers {
                let set = async || drop_invalid_headers(aws, &arn, true).await;
                aws.settled(Settling::MADE, is_not_known_yet, set).await?;
            }
            active(aws, &arn).await?;
            Ok(arn)
        }
        Action::Update { id, from, to } => {
            if from.subnets != to.subnets {
                let subnets = Some(to.subnets.iter().cloned().collect());
                let request = elb.set_subnets().load_balancer_arn(id).set_subnets(subnets);
                request.send().await.explain("elasticloadbalancing:SetSubnets", id)?;
            }
            if from.security_groups != to.security_groups {
                let groups = Some(outputs.resolve_all(&to.security_groups));
                let request =
                    elb.set_security_groups().load_balancer_arn(id).set_security_groups(groups);
                request.send().await.explain("elasticloadbalancing:SetSecurityGroups", id)?;
            }
            if from.drop_invalid_headers != to.drop_invalid_headers {
                drop_invalid_headers(aws, id, to.drop_invalid_headers).await?;
            }
            set_user(aws, id, from.used_by_this_stack, to.used_by_this_stack).await?;
            Ok(id.clone())
        }
        Action::Delete { id, settings, .. } => {
            if settings.overflow_of.is_some() && has_rules(&aws.aws, id).await? {
                aws.tell(format!(
                    "load balancer {}: another preview came, and it stays",
                    settings.name
                ));
                return Ok(id.clone());
            }
            let deleted = elb.delete_load_balancer().load_balancer_arn(id).send().await;
            match deleted.explain("elasticloadbalancing:DeleteLoadBalancer", id) {
                Err(failure) if !failure.is("LoadBalancerNotFound") => Err(failure),
                _ => Ok(id.clone()),
            }
        }
    }
}

/// Whether any rule leads through it. One that is gone has none.
pub async fn has_rules(aws: &Reader, arn: &str) -> Result<bool, Failure> {
    let listeners = match listener::find(aws, arn).await {
        Err(failure) if failure.is("LoadBalancerNotFound") => return Ok(false),
        listeners => listeners?,
    };
    for listener in listeners.iter().filter_map(Listener::listener_arn) {
        let found = aws.elb.describe_rules().listener_arn(listener).send().await;
        let found = match found.explain("elasticloadbalancing:DescribeRules", listener) {
            Err(failure) if failure.is("ListenerNotFound") => continue,
            found => found?,
        };
        if found.rules().iter().any(|rule| rule.is_default() != Some(true)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes the load balancer of the name that is there: another run made it since this one looked, or this
/// one did and the answer was lost.
async fn take(
    to: &Settings,
    tags: &Tags,
    aws: &Writer,
    outputs: &Outputs,
    duplicate: Failure,
) -> Result<String, Failure> {
    let Some(found) = find(&aws.aws, &to.name).await? else { return Err(duplicate) };
    let found = observe(&aws.aws, &found, &aws.main).await?;
    let is_taken = |found: &Observed| {
        let is_fixed_right = found.kind == "application" && found.settings.scheme == to.scheme;
        found.ownership.is_managed() && is_fixed_right
    };
    if !is_taken(&found) {
        return Err(duplicate);
    }
    let groups = outputs.resolve_all(&to.security_groups).into_iter().map(Known::Now).collect();
    let wanted = Settings { security_groups: groups, ..to.clone() };
    if let Some(action) = diff(&wanted, Some(&found)) {
        apply(&action, tags, aws, outputs).await?;
    }
    active(aws, &found.arn).await?;
    Ok(found.arn)
}

async fn drop_invalid_headers(aws: &Writer, arn: &str, drops: bool) -> Result<(), Failure> {
    let attribute =
        LoadBalancerAttribute::builder().key(DROP_INVALID_HEADERS).value(drops.to_string()).build();
    let request = aws.aws.elb.modify_load_balancer_attributes();
    request
        .load_balancer_arn(arn)
        .attributes(attribute)
        .send()
        .await
        .explain("elasticloadbalancing:ModifyLoadBalancerAttributes", arn)
        .map(drop)
}
