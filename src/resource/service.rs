//! The Fargate service in the private subnets.

use super::{Action, changed};
use crate::{
    address::Known,
    apply::{Output, Outputs},
    aws::{
        Reader, Writer, client_token, ecs_tags,
        explain::{Explain as _, Failure},
        settle::Settling,
    },
    tags::{Ownership, Tags},
};
use aws_sdk_ecs::types::{
    AssignPublicIp, AvailabilityZoneRebalancing, AwsVpcConfiguration, DeploymentCircuitBreaker,
    DeploymentConfiguration, LaunchType, LoadBalancer, NetworkConfiguration, Service,
    ServiceConnectConfiguration, ServiceField,
};
use serde::Serialize;
use std::{collections::BTreeSet, time::Duration};

/// Fargate's newest platform, which is 1.4.0 or later: the first on which the task's own network
/// interface carries the image pull.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/platform-fargate.html>
pub const PLATFORM_VERSION: &str = "LATEST";

/// What a service looks like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// Its name.
    pub name: String,
    /// The cluster's ARN or name.
    pub cluster: Known,
    /// The revision that runs.
    pub task_definition: Known,
    /// The tasks' subnets, all private.
    pub subnets: BTreeSet<String>,
    /// What the tasks' interfaces carry.
    pub security_groups: BTreeSet<Known>,
    /// `DISABLED`.
    pub assign_public_ip: String,
    /// Fargate's platform.
    pub platform_version: String,
    /// Where the tasks are registered.
    pub target_group: Known,
    /// The container that is registered.
    pub container: String,
    /// The port that is registered.
    pub port: u16,
    /// Tasks that should run; `None` leaves it to whoever scales.
    pub desired_count: Option<u32>,
    /// Per cent of the desired count that keep running.
    pub minimum_healthy_percent: u32,
    /// Per cent of the desired count that may run.
    pub maximum_percent: u32,
    /// Whether failing tasks end a deployment and bring the last one back.
    pub circuit_breaker_with_rollback: bool,
    /// Seconds after a task's start in which failed checks do not count.
    pub health_check_grace_period: u32,
    /// Whether the last deployment has failed, so that a new one has to be started.
    pub last_deployment_failed: bool,
    /// What has to stand before the service is made, though ECS does not name it: the listener or rule
    /// by which requests reach the target group, and the endpoints by which the tasks reach AWS.
    #[serde(skip)]
    pub stands_on: Vec<Known>,
}

impl super::Settings for Settings {
    fn references(&self) -> Vec<&Known> {
        let mut references = vec![&self.cluster, &self.task_definition, &self.target_group];
        references.extend(&self.security_groups);
        references.extend(&self.stands_on);
        references
    }
}

/// A service that is there.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Its ARN.
    pub arn: String,
    /// Whose it is.
    pub ownership: Ownership,
    /// How it is set.
    pub settings: Settings,
    /// Whether ECS told the pace of deployments, and the grace period.
    pub tells: Tells,
    /// The deployment that is the newest.
    pub primary: Option<Deployment>,
    /// Whether ECS Exec is on.
    pub has_exec: bool,
    /// Whether it is part of a Service Connect namespace.
    pub has_service_connect: bool,
}

/// What ECS told of a service. What it did not tell is taken as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tells {
    /// The percents and the circuit breaker.
    pub deployment_configuration: bool,
    /// Seconds after a task's start in which failed checks do not count.
    pub health_check_grace_period: bool,
}

/// A deployment of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// `ecs-svc/…`.
    pub id: String,
    /// `IN_PROGRESS`, `COMPLETED`, `FAILED`.
    pub rollout_state: String,
}

/// Reads the service; `None` where there is none, or only the memory of one.
pub async fn observe(aws: &Reader, cluster: &str, name: &str) -> Result<Option<Observed>, Failure> {
    let found = aws
        .ecs
        .describe_services()
        .cluster(cluster)
        .services(name)
        .include(ServiceField::Tags)
        .send()
        .await
        .explain("ecs:DescribeServices", format!("service {name} in cluster {cluster}"));
    let found = match found {
        Err(failure) if failure.is("ClusterNotFound") => return Ok(None),
        found => found?,
    };
    let stands = |service: &&Service| service.status() == Some("ACTIVE");
    Ok(found.services().iter().find(stands).map(observed))
}

