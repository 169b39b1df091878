//! Reads values out of a section that was checked against its table. What has the wrong type was told
//! there, and reads as not given here.

use super::{
    finding::Finding,
    tree::{Entry, Node, Value},
    values,
};
use indexmap::IndexMap;
use std::{ops::Range, time::Duration};

/// A section, or the absence of one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Section<'a> {
    entries: &'a [Entry],
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

impl<'a> Section<'a> {
    pub(super) fn of(node: &'a Node) -> Self {
        match &node.value {
            Value::Map(entries) => Self { entries },
            _ => Self { entries: &[] },
        }
    }

    pub(super) fn entry(&self, key: &str) -> Option<&'a Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    fn node(&self, key: &str) -> Option<&'a Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    pub(super) fn section(&self, key: &str) -> Self {
        self.node(key).map_or(Self { entries: &[] }, Self::of)
    }

    pub(super) fn text(&self, key: &str) -> Option<At<&'a str>> {
        self.node(key).and_then(text)
    }

    pub(super) fn boolean(&self, key: &str) -> Option<bool> {
        match self.node(key)?.value {
            Value::Boolean(value) => Some(value),
            _ => None,
        }
    }

    pub(super) fn number<T: TryFrom<i128>>(&self, key: &str) -> Option<At<T>> {
        let node = self.node(key)?;
        match node.value {
            Value::Integer(value, _) => {
                Some(At { value: value.try_into().ok()?, span: node.span.clone() })
            }
            _ => None,
        }
    }

    pub(super) fn duration(&self, key: &str) -> Option<Duration> {
        values::duration(self.text(key)?.value)
    }

    pub(super) fn duration_or_none(&self, key: &str) -> Option<At<Duration>> {
        let At { value, span } = self.text(key)?;
        Some(At { value: values::duration_or_none(value)?, span })
    }

    /// A number in tenths.
    pub(super) fn tenths(&self, key: &str) -> Option<u32> {
        match &self.node(key)?.value {
            Value::Integer(_, text) | Value::Float(text) => values::tenths(text),
            _ => None,
        }
    }

    pub(super) fn list(&self, key: &str) -> Option<&'a [Node]> {
        match &self.node(key)?.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn texts(&self, key: &str) -> Option<Vec<At<&'a str>>> {
        Some(self.list(key)?.iter().filter_map(text).collect())
    }

    /// Names, with where each stands, and their values; a number is taken as it is written.
    pub(super) fn map(&self, key: &str) -> IndexMap<String, At<Option<At<String>>>> {
        let Some(Value::Map(entries)) = self.node(key).map(|node| &node.value) else {
            return IndexMap::new();
        };
        entries
            .iter()
            .map(|entry| {
                let value = match &entry.node.value {
                    Value::Text(value) | Value::Integer(_, value) | Value::Float(value) => {
                        Some(value.clone())
                    }
                    Value::Boolean(value) => Some(value.to_string()),
                    Value::Null | Value::List(_) | Value::Map(_) => None,
                };
                let value = value.map(|value| At { value, span: entry.node.span.clone() });
                (entry.key.clone(), At { value, span: entry.key_span.clone() })
            })
            .collect()
    }
}

pub(super) fn text(node: &Node) -> Option<At<&str>> {
    match &node.value {
        Value::Text(value) => Some(At { value, span: node.span.clone() }),
        _ => None,
    }
}

impl<T: AsRef<str>> At<T> {
    /// Adds a finding where the rule does not hold; `what` is what the value is.
    pub(super) fn must(
        &self,
        what: &str,
        rule: impl FnOnce(&str) -> Result<(), String>,
        findings: &mut Vec<Finding>,
    ) {
        let value = self.value.as_ref();
        // An empty value was told already.
        if !value.is_empty()
            && let Err(why) = rule(value)
        {
            findings.push(
                Finding::new(self.span.clone(), format!("{what} `{value}` cannot be used"))
                    .label(why),
            );
        }
    }
}
