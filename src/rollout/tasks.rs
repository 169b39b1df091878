//! The tasks of a deployment: how far each one is, and why those that stopped did.

use super::{Target, state::Deployment};
use crate::{
    aws::{
        Reader,
        explain::{Explain as _, Failure},
    },
    diagnosis::{line, read},
};
use aws_sdk_ecs::types::{self, DesiredStatus};
use aws_smithy_types::DateTime;
use futures_util::future::join_all;

/// Tasks that DescribeTasks takes at once.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html>
const TASKS_AT_ONCE: usize = 100;
/// Stopped tasks that are looked at: enough for any circuit breaker's threshold.
const TASKS: usize = 300;

/// A task that has stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoppedTask {
    /// The last part of its ARN.
    pub id: String,
    /// ECS's words.
    pub reason: String,
    /// Its containers.
    pub containers: Vec<Container>,
    /// When it stopped, where that is known.
    pub stopped_at: Option<DateTime>,
}

/// A container of a stopped task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Its name in the task definition.
    pub name: String,
    /// `None` where it never ran.
    pub exit_code: Option<i32>,
    /// ECS's words; may be empty.
    pub reason: String,
}

impl StoppedTask {
    /// The container that ended the task: one that failed by itself before those that were killed
    /// because of it (143 is SIGTERM, 137 SIGKILL), and one that ended well before none.
    pub fn culprit(&self) -> Option<&Container> {
        let rank = |container: &&Container| match container.exit_code {
            Some(137 | 143) => 1,
            Some(0) => 2,
            Some(_) => 0,
            None => 3,
        };
        self.containers.iter().min_by_key(rank).filter(|it| it.exit_code.is_some())
    }

    /// Why it stopped; `None` where a deployment or scaling wanted it so.
    pub fn cause(&self) -> Option<String> {
        if read::is_routine(&self.reason) {
            return None;
        }
        let ended = self.reason.starts_with("Essential container");
        match self.culprit() {
            Some(Container { name, exit_code: Some(code), reason }) if ended => {
                let text = format!("container `{name}` exited with code {code}");
                Some(if reason.is_empty() { text } else { format!("{text}: {reason}") })
            }
            _ => {
                // Old agents tell the cause in the container alone, and so does a container that could
                // not be started.
                let told = self.containers.iter().map(|it| &it.reason).find(|it| !it.is_empty());
                let is_bare =
                    self.reason.is_empty() || ended || self.reason == "Task failed to start";
                Some(told.filter(|_| is_bare).unwrap_or(&self.reason).clone())
                    .filter(|text| !text.is_empty())
            }
        }
    }
}

/// How far a task is.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskState {
    /// ECS's word: `PROVISIONING`, `PENDING`, `ACTIVATING`, `RUNNING`, `DEACTIVATING`, `STOPPED`, …
    pub status: String,
    /// The address of its network interface, once it has one.
    pub address: Option<String>,
}

/// The tasks of this deployment, and those among them that have stopped or are about to, the first to
/// stop first: ECS gives the reason as soon as it wants a task to stop, and takes half a minute more to
/// take its network interface down.
pub async fn all(
    aws: &Reader,
    target: &Target,
    ours: &Deployment,
) -> Result<(Vec<TaskState>, Vec<StoppedTask>), Failure> {
    let listed = [DesiredStatus::Running, DesiredStatus::Stopped].map(|it| list(aws, target, it));
    let mut arns = Vec::new();
    for listed in join_all(listed).await {
        arns.extend(listed?);
    }
    let found = describe(aws, target, ours, &arns).await?;
    let states = found.iter().map(|task| TaskState {
        status: task.last_status().unwrap_or("UNKNOWN").to_owned(),
        address: address(task),
    });
    let stopped = found.iter().filter(|task| task.stopped_reason().is_some());
    Ok((states.collect(), in_order(stopped)))
}

/// The stopped tasks of this deployment, which ECS remembers for an hour.
pub async fn stopped(
    aws: &Reader,
    target: &Target,
    ours: &Deployment,
) -> Result<Vec<StoppedTask>, Failure> {
    let arns = list(aws, target, DesiredStatus::Stopped).await?;
    Ok(in_order(&describe(aws, target, ours, &arns).await?))
}

fn in_order<'a>(tasks: impl IntoIterator<Item = &'a types::Task>) -> Vec<StoppedTask> {
    let mut tasks: Vec<_> = tasks.into_iter().map(stopped_task).collect();
    tasks.sort_by_key(|task| task.stopped_at);
    tasks
}

fn on(Target { cluster, service, .. }: &Target) -> String {
    format!("service {service} in cluster {cluster}")
}

/// `startedBy` names the deployment, but as a filter it cannot be joined with `desiredStatus`.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html>
async fn list(
    aws: &Reader,
    target: &Target,
    desired: DesiredStatus,
) -> Result<Vec<String>, Failure> {
    let request = aws.ecs.list_tasks().cluster(&target.cluster).service_name(&target.service);
    let mut pages = request.desired_status(desired).into_paginator().items().send();
    let mut arns = Vec::new();
    while arns.len() < TASKS
        && let Some(arn) = pages.next().await
    {
        arns.push(arn.explain("ecs:ListTasks", on(target))?);
    }
    Ok(arns)
}

