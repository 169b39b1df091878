//! What a service adds to the bill a month, item by item.

use super::{
    compare,
    money::Usd,
    prices::{HOURS, LoadBalancer, Prices, SPOT_PERCENT},
};
use crate::report::format::plural;
use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// One line of a bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// What costs: `load balancer with 1 LCU`.
    pub what: String,
    /// A month of it; `None` where its price is not known.
    #[serde(rename = "usd")]
    pub amount: Option<Usd>,
    /// What it would cost at least on Fargate Spot, whose price changes; tasks only.
    #[serde(rename = "spot_from_usd", skip_serializing_if = "Option::is_none")]
    pub spot_from: Option<Usd>,
}

impl Item {
    fn new(what: String, amount: Option<Usd>) -> Self {
        Self { what, amount, spot_from: None }
    }
}

/// What a task gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// CPU units, 1024 a vCPU.
    pub cpu: u32,
    /// MiB.
    pub memory: u32,
    /// Whether it runs on Arm.
    pub is_arm: bool,
}

impl Size {
    /// As the normal form of a task definition has it; `None` where the task as a whole has no size.
    pub fn of(document: &Value) -> Option<Self> {
        let number = |key: &str| match &document[key] {
            Value::String(text) => text.parse().ok(),
            other => other.as_u64().and_then(|number| u32::try_from(number).ok()),
        };
        let architecture = document["runtimePlatform"]["cpuArchitecture"].as_str();
        let is_arm = architecture == Some("ARM64");
        Some(Self { cpu: number("cpu")?, memory: number("memory")?, is_arm })
    }
}

/// Interface endpoints: so many of them, so many interfaces in all.
pub fn endpoints(prices: &Prices, count: usize, interfaces: usize) -> Item {
    let name = plural(count, "interface endpoint");
    let what = match interfaces.checked_rem(count) {
        None => plural(interfaces, "endpoint interface"),
        Some(0) => format!("{name} in {}", plural(interfaces / count, "zone")),
        Some(_) => format!("{name} with {}", plural(interfaces, "interface")),
    };
    Item::new(what, Some(compare::endpoints(prices, whole(interfaces))))
}

/// A load balancer that is as busy as one capacity unit allows, which a small service is not.
pub fn load_balancer(prices: &Prices) -> Item {
    let Some(LoadBalancer { hour, lcu_hour }) = prices.load_balancer else {
        return Item::new("load balancer".to_owned(), None);
    };
    let (what, hour) = match lcu_hour {
        Some(lcu_hour) => ("load balancer with 1 LCU", hour + lcu_hour),
        None => ("load balancer without LCUs", hour),
    };
    Item::new(what.to_owned(), Some(hour.times(HOURS)))
}

/// The public IPv4 addresses of a load balancer: one a zone.
pub fn addresses(prices: &Prices, count: usize) -> Item {
    let what = match count {
        1 => "its public IPv4 address".to_owned(),
        more => format!("its {more} public IPv4 addresses"),
    };
    Item::new(what, Some(prices.ipv4_hour.times(HOURS).times(whole(count))))
}

/// Tasks that run all month; without their size their price is not known.
pub fn tasks(prices: &Prices, count: u32, size: Option<Size>) -> Item {
    let is_arm = size.is_some_and(|size| size.is_arm);
    let (on, fargate) =
        if is_arm { ("Arm", prices.fargate_arm) } else { ("x86", prices.fargate_x86) };
    let amount = size.zip(fargate).map(|(size, fargate)| {
        let hours =
            |price: Usd, size: u32| price.times(HOURS).times(count).part(i128::from(size), 1024);
        hours(fargate.vcpu_hour, size.cpu) + hours(fargate.gb_hour, size.memory)
    });
    let tasks = plural(usize::try_from(count).unwrap_or(usize::MAX), "task");
    let what = match size {
        Some(size) => format!("{tasks} on Fargate {on} with {size}"),
        None => format!("{tasks} on Fargate"),
    };
    let spot_from = amount.map(|amount| amount.part(SPOT_PERCENT, 100));
    Item { spot_from, ..Item::new(what, amount) }
}

