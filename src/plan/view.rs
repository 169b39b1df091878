//! The plan as text, JSON and Markdown: the same data, three views.

use super::{Plan, Step, change::Shown};
use crate::{
    address::Address,
    network::{
        addresses::{Line, view as addresses},
        picture,
    },
    report::markdown::{cell, details},
};
use indexmap::IndexMap;
use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use serde_json::{Map, Value};
use std::fmt::{self, Write as _};

/// What the plan shows: plain data, which can be redacted and sent about.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct View {
    /// What will be done, by address, in the order in which it prints.
    pub steps: IndexMap<Address, Row>,
    /// How many things stand as they should.
    pub unchanged: usize,
    /// What the user should know before it is applied.
    pub warnings: Vec<String>,
    /// What it adds to the bill, where it changes that.
    pub cost: Option<String>,
    /// What is left of the subnets' addresses.
    pub addresses: Vec<Line>,
    /// The network that the tasks will have, as a Mermaid flowchart.
    pub picture: Option<String>,
}

/// One thing that will change.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// `create`, `update`, `delete`, `run`.
    pub action: &'static str,
    /// Why.
    pub reason: String,
    /// What stands now: the differing fields of an update, null for a creation.
    pub before: Value,
    /// What will stand: likewise, null for a deletion.
    pub after: Value,
}

impl Plan {
    /// What it shows.
    pub fn view(&self) -> View {
        let row = |step: &Step| {
            let Shown { action, before, after } = step.change.shown();
            Row { action, reason: step.reason.clone(), before, after }
        };
        View {
            steps: self
                .steps
                .iter()
                .chain(&self.after)
                .map(|(address, step)| (address.clone(), row(step)))
                .collect(),
            unchanged: self.unchanged,
            warnings: self.warnings.clone(),
            cost: self.cost.clone(),
            addresses: self.addresses.clone(),
            picture: self.picture.clone(),
        }
    }
}

impl Serialize for View {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Change<'a> {
            address: &'a Address,
            action: &'a str,
            reason: &'a str,
            before: &'a Value,
            after: &'a Value,
        }
        let rows: Vec<_> = self
            .steps
            .iter()
            .map(|(address, Row { action, reason, before, after })| Change {
                address,
                action,
                reason,
                before,
                after,
            })
            .collect();
        let mut plan = serializer.serialize_struct("Plan", 5)?;
        plan.serialize_field("steps", &rows)?;
        plan.serialize_field("unchanged", &self.unchanged)?;
        plan.serialize_field("warnings", &self.warnings)?;
        plan.serialize_field("addresses", &self.addresses)?;
        match &self.cost {
            Some(cost) => plan.serialize_field("cost", cost)?,
            None => plan.skip_field("cost")?,
        }
        plan.end()
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.steps.is_empty() {
            writeln!(f, "nothing to do: {} as asked", things(self.unchanged))?;
        }
        let width = self.steps.keys().map(|address| address.to_string().len()).max().unwrap_or(0);
        for (address, step) in &self.steps {
            let sign = sign(step.action);
            writeln!(f, "{sign} {:width$}  {}", address.to_string(), step.reason)?;
            // What is made is listed in full only where that is asked for, with `{:#}`.
            if step.action == "update" || f.alternate() {
                for line in fields(step) {
                    writeln!(f, "    {line}")?;
                }
            }
        }
        if !self.steps.is_empty() {
            writeln!(f, "{}", counts(self))?;
        }
        if let Some(cost) = &self.cost {
            writeln!(f, "cost: {cost}")?;
        }
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        if f.alternate() && !self.addresses.is_empty() {
            write!(f, "addresses:\n{}", addresses::text(&self.addresses))?;
        }
        Ok(())
    }
}

fn sign(action: &str) -> char {
    match action {
        "create" => '+',
        "update" => '~',
        "run" => '>',
        _ => '-',
    }
}