async fn describe(
    aws: &Reader,
    target: &Target,
    ours: &Deployment,
    arns: &[String],
) -> Result<Vec<types::Task>, Failure> {
    let described = arns.chunks(TASKS_AT_ONCE).map(async |arns| {
        let request = aws.ecs.describe_tasks().cluster(&target.cluster);
        let request = request.set_tasks(Some(arns.to_vec()));
        request.send().await.explain("ecs:DescribeTasks", on(target))
    });
    let mut tasks = Vec::new();
    for page in join_all(described).await {
        let page = page?.tasks.unwrap_or_default();
        tasks.extend(page.into_iter().filter(|task| is_of(task, ours)));
    }
    Ok(tasks)
}

/// The private address of the task's own network interface.
fn address(task: &types::Task) -> Option<String> {
    let mut details = task.attachments().iter().flat_map(types::Attachment::details);
    let named = details.find(|detail| detail.name() == Some("privateIPv4Address"));
    named.and_then(types::KeyValuePair::value).map(str::to_owned)
}

fn is_of(task: &types::Task, ours: &Deployment) -> bool {
    task.started_by() == Some(ours.id.as_str())
        || task.task_definition_arn() == Some(ours.task_definition.as_str())
            && task.created_at().is_some_and(|at| *at >= ours.created_at)
}

/// The task as ECS tells of it.
pub fn stopped_task(task: &types::Task) -> StoppedTask {
    let containers = task.containers().iter().map(|container| Container {
        name: container.name().unwrap_or_default().to_owned(),
        exit_code: container.exit_code(),
        reason: line::one_line(container.reason().unwrap_or_default()),
    });
    let arn = task.task_arn().unwrap_or_default();
    StoppedTask {
        id: arn.rsplit('/').next().unwrap_or(arn).to_owned(),
        reason: line::one_line(task.stopped_reason().unwrap_or_default()),
        containers: containers.collect(),
        stopped_at: task.stopped_at().copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(reason: &str, containers: &[(&str, Option<i32>, &str)]) -> StoppedTask {
        StoppedTask {
            id: "0f3e".to_owned(),
            reason: reason.to_owned(),
            containers: containers
                .iter()
                .map(|(name, exit_code, reason)| Container {
                    name: (*name).to_owned(),
                    exit_code: *exit_code,
                    reason: (*reason).to_owned(),
                })
                .collect(),
            stopped_at: None,
        }
    }

    #[test]
    fn the_container_that_failed_by_itself_is_to_blame() {
        let ended = "Essential container in task exited";
        let cause = |containers: &[_]| task(ended, containers).cause().expect("there is one");
        insta::assert_snapshot!(
            cause(&[("sidecar", Some(143), ""), ("web", Some(1), "")]),
            @"container `web` exited with code 1"
        );
        let oom = "OutOfMemoryError: Container killed due to memory usage";
        insta::assert_snapshot!(
            cause(&[("web", Some(137), oom), ("sidecar", Some(0), "")]),
            @"container `web` exited with code 137: OutOfMemoryError: Container killed due to memory usage"
        );
        insta::assert_snapshot!(
            cause(&[("web", None, "CannotPullContainerError: not found")]),
            @"CannotPullContainerError: not found"
        );
    }

    #[test]
    fn a_task_that_never_ran_says_why_itself() {
        let pull = "CannotPullContainerError: pull image manifest has been retried 1 time(s)";
        assert_eq!(task(pull, &[("web", None, "")]).cause().as_deref(), Some(pull));
        assert_eq!(task("", &[]).cause(), None);
        let scaled = "Scaling activity initiated by (deployment ecs-svc/2)";
        assert_eq!(task(scaled, &[("web", Some(143), "")]).cause(), None);
    }

    #[test]
    fn a_task_belongs_to_the_deployment_that_started_it() {
        let ours = Deployment {
            id: "ecs-svc/2".to_owned(),
            is_primary: true,
            progress: super::super::state::Progress::Failed,
            reason: String::new(),
            task_definition: "web:2".to_owned(),
            desired: 1,
            running: 0,
            pending: 0,
            failed: 3,
            created_at: DateTime::from_secs(20),
        };
        let task = |by: &str, revision: &str, at| {
            types::Task::builder()
                .started_by(by)
                .task_definition_arn(revision)
                .created_at(DateTime::from_secs(at))
                .build()
        };
        assert!(is_of(&task("ecs-svc/2", "web:2", 21), &ours));
        assert!(is_of(&task("web", "web:2", 20), &ours));
        assert!(!is_of(&task("ecs-svc/1", "web:2", 19), &ours));
        assert!(!is_of(&task("ecs-svc/1", "web:1", 21), &ours));
    }
}
