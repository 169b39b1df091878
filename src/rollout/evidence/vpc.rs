//! Reads the VPC that the deployment's tasks were to start in, as the doctor does.

use crate::{
    aws::{
        Reader,
        explain::{Explain as _, Failure},
    },
    diagnosis::ground::Ground,
    error::Error,
    network::{
        facts::{self, Home},
        needs::{endpoint_services, needs},
        verdict::Task,
    },
    rollout::{Target, state::Deployment},
    world::{topology, vpc},
};
use aws_sdk_ecs::types::{AssignPublicIp, AwsVpcConfiguration, NetworkConfiguration, Service};
use futures_util::FutureExt as _;
use serde_json::Value;
use std::collections::BTreeSet;

/// The VPC, the task and its needs.
pub(super) async fn ground(
    aws: &Reader,
    target: &Target,
    ours: &Deployment,
    definition: &Value,
) -> Result<Ground, String> {
    let refused = |failure: Failure| failure.problem().what;
    let network = network(aws, target, ours).boxed().await.map_err(refused)?;
    let network = network.ok_or("the service has no network of its own")?;
    let subnets: BTreeSet<_> = network.subnets().iter().cloned().collect();
    let identity = aws.identity().await.map_err(|error| unread(&error))?;
    let home = Home { region: &identity.region, account: &identity.account };
    let facts = facts::of(definition, home);
    let which = vpc::of_subnets(aws, &subnets).boxed().await.map_err(|error| unread(&error))?;
    let services = endpoint_services(&facts);
    let vpc =
        topology::observe(aws, &which, &services).boxed().await.map_err(|error| unread(&error))?;
    let mut groups: BTreeSet<_> = network.security_groups().iter().cloned().collect();
    if groups.is_empty() {
        groups.extend(vpc.default_group());
    }
    let task = Task {
        subnets,
        groups,
        has_public_address: network.assign_public_ip() == Some(&AssignPublicIp::Enabled),
        execution_role: definition["executionRoleArn"].as_str().map(str::to_owned),
    };
    Ok(Ground { vpc, task, needs: needs(&facts) })
}

/// Where the deployment's tasks were to run. After a rollback the service's own settings may be those of the
/// version before.
async fn network(
    aws: &Reader,
    target: &Target,
    ours: &Deployment,
) -> Result<Option<AwsVpcConfiguration>, Failure> {
    let Target { cluster, service, .. } = target;
    let on = format!("service {service} in cluster {cluster}");
    let found = aws.ecs.describe_services().cluster(cluster).services(service).send().await;
    let found = found.explain("ecs:DescribeServices", on)?;
    let service = found.services().first();
    let deployments = service.map(Service::deployments).unwrap_or_default();
    let deployment = deployments.iter().find(|found| found.id() == Some(ours.id.as_str()));
    let network = deployment
        .and_then(|deployment| deployment.network_configuration())
        .or(service.and_then(|service| service.network_configuration()))
        .and_then(NetworkConfiguration::awsvpc_configuration);
    Ok(network.cloned())
}

/// The first line of what went wrong: the rest is advice for a run of its own.
fn unread(error: &Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
