//! Image references, and which of them a task in a private subnet can pull.

use super::names;
use crate::error::Problem;

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
    let (account, rest_of_host) = host.split_once(".dkr.")?;
    let (service, rest_of_host) = rest_of_host.split_once('.')?;
    let (region, dns_suffix) = rest_of_host.split_once('.')?;
    let (rest, digest) = split_off(rest, '@');
    let (repository, tag) = split_off(rest, ':');
    let is_ecr = ["ecr", "ecr-fips"].contains(&service)
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && dns_suffix.split('.').all(|label| !label.is_empty());
    let is_well = names::repository(repository).is_ok()
        && tag.is_none_or(is_tag)
        && digest.is_none_or(is_digest);
    (is_ecr && is_well).then_some(EcrUri { account, region, dns_suffix, repository, tag, digest })
}

fn split_off(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

/// <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>
fn is_tag(tag: &str) -> bool {
    (1..=128).contains(&tag.len())
        && !tag.starts_with(['.', '-'])
        && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn is_digest(digest: &str) -> bool {
    digest.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Refuses an image that a task in a private subnet of `region` could not pull.
///
/// # Errors
/// It is in no private ECR repository, or in one of another region.
pub fn check(uri: &str, region: &str) -> Result<(), Problem> {
    let Some(found) = parse(uri) else {
        return Err(outside(uri));
    };
    if found.region == region {
        return Ok(());
    }
    let EcrUri { account, region: theirs, repository, tag, .. } = found;
    let host = uri.split('/').next().unwrap_or_default();
    let ours = host.replacen(&format!(".{theirs}."), &format!(".{region}."), 1);
    let tag = tag.unwrap_or("TAG");
    Err(Problem::new(format!("image `{uri}` is in {theirs}, and the service in {region}"))
        .found("the ECR endpoints of a VPC lead to the registry of its own region alone")
        .help(format!(
            "copy it: docker buildx imagetools create --tag {ours}/{repository}:{tag} {uri}\n\
             or let ECR replicate it to {region} (account {account})"
        )))
}

/// The image is in no private ECR repository, or the reference is none.
pub(super) fn outside(uri: &str) -> Problem {
    let host = uri.split('/').next().unwrap_or_default();
    if host.contains(".dkr.ecr") {
        return Problem::new(format!("image `{uri}` is no reference to an ECR image"))
            .help("it is ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME:TAG, or …/NAME@sha256:DIGEST");
    }
    let name = uri.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("NAME:TAG");
    Problem::new(format!("image `{uri}` is in no private ECR repository"))
        .found("a task in a private subnet reaches no other registry, not even ECR Public")
        .help(format!(
            "copy it: docker buildx imagetools create \
             --tag ACCOUNT.dkr.ecr.REGION.amazonaws.com/{name} {uri}"
        ))
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

    #[test]
    fn another_region_is_refused_with_the_reason() {
        let uri = "123456789012.dkr.ecr.us-east-1.amazonaws.com/web:v1";
        assert_eq!(check(uri, "us-east-1"), Ok(()));
        insta::assert_snapshot!(check(uri, "eu-west-1").expect_err("another region"), @"
        image `123456789012.dkr.ecr.us-east-1.amazonaws.com/web:v1` is in us-east-1, and the service in eu-west-1
          the ECR endpoints of a VPC lead to the registry of its own region alone
          help: copy it: docker buildx imagetools create --tag 123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:v1 123456789012.dkr.ecr.us-east-1.amazonaws.com/web:v1
                or let ECR replicate it to eu-west-1 (account 123456789012)
        ");
    }

    #[test]
    fn a_public_image_is_refused_with_the_reason() {
        let refused = |uri: &str| check(uri, "eu-west-1").expect_err("it is no private ECR image");
        insta::assert_snapshot!(refused("public.ecr.aws/nginx/nginx:1.29"), @"
        image `public.ecr.aws/nginx/nginx:1.29` is in no private ECR repository
          a task in a private subnet reaches no other registry, not even ECR Public
          help: copy it: docker buildx imagetools create --tag ACCOUNT.dkr.ecr.REGION.amazonaws.com/nginx:1.29 public.ecr.aws/nginx/nginx:1.29
        ");
        insta::assert_snapshot!(refused("123456789012.dkr.ecr.eu-west-1.amazonaws.com/Web"), @"
        image `123456789012.dkr.ecr.eu-west-1.amazonaws.com/Web` is no reference to an ECR image
          help: it is ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME:TAG, or …/NAME@sha256:DIGEST
        ");
    }
}
