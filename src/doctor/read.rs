//! Finds out what is to be examined, and reads the VPC that it stands in.

use super::subject::{Service, Subject};
use crate::{
    aws::{
        Identity, Reader,
        explain::{Explain as _, Failure},
    },
    cli,
    config::{self, model::Config},
    error::{Error, Result},
    network::{
        facts::{self, Home},
        model::Topology,
        needs::{TaskFacts, endpoint_services},
    },
    plan::task,
    resource::{cluster, service as ecs_service, task_definition},
    world::{tasks, topology, vpc},
};
use aws_sdk_ecs::types::{AssignPublicIp, Cluster, ClusterField, DeploymentConfiguration};
use aws_sdk_elasticloadbalancingv2::types::LoadBalancerSchemeEnum;
use futures_util::FutureExt as _;
use serde_json::Value;
use std::{collections::BTreeSet, path::Path};

/// A service that somebody deployed, named by the flags.
pub(super) async fn of_service(
    aws: &Reader,
    described: Described,
    given: &cli::Doctor,
    config: Option<&Config>,
) -> Result<(Subject, Topology)> {
    let settings = described.settings();
    let Described { service, running, unread, .. } = described;
    let network =
        service.network_configuration().and_then(|network| network.awsvpc_configuration());
    let name = service.service_name().unwrap_or_default().to_owned();
    let Some(network) = network else {
        return Err(Error::refused(
            format!("service `{name}` does not run in `awsvpc` network mode"),
            "only tasks with a network interface of their own are judged, as Fargate's are",
        ));
    };
    let subject = async {
        if let Some(config) = config {
            let facts = task::facts(config, aws.identity().await?, settings);
            return Ok::<_, Error>(Subject { facts, ..Subject::default() });
        }
        let revision = service.task_definition().unwrap_or_default();
        let document = definition(aws, revision).await?;
        Ok(of_definition(aws.identity().await?, &document, settings, given))
    };
    let subnets: BTreeSet<_> = network.subnets().iter().cloned().collect();
    let (subject, which, load_balancer) = tokio::join!(
        subject.boxed(),
        vpc::of_subnets(aws, &subnets).boxed(),
        load_balancer(aws, &service).boxed(),
    );
    let (mut subject, which): (Subject, _) = (subject?, which?);
    let cluster = service.cluster_arn().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default();
    subject.title = format!("service {name} of cluster {cluster}");
    subject.has_public_address = network.assign_public_ip() == Some(&AssignPublicIp::Enabled);
    // ECS gives the VPC's own group to a task that is given none.
    // <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html>
    let groups: BTreeSet<_> = network.security_groups().iter().cloned().collect();
    subject.groups = Some(groups);
    subject.subnets = Some(subnets);
    subject.assumed.extend(unread);
    subject.load_balancer = load_balancer.unwrap_or_else(|failure| {
        subject.assumed.push(untold(&failure, "the load balancer is not drawn"));
        None
    });
    let deployment = service.deployment_configuration();
    let maximum = deployment.and_then(DeploymentConfiguration::maximum_percent).unwrap_or(200);
    subject.service = Some(Service {
        desired_count: service.desired_count().try_into().unwrap_or(0),
        maximum_percent: maximum.try_into().unwrap_or(200),
        running,
    });
    let topology = topology::observe(aws, &which, &endpoint_services(&subject.facts)).await?;
    if subject.groups.as_ref().is_some_and(BTreeSet::is_empty) {
        subject.groups = topology.default_group().map(|id| BTreeSet::from([id]));
    }
    Ok((subject, topology))
}

/// A task definition in a VPC, without any service.
pub(super) async fn of_task(aws: &Reader, given: &cli::Doctor) -> Result<(Subject, Topology)> {
    let subnets: BTreeSet<_> = given.subnets.iter().cloned().collect();
    let document = async {
        match &given.task_definition {
            None => Ok(None),
            Some(name) if is_file(name) => config::task_definition(Path::new(name)).map(Some),
            Some(name) => definition(aws, name).await.map(Some),
        }
    };
    let which = async {
        match (&given.vpc, subnets.is_empty()) {
            (None, false) => vpc::of_subnets(aws, &subnets).await,
            (vpc, _) => vpc::choose(aws, vpc.as_deref()).await,
        }
    };
    let (document, which) = tokio::join!(document.boxed(), which.boxed());
    let (document, which) = (document?, which?);
    let mut subject = match (&document, &given.task_definition) {
        (Some(document), Some(name)) => {
            let identity = aws.identity().await?;
            let mut subject = of_definition(identity, document, task::Running::default(), given);
            let file = Path::new(name).file_name().filter(|_| is_file(name));
            let name = file.map_or(name.as_str().into(), |file| file.to_string_lossy());
            subject.title = format!("task definition {name}");
            subject
        }
        _ => Subject {
            title: "a task".to_owned(),
            facts: TaskFacts {
                region: aws.region.clone(),
                log_groups: Some(BTreeSet::new()),
                reach: given.reach.iter().cloned().collect(),
                ..TaskFacts::default()
            },
            assumed: vec![
                "no task definition is named: an image in ECR, and logs in CloudWatch".to_owned(),
            ],
            ..Subject::default()
        },
    };
    subject.subnets = Some(subnets).filter(|subnets| !subnets.is_empty());
    let groups: BTreeSet<_> = given.security_groups.iter().cloned().collect();
    subject.groups = Some(groups).filter(|groups| !groups.is_empty());
    let topology = topology::observe(aws, &which, &endpoint_services(&subject.facts)).await?;
    Ok((subject, topology))
}