/// `1 to create, 2 to update, 3 unchanged`.
pub fn counts(plan: &View) -> String {
    let count = |action| plan.steps.values().filter(|step| step.action == action).count();
    let mut parts: Vec<_> = ["create", "update", "delete", "run"]
        .into_iter()
        .map(|action| (action, count(action)))
        .filter(|(_, count)| *count > 0)
        .map(|(action, count)| format!("{count} to {action}"))
        .collect();
    parts.push(format!("{} unchanged", plan.unchanged));
    parts.join(", ")
}

fn things(count: usize) -> String {
    if count == 1 { "1 thing is".to_owned() } else { format!("{count} things are") }
}

/// What a thing that is made anew has always, and so says nothing.
const BOOKKEEPING: [&str; 3] = ["is-ours", "used-by-this-stack", "last-deployment-failed"];

/// One line a field: what it will be, or for an update what it was and what it will be.
fn fields(row: &Row) -> Vec<String> {
    let mut lines = Vec::new();
    if row.action == "update" {
        differences("", &row.before, &row.after, &mut lines);
    } else if let (Value::Null, Value::Object(fields)) = (&row.before, &row.after) {
        let said = |(key, value): &(&String, &Value)| {
            !BOOKKEEPING.contains(&key.as_str()) && !says_nothing(value)
        };
        for (key, value) in fields.iter().filter(said) {
            lines.push(format!("{key}: {}", brief(value)));
        }
    }
    lines
}

fn says_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

fn differences(path: &str, before: &Value, after: &Value, lines: &mut Vec<String>) {
    if let (Value::Array(old), Value::Array(new)) = (before, after)
        && old.len() == new.len()
        && new.iter().all(Value::is_object)
    {
        for (index, (before, after)) in old.iter().zip(new).enumerate() {
            if before != after {
                differences(&format!("{path}[{index}]"), before, after, lines);
            }
        }
    } else if let (Value::Object(old), Value::Object(new)) = (before, after) {
        let gone = old.keys().filter(|key| !new.contains_key(*key));
        for key in new.keys().chain(gone) {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let side = |side: &Map<String, Value>| side.get(key).cloned().unwrap_or_default();
            if side(old) != side(new) {
                differences(&path, &side(old), &side(new), lines);
            }
        }
    } else {
        lines.push(format!("{path}: {} -> {}", brief(before), brief(after)));
    }
}

/// The longest value that a line shows whole.
const BRIEF: usize = 160;

fn brief(value: &Value) -> String {
    let text = match value {
        Value::Null => "(none)".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            items.iter().map(brief).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    };
    if text.chars().count() <= BRIEF {
        return text;
    }
    let mut short: String = text.chars().take(BRIEF).collect();
    short.push('…');
    short
}

/// The plan as Markdown: a line that counts, the table, and what is looked at less often, folded.
pub fn markdown(plan: &View) -> String {
    let head = if plan.steps.is_empty() { "Nothing to do.".to_owned() } else { counts(plan) };
    let mut text = format!("{head}\n{}", table(plan));
    if !plan.addresses.is_empty() {
        text.push('\n');
        text.push_str(&details("Addresses", &addresses::markdown(&plan.addresses)));
    }
    if let Some(picture) = &plan.picture {
        text.push('\n');
        text.push_str(&picture::folded(picture));
    }
    text
}

/// A table with one row a step, the cost and the warnings; begins with an empty line unless it is empty.
pub fn table(plan: &View) -> String {
    let mut text = String::new();
    if !plan.steps.is_empty() {
        text.push_str("\n| | what | why |\n|---|---|---|\n");
    }
    for (address, Row { action, reason, .. }) in &plan.steps {
        let address = cell(&format!("`{address}`"));
        writeln!(text, "| {action} | {address} | {} |", cell(reason))
            .expect("writing to a String cannot fail");
    }
    if let Some(cost) = &plan.cost {
        writeln!(text, "\nCost: {}", cell(cost)).expect("writing to a String cannot fail");
    }
    for warning in &plan.warnings {
        writeln!(text, "\n> **Warning:** {}", cell(warning))
            .expect("writing to a String cannot fail");
    }
    text
}

#[cfg(test)]
mod tests;
