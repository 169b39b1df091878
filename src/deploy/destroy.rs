//! Takes down what a deploy made.

use super::{Run, ending};
use crate::{
    apply,
    aws::{Reader, explain::Failure},
    config::model::{Config, Image},
    cost::{self, prices::PriceList},
    error::{Error, Problem, Result, told_first},
    event::{Command, Event, Outcome, Phase},
    image,
    names::Names,
    plan::{Plan, namesake, task, teardown},
    preview,
    report::format::plural,
    resource::{load_balancer, preview_images, target_group, task_definition},
    tags::Stack,
    world::{self, World},
};
use futures_util::FutureExt as _;
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// What is known when nothing was taken down yet.
#[derive(Debug)]
pub struct Planned {
    aws: Reader,
    /// What is to go.
    pub plan: Plan,
    /// The load balancers that go too, where nobody needs them by then.
    left: Vec<String>,
}

/// Says what would go.
pub async fn plan(run: &Run<'_>) -> Result<Planned> {
    look(run, run.connect().await?).await
}

/// The same once more, by the way that the calls before went.
pub async fn again(run: &Run<'_>, before: &Planned) -> Result<Planned> {
    look(run, before.aws.clone()).await
}

/// What would go, by a way that calls have gone already.
pub(super) async fn look(run: &Run<'_>, aws: Reader) -> Result<Planned> {
    run.events.send(Event::Phase(Phase::Observe));
    let config = run.config;
    let names = Names::of(config, &aws.region);
    let family = task::family(config);
    let preview_of = config.preview_of.as_ref();
    let images = async {
        let (Some(preview_of), Image::Build(build)) = (preview_of, &config.image) else {
            return Ok(None);
        };
        let start = image::tag::of_preview(preview_of.number);
        Ok(preview_images::observe(&aws, &build.repository, &start).await?)
    };
    let read = async {
        tokio::try_join!(
            world::observe(&aws, config, &names, world::Wanted { tag: None, judged: None }),
            task_definition::observe_owned(&aws, &family).map(|found| found.map_err(Error::from)),
            images,
            previews(&aws, config),
        )
    };
    let (_, (world, revisions, images, previews)) =
        told_first(aws.identity().boxed(), read.boxed()).await?;
    namesake::check(&names, &world)?;
    let in_rules = in_rules(&world, config);
    let previews: BTreeSet<_> = previews.into_iter().chain(in_rules).collect();
    if preview_of.is_none() && !previews.is_empty() {
        return Err(still_used(&config.service, &previews));
    }
    let inputs = &teardown::Inputs {
        config,
        names: &names,
        world: &world,
        revisions: &revisions,
        images: images.as_ref(),
    };
    let mut plan = teardown::plan(inputs);
    let left = teardown::overflow::left(inputs, &plan);
    plan.cost = cost::change::line(&plan, &world.identity.region, &PriceList::own());
    Ok(Planned { aws, plan, left })
}

/// The pull requests that have a preview, whole or in part.
async fn previews(aws: &Reader, main: &Config) -> Result<Vec<u64>> {
    if main.preview.is_none() || main.preview_of.is_some() {
        return Ok(Vec::new());
    }
    let listed = preview::find::list(aws, main).await?;
    let found = preview::found::previews(main, &aws.region, &listed);
    Ok(found.into_iter().map(|found| found.number).collect())
}

/// The same, as far as the load balancer's rules tell: the file may ask for previews no more.
fn in_rules(world: &World, main: &Config) -> BTreeSet<u64> {
    let rules = world.rules.values().flatten().filter_map(|rule| rule.settings.as_ref());
    let groups = rules.flat_map(|settings| settings.target_groups.keys());
    let names = groups.filter_map(|group| target_group::name_of(group.now()?));
    let number = |name: &str| {
        let number = name.rsplit_once("-pr-")?.1.parse().ok()?;
        let names = Names::of(&preview::config(main, number), &world.identity.region);
        (names.target_group == name).then_some(number)
    };
    names.filter_map(number).collect()
}

/// Shared things are registered for the main service, and would be deleted under its previews.
fn still_used(service: &str, previews: &BTreeSet<u64>) -> Error {
    let list = previews.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let each: Vec<_> =
        previews.iter().map(|number| format!("preview down --pr {number}")).collect();
    let them = plural(previews.len(), "preview");
    Error::refused(
        format!(
            "{them} of `{service}` still stand and use what it would take down: of pull request {list}"
        ),
        format!("take them down first: ecs-private-deploy {}", each.join(", ")),
    )
}

/// Takes it down.
pub async fn destroy(run: &Run<'_>, planned: Result<Planned>) -> Outcome {
    let mut outcome = run.outcome(Command::Destroy);
    outcome.timeline.push(run.span("observe", Duration::ZERO));
    let result = match planned {
        Ok(planned) => apply(run, &planned, &mut outcome).await,
        Err(error) => Err(error),
    };
    if let Err(error) = &result {
        ending::fail(&mut outcome, error);
    }
    outcome
}

/// Takes down what was found, and writes down what became of it.
pub(super) async fn apply(run: &Run<'_>, planned: &Planned, outcome: &mut Outcome) -> Result<()> {
    let Planned { aws, plan, left } = planned;
    let stack = Stack::of(run.config, run.context);
    let view = Arc::new(plan.view());
    run.events.send(Event::Planned(Arc::clone(&view)));
    outcome.plan = Some(view);
    if plan.steps.is_empty() && left.is_empty() {
        return Ok(());
    }
    run.events.send(Event::Phase(Phase::Apply));
    let none = || async { Err(Problem::new("a destroy makes no image")) };
    let images = apply::Images {
        build: Box::new(move |_, _| none().boxed()),
        pull: Box::new(move |_, _| none().boxed_local()),
    };
    let mut applied = apply::apply(plan, aws, &stack, &images, run.events, run.began).await;
    for name in left {
        if !applied.failed.is_empty() {
            break;
        }
        let found = unused(aws, name, &run.config.load_balancer.name).await;
        let found = found.map_err(|failure| ending::after(failure.into(), &applied))?;
        if let Some(found) = found {
            let end = teardown::overflow::end(&found);
            let next = apply::apply(&end, aws, &stack, &images, run.events, run.began).await;
            applied = applied.then(next);
        }
    }
    outcome.timeline.extend(applied.spans.iter().cloned());
    outcome.changed = applied.may_have_changed;
    outcome.outputs.changed = outcome.changed;
    ending::check_applied(&applied)
}

/// The load balancer, where it was made for previews and no rule leads through it.
async fn unused(
    aws: &Reader,
    name: &str,
    of: &str,
) -> Result<Option<load_balancer::Observed>, Failure> {
    let Some(found) = load_balancer::find(aws, name).await? else { return Ok(None) };
    let found = load_balancer::observe(aws, &found, "").await?;
    let is_unused = teardown::overflow::is_for_previews(&found, of)
        && !load_balancer::has_rules(aws, &found.arn).await?;
    Ok(is_unused.then_some(found))
}
