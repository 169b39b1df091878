//! A rule by which ECR caches another registry. Rules are the account's: they carry no tags, any number of
//! services pull through one, and nothing here changes or deletes one that stands.
//! <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule.html>

use super::Action;
use crate::{
    address::Known,
    aws::{
        Reader, Writer,
        explain::{Explain as _, Failure},
    },
    image::upstream::ROOT,
};
use serde::Serialize;

/// What a rule looks like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// What the cached repositories' names begin with.
    pub prefix: String,
    /// ECR's name for the upstream's sort: `docker-hub`.
    pub upstream_registry: String,
    /// The upstream's address: `registry-1.docker.io`.
    pub upstream_url: String,
    /// The ARN of the secret that ECR logs in with.
    pub credential_arn: Option<String>,
    /// The ARN of the role that ECR assumes for another account's registry.
    pub custom_role_arn: Option<String>,
}

impl Settings {
    /// Whether ECR logs in with something that can be wrong.
    pub fn has_login(&self) -> bool {
        self.credential_arn.is_some() || self.custom_role_arn.is_some()
    }
}

impl super::Settings for Settings {
    fn references(&self) -> Vec<&Known> {
        Vec::new()
    }
}

/// A rule that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// How it is set.
    pub settings: Settings,
    /// Whether it caches all of the upstream, and not only what begins with a prefix there.
    pub is_whole: bool,
}

/// Reads the account's rules, ordered by prefix; there are fifty at most.
pub async fn observe(aws: &Reader) -> Result<Vec<Observed>, Failure> {
    let on = || format!("the registry of this account in {}", aws.region);
    let mut pages = aws.ecr.describe_pull_through_cache_rules().into_paginator().items().send();
    let mut rules = Vec::new();
    while let Some(rule) = pages.next().await {
        let rule = rule.explain("ecr:DescribePullThroughCacheRules", on())?;
        rules.push(Observed {
            is_whole: rule.upstream_repository_prefix().is_none_or(|prefix| prefix == ROOT),
            settings: Settings {
                prefix: rule.ecr_repository_prefix.unwrap_or_default(),
                upstream_registry: rule
                    .upstream_registry
                    .map(|registry| registry.as_str().to_owned())
                    .unwrap_or_default(),
                upstream_url: rule.upstream_registry_url.unwrap_or_default(),
                credential_arn: rule.credential_arn,
                custom_role_arn: rule.custom_role_arn,
            },
        });
    }
    rules.sort_by(|one, other| one.settings.prefix.cmp(&other.settings.prefix));
    Ok(rules)
}

/// Has ECR log in to a rule's upstream; yields why it could not.
/// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ValidatePullThroughCacheRule.html>
pub async fn validate(aws: &Reader, prefix: &str) -> Result<Option<String>, Failure> {
    let answer = aws
        .ecr
        .validate_pull_through_cache_rule()
        .ecr_repository_prefix(prefix)
        .send()
        .await
        .explain(VALIDATE, on(prefix))?;
    let why = || answer.failure.unwrap_or_else(|| "ECR does not say why".to_owned());
    Ok((!answer.is_valid).then(why))
}

const VALIDATE: &str = "ecr:ValidatePullThroughCacheRule";

fn on(prefix: &str) -> String {
    format!("pull-through cache rule {prefix}")
}

/// The rule to pull through: of those for this upstream the one with the prefix, or else the first.
pub fn find<'a>(rules: &'a [Observed], upstream_url: &str, prefix: &str) -> Option<&'a Observed> {
    let fits = |rule: &&Observed| rule.is_whole && rule.settings.upstream_url == upstream_url;
    let has_prefix = |rule: &&Observed| rule.settings.prefix == prefix;
    let mut fitting = rules.iter().filter(fits);
    fitting.clone().find(has_prefix).or_else(|| fitting.next())
}

/// What is missing; any rule for the upstream will do.
pub fn diff(desired: &Settings, rules: &[Observed]) -> Option<Action<Settings>> {
    let found = find(rules, &desired.upstream_url, &desired.prefix);
    found.is_none().then(|| Action::Create(desired.clone()))
}

/// The rule that has the prefix for something else.
pub fn conflict<'a>(desired: &Settings, rules: &'a [Observed]) -> Option<&'a Observed> {
    rules.iter().find(|rule| rule.settings.prefix == desired.prefix)
}

/// The calls that [`apply`] makes.
pub fn calls(action: &Action<Settings>) -> Vec<&'static str> {
    match action {
        Action::Create(to) if to.has_login() => {
            vec!["ecr:CreatePullThroughCacheRule", VALIDATE]
        }
        Action::Create(_) => vec!["ecr:CreatePullThroughCacheRule"],
        Action::Update { .. } | Action::Delete { .. } => Vec::new(),
    }
}

/// Makes it so; yields the prefix.
pub async fn apply(action: &Action<Settings>, aws: &Writer) -> Result<String, Failure> {
    let to = match action {
        Action::Create(to) => to,
        Action::Update { id, .. } | Action::Delete { id, .. } => return Ok(id.clone()),
    };
    let registry = aws_sdk_ecr::types::UpstreamRegistry::from(to.upstream_registry.as_str());
    let created = aws
        .aws
        .ecr
        .create_pull_through_cache_rule()
        .ecr_repository_prefix(&to.prefix)
        .upstream_registry(registry)
        .upstream_registry_url(&to.upstream_url)
        .set_credential_arn(to.credential_arn.clone())
        .set_custom_role_arn(to.custom_role_arn.clone())
        .send()
        .await
        .explain("ecr:CreatePullThroughCacheRule", on(&to.prefix));
    match created {
        // Another run made it since this one looked, or this one did and the answer was lost.
        Err(failure) if failure.is("PullThroughCacheRuleAlreadyExists") => {
            let rules = observe(&aws.aws).await?;
            let found = conflict(to, &rules).is_some_and(|found| found.settings == *to);
            found.then_some(()).ok_or(failure)?;
        }
        created => drop(created?),
    }
    let why = if to.has_login() { validate(&aws.aws, &to.prefix).await? } else { None };
    match why {
        None => Ok(to.prefix.clone()),
        Some(message) => Err(Failure {
            operation: VALIDATE,
            on: on(&to.prefix),
            code: Some("the login to the upstream failed".to_owned()),
            message,
            request_id: None,
        }),
    }
}

#[cfg(test)]
mod tests;
