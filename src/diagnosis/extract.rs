//! The parts of a text that differ from case to case: hosts, addresses, ARNs, names. Only what is whole
//! counts: a text that was cut may end inside of one.

use std::net::IpAddr;

/// Longer than any ARN or image that AWS takes.
const LONGEST: usize = 400;

/// Where a connection was to go, or why it could not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dial {
    /// To this address.
    To(IpAddr),
    /// Nowhere: the name was not answered.
    NoName,
}

/// `dial tcp 10.0.1.5:443: i/o timeout`, or a `lookup` that brought nothing.
pub fn dial(text: &str) -> Option<Dial> {
    let lower = text.to_ascii_lowercase();
    if lower.contains(": no such host") || lower.contains(": server misbehaving") {
        return Some(Dial::NoName);
    }
    let (at, _) = lower.match_indices("dial tcp").next()?;
    let rest = text[at + "dial tcp".len()..].trim_start();
    if let Some(lookup) = rest.strip_prefix(": lookup ") {
        // The name server itself did not answer.
        return lookup.contains(":53: ").then_some(Dial::NoName);
    }
    let (address, _) = match rest.strip_prefix('[') {
        Some(six) => six.split_once("]:")?,
        None => rest.split_once(':')?,
    };
    address.parse().ok().map(Dial::To)
}

/// The first host of a URL.
pub fn host(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("https://")?;
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')))?;
    Some(&rest[..end]).filter(|host| host.contains('.'))
}

/// The path of the first URL, where something follows it.
pub fn path(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("https://")?;
    let rest = &rest[rest.find('/')?..];
    Some(rest[..rest.find([' ', '"', '>', '?'])?].trim_end_matches(':'))
}

/// The status that a registry or a bucket answered with: `unexpected status code [manifests 1]: 403
/// Forbidden`, `unexpected status from GET request to https://…: 403 Forbidden`.
pub fn status(text: &str) -> Option<u16> {
    let told = ["unexpected status code ", "unexpected status from "];
    let (_, rest) = told.iter().find_map(|words| text.split_once(words))?;
    let mut words = rest.split_inclusive(' ').take(8);
    words.find_map(|word| {
        let digits = word.strip_suffix(' ').unwrap_or(word).trim_end_matches(['.', ',', ')', ']']);
        let is_status = digits.len() == 3 && digits.bytes().all(|digit| digit.is_ascii_digit());
        digits.parse().ok().filter(|_| is_status)
    })
}

/// The word that stands behind one of these; `None` where nothing ends it.
pub fn behind<'a>(text: &'a str, marks: &[&str]) -> Option<&'a str> {
    marks.iter().find_map(|mark| {
        let (_, rest) = text.split_once(mark)?;
        let (word, _) =
            rest.trim_start_matches(['"', '\'', '<']).split_once([' ', '"', '\'', '>'])?;
        clean(word)
    })
}

/// The same where the text may end with it.
pub fn last<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    clean(text.split_once(mark)?.1.split(' ').next()?)
}

/// What stands between `(target-group ` and its parenthesis, and the like.
pub fn within<'a>(text: &'a str, open: &str, close: char) -> Option<&'a str> {
    let (_, rest) = text.split_once(open)?;
    let (inner, _) = rest.split_once(close)?;
    clean(inner)
}

/// The first word that begins so.
pub fn word<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    let is_cut = |word: &str| text.ends_with(word) && !word.ends_with(['\'', '.', ')', '"', ':']);
    let marks = ['\'', '"', '(', '[', ','];
    let mut words = text.split(' ').map(|word| (word, word.trim_start_matches(marks)));
    let (word, inner) = words.find(|(_, inner)| inner.starts_with(start))?;
    clean(inner).filter(|_| !is_cut(word))
}

/// Without the punctuation around it; nothing that has more than a name, an ARN or a URL has.
fn clean(word: &str) -> Option<&str> {
    let word = word.trim_matches(['"', '\'', '.', ',', ';', ')', '(', ':', '<', '>']);
    let is_plain = |c: char| {
        c.is_ascii_alphanumeric()
            || matches!(c, '.' | '-' | '_' | '/' | ':' | '@' | '+' | '=' | '!' | '*' | '#')
    };
    (!word.is_empty() && word.len() <= LONGEST && word.chars().all(is_plain)).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_whole_or_none() {
        let to = |text: &str| Some(Dial::To(text.parse().expect("an address")));
        assert_eq!(dial("x: dial tcp 10.0.1.5:443: i/o timeout"), to("10.0.1.5"));
        assert_eq!(dial("dial tcp [2a05:d018::1]:443: i/o timeout"), to("2a05:d018::1"));
        for cut in ["dial tcp 10.0.1.5", "dial tcp 10.0.1", "dial tcp", "dial tcp 10.0.1:443", ""] {
            assert_eq!(dial(cut), None, "{cut}");
        }
        let lookup = "dial tcp: lookup api.ecr.eu-west-1.amazonaws.com on 10.0.0.2:53: ";
        for end in
            ["no such host", "server misbehaving", "read udp 10.0.1.5:9->10.0.0.2:53: i/o timeout"]
        {
            assert_eq!(dial(&format!("{lookup}{end}")), Some(Dial::NoName), "{end}");
        }
    }

    #[test]
    fn a_status_is_a_word_of_its_own() {
        assert_eq!(status("unexpected status code [manifests 6981141]: 403 Forbidden"), Some(403));
        let url = "https://b.s3.eu-west-1.amazonaws.com/404/sha256:403: 403 Forbidden";
        assert_eq!(status(&format!("unexpected status code {url}")), Some(403));
        assert_eq!(
            status("unexpected status from GET request to https://a/b: 401 Unauthorized"),
            Some(401)
        );
        for cut in
            ["unexpected status code 40", "unexpected status code https://a/403/x", "status 403"]
        {
            assert_eq!(status(cut), None, "{cut}");
        }
    }

    #[test]
    fn a_name_ends_before_the_text_does() {
        assert_eq!(behind("resolve ref \"a/b:1\": not", &["resolve ref "]), Some("a/b:1"));
        assert_eq!(behind("resolve ref a/b:1", &["resolve ref "]), None);
        assert_eq!(word("in subnet 'subnet-1': x", "subnet-"), Some("subnet-1"));
        assert_eq!(word("in subnet 'subnet-1", "subnet-"), None);
        assert_eq!(host("Head \"https://a.example/v2\""), Some("a.example"));
        assert_eq!(host("Head https://a.exam"), None);
    }

    #[test]
    fn what_is_no_name_is_left_out() {
        assert_eq!(behind("resolve ref $(rm): x", &["resolve ref "]), None);
        assert_eq!(last("parameters: /a/b", "parameters: "), Some("/a/b"));
        assert_eq!(within("(target-group a`b) c", "(target-group ", ')'), None);
    }
}
