//! Somebody's word about a rollout that is going on: that it goes on where it waits for one, or that the
//! last version comes back.

pub mod decision;

use super::{Run, cancel::Watched, ending};
use crate::{
    aws::{
        Reader, Writer,
        explain::{Explain as _, Failure},
    },
    config::model::OnCancel,
    error::{Error, Problem, Result},
    event::{Command, Event, Outcome, Phase, Verdict},
    exit,
    resource::service::{self, Observed},
    rollout::{
        self,
        service_deployment::{ServiceDeployment, read},
        state::as_usual,
        stop,
    },
};
use aws_sdk_ecs::types::{DeploymentLifecycleHookAction, ServiceDeploymentStatus};
use decision::{Act, Word};
use futures_util::FutureExt as _;
use std::time::Duration;

/// Says it, and follows the rollout to its end.
pub async fn steer(run: &Run<'_>, word: Word) -> Outcome {
    let mut outcome = run.outcome(match word {
        Word::Continue => Command::Continue,
        Word::Rollback => Command::Rollback,
    });
    if let Err(error) = conduct(run, word, &mut outcome).await {
        ending::fail(&mut outcome, &error);
    }
    outcome
}

async fn conduct(run: &Run<'_>, word: Word, outcome: &mut Outcome) -> Result<()> {
    run.events.send(Event::Phase(Phase::Observe));
    let config = run.config;
    let aws = run.connect().await?;
    let (cluster, service) = (&config.cluster, &config.service);
    let looked = look(&aws, word, cluster, service).await;
    outcome.timeline.push(run.span("observe", Duration::ZERO));
    let (found, act) = looked?;
    outcome.outputs.service_arn = Some(found.arn.clone());
    outcome.outputs.cluster_arn = found.settings.cluster.now().map(str::to_owned);
    outcome.outputs.task_definition_arn = found.settings.task_definition.now().map(str::to_owned);
    if !matches!(act, Act::Await { .. }) {
        run.events.send(Event::Phase(Phase::Apply));
        say(&Writer::new(aws.clone(), service.clone(), run.events.clone()), &act)
            .await
            .map_err(|failure| refused(&failure))?;
        outcome.changed = true;
        outcome.outputs.changed = true;
    }
    run.events.send(Event::Phase(Phase::Rollout));
    let start = run.began.elapsed();
    let verdict = follow(run, aws, word, &found, &act).await?;
    outcome.timeline.push(run.span("rollout", start));
    outcome.exit_code = exit_code(word, &verdict);
    outcome.verdict = Some(verdict);
    Ok(())
}

/// Follows what was said to its end. Of a rollback that is ECS's record of the deployment, and nothing
/// else counts as one.
async fn follow(
    run: &Run<'_>,
    aws: Reader,
    word: Word,
    found: &Observed,
    act: &Act,
) -> Result<Verdict> {
    let is_rollback = word == Word::Rollback;
    let target = rollout::Target {
        cluster: run.config.cluster.clone(),
        service: run.config.service.clone(),
        deployment: found.primary.as_ref().map(|primary| primary.id.clone()).unwrap_or_default(),
        timeout: run.config.rollout.timeout,
        give_up: None,
        asked_back: is_rollback.then(|| act.deployment().to_owned()),
    };
    run.watch(Some(Watched {
        aws: aws.clone(),
        target: target.clone(),
        before: None,
        // Who has just had his word does not take it back by leaving.
        on_cancel: OnCancel::Leave,
    }));
    let followed = rollout::follow(&aws, &target, run.events).boxed_local().await;
    run.watch(None);
    let followed = followed.map_err(Error::Partial)?;
    let record = followed.record.as_ref().filter(|_| is_rollback);
    Ok(match (record.and_then(decision::end), followed.verdict) {
        (Some(ended), _) => ended,
        (None, Verdict::TimedOut(_)) if is_rollback => Verdict::TimedOut(
            Problem::new("the rollback is still going on").help("ECS goes on with it"),
        ),
        (None, verdict) => verdict,
    })
}

const fn exit_code(word: Word, verdict: &Verdict) -> u8 {
    match (word, verdict) {
        (Word::Continue, Verdict::Succeeded) | (Word::Rollback, Verdict::RolledBack(_)) => exit::OK,
        (_, Verdict::TimedOut(_)) => exit::TIMED_OUT,
        _ => exit::ROLLOUT_FAILED,
    }
}

/// Reads the service and the deployment that is going on, and decides.
async fn look(aws: &Reader, word: Word, cluster: &str, service: &str) -> Result<(Observed, Act)> {
    let name = format!("service `{service}` in cluster `{cluster}`");
    let found = service::observe(aws, cluster, service).await?;
    let found = decision::check(word, &name, found).map_err(Error::Refused)?;
    let listed = underway(aws, cluster, service).await;
    let deployment = match listed {
        Err(failure) if decision::is_absent(&failure) => {
            return Err(Error::Refused(decision::absent(word, &name, &failure)));
        }
        listed => listed?,
    };
    let act = decision::decide(word, &name, &found, deployment.as_ref()).map_err(Error::Refused)?;
    Ok((found, act))
}

/// The newest deployment that is not over.
async fn underway(
    aws: &Reader,
    cluster: &str,
    service: &str,
) -> Result<Option<ServiceDeployment>, Failure> {
    const STATUSES: [ServiceDeploymentStatus; 5] = [
        ServiceDeploymentStatus::Pending,
        ServiceDeploymentStatus::InProgress,
        ServiceDeploymentStatus::StopRequested,
        ServiceDeploymentStatus::RollbackRequested,
        ServiceDeploymentStatus::RollbackInProgress,
    ];
    let listed = read::list(aws, (cluster, service), &STATUSES, as_usual()).await?;
    match listed.iter().max_by_key(|found| found.created_at) {
        Some(newest) => read::describe(aws, &newest.arn, as_usual()).await,
        None => Ok(None),
    }
}

/// Calls ECS.
async fn say(aws: &Writer, act: &Act) -> Result<(), Failure> {
    let ecs = &aws.aws.ecs;
    match act {
        Act::Resolve { deployment, hook, goes_on } => {
            let action = if *goes_on {
                DeploymentLifecycleHookAction::Continue
            } else {
                DeploymentLifecycleHookAction::Rollback
            };
            let request = ecs.continue_service_deployment().service_deployment_arn(deployment);
            let said = request.hook_id(hook).action(action).send().await;
            said.explain("ecs:ContinueServiceDeployment", deployment).map(drop)
        }
        Act::Stop { deployment } => stop::roll_back(aws, deployment).await,
        Act::Await { .. } => Ok(()),
    }
}

/// Between the look and the word somebody else may have had his.
fn refused(failure: &Failure) -> Error {
    let is_known = failure.is_denied() || failure.code.is_none();
    match failure.refused() {
        Error::Refused(problem) if !is_known => Error::Refused(
            problem.help("look again: somebody may have been faster, or the pause has timed out"),
        ),
        error => error,
    }
}

#[cfg(test)]
mod tests;
