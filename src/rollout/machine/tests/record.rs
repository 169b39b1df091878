//! The same with ECS's own record of the deployment, and where the two answers do not agree yet.

use super::{
    super::{
        super::{
            service_deployment::{Breaker, Rollback, ServiceDeployment, Status, sample},
            tasks::{Container, StoppedTask},
        },
        *,
    },
    state, transcript,
};

/// `=STATUS <reason>`; `(breaker)` and `(alarm)` in the reason are what ECS has noted beside it.
pub(super) fn record(text: &str) -> ServiceDeployment {
    let (status, reason) = text.split_once(' ').unwrap_or((text, ""));
    let status = match status {
        "=STOP_REQUESTED" => Status::StopRequested,
        "=ROLLBACK_REQUESTED" => Status::RollbackRequested,
        "=ROLLBACK_IN_PROGRESS" => Status::RollingBack,
        "=SUCCESSFUL" => Status::Successful,
        "=STOPPED" => Status::Stopped,
        "=ROLLBACK_SUCCESSFUL" => Status::RolledBack,
        "=ROLLBACK_FAILED" => Status::RollbackFailed,
        "=PENDING" | "=IN_PROGRESS" => Status::Underway,
        other => panic!("{other} is no status"),
    };
    let breaker = Breaker { failures: 1, threshold: 3, is_triggered: reason.contains("(breaker)") };
    let goes_back = matches!(
        status,
        Status::RollbackRequested
            | Status::RollingBack
            | Status::RolledBack
            | Status::RollbackFailed
    );
    ServiceDeployment {
        arn: "arn:sd".to_owned(),
        reason: reason.to_owned(),
        breaker: Some(breaker),
        alarms: reason.contains("(alarm)").then(|| "5xx".to_owned()).into_iter().collect(),
        rollback: goes_back.then(|| Rollback {
            reason: String::new(),
            to: "arn:revision".to_owned(),
            task_definition: Some("arn:aws:ecs:eu-west-1:1:task-definition/web:1".to_owned()),
        }),
        ..sample(status)
    }
}

/// A task of the deployment that ended by itself.
pub(super) fn crash() -> StoppedTask {
    let container = Container { name: "web".to_owned(), exit_code: Some(3), reason: String::new() };
    StoppedTask {
        id: "0f3e".to_owned(),
        reason: "Essential container in task exited".to_owned(),
        containers: vec![container],
        stopped_at: None,
    }
}

