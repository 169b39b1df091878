//! The images of one preview in its main service's repository, which go with the preview.

use super::Action;
use crate::{
    address::Known,
    aws::{
        Reader, Writer,
        explain::{Explain as _, Failure},
    },
};
use aws_sdk_ecr::types::{
    ImageFailure, ImageFailureCode, ImageIdentifier, ListImagesFilter, TagStatus,
};
use serde::Serialize;
use std::collections::BTreeSet;

/// What ECR lists, and what it deletes, at once.
/// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImages.html>
/// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html>
const LISTED: i32 = 1000;
const DELETED: usize = 100;

/// Which images they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// The repository's name.
    pub repository: String,
    /// Their tags. An image that has another tag too stays under that.
    pub tags: BTreeSet<String>,
}

impl super::Settings for Settings {
    fn references(&self) -> Vec<&Known> {
        Vec::new()
    }
}

/// Reads the tags that begin so; `None` where there is none, or no repository.
pub async fn observe(
    aws: &Reader,
    repository: &str,
    start: &str,
) -> Result<Option<Settings>, Failure> {
    let filter = ListImagesFilter::builder().tag_status(TagStatus::Tagged).build();
    let request = aws.ecr.list_images().repository_name(repository).filter(filter);
    let mut images = request.max_results(LISTED).into_paginator().items().send();
    let mut tags = BTreeSet::new();
    while let Some(image) = images.next().await {
        match image.explain("ecr:ListImages", format!("repository {repository}")) {
            Err(failure) if failure.is("RepositoryNotFound") => return Ok(None),
            image => tags.extend(image?.image_tag.filter(|tag| tag.starts_with(start))),
        }
    }
    Ok((!tags.is_empty()).then(|| Settings { repository: repository.to_owned(), tags }))
}

/// The calls that [`apply`] makes.
pub fn calls(_: &Action<Settings>) -> Vec<&'static str> {
    vec!["ecr:BatchDeleteImage"]
}

/// Deletes them; nothing makes them but a build.
pub async fn apply(action: &Action<Settings>, aws: &Writer) -> Result<String, Failure> {
    let Action::Delete { id, settings: Settings { repository, tags }, .. } = action else {
        return Ok(String::new());
    };
    let on = format!("repository {repository}");
    let all: Vec<_> =
        tags.iter().map(|tag| ImageIdentifier::builder().image_tag(tag).build()).collect();
    for some in all.chunks(DELETED) {
        let request = aws.aws.ecr.batch_delete_image().repository_name(repository);
        let deleted = request.set_image_ids(Some(some.to_vec())).send().await;
        match deleted.explain("ecr:BatchDeleteImage", &on) {
            Err(failure) if failure.is("RepositoryNotFound") => break,
            deleted => stays(deleted?.failures(), &on)?,
        }
    }
    Ok(id.clone())
}

/// ECR tells of each image that it did not delete; one that is gone already is as wanted.
fn stays(failures: &[ImageFailure], on: &str) -> Result<(), Failure> {
    let is_gone =
        |failure: &&ImageFailure| failure.failure_code() != Some(&ImageFailureCode::ImageNotFound);
    let Some(first) = failures.iter().find(is_gone) else { return Ok(()) };
    let tag = first.image_id().and_then(ImageIdentifier::image_tag).unwrap_or_default();
    Err(Failure {
        operation: "ecr:BatchDeleteImage",
        on: format!("image {tag} in {on}"),
        code: first.failure_code().map(|code| code.as_str().to_owned()),
        message: first.failure_reason().unwrap_or_default().to_owned(),
        request_id: None,
    })
}
