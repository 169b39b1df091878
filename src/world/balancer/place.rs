//! Behind which load balancer a service stands. Pure.
//!
//! A load balancer takes a hundred target groups, and no more can be asked for. So previews spread over the
//! file's load balancer, `shared`, and then over `shared-2`, `shared-3`, …, which are made for them.

use crate::{
    config::{model::LoadBalancer, names::fit},
    resource::target_group::Used,
};
use std::collections::BTreeSet;

/// Target groups that a load balancer takes: the quota Target Groups per Application Load Balancer, which
/// is not adjustable.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html>
pub const TARGET_GROUPS: usize = 100;
/// Rules that a load balancer takes where nobody has asked for more, those of all its listeners together
/// and the default ones left out: the quota Rules per Application Load Balancer.
pub const RULES: usize = 100;
/// Load balancers of a region where nobody has asked for more; the search ends there.
const MOST: u32 = 50;
/// ELB's limit for a load balancer's name.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html>
const NAME_LENGTH: usize = 32;

/// Where a service stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The load balancer's name.
    pub name: String,
    /// Where it is not the file's own: what that one carries, and why it is not that one.
    pub overflow: Option<Overflow>,
}

/// Why a preview stands behind a load balancer that is not the file's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overflow {
    /// The security groups of the file's own: the tasks admit these.
    pub security_groups: BTreeSet<String>,
    /// The load balancers that are full, with what they are full of.
    pub full: Vec<String>,
}

impl Place {
    /// Behind the file's own load balancer.
    pub fn own(config: &LoadBalancer) -> Self {
        Self { name: config.name.clone(), overflow: None }
    }

    /// By which host and under which path it is found there. A path is found under the host of the file
    /// only behind the file's own load balancer, which is where that host leads.
    pub fn way(&self, config: &LoadBalancer) -> (Option<String>, Option<String>) {
        let is_elsewhere = self.overflow.is_some() && config.path.is_some();
        let host = config.host.as_ref().filter(|_| !is_elsewhere);
        (host.map(|host| host.to_ascii_lowercase()), config.path.clone())
    }

    /// Where it answers, once it does.
    pub fn url(&self, config: &LoadBalancer, dns: Option<&str>) -> Option<String> {
        let scheme = if config.certificate.is_some() { "https" } else { "http" };
        let (host, path) = self.way(config);
        let host = host.filter(|host| !host.contains(['*', '?'])).or(dns.map(str::to_owned))?;
        // With the stroke at its end, so that a page's relative links lead under the path too.
        let path = path.map(|path| format!("{path}/")).unwrap_or_default();
        Some(format!("{scheme}://{host}{path}"))
    }
}

/// A load balancer that a preview may stand behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// Its ARN, where it is there already.
    pub arn: Option<String>,
    /// Whether it is the file's own.
    pub is_own: bool,
    /// Whether the preview stands behind it already.
    pub is_home: bool,
}

/// What stands of the file's own load balancer and of those that were made because it is full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// The load balancers that are to be looked at, in this order. The last one is not there yet.
    pub candidates: Vec<Candidate>,
    /// What is said of those that are full; of those before the one that the preview stands behind already.
    pub full: Vec<String>,
    /// The names of those that no target group stands behind, the file's own left out.
    pub empty: Vec<String>,
}

/// The load balancers for a preview with this target group, of those that stand: names and ARNs.
pub fn family(
    own: &str,
    standing: &[(String, String)],
    groups: &[Used],
    target_group: &str,
) -> Family {
    let home = groups.iter().find(|group| group.name == target_group);
    let home = home.and_then(|group| group.by.as_ref());
    let (mut candidates, mut full, mut empty) = (Vec::new(), Vec::new(), Vec::new());
    let (mut missing, mut before_home) = (None, None);
    for number in 1..=MOST {
        let is_own = number == 1;
        let name = match number {
            1 => own.to_owned(),
            more => format!("{}-{more}", fit(own, NAME_LENGTH - 3)),
        };
        let arn = standing.iter().find(|(there, _)| *there == name).map(|(_, arn)| arn.clone());
        let is_home = arn.is_some() && arn.as_ref() == home;
        let used = groups.iter().filter(|group| arn.is_some() && group.by == arn).count();
        let candidate = Candidate { name, arn, is_own, is_home };
        if candidate.arn.is_none() && !is_own {
            missing.get_or_insert(candidate);
            continue;
        }
        if used == 0 && !is_own {
            empty.push(candidate.name.clone());
        }
        if is_home {
            before_home = Some(full.clone());
        }
        if used >= TARGET_GROUPS {
            full.push(full_of(&candidate.name, TARGET_GROUPS, "target groups"));
        }
        if used < TARGET_GROUPS || is_home {
            candidates.push(candidate);
        }
    }
    candidates.extend(missing);
    if let Some(before) = before_home {
        candidates.retain(|candidate| candidate.is_home);
        full = before;
    }
    Family { candidates, full, empty }
}

