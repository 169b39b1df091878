//! YAML as a tree in which every value knows where it stands. It is read into this before anything
//! is made of it, because serde stops at the first error and a user wants all of them.

use super::finding::Finding;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::{
    Error, Location, Options, RenderOptions, SnippetMode, Spanned, UserMessageFormatter,
    options::{DuplicateKeyPolicy, NonFiniteFloatPolicy},
};
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
    /// With its spelling, because `08` is no number to whoever means a month.
    Integer(i128, String),
    /// Its spelling, because `1.10` is no number to whoever means a version.
    Float(String),
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
            Self::Integer(..) | Self::Float(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a section",
        }
    }
}

/// Reads a text of at most this many bytes; a deploy file is a page long.
pub(super) const MOST: usize = 1024 * 1024;
/// Reads values inside values to this depth. The file's own is four, a task definition's is eight, and
/// a hundred would end the program, since every level is a call.
const DEPTH: usize = 24;
/// Reads this many values, aliases counted as often as they are used, so that a short text of aliases of
/// aliases does not fill the memory.
const NODES: usize = 50_000;
const TOO_MUCH: &str = "such a file is a page long: is this the right one?";

/// Reads the text.
pub(crate) fn parse(text: &str) -> Result<Node, Box<Finding>> {
    if text.len() > MOST {
        let finding = Finding::new(0..0, format!("the file has {} bytes", text.len()));
        return Err(Box::new(finding.help(TOO_MUCH)));
    }
    let mut options = Options::default();
    options.duplicate_keys = DuplicateKeyPolicy::PassThrough;
    options.non_finite_float_policy = NonFiniteFloatPolicy::PassThrough;
    // As YAML 1.2 has it: `on` and `no` are words.
    options.strict_booleans = true;
    if let Some(budget) = &mut options.budget {
        budget.max_depth = DEPTH;
        budget.flow_nesting_limit = DEPTH;
        budget.max_nodes = NODES;
    }
    let tree = serde_yaml::from_str_with_options::<Spanned<Raw>>(text, options);
    tree.map(|tree| node(tree, text)).map_err(|error| Box::new(no_yaml(&error, text)))
}

fn no_yaml(error: &Error, text: &str) -> Finding {
    let error = error.without_snippet();
    let start = error.location().map_or(0, |at| offset(text, at.line(), at.column()));
    let end = text[start..].chars().next().map_or(start, |next| start + next.len_utf8());
    let (what, help) = match error {
        Error::MultipleDocuments { .. } => {
            ("the file has several documents", "take the line `---` out, or what follows it")
        }
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            ("an alias stands inside of what it means", "take the alias out")
        }
        Error::UnknownAnchor { .. } => {
            ("an alias that no anchor has", "write the anchor before it, or quote text with a `*`")
        }
        // A value may be of any kind, so that it is a key.
        Error::Unexpected { .. } => ("a key is no text", "write it in quotes"),
        Error::NullIntoString { .. } => ("a key is empty", "write the key's name before the `:`"),
        _ => {
            let mut options = RenderOptions::new(&UserMessageFormatter);
            options.snippets = SnippetMode::Off;
            let words = error.render_with_options(options);
            let words = words.lines().next().unwrap_or_default();
            // Where it is stands beside the line.
            let words = words.split(" at line ").next().unwrap_or_default();
            // The limits come as several errors, some of them inside of others.
            if words.contains("too large or too complex") || words.contains("recursion limit") {
                let what = "the file has too many values, or too many inside one another";
                return Finding::new(start..end, what).help(TOO_MUCH);
            }
            let finding = Finding::new(start..end, format!("this is no YAML: {words}"));
            return if words.contains("tab") {
                finding.help("indent with blanks")
            } else {
                finding
            };
        }
    };
    Finding::new(start..end, what).help(help)
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
    let span = span(raw.referenced, text);
    // Where an alias stands is not where its value is spelled.
    let spelled = || text[self::span(raw.defined, text)].to_owned();
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Boolean(value) => Value::Boolean(value),
        Raw::Integer(value) => Value::Integer(value, spelled()),
        Raw::Float => Value::Float(spelled()),
        Raw::Text(value) => Value::Text(value),
        Raw::List(list) => Value::List(list.into_iter().map(|item| node(item, text)).collect()),
        Raw::Map(entries) => {
            Value::Map(entries.into_iter().map(|(key, value)| entry(key, value, text)).collect())
        }
    };
    Node { value, span }
}

