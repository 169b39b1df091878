//! What the region's registry has of the images that it caches.

pub mod secret;

use crate::{
    aws::{Reader, explain::Failure},
    config::model::Config,
    error::{Error, Result},
    image::upstream::Auth,
    plan::outside::{Outside, outside},
    resource::{cached_image, pull_through_cache_rule as rule},
};
use futures_util::future::try_join_all;
use std::collections::{BTreeMap, BTreeSet};

/// What is there; empty where no container has an image of another registry.
#[derive(Debug, Clone, Default)]
pub struct PullThrough {
    /// The account's rules.
    pub rules: Vec<rule::Observed>,
    /// The prefixes of those that are used, by upstream.
    pub prefixes: BTreeMap<String, String>,
    /// The secrets for upstreams without a rule, by the upstream's host.
    pub secrets: BTreeMap<String, secret::Observed>,
    /// What the cache has, by container.
    pub digests: BTreeMap<String, String>,
    /// Why rules that have something to pull could not log in to their upstream, by prefix.
    pub failures: BTreeMap<String, String>,
}

/// Reads it. An image that cannot be deployed is refused before the rest of the world is read.
pub async fn observe(aws: &Reader, config: &Config) -> Result<PullThrough> {
    let outside = outside(config, aws.identity().await?).map_err(Error::Refused)?;
    if outside.is_empty() {
        return Ok(PullThrough::default());
    }
    let rules = rule::observe(aws).await?;
    let (digests, secrets) =
        tokio::try_join!(digests(aws, &outside, &rules), secrets(aws, config, &outside, &rules))?;
    let failures = failures(aws, &outside, &rules, &digests).await?;
    let used = |image: &Outside| {
        Some((image.upstream.url.clone(), found(&rules, image)?.settings.prefix.clone()))
    };
    let prefixes = outside.iter().filter_map(used).collect();
    Ok(PullThrough { rules, prefixes, secrets, digests, failures })
}

/// The rule that an image is pulled through.
fn found<'a>(rules: &'a [rule::Observed], image: &Outside) -> Option<&'a rule::Observed> {
    rule::find(rules, &image.upstream.url, &image.upstream.prefix)
}

async fn digests(
    aws: &Reader,
    outside: &[Outside],
    rules: &[rule::Observed],
) -> Result<BTreeMap<String, String>, Failure> {
    let digests = outside.iter().map(|image| async {
        let prefix =
            found(rules, image).map_or(&image.upstream.prefix, |rule| &rule.settings.prefix);
        let digest = cached_image::observe(aws, prefix, &image.image).await?;
        Ok::<_, Failure>(digest.map(|digest| (image.container.clone(), digest)))
    });
    Ok(try_join_all(digests).await?.into_iter().flatten().collect())
}

async fn secrets(
    aws: &Reader,
    config: &Config,
    outside: &[Outside],
    rules: &[rule::Observed],
) -> Result<BTreeMap<String, secret::Observed>, Failure> {
    let wanted: BTreeMap<&str, &str> = outside
        .iter()
        .filter(|image| found(rules, image).is_none())
        .filter_map(|image| match image.upstream.auth {
            Auth::Secret(default) => Some((&*image.upstream.host, default)),
            Auth::Nothing | Auth::Role => None,
        })
        .collect();
    let read = wanted.into_iter().map(|(host, default)| async move {
        let name = config.pull_through.credentials.get(host).map_or(default, String::as_str);
        let secret = secret::observe(aws, name).await?;
        Ok::<_, Failure>(secret.map(|secret| (host.to_owned(), secret)))
    });
    Ok(try_join_all(read).await?.into_iter().flatten().collect())
}

/// What is cached already needs no upstream, so that a token that has expired there stops no deploy.
async fn failures(
    aws: &Reader,
    outside: &[Outside],
    rules: &[rule::Observed],
    digests: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Failure> {
    let needed: BTreeSet<&str> = outside
        .iter()
        .filter(|image| !digests.contains_key(&image.container))
        .filter_map(|image| found(rules, image))
        .filter(|rule| rule.settings.has_login())
        .map(|rule| &*rule.settings.prefix)
        .collect();
    let checked = needed.into_iter().map(|prefix| async move {
        let why = rule::validate(aws, prefix).await?;
        Ok::<_, Failure>(why.map(|why| (prefix.to_owned(), why)))
    });
    Ok(try_join_all(checked).await?.into_iter().flatten().collect())
}
