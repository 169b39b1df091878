//! ECR: the repository, the push, and what is pulled through it.

use super::{
    document::Grant,
    subject::{Purpose, Subject},
};
use crate::{
    aws::Identity,
    config::{
        image_uri,
        model::{Build, Image},
    },
    image::upstream::{self, Auth},
    plan::outside::{self, Outside},
};
use std::collections::BTreeSet;

/// What a push of layers and a manifest takes, and a cache that is read from the repository.
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html>
const PUSH: [&str; 7] = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:GetDownloadUrlForLayer",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
];
const PULL: [&str; 3] =
    ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];

/// What is allowed at ECR, and at Secrets Manager in its name.
pub(super) fn grants(of: &Subject<'_>) -> Vec<Grant> {
    if of.purpose == Purpose::Doctor {
        return Vec::new();
    }
    let mut grants = match &of.config.image {
        Image::Build(build) => built(of, build),
        Image::Uri(uri) => image_uri::parse(uri)
            .map(|found| {
                let image_uri::EcrUri { account, region, repository, .. } = found;
                let arn =
                    format!("arn:{}:ecr:{region}:{account}:repository/{repository}", of.partition);
                Grant::of("ImageRead", ["ecr:DescribeImages"]).on([arn])
            })
            .into_iter()
            .collect(),
    };
    if of.purpose != Purpose::Destroy {
        grants.extend(pulled(of));
    }
    let logs_in = of.purpose.makes()
        && (matches!(of.config.image, Image::Build(_)) || !grants.is_empty() && is_pulled(of));
    if logs_in {
        grants.push(of.here(["ecr:GetAuthorizationToken"]));
    }
    grants
}

fn repository(of: &Subject<'_>, name: &str) -> [String; 1] {
    [of.arn("ecr", &format!("repository/{name}"))]
}

fn built(of: &Subject<'_>, build: &Build) -> Vec<Grant> {
    let here = || repository(of, &build.repository);
    let mut reads =
        vec!["ecr:DescribeRepositories", "ecr:GetLifecyclePolicy", "ecr:ListTagsForResource"];
    if of.purpose != Purpose::Destroy {
        reads.push("ecr:DescribeImages");
    }
    let mut grants = vec![Grant::of("RepositoryRead", reads).on(here())];
    if of.purpose.makes() {
        grants.push(Grant::of("Push", PUSH).on(here()));
    }
    match of.purpose {
        Purpose::Deploy => {
            let make = ["ecr:CreateRepository", "ecr:TagResource"];
            let change = [
                "ecr:PutImageScanningConfiguration",
                "ecr:PutImageTagMutability",
                "ecr:PutLifecyclePolicy",
            ];
            grants.push(of.made(Grant::of("RepositoryMake", make).on(here())));
            grants.push(Grant::of("RepositoryChange", change).on(here()));
        }
        Purpose::Destroy => {
            grants.push(Grant::of("RepositoryDelete", ["ecr:DeleteRepository"]).on(here()));
        }
        // Its images go with a preview.
        Purpose::Preview => {
            let gone = ["ecr:BatchDeleteImage", "ecr:ListImages"];
            grants.push(Grant::of("ImagesDelete", gone).on(here()));
        }
        Purpose::Plan | Purpose::Doctor => {}
    }
    grants
}

/// The images of other registries. Where the account is not known, one of its own counts as such too.
fn outside(of: &Subject<'_>) -> Vec<Outside> {
    let identity = Identity {
        account: of.account.to_owned(),
        partition: of.partition.to_owned(),
        region: of.region.to_owned(),
    };
    outside::outside(of.config, &identity).unwrap_or_default()
}

/// Whether anything is pulled through ECR.
pub(super) fn is_pulled(of: &Subject<'_>) -> bool {
    !outside(of).is_empty()
}

/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-iam.html>
fn pulled(of: &Subject<'_>) -> Vec<Grant> {
    let outside = outside(of);
    if outside.is_empty() {
        return Vec::new();
    }
    // A rule that stands may have another prefix, which only the account knows.
    let cached: BTreeSet<String> = outside
        .iter()
        .map(|image| of.arn("ecr", &format!("repository/*/{}", image.image.repository)))
        .collect();
    let secrets: BTreeSet<String> = outside.iter().filter_map(|image| secret(of, image)).collect();
    let mut rules = vec!["ecr:DescribePullThroughCacheRules", "ecr:ValidatePullThroughCacheRule"];
    let mut images = vec!["ecr:DescribeImages"];
    if of.purpose.makes() {
        rules.push("ecr:CreatePullThroughCacheRule");
        images.extend(PULL);
        images.extend(["ecr:BatchImportUpstreamImage", "ecr:CreateRepository"]);
    }
    vec![
        of.here(rules),
        Grant::of("Cached", images).on(cached),
        Grant::of("CacheLogin", ["secretsmanager:DescribeSecret"]).on(secrets),
    ]
}

/// The secret that ECR logs in with. Secrets Manager adds six characters to its name, and asks about a
/// secret that is not there without them.
fn secret(of: &Subject<'_>, image: &Outside) -> Option<String> {
    let Auth::Secret(default) = image.upstream.auth else { return None };
    let given = of.config.pull_through.credentials.get(&image.upstream.host);
    let name = given.map_or(default, String::as_str);
    if name.starts_with("arn:") {
        return Some(name.to_owned());
    }
    let name = if name.starts_with(upstream::SECRETS) { name } else { default };
    Some(of.arn("secretsmanager", &format!("secret:{name}*")))
}
