//! What stands of previews, whole or in part: lists of AWS, each read once and all at the same time,
//! however many previews there are.

use super::found::{Balancer, Listed, NUMBER_MARK, Service};
use crate::{
    aws::{
        Reader,
        explain::{Explain as _, Failure},
    },
    config::model::Config,
    plan::task,
    resource::{load_balancer, target_group},
    tags::{self, Ownership},
};
use aws_sdk_ec2::types::Filter;
use aws_sdk_ecs::{
    operation::describe_services::DescribeServicesOutput,
    types::{CapacityProviderStrategyItem, Deployment, ServiceField},
};
use aws_smithy_types::DateTime;
use futures_util::future::try_join_all;
use std::collections::{BTreeMap, BTreeSet};

/// How many services ECS describes at once.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html>
const SERVICES: usize = 10;

/// Lists what may belong to previews of this file's service.
pub async fn list(aws: &Reader, main: &Config) -> Result<Listed, Failure> {
    let (services, families, log_groups, target_groups, security_groups, roles, load_balancers) = tokio::try_join!(
        services(aws, main),
        families(aws, main),
        log_groups(aws, main),
        target_groups(aws),
        security_groups(aws, main),
        roles(aws),
        load_balancers(aws),
    )?;
    Ok(Listed {
        services,
        families,
        log_groups,
        target_groups,
        security_groups,
        roles,
        load_balancers,
    })
}

fn may_be_one(name: &str) -> bool {
    name.contains(NUMBER_MARK)
}

fn seconds(time: Option<&DateTime>) -> Option<i64> {
    time.map(DateTime::secs)
}

async fn services(aws: &Reader, main: &Config) -> Result<BTreeMap<String, Service>, Failure> {
    let cluster = &main.cluster;
    let on = format!("cluster {cluster}");
    let pages = aws.ecs.list_services().cluster(cluster).into_paginator().items().send();
    let arns = match pages.collect::<Result<Vec<_>, _>>().await.explain("ecs:ListServices", &on) {
        Err(failure) if failure.is("ClusterNotFound") => return Ok(BTreeMap::new()),
        arns => arns?,
    };
    let arns: Vec<_> = arns.into_iter().filter(|arn| may_be_one(arn)).collect();
    let pages = arns.chunks(SERVICES).map(|arns| async {
        let request = aws.ecs.describe_services().cluster(cluster).include(ServiceField::Tags);
        let request = request.set_services(Some(arns.to_vec()));
        request.send().await.explain("ecs:DescribeServices", &on)
    });
    let pages = try_join_all(pages).await?;
    let active = pages
        .iter()
        .flat_map(DescribeServicesOutput::services)
        .filter(|service| service.status() == Some("ACTIVE"));
    Ok(active
        .filter_map(|found| Some((found.service_name()?.to_owned(), service(found))))
        .collect())
}

fn service(found: &aws_sdk_ecs::types::Service) -> Service {
    let tags = found.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)));
    let primary = found.deployments().iter().find(|found| found.status() == Some("PRIMARY"));
    let is_spot = |item: &CapacityProviderStrategyItem| item.capacity_provider() == "FARGATE_SPOT";
    let count = |count: i32| u32::try_from(count).unwrap_or(0);
    Service {
        ownership: Ownership::read(tags),
        since: seconds(found.created_at()),
        deployed: seconds(primary.and_then(Deployment::created_at)),
        desired: count(found.desired_count()),
        running: count(found.running_count()),
        task_definition: found.task_definition().unwrap_or_default().to_owned(),
        is_spot: found.capacity_provider_strategy().iter().any(is_spot),
    }
}

async fn families(aws: &Reader, main: &Config) -> Result<BTreeSet<String>, Failure> {
    let request = aws.ecs.list_task_definition_families().status("ACTIVE".into());
    // A name that is shortened goes on otherwise than the family's.
    let prefix: String = task::family(main).chars().take(PREFIX).collect();
    let pages = request.family_prefix(&prefix).into_paginator().items().send();
    let found = pages.collect::<Result<Vec<_>, _>>().await;
    let found = found.explain("ecs:ListTaskDefinitionFamilies", format!("families {prefix}*"))?;
    Ok(found.into_iter().filter(|name| may_be_one(name)).collect())
}

/// As much of a name as is never shortened, whatever the pull request's number.
const PREFIX: usize = 200;

async fn log_groups(aws: &Reader, main: &Config) -> Result<BTreeMap<String, Option<i64>>, Failure> {
    let prefix: String = main.logs.group.chars().take(PREFIX).collect();
    let request = aws.logs.describe_log_groups().log_group_name_prefix(&prefix);
    let pages = request.into_paginator().items().send();
    let found = pages.collect::<Result<Vec<_>, _>>().await;
    let found = found.explain("logs:DescribeLogGroups", format!("log groups {prefix}*"))?;
    let groups = found.into_iter().filter_map(|group| {
        // CloudWatch counts milliseconds.
        let made = group.creation_time().map(|made| made / 1000);
        Some((group.log_group_name?, made))
    });
    Ok(groups.filter(|(name, _)| may_be_one(name)).collect())
}

async fn target_groups(aws: &Reader) -> Result<BTreeMap<String, Option<String>>, Failure> {
    let groups = target_group::all(aws).await?.into_iter().map(|group| (group.name, group.by));
    Ok(groups.filter(|(name, _)| may_be_one(name)).collect())
}

async fn load_balancers(aws: &Reader) -> Result<BTreeMap<String, Balancer>, Failure> {
    let balancers = load_balancer::all(aws).await?.into_iter().filter_map(|found| {
        let (name, dns) = (found.load_balancer_name?, found.dns_name?);
        Some((found.load_balancer_arn?, Balancer { name, dns }))
    });
    Ok(balancers.collect())
}

async fn security_groups(aws: &Reader, main: &Config) -> Result<BTreeSet<String>, Failure> {
    let filter =
        Filter::builder().name(format!("tag:{}", tags::PREVIEW_OF)).values(&main.service).build();
    let request = aws.ec2.describe_security_groups().filters(filter);
    let pages = request.into_paginator().items().send();
    let found = pages.collect::<Result<Vec<_>, _>>().await;
    let on = format!("security groups of previews of {}", main.service);
    let found = found.explain("ec2:DescribeSecurityGroups", on)?;
    Ok(found.into_iter().filter_map(|group| group.group_name).collect())
}

async fn roles(aws: &Reader) -> Result<BTreeMap<String, Option<i64>>, Failure> {
    /// IAM's largest page.
    /// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html>
    const PAGE: i32 = 1000;
    let pages = aws.iam.list_roles().max_items(PAGE).into_paginator().items().send();
    let found = pages.collect::<Result<Vec<_>, _>>().await;
    let found = found.explain("iam:ListRoles", "all roles")?;
    let roles = found.into_iter().map(|role| (role.role_name, Some(role.create_date.secs())));
    Ok(roles.filter(|(name, _)| may_be_one(name)).collect())
}
