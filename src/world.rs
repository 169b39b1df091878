//! The snapshot of everything observed. It is read as a whole before anything is decided, with reads
//! that do not depend on one another running at once.

pub mod balancer;
pub mod certificates;
pub mod pull_through;
pub mod tasks;
pub mod topology;
pub mod vpc;

use crate::{
    aws::{Identity, Reader, explain::Failure},
    config::model::{Config, Image, Strategy},
    error::{Error, Result},
    names::Names,
    network::model::Topology,
    plan::task,
    resource::{
        cluster, endpoint, image, listener, load_balancer, log_group, repository, role, rule,
        security_group, service, target_group, task_definition,
    },
};
use balancer::place::Place;
use certificates::Certificates;
use futures_util::{FutureExt as _, future::try_join_all};
use std::collections::{BTreeMap, BTreeSet};
use vpc::Vpc;

/// Everything that a plan is made from, besides the file.
#[derive(Debug, Clone)]
pub struct World {
    /// The account and region.
    pub identity: Identity,
    /// The VPC, its subnets and routes.
    pub vpc: Vpc,
    /// The VPC as the doctor judges it; `None` where nothing is to be judged.
    pub topology: Option<Topology>,
    /// All endpoints of the VPC.
    pub endpoints: Vec<endpoint::Observed>,
    /// The groups that carry our names, by name.
    pub security_groups: BTreeMap<String, security_group::Observed>,
    /// The repository.
    pub repository: Option<repository::Observed>,
    /// The digest of the image that is wanted, where it is pushed already.
    pub digest: Option<String>,
    /// What the registry has of other registries' images, which only a deploy asks for.
    pub pull_through: pull_through::PullThrough,
    /// The roles that carry our names, by name.
    pub roles: BTreeMap<String, role::Observed>,
    /// The log groups that the containers write to, by name.
    pub log_groups: BTreeMap<String, log_group::Observed>,
    /// The cluster.
    pub cluster: Option<cluster::Observed>,
    /// The service.
    pub service: Option<service::Observed>,
    /// A deleted service of its name, whose tasks are being stopped.
    pub draining: Option<service::Observed>,
    /// How many of its tasks stand in each subnet.
    pub tasks: BTreeMap<String, u32>,
    /// The revision that the service runs.
    pub live: Option<task_definition::Observed>,
    /// The family's newest revision.
    pub newest: Option<task_definition::Observed>,
    /// Which load balancer it is that the service stands behind.
    pub place: Place,
    /// For a preview: the names of load balancers that were made for previews, and have none.
    pub unused: Vec<String>,
    /// What is known of the certificates of a preview's host, which only a deploy asks for.
    pub certificates: Certificates,
    /// The load balancer.
    pub load_balancer: Option<load_balancer::Observed>,
    /// Its listeners.
    pub listeners: Vec<listener::Observed>,
    /// The listeners' rules, by the listener's ARN.
    pub rules: BTreeMap<String, Vec<rule::Observed>>,
    /// The target group.
    pub target_group: Option<target_group::Observed>,
    /// The target group that requests move to and from.
    pub alternate_target_group: Option<target_group::Observed>,
}

/// What of the world is wanted, besides what the file names.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The tag under which the image of this run is pushed, where it is looked for.
    pub tag: Option<&'a str>,
    /// The endpoint services that the VPC is judged for, by their short names.
    pub judged: Option<&'a BTreeSet<String>>,
}

/// Reads the world.
pub async fn observe(
    aws: &Reader,
    config: &Config,
    names: &Names,
    wanted: Wanted<'_>,
) -> Result<World> {
    let network = async {
        let vpc = vpc::choose(aws, config.network.vpc.as_deref()).await?;
        Ok::<_, Error>(match wanted.judged {
            Some(services) => {
                let (described, topology) = topology::read(aws, &vpc, services).await?;
                (described, Some(topology))
            }
            None => (vpc::describe(aws, &vpc).await?, None),
        })
    };
    let most = async {
        Ok::<_, Error>(tokio::try_join!(
            image_and_repository(aws, config, wanted.tag),
            roles(aws, names),
            log_groups(aws, config, &aws.region),
            cluster::observe(aws, &config.cluster, &names.main),
            service_and_definitions(aws, config, wanted.judged.is_some()),
            target_group::observe(aws, &names.target_group),
            alternate(aws, config, names),
        )?)
    };
    let everything_else =
        async { tokio::try_join!(most.boxed(), balancer::observe(aws, config, names).boxed()) };
    let ((described, topology), (rest, balancer)) =
        tokio::try_join!(network.boxed(), everything_else.boxed())?;
    let vpc = described.vpc(&aws.region)?;
    let endpoints = endpoint::observed(&described.endpoints?, &vpc.id, &names.main);
    let groups = names.security_groups();
    let security_groups = security_group::observed(&described.groups?, &groups, &names.main);
    let (images, mut roles, log_groups, cluster, running, target_group, alternate) = rest;
    let (alternate_target_group, infrastructure_role) = alternate;
    roles.extend(infrastructure_role.map(|role| (role.settings.name.clone(), role)));
    let (repository, digest) = images;
    let Running { service, draining, tasks, live, newest } = running;
    Ok(World {
        identity: aws.identity().await?.clone(),
        vpc,
        topology,
        endpoints,
        security_groups: security_groups
            .into_iter()
            .map(|group| (group.settings.name.clone(), group))
            .collect(),
        repository,
        digest,
        pull_through: pull_through::PullThrough::default(),
        roles,
        log_groups,
        cluster,
        service,
        draining,
        tasks,
        live,
        newest,
        place: balancer.place,
        unused: balancer.unused,
        certificates: Certificates::default(),
        load_balancer: balancer.found,
        listeners: balancer.listeners,
        rules: balancer.rules,
        target_group,
        alternate_target_group,
    })
}

