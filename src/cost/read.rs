//! A price file as text, made into prices; every error is told at once, with its line.

use super::{
    money::Usd,
    prices::{Fargate, LoadBalancer, Prices, Tier},
};
use crate::config::{
    finding::{Finding, render},
    tree::{self, Entry, Node, Value},
};
use std::{collections::BTreeMap, ops::Range};

/// Reads the text; the error has every finding, rendered.
pub(super) fn read(file: &str, text: &str) -> Result<BTreeMap<String, Prices>, String> {
    let tree = tree::parse(text).map_err(|finding| render(file, text, &[*finding]))?;
    let mut reader = Reader::default();
    let prices = reader.regions(&tree);
    if reader.findings.is_empty() { Ok(prices) } else { Err(render(file, text, &reader.findings)) }
}

#[derive(Default)]
struct Reader {
    findings: Vec<Finding>,
}

/// A section whose keys are taken out one by one; what is left is unknown.
struct Section<'a> {
    path: String,
    span: Range<usize>,
    entries: BTreeMap<&'a str, &'a Entry>,
}

impl Section<'_> {
    fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

impl Reader {
    fn regions(&mut self, tree: &Node) -> BTreeMap<String, Prices> {
        let Some(section) = self.section(tree, String::new()) else { return BTreeMap::new() };
        if section.entries.is_empty() {
            self.findings.push(Finding::new(0..0, "the price file has no region"));
        }
        let regions = section.entries.into_iter();
        regions
            .filter_map(|(region, entry)| {
                Some((region.to_owned(), self.region(&entry.node, region)?))
            })
            .collect()
    }

    fn region(&mut self, node: &Node, region: &str) -> Option<Prices> {
        let mut section = self.section(node, region.to_owned())?;
        let date =
            self.required(&mut section, "date").and_then(|(node, path)| self.date(node, &path));
        let source =
            self.required(&mut section, "source").and_then(|(node, path)| self.words(node, &path));
        let endpoint = self.required(&mut section, "endpoint").and_then(|(node, path)| {
            let mut section = self.section(node, path)?;
            let hour = self.price(&mut section, "hour");
            let tiers =
                self.required(&mut section, "gb").and_then(|(node, path)| self.tiers(node, &path));
            self.end(&section, &["hour", "gb"]);
            Some((hour?, tiers?))
        });
        let nat = self.two(&mut section, "nat", ["hour", "gb"], true);
        let ipv4 = self.required(&mut section, "public-ipv4").and_then(|(node, path)| {
            let mut section = self.section(node, path)?;
            let hour = self.price(&mut section, "hour");
            self.end(&section, &["hour"]);
            hour
        });
        let balancer = self.load_balancer(&mut section);
        let (x86, arm) = self.fargate(&mut section);
        let known =
            ["date", "source", "endpoint", "nat", "public-ipv4", "load-balancer", "fargate"];
        self.end(&section, &known);
        let (endpoint_hour, endpoint_gb) = endpoint?;
        let (nat_hour, nat_gb) = nat?;
        Some(Prices {
            date: date?,
            source: source?,
            endpoint_hour,
            endpoint_gb,
            nat_hour,
            nat_gb,
            ipv4_hour: ipv4?,
            load_balancer: balancer,
            fargate_x86: x86,
            fargate_arm: arm,
        })
    }

    fn load_balancer(&mut self, region: &mut Section<'_>) -> Option<LoadBalancer> {
        let entry = region.entries.remove("load-balancer")?;
        let mut section = self.section(&entry.node, region.key("load-balancer"))?;
        let hour = self.price(&mut section, "hour");
        let has_lcu = section.entries.contains_key("lcu-hour");
        let lcu_hour = has_lcu.then(|| self.price(&mut section, "lcu-hour")).flatten();
        self.end(&section, &["hour", "lcu-hour"]);
        Some(LoadBalancer { hour: hour?, lcu_hour })
    }

    fn fargate(&mut self, region: &mut Section<'_>) -> (Option<Fargate>, Option<Fargate>) {
        let Some(entry) = region.entries.remove("fargate") else { return (None, None) };
        let Some(mut section) = self.section(&entry.node, region.key("fargate")) else {
            return (None, None);
        };
        let mut of = |reader: &mut Self, name| {
            let found = reader.two(&mut section, name, ["vcpu-hour", "gb-hour"], false);
            found.map(|(vcpu_hour, gb_hour)| Fargate { vcpu_hour, gb_hour })
        };
        let found = (of(self, "x86"), of(self, "arm"));
        self.end(&section, &["x86", "arm"]);
        found
    }

    /// A section of two prices.
    fn two(
        &mut self,
        outer: &mut Section<'_>,
        name: &str,
        keys: [&str; 2],
        is_required: bool,
    ) -> Option<(Usd, Usd)> {
        if !is_required && !outer.entries.contains_key(name) {
            return None;
        }
        let (node, path) = self.required(outer, name)?;
        let mut section = self.section(node, path)?;
        let [one, other] = keys.map(|key| self.price(&mut section, key));
        self.end(&section, &keys);
        Some((one?, other?))
    }

