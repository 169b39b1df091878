//! Follows the deployment that this run started: asks ECS again and again, lets [`machine`] decide, ends
//! what cannot work, and where it did not work looks for the cause.

pub mod details;
pub mod early;
pub mod evidence;
pub mod look;
pub mod machine;
pub mod pace;
pub mod service_deployment;
pub mod state;
pub mod stop;
pub mod successor;
pub mod tasks;
pub mod verdict;
mod watch;

use crate::{
    aws::{Reader, Writer},
    error::Problem,
    event::{Event, Events, Span, Verdict},
};
use evidence::Evidence;
use futures_util::FutureExt as _;
use look::Looks;
use machine::{Ending, Instead, Means, Rollout, Turn, revision};
use service_deployment::ServiceDeployment;
use state::ServiceState;
use std::time::Duration;
use verdict::Known;
use watch::{Step, Watch};

/// What is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The cluster's name or ARN.
    pub cluster: String,
    /// The service's name.
    pub service: String,
    /// The deployment: `ecs-svc/1234567890123456789`.
    pub deployment: String,
    /// How long it is waited for.
    pub timeout: Duration,
    /// When it is given up before that; `None` for a deployment that somebody else started.
    pub give_up: Option<GiveUp>,
    /// ECS's record of it, where this run has had it rolled back: it is followed until the last version
    /// is back.
    pub asked_back: Option<String>,
}

/// When a rollout of this run's own is given up, and what then becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GiveUp {
    /// Tasks that fail in the same way.
    pub after: u32,
    /// Whether the last version comes back.
    pub rollback: bool,
    /// The stack that is changed.
    pub stack: String,
    /// The service's ARN.
    pub service_arn: String,
}

/// How the rollout ended, and what it went through.
#[derive(Debug)]
pub struct Followed {
    /// How it ended.
    pub verdict: Verdict,
    /// Its stages, from its beginning.
    pub stages: Vec<Span>,
    /// The last that ECS's record of it said, where ECS keeps one.
    pub record: Option<ServiceDeployment>,
}

/// Follows the deployment to its end, and tells what ECS says on the way. The error is that ECS cannot
/// be asked, which says nothing about the rollout.
pub async fn follow(aws: &Reader, target: &Target, events: &Events) -> Result<Followed, Problem> {
    let mut rollout = Rollout::new(&target.deployment, target.timeout);
    if let Some(GiveUp { after, .. }) = &target.give_up {
        rollout = rollout.given_up_after(*after);
    }
    if target.asked_back.is_some() {
        rollout = rollout.returning();
    }
    let mut looks = Looks::new(aws, target).telling(events);
    let mut look = async || looks.look().await;
    let ask = async |ours: state::Deployment, groups: Vec<String>, before: details::Details| {
        details::read(aws, target, &ours, &groups, before).await
    };
    let mut watch = Watch::new();
    let mut evidence = None;
    let mut given_up = None;
    let mut ending = loop {
        match watch.until(&mut look, &ask, &mut rollout, events).await? {
            Step::End(ending) => break ending,
            // What failed goes away while ECS returns to the last version.
            Step::Turn(Turn::Fails) => evidence = Some(gather(aws, target, &rollout, &watch).await),
            Step::Turn(Turn::GiveUp(hopeless, means)) => {
                let ended = end_early(aws, target, &hopeless.what, means, &watch.last, events);
                let (found, ended) = tokio::join!(gather(aws, target, &rollout, &watch), ended);
                evidence = Some(found);
                if ended.asked_back {
                    rollout.asked_back(watch.elapsed());
                }
                given_up = Some(given_up_line(hopeless.tasks));
                if let Some(ending) = ended.ending {
                    break ending;
                }
            }
        }
    };
    let needs_cause =
        matches!(ending, Ending::RolledBack { .. } | Ending::Failed { .. } | Ending::TimedOut);
    let evidence = match evidence.filter(|_| needs_cause) {
        Some(evidence) => evidence,
        None if needs_cause => gather(aws, target, &rollout, &watch).await,
        None => Evidence::default(),
    };
    if let (Ending::RolledBack { reason, .. }, Some(_)) = (&mut ending, &given_up) {
        // ECS would say that a user asked for it, and that was this run.
        if rollout.is_asked_back() {
            reason.clear();
        }
    }
    let messages: Vec<_> = rollout.messages(&watch.last).into_iter().map(str::to_owned).collect();
    let known = Known {
        service: &target.service,
        timeout: target.timeout,
        deployment: rollout.seen(),
        messages: &messages,
        evidence: &evidence,
    };
    let verdict = verdict::verdict(ending.clone(), known);
    let stages = rollout.stages(watch.elapsed());
    let verdict = completed(aws, verdict, &ending, given_up).await;
    Ok(Followed { verdict, stages, record: watch.last.record })
}

