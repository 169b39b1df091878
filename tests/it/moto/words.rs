//! Somebody's word about a rollout that another run follows: `continue` and `rollback`, as the program says
//! them to an ECS that answers by a script, and what becomes of both runs.

use super::{
    scenes::{at, begins, command, goes_back, runs, says, stack, succeeds},
    stack::Stack,
};
use crate::support::{
    program::Run,
    scripted::{Frame, Script, Scripted},
};
use ecs_private_deploy::exit;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{sleep, timeout};

const BACK: &str = "the previous version of `web` is back, as asked";
const HEALTHY: [&str; 3] = ["healthy", "", ""];

/// The new version runs, and ECS waits for somebody's word.
fn paused() -> Frame {
    Frame { at: at(1_500), stage: Some("POST_SCALE_UP"), pauses: true, ..runs(HEALTHY) }
}

/// A deployment that comes to this frame and stays there until somebody has his word.
fn waiting(last: Frame) -> Script {
    Script {
        after_stop: goes_back(&Frame { pauses: false, ..last.clone() }),
        frames: vec![begins(), last],
        after_continue: vec![
            Frame { stage: Some("BAKE_TIME"), at: at(0), ..runs(HEALTHY) },
            Frame { stage: Some("CLEAN_UP"), ..succeeds(8_000) },
        ],
    }
}

/// When the run that deploys has seen that last frame.
async fn is_seen(server: &Scripted) {
    let seen = async {
        while server.deployed().is_none_or(|at| server.now() < at + Duration::from_secs(4)) {
            sleep(at(100)).await;
        }
    };
    timeout(Duration::from_mins(1), seen).await.expect("it is deployed");
}

/// Deploys, and says these words one after another meanwhile; yields the run that deployed and theirs.
async fn told<const N: usize>(
    stack: &Stack,
    server: &Scripted,
    words: [&str; N],
) -> (Run, [Run; N]) {
    let deploys = command(stack, server, "deploy")
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_REPOSITORY", "octo/web")
        .env("GITHUB_STEP_SUMMARY", &stack.folder().join("summary").to_string_lossy())
        .run();
    let says = async {
        is_seen(server).await;
        let mut runs = Vec::new();
        for word in words {
            runs.push(command(stack, server, word).run().await);
        }
        runs.try_into().expect("one of each")
    };
    tokio::join!(deploys, says)
}

/// What ECS was told, which is a write each.
fn asked(server: &Scripted) -> Vec<(String, Value)> {
    let words = ["StopServiceDeployment", "ContinueServiceDeployment"];
    let calls = server.calls().into_iter();
    calls
        .filter(|call| words.contains(&call.operation.as_str()))
        .map(|mut call| {
            let arn = call.body["serviceDeploymentArn"].take();
            assert!(arn.as_str().is_some_and(|arn| arn.contains(":service-deployment/web/web/")));
            (call.operation, call.body)
        })
        .collect()
}

#[tokio::test]
async fn continue_answers_a_pause_once() {
    let stack = stack("timeout: 1m").await;
    let server = Scripted::before(stack.moto.port(), waiting(paused())).await;
    let (deployed, [goes_on, again]) = told(&stack, &server, ["continue"; 2]).await;
    let deployed = deployed.ends_with(exit::OK);
    says(
        &deployed,
        &[
            "POST_SCALE_UP",
            "ECS waits for your word since ",
            "it rolls back by itself",
            "`ecs-private-deploy continue`",
            "`ecs-private-deploy rollback`",
            "BAKE_TIME",
        ],
    );
    let page = std::fs::read_to_string(stack.folder().join("summary")).expect("a summary");
    for bar in ["rollout/tasks-start", "rollout/pause", "rollout/bake-time"] {
        assert!(page.contains(bar), "{bar} in {page}");
    }
    says(&goes_on.ends_with(exit::OK), &["BAKE_TIME"]);
    let again = again.ends_with(exit::REFUSED);
    says(&again, &["no deployment of service `web` in cluster `web` is going on"]);
    let said = json!({"serviceDeploymentArn": null, "hookId": "hook-1", "action": "CONTINUE"});
    assert_eq!(asked(&server), [("ContinueServiceDeployment".to_owned(), said)]);
}

/// The old version is back, and every run says whose doing that was.
fn is_back(deployed: Run, rollback: Run) {
    let deployed = deployed.ends_with(exit::ROLLOUT_FAILED);
    says(&deployed, &["somebody asked ECS to return to `web:1`", "was stopped", "`web:1` is back"]);
    let rollback = rollback.ends_with(exit::OK);
    says(&rollback, &["returning to the last version", BACK]);
    assert!(!rollback.stderr.contains("warning"), "{}", rollback.stderr);
}

#[tokio::test]
async fn rollback_answers_a_pause_by_its_hook() {
    let stack = stack("timeout: 1m").await;
    let server = Scripted::before(stack.moto.port(), waiting(paused())).await;
    let (deployed, [rollback]) = told(&stack, &server, ["rollback"]).await;
    is_back(deployed, rollback);
    let said = json!({"serviceDeploymentArn": null, "hookId": "hook-1", "action": "ROLLBACK"});
    assert_eq!(asked(&server), [("ContinueServiceDeployment".to_owned(), said)]);
}

#[tokio::test]
async fn what_does_not_wait_is_stopped_and_cannot_be_told_to_go_on() {
    let stack = stack("timeout: 1m").await;
    let script = waiting(Frame { stage: Some("SCALE_UP"), ..runs(HEALTHY) });
    let server = Scripted::before(stack.moto.port(), script).await;
    let (deployed, [goes_on, rollback]) = told(&stack, &server, ["continue", "rollback"]).await;
    says(&goes_on.ends_with(exit::REFUSED), &["does not wait for a word", "at SCALE_UP"]);
    is_back(deployed, rollback);
    let said = json!({"serviceDeploymentArn": null, "stopType": "ROLLBACK"});
    assert_eq!(asked(&server), [("StopServiceDeployment".to_owned(), said)]);
}

#[tokio::test]
async fn a_rollback_that_goes_on_already_is_followed_and_not_asked_for_again() {
    let stack = stack("timeout: 1m").await;
    let last = runs(HEALTHY);
    let mut script = waiting(last.clone());
    // It takes longer than the second word.
    script.after_stop[2].at = at(9_000);
    let server = Scripted::before(stack.moto.port(), script).await;
    let deploys = command(&stack, &server, "deploy").run();
    let first = async {
        is_seen(&server).await;
        command(&stack, &server, "rollback").run().await
    };
    let second = async {
        while server.count("StopServiceDeployment") == 0 {
            sleep(at(100)).await;
        }
        command(&stack, &server, "rollback").run().await
    };
    let (deployed, first, second) = tokio::join!(deploys, first, second);
    is_back(deployed, first);
    says(&second.ends_with(exit::OK), &[BACK]);
    assert_eq!(asked(&server).len(), 1);
}

#[tokio::test]
async fn a_rollback_that_does_not_end_in_time_is_not_called_one() {
    let stack = stack("timeout: 15s").await;
    let mut script = waiting(runs(HEALTHY));
    script.after_stop.truncate(2);
    let server = Scripted::before(stack.moto.port(), script).await;
    let (_, [rollback]) = told(&stack, &server, ["rollback"]).await;
    says(&rollback.ends_with(exit::TIMED_OUT), &["the rollback is still going on"]);
}
