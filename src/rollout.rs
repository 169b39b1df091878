//! Follows the deployment that this run started to its end. Not "the service is stable": a rollback
//! ends stable too.

pub mod cause;
pub mod evidence;
pub mod machine;
pub mod state;

use crate::{
    aws::Reader,
    error::Problem,
    event::{Event, Events, Verdict},
};
use machine::{End, Rollout};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Failed reads in a row after which the rollout is given up: a minute's worth.
const PATIENCE: u32 = 15;

/// Follows a deployment until ECS has said how it ended, or the time is up.
///
/// # Errors
/// The service cannot be read, for longer than a moment; the rollout goes on without being watched.
pub async fn follow(
    aws: &Reader,
    cluster: &str,
    service: &str,
    deployment: &str,
    timeout: Duration,
    events: &Events,
) -> Result<Verdict, Problem> {
    let began = Instant::now();
    let mut rollout = Rollout::new(deployment);
    let mut unread = 0;
    let end = loop {
        match state::read(aws, cluster, service).await {
            Ok(state) => {
                unread = 0;
                let (news, end) = rollout.observe(began.elapsed(), &state);
                news.into_iter().for_each(|event| events.send(event));
                if let Some(end) = end {
                    break end;
                }
            }
            Err(failure) => {
                unread += 1;
                if failure.is_denied() || unread == PATIENCE {
                    let what = format!(
                        "deployment `{deployment}` was started, and how it goes cannot be read: {}",
                        failure.problem().what
                    );
                    return Err(Problem { what, ..failure.problem() });
                }
                if unread == 1 {
                    let text = format!("{}; asking again", failure.problem().what);
                    events.send(Event::Warning(text));
                }
            }
        }
        if began.elapsed() >= timeout {
            break rollout.time_is_up();
        }
        sleep(pause(began.elapsed()).min(timeout.saturating_sub(began.elapsed()))).await;
    };
    Ok(verdict(aws, cluster, service, deployment, end, &rollout, timeout, events).await)
}

/// Most news come early; a rollout that takes long is asked less often. Describing services refills
/// with twenty a second for the whole account.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html>
const fn pause(elapsed: Duration) -> Duration {
    match elapsed.as_secs() {
        0..15 => Duration::from_secs(1),
        15..60 => Duration::from_secs(2),
        _ => Duration::from_secs(4),
    }
}

#[expect(clippy::too_many_arguments, reason = "all that the rollout knows goes into what is told")]
async fn verdict(
    aws: &Reader,
    cluster: &str,
    service: &str,
    deployment: &str,
    end: End,
    rollout: &Rollout,
    timeout: Duration,
    events: &Events,
) -> Verdict {
    match &end {
        End::Succeeded => return Verdict::Succeeded,
        End::Superseded { by } => return Verdict::Superseded { by: by.clone() },
        _ => {}
    }
    let evidence = evidence::gather(aws, cluster, service, deployment).await;
    for line in &evidence.log {
        let (source, text) = (crate::event::Source::Log, line.clone());
        events.send(Event::Line { source, text });
    }
    let problem = cause::problem(service, &end, rollout, &evidence, timeout);
    match end {
        End::RolledBack { .. } => Verdict::RolledBack(problem),
        End::Stopped { .. } => Verdict::Stopped(problem),
        End::TimedOut => Verdict::TimedOut(problem),
        _ => Verdict::Failed(problem),
    }
}
