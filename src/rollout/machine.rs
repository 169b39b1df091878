//! The rollout as a state machine over observations: no clock, no client.

use super::state::{Deployment, ServiceState};
use crate::event::{Event, RolloutState, Source};
use std::{collections::BTreeSet, time::Duration};

/// How long a service may go on telling only of what was before this deployment.
const READS_SETTLE: Duration = Duration::from_secs(30);
/// How long after a failure ECS may take to begin the rollback.
const ROLLBACK_BEGINS: Duration = Duration::from_secs(60);

/// How the deployment ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It is complete.
    Succeeded,
    /// It failed, and ECS went back.
    RolledBack {
        /// ECS's words.
        reason: String,
        /// Whether the version before is all there again.
        is_back: bool,
    },
    /// It failed, and nothing took its place.
    Failed {
        /// ECS's words.
        reason: String,
    },
    /// Someone stopped it, or deleted the service.
    Stopped {
        /// What happened.
        reason: String,
    },
    /// Someone started another one.
    Superseded {
        /// That one's id.
        by: String,
    },
    /// The time is up.
    TimedOut,
}

/// One deployment, as far as it was seen.
#[derive(Debug)]
pub struct Rollout {
    deployment: String,
    /// As it was seen last.
    last: Option<Deployment>,
    /// Whether there was another deployment to go back to.
    has_previous: bool,
    failed_at: Option<Duration>,
    seen: BTreeSet<String>,
    /// The service's events since the deployment began.
    messages: Vec<String>,
}

impl Rollout {
    /// The deployment of this id, of which nothing is known yet.
    pub fn new(deployment: &str) -> Self {
        Self {
            deployment: deployment.to_owned(),
            last: None,
            has_previous: false,
            failed_at: None,
            seen: BTreeSet::new(),
            messages: Vec::new(),
        }
    }

    /// The deployment as it was seen last.
    pub const fn last(&self) -> Option<&Deployment> {
        self.last.as_ref()
    }

    /// The service's events since the deployment began, the newest last.
    pub fn messages(&self) -> &[String] {
        &self.messages
    }

    /// Takes one observation; returns what is new to tell, and the end if there is one.
    pub fn observe(&mut self, now: Duration, state: &ServiceState) -> (Vec<Event>, Option<End>) {
        let ours = state.deployments.iter().find(|found| found.id == self.deployment);
        if let Some(ours) = ours {
            self.last = Some(ours.clone());
            let older = |other: &Deployment| other.created_at < ours.created_at;
            self.has_previous |= state.deployments.iter().any(older);
        }
        let mut news = self.new_events(state);
        if let Some(ours) = ours {
            news.push(Event::Rollout(RolloutState {
                deployment: ours.id.clone(),
                desired: ours.desired,
                running: ours.running,
                pending: ours.pending,
                failed: ours.failed,
                elapsed: now,
            }));
        }
        (news, self.end(now, state, ours))
    }

    /// How it ended when the time was up before ECS was done.
    pub fn time_is_up(&self) -> End {
        match (&self.last, self.failed_at) {
            (Some(last), Some(_)) if self.has_previous => {
                End::RolledBack { reason: last.reason.clone(), is_back: false }
            }
            _ => End::TimedOut,
        }
    }

    fn new_events(&mut self, state: &ServiceState) -> Vec<Event> {
        let Some(began) = self.last.as_ref().map(|ours| ours.created_at) else { return Vec::new() };
        let mut events: Vec<_> = state
            .events
            .iter()
            // ECS's clocks are not one clock.
            .filter(|event| event.at >= began - 1.0 && !self.seen.contains(&event.id))
            .collect();
        events.sort_by(|one, other| one.at.total_cmp(&other.at));
        let mut news = Vec::new();
        for event in events {
            self.seen.insert(event.id.clone());
            self.messages.push(event.message.clone());
            let (source, text) = (Source::ServiceEvent, event.message.clone());
            news.push(Event::Line { source, text });
        }
        news
    }

    fn end(&mut self, now: Duration, state: &ServiceState, ours: Option<&Deployment>) -> Option<End> {
        if let Some(ours) = ours
            && ours.rollout_state == "COMPLETED"
        {
            return Some(End::Succeeded);
        }
        if state.status == "DRAINING" || state.status == "INACTIVE" {
            let reason = "the service was deleted while it was rolled out".to_owned();
            return Some(End::Stopped { reason });
        }
        let primary = state.deployments.iter().find(|found| found.status == "PRIMARY");
        let newer = primary.filter(|found| found.id != self.deployment);
        let has_failed = ours.is_some_and(|ours| ours.rollout_state == "FAILED");
        if has_failed {
            self.failed_at.get_or_insert(now);
        }
        match (newer, ours) {
            (Some(newer), _) if has_failed || is_rollback(newer) => self.going_back(newer),
            (Some(newer), Some(_)) => Some(End::Superseded { by: newer.id.clone() }),
            // Reads may lag behind the call that started the deployment.
            (Some(newer), None) if self.last.is_some() || now >= READS_SETTLE => {
                Some(End::Superseded { by: newer.id.clone() })
            }
            (None, Some(ours)) if has_failed => {
                let since = now.saturating_sub(self.failed_at.unwrap_or(now));
                let is_over = !self.has_previous || since >= ROLLBACK_BEGINS;
                is_over.then(|| End::Failed { reason: ours.reason.clone() })
            }
            _ => None,
        }
    }

    /// The rollback is followed too, so that what is said of the version before is true.
    fn going_back(&mut self, back: &Deployment) -> Option<End> {
        let by_hand = self.failed_at.is_none() && !back.reason.contains("circuit breaker");
        let reason = match &self.last {
            Some(last) if !by_hand && !last.reason.is_empty() => last.reason.clone(),
            _ => back.reason.clone(),
        };
        match back.rollout_state.as_str() {
            _ if by_hand => Some(End::Stopped { reason }),
            "COMPLETED" => Some(End::RolledBack { reason, is_back: true }),
            "FAILED" => Some(End::Failed { reason }),
            _ => {
                self.failed_at.get_or_insert(Duration::ZERO);
                self.has_previous = true;
                None
            }
        }
    }
}

/// ECS's words for a deployment that it started itself: "ECS deployment circuit breaker: rolling back
/// to deploymentId ecs-svc/…".
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html>
fn is_rollback(deployment: &Deployment) -> bool {
    let reason = deployment.reason.to_ascii_lowercase();
    reason.contains("rolling back") || reason.contains("rolled back")
}
