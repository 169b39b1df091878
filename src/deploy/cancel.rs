//! How a run ends that somebody ends.
//!
//! GitHub sends SIGINT, 7.5 seconds later SIGTERM, and 2.5 seconds later ends the container: what is
//! asked here and the last words of the reporters together take less than five.
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-cancellation>

use super::Run;
use crate::{
    address::{Address, Kind},
    aws::{Reader, Writer, explain::Failure},
    config::model::OnCancel,
    error::Problem,
    event::{Command, Events, Outcome, Outputs, Progress},
    exit,
    rollout::{
        Target, machine::revision, service_deployment::read, state, stop::roll_back_at_once,
    },
};
use aws_sdk_ecs::types::ServiceDeploymentStatus;
use std::{sync::PoisonError, time::Duration};
use tokio::time::timeout;

/// How long ECS may take to answer that it brings the last version back.
const ASKING: Duration = Duration::from_secs(2);

/// The rollout that is being watched.
#[derive(Debug, Clone)]
pub struct Watched {
    /// Whom to ask.
    pub aws: Reader,
    /// What is watched.
    pub target: Target,
    /// The revision that the service ran before; `None` where this is its first deployment.
    pub before: Option<String>,
    /// What becomes of it.
    pub on_cancel: OnCancel,
}

/// What became of the rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Rollout {
    /// It goes on.
    GoesOn { why: Option<String> },
    /// ECS brings the revision back that the service ran before.
    GoesBack,
    /// A newer deployment has taken its place.
    Superseded,
}

/// The end of a run that a signal has ended. What ran is dropped already, which has ended the build and
/// taken its files away; the next run goes on from there.
pub async fn cancelled(run: &Run<'_>, command: Command, signal: &str) -> Outcome {
    let progress = run.events.progress();
    let watched = run.watched.lock().unwrap_or_else(PoisonError::into_inner).take();
    let rollout = match &watched {
        None => None,
        Some(watched) => Some(match watched.on_cancel {
            OnCancel::Leave => Rollout::GoesOn { why: None },
            OnCancel::Rollback => take_back(watched, run.events).await,
        }),
    };
    let rollout = watched.as_ref().zip(rollout);
    let (problem, exit_code) = ending(&progress, rollout, signal);
    let changed = !progress.started.is_empty();
    Outcome {
        command,
        service: run.config.service.clone(),
        plan: progress.planned,
        error: Some(problem),
        changed,
        is_cancelled: true,
        outputs: Outputs { changed, ..Outputs::default() },
        exit_code,
        ..Outcome::default()
    }
}

/// What was done, what may be, what was not, and what goes on by itself.
fn ending(
    progress: &Progress,
    rollout: Option<(&Watched, Rollout)>,
    signal: &str,
) -> (Problem, u8) {
    let Progress { planned, started, done, is_watched, tasks } = progress;
    let mut problem = Problem::new(format!("the run was ended by {signal}"));
    let mut say = |what: &str, addresses: Vec<&Address>| {
        if !addresses.is_empty() {
            let list: Vec<_> = addresses.into_iter().map(ToString::to_string).collect();
            problem.found.push(format!("{what}: {}", list.join(", ")));
        }
    };
    let is_touched = !started.is_empty() || rollout.is_some();
    let running: Vec<_> = tasks.iter().filter(|(address, _)| !done.contains(address)).collect();
    say("done", done.iter().collect());
    let is_cut = |step: &&Address| {
        !done.contains(step) && !running.iter().any(|(address, _)| address == *step)
    };
    say("may be half done", started.iter().filter(is_cut).collect());
    if let (true, Some(plan)) = (is_touched, planned) {
        say("not started", plan.steps.keys().filter(|step| !started.contains(step)).collect());
    }
    // A migration that is cut in half is worse than one that ends unseen.
    for (address, task) in &running {
        problem.found.push(format!("goes on by itself: {address}, {task}"));
    }
    let rolls_out = |step: &&Address| {
        let row = planned.as_ref().and_then(|plan| plan.steps.get(*step));
        step.kind == Kind::Service && row.is_some_and(|row| row.action != "delete")
    };
    // ECS has been asked, and this run has not come to watching it.
    if !is_watched && let Some(service) = done.iter().find(rolls_out) {
        problem.found.push(format!("the rollout of {service} goes on, unseen by this run"));
    }
    let help = match rollout {
        Some((watched, rollout)) => {
            let (found, help) = of_rollout(watched, &rollout);
            problem.found.extend(found);
            help
        }
        None if !running.is_empty() => {
            "run it again: it waits for the task that runs, and starts no second one".to_owned()
        }
        None if is_touched => "run it again: it takes up where this run stopped".to_owned(),
        None => "nothing was changed".to_owned(),
    };
    let exit_code = if is_touched { exit::PARTIAL } else { exit::UNEXPECTED };
    (problem.help(help), exit_code)
}