fn observed(service: &Service) -> Observed {
    let tags = service.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)));
    let network =
        service.network_configuration().and_then(|network| network.awsvpc_configuration());
    let deployment = service.deployment_configuration();
    let breaker = deployment.and_then(DeploymentConfiguration::deployment_circuit_breaker);
    let registered = service.load_balancers().first();
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let number = |number: Option<i32>| number.and_then(|number| number.try_into().ok());
    let primary = primary(service);
    Observed {
        arn: text(service.service_arn()),
        ownership: Ownership::read(tags),
        tells: Tells {
            deployment_configuration: deployment.is_some(),
            health_check_grace_period: service.health_check_grace_period_seconds().is_some(),
        },
        settings: Settings {
            name: text(service.service_name()),
            cluster: Known::Now(text(service.cluster_arn())),
            task_definition: Known::Now(text(service.task_definition())),
            subnets: network
                .map(|network| network.subnets().iter().cloned().collect())
                .unwrap_or_default(),
            security_groups: network
                .map(|network| network.security_groups().iter().cloned().map(Known::Now).collect())
                .unwrap_or_default(),
            assign_public_ip: network
                .and_then(AwsVpcConfiguration::assign_public_ip)
                .map_or("DISABLED", AssignPublicIp::as_str)
                .to_owned(),
            platform_version: platform(service.platform_version()),
            target_group: Known::Now(text(registered.and_then(LoadBalancer::target_group_arn))),
            container: text(registered.and_then(LoadBalancer::container_name)),
            port: registered
                .and_then(LoadBalancer::container_port)
                .and_then(|port| port.try_into().ok())
                .unwrap_or(0),
            desired_count: number(Some(service.desired_count())),
            minimum_healthy_percent: deployment
                .and_then(|deployment| number(deployment.minimum_healthy_percent()))
                .unwrap_or(100),
            maximum_percent: deployment
                .and_then(|deployment| number(deployment.maximum_percent()))
                .unwrap_or(200),
            circuit_breaker_with_rollback: breaker
                .is_some_and(|breaker| breaker.enable() && breaker.rollback()),
            health_check_grace_period: number(service.health_check_grace_period_seconds())
                .unwrap_or(0),
            last_deployment_failed: primary
                .as_ref()
                .is_some_and(|deployment| deployment.rollout_state == "FAILED"),
            stands_on: Vec::new(),
        },
        primary,
        has_exec: service.enable_execute_command(),
        has_service_connect: has_service_connect(service),
    }
}

/// It is told of each deployment, and not of the service.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html>
pub fn has_service_connect(service: &Service) -> bool {
    service.deployments().iter().any(|deployment| {
        deployment.service_connect_configuration().is_some_and(ServiceConnectConfiguration::enabled)
    })
}

/// 1.4.0 and whatever comes after it serve as well as the word for the newest.
fn platform(version: Option<&str>) -> String {
    let number = |text: &str| -> Option<Vec<u32>> {
        text.split('.').map(|part| part.parse().ok()).collect()
    };
    match version {
        None => PLATFORM_VERSION.to_owned(),
        Some(version) if number(version).is_some_and(|found| found >= vec![1, 4, 0]) => {
            PLATFORM_VERSION.to_owned()
        }
        Some(version) => version.to_owned(),
    }
}

fn primary(service: &Service) -> Option<Deployment> {
    let deployments = service.deployments().iter();
    let primary = deployments.into_iter().find(|found| found.status() == Some("PRIMARY"))?;
    Some(Deployment {
        id: primary.id().unwrap_or_default().to_owned(),
        rollout_state: primary
            .rollout_state()
            .map(|state| state.as_str().to_owned())
            .unwrap_or_default(),
    })
}

/// What is missing or differs.
pub fn diff(desired: &Settings, observed: Option<&Observed>) -> Option<Action<Settings>> {
    let Some(observed) = observed else { return Some(Action::Create(desired.clone())) };
    let mut from = Settings { stands_on: desired.stands_on.clone(), ..observed.settings.clone() };
    if !observed.tells.deployment_configuration {
        from.minimum_healthy_percent = desired.minimum_healthy_percent;
        from.maximum_percent = desired.maximum_percent;
        from.circuit_breaker_with_rollback = desired.circuit_breaker_with_rollback;
    }
    if !observed.tells.health_check_grace_period {
        from.health_check_grace_period = desired.health_check_grace_period;
    }
    let mut to = desired.clone();
    to.cluster = from.cluster.clone();
    to.desired_count = desired.desired_count.or(from.desired_count);
    changed(&observed.arn, &from, &to)
}

/// The calls that [`apply`] makes.
pub fn calls(action: &Action<Settings>) -> Vec<&'static str> {
    match action {
        Action::Create(_) => vec!["ecs:CreateService"],
        Action::Update { .. } => vec!["ecs:UpdateService"],
        Action::Delete { .. } => vec!["ecs:DeleteService"],
    }
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
    let vpc = AwsVpcConfiguration::builder()
        .set_subnets(Some(to.subnets.iter().cloned().collect()))
        .set_security_groups(Some(outputs.resolve_all(&to.security_groups)))
        .assign_public_ip(to.assign_public_ip.as_str().into())
        .build()
        .expect("subnets are given");
    NetworkConfiguration::builder().awsvpc_configuration(vpc).build()
}

