//! Sees early that a rollout cannot work: the same failure again and again.

use super::{details::Details, tasks::StoppedTask};
use crate::diagnosis::{line, read};
use std::{collections::BTreeMap, time::Duration};

/// How long a target may be one that ELB does not use: a group that was just attached is, for a moment.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html>
const UNUSABLE: Duration = Duration::from_secs(20);

/// Why a rollout cannot work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hopeless {
    /// What has happened to each of the tasks, in one line.
    pub what: String,
    /// How many tasks it happened to.
    pub tasks: usize,
}

/// Counts failures until there are enough.
#[derive(Debug)]
pub struct Early {
    /// Tasks that fail in the same way after which it is hopeless.
    after: usize,
    unusable_since: Option<Duration>,
}

impl Early {
    /// Hopeless after so many tasks.
    pub fn new(after: u32) -> Self {
        Self { after: usize::try_from(after).unwrap_or(usize::MAX).max(1), unusable_since: None }
    }

    /// Takes one look at the tasks and targets.
    pub fn observe(
        &mut self,
        elapsed: Duration,
        details: &Details,
        desired: i32,
    ) -> Option<Hopeless> {
        same_failure(&details.stopped, self.after)
            .or_else(|| self.unusable(elapsed, details, desired))
    }

    /// ECS waits for such a target for ever: it is not unhealthy. A service of fewer tasks than it takes
    /// has no more to show.
    fn unusable(&mut self, elapsed: Duration, details: &Details, desired: i32) -> Option<Hopeless> {
        let unusable: Vec<_> = details.own_targets().filter(|it| it.is_unusable).collect();
        let Some(first) = unusable.first() else {
            self.unusable_since = None;
            return None;
        };
        let since = *self.unusable_since.get_or_insert(elapsed);
        let enough = self.after.min(usize::try_from(desired).unwrap_or(0).max(1));
        let is_hopeless = unusable.len() >= enough && elapsed.saturating_sub(since) >= UNUSABLE;
        is_hopeless.then(|| Hopeless {
            what: format!("the load balancer does not use the target: {}", first.description),
            tasks: unusable.len(),
        })
    }
}

/// The failure that so many tasks have in common. That a task was stopped by somebody, by a deployment or
/// because its capacity was taken back says nothing about the next one.
fn same_failure(stopped: &[StoppedTask], after: usize) -> Option<Hopeless> {
    let mut kinds: BTreeMap<String, Hopeless> = BTreeMap::new();
    for task in stopped.iter().filter(|task| !is_outside(&task.reason)) {
        let Some(what) = task.cause() else { continue };
        let same = kinds
            .entry(read::kind(&what))
            .or_insert_with(|| Hopeless { what: line::headline(&what), tasks: 0 });
        same.tasks += 1;
    }
    kinds.into_values().filter(|kind| kind.tasks >= after).max_by_key(|kind| kind.tasks)
}

/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html>
fn is_outside(reason: &str) -> bool {
    let reason = reason.to_lowercase();
    let signs = ["spot", "by user", "user initiated", "user request", "host maintenance", "retire"];
    signs.iter().any(|sign| reason.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            details::TaskTarget,
            tasks::{Container, TaskState},
        },
        *,
    };

    fn stopped(reason: &str, exit_code: Option<i32>) -> StoppedTask {
        let container = Container { name: "web".to_owned(), exit_code, reason: String::new() };
        StoppedTask {
            id: "0f3e".to_owned(),
            reason: reason.to_owned(),
            containers: vec![container],
            stopped_at: None,
        }
    }

    fn hopeless(after: u32, stopped: Vec<StoppedTask>) -> Option<(String, usize)> {
        let details = Details { stopped, ..Details::none() };
        let found = Early::new(after).observe(Duration::ZERO, &details, 2);
        found.map(|found| (found.what, found.tasks))
    }

    #[test]
    fn the_same_failure_of_two_tasks_is_enough() {
        let pull = |address: &str| {
            let text = format!("CannotPullContainerError: dial tcp {address}:443: i/o timeout");
            stopped(&text, None)
        };
        assert_eq!(hopeless(2, vec![pull("10.0.1.7")]), None);
        let found = hopeless(2, vec![pull("10.0.1.7"), pull("10.0.2.66")]);
        assert_eq!(found.map(|(_, tasks)| tasks), Some(2));
        assert_eq!(hopeless(3, vec![pull("10.0.1.7"), pull("10.0.2.66")]), None);
    }

    #[test]
    fn two_different_failures_are_not_the_same() {
        let ended = "Essential container in task exited";
        let health = "Task failed ELB health checks in (target-group arn:tg)";
        let mixed = vec![stopped(ended, Some(1)), stopped(health, Some(137))];
        assert_eq!(hopeless(2, mixed), None);
        let found = hopeless(2, vec![stopped(ended, Some(1)), stopped(ended, Some(1))]);
        assert_eq!(found, Some(("container `web` exited with code 1".to_owned(), 2)));
    }

    #[test]
    fn routine_never_counts() {
        let reasons = [
            "Scaling activity initiated by (deployment ecs-svc/2)",
            "Your Spot Task was interrupted.",
            "Task stopped by user",
        ];
        for reason in reasons {
            let tasks = vec![stopped(reason, Some(143)); 5];
            assert_eq!(hopeless(2, tasks), None, "{reason}");
        }
    }

    fn at(early: &mut Early, seconds: u64, unusable: &[&str], desired: i32) -> bool {
        let details = Details {
            tasks: ["10.0.1.5", "10.0.2.6"]
                .map(|address| TaskState {
                    status: "RUNNING".to_owned(),
                    address: Some(address.to_owned()),
                })
                .to_vec(),
            stopped: Vec::new(),
            targets: unusable
                .iter()
                .map(|address| TaskTarget {
                    address: (*address).to_owned(),
                    state: "unused".to_owned(),
                    is_unusable: true,
                    description: "Target is in an Availability Zone that is not enabled for the \
                                  load balancer"
                        .to_owned(),
                })
                .collect(),
        };
        early.observe(Duration::from_secs(seconds), &details, desired).is_some()
    }

    #[test]
    fn a_target_that_is_not_used_will_never_be() {
        let mut early = Early::new(2);
        assert!(!at(&mut early, 10, &["10.0.1.5", "10.0.2.6"], 2));
        assert!(!at(&mut early, 29, &["10.0.1.5", "10.0.2.6"], 2));
        assert!(at(&mut early, 30, &["10.0.1.5", "10.0.2.6"], 2));
        // One of two may yet serve alone, and one of one is all there is.
        assert!(!at(&mut early, 90, &["10.0.1.5"], 2));
        assert!(at(&mut early, 90, &["10.0.1.5"], 1));
        // Another version's targets are not ours, and one that is used again starts anew.
        assert!(!at(&mut early, 91, &["10.9.9.9"], 1));
        assert!(!at(&mut early, 92, &["10.0.1.5"], 1));
    }
}
