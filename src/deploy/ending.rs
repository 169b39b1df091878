//! How a run ends: its outputs, its exit code, and why it failed.

use super::{Run, prepare::Prepared};
use crate::{
    address::{Address, Kind, Known},
    apply::Applied,
    config::model::{Config, Image},
    error::{Error, Problem, Result},
    event::{Event, Outcome, Outputs},
    image::registry_uri,
    plan::change::Change,
    resource::{Action, load_balancer},
    rollout::machine::revision,
    world::World,
};

/// Writes down why the run failed.
pub fn fail(outcome: &mut Outcome, error: &Error) {
    outcome.exit_code = error.exit_code();
    outcome.error = Some(error.problem());
}

/// The first failure, with what was done and what was not. When nothing was done it is a refusal, and a
/// task that failed is that, whatever was done.
pub fn check_applied(applied: &Applied) -> Result<()> {
    let Some((address, problem)) = applied.failed.first() else { return Ok(()) };
    let mut problem = problem.clone();
    let is_task = address.kind == Kind::Run;
    if !is_task {
        problem.what = format!("{address}: {}", problem.what);
    }
    for (address, other) in &applied.failed[1..] {
        problem.found.push(format!("failed too: {address}: {}", other.what));
    }
    if !applied.may_have_changed && !is_task {
        return Err(Error::Refused(problem));
    }
    problem = with_steps(applied, problem);
    Err(if is_task { Error::Task(problem) } else { Error::Partial(go_on(problem)) })
}

/// The error of a look after a first round: what that round did is not lost in it.
pub fn after(error: Error, applied: &Applied) -> Error {
    if !applied.may_have_changed {
        return error;
    }
    Error::Partial(go_on(with_steps(applied, error.problem())))
}

/// The problem with what was done before it and what was not.
fn with_steps(applied: &Applied, mut problem: Problem) -> Problem {
    let list = |addresses: &[Address]| {
        addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    if !applied.done.is_empty() {
        problem.found.push(format!("done: {}", list(&applied.done)));
    }
    if !applied.not_started.is_empty() {
        problem.found.push(format!("not started: {}", list(&applied.not_started)));
    }
    problem
}

fn go_on(mut problem: Problem) -> Problem {
    let help = problem.help.take().map(|help| format!("{help}\n")).unwrap_or_default();
    problem.help(format!("{help}run it again: it takes up where this run stopped"))
}

/// Says what became of the service where a task before its rollout has failed: nothing.
pub fn untouched(error: Error, run: &Run<'_>, prepared: &Prepared) -> Error {
    let Error::Task(problem) = error else { return error };
    let name = &run.config.service;
    let stood = prepared.world.service.as_ref();
    let runs = stood.and_then(|found| found.settings.task_definition.now());
    Error::Task(problem.found(match runs {
        Some(runs) => format!("`{name}` was left alone, it runs `{}`", revision(runs)),
        None => format!("`{name}` was not made"),
    }))
}

/// What stands now.
pub async fn outputs(run: &Run<'_>, prepared: &Prepared, applied: &Applied) -> Outputs {
    let Run { config, .. } = *run;
    let world = &prepared.world;
    let name = &world.place.name;
    let dns = match &world.load_balancer {
        Some(found) => Some(found.dns.clone()),
        None if applied.outputs.get(&Address::new(Kind::LoadBalancer, name)).is_some() => {
            let found = load_balancer::find(&prepared.aws, name).await.unwrap_or_else(|failure| {
                let what = failure.problem().what;
                run.events.send(Event::Warning(format!("where it answers is not known: {what}")));
                None
            });
            found.and_then(|found| found.dns_name)
        }
        None => None,
    };
    let service = service(config, prepared, applied);
    let image = image(run, prepared, applied);
    Outputs {
        // The service answers there only once it stands.
        url: service.as_ref().and_then(|_| world.place.url(&config.load_balancer, dns.as_deref())),
        image_digest: image
            .as_ref()
            .and_then(|image| image.split_once('@'))
            .map(|(_, digest)| digest.to_owned()),
        image,
        task_definition_arn: task_definition(prepared, applied),
        service_arn: service,
        cluster_arn: cluster(config, prepared, applied),
        load_balancer_dns: dns,
        changed: applied.may_have_changed,
    }
}

/// What the step at this address has yielded.
fn id(applied: &Applied, kind: Kind, name: &str) -> Option<String> {
    applied.outputs.get(&Address::new(kind, name)).map(|output| output.id)
}

/// The service's ARN, once it is there.
pub fn service(config: &Config, prepared: &Prepared, applied: &Applied) -> Option<String> {
    let made = id(applied, Kind::Service, &config.service);
    made.or_else(|| prepared.world.service.as_ref().map(|found| found.arn.clone()))
}

/// The cluster's ARN, once it is there.
pub fn cluster(config: &Config, prepared: &Prepared, applied: &Applied) -> Option<String> {
    let made = id(applied, Kind::Cluster, &config.cluster);
    made.or_else(|| prepared.world.cluster.as_ref().map(|found| found.arn.clone()))
}

/// The image with its digest, as the task definition names it.
fn image(run: &Run<'_>, prepared: &Prepared, applied: &Applied) -> Option<String> {
    let Run { config, context, .. } = *run;
    if let Some(built) = id(applied, Kind::Image, &config.service) {
        return Some(built);
    }
    let container = &config.task.container;
    if let Some(pulled) = id(applied, Kind::CachedImage, container) {
        return Some(pulled);
    }
    if prepared.world.pull_through.digests.contains_key(container) {
        let World { live, newest, .. } = &prepared.world;
        let revision = live.as_ref().or(newest.as_ref())?;
        return image_of(&revision.document, container);
    }
    let digest = prepared.world.digest.as_ref()?;
    let repository = match &config.image {
        Image::Uri(uri) => crate::resource::image::split(uri).0.to_owned(),
        Image::Build(_) => {
            registry_uri(&prepared.world.repository.as_ref()?.uri, context.registry.as_deref())
        }
    };
    Some(format!("{repository}@{digest}"))
}

/// What a revision says of a container's image.
fn image_of(document: &serde_json::Value, container: &str) -> Option<String> {
    let mut containers = document["containerDefinitions"].as_array()?.iter();
    let found = containers.find(|found| found["name"].as_str() == Some(container))?;
    found["image"].as_str().map(str::to_owned)
}

/// The revision that the service was asked to run.
fn task_definition(prepared: &Prepared, applied: &Applied) -> Option<String> {
    let registered =
        prepared.plan.steps.keys().find(|address| address.kind == Kind::TaskDefinition);
    if let Some(address) = registered {
        return applied.outputs.get(address).map(|output| output.id);
    }
    let asked = prepared.plan.steps.values().find_map(|step| match &step.change {
        Change::Service(Action::Create(to) | Action::Update { to, .. }) => {
            Some(&to.task_definition)
        }
        _ => None,
    });
    let running = prepared.world.service.as_ref().map(|found| &found.settings.task_definition);
    asked.or(running).and_then(Known::now).map(str::to_owned)
}
