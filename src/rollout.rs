//! Follows the deployment that this run started: asks ECS again and again, lets [`machine`] decide, and
//! where it did not work looks for the cause.

pub mod cause;
pub mod evidence;
pub mod machine;
pub mod state;
pub mod tasks;
pub mod verdict;

use crate::{
    aws::{Reader, explain::Failure},
    error::Problem,
    event::{Event, Events, Verdict},
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
const BLIND: Duration = Duration::from_mins(2);

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
                for event in new {
                    events.send(event);
                }
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

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_types::DateTime;
    use state::{Deployment, Progress, Standing};
    use std::cell::Cell;

    fn deployment(progress: Progress) -> ServiceState {
        let ours = Deployment {
            id: "ecs-svc/2".to_owned(),
            is_primary: true,
            progress,
            reason: String::new(),
            task_definition: "web:2".to_owned(),
            desired: 1,
            running: 1,
            pending: 0,
            failed: 0,
            created_at: DateTime::from_secs(20),
        };
        let standing = Standing::Active;
        ServiceState { standing, deployments: vec![ours], ..ServiceState::missing() }
    }

    fn failure(code: &str) -> Failure {
        Failure { code: Some(code.to_owned()), ..no_answer() }
    }

    /// Looks with a clock that jumps ahead; yields the result, the warnings, the looks and the seconds.
    async fn watched(
        look: impl Fn(u64) -> Result<ServiceState, Failure>,
    ) -> (Result<Ending, Problem>, usize, u32, u64) {
        let (events, mut told) = Events::channel();
        let mut rollout = Rollout::new("ecs-svc/2", Duration::from_mins(15));
        let (began, looks) = (Instant::now(), Cell::new(0));
        let look = async || {
            looks.set(looks.get() + 1);
            look(began.elapsed().as_secs())
        };
        let ending = watch(look, &mut rollout, &events).await.map(|(ending, _)| ending);
        drop(events);
        let mut warnings = 0;
        while let Some(event) = told.recv().await {
            warnings += usize::from(matches!(event, Event::Warning(_)));
        }
        (ending, warnings, looks.get(), began.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn looks_less_often_as_time_goes_by() {
        let (ending, warnings, looks, seconds) = watched(|at| {
            Ok(deployment(if at < 300 { Progress::InProgress } else { Progress::Completed }))
        })
        .await;
        assert_eq!((ending, warnings), (Ok(Ending::Succeeded), 0));
        assert_eq!((looks, seconds), (10 + 85 + 24 + 1, 300));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failing_look_is_a_warning_and_not_the_end() {
        let (ending, warnings, ..) = watched(|at| match at {
            3..100 | 110..200 => Err(failure("ThrottlingException")),
            250.. => Ok(deployment(Progress::Completed)),
            _ => Ok(deployment(Progress::InProgress)),
        })
        .await;
        assert_eq!((ending, warnings), (Ok(Ending::Succeeded), 2));
    }

    #[tokio::test(start_paused = true)]
    async fn it_gives_up_when_it_sees_nothing_for_long_or_may_not_look() {
        let (ending, _, _, seconds) = watched(|_| Err(no_answer())).await;
        assert_eq!((ending.is_err(), seconds), (true, 120));
        let (ending, _, looks, _) = watched(|_| Err(failure("AccessDeniedException"))).await;
        insta::assert_snapshot!(ending.expect_err("it may not look"), @r"
        ecs:DescribeServices on the service was refused: AccessDeniedException: nothing came within 30 seconds
          ECS goes on with the rollout, unseen by this run
          help: allow `ecs:DescribeServices` on the service in the policy of the role that runs this
        ");
        assert_eq!(looks, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_is_up_even_while_nothing_is_seen() {
        let (ending, ..) = watched(|at| match at {
            850.. => Err(no_answer()),
            _ => Ok(deployment(Progress::InProgress)),
        })
        .await;
        assert_eq!(ending, Ok(Ending::TimedOut));
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_hangs_is_given_up() {
        let (events, _told) = Events::channel();
        let mut rollout = Rollout::new("ecs-svc/2", Duration::from_mins(1));
        let look = async || std::future::pending().await;
        let (ending, _) = watch(look, &mut rollout, &events).await.expect("the time is up first");
        assert_eq!(ending, Ending::TimedOut);
    }
}
