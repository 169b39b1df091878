//! Reads ECS's records of roll-outs: the one place that asks for service deployments.

use super::{Breaker, Listed, Pause, Revision, Rollback, ServiceDeployment, Status};
use crate::aws::{
    Reader,
    explain::{Explain as _, Failure},
};
use aws_sdk_ecs::{
    config::Builder,
    types::{
        self, DeploymentConfiguration, DeploymentLifecycleHookAction,
        DeploymentLifecycleHookDetail, DeploymentLifecycleHookStatus,
        DeploymentLifecycleHookTargetType, ServiceDeploymentRollbackMonitorsStatus,
        ServiceDeploymentStatus, ServiceRevisionSummary,
    },
};
use aws_smithy_types::DateTime;
use std::collections::BTreeMap;

/// Service deployments that are listed at once, the newest first.
const LISTED: i32 = 20;

/// The service's newest deployments; where there are `statuses`, those alone. How often it is tried is
/// for `config` to say.
pub async fn list(
    aws: &Reader,
    (cluster, service): (&str, &str),
    statuses: &[ServiceDeploymentStatus],
    config: Builder,
) -> Result<Vec<Listed>, Failure> {
    let request = aws.ecs.list_service_deployments().cluster(cluster).service(service);
    let statuses = (!statuses.is_empty()).then(|| statuses.to_vec());
    let request = request.max_results(LISTED).set_status(statuses);
    let found = request.customize().config_override(config).send().await;
    // An answer that is not ECS's own comes from something that has no such operation.
    let status = found.as_ref().err().filter(|error| error.as_service_error().is_none());
    let status = status.and_then(|error| error.raw_response()).map(|it| it.status().as_u16());
    let on = format!("service {service} in cluster {cluster}");
    let found = found.explain("ecs:ListServiceDeployments", on).map_err(|failure| Failure {
        code: failure.code.or_else(|| status.map(|status| format!("HTTP {status}"))),
        ..failure
    })?;
    Ok(found.service_deployments().iter().filter_map(listed).collect())
}

/// What ECS says of it; `None` where it does not know it.
pub async fn describe(
    aws: &Reader,
    arn: &str,
    config: Builder,
) -> Result<Option<ServiceDeployment>, Failure> {
    let request = aws.ecs.describe_service_deployments().service_deployment_arns(arn);
    let found = request.customize().config_override(config).send().await;
    let found = found.explain("ecs:DescribeServiceDeployments", arn)?;
    Ok(found.service_deployments().first().map(normal))
}

/// The task definitions of these service revisions, by their ARNs.
pub async fn task_definitions(
    aws: &Reader,
    revisions: Vec<String>,
    config: Builder,
) -> Result<BTreeMap<String, String>, Failure> {
    let on = revisions.join(", ");
    let request = aws.ecs.describe_service_revisions().set_service_revision_arns(Some(revisions));
    let found = request.customize().config_override(config).send().await;
    let found = found.explain("ecs:DescribeServiceRevisions", on)?;
    let of = found.service_revisions().iter().filter_map(|it| {
        Some((it.service_revision_arn()?.to_owned(), it.task_definition()?.to_owned()))
    });
    Ok(of.collect())
}

fn listed(found: &types::ServiceDeploymentBrief) -> Option<Listed> {
    Some(Listed {
        arn: found.service_deployment_arn()?.to_owned(),
        revision: found.target_service_revision_arn().unwrap_or_default().to_owned(),
        created_at: found.created_at().copied().unwrap_or_else(|| DateTime::from_secs(0)),
    })
}

