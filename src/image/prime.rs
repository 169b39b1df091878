//! Fills a registry's cache: pulls all of an image through it, by digest, and keeps nothing. ECR fetches
//! what a rule caches only when it is asked for, manifest by manifest and layer by layer, and a task in a
//! private subnet cannot make it do so the first time.
//! <https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html>

use super::{
    digest::Digest,
    registry::{
        Fault, Registry,
        manifest::{self, Descriptor, Manifest},
    },
};
use crate::{
    error::Problem,
    event::{Event, Events, Source},
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use std::collections::{BTreeMap, BTreeSet};

/// Things that are asked for at once.
const AT_ONCE: usize = 6;

/// Indexes inside of indexes; two are seen in the wild.
const DEPTH: usize = 4;

/// The most manifests of one image.
const MANIFESTS: usize = 1000;

/// What was pulled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Primed {
    /// The image's digest: of its index, where it has one.
    pub digest: Digest,
    /// Indexes and manifests.
    pub manifests: usize,
    /// Configurations and layers.
    pub blobs: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// What is pulled.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The cache.
    pub registry: &'a Registry,
    /// The repository in it.
    pub repository: &'a str,
    /// A digest, or a tag whose digest the cache asks its upstream for.
    pub reference: &'a str,
}

/// Pulls all of an image: every platform's, and its attestations.
///
/// # Errors
/// What could not be pulled, what the registry said, and what to do.
pub async fn prime(request: &Request<'_>, events: &Events) -> Result<Primed, Problem> {
    let Request { registry, repository, reference } = *request;
    let manifest = async |reference: &str| {
        let text = registry.manifest(repository, reference).await;
        text.map_err(|fault| problem(request, &format!("manifest {reference}"), &fault))
    };
    // A tag may move between two calls, so that all that follows goes by digest.
    let digest = match Digest::parse(reference) {
        Some(digest) => digest,
        None => manifest(reference).await?.digest,
    };
    let mut seen = BTreeSet::new();
    let mut level = vec![digest.clone()];
    let mut blobs: BTreeMap<Digest, Descriptor> = BTreeMap::new();
    for _ in 0..=DEPTH {
        level.retain(|digest| seen.insert(digest.clone()));
        if seen.len() > MANIFESTS {
            break;
        }
        let texts: Vec<_> = stream::iter(level)
            .map(|digest| manifest_of(request, digest))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        level = Vec::new();
        for found in texts {
            match found {
                Manifest::Index(manifests) => {
                    level.extend(manifests.into_iter().map(|found| found.digest));
                }
                Manifest::Image(found) => {
                    blobs.extend(found.into_iter().map(|blob| (blob.digest.clone(), blob)));
                }
            }
        }
        if level.is_empty() {
            break;
        }
    }
    if !level.is_empty() {
        return Err(Problem::new(format!(
            "`{repository}@{digest}` has more than {MANIFESTS} manifests, or indexes inside of indexes \
             more than {DEPTH} deep"
        ))
        .help("is it an image? name the digest of one"));
    }
    let bytes = blobs.values().map(|blob| blob.size).sum();
    pull(request, &blobs, events).await?;
    Ok(Primed { digest, manifests: seen.len(), blobs: blobs.len(), bytes })
}

async fn manifest_of(request: &Request<'_>, digest: Digest) -> Result<Manifest, Problem> {
    let what = format!("manifest {digest}");
    let text = request.registry.manifest(request.repository, digest.as_str()).await;
    let text = text.map_err(|fault| problem(request, &what, &fault))?;
    manifest::read(&text.bytes, &text.media_type).map_err(|why| {
        let where_from = format!("{}/{}", request.registry.host, request.repository);
        Problem::new(format!("{what} of {where_from}: {why}"))
            .help("pin the digest of another image")
    })
}

/// Pulls the configurations and the layers.
async fn pull(
    request: &Request<'_>,
    blobs: &BTreeMap<Digest, Descriptor>,
    events: &Events,
) -> Result<(), Problem> {
    let Request { registry, repository, .. } = *request;
    let mut pulled = stream::iter(blobs.values())
        .map(|blob| async move {
            let result = registry.blob(repository, blob).await;
            result.map_err(|fault| problem(request, &format!("blob {}", blob.digest), &fault))?;
            Ok::<_, Problem>(blob)
        })
        .buffer_unordered(AT_ONCE);
    let mut count = 0;
    while let Some(blob) = pulled.try_next().await? {
        count += 1;
        let text = format!(
            "{repository}: {count} of {} pulled through the cache ({}, {})",
            blobs.len(),
            blob.digest,
            size(blob.size),
        );
        events.send(Event::Line { source: Source::Cache, text });
    }
    Ok(())
}

