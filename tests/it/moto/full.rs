//! A deploy with all that a plain one has not (requests that move between two target groups, a listener for
//! tests, tasks before and after), killed after each call of those that the plain one does not make as often,
//! and with every call failing.

use super::{
    faulted::{every_call, expected},
    ground::{File, Ground, Site, each},
    killed::killed,
    states::same,
};
use crate::support::lane::{Fault, Lane};
use ecs_private_deploy::exit;
use std::collections::BTreeMap;

/// They wait for moto most of the time.
const AT_ONCE: usize = 4;

/// How many calls this run makes, and after which of them it is killed.
struct Points {
    of: usize,
    at: Vec<usize>,
}

/// The calls of operations that the full site's run calls more often than the plain one's.
async fn points(full: &Site, plain: &Site, arguments: &[&str]) -> Points {
    let mut lanes = Vec::new();
    for site in [full, plain] {
        let lane = site.counted().await;
        site.program(arguments, &lane).run().await.ends_with(exit::OK);
        lanes.push(lane);
    }
    let often = |lane: &Lane| {
        let mut often: BTreeMap<String, usize> = BTreeMap::new();
        for call in lane.calls() {
            *often.entry(call.name).or_default() += 1;
        }
        often
    };
    let (more, less) = (often(&lanes[0]), often(&lanes[1]));
    let is_more = |name: &String| more.get(name) > less.get(name);
    let calls = lanes[0].calls();
    let at = calls.iter().enumerate().filter(|(_, call)| is_more(&call.name));
    Points { of: calls.len(), at: at.map(|(place, _)| place + 1).collect() }
}

/// A site with each of the files.
async fn models(ground: &Ground) -> (Site, Site) {
    (ground.site(0).await, ground.site_with(1, File::Plain).await)
}

#[tokio::test]
async fn a_first_deploy_killed() {
    let ground = Ground::with(File::Full).await;
    let (model, plain) = models(&ground).await;
    let points = points(&model, &plain, &["deploy"]).await;
    let (expected, tasks) = (model.standing().await, model.tasks().await);
    assert_eq!(tasks.len(), 2, "{tasks:?}");
    each(
        "a first full deploy, killed after each call of its own",
        AT_ONCE,
        points.at,
        async |at| {
            let site = ground.site(at + 1).await;
            killed(&site, &["deploy"], at, points.of).await;
            site.run(&["deploy"]).await.ends_with(exit::OK);
            same(&expected, &site.standing().await);
            assert_eq!(site.tasks().await, tasks, "killed after call {at}");
        },
    )
    .await;
}

#[tokio::test]
async fn an_update_killed() {
    let ground = Ground::with(File::Full).await;
    let (model, plain) = models(&ground).await;
    for site in [&model, &plain] {
        site.run(&["deploy"]).await.ends_with(exit::OK);
        site.write("second");
    }
    let points = points(&model, &plain, &["deploy"]).await;
    let (expected, tasks) = (model.standing().await, model.tasks().await);
    each("a full update, killed after each call of its own", AT_ONCE, points.at, async |at| {
        let site = ground.site(at + 1).await;
        site.run(&["deploy"]).await.ends_with(exit::OK);
        site.write("second");
        killed(&site, &["deploy"], at, points.of).await;
        site.run(&["deploy"]).await.ends_with(exit::OK);
        same(&expected, &site.standing().await);
        assert_eq!(site.tasks().await, tasks, "killed after call {at}");
    })
    .await;
}

#[tokio::test]
async fn a_destroy_killed() {
    let ground = Ground::with(File::Full).await;
    let (model, plain) = models(&ground).await;
    let expected = model.standing().await;
    for site in [&model, &plain] {
        site.run(&["deploy"]).await.ends_with(exit::OK);
    }
    let points = points(&model, &plain, &["destroy", "--yes"]).await;
    each("a full destroy, killed after each call of its own", AT_ONCE, points.at, async |at| {
        let site = ground.site(at + 1).await;
        site.run(&["deploy"]).await.ends_with(exit::OK);
        killed(&site, &["destroy", "--yes"], at, points.of).await;
        site.run(&["destroy", "--yes"]).await.ends_with(exit::OK);
        same(&expected, &site.standing().await);
    })
    .await;
}

#[tokio::test]
async fn every_call_fails_in_each_way_that_passes() {
    let ground = Ground::with(File::Full).await;
    let expected = &expected(&ground.site(0).await).await;
    let kinds = [Fault::Throttle, Fault::ServerError, Fault::ResetBefore, Fault::ResetAfter];
    each("a full deploy, a failure that passes", kinds.len(), 0..kinds.len(), async |kind| {
        every_call(&ground, kind + 1, kinds[kind], expected).await;
    })
    .await;
}
