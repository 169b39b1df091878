//! ECS's own record of one roll-out, the service deployment: what it says, and which one belongs to the
//! deployment that is followed.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html>

pub mod read;

use super::state::Deployment;
use aws_smithy_types::DateTime;
use std::{collections::BTreeMap, fmt};

/// How much earlier than the deployment its record may have been made, by ECS's clock: both are made by
/// one call.
const EARLIER: f64 = 2.0;
/// How much later.
const LATER: f64 = 15.0;

/// What ECS says about one service deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceDeployment {
    /// Its ARN.
    pub arn: String,
    /// How far it is.
    pub status: Status,
    /// ECS's words about that; may be empty.
    pub reason: String,
    /// Where it is on its way; `None` for a rolling update in some partitions.
    pub stage: Option<String>,
    /// The new version.
    pub target: Revision,
    /// The versions that run beside it, or did.
    pub sources: Vec<Revision>,
    /// The failures that are counted, where they are.
    pub breaker: Option<Breaker>,
    /// The alarms that went off.
    pub alarms: Vec<String>,
    /// What is rolled back to, and why.
    pub rollback: Option<Rollback>,
    /// The hook that waits for somebody's word.
    pub pause: Option<Pause>,
    /// How far the Lambda functions are that ECS asks at this stage, in its words.
    pub functions: Vec<String>,
    /// How long both versions run once all requests have moved, in minutes.
    pub bake_minutes: i32,
    /// When it changed last, by ECS's clock.
    pub updated_at: Option<DateTime>,
}

/// How far a service deployment is.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// `PENDING`, `IN_PROGRESS`, and whatever ECS may come to say besides the others.
    Underway,
    /// `STOP_REQUESTED`: a newer one takes its place, or it failed and is not to be rolled back.
    StopRequested,
    /// `ROLLBACK_REQUESTED`: somebody asked for it.
    RollbackRequested,
    /// `ROLLBACK_IN_PROGRESS`.
    RollingBack,
    /// `SUCCESSFUL`, the only success.
    Successful,
    /// `STOPPED`.
    Stopped,
    /// `ROLLBACK_SUCCESSFUL`.
    RolledBack,
    /// `ROLLBACK_FAILED`.
    RollbackFailed,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Underway => "IN_PROGRESS",
            Self::StopRequested => "STOP_REQUESTED",
            Self::RollbackRequested => "ROLLBACK_REQUESTED",
            Self::RollingBack => "ROLLBACK_IN_PROGRESS",
            Self::Successful => "SUCCESSFUL",
            Self::Stopped => "STOPPED",
            Self::RolledBack => "ROLLBACK_SUCCESSFUL",
            Self::RollbackFailed => "ROLLBACK_FAILED",
        })
    }
}

/// One version of the service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revision {
    /// The service revision's ARN.
    pub arn: String,
    /// The task definition's ARN, where it was looked up.
    pub task_definition: Option<String>,
    /// Tasks that should run.
    pub desired: i32,
    /// Tasks that run.
    pub running: i32,
    /// Tasks that start.
    pub pending: i32,
    /// The share of the requests, in per cent, where ECS shifts them.
    pub traffic: Option<i32>,
}

/// What the circuit breaker counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    /// Failures.
    pub failures: i32,
    /// Failures that end the deployment.
    pub threshold: i32,
    /// Whether they did.
    pub is_triggered: bool,
}

/// A return to an earlier version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollback {
    /// ECS's words; may be empty.
    pub reason: String,
    /// The service revision that is returned to; may be empty.
    pub to: String,
    /// Its task definition's ARN, where it was looked up.
    pub task_definition: Option<String>,
}

/// A hook that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Its id.
    pub hook: String,
    /// When ECS waits no longer.
    pub until: Option<DateTime>,
    /// Whether the deployment goes on then; otherwise it is rolled back.
    pub continues: bool,
}

impl ServiceDeployment {
    /// Whether nothing can come after this.
    pub const fn is_final(&self) -> bool {
        matches!(
            self.status,
            Status::Successful | Status::Stopped | Status::RolledBack | Status::RollbackFailed
        )
    }

    /// Whether what ECS watches over has ended it: the circuit breaker or an alarm.
    pub fn is_failed_by_ecs(&self) -> bool {
        self.breaker.is_some_and(|breaker| breaker.is_triggered) || !self.alarms.is_empty()
    }

    /// ECS's words about why it is not going on.
    pub fn why(&self) -> &str {
        let rollback = self.rollback.as_ref().map_or("", |rollback| &rollback.reason);
        if self.reason.is_empty() { rollback } else { &self.reason }
    }

    /// The service revisions whose task definitions are of use.
    pub fn revisions(&self) -> impl Iterator<Item = &str> {
        let rollback = self.rollback.as_ref().map(|rollback| rollback.to.as_str());
        rollback.into_iter().chain([self.target.arn.as_str()]).filter(|arn| !arn.is_empty())
    }

