//! The list as text, JSON and Markdown: the same data, three views.

use super::{List, Row};
use crate::report::{
    format::{age, aligned, plural},
    markdown::{cell, link, text as prose},
};
use serde_json::{Value, json};
use std::time::Duration;

/// What stands in the place of something that is not known or not there.
const NONE: &str = "–";

const HEAD: [&str; 7] =
    ["pull request", "state", "made", "last deploy", "tasks", "USD a month", "where"];

/// For people at a terminal.
pub fn text(list: &List) -> String {
    let mut text = format!("{}\n", title(list));
    if !list.rows.is_empty() {
        let mut rows = vec![HEAD.map(str::to_owned)];
        rows.extend(list.rows.iter().map(|row| cells(row, list.now)));
        text.push('\n');
        text.push_str(&aligned(&rows, &[0, 5]));
    }
    let notes = notes(list);
    if !notes.is_empty() {
        text.push('\n');
    }
    for note in notes {
        text.push_str(&note);
        text.push('\n');
    }
    text
}

/// For a comment or a summary.
pub fn markdown(list: &List) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = format!("**{}**\n\n", prose(&title(list)));
    if !list.rows.is_empty() {
        text.push_str(&line(&HEAD.map(str::to_owned)));
        text.push_str("|--:|---|---|---|---|--:|---|\n");
    }
    for row in &list.rows {
        let mut cells = cells(row, list.now).map(|text| cell(&text));
        if let (Some(_), Some(url)) = (&row.found.service, &row.url) {
            cells[6] = link(url);
        }
        text.push_str(&line(&cells));
    }
    for note in notes(list) {
        let lines: Vec<_> = note.lines().map(|line| prose(line.trim())).collect();
        // A backslash at its end breaks a line.
        text.push('\n');
        text.push_str(&lines.join("\\\n"));
        text.push('\n');
    }
    text
}

/// For programs: every key is always there, null where there is nothing to say.
pub fn json(list: &List) -> String {
    let rows: Vec<_> = list.rows.iter().map(row).collect();
    let (least, most) = list.total();
    let document = json!({
        "service": list.service,
        "region": list.region,
        "previews": rows,
        "usd_a_month": { "from": least, "to": most },
        "prices_of": list.prices_of,
        "unknown": list.unknown,
    });
    serde_json::to_string_pretty(&document).expect("a list is plain data with text keys")
}

fn row(row: &Row) -> Value {
    let Row { found, state, goes, url, cost } = row;
    let service = found.service.as_ref();
    let from = cost.as_ref().and_then(|cost| cost.spot_from.or(cost.amount));
    json!({
        "pull_request": found.number,
        "service": found.name,
        "repository": service.and_then(|service| service.ownership.repository.as_ref()),
        "state": state,
        "goes": goes.as_ref().map(ToString::to_string),
        "url": url,
        "made": found.since.and_then(timestamp),
        "deployed": found.deployed.and_then(timestamp),
        "desired": service.map(|service| service.desired),
        "running": service.map(|service| service.running),
        "is_spot": service.map(|service| service.is_spot),
        "usd_a_month": { "from": from, "to": cost.as_ref().and_then(|cost| cost.amount) },
        "parts": found.parts,
    })
}

fn timestamp(seconds: i64) -> Option<String> {
    jiff::Timestamp::from_second(seconds).ok().map(|time| time.to_string())
}

fn title(list: &List) -> String {
    let (service, region) = (&list.service, &list.region);
    match list.rows.len() {
        0 => format!("No preview of `{service}` stands in {region}"),
        count => format!("{} of `{service}` in {region}", plural(count, "preview")),
    }
}

fn cells(row: &Row, now: i64) -> [String; 7] {
    let Row { found, state, cost, url, .. } = row;
    let ago = |time: Option<i64>| {
        let seconds = time.and_then(|time| u64::try_from(now - time).ok());
        let ago = seconds.map(|seconds| format!("{} ago", age(Duration::from_secs(seconds))));
        ago.unwrap_or_else(|| NONE.to_owned())
    };
    let usd = match cost.as_ref().map(|cost| (cost.spot_from, cost.amount)) {
        None => NONE.to_owned(),
        Some((Some(from), _)) => format!("from {from}"),
        Some((None, Some(amount))) => amount.to_string(),
        Some((None, None)) => "not known".to_owned(),
    };
    let service = found.service.as_ref();
    let tasks = service.map(|service| format!("{} of {}", service.running, service.desired));
    let place = match service {
        None => format!("incomplete: {}", found.parts.join(", ")),
        Some(_) => url.clone().unwrap_or_else(|| NONE.to_owned()),
    };
    [
        found.number.to_string(),
        (*state).to_owned(),
        ago(found.since),
        ago(found.deployed.filter(|_| service.is_some())),
        tasks.unwrap_or_else(|| NONE.to_owned()),
        usd,
        place,
    ]
}

fn notes(list: &List) -> Vec<String> {
    let going = list.rows.iter().filter_map(|row| {
        let why = row.goes.as_ref()?;
        Some(format!("`preview sweep` takes down `{}`: {why}", row.found.name))
    });
    let mut notes: Vec<_> = going.collect();
    if !list.rows.is_empty() {
        notes.push(match &list.prices_of {
            None => format!("what they cost is not known: there are no prices of {}", list.region),
            Some(date) => {
                let (least, most) = list.total();
                let usd = if least == most {
                    most.to_string()
                } else {
                    format!("{least} (with Spot at its cheapest) to {most}")
                };
                format!(
                    "together {usd} USD a month before traffic, beside what is shared, at prices of {date}"
                )
            }
        });
    }
    let unknown = list.unknown.iter();
    notes.extend(unknown.map(|why| format!("whether a pull request is open is not known: {why}")));
    notes
}
