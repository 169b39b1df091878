//! What a policy is about: the file, the command, and what their things are called.

use super::document::Grant;
use crate::{
    config::model::{Config, Definition},
    names::Names,
    network::needs::partition,
    plan::task,
    preview, tags,
};
use std::collections::BTreeSet;

/// What the role that gets the policy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Purpose {
    /// `deploy`, and with it `plan`, `continue` and `rollback`.
    Deploy,
    /// All that is done for pull requests: previews, their plan, list, sweep and takedown.
    Preview,
    /// `plan`, which only reads.
    Plan,
    /// `doctor`, which only reads.
    Doctor,
    /// `destroy`.
    Destroy,
}

impl Purpose {
    /// As it stands in names.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Preview => "preview",
            Self::Plan => "plan",
            Self::Doctor => "doctor",
            Self::Destroy => "destroy",
        }
    }

    /// Whether it makes and changes things.
    pub const fn makes(self) -> bool {
        matches!(self, Self::Deploy | Self::Preview)
    }

    /// Whether it takes things down.
    pub const fn takes_down(self) -> bool {
        matches!(self, Self::Destroy | Self::Preview)
    }

    /// Whether it reads what a plan is made from.
    pub const fn plans(self) -> bool {
        !matches!(self, Self::Doctor)
    }
}

/// What the things of the role are called: names, or for previews patterns of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// The ECS service.
    pub service: String,
    /// The task definition's family.
    pub family: String,
    /// The target group, and the one that requests move to and from; a preview's never move.
    pub target_groups: Vec<String>,
    /// The log groups.
    pub log_groups: Vec<String>,
    /// The role that ECS pulls and logs with.
    pub execution_role: String,
    /// The application's role.
    pub task_role: String,
    /// The role that ECS moves requests with.
    pub infrastructure_role: String,
}

/// What a policy is about.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The file.
    pub config: &'a Config,
    /// What the role is for.
    pub purpose: Purpose,
    /// The region of everything.
    pub region: &'a str,
    /// `aws`.
    pub partition: &'static str,
    /// Twelve digits, a format's expression for them, or `*`.
    pub account: &'a str,
    /// What the main service's things are called.
    pub main: Called,
    /// What the role's own things are called: the main service's, or the previews'.
    pub own: Called,
}

impl<'a> Subject<'a> {
    /// Works out the names.
    pub fn new(config: &'a Config, purpose: Purpose, region: &'a str, account: &'a str) -> Self {
        let main = called(config, region);
        let own = match purpose {
            Purpose::Preview => of_previews(config, region),
            _ => main.clone(),
        };
        Self { config, purpose, region, partition: partition(region), account, main, own }
    }

    /// The ARN of a thing in the region.
    pub fn arn(&self, service: &str, thing: &str) -> String {
        let Self { partition, region, account, .. } = self;
        format!("arn:{partition}:{service}:{region}:{account}:{thing}")
    }

    /// The ARN of a role.
    pub fn role(&self, name: &str) -> String {
        format!("arn:{}:iam::{}:role/{name}", self.partition, self.account)
    }

    /// The tag that the role's own things are made with, and its value.
    fn mark(&self) -> (&'static str, &str) {
        match self.purpose {
            Purpose::Preview => (tags::PREVIEW_OF, &self.config.service),
            _ => (tags::STACK, &self.config.service),
        }
    }

    /// Where the thing is made with the tag of the role's own.
    pub fn made(&self, grant: Grant) -> Grant {
        let (tag, value) = self.mark();
        grant.when("StringEquals", format!("aws:RequestTag/{tag}"), [value])
    }

    /// Where the thing is made as the main service's, which shared things are.
    pub fn made_by_main(&self, grant: Grant) -> Grant {
        let key = format!("aws:RequestTag/{}", tags::STACK);
        grant.when("StringEquals", key, [&*self.config.service])
    }

    /// Whether previews are looked for: those that stand keep the main service.
    pub fn looks_for_previews(&self) -> bool {
        self.purpose == Purpose::Preview
            || self.purpose == Purpose::Destroy && self.config.preview.is_some()
    }

    /// Where the thing carries the tag of the role's own.
    pub fn owned(&self, grant: Grant) -> Grant {
        let (tag, value) = self.mark();
        grant.when("StringEquals", format!("aws:ResourceTag/{tag}"), [value])
    }

    /// Where the thing carries the main service's tag.
    pub fn owned_by_main(&self, grant: Grant) -> Grant {
        let key = format!("aws:ResourceTag/{}", tags::STACK);
        grant.when("StringEquals", key, [&*self.config.service])
    }

    /// Where this program made the thing, for whichever stack: several use it.
    pub fn shared(&self, grant: Grant) -> Grant {
        grant.when("Null", format!("aws:ResourceTag/{}", tags::STACK), ["false"])
    }

    /// Where no other tags are touched than those by which a stack says what it uses and has added. The
    /// tag that says whose a thing is is set with the thing and never after.
    pub fn tagging(&self, grant: Grant) -> Grant {
        let keys = tags::user(&self.config.service).into_keys();
        let added = tags::added("", [&"*".to_owned()]).into_keys();
        grant.when("ForAllValues:StringLike", "aws:TagKeys", keys.chain(added))
    }

    /// In this region: what IAM knows no resource for, so that no ARN says so.
    pub fn here(&self, actions: impl IntoIterator<Item = &'static str>) -> Grant {
        let grant = Grant::of("InRegion", actions).on_all();
        grant.when("StringEquals", "aws:RequestedRegion", [self.region])
    }