/// The same tasks on Fargate Spot, whose price changes: as little as it may be.
pub fn on_spot(tasks: Item) -> Item {
    let Item { what, spot_from, .. } = tasks;
    let what = what.replacen("Fargate", "Fargate Spot", 1);
    Item::new(format!("{what}, from"), spot_from)
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = |units: u32| {
            let thousandths = u64::from(units) * 1000 / 1024;
            let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        write!(f, "{} vCPU and {} GB", units(self.cpu), units(self.memory))
    }
}

fn whole(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The sum of what is known.
pub fn total(items: &[Item]) -> Usd {
    items.iter().filter_map(|item| item.amount).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::prices::PriceList;
    use serde_json::json;

    fn prices(region: &str) -> Prices {
        PriceList::own().of(region).expect("it is there").clone()
    }

    fn shown(item: &Item) -> String {
        let amount = item.amount.map_or_else(|| "unknown".to_owned(), |usd| usd.to_string());
        let spot = item.spot_from.map(|usd| format!(" (Spot from {usd})")).unwrap_or_default();
        format!("{}: {amount}{spot}", item.what)
    }

    #[test]
    fn each_item_in_seoul() {
        let prices = prices("ap-northeast-2");
        let size = Size { cpu: 512, memory: 1024, is_arm: false };
        let items = [
            endpoints(&prices, 3, 6),
            endpoints(&prices, 2, 3),
            endpoints(&prices, 0, 1),
            load_balancer(&prices),
            addresses(&prices, 2),
            addresses(&prices, 1),
            tasks(&prices, 2, Some(size)),
            tasks(&prices, 1, Some(Size { is_arm: true, ..size })),
        ];
        insta::assert_snapshot!(items.iter().map(shown).collect::<Vec<_>>().join("\n"), @"
        3 interface endpoints in 2 zones: 56.94
        2 interface endpoints with 3 interfaces: 28.47
        1 endpoint interface: 9.49
        load balancer with 1 LCU: 22.27
        its 2 public IPv4 addresses: 7.30
        its public IPv4 address: 3.65
        2 tasks on Fargate x86 with 0.5 vCPU and 1 GB: 41.45 (Spot from 12.43)
        1 task on Fargate Arm with 0.5 vCPU and 1 GB: 16.58 (Spot from 4.97)
        ");
    }

    #[test]
    fn a_price_that_is_not_known_is_not_guessed() {
        let prices = prices("eu-central-1");
        let size = Size { cpu: 256, memory: 512, is_arm: true };
        assert_eq!(
            shown(&tasks(&prices, 1, Some(size))),
            "1 task on Fargate Arm with 0.25 vCPU and 0.5 GB: unknown"
        );
        let without = |load_balancer| Prices { load_balancer, ..prices.clone() };
        let hour = prices.load_balancer.expect("it has one").hour;
        let bare = without(Some(LoadBalancer { hour, lcu_hour: None }));
        assert_eq!(shown(&load_balancer(&bare)), "load balancer without LCUs: 19.71");
        assert_eq!(shown(&load_balancer(&without(None))), "load balancer: unknown");
    }

    #[test]
    fn a_task_definition_gives_its_size_as_text_or_number() {
        let size = Size { cpu: 256, memory: 512, is_arm: false };
        assert_eq!(Size::of(&json!({"cpu": "256", "memory": 512})), Some(size));
        let arm = json!({
            "cpu": "256",
            "memory": "512",
            "runtimePlatform": {"cpuArchitecture": "ARM64"},
        });
        assert_eq!(Size::of(&arm), Some(Size { is_arm: true, ..size }));
        assert_eq!(Size::of(&json!({"cpu": ".25 vCPU", "memory": 512})), None);
        assert_eq!(Size::of(&json!({})), None);
    }
}
