//! Decides how a rollout ends: a state machine over looks at the service, without a clock or a client.
//!
//! It follows one deployment by its id. "The service is stable" says nothing: a service is stable after
//! a rollback too, and after somebody else's deployment.

mod giving_up;
mod record;
mod replaced;
mod shown;
mod stages;

use super::{
    early::Early,
    state::{Deployment, Progress, ServiceState, Standing},
};
use crate::event::{Event, Source, Span};
use aws_smithy_types::DateTime;
pub use giving_up::{Means, Turn};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// How long the deployment may be missing from the list before that means something: ECS's reads lag
/// behind its writes, and a service may itself not be listed in its first seconds.
const UNLISTED: Duration = Duration::from_secs(10);
/// How long after a failure a rollback may begin. ECS notes both in the same second.
const ROLLBACK_BEGINS: Duration = Duration::from_secs(15);
/// How long the rollback is followed, so that the report can say whether the old version is back.
const ROLLBACK_ENDS: Duration = Duration::from_mins(3);

/// How a rollout ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The deployment is complete, and its tasks run.
    Succeeded,
    /// It failed, and ECS returns to a previous deployment.
    RolledBack {
        /// ECS's words about the failure.
        reason: String,
        /// The ARN of the revision that ECS returns to.
        to: String,
        /// Whether that is done; otherwise it was going on when this was decided.
        is_back: bool,
    },
    /// It failed, and ECS does not return to a previous deployment.
    Failed {
        /// ECS's words about the failure.
        reason: String,
        /// Why there is no rollback, where that is known.
        instead: Option<Instead>,
    },
    /// Somebody stopped it.
    Stopped {
        /// What was seen.
        how: String,
        /// The ARN of the revision that ECS returns to where it does, and whether that is done.
        back: Option<(String, bool)>,
    },
    /// A newer deployment has taken its place while it was going on.
    Superseded {
        /// That deployment's id.
        by: String,
        /// The ARN of its task definition.
        task_definition: String,
    },
    /// It was still going on when the time was up.
    TimedOut,
}

/// What came in place of a rollback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instead {
    /// The service does not ask for one.
    NotAskedFor,
    /// None began: there is no deployment that was ever complete.
    NothingToReturnTo,
    /// It failed too.
    FailedToo,
    /// A newer deployment, with this id.
    Newer(String),
    /// Nothing: the wait was given up, and ECS goes on trying.
    LeftAlone,
    /// No task runs any more: there is no version to return to.
    ScaledToZero,
}

/// The rollout of one deployment, as far as it was seen.
#[derive(Debug)]
pub struct Rollout {
    deployment: String,
    timeout: Duration,
    /// The deployment as it was last listed, and when.
    seen: Option<Deployment>,
    listed_at: Duration,
    /// Older deployments and their revisions: what a rollback returns to.
    previous: BTreeMap<String, String>,
    /// The events that were told.
    told: BTreeSet<String>,
    completed: bool,
    failure: Option<Failure>,
    /// Whether ECS's record of it was seen before its end.
    was_underway: bool,
    /// Whether somebody else asked for the rollback, in ECS's words.
    by_hand: Option<String>,
    /// Since when its end is waited to be explained.
    unexplained_since: Option<Duration>,
    /// Since when another deployment is the primary one.
    replaced_since: Option<Duration>,
    /// Whether it is followed until the last version is back.
    returns: bool,
    early: Option<Early>,
    giving_up: giving_up::GivingUp,
    stages: stages::Stages,
    /// The hook that is waited for, and since when.
    paused: Option<(String, Option<DateTime>)>,
}

#[derive(Debug)]
struct Failure {
    at: Duration,
    reason: String,
    /// The revision that ECS returns to, and since when.
    rollback: Option<(String, Duration)>,
}

