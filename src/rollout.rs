//! Follows the deployment that this run started: asks ECS again and again, lets [`machine`] decide, and
//! where it did not work looks for the cause.

pub mod cause;
pub mod evidence;
pub mod machine;
pub mod state;
pub mod verdict;

use crate::{
    aws::{Reader, explain::Failure},
    error::Problem,
    event::{Event, Events, Source, Verdict},
};
use evidence::Evidence;
use machine::{Ending, Rollout};
use state::ServiceState;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use verdict::Known;

/// How long one look may take, the SDK's own attempts included.
const LOOK: Duration = Duration::from_secs(30);
/// How long looks may fail in a row. The rollout goes on without anybody looking.
const BLIND: Duration = Duration::from_secs(120);

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
}

/// Follows the deployment to its end, and tells what ECS says on the way. The error is that ECS cannot
/// be asked, which says nothing about the rollout.
pub async fn follow(aws: &Reader, target: &Target, events: &Events) -> Result<Verdict, Problem> {
    let mut rollout = Rollout::new(&target.deployment, target.timeout);
    let look = async || state::read(aws, target).await;
    let (ending, last) = watch(look, &mut rollout, events).await?;
    let needs_cause =
        matches!(ending, Ending::RolledBack { .. } | Ending::Failed { .. } | Ending::TimedOut);
    let evidence = match rollout.seen().filter(|_| needs_cause) {
        Some(ours) => evidence::gather(aws, target, ours, &last.target_groups).await,
        None => Evidence::default(),
    };
    for text in evidence.log.iter().flat_map(|log| &log.lines) {
        events.send(Event::Line { source: Source::Log, text: text.clone() });
    }
    let messages: Vec<_> = rollout.messages(&last).into_iter().map(str::to_owned).collect();
    Ok(verdict::verdict(
        ending,
        Known {
            service: &target.service,
            timeout: target.timeout,
            deployment: rollout.seen(),
            messages: &messages,
            evidence: &evidence,
        },
    ))
}

/// Looks until the rollout ends; yields the last look too.
async fn watch(
    look: impl AsyncFn() -> Result<ServiceState, Failure>,
    rollout: &mut Rollout,
    events: &Events,
) -> Result<(Ending, ServiceState), Problem> {
    let began = Instant::now();
    let mut last = ServiceState::missing();
    let mut blind_since = None;
    loop {
        let seen = timeout(LOOK, look()).await.unwrap_or_else(|_| Err(no_answer()));
        let elapsed = began.elapsed();
        match seen {
            Ok(state) => {
                blind_since = None;
                let (new, ending) = rollout.observe(elapsed, &state);
                new.into_iter().for_each(|event| events.send(event));
                last = state;
                if let Some(ending) = ending {
                    return Ok((ending, last));
                }
            }
            Err(_) if rollout.is_over(elapsed) => return Ok((Ending::TimedOut, last)),
            Err(failure) => {
                let since = *blind_since.get_or_insert_with(|| {
                    let what = failure.problem().what;
                    events.send(Event::Warning(format!("the rollout goes on unseen: {what}")));
                    elapsed
                });
                if failure.is_denied() || elapsed.saturating_sub(since) >= BLIND {
                    let problem = failure.problem();
                    return Err(problem.found("ECS goes on with the rollout, unseen by this run"));
                }
            }
        }
        sleep(pause(elapsed)).await;
    }
}

/// The time between two looks. ECS gives an account and region 20 DescribeServices a second.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html>
const fn pause(elapsed: Duration) -> Duration {
    Duration::from_secs(match elapsed.as_secs() {
        0..10 => 1,
        10..180 => 2,
        _ => 5,
    })
}

fn no_answer() -> Failure {
    Failure {
        operation: "ecs:DescribeServices",
        on: "the service".to_owned(),
        code: None,
        message: format!("nothing came within {} seconds", LOOK.as_secs()),
        request_id: None,
    }
}
