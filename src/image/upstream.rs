//! Registries that a task in a private subnet cannot reach and that ECR can cache, and what an image of
//! theirs is called in the cache.
//! <https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html>

use super::reference::{DOCKER_HUB, Reference};
use crate::config::image_uri;

/// Where an image is, seen from a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a private ECR registry of the region; or of any, where the region is not known yet.
    Here,
    /// In a registry that ECR caches.
    Upstream(Upstream),
    /// In another one.
    Elsewhere,
}

/// A registry that ECR caches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// What people call it.
    pub title: String,
    /// What references call it: `docker.io`.
    pub host: String,
    /// ECR's name for its sort: `docker-hub`.
    pub registry: &'static str,
    /// Its address in a rule: `registry-1.docker.io`.
    pub url: String,
    /// What cached repositories begin with, where no rule says otherwise: the console's own choice.
    pub prefix: String,
    /// What ECR logs in to it with.
    pub auth: Auth,
}

/// What ECR logs in to an upstream registry with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// Nothing.
    Nothing,
    /// A secret of Secrets Manager, by default of this name.
    Secret(&'static str),
    /// An IAM role, which it assumes: the upstream is another account's.
    Role,
}

/// What the name of every secret for ECR has to begin with.
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-secret.html>
pub const SECRETS: &str = "ecr-pullthroughcache/";

struct Known {
    title: &'static str,
    host: &'static str,
    registry: &'static str,
    url: &'static str,
    prefix: &'static str,
    auth: Auth,
}

/// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule.html>
const KNOWN: [Known; 6] = [
    Known {
        title: "ECR Public",
        host: "public.ecr.aws",
        registry: "ecr-public",
        url: "public.ecr.aws",
        prefix: "ecr-public",
        auth: Auth::Nothing,
    },
    Known {
        title: "Docker Hub",
        host: DOCKER_HUB,
        registry: "docker-hub",
        url: "registry-1.docker.io",
        prefix: "docker-hub",
        auth: Auth::Secret("ecr-pullthroughcache/docker-hub"),
    },
    Known {
        title: "GitHub's registry",
        host: "ghcr.io",
        registry: "github-container-registry",
        url: "ghcr.io",
        prefix: "github",
        auth: Auth::Secret("ecr-pullthroughcache/github"),
    },
    Known {
        title: "Quay",
        host: "quay.io",
        registry: "quay",
        url: "quay.io",
        prefix: "quay",
        auth: Auth::Nothing,
    },
    Known {
        title: "Kubernetes' registry",
        host: "registry.k8s.io",
        registry: "k8s",
        url: "registry.k8s.io",
        prefix: "kubernetes",
        auth: Auth::Nothing,
    },
    Known {
        title: "GitLab's registry",
        host: "registry.gitlab.com",
        registry: "gitlab-container-registry",
        url: "registry.gitlab.com",
        prefix: "gitlab",
        auth: Auth::Secret("ecr-pullthroughcache/gitlab"),
    },
];

/// The hosts that can be cached, besides ECR in other regions.
pub fn hosts() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().map(|known| known.host)
}

/// Where ECR has no rules.
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html>
pub fn has_rules(region: &str) -> bool {
    !["cn-north-1", "cn-northwest-1", "us-gov-east-1", "us-gov-west-1"].contains(&region)
}

/// Finds out where an image is. `account` is the one that deploys, where it is known.
pub fn place(image: &Reference, region: Option<&str>, account: Option<&str>) -> Place {
    if let Some(found) = image_uri::host(&image.host) {
        let is_theirs = |account: &str| account != found.account;
        return match region {
            Some(region) if region != found.region => {
                Place::Upstream(of_ecr(&found, account.is_some_and(is_theirs)))
            }
            _ => Place::Here,
        };
    }
    KNOWN.iter().find(|known| known.host == image.host).map_or(Place::Elsewhere, |known| {
        Place::Upstream(Upstream {
            title: known.title.to_owned(),
            host: known.host.to_owned(),
            registry: known.registry,
            url: known.url.to_owned(),
            prefix: known.prefix.to_owned(),
            auth: known.auth,
        })
    })
}

/// The console has no prefix to propose here. 30 characters are the most that ECR takes, so that an
/// account and the longest region just fit.
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-private.html>
fn of_ecr(found: &image_uri::EcrHost<'_>, is_theirs: bool) -> Upstream {
    let image_uri::EcrHost { account, region, dns_suffix } = *found;
    let host = format!("{account}.dkr.ecr.{region}.{dns_suffix}");
    Upstream {
        title: format!("ECR in {region}"),
        registry: "ecr",
        url: host.clone(),
        host,
        prefix: format!("{}-{region}", if is_theirs { account } else { "ecr" }),
        auth: if is_theirs { Auth::Role } else { Auth::Nothing },
    }
}

