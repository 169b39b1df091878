//! What `preview list` tells: a row a preview. Pure.

pub mod view;

use super::{
    fate::{self, Why},
    found::Found,
    standing::Standing,
};
use crate::{
    config::model::{Config, Preview},
    cost::{
        bill::{self, Item, Size},
        money::Usd,
        prices::Prices,
    },
    error::Problem,
    world::balancer::place::{Overflow, Place},
};
use std::{collections::BTreeMap, time::Duration};

/// What a list is made from, besides the file.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// What stands.
    pub found: &'a [Found],
    /// What is known of each pull request, by its number.
    pub standings: &'a BTreeMap<u64, Standing>,
    /// What a task gets, by revision.
    pub sizes: &'a BTreeMap<String, Option<Size>>,
    /// The region's prices, where they are known.
    pub prices: Option<&'a Prices>,
    /// Where all this is.
    pub region: &'a str,
    /// Seconds of the Unix epoch.
    pub now: i64,
}

/// Everything that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// The main service.
    pub service: String,
    /// Where all this is.
    pub region: String,
    /// Seconds of the Unix epoch.
    pub now: i64,
    /// The previews, in the order of their numbers.
    pub rows: Vec<Row>,
    /// The day of the prices, where they are known.
    pub prices_of: Option<String>,
    /// Why it is not known whether some pull request is open; the same reason once.
    pub unknown: Vec<String>,
}

/// One preview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What stands.
    pub found: Found,
    /// `open`, `merged`, `closed`, `elsewhere`, `not known`.
    pub state: &'static str,
    /// Why `preview sweep` takes it down, where it does.
    pub goes: Option<Why>,
    /// Where it answers, or would.
    pub url: Option<String>,
    /// What its tasks cost a month, where it has any.
    pub cost: Option<Item>,
}

/// The list.
pub fn list(main: &Config, inputs: &Inputs<'_>) -> List {
    let ttl = ttl(main);
    let row = |found: &Found| {
        let unknown = Standing::Unknown(Problem::new("nobody was asked"));
        let standing = inputs.standings.get(&found.number).unwrap_or(&unknown);
        Row {
            found: found.clone(),
            state: standing.word(),
            goes: fate::why(standing, found.deployed, ttl, inputs.now),
            url: url(main, found),
            cost: inputs.prices.and_then(|prices| cost(found, inputs.sizes, prices)),
        }
    };
    let mut unknown: Vec<String> = Vec::new();
    for standing in inputs.standings.values() {
        if let Standing::Unknown(why) = standing
            && !unknown.contains(&why.to_string())
        {
            unknown.push(why.to_string());
        }
    }
    List {
        service: main.service.clone(),
        region: inputs.region.to_owned(),
        now: inputs.now,
        rows: inputs.found.iter().map(row).collect(),
        prices_of: inputs.prices.map(|prices| prices.date.clone()),
        unknown,
    }
}

/// After how long without a deploy a preview goes, open or not.
pub fn ttl(main: &Config) -> Option<Duration> {
    main.preview.as_ref().and_then(|preview: &Preview| preview.ttl)
}

/// It answers only where there is something that answers.
fn url(main: &Config, found: &Found) -> Option<String> {
    found.service.as_ref()?;
    let config = super::config(main, found.number).load_balancer;
    let balancer = found.load_balancer.as_ref()?;
    let is_elsewhere = balancer.name != main.load_balancer.name;
    let overflow = is_elsewhere.then(Overflow::default);
    Place { name: balancer.name.clone(), overflow }.url(&config, Some(&balancer.dns))
}

/// The load balancer, the endpoints and the repository are there without it.
fn cost(found: &Found, sizes: &BTreeMap<String, Option<Size>>, prices: &Prices) -> Option<Item> {
    let service = found.service.as_ref()?;
    let size = sizes.get(&service.task_definition).copied().flatten();
    let item = bill::tasks(prices, service.desired, size);
    let spot_from = item.spot_from.filter(|_| service.is_spot);
    Some(Item { spot_from, ..item })
}

impl List {
    /// What all of them cost a month, at least and at most; Spot's price changes.
    pub fn total(&self) -> (Usd, Usd) {
        let items = || self.rows.iter().filter_map(|row| row.cost.as_ref());
        let least = items().filter_map(|item| item.spot_from.or(item.amount)).sum();
        (least, items().filter_map(|item| item.amount).sum())
    }
}

#[cfg(test)]
mod tests;
