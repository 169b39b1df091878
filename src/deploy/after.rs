//! The tasks that run once the rollout has succeeded.

use super::{Run, build, ending, prepare::Prepared, pull};
use crate::{
    apply::{self, Applied},
    error::Result,
    event::{Event, Outcome, Phase},
    plan::{Plan, Step, change::Change},
    tags::Stack,
};

/// Runs them, one after another. The new version serves already, so one that fails undoes nothing.
pub async fn run(
    run: &Run<'_>,
    prepared: &Prepared,
    applied: &Applied,
    deployment: &str,
    outcome: &mut Outcome,
) -> Result<()> {
    let steps = prepared.plan.after.iter().map(|(address, step)| {
        let change = match &step.change {
            Change::RunTask(to) => {
                Change::RunTask(Box::new(to.settled(&applied.outputs, deployment)))
            }
            other => other.clone(),
        };
        (address.clone(), Step { change, reason: step.reason.clone() })
    });
    let plan = Plan { steps: steps.collect(), ..Plan::default() };
    if plan.steps.is_empty() || !applied.failed.is_empty() {
        return Ok(());
    }
    run.events.send(Event::Phase(Phase::Apply));
    let images = apply::Images {
        build: build::builder(run, prepared, None),
        pull: pull::puller(run, prepared),
    };
    let stack = Stack::of(run.config, run.context);
    let done = apply::apply(&plan, &prepared.aws, &stack, &images, run.events, run.began).await;
    outcome.timeline.extend(done.spans.iter().cloned());
    ending::check_applied(&done)
}
