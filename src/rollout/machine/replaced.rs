//! What DescribeServices says where ECS keeps no record of the deployment, or before that shows it.

use super::{
    super::state::{Deployment, Progress, ServiceState},
    Ending, Instead, ROLLBACK_BEGINS, ROLLBACK_ENDS, Rollout, superseded,
};
use std::time::Duration;

impl Rollout {
    /// Another deployment is the primary one, and this one has neither completed nor failed: either it
    /// fails and ECS has not noted that yet, or somebody has started a newer one.
    pub(super) fn replaced(
        &mut self,
        elapsed: Duration,
        primary: &Deployment,
        state: &ServiceState,
    ) -> Option<Ending> {
        let newer = |other: &&Deployment| {
            let is_other = other.id != self.deployment && other.id != primary.id;
            is_other && self.began().is_some_and(|began| other.created_at > began)
        };
        if let Some(newer) = state.deployments.iter().find(newer) {
            // What is rolled back here is not this deployment.
            return Some(superseded(newer));
        }
        if !self.is_rollback(primary, state) {
            return Some(superseded(primary));
        }
        let ours = state.deployment(&self.deployment).map_or("", |ours| &ours.reason);
        if let Some(how) =
            [ours, &primary.reason].into_iter().find(|reason| self.is_by_hand(reason))
        {
            return Some(Ending::Stopped { how: format!("ECS says: {how}"), back: None });
        }
        self.fail(elapsed, &primary.reason);
        None
    }

    pub(super) fn after_failure(
        &mut self,
        elapsed: Duration,
        primary: Option<&Deployment>,
        state: &ServiceState,
    ) -> Option<Ending> {
        let rollback = primary.filter(|primary| self.is_rollback(primary, state));
        let is_over = self.is_over(elapsed);
        let by_hand = self.failure.as_ref().is_some_and(|it| self.is_by_hand(&it.reason));
        let failure = self.failure.as_mut()?;
        let reason = failure.reason.clone();
        if by_hand {
            return Some(Ending::Stopped { how: format!("ECS says: {reason}"), back: None });
        }
        let Some(rollback) = rollback else {
            let instead = match (primary, &failure.rollback) {
                (Some(_), Some((to, _))) => {
                    return Some(Ending::RolledBack { reason, to: to.clone(), is_back: false });
                }
                (Some(newer), None) => Instead::Newer(newer.id.clone()),
                _ if !state.rolls_back => Instead::NotAskedFor,
                _ if is_over || elapsed.saturating_sub(failure.at) >= ROLLBACK_BEGINS => {
                    Instead::NothingToReturnTo
                }
                _ => return None,
            };
            return Some(Ending::Failed { reason, instead: Some(instead) });
        };
        let to = rollback.task_definition.clone();
        let (_, since) = failure.rollback.get_or_insert_with(|| (to.clone(), elapsed));
        let is_long = elapsed.saturating_sub(*since) >= ROLLBACK_ENDS;
        match rollback.progress {
            Progress::Completed => Some(Ending::RolledBack { reason, to, is_back: true }),
            Progress::Failed => Some(Ending::Failed { reason, instead: Some(Instead::FailedToo) }),
            Progress::InProgress if is_long || is_over => {
                Some(Ending::RolledBack { reason, to, is_back: false })
            }
            Progress::InProgress => None,
        }
    }

    /// Whether ECS has made this deployment the primary one by itself. It says so in the reason while
    /// that goes on (`ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/….`) and in
    /// an event, or takes up an older deployment again. Once this deployment is known to have failed,
    /// an older deployment's revision tells it as well.
    pub(super) fn is_rollback(&self, primary: &Deployment, state: &ServiceState) -> bool {
        let reason = primary.reason.to_lowercase();
        if ["rolling back", "rolled back", "rollback"].iter().any(|words| reason.contains(words)) {
            return true;
        }
        if self.previous.contains_key(&primary.id) {
            return true;
        }
        let ours = self.seen.as_ref().map(|ours| &ours.task_definition);
        let is_old = ours != Some(&primary.task_definition)
            && self.previous.values().any(|revision| *revision == primary.task_definition);
        let is_target = self.messages(state).iter().any(|text| {
            text.split_once("rolling back to deployment ").is_some_and(|(_, target)| {
                let target = target.split_whitespace().next().unwrap_or(target);
                let target = target.trim_end_matches('.');
                primary.id == target || primary.reason.contains(target)
            })
        });
        self.failure.is_some() && (is_old || is_target)
    }

    /// What an event adds to these words about the deployment: `(service web) (deployment ecs-svc/…)
    /// deployment failed: tasks failed to start.` The id is unique, so the event's age does not matter.
    pub(super) fn said<'a>(&self, state: &'a ServiceState, words: &str) -> Option<&'a str> {
        let words = format!("(deployment {}) {words}", self.deployment);
        state.events.iter().find_map(|event| {
            let (_, rest) = event.message.split_once(&words)?;
            Some(rest.trim_start_matches([':', ' ', '.']))
        })
    }
}