/// The prefix that stands for none.
pub const ROOT: &str = "ROOT";

/// The repository that caches `repository` under a rule's prefix.
pub fn cached(prefix: &str, repository: &str) -> String {
    match prefix.trim_end_matches('/') {
        ROOT => repository.to_owned(),
        prefix => format!("{prefix}/{repository}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(image: &str, region: Option<&str>, account: Option<&str>) -> Place {
        place(&Reference::parse(image).expect("a reference"), region, account)
    }

    fn upstream(image: &str, account: &str) -> Upstream {
        match at(image, Some("eu-west-1"), Some(account)) {
            Place::Upstream(upstream) => upstream,
            other => panic!("{image}: {other:?}"),
        }
    }

    const ECR: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/web:1";

    #[test]
    fn each_upstream_has_its_address_prefix_and_login() {
        for (image, registry, url, prefix, auth) in [
            ("public.ecr.aws/x/y", "ecr-public", "public.ecr.aws", "ecr-public", Auth::Nothing),
            (
                "nginx",
                "docker-hub",
                "registry-1.docker.io",
                "docker-hub",
                Auth::Secret("ecr-pullthroughcache/docker-hub"),
            ),
            (
                "ghcr.io/a/b",
                "github-container-registry",
                "ghcr.io",
                "github",
                Auth::Secret("ecr-pullthroughcache/github"),
            ),
            ("quay.io/a/b", "quay", "quay.io", "quay", Auth::Nothing),
            ("registry.k8s.io/pause", "k8s", "registry.k8s.io", "kubernetes", Auth::Nothing),
            (
                "registry.gitlab.com/a/b",
                "gitlab-container-registry",
                "registry.gitlab.com",
                "gitlab",
                Auth::Secret("ecr-pullthroughcache/gitlab"),
            ),
            (
                ECR,
                "ecr",
                "123456789012.dkr.ecr.us-east-1.amazonaws.com",
                "ecr-us-east-1",
                Auth::Nothing,
            ),
        ] {
            let found = upstream(image, "123456789012");
            let found = (found.registry, &*found.url, &*found.prefix, found.auth);
            assert_eq!(found, (registry, url, prefix, auth), "{image}");
        }
    }

    /// The names are those of the SDK's enum, which knows every value that the API takes, and ECR
    /// takes prefixes of 2 to 30 characters.
    #[test]
    fn what_goes_into_a_rule_is_what_the_api_takes() {
        use aws_sdk_ecr::types::UpstreamRegistry;
        let known = UpstreamRegistry::values();
        for found in &KNOWN {
            assert!(known.contains(&found.registry), "{}", found.registry);
            assert!((2..=30).contains(&found.prefix.len()), "{}", found.prefix);
        }
        let theirs = "123456789012.dkr.ecr.ap-southeast-1.amazonaws.com/x/y";
        let found = upstream(theirs, "210987654321");
        assert!(known.contains(&found.registry) && found.prefix.len() <= 30, "{found:?}");
        assert_eq!((&*found.prefix, found.auth), ("123456789012-ap-southeast-1", Auth::Role));
    }

    #[test]
    fn the_own_regions_ecr_is_here_whosever_it_is() {
        assert_eq!(at(ECR, Some("us-east-1"), Some("210987654321")), Place::Here);
        assert_eq!(at(ECR, None, None), Place::Here);
        let fips = "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com/x/y";
        assert_eq!(at(fips, Some("us-east-1"), None), Place::Here);
        let found = upstream(fips, "123456789012");
        assert_eq!(found.url, "123456789012.dkr.ecr.us-east-1.amazonaws.com");
    }

    #[test]
    fn the_rest_is_elsewhere() {
        for image in ["lscr.io/x/y", "localhost:5000/x", "mcr.microsoft.com/x/y", "gcr.io/x/y"] {
            assert_eq!(at(image, Some("eu-west-1"), None), Place::Elsewhere, "{image}");
        }
    }

    #[test]
    fn a_cached_repository_is_called_by_the_rules_prefix() {
        assert_eq!(cached("docker-hub", "library/nginx"), "docker-hub/library/nginx");
        assert_eq!(cached("hub/", "library/nginx"), "hub/library/nginx");
        assert_eq!(cached(ROOT, "library/nginx"), "library/nginx");
    }
}
