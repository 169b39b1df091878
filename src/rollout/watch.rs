//! The loop: looks again and again, at a pace that [`pace`](super::pace) sets, and tells what is new.

use super::{
    details::{self, Details, Signs},
    machine::{Ending, Rollout, Turn},
    pace::{self, Outlook},
    state::{Deployment, ServiceState},
};
use crate::{
    aws::explain::Failure,
    error::Problem,
    event::{Event, Events},
};
use futures_util::future::LocalBoxFuture;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};

/// How long looks may fail in a row. The rollout goes on without anybody looking.
const BLIND: Duration = Duration::from_mins(2);

/// How far the watch has come.
#[derive(Debug)]
pub(super) struct Watch {
    began: Instant,
    /// The last look that worked.
    pub(super) last: ServiceState,
    failures: u32,
    blind_since: Option<Duration>,
    outlook: (Outlook, Duration),
    asked: Option<(Duration, Signs)>,
}

/// What ends a stretch of watching.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Something is to be done first.
    Turn(Turn),
    /// The rollout has ended, or the wait for it.
    End(Ending),
}

impl Watch {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            last: ServiceState::missing(),
            failures: 0,
            blind_since: None,
            outlook: (Outlook::Underway, Duration::ZERO),
            asked: None,
        }
    }

    /// Since it began.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Looks until the rollout ends or something is to be done. `ask` looks at tasks and targets, beside
    /// the looks so that it delays none.
    pub(super) async fn until(
        &mut self,
        look: &mut impl AsyncFnMut() -> Result<ServiceState, Failure>,
        ask: &impl AsyncFn(Deployment, Vec<String>, Details) -> Details,
        rollout: &mut Rollout,
        events: &Events,
    ) -> Result<Step, Problem> {
        let mut asking: Option<LocalBoxFuture<'_, Details>> = None;
        let mut details = self.last.details.clone();
        loop {
            let start = Instant::now();
            let patience = pace::patience(self.failures);
            let seen = beside(timeout(patience, look()), &mut asking, &mut details).await;
            let seen = seen.unwrap_or_else(|_| Err(no_answer(patience)));
            let elapsed = self.elapsed();
            match seen {
                Ok(mut state) => {
                    (self.failures, self.blind_since) = (0, None);
                    state.details = details.clone();
                    let (new, ending) = rollout.observe(elapsed, &state);
                    for event in new {
                        events.send(event);
                    }
                    self.last = state;
                    if let Some(ending) = ending {
                        return Ok(Step::End(ending));
                    }
                    if let Some(turn) = rollout.turn(elapsed, &self.last) {
                        return Ok(Step::Turn(turn));
                    }
                    let ours = self.last.deployment(rollout.id()).cloned();
                    if let Some(ours) = ours.filter(|_| asking.is_none())
                        && self.is_time_to_ask(elapsed, &ours)
                    {
                        let groups = self.last.target_groups.clone();
                        asking = Some(Box::pin(ask(ours, groups, details.clone())));
                    }
                }
                Err(_) if rollout.is_over(elapsed) => return Ok(Step::End(Ending::TimedOut)),
                Err(failure) => self.blind(elapsed, &failure, events)?,
            }
            let outlook = rollout.outlook(elapsed, &self.last);
            if self.outlook.0 != outlook {
                self.outlook = (outlook, elapsed);
            }
            let since = elapsed.saturating_sub(self.outlook.1);
            let next = start + pace::pause(outlook, since, self.failures);
            beside(sleep_until(next), &mut asking, &mut details).await;
        }
    }

    fn is_time_to_ask(&mut self, elapsed: Duration, ours: &Deployment) -> bool {
        let now = details::signs(ours, &self.last);
        let (at, before) =
            self.asked.as_ref().map_or((Duration::ZERO, None), |(at, before)| (*at, Some(before)));
        let is_due = details::is_due(elapsed.saturating_sub(at), before, &now);
        if is_due {
            self.asked = Some((elapsed, now));
        }
        is_due
    }

    fn blind(
        &mut self,
        elapsed: Duration,
        failure: &Failure,
        events: &Events,
    ) -> Result<(), Problem> {
        self.failures = self.failures.saturating_add(1);
        // One look that fails is made up for by the next one, and nobody has to know.
        if self.failures == 2 {
            let what = failure.problem().what;
            events.send(Event::Warning(format!("the rollout goes on unseen: {what}")));
        }
        let since = *self.blind_since.get_or_insert(elapsed);
        if failure.is_denied() || elapsed.saturating_sub(since) >= BLIND {
            let problem = failure.problem();
            return Err(problem.found("ECS goes on with the rollout, unseen by this run"));
        }
        Ok(())
    }
}

/// Waits for the one thing, and takes what the other one finds meanwhile.
async fn beside<T>(
    main: impl Future<Output = T>,
    asking: &mut Option<LocalBoxFuture<'_, Details>>,
    details: &mut Details,
) -> T {
    tokio::pin!(main);
    loop {
        let Some(side) = asking.as_mut() else { return main.await };
        tokio::select! {
            biased;
            done = &mut main => return done,
            found = side => *details = found,
        }
        *asking = None;
    }
}

fn no_answer(patience: Duration) -> Failure {
    Failure {
        operation: "ecs:DescribeServices",
        on: "the service".to_owned(),
        code: None,
        message: format!("nothing came within {} seconds", patience.as_secs()),
        request_id: None,
    }
}

#[cfg(test)]
mod tests;