impl Rollout {
    /// A rollout that begins now and is waited for as long as `timeout`.
    pub fn new(deployment: impl Into<String>, timeout: Duration) -> Self {
        Self {
            deployment: deployment.into(),
            timeout,
            seen: None,
            listed_at: Duration::ZERO,
            previous: BTreeMap::new(),
            told: BTreeSet::new(),
            completed: false,
            failure: None,
            was_underway: false,
            by_hand: None,
            unexplained_since: None,
            replaced_since: None,
            returns: false,
            early: None,
            giving_up: giving_up::GivingUp::default(),
            stages: stages::Stages::default(),
            paused: None,
        }
    }

    /// The same, given up when so many tasks fail in the same way.
    #[must_use]
    pub fn given_up_after(mut self, tasks: u32) -> Self {
        self.early = Some(Early::new(tasks));
        self
    }

    /// The same where this run has had it rolled back: it ends when ECS's record of it does.
    #[must_use]
    pub const fn returning(mut self) -> Self {
        self.returns = true;
        self
    }

    /// The id of the deployment that is followed.
    pub fn id(&self) -> &str {
        &self.deployment
    }

    /// The deployment as it was last listed.
    pub const fn seen(&self) -> Option<&Deployment> {
        self.seen.as_ref()
    }

    /// Takes one look at the service, `elapsed` after the beginning; yields what is new to tell, and
    /// the end if this is it.
    pub fn observe(
        &mut self,
        elapsed: Duration,
        state: &ServiceState,
    ) -> (Vec<Event>, Option<Ending>) {
        if let Some(ours) = state.deployment(&self.deployment) {
            self.remember(elapsed, ours, state);
        }
        self.note_previous(state);
        self.note_stage(elapsed, state);
        self.note_pause(state);
        let mut events = self.new_service_events(state);
        let was_rolling_back = self.is_rolling_back();
        let ending = self.decide(elapsed, state);
        if let (Some(failure), false) = (&self.failure, was_rolling_back || self.returns)
            && let Some((to, _)) = &failure.rollback
        {
            let to = match revision(to) {
                "" => "the last version".to_owned(),
                revision => format!("`{revision}`"),
            };
            let text = if self.by_hand.is_some() {
                format!("somebody asked ECS to return to {to}")
            } else {
                format!("the rollout failed, ECS returns to {to}")
            };
            events.push(Event::Warning(text));
        }
        events.extend(self.shown(elapsed, state).map(Event::Rollout));
        (events, ending)
    }

    /// The stages so far as bars, the last one up to now.
    pub fn stages(&self, elapsed: Duration) -> Vec<Span> {
        self.stages.spans(elapsed)
    }

    /// Whether the time is up: for whoever cannot look any more.
    pub fn is_over(&self, elapsed: Duration) -> bool {
        elapsed >= self.timeout
    }

