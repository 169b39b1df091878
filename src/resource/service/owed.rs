//! What is written on a service until the tasks after its rollout have run. The rollout itself is ECS's, so a
//! run that is killed after it would leave them to nobody: the next one sees that they are owed.

use crate::{
    aws::{
        Writer,
        explain::{Explain as _, Failure},
    },
    rollout::machine::revision,
};
use aws_sdk_ecs::types::{Service, Tag};

/// The tag. Its value is the revision that rolls out, a blank, and whether its tasks are owed.
pub const AFTER_ROLLOUT: &str = "ecs-private-deploy:after-rollout";
const OWED: &str = "owed";
const RUN: &str = "run";

/// The tag of a service that rolls this revision out, whose tasks run after it.
pub(super) fn tag(task_definition: &str) -> Tag {
    of(task_definition, OWED)
}

fn of(task_definition: &str, state: &str) -> Tag {
    Tag::builder().key(AFTER_ROLLOUT).value(value(task_definition, state)).build()
}

fn value(task_definition: &str, state: &str) -> String {
    format!("{} {state}", revision(task_definition))
}

/// Writes it down, before the rollout begins.
pub(super) async fn note(
    aws: &Writer,
    service: &str,
    task_definition: &str,
) -> Result<(), Failure> {
    write(aws, service, tag(task_definition)).await
}

/// Writes down that they have run.
pub async fn settle(aws: &Writer, service: &str, task_definition: &str) -> Result<(), Failure> {
    write(aws, service, of(task_definition, RUN)).await
}

async fn write(aws: &Writer, service: &str, tag: Tag) -> Result<(), Failure> {
    let request = aws.aws.ecs.tag_resource().resource_arn(service).tags(tag);
    request.send().await.explain("ecs:TagResource", service).map(drop)
}

/// Whether the service runs a revision whose tasks are owed.
pub(super) fn owes(service: &Service) -> bool {
    let tag = service.tags().iter().find(|tag| tag.key() == Some(AFTER_ROLLOUT));
    let owed = service.task_definition().map(|runs| value(runs, OWED));
    tag.is_some_and(|tag| tag.value() == owed.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_revision_that_runs_owes_its_tasks() {
        let owes = |runs: &str, tag: Tag| {
            let arn = format!("arn:aws:ecs:eu-west-1:1:task-definition/{runs}");
            owes(&Service::builder().task_definition(arn).tags(tag).build())
        };
        assert!(owes("web:7", tag("arn:aws:ecs:eu-west-1:1:task-definition/web:7")));
        assert!(!owes("web:6", tag("web:7")), "it was rolled back");
        assert!(!owes("web:7", of("web:7", RUN)));
        assert!(!super::owes(&Service::builder().task_definition("web:7").build()));
    }
}
