//! What a plan adds to the bill, or takes off it, as one line.

use super::{
    bill::{self, Item, Size},
    money::Usd,
    prices::{PriceList, Prices},
};
use crate::{
    plan::{Plan, change::Change},
    resource::{Action, endpoint, load_balancer, service, task_definition},
};

/// The line; `None` where the plan changes nothing that is paid by the month.
pub fn line(plan: &Plan, region: &str, prices: &PriceList) -> Option<String> {
    let change = Difference::of(plan);
    if change.is_none() {
        return None;
    }
    let Some(prices) = prices.of(region) else {
        return Some(format!(
            "not known, because there are no prices of `{region}`: `cost --prices FILE` takes them"
        ));
    };
    let items = change.items(prices);
    let total = bill::total(&items);
    let is_less = total < Usd::default();
    let (known, unknown): (Vec<_>, Vec<_>) = items.iter().partition(|item| item.amount.is_some());
    let known: Vec<_> = known
        .iter()
        .filter_map(|Item { what, amount, .. }| {
            let usd = (*amount)?;
            Some(format!("{what} {}", if is_less { -usd } else { usd }))
        })
        .collect();
    let known = if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) };
    let unknown: Vec<_> = unknown.iter().map(|item| item.what.as_str()).collect();
    let unknown = if unknown.is_empty() {
        String::new()
    } else {
        format!("; without {}, which has no price here", unknown.join(" and "))
    };
    let (whole, date) = (total.whole().abs(), &prices.date);
    let (verb, what) = if is_less { ("takes", "off the bill") } else { ("adds", "before traffic") };
    Some(format!("{verb} about {whole} USD a month {what}{known}, at prices of {date}{unknown}"))
}

/// What there is more of when the plan is applied; below zero what there is less of.
#[derive(Debug, Default)]
struct Difference {
    endpoints: i64,
    interfaces: i64,
    balancers: i64,
    addresses: i64,
    before: Option<Tasks>,
    after: Option<Tasks>,
}

/// Tasks, and what each gets; `None` where the plan does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tasks {
    count: u32,
    size: Option<Size>,
    on_spot: bool,
}

impl Difference {
    fn of(plan: &Plan) -> Self {
        let mut found = Self::default();
        let (mut old_size, mut new_size) = (None, None);
        let mut service = (None, None);
        for step in plan.steps.values() {
            match &step.change {
                Change::Endpoint(action) => found.endpoint(action),
                Change::LoadBalancer(action) => found.load_balancer(action),
                Change::TaskDefinition(action) => {
                    let size = |side: &task_definition::Settings| Size::of(&side.normal());
                    let (from, to) = sides(action);
                    old_size = from.and_then(size).or(old_size);
                    new_size = to.and_then(size).or(new_size);
                }
                Change::Service(action) => service = sides(action),
                _ => {}
            }
        }
        let tasks = |side: Option<&service::Settings>, size| {
            // ECS is asked for one task where nobody says how many.
            side.map(|side| Tasks {
                count: side.desired_count.unwrap_or(1),
                size,
                on_spot: side.on_spot == Some(true),
            })
        };
        found.before = tasks(service.0, old_size.or(new_size));
        found.after = tasks(service.1, new_size.or(old_size));
        found
    }

    fn endpoint(&mut self, action: &Action<endpoint::Settings>) {
        let (from, to) = sides(action);
        // A gateway endpoint has no subnets, and costs nothing.
        let interfaces =
            |side: Option<&endpoint::Settings>| side.map_or(0, |side| signed(side.subnets.len()));
        let (before, after) = (interfaces(from), interfaces(to));
        self.interfaces += after - before;
        self.endpoints += i64::from(after > 0) - i64::from(before > 0);
    }

    fn load_balancer(&mut self, action: &Action<load_balancer::Settings>) {
        let (from, to) = sides(action);
        let addresses = |side: Option<&load_balancer::Settings>| {
            side.map_or(0, |side| signed(side.subnets.len()))
        };
        self.addresses += addresses(to) - addresses(from);
        self.balancers += i64::from(to.is_some()) - i64::from(from.is_some());
    }

    fn is_none(&self) -> bool {
        self.interfaces == 0
            && self.balancers == 0
            && self.addresses == 0
            && self.before == self.after
    }

    fn items(&self, prices: &Prices) -> Vec<Item> {
        let mut items = Vec::new();
        if self.interfaces != 0 {
            let item = bill::endpoints(prices, size(self.endpoints), size(self.interfaces));
            items.push(signed_item(item, self.interfaces));
        }
        if self.balancers != 0 {
            items.push(signed_item(bill::load_balancer(prices), self.balancers));
        }
        if self.addresses != 0 {
            let item = bill::addresses(prices, size(self.addresses));
            items.push(signed_item(item, self.addresses));
        }
        items.extend(self.tasks(prices));
        items
    }

    fn tasks(&self, prices: &Prices) -> Option<Item> {
        let item = |tasks: Tasks| {
            let item = bill::tasks(prices, tasks.count, tasks.size);
            if tasks.on_spot { bill::on_spot(item) } else { item }
        };
        match (self.before, self.after) {
            (None, None) => None,
            (None, Some(after)) => Some(item(after)),
            (Some(before), None) => Some(signed_item(item(before), -1)),
            (Some(before), Some(after)) if before == after => None,
            (Some(before), Some(after)) => {
                let (before, after) = (item(before), item(after));
                let amount = after.amount.zip(before.amount).map(|(after, before)| after - before);
                let what = format!("{} instead of {}", after.what, before.what);
                Some(Item { what, amount, spot_from: None })
            }
        }
    }
}

/// What stands before and after.
fn sides<S>(action: &Action<S>) -> (Option<&S>, Option<&S>) {
    match action {
        Action::Create(to) => (None, Some(to)),
        Action::Update { from, to, .. } => (Some(from), Some(to)),
        Action::Delete { settings, .. } => (Some(settings), None),
    }
}

fn signed_item(item: Item, sign: i64) -> Item {
    let amount = item.amount.map(|usd| if sign < 0 { -usd } else { usd });
    Item { amount, ..item }
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).expect("fewer subnets than a file has bytes")
}

fn size(count: i64) -> usize {
    usize::try_from(count.unsigned_abs()).expect("a count of things in memory")
}

#[cfg(test)]
mod tests;
