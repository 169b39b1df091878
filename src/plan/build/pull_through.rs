//! The part of the plan that brings other registries' images into the region's ECR.

use super::Inputs;
use crate::{
    address::{Address, Kind, Known},
    aws::Identity,
    config::model,
    error::{Error, Problem, Result},
    image::{
        registry_uri,
        upstream::{Auth, Upstream},
    },
    plan::{
        Plan,
        change::Change,
        outside::{Outside, outside},
    },
    resource::{cached_image, pull_through_cache_rule as rule},
    world::pull_through::{PullThrough, secret},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// What is needed for it.
#[derive(Debug, Clone, Copy)]
struct Asked<'a> {
    outside: &'a [Outside],
    file: &'a model::PullThrough,
    identity: &'a Identity,
    found: &'a PullThrough,
    /// The revision that runs and the newest one.
    revisions: &'a [&'a Value],
    /// What takes the place of the registry's address.
    registry: Option<&'a str>,
}

/// The images that are pulled through ECR, with their digests, by container.
pub(super) fn images(inputs: &Inputs<'_>, plan: &mut Plan) -> Result<BTreeMap<String, Known>> {
    let Inputs { config, context, world, .. } = *inputs;
    let outside = outside(config, &world.identity).map_err(Error::Refused)?;
    let revisions: Vec<_> =
        [&world.live, &world.newest].into_iter().flatten().map(|found| &found.document).collect();
    let asked = Asked {
        outside: &outside,
        file: &config.pull_through,
        identity: &world.identity,
        found: &world.pull_through,
        revisions: &revisions,
        registry: context.registry.as_deref(),
    };
    pulled(&asked, plan).map_err(Error::Refused)
}

fn pulled(asked: &Asked<'_>, plan: &mut Plan) -> Result<BTreeMap<String, Known>, Problem> {
    let Asked { outside, .. } = *asked;
    let mut rules: BTreeMap<&str, Known> = BTreeMap::new();
    let mut images = BTreeMap::new();
    for image in outside {
        let rule = match rules.get(&*image.upstream.url) {
            Some(rule) => rule.clone(),
            None => self::rule(asked, &image.upstream, plan)?,
        };
        rules.insert(&image.upstream.url, rule.clone());
        images.insert(image.container.clone(), self::image(asked, image, rule, plan));
    }
    Ok(images)
}

/// The prefix of the rule for an upstream.
fn rule(asked: &Asked<'_>, upstream: &Upstream, plan: &mut Plan) -> Result<Known, Problem> {
    let Asked { found, file, .. } = *asked;
    if let Some(rule) = rule::find(&found.rules, &upstream.url, &upstream.prefix) {
        let rule = &rule.settings;
        if let Some(why) = found.failures.get(&rule.prefix) {
            return Err(broken(asked, rule, upstream, why));
        }
        if let Some(given) = file.credentials.get(&upstream.host)
            && !uses(rule, given)
        {
            plan.warnings.push(format!(
                "pull-through cache rule {} exists and logs in with something else than `{given}`; \
                 it is left as it is",
                rule.prefix
            ));
        }
        plan.unchanged += 1;
        return Ok(Known::Now(rule.prefix.clone()));
    }
    let desired = desired(asked, upstream)?;
    if let Some(other) = rule::conflict(&desired, &found.rules) {
        let (prefix, url) = (&desired.prefix, &other.settings.upstream_url);
        return Err(Problem::new(format!(
            "pull-through cache rule `{prefix}` is not for all of {}, but caches {url}",
            upstream.url
        ))
        .help(format!(
            "make a rule with another prefix, which is then used: aws ecr \
             create-pull-through-cache-rule --region {} --ecr-repository-prefix PREFIX \
             --upstream-registry-url {}",
            asked.identity.region, upstream.url
        )));
    }
    let address = Address::new(Kind::PullThroughCacheRule, &desired.prefix);
    let reason = format!("images of {} are pulled through it", upstream.title);
    let change = rule::diff(&desired, &found.rules).map(Change::PullThroughCacheRule);
    plan.add(address.clone(), change, &reason);
    Ok(Known::After(address))
}

fn desired(asked: &Asked<'_>, upstream: &Upstream) -> Result<rule::Settings, Problem> {
    let given = asked.file.credentials.get(&upstream.host);
    let (credential_arn, custom_role_arn) = match upstream.auth {
        Auth::Nothing => (None, None),
        Auth::Secret(default) => {
            let name = given.map_or(default, String::as_str);
            (Some(secret(asked, upstream, name)?), None)
        }
        Auth::Role => {
            let role = given.cloned().ok_or_else(|| {
                Problem::new(format!("`{}` is another account's registry", upstream.host))
                    .found("ECR pulls from it with an IAM role of this account")
                    .help(format!(
                        "name the role: `image: {{ pull-through: ensure, credentials: {{ {}: \
                         arn:aws:iam::{}:role/NAME }} }}`",
                        upstream.host, asked.identity.account
                    ))
            })?;
            (None, Some(role))
        }
    };
    Ok(rule::Settings {
        prefix: upstream.prefix.clone(),
        upstream_registry: upstream.registry.to_owned(),
        upstream_url: upstream.url.clone(),
        credential_arn,
        custom_role_arn,
    })
}

