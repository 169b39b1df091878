//! Image references, and which of them a task in a private subnet can pull.

use super::names;
use crate::{
    error::Problem,
    image::{
        reference::{Reference, is_digest, is_tag},
        upstream::{self, Place},
    },
};

/// An image in a private ECR repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EcrUri<'a> {
    /// Twelve digits.
    pub account: &'a str,
    /// The registry's region.
    pub region: &'a str,
    /// `amazonaws.com`, or another partition's.
    pub dns_suffix: &'a str,
    /// `team/web`.
    pub repository: &'a str,
    /// What follows the `:`; `latest` is meant where there is neither this nor a digest.
    pub tag: Option<&'a str>,
    /// What follows the `@`: `sha256:…`.
    pub digest: Option<&'a str>,
}

/// Takes a private ECR image's URI apart:
/// `123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/web:tag@sha256:…`.
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html>
pub fn parse(uri: &str) -> Option<EcrUri<'_>> {
    let (host, rest) = uri.split_once('/')?;
    let EcrHost { account, region, dns_suffix } = self::host(host)?;
    let (rest, digest) = split_off(rest, '@');
    let (repository, tag) = split_off(rest, ':');
    let is_well = names::repository(repository).is_ok()
        && tag.is_none_or(is_tag)
        && digest.is_none_or(is_digest);
    is_well.then_some(EcrUri { account, region, dns_suffix, repository, tag, digest })
}

/// A private ECR registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EcrHost<'a> {
    /// Twelve digits.
    pub account: &'a str,
    /// Its region.
    pub region: &'a str,
    /// `amazonaws.com`, or another partition's.
    pub dns_suffix: &'a str,
}

/// Takes a private ECR registry's host apart.
pub fn host(host: &str) -> Option<EcrHost<'_>> {
    let (account, rest) = host.split_once(".dkr.")?;
    let (service, rest) = rest.split_once('.')?;
    let (region, dns_suffix) = rest.split_once('.')?;
    let is_ecr = ["ecr", "ecr-fips"].contains(&service)
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && dns_suffix.split('.').all(|label| !label.is_empty());
    is_ecr.then_some(EcrHost { account, region, dns_suffix })
}

fn split_off(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

/// What the file says of the caching of other registries' images.
#[derive(Debug, Clone, Copy)]
pub struct Caching<'a> {
    /// Whether they are cached.
    pub is_ensured: bool,
    /// What to write for it.
    pub line: &'a str,
}

impl Caching<'_> {
    /// Where the image is no part of the section itself.
    pub const LINE: &'static str = "image: { pull-through: ensure }";
}

/// Why a task in a private subnet of `region` could not pull the image, as far as that can be told without
/// AWS.
pub fn refusal(image: &str, region: Option<&str>, caching: Caching<'_>) -> Option<Problem> {
    let Some(reference) = Reference::parse(image).filter(|_| is_ecr_or_other(image)) else {
        return Some(no_reference(image));
    };
    let upstream = match upstream::place(&reference, region, None) {
        Place::Here => return None,
        Place::Elsewhere => return Some(elsewhere(image, &reference, region)),
        Place::Upstream(upstream) => upstream,
    };
    let copy = copy(image, &reference, region);
    let problem = match (region, host(&reference.host)) {
        (Some(region), Some(EcrHost { region: theirs, .. })) => {
            let what = format!("image `{image}` is in {theirs}, and the service in {region}");
            Problem::new(what)
                .found("the ECR endpoints of a VPC lead to the registry of its own region alone")
        }
        _ => Problem::new(format!("image `{image}` is on {}", upstream.title))
            .found("a task in a private subnet reaches no registry but ECR of its own region"),
    };
    match region {
        Some(region) if !upstream::has_rules(region) => {
            let why = format!("ECR caches no other registry in {region}");
            Some(problem.found(why).help(format!("copy it: {copy}")))
        }
        _ if caching.is_ensured => None,
        _ => Some(problem.help(format!(
            "add `{}`, and ECR keeps a copy in the region\nor copy it yourself: {copy}",
            caching.line
        ))),
    }
}

/// What looks like private ECR has to be it.
fn is_ecr_or_other(image: &str) -> bool {
    let host = image.split('/').next().unwrap_or_default();
    !host.contains(".dkr.ecr") || parse(image).is_some()
}

fn no_reference(image: &str) -> Problem {
    let host = image.split('/').next().unwrap_or_default();
    if host.contains(".dkr.ecr") {
        return Problem::new(format!("image `{image}` is no reference to an ECR image"))
            .help("it is ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME:TAG, or …/NAME@sha256:DIGEST");
    }
    Problem::new(format!("image `{image}` is no reference to an image"))
        .help("it is REGISTRY/NAME:TAG, or REGISTRY/NAME@sha256:DIGEST")
}

fn elsewhere(image: &str, reference: &Reference, region: Option<&str>) -> Problem {
    let known = upstream::hosts().collect::<Vec<_>>().join(", ");
    Problem::new(format!("image `{image}` is in no private ECR repository"))
        .found("a task in a private subnet reaches no other registry")
        .found(format!("`pull-through` caches {known} and ECR of other regions alone"))
        .help(format!("copy it: {}", copy(image, reference, region)))
}

