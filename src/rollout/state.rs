//! What DescribeServices says about a service, as plain data.

use super::{Target, details::Details, service_deployment::ServiceDeployment};
use crate::aws::{
    Reader,
    explain::{Explain as _, Failure},
};
use aws_config::retry::RetryConfig;
use aws_sdk_ecs::types::{self, DeploymentRolloutState, Service};
use aws_smithy_types::DateTime;

/// One look at the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceState {
    /// Whether it is there.
    pub standing: Standing,
    /// Whether ECS brings the last version back when a deployment fails.
    pub rolls_back: bool,
    /// The deployments that ECS still lists.
    pub deployments: Vec<Deployment>,
    /// At most the last hundred events, the oldest first.
    pub events: Vec<ServiceEvent>,
    /// The ARNs of the target groups in which tasks are registered.
    pub target_groups: Vec<String>,
    /// ECS's own record of the deployment that is followed, where ECS keeps one.
    pub record: Option<ServiceDeployment>,
    /// Tasks and targets, as they were looked at last.
    pub details: Details,
}

/// Whether a service is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is.
    Active,
    /// It was deleted, and its tasks are being stopped.
    Draining,
    /// ECS does not know it, or only remembers it.
    Gone,
}

/// One deployment of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// `ecs-svc/1234567890123456789`.
    pub id: String,
    /// Whether it is the one that ECS works towards.
    pub is_primary: bool,
    /// How far it is.
    pub progress: Progress,
    /// ECS's words about that; may be empty.
    pub reason: String,
    /// The ARN of the revision that it runs.
    pub task_definition: String,
    /// Tasks that should run.
    pub desired: i32,
    /// Tasks that run.
    pub running: i32,
    /// Tasks that start.
    pub pending: i32,
    /// Tasks that failed in a row.
    pub failed: i32,
    /// When it was started, by ECS's clock.
    pub created_at: DateTime,
}

/// How far a deployment is.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// `IN_PROGRESS`, and whatever ECS may come to say besides the other two.
    InProgress,
    /// `COMPLETED`: the service has been steady with it.
    Completed,
    /// `FAILED`: the circuit breaker or an alarm has ended it.
    Failed,
}

/// Something that ECS says has happened to the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceEvent {
    /// Unique.
    pub id: String,
    /// When, by ECS's clock.
    pub created_at: DateTime,
    /// ECS's words.
    pub message: String,
}

impl ServiceState {
    /// What is seen where ECS has no such service.
    pub const fn missing() -> Self {
        Self {
            standing: Standing::Gone,
            rolls_back: false,
            deployments: Vec::new(),
            events: Vec::new(),
            target_groups: Vec::new(),
            record: None,
            details: Details::none(),
        }
    }

    /// The deployment with this id, if ECS still lists it.
    pub fn deployment(&self, id: &str) -> Option<&Deployment> {
        self.deployments.iter().find(|deployment| deployment.id == id)
    }

    /// The deployment that ECS works towards.
    pub fn primary(&self) -> Option<&Deployment> {
        self.deployments.iter().find(|deployment| deployment.is_primary)
    }
}

/// A look is tried once: the next one comes in a second and knows more than a second attempt.
pub fn at_once() -> aws_sdk_ecs::config::Builder {
    aws_sdk_ecs::Config::builder().retry_config(RetryConfig::disabled())
}

/// A question that is asked once is tried as often as every other call.
pub fn as_usual() -> aws_sdk_ecs::config::Builder {
    aws_sdk_ecs::Config::builder()
}

/// Looks at the service.
pub async fn read(aws: &Reader, target: &Target) -> Result<ServiceState, Failure> {
    let Target { cluster, service, .. } = target;
    let found = aws
        .ecs
        .describe_services()
        .cluster(cluster)
        .services(service)
        .customize()
        .config_override(at_once())
        .send()
        .await
        .explain("ecs:DescribeServices", format!("service {service} in cluster {cluster}"));
    match found {
        Err(failure) if failure.is("ClusterNotFound") => Ok(ServiceState::missing()),
        Err(failure) => Err(failure),
        Ok(found) => Ok(found.services().first().map_or_else(ServiceState::missing, normal)),
    }
}

