//! When the wait is given up, and what then can be done.

use super::{
    super::{
        early::Hopeless,
        state::{Deployment, Progress, ServiceState},
    },
    Ending, ROLLBACK_ENDS, Rollout,
};
use std::time::Duration;

/// Something to be done now, before the next look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// It fails, and now is the time to see why: what failed goes away.
    Fails,
    /// It cannot work.
    GiveUp(Hopeless, Means),
}

/// How a rollout that cannot work may be ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Means {
    /// ECS is asked to return to the last version, by the record's ARN.
    Stop(String),
    /// There is no version to return to.
    ScaleToZero,
    /// ECS's circuit breaker does it, in its time.
    Breaker,
    /// Nothing and nobody ends it.
    Nothing,
}

/// How far giving up has come.
#[derive(Debug, Default)]
pub(super) struct GivingUp {
    is_told: bool,
    is_given_up: bool,
    /// When this run asked ECS to return to the last version.
    asked_back_at: Option<Duration>,
    /// Whether there is a version to return to.
    has_previous: bool,
}

impl GivingUp {
    /// Whether this run asked ECS to return to the last version.
    pub(super) const fn asked_back(&self) -> bool {
        self.asked_back_at.is_some()
    }
}

impl Rollout {
    /// What is to be done after this look, each thing once.
    pub fn turn(&mut self, elapsed: Duration, state: &ServiceState) -> Option<Turn> {
        if self.failure.is_some() {
            let is_new = !std::mem::replace(&mut self.giving_up.is_told, true);
            return (is_new && !self.giving_up.is_given_up).then_some(Turn::Fails);
        }
        let ours = state.deployment(&self.deployment)?;
        if self.giving_up.is_given_up || !ours.is_primary || self.completed {
            return None;
        }
        let (desired, means) = (ours.desired, self.means(state));
        let hopeless = self.early.as_mut()?.observe(elapsed, &state.details, desired)?;
        self.giving_up.is_given_up = true;
        Some(Turn::GiveUp(hopeless, means))
    }

    /// From now on a rollback is this run's own.
    pub fn asked_back(&mut self, elapsed: Duration) {
        self.giving_up.asked_back_at = Some(elapsed);
    }

    /// Whether this run asked ECS to return to the last version.
    pub const fn is_asked_back(&self) -> bool {
        self.giving_up.asked_back()
    }

    /// The end where ECS was asked to return to the last version and does not show that it does.
    pub(super) fn unanswered(&self, elapsed: Duration) -> Option<Ending> {
        let since = self.giving_up.asked_back_at?;
        let is_long = elapsed.saturating_sub(since) >= ROLLBACK_ENDS;
        let to = self.previous.values().next_back().cloned().unwrap_or_default();
        is_long.then(|| Ending::RolledBack { reason: String::new(), to, is_back: false })
    }

    /// ECS can return to a version that ran. Nothing is scaled to zero where another one was ever seen
    /// to run, or to be complete with tasks.
    fn means(&self, state: &ServiceState) -> Means {
        match &state.record {
            _ if !self.giving_up.has_previous => Means::ScaleToZero,
            Some(record) => Means::Stop(record.arn.clone()),
            None if state.rolls_back => Means::Breaker,
            None => Means::Nothing,
        }
    }

    pub(super) fn note_previous(&mut self, state: &ServiceState) {
        let others = state.deployments.iter().filter(|other| other.id != self.deployment);
        let runs = |other: &Deployment| {
            other.running > 0 || other.progress == Progress::Completed && other.desired > 0
        };
        let sources = state.record.iter().flat_map(|record| &record.sources);
        self.giving_up.has_previous |=
            others.into_iter().any(runs) || sources.into_iter().any(|source| source.running > 0);
    }
}