/// The service of the file, as it stands; or where it would stand.
pub(super) async fn of_file(
    aws: &Reader,
    config: &Config,
    described: Option<Described>,
    given: &cli::Doctor,
) -> Result<(Subject, Topology)> {
    if let Some(described) = described {
        return of_service(aws, described, given, Some(config)).boxed().await;
    }
    let facts = task::facts(config, aws.identity().await?, task::Running::default());
    let which = vpc::choose(aws, config.network.vpc.as_deref()).await?;
    let topology = topology::observe(aws, &which, &endpoint_services(&facts)).await?;
    let Config { service, cluster, rollout, .. } = config;
    let subject = Subject {
        title: format!("service {service} of cluster {cluster}"),
        facts,
        service: Some(Service {
            desired_count: rollout.desired_count.unwrap_or(1),
            maximum_percent: rollout.maximum_percent,
            ..Service::default()
        }),
        assumed: vec!["the service does not exist yet".to_owned()],
        ..Subject::default()
    };
    Ok((subject, topology))
}

/// What ECS says of a service, read at once.
#[derive(Debug)]
pub(super) struct Described {
    service: aws_sdk_ecs::types::Service,
    cluster: Option<Cluster>,
    running: std::collections::BTreeMap<String, u32>,
    /// What was refused, and what is taken for granted in its place.
    unread: Vec<String>,
}

impl Described {
    /// What it says of its tasks beside their definition.
    fn settings(&self) -> task::Running {
        let exec = || self.cluster.as_ref().map(cluster::exec).unwrap_or_default();
        task::Running {
            exec: self.service.enable_execute_command().then(exec),
            service_connect: ecs_service::has_service_connect(&self.service),
            ..task::Running::default()
        }
    }
}

/// Reads a service; `None` where there is none of that name.
pub(super) async fn describe(
    ecs: &aws_sdk_ecs::Client,
    cluster: &str,
    name: &str,
) -> Result<Option<Described>, Failure> {
    let on = format!("service {name} in cluster {cluster}");
    let service = ecs.describe_services().cluster(cluster).services(name).send();
    let clusters = ecs.describe_clusters().clusters(cluster);
    let clusters = clusters.include(ClusterField::Configurations).send();
    let (service, clusters, running) =
        tokio::join!(service, clusters, tasks::by_subnet(ecs, cluster, name));
    let service = match service.explain("ecs:DescribeServices", &on) {
        Err(failure) if failure.is("ClusterNotFound") => return Ok(None),
        service => service?,
    };
    let found = service.services.unwrap_or_default().into_iter();
    let active = found.into_iter().find(|service| service.status() == Some("ACTIVE"));
    let clusters = clusters.explain("ecs:DescribeClusters", format!("cluster {cluster}"));
    let refused = [
        clusters.as_ref().err().map(|why| untold(why, "ECS Exec is taken to log as the tasks do")),
        running.as_ref().err().map(|why| untold(why, "no task is counted as having its address")),
    ];
    Ok(active.map(|service| Described {
        service,
        cluster: clusters.ok().and_then(|found| found.clusters?.into_iter().next()),
        running: running.unwrap_or_default(),
        unread: refused.into_iter().flatten().collect(),
    }))
}

/// What a read that one can do without would have told.
fn untold(failure: &Failure, instead: &str) -> String {
    let code = failure.code.as_deref().unwrap_or("no answer");
    format!("{} could not be read ({code}): {instead}", failure.operation)
}

fn of_definition(
    identity: &Identity,
    document: &Value,
    running: task::Running,
    given: &cli::Doctor,
) -> Subject {
    let home = Home { region: &identity.region, account: &identity.account };
    Subject {
        facts: TaskFacts {
            exec: running.exec,
            service_connect: running.service_connect,
            reach: given.reach.iter().cloned().collect(),
            ..facts::of(document, home)
        },
        execution_role: document["executionRoleArn"].as_str().map(str::to_owned),
        assumed: facts::unjudged(document),
        ..Subject::default()
    }
}

/// A family's name has no such characters.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html>
fn is_file(name: &str) -> bool {
    !name.starts_with("arn:") && name.contains(['/', '.'])
}

async fn definition(aws: &Reader, name: &str) -> Result<Value> {
    let found = task_definition::document(aws, name).await?;
    found.ok_or_else(|| {
        Error::refused(
            format!("there is no task definition `{name}` in {}", aws.region),
            "name a family, `family:revision`, its ARN, or a file (with its folder: `./web.json`)",
        )
    })
}

/// The load balancer of the service's first target group. It is drawn, and judged by nobody.
async fn load_balancer(
    aws: &Reader,
    service: &aws_sdk_ecs::types::Service,
) -> Result<Option<super::subject::LoadBalancer>, Failure> {
    let group = service.load_balancers().first().and_then(|found| found.target_group_arn());
    let Some(group) = group else { return Ok(None) };
    let groups = aws.elb.describe_target_groups().target_group_arns(group).send().await;
    let groups = groups.explain("elasticloadbalancing:DescribeTargetGroups", group)?;
    let arn = groups.target_groups().first().and_then(|found| found.load_balancer_arns().first());
    let Some(arn) = arn else { return Ok(None) };
    let found = aws.elb.describe_load_balancers().load_balancer_arns(arn).send().await;
    let found = found.explain("elasticloadbalancing:DescribeLoadBalancers", arn)?;
    Ok(found.load_balancers().first().and_then(|found| {
        let zones = found.availability_zones().iter();
        let scheme = found.scheme().map(LoadBalancerSchemeEnum::as_str);
        Some(super::subject::LoadBalancer {
            name: found.load_balancer_name()?.to_owned(),
            subnets: zones.filter_map(|zone| zone.subnet_id().map(str::to_owned)).collect(),
            is_internet_facing: scheme == Some("internet-facing"),
        })
    }))
}
