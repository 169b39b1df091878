//! What ECS's own record of the deployment says, where ECS keeps one.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html>

use super::{
    super::{
        service_deployment::{ServiceDeployment, Status},
        state::{Progress, ServiceState},
    },
    Ending, Instead, ROLLBACK_ENDS, Rollout, superseded,
};
use std::time::Duration;

/// How long a stop may be without an explanation, while DescribeServices does not show yet what the
/// record knows.
const UNEXPLAINED: Duration = Duration::from_secs(5);

/// What a record comes to.
pub(super) enum Said {
    /// The end.
    End(Ending),
    /// The end comes, and nothing else decides.
    Wait,
    /// It goes on.
    Nothing,
}

impl Rollout {
    pub(super) fn by_record(
        &mut self,
        elapsed: Duration,
        record: &ServiceDeployment,
        state: &ServiceState,
    ) -> Said {
        let said = match record.status {
            Status::Underway => Said::Nothing,
            Status::Successful if self.runs_as_asked(state) => Said::End(Ending::Succeeded),
            Status::Successful => Said::Wait,
            Status::StopRequested | Status::Stopped => self.stopped(elapsed, record, state),
            Status::RollbackRequested
            | Status::RollingBack
            | Status::RolledBack
            | Status::RollbackFailed => self.rolled_back(elapsed, record, state),
        };
        self.was_underway |= !record.is_final();
        said
    }

    /// A record that was a success before anybody looked may be that of an earlier deployment which only
    /// gets more tasks.
    fn runs_as_asked(&self, state: &ServiceState) -> bool {
        let ours = state.deployment(&self.deployment);
        self.was_underway || ours.is_none_or(|ours| ours.running >= ours.desired)
    }

    fn stopped(
        &mut self,
        elapsed: Duration,
        record: &ServiceDeployment,
        state: &ServiceState,
    ) -> Said {
        let newer = state.primary().filter(|primary| primary.id != self.deployment);
        let newer = newer.filter(|newer| {
            self.began().is_none_or(|began| newer.created_at > began)
                && !self.is_rollback(newer, state)
        });
        let ours = state.deployment(&self.deployment);
        let reason = record.why().to_owned();
        match (&self.failure, newer) {
            (Some(failure), _) if failure.rollback.is_some() => {
                return Said::End(self.back(&reason, false));
            }
            (Some(_), Some(newer)) => {
                let instead = Some(Instead::Newer(newer.id.clone()));
                return Said::End(Ending::Failed { reason, instead });
            }
            (None, Some(newer)) => return Said::End(superseded(newer)),
            _ => {}
        }
        let has_failed = self.failure.is_some()
            || record.is_failed_by_ecs()
            || ours.is_some_and(|ours| ours.progress == Progress::Failed);
        if has_failed {
            self.fail(elapsed, &reason);
        }
        if record.status == Status::StopRequested {
            return Said::Wait;
        }
        if has_failed {
            return Said::End(Ending::Failed { reason, instead: Some(Instead::NotAskedFor) });
        }
        let since = *self.unexplained_since.get_or_insert(elapsed);
        if !super::is_by_hand(&reason) && elapsed.saturating_sub(since) < UNEXPLAINED {
            return Said::Wait;
        }
        let how = if reason.is_empty() {
            "ECS says neither by whom nor why".to_owned()
        } else {
            format!("ECS says: {reason}")
        };
        Said::End(Ending::Stopped { how, back: None })
    }

    fn rolled_back(
        &mut self,
        elapsed: Duration,
        record: &ServiceDeployment,
        state: &ServiceState,
    ) -> Said {
        let reason = record.why().to_owned();
        let is_asked = record.status == Status::RollbackRequested
            || !record.is_failed_by_ecs() && super::is_by_hand(&reason);
        if is_asked && self.failure.is_none() && !self.giving_up.asked_back() {
            self.by_hand = Some(String::new());
        }
        if let Some(how) = &mut self.by_hand
            && !reason.is_empty()
        {
            how.clone_from(&reason);
        }
        self.fail(elapsed, &reason);
        let to = self.returns_to(record, state);
        let failure = self.failure.as_mut().expect("it was just noted");
        let (known, since) = failure.rollback.get_or_insert_with(|| (to.clone(), elapsed));
        if !to.is_empty() {
            *known = to;
        }
        let is_long = elapsed.saturating_sub(*since) >= ROLLBACK_ENDS;
        match record.status {
            Status::RolledBack => Said::End(self.back(&reason, true)),
            Status::RollbackFailed => {
                Said::End(Ending::Failed { reason, instead: Some(Instead::FailedToo) })
            }
            _ if self.returns => Said::Wait,
            _ if is_long || self.is_over(elapsed) => Said::End(self.back(&reason, false)),
            _ => Said::Wait,
        }
    }

    /// The end of a deployment that is rolled back: whoever asked for it has stopped it.
    fn back(&self, reason: &str, is_back: bool) -> Ending {
        let rollback = self.failure.as_ref().and_then(|failure| failure.rollback.as_ref());
        let to = rollback.map(|(to, _)| to.clone()).unwrap_or_default();
        match &self.by_hand {
            Some(how) if how.is_empty() => Ending::Stopped {
                how: "somebody asked ECS to roll it back".to_owned(),
                back: Some((to, is_back)),
            },
            Some(how) => {
                Ending::Stopped { how: format!("ECS says: {how}"), back: Some((to, is_back)) }
            }
            None => Ending::RolledBack { reason: reason.to_owned(), to, is_back },
        }
    }

    /// What is returned to: as the record has it, as the service shows it, or what ran before.
    fn returns_to(&self, record: &ServiceDeployment, state: &ServiceState) -> String {
        let recorded = record.rollback.as_ref().and_then(|it| it.task_definition.clone());
        let primary = state.primary().filter(|primary| primary.id != self.deployment);
        recorded
            .or_else(|| primary.map(|primary| primary.task_definition.clone()))
            .or_else(|| self.previous.values().next_back().cloned())
            .unwrap_or_default()
    }
}
