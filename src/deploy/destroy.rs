//! Takes down what a deploy made.

use super::{Run, ending};
use crate::{
    apply,
    aws::Reader,
    cost::{self, prices::PriceList},
    error::{Error, Problem, Result, told_first},
    event::{Command, Event, Outcome, Phase},
    names::Names,
    plan::{Plan, change::Change, task, teardown},
    resource::{Action, load_balancer, task_definition},
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
    /// What is to go besides, where nobody needs it any more by then.
    left: Option<Plan>,
}

/// Says what would go.
pub async fn plan(run: &Run<'_>) -> Result<Planned> {
    run.events.send(Event::Phase(Phase::Observe));
    let config = run.config;
    let aws = Reader::connect(config.region.as_deref()).await?;
    let names = Names::of(config, &aws.region);
    let family = task::family(config);
    let read = async {
        tokio::try_join!(
            world::observe(&aws, config, &names, world::Wanted { tag: None, judged: None }),
            task_definition::observe_owned(&aws, &family).map(|found| found.map_err(Error::from)),
        )
    };
    let (_, (world, revisions)) = told_first(aws.identity().boxed(), read.boxed()).await?;
    let inputs = &teardown::Inputs { config, names: &names, world: &world, revisions: &revisions };
    let mut plan = teardown::plan(inputs);
    let left = teardown::overflow::left(inputs, &plan);
    plan.cost = cost::change::line(&plan, &world.identity.region, &PriceList::own());
    Ok(Planned { aws, plan, left })
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

async fn apply(run: &Run<'_>, planned: &Planned, outcome: &mut Outcome) -> Result<()> {
    let Planned { aws, plan, left } = planned;
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
    let mut applied = apply::apply(plan, aws, &stack, &images, run.events, run.began).await;
    if let Some(left) = left.as_ref().filter(|_| applied.failed.is_empty())
        && is_unused(aws, left).await?
    {
        let next = apply::apply(left, aws, &stack, &images, run.events, run.began).await;
        applied = applied.then(next);
    }
    outcome.timeline.extend(applied.spans.iter().cloned());
    outcome.changed = applied.may_have_changed;
    outcome.outputs.changed = outcome.changed;
    ending::check_applied(&applied)
}

/// Whether no rule leads through the load balancers that the plan takes down.
async fn is_unused(aws: &Reader, left: &Plan) -> Result<bool> {
    for step in left.steps.values() {
        if let Change::LoadBalancer(Action::Delete { id, .. }) = &step.change
            && load_balancer::has_rules(aws, id)
                .await
                .map_err(|failure| Error::Partial(failure.problem()))?
        {
            return Ok(false);
        }
    }
    Ok(true)
}