fn deployment(to: &Settings) -> DeploymentConfiguration {
    let on = to.circuit_breaker_with_rollback;
    DeploymentConfiguration::builder()
        .deployment_circuit_breaker(
            DeploymentCircuitBreaker::builder().enable(on).rollback(on).build(),
        )
        .minimum_healthy_percent(to.minimum_healthy_percent.cast_signed())
        .maximum_percent(to.maximum_percent.cast_signed())
        .build()
}

/// ECS turns rebalancing on where nothing is said, and it needs room for one more task.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-rebalancing.html>
fn rebalancing(to: &Settings) -> Option<AvailabilityZoneRebalancing> {
    (to.maximum_percent <= 100).then_some(AvailabilityZoneRebalancing::Disabled)
}

fn load_balancer(to: &Settings, outputs: &Outputs) -> LoadBalancer {
    LoadBalancer::builder()
        .target_group_arn(outputs.resolve(&to.target_group))
        .container_name(&to.container)
        .container_port(i32::from(to.port))
        .build()
}

/// What ECS answers for some seconds after a role, a listener or a cluster was made, and for some
/// minutes after a service of the same name was deleted.
const NOT_YET: [&str; 4] = [
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

async fn create(
    to: &Settings,
    tags: &Tags,
    aws: &Writer,
    outputs: &Outputs,
) -> Result<Output, Failure> {
    let cluster = outputs.resolve(&to.cluster);
    let task_definition = outputs.resolve(&to.task_definition);
    let is_not_yet = |failure: &Failure| {
        NOT_YET.iter().any(|text| failure.message.contains(text)) || failure.is("ClusterNotFound")
    };
    let created = aws.settled(READY, is_not_yet, async || {
        aws.aws
            .ecs
            .create_service()
            .cluster(&cluster)
            .service_name(&to.name)
            .task_definition(&task_definition)
            .launch_type(LaunchType::Fargate)
            .platform_version(&to.platform_version)
            .network_configuration(network(to, outputs))
            .load_balancers(load_balancer(to, outputs))
            .desired_count(to.desired_count.unwrap_or(1).cast_signed())
            .deployment_configuration(deployment(to))
            .set_availability_zone_rebalancing(rebalancing(to))
            .health_check_grace_period_seconds(to.health_check_grace_period.cast_signed())
            .client_token(client_token(
                &[&cluster, &to.name, &task_definition].map(String::as_str).join("\n"),
            ))
            .set_tags(Some(ecs_tags(tags)))
            .send()
            .await
            .explain("ecs:CreateService", format!("service {} in {cluster}", to.name))
    });
    match created.await {
        Err(failure) if failure.already_exists() => take(to, aws, outputs, failure).await,
        created => Ok(output(created?.service())),
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
    if (&from.target_group, &from.container, from.port)
        != (&to.target_group, &to.container, to.port)
    {
        request = request.load_balancers(load_balancer(to, outputs));
    }
    if let (true, Some(count)) = (from.desired_count != to.desired_count, to.desired_count) {
        request = request.desired_count(count.cast_signed());
    }
    let pace = |settings: &Settings| {
        let percents = (settings.minimum_healthy_percent, settings.maximum_percent);
        (percents, settings.circuit_breaker_with_rollback)
    };
    if pace(from) != pace(to) {
        request = request
            .deployment_configuration(deployment(to))
            .set_availability_zone_rebalancing(rebalancing(to));
    }
    if from.health_check_grace_period != to.health_check_grace_period {
        request =
            request.health_check_grace_period_seconds(to.health_check_grace_period.cast_signed());
    }
    if from.last_deployment_failed != to.last_deployment_failed {
        request = request.force_new_deployment(true);
    }
    let updated = request.send().await.explain("ecs:UpdateService", id)?;
    Ok(output(updated.service()))
}

/// A deleted service drains for as long as its targets do.
const DRAIN_ATTEMPTS: u32 = 200;
const DRAIN_PAUSE: Duration = Duration::from_secs(3);

async fn drained(aws: &Writer, cluster: &str, name: &str) -> Result<(), Failure> {
    let on = format!("service {name} in {cluster}");
    for _ in 0..DRAIN_ATTEMPTS {
        let request = aws.aws.ecs.describe_services().cluster(cluster).services(name);
        let found = request.send().await.explain("ecs:DescribeServices", &on)?;
        let gone = found.services().iter().all(|service| service.status() == Some("INACTIVE"));
        if gone {
            return Ok(());
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
