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
    rollout::{self, stop},
};
use aws_sdk_ecs::types::{DeploymentLifecycleHookAction, ServiceDeploymentStatus};
use decision::{Act, Deployment, Hook, Word};
use futures_util::FutureExt as _;
use std::time::Duration;
use tokio::time::{Instant, sleep};

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
    let until = Instant::now() + config.rollout.timeout;
    let followed = match &found.primary {
        Some(primary) if !matches!(act, Act::Await { .. }) => {
            let target = rollout::Target {
                cluster: cluster.clone(),
                service: service.clone(),
                deployment: primary.id.clone(),
                timeout: config.rollout.timeout,
                give_up: None,
            };
            let watched = Watched {
                aws: aws.clone(),
                target: target.clone(),
                before: None,
                // Who has just had his word does not take it back by leaving.
                on_cancel: OnCancel::Leave,
            };
            run.watch(Some(watched));
            let followed = rollout::follow(&aws, &target, run.events).boxed_local().await;
            run.watch(None);
            Some(followed.map_err(Error::Partial)?.verdict)
        }
        _ => None,
    };
    let verdict = match word {
        Word::Continue => followed,
        Word::Rollback => Some(taken_back(&aws, act.deployment(), followed, until).await?),
    };
    outcome.timeline.push(run.span("rollout", start));
    outcome.exit_code = verdict.as_ref().map_or(exit::OK, |verdict| exit_code(word, verdict));
    outcome.verdict = verdict;
    Ok(())
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
) -> Result<Option<Deployment>, Failure> {
    const STATUSES: [ServiceDeploymentStatus; 5] = [
        ServiceDeploymentStatus::Pending,
        ServiceDeploymentStatus::InProgress,
        ServiceDeploymentStatus::StopRequested,
        ServiceDeploymentStatus::RollbackRequested,
        ServiceDeploymentStatus::RollbackInProgress,
    ];
    let request = aws.ecs.list_service_deployments().cluster(cluster).service(service);
    let listed = request
        .set_status(Some(STATUSES.to_vec()))
        .send()
        .await
        .explain("ecs:ListServiceDeployments", format!("service {service} in cluster {cluster}"))?;
    let newest = listed.service_deployments().iter().max_by_key(|found| found.created_at());
    match newest.and_then(|found| found.service_deployment_arn()) {
        Some(arn) => describe(aws, arn).await,
        None => Ok(None),
    }
}

async fn describe(aws: &Reader, arn: &str) -> Result<Option<Deployment>, Failure> {
    let found = aws
        .ecs
        .describe_service_deployments()
        .service_deployment_arns(arn)
        .send()
        .await
        .explain("ecs:DescribeServiceDeployments", arn)?;
    Ok(found.service_deployments().first().map(|found| Deployment {
        arn: arn.to_owned(),
        status: found.status().map(|it| it.as_str().to_owned()).unwrap_or_default(),
        reason: found.status_reason().unwrap_or_default().to_owned(),
        stage: found.lifecycle_stage().map(|stage| stage.as_str().to_owned()),
        hooks: found
            .lifecycle_hook_details()
            .iter()
            .map(|hook| Hook {
                id: hook.hook_id().unwrap_or_default().to_owned(),
                target: hook.target_type().map(|it| it.as_str().to_owned()).unwrap_or_default(),
                status: hook.status().map(|it| it.as_str().to_owned()).unwrap_or_default(),
            })
            .collect(),
    }))
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

/// The time between two looks at a rollback.
const PAUSE: Duration = Duration::from_secs(3);

/// What became of a rollback that was asked for: ECS's record of the deployment says it, and nothing
/// else counts as one.
async fn taken_back(
    aws: &Reader,
    arn: &str,
    followed: Option<Verdict>,
    until: Instant,
) -> Result<Verdict> {
    loop {
        let found = describe(aws, arn).await?.unwrap_or_default();
        if let Some(verdict) = decision::end(&found) {
            return Ok(verdict);
        }
        if Instant::now() >= until {
            let late = Problem::new("the rollback is still going on").help("ECS goes on with it");
            return Ok(match followed {
                Some(verdict @ Verdict::TimedOut(_)) => verdict,
                _ => Verdict::TimedOut(late),
            });
        }
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests;
