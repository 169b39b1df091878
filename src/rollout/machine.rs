//! Decides how a rollout ends: a state machine over looks at the service, without a clock or a client.
//!
//! It follows one deployment by its id. "The service is stable" says nothing: a service is stable after
//! a rollback too, and after somebody else's deployment.

use super::state::{Deployment, Progress, ServiceState, Standing};
use crate::event::{Event, RolloutState, Source};
use aws_smithy_types::DateTime;
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
const ROLLBACK_ENDS: Duration = Duration::from_secs(180);

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
    },
    /// A newer deployment has taken its place while it was going on.
    Superseded {
        /// That deployment's id.
        by: String,
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
        }
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
        let mut events = self.new_service_events(state);
        let was_rolling_back = self.is_rolling_back();
        let ending = self.decide(elapsed, state);
        if let (Some(failure), false) = (&self.failure, was_rolling_back)
            && let Some((to, _)) = &failure.rollback
        {
            let text = format!("the rollout failed, ECS returns to `{}`", revision(to));
            events.push(Event::Warning(text));
        }
        events.extend(self.progress(elapsed, state));
        (events, ending)
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

    /// How far the deployment is, or that which a rollback has made the primary one.
    fn progress(&self, elapsed: Duration, state: &ServiceState) -> Option<Event> {
        let shown = if self.is_rolling_back() {
            state.primary()?
        } else {
            state.deployment(&self.deployment)?
        };
        Some(Event::Rollout(RolloutState {
            deployment: shown.id.clone(),
            desired: shown.desired,
            running: shown.running,
            pending: shown.pending,
            failed: shown.failed,
            elapsed,
        }))
    }

    fn decide(&mut self, elapsed: Duration, state: &ServiceState) -> Option<Ending> {
        let is_new = self.seen.is_none() && elapsed < UNLISTED;
        match state.standing {
            Standing::Active => {}
            Standing::Gone if is_new => return None,
            Standing::Gone => return Some(Ending::Stopped { how: "it was deleted".to_owned() }),
            Standing::Draining => {
                return Some(Ending::Stopped { how: "it is being deleted".to_owned() });
            }
        }
        let ours = state.deployment(&self.deployment);
        let primary = state.primary().filter(|primary| primary.id != self.deployment);
        if self.failure.is_none() {
            match (ours, primary) {
                (Some(ours), None) if self.completed && ours.running >= ours.desired => {
                    return Some(Ending::Succeeded);
                }
                // Its tasks may be gone by now, but it was complete before it was replaced.
                (Some(_), Some(_)) if self.completed => return Some(Ending::Succeeded),
                (Some(_), Some(primary)) => {
                    if let Some(ending) = self.replaced(elapsed, primary, state) {
                        return Some(ending);
                    }
                }
                (None, Some(primary)) if elapsed.saturating_sub(self.listed_at) >= UNLISTED => {
                    if self.completed || self.is_said(state, "deployment completed") {
                        return Some(Ending::Succeeded);
                    }
                    if self.is_said(state, "deployment failed") {
                        self.fail(elapsed, "the deployment failed");
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
        self.is_over(elapsed).then_some(Ending::TimedOut)
    }

    /// Another deployment is the primary one, and this one has neither completed nor failed: either it
    /// fails and ECS has not noted that yet, or somebody has started a newer one.
    fn replaced(
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
            return Some(Ending::Superseded { by: newer.id.clone() });
        }
        if !self.is_rollback(primary, state) {
            return Some(Ending::Superseded { by: primary.id.clone() });
        }
        let ours = state.deployment(&self.deployment).map_or("", |ours| &ours.reason);
        if let Some(how) = [ours, &primary.reason].into_iter().find(|reason| is_by_hand(reason)) {
            return Some(Ending::Stopped { how: format!("ECS says: {how}") });
        }
        self.fail(elapsed, &primary.reason);
        None
    }

    fn after_failure(
        &mut self,
        elapsed: Duration,
        primary: Option<&Deployment>,
        state: &ServiceState,
    ) -> Option<Ending> {
        let rollback = primary.filter(|primary| self.is_rollback(primary, state));
        let is_over = self.is_over(elapsed);
        let failure = self.failure.as_mut()?;
        let reason = failure.reason.clone();
        if is_by_hand(&reason) {
            return Some(Ending::Stopped { how: format!("ECS says: {reason}") });
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
    fn is_rollback(&self, primary: &Deployment, state: &ServiceState) -> bool {
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

    /// Whether an event says this of the deployment: `(service web) (deployment ecs-svc/…) deployment
    /// completed.` The id is unique, so the event's age does not matter.
    fn is_said(&self, state: &ServiceState, words: &str) -> bool {
        let deployment = format!("(deployment {})", self.deployment);
        state.events.iter().any(|event| {
            event.message.split_once(&deployment).is_some_and(|(_, rest)| rest.contains(words))
        })
    }
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
mod tests {
    use super::{super::state::ServiceEvent, *};
    use std::fmt::Write as _;

    const OURS: &str = "ecs-svc/2";
    const BREAKER: &str = "ECS deployment circuit breaker: tasks failed to start.";
    const ROLLING_BACK: &str =
        "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1.";

    fn deployment(id: &str, status: &str, created_at: i64, running: i32) -> Deployment {
        let (status, state) = status.split_once(' ').expect("a status and a state");
        let number = id.rsplit('/').next().expect("a number");
        Deployment {
            id: id.to_owned(),
            is_primary: status == "PRIMARY",
            progress: match state {
                "COMPLETED" => Progress::Completed,
                "FAILED" => Progress::Failed,
                _ => Progress::InProgress,
            },
            reason: String::new(),
            task_definition: format!("arn:aws:ecs:eu-west-1:1:task-definition/web:{number}"),
            desired: 2,
            running,
            pending: 0,
            failed: 0,
            created_at: DateTime::from_secs(created_at),
        }
    }

    fn because(mut deployment: Deployment, reason: &str) -> Deployment {
        reason.clone_into(&mut deployment.reason);
        deployment
    }

    fn revision_of(mut deployment: Deployment, number: u8) -> Deployment {
        deployment.task_definition =
            format!("arn:aws:ecs:eu-west-1:1:task-definition/web:{number}");
        deployment
    }

    fn old(status: &str, running: i32) -> Deployment {
        deployment("ecs-svc/1", status, 10, running)
    }

    fn ours(status: &str, running: i32) -> Deployment {
        deployment(OURS, status, 20, running)
    }

    fn state(deployments: &[Deployment]) -> ServiceState {
        ServiceState {
            standing: Standing::Active,
            rolls_back: true,
            deployments: deployments.to_vec(),
            events: Vec::new(),
            target_groups: Vec::new(),
        }
    }

    fn said(mut state: ServiceState, events: &[(i64, &str)]) -> ServiceState {
        state.events = events
            .iter()
            .map(|(at, message)| ServiceEvent {
                id: format!("{at}{message}"),
                created_at: DateTime::from_secs(*at),
                message: (*message).to_owned(),
            })
            .collect();
        state
    }

    /// One look a line, until the end.
    fn transcript(looks: Vec<(u64, ServiceState)>) -> String {
        let mut rollout = Rollout::new(OURS, Duration::from_secs(900));
        let mut text = String::new();
        for (seconds, state) in looks {
            let (events, ending) = rollout.observe(Duration::from_secs(seconds), &state);
            let mut line = format!("{seconds}s");
            for event in events {
                match event {
                    Event::Line { text, .. } => write!(line, " | {text}"),
                    Event::Warning(text) => write!(line, " | warning: {text}"),
                    Event::Rollout(now) => {
                        let RolloutState { deployment, running, desired, .. } = now;
                        write!(line, " | {deployment} {running}/{desired}")
                    }
                    other => write!(line, " | {other:?}"),
                }
                .expect("a string takes it");
            }
            let _ = writeln!(text, "{line}");
            if let Some(ending) = ending {
                let _ = write!(text, "{ending:?}");
                return text;
            }
        }
        text + "goes on"
    }

    #[test]
    fn completes() {
        let started = (21, "(service web) has started 2 tasks.");
        let before = (12, "(service web) has reached a steady state.");
        let steady = (60, "(service web) has reached a steady state.");
        let looks = vec![
            (
                0,
                said(
                    state(&[ours("PRIMARY IN_PROGRESS", 0), old("ACTIVE COMPLETED", 2)]),
                    &[before],
                ),
            ),
            (
                5,
                said(
                    state(&[ours("PRIMARY IN_PROGRESS", 2), old("ACTIVE COMPLETED", 2)]),
                    &[before, started],
                ),
            ),
            (40, said(state(&[ours("PRIMARY COMPLETED", 2)]), &[before, started, steady])),
        ];
        insta::assert_snapshot!(transcript(looks), @"");
    }

    #[test]
    fn repeated_events_are_told_once() {
        let (first, second) = ((21, "first"), (22, "second"));
        let looks = vec![
            (0, said(state(&[ours("PRIMARY IN_PROGRESS", 0)]), &[first])),
            (1, said(state(&[ours("PRIMARY IN_PROGRESS", 0)]), &[first, second])),
            (2, said(state(&[ours("PRIMARY IN_PROGRESS", 0)]), &[second])),
        ];
        insta::assert_snapshot!(transcript(looks), @"");
    }

    #[test]
    fn is_rolled_back_to_a_new_deployment_of_the_old_revision() {
        let rollback =
            |status, running| revision_of(deployment("ecs-svc/3", status, 90, running), 1);
        let failed = because(ours("ACTIVE FAILED", 0), BREAKER);
        let looks = vec![
            (0, state(&[ours("PRIMARY IN_PROGRESS", 0), old("ACTIVE COMPLETED", 2)])),
            // The failure is not noted yet, but the reason says what happens.
            (
                90,
                state(&[
                    because(rollback("PRIMARY IN_PROGRESS", 0), ROLLING_BACK),
                    ours("ACTIVE IN_PROGRESS", 0),
                    old("ACTIVE COMPLETED", 2),
                ]),
            ),
            (
                95,
                state(&[because(rollback("PRIMARY IN_PROGRESS", 1), ROLLING_BACK), failed.clone()]),
            ),
            (
                120,
                state(&[
                    because(
                        rollback("PRIMARY COMPLETED", 2),
                        "ECS deployment ecs-svc/3 completed.",
                    ),
                    failed,
                ]),
            ),
        ];
        insta::assert_snapshot!(transcript(looks), @"");
    }

    #[test]
    fn is_rolled_back_to_the_old_deployment_itself() {
        let failed = because(ours("ACTIVE FAILED", 0), BREAKER);
        let looks = vec![
            (0, state(&[ours("PRIMARY IN_PROGRESS", 0), old("ACTIVE COMPLETED", 2)])),
            (30, state(&[failed.clone(), old("PRIMARY IN_PROGRESS", 2)])),
            (35, state(&[failed, old("PRIMARY COMPLETED", 2)])),
        ];
        insta::assert_snapshot!(transcript(looks), @"");
    }

    #[test]
    fn a_rollback_that_was_over_between_two_looks_is_no_success() {
        let looks = vec![
            (0, state(&[ours("PRIMARY IN_PROGRESS", 0), old("ACTIVE COMPLETED", 2)])),
            (5, state(&[old("PRIMARY COMPLETED", 2)])),
            (20, state(&[old("PRIMARY COMPLETED", 2)])),
        ];
        insta::assert_snapshot!(transcript(looks), @"");
    }

    #[test]
    fn a_rollback_that_takes_long_is_not_waited_out() {
        let failed = because(ours("ACTIVE FAILED", 0), BREAKER);
        let back = state(&[failed, old("PRIMARY IN_PROGRESS", 1)]);
        let looks = vec![
            (0, state(&[ours("PRIMARY IN_PROGRESS", 0), old("ACTIVE COMPLETED", 2)])),
            (30, back.clone()),
            (209, back.clone()),
            (210, back),
        ];
        insta::assert_snapshot!(transcript(looks), @"");
    }

    #[test]
    fn a_rollback_that_fails_too() {
        let failed = because(ours("ACTIVE FAILED", 0), BREAKER);
        let looks = vec![
            (0, state(&[ours("PRIMARY IN_PROGRESS", 0), old("ACTIVE COMPLETED", 2)])),
            (30, state(&[failed.clone(), old("PRIMARY IN_PROGRESS", 1)])),
            (60, state(&[failed, old("PRIMARY FAILED", 0)])),
        ];
        insta::assert_snapshot!(transcript(looks), @"");
    }

    #[test]
    fn the_first_deployment_has_nothing_to_return_to() {
        let failed = state(&[because(ours("PRIMARY FAILED", 0), BREAKER)]);
        let looks = vec![
            (0, state(&[ours("PRIMARY IN_PROGRESS", 0)])),
            (60, failed.clone()),
            (74, failed.clone()),
            (75, failed),
        ];
        insta::assert_snapshot!(transcript(looks), @"");
    }

    #[test]
    fn without_rollback_a_failure_is_the_end() {
        let mut failed = state(&[because(ours("PRIMARY FAILED", 0), BREAKER)]);
        failed.rolls_back = false;
        insta::assert_snapshot!(transcript(vec![(60, failed)]), @"");
    }

    #[test]
    fn is_superseded_while_it_goes_on() {
        let newer = deployment("ecs-svc/3", "PRIMARY IN_PROGRESS", 50, 0);
        let looks = vec![
            (0, state(&[ours("PRIMARY IN_PROGRESS", 0), old("ACTIVE COMPLETED", 2)])),
            (30, state(&[newer, ours("ACTIVE IN_PROGRESS", 1), old("ACTIVE COMPLETED", 1)])),
        ];
        insta::assert_snapshot!(transcript(looks), @"");
    }

    #[test]
    fn somebody_who_deploys_the_old_revision_again_supersedes() {
        let newer = revision_of(deployment("ecs-svc/3", "PRIMARY IN_PROGRESS", 50, 0), 1);
        let looks = vec![
            (0, state(&[ours("PRIMARY IN_PROGRESS", 0), old("ACTIVE COMPLETED", 2)])),
            (30, state(&[newer, ours("ACTIVE IN_PROGRESS", 1), old("ACTIVE COMPLETED", 1)])),
        ];
        insta::assert_snapshot!(transcript(looks), @"");
    }

    #[test]
    fn what_is_rolled_back_may_be_the_deployment_that_superseded() {
        let newer = because(deployment("ecs-svc/3", "ACTIVE FAILED", 50, 0), BREAKER);
        let looks = vec![
            (0, state(&[ours("PRIMARY IN_PROGRESS", 0), old("ACTIVE COMPLETED", 2)])),
            (
                30,
                state(&[
                    because(old("PRIMARY IN_PROGRESS", 2), ROLLING_BACK),
                    newer,
                    ours("ACTIVE IN_PROGRESS", 0),
                ]),
            ),
        ];
        insta::assert_snapshot!(transcript(looks), @"");
    }

    #[test]
    fn a_newer_deployment_after_a_failure_does_not_hide_it() {
        let newer = deployment("ecs-svc/3", "PRIMARY IN_PROGRESS", 50, 0);
        let failed = because(ours("ACTIVE FAILED", 0), BREAKER);
        let looks =
            vec![(0, state(&[ours("PRIMARY IN_PROGRESS", 0)])), (30, state(&[newer, failed]))];
        insta::assert_snapshot!(transcript(looks), @"");
    }

    #[test]
    fn complete_before_it_was_replaced_is_a_success() {
        let newer = deployment("ecs-svc/3", "PRIMARY IN_PROGRESS", 50, 0);
        let looks = vec![
            (0, state(&[ours("PRIMARY IN_PROGRESS", 0)])),
            (30, state(&[newer, ours("ACTIVE COMPLETED", 1)])),
        ];
        insta::assert_snapshot!(transcript(looks), @"");
    }

    #[test]
    fn no_longer_listed_and_an_event_says_that_it_was_complete() {
        let newer = || state(&[deployment("ecs-svc/3", "PRIMARY COMPLETED", 50, 2)]);
        let event = [(40, "(service web) (deployment ecs-svc/2) deployment completed.")];
        let looks =
            vec![(0, state(&[ours("PRIMARY IN_PROGRESS", 0)])), (60, said(newer(), &event))];
        insta::assert_snapshot!(transcript(looks), @"");
    }

    #[test]
    fn no_longer_listed_and_an_event_says_that_it_failed() {
        let back = revision_of(deployment("ecs-svc/3", "PRIMARY COMPLETED", 50, 2), 1);
        let back = because(back, "ECS deployment ecs-svc/3 completed.");
        let events = [
            (40, "(service web) (deployment ecs-svc/2) deployment failed: tasks failed to start."),
            (40, "(service web) rolling back to deployment ecs-svc/3."),
        ];
        let looks = vec![
            (0, state(&[ours("PRIMARY IN_PROGRESS", 0)])),
            (60, said(state(&[back]), &events)),
        ];
        insta::assert_snapshot!(transcript(looks), @"");
    }

    #[test]
    fn not_listed_yet_is_waited_for() {
        let looks = vec![
            (0, ServiceState::missing()),
            (1, state(&[old("PRIMARY COMPLETED", 2)])),
            (2, state(&[ours("PRIMARY IN_PROGRESS", 0), old("ACTIVE COMPLETED", 2)])),
            (30, state(&[ours("PRIMARY COMPLETED", 2)])),
        ];
        insta::assert_snapshot!(transcript(looks), @"");
    }

    #[test]
    fn never_listed_was_superseded() {
        let newer = || state(&[deployment("ecs-svc/3", "PRIMARY COMPLETED", 50, 2)]);
        insta::assert_snapshot!(transcript(vec![(0, newer()), (10, newer())]), @"");
    }

    #[test]
    fn is_stopped_by_whoever_deletes_the_service() {
        let mut draining = state(&[ours("PRIMARY IN_PROGRESS", 0)]);
        draining.standing = Standing::Draining;
        insta::assert_snapshot!(
            transcript(vec![(0, state(&[ours("PRIMARY IN_PROGRESS", 0)])), (5, draining)]),
            @""
        );
        insta::assert_snapshot!(
            transcript(vec![(0, state(&[ours("PRIMARY IN_PROGRESS", 0)])), (5, ServiceState::missing())]),
            @""
        );
    }

    #[test]
    fn is_stopped_by_whoever_asks_for_the_rollback() {
        let reason = "Service deployment rolled back by user request.";
        let looks = vec![
            (0, state(&[ours("PRIMARY IN_PROGRESS", 0), old("ACTIVE COMPLETED", 2)])),
            (
                5,
                state(&[
                    because(old("PRIMARY IN_PROGRESS", 2), reason),
                    ours("ACTIVE IN_PROGRESS", 1),
                ]),
            ),
        ];
        insta::assert_snapshot!(transcript(looks), @"");
    }

    #[test]
    fn in_progress_is_no_success_even_when_all_tasks_run() {
        let running = state(&[ours("PRIMARY IN_PROGRESS", 2)]);
        insta::assert_snapshot!(
            transcript(vec![(0, running.clone()), (899, running.clone()), (900, running)]),
            @""
        );
    }

    #[test]
    fn complete_once_is_complete_when_the_tasks_run() {
        let looks = vec![
            (0, state(&[ours("PRIMARY COMPLETED", 0)])),
            (5, state(&[ours("PRIMARY COMPLETED", 1)])),
            (10, state(&[ours("PRIMARY IN_PROGRESS", 1)])),
            (15, state(&[ours("PRIMARY IN_PROGRESS", 2)])),
        ];
        insta::assert_snapshot!(transcript(looks), @"");
    }

    #[test]
    fn the_desired_count_may_change_on_the_way() {
        let scaled = |desired, status| {
            let mut ours = ours(status, 2);
            ours.desired = desired;
            state(&[ours])
        };
        let looks = vec![
            (0, scaled(2, "PRIMARY IN_PROGRESS")),
            (5, scaled(4, "PRIMARY IN_PROGRESS")),
            (9, scaled(0, "PRIMARY COMPLETED")),
        ];
        insta::assert_snapshot!(transcript(looks), @"");
    }
}
