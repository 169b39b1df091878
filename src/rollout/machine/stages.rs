//! The stages of a rollout, for the picture of the run: what ECS calls them where it does, and what the
//! tasks do where it does not.

use super::{super::state::ServiceState, Rollout};
use crate::event::Span;
use std::time::Duration;

/// More bars than this make no picture.
const BARS: usize = 40;

/// The stages that were seen, one after another.
#[derive(Debug, Default)]
pub(super) struct Stages {
    ended: Vec<Span>,
    current: Option<(String, Duration)>,
}

impl Stages {
    fn note(&mut self, elapsed: Duration, name: String) {
        if self.current.as_ref().is_some_and(|(current, _)| *current == name) {
            return;
        }
        if self.ended.len() >= BARS {
            return;
        }
        // What goes on when first looked at began with the rollout.
        let start = if self.current.is_none() { Duration::ZERO } else { elapsed };
        if let Some((name, start)) = self.current.replace((name, start)) {
            self.ended.push(Span { name, start, end: elapsed });
        }
    }

    /// How long the current one has lasted.
    pub(super) fn lasts(&self, elapsed: Duration) -> Duration {
        self.current.as_ref().map_or(Duration::ZERO, |(_, start)| elapsed.saturating_sub(*start))
    }

    pub(super) fn spans(&self, elapsed: Duration) -> Vec<Span> {
        let current = self.current.iter().map(|(name, start)| Span {
            name: name.clone(),
            start: *start,
            end: elapsed,
        });
        self.ended.iter().cloned().chain(current).collect()
    }
}

impl Rollout {
    pub(super) fn note_stage(&mut self, elapsed: Duration, state: &ServiceState) {
        if let Some(name) = self.stage(state) {
            self.stages.note(elapsed, format!("rollout/{name}"));
        }
    }

    fn stage(&self, state: &ServiceState) -> Option<String> {
        if self.failure.is_some() {
            return Some("rollback".to_owned());
        }
        let ours = state.deployment(&self.deployment)?;
        if let Some(record) = &state.record {
            if record.pause.is_some() {
                return Some("pause".to_owned());
            }
            if let Some(stage) = &record.stage {
                return Some(stage.to_lowercase().replace('_', "-"));
            }
        }
        let targets: Vec<_> = state.details.own_targets().collect();
        let is_healthy = targets.iter().all(|target| target.state == "healthy");
        let is_old_left = state
            .deployments
            .iter()
            .any(|other| other.id != self.deployment && other.running + other.pending > 0);
        let name = match (ours.running, is_healthy, is_old_left) {
            (0, ..) => "tasks-start",
            (running, ..) if running < ours.desired => "more-tasks-start",
            (_, false, _) => "tasks-become-healthy",
            (_, true, true) => "old-tasks-drain",
            (_, true, false) => "steady",
        };
        Some(name.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bar_begins_with_the_rollout_and_equal_ones_are_one() {
        let mut stages = Stages::default();
        let at = Duration::from_secs;
        for (second, name) in [(1, "a"), (2, "a"), (5, "b"), (6, "a")] {
            stages.note(at(second), name.to_owned());
        }
        let bar =
            |name: &str, start, end| Span { name: name.to_owned(), start: at(start), end: at(end) };
        assert_eq!(stages.spans(at(9)), [bar("a", 0, 5), bar("b", 5, 6), bar("a", 6, 9)]);
        assert_eq!(stages.lasts(at(9)), at(3));
    }
}