async fn image_and_repository(
    aws: &Reader,
    config: &Config,
    tag: Option<&str>,
) -> Result<(Option<repository::Observed>, Option<String>), Failure> {
    match &config.image {
        Image::Uri(uri) => Ok((None, image::observe_uri(aws, uri).await?)),
        Image::Build(build) => {
            let image = async {
                match tag {
                    Some(tag) => image::observe(aws, &build.repository, tag).await,
                    None => Ok(None),
                }
            };
            tokio::try_join!(repository::observe(aws, &build.repository), image)
        }
    }
}

async fn roles(aws: &Reader, names: &Names) -> Result<BTreeMap<String, role::Observed>, Failure> {
    let of_main = names.of_main.iter().flat_map(|main| [&main.execution_role, &main.task_role]);
    let all = [&names.execution_role, &names.task_role].into_iter().chain(of_main);
    let found = all.map(|name| role::observe(aws, name));
    let found = try_join_all(found).await?;
    Ok(found.into_iter().flatten().map(|role| (role.settings.name.clone(), role)).collect())
}

type Alternate = (Option<target_group::Observed>, Option<role::Observed>);

/// What only a service has whose requests move, or once moved. The role is asked for only then: a
/// deploy that needs none needs no permission to read it.
async fn alternate(aws: &Reader, config: &Config, names: &Names) -> Result<Alternate, Failure> {
    if names.preview_of.is_some() {
        return Ok((None, None));
    }
    let role = || role::observe(aws, &names.infrastructure_role);
    let group = target_group::observe(aws, &names.alternate_target_group);
    if matches!(config.rollout.strategy, Strategy::Shift(_)) {
        return tokio::try_join!(group, role());
    }
    let group = group.await?;
    let is_ours = group.as_ref().is_some_and(|found| found.ownership.is_of(&names.stack));
    let role = if is_ours { role().await? } else { None };
    Ok((group, role))
}

async fn log_groups(
    aws: &Reader,
    config: &Config,
    region: &str,
) -> Result<BTreeMap<String, log_group::Observed>, Failure> {
    let names = task::log_groups(config, region);
    let found = try_join_all(names.iter().map(|name| log_group::observe(aws, name))).await?;
    Ok(found.into_iter().flatten().map(|group| (group.settings.name.clone(), group)).collect())
}

type Definition = Option<task_definition::Observed>;

struct Running {
    service: Option<service::Observed>,
    draining: Option<service::Observed>,
    tasks: BTreeMap<String, u32>,
    live: Definition,
    newest: Definition,
}

async fn service_and_definitions(
    aws: &Reader,
    config: &Config,
    counts_tasks: bool,
) -> Result<Running, Failure> {
    let family = task::family(config);
    let (found, newest) = tokio::try_join!(
        service::observe(aws, &config.cluster, &config.service),
        task_definition::observe(aws, &family),
    )?;
    let (draining, service) = match found {
        Some(found) if found.kind.is_draining => (Some(found), None),
        found => (None, found),
    };
    let live = async {
        let revision = service.as_ref().and_then(|found| found.settings.task_definition.now());
        match (revision, &newest) {
            (None, _) => Ok(None),
            // It is read already, as in most runs.
            (Some(revision), Some(newest)) if newest.arn == revision => Ok(Some(newest.clone())),
            (Some(revision), _) => task_definition::observe(aws, revision).await,
        }
    };
    let tasks = async {
        if service.is_none() || !counts_tasks {
            return Ok(BTreeMap::new());
        }
        tasks::by_subnet(&aws.ecs, &config.cluster, &config.service).await
    };
    let (live, tasks) = tokio::try_join!(live, tasks)?;
    Ok(Running { service, draining, tasks, live, newest })
}