fn copy(image: &str, reference: &Reference, region: Option<&str>) -> String {
    let name = reference.repository.rsplit('/').next().unwrap_or_default();
    let tag = reference.tag.as_deref().unwrap_or("TAG");
    let region = region.unwrap_or("REGION");
    let (host, name) = match host(&reference.host) {
        Some(found) => (
            format!("{}.dkr.ecr.{region}.{}", found.account, found.dns_suffix),
            &*reference.repository,
        ),
        None => (format!("ACCOUNT.dkr.ecr.{region}.amazonaws.com"), name),
    };
    format!("docker buildx imagetools create --tag {host}/{name}:{tag} {image}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_ecr_uris_are_taken_apart() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        let uri = format!("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/team/web:v1@{digest}");
        let expected = EcrUri {
            account: "123456789012",
            region: "cn-north-1",
            dns_suffix: "amazonaws.com.cn",
            repository: "team/web",
            tag: Some("v1"),
            digest: Some(&digest),
        };
        assert_eq!(parse(&uri), Some(expected));
        let ecr = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
        let others = [
            "nginx",
            "public.ecr.aws/nginx/nginx:1",
            "12.dkr.ecr.eu-west-1.amazonaws.com/x1",
            "docker.io/library/x",
            &format!("{ecr}/Web:1"),
            &format!("{ecr}/web:"),
            &format!("{ecr}/web@sha256:00"),
            &format!("{ecr}/web:a b"),
            &format!("https://{ecr}/web"),
        ];
        for other in others {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    fn refused(image: &str, region: Option<&str>) -> Problem {
        let line = "image: { uri: X, pull-through: ensure }";
        let caching = Caching { is_ensured: false, line };
        refusal(image, region, caching).expect("it is refused")
    }

    fn ensured(image: &str, region: &str) -> Option<Problem> {
        let caching = Caching { is_ensured: true, line: Caching::LINE };
        refusal(image, Some(region), caching)
    }

    #[test]
    fn another_region_is_refused_with_the_reason() {
        let uri = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/web:v1";
        let caching = Caching { is_ensured: false, line: Caching::LINE };
        assert_eq!(refusal(uri, Some("us-east-1"), caching), None);
        assert_eq!(refusal(uri, None, caching), None);
        assert_eq!(ensured(uri, "eu-west-1"), None);
        insta::assert_snapshot!(refused(uri, Some("eu-west-1")), @"
        image `123456789012.dkr.ecr.us-east-1.amazonaws.com/team/web:v1` is in us-east-1, and the service in eu-west-1
          the ECR endpoints of a VPC lead to the registry of its own region alone
          help: add `image: { uri: X, pull-through: ensure }`, and ECR keeps a copy in the region
                or copy it yourself: docker buildx imagetools create --tag 123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/web:v1 123456789012.dkr.ecr.us-east-1.amazonaws.com/team/web:v1
        ");
    }

    #[test]
    fn a_public_image_is_refused_with_the_line_to_add() {
        insta::assert_snapshot!(refused("public.ecr.aws/nginx/nginx:1.29", None), @"
        image `public.ecr.aws/nginx/nginx:1.29` is on ECR Public
          a task in a private subnet reaches no registry but ECR of its own region
          help: add `image: { uri: X, pull-through: ensure }`, and ECR keeps a copy in the region
                or copy it yourself: docker buildx imagetools create --tag ACCOUNT.dkr.ecr.REGION.amazonaws.com/nginx:1.29 public.ecr.aws/nginx/nginx:1.29
        ");
        for image in
            ["nginx", "ghcr.io/a/b", "quay.io/a/b", "registry.k8s.io/a", "registry.gitlab.com/a/b"]
        {
            assert!(
                refused(image, None).help.is_some_and(|help| help.starts_with("add `")),
                "{image}"
            );
            assert_eq!(ensured(image, "eu-west-1"), None, "{image}");
        }
    }

    #[test]
    fn a_region_without_a_cache_says_so_whatever_the_file_says() {
        let problem = ensured("nginx:1", "cn-north-1").expect("there is none");
        insta::assert_snapshot!(problem, @"
        image `nginx:1` is on Docker Hub
          a task in a private subnet reaches no registry but ECR of its own region
          ECR caches no other registry in cn-north-1
          help: copy it: docker buildx imagetools create --tag ACCOUNT.dkr.ecr.cn-north-1.amazonaws.com/nginx:1 nginx:1
        ");
    }

    #[test]
    fn what_ecr_does_not_cache_has_to_be_copied() {
        let problem = ensured("lscr.io/linuxserver/x:1", "eu-west-1").expect("no such upstream");
        insta::assert_snapshot!(problem, @"
        image `lscr.io/linuxserver/x:1` is in no private ECR repository
          a task in a private subnet reaches no other registry
          `pull-through` caches public.ecr.aws, docker.io, ghcr.io, quay.io, registry.k8s.io, registry.gitlab.com and ECR of other regions alone
          help: copy it: docker buildx imagetools create --tag ACCOUNT.dkr.ecr.eu-west-1.amazonaws.com/x:1 lscr.io/linuxserver/x:1
        ");
    }

    #[test]
    fn what_is_no_reference_is_told_so() {
        let uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/Web";
        insta::assert_snapshot!(refused(uri, None), @"
        image `123456789012.dkr.ecr.eu-west-1.amazonaws.com/Web` is no reference to an ECR image
          help: it is ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME:TAG, or …/NAME@sha256:DIGEST
        ");
        insta::assert_snapshot!(refused("my image", None), @"
        image `my image` is no reference to an image
          help: it is REGISTRY/NAME:TAG, or REGISTRY/NAME@sha256:DIGEST
        ");
    }
}
