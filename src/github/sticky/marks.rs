//! The two hidden lines that a comment begins with: whose comment it is, and which run wrote it last.

use std::fmt::Write as _;

/// The hidden first line by which the comment of a service, in an environment, is found again.
pub fn marker(service: &str, environment: Option<&str>) -> String {
    let environment = environment.map(|name| format!(":{}", inert(name))).unwrap_or_default();
    format!("<!-- ecs-private-deploy:{}{environment} -->", inert(service))
}

/// The hidden second line, by which a run knows what it has written itself.
pub fn writer(run: u64) -> String {
    format!("<!-- run {run} -->")
}

/// Keeps what cannot end an HTML comment; the rest is written in hexadecimal, so that two names stay
/// two.
fn inert(name: &str) -> String {
    name.bytes().fold(String::new(), |mut inert, byte| {
        if byte.is_ascii_alphanumeric() || b"._/-".contains(&byte) {
            inert.push(char::from(byte));
        } else {
            write!(inert, "%{byte:02X}").expect("a string can be written");
        }
        inert
    })
}

/// Whether a comment begins with this marker.
pub fn is_marked(marker: &str, comment: Option<&str>) -> bool {
    comment.and_then(|text| text.lines().next()) == Some(marker)
}

/// Whether another run than the one that writes this text has written the comment.
pub fn is_others(text: &str, comment: Option<&str>) -> bool {
    comment.and_then(|comment| comment.lines().nth(1)) != text.lines().nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_a_whole_first_line() {
        let marker = marker("web", None);
        let ours = |text| is_marked(&marker, Some(text));
        assert!(ours("<!-- ecs-private-deploy:web -->\r\nx") && ours(&marker));
        assert!(
            !ours("> <!-- ecs-private-deploy:web -->") && !ours("") && !is_marked(&marker, None)
        );
        assert!(!ours("<!-- ecs-private-deploy:web:prod -->\nx"));
    }

    #[test]
    fn a_run_knows_what_it_wrote_itself() {
        let text = |run| format!("<!-- x -->\n{}\n### web", writer(run));
        let is_others = |found: &str| is_others(&text(42), Some(found));
        assert!(!is_others(&text(42)) && !is_others(&text(42).replace('\n', "\r\n")));
        assert!(is_others(&text(41)) && is_others("<!-- x -->\n### web") && is_others(""));
    }

    #[test]
    fn each_service_and_environment_has_a_marker_of_its_own() {
        let markers = [
            marker("web", None),
            marker("web", Some("prod")),
            marker("web", Some("a:b -->\n@x")),
            marker("web:prod", None),
        ];
        insta::assert_snapshot!(markers.join("\n"), @"
        <!-- ecs-private-deploy:web -->
        <!-- ecs-private-deploy:web:prod -->
        <!-- ecs-private-deploy:web:a%3Ab%20--%3E%0A%40x -->
        <!-- ecs-private-deploy:web%3Aprod -->
        ");
    }
}
