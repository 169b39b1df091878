//! The private ECR repository, in the service's own region.

use super::{Action, changed};
use crate::{
    address::Known,
    aws::{
        Reader, Writer,
        explain::{Explain as _, Failure},
        settle::{Settling, is_not_known_yet},
    },
    tags::{Ownership, Tags},
};
use aws_sdk_ecr::types::{
    EncryptionConfiguration, EncryptionType, ImageScanningConfiguration, ImageTagMutability,
    ImageTagMutabilityExclusionFilter, ImageTagMutabilityExclusionFilterType, Tag,
};
use serde::Serialize;
use serde_json::{Value, json};

/// The tags that the build cache rewrites; every other tag is immutable.
const CACHE_FILTER: &str = "buildcache*";
/// The beginning of the tags of previews' images, how many of those are kept, and how many are pushed at
/// most until the lifecycle rules are next applied, which may take a day.
const PREVIEWS: &str = "pr-";
const PREVIEW_IMAGES: u32 = 300;
const PREVIEW_PUSHES: u32 = 700;
/// Untagged images are what a moved cache tag leaves behind; a day covers every build under way.
const UNTAGGED_DAYS: u32 = 1;

/// What a repository looks like.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// Its name.
    pub name: String,
    /// `IMMUTABLE`, `IMMUTABLE_WITH_EXCLUSION`, …
    pub image_tag_mutability: String,
    /// Wildcards of the tags that are not under that rule.
    pub exclusion_filters: Vec<String>,
    /// Whether images are scanned when they arrive.
    pub scan_on_push: bool,
    /// `AES256` or `KMS`; fixed when the repository is made.
    pub encryption: String,
    /// The lifecycle policy's rules.
    pub lifecycle_policy: Value,
}

impl super::Settings for Settings {
    fn references(&self) -> Vec<&Known> {
        Vec::new()
    }
}

/// A repository that is there.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Its URI, without a tag.
    pub uri: String,
    /// Its ARN.
    pub arn: String,
    /// Whose it is.
    pub ownership: Ownership,
    /// How it is set.
    pub settings: Settings,
}

/// The settings of a repository of ours: `keep` images, with an exception for the build cache. The
/// cache is an image with a tag too, and what it leaves behind must not count against those that run. Nor
/// must previews push out what runs: each rule counts all images that it matches, also those that a rule
/// before it has taken, so that the last one has to leave room for as many as there may ever be.
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html>
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html>
pub fn desired(name: &str, keep: u32, cached: bool, previews: bool) -> Settings {
    let (mutability, filters) = if cached {
        ("IMMUTABLE_WITH_EXCLUSION", vec![CACHE_FILTER.to_owned()])
    } else {
        ("IMMUTABLE", Vec::new())
    };
    Settings {
        name: name.to_owned(),
        image_tag_mutability: mutability.to_owned(),
        exclusion_filters: filters,
        scan_on_push: true,
        encryption: "AES256".to_owned(),
        lifecycle_policy: json!({"rules": rules(keep + u32::from(cached), keep, previews)}),
    }
}

fn rules(tagged: u32, keep: u32, previews: bool) -> Vec<Value> {
    let rule = |priority: usize, description: String, selection: Value| {
        json!({
            "rulePriority": priority,
            "description": description,
            "selection": selection,
            "action": {"type": "expire"},
        })
    };
    let more_than = |pattern: String, count: u32| {
        json!({
            "tagStatus": "tagged",
            "tagPatternList": [pattern],
            "countType": "imageCountMoreThan",
            "countNumber": count,
        })
    };
    let untagged = json!({
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": UNTAGGED_DAYS,
    });
    let mut rules = vec![rule(1, "images without a tag".to_owned(), untagged)];
    if previews {
        let text = format!("the last {PREVIEW_IMAGES} images of previews");
        rules.push(rule(2, text, more_than(format!("{PREVIEWS}*"), PREVIEW_IMAGES)));
        let text = format!("the last {keep} images, whatever previews push in between");
        let count = tagged + PREVIEW_IMAGES + PREVIEW_PUSHES;
        rules.push(rule(3, text, more_than("*".to_owned(), count)));
    } else {
        let text = format!("the last {keep} images");
        rules.push(rule(2, text, more_than("*".to_owned(), tagged)));
    }
    rules
}