fn normal(service: &Service) -> ServiceState {
    let configuration = service.deployment_configuration();
    let breaker = configuration.and_then(|it| it.deployment_circuit_breaker());
    let alarms = configuration.and_then(|it| it.alarms());
    // ECS lists the newest first, and events of one moment in that order too.
    let mut events: Vec<_> = service.events().iter().rev().filter_map(event).collect();
    events.sort_by_key(|event| event.created_at);
    ServiceState {
        standing: match service.status() {
            Some("INACTIVE") => Standing::Gone,
            Some("DRAINING") => Standing::Draining,
            _ => Standing::Active,
        },
        rolls_back: breaker.is_some_and(|it| it.enable() && it.rollback())
            || alarms.is_some_and(|it| it.enable() && it.rollback()),
        deployments: service.deployments().iter().map(deployment).collect(),
        events,
        target_groups: service.load_balancers().iter().flat_map(target_groups).collect(),
        record: None,
        details: Details::none(),
    }
}

/// The one in which tasks are registered, and the one to which the requests may move.
fn target_groups(found: &types::LoadBalancer) -> Vec<String> {
    let alternate = found.advanced_configuration().and_then(|it| it.alternate_target_group_arn());
    found.target_group_arn().into_iter().chain(alternate).map(str::to_owned).collect()
}

fn deployment(found: &types::Deployment) -> Deployment {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    Deployment {
        id: text(found.id()),
        is_primary: found.status() == Some("PRIMARY"),
        progress: match found.rollout_state() {
            Some(DeploymentRolloutState::Completed) => Progress::Completed,
            Some(DeploymentRolloutState::Failed) => Progress::Failed,
            _ => Progress::InProgress,
        },
        reason: text(found.rollout_state_reason()),
        task_definition: text(found.task_definition()),
        desired: found.desired_count(),
        running: found.running_count(),
        pending: found.pending_count(),
        failed: found.failed_tasks(),
        created_at: found.created_at().copied().unwrap_or_else(|| DateTime::from_secs(0)),
    }
}

fn event(found: &types::ServiceEvent) -> Option<ServiceEvent> {
    Some(ServiceEvent {
        id: found.id()?.to_owned(),
        created_at: *found.created_at()?,
        message: found.message()?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ecs::types::{DeploymentAlarms, DeploymentCircuitBreaker, DeploymentConfiguration};

    fn event_at(id: &str, seconds: i64) -> types::ServiceEvent {
        types::ServiceEvent::builder()
            .id(id)
            .created_at(DateTime::from_secs(seconds))
            .message(id)
            .build()
    }

    #[test]
    fn events_come_oldest_first_whatever_their_order() {
        let service = Service::builder()
            .events(event_at("b", 2))
            .events(event_at("d", 3))
            .events(event_at("c", 3))
            .events(event_at("a", 1))
            .build();
        let ids: Vec<_> = normal(&service).events.into_iter().map(|event| event.id).collect();
        assert_eq!(ids, ["a", "b", "c", "d"]);
    }

    #[test]
    fn an_alarm_rolls_back_as_the_breaker_does() {
        let breaker = DeploymentCircuitBreaker::builder().enable(true).rollback(false).build();
        let alarms = |rollback| {
            let names = Some(vec!["5xx".to_owned()]);
            let alarms =
                DeploymentAlarms::builder().set_alarm_names(names).enable(true).rollback(rollback);
            let configuration = DeploymentConfiguration::builder()
                .deployment_circuit_breaker(breaker.clone())
                .alarms(alarms.build().expect("names are given"));
            Service::builder().deployment_configuration(configuration.build()).build()
        };
        assert!(normal(&alarms(true)).rolls_back);
        assert!(!normal(&alarms(false)).rolls_back);
    }

    #[test]
    fn a_deleted_service_is_draining_and_then_gone() {
        let standing = |status| normal(&Service::builder().status(status).build()).standing;
        assert_eq!(standing("ACTIVE"), Standing::Active);
        assert_eq!(standing("DRAINING"), Standing::Draining);
        assert_eq!(standing("INACTIVE"), Standing::Gone);
    }
}
