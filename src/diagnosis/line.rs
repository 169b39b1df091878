//! Text from outside on one line, without anything that moves a cursor, and not too long.

/// What a cause is cut to in a headline.
pub const HEADLINE: usize = 220;
/// What a text is cut to where it is the evidence: longer than AWS's own limit is hardly ever.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Container.html>
pub const EVIDENCE: usize = 1_000;

/// The text on one line, without anything that moves a cursor or turns the direction of writing.
pub fn one_line(text: &str) -> String {
    let clean: String = text.chars().map(|c| if is_hostile(c) { ' ' } else { c }).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Control characters, and the marks that turn the direction of what follows.
/// <https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters>
fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The line, and an ellipsis in place of what is too much.
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let cut: String = text.chars().take(most).collect();
    let cut = cut.rsplit_once(' ').map_or(cut.as_str(), |(whole, _)| whole);
    format!("{}…", cut.trim_end_matches([' ', ':', ',', '.']))
}

/// The text with the apostrophes that every wording has, and on one line.
pub fn normal(text: &str) -> String {
    one_line(text).replace(['\u{2019}', '\u{2018}'], "'")
}

/// The text in one short line: without what repeats the service, the target group and the manual.
pub fn headline(text: &str) -> String {
    let line = one_line(text);
    let rest = bare(line.trim_end_matches('.'));
    let short = unhealthy(rest).unwrap_or_else(|| rest.to_owned());
    cut(short.trim_end_matches(['.', ' ']), HEADLINE)
}

/// A message without the envelope that the service's events put it in.
pub fn bare(line: &str) -> &str {
    let mut rest = line;
    for before in ["unable to place a task. Reason: ", "unable to place a task because "] {
        rest = rest.split_once(before).map_or(rest, |(_, reason)| reason);
    }
    rest = rest.split_once("For more information, see").map_or(rest, |(before, _)| before);
    for kind in ["(service ", "(task ", "(instance "] {
        let inner = rest.strip_prefix(kind).and_then(|inner| inner.split_once(") "));
        rest = inner.map_or(rest, |(_, after)| after);
    }
    rest.trim()
}

/// `port 8080 is unhealthy: …`, from `(port 8080) is unhealthy in (target-group …) due to (reason …)`.
fn unhealthy(text: &str) -> Option<String> {
    let (port, rest) =
        text.strip_prefix("(port ")?.split_once(") is unhealthy in (target-group ")?;
    let (_, reason) = rest.split_once(") due to (reason ")?;
    Some(format!("port {port} is unhealthy: {}", reason.strip_suffix(')').unwrap_or(reason)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_headline_is_the_part_that_differs() {
        let unhealthy = "(service web) (task 0f3e) (port 8080) is unhealthy in (target-group \
                         arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/web/5) due to (reason \
                         Health checks failed with these codes: [404])";
        insta::assert_snapshot!(headline(unhealthy), @"port 8080 is unhealthy: Health checks failed with these codes: [404]");
        let placed = "(service web) was unable to place a task. Reason: Capacity is unavailable at \
                      this time. Please try again later or in a different availability zone. For more \
                      information, see the Troubleshooting section.";
        insta::assert_snapshot!(headline(placed), @"Capacity is unavailable at this time. Please try again later or in a different availability zone");
        assert_eq!(headline(&"word ".repeat(100)).chars().count(), HEADLINE);
    }

    #[test]
    fn nothing_moves_the_cursor_or_turns_the_line() {
        assert_eq!(one_line("a\u{1b}[2J\n  b\u{202e}c\r\u{9b}d\u{2028}e"), "a [2J b c d e");
        assert_eq!(cut("ééé ééé", 5), "ééé…");
    }
}
