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
    resource::task_definition::{
        self,
        logs::{self, Place},
    },
};
use aws_sdk_elasticloadbalancingv2::types::{TargetHealthDescription, TargetHealthStateEnum};
use futures_util::future::join_all;
use serde_json::Value;
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
    /// Where it is.
    pub place: Place,
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
        let ended = last_to_end(&tasks);
        let is_network = tasks.iter().any(may_be_the_network);
        if ended.is_none() && !is_network {
            return Ok((tasks, Ok(None), Ok(None)));
        }
        let definition = within(task_definition::document(aws, &ours.task_definition)).await;
        let definition = match definition {
            Ok(definition) => definition.unwrap_or_default(),
            Err(failure) => return Ok((tasks, Err(failure), Ok(None))),
        };
        let log = async {
            let Some((task, container)) = ended else { return Ok(None) };
            within(log(aws, &definition, container, task)).await
        };
        let ground = async {
            if !is_network {
                return Ok(None);
            }
            let ground = vpc::ground(aws, target, ours, &definition);
            let ground = tokio::time::timeout(PATIENCE, ground).await;
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

/// The last task whose end says something, and the container of it that ended.
fn last_to_end(tasks: &[StoppedTask]) -> Option<(&str, &str)> {
    let mut ended = tasks.iter().rev().filter(|task| task.cause().is_some());
    ended.find_map(|task| Some((task.id.as_str(), task.culprit()?.name.as_str())))
}

/// The end of the container's log, where it goes to CloudWatch by awslogs.
async fn log(
    aws: &Reader,
    definition: &Value,
    container: &str,
    task: &str,
) -> Result<Option<Log>, Failure> {
    let Some(place) = logs::place(definition, &aws.region, container, task) else {
        return Ok(None);
    };
    let request = aws
        .logs
        .get_log_events()
        .log_group_name(&place.group)
        .log_stream_name(&place.stream)
        .limit(LOG_LINES)
        .start_from_head(false);
    let events = request.send().await.explain("logs:GetLogEvents", place.to_string())?;
    let lines = events.events().iter().filter_map(|event| event.message());
    let lines = lines.flat_map(str::lines).map(str::to_owned).collect();
    Ok(Some(Log { container: container.to_owned(), place, lines }))
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
