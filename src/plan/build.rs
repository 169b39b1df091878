//! Desired against world: the plan of a deploy. Pure.

mod addresses;
mod clusters;
mod endpoints;
mod groups;
mod ingress;
mod judge;
mod leftovers;
mod pull_through;
mod roles;
mod runs;
mod shift;
mod standing;
mod target_groups;

use super::{Plan, change::Change, namesake, task};
use crate::{
    address::{Address, Kind, Known},
    config::model::{Config, Image},
    context::Context,
    error::{Error, Result},
    image::registry_uri,
    names::Names,
    network::{
        needs::needs,
        picture::{self, Picture},
        placement::{Placement, Standing, place},
    },
    resource::{
        Action, image, log_group, repository, service,
        service::{Shifting, configuration::Configuration},
        task_definition,
    },
    world::World,
};
use std::collections::BTreeSet;

/// What the plan of a deploy is made from.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The file.
    pub config: &'a Config,
    /// What this run is.
    pub context: &'a Context,
    /// What things are called.
    pub names: &'a Names,
    /// The tag under which the image is pushed; `None` where the file names an image.
    pub tag: Option<&'a str>,
    /// What is there.
    pub world: &'a World,
}

impl Inputs<'_> {
    fn address(&self, kind: Kind) -> Address {
        Address::new(kind, &self.config.service)
    }

    /// Whether it is a pull request's service, for which nothing is changed that others use.
    fn is_preview(&self) -> bool {
        self.config.preview_of.is_some()
    }
}

/// Computes the plan. A refusal says what was looked for, what was found, and what to do.
pub fn plan(inputs: &Inputs<'_>) -> Result<Plan> {
    let Inputs { config, names, world, .. } = *inputs;
    namesake::check(names, world)?;
    let mut plan = Plan::default();
    let follows_drained = standing::check(inputs, &mut plan)?;
    let shift = shift::wanted(inputs);
    let placement = placement(inputs)?;
    plan.warnings.extend(placement.warnings.iter().cloned());

    let pulled = pull_through::images(inputs, &mut plan)?;
    let image = match pulled.get(&config.task.container) {
        Some(image) => image.clone(),
        None => image(inputs, &mut plan)?,
    };
    let needs = needs(&task::facts(config, &world.identity, running(inputs)));
    let test_port = shift.and_then(|shift| shift.test_port);
    let groups = groups::security_groups(inputs, test_port, &mut plan)?;
    let group = groups.endpoints.as_ref();
    let endpoints = endpoints::endpoints(inputs, &placement, group, &needs, &mut plan)?;
    let balancer = ingress::load_balancer(inputs, &placement, &groups.load_balancer, &mut plan);
    let target_group = target_groups::one(inputs, &mut plan)?;
    let alternate = shift.map(|_| target_groups::other(inputs, &mut plan)).transpose()?;
    let to = ingress::To { one: &target_group, other: alternate.as_ref(), test_port };
    let way_in = ingress::way_in(inputs, &balancer, &to, &mut plan)?;
    let (log_group, log_groups) = log_groups(inputs, &mut plan);
    let (execution_role, task_role) = roles::of_the_task(inputs, &mut plan);
    let shifting = match (alternate, &way_in.rule) {
        (Some(alternate_target_group), Some(rule)) => Some(Box::new(Shifting {
            alternate_target_group,
            production_rule: rule.clone(),
            test_rule: way_in.test_rule.clone(),
            role: shift::role(inputs, &mut plan),
        })),
        _ => None,
    };
    let role = execution_role.as_ref();
    let judged = judge::judge(inputs, &placement, &groups, role, &needs, &mut plan)?;
    plan.addresses = addresses::addresses(inputs, &placement, &plan)?;
    plan.picture = judged.map(|judged| {
        picture::mermaid(&Picture {
            vpc: &judged.vpc,
            task: &judged.task,
            findings: &judged.diagnosis.findings,
            load_balancer: Some(picture::LoadBalancer {
                name: &world.place.name,
                subnets: &placement.load_balancer,
                is_internet_facing: true,
            }),
        })
    });
    let clusters::Planned { cluster, ready } = clusters::cluster(inputs, &mut plan)?;

    let mentioned = task::Mentioned { image, pulled, execution_role, task_role, log_group };
    let task_definition = task_definition(inputs, &mentioned, &mut plan);

    let of_tasks: Vec<_> = endpoints.into_iter().chain(log_groups).collect();
    let mut stands_on = way_in.stands_on;
    stands_on.extend(of_tasks.iter().cloned().chain(ready));
    let desired = service::Settings {
        name: config.service.clone(),
        cluster,
        task_definition,
        subnets: placement.tasks,
        security_groups: BTreeSet::from([groups.task]),
        assign_public_ip: "DISABLED".to_owned(),
        platform_version: service::PLATFORM_VERSION.to_owned(),
        target_group,
        shifting,
        container: config.task.container.clone(),
        port: config.task.port,
        desired_count: config.rollout.desired_count,
        on_spot: config.preview.as_ref().filter(|_| inputs.is_preview()).map(|it| it.spot),
        deployment_configuration: Box::new(Configuration::desired(&config.rollout)),
        health_check_grace_period: config.load_balancer.health_check.grace_period,
        last_deployment_failed: false,
        stands_on,
        follows_drained,
        owes_tasks: false,
    };
    let observed = world.service.as_ref();
    let mut change = service::diff(&desired, observed);
    if let (Some(_), Some(found)) = (&change, observed)
        && !found.ownership.is_of(&names.stack)
    {
        return Err(not_ours(
            &format!("service `{}` in cluster `{}`", config.service, config.cluster),
            &format!(
                "aws ecs tag-resource --resource-arn {} --tags key={},value={}",
                found.arn,
                crate::tags::STACK,
                names.stack
            ),
        ));
    }
    if let Some(deployment) = shift::in_the_way(change.as_ref(), observed) {
        return Err(Error::refused(
            format!(
                "service `{}` is being deployed ({}), and ECS changes its strategy only after that",
                config.service, deployment.id
            ),
            "wait until that deployment is over, or end it: ecs-private-deploy rollback",
        ));
    }
    plan.warnings.extend(shift::warnings(change.as_ref()));
    let reason = service_reason(change.as_ref());
    plan.warnings.extend(runs::left_out(inputs));
    runs::before(inputs, &desired, &mut change, &of_tasks, &mut plan);
    runs::after(inputs, &desired, &mut change, &mut plan);
    plan.add(inputs.address(Kind::Service), change.map(Change::Service), &reason);
    leftovers::leftovers(inputs, test_port, &mut plan);
    Ok(plan)
}

