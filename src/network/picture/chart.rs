//! A flowchart of things in zones and subnets, and how it is written for Mermaid.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

/// A line of a label is never longer than this.
const LONGEST: usize = 80;

/// So wide that a service and its endpoint's id stand on one line.
const WIDE: &str = r#"%%{init: {"flowchart": {"wrappingWidth": 320}}}%%"#;

/// Where a thing stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// Not in the VPC.
    Outside,
    /// In the VPC, in none of its subnets.
    Vpc,
    /// In a zone of the VPC.
    Zone(String),
    /// In a subnet.
    Subnet(String),
}

/// What a thing, or a way, is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Look {
    /// As it should be.
    Plain,
    /// Not known.
    Unknown,
    /// Broken.
    Broken,
    /// Not a thing of the VPC but a word about the picture.
    Note,
}

/// A thing.
#[derive(Debug)]
struct Node {
    place: Place,
    /// What is written on it; see [`label`].
    label: String,
    look: Look,
}

/// A way from one thing to another.
#[derive(Debug)]
struct Edge {
    from: usize,
    to: usize,
    label: String,
    look: Look,
}

/// The chart: things and ways, in the order in which they were put in.
#[derive(Debug, Default)]
pub(super) struct Chart {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    broken_subnets: BTreeSet<String>,
}

/// The names of what the things stand in.
#[derive(Debug)]
pub(super) struct Names {
    /// What is written on the VPC.
    pub(super) vpc: String,
    /// The zone and the block of each subnet, by its id.
    pub(super) subnets: BTreeMap<String, (String, String)>,
}

impl Chart {
    /// Puts a thing in, and says which one it is.
    pub(super) fn node(&mut self, place: Place, label: String, look: Look) -> usize {
        self.nodes.push(Node { place, label, look });
        self.nodes.len() - 1
    }

    /// The same, unless it stands there already.
    pub(super) fn only(&mut self, place: Place, label: String, look: Look) -> usize {
        let same = |node: &Node| node.place == place && node.label == label;
        match self.nodes.iter().position(same) {
            Some(at) => at,
            None => self.node(place, label, look),
        }
    }

    /// Puts a way in.
    pub(super) fn edge(&mut self, from: usize, to: usize, label: String, look: Look) {
        self.edges.push(Edge { from, to, label, look });
    }

    /// The same without a word on it, unless it is there already.
    pub(super) fn only_edge(&mut self, from: usize, to: usize) {
        if !self.edges.iter().any(|edge| edge.from == from && edge.to == to) {
            self.edge(from, to, String::new(), Look::Plain);
        }
    }

    /// The subnet that a thing stands in.
    pub(super) fn subnet_of(&self, node: usize) -> Option<String> {
        match &self.nodes[node].place {
            Place::Subnet(id) => Some(id.clone()),
            Place::Outside | Place::Vpc | Place::Zone(_) => None,
        }
    }

    /// Says that a thing is the hop that is broken.
    pub(super) fn break_node(&mut self, node: usize) {
        self.nodes[node].look = Look::Broken;
    }

    /// Says that a subnet is.
    pub(super) fn break_subnet(&mut self, subnet: &str) {
        self.broken_subnets.insert(subnet.to_owned());
    }

    /// How many ways there are.
    pub(super) fn edges(&self) -> usize {
        self.edges.len()
    }

    /// The text of the chart.
    ///
    /// The title of a subgraph has room for one line, which breaks above 200 pixels: a block fits, an id
    /// does not, and stands on the first of the subnet's things.
    pub(super) fn write(&self, names: &Names) -> String {
        let text = format!("{WIDE}\nflowchart TB\n");
        let mut writer = Writer { chart: self, text, broken: Vec::new() };
        writer.nodes_in(1, &Place::Outside);
        writer.vpc(names);
        writer.edges();
        writer.looks();
        writer.text
    }
}

struct Writer<'a> {
    chart: &'a Chart,
    text: String,
    /// The ids of the subnets that are broken.
    broken: Vec<String>,
}

