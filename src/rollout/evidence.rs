//! Gathers what AWS knows about a rollout that did not work: stopped tasks, targets, a log. Every part
//! is best effort, because the verdict stands without it.

use super::{Target, cause, state::Deployment};
use crate::aws::{
    Reader,
    explain::{Explain as _, Failure},
};
use aws_sdk_ecs::types::{self, DesiredStatus, LogDriver};
use aws_sdk_elasticloadbalancingv2::types::{TargetHealthDescription, TargetHealthStateEnum};
use aws_smithy_types::DateTime;
use futures_util::future::join_all;
use std::{collections::BTreeSet, future::Future, time::Duration};

/// How long one part may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Tasks that DescribeTasks takes at once.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html>
const TASKS_AT_ONCE: usize = 100;
/// Stopped tasks that are looked at: enough for any circuit breaker's threshold.
const TASKS: usize = 300;
/// Lines of the log that are shown.
const LOG_LINES: i32 = 20;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The deployment's stopped tasks, the first to stop first.
    pub tasks: Vec<StoppedTask>,
    /// The targets that the load balancer finds unwell.
    pub targets: Vec<UnwellTarget>,
    /// The end of the log of the container that ended.
    pub log: Option<Log>,
    /// What could not be read.
    pub unread: Vec<String>,
}

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

/// A target that the load balancer finds unwell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnwellTarget {
    /// Address and port.
    pub address: String,
    /// `Target.Timeout` and the like.
    pub code: String,
    /// ELB's words.
    pub description: String,
}

/// The end of a container's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Whose.
    pub container: String,
    /// The log group.
    pub group: String,
    /// The log stream.
    pub stream: String,
    /// The last lines, the oldest first.
    pub lines: Vec<String>,
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
        if cause::is_routine(&self.reason) {
            return None;
        }
        let ended = self.reason.starts_with("Essential container");
        match self.culprit() {
            Some(Container { name, exit_code: Some(code), reason }) if ended => {
                let text = format!("container `{name}` exited with code {code}");
                Some(if reason.is_empty() { text } else { format!("{text}: {reason}") })
            }
            _ => {
                // Old agents tell the cause in the container alone.
                let told = self.containers.iter().map(|it| &it.reason).find(|it| !it.is_empty());
                let is_bare = self.reason.is_empty() || ended;
                Some(told.filter(|_| is_bare).unwrap_or(&self.reason).clone())
                    .filter(|text| !text.is_empty())
            }
        }
    }
}

/// Gathers the evidence about this deployment.
pub async fn gather(
    aws: &Reader,
    target: &Target,
    ours: &Deployment,
    target_groups: &[String],
) -> Evidence {
    let tasks = async {
        let tasks = stopped_tasks(aws, target, ours).await?;
        let log = log(aws, &tasks, ours).await;
        Ok((tasks, log))
    };
    let healths = target_groups.iter().map(|group| within(unwell_targets(aws, group)));
    let (tasks, targets) = tokio::join!(within(tasks), join_all(healths));
    let mut evidence = Evidence::default();
    let mut note = |failure: Failure| evidence.unread.push(failure.problem().what);
    match tasks {
        Ok((tasks, log)) => {
            evidence.tasks = tasks;
            match log {
                Ok(log) => evidence.log = log,
                Err(failure) => note(failure),
            }
        }
        Err(failure) => note(failure),
    }
    for targets in targets {
        match targets {
            Ok(targets) => evidence.targets.extend(targets),
            Err(failure) => note(failure),
        }
    }
    evidence
}

async fn within<T>(part: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::time::timeout(PATIENCE, part).await.unwrap_or_else(|_| {
        Err(Failure {
            operation: "the search for the cause",
            on: "the rollout".to_owned(),
            code: None,
            message: format!("nothing came within {} seconds", PATIENCE.as_secs()),
            request_id: None,
        })
    })
}

/// The stopped tasks of this deployment, which ECS remembers for an hour. `startedBy` names the
/// deployment, but as a filter it cannot be joined with `desiredStatus`.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html>
async fn stopped_tasks(
    aws: &Reader,
    target: &Target,
    ours: &Deployment,
) -> Result<Vec<StoppedTask>, Failure> {
    let Target { cluster, service, .. } = target;
    let on = format!("service {service} in cluster {cluster}");
    let mut pages = aws
        .ecs
        .list_tasks()
        .cluster(cluster)
        .service_name(service)
        .desired_status(DesiredStatus::Stopped)
        .into_paginator()
        .items()
        .send();
    let mut arns = Vec::new();
    while arns.len() < TASKS
        && let Some(arn) = pages.next().await
    {
        arns.push(arn.explain("ecs:ListTasks", &on)?);
    }
    let described = arns.chunks(TASKS_AT_ONCE).map(async |arns| {
        let request = aws.ecs.describe_tasks().cluster(cluster).set_tasks(Some(arns.to_vec()));
        request.send().await.explain("ecs:DescribeTasks", &on)
    });
    let mut tasks = Vec::new();
    for page in join_all(described).await {
        let page = page?;
        let of_ours = page.tasks().iter().filter(|task| is_of(task, ours));
        tasks.extend(of_ours.map(stopped_task));
    }
    tasks.sort_by_key(|task| task.stopped_at);
    Ok(tasks)
}

