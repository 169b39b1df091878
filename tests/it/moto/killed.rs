//! Killed by SIGKILL after each single call, in runs of their own: the next run comes to where one that was
//! not killed does, with nothing doubled and nothing left over.

use super::{
    ground::{Ground, Site, each},
    states::same,
};
use ecs_private_deploy::exit;
use futures_util::future::join_all;
use std::sync::Mutex;

/// They wait for moto most of the time.
const AT_ONCE: usize = 4;

/// How many calls the run makes when nothing ends it.
pub(super) async fn calls(site: &Site, arguments: &[&str]) -> usize {
    let lane = site.counted().await;
    site.program(arguments, &lane).run().await.ends_with(exit::OK);
    lane.calls().len()
}

/// Runs it and kills it after this many of the calls; one that makes some calls fewer may end before.
pub(super) async fn killed(site: &Site, arguments: &[&str], after: usize, of: usize) {
    const FEWER: usize = 3;
    let lane = site.ending(after).await;
    let run = site.program(arguments, &lane).run_until(lane.ended()).await;
    assert!(run.is_none() || after + FEWER > of, "it ended before call {after} of {of}: {run:?}");
}

#[tokio::test]
async fn a_first_deploy_killed_after_each_call() {
    let ground = Ground::new().await;
    let model = ground.site(0).await;
    let points = calls(&model, &["deploy"]).await;
    let expected = model.standing().await;
    each("a first deploy, killed after each call", AT_ONCE, 1..=points, async |point| {
        let site = ground.site(point).await;
        killed(&site, &["deploy"], point, points).await;
        site.run(&["deploy"]).await.ends_with(exit::OK);
        same(&expected, &site.standing().await);
    })
    .await;
}

#[tokio::test]
async fn an_update_killed_after_each_call() {
    let ground = Ground::new().await;
    let model = ground.site(0).await;
    calls(&model, &["deploy"]).await;
    model.write("second");
    let points = calls(&model, &["deploy"]).await;
    let expected = model.standing().await;
    each("an update, killed after each call", AT_ONCE, 1..=points, async |point| {
        let site = ground.site(point).await;
        site.run(&["deploy"]).await.ends_with(exit::OK);
        site.write("second");
        killed(&site, &["deploy"], point, points).await;
        site.run(&["deploy"]).await.ends_with(exit::OK);
        same(&expected, &site.standing().await);
    })
    .await;
}

#[tokio::test]
async fn a_destroy_killed_after_each_call() {
    let ground = Ground::new().await;
    let model = ground.site(0).await;
    let expected = model.standing().await;
    calls(&model, &["deploy"]).await;
    let points = calls(&model, &["destroy", "--yes"]).await;
    // An account serves again and again, so that what is made has been there before.
    let sites = join_all((1..=AT_ONCE).map(|number| ground.site(number))).await;
    let free = Mutex::new(sites);
    each("a destroy, killed after each call", AT_ONCE, 1..=points, async |point| {
        let site = free.lock().expect("no test panics with it").pop().expect("one is free");
        site.run(&["deploy"]).await.ends_with(exit::OK);
        killed(&site, &["destroy", "--yes"], point, points).await;
        site.run(&["destroy", "--yes"]).await.ends_with(exit::OK);
        same(&expected, &site.standing().await);
        free.lock().expect("no test panics with it").push(site);
    })
    .await;
}
