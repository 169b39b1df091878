//! Looks at the rollout: at ECS's own record of it where ECS keeps one, and at the service's deployments
//! where it does not (older partitions, emulators).

use super::{
    Target,
    service_deployment::{self, Listed, ServiceDeployment, read},
    state::{self, ServiceState, at_once},
};
use crate::{
    aws::{Reader, explain::Failure},
    event::{Event, Events},
};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

/// How old the service's own state may be while its record says that nothing has changed.
const SERVICE_AGE: Duration = Duration::from_secs(3);
/// Looks in which a deployment has no record, after which it is taken to have none.
const TRIES: u32 = 10;

/// Whether ECS keeps records of deployments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Records {
    /// It was not asked often enough.
    Unknown { tries: u32 },
    /// It does not, or does not show them; it is not asked again.
    Absent,
}

/// The looks at one rollout, and what they remember of each other.
#[derive(Debug)]
pub struct Looks<'a> {
    aws: &'a Reader,
    target: &'a Target,
    records: Records,
    /// The record's ARN, once it is known.
    record: Option<String>,
    /// The task definitions of service revisions, which never change.
    task_definitions: BTreeMap<String, String>,
    last: Option<(Instant, ServiceState)>,
    /// Who is told of a record that may not be read.
    events: Option<&'a Events>,
}

impl<'a> Looks<'a> {
    /// Nothing was looked at yet.
    pub fn new(aws: &'a Reader, target: &'a Target) -> Self {
        Self {
            aws,
            target,
            records: Records::Unknown { tries: 0 },
            record: target.asked_back.clone(),
            task_definitions: BTreeMap::new(),
            last: None,
            events: None,
        }
    }

    /// Tells them where a record may not be read.
    #[must_use]
    pub fn telling(self, events: &'a Events) -> Self {
        Self { events: Some(events), ..self }
    }

    /// Looks once. Nothing is remembered of a look that is given up half-way.
    pub async fn look(&mut self) -> Result<ServiceState, Failure> {
        if let Some(arn) = self.record.clone() {
            return self.with_record(&arn).await;
        }
        if self.records == Records::Absent {
            return state::read(self.aws, self.target).await;
        }
        let of = (self.target.cluster.as_str(), self.target.service.as_str());
        let (service, listed) = tokio::join!(
            biased;
            state::read(self.aws, self.target),
            read::list(self.aws, of, &[], at_once())
        );
        let mut service = service?;
        match listed {
            Ok(listed) => service.record = self.find(&service, &listed).await,
            Err(failure) => self.doubt(&failure),
        }
        self.last = Some((Instant::now(), service.clone()));
        Ok(service)
    }

    const fn unmatched(&mut self) {
        self.records = match self.records {
            Records::Unknown { tries } if tries < TRIES => Records::Unknown { tries: tries + 1 },
            _ => Records::Absent,
        };
    }

    /// A refusal is an answer for the whole run; anything else is for this look alone.
    fn doubt(&mut self, failure: &Failure) {
        if is_absent(failure) {
            self.records = Records::Absent;
        }
        if let (true, Some(events)) = (failure.is_denied(), self.events) {
            let problem = failure.problem();
            let without = "the rollout is followed by what the service says of it";
            events.send(Event::Warning(problem.found(without).to_string()));
        }
    }

    async fn find(
        &mut self,
        service: &ServiceState,
        listed: &[Listed],
    ) -> Option<ServiceDeployment> {
        let ours = service.deployment(&self.target.deployment)?;
        let near = service_deployment::near(ours, listed);
        let revisions: Vec<_> = near.iter().map(|it| it.revision.as_str()).collect();
        if let Err(failure) = self.resolve(&revisions).await {
            self.doubt(&failure);
            return None;
        }
        let Some(found) = service_deployment::matching(ours, listed, &self.task_definitions) else {
            self.unmatched();
            return None;
        };
        let found = found.arn.clone();
        match self.describe(&found).await {
            Ok(record) => {
                self.record = Some(found);
                record
            }
            Err(failure) => {
                self.doubt(&failure);
                None
            }
        }
    }

    /// The record first: it says how it ends. The service is looked at when the record has changed, and
    /// now and then for its events; a success needs neither.
    async fn with_record(&mut self, arn: &str) -> Result<ServiceState, Failure> {
        let record = self.describe(arn).await?;
        let is_success =
            record.as_ref().is_some_and(|it| it.status == service_deployment::Status::Successful);
        if let Some((at, last)) = &self.last {
            let is_same = last.record == record && at.elapsed() < SERVICE_AGE;
            if is_same || is_success {
                return Ok(ServiceState { record, ..last.clone() });
            }
        }
        let service = ServiceState { record, ..state::read(self.aws, self.target).await? };
        self.last = Some((Instant::now(), service.clone()));
        Ok(service)
    }

    async fn describe(&mut self, arn: &str) -> Result<Option<ServiceDeployment>, Failure> {
        let found = read::describe(self.aws, arn, at_once()).await?;
        let Some(record) = found else { return Ok(None) };
        let revisions: Vec<_> = record.revisions().collect();
        // The names of versions are for the report; nothing is decided by them.
        drop(self.resolve(&revisions).await);
        Ok(Some(record.with(&self.task_definitions)))
    }

    /// Finds out which task definitions these service revisions are of.
    async fn resolve(&mut self, revisions: &[&str]) -> Result<(), Failure> {
        let new = |arn: &&&str| !self.task_definitions.contains_key(**arn);
        let new: Vec<_> = revisions.iter().filter(new).map(|arn| (*arn).to_owned()).collect();
        if !new.is_empty() {
            let found = read::task_definitions(self.aws, new, at_once()).await?;
            self.task_definitions.extend(found);
        }
        Ok(())
    }
}

/// Whether the answer means that there are no records to be had here: the operation is not known, or
/// not allowed. A throttle, a fault of the service and no answer say nothing about that.
fn is_absent(failure: &Failure) -> bool {
    const PASSING: [&str; 11] = [
        "Throttling",
        "RequestLimitExceeded",
        "TooManyRequests",
        "Server",
        "ServiceUnavailable",
        "InternalFailure",
        "InternalError",
        "ServiceNotFound",
        "ClusterNotFound",
        "ExpiredToken",
        "RequestExpired",
    ];
    let Some(code) = &failure.code else { return false };
    let is_gateway = ["HTTP 429", "HTTP 502", "HTTP 503", "HTTP 504"].contains(&code.as_str());
    !is_gateway && !PASSING.iter().any(|passing| failure.is(passing))
}

#[cfg(test)]
mod tests;
