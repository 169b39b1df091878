//! The image in the repository: found by its tag, built and pushed where it is missing.

use super::Action;
use crate::{
    address::Known,
    aws::{
        Reader,
        explain::{Explain as _, Failure},
    },
    config::model::Build,
};
use aws_sdk_ecr::types::ImageIdentifier;
use serde::Serialize;

/// What is to be built, and under which tag it is pushed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// The repository's URI.
    pub repository: Known,
    /// The tag: the commit, or a digest of the build's inputs where there is none.
    pub tag: String,
    /// What is built.
    #[serde(serialize_with = "inputs")]
    pub build: Build,
}

fn inputs<S: serde::Serializer>(build: &Build, serializer: S) -> Result<S::Ok, S::Error> {
    let context = build.context.display();
    let platforms = build.platforms.join(",");
    serializer
        .collect_str(&format_args!("{} from {context} for {platforms}", build.dockerfile.display()))
}

impl super::Settings for Settings {
    fn references(&self) -> Vec<&Known> {
        vec![&self.repository]
    }
}

/// The digest that the tag stands for; `None` where there is no such image or repository.
pub async fn observe(aws: &Reader, repository: &str, tag: &str) -> Result<Option<String>, Failure> {
    digest(aws, None, repository, ImageIdentifier::builder().image_tag(tag).build()).await
}

/// The digest of an image that the file names; `None` where there is no such image, or where the name
/// is none of a private ECR repository.
pub async fn observe_uri(aws: &Reader, uri: &str) -> Result<Option<String>, Failure> {
    let (repository, image) = split(uri);
    let Some((host, name)) = repository.split_once('/') else { return Ok(None) };
    let Some((account, _)) = host.split_once(".dkr.ecr.") else { return Ok(None) };
    digest(aws, Some(account), name, image).await
}

/// A reference's repository, and what names the image in it: a digest, a tag, or `latest`.
pub fn split(uri: &str) -> (&str, ImageIdentifier) {
    let image = ImageIdentifier::builder();
    if let Some((repository, digest)) = uri.split_once('@') {
        let repository = split_tag(repository).map_or(repository, |(repository, _)| repository);
        return (repository, image.image_digest(digest).build());
    }
    match split_tag(uri) {
        Some((repository, tag)) => (repository, image.image_tag(tag).build()),
        None => (uri, image.image_tag("latest").build()),
    }
}

/// A colon before the last slash is a port's.
fn split_tag(reference: &str) -> Option<(&str, &str)> {
    reference.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'))
}

/// The digest of one image of a repository; `None` where there is no such image or repository.
pub(super) async fn digest(
    aws: &Reader,
    registry: Option<&str>,
    repository: &str,
    image: ImageIdentifier,
) -> Result<Option<String>, Failure> {
    let found = aws
        .ecr
        .describe_images()
        .set_registry_id(registry.map(str::to_owned))
        .repository_name(repository)
        .image_ids(image)
        .send()
        .await
        .explain("ecr:DescribeImages", format!("repository {repository}"));
    match found {
        Err(failure) if failure.is("ImageNotFound") || failure.is("RepositoryNotFound") => Ok(None),
        found => Ok(found?
            .image_details
            .unwrap_or_default()
            .into_iter()
            .find_map(|image| image.image_digest)),
    }
}

/// What is missing. An image under this tag is never built again: tags are immutable.
pub fn diff(desired: &Settings, digest: Option<&str>) -> Option<Action<Settings>> {
    digest.is_none().then(|| Action::Create(desired.clone()))
}

/// The calls that a build makes at ECR itself; layers go to the registry.
pub fn calls(_: &Action<Settings>) -> Vec<&'static str> {
    vec!["ecr:GetAuthorizationToken"]
}
