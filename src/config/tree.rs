//! YAML as a tree in which every value knows where it stands. It is read into this before anything
//! is made of it, because serde stops at the first error and a user wants all of them.

use super::finding::Finding;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::{Options, Spanned, options::DuplicateKeyPolicy};
use std::{fmt, ops::Range};

/// A value and where it stands, in bytes from the text's start.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) span: Range<usize>,
}

/// A value as YAML has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Boolean(bool),
    Integer(i128),
    /// Kept as it is written, because `1.10` is no number to whoever means a version.
    Float,
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Range<usize>,
    pub(crate) node: Node,
}

impl Value {
    /// What it is called in a message.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Boolean(_) => "true or false",
            Self::Integer(_) | Self::Float => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a section",
        }
    }
}

/// Reads a text of at most this many bytes; a deploy file is a page long.
const MOST: usize = 1024 * 1024;

/// Reads the text.
pub(crate) fn parse(text: &str) -> Result<Node, Box<Finding>> {
    if text.len() > MOST {
        let finding = Finding::new(0..0, format!("the file has {} bytes", text.len()));
        return Err(Box::new(finding.help("such a file is a page long: is this the right one?")));
    }
    let mut options = Options::default();
    options.duplicate_keys = DuplicateKeyPolicy::PassThrough;
    let tree = serde_yaml::from_str_with_options::<Spanned<Raw>>(text, options);
    tree.map(|tree| node(tree, text)).map_err(|error| {
        let error = error.without_snippet();
        let start = error.location().map_or(0, |at| offset(text, at.line(), at.column()));
        let end = text[start..].chars().next().map_or(start, |next| start + next.len_utf8());
        let words = error.to_string();
        let first = words.lines().next().unwrap_or_default();
        let first = first.split(" at line ").next().unwrap_or_default();
        let finding = Finding::new(start..end, format!("this is no YAML: {first}"));
        Box::new(if first.contains("tab") { finding.help("indent with blanks") } else { finding })
    })
}

/// The byte at a line and a column, which count characters from 1.
pub(crate) fn offset(text: &str, line: u64, column: u64) -> usize {
    let line = usize::try_from(line).unwrap_or(1).saturating_sub(1);
    let column = usize::try_from(column).unwrap_or(1).saturating_sub(1);
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    let within = rest.char_indices().nth(column).map_or(rest.len(), |(index, _)| index);
    (start + within).min(text.len())
}

fn node(raw: Spanned<Raw>, text: &str) -> Node {
    let span = span(&raw, text);
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Boolean(value) => Value::Boolean(value),
        Raw::Integer(value) => Value::Integer(value),
        Raw::Float => Value::Float,
        Raw::Text(value) => Value::Text(value),
        Raw::List(list) => Value::List(list.into_iter().map(|item| node(item, text)).collect()),
        Raw::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| Entry {
                    key_span: self::span(&key, text),
                    key: key.value,
                    node: node(value, text),
                })
                .collect(),
        ),
    };
    Node { value, span }
}

fn span<T>(spanned: &Spanned<T>, text: &str) -> Range<usize> {
    let at = spanned.referenced;
    let start = at.span().byte_offset().and_then(|start| usize::try_from(start).ok());
    let start = start.unwrap_or_else(|| offset(text, at.line(), at.column())).min(text.len());
    let length = at.span().byte_len().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    let end = start.saturating_add(length).min(text.len());
    if text.is_char_boundary(start) && text.is_char_boundary(end) { start..end } else { 0..0 }
}

enum Raw {
    Null,
    Boolean(bool),
    Integer(i128),
    Float,
    Text(String),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Integer(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Integer(value))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Float)
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_where_it_stands() {
        let text = "ä: 1 # ö\nb: [two, { c: 3.10 }]\n";
        let tree = parse(text).expect("it is YAML");
        let Value::Map(entries) = &tree.value else { panic!("{tree:?}") };
        assert_eq!(&text[entries[0].node.span.clone()], "1");
        let Value::List(list) = &entries[1].node.value else { panic!("{tree:?}") };
        assert_eq!(&text[list[0].span.clone()], "two");
        let Value::Map(inner) = &list[1].value else { panic!("{tree:?}") };
        assert_eq!(&text[inner[0].node.span.clone()], "3.10");
    }

    #[test]
    fn both_of_two_equal_keys_are_there() {
        let tree = parse("a: 1\na: 2\n").expect("it is YAML");
        let Value::Map(entries) = &tree.value else { panic!("{tree:?}") };
        assert_eq!(entries.len(), 2);
    }
}