    /// The messages of the service's events since this deployment began, the oldest first.
    pub fn messages<'a>(&self, state: &'a ServiceState) -> Vec<&'a str> {
        let Some(began) = self.began() else { return Vec::new() };
        let since = state.events.iter().filter(|event| event.created_at >= began);
        since.map(|event| event.message.as_str()).collect()
    }

    fn began(&self) -> Option<DateTime> {
        self.seen.as_ref().map(|ours| ours.created_at)
    }

    fn is_rolling_back(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| failure.rollback.is_some())
    }

    fn remember(&mut self, elapsed: Duration, ours: &Deployment, state: &ServiceState) {
        self.listed_at = elapsed;
        self.completed |= ours.progress == Progress::Completed;
        self.seen = Some(ours.clone());
        for other in state.deployments.iter().filter(|other| other.id != ours.id) {
            if ours.is_primary || other.created_at < ours.created_at {
                self.previous.insert(other.id.clone(), other.task_definition.clone());
            }
        }
        if ours.progress == Progress::Failed {
            self.fail(elapsed, &ours.reason);
        }
    }

    fn fail(&mut self, at: Duration, reason: &str) {
        let failure =
            self.failure.get_or_insert(Failure { at, reason: String::new(), rollback: None });
        reason.clone_into(&mut failure.reason);
    }

    fn new_service_events(&mut self, state: &ServiceState) -> Vec<Event> {
        let Some(began) = self.began() else { return Vec::new() };
        let mut events = Vec::new();
        for event in state.events.iter().filter(|event| event.created_at >= began) {
            if self.told.insert(event.id.clone()) {
                let text = event.message.clone();
                events.push(Event::Line { source: Source::ServiceEvent, text });
            }
        }
        events
    }

    fn decide(&mut self, elapsed: Duration, state: &ServiceState) -> Option<Ending> {
        let is_new = self.seen.is_none() && elapsed < UNLISTED;
        match state.standing {
            Standing::Active => {}
            Standing::Gone if is_new => return None,
            Standing::Gone => {
                return Some(Ending::Stopped { how: "it was deleted".to_owned(), back: None });
            }
            Standing::Draining => {
                return Some(Ending::Stopped { how: "it is being deleted".to_owned(), back: None });
            }
        }
        let primary = state.primary().filter(|primary| primary.id != self.deployment);
        if let Some(record) = &state.record {
            match self.by_record(elapsed, record, state) {
                record::Said::End(ending) => return Some(ending),
                record::Said::Wait => return self.is_over(elapsed).then_some(Ending::TimedOut),
                record::Said::Nothing => {}
            }
        }
        // Where there is a record, it alone tells a success, and in time the rest as well.
        let has_record = state.record.is_some();
        let ours = state.deployment(&self.deployment);
        if self.failure.is_none() {
            match (ours, primary) {
                (Some(_), Some(_)) if has_record && !self.is_replaced_for_long(elapsed) => {}
                (Some(_), None) if has_record => {}
                (Some(ours), None) if self.completed && ours.running >= ours.desired => {
                    return Some(Ending::Succeeded);
                }
                // Its tasks may be gone by now, but it was complete before it was replaced.
                (Some(_), Some(_)) if self.completed && !has_record => {
                    return Some(Ending::Succeeded);
                }
                (Some(_), Some(primary)) => {
                    if let Some(ending) = self.replaced(elapsed, primary, state) {
                        return Some(ending);
                    }
                }
                (None, Some(primary)) if elapsed.saturating_sub(self.listed_at) >= UNLISTED => {
                    let is_complete = self.said(state, "deployment completed").is_some();
                    if !has_record && (self.completed || is_complete) {
                        return Some(Ending::Succeeded);
                    }
                    if let Some(why) = self.said(state, "deployment failed") {
                        self.fail(elapsed, why);
                    } else if let Some(ending) = self.replaced(elapsed, primary, state) {
                        return Some(ending);
                    }
                }
                _ => {}
            }
        }
        if self.failure.is_some() {
            return self.after_failure(elapsed, primary, state);
        }
        if let Some(ending) = self.unanswered(elapsed) {
            return Some(ending);
        }
        self.is_over(elapsed).then_some(Ending::TimedOut)
    }

    /// Whether a reason speaks of a person, and that was not this run.
    fn is_by_hand(&self, reason: &str) -> bool {
        !self.giving_up.asked_back() && is_by_hand(reason)
    }

    /// Whether another deployment has been the primary one for longer than ECS's two answers differ.
    fn is_replaced_for_long(&mut self, elapsed: Duration) -> bool {
        elapsed.saturating_sub(*self.replaced_since.get_or_insert(elapsed)) >= UNLISTED
    }
}

fn superseded(by: &Deployment) -> Ending {
    Ending::Superseded { by: by.id.clone(), task_definition: by.task_definition.clone() }
}

/// Whether a reason speaks of a person who stopped the deployment. AWS does not document the words.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stop-service-deployment.html>
fn is_by_hand(reason: &str) -> bool {
    let reason = reason.to_lowercase();
    ["by user", "by a user", "user request", "stopped by"].iter().any(|it| reason.contains(it))
}

/// `web:7`, from a task definition's ARN.
pub fn revision(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(_, revision)| revision)
}

#[cfg(test)]
mod tests;
