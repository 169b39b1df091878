//! The table of needs by subnets.

use super::{Report, WIDTH, one_line, wrapped};
use crate::{
    network::verdict::Verdict,
    report::{format::aligned, markdown::cell},
};
use std::collections::{BTreeMap, BTreeSet};

/// More subnets are not columns.
const MOST_COLUMNS: usize = 4;

/// The needs, in their order, and how each is met in each subnet.
pub(super) struct Needs {
    /// The subnets by zone.
    subnets: Vec<Subnet>,
    needs: Vec<Need>,
}

struct Subnet {
    id: String,
    zone: String,
}

impl Subnet {
    fn named(&self) -> String {
        match &self.zone {
            zone if zone.is_empty() => self.id.clone(),
            zone => format!("{} ({zone})", self.id),
        }
    }
}

fn all(subnets: usize) -> String {
    if subnets == 2 { "both subnets".to_owned() } else { format!("all {subnets} subnets") }
}

struct Need {
    service: String,
    why: String,
    /// By subnet.
    met: BTreeMap<String, Met>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Met {
    No(String),
    Unknown,
    By(String),
    NotAsked,
}

impl Met {
    fn text(&self) -> String {
        match self {
            Self::No(hop) => format!("NO: {hop}"),
            Self::Unknown => "?".to_owned(),
            Self::By(id) => id.clone(),
            Self::NotAsked => "-".to_owned(),
        }
    }

    fn markdown(&self) -> String {
        match self {
            Self::No(hop) => format!("**NO: {}**", cell(hop)),
            Self::By(id) => cell(&format!("`{id}`")),
            Self::Unknown | Self::NotAsked => self.text(),
        }
    }
}

impl Needs {
    pub(super) fn of(report: &Report) -> Self {
        let mut needs: Vec<Need> = Vec::new();
        for finding in &report.diagnosis.findings {
            let (service, why) = (&finding.need.service, &finding.need.why);
            let same = |need: &Need| need.service == *service && need.why == *why;
            let at = needs.iter().position(same).unwrap_or_else(|| {
                let (service, why) = (service.clone(), why.clone());
                needs.push(Need { service, why, met: BTreeMap::new() });
                needs.len() - 1
            });
            let met = match &finding.verdict {
                Verdict::Reachable(via) => Met::By(via.to_string()),
                Verdict::Unreachable(broken) => Met::No(broken.hop.to_string()),
                Verdict::Unknown(_) => Met::Unknown,
            };
            needs[at].met.insert(finding.subnet.clone(), met);
        }
        let ids: BTreeSet<_> = needs.iter().flat_map(|need| need.met.keys()).collect();
        let zone = |id: &String| report.zones.get(id).cloned().unwrap_or_default();
        let mut subnets: Vec<_> =
            ids.into_iter().map(|id| Subnet { id: id.clone(), zone: zone(id) }).collect();
        subnets.sort_by(|one, other| (&one.zone, &one.id).cmp(&(&other.zone, &other.id)));
        Self { subnets, needs }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.needs.is_empty()
    }

    /// A column for each subnet: its head, and the subnet; none where they are too many.
    fn each(&self) -> Option<Vec<(Subnet, &str)>> {
        let own = |it: &Subnet| Subnet { id: it.id.clone(), zone: it.zone.clone() };
        let columns = self.subnets.iter().map(|subnet| (own(subnet), subnet.id.as_str()));
        (self.subnets.len() <= MOST_COLUMNS).then(|| columns.collect())
    }

    /// One column for all subnets, where they are all alike.
    fn alike(&self) -> Option<Vec<(Subnet, &str)>> {
        let first = self.subnets.first()?;
        let is_alike = self.needs.iter().all(|need| self.groups(need).len() == 1);
        let all = all(self.subnets.len());
        is_alike.then(|| vec![(Subnet { id: all, zone: String::new() }, first.id.as_str())])
    }

