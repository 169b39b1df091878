//! Gathers what AWS knows about a rollout that did not work: stopped tasks, targets, a log, the VPC where
//! the network may be at fault. Every part is best effort, because the verdict stands without it.

mod vpc;

use super::{
    Target,
    state::Deployment,
    tasks::{self, StoppedTask},
};
use crate::{
    aws::{
        Reader,
        explain::{Explain as _, Failure},
    },
    diagnosis::{ground::Ground, read},
};
use aws_sdk_ecs::types::{LogDriver, TaskDefinition};
use aws_sdk_elasticloadbalancingv2::types::{TargetHealthDescription, TargetHealthStateEnum};
use futures_util::future::join_all;
use std::{collections::BTreeSet, future::Future, time::Duration};

/// How long one part may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Lines of the log that are shown.
const LOG_LINES: i32 = 30;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The deployment's stopped tasks, the first to stop first.
    pub tasks: Vec<StoppedTask>,
    /// The targets that the load balancer finds unwell.
    pub targets: Vec<UnwellTarget>,
    /// The end of the log of the container that ended.
    pub log: Option<Log>,
    /// The VPC and what the tasks need in it, where the network may be at fault.
    pub ground: Option<Ground>,
    /// What could not be read.
    pub unread: Vec<String>,
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

/// Gathers the evidence about this deployment.
pub async fn gather(
    aws: &Reader,
    target: &Target,
    ours: &Deployment,
    target_groups: &[String],
) -> Evidence {
    let tasks = async {
        let tasks = within(tasks::stopped(aws, target, ours)).await?;
        let log = within(log(aws, &tasks, ours));
        let ground = async {
            if !tasks.iter().any(may_be_the_network) {
                return Ok(None);
            }
            let ground = tokio::time::timeout(PATIENCE, vpc::ground(aws, target, ours)).await;
            let late = || Err(format!("it took more than {} seconds", PATIENCE.as_secs()));
            ground.unwrap_or_else(|_| late()).map(Some)
        };
        let (log, ground) = tokio::join!(log, ground);
        Ok((tasks, log, ground))
    };
    let healths = target_groups.iter().map(|group| within(unwell_targets(aws, group)));
    let (tasks, targets) = tokio::join!(tasks, join_all(healths));
    let mut evidence = Evidence::default();
    let note = |evidence: &mut Evidence, failure: Failure| {
        evidence.unread.push(failure.problem().what);
    };
    match tasks {
        Ok((tasks, log, ground)) => {
            evidence.tasks = tasks;
            match ground {
                Ok(ground) => evidence.ground = ground,
                Err(why) => evidence.unread.push(format!("the VPC: {why}")),
            }
            match log {
                Ok(log) => evidence.log = log,
                Err(failure) => note(&mut evidence, failure),
            }
        }
        Err(failure) => note(&mut evidence, failure),
    }
    for targets in targets {
        match targets {
            Ok(targets) => evidence.targets.extend(targets),
            Err(failure) => note(&mut evidence, failure),
        }
    }
    evidence
}

/// Whether a task's words speak of the network, or are not known while it never ran.
fn may_be_the_network(task: &StoppedTask) -> bool {
    let Some(text) = task.cause() else { return false };
    match read::read(&text) {
        read::Told::Cause(reading) => reading.is_about_network(),
        read::Told::Unknown => task.culprit().is_none(),
        read::Told::Follows | read::Told::Routine => false,
    }
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
    let mut ended = tasks.iter().rev().filter(|task| task.cause().is_some());
    let Some((task, container)) = ended.find_map(|task| Some((task, task.culprit()?))) else {
        return Ok(None);
    };
    let arn = &ours.task_definition;
    let request = aws.ecs.describe_task_definition().task_definition(arn);
    let found = request.send().await.explain("ecs:DescribeTaskDefinition", arn)?;
    let definitions = found.task_definition().map(TaskDefinition::container_definitions);
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
        insta::assert_debug_snapshot!(target(TargetHealthStateEnum::Unhealthy), @r#"
        Some(
            UnwellTarget {
                address: "10.0.1.5:8080",
                code: "Target.Timeout",
                description: "Request timed out",
            },
        )
        "#);
    }
}
