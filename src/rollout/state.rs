//! What ECS says of a service at one moment, as plain data.

use crate::aws::{
    Reader,
    explain::{Explain as _, Failure},
};
use aws_sdk_ecs::types::Service;

/// The service at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServiceState {
    /// `ACTIVE`, `DRAINING`, `INACTIVE`.
    pub status: String,
    /// The deployments that are not over, and for a while some that are.
    pub deployments: Vec<Deployment>,
    /// The last hundred events, in no order.
    pub events: Vec<ServiceEvent>,
}

/// A deployment of the service.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Deployment {
    /// `ecs-svc/…`.
    pub id: String,
    /// `PRIMARY` for the newest, `ACTIVE` for one that is being replaced.
    pub status: String,
    /// `IN_PROGRESS`, `COMPLETED`, `FAILED`.
    pub rollout_state: String,
    /// ECS's words for that.
    pub reason: String,
    /// The revision that it runs.
    pub task_definition: String,
    /// Tasks that should run.
    pub desired: i32,
    /// Tasks that run.
    pub running: i32,
    /// Tasks that start.
    pub pending: i32,
    /// Tasks that failed to start.
    pub failed: i32,
    /// When it began, in seconds since 1970.
    pub created_at: f64,
}

/// One of the service's events.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServiceEvent {
    /// Its id.
    pub id: String,
    /// When it happened, in seconds since 1970.
    pub at: f64,
    /// ECS's words.
    pub message: String,
}

/// Reads it.
pub async fn read(aws: &Reader, cluster: &str, service: &str) -> Result<ServiceState, Failure> {
    let request = aws.ecs.describe_services().cluster(cluster).services(service);
    let answer = request.send().await.explain("ecs:DescribeServices", format!("service {service}"))?;
    // A service that is deleted for long is not listed any more.
    let gone = || ServiceState { status: "INACTIVE".to_owned(), ..ServiceState::default() };
    Ok(answer.services().first().map_or_else(gone, state))
}

fn state(service: &Service) -> ServiceState {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let seconds = |at: Option<&aws_sdk_ecs::primitives::DateTime>| {
        at.map_or(0.0, aws_sdk_ecs::primitives::DateTime::as_secs_f64)
    };
    let deployments = service.deployments().iter().map(|found| Deployment {
        id: text(found.id()),
        status: text(found.status()),
        rollout_state: text(found.rollout_state().map(|state| state.as_str())),
        reason: text(found.rollout_state_reason()),
        task_definition: text(found.task_definition()),
        desired: found.desired_count(),
        running: found.running_count(),
        pending: found.pending_count(),
        failed: found.failed_tasks(),
        created_at: seconds(found.created_at()),
    });
    let events = service.events().iter().map(|found| ServiceEvent {
        id: text(found.id()),
        at: seconds(found.created_at()),
        message: text(found.message()),
    });
    ServiceState {
        status: text(service.status()),
        deployments: deployments.collect(),
        events: events.collect(),
    }
}
