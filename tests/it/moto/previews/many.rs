//! A hundred and fifty previews.

use super::{Ground, Previews};
use crate::support::counts::count;
use ecs_private_deploy::exit;
use futures_util::{StreamExt as _, stream};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

const ALL: u64 = 150;
/// How many are made at once. Each waits for moto most of the time.
const AT_ONCE: usize = 6;

/// The target groups of each load balancer, by its name.
async fn spread(previews: &Previews) -> BTreeMap<String, BTreeSet<String>> {
    let elb = &previews.site.account.elb;
    let groups: Vec<_> = elb
        .describe_target_groups()
        .into_paginator()
        .items()
        .send()
        .collect::<Result<_, _>>()
        .await
        .expect("target groups");
    let mut spread: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for group in groups {
        let [balancer] = group.load_balancer_arns() else { panic!("one: {group:?}") };
        let name = balancer.rsplit('/').nth(1).expect("a name").to_owned();
        let group = group.target_group_name().expect("a name").to_owned();
        spread.entry(name).or_default().insert(group);
    }
    spread
}

fn counts(spread: &BTreeMap<String, BTreeSet<String>>) -> Vec<(&str, usize)> {
    spread.iter().map(|(name, groups)| (name.as_str(), groups.len())).collect()
}

fn names(numbers: impl Iterator<Item = u64>) -> Vec<String> {
    let previews = numbers.map(|number| format!("web-pr-{number}"));
    let mut names: Vec<_> = previews.chain(["web".to_owned()]).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_hundred_and_fifty() {
    let ground = Ground::new().await;
    let previews = Previews::new(&ground, 0, "many").await;
    previews.set(1..=ALL, true);

    // Three of them alone, so that no race adds to their calls; the others at once.
    let began = Instant::now();
    let first = previews.up(1).await;
    let calls = stream::iter(2..ALL)
        .map(|number| previews.up(number))
        .buffer_unordered(AT_ONCE)
        .map(|calls| calls.len())
        .collect::<Vec<_>>()
        .await;
    let last = previews.up(ALL).await;
    let raced = calls.iter().filter(|count| **count > first.len()).count();
    count(&format!(
        "{ALL} previews: {} calls for the first, {} for the last, more for {raced} of those that were made \
         {AT_ONCE} at once, in {:.0} s",
        first.len(),
        last.len(),
        began.elapsed().as_secs_f64()
    ));
    // Only those look again that are made at the moment in which the first load balancer is full.
    assert!(raced <= 2 * AT_ONCE, "{calls:?}");
    assert_eq!(first, last);
    assert_eq!(previews.services().await, names(1..=ALL));
    let before = spread(&previews).await;
    assert_eq!(counts(&before), [("shared", 100), ("shared-2", 51)]);

    // An update with nothing to do takes as many calls for the first as for the last, too.
    let (first, last) = (previews.up(1).await, previews.up(ALL).await);
    assert_eq!(first, last);

    // All behind the second load balancer, and some behind the first one.
    let is_closed = |number: &u64| {
        number.is_multiple_of(20) || before["shared-2"].contains(&format!("web-pr-{number}"))
    };
    let closed: Vec<_> = (1..=ALL).filter(is_closed).collect();
    previews.set(closed.iter().copied(), false);
    let began = Instant::now();
    previews.run(&["preview", "sweep"]).await.ends_with(exit::OK);
    let took = began.elapsed().as_secs_f64();
    count(&format!("a sweep of {} of {ALL} previews: {took:.0} s", closed.len()));
    assert_eq!(previews.services().await, names((1..=ALL).filter(|number| !is_closed(number))));
    let after = spread(&previews).await;
    let left = 1 + usize::try_from(ALL).expect("a few") - closed.len();
    assert_eq!(counts(&after), [("shared", left)], "the second one is gone with its last preview");
    let balancers = previews.site.account.elb.describe_load_balancers().send().await;
    assert_eq!(balancers.expect("load balancers").load_balancers().len(), 1);

    // A place that is free again is taken.
    previews.set([ALL + 1], true);
    previews.up(ALL + 1).await;
    assert_eq!(counts(&spread(&previews).await), [("shared", left + 1)]);
}
