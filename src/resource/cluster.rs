//! The ECS cluster, which services may share.

use super::{Action, changed};
use crate::{
    address::Known,
    aws::{
        Reader, Writer, ecs_tags,
        explain::{Explain as _, Failure},
        settle::Settling,
    },
    network::needs::Exec,
    tags::{self, Ownership, Tags},
};
use aws_sdk_ecs::types::{Cluster, ClusterField};
use serde::Serialize;
use std::time::Duration;

/// What a cluster looks like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// Its name.
    pub name: String,
    /// Whether this stack is registered as a user of it.
    pub used_by_this_stack: bool,
    /// Whether tasks can run on Fargate Spot in it. It is never taken away again.
    #[serde(skip_serializing_if = "is_false")]
    pub has_spot: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// The capacity providers that every account has, and that a cluster has to be told of.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html>
pub const SPOT: &str = "FARGATE_SPOT";
const ON_DEMAND: &str = "FARGATE";

impl super::Settings for Settings {
    fn references(&self) -> Vec<&Known> {
        Vec::new()
    }
}

/// A cluster that is there.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Its ARN.
    pub arn: String,
    /// Whose it is.
    pub ownership: Ownership,
    /// How many services it has that are not deleted.
    pub services: i32,
    /// How ECS Exec works in it.
    pub exec: Exec,
    /// Its capacity providers.
    pub providers: Vec<String>,
    /// Whether it has a default capacity provider strategy.
    pub has_default_strategy: bool,
    /// How it is set.
    pub settings: Settings,
}

/// Reads the cluster; `None` where there is none, or only the memory of one.
pub async fn observe(aws: &Reader, name: &str, stack: &str) -> Result<Option<Observed>, Failure> {
    Ok(describe(aws, name).await?.map(|cluster| {
        let tags = cluster.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)));
        let ownership = Ownership::read(tags);
        Observed {
            arn: cluster.cluster_arn().unwrap_or_default().to_owned(),
            services: cluster.active_services_count(),
            exec: exec(&cluster),
            settings: Settings {
                name: name.to_owned(),
                used_by_this_stack: ownership.is_used_by(stack),
                has_spot: cluster.capacity_providers().iter().any(|provider| provider == SPOT),
            },
            has_default_strategy: !cluster.default_capacity_provider_strategy().is_empty(),
            providers: cluster.capacity_providers().to_vec(),
            ownership,
        }
    }))
}

async fn describe(aws: &Reader, name: &str) -> Result<Option<Cluster>, Failure> {
    let found = aws
        .ecs
        .describe_clusters()
        .clusters(name)
        .include(ClusterField::Tags)
        .include(ClusterField::Configurations)
        .send()
        .await
        .explain("ecs:DescribeClusters", format!("cluster {name}"))?;
    let mut clusters = found.clusters.unwrap_or_default().into_iter();
    Ok(clusters.find(|cluster| cluster.status() == Some("ACTIVE")))
}

/// Where nothing is configured, sessions are logged as the task's `awslogs` driver says.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ExecuteCommandConfiguration.html>
pub fn exec(cluster: &Cluster) -> Exec {
    let configuration = cluster.configuration();
    let Some(command) = configuration.and_then(|found| found.execute_command_configuration())
    else {
        return Exec::default();
    };
    let overridden = command.log_configuration();
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    Exec {
        kms_key: text(command.kms_key_id()),
        logs: overridden.is_some_and(|logs| text(logs.cloud_watch_log_group_name()).is_some()),
        bucket: overridden.and_then(|logs| text(logs.s3_bucket_name())),
    }
}

/// What is missing or differs.
pub fn diff(desired: &Settings, observed: Option<&Observed>) -> Option<Action<Settings>> {
    let Some(observed) = observed else { return Some(Action::Create(desired.clone())) };
    if !observed.ownership.is_managed() {
        return None;
    }
    let has_spot = desired.has_spot || observed.settings.has_spot;
    changed(&observed.arn, &observed.settings, &Settings { has_spot, ..desired.clone() })
}

/// The calls that [`apply`] makes.
pub fn calls(action: &Action<Settings>) -> Vec<&'static str> {
    match action {
        Action::Create(_) => vec!["ecs:CreateCluster"],
        Action::Update { from, to, .. } => {
            let user = match (from.used_by_this_stack, to.used_by_this_stack) {
                (false, true) => Some("ecs:TagResource"),
                (true, false) => Some("ecs:UntagResource"),
                _ => None,
            };
            let spot = is_made_ready(from, to).then_some("ecs:PutClusterCapacityProviders");
            user.into_iter().chain(spot).collect()
        }
        Action::Delete { .. } => vec!["ecs:DeleteCluster"],
    }
}

/// Makes it so; yields the cluster's ARN.
pub async fn apply(
    action: &Action<Settings>,
    tags: &Tags,
    aws: &Writer,
) -> Result<String, Failure> {
    let ecs = &aws.aws.ecs;
    match action {
        Action::Create(to) => create(to, tags, aws).await,
        Action::Update { id, from, to } => {
            match (from.used_by_this_stack, to.used_by_this_stack) {
                (false, true) => register(aws, id, to).await?,
                (true, false) => {
                    let keys = Some(tags::user(&aws.main).into_keys().collect());
                    let request = ecs.untag_resource().resource_arn(id).set_tag_keys(keys);
                    let on = format!("cluster {}", to.name);
                    request.send().await.explain("ecs:UntagResource", on)?;
                }
                _ => {}
            }
            if is_made_ready(from, to) {
                make_ready(aws, to).await?;
            }
            Ok(id.clone())
        }
        Action::Delete { id, settings, .. } => delete(aws, id, settings).await.map(|()| id.clone()),
    }
}

