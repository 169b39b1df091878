//! The file against the table of what may stand in it: unknown and doubled keys, wrong types, numbers
//! out of range, words that are none of the allowed ones. All at once.

use super::{
    finding::Finding,
    shape::{Key, Shape},
    tree::{Entry, Node, Value},
    values,
};

/// Checks a value. `path` is what its key is called: `task.port`.
pub(super) fn check(node: &Node, shape: &Shape, path: &str, findings: &mut Vec<Finding>) {
    let wrong = |expected: &str| {
        let subject = if path.is_empty() { "the file".to_owned() } else { format!("`{path}`") };
        let what = format!("{subject} is {}, and has to be {expected}", node.value.kind());
        Finding::new(node.span.clone(), what)
    };
    let holds_values = matches!(
        shape,
        Shape::Section(_) | Shape::TextOr(_) | Shape::List(_) | Shape::Map | Shape::Arguments
    );
    match (shape, &node.value) {
        // All that was in it may have been commented out.
        (_, Value::Null) if holds_values => {}
        (_, Value::Null) => {
            let finding = Finding::new(node.span.clone(), format!("`{path}` has no value"));
            findings.push(finding.help("give it one, or take the key out"));
        }
        (Shape::Section(keys) | Shape::TextOr(keys), Value::Map(entries)) => {
            section(entries, keys, path, findings);
        }
        (Shape::Section(_), _) => findings.push(wrong("a section with keys of its own")),
        (Shape::Text | Shape::TextOr(_), Value::Text(text)) => {
            if text.is_empty() {
                findings.push(Finding::new(node.span.clone(), format!("`{path}` is empty")));
            }
        }
        (Shape::Text, Value::Integer(..) | Value::Float(_) | Value::Boolean(_)) => {
            findings.push(wrong("text").help("write it in quotes"));
        }
        (Shape::Text, _) => findings.push(wrong("text")),
        (Shape::TextOr(_), _) => findings.push(wrong("text or a section with keys of its own")),
        (Shape::Boolean, Value::Boolean(_)) => {}
        (Shape::Boolean, Value::Text(text)) if ["yes", "on"].contains(&text.as_str()) => {
            findings.push(wrong("`true` or `false`").help("write `true`"));
        }
        (Shape::Boolean, Value::Text(text)) if ["no", "off"].contains(&text.as_str()) => {
            findings.push(wrong("`true` or `false`").help("write `false`"));
        }
        (Shape::Boolean, _) => findings.push(wrong("`true` or `false`")),
        (Shape::Integer(least, most), Value::Integer(number, _)) => {
            if !(least..=most).contains(&number) {
                let what = format!("`{path}` is {number}");
                let label = format!("from {least} to {most}");
                findings.push(Finding::new(node.span.clone(), what).label(label));
            }
        }
        (Shape::Integer(..), Value::Text(text)) if text.parse::<i128>().is_ok() => {
            findings.push(wrong("a whole number").help("write it without quotes"));
        }
        (Shape::Integer(..), _) => findings.push(wrong("a whole number")),
        (Shape::Duration, Value::Text(text)) if values::duration(text).is_some() => {}
        (Shape::DurationOrNone, Value::Text(text)) if values::duration_or_none(text).is_some() => {}
        (Shape::Tenths(least, most), Value::Integer(_, text) | Value::Float(text)) => {
            if !values::tenths(text).is_some_and(|found| (least..=most).contains(&&found)) {
                let what = format!("`{path}` is {text}");
                let [least, most] = [least, most].map(|tenths| f64::from(*tenths) / 10.0);
                let label = format!("from {least} to {most}, with one digit after the point");
                findings.push(Finding::new(node.span.clone(), what).label(label));
            }
        }
        (Shape::Tenths(..), _) => findings.push(wrong("a number")),
        (Shape::Duration | Shape::DurationOrNone, _) => {
            let finding = wrong("a duration").label("not a duration");
            findings.push(finding.help("write it as `90s`, `15m` or `1h`"));
        }
        (Shape::OneOf(words), Value::Text(text)) if words.contains(&text.as_str()) => {}
        (Shape::OneOf(words), _) => {
            let list = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
            let said = match &node.value {
                Value::Text(text) => format!("`{path}` is `{text}`"),
                other => format!("`{path}` is {}", other.kind()),
            };
            findings.push(Finding::new(node.span.clone(), said).label(format!("one of {list}")));
        }
        (Shape::List(shape), Value::List(items)) => {
            for (index, item) in items.iter().enumerate() {
                check(item, shape, &format!("{path}[{index}]"), findings);
            }
        }
        (Shape::List(_), Value::Text(_)) => {
            findings.push(wrong("a list").help("write it in brackets: `[…]`"));
        }
        (Shape::List(_), _) => findings.push(wrong("a list")),
        (Shape::Map | Shape::Arguments, Value::Map(entries)) => {
            doubled(entries, path, findings);
            for Entry { key, node, .. } in entries {
                let is_open = matches!(shape, Shape::Arguments) && node.value == Value::Null;
                if !is_open && matches!(node.value, Value::Null | Value::List(_) | Value::Map(_)) {
                    let what =
                        format!("`{path}.{key}` is {}, and has to be text", node.value.kind());
                    findings.push(Finding::new(node.span.clone(), what));
                }
            }
        }
        (Shape::Arguments, Value::List(_)) => {
            check(node, &Shape::List(&Shape::Text), path, findings);
        }
        (Shape::Arguments, _) => findings.push(wrong("names with values, or a list")),
        (Shape::Map, _) => findings.push(wrong("names with values")),
    }
}

