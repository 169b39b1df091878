//! Takes down what a deploy made.

use super::{Run, ending};
use crate::{
    apply,
    aws::Reader,
    cost::{self, prices::PriceList},
    error::{Error, Problem, Result, told_first},
    event::{Command, Event, Outcome, Phase},
    names::Names,
    plan::{Plan, task, teardown},
    resource::task_definition,
    tags::Stack,
    world,
};
use futures_util::FutureExt as _;
use std::{sync::Arc, time::Duration};

/// What is known when nothing was taken down yet.
#[derive(Debug)]
pub struct Planned {
    aws: Reader,
    /// What is to go.
    pub plan: Plan,
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
    let read = async {
        tokio::try_join!(
            world::observe(&aws, config, &names, world::Wanted { tag: None, judged: None }),
            task_definition::observe_owned(&aws, &family).map(|found| found.map_err(Error::from)),
        )
    };
    let (_, (world, revisions)) = told_first(aws.identity().boxed(), read.boxed()).await?;
    let mut plan = teardown::plan(&teardown::Inputs {
        config,
        names: &names,
        world: &world,
        revisions: &revisions,
    });
    plan.cost = cost::change::line(&plan, &world.identity.region, &PriceList::own());
    Ok(Planned { aws, plan })
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
    let Planned { aws, plan } = planned;
    let stack = Stack::of(run.config, run.context);
    let view = Arc::new(plan.view());
    run.events.send(Event::Planned(Arc::clone(&view)));
    outcome.plan = Some(view);
    if plan.steps.is_empty() {
        return Ok(());
    }
    run.events.send(Event::Phase(Phase::Apply));
    let none = || async { Err(Problem::new("a destroy makes no image")) };
    let images = apply::Images {
        build: Box::new(move |_, _| none().boxed()),
        pull: Box::new(move |_, _| none().boxed_local()),
    };
    let applied = apply::apply(plan, aws, &stack, &images, run.events, run.began).await;
    outcome.timeline.extend(applied.spans.iter().cloned());
    outcome.changed = applied.may_have_changed;
    outcome.outputs.changed = outcome.changed;
    ending::check_applied(&applied)
}