/// What is said of a load balancer that takes no more.
pub fn full_of(name: &str, number: usize, what: &str) -> String {
    format!("load balancer {name} is full: it has {number} {what}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn standing(names: &[&str]) -> Vec<(String, String)> {
        names.iter().map(|&name| (name.to_owned(), format!("arn:{name}"))).collect()
    }

    /// As many target groups behind each load balancer.
    fn groups(numbers: &[(&str, usize)]) -> Vec<Used> {
        let mut all = Vec::new();
        for (name, number) in numbers {
            all.extend((0..*number).map(|index| Used {
                name: format!("{name}.{index}"),
                by: Some(format!("arn:{name}")),
            }));
        }
        all
    }

    #[test]
    fn a_preview_stands_behind_the_first_with_room_and_stays_there() {
        let look = |there: &[&str], numbers: &[(&str, usize)], group: &str| {
            let family = family("shared", &standing(there), &groups(numbers), group);
            let found = family.candidates.iter().map(|candidate| match candidate {
                Candidate { name, is_home: true, .. } => format!("home {name}"),
                Candidate { name, arn: None, .. } => format!("new {name}"),
                Candidate { name, .. } => name.clone(),
            });
            let empty = family.empty.iter().map(|name| format!("empty {name}"));
            let found: Vec<_> = found.chain(empty).chain(family.full.clone()).collect();
            found.join("; ").replace("load balancer ", "").replace("is full: it has 100", "has 100")
        };
        let two = ["shared", "shared-2", "other"];
        let looks = [
            look(&["other"], &[("other", 100)], "new"),
            look(&two, &[("shared", 99)], "new"),
            look(&two, &[("shared", 100), ("shared-2", 3)], "new"),
            look(&two, &[("shared", 100), ("shared-2", 100)], "new"),
            look(&two, &[("shared", 100), ("shared-2", 100)], "shared.99"),
            look(&two, &[("shared", 3), ("shared-2", 100)], "shared-2.7"),
            look(&["shared", "shared-3"], &[("shared", 100), ("shared-3", 1)], "shared-3.0"),
            look(&["shared", "shared-3"], &[("shared", 100), ("shared-3", 1)], "new"),
            look(&two, &[("other", 2)], "other.1"),
        ];
        insta::assert_snapshot!(looks.join("\n"), @r"
        new shared; new shared-2
        shared; shared-2; new shared-3; empty shared-2
        shared-2; new shared-3; shared has 100 target groups
        new shared-3; shared has 100 target groups; shared-2 has 100 target groups
        home shared
        home shared-2
        home shared-3; shared has 100 target groups
        shared-3; new shared-2; shared has 100 target groups
        shared; shared-2; new shared-3; empty shared-2
        ");
    }

    #[test]
    fn a_hundred_and_fifty_previews_are_spread_as_the_quota_demands() {
        // The main service has one target group itself.
        let (mut there, mut used) = (standing(&["shared"]), groups(&[("shared", 1)]));
        for number in 1..=150 {
            let name = format!("web-pr-{number}");
            let place = &family("shared", &there, &used, &name).candidates[0];
            let arn = format!("arn:{}", place.name);
            if place.arn.is_none() {
                there.push((place.name.clone(), arn.clone()));
            }
            used.push(Used { name, by: Some(arn) });
        }
        let mut numbers = BTreeMap::new();
        for group in used {
            *numbers.entry(group.by).or_insert(0) += 1;
        }
        let arn = |name: &str| Some(format!("arn:{name}"));
        assert_eq!(numbers, BTreeMap::from([(arn("shared"), 100), (arn("shared-2"), 51)]));
    }

    #[test]
    fn names_of_more_load_balancers_are_names() {
        let own = "a".repeat(32);
        let family = family(&own, &standing(&[&own]), &groups(&[(&own, 100)]), "new");
        let [Candidate { name, .. }] = &family.candidates[..] else { panic!("{family:?}") };
        assert!(name.len() <= 32 && name.ends_with("-2"), "{name}");
    }
}