    /// The log groups that the containers write to, whoever made them.
    pub fn read_logs(&self) -> BTreeSet<String> {
        let Definition::Json(document) = &self.config.task.definition else {
            return self.own.log_groups.iter().cloned().collect();
        };
        let containers = document["containerDefinitions"].as_array().into_iter().flatten();
        let groups = containers.filter_map(|container| {
            container["logConfiguration"]["options"]["awslogs-group"].as_str()
        });
        groups.map(str::to_owned).chain(self.own.log_groups.clone()).collect()
    }
}

fn called(config: &Config, region: &str) -> Called {
    let names = Names::of(config, region);
    Called {
        service: config.service.clone(),
        family: task::family(config),
        target_groups: vec![names.target_group, names.alternate_target_group],
        log_groups: task::log_groups(config, region).into_iter().collect(),
        execution_role: names.execution_role,
        task_role: names.task_role,
        infrastructure_role: names.infrastructure_role,
    }
}

/// Numbers of pull requests of every length: a name that is too long is shortened in another way for each.
const NUMBERS: [u64; 8] = [1, 29, 305, 4711, 58_210, 690_174, 7_403_895, 85_296_307];

fn of_previews(config: &Config, region: &str) -> Called {
    let all = NUMBERS.map(|number| called(&preview::config(config, number), region));
    let each =
        |of: fn(&Called) -> &String| pattern(&all.each_ref().map(|called| of(called).as_str()));
    let nth = |of: fn(&Called) -> &Vec<String>, index: usize| {
        let names = all.iter().filter_map(|called| of(called).get(index));
        pattern(&names.map(String::as_str).collect::<Vec<_>>())
    };
    let logs = 0..all[0].log_groups.len();
    Called {
        service: each(|called| &called.service),
        family: each(|called| &called.family),
        target_groups: vec![nth(|called| &called.target_groups, 0)],
        log_groups: logs.map(|index| nth(|called| &called.log_groups, index)).collect(),
        execution_role: each(|called| &called.execution_role),
        task_role: each(|called| &called.task_role),
        infrastructure_role: each(|called| &called.infrastructure_role),
    }
}

/// The narrowest pattern with one `*` that all the names are of; the name where they are one.
fn pattern(names: &[&str]) -> String {
    let Some((first, rest)) = names.split_first() else { return String::new() };
    if rest.iter().all(|name| name == first) {
        return (*first).to_owned();
    }
    // Names are ASCII: the services take no others.
    let same = |one: &mut dyn Iterator<Item = u8>, other: &mut dyn Iterator<Item = u8>| {
        one.zip(other).take_while(|(one, other)| one == other).count()
    };
    let start = rest.iter().map(|name| same(&mut first.bytes(), &mut name.bytes()));
    let end = rest.iter().map(|name| same(&mut first.bytes().rev(), &mut name.bytes().rev()));
    let shortest = names.iter().map(|name| name.len()).min().unwrap_or(0);
    let start = start.min().unwrap_or(0);
    let end = end.min().unwrap_or(0).min(shortest - start);
    format!("{}*{}", &first[..start], &first[first.len() - end..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn a_pattern_is_as_narrow_as_one_star_allows() {
        assert_eq!(pattern(&["web"]), "web");
        assert_eq!(pattern(&["web-pr-1-task", "web-pr-29-task"]), "web-pr-*-task");
        assert_eq!(pattern(&["web-pr-1", "web-pr-11"]), "web-pr-1*");
        assert_eq!(pattern(&["aa", "aaa"]), "aa*");
        assert_eq!(pattern(&["a", "b"]), "*");
    }

    #[test]
    fn the_names_of_previews_are_patterns() {
        let config =
            config::sample("service: web\nregion: eu-west-1\npreview: { path: '/pr-{number}' }");
        let subject = Subject::new(&config, Purpose::Preview, "eu-west-1", "*");
        insta::assert_debug_snapshot!(subject.own, @r#"
        Called {
            service: "web-pr-*",
            family: "web-pr-*",
            target_groups: [
                "web-pr-*",
            ],
            log_groups: [
                "/ecs/web-pr-*",
            ],
            execution_role: "web-pr-*-eu-west-1-execution",
            task_role: "web-pr-*-eu-west-1-task",
            infrastructure_role: "web-pr-*-eu-west-1-infrastructure",
        }
        "#);
    }

    /// Whatever the length of the service's name, and of the number, the pattern takes the name.
    #[test]
    fn every_name_of_a_preview_is_of_the_pattern() {
        for length in [2, 3, 20, 24, 28, 31, 40, 60, 200, 255] {
            let service = "s".repeat(length);
            let text = format!("service: {service}\npreview: {{ path: '/pr-{{number}}' }}");
            let config = config::sample(&text);
            let patterns = of_previews(&config, "eu-west-1");
            for number in [1, 2, 10, 99, 100, 12345, 999_999] {
                let names = called(&preview::config(&config, number), "eu-west-1");
                let pairs = [
                    (&patterns.service, &names.service),
                    (&patterns.execution_role, &names.execution_role),
                    (&patterns.family, &names.family),
                ];
                let sets = [
                    (&patterns.target_groups, &names.target_groups),
                    (&patterns.log_groups, &names.log_groups),
                ];
                let pairs = pairs
                    .into_iter()
                    .chain(sets.into_iter().flat_map(|(one, other)| one.iter().zip(other)));
                for (pattern, name) in pairs {
                    let (start, end) = pattern.split_once('*').expect("it has a star");
                    let is_of = name.len() >= start.len() + end.len()
                        && name.starts_with(start)
                        && name.ends_with(end);
                    assert!(is_of, "{name} is not of {pattern}");
                }
            }
        }
    }
}