async fn gather(aws: &Reader, target: &Target, rollout: &Rollout, watch: &Watch) -> Evidence {
    match rollout.seen() {
        Some(ours) => {
            let groups = &watch.last.target_groups;
            evidence::gather(aws, target, ours, groups).boxed().await
        }
        None => Evidence::default(),
    }
}

fn given_up_line(tasks: usize) -> String {
    match tasks {
        1 => "given up after 1 task failed, and there is no other".to_owned(),
        tasks => format!(
            "given up after {tasks} tasks failed in the same way, see `rollout.give-up-after`"
        ),
    }
}

/// Adds what only this run knows: that it gave the rollout up, whose the newer deployment is, what a
/// person's stop came to.
async fn completed(
    aws: &Reader,
    mut verdict: Verdict,
    ending: &Ending,
    given_up: Option<String>,
) -> Verdict {
    match (&mut verdict, ending) {
        (Verdict::RolledBack(problem) | Verdict::Failed(problem), _) => {
            problem.found.extend(given_up);
        }
        (Verdict::Superseded { whose, .. }, Ending::Superseded { task_definition, .. }) => {
            whose.found.extend(successor::whose(aws, task_definition).await);
        }
        (Verdict::Stopped(problem), Ending::Stopped { back: Some((to, is_back)), .. }) => {
            let to = revision(to);
            problem.found.push(if *is_back {
                format!("`{to}` is back")
            } else {
                format!("the return to `{to}` has not ended yet")
            });
        }
        _ => {}
    }
    verdict
}

/// What came of giving up.
#[derive(Default)]
struct EndedEarly {
    /// The end, where nothing more is to be waited for.
    ending: Option<Ending>,
    /// Whether ECS was asked to return to the last version.
    asked_back: bool,
}

impl EndedEarly {
    fn now(instead: Instead) -> Self {
        let ending = Ending::Failed { reason: String::new(), instead: Some(instead) };
        Self { ending: Some(ending), asked_back: false }
    }
}

async fn end_early(
    aws: &Reader,
    target: &Target,
    what: &str,
    means: Means,
    state: &ServiceState,
    events: &Events,
) -> EndedEarly {
    let warn = |then: &str| {
        events.send(Event::Warning(format!("the rollout cannot work: {what}; {then}")));
    };
    let Some(GiveUp { rollback, stack, service_arn, .. }) = &target.give_up else {
        return EndedEarly::default();
    };
    let writer = Writer::new(aws.clone(), stack.clone(), events.clone());
    match means {
        _ if !rollback => EndedEarly::now(Instead::LeftAlone),
        Means::Nothing => EndedEarly::now(Instead::NotAskedFor),
        Means::Breaker => {
            warn("ECS's circuit breaker ends it when it has counted enough failures");
            EndedEarly::default()
        }
        Means::ScaleToZero => {
            warn("there is no earlier version, so the service is scaled to zero");
            let ours = state.deployment(&target.deployment);
            let given_up =
                ours.map(|it| format!("{} {}", revision(&it.task_definition), it.desired));
            let given_up = given_up.unwrap_or_default();
            match stop::scale_to_zero(&writer, target, service_arn, &given_up).await {
                Ok(()) => EndedEarly::now(Instead::ScaledToZero),
                Err(failure) => {
                    events.send(Event::Warning(failure.problem().to_string()));
                    EndedEarly::now(Instead::NothingToReturnTo)
                }
            }
        }
        Means::Stop(record) => match stop::roll_back(&writer, &record).await {
            Ok(()) => {
                warn("ECS is asked to bring the last version back");
                EndedEarly { ending: None, asked_back: true }
            }
            // It has ended, or is being ended, by itself.
            Err(failure) if failure.is("Conflict") => EndedEarly::default(),
            Err(failure) => {
                events.send(Event::Warning(failure.problem().to_string()));
                if !state.rolls_back {
                    return EndedEarly::now(Instead::LeftAlone);
                }
                warn("ECS's circuit breaker ends it when it has counted enough failures");
                EndedEarly::default()
            }
        },
    }
}
