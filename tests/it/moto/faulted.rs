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
pub(super) struct Expected {
    bare: Value,
    first: Value,
    second: Value,
}

pub(super) async fn expected(model: &Site) -> Expected {
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

pub(super) async fn every_call(ground: &Ground, number: usize, fault: Fault, expected: &Expected) {
    let site = ground.site(number).await;
    faulted(&site, &["deploy"], fault).await;
    same(&expected.first, &site.standing().await);
    site.write("second");
    faulted(&site, &["deploy"], fault).await;
    same(&expected.second, &site.standing().await);
    faulted(&site, &["destroy", "--yes"], fault).await;
    same(&expected.bare, &site.standing().await);
}

/// All at once, because they wait most of the time. Calls without an answer are some a run, and the runs are
/// so many that each call is one of them.
#[tokio::test]
async fn every_call_fails_in_each_way_that_passes() {
    const A_RUN: usize = 4;
    let ground = Ground::new().await;
    let model = ground.site(0).await;
    let expected = &expected(&model).await;
    model.run(&["destroy", "--yes"]).await.ends_with(exit::OK);
    model.write("first");
    let lane = model.counted().await;
    model.program(&["deploy"], &lane).run().await.ends_with(exit::OK);
    // Each one, and those that are made more often where an answer did not come.
    let calls = lane.calls().len() + A_RUN;
    let kinds = [Fault::Throttle, Fault::ServerError, Fault::ResetBefore, Fault::ResetAfter];
    let passing = each("a failure that passes", kinds.len(), 0..kinds.len(), async |kind| {
        every_call(&ground, kind + 1, kinds[kind], expected).await;
    });
    let runs = (0..calls).step_by(A_RUN);
    let unanswered = each("no answer", runs.len(), runs, async |from| {
        let site = ground.site(kinds.len() + from + 1).await;
        let lane = site.failing(Fault::NoAnswer, Which::FirstOf(from..from + A_RUN)).await;
        site.program(&["deploy"], &lane).run().await.ends_with(exit::OK);
        same(&expected.first, &site.standing().await);
    });
    tokio::join!(passing, unanswered);
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
            // What would only tell more of the network or of the rollout can be done without.
            Some(exit::OK) => run.stderr.contains(&operation),
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
