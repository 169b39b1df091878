//! JSON as YAML that people read: blocks, and text in quotes where it would be something else.

use serde_json::Value;

/// The document.
pub(super) fn text(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

fn block(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                text.push_str(&indent);
                text.push_str(&scalar(key));
                text.push(':');
                below(value, depth + 1, text);
            }
        }
        Value::Array(list) => {
            for value in list {
                text.push_str(&indent);
                text.push('-');
                match value {
                    // The first key stands beside the hyphen, the others below it.
                    Value::Object(map) if !map.is_empty() => {
                        let mut inner = String::new();
                        block(value, depth + 1, &mut inner);
                        text.push(' ');
                        text.push_str(inner.trim_start());
                    }
                    other => below(other, depth + 1, text),
                }
            }
        }
        _ => {
            text.push_str(&indent);
            text.push_str(&plain(value));
            text.push('\n');
        }
    }
}

fn below(value: &Value, depth: usize, text: &mut String) {
    let is_empty = match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => true,
    };
    if is_empty {
        text.push(' ');
        text.push_str(&plain(value));
        text.push('\n');
    } else {
        text.push('\n');
        block(value, depth, text);
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        other => other.to_string(),
    }
}

/// Words stay as they are. All else is in double quotes, in which YAML takes what JSON takes: a date, a
/// number or a `true` would not stay text.
fn scalar(text: &str) -> String {
    let is_word = text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_other = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
        .contains(&text.to_ascii_lowercase().as_str());
    if is_word && !is_other { text.to_owned() } else { Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn it_reads_as_yaml() {
        let value = json!({"Resources": {"Policy1": {"Ref": "X"}, "Empty": {}, "List": [
            {"Sid": "One", "Action": ["a:B", "c:D"]}, "true", [], 1,
        ]}});
        insta::assert_snapshot!(text(&value), @r#"
        Resources:
          Policy1:
            Ref: X
          Empty: {}
          List:
            - Sid: One
              Action:
                - "a:B"
                - "c:D"
            - "true"
            - []
            - 1
        "#);
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[ -~äß\n\t]{0,12}".prop_map(Value::from),
            "(true|No|12|1e3|2012-10-17|~|null|a: b|- x|#c|Yes)".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[ -~]{1,8}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// A YAML reader gets back what was written, whatever it is.
        #[test]
        fn it_is_the_same_value(value in values()) {
            let document = json!({"Document": value});
            let read: Value = serde_yaml::from_str(&text(&document)).expect("it is YAML");
            prop_assert_eq!(read, document);
        }
    }
}
