//! Transcripts: what DescribeServices answers, look after look, and what comes of it. Deployment 2 is
//! the one that is followed.

use super::{super::state::ServiceEvent, *};
use crate::event::RolloutState;
use std::fmt::Write as _;

mod record;

const TIMEOUT: Duration = Duration::from_mins(15);

/// `<id>:<revision> <status> <state> <running>/<desired> <reason>`; a deployment is created at ten
/// times its id.
fn deployment(text: &str) -> Deployment {
    let mut words = text.splitn(5, ' ');
    let mut next = || words.next().unwrap_or_default();
    let (id, revision) = next().split_once(':').expect("id:revision");
    let status = next();
    let state = next();
    let (running, desired) = next().split_once('/').expect("running/desired");
    let number = |text: &str| text.parse().expect("a number");
    Deployment {
        id: format!("ecs-svc/{id}"),
        is_primary: status == "PRIMARY",
        progress: match state {
            "COMPLETED" => Progress::Completed,
            "FAILED" => Progress::Failed,
            _ => Progress::InProgress,
        },
        reason: next().to_owned(),
        task_definition: format!("arn:aws:ecs:eu-west-1:1:task-definition/web:{revision}"),
        desired: number(desired),
        running: number(running),
        pending: 0,
        failed: 0,
        created_at: DateTime::from_secs(id.parse::<i64>().expect("a number") * 10),
    }
}

/// `@<second> <message>`
fn event(text: &str) -> ServiceEvent {
    let (at, message) = text.split_once(' ').expect("second message");
    ServiceEvent {
        id: text.to_owned(),
        created_at: DateTime::from_secs(at.parse().expect("a number")),
        message: message.to_owned(),
    }
}

/// What stands between bars: deployments, `@` events, ECS's record after a `=`, or one of `gone`,
/// `draining`, `no rollback`.
fn state(text: &str) -> ServiceState {
    let nothing = ServiceState::missing();
    let mut state = ServiceState { standing: Standing::Active, rolls_back: true, ..nothing };
    for part in text.split(" | ") {
        match (part, part.strip_prefix('@')) {
            ("gone", _) => state.standing = Standing::Gone,
            ("draining", _) => state.standing = Standing::Draining,
            ("no rollback", _) => state.rolls_back = false,
            ("crash", _) => state.details.stopped.push(record::crash()),
            (_, Some(text)) => state.events.push(event(text)),
            _ if part.starts_with('=') => state.record = Some(record::record(part)),
            _ => state.deployments.push(deployment(part)),
        }
    }
    state
}

/// Takes `<seconds>s <state>` a line; tells what came of each, until the end.
fn transcript(looks: &str) -> String {
    let mut rollout = Rollout::new("ecs-svc/2", TIMEOUT).given_up_after(2);
    let mut text = String::new();
    for look in looks.lines().map(str::trim).filter(|look| !look.is_empty()) {
        let (at, look) = look.split_once("s ").expect("seconds");
        let elapsed = Duration::from_secs(at.parse().expect("a number"));
        let (events, ending) = rollout.observe(elapsed, &state(look));
        let told = events.into_iter().map(|event| match event {
            Event::Line { text, .. } => text,
            Event::Warning(text) => format!("warning: {text}"),
            Event::Rollout(RolloutState { deployment, running, desired, .. }) => {
                format!("{deployment} {running}/{desired}")
            }
            other => format!("{other:?}"),
        });
        let told: Vec<_> = told.collect();
        writeln!(text, "{at}s {}", told.join(" | ")).expect("a string takes it");
        if let Some(ending) = ending {
            write!(text, "{ending:?}").expect("a string takes it");
            return text;
        }
        if let Some(Turn::GiveUp(_, Means::Stop(_))) = rollout.turn(elapsed, &state(look)) {
            text += "  given up\n";
            rollout.asked_back(elapsed);
        }
    }
    text + "goes on"
}

