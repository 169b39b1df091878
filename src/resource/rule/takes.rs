//! Which requests a rule takes, whoever made it, and how the rules of a listener stand to one another.

use aws_sdk_elasticloadbalancingv2::types::{
    HostHeaderConditionConfig, PathPatternConditionConfig, RuleCondition,
};

/// The path of every request.
const EVERY_PATH: &str = "/*";

/// Which requests a rule takes: those of one of the hosts under one of the paths.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html>
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Takes {
    /// Patterns of hosts, in small letters; empty takes every host.
    hosts: Vec<String>,
    /// Patterns of paths; empty takes every path.
    paths: Vec<String>,
    /// Whether it asks for more: for a header or a method, or by a regular expression.
    has_more: bool,
}

impl Takes {
    /// The requests of this host, where one is given, and under this path, where one is given.
    pub fn of(host: Option<&str>, path: Option<&str>) -> Self {
        Self {
            hosts: host.into_iter().map(str::to_ascii_lowercase).collect(),
            paths: path.map(patterns).into_iter().flatten().collect(),
            has_more: false,
        }
    }

    /// Reads a rule's conditions.
    pub fn read(conditions: &[RuleCondition]) -> Self {
        let mut takes = Self::default();
        for condition in conditions {
            takes.has_more |= !condition.regex_values().is_empty();
            match condition.field() {
                Some("host-header") => {
                    let hosts = condition.host_header_config();
                    let hosts = hosts.map(HostHeaderConditionConfig::values);
                    let hosts = hosts.unwrap_or_else(|| condition.values());
                    takes.hosts.extend(hosts.iter().map(|host| host.to_ascii_lowercase()));
                }
                Some("path-pattern") => {
                    let paths = condition.path_pattern_config();
                    let paths = paths.map(PathPatternConditionConfig::values);
                    takes.paths.extend_from_slice(paths.unwrap_or_else(|| condition.values()));
                }
                _ => takes.has_more = true,
            }
        }
        for every in [(&mut takes.hosts, "*"), (&mut takes.paths, EVERY_PATH)] {
            let (patterns, pattern) = every;
            if patterns.iter().any(|found| found == pattern) {
                patterns.clear();
            }
        }
        takes.hosts.sort();
        takes.paths.sort();
        takes
    }

    /// The one host and the one path with all below it, where these are all that it asks for; `None`
    /// where it has a form that this program never makes.
    pub fn single(&self) -> Option<(Option<String>, Option<String>)> {
        let host = match &self.hosts[..] {
            [] => None,
            [host] => Some(host.clone()),
            _ => return None,
        };
        let path = match &self.paths[..] {
            [] => None,
            [path, below] if patterns(path) == [path.clone(), below.clone()] => Some(path.clone()),
            _ => return None,
        };
        (!self.has_more).then_some((host, path))
    }

    /// Whether it already takes what `wanted` asks for, so that one of the two would take it from the
    /// other: the same host, or for the same hosts a path that lies under its pattern. A pattern of hosts
    /// that the wanted one is among, and a rule for every path, come after it and keep the rest.
    pub fn collides(&self, wanted: &Self) -> bool {
        if self.has_more {
            return false;
        }
        if wanted.paths.is_empty() {
            return self.paths.is_empty() && self.has_hosts_of(wanted);
        }
        self.has_hosts_of(wanted)
            && self.paths.iter().any(|pattern| {
                wanted.paths.iter().any(|path| fits(pattern.as_bytes(), path.as_bytes()))
            })
    }

    fn has_hosts_of(&self, wanted: &Self) -> bool {
        if wanted.hosts.is_empty() {
            return self.hosts.is_empty();
        }
        wanted.hosts.iter().any(|host| self.hosts.contains(host))
    }

    /// Whether it takes what `wanted` asks for, or a part of it, wherever it comes first: it is wider, so
    /// it has to come after.
    pub fn shadows(&self, wanted: &Self) -> bool {
        let fits_one = |patterns: &[String], wanted: &String| {
            patterns.iter().any(|pattern| fits(pattern.as_bytes(), wanted.as_bytes()))
        };
        let has_hosts = self.hosts.is_empty()
            || !wanted.hosts.is_empty()
                && wanted.hosts.iter().all(|host| fits_one(&self.hosts, host));
        let has_path =
            self.paths.is_empty() || wanted.paths.iter().any(|path| fits_one(&self.paths, path));
        !self.has_more && has_hosts && has_path
    }

    /// The shape in which ELB takes it.
    pub fn conditions(&self) -> Vec<RuleCondition> {
        let host = (!self.hosts.is_empty()).then(|| {
            let hosts = HostHeaderConditionConfig::builder().set_values(Some(self.hosts.clone()));
            RuleCondition::builder().field("host-header").host_header_config(hosts.build()).build()
        });
        let paths = if self.paths.is_empty() && host.is_none() {
            vec![EVERY_PATH.to_owned()]
        } else {
            self.paths.clone()
        };
        let path = (!paths.is_empty()).then(|| {
            let paths = PathPatternConditionConfig::builder().set_values(Some(paths));
            let condition = RuleCondition::builder().field("path-pattern");
            condition.path_pattern_config(paths.build()).build()
        });
        host.into_iter().chain(path).collect()
    }
}