fn section(entries: &[Entry], keys: &[Key], path: &str, findings: &mut Vec<Finding>) {
    doubled(entries, path, findings);
    for Entry { key, key_span, node } in entries {
        let path = join(path, key);
        match keys.iter().find(|known| known.name == key) {
            Some(known) => check(node, &known.shape, &path, findings),
            None => findings.push(unknown(key, key_span.clone(), &path, keys)),
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// How alike a word has to be to be suggested.
const ALIKE: f64 = 0.75;
/// What is added for letters that changed places, which in a short word are a large part of it.
const SWAPPED: f64 = 0.1;

/// The word that was meant, as far as that can be told.
pub(super) fn meant<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase().replace('_', "-");
    let alike = known.map(|known| {
        let lower = known.to_lowercase();
        // The one knows beginnings, the other letters that changed places.
        let alike = strsim::jaro_winkler(&word, &lower);
        (alike.max(strsim::normalized_damerau_levenshtein(&word, &lower) + SWAPPED), known)
    });
    let best = alike.max_by(|one, other| one.0.total_cmp(&other.0))?;
    (best.0 >= ALIKE).then_some(best.1)
}

fn unknown(key: &str, span: std::ops::Range<usize>, path: &str, keys: &[Key]) -> Finding {
    let names = || keys.iter().map(|key| key.name);
    let finding = Finding::new(span, format!("unknown key `{path}`"));
    if let Some(known) = meant(key, names()) {
        finding.label(format!("did you mean `{known}`?"))
    } else {
        let known = names().collect::<Vec<_>>().join(", ");
        finding.label("not a key of this section").help(format!("its keys are {known}"))
    }
}

fn doubled(entries: &[Entry], path: &str, findings: &mut Vec<Finding>) {
    for (index, entry) in entries.iter().enumerate() {
        if let Some(first) = entries[..index].iter().find(|first| first.key == entry.key) {
            let what = format!("the key `{}` stands twice", join(path, &entry.key));
            let finding = Finding::new(entry.key_span.clone(), what).label("again here");
            findings.push(finding.also(first.key_span.clone(), "first here"));
        }
    }
}
