//! The Fargate service in the private subnets.

mod apply;
pub mod configuration;
pub mod owed;
#[cfg(test)]
pub(crate) mod sample;

use super::{Action, changed};
use crate::{
    address::Known,
    aws::{
        Reader,
        explain::{Explain as _, Failure},
    },
    resource::cluster::SPOT,
    rollout::stop,
    tags::Ownership,
};
pub use apply::{apply, calls};
use aws_sdk_ecs::types::{
    AdvancedConfiguration, AssignPublicIp, AwsVpcConfiguration, CapacityProviderStrategyItem,
    DeploymentConfiguration, DeploymentController, LaunchType, LoadBalancer, Service,
    ServiceConnectConfiguration, ServiceField,
};
use configuration::Configuration;
use serde::Serialize;
use std::collections::BTreeSet;

/// Fargate's newest platform, which is 1.4.0 or later: the first on which the task's own network
/// interface carries the image pull.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/platform-fargate.html>
pub const PLATFORM_VERSION: &str = "LATEST";

/// What a service looks like.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
    /// What ECS moves the requests with, from one target group to another and back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shifting: Option<Box<Shifting>>,
    /// The container that is registered.
    pub container: String,
    /// The port that is registered.
    pub port: u16,
    /// Tasks that should run; `None` leaves it to whoever scales.
    pub desired_count: Option<u32>,
    /// Whether they run on Fargate Spot; `None` leaves them where they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_spot: Option<bool>,
    /// How a new version takes the place of the old one.
    pub deployment_configuration: Box<Configuration>,
    /// Seconds after a task's start in which failed checks do not count.
    pub health_check_grace_period: u32,
    /// Whether the last deployment has failed, so that a new one has to be started.
    pub last_deployment_failed: bool,
    /// What has to stand before the service is made, though ECS does not name it: the listener or rule
    /// by which requests reach the target group, and the endpoints by which the tasks reach AWS.
    #[serde(skip)]
    pub stands_on: Vec<Known>,
    /// Whether a deleted service of this name has to be gone first.
    #[serde(skip)]
    pub follows_drained: bool,
    /// Whether tasks run after the rollout, which is written on the service until they have.
    #[serde(skip)]
    pub owes_tasks: bool,
}

/// What ECS moves the requests with: `advancedConfiguration`. Which of the two target groups is the
/// live one, and which weights the rules have, is ECS's from the first deployment on.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AdvancedConfiguration.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Shifting {
    /// The other target group.
    pub alternate_target_group: Known,
    /// The rule by which everybody's requests come.
    pub production_rule: Known,
    /// The rule by which the new version is tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_rule: Option<Known>,
    /// The role by which ECS changes the rules.
    pub role: Known,
}

impl super::Settings for Settings {
    fn references(&self) -> Vec<&Known> {
        let mut references = vec![&self.cluster, &self.task_definition, &self.target_group];
        references.extend(&self.security_groups);
        references.extend(&self.stands_on);
        if let Some(shifting) = &self.shifting {
            let Shifting { alternate_target_group, production_rule, test_rule, role } = &**shifting;
            references.extend([alternate_target_group, production_rule, role]);
            references.extend(test_rule);
        }
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
    /// The tasks that should run, where its first version did not start and it was scaled to zero.
    pub given_up: Option<u32>,
    /// Whether ECS Exec is on.
    pub has_exec: bool,
    /// Whether it is part of a Service Connect namespace.
    pub has_service_connect: bool,
    /// What it is besides its settings.
    pub kind: Kind,
}

/// What a service is for good, or for now: settings that this program does not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    /// Whether it was deleted, and its tasks are being stopped.
    pub is_draining: bool,
    /// Who deploys it: `ECS`, `CODE_DEPLOY`, `EXTERNAL`.
    pub controller: String,
    /// What its tasks run on where that is not Fargate: `EC2`, or capacity providers.
    pub runs_on: Option<String>,
    /// `REPLICA` or `DAEMON`.
    pub scheduling: String,
}

/// What ECS told of a service. What it did not tell is taken as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tells {
    /// How a new version takes the place of the old one.
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

/// Reads the service, also one that is draining; `None` where there is none, or only the memory of one.
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
    let stands = |service: &&Service| matches!(service.status(), Some("ACTIVE" | "DRAINING"));
    Ok(found.services().iter().find(stands).map(observed))
}

