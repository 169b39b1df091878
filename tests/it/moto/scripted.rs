//! Rollouts as AWS tells them and no emulator does: ECS's own records of deployments, targets that the
//! load balancer does not find healthy, stops. Everything else is moto's.

use super::{
    scenes::{
        GROUP, at, begins, crashes, deploy, goes_back, program, runs, says, stack, stopped,
        succeeds,
    },
    stack::Stack,
};
use crate::support::{
    counts::count,
    program::Run,
    scripted::{Frame, Script, Scripted},
};
use ecs_private_deploy::exit;
use std::time::Duration;

/// The line after the one that says that it failed.
fn first_line(run: &Run) -> &str {
    let mut lines = run.stderr.lines().skip_while(|line| !line.starts_with("error: "));
    lines.nth(1).unwrap_or_default()
}

/// A version whose tasks run and are found unwell: it is given up after two, the old version is back.
async fn unwell(target: [&'static str; 3], event: &str) -> Run {
    let reason: &str =
        Box::leak(format!("Task failed ELB health checks in (target-group {GROUP})").into());
    let last = stopped(reason, target, event);
    let script = Script {
        after_stop: goes_back(&last),
        frames: vec![begins(), runs(target), last],
        ..Script::default()
    };
    let (run, server) = deploy(&stack("timeout: 1m").await, script).await;
    let run = run.ends_with(exit::ROLLOUT_FAILED);
    assert_eq!(server.count("StopServiceDeployment"), 1, "{}", run.stderr);
    says(&run, &["given up after 2 tasks", "`web:1` is back"]);
    run
}

#[tokio::test]
async fn the_wrong_port() {
    let run = unwell(
        ["unhealthy", "Target.FailedHealthChecks", "Health checks failed"],
        "(service web) (port 8080) is unhealthy in (target-group arn:tg) due to (reason Health \
         checks failed).",
    )
    .await;
    let first = first_line(&run).to_lowercase();
    assert!(first.contains("health check") && first.contains("2 of 2 tasks"), "{}", run.stderr);
}

#[tokio::test]
async fn a_health_path_that_answers_404() {
    let run = unwell(
        [
            "unhealthy",
            "Target.ResponseCodeMismatch",
            "Health checks failed with these codes: [404]",
        ],
        "(service web) (port 8080) is unhealthy in (target-group arn:tg) due to (reason Health \
         checks failed with these codes: [404]).",
    )
    .await;
    assert!(first_line(&run).contains("404"), "{}", run.stderr);
}

#[tokio::test]
async fn a_target_in_a_zone_that_the_load_balancer_does_not_have() {
    let target = [
        "unused",
        "Target.NotInUse",
        "Target is in an Availability Zone that is not enabled for the load balancer",
    ];
    let script = Script {
        after_stop: goes_back(&runs(target)),
        frames: vec![begins(), runs(target)],
        ..Script::default()
    };
    let (run, server) = deploy(&stack("timeout: 2m").await, script).await;
    let run = run.ends_with(exit::ROLLOUT_FAILED);
    assert_eq!(server.count("StopServiceDeployment"), 1, "{}", run.stderr);
    assert!(first_line(&run).to_lowercase().contains("zone"), "{}", run.stderr);
}

#[tokio::test]
async fn success_is_told_within_a_second_and_ecs_is_not_asked_too_often() {
    let script = Script {
        frames: vec![
            begins(),
            runs(["initial", "Elb.InitialHealthChecking", "Initial health checks in progress"]),
            succeeds(9_400),
        ],
        ..Script::default()
    };
    let stack = stack("timeout: 1m").await;
    let (run, server) = deploy(&stack, script).await;
    let ended = server.now();
    let run = run.ends_with(exit::OK);
    says(&run, &["targets: 2 initial", "2 PENDING", "2 old running"]);
    let complete = server.deployed().expect("it was deployed") + at(9_400);
    let late = ended.saturating_sub(complete);
    count(&format!("a scripted rollout, from ECS's end to ours: {} ms", late.as_millis()));
    // On a machine that is busy with other tests; the schedule itself is tested without a clock.
    assert!(ended < complete + at(5_000), "{ended:?} after {complete:?}");
    let looks = server.count("DescribeServiceDeployments");
    assert!((5..=25).contains(&looks), "{looks}");
    for call in ["ListServiceDeployments", "DescribeServiceRevisions"] {
        assert!(server.count(call) <= 3, "{call}: {}", server.count(call));
    }
}

#[tokio::test]
async fn where_ecs_keeps_no_records_it_is_asked_for_them_once() {
    let frames = [begins(), succeeds(3_000)];
    let frames = frames.map(|frame| Frame { record: None, ..frame }).to_vec();
    let script = Script { frames, ..Script::default() };
    let (run, server) = deploy(&stack("timeout: 1m").await, script).await;
    let run = run.ends_with(exit::OK);
    assert_eq!(server.count("ListServiceDeployments"), 1, "{}", run.stderr);
    assert_eq!(server.count("DescribeServiceDeployments"), 0);
    assert!(!run.stderr.contains("warning"), "{}", run.stderr);
}

/// A rollout that ends with this frame, two seconds on.
async fn ends(end: Frame, code: u8) -> (Run, Scripted) {
    let end = Frame { at: at(2_000), ..end };
    let script = Script { frames: vec![begins(), end], ..Script::default() };
    let (run, server) = deploy(&stack("timeout: 1m").await, script).await;
    (run.ends_with(code), server)
}

#[tokio::test]
async fn rolled_back_by_the_circuit_breaker() {
    let why = "Service deployment rolled back because the circuit breaker threshold was exceeded.";
    let end = Frame {
        state: "FAILED",
        why: "ECS deployment circuit breaker: tasks failed to start.",
        record: Some(("ROLLBACK_SUCCESSFUL", why)),
        breaker: Some(("TRIGGERED", 3)),
        successor: Some(("COMPLETED", true)),
        ..begins()
    };
    let (run, server) = ends(end, exit::ROLLOUT_FAILED).await;
    says(&run, &["the previous version is back", "circuit breaker threshold", "`web:1` is back"]);
    assert_eq!(server.count("StopServiceDeployment"), 0);
}

#[tokio::test]
async fn rolled_back_by_an_alarm() {
    let end = Frame {
        record: Some(("ROLLBACK_SUCCESSFUL", "Service deployment rolled back because of alarms.")),
        alarms: &["web-5xx"],
        successor: Some(("COMPLETED", true)),
        ..runs(["healthy", "", ""])
    };
    let (run, _) = ends(end, exit::ROLLOUT_FAILED).await;
    says(&run, &["the previous version is back", "because of alarms"]);
}

#[tokio::test]
async fn stopped_by_a_person() {
    let end =
        Frame { record: Some(("STOPPED", "Service deployment stopped by user.")), ..begins() };
    let (run, _) = ends(end, exit::ROLLOUT_FAILED).await;
    says(&run, &["the rollout of `web` was stopped", "stopped by user"]);
}

#[tokio::test]
async fn superseded_says_by_which_and_whose() {
    let end = Frame {
        record: Some(("STOPPED", "")),
        successor: Some(("IN_PROGRESS", false)),
        ..begins()
    };
    let (run, _) = ends(end, exit::ROLLOUT_FAILED).await;
    says(&run, &["`ecs-svc/3333333333333333333`, took the place", "it runs `web:21`"]);
    assert!(!run.stderr.contains("error:"), "{}", run.stderr);
}

#[tokio::test]
async fn it_does_not_finish_in_time() {
    let script = Script { frames: vec![begins()], ..Script::default() };
    let (run, server) = deploy(&stack("timeout: 10s").await, script).await;
    let run = run.ends_with(exit::TIMED_OUT);
    says(&run, &["did not finish in time", "0 of 2 tasks run"]);
    assert_eq!(server.count("StopServiceDeployment"), 0);
}

#[tokio::test]
async fn without_rollback_the_wait_ends_and_nothing_is_stopped() {
    let script = Script { frames: vec![begins(), crashes()], ..Script::default() };
    let (run, server) = deploy(&stack("timeout: 1m, rollback: false").await, script).await;
    let run = run.ends_with(exit::ROLLOUT_FAILED);
    says(&run, &["exited with code 3", "nothing was stopped"]);
    assert_eq!(server.count("StopServiceDeployment"), 0);
}

#[tokio::test]
async fn where_ecs_keeps_no_records_the_circuit_breaker_ends_it() {
    let without = |frame: Frame| Frame { record: None, ..frame };
    let end = Frame {
        at: at(6_000),
        state: "FAILED",
        why: "ECS deployment circuit breaker: tasks failed to start.",
        successor: Some(("COMPLETED", true)),
        ..crashes()
    };
    let frames = [begins(), crashes(), end].map(without).to_vec();
    let script = Script { frames, ..Script::default() };
    let (run, server) = deploy(&stack("timeout: 1m").await, script).await;
    let run = run.ends_with(exit::ROLLOUT_FAILED);
    says(&run, &["exited with code 3", "circuit breaker ends it", "`web:1` is back"]);
    assert_eq!(server.count("StopServiceDeployment"), 0);
}

#[tokio::test]
async fn a_first_version_that_does_not_start_is_scaled_to_zero_and_the_next_one_is_not() {
    let first = |frame: Frame| Frame { old: 0, ..frame };
    let frames = vec![first(begins()), first(crashes())];
    let stack = Stack::new().await;
    stack.write_more("");
    let (run, server) = deploy(&stack, Script { frames, ..Script::default() }).await;
    let run = run.ends_with(exit::ROLLOUT_FAILED);
    says(&run, &["exited with code 3", "the service was scaled to zero"]);
    assert_eq!(server.count("StopServiceDeployment"), 0);
    let calls = server.calls();
    let scaled = calls.iter().rev().find(|call| call.operation == "UpdateService");
    assert_eq!(scaled.expect("it was scaled").body["desiredCount"], 0);

    // moto remembers the service at zero; a run that changes nothing else brings it back.
    let (run, server) =
        deploy(&stack, Script { frames: vec![first(succeeds(0))], ..Script::default() }).await;
    run.ends_with(exit::OK);
    let calls = server.calls();
    let update = calls.iter().find(|call| call.operation == "UpdateService").expect("an update");
    assert_eq!(update.body["desiredCount"], 2, "{:#}", update.body);
    assert_eq!(update.body["forceNewDeployment"], true, "{:#}", update.body);
}

#[tokio::test]
async fn a_deployment_that_somebody_else_started_is_followed_and_never_stopped() {
    let stack = stack("timeout: 10s").await;
    let script = Script { frames: vec![begins(), crashes()], ..Script::default() };
    let server = Scripted::before(stack.moto.port(), script).await;
    // Another run deploys, and ends before it has an answer.
    let other = program(&stack, &server).run();
    let first = tokio::time::timeout(Duration::from_secs(30), async {
        while server.deployed().is_none() {
            tokio::time::sleep(at(20)).await;
        }
    });
    tokio::select! { _ = first => {}, _ = other => {} }
    let run = program(&stack, &server).run().await.ends_with(exit::TIMED_OUT);
    says(&run, &["did not finish in time"]);
    assert_eq!(server.count("StopServiceDeployment"), 0, "{}", run.stderr);
}
