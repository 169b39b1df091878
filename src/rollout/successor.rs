//! Whose a newer deployment is, as far as its task definition tells.

use crate::{
    aws::Reader,
    tags::{ADDRESS, STACK},
};
use aws_sdk_ecr::types::ImageIdentifier;
use aws_sdk_ecs::types::{Tag, TaskDefinition, TaskDefinitionField};
use aws_smithy_types::date_time::Format;
use std::time::Duration;

/// How long the question may take: the verdict stands without the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// One line each: who registered it, its images, and tags that say more than ours.
pub async fn whose(aws: &Reader, task_definition: &str) -> Vec<String> {
    let request = aws.ecs.describe_task_definition().task_definition(task_definition);
    let request = request.include(TaskDefinitionField::Tags).send();
    let found = tokio::time::timeout(PATIENCE, request).await;
    let Ok(Ok(found)) = found else { return Vec::new() };
    let definition = found.task_definition();
    let mut lines = definition.map(of).unwrap_or_default();
    lines.extend(tags(found.tags()));
    let containers = definition.map(TaskDefinition::container_definitions).unwrap_or_default();
    if let Some(image) = containers.iter().find_map(|container| in_ecr(aws, container.image()?)) {
        let named = tokio::time::timeout(PATIENCE, named(aws, image)).await;
        lines.extend(named.ok().flatten());
    }
    lines
}

/// The repository and the digest, where the image lies in this account's registry.
fn in_ecr<'a>(aws: &Reader, image: &'a str) -> Option<(&'a str, &'a str)> {
    let registry = format!("{}.dkr.ecr.{}.", aws.identity.account, aws.identity.region);
    let (name, digest) = image.split_once('@')?;
    let (host, repository) = name.split_once('/')?;
    host.starts_with(&registry).then_some((repository, digest))
}

/// What the image is called: this program's tags are the commits that images were built from.
async fn named(aws: &Reader, (repository, digest): (&str, &str)) -> Option<String> {
    let id = ImageIdentifier::builder().image_digest(digest).build();
    let request = aws.ecr.describe_images().repository_name(repository).image_ids(id);
    let found = request.send().await.ok()?;
    let tags = found.image_details().first()?.image_tags().join(", ");
    (!tags.is_empty()).then(|| format!("its image is tagged {tags}"))
}

fn of(definition: &TaskDefinition) -> Vec<String> {
    let by = definition.registered_by().map(|by| format!("registered by {by}"));
    let at = definition.registered_at().map(|at| format!(" at {}", moment(at)));
    let by = by.map(|by| by + at.as_deref().unwrap_or_default());
    let images = definition.container_definitions().iter().filter_map(|container| {
        Some(format!("container `{}`: {}", container.name()?, container.image()?))
    });
    by.into_iter().chain(images).collect()
}

fn tags(tags: &[Tag]) -> Option<String> {
    let tags = tags.iter().filter_map(|tag| Some((tag.key()?, tag.value()?)));
    let told: Vec<_> = tags
        .filter(|(key, _)| ![ADDRESS, STACK].contains(key))
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    (!told.is_empty()).then(|| format!("tags: {}", told.join(", ")))
}

fn moment(at: &aws_smithy_types::DateTime) -> String {
    at.fmt(Format::DateTime).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::replay::Replay;
    use serde_json::json;

    #[tokio::test]
    async fn the_revision_tells_whose_it_is() {
        let image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:0a";
        let definition = json!({
            "taskDefinition": {
                "registeredBy": "arn:aws:sts::123456789012:assumed-role/deploy/octo-app-43",
                "registeredAt": 1_700_000_000.5,
                "containerDefinitions": [{ "name": "web", "image": image }],
            },
            "tags": [
                { "key": "ecs-private-deploy:stack", "value": "web" },
                { "key": "commit", "value": "0123abc" },
            ],
        });
        let images = json!({ "imageDetails": [{ "imageTags": ["0123abcdef01"] }] });
        let replay = Replay::new([
            ("DescribeTaskDefinition", 200, definition),
            ("DescribeImages", 200, images),
        ]);
        let whose = whose(&replay.reader(), "arn:aws:ecs:eu-west-1:1:task-definition/web:3").await;
        insta::assert_snapshot!(whose.join("\n"), @r"
        registered by arn:aws:sts::123456789012:assumed-role/deploy/octo-app-43 at 2023-11-14T22:13:20.5Z
        container `web`: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:0a
        tags: commit=0123abc
        its image is tagged 0123abcdef01
        ");
        replay.asked();
    }

    #[tokio::test]
    async fn without_an_answer_nothing_is_said() {
        let refused = json!({ "__type": "AccessDeniedException", "message": "no" });
        let replay = Replay::new([("DescribeTaskDefinition", 400, refused)]);
        assert_eq!(whose(&replay.reader(), "td/web:3").await, Vec::<String>::new());
    }
}
