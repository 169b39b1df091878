//! The loop with a clock that jumps ahead.

use super::{
    super::state::{Progress, Standing},
    *,
};
use aws_smithy_types::DateTime;
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
    Failure { code: Some(code.to_owned()), ..no_answer(Duration::from_secs(3)) }
}

async fn to_the_end(
    look: &mut impl AsyncFnMut() -> Result<ServiceState, Failure>,
    rollout: &mut Rollout,
    events: &Events,
) -> Result<Ending, Problem> {
    let mut watch = Watch::new();
    loop {
        if let Step::End(ending) = watch.until(look, &nothing, rollout, events).await? {
            return Ok(ending);
        }
    }
}

async fn nothing(_: Deployment, _: Vec<String>, before: Details) -> Details {
    before
}

/// Looks with a clock that jumps ahead; yields the result, the warnings, the looks and the seconds.
async fn watched(
    look: impl Fn(u64) -> Result<ServiceState, Failure>,
) -> (Result<Ending, Problem>, usize, u32, u64) {
    let (events, mut told) = Events::channel();
    let mut rollout = Rollout::new("ecs-svc/2", Duration::from_mins(15));
    let (began, looks) = (Instant::now(), Cell::new(0));
    let mut look = async || {
        looks.set(looks.get() + 1);
        look(began.elapsed().as_secs())
    };
    let ending = to_the_end(&mut look, &mut rollout, &events).await;
    drop(events);
    let mut warnings = 0;
    while let Some(event) = told.recv().await {
        warnings += usize::from(matches!(event, Event::Warning(_)));
    }
    (ending, warnings, looks.get(), began.elapsed().as_secs())
}

/// A deployment whose task runs from `runs` on and that is complete at `ends`, each look taking `takes`,
/// all in milliseconds; yields when the end was told, and how many looks it took.
async fn told_at(runs: u64, ends: u64, takes: u64) -> (u64, u32) {
    let (events, _told) = Events::channel();
    let mut rollout = Rollout::new("ecs-svc/2", Duration::from_mins(15));
    let (began, looks) = (Instant::now(), Cell::new(0));
    let now = || u64::try_from(began.elapsed().as_millis()).expect("it is not long");
    let mut look = async || {
        looks.set(looks.get() + 1);
        let at = now();
        tokio::time::sleep(Duration::from_millis(takes)).await;
        let progress = if at >= ends { Progress::Completed } else { Progress::InProgress };
        let mut state = deployment(progress);
        state.deployments[0].running = i32::from(at >= runs);
        Ok(state)
    };
    let ending = to_the_end(&mut look, &mut rollout, &events).await;
    assert_eq!(ending, Ok(Ending::Succeeded));
    (now(), looks.get())
}

#[tokio::test(start_paused = true)]
async fn the_end_is_told_within_a_second_and_ecs_is_asked_about_once_a_second() {
    for minutes in [0, 3] {
        for step in 0..40 {
            let ends = minutes * 60_000 + 4_000 + step * 97;
            for runs in [ends, ends - 3_000] {
                let (told, looks) = told_at(runs, ends, 80).await;
                assert!(told - ends <= 1_000, "{ends} was told at {told}");
                assert!(u64::from(looks) <= told / 850 + 5, "{looks} looks until {told}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn old_tasks_that_take_minutes_to_go_are_waited_for_at_the_usual_pace() {
    let (told, looks) = told_at(10_000, 310_000, 50).await;
    assert!(told <= 311_000, "{told}");
    assert!(looks <= 390, "{looks}");
}

#[tokio::test(start_paused = true)]
async fn one_look_that_hangs_costs_three_seconds() {
    let (events, _told) = Events::channel();
    let mut rollout = Rollout::new("ecs-svc/2", Duration::from_mins(15));
    let (began, looks) = (Instant::now(), Cell::new(0));
    let mut look = async || {
        looks.set(looks.get() + 1);
        match looks.get() {
            3 => std::future::pending().await,
            4.. => Ok(deployment(Progress::Completed)),
            _ => Ok(deployment(Progress::InProgress)),
        }
    };
    let ending = to_the_end(&mut look, &mut rollout, &events).await;
    assert_eq!(ending, Ok(Ending::Succeeded));
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn tasks_and_targets_that_are_slow_to_be_told_delay_nothing() {
    let (events, _told) = Events::channel();
    let mut rollout = Rollout::new("ecs-svc/2", Duration::from_mins(15)).given_up_after(2);
    let (began, asked) = (Instant::now(), Cell::new(0));
    let mut look = async || {
        let is_over = began.elapsed() >= Duration::from_secs(20);
        Ok(deployment(if is_over { Progress::Completed } else { Progress::InProgress }))
    };
    let ask = async |_: Deployment, _: Vec<String>, before: Details| {
        asked.set(asked.get() + 1);
        tokio::time::sleep(Duration::from_secs(9)).await;
        before
    };
    let mut watch = Watch::new();
    let end = watch.until(&mut look, &ask, &mut rollout, &events).await;
    assert_eq!(end, Ok(Step::End(Ending::Succeeded)));
    assert!(began.elapsed() <= Duration::from_secs(21), "{:?}", began.elapsed());
    assert!((1..=3).contains(&asked.get()), "{}", asked.get());
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
    let (ending, _, _, seconds) = watched(|_| Err(no_answer(Duration::from_secs(3)))).await;
    assert_eq!((ending.is_err(), seconds), (true, 120));
    let (ending, _, looks, _) = watched(|_| Err(failure("AccessDeniedException"))).await;
    insta::assert_snapshot!(ending.expect_err("it may not look"), @r"
    ecs:DescribeServices on the service was refused: AccessDeniedException: nothing came within 3 seconds
      ECS goes on with the rollout, unseen by this run
      help: allow `ecs:DescribeServices` on the service in the policy of the role that runs this
    ");
    assert_eq!(looks, 1);
}

#[tokio::test(start_paused = true)]
async fn the_time_is_up_even_while_nothing_is_seen() {
    let (ending, ..) = watched(|at| match at {
        850.. => Err(no_answer(Duration::from_secs(3))),
        _ => Ok(deployment(Progress::InProgress)),
    })
    .await;
    assert_eq!(ending, Ok(Ending::TimedOut));
}

#[tokio::test(start_paused = true)]
async fn a_look_that_hangs_is_given_up() {
    let (events, _told) = Events::channel();
    let mut rollout = Rollout::new("ecs-svc/2", Duration::from_mins(1));
    let mut look = async || std::future::pending().await;
    let ending = to_the_end(&mut look, &mut rollout, &events).await;
    assert_eq!(ending, Ok(Ending::TimedOut));
}