fn normal(found: &types::ServiceDeployment) -> ServiceDeployment {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let configuration = found.deployment_configuration();
    let breaker = found.deployment_circuit_breaker();
    let alarms = found.alarms().map(types::ServiceDeploymentAlarms::triggered_alarm_names);
    let is_function = |hook: &&DeploymentLifecycleHookDetail| {
        hook.target_type() == Some(&DeploymentLifecycleHookTargetType::AwsLambda)
    };
    let functions = found.lifecycle_hook_details().iter().filter(is_function);
    let waits = found.lifecycle_hook_details().iter().find(|hook| {
        hook.target_type() == Some(&DeploymentLifecycleHookTargetType::Pause)
            && hook.status() == Some(&DeploymentLifecycleHookStatus::AwaitingAction)
    });
    ServiceDeployment {
        arn: text(found.service_deployment_arn()),
        status: status(found.status()),
        reason: text(found.status_reason()),
        stage: found.lifecycle_stage().map(|stage| stage.as_str().to_owned()),
        target: found.target_service_revision().map(revision).unwrap_or_default(),
        sources: found.source_service_revisions().iter().map(revision).collect(),
        breaker: breaker
            .filter(|it| it.status() != Some(&ServiceDeploymentRollbackMonitorsStatus::Disabled))
            .map(|it| Breaker {
                failures: it.failure_count(),
                threshold: it.threshold(),
                is_triggered: it.status()
                    == Some(&ServiceDeploymentRollbackMonitorsStatus::Triggered),
            }),
        alarms: alarms.unwrap_or_default().to_vec(),
        rollback: found.rollback().map(|it| Rollback {
            reason: text(it.reason()),
            to: text(it.service_revision_arn()),
            task_definition: None,
        }),
        pause: waits.map(|hook| Pause {
            hook: text(hook.hook_id()),
            until: hook.expires_at().copied(),
            continues: hook.timeout_action() == Some(&DeploymentLifecycleHookAction::Continue),
        }),
        functions: functions
            .filter_map(|hook| hook.status().map(|status| status.as_str().to_owned()))
            .collect(),
        bake_minutes: configuration
            .and_then(DeploymentConfiguration::bake_time_in_minutes)
            .unwrap_or(0),
        updated_at: found.updated_at().copied(),
    }
}

fn status(found: Option<&ServiceDeploymentStatus>) -> Status {
    match found {
        Some(ServiceDeploymentStatus::StopRequested) => Status::StopRequested,
        Some(ServiceDeploymentStatus::RollbackRequested) => Status::RollbackRequested,
        Some(ServiceDeploymentStatus::RollbackInProgress) => Status::RollingBack,
        Some(ServiceDeploymentStatus::Successful) => Status::Successful,
        Some(ServiceDeploymentStatus::Stopped) => Status::Stopped,
        Some(ServiceDeploymentStatus::RollbackSuccessful) => Status::RolledBack,
        Some(ServiceDeploymentStatus::RollbackFailed) => Status::RollbackFailed,
        _ => Status::Underway,
    }
}

fn revision(found: &ServiceRevisionSummary) -> Revision {
    #[expect(clippy::cast_possible_truncation, reason = "it is a percentage")]
    let traffic = |weight: f64| weight.round() as i32;
    Revision {
        arn: found.arn().unwrap_or_default().to_owned(),
        task_definition: None,
        desired: found.requested_task_count(),
        running: found.running_task_count(),
        pending: found.pending_task_count(),
        traffic: found.requested_production_traffic_weight().map(traffic),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_known() {
        let told: Vec<_> = ServiceDeploymentStatus::values()
            .iter()
            .map(|it| format!("{it}: {:?}", status(Some(&ServiceDeploymentStatus::from(*it)))))
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        IN_PROGRESS: Underway
        PENDING: Underway
        ROLLBACK_FAILED: RollbackFailed
        ROLLBACK_IN_PROGRESS: RollingBack
        ROLLBACK_REQUESTED: RollbackRequested
        ROLLBACK_SUCCESSFUL: RolledBack
        STOPPED: Stopped
        STOP_REQUESTED: StopRequested
        SUCCESSFUL: Successful
        ");
    }

    #[test]
    fn a_hook_that_waits_is_a_pause_and_a_function_is_none() {
        use DeploymentLifecycleHookStatus as Is;
        use DeploymentLifecycleHookTargetType as Of;
        let hook = |kind, status| {
            types::DeploymentLifecycleHookDetail::builder()
                .hook_id("h-1")
                .target_type(kind)
                .status(status)
                .timeout_action(DeploymentLifecycleHookAction::Rollback)
                .build()
        };
        let pause = |hook| {
            normal(&types::ServiceDeployment::builder().lifecycle_hook_details(hook).build()).pause
        };
        assert!(pause(hook(Of::Pause, Is::AwaitingAction)).is_some_and(|it| !it.continues));
        assert_eq!(pause(hook(Of::Pause, Is::Succeeded)), None);
        assert_eq!(pause(hook(Of::AwsLambda, Is::InProgress)), None);
    }
}
