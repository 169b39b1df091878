//! What is shown of a look.

use super::{
    super::{pace::Outlook, service_deployment::ServiceDeployment, state::ServiceState},
    Rollout,
};
use crate::event::{Breaker, Pause, RolloutState};
use std::{collections::BTreeMap, time::Duration};

/// The stages in a task's life, in their order.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html>
const LIFE: [&str; 8] = [
    "PROVISIONING",
    "PENDING",
    "ACTIVATING",
    "RUNNING",
    "DEACTIVATING",
    "STOPPING",
    "DEPROVISIONING",
    "STOPPED",
];
/// The states of a target, the best first.
const HEALTH: [&str; 7] =
    ["healthy", "initial", "unhealthy", "unhealthy.draining", "unused", "unavailable", "draining"];

/// Counts what is called the same, in the order of `names` and the rest after it.
fn counted<'a>(
    words: impl Iterator<Item = &'a String>,
    names: &[&'static str],
) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<(usize, &String), usize> = BTreeMap::new();
    for word in words {
        let place = names.iter().position(|name| name == word).unwrap_or(names.len());
        *counts.entry((place, word)).or_default() += 1;
    }
    counts.into_iter().map(|((_, word), count)| (word.clone(), count)).collect()
}

impl Rollout {
    /// How far the deployment is, or that which a rollback has made the primary one.
    pub(super) fn shown(&self, elapsed: Duration, state: &ServiceState) -> Option<RolloutState> {
        let is_rolling_back = self.is_rolling_back();
        let listed =
            if is_rolling_back { state.primary()? } else { state.deployment(&self.deployment)? };
        let mut shown = RolloutState {
            deployment: listed.id.clone(),
            desired: listed.desired,
            running: listed.running,
            pending: listed.pending,
            failed: listed.failed,
            elapsed,
            is_rolling_back,
            ..RolloutState::default()
        };
        if is_rolling_back {
            return Some(shown);
        }
        let own = state.details.own_targets();
        shown.tasks = counted(state.details.tasks.iter().map(|task| &task.status), &LIFE);
        shown.targets = counted(own.map(|target| &target.state), &HEALTH);
        shown.old_running = state
            .deployments
            .iter()
            .filter(|other| other.id != self.deployment)
            .map(|other| other.running)
            .sum();
        if let Some(record) = &state.record {
            add(&mut shown, record);
        }
        if let (Some(pause), Some((_, since))) = (&mut shown.pause, &self.paused) {
            pause.since = since.map(|at| at.secs());
        }
        Some(shown)
    }

    /// ECS does not say since when it waits: that is when the record changed last, as it was first seen.
    pub(super) fn note_pause(&mut self, state: &ServiceState) {
        let record = state.record.as_ref();
        let pause = record.and_then(|record| Some((record.pause.as_ref()?, record.updated_at)));
        let is_known = pause.as_ref().map(|(pause, _)| &pause.hook)
            == self.paused.as_ref().map(|(hook, _)| hook);
        if !is_known {
            self.paused = pause.map(|(pause, at)| (pause.hook.clone(), at));
        }
    }

    /// What the next look may find.
    pub fn outlook(&self, elapsed: Duration, state: &ServiceState) -> Outlook {
        /// Looks come often again this long before a time that is known.
        const BEFORE: Duration = Duration::from_secs(5);
        if self.is_rolling_back() {
            return Outlook::Near;
        }
        if let Some(record) = &state.record {
            let minutes = u64::try_from(record.bake_minutes).unwrap_or(0);
            let baked = Duration::from_mins(minutes).saturating_sub(BEFORE);
            let is_baking = record.stage.as_deref() == Some("BAKE_TIME");
            if record.pause.is_some() || is_baking && self.stages.lasts(elapsed) < baked {
                return Outlook::Far;
            }
        }
        match state.deployment(&self.deployment) {
            Some(ours) if ours.running >= ours.desired => Outlook::Near,
            _ => Outlook::Underway,
        }
    }
}

fn add(shown: &mut RolloutState, record: &ServiceDeployment) {
    let target = &record.target;
    if target.desired > 0 {
        (shown.desired, shown.running, shown.pending) =
            (target.desired, target.running, target.pending);
    }
    shown.breaker = record
        .breaker
        .map(|breaker| Breaker { failures: breaker.failures, threshold: breaker.threshold });
    shown.stage.clone_from(&record.stage);
    shown.traffic = target.traffic;
    shown.pause = record.pause.as_ref().map(|pause| Pause {
        since: None,
        until: pause.until.map(|at| at.secs()),
        continues: pause.continues,
    });
}
