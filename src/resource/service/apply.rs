//! Makes a service so, or takes it down: the calls, and what is waited for around them.

use super::{Action, Observed, Settings, Shifting, diff, observe, owed, primary};
use crate::{
    address::Known,
    apply::{Output, Outputs},
    aws::{
        Writer, client_token, ecs_network, ecs_tags,
        explain::{Explain as _, Failure},
        settle::Settling,
    },
    resource::cluster::SPOT,
    tags::Tags,
};
use aws_sdk_ecs::types::{
    AdvancedConfiguration, AvailabilityZoneRebalancing, CapacityProviderStrategyItem, LaunchType,
    LoadBalancer, NetworkConfiguration, Service,
};
use std::time::Duration;

/// The calls that [`apply`] makes, and the right to hand the role over that ECS changes the rules with.
pub fn calls(action: &Action<Settings>) -> Vec<&'static str> {
    let mut calls = Vec::new();
    match action {
        Action::Create(to) => {
            calls.push("ecs:CreateService");
            calls.extend(to.shifting.as_ref().map(|_| PASS_ROLE));
        }
        Action::Update { from, to, .. } => {
            calls.push("ecs:UpdateService");
            calls.extend(to.owes_tasks.then_some("ecs:TagResource"));
            let passes = to.shifting.is_some() && is_registered_otherwise(from, to);
            calls.extend(passes.then_some(PASS_ROLE));
        }
        Action::Delete { .. } => calls.push("ecs:DeleteService"),
    }
    calls
}

/// `iam:PassedToService` is `ecs.amazonaws.com`.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AmazonECSInfrastructureRolePolicyForLoadBalancers.html>
const PASS_ROLE: &str = "iam:PassRole";

/// Whether what stands under `loadBalancers` differs.
fn is_registered_otherwise(from: &Settings, to: &Settings) -> bool {
    (&from.target_group, &from.shifting, &from.container, from.port)
        != (&to.target_group, &to.shifting, &to.container, to.port)
}

/// Makes it so; yields the service's ARN, and the deployment that this started.
pub async fn apply(
    action: &Action<Settings>,
    tags: &Tags,
    aws: &Writer,
    outputs: &Outputs,
) -> Result<Output, Failure> {
    match action {
        Action::Create(to) => create(to, tags, aws, outputs).await,
        Action::Update { id, from, to } => update(id, from, to, aws, outputs).await,
        Action::Delete { id, settings, .. } => {
            let cluster = outputs.resolve(&settings.cluster);
            let request = aws.aws.ecs.delete_service().cluster(&cluster).service(id).force(true);
            match request.send().await.explain("ecs:DeleteService", id) {
                Err(failure)
                    if !["ServiceNotFound", "ServiceNotActive"]
                        .iter()
                        .any(|code| failure.is(code)) =>
                {
                    return Err(failure);
                }
                _ => {}
            }
            drained(aws, &cluster, &settings.name).await?;
            Ok(Output::of(id.clone()))
        }
    }
}

fn output(service: Option<&Service>) -> Output {
    let id = service.and_then(Service::service_arn).unwrap_or_default().to_owned();
    let deployment = service.and_then(primary).map(|deployment| deployment.id);
    Output { id, deployment }
}

fn network(to: &Settings, outputs: &Outputs) -> NetworkConfiguration {
    ecs_network(&to.subnets, outputs.resolve_all(&to.security_groups), &to.assign_public_ip)
}

/// The strategy of tasks on Spot alone; others have the launch type, to which an empty one returns.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html>
fn strategy(to: &Settings) -> Option<Vec<CapacityProviderStrategyItem>> {
    let spot = CapacityProviderStrategyItem::builder().capacity_provider(SPOT).weight(1);
    (to.on_spot == Some(true)).then(|| vec![spot.build().expect("the provider is given")])
}

/// ECS turns rebalancing on where nothing is said, and it needs room for one more task.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-rebalancing.html>
fn rebalancing(to: &Settings) -> Option<AvailabilityZoneRebalancing> {
    let most = to.deployment_configuration.maximum_percent;
    (most <= 100).then_some(AvailabilityZoneRebalancing::Disabled)
}