/// Reads the repository; `None` where there is none.
pub async fn observe(aws: &Reader, name: &str) -> Result<Option<Observed>, Failure> {
    let on = format!("repository {name}");
    let found = aws
        .ecr
        .describe_repositories()
        .repository_names(name)
        .send()
        .await
        .explain("ecr:DescribeRepositories", &on);
    let repository = match found {
        Err(failure) if failure.is("RepositoryNotFound") => return Ok(None),
        found => found?.repositories.unwrap_or_default().into_iter().next(),
    };
    let Some(repository) = repository else { return Ok(None) };
    let arn = repository.repository_arn().unwrap_or_default().to_owned();
    let (tags, policy) = tokio::join!(
        aws.ecr.list_tags_for_resource().resource_arn(&arn).send(),
        aws.ecr.get_lifecycle_policy().repository_name(name).send(),
    );
    let tags = tags.explain("ecr:ListTagsForResource", &on)?.tags.unwrap_or_default();
    let policy = match policy.explain("ecr:GetLifecyclePolicy", &on) {
        Err(failure) if failure.is("LifecyclePolicyNotFound") => None,
        policy => policy?.lifecycle_policy_text,
    };
    Ok(Some(Observed {
        uri: repository.repository_uri().unwrap_or_default().to_owned(),
        arn,
        ownership: Ownership::read(tags.iter().map(|tag| (tag.key(), tag.value()))),
        settings: settings(&repository, policy.as_deref()),
    }))
}

fn settings(repository: &aws_sdk_ecr::types::Repository, policy: Option<&str>) -> Settings {
    Settings {
        name: repository.repository_name().unwrap_or_default().to_owned(),
        image_tag_mutability: repository
            .image_tag_mutability()
            .map_or("MUTABLE", ImageTagMutability::as_str)
            .to_owned(),
        exclusion_filters: repository
            .image_tag_mutability_exclusion_filters()
            .iter()
            .map(|filter| filter.filter().to_owned())
            .collect(),
        scan_on_push: repository
            .image_scanning_configuration()
            .is_some_and(ImageScanningConfiguration::scan_on_push),
        encryption: repository
            .encryption_configuration()
            .map_or("AES256", |encryption| encryption.encryption_type().as_str())
            .to_owned(),
        lifecycle_policy: policy
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or(Value::Null),
    }
}

/// What is missing or differs. The encryption cannot be changed, so it is taken as it is.
pub fn diff(desired: &Settings, observed: Option<&Observed>) -> Option<Action<Settings>> {
    let Some(observed) = observed else { return Some(Action::Create(desired.clone())) };
    if !observed.ownership.is_managed() {
        return None;
    }
    let mut from = observed.settings.clone();
    let to = Settings { encryption: from.encryption.clone(), ..desired.clone() };
    // There is no exclusion without a filter; an answer without one does not tell.
    if from.image_tag_mutability.ends_with("_WITH_EXCLUSION") && from.exclusion_filters.is_empty() {
        from.exclusion_filters.clone_from(&to.exclusion_filters);
    }
    changed(&observed.uri, &from, &to)
}

/// The calls that [`apply`] makes.
pub fn calls(action: &Action<Settings>) -> Vec<&'static str> {
    match action {
        Action::Create(_) => vec!["ecr:CreateRepository", "ecr:PutLifecyclePolicy"],
        Action::Update { from, to, .. } => {
            let mut calls = Vec::new();
            if tag_rules(from) != tag_rules(to) {
                calls.push("ecr:PutImageTagMutability");
            }
            if from.scan_on_push != to.scan_on_push {
                calls.push("ecr:PutImageScanningConfiguration");
            }
            if from.lifecycle_policy != to.lifecycle_policy {
                calls.push("ecr:PutLifecyclePolicy");
            }
            calls
        }
        Action::Delete { .. } => vec!["ecr:DeleteRepository"],
    }
}

fn tag_rules(settings: &Settings) -> (&str, &[String]) {
    (&settings.image_tag_mutability, &settings.exclusion_filters)
}

