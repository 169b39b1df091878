//! A hundred and fifty previews.

use super::{super::states::same, Ground, Previews};
use ecs_private_deploy::exit;
use futures_util::{StreamExt as _, stream};
use std::{
    collections::BTreeMap,
    io::Write as _,
    time::{Duration, Instant},
};

const ALL: u64 = 150;
/// How many are made at once. Each waits for moto most of the time.
const AT_ONCE: usize = 6;

fn say(text: &str) {
    std::io::stderr().write_all(text.as_bytes()).expect("standard error");
}

/// How many target groups each load balancer has.
async fn spread(previews: &Previews) -> BTreeMap<String, usize> {
    let elb = &previews.site.account.elb;
    let groups: Vec<_> = elb
        .describe_target_groups()
        .into_paginator()
        .items()
        .send()
        .collect::<Result<_, _>>()
        .await
        .expect("target groups");
    let mut spread = BTreeMap::new();
    for group in groups {
        let [balancer] = group.load_balancer_arns() else { panic!("one: {group:?}") };
        let name = balancer.rsplit('/').nth(1).expect("a name").to_owned();
        *spread.entry(name).or_default() += 1;
    }
    spread
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
    let main = previews.site.standing().await;
    previews.set(1..=ALL, true);

    // Three of them alone, so that no race adds to their calls; the others at once.
    let began = Instant::now();
    let first = previews.up(1).await;
    let counts = stream::iter(2..ALL)
        .map(|number| previews.up(number))
        .buffer_unordered(AT_ONCE)
        .map(|calls| calls.len())
        .collect::<Vec<_>>()
        .await;
    let last = previews.up(ALL).await;
    let raced = counts.iter().filter(|count| **count > first.len()).count();
    say(&format!(
        "{ALL} previews: {} calls for the first, {} for the last, more for {raced} of those that were made \
         {AT_ONCE} at once, in {:.0} s\n",
        first.len(),
        last.len(),
        began.elapsed().as_secs_f64()
    ));
    // Only those look again that are made at the moment in which the first load balancer is full.
    assert!(raced <= 2 * AT_ONCE, "{counts:?}");
    assert_eq!(first, last);
    assert_eq!(previews.services().await, names(1..=ALL));
    let expected = [("shared".to_owned(), 100), ("shared-2".to_owned(), 51)];
    assert_eq!(spread(&previews).await, expected.into());

    // An update with nothing to do takes as many calls for the first as for the last, too.
    let (first, last) = (previews.up(1).await, previews.up(ALL).await);
    assert_eq!(first, last);

    let is_closed = |number: &u64| number.is_multiple_of(3);
    previews.set((1..=ALL).filter(is_closed), false);
    let began = Instant::now();
    previews.run(&["preview", "sweep"]).await.ends_with(exit::OK);
    say(&format!("a sweep of 50 of them: {:.0} s\n", began.elapsed().as_secs_f64()));
    assert_eq!(previews.services().await, names((1..=ALL).filter(|number| !is_closed(number))));

    // A place that is free is taken before one behind the second load balancer.
    previews.set([ALL + 1], true);
    previews.up(ALL + 1).await;
    let spread = spread(&previews).await;
    assert_eq!(spread.values().sum::<usize>(), 102, "{spread:?}");

    previews.set(1..=ALL + 1, false);
    previews.run(&["preview", "sweep"]).await.ends_with(exit::OK);
    same(&main, &previews.site.standing().await);
    assert!(began.elapsed() < Duration::from_mins(20));
}