fn load_balancer(to: &Settings, outputs: &Outputs) -> LoadBalancer {
    LoadBalancer::builder()
        .target_group_arn(outputs.resolve(&to.target_group))
        .container_name(&to.container)
        .container_port(i32::from(to.port))
        .set_advanced_configuration(to.shifting.as_ref().map(|shifting| {
            let Shifting { alternate_target_group, production_rule, test_rule, role } = &**shifting;
            AdvancedConfiguration::builder()
                .alternate_target_group_arn(outputs.resolve(alternate_target_group))
                .production_listener_rule(outputs.resolve(production_rule))
                .set_test_listener_rule(test_rule.as_ref().map(|rule| outputs.resolve(rule)))
                .role_arn(outputs.resolve(role))
                .build()
        }))
        .build()
}

/// What ECS answers for some seconds after a role, a listener or a cluster was made, and for some
/// minutes after a service of the same name was deleted.
const NOT_YET: [&str; 5] = [
    "Unable to assume role",
    "Unable to assume the service linked role",
    "does not have an associated load balancer",
    "verify that the ECS service role being passed has the proper permissions",
    "still Draining",
];
const READY: Settling = Settling {
    what: "what it stands on to be known to ECS",
    longest: Duration::from_mins(5),
    pause: Duration::from_secs(5),
};

fn is_too_early(failure: &Failure) -> bool {
    NOT_YET.iter().any(|text| failure.message.contains(text)) || failure.is("ClusterNotFound")
}

/// ECS looks the alarms up with the caller's own rights.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html>
pub(super) fn about_alarms(failure: Failure, to: &Settings) -> Failure {
    let Some(alarms) = &to.deployment_configuration.alarms else { return failure };
    if !failure.message.to_lowercase().contains("alarm") {
        return failure;
    }
    let names = alarms.names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let message = format!(
        "{} (`rollout.alarms` names {names}, which have to be CloudWatch alarms of this region, and ECS \
         asks for them by the right of the role that runs this: cloudwatch:DescribeAlarms)",
        failure.message
    );
    Failure { message, ..failure }
}

async fn create(
    to: &Settings,
    tags: &Tags,
    aws: &Writer,
    outputs: &Outputs,
) -> Result<Output, Failure> {
    let cluster = outputs.resolve(&to.cluster);
    let task_definition = outputs.resolve(&to.task_definition);
    if to.follows_drained {
        drained(aws, &cluster, &to.name).await?;
    }
    let mut tags = ecs_tags(tags);
    tags.extend(to.owes_tasks.then(|| owed::tag(&task_definition)));
    let created = aws.settled(READY, is_too_early, async || {
        aws.aws
            .ecs
            .create_service()
            .cluster(&cluster)
            .service_name(&to.name)
            .task_definition(&task_definition)
            .set_launch_type(strategy(to).is_none().then_some(LaunchType::Fargate))
            .set_capacity_provider_strategy(strategy(to))
            .platform_version(&to.platform_version)
            .network_configuration(network(to, outputs))
            .load_balancers(load_balancer(to, outputs))
            .desired_count(to.desired_count.unwrap_or(1).cast_signed())
            .deployment_configuration(to.deployment_configuration.told(None))
            .set_availability_zone_rebalancing(rebalancing(to))
            .health_check_grace_period_seconds(to.health_check_grace_period.cast_signed())
            .client_token(client_token(
                &[&cluster, &to.name, &task_definition].map(String::as_str).join("\n"),
            ))
            .set_tags(Some(tags.clone()))
            .send()
            .await
            .explain("ecs:CreateService", format!("service {} in {cluster}", to.name))
    });
    match created.await {
        Err(failure) if failure.already_exists() => take(to, aws, outputs, failure).await,
        created => {
            let created = created.map_err(|failure| about_alarms(failure, to))?;
            Ok(output(created.service()))
        }
    }
}