impl Writer<'_> {
    fn line(&mut self, depth: usize, line: &str) {
        let indent = depth * 2;
        writeln!(self.text, "{:indent$}{line}", "").expect("writing to a String cannot fail");
    }

    fn nodes_in(&mut self, depth: usize, place: &Place) {
        let chart = self.chart;
        let inside = chart.nodes.iter().enumerate().filter(|(_, node)| node.place == *place);
        for (nth, (at, node)) in inside.enumerate() {
            let id = match place {
                Place::Subnet(id) if nth == 0 => format!("<br/>{}", label(id)),
                _ => String::new(),
            };
            self.line(depth, &format!("n{at}[\"{}{id}\"]", node.label));
        }
    }

    fn vpc(&mut self, names: &Names) {
        let mut zones: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
        for (id, (zone, block)) in &names.subnets {
            let place = Place::Subnet(id.clone());
            if self.chart.nodes.iter().any(|node| node.place == place) {
                zones.entry(zone).or_default().push((id, block));
            }
        }
        let mut at = 0;
        self.line(1, &format!("subgraph vpc[\"{}\"]", label(&names.vpc)));
        self.nodes_in(2, &Place::Vpc);
        for (nth, (zone, subnets)) in zones.into_iter().enumerate() {
            self.line(2, &format!("subgraph z{nth}[\"{}\"]", label(zone)));
            for (id, block) in subnets {
                self.line(3, &format!("subgraph s{at}[\"{}\"]", label(block)));
                self.nodes_in(4, &Place::Subnet(id.to_owned()));
                self.line(3, "end");
                if self.chart.broken_subnets.contains(id) {
                    self.broken.push(format!("s{at}"));
                }
                at += 1;
            }
            self.nodes_in(3, &Place::Zone(zone.to_owned()));
            self.line(2, "end");
        }
        self.line(1, "end");
    }

    fn edges(&mut self) {
        for Edge { from, to, label, look } in &self.chart.edges {
            let arrow = if *look == Look::Unknown { "-.->" } else { "-->" };
            let label = if label.is_empty() { String::new() } else { format!("|\"{label}\"|") };
            self.line(1, &format!("n{from} {arrow}{label} n{to}"));
        }
    }

    /// The colours are GitHub's. What is filled has a colour of its own for its text; the words on an arrow
    /// have the theme's, since their background is the theme's.
    fn looks(&mut self) {
        let chart = self.chart;
        let classes = [
            (Look::Broken, "broken", "fill:#ffebe9,stroke:#cf222e,stroke-width:3px,color:#82071e"),
            (
                Look::Unknown,
                "unknown",
                "fill:#f6f8fa,stroke:#6e7781,stroke-dasharray:4,color:#424a53",
            ),
            (Look::Note, "note", "fill:none,stroke:none,color:#8c959f"),
        ];
        for (look, name, style) in classes {
            let nodes = chart.nodes.iter().enumerate().filter(|(_, node)| node.look == look);
            let mut ids: Vec<_> = nodes.map(|(at, _)| format!("n{at}")).collect();
            if look == Look::Broken {
                ids.append(&mut self.broken);
            }
            if !ids.is_empty() {
                self.line(1, &format!("classDef {name} {style}"));
                self.line(1, &format!("class {} {name}", ids.join(",")));
            }
        }
        let styles =
            [(Look::Broken, "stroke:#cf222e,stroke-width:3px"), (Look::Unknown, "stroke:#8c959f")];
        for (look, style) in styles {
            let edges = chart.edges.iter().enumerate().filter(|(_, edge)| edge.look == look);
            let numbers: Vec<_> = edges.map(|(at, _)| at.to_string()).collect();
            if !numbers.is_empty() {
                self.line(1, &format!("linkStyle {} {style}", numbers.join(",")));
            }
        }
    }
}

/// The lines of a label, which are safe already.
pub(super) fn lines(lines: &[String]) -> String {
    lines.join("<br/>")
}

/// Text from outside, on one line, as it may stand in quotes: nothing in it ends them, is a tag, or means
/// anything to Mermaid or to the Markdown that labels may hold.
/// <https://mermaid.js.org/syntax/flowchart.html#entity-codes-to-escape-characters>
pub(super) fn label(text: &str) -> String {
    let text = text.split(|c: char| c.is_whitespace() || c.is_control() || is_invisible(c));
    let text = text.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        // Mermaid takes no empty text.
        return "?".to_owned();
    }
    let short: Vec<_> = text.chars().take(LONGEST).collect();
    let mut safe = String::with_capacity(text.len());
    for (at, &c) in short.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| short.get(at));
        if c.is_ascii_alphanumeric() || c == ' ' || is_inside_a_word(before, c, short.get(at + 1)) {
            safe.push(c);
        } else {
            write!(safe, "#{};", u32::from(c)).expect("writing to a String cannot fail");
        }
    }
    if text.chars().nth(LONGEST).is_some() {
        safe.push_str("...");
    }
    safe
}

/// Marks inside of ids, names and addresses stay, so that the source can be read too; `www.` would be the
/// beginning of a link.
fn is_inside_a_word(before: Option<&char>, mark: char, after: Option<&char>) -> bool {
    let is_of_word = |c: Option<&char>| c.is_some_and(char::is_ascii_alphanumeric);
    "-./".contains(mark)
        && is_of_word(before)
        && is_of_word(after)
        && !(mark == '.' && matches!(before, Some('w' | 'W')))
}

/// What would turn the text around it, or hide in it.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}