/// Makes it so; yields the repository's URI.
pub async fn apply(
    action: &Action<Settings>,
    tags: &Tags,
    aws: &Writer,
) -> Result<String, Failure> {
    let ecr = &aws.aws.ecr;
    match action {
        Action::Create(to) => {
            let on = format!("repository {}", to.name);
            let given = tags.iter().map(|(key, value)| {
                Tag::builder().key(key).value(value).build().expect("key and value are given")
            });
            let created = ecr
                .create_repository()
                .repository_name(&to.name)
                .image_tag_mutability(to.image_tag_mutability.as_str().into())
                .set_image_tag_mutability_exclusion_filters(filters(to))
                .image_scanning_configuration(scanning(to))
                .encryption_configuration(
                    EncryptionConfiguration::builder()
                        .encryption_type(EncryptionType::from(to.encryption.as_str()))
                        .build()
                        .expect("the type is given"),
                )
                .set_tags(Some(given.collect()))
                .send()
                .await
                .explain("ecr:CreateRepository", &on);
            let created = match created {
                // Another run made it since this one looked.
                Err(failure) if failure.is("RepositoryAlreadyExists") => {
                    let found = observe(&aws.aws, &to.name).await?;
                    let is_managed = |found: &Observed| found.ownership.is_managed();
                    let found = found.filter(is_managed).ok_or(failure)?;
                    return match diff(to, Some(&found)) {
                        Some(action) => Box::pin(apply(&action, tags, aws)).await,
                        None => Ok(found.uri),
                    };
                }
                created => created?,
            };
            let put = async || put_lifecycle_policy(ecr, to).await;
            aws.settled(Settling::MADE, is_not_known_yet, put).await?;
            let repository = created
                .repository
                .unwrap_or_else(|| aws_sdk_ecr::types::Repository::builder().build());
            Ok(repository.repository_uri.unwrap_or_default())
        }
        Action::Update { id, from, to } => {
            let on = format!("repository {}", to.name);
            if tag_rules(from) != tag_rules(to) {
                ecr.put_image_tag_mutability()
                    .repository_name(&to.name)
                    .image_tag_mutability(to.image_tag_mutability.as_str().into())
                    .set_image_tag_mutability_exclusion_filters(filters(to))
                    .send()
                    .await
                    .explain("ecr:PutImageTagMutability", &on)?;
            }
            if from.scan_on_push != to.scan_on_push {
                ecr.put_image_scanning_configuration()
                    .repository_name(&to.name)
                    .image_scanning_configuration(scanning(to))
                    .send()
                    .await
                    .explain("ecr:PutImageScanningConfiguration", &on)?;
            }
            if from.lifecycle_policy != to.lifecycle_policy {
                put_lifecycle_policy(ecr, to).await?;
            }
            Ok(id.clone())
        }
        Action::Delete { id, settings, .. } => {
            let deleted = ecr
                .delete_repository()
                .repository_name(&settings.name)
                .force(true)
                .send()
                .await
                .explain("ecr:DeleteRepository", format!("repository {}", settings.name));
            match deleted {
                Err(failure) if !failure.is("RepositoryNotFound") => Err(failure),
                _ => Ok(id.clone()),
            }
        }
    }
}

fn filters(settings: &Settings) -> Option<Vec<ImageTagMutabilityExclusionFilter>> {
    (!settings.exclusion_filters.is_empty()).then(|| {
        let build = |filter: &String| {
            ImageTagMutabilityExclusionFilter::builder()
                .filter_type(ImageTagMutabilityExclusionFilterType::Wildcard)
                .filter(filter)
                .build()
                .expect("type and filter are given")
        };
        settings.exclusion_filters.iter().map(build).collect()
    })
}

fn scanning(settings: &Settings) -> ImageScanningConfiguration {
    ImageScanningConfiguration::builder().scan_on_push(settings.scan_on_push).build()
}

async fn put_lifecycle_policy(ecr: &aws_sdk_ecr::Client, to: &Settings) -> Result<(), Failure> {
    ecr.put_lifecycle_policy()
        .repository_name(&to.name)
        .lifecycle_policy_text(to.lifecycle_policy.to_string())
        .send()
        .await
        .explain("ecr:PutLifecyclePolicy", format!("repository {}", to.name))
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_cache_takes_no_image_s_place() {
        let rule = |cached| desired("web", 1, cached, false).lifecycle_policy["rules"][1].clone();
        assert_eq!(rule(false)["selection"]["countNumber"], 1);
        assert_eq!(rule(true)["selection"]["countNumber"], 2);
        assert_eq!(rule(true)["selection"]["tagStatus"], "tagged");
    }

    #[test]
    fn previews_push_out_no_image_of_the_main_service() {
        let policy = desired("web", 30, true, true).lifecycle_policy;
        let counts = |index: usize| &policy["rules"][index]["selection"]["countNumber"];
        let patterns = |index: usize| &policy["rules"][index]["selection"]["tagPatternList"];
        assert_eq!((patterns(1), counts(1)), (&json!(["pr-*"]), &json!(PREVIEW_IMAGES)));
        let room = 31 + PREVIEW_IMAGES + PREVIEW_PUSHES;
        assert_eq!((patterns(2), counts(2)), (&json!(["*"]), &json!(room)));
    }
}
