//! Image references, and which of them a task in a private subnet can pull.

use crate::error::Problem;

/// An image in a private ECR repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EcrUri<'a> {
    /// Twelve digits.
    pub account: &'a str,
    /// The registry's region.
    pub region: &'a str,
    /// `team/web`.
    pub repository: &'a str,
}

/// Takes a private ECR image's URI apart:
/// `123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/web:tag`.
pub fn parse(uri: &str) -> Option<EcrUri<'_>> {
    let (host, rest) = uri.split_once('/')?;
    let (account, rest_of_host) = host.split_once(".dkr.")?;
    let (service, rest_of_host) = rest_of_host.split_once('.')?;
    let (region, suffix) = rest_of_host.split_once('.')?;
    let is_ecr = ["ecr", "ecr-fips"].contains(&service)
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && suffix.starts_with("amazonaws.");
    let repository = rest.split('@').next().unwrap_or(rest);
    let repository = repository.split(':').next().unwrap_or(repository);
    (is_ecr && !repository.is_empty()).then_some(EcrUri { account, region, repository })
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
    let EcrUri { account, region: theirs, repository } = found;
    let host = uri.split('/').next().unwrap_or_default();
    let ours = host.replacen(theirs, region, 1);
    Err(Problem::new(format!("image `{uri}` is in {theirs}, and the service in {region}"))
        .found("the ECR endpoints of a VPC lead to the registry of its own region alone")
        .help(format!(
            "copy it: docker buildx imagetools create --tag {ours}/{repository}:TAG {uri}\n\
             or let ECR replicate it to {region} (account {account})"
        )))
}

/// The image is in no private ECR repository.
pub(super) fn outside(uri: &str) -> Problem {
    Problem::new(format!("image `{uri}` is in no private ECR repository"))
        .found("a task in a private subnet reaches no other registry, not even ECR Public")
        .help("copy it: docker buildx imagetools create --tag ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME:TAG IMAGE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_ecr_uris_are_taken_apart() {
        let uri = "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/team/web:v1@sha256:00";
        let found = parse(uri).expect("it is one");
        assert_eq!(
            (found.account, found.region, found.repository),
            ("123456789012", "cn-north-1", "team/web")
        );
        for other in [
            "nginx",
            "public.ecr.aws/nginx/nginx:1",
            "12.dkr.ecr.eu-west-1.amazonaws.com/x",
            "docker.io/library/x",
        ] {
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
          help: copy it: docker buildx imagetools create --tag 123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:TAG 123456789012.dkr.ecr.us-east-1.amazonaws.com/web:v1
                or let ECR replicate it to eu-west-1 (account 123456789012)
        ");
    }
}