    /// Fills in what service revisions are of.
    #[must_use]
    pub fn with(mut self, task_definitions: &BTreeMap<String, String>) -> Self {
        self.target.task_definition = task_definitions.get(&self.target.arn).cloned();
        if let Some(rollback) = &mut self.rollback {
            rollback.task_definition = task_definitions.get(&rollback.to).cloned();
        }
        self
    }
}

/// A record of this status with nothing else in it.
#[cfg(test)]
pub(crate) fn sample(status: Status) -> ServiceDeployment {
    ServiceDeployment {
        arn: "arn:aws:ecs:eu-west-1:123456789012:service-deployment/web/web/NCWGC2ZR".to_owned(),
        status,
        reason: String::new(),
        stage: None,
        target: Revision::default(),
        sources: Vec::new(),
        breaker: None,
        alarms: Vec::new(),
        rollback: None,
        pause: None,
        functions: Vec::new(),
        bake_minutes: 0,
        updated_at: None,
    }
}

/// One of the service deployments that ECS lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its ARN.
    pub arn: String,
    /// The service revision that it brings.
    pub revision: String,
    /// When it was made, by ECS's clock.
    pub created_at: DateTime,
}

/// Those that may be the record of this deployment: made by the same call, so at the same time. The
/// nearest comes first.
pub fn near<'a>(ours: &Deployment, listed: &'a [Listed]) -> Vec<&'a Listed> {
    let later = |it: &Listed| it.created_at.as_secs_f64() - ours.created_at.as_secs_f64();
    let mut near: Vec<_> =
        listed.iter().filter(|it| (-EARLIER..=LATER).contains(&later(it))).collect();
    near.sort_by(|a, b| later(a).abs().total_cmp(&later(b).abs()));
    near
}

/// The record of this deployment: the nearest that brings its task definition. `UpdateService` names
/// the deployment, and nothing names the record of a deployment.
/// <https://github.com/aws/containers-roadmap/issues/2709>
pub fn matching<'a>(
    ours: &Deployment,
    listed: &'a [Listed],
    task_definitions: &BTreeMap<String, String>,
) -> Option<&'a Listed> {
    let brings = |it: &&Listed| task_definitions.get(&it.revision) == Some(&ours.task_definition);
    near(ours, listed).into_iter().find(brings)
}

#[cfg(test)]
mod tests {
    use super::{super::state::Progress, *};

    fn ours(created_at: f64) -> Deployment {
        Deployment {
            id: "ecs-svc/2".to_owned(),
            is_primary: true,
            progress: Progress::InProgress,
            reason: String::new(),
            task_definition: "web:2".to_owned(),
            desired: 1,
            running: 0,
            pending: 0,
            failed: 0,
            created_at: DateTime::from_secs_f64(created_at),
        }
    }

    /// `(name, revision, created at)`, and what each revision is of.
    fn found(ours: &Deployment, all: &[(&str, &str, f64)], of: &[(&str, &str)]) -> Option<String> {
        let listed: Vec<_> = all
            .iter()
            .map(|(arn, revision, at)| Listed {
                arn: (*arn).to_owned(),
                revision: (*revision).to_owned(),
                created_at: DateTime::from_secs_f64(*at),
            })
            .collect();
        let of = of.iter().map(|(arn, it)| ((*arn).to_owned(), (*it).to_owned())).collect();
        matching(ours, &listed, &of).map(|it| it.arn.clone())
    }

    #[test]
    fn the_record_was_made_at_the_same_time_for_the_same_task_definition() {
        let of = [("r1", "web:1"), ("r2", "web:2"), ("r3", "web:3")];
        let all = [("c", "r3", 24.1), ("b", "r2", 20.2), ("a", "r1", 19.9)];
        assert_eq!(found(&ours(20.0), &all, &of).as_deref(), Some("b"));
        assert_eq!(found(&ours(20.0), &all, &of[..1]), None, "r2 was not looked up yet");
        assert_eq!(found(&ours(50.0), &all, &of), None, "it is not listed yet");
        assert_eq!(found(&ours(0.0), &all, &of), None);
    }

    #[test]
    fn of_two_forced_deployments_of_one_revision_the_nearer_is_it() {
        let of = [("r2", "web:2"), ("r3", "web:2")];
        let all = [("b", "r3", 23.1), ("a", "r2", 20.1)];
        assert_eq!(found(&ours(20.0), &all, &of).as_deref(), Some("a"));
        assert_eq!(found(&ours(23.0), &all, &of).as_deref(), Some("b"));
        assert_eq!(found(&ours(23.0), &all[1..], &of), None, "the other one's is not ours");
    }
}