#[test]
fn successful_is_the_only_success() {
    // The service's own state runs ahead, and after the success it may lag behind.
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2 | =PENDING
        1s 2:2 PRIMARY COMPLETED 2/2 | =IN_PROGRESS
        40s 2:2 PRIMARY COMPLETED 2/2 | =IN_PROGRESS
        41s 2:2 PRIMARY IN_PROGRESS 1/2 | =SUCCESSFUL";
    insta::assert_snapshot!(transcript(looks), @r"
    0s ecs-svc/2 0/2
    1s ecs-svc/2 2/2
    40s ecs-svc/2 2/2
    41s ecs-svc/2 1/2
    Succeeded
    ");
}

#[test]
fn an_old_success_counts_when_the_new_tasks_run() {
    let looks = "
        0s 2:2 PRIMARY COMPLETED 1/3 | =SUCCESSFUL
        5s 2:2 PRIMARY COMPLETED 3/3 | =SUCCESSFUL";
    insta::assert_snapshot!(transcript(looks), @r"
    0s ecs-svc/2 1/3
    5s ecs-svc/2 3/3
    Succeeded
    ");
}

#[test]
fn the_breaker_rolls_back() {
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2 | =IN_PROGRESS
        60s 2:2 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2 | =ROLLBACK_IN_PROGRESS (breaker) threshold exceeded
        70s 3:1 PRIMARY IN_PROGRESS 1/2 | 2:2 ACTIVE FAILED 0/2 | =ROLLBACK_IN_PROGRESS (breaker) threshold exceeded
        80s 3:1 PRIMARY IN_PROGRESS 1/2 | 2:2 ACTIVE FAILED 0/2 | =ROLLBACK_SUCCESSFUL (breaker) threshold exceeded";
    insta::assert_snapshot!(transcript(looks), @r#"
    0s ecs-svc/2 0/2
    60s warning: the rollout failed, ECS returns to `web:1` | ecs-svc/2 0/2
    70s ecs-svc/3 1/2
    80s ecs-svc/3 1/2
    RolledBack { reason: "(breaker) threshold exceeded", to: "arn:aws:ecs:eu-west-1:1:task-definition/web:1", is_back: true }
    "#);
}

#[test]
fn an_alarm_rolls_back_and_a_rollback_may_be_over_between_two_looks() {
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 2/2 | 1:1 ACTIVE COMPLETED 2/2 | =IN_PROGRESS
        60s 3:1 PRIMARY COMPLETED 2/2 | =ROLLBACK_SUCCESSFUL (alarm) an alarm went off by user traffic";
    insta::assert_snapshot!(transcript(looks), @r#"
    0s ecs-svc/2 2/2
    60s warning: the rollout failed, ECS returns to `web:1` | ecs-svc/3 2/2
    RolledBack { reason: "(alarm) an alarm went off by user traffic", to: "arn:aws:ecs:eu-west-1:1:task-definition/web:1", is_back: true }
    "#);
}

#[test]
fn the_service_knows_of_the_rollback_before_the_record_does() {
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2 | =IN_PROGRESS
        60s 3:1 PRIMARY IN_PROGRESS 1/2 rolling back to deploymentId ecs-svc/1. | 2:2 ACTIVE FAILED 0/2 tasks failed to start. | =IN_PROGRESS
        61s 3:1 PRIMARY IN_PROGRESS 1/2 rolling back to deploymentId ecs-svc/1. | 2:2 ACTIVE FAILED 0/2 tasks failed to start. | =ROLLBACK_IN_PROGRESS (breaker)
        62s 3:1 PRIMARY IN_PROGRESS 1/2 | =ROLLBACK_FAILED (breaker)";
    insta::assert_snapshot!(transcript(looks), @r#"
    0s ecs-svc/2 0/2
    60s warning: the rollout failed, ECS returns to `web:1` | ecs-svc/3 1/2
    61s ecs-svc/3 1/2
    62s ecs-svc/3 1/2
    Failed { reason: "(breaker)", instead: Some(FailedToo) }
    "#);
}

#[test]
fn a_person_who_asks_for_the_rollback_stops_it() {
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2 | =IN_PROGRESS
        9s 2:2 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2 | =ROLLBACK_REQUESTED
        10s 3:1 PRIMARY IN_PROGRESS 2/2 | 2:2 ACTIVE IN_PROGRESS 0/2 | =ROLLBACK_IN_PROGRESS
        20s 3:1 PRIMARY COMPLETED 2/2 | =ROLLBACK_SUCCESSFUL rolled back by user request";
    insta::assert_snapshot!(transcript(looks), @r#"
    0s ecs-svc/2 0/2
    9s warning: somebody asked ECS to return to `web:1` | ecs-svc/2 0/2
    10s ecs-svc/3 2/2
    20s ecs-svc/3 2/2
    Stopped { how: "ECS says: rolled back by user request", back: Some(("arn:aws:ecs:eu-west-1:1:task-definition/web:1", true)) }
    "#);
}

#[test]
fn a_rollback_takes_three_minutes_at_most() {
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 0/2 | =IN_PROGRESS
        60s 2:2 PRIMARY IN_PROGRESS 0/2 | =ROLLBACK_IN_PROGRESS (breaker)
        239s 2:2 PRIMARY IN_PROGRESS 0/2 | =ROLLBACK_IN_PROGRESS (breaker)
        240s 2:2 PRIMARY IN_PROGRESS 0/2 | =ROLLBACK_IN_PROGRESS (breaker)";
    insta::assert_snapshot!(transcript(looks), @r#"
    0s ecs-svc/2 0/2
    60s warning: the rollout failed, ECS returns to `web:1` | ecs-svc/2 0/2
    239s ecs-svc/2 0/2
    240s ecs-svc/2 0/2
    RolledBack { reason: "(breaker)", to: "arn:aws:ecs:eu-west-1:1:task-definition/web:1", is_back: false }
    "#);
}

#[test]
fn stopped_because_of_a_newer_one_is_superseded() {
    // DescribeServices shows the newer one two seconds later.
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2 | =IN_PROGRESS
        9s 2:2 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2 | =STOP_REQUESTED
        10s 2:2 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2 | =STOPPED
        12s 3:3 PRIMARY IN_PROGRESS 0/2 | 2:2 ACTIVE IN_PROGRESS 0/2 | =STOPPED";
    insta::assert_snapshot!(transcript(looks), @r#"
    0s ecs-svc/2 0/2
    9s ecs-svc/2 0/2
    10s ecs-svc/2 0/2
    12s ecs-svc/2 0/2
    Superseded { by: "ecs-svc/3", task_definition: "arn:aws:ecs:eu-west-1:1:task-definition/web:3" }
    "#);
}

#[test]
fn a_newer_one_is_believed_when_the_record_stays_behind() {
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 0/2 | =IN_PROGRESS
        9s 3:3 PRIMARY IN_PROGRESS 0/2 | 2:2 ACTIVE IN_PROGRESS 0/2 | =IN_PROGRESS
        18s 3:3 PRIMARY IN_PROGRESS 0/2 | 2:2 ACTIVE IN_PROGRESS 0/2 | =IN_PROGRESS
        19s 3:3 PRIMARY IN_PROGRESS 0/2 | 2:2 ACTIVE IN_PROGRESS 0/2 | =IN_PROGRESS";
    insta::assert_snapshot!(transcript(looks), @r#"
    0s ecs-svc/2 0/2
    9s ecs-svc/2 0/2
    18s ecs-svc/2 0/2
    19s ecs-svc/2 0/2
    Superseded { by: "ecs-svc/3", task_definition: "arn:aws:ecs:eu-west-1:1:task-definition/web:3" }
    "#);
}

#[test]
fn stopped_after_a_failure_without_the_rollback_option() {
    let looks = "
        0s no rollback | 2:2 PRIMARY IN_PROGRESS 0/2 | =IN_PROGRESS
        60s no rollback | 2:2 PRIMARY IN_PROGRESS 0/2 | =STOP_REQUESTED (breaker) threshold exceeded
        61s no rollback | 2:2 PRIMARY FAILED 0/2 | =STOPPED (breaker) threshold exceeded";
    insta::assert_snapshot!(transcript(looks), @r#"
    0s ecs-svc/2 0/2
    60s ecs-svc/2 0/2
    61s ecs-svc/2 0/2
    Failed { reason: "(breaker) threshold exceeded", instead: Some(NotAskedFor) }
    "#);
}

#[test]
fn stopped_by_nobody_that_is_known() {
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 0/2 | =IN_PROGRESS
        9s 2:2 PRIMARY IN_PROGRESS 0/2 | =STOPPED
        13s 2:2 PRIMARY IN_PROGRESS 0/2 | =STOPPED
        14s 2:2 PRIMARY IN_PROGRESS 0/2 | =STOPPED";
    insta::assert_snapshot!(transcript(looks), @r#"
    0s ecs-svc/2 0/2
    9s ecs-svc/2 0/2
    13s ecs-svc/2 0/2
    14s ecs-svc/2 0/2
    Stopped { how: "ECS says neither by whom nor why", back: None }
    "#);
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 0/2 | =IN_PROGRESS
        9s 2:2 PRIMARY IN_PROGRESS 0/2 | =STOPPED stopped by a user";
    insta::assert_snapshot!(transcript(looks), @r#"
    0s ecs-svc/2 0/2
    9s ecs-svc/2 0/2
    Stopped { how: "ECS says: stopped by a user", back: None }
    "#);
}

#[test]
fn it_is_out_of_time_whatever_the_record_waits_for() {
    for status in ["PENDING", "IN_PROGRESS", "STOP_REQUESTED"] {
        let looks = format!("900s 2:2 PRIMARY IN_PROGRESS 2/2 | ={status}");
        let end = transcript(&looks);
        assert!(end.ends_with("TimedOut"), "{status}: {end}");
    }
}

#[test]
fn two_equal_crashes_are_enough_and_the_rollback_is_ours() {
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2 | =IN_PROGRESS
        5s 2:2 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2 | =IN_PROGRESS | crash
        9s 2:2 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2 | =IN_PROGRESS | crash | crash
        10s 2:2 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2 | =ROLLBACK_REQUESTED by user
        20s 3:1 PRIMARY COMPLETED 2/2 | =ROLLBACK_SUCCESSFUL rolled back by user request";
    insta::assert_snapshot!(transcript(looks), @r#"
    0s ecs-svc/2 0/2
    5s ecs-svc/2 0/2
    9s ecs-svc/2 0/2
      given up
    10s warning: the rollout failed, ECS returns to `web:1` | ecs-svc/2 0/2
    20s ecs-svc/3 2/2
    RolledBack { reason: "rolled back by user request", to: "arn:aws:ecs:eu-west-1:1:task-definition/web:1", is_back: true }
    "#);
}

#[test]
fn a_rollback_that_is_asked_for_and_does_not_begin() {
    let looks = "
        0s 2:2 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2 | =IN_PROGRESS | crash | crash
        179s 2:2 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2 | =IN_PROGRESS | crash | crash
        180s 2:2 PRIMARY IN_PROGRESS 0/2 | 1:1 ACTIVE COMPLETED 2/2 | =IN_PROGRESS | crash | crash";
    insta::assert_snapshot!(transcript(looks), @r#"
    0s ecs-svc/2 0/2
      given up
    179s ecs-svc/2 0/2
    180s ecs-svc/2 0/2
    RolledBack { reason: "", to: "arn:aws:ecs:eu-west-1:1:task-definition/web:1", is_back: false }
    "#);
}

/// What is to be done when two tasks have crashed, after this look at what was there before.
fn means(before: &str, now: &str) -> Option<Means> {
    let mut rollout = Rollout::new("ecs-svc/2", super::TIMEOUT).given_up_after(2);
    rollout.observe(Duration::ZERO, &state(before));
    let now = state(&format!("{now} | crash | crash"));
    rollout.observe(Duration::from_secs(9), &now);
    match rollout.turn(Duration::from_secs(9), &now) {
        Some(Turn::GiveUp(_, means)) => Some(means),
        _ => None,
    }
}

#[test]
fn only_a_service_that_never_ran_is_scaled_to_zero() {
    let ours = "2:2 PRIMARY IN_PROGRESS 0/2";
    let first = format!("{ours} | 1:1 ACTIVE FAILED 0/0");
    assert_eq!(means(ours, ours), Some(Means::ScaleToZero));
    assert_eq!(means(&first, &first), Some(Means::ScaleToZero));
    let record = format!("{ours} | =IN_PROGRESS");
    assert_eq!(means(&record, &record), Some(Means::ScaleToZero));
    let old = format!("{ours} | 1:1 ACTIVE COMPLETED 2/2");
    assert_eq!(means(&old, ours), Some(Means::Breaker), "it ran when first looked at");
    let down = format!("{ours} | 1:1 ACTIVE COMPLETED 0/2");
    assert_eq!(means(&down, &down), Some(Means::Breaker), "it was complete once");
    assert_eq!(means(&old, &format!("no rollback | {old}")), Some(Means::Nothing));
    let recorded = format!("{old} | =IN_PROGRESS");
    assert_eq!(means(&old, &recorded), Some(Means::Stop("arn:sd".to_owned())));
}

#[test]
fn what_is_no_longer_the_newest_is_nobodys_to_give_up() {
    let newer = "3:3 PRIMARY IN_PROGRESS 0/2 | 2:2 ACTIVE IN_PROGRESS 0/2";
    assert_eq!(means("2:2 PRIMARY IN_PROGRESS 0/2", newer), None);
}