fn of_rollout(watched: &Watched, rollout: &Rollout) -> (Vec<String>, String) {
    let Watched { target: Target { cluster, service, deployment, .. }, before, .. } = watched;
    let follow = "run it again to follow it";
    match rollout {
        Rollout::GoesOn { why } => {
            let found = format!("the rollout goes on, unseen by this run: {deployment}");
            let by_hand = before.as_ref().filter(|_| why.is_some()).map(|before| {
                let before = revision(before);
                format!(
                    ", or go back by hand: aws ecs update-service --cluster {cluster} --service \
                     {service} --task-definition {before}"
                )
            });
            let found = [Some(found), why.clone()].into_iter().flatten().collect();
            (found, format!("{follow}{}", by_hand.unwrap_or_default()))
        }
        Rollout::GoesBack => {
            let before = before.as_deref().map(revision).unwrap_or_default();
            let found = format!("ECS stops the rollout and brings `{before}` back: {deployment}");
            (vec![found], "run it again to roll out once more".to_owned())
        }
        Rollout::Superseded => {
            let found = format!("a newer deployment has taken the place of {deployment}");
            (vec![found], follow.to_owned())
        }
    }
}

/// Asks ECS to bring the last version back, and says what happens where it does not.
async fn take_back(watched: &Watched, events: &Events) -> Rollout {
    if watched.before.is_none() {
        let why = "it is the service's first deployment, so there is nothing to go back to";
        return Rollout::GoesOn { why: Some(why.to_owned()) };
    }
    let why = match timeout(ASKING, stop(watched, events)).await {
        Ok(Ok(rollout)) => return rollout,
        Ok(Err(failure)) => failure.problem().what,
        Err(_) => format!("nothing came within {} seconds", ASKING.as_secs()),
    };
    Rollout::GoesOn { why: Some(format!("ECS was asked to bring the last version back: {why}")) }
}

/// A service has one deployment in progress at most, so where ours is still the primary one that is it.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stop-service-deployment.html>
async fn stop(watched: &Watched, events: &Events) -> Result<Rollout, Failure> {
    const GOING_ON: [ServiceDeploymentStatus; 2] =
        [ServiceDeploymentStatus::Pending, ServiceDeploymentStatus::InProgress];
    let Watched { aws, target, .. } = watched;
    let Target { cluster, service, deployment, .. } = target;
    let listed = read::list(aws, (cluster, service), &GOING_ON, state::at_once());
    let (listed, seen) = tokio::join!(listed, state::read(aws, target));
    let (seen, listed) = (seen?, listed?);
    if seen.primary().is_some_and(|primary| primary.id != *deployment) {
        return Ok(Rollout::Superseded);
    }
    let Some(found) = listed.first() else {
        let why = "ECS tells of no deployment that could be taken back".to_owned();
        return Ok(Rollout::GoesOn { why: Some(why) });
    };
    roll_back_at_once(&Writer::new(aws.clone(), service.clone(), events.clone()), &found.arn)
        .await?;
    Ok(Rollout::GoesBack)
}

#[cfg(test)]
mod tests;