/// Takes the service of the name that is there, where it is as wanted: another run made it since this one
/// looked, or this one did and the answer was lost. Where it differs, a new plan says how.
async fn take(
    to: &Settings,
    aws: &Writer,
    outputs: &Outputs,
    exists: Failure,
) -> Result<Output, Failure> {
    let now = |known: &Known| Known::Now(outputs.resolve(known));
    let wanted = Settings {
        cluster: now(&to.cluster),
        task_definition: now(&to.task_definition),
        target_group: now(&to.target_group),
        security_groups: to.security_groups.iter().map(now).collect(),
        ..to.clone()
    };
    let found = observe(&aws.aws, &outputs.resolve(&to.cluster), &to.name).await?;
    let is_taken = |found: &Observed| {
        found.ownership.is_of(&aws.stack) && diff(&wanted, Some(found)).is_none()
    };
    let Some(found) = found.filter(is_taken) else { return Err(exists) };
    Ok(Output { id: found.arn, deployment: found.primary.map(|deployment| deployment.id) })
}

/// Sends what differs and nothing else: each field that UpdateService is given may start a deployment.
async fn update(
    id: &str,
    from: &Settings,
    to: &Settings,
    aws: &Writer,
    outputs: &Outputs,
) -> Result<Output, Failure> {
    let mut request =
        aws.aws.ecs.update_service().cluster(outputs.resolve(&to.cluster)).service(id);
    if from.task_definition != to.task_definition {
        request = request.task_definition(outputs.resolve(&to.task_definition));
    }
    if (&from.subnets, &from.security_groups, &from.assign_public_ip)
        != (&to.subnets, &to.security_groups, &to.assign_public_ip)
    {
        request = request.network_configuration(network(to, outputs));
    }
    if from.platform_version != to.platform_version {
        request = request.platform_version(&to.platform_version);
    }
    let is_registered_otherwise = is_registered_otherwise(from, to);
    if is_registered_otherwise {
        request = request.load_balancers(load_balancer(to, outputs));
    }
    if let (true, Some(count)) = (from.desired_count != to.desired_count, to.desired_count) {
        request = request.desired_count(count.cast_signed());
    }
    let (before, after) = (&from.deployment_configuration, &to.deployment_configuration);
    if before != after {
        request = request
            .deployment_configuration(after.told(Some(before)))
            .set_availability_zone_rebalancing(rebalancing(to));
    }
    if from.on_spot != to.on_spot {
        // ECS starts no deployment for it by itself, and takes it only with one.
        let strategy = Some(strategy(to).unwrap_or_default());
        request = request.set_capacity_provider_strategy(strategy).force_new_deployment(true);
    }
    if from.health_check_grace_period != to.health_check_grace_period {
        request =
            request.health_check_grace_period_seconds(to.health_check_grace_period.cast_signed());
    }
    if from.last_deployment_failed != to.last_deployment_failed {
        request = request.force_new_deployment(true);
    }
    if to.owes_tasks {
        owed::note(aws, id, &outputs.resolve(&to.task_definition)).await?;
    }
    // A role that was made a moment ago cannot be assumed yet.
    let is_early = |failure: &Failure| is_registered_otherwise && is_too_early(failure);
    let updated = aws.settled(READY, is_early, async || {
        request.clone().send().await.explain("ecs:UpdateService", id)
    });
    let updated = updated.await.map_err(|failure| about_alarms(failure, to))?;
    Ok(output(updated.service()))
}

/// A deleted service drains for as long as its targets do.
const DRAIN_ATTEMPTS: u32 = 200;
const DRAIN_PAUSE: Duration = Duration::from_secs(3);

async fn drained(aws: &Writer, cluster: &str, name: &str) -> Result<(), Failure> {
    let on = format!("service {name} in {cluster}");
    for attempt in 0..DRAIN_ATTEMPTS {
        let request = aws.aws.ecs.describe_services().cluster(cluster).services(name);
        let found = request.send().await.explain("ecs:DescribeServices", &on)?;
        let gone = found.services().iter().all(|service| service.status() == Some("INACTIVE"));
        if gone {
            return Ok(());
        }
        if attempt == 0 {
            aws.tell(format!("{on}: waiting for its tasks to stop"));
        }
        tokio::time::sleep(DRAIN_PAUSE).await;
    }
    Err(Failure {
        operation: "ecs:DescribeServices",
        on,
        code: Some("ServiceState".to_owned()),
        message: "the service is still draining after ten minutes".to_owned(),
        request_id: None,
    })
}
