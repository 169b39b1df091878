//! The tasks and targets of a deployment: dearer to ask for than its state, so asked for when something
//! has changed or may have.

use super::{
    Target,
    state::{Deployment, ServiceState},
    tasks::{self, StoppedTask, TaskState},
};
use crate::aws::{
    Reader,
    explain::{Explain as _, Failure},
};
use aws_sdk_elasticloadbalancingv2::types::{TargetHealthDescription, TargetHealthReasonEnum};
use futures_util::future::join_all;
use std::time::Duration;

/// How often while tasks start or targets are not healthy. Twenty runs at once, with four or five calls
/// each, stay below the 20 a second of ECS's bucket and the 10 of ELB's.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html>
const WORKING: Duration = Duration::from_secs(5);
/// How often while nothing is expected.
const QUIET: Duration = Duration::from_secs(30);
/// How soon after a change, so that many changes make few calls.
const CHANGED: Duration = Duration::from_secs(1);
/// How long the answers may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The tasks and targets of the deployment that is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// How far each task is.
    pub tasks: Vec<TaskState>,
    /// Those that have stopped or are about to, the first to stop first.
    pub stopped: Vec<StoppedTask>,
    /// Where requests go.
    pub targets: Vec<TaskTarget>,
}

/// A target of the load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskTarget {
    /// The task's address.
    pub address: String,
    /// ELB's word: `initial`, `healthy`, `unhealthy`, `unused`, `draining`, …
    pub state: String,
    /// Whether ELB says that it cannot be used: its zone is not enabled, or nothing leads to its group.
    pub is_unusable: bool,
    /// ELB's words; may be empty.
    pub description: String,
}

impl Details {
    /// Nothing was looked at yet.
    pub const fn none() -> Self {
        Self { tasks: Vec::new(), stopped: Vec::new(), targets: Vec::new() }
    }

    /// Targets of the deployment's own tasks: the group has those of the old ones as well.
    pub fn own_targets(&self) -> impl Iterator<Item = &TaskTarget> {
        let own = |target: &&TaskTarget| {
            self.tasks.iter().any(|task| task.address.as_ref() == Some(&target.address))
        };
        self.targets.iter().filter(own)
    }
}

/// What makes another look at the details worth its calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signs {
    counts: [i32; 4],
    stage: Option<String>,
    failures: i32,
    newest_event: Option<String>,
    is_quiet: bool,
}

/// What this look at the service shows of them.
pub fn signs(ours: &Deployment, state: &ServiceState) -> Signs {
    let record = state.record.as_ref();
    let (desired, running, pending) = record
        .map(|it| (it.target.desired, it.target.running, it.target.pending))
        .filter(|counts| *counts != (0, 0, 0))
        .unwrap_or((ours.desired, ours.running, ours.pending));
    let healthy = state.details.own_targets().filter(|it| it.state == "healthy").count();
    let is_served =
        state.target_groups.is_empty() || healthy >= usize::try_from(desired).unwrap_or(0);
    Signs {
        counts: [desired, running, pending, ours.failed],
        stage: record.and_then(|it| it.stage.clone()),
        failures: record.and_then(|it| it.breaker).map_or(0, |it| it.failures),
        newest_event: state.events.last().map(|event| event.id.clone()),
        is_quiet: running >= desired && is_served,
    }
}

/// Whether to ask again, so long after the last time, when the signs were `before`.
pub fn is_due(since: Duration, before: Option<&Signs>, now: &Signs) -> bool {
    match before {
        None => true,
        Some(before) if before != now => since >= CHANGED,
        Some(_) => since >= if now.is_quiet { QUIET } else { WORKING },
    }
}

/// Looks at tasks and targets. What cannot be read is left as it was: the end of the rollout does not
/// depend on it.
pub async fn read(
    aws: &Reader,
    target: &Target,
    ours: &Deployment,
    target_groups: &[String],
    before: Details,
) -> Details {
    let healths = join_all(target_groups.iter().map(|group| targets(aws, group)));
    let both = async { tokio::join!(tasks::all(aws, target, ours), healths) };
    let Ok((found, healths)) = tokio::time::timeout(PATIENCE, both).await else { return before };
    let (tasks, stopped) = found.unwrap_or((before.tasks, before.stopped));
    let healths: Result<Vec<_>, _> = healths.into_iter().collect();
    let targets = healths.map_or(before.targets, |groups| groups.concat());
    Details { tasks, stopped, targets }
}

async fn targets(aws: &Reader, group: &str) -> Result<Vec<TaskTarget>, Failure> {
    let request = aws.elb.describe_target_health().target_group_arn(group);
    let found = request.send().await.explain("elasticloadbalancing:DescribeTargetHealth", group)?;
    Ok(found.target_health_descriptions().iter().filter_map(task_target).collect())
}

fn task_target(found: &TargetHealthDescription) -> Option<TaskTarget> {
    let health = found.target_health()?;
    Some(TaskTarget {
        address: found.target()?.id()?.to_owned(),
        state: health.state()?.as_str().to_owned(),
        is_unusable: health.reason() == Some(&TargetHealthReasonEnum::NotInUse),
        description: health.description().unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_looked_at_soon_and_quiet_is_left_alone() {
        let signs = |running, is_quiet| Signs {
            counts: [2, running, 0, 0],
            stage: None,
            failures: 0,
            newest_event: None,
            is_quiet,
        };
        let due = |seconds, before: Option<&Signs>, now: &Signs| {
            is_due(Duration::from_secs(seconds), before, now)
        };
        assert!(due(0, None, &signs(0, false)));
        assert!(due(1, Some(&signs(0, false)), &signs(1, false)));
        assert!(!due(0, Some(&signs(0, false)), &signs(1, false)));
        assert!(!due(4, Some(&signs(1, false)), &signs(1, false)));
        assert!(due(5, Some(&signs(1, false)), &signs(1, false)));
        assert!(!due(29, Some(&signs(2, true)), &signs(2, true)));
        assert!(due(30, Some(&signs(2, true)), &signs(2, true)));
    }
}