    fn section<'n>(&mut self, node: &'n Node, path: String) -> Option<Section<'n>> {
        let Value::Map(list) = &node.value else {
            let subject = if path.is_empty() { "the file".to_owned() } else { format!("`{path}`") };
            let what = format!("{subject} is {}, and has to be a section", node.value.kind());
            self.findings.push(Finding::new(node.span.clone(), what));
            return None;
        };
        let mut section = Section { path, span: node.span.clone(), entries: BTreeMap::new() };
        for entry in list {
            if let Some(first) = section.entries.get(entry.key.as_str()) {
                let what = format!("the key `{}` stands twice", section.key(&entry.key));
                let finding = Finding::new(entry.key_span.clone(), what).label("again here");
                self.findings.push(finding.also(first.key_span.clone(), "first here"));
            } else {
                section.entries.insert(&entry.key, entry);
            }
        }
        Some(section)
    }

    /// Says which keys are left that should not be there.
    fn end(&mut self, section: &Section<'_>, known: &[&str]) {
        for (key, entry) in &section.entries {
            let what = format!("unknown key `{}`", section.key(key));
            let finding = Finding::new(entry.key_span.clone(), what).label("not a price's key");
            self.findings.push(finding.help(format!("the keys are {}", known.join(", "))));
        }
    }

    fn required<'n>(&mut self, section: &mut Section<'n>, key: &str) -> Option<(&'n Node, String)> {
        let path = section.key(key);
        let Some(entry) = section.entries.remove(key) else {
            let what = format!("`{path}` is missing");
            let start = section.span.start;
            self.findings.push(Finding::new(start..start, what).label("in this section"));
            return None;
        };
        Some((&entry.node, path))
    }

    fn price(&mut self, section: &mut Section<'_>, key: &str) -> Option<Usd> {
        let (node, path) = self.required(section, key)?;
        let usd = match &node.value {
            Value::Integer(_, spelling) | Value::Float(spelling) => Usd::parse(spelling),
            _ => None,
        };
        if usd.is_none() {
            let what = format!("`{path}` is no price");
            let finding = Finding::new(node.span.clone(), what).label("not a price");
            let help = "write USD as digits with at most nine decimals: 0.0225";
            self.findings.push(finding.help(help));
        }
        usd
    }

    fn words(&mut self, node: &Node, path: &str) -> Option<String> {
        match &node.value {
            Value::Text(text) if !text.trim().is_empty() => Some(text.clone()),
            _ => {
                let what = format!("`{path}` has to be text");
                self.findings.push(Finding::new(node.span.clone(), what));
                None
            }
        }
    }

    fn date(&mut self, node: &Node, path: &str) -> Option<String> {
        if let Value::Text(text) = &node.value
            && text.parse::<jiff::civil::Date>().is_ok()
        {
            return Some(text.clone());
        }
        let finding = Finding::new(node.span.clone(), format!("`{path}` is no date"));
        self.findings.push(finding.help("write the day on which the prices were read: 2026-10-05"));
        None
    }

    /// The volume tiers: each begins where the one before ends, and the last has no end.
    fn tiers(&mut self, node: &Node, path: &str) -> Option<Vec<Tier>> {
        let Value::List(items) = &node.value else {
            let what = format!("`{path}` is {}, and has to be a list", node.value.kind());
            let help = "write [{ usd: 0.01, up-to: 1048576 }, { usd: 0.006 }]";
            self.findings.push(Finding::new(node.span.clone(), what).help(help));
            return None;
        };
        let mut tiers: Vec<Tier> = Vec::new();
        let mut begins = 0;
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            let mut section = self.section(item, path.clone())?;
            let usd = self.price(&mut section, "usd");
            let up_to = section.entries.remove("up-to");
            self.end(&section, &["usd", "up-to"]);
            let is_last = index + 1 == items.len();
            let end = match up_to.map(|entry| &entry.node.value) {
                Some(Value::Integer(end, _)) => {
                    u64::try_from(*end).ok().filter(|end| *end > begins)
                }
                _ => None,
            };
            if end.is_none() != is_last || (is_last && up_to.is_some()) {
                let what = if is_last {
                    format!("`{path}` is the last and has an end")
                } else {
                    format!("`{path}.up-to` has to be a number of GB above {begins}")
                };
                let span = up_to.map_or(&item.span, |entry| &entry.node.span);
                self.findings.push(Finding::new(span.clone(), what));
                return None;
            }
            begins = end.unwrap_or(begins);
            tiers.push(Tier { usd: usd?, up_to: end });
        }
        if tiers.is_empty() {
            self.findings.push(Finding::new(node.span.clone(), format!("`{path}` is empty")));
            return None;
        }
        Some(tiers)
    }
}

#[cfg(test)]
mod tests;
