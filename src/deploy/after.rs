//! The tasks that run once the rollout has succeeded.

use super::{Run, build, ending, prepare::Prepared, pull};
use crate::{
    apply::{self, Applied},
    aws::Writer,
    error::{Error, Result},
    event::{Event, Outcome, Outputs, Phase},
    plan::{Plan, Step, change::Change},
    resource::service::owed,
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
    outcome.changed |= done.may_have_changed;
    outcome.outputs.changed |= done.may_have_changed;
    let ended = ending::check_applied(&done);
    // One that failed has run; one that could not be asked for is still owed.
    if matches!(ended, Ok(()) | Err(Error::Task(_))) {
        settle(run, prepared, &outcome.outputs).await;
    }
    ended
}

/// Writes down that they have run.
async fn settle(run: &Run<'_>, prepared: &Prepared, outputs: &Outputs) {
    let Outputs { service_arn: Some(service), task_definition_arn: Some(revision), .. } = outputs
    else {
        return;
    };
    let stack = Stack::of(run.config, run.context);
    let writer = Writer::new(prepared.aws.clone(), stack, run.events.clone());
    if let Err(failure) = owed::settle(&writer, service, revision).await {
        let problem =
            failure.problem().found("the next run may run the tasks after the rollout again");
        run.events.send(Event::Warning(problem.to_string()));
    }
}
