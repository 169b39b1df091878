//! JSON as an expression of Terraform's language, laid out as `terraform fmt` does.

use serde_json::Value;

/// A block with one label besides its type, its attributes aligned.
pub(super) fn block(kind: &str, label: &str, attributes: &[(&str, String)]) -> String {
    let entries: Vec<_> =
        attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let lines = lines(&entries, "  ");
    format!("resource \"{kind}\" \"{label}\" {{\n{lines}}}\n")
}

/// A value of several lines ends a run of aligned ones.
fn lines(entries: &[(String, String)], indent: &str) -> String {
    let lines = entries.iter().enumerate().map(|(index, (name, text))| {
        let width = width(entries, index);
        format!("{indent}{name:width$} = {text}\n")
    });
    lines.collect::<Vec<_>>().concat()
}

/// The value as an expression, its lines so deep.
pub(super) fn value(value: &Value, depth: usize) -> String {
    let (outer, inner) = ("  ".repeat(depth), "  ".repeat(depth + 1));
    match value {
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(map) => {
            let entries: Vec<_> = map
                .iter()
                .map(|(name, found)| (key(name), self::value(found, depth + 1)))
                .collect();
            format!("{{\n{}{outer}}}", lines(&entries, &inner))
        }
        Value::Array(list) if list.is_empty() => "[]".to_owned(),
        Value::Array(list) => {
            let items = list.iter().map(|found| self::value(found, depth + 1));
            let lines = items.map(|item| format!("{inner}{item},\n"));
            format!("[\n{}{outer}]", lines.collect::<Vec<_>>().concat())
        }
        Value::String(text) => string(text),
        other => other.to_string(),
    }
}

/// The width of the names in the run of one-line entries that this one is of.
fn width(entries: &[(String, String)], index: usize) -> usize {
    let is_short = |(_, text): &&(String, String)| !text.contains('\n');
    if entries[index].1.contains('\n') {
        return 0;
    }
    let before = entries[..index].iter().rev().take_while(is_short);
    let after = entries[index..].iter().take_while(is_short);
    before.chain(after).map(|(name, _)| name.len()).max().unwrap_or(0)
}

/// A name stays one where it can.
fn key(name: &str) -> String {
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_name { name.to_owned() } else { string(name) }
}

/// Text in quotes. What this program puts in for the account stays an expression; nothing else becomes
/// one.
pub(super) fn string(text: &str) -> String {
    let mut out = String::from("\"");
    let mut rest = text;
    while let Some(symbol) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix(super::OF_TERRAFORM) {
            out.push_str(super::OF_TERRAFORM);
            rest = after;
            continue;
        }
        rest = &rest[symbol.len_utf8()..];
        match symbol {
            '"' | '\\' => out.extend(['\\', symbol]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // `${` and `%{` begin an expression.
            '$' | '%' if rest.starts_with('{') => out.extend([symbol, symbol]),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_text_becomes_an_expression_but_the_accounts() {
        assert_eq!(string("a\"b\\c\n"), r#""a\"b\\c\n""#);
        assert_eq!(string("${aws:username} %{x} $x"), r#""$${aws:username} %%{x} $x""#);
        let account = super::super::OF_TERRAFORM;
        assert_eq!(string(&format!("arn:{account}:x")), format!("\"arn:{account}:x\""));
    }

    #[test]
    fn it_is_laid_out_as_terraform_does() {
        let value = json!({"Sid": "One", "Effect": "Allow", "Action": ["a:B", "c:D"], "Resource": "*",
            "Condition": {"Null": {"aws:ResourceTag/x": "false"}}});
        insta::assert_snapshot!(super::value(&value, 0), @r#"
        {
          Sid    = "One"
          Effect = "Allow"
          Action = [
            "a:B",
            "c:D",
          ]
          Resource = "*"
          Condition = {
            Null = {
              "aws:ResourceTag/x" = "false"
            }
          }
        }
        "#);
    }
}
