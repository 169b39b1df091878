//! What is going on at this moment, for the progress line, the heartbeat and the comment.

use crate::{
    address::Address,
    event::{Event, Phase, RolloutState, Source},
    plan::view::View,
    report::{
        format::{duration, plural},
        rollout,
    },
};
use indexmap::IndexMap;
use std::{sync::Arc, time::Duration};

/// What is going on, built from the events so far.
#[derive(Debug, Default)]
pub struct Underway {
    /// The plan, once it is known.
    pub plan: Option<Arc<View>>,
    phase: Option<(Phase, Duration)>,
    running: IndexMap<Address, Duration>,
    done: usize,
    failed: usize,
    rollout: Option<RolloutState>,
    build_line: Option<String>,
}

impl Underway {
    /// Takes notice of an event.
    pub fn take(&mut self, event: &Event, now: Duration) {
        match event {
            Event::Phase(phase) => self.phase = Some((*phase, now)),
            Event::Planned(plan) => self.plan = Some(plan.clone()),
            Event::StepStarted(address) => {
                self.running.insert(address.clone(), now);
            }
            Event::StepDone { address, .. } => {
                self.running.shift_remove(address);
                self.done += 1;
            }
            Event::StepFailed { address, .. } => {
                self.running.shift_remove(address);
                self.failed += 1;
            }
            Event::Line { source: Source::Build, text } if !text.trim().is_empty() => {
                self.build_line = Some(text.trim().to_owned());
            }
            Event::Rollout(state) => self.rollout = Some(state.clone()),
            Event::Finished(_) => self.phase = None,
            Event::TaskStarted { .. }
            | Event::StepSkipped { .. }
            | Event::Line { .. }
            | Event::Swept(_)
            | Event::Warning(_) => {}
        }
    }

    /// One line that says what is running and for how long; none when nothing is.
    pub fn status(&self, now: Duration) -> Option<String> {
        let (phase, since) = self.phase?;
        let took = |since| duration(now.saturating_sub(since));
        Some(match phase {
            Phase::Observe => format!("reading AWS, {}", took(since)),
            Phase::Rollout => format!("{}, {}", self.rollout_line(), took(since)),
            Phase::Apply if self.running.is_empty() => format!("applying, {}", took(since)),
            Phase::Apply => {
                let steps: Vec<_> = self
                    .running
                    .iter()
                    .map(|(address, since)| format!("{address} {}", took(*since)))
                    .collect();
                match &self.build_line {
                    Some(line) if self.building() => format!("{}: {line}", steps.join(", ")),
                    _ => steps.join(", "),
                }
            }
        })
    }

    /// The same without a clock, so that it changes only when something has happened.
    pub fn standing(&self) -> String {
        match self.phase {
            None => "starting".to_owned(),
            Some((Phase::Observe, _)) => "reading AWS".to_owned(),
            Some((Phase::Rollout, _)) => self.rollout_line(),
            Some((Phase::Apply, _)) => {
                let total = self.plan.as_ref().map_or(0, |plan| plan.steps.len());
                let failed = match self.failed {
                    0 => String::new(),
                    failed => format!(", {failed} failed"),
                };
                format!("{} of {} done{failed}", self.done, plural(total, "step"))
            }
        }
    }

    /// Whether an image is being built.
    pub fn building(&self) -> bool {
        self.running.keys().any(|address| address.kind == crate::address::Kind::Image)
    }

    fn rollout_line(&self) -> String {
        self.rollout.as_ref().map_or_else(|| "waiting for ECS".to_owned(), rollout::tasks)
    }

    /// What more there is to say of a rollout, one line each.
    pub fn rollout_lines(&self) -> Vec<String> {
        let is_rollout = matches!(self.phase, Some((Phase::Rollout, _)));
        self.rollout.as_ref().filter(|_| is_rollout).map(rollout::lines).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Kind;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_status_names_what_runs_and_for_how_long() {
        let mut underway = Underway::default();
        assert_eq!(underway.status(at(0)), None);
        underway.take(&Event::Phase(Phase::Observe), at(0));
        assert_eq!(underway.status(at(2)).as_deref(), Some("reading AWS, 2.0s"));
        underway.take(&Event::Phase(Phase::Apply), at(2));
        underway.take(&Event::StepStarted(Address::new(Kind::Image, "web")), at(2));
        underway.take(&Event::StepStarted(Address::new(Kind::LoadBalancer, "shared")), at(20));
        underway.take(&Event::Line { source: Source::Build, text: "#9 RUN make".into() }, at(30));
        assert_eq!(
            underway.status(at(92)).as_deref(),
            Some("image/web 1m 30s, load-balancer/shared 1m 12s: #9 RUN make")
        );
        underway.take(&Event::Phase(Phase::Rollout), at(100));
        assert_eq!(underway.status(at(130)).as_deref(), Some("waiting for ECS, 30s"));
        underway.take(
            &Event::Rollout(RolloutState {
                deployment: "ecs-svc/1".into(),
                desired: 2,
                running: 1,
                pending: 1,
                failed: 3,
                elapsed: at(31),
                ..RolloutState::default()
            }),
            at(131),
        );
        assert_eq!(underway.standing(), "1 of 2 tasks running, 1 starting, 3 failed");
    }
}
