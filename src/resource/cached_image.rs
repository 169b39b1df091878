//! An image of another registry in the account's cache: found by its tag, pulled through where it is
//! missing or where no revision of the task names its digest yet.

use super::{Action, image};
use crate::{
    address::Known,
    aws::{Reader, explain::Failure},
    image::{reference::Reference, upstream},
};
use aws_sdk_ecr::types::ImageIdentifier;
use serde::Serialize;
use serde_json::Value;

/// Which image, and where it is cached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// The image as the file names it, with what Docker leaves out: `docker.io/library/nginx:1.29`.
    pub image: String,
    /// The prefix of the rule that it is pulled through.
    pub rule: Known,
    /// The host of the account's registry in the region.
    pub registry: String,
    /// The repository at the upstream.
    pub repository: String,
    /// The tag, where the file pins no digest.
    pub tag: Option<String>,
    /// The digest that the file pins.
    pub digest: Option<String>,
}

impl Settings {
    /// An image that is pulled through the rule.
    pub fn new(image: &Reference, rule: Known, registry: String) -> Self {
        let Reference { host, repository, tag, digest } = image.clone();
        // A digest says all; the tag beside it is for people.
        let tag = tag.filter(|_| digest.is_none());
        let of_tag = tag.iter().map(|tag| format!(":{tag}"));
        let what: String = of_tag.chain(digest.iter().map(|digest| format!("@{digest}"))).collect();
        let image = format!("{host}/{repository}{what}");
        Self { image, rule, registry, repository, tag, digest }
    }

    /// The cached repository's URI under the rule's prefix.
    pub fn repository_uri(&self, prefix: &str) -> String {
        format!("{}/{}", self.registry, upstream::cached(prefix, &self.repository))
    }
}

impl super::Settings for Settings {
    fn references(&self) -> Vec<&Known> {
        vec![&self.rule]
    }
}

/// The digest that the cache has for an image, without asking the upstream; `None` where it was never
/// pulled through.
pub async fn observe(
    aws: &Reader,
    prefix: &str,
    wanted: &Reference,
) -> Result<Option<String>, Failure> {
    let id = match &wanted.digest {
        Some(digest) => ImageIdentifier::builder().image_digest(digest),
        None => ImageIdentifier::builder().set_image_tag(wanted.tag.clone()),
    };
    let repository = upstream::cached(prefix, &wanted.repository);
    image::digest(aws, None, &repository, id.build()).await
}

/// The digest that a revision pins for a container in this repository.
pub fn pinned<'a>(document: &'a Value, container: &str, repository_uri: &str) -> Option<&'a str> {
    let containers = document["containerDefinitions"].as_array()?;
    let found = containers.iter().find(|found| found["name"].as_str() == Some(container))?;
    found["image"].as_str()?.strip_prefix(repository_uri)?.strip_prefix('@')
}

/// What is missing. That the cache has a manifest does not say that it has the layers, which it fetches one
/// by one; that a revision pins the digest does, since none is registered before all were pulled.
pub fn diff(desired: &Settings, cached: Option<&str>, pinned: &[&str]) -> Option<Action<Settings>> {
    let is_there = cached.is_some_and(|digest| pinned.contains(&digest));
    (!is_there).then(|| Action::Create(desired.clone()))
}

/// What a pull through the cache needs besides the right to pull; layers come from the registry.
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-iam.html>
pub fn calls(_: &Action<Settings>) -> Vec<&'static str> {
    vec!["ecr:GetAuthorizationToken", "ecr:CreateRepository", "ecr:BatchImportUpstreamImage"]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const REGISTRY: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

    fn settings(image: &str) -> Settings {
        let image = Reference::parse(image).expect("a reference");
        Settings::new(&image, Known::Now("docker-hub".into()), REGISTRY.into())
    }

    #[test]
    fn a_reference_is_rewritten() {
        let nginx = settings("nginx:1.29");
        assert_eq!(nginx.image, "docker.io/library/nginx:1.29");
        let uri = nginx.repository_uri("docker-hub");
        assert_eq!(uri, format!("{REGISTRY}/docker-hub/library/nginx"));
        let digest = format!("sha256:{}", "0a".repeat(32));
        let pinned = settings(&format!("quay.io/a/b:1@{digest}"));
        assert_eq!(pinned.image, format!("quay.io/a/b@{digest}"));
        assert_eq!((pinned.tag, pinned.digest), (None, Some(digest)));
    }

    #[test]
    fn nothing_is_pulled_where_a_revision_pins_what_the_cache_has() {
        let nginx = settings("nginx:1.29");
        assert_eq!(diff(&nginx, Some("sha256:1"), &["sha256:0", "sha256:1"]), None);
        for (cached, pinned) in
            [(None, &["sha256:1"][..]), (Some("sha256:1"), &[]), (Some("sha256:2"), &["sha256:1"])]
        {
            assert!(diff(&nginx, cached, pinned).is_some(), "{cached:?} {pinned:?}");
        }
    }

    #[test]
    fn what_a_revision_pins_is_read_from_it() {
        let uri = "host/docker-hub/library/nginx";
        let document = json!({"containerDefinitions": [
            {"name": "web", "image": "host/web@sha256:0"},
            {"name": "proxy", "image": "host/docker-hub/library/nginx@sha256:1"},
            {"name": "tagged", "image": "host/docker-hub/library/nginx:1"},
            {"name": "other", "image": "host/docker-hub/library/nginxx@sha256:1"},
        ]});
        assert_eq!(pinned(&document, "proxy", uri), Some("sha256:1"));
        for other in ["web", "tagged", "other", "none"] {
            assert_eq!(pinned(&document, other, uri), None, "{other}");
        }
    }
}
