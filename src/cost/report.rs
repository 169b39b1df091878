//! The answer of `cost`: what was asked, compared and added up. How it is shown is `view`'s.

use super::{
    bill::{self, Item, Size},
    compare::{Compared, Sides, compare},
    money::number,
    prices::Prices,
};
use crate::{
    aws::Identity,
    config::model::{Config, Definition, Endpoints},
    network::needs::needs,
    plan::task,
    report::format::plural,
    resource::task_definition,
};
use indexmap::IndexMap;
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use std::collections::BTreeSet;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The region.
    pub region: &'a str,
    /// The service; without one three interface endpoints are taken, which every task needs.
    pub config: Option<&'a Config>,
    /// The zones that the tasks run in.
    pub zones: u32,
    /// What goes through the endpoints or the NAT gateways, in GB a month.
    pub gb: u64,
    /// Endpoints, each counted once a zone, in place of the service's.
    pub endpoint_units: Option<u32>,
    /// NAT gateways, in place of one.
    pub nat_gateways: Option<u32>,
    /// Whether the public IPv4 address of each NAT gateway is counted.
    pub public_ipv4: bool,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The region.
    pub region: String,
    /// Its prices.
    pub prices: Prices,
    /// GB a month.
    pub gb: u64,
    /// What was asked for.
    pub asked: Row,
    /// What stands beside it.
    pub beside: Vec<Row>,
    /// What the service costs a month, where there is one.
    pub service: Vec<Item>,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// `3 interface endpoints in 2 zones`.
    pub endpoints: String,
    /// `1 NAT gateway`.
    pub nat: String,
    /// How many of each.
    pub sides: Sides,
    /// What they cost.
    pub compared: Compared,
}

/// Interface endpoints that the tasks need; a gateway endpoint is free.
fn interface_endpoints(config: &Config, region: &str) -> u32 {
    let identity = Identity::of_anybody(region);
    let needs = needs(&task::facts(config, &identity, task::Running::default()));
    let services: BTreeSet<_> =
        needs.iter().filter(|need| need.has_interface()).map(|need| &need.service).collect();
    u32::try_from(services.len()).unwrap_or(u32::MAX)
}

/// `ecr.api`, `ecr.dkr` and `logs`.
const USUAL_ENDPOINTS: u32 = 3;

/// Answers.
pub fn report(asked: &Asked<'_>, prices: &Prices) -> Report {
    let Asked { zones, public_ipv4, .. } = *asked;
    let endpoints =
        asked.config.map_or(USUAL_ENDPOINTS, |config| interface_endpoints(config, asked.region));
    let units = endpoints.saturating_mul(zones);
    let real = bill::endpoints(prices, whole(endpoints), whole(units)).what;
    let row = |endpoints: String, nat: String, sides: Sides| Row {
        endpoints,
        nat,
        sides,
        compared: compare(prices, sides, asked.gb),
    };
    let own = Sides {
        endpoint_units: asked.endpoint_units.unwrap_or(units),
        nat_gateways: asked.nat_gateways.unwrap_or(1),
        public_ipv4,
    };
    let name = match asked.endpoint_units {
        Some(units) => plural(whole(units), "endpoint unit"),
        None => real.clone(),
    };
    let addressed = if public_ipv4 { "" } else { " without public IPv4" };
    let gateways = plural(whole(own.nat_gateways), "NAT gateway");
    let first = row(name, format!("{gateways}{addressed}"), own);
    let mut beside = Vec::new();
    for nat_gateways in std::collections::BTreeSet::from([1, zones]) {
        let sides = Sides { endpoint_units: units, nat_gateways, public_ipv4: true };
        if sides != own {
            let one_a_zone = if nat_gateways > 1 { ", one a zone" } else { "" };
            let gateways = plural(whole(nat_gateways), "NAT gateway") + one_a_zone;
            beside.push(row(real.clone(), gateways, sides));
        }
    }
    Report {
        region: asked.region.to_owned(),
        prices: prices.clone(),
        gb: asked.gb,
        asked: first,
        beside,
        service: asked.config.map_or_else(Vec::new, |config| service(config, asked, prices)),
    }
}

/// A load balancer stands in two zones at least, wherever the tasks run.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html>
const BALANCER_ZONES: u32 = 2;

/// What a service costs where everything it needs is made for it alone.
fn service(config: &Config, asked: &Asked<'_>, prices: &Prices) -> Vec<Item> {
    let zones = asked.zones;
    let mut items = Vec::new();
    if config.network.endpoints == Endpoints::Ensure {
        let endpoints = interface_endpoints(config, asked.region);
        let interfaces = endpoints.saturating_mul(zones);
        items.push(bill::endpoints(prices, whole(endpoints), whole(interfaces)));
    }
    items.push(bill::load_balancer(prices));
    items.push(bill::addresses(prices, whole(zones.max(BALANCER_ZONES))));
    items.push(bill::tasks(prices, config.rollout.desired_count.unwrap_or(1), size(config)));
    items
}

/// What the file gives each task.
pub(super) fn size(config: &Config) -> Option<Size> {
    match &config.task.definition {
        Definition::Block(block) => Some(Size {
            cpu: block.cpu,
            memory: block.memory,
            is_arm: block.cpu_architecture == "ARM64",
        }),
        Definition::Json(document) => {
            let (document, late) = (document.clone(), IndexMap::new());
            Size::of(&task_definition::Settings { document, late }.normal())
        }
    }
}

fn whole(count: u32) -> usize {
    usize::try_from(count).expect("32 bits")
}

impl Row {
    fn serialize_into<M: serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("endpoints_usd", &self.compared.endpoints)?;
        map.serialize_entry("nat_usd", &self.compared.nat)?;
        map.serialize_entry("break_even_gb", &self.compared.break_even.map(number))?;
        map.serialize_entry("endpoint_units", &self.sides.endpoint_units)?;
        map.serialize_entry("nat_gateways", &self.sides.nat_gateways)?;
        map.serialize_entry("public_ipv4", &self.sides.public_ipv4)
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.serialize_into(&mut map)?;
        map.end()
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("region", &self.region)?;
        map.serialize_entry("prices_date", &self.prices.date)?;
        map.serialize_entry("prices_source", &self.prices.source)?;
        map.serialize_entry("gb", &self.gb)?;
        self.asked.serialize_into(&mut map)?;
        map.serialize_entry("beside", &self.beside)?;
        if !self.service.is_empty() {
            map.serialize_entry("service", &self.service)?;
            map.serialize_entry("service_usd", &bill::total(&self.service))?;
        }
        map.end()
    }
}