/// The ARN of the secret, if ECR can use it.
fn secret(asked: &Asked<'_>, upstream: &Upstream, name: &str) -> Result<String, Problem> {
    let Identity { region, account, .. } = asked.identity;
    let Some(found) = asked.found.secrets.get(&upstream.host) else {
        let missing = Problem::new(format!("secret `{name}` does not exist in {region}"))
            .found(format!("ECR logs in to {} with it", upstream.title));
        if name.starts_with("arn:") {
            return Err(missing.help("check the ARN in `image.credentials`"));
        }
        let mut help = format!(
            "make it: aws secretsmanager create-secret --region {region} --name {name} \
             --secret-string '{{\"username\":\"NAME\",\"accessToken\":\"TOKEN\"}}'"
        );
        if upstream.registry == "docker-hub" {
            help.push_str(
                "\nor take Docker's official images from ECR Public, which needs no login: \
                 public.ecr.aws/docker/library/NAME:TAG",
            );
        }
        return Err(missing.help(help));
    };
    let secret::Observed { arn, kms_key, is_deleted } = found;
    let problem = |why: String| Problem::new(format!("secret `{name}` {why}"));
    if *is_deleted {
        let restore = format!("restore it: aws secretsmanager restore-secret --secret-id {arn}");
        return Err(problem("is scheduled for deletion".to_owned()).help(restore));
    }
    // <https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-secret.html>
    if let Some(key) = kms_key {
        return Err(problem(format!("is encrypted with the key {key}"))
            .found("ECR reads secrets that have the key `aws/secretsmanager` alone")
            .help(format!(
                "aws secretsmanager update-secret --region {region} --secret-id {name} \
                 --kms-key-id alias/aws/secretsmanager"
            )));
    }
    if !arn.contains(&format!(":{region}:{account}:")) {
        return Err(problem(format!("is not of {region} and account {account}: {arn}"))
            .help("ECR takes a secret of its own region and account"));
    }
    Ok(arn.clone())
}

fn broken(asked: &Asked<'_>, rule: &rule::Settings, upstream: &Upstream, why: &str) -> Problem {
    let region = &asked.identity.region;
    let what =
        format!("pull-through cache rule `{}` cannot log in to {}", rule.prefix, upstream.title);
    let problem = Problem::new(what).found(format!("ecr:ValidatePullThroughCacheRule: {why}"));
    problem.help(match &rule.credential_arn {
        Some(arn) => format!(
            "put a login that works into its secret: aws secretsmanager put-secret-value \
             --region {region} --secret-id {arn} \
             --secret-string '{{\"username\":\"NAME\",\"accessToken\":\"TOKEN\"}}'"
        ),
        None => format!(
            "check what the role {} may, and what the registry lets it",
            rule.custom_role_arn.as_deref().unwrap_or_default()
        ),
    })
}

/// Whether a rule logs in with what the file names; a secret's ARN ends in six characters of its own.
fn uses(rule: &rule::Settings, given: &str) -> bool {
    let found = rule.credential_arn.as_ref().or(rule.custom_role_arn.as_ref());
    found.is_some_and(|arn| {
        let name = arn.split_once(":secret:").map_or("", |(_, name)| name);
        let plain = name.rsplit_once('-').map_or(name, |(plain, _)| plain);
        [arn.as_str(), name, plain].contains(&given)
    })
}

/// The image with its digest, once all of it is in the cache.
fn image(asked: &Asked<'_>, image: &Outside, rule: Known, plan: &mut Plan) -> Known {
    let Asked { identity, found, revisions, registry, .. } = *asked;
    // Where ECR caches other registries, this is what its own is called.
    let host = format!("{}.dkr.ecr.{}.amazonaws.com", identity.account, identity.region);
    let prefix = rule.now().unwrap_or(&image.upstream.prefix).to_owned();
    let desired = cached_image::Settings::new(&image.image, rule, host);
    let uri = registry_uri(&desired.repository_uri(&prefix), registry);
    let pinned: Vec<_> = revisions
        .iter()
        .filter_map(|document| cached_image::pinned(document, &image.container, &uri))
        .collect();
    let cached = found.digests.get(&image.container).map(String::as_str);
    let change = cached_image::diff(&desired, cached, &pinned);
    let address = Address::new(Kind::CachedImage, &image.container);
    let is_done = change.is_none();
    let reason = match cached {
        None => format!("{} is not cached in {} yet", desired.image, identity.region),
        Some(_) => format!("{} is cached, and no revision has its digest", desired.image),
    };
    plan.add(address.clone(), change.map(Change::CachedImage), &reason);
    match cached {
        Some(digest) if is_done => Known::Now(format!("{uri}@{digest}")),
        _ => Known::After(address),
    }
}

#[cfg(test)]
mod tests;