fn is_of(task: &types::Task, ours: &Deployment) -> bool {
    task.started_by() == Some(ours.id.as_str())
        || task.task_definition_arn() == Some(ours.task_definition.as_str())
            && task.created_at().is_some_and(|at| *at >= ours.created_at)
}

fn stopped_task(task: &types::Task) -> StoppedTask {
    let containers = task.containers().iter().map(|container| Container {
        name: container.name().unwrap_or_default().to_owned(),
        exit_code: container.exit_code(),
        reason: cause::one_line(container.reason().unwrap_or_default()),
    });
    let arn = task.task_arn().unwrap_or_default();
    StoppedTask {
        id: arn.rsplit('/').next().unwrap_or(arn).to_owned(),
        reason: cause::one_line(task.stopped_reason().unwrap_or_default()),
        containers: containers.collect(),
        stopped_at: task.stopped_at().copied(),
    }
}

async fn unwell_targets(aws: &Reader, group: &str) -> Result<Vec<UnwellTarget>, Failure> {
    let request = aws.elb.describe_target_health().target_group_arn(group);
    let healths =
        request.send().await.explain("elasticloadbalancing:DescribeTargetHealth", group)?;
    let mut seen = BTreeSet::new();
    let unwell = healths.target_health_descriptions().iter().filter_map(unwell_target);
    Ok(unwell.filter(|target| seen.insert(target.address.clone())).collect())
}

/// Targets that leave are not unwell, and those that are new have not been asked often enough.
fn unwell_target(found: &TargetHealthDescription) -> Option<UnwellTarget> {
    let health = found.target_health()?;
    let is_unwell = matches!(
        health.state()?,
        TargetHealthStateEnum::Unhealthy
            | TargetHealthStateEnum::Unused
            | TargetHealthStateEnum::Unavailable
    );
    let target = found.target().filter(|_| is_unwell)?;
    let port = target.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(UnwellTarget {
        address: format!("{}{port}", target.id().unwrap_or_default()),
        code: health.reason().map(|code| code.as_str().to_owned()).unwrap_or_default(),
        description: health.description().unwrap_or_default().to_owned(),
    })
}

/// The end of the log of the last container that ended, where it goes to CloudWatch by awslogs, whose
/// streams are called `<prefix>/<container>/<task id>`.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html>
async fn log(
    aws: &Reader,
    tasks: &[StoppedTask],
    ours: &Deployment,
) -> Result<Option<Log>, Failure> {
    let ended = tasks.iter().rev().filter(|task| task.cause().is_some());
    let Some((task, container)) = ended.filter_map(|task| Some((task, task.culprit()?))).next()
    else {
        return Ok(None);
    };
    let arn = &ours.task_definition;
    let request = aws.ecs.describe_task_definition().task_definition(arn);
    let found = request.send().await.explain("ecs:DescribeTaskDefinition", arn)?;
    let definitions = found.task_definition().map(|it| it.container_definitions());
    let options = definitions
        .unwrap_or_default()
        .iter()
        .find(|definition| definition.name() == Some(container.name.as_str()))
        .and_then(|definition| definition.log_configuration())
        .filter(|configuration| *configuration.log_driver() == LogDriver::Awslogs)
        .and_then(|configuration| configuration.options());
    let option = |name: &str| options.and_then(|options| options.get(name));
    let (Some(group), Some(prefix)) = (option("awslogs-group"), option("awslogs-stream-prefix"))
    else {
        return Ok(None);
    };
    let stream = format!("{prefix}/{}/{}", container.name, task.id);
    let request = aws
        .logs
        .get_log_events()
        .log_group_name(group)
        .log_stream_name(&stream)
        .limit(LOG_LINES)
        .start_from_head(false);
    let events = request.send().await.explain("logs:GetLogEvents", format!("{group} {stream}"))?;
    let lines = events.events().iter().filter_map(|event| event.message());
    Ok(Some(Log {
        container: container.name.clone(),
        group: group.clone(),
        lines: lines.flat_map(str::lines).map(str::to_owned).collect(),
        stream,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_elasticloadbalancingv2::types::{
        TargetDescription, TargetHealth, TargetHealthReasonEnum,
    };

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
            @""
        );
        let oom = "OutOfMemoryError: Container killed due to memory usage";
        insta::assert_snapshot!(
            cause(&[("web", Some(137), oom), ("sidecar", Some(0), "")]),
            @""
        );
        insta::assert_snapshot!(
            cause(&[("web", None, "CannotPullContainerError: not found")]),
            @""
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

    #[test]
    fn a_target_that_leaves_is_not_unwell() {
        let target = |state| {
            let health = TargetHealth::builder()
                .state(state)
                .reason(TargetHealthReasonEnum::Timeout)
                .description("Request timed out");
            let target = TargetDescription::builder().id("10.0.1.5").port(8080).build();
            unwell_target(
                &TargetHealthDescription::builder()
                    .target(target)
                    .target_health(health.build())
                    .build(),
            )
        };
        assert_eq!(target(TargetHealthStateEnum::Draining), None);
        assert_eq!(target(TargetHealthStateEnum::Initial), None);
        insta::assert_debug_snapshot!(target(TargetHealthStateEnum::Unhealthy), @"");
    }
}