/// `12.3 MB`, in tenths.
pub fn size(bytes: u64) -> String {
    const KILO: u64 = 1000;
    let (unit, name) = match bytes {
        0..1_000 => return format!("{bytes} B"),
        1_000..1_000_000 => (KILO, "kB"),
        1_000_000..1_000_000_000 => (KILO.pow(2), "MB"),
        _ => (KILO.pow(3), "GB"),
    };
    format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit)
}

fn problem(request: &Request<'_>, what: &str, fault: &Fault) -> Problem {
    let Request { registry, repository, .. } = *request;
    let place = format!("{}/{repository}", registry.host);
    let Fault { status, said, .. } = fault;
    let Some(status) = status else {
        return Problem::new(format!("pulling {what} of {place}: {said}"))
            .help("run again; if it stays, check that this machine reaches the registry");
    };
    let problem =
        Problem::new(format!("pulling {what} of {place}: the registry answered {status}"));
    let problem = if said.is_empty() { problem } else { problem.found(said.clone()) };
    problem.help(help(*status, said))
}

/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/error-pullthroughcache.html>
fn help(status: u16, said: &str) -> &'static str {
    let said = said.to_lowercase();
    match status {
        429 => "the upstream counts pulls: wait, or give the rule a login that may pull more",
        500.. => "run again; if it stays, the upstream or the cache does not work now",
        _ if said.contains("name unknown") || said.contains("name_unknown") => {
            "allow `ecr:CreateRepository`, and check that the image's name exists at the upstream"
        }
        _ if said.contains("manifest unknown") || said.contains("manifest_unknown") => {
            "allow `ecr:BatchImportUpstreamImage`, and check that the tag or digest exists at the upstream"
        }
        401 | 403 => {
            "allow `ecr:BatchGetImage`, `ecr:GetDownloadUrlForLayer`, `ecr:BatchImportUpstreamImage` \
             and `ecr:CreateRepository`, and check that the rule's login may pull this image"
        }
        _ => "check that the image exists at the upstream, and run again",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: Option<u16>, said: &str) -> Problem {
        let registry = Registry::new("1.dkr.ecr.eu-west-1.amazonaws.com", None);
        let request =
            Request { registry: &registry, repository: "docker-hub/library/nginx", reference: "1" };
        let fault = Fault::test(status, said);
        problem(&request, "manifest 1", &fault)
    }

    #[test]
    fn a_refusal_says_what_where_and_what_to_do() {
        insta::assert_snapshot!(told(Some(404), "MANIFEST_UNKNOWN: Requested image not found"), @"
        pulling manifest 1 of 1.dkr.ecr.eu-west-1.amazonaws.com/docker-hub/library/nginx: the registry answered 404
          MANIFEST_UNKNOWN: Requested image not found
          help: allow `ecr:BatchImportUpstreamImage`, and check that the tag or digest exists at the upstream
        ");
        for (status, said, word) in [
            (404, "NAME_UNKNOWN: The repository does not exist", "ecr:CreateRepository"),
            (403, "", "may pull this image"),
            (429, "TOOMANYREQUESTS", "counts pulls"),
            (502, "", "run again"),
        ] {
            let help = told(Some(status), said).help.expect("there is some");
            assert!(help.contains(word), "{status}: {help}");
        }
        insta::assert_snapshot!(told(None, "it broke off: reset"), @"
        pulling manifest 1 of 1.dkr.ecr.eu-west-1.amazonaws.com/docker-hub/library/nginx: it broke off: reset
          help: run again; if it stays, check that this machine reaches the registry
        ");
    }

    #[test]
    fn sizes_are_told_in_tenths() {
        let sizes = [0, 999, 1_000, 1_999, 12_345_678, 2_000_000_000].map(size);
        assert_eq!(sizes, ["0 B", "999 B", "1.0 kB", "1.9 kB", "12.3 MB", "2.0 GB"]);
    }
}
