//! What a failed rollout leaves behind: stopped tasks, targets that are not well, and the last words
//! of a container. Gathered at once, and as far as it can be had: what cannot be read is named.

use crate::aws::{
    Reader,
    explain::{Explain as _, Failure},
};
use aws_sdk_ecs::types::{Container, DesiredStatus, LogDriver, Task, TaskDefinition};
use futures_util::future::join_all;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The deployment's stopped tasks, the newest first.
    pub stopped: Vec<StoppedTask>,
    /// The targets that are not well.
    pub unhealthy: Vec<Target>,
    /// The last lines of the container that ended.
    pub log: Vec<String>,
    /// What could not be read.
    pub unread: Vec<String>,
}

/// A task that has stopped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoppedTask {
    /// Its id, the last part of its ARN.
    pub id: String,
    /// Why, in ECS's words.
    pub reason: String,
    /// Its containers.
    pub containers: Vec<StoppedContainer>,
    /// The revision that it ran.
    pub task_definition: String,
}

/// A container of a task that has stopped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoppedContainer {
    /// Its name.
    pub name: String,
    /// What it ended with, where it ran.
    pub exit_code: Option<i32>,
    /// Why, in ECS's words.
    pub reason: String,
}

/// A target that is not well.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// `10.0.0.1:8080`.
    pub address: String,
    /// `Target.ResponseCodeMismatch`, …
    pub reason: String,
    /// ELB's words.
    pub description: String,
}

/// Lines of a container's log that are shown.
const LOG_LINES: i32 = 20;

/// Gathers what can be had.
pub async fn gather(aws: &Reader, cluster: &str, service: &str, deployment: &str) -> Evidence {
    let mut evidence = Evidence::default();
    let (tasks, targets) =
        tokio::join!(stopped(aws, cluster, deployment), unhealthy(aws, cluster, service));
    match tasks {
        Ok(tasks) => evidence.stopped = tasks,
        Err(failure) => evidence.unread.push(failure.problem().what),
    }
    match targets {
        Ok(targets) => evidence.unhealthy = targets,
        Err(failure) => evidence.unread.push(failure.problem().what),
    }
    let ended = evidence.stopped.iter().find_map(|task| {
        let ran = |container: &&StoppedContainer| container.exit_code.is_some();
        let failed = |container: &&StoppedContainer| container.exit_code.is_some_and(|code| code != 0);
        let containers = &task.containers;
        let container = containers.iter().find(failed).or_else(|| containers.iter().find(ran))?;
        Some((task, container))
    });
    if let Some((task, container)) = ended {
        match log(aws, task, container).await {
            Ok(lines) => evidence.log = lines,
            Err(failure) => evidence.unread.push(failure.problem().what),
        }
    }
    evidence
}

async fn stopped(
    aws: &Reader,
    cluster: &str,
    deployment: &str,
) -> Result<Vec<StoppedTask>, Failure> {
    let listed = aws
        .ecs
        .list_tasks()
        .cluster(cluster)
        .started_by(deployment)
        .desired_status(DesiredStatus::Stopped)
        .send()
        .await
        .explain("ecs:ListTasks", deployment)?;
    let mut arns = listed.task_arns.unwrap_or_default();
    arns.truncate(100);
    if arns.is_empty() {
        return Ok(Vec::new());
    }
    let request = aws.ecs.describe_tasks().cluster(cluster).set_tasks(Some(arns));
    let mut tasks =
        request.send().await.explain("ecs:DescribeTasks", deployment)?.tasks.unwrap_or_default();
    tasks.sort_by_key(|task| std::cmp::Reverse(task.stopped_at().map(|at| at.secs())));
    Ok(tasks.iter().map(stopped_task).collect())
}

fn stopped_task(task: &Task) -> StoppedTask {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let container = |container: &Container| StoppedContainer {
        name: text(container.name()),
        exit_code: container.exit_code(),
        reason: text(container.reason()),
    };
    StoppedTask {
        id: text(task.task_arn().and_then(|arn| arn.rsplit('/').next())),
        reason: text(task.stopped_reason()),
        containers: task.containers().iter().map(container).collect(),
        task_definition: text(task.task_definition_arn()),
    }
}

async fn unhealthy(aws: &Reader, cluster: &str, service: &str) -> Result<Vec<Target>, Failure> {
    let request = aws.ecs.describe_services().cluster(cluster).services(service);
    let found = request.send().await.explain("ecs:DescribeServices", service)?;
    let balancers = found.services().iter().flat_map(|service| service.load_balancers());
    let groups: Vec<_> = balancers.filter_map(|found| found.target_group_arn()).collect();
    let health = groups.iter().map(|group| async move {
        let request = aws.elb.describe_target_health().target_group_arn(*group);
        request.send().await.explain("elasticloadbalancing:DescribeTargetHealth", *group)
    });
    let mut targets = Vec::new();
    for answer in join_all(health).await {
        for found in answer?.target_health_descriptions() {
            let Some(health) = found.target_health() else { continue };
            if health.state().is_none_or(|state| state.as_str() != "unhealthy") {
                continue;
            }
            let target = found.target();
            targets.push(Target {
                address: format!(
                    "{}:{}",
                    target.and_then(|target| target.id()).unwrap_or_default(),
                    target.and_then(|target| target.port()).unwrap_or_default()
                ),
                reason: health.reason().map(|reason| reason.as_str().to_owned()).unwrap_or_default(),
                description: health.description().unwrap_or_default().to_owned(),
            });
        }
    }
    Ok(targets)
}

/// The last lines of a container, from the stream that awslogs names `prefix/container/task`.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html>
async fn log(
    aws: &Reader,
    task: &StoppedTask,
    container: &StoppedContainer,
) -> Result<Vec<String>, Failure> {
    let request = aws.ecs.describe_task_definition().task_definition(&task.task_definition);
    let found = request.send().await.explain("ecs:DescribeTaskDefinition", &task.task_definition)?;
    let Some((group, prefix)) =
        found.task_definition().and_then(|found| awslogs(found, &container.name))
    else {
        return Ok(Vec::new());
    };
    let stream = format!("{prefix}/{}/{}", container.name, task.id);
    let answer = aws
        .logs
        .get_log_events()
        .log_group_name(&group)
        .log_stream_name(&stream)
        .limit(LOG_LINES)
        .start_from_head(false)
        .send()
        .await
        .explain("logs:GetLogEvents", format!("{group} {stream}"));
    match answer {
        // A container that said nothing has no stream.
        Err(failure) if failure.is("ResourceNotFound") => Ok(Vec::new()),
        answer => {
            let events = answer?.events.unwrap_or_default();
            Ok(events.into_iter().filter_map(|event| event.message).collect())
        }
    }
}

fn awslogs(definition: &TaskDefinition, container: &str) -> Option<(String, String)> {
    let containers = definition.container_definitions();
    let found = containers.iter().find(|found| found.name() == Some(container))?;
    let log = found.log_configuration().filter(|log| *log.log_driver() == LogDriver::Awslogs)?;
    let option = |name: &str| log.options().and_then(|options| options.get(name)).cloned();
    Some((option("awslogs-group")?, option("awslogs-stream-prefix")?))
}