fn observed(service: &Service) -> Observed {
    let tags = service.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)));
    let network =
        service.network_configuration().and_then(|network| network.awsvpc_configuration());
    let deployment = service.deployment_configuration();
    let registered = service.load_balancers().first();
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let number = |number: Option<i32>| number.and_then(|number| number.try_into().ok());
    let primary = primary(service);
    let given_up = stop::given_up(service);
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
            shifting: registered
                .and_then(LoadBalancer::advanced_configuration)
                .map(|found| Box::new(shifting(found))),
            container: text(registered.and_then(LoadBalancer::container_name)),
            port: registered
                .and_then(LoadBalancer::container_port)
                .and_then(|port| port.try_into().ok())
                .unwrap_or(0),
            desired_count: number(Some(service.desired_count())),
            on_spot: Some(is_on_spot(service)),
            deployment_configuration: Box::new(Configuration::observed(
                &deployment.cloned().unwrap_or_else(|| DeploymentConfiguration::builder().build()),
            )),
            health_check_grace_period: number(service.health_check_grace_period_seconds())
                .unwrap_or(0),
            last_deployment_failed: primary
                .as_ref()
                .is_some_and(|deployment| deployment.rollout_state == "FAILED")
                || given_up.is_some(),
            stands_on: Vec::new(),
            follows_drained: false,
            owes_tasks: owed::owes(service),
        },
        primary,
        given_up,
        has_exec: service.enable_execute_command(),
        has_service_connect: has_service_connect(service),
        kind: kind(service),
    }
}

fn shifting(found: &AdvancedConfiguration) -> Shifting {
    let known = |arn: Option<&str>| Known::Now(arn.unwrap_or_default().to_owned());
    Shifting {
        alternate_target_group: known(found.alternate_target_group_arn()),
        production_rule: known(found.production_listener_rule()),
        test_rule: found.test_listener_rule().map(|arn| Known::Now(arn.to_owned())),
        role: known(found.role_arn()),
    }
}

fn is_on_spot(service: &Service) -> bool {
    let strategy = service.capacity_provider_strategy();
    strategy.iter().any(|item| item.capacity_provider() == SPOT)
}

/// What ECS does not tell of the kind is as this program makes it.
fn kind(service: &Service) -> Kind {
    let is_fargate = |provider: &str| provider.starts_with("FARGATE");
    let mut providers = service
        .capacity_provider_strategy()
        .iter()
        .map(CapacityProviderStrategyItem::capacity_provider)
        .filter(|provider| !is_fargate(provider));
    let launch = service.launch_type().map(LaunchType::as_str).filter(|launch| !is_fargate(launch));
    let controller = service.deployment_controller().map(DeploymentController::r#type);
    Kind {
        is_draining: service.status() == Some("DRAINING"),
        controller: controller.map_or("ECS", |controller| controller.as_str()).to_owned(),
        runs_on: launch.or_else(|| providers.next()).map(str::to_owned),
        scheduling: service
            .scheduling_strategy()
            .map_or("REPLICA", |strategy| strategy.as_str())
            .to_owned(),
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
        from.deployment_configuration.clone_from(&desired.deployment_configuration);
    }
    if !observed.tells.health_check_grace_period {
        from.health_check_grace_period = desired.health_check_grace_period;
    }
    from.owes_tasks = desired.owes_tasks;
    let mut to = desired.clone();
    to.cluster = from.cluster.clone();
    if to.on_spot.is_none() {
        from.on_spot = None;
    }
    to.desired_count = desired.desired_count.or(observed.given_up).or(from.desired_count);
    let hooks = &from.deployment_configuration.other_hooks;
    to.deployment_configuration.other_hooks.clone_from(hooks);
    keep_sides(&from, &mut to);
    changed(&observed.arn, &from, &to)
}

/// Leaves the two target groups on the sides on which they are: naming them the other way round starts
/// a deployment, and moves nobody's requests to where the tasks are.
fn keep_sides(from: &Settings, to: &mut Settings) {
    if let (Some(there), Some(wanted)) = (&from.shifting, &mut to.shifting)
        && from.target_group == wanted.alternate_target_group
        && there.alternate_target_group == to.target_group
    {
        std::mem::swap(&mut to.target_group, &mut wanted.alternate_target_group);
    }
}

#[cfg(test)]
mod tests;