    /// The subnets in which a need is met alike, what is not met first.
    fn groups(&self, need: &Need) -> Vec<(Met, String)> {
        let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for subnet in &self.subnets {
            groups.entry(need.met(&subnet.id)).or_default().push(subnet);
        }
        let last = groups.len().saturating_sub(1);
        let named = |(at, (met, subnets)): (usize, (Met, Vec<&Subnet>))| {
            let count = subnets.len();
            let names = match (at, count) {
                (_, 1) => subnets[0].named(),
                (0, _) if last == 0 => all(count),
                // What is met needs no names.
                (at, _) if at == last => format!("the other {count} subnets"),
                _ => subnets.iter().map(|it| it.named()).collect::<Vec<_>>().join(", "),
            };
            (met, names)
        };
        groups.into_iter().enumerate().map(named).collect()
    }

    pub(super) fn text(&self) -> String {
        let mut tables = [self.each(), self.alike()].into_iter().flatten();
        let fits = |table: &String| table.lines().all(|line| line.chars().count() <= WIDTH);
        let table = tables.find_map(|columns| Some(self.wide(&columns)).filter(fits));
        table.unwrap_or_else(|| self.long())
    }

    fn wide(&self, columns: &[(Subnet, &str)]) -> String {
        let heads = |of: fn(&Subnet) -> &String| columns.iter().map(move |(it, _)| of(it).clone());
        let framed = |first: &str, cells: Vec<String>, last: &str| {
            let row = std::iter::once(first.to_owned()).chain(cells);
            row.chain([last.to_owned()]).map(|cell| one_line(&cell)).collect::<Vec<_>>()
        };
        let mut rows = vec![framed("service", heads(|it| &it.id).collect(), "why")];
        if columns.iter().any(|(it, _)| !it.zone.is_empty()) {
            rows.push(framed("", heads(|it| &it.zone).collect(), ""));
        }
        for need in &self.needs {
            let cells = columns.iter().map(|(_, id)| need.met(id).text()).collect();
            rows.push(framed(&need.service, cells, &need.why));
        }
        aligned(&rows, &[])
    }

    fn long(&self) -> String {
        let mut text = String::new();
        for need in &self.needs {
            text.push_str(&wrapped("  ", &format!("{} ({})", need.service, need.why)));
            for (met, subnets) in self.groups(need) {
                let met = format!("    {}: ", one_line(&met.text()));
                text.push_str(&wrapped(&met, &subnets));
            }
        }
        text
    }

    pub(super) fn markdown(&self) -> String {
        if self.is_empty() {
            return String::new();
        }
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let columns = self.each().or_else(|| self.alike());
        let heads = match &columns {
            Some(columns) => columns
                .iter()
                .map(|(it, id)| {
                    if it.id == *id {
                        [format!("`{id}`"), it.zone.clone()].map(|text| cell(&text)).join(" ")
                    } else {
                        cell(&it.id)
                    }
                })
                .map(|head| head.trim_end().to_owned())
                .collect(),
            None => vec!["by".to_owned(), "subnets".to_owned()],
        };
        let mut table =
            line([vec!["service".to_owned()], heads.clone(), vec!["why".to_owned()]].concat());
        table.push('|');
        table.push_str(&"---|".repeat(heads.len() + 2));
        table.push('\n');
        for need in &self.needs {
            let (service, why) = (cell(&format!("`{}`", need.service)), cell(&need.why));
            if let Some(columns) = &columns {
                let cells = columns.iter().map(|(_, id)| need.met(id).markdown()).collect();
                table.push_str(&line([vec![service], cells, vec![why]].concat()));
                continue;
            }
            for (met, subnets) in self.groups(need) {
                let cells = vec![service.clone(), met.markdown(), cell(&subnets), why.clone()];
                table.push_str(&line(cells));
            }
        }
        table
    }
}

impl Need {
    fn met(&self, subnet: &str) -> Met {
        self.met.get(subnet).cloned().unwrap_or(Met::NotAsked)
    }
}