/// What the service's own settings say of its tasks: this program leaves them as they are.
fn running(inputs: &Inputs<'_>) -> task::Running {
    let Inputs { world, .. } = *inputs;
    let prefixes = world.pull_through.prefixes.clone();
    let Some(service) = &world.service else {
        return task::Running { prefixes, ..task::Running::default() };
    };
    let exec = world.cluster.as_ref().map(|cluster| cluster.exec.clone()).unwrap_or_default();
    task::Running {
        exec: service.has_exec.then_some(exec),
        service_connect: service.has_service_connect,
        prefixes,
    }
}

/// What to say of a thing that carries our name and not our tag.
fn not_ours(what: &str, hand_over: &str) -> Error {
    Error::refused(
        format!(
            "{what} exists, differs from what the file asks for, and was not made by this program"
        ),
        format!("choose another name, or hand it over: {hand_over}"),
    )
}

fn placement(inputs: &Inputs<'_>) -> Result<Placement> {
    let Inputs { config, world, .. } = *inputs;
    if let Some(found) = &world.load_balancer {
        ingress::check_given(found, &world.vpc)?;
    }
    let standing = world.load_balancer.as_ref().map(|found| Standing {
        subnets: &found.settings.subnets,
        is_ours: found.ownership.is_managed(),
    });
    place(&world.vpc.subnets, standing).map_err(|mut problem| {
        problem.what = format!("{} (in {})", problem.what, world.vpc.id);
        if config.network.vpc.is_none() {
            problem.found.push(format!("{} is the only VPC of the region", world.vpc.id));
        }
        Error::Refused(*problem)
    })
}

