//! The VPC as a Mermaid flowchart: what a task reaches and by which way, with the broken hop in red. Only
//! what matters to the task is drawn.

mod chart;
mod ways;

use super::{
    diagnose::Finding,
    model::Topology,
    subnets::Target,
    verdict::{Hop, Task, Verdict},
};
use crate::report::{
    format::plural,
    markdown::{details, fenced},
};
use chart::{Chart, Look, Names, Place, label, lines};
use std::collections::{BTreeMap, BTreeSet};
use ways::{Goal, State, Way};

/// GitHub draws with Mermaid's defaults, which refuse a larger text, and more edges.
/// <https://mermaid.js.org/config/schema-docs/config.html#maxtextsize>
/// <https://mermaid.js.org/config/schema-docs/config.html#maxedges>
const MOST_TEXT: usize = 50_000;
const MOST_EDGES: usize = 500;

/// What is left out where the whole does not fit: the subnets of a zone above the first number, and the
/// ways of a subnet above the second. What is broken stays longest.
const TRIMS: [(usize, usize); 6] =
    [(usize::MAX, usize::MAX), (8, usize::MAX), (4, 40), (2, 20), (1, 10), (1, 2)];

/// Where a subnet is not one of the VPC.
const NO_ZONE: &str = "zone not known";

/// More names are counted.
const MOST_NAMES: usize = 12;

/// What stands above a picture.
pub const TITLE: &str = "The network";

/// What is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a> {
    /// The VPC.
    pub vpc: &'a Topology,
    /// What runs in it.
    pub task: &'a Task,
    /// What it reaches, and what not.
    pub findings: &'a [Finding],
    /// What leads to it.
    pub load_balancer: Option<LoadBalancer<'a>>,
}

/// The load balancer before the tasks.
#[derive(Debug, Clone, Copy)]
pub struct LoadBalancer<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where it stands, or will stand.
    pub subnets: &'a BTreeSet<String>,
    /// Whether it is reached from the internet.
    pub is_internet_facing: bool,
}

/// The picture as Mermaid's text, in which nothing ends a Markdown fence.
pub fn mermaid(picture: &Picture<'_>) -> String {
    let names = names(picture.vpc, &picture.task.subnets);
    let mut text = String::new();
    for (subnets, ways) in TRIMS {
        let chart = picture.chart(subnets, ways);
        text = chart.write(&names);
        if chart.edges() <= MOST_EDGES && text.len() <= MOST_TEXT {
            break;
        }
    }
    text
}

/// The picture, folded.
pub fn folded(picture: &str) -> String {
    details(TITLE, &fenced("mermaid", picture))
}

fn names(vpc: &Topology, tasks: &BTreeSet<String>) -> Names {
    let known = vpc.subnets.iter();
    let known = known.map(|it| (it.id.clone(), (it.zone.clone(), it.cidr.clone())));
    let mut subnets: BTreeMap<_, _> = known.collect();
    for id in tasks {
        let unknown = || (NO_ZONE.to_owned(), "block not known".to_owned());
        subnets.entry(id.clone()).or_insert_with(unknown);
    }
    let vpc = match &vpc.cidrs[..] {
        [block] => format!("VPC {block}"),
        blocks => format!("VPC, {} blocks", blocks.len()),
    };
    Names { vpc, subnets }
}

/// The first of them, and how many more there are.
fn listed(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<_> = names.collect();
    if let Some(more) = names.len().checked_sub(MOST_NAMES + 1) {
        names.truncate(MOST_NAMES);
        names.push(format!("and {} more", more + 1));
    }
    names
}

/// The chart while it is drawn.
struct Drawing<'a> {
    picture: &'a Picture<'a>,
    chart: Chart,
    /// The tasks of each subnet that is drawn.
    tasks: BTreeMap<&'a str, usize>,
}

impl<'a> Picture<'a> {
    fn chart(&'a self, most_subnets: usize, most_ways: usize) -> Chart {
        let mut drawing =
            Drawing { picture: self, chart: Chart::default(), tasks: BTreeMap::new() };
        drawing.tasks(most_subnets);
        drawing.load_balancer();
        drawing.ways(most_ways);
        drawing.chart
    }

