//! The answer of `cost` for people: as text, and as Markdown.

use super::{
    bill::{self, Item},
    money::decimal,
    prices::{HOURS, Prices},
    report::{Report, Row},
};
use crate::report::{format::aligned, markdown::cell};

/// What the numbers leave out.
const LEFT_OUT: &str = "Image layers come through the S3 gateway endpoint, which is free and can stand beside a NAT \
gateway too. Left out: taxes, discounts, traffic between zones and to the internet, logs, images and secrets.";

/// Everything that is shown, without how.
struct Tables {
    title: String,
    compared: Vec<[String; 5]>,
    service: Vec<[String; 3]>,
    notes: Vec<String>,
}

fn tables(report: &Report) -> Tables {
    let Report { region, prices, gb, asked, beside, service } = report;
    let mut compared = vec![
        ["interface endpoints", "USD", "against", "USD", "endpoints are cheaper from"]
            .map(str::to_owned),
    ];
    compared.extend(std::iter::once(asked).chain(beside).map(row));
    let mut bill: Vec<_> = service.iter().map(item).collect();
    if !service.is_empty() {
        let unknown = service.iter().any(|item| item.amount.is_none());
        let together = if unknown { "what is known, together" } else { "together" };
        bill.push([together.to_owned(), bill::total(service).to_string(), String::new()]);
    }
    Tables {
        title: format!("A month ({HOURS} hours) in {region} with {gb} GB to AWS services"),
        compared,
        service: bill,
        notes: vec![
            unit_prices(prices),
            format!("Prices of {} from {}", prices.date, prices.source),
            LEFT_OUT.to_owned(),
        ],
    }
}

fn row(row: &Row) -> [String; 5] {
    let break_even = match row.compared.break_even {
        None => "no volume".to_owned(),
        Some(0) => "the first GB".to_owned(),
        Some(hundredths) => format!("{} GB", decimal(hundredths)),
    };
    [
        row.endpoints.clone(),
        row.compared.endpoints.to_string(),
        row.nat.clone(),
        row.compared.nat.to_string(),
        break_even,
    ]
}

fn item(item: &Item) -> [String; 3] {
    let amount = item.amount.map_or_else(|| "not known".to_owned(), |usd| usd.to_string());
    let spot = item.spot_from.zip(item.amount);
    let spot = spot.map(|(from, to)| format!("on Spot from {from} to {to}")).unwrap_or_default();
    [item.what.clone(), amount, spot]
}

fn unit_prices(prices: &Prices) -> String {
    let mut begins = 0;
    let tiers = prices.endpoint_gb.iter().map(|tier| {
        let (from, usd) = (begins, tier.usd.exact());
        begins = tier.up_to.unwrap_or(begins);
        if from == 0 { format!("{usd} a GB") } else { format!("{usd} above {from} GB") }
    });
    let gb = tiers.collect::<Vec<_>>().join(", ");
    format!(
        "USD: an endpoint {} an hour and zone, {gb}; a NAT gateway {} an hour, {} a GB; a public IPv4 address {} an hour.",
        prices.endpoint_hour.exact(),
        prices.nat_hour.exact(),
        prices.nat_gb.exact(),
        prices.ipv4_hour.exact(),
    )
}

/// For people at a terminal.
pub fn text(report: &Report) -> String {
    let Tables { title, compared, service, notes } = tables(report);
    let mut text = format!("{title}\n\n{}", aligned(&compared, &[1, 3]));
    if !service.is_empty() {
        let table = aligned(&service, &[1]);
        text.push_str("\nThis service, where everything is made for it alone\n\n");
        text.push_str(&table);
    }
    for note in notes {
        text.push('\n');
        text.push_str(&note);
        text.push('\n');
    }
    text
}

/// For a comment.
pub fn markdown(report: &Report) -> String {
    let Tables { title, compared, service, notes } = tables(report);
    let line = |cells: &[String]| {
        let cells: Vec<_> = cells.iter().map(|text| cell(text)).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut text = format!("**{}**\n\n", cell(&title));
    for (index, row) in compared.iter().enumerate() {
        text.push_str(&line(row));
        if index == 0 {
            text.push_str("|---|--:|---|--:|---|\n");
        }
    }
    if !service.is_empty() {
        text.push_str(
            "\n| this service, where everything is made for it alone | USD | |\n|---|--:|---|\n",
        );
        text.extend(service.iter().map(|row| line(row)));
    }
    for note in notes {
        text.push('\n');
        text.push_str(&cell(&note));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests;