async fn register(aws: &Writer, id: &str, to: &Settings) -> Result<(), Failure> {
    let user = ecs_tags(&tags::user(&aws.main));
    let request = aws.aws.ecs.tag_resource().resource_arn(id).set_tags(Some(user));
    request.send().await.explain("ecs:TagResource", format!("cluster {}", to.name)).map(drop)
}

const fn is_made_ready(from: &Settings, to: &Settings) -> bool {
    to.has_spot && !from.has_spot
}

/// Adds the capacity providers of Fargate. ECS is told of all that a cluster has, and takes away what it
/// is not told of, so it is asked for them right before.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutClusterCapacityProviders.html>
async fn make_ready(aws: &Writer, to: &Settings) -> Result<(), Failure> {
    let is_busy = |failure: &Failure| failure.is("UpdateInProgress");
    aws.settled(TURN, is_busy, async || {
        let found = describe(&aws.aws, &to.name).await?;
        let strategy = found.as_ref().map(Cluster::default_capacity_provider_strategy);
        let mut providers = found.as_ref().map_or(&[][..], Cluster::capacity_providers).to_vec();
        for provider in [ON_DEMAND, SPOT] {
            if !providers.iter().any(|found| found == provider) {
                providers.push(provider.to_owned());
            }
        }
        let request = aws.aws.ecs.put_cluster_capacity_providers().cluster(&to.name);
        let request = request
            .set_capacity_providers(Some(providers))
            .set_default_capacity_provider_strategy(Some(strategy.unwrap_or_default().to_vec()));
        let put = request.send().await;
        put.explain("ecs:PutClusterCapacityProviders", format!("cluster {}", to.name)).map(drop)
    })
    .await
}

const TURN: Settling = settling("another change of its capacity providers");
const ROLE: Settling = settling("ECS's service-linked role");
const TASKS: Settling = settling("its last tasks to stop");

const fn settling(what: &'static str) -> Settling {
    Settling { what, longest: Duration::from_mins(5), pause: Duration::from_secs(5) }
}

/// An account's first cluster makes ECS's service-linked role, which takes some seconds to be of use.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using-service-linked-roles.html>
fn is_not_yet(failure: &Failure) -> bool {
    failure.message.contains("Unable to assume the service linked role")
}

/// The tasks of a service that is gone may still be stopping.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCluster.html>
fn is_still_used(failure: &Failure) -> bool {
    ["ClusterContainsTasks", "ClusterContainsServices", "UpdateInProgress"]
        .iter()
        .any(|code| failure.is(code))
}

async fn create(to: &Settings, tags: &Tags, aws: &Writer) -> Result<String, Failure> {
    let created = aws
        .settled(ROLE, is_not_yet, async || {
            let providers = to.has_spot.then(|| [ON_DEMAND, SPOT].map(str::to_owned).to_vec());
            let request = aws.aws.ecs.create_cluster().cluster_name(&to.name);
            let request = request.set_capacity_providers(providers);
            let created = request.set_tags(Some(ecs_tags(tags))).send().await;
            created.explain("ecs:CreateCluster", format!("cluster {}", to.name))
        })
        .await?;
    let cluster = created.cluster.unwrap_or_else(|| Cluster::builder().build());
    let id = cluster.cluster_arn().unwrap_or_default().to_owned();
    let made = cluster.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)));
    if Ownership::read(made).is_used_by(&aws.main) {
        return Ok(id);
    }
    // ECS gives back a cluster of the name that another run made meanwhile, with that run's tags.
    let found = observe(&aws.aws, &to.name, &aws.main).await?;
    match found.map(|found| found.settings) {
        Some(found) if found.used_by_this_stack => {
            if is_made_ready(&found, to) {
                make_ready(aws, to).await?;
            }
        }
        found => {
            register(aws, &id, to).await?;
            if found.is_some_and(|found| is_made_ready(&found, to)) {
                make_ready(aws, to).await?;
            }
        }
    }
    Ok(id)
}

async fn delete(aws: &Writer, id: &str, settings: &Settings) -> Result<(), Failure> {
    let deleted = aws
        .settled(TASKS, is_still_used, async || {
            let request = aws.aws.ecs.delete_cluster().cluster(id);
            let deleted = request.send().await;
            deleted.explain("ecs:DeleteCluster", format!("cluster {}", settings.name))
        })
        .await;
    match deleted {
        Err(failure) if !failure.is("ClusterNotFound") => Err(failure),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_waited_for() {
        let failure = |code: &str, message: &str| Failure {
            operation: "ecs:DeleteCluster",
            on: "cluster web".to_owned(),
            code: Some(code.to_owned()),
            message: message.to_owned(),
            request_id: None,
        };
        assert!(is_still_used(&failure("ClusterContainsTasksException", "")));
        assert!(!is_still_used(&failure("ClusterContainsContainerInstancesException", "")));
        let role = "Unable to assume the service linked role. Please verify that it exists";
        assert!(is_not_yet(&failure("InvalidParameterException", role)));
        assert!(!is_not_yet(&failure("InvalidParameterException", "Invalid name")));
    }
}