    fn zone(&self, subnet: &str) -> &'a str {
        self.vpc.subnet(subnet).map_or(NO_ZONE, |subnet| subnet.zone.as_str())
    }

    /// The task's subnets by zone, and in a zone those first in which something is broken.
    fn task_subnets(&self) -> BTreeMap<&'a str, Vec<&'a str>> {
        let rank = |id: &str| {
            let verdicts = self.findings.iter().filter(|finding| finding.subnet == id);
            verdicts
                .map(|finding| match finding.verdict {
                    Verdict::Unreachable(_) => 0,
                    Verdict::Unknown(_) => 1,
                    Verdict::Reachable(_) => 2,
                })
                .min()
                .unwrap_or(2)
        };
        let mut zones: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for id in &self.task.subnets {
            zones.entry(self.zone(id)).or_default().push(id.as_str());
        }
        for subnets in zones.values_mut() {
            subnets.sort_by_key(|id| (rank(id), *id));
        }
        zones
    }

    /// The internet gateway that the default route of a subnet leads to.
    fn gateway_of(&self, subnet: &str) -> Option<&'a str> {
        let table = self.vpc.table_of(subnet).ok().flatten()?;
        let default = table.routes.iter().find(|route| route.destination == "0.0.0.0/0");
        match &default?.target {
            Target::InternetGateway(id) => Some(id),
            _ => None,
        }
    }
}

