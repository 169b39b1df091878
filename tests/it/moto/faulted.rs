//! Each call of a first deploy, of an update and of a destroy fails once in each of the ways in which calls
//! fail, and the end is the one without.

use super::{
    ground::{Ground, Site, each},
    states::same,
};
use crate::support::lane::{Fault, Which};
use ecs_private_deploy::exit;
use serde_json::Value;
use std::collections::BTreeSet;

/// What stands before anything was done, after a deploy, and after an update.
struct Expected {
    bare: Value,
    first: Value,
    second: Value,
}

async fn expected(model: &Site) -> Expected {
    let bare = model.standing().await;
    model.run(&["deploy"]).await.ends_with(exit::OK);
    let first = model.standing().await;
    model.write("second");
    model.run(&["deploy"]).await.ends_with(exit::OK);
    Expected { bare, first, second: model.standing().await }
}

/// Runs it with every call failing so once.
async fn faulted(site: &Site, arguments: &[&str], fault: Fault) {
    let lane = site.failing(fault, Which::First).await;
    site.program(arguments, &lane).run().await.ends_with(exit::OK);
    let calls = lane.calls();
    let failed = calls.iter().filter(|call| call.failed).count();
    assert!(failed * 2 >= calls.len() / 2, "{failed} of {} calls failed", calls.len());
}

async fn every_call(fault: Fault) {
    let ground = Ground::new().await;
    let expected = expected(&ground.site(0).await).await;
    let site = ground.site(1).await;
    faulted(&site, &["deploy"], fault).await;
    same(&expected.first, &site.standing().await);
    site.write("second");
    faulted(&site, &["deploy"], fault).await;
    same(&expected.second, &site.standing().await);
    faulted(&site, &["destroy", "--yes"], fault).await;
    same(&expected.bare, &site.standing().await);
}

#[tokio::test]
async fn every_call_is_throttled() {
    every_call(Fault::Throttle).await;
}

#[tokio::test]
async fn every_call_gets_a_500_after_its_work_was_done() {
    every_call(Fault::ServerError).await;
}

#[tokio::test]
async fn every_connection_is_reset_before_the_work() {
    every_call(Fault::ResetBefore).await;
}

#[tokio::test]
async fn every_connection_is_reset_after_the_work() {
    every_call(Fault::ResetAfter).await;
}

/// Some calls a run, so that all runs wait at once.
#[tokio::test]
async fn every_call_gets_no_answer_after_its_work_was_done() {
    const A_RUN: usize = 6;
    // They do nothing but wait.
    const AT_ONCE: usize = 12;
    let ground = Ground::new().await;
    let expected = expected(&ground.site(0).await).await;
    let runs = |calls: usize| (0..calls).step_by(A_RUN);
    each("no answer", AT_ONCE, runs(72), async |from| {
        let site = ground.site(from + 1).await;
        let lane = site.failing(Fault::NoAnswer, Which::FirstOf(from..from + A_RUN)).await;
        site.program(&["deploy"], &lane).run().await.ends_with(exit::OK);
        same(&expected.first, &site.standing().await);
    })
    .await;
}

/// The operations of a first deploy, and those that only an update calls.
async fn operations(model: &Site) -> Vec<(&'static str, String)> {
    let mut operations = Vec::new();
    let mut known = BTreeSet::new();
    for version in ["first", "second"] {
        model.write(version);
        let lane = model.counted().await;
        model.program(&["deploy"], &lane).run().await.ends_with(exit::OK);
        let new = lane.operations().into_iter().filter(|operation| known.insert(operation.clone()));
        operations.extend(new.map(|operation| (version, operation)));
    }
    operations
}

#[tokio::test]
async fn every_action_is_denied() {
    let ground = Ground::new().await;
    let model = ground.site(0).await;
    let expected = expected(&ground.site(1).await).await;
    let operations = operations(&model).await.into_iter().enumerate();
    each("a denial", 4, operations, async |(number, (version, operation))| {
        let site = ground.site(number + 2).await;
        let is_update = version == "second";
        if is_update {
            site.run(&["deploy"]).await.ends_with(exit::OK);
            site.write(version);
        }
        let expected = if is_update { &expected.second } else { &expected.first };
        let lane = site.failing(Fault::Denial, Which::Operation(operation.clone())).await;
        let run = site.program(&["deploy"], &lane).run().await;
        let code = run.code.and_then(|code| u8::try_from(code).ok());
        let is_told = run.stderr.contains(&format!("help: allow `{operation}`"));
        let is_ended = match code {
            Some(exit::REFUSED | exit::PARTIAL) => is_told,
            // What would only tell more of the network can be done without.
            Some(exit::OK) => operation.starts_with("ec2:Describe"),
            _ => false,
        };
        assert!(is_ended, "{operation}: {code:?}\n{}", run.stderr);
        if code == Some(exit::OK) {
            same(expected, &site.standing().await);
        }
        site.run(&["deploy"]).await.ends_with(exit::OK);
        same(expected, &site.standing().await);
    })
    .await;
}
