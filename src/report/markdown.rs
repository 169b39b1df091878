//! Text from outside inside Markdown: each function makes it inert in one place where it may stand.
//!
//! In code nothing is a mention, a link or a tag; a code span or block ends only at a run of
//! backticks of its own length (<https://spec.commonmark.org/0.31.2/#code-spans>), so it takes a run
//! that its content does not have.

use url::Url;

/// A code span, on one line.
pub fn code(text: &str) -> String {
    let text = one_line(text);
    if text.is_empty() {
        return "–".to_owned();
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    // One space on each side is taken off again by the renderer.
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A code block, between empty lines of its own.
pub fn fenced(info: &str, text: &str) -> String {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    format!("{fence}{info}\n{}\n{fence}\n", text.replace('\r', "").trim_end_matches('\n'))
}

/// Markdown that is folded below a title, which is safe as HTML.
pub fn details(title: &str, body: &str) -> String {
    format!("<details><summary>{title}</summary>\n\n{}\n\n</details>\n", body.trim_end())
}

/// Running text with what stands in backticks as code, on one line.
pub fn text(text: &str) -> String {
    let text = one_line(text);
    let pieces: Vec<_> = text.split('`').collect();
    if pieces.len().is_multiple_of(2) || pieces.iter().skip(1).step_by(2).any(|c| c.is_empty()) {
        return prose(None, &text);
    }
    pieces
        .iter()
        .enumerate()
        .map(|(i, piece)| match i {
            0 => prose(None, piece),
            i if i % 2 == 0 => prose(Some('`'), piece),
            _ => code(piece),
        })
        .collect()
}

/// A link to an address that holds nothing but an address; otherwise code.
pub fn link(address: &str) -> String {
    if is_plain_url(address) { format!("<{address}>") } else { code(address) }
}

/// Whether the address can stand in a link as it is.
pub fn is_plain_url(address: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#=&%+,".contains(c);
    address.chars().all(plain)
        && Url::parse(address).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

/// Running text in a table's cell. A bar ends a cell even inside code, so where there is one nothing
/// is code (<https://github.github.com/gfm/#example-200>).
pub fn cell(words: &str) -> String {
    if words.contains('|') { prose(None, &one_line(words)) } else { text(words) }
}

/// What comes after `before` with its punctuation escaped, and nobody mentioned: GitHub looks for names and numbers after the Markdown
/// is rendered, so a backslash would not do
/// (<https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#mentioning-people-and-teams>).
fn prose(mut before: Option<char>, text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() * 2);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        if c.is_ascii_punctuation() && !is_harmless(before, c, characters.peek().copied()) {
            escaped.push('\\');
        }
        escaped.push(c);
        if matches!(c, '@' | '#') {
            escaped.push('\u{200b}');
        }
        before = Some(c);
    }
    escaped
}

/// Whether a mark means nothing to Markdown where it stands: a text that is escaped less can be read
/// in a mail that shows the source.
fn is_harmless(before: Option<char>, mark: char, after: Option<char>) -> bool {
    match (before, mark) {
        (None, _) => false,
        // `https://` would become a link, and so would `www.`
        (_, ':') => after != Some('/'),
        // `1.` would be a list's, `0.25` is a number.
        (Some('0'..='9'), '.') => after.is_some_and(|after| after.is_ascii_digit()),
        (Some(before), '.') => !matches!(before, 'w' | 'W'),
        (_, mark) => ",;'\"?%/()-".contains(mark),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_text_is_inert() {
        let shown = [
            code("a ``b` c"),
            code("`"),
            code(" \n "),
            text("the role `web\n@x` is *not* there, ask @octocat about #12"),
            text("odd ` backtick"),
            link("https://web.example.com/a_b?c=d"),
            link("javascript:alert(1)"),
            link("https://x.com/>)](y)"),
            cell("a `b` | `c"),
            fenced("text", "a\n```\n</details>\n"),
        ];
        insta::assert_snapshot!(shown.join("\n").replace('\u{200b}', "<zero>"), @r"
        ```a ``b` c```
        `` ` ``
        –
        the role `web @x` is \*not\* there, ask \@<zero>octocat about \#<zero>12
        odd \` backtick
        <https://web.example.com/a_b?c=d>
        `javascript:alert(1)`
        `https://x.com/>)](y)`
        a \`b\` \| \`c
        ````text
        a
        ```
        </details>
        ````
        ");
    }
}