fn entry(key: Spanned<String>, value: Spanned<Raw>, text: &str) -> Entry {
    let key_span = span(key.referenced, text);
    let mut node = node(value, text);
    // An indented section begins with its first key, and nothing is nowhere: the key shows them better.
    if node.span.is_empty() {
        node.span = key_span.clone();
    }
    Entry { key: key.value, key_span, node }
}

fn span(at: Location, text: &str) -> Range<usize> {
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
    fn an_alias_stands_where_it_is_used_and_is_spelled_where_it_is_defined() {
        let text = "a: &v 1.10\nb: *v\n";
        let tree = parse(text).expect("it is YAML");
        let Value::Map(entries) = &tree.value else { panic!("{tree:?}") };
        assert_eq!(entries[1].node.value, Value::Float("1.10".to_owned()));
        assert_eq!(&text[entries[1].node.span.clone()], "*v");
    }

    #[test]
    fn a_section_is_shown_by_its_key() {
        let text = "a:\n  b:\n  c: 1\n";
        let tree = parse(text).expect("it is YAML");
        let Value::Map(entries) = &tree.value else { panic!("{tree:?}") };
        assert_eq!(&text[entries[0].node.span.clone()], "a");
        let Value::Map(inner) = &entries[0].node.value else { panic!("{tree:?}") };
        assert_eq!(&text[inner[0].node.span.clone()], "b");
    }

    #[test]
    fn what_is_no_yaml_says_why_in_plain_words() {
        let what = |text: &str| parse(text).expect_err("it is none").what;
        insta::assert_snapshot!(what("a: [1\n"), @"this is no YAML: unclosed bracket '['");
        insta::assert_snapshot!(what("a:\n\tb: 1\n"), @"this is no YAML: tabs disallowed within this context (block indentation)");
        insta::assert_snapshot!(what("a: b: c\n"), @"this is no YAML: mapping values are not allowed in this context");
        insta::assert_snapshot!(what("a: 1\n---\nb: 2\n"), @"the file has several documents");
        insta::assert_snapshot!(what("a: *b\n"), @"an alias that no anchor has");
        insta::assert_snapshot!(what("a: &a [*a]\n"), @"an alias stands inside of what it means");
        insta::assert_snapshot!(what("? [a]\n: b\n"), @"a key is no text");
        insta::assert_snapshot!(what("~: b\n"), @"a key is empty");
    }

    #[test]
    fn neither_depth_nor_aliases_of_aliases_end_the_program() {
        let told = |text: &str| parse(text).expect_err("it is too much").what;
        let too_much = "the file has too many values, or too many inside one another";
        for depth in [30, 100_000] {
            assert_eq!(told(&format!("{}{}", "[".repeat(depth), "]".repeat(depth))), too_much);
            assert_eq!(told(&"- ".repeat(depth)), too_much);
        }
        let steps = (0..40).map(|depth| format!("{}a:\n", " ".repeat(depth)));
        assert_eq!(told(&steps.collect::<String>()), too_much);
        let level = |level: u32| {
            let aliases = vec![format!("*a{}", level - 1); 9].join(",");
            format!("a{level}: &a{level} [{aliases}]\n")
        };
        let bomb = (1..9).map(level).collect::<String>();
        assert_eq!(told(&format!("a0: &a0 [x]\n{bomb}")), too_much);
    }

    #[test]
    fn both_of_two_equal_keys_are_there() {
        let tree = parse("a: 1\na: 2\n").expect("it is YAML");
        let Value::Map(entries) = &tree.value else { panic!("{tree:?}") };
        assert_eq!(entries.len(), 2);
    }
}
