//! What the tasks of a service cost a month, as one line: what it has for itself, whatever it shares.

use super::{bill, money::Usd, prices::PriceList, report::size};
use crate::config::model::Config;

/// The line; `None` where the price is not known.
pub fn line(config: &Config, region: &str, prices: &PriceList) -> Option<String> {
    let prices = prices.of(region)?;
    let item = bill::tasks(prices, config.rollout.desired_count.unwrap_or(1), size(config));
    let (whole, date) = (item.amount?.whole(), &prices.date);
    let is_spot = config.preview_of.is_some() && config.preview.as_ref().is_some_and(|it| it.spot);
    let from = item.spot_from.filter(|_| is_spot).map(Usd::whole);
    let (usd, spot) = match from {
        Some(from) => (format!("{from} to {whole}"), ", whose price changes"),
        None => (whole.to_string(), ""),
    };
    let what = if is_spot { item.what.replace("Fargate", "Fargate Spot") } else { item.what };
    Some(format!("about {usd} USD a month for {what}{spot}, at prices of {date}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config, preview};

    #[test]
    fn a_preview_costs_what_its_tasks_cost() {
        let text = "service: web\ntask: { port: 80, cpu: 512, memory: 1024 }\n\
                    rollout: { desired-count: 3 }\npreview: { cpu: 256, memory: 512, spot: true }\n";
        let config = config::sample(text);
        let line = |config: &Config, region| line(config, region, &PriceList::own());
        let lines = [
            line(&config, "us-east-1"),
            line(&preview::config(&config, 42), "us-east-1"),
            line(&config, "xx-west-9"),
        ];
        insta::assert_snapshot!(lines.map(Option::unwrap_or_default).join("\n"), @r"
        about 54 USD a month for 3 tasks on Fargate x86 with 0.5 vCPU and 1 GB, at prices of 2026-09-23
        about 3 to 9 USD a month for 1 task on Fargate Spot x86 with 0.25 vCPU and 0.5 GB, whose price changes, at prices of 2026-09-23
        ");
    }
}
