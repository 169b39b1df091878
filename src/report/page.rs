//! A Markdown page that stays under a limit: a head that is always whole, parts that can be cut.

use crate::report::{
    format::{plural, whole_lines},
    markdown::{details, fenced},
};

/// A part of a page.
#[derive(Debug, Clone)]
pub struct Part {
    /// What stands above it, safe as HTML.
    pub title: String,
    /// Whether it is folded.
    pub folded: bool,
    /// The block's language.
    pub info: &'static str,
    /// The text of the block, cut at whole lines where it is too long.
    pub text: String,
    /// Safe Markdown that says the same more nicely, used where it fits.
    pub rich: Option<String>,
    /// Whether it is left out where there is no room for all: a part of it would be of no use.
    pub is_extra: bool,
}

impl Part {
    fn render(&self, cap: usize) -> String {
        let body = match &self.rich {
            Some(rich) if rich.len() <= cap => format!("{}\n", rich.trim_end()),
            _ => fenced(self.info, &self.cut(cap)),
        };
        if self.folded {
            details(&self.title, &body) + "\n"
        } else {
            format!("**{}**\n\n{body}\n", self.title)
        }
    }

    fn cut(&self, cap: usize) -> String {
        match whole_lines(&self.text, cap) {
            (text, 0) => text.to_owned(),
            // A comment, so that the chart stays one.
            (text, left) if self.info == "mermaid" => format!("{text}%% {left} more"),
            (text, left) => format!("{text}… {}", plural(left, "more line")),
        }
    }

    fn size(&self) -> usize {
        self.text.len().max(self.rich.as_ref().map_or(0, String::len))
    }
}

/// The page, in at most `limit` bytes (which are never fewer than characters). Extras go first, then the
/// longest part is cut; where not even the shortest form fits, the parts are left out.
pub fn lay_out(head: &str, parts: &[Part], foot: &str, limit: usize) -> String {
    let all = page(head, parts.iter(), foot, usize::MAX);
    if all.len() <= limit {
        return all;
    }
    let parts: Vec<_> = parts.iter().filter(|part| !part.is_extra).collect();
    let page = |cap| page(head, parts.iter().copied(), foot, cap);
    let (mut fits, mut beyond) = (0, parts.iter().map(|part| part.size()).max().unwrap_or(0) + 1);
    let whole = page(beyond);
    if whole.len() <= limit {
        return whole;
    }
    while beyond - fits > 1 {
        let middle = fits.midpoint(beyond);
        if page(middle).len() <= limit {
            fits = middle;
        } else {
            beyond = middle;
        }
    }
    let cut = page(fits);
    if cut.len() <= limit { cut } else { whole_lines(head, limit).0.to_owned() }
}

fn page<'a>(head: &str, parts: impl Iterator<Item = &'a Part>, foot: &str, cap: usize) -> String {
    let parts: String = parts.map(|part| part.render(cap)).collect();
    format!("{head}{parts}{foot}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(title: &str, lines: usize) -> Part {
        Part {
            title: title.into(),
            folded: true,
            info: "text",
            text: "0123456789\n".repeat(lines),
            rich: None,
            is_extra: false,
        }
    }

    #[test]
    fn the_longest_part_is_cut_first() {
        let page = lay_out("head\n\n", &[part("short", 3), part("long", 500)], "foot\n", 400);
        insta::assert_snapshot!(page, @"
        head

        <details><summary>short</summary>

        ```text
        0123456789
        0123456789
        0123456789
        ```

        </details>

        <details><summary>long</summary>

        ```text
        0123456789
        0123456789
        0123456789
        0123456789
        0123456789
        0123456789
        0123456789
        0123456789
        0123456789
        0123456789
        0123456789
        0123456789
        0123456789
        0123456789
        0123456789
        0123456789
        0123456789
        0123456789
        0123456789
        … 481 more lines
        ```

        </details>

        foot
        ");
        assert!(page.len() <= 400);
    }

    #[test]
    fn a_limit_below_everything_leaves_the_head() {
        let page = lay_out("head\n", &[part("a", 9), part("b", 9)], "foot", 60);
        assert_eq!(page, "head\n");
    }

    #[test]
    fn an_extra_is_there_whole_or_not_at_all() {
        let parts = [part("long", 20), Part { is_extra: true, ..part("picture", 20) }];
        assert!(lay_out("", &parts, "", 2_000).contains("picture"));
        let page = lay_out("", &parts, "", 400);
        assert!(!page.contains("picture") && !page.contains("more line"), "{page}");
        let page = lay_out("", &parts, "", 200);
        assert!(!page.contains("picture") && page.contains("more line"), "{page}");
    }

    #[test]
    fn the_nicer_form_stands_where_it_fits() {
        let nice = Part { rich: Some("| a |\n".into()), ..part("plan", 2) };
        assert!(lay_out("", std::slice::from_ref(&nice), "", 1000).contains("| a |"));
        let cut = lay_out("", &[Part { rich: Some("x".repeat(900)), ..nice }], "", 200);
        assert!(cut.contains("0123456789\n0123456789\n```"), "{cut}");
    }
}