/// The image's reference with its digest: of the one that is there, or of the one that is built.
fn image(inputs: &Inputs<'_>, plan: &mut Plan) -> Result<Known> {
    let Inputs { config, context, world, tag, .. } = *inputs;
    let region = &world.identity.region;
    let build = match &config.image {
        Image::Uri(uri) => {
            let Some(digest) = &world.digest else {
                return Err(Error::refused(
                    format!("image `{uri}` does not exist in ECR"),
                    "push it first, or check its repository, tag and account",
                ));
            };
            let (repository, _) = image::split(uri);
            return Ok(Known::Now(format!("{repository}@{digest}")));
        }
        Image::Build(build) => build,
    };
    let address = Address::new(Kind::Repository, &build.repository);
    let cached = build.cache != crate::config::model::Cache::None;
    let desired =
        repository::desired(&build.repository, build.keep, cached, config.preview.is_some());
    let observed = world.repository.as_ref();
    let is_others =
        |change: &Action<_>| inputs.is_preview() && matches!(change, Action::Update { .. });
    let change = repository::diff(&desired, observed).filter(|change| !is_others(change));
    let reason = match &change {
        Some(Action::Update { .. }) => "its settings differ".to_owned(),
        _ => format!("no such repository in {region}"),
    };
    if let Some(found) = observed.filter(|found| !found.ownership.is_managed())
        && found.settings.image_tag_mutability == "MUTABLE"
    {
        plan.warnings.push(format!(
            "repository {} was not made by this program and lets tags be overwritten; the digest is what is deployed",
            build.repository
        ));
    }
    plan.add(address.clone(), change.map(Change::Repository), &reason);
    let repository = observed.map_or(Known::After(address), |found| Known::Now(found.uri.clone()));

    let tag = tag.unwrap_or_default();
    let address = inputs.address(Kind::Image);
    if let (Some(digest), Known::Now(uri)) = (&world.digest, &repository) {
        plan.unchanged += 1;
        return Ok(Known::Now(format!(
            "{}@{digest}",
            registry_uri(uri, context.registry.as_deref())
        )));
    }
    let desired = image::Settings { repository, tag: tag.to_owned(), build: build.clone() };
    let change = image::diff(&desired, None).map(Change::Image);
    plan.add(address.clone(), change, &format!("no image under the tag {tag}"));
    Ok(Known::After(address))
}

/// The log groups; yields the one of the `task:` block, as the task definition mentions it, and all that
/// the service has to wait for.
fn log_groups(inputs: &Inputs<'_>, plan: &mut Plan) -> (Option<Known>, Vec<Known>) {
    let Inputs { config, world, .. } = *inputs;
    let mut all = Vec::new();
    for name in task::log_groups(config, &world.identity.region) {
        let desired = log_group::Settings {
            name: name.clone(),
            retention_in_days: Some(config.logs.retention_in_days),
        };
        let observed = world.log_groups.get(&name);
        let change = log_group::diff(&desired, observed);
        let reason = match &change {
            Some(Action::Update { .. }) => "its retention differs",
            _ => "a task does not start without it",
        };
        let address = Address::new(Kind::LogGroup, name.trim_start_matches('/'));
        plan.add(address.clone(), change.map(Change::LogGroup), reason);
        all.push(observed.map_or(Known::After(address), |_| Known::Now(name)));
    }
    let is_block = matches!(config.task.definition, crate::config::model::Definition::Block(_));
    (all.first().filter(|_| is_block).cloned(), all)
}

fn task_definition(inputs: &Inputs<'_>, mentioned: &task::Mentioned, plan: &mut Plan) -> Known {
    let Inputs { config, world, .. } = *inputs;
    let desired = task::definition(config, &world.identity.region, mentioned);
    let (live, newest) = (world.live.as_ref(), world.newest.as_ref());
    let address = Address::new(Kind::TaskDefinition, desired.family());
    if let Some(found) = task_definition::find(&desired, live, newest) {
        plan.unchanged += 1;
        return Known::Now(found.arn.clone());
    }
    let before = live.or(newest);
    let reason =
        if before.is_some() { "differs from the revision that runs" } else { "no revision yet" };
    let action = task_definition::register(&desired, before);
    plan.add(address.clone(), Some(Change::TaskDefinition(action)), reason);
    Known::After(address)
}

fn service_reason(change: Option<&Action<service::Settings>>) -> String {
    match change {
        Some(Action::Update { from, to, .. }) if from.task_definition != to.task_definition => {
            "a new revision of its task definition".to_owned()
        }
        Some(Action::Update { from, .. }) if from.last_deployment_failed => {
            "its last deployment failed".to_owned()
        }
        Some(Action::Update { .. }) => "its settings differ".to_owned(),
        _ => "no such service".to_owned(),
    }
}