impl Drawing<'_> {
    fn tasks(&mut self, most: usize) {
        for (zone, subnets) in self.picture.task_subnets() {
            let left_out = subnets.len().saturating_sub(most);
            for id in subnets.into_iter().take(most) {
                let place = Place::Subnet(id.to_owned());
                self.tasks.insert(id, self.chart.node(place, "tasks".to_owned(), Look::Plain));
            }
            if left_out > 0 {
                let what = plural(left_out, "more subnet");
                let note = format!("{what} of the tasks, not drawn");
                self.chart.node(Place::Zone(zone.to_owned()), note, Look::Note);
            }
        }
    }

    /// One in each subnet, leading to the tasks of its zone; where a zone has none, to all.
    /// <https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/how-elastic-load-balancing-works.html#cross-zone-load-balancing>
    fn load_balancer(&mut self) {
        let Some(LoadBalancer { name, subnets, is_internet_facing }) = self.picture.load_balancer
        else {
            return;
        };
        for id in subnets.iter().filter(|id| self.picture.vpc.subnet(id).is_some()) {
            let what = lines(&["load balancer".to_owned(), label(name)]);
            let balancer = self.chart.node(Place::Subnet(id.clone()), what, Look::Plain);
            if is_internet_facing {
                let clients = "clients on the internet".to_owned();
                let clients = self.chart.only(Place::Outside, clients, Look::Plain);
                self.chart.edge(clients, balancer, String::new(), Look::Plain);
            }
            let zone = self.picture.zone(id);
            let own = |(subnet, _): &(&&str, &usize)| self.picture.zone(subnet) == zone;
            let in_zone: Vec<_> = self.tasks.iter().filter(own).map(|(_, &node)| node).collect();
            let all = || self.tasks.values().copied().collect();
            for tasks in if in_zone.is_empty() { all() } else { in_zone } {
                self.chart.edge(balancer, tasks, String::new(), Look::Plain);
            }
        }
    }

    fn ways(&mut self, most: usize) {
        let drawn = self.tasks.keys().copied().collect();
        let mut ways = ways::ways(self.picture, &drawn);
        // What is broken is drawn before what is not.
        let mut count: BTreeMap<_, usize> = BTreeMap::new();
        let mut left_out = 0;
        ways.sort_by_key(|way| std::cmp::Reverse(way.state));
        ways.retain(|way| {
            let count = count.entry(way.from).or_default();
            *count += 1;
            let fits = *count <= most;
            left_out += usize::from(!fits);
            fits
        });
        ways.sort();
        for way in &ways {
            self.way(way);
        }
        if left_out > 0 {
            let note = plural(left_out, "more way");
            self.chart.node(Place::Vpc, format!("{note} of the tasks, not drawn"), Look::Note);
        }
    }

    fn way(&mut self, way: &Way<'_>) {
        let Some(&tasks) = self.tasks.get(way.from) else { return };
        let goal = self.goal(&way.goal);
        let look = match way.state {
            State::Reached => Look::Plain,
            State::Unknown => Look::Unknown,
            State::Broken(_) => Look::Broken,
        };
        let mut words = listed(way.services.iter().map(|service| label(service))).join(", ");
        match way.state {
            State::Reached => {}
            State::Unknown => words.push_str("<br/>not known"),
            State::Broken(hop) => {
                words.push_str("<br/>NO: ");
                words.push_str(&label(&hop.to_string()));
                self.redden(hop, way, tasks, goal);
            }
        }
        self.chart.edge(tasks, goal, words, look);
    }

    /// Where a way leads, with what lies beyond it.
    fn goal(&mut self, goal: &Goal<'_>) -> usize {
        match goal {
            Goal::Interfaces { at, endpoints } => {
                let place = at.map_or(Place::Vpc, |at| Place::Subnet(at.to_owned()));
                let ids = endpoints.iter().map(|(service, id)| both(service, id));
                self.chart.only(place, titled("interface endpoint", ids), Look::Plain)
            }
            Goal::Gateways(endpoints) => {
                let ids = endpoints.iter().map(|(service, id)| both(service, id));
                self.chart.only(Place::Vpc, titled("gateway endpoint", ids), Look::Plain)
            }
            Goal::Nat(id) => {
                let nats = self.picture.vpc.nats.iter().flatten();
                let at = nats.filter(|nat| nat.id == *id).find_map(|nat| nat.subnet.clone());
                let gateway = at.as_ref().and_then(|at| self.picture.gateway_of(at));
                let place = at.map_or(Place::Vpc, Place::Subnet);
                let what = lines(&["NAT gateway".to_owned(), label(id)]);
                let nat = self.chart.only(place, what, Look::Plain);
                if let Some(gateway) = gateway {
                    let gateway = self.internet_gateway(gateway);
                    self.chart.only_edge(nat, gateway);
                }
                nat
            }
            Goal::Internet(id) => self.internet_gateway(id),
            Goal::Services { names, state } => {
                let look = match state {
                    State::Broken(_) => Look::Broken,
                    State::Unknown | State::Reached => Look::Unknown,
                };
                let names = lines(&listed(names.iter().map(|name| label(name))));
                self.chart.only(Place::Outside, names, look)
            }
        }
    }

    fn internet_gateway(&mut self, id: &str) -> usize {
        let what = lines(&["internet gateway".to_owned(), label(id)]);
        let gateway = self.chart.only(Place::Vpc, what, Look::Plain);
        let beyond = "public addresses of AWS".to_owned();
        let beyond = self.chart.only(Place::Outside, beyond, Look::Plain);
        self.chart.only_edge(gateway, beyond);
        gateway
    }

    /// Marks the thing that is broken, where it is more than the way itself.
    fn redden(&mut self, hop: Hop, way: &Way<'_>, tasks: usize, goal: usize) {
        match hop {
            Hop::TaskEgress => self.chart.break_node(tasks),
            Hop::Subnet | Hop::TaskAcl => self.chart.break_subnet(way.from),
            Hop::EndpointAcl | Hop::NatAcl => match self.chart.subnet_of(goal) {
                Some(subnet) => self.chart.break_subnet(&subnet),
                None => self.chart.break_node(goal),
            },
            Hop::Nat | Hop::Endpoint | Hop::EndpointIngress | Hop::Policy => {
                self.chart.break_node(goal);
            }
            // The arrow says it.
            Hop::Dns | Hop::Route => {}
        }
    }
}

fn both(service: &str, id: &str) -> String {
    format!("{} {}", label(service), label(id))
}

fn titled(title: &str, names: impl Iterator<Item = String>) -> String {
    let names: Vec<_> = names.collect();
    let title = if names.len() == 1 { title.to_owned() } else { format!("{title}s") };
    lines(&[vec![title], listed(names.into_iter())].concat())
}

#[cfg(test)]
mod tests;