#[test]
fn completes() {
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2 | @12 old
        5s 2:2 PRIMARY IN_PROGRESS 2/2 | 1:1 ACTIVE COMPLETED 2/2 | @12 old | @21 has started 2 tasks
        9s 2:2 PRIMARY COMPLETED 2/2 | @21 has started 2 tasks | @30 is steady";
    insta::assert_snapshot!(transcript(looks), @r"
    0s ecs-svc/2 0/2
    5s has started 2 tasks | ecs-svc/2 2/2
    9s is steady | ecs-svc/2 2/2
    Succeeded
    ");
}

#[test]
fn repeated_events_are_told_once() {
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 0/2 | @20 first
        1s 2:2 PRIMARY IN_PROGRESS 0/2 | @20 first | @21 second
        2s 2:2 PRIMARY IN_PROGRESS 0/2 | @21 second";
    insta::assert_snapshot!(transcript(looks), @r"
    0s first | ecs-svc/2 0/2
    1s second | ecs-svc/2 0/2
    2s ecs-svc/2 0/2
    goes on
    ");
}

#[test]
fn is_rolled_back_to_a_new_deployment_of_the_old_revision() {
    // At 90 seconds the failure is not noted yet, but the reason says what happens.
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2
        90s 3:1 PRIMARY IN_PROGRESS 0/2 ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1. | 2:2 ACTIVE IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2
        95s 3:1 PRIMARY IN_PROGRESS 1/2 ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1. | 2:2 ACTIVE FAILED 0/2 ECS deployment circuit breaker: tasks failed to start.
        99s 3:1 PRIMARY COMPLETED 2/2 ECS deployment ecs-svc/3 completed. | 2:2 DRAINING FAILED 0/0 ECS deployment circuit breaker: tasks failed to start.";
    insta::assert_snapshot!(transcript(looks), @r#"
    0s ecs-svc/2 0/2
    90s warning: the rollout failed, ECS returns to `web:1` | ecs-svc/3 0/2
    95s ecs-svc/3 1/2
    99s ecs-svc/3 2/2
    RolledBack { reason: "ECS deployment circuit breaker: tasks failed to start.", to: "arn:aws:ecs:eu-west-1:1:task-definition/web:1", is_back: true }
    "#);
}

#[test]
fn is_rolled_back_to_the_old_deployment_itself() {
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2
        30s 2:2 ACTIVE FAILED 0/0 three failures | 1:1 PRIMARY IN_PROGRESS 2/2 ECS deployment rollback in progress.
        35s 2:2 ACTIVE FAILED 0/0 three failures | 1:1 PRIMARY COMPLETED 2/2 ECS deployment completed.";
    insta::assert_snapshot!(transcript(looks), @r#"
    0s ecs-svc/2 0/2
    30s warning: the rollout failed, ECS returns to `web:1` | ecs-svc/1 2/2
    35s ecs-svc/1 2/2
    RolledBack { reason: "three failures", to: "arn:aws:ecs:eu-west-1:1:task-definition/web:1", is_back: true }
    "#);
}

#[test]
fn a_forced_deployment_is_rolled_back_to_the_same_revision() {
    let looks = "
        0s 2:1 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2
        30s 3:1 PRIMARY IN_PROGRESS 2/2 ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1. | 2:1 ACTIVE FAILED 0/0 tasks failed to start.
        35s 3:1 PRIMARY COMPLETED 2/2 | @33 (service web) rolling back to deployment ecs-svc/3.";
    insta::assert_snapshot!(transcript(looks), @r#"
    0s ecs-svc/2 0/2
    30s warning: the rollout failed, ECS returns to `web:1` | ecs-svc/3 2/2
    35s (service web) rolling back to deployment ecs-svc/3. | ecs-svc/3 2/2
    RolledBack { reason: "tasks failed to start.", to: "arn:aws:ecs:eu-west-1:1:task-definition/web:1", is_back: true }
    "#);
}

#[test]
fn a_rollback_that_was_over_between_two_looks_is_no_success() {
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2
        5s 1:1 PRIMARY COMPLETED 2/2
        10s 1:1 PRIMARY COMPLETED 2/2";
    insta::assert_snapshot!(transcript(looks), @r#"
    0s ecs-svc/2 0/2
    5s 
    10s warning: the rollout failed, ECS returns to `web:1` | ecs-svc/1 2/2
    RolledBack { reason: "", to: "arn:aws:ecs:eu-west-1:1:task-definition/web:1", is_back: true }
    "#);
}

#[test]
fn a_rollback_that_takes_long_is_not_waited_out() {
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2
        30s 2:2 ACTIVE FAILED 0/0 tasks failed to start. | 1:1 PRIMARY IN_PROGRESS 1/2
        209s 2:2 ACTIVE FAILED 0/0 tasks failed to start. | 1:1 PRIMARY IN_PROGRESS 1/2
        210s 2:2 ACTIVE FAILED 0/0 tasks failed to start. | 1:1 PRIMARY IN_PROGRESS 1/2";
    insta::assert_snapshot!(transcript(looks), @r#"
    0s ecs-svc/2 0/2
    30s warning: the rollout failed, ECS returns to `web:1` | ecs-svc/1 1/2
    209s ecs-svc/1 1/2
    210s ecs-svc/1 1/2
    RolledBack { reason: "tasks failed to start.", to: "arn:aws:ecs:eu-west-1:1:task-definition/web:1", is_back: false }
    "#);
}

#[test]
fn a_rollback_that_fails_too() {
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2
        30s 2:2 ACTIVE FAILED 0/0 tasks failed to start. | 1:1 PRIMARY IN_PROGRESS 1/2
        60s 2:2 ACTIVE FAILED 0/0 tasks failed to start. | 1:1 PRIMARY FAILED 0/2";
    insta::assert_snapshot!(transcript(looks), @r#"
    0s ecs-svc/2 0/2
    30s warning: the rollout failed, ECS returns to `web:1` | ecs-svc/1 1/2
    60s ecs-svc/1 0/2
    Failed { reason: "tasks failed to start.", instead: Some(FailedToo) }
    "#);
}

#[test]
fn the_first_deployment_has_nothing_to_return_to() {
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 0/2
        60s 2:2 PRIMARY FAILED 0/2 tasks failed to start.
        74s 2:2 PRIMARY FAILED 0/2 tasks failed to start.
        75s 2:2 PRIMARY FAILED 0/2 tasks failed to start.";
    insta::assert_snapshot!(transcript(looks), @r#"
    0s ecs-svc/2 0/2
    60s ecs-svc/2 0/2
    74s ecs-svc/2 0/2
    75s ecs-svc/2 0/2
    Failed { reason: "tasks failed to start.", instead: Some(NothingToReturnTo) }
    "#);
}

#[test]
fn without_rollback_a_failure_is_the_end() {
    let looks = "60s no rollback | 2:2 PRIMARY FAILED 0/2 tasks failed to start.";
    insta::assert_snapshot!(transcript(looks), @r#"
    60s ecs-svc/2 0/2
    Failed { reason: "tasks failed to start.", instead: Some(NotAskedFor) }
    "#);
}

#[test]
fn is_superseded_while_it_goes_on() {
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2
        30s 3:3 PRIMARY IN_PROGRESS 0/2 | 2:2 ACTIVE IN_PROGRESS 1/2 | 1:1 ACTIVE COMPLETED 1/2";
    insta::assert_snapshot!(transcript(looks), @r#"
    0s ecs-svc/2 0/2
    30s ecs-svc/2 1/2
    Superseded { by: "ecs-svc/3", task_definition: "arn:aws:ecs:eu-west-1:1:task-definition/web:3" }
    "#);
}

#[test]
fn somebody_who_deploys_the_old_revision_again_supersedes() {
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2
        30s 3:1 PRIMARY IN_PROGRESS 0/2 ECS deployment ecs-svc/3 in progress. | 2:2 ACTIVE IN_PROGRESS 1/2";
    insta::assert_snapshot!(transcript(looks), @r#"
    0s ecs-svc/2 0/2
    30s ecs-svc/2 1/2
    Superseded { by: "ecs-svc/3", task_definition: "arn:aws:ecs:eu-west-1:1:task-definition/web:1" }
    "#);
}

#[test]
fn what_is_rolled_back_may_be_the_deployment_that_superseded() {
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2
        30s 4:1 PRIMARY IN_PROGRESS 2/2 ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1. | 3:3 ACTIVE FAILED 0/2 | 2:2 ACTIVE IN_PROGRESS 0/2";
    insta::assert_snapshot!(transcript(looks), @r#"
    0s ecs-svc/2 0/2
    30s ecs-svc/2 0/2
    Superseded { by: "ecs-svc/3", task_definition: "arn:aws:ecs:eu-west-1:1:task-definition/web:3" }
    "#);
}

#[test]
fn a_newer_deployment_after_a_failure_does_not_hide_it() {
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 0/2
        30s 3:3 PRIMARY IN_PROGRESS 0/2 | 2:2 ACTIVE FAILED 0/2 tasks failed to start.";
    insta::assert_snapshot!(transcript(looks), @r#"
    0s ecs-svc/2 0/2
    30s ecs-svc/2 0/2
    Failed { reason: "tasks failed to start.", instead: Some(Newer("ecs-svc/3")) }
    "#);
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2
        30s 1:1 PRIMARY IN_PROGRESS 2/2 | 2:2 ACTIVE FAILED 0/2 tasks failed to start.
        35s 3:3 PRIMARY IN_PROGRESS 0/2 | 2:2 ACTIVE FAILED 0/2 tasks failed to start. | 1:1 ACTIVE IN_PROGRESS 2/2";
    insta::assert_snapshot!(transcript(looks), @r#"
    0s ecs-svc/2 0/2
    30s warning: the rollout failed, ECS returns to `web:1` | ecs-svc/1 2/2
    35s ecs-svc/3 0/2
    RolledBack { reason: "tasks failed to start.", to: "arn:aws:ecs:eu-west-1:1:task-definition/web:1", is_back: false }
    "#);
}

#[test]
fn complete_before_it_was_replaced_is_a_success() {
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 0/2
        30s 3:3 PRIMARY IN_PROGRESS 0/2 | 2:2 ACTIVE COMPLETED 1/2";
    insta::assert_snapshot!(transcript(looks), @r"
    0s ecs-svc/2 0/2
    30s ecs-svc/2 1/2
    Succeeded
    ");
}

#[test]
fn no_longer_listed_and_an_event_says_that_it_was_complete() {
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 0/2
        60s 3:3 PRIMARY COMPLETED 2/2 | @40 (service web) (deployment ecs-svc/2) deployment completed.";
    insta::assert_snapshot!(transcript(looks), @r"
    0s ecs-svc/2 0/2
    60s (service web) (deployment ecs-svc/2) deployment completed.
    Succeeded
    ");
}

#[test]
fn no_longer_listed_and_an_event_says_that_it_failed() {
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 0/2
        60s 3:1 PRIMARY COMPLETED 2/2 ECS deployment ecs-svc/3 completed. | @40 (service web) (deployment ecs-svc/2) deployment failed: tasks failed to start. | @40 (service web) rolling back to deployment ecs-svc/3.";
    insta::assert_snapshot!(transcript(looks), @r#"
    0s ecs-svc/2 0/2
    60s (service web) (deployment ecs-svc/2) deployment failed: tasks failed to start. | (service web) rolling back to deployment ecs-svc/3. | warning: the rollout failed, ECS returns to `web:1` | ecs-svc/3 2/2
    RolledBack { reason: "tasks failed to start.", to: "arn:aws:ecs:eu-west-1:1:task-definition/web:1", is_back: true }
    "#);
}

#[test]
fn not_listed_yet_is_waited_for() {
    let looks = "
        0s gone
        1s 1:1 PRIMARY COMPLETED 2/2
        2s 2:2 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2
        9s 2:2 PRIMARY COMPLETED 2/2";
    insta::assert_snapshot!(transcript(looks), @r"
    0s 
    1s 
    2s ecs-svc/2 0/2
    9s ecs-svc/2 2/2
    Succeeded
    ");
}

#[test]
fn never_listed_was_superseded() {
    let looks = "
        0s 3:3 PRIMARY COMPLETED 2/2
        10s 3:3 PRIMARY COMPLETED 2/2";
    insta::assert_snapshot!(transcript(looks), @r#"
    0s 
    10s 
    Superseded { by: "ecs-svc/3", task_definition: "arn:aws:ecs:eu-west-1:1:task-definition/web:3" }
    "#);
}

#[test]
fn is_stopped_by_whoever_deletes_the_service() {
    for (standing, how) in [("draining", "it is being deleted"), ("gone", "it was deleted")] {
        let looks = format!("0s 2:2 PRIMARY IN_PROGRESS 0/2\n5s {standing}");
        let end = format!("0s ecs-svc/2 0/2\n5s \nStopped {{ how: \"{how}\", back: None }}");
        assert_eq!(transcript(&looks), end);
    }
}

#[test]
fn is_stopped_by_whoever_asks_for_the_rollback() {
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2
        5s 3:1 PRIMARY IN_PROGRESS 2/2 Service deployment rolled back by user request. | 2:2 ACTIVE IN_PROGRESS 1/2";
    insta::assert_snapshot!(transcript(looks), @r#"
    0s ecs-svc/2 0/2
    5s ecs-svc/2 1/2
    Stopped { how: "ECS says: Service deployment rolled back by user request.", back: None }
    "#);
}

#[test]
fn in_progress_is_no_success_even_when_all_tasks_run() {
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 2/2
        899s 2:2 PRIMARY IN_PROGRESS 2/2
        900s 2:2 PRIMARY IN_PROGRESS 2/2";
    insta::assert_snapshot!(transcript(looks), @r"
    0s ecs-svc/2 2/2
    899s ecs-svc/2 2/2
    900s ecs-svc/2 2/2
    TimedOut
    ");
}

#[test]
fn complete_once_is_complete_when_the_tasks_run() {
    let looks = "
        0s 2:2 PRIMARY COMPLETED 0/2
        5s 2:2 PRIMARY COMPLETED 1/2
        10s 2:2 PRIMARY IN_PROGRESS 1/2
        15s 2:2 PRIMARY IN_PROGRESS 2/2";
    insta::assert_snapshot!(transcript(looks), @r"
    0s ecs-svc/2 0/2
    5s ecs-svc/2 1/2
    10s ecs-svc/2 1/2
    15s ecs-svc/2 2/2
    Succeeded
    ");
}

#[test]
fn the_desired_count_may_change_on_the_way() {
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 2/2
        5s 2:2 PRIMARY IN_PROGRESS 2/4
        9s 2:2 PRIMARY COMPLETED 0/0";
    insta::assert_snapshot!(transcript(looks), @r"
    0s ecs-svc/2 2/2
    5s ecs-svc/2 2/4
    9s ecs-svc/2 0/0
    Succeeded
    ");
}