impl std::fmt::Display for Takes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |patterns: &[String]| format!("`{}`", patterns.join("`, `"));
        match (&self.hosts[..], &self.paths[..]) {
            ([], []) => f.write_str("every request"),
            (hosts, []) => write!(f, "the host {}", list(hosts)),
            ([], paths) => write!(f, "the path {}", list(&paths[..1])),
            (hosts, paths) => write!(f, "the path {} of {}", list(&paths[..1]), list(hosts)),
        }
    }
}

/// A path and all that is below it.
fn patterns(path: &str) -> [String; 2] {
    [path.to_owned(), format!("{path}/*")]
}

/// Whether a text fits ELB's pattern: `*` stands for any characters, `?` for one.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut from) = (0, 0);
    // Where the last star stands, and where in the text what follows it was tried last.
    let mut star = None;
    while from < text.len() {
        match (pattern.get(at), star) {
            (Some(b'*'), _) => {
                star = Some((at, from));
                at += 1;
            }
            (Some(byte), _) if *byte == b'?' || *byte == text[from] => {
                at += 1;
                from += 1;
            }
            (_, Some((place, tried))) => {
                star = Some((place, tried + 1));
                at = place + 1;
                from = tried + 1;
            }
            (_, None) => return false,
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn others(hosts: &[&str], paths: &[&str]) -> Takes {
        let text = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        let conditions = Takes { hosts: text(hosts), paths: text(paths), has_more: false };
        Takes::read(&conditions.conditions())
    }

    #[test]
    fn only_a_rule_for_the_same_requests_collides() {
        let host = Takes::of(Some("PR-42.Example.com"), None);
        let path = Takes::of(None, Some("/pr-42"));
        let both = Takes::of(Some("web.example.com"), Some("/pr-42"));
        let everything = Takes::of(None, None);
        let rules = [
            ("its host", others(&["pr-42.example.com"], &[])),
            ("its host and another", others(&["other.example.com", "pr-42.example.com"], &[])),
            ("a pattern of hosts", others(&["*.example.com"], &[])),
            ("a path of its host", others(&["pr-42.example.com"], &["/api/*"])),
            ("its path", others(&[], &["/pr-42"])),
            ("all below its path", others(&[], &["/pr-42/*"])),
            ("a pattern of paths", others(&[], &["/pr-*"])),
            ("a path below its path", others(&[], &["/pr-42/api/*"])),
            ("another number", others(&[], &["/pr-421", "/pr-421/*"])),
            ("its path of its host", others(&["web.example.com"], &["/pr-42/*"])),
            ("the service's host", others(&["web.example.com"], &[])),
            ("every request", others(&[], &["/*"])),
            ("a header", Takes { has_more: true, ..others(&["pr-42.example.com"], &["/pr-42"]) }),
        ];
        let wanted = [&host, &path, &both, &everything];
        let table: Vec<_> = rules
            .iter()
            .map(|(what, rule)| {
                let marks =
                    wanted.map(|wanted| match (rule.collides(wanted), rule.shadows(wanted)) {
                        (true, _) => "collides",
                        (false, true) => "shadows",
                        (false, false) => "-",
                    });
                let [host, path, both, everything] = marks;
                format!("{what:<22}{host:<10}{path:<10}{both:<10}{everything}")
            })
            .collect();
        insta::assert_snapshot!(table.join("\n"), @r"
        its host              collides  -         -         -
        its host and another  collides  -         -         -
        a pattern of hosts    shadows   -         shadows   -
        a path of its host    -         -         -         -
        its path              -         collides  shadows   -
        all below its path    -         collides  shadows   -
        a pattern of paths    -         collides  shadows   -
        a path below its path -         -         -         -
        another number        -         -         -         -
        its path of its host  -         -         collides  -
        the service's host    -         -         shadows   -
        every request         shadows   shadows   shadows   collides
        a header              -         -         -         -
        ");
    }

    proptest! {
        #[test]
        fn a_star_stands_for_anything(head in "[a-z]{0,4}", between in "[a-z*?]{0,9}", tail in "[a-z]{0,4}") {
            let text = format!("{head}{between}{tail}");
            let pattern = format!("{head}*{tail}");
            prop_assert!(fits(pattern.as_bytes(), text.as_bytes()));
            prop_assert!(fits(b"*", text.as_bytes()));
            prop_assert!(fits(text.replace(|_| true, "?").as_bytes(), text.as_bytes()));
            let (longer, shorter) = (pattern + "/", text.replace('*', "?") + "?");
            prop_assert!(!fits(longer.as_bytes(), text.as_bytes()));
            prop_assert!(!fits(shorter.as_bytes(), text.as_bytes()));
        }
    }
}
