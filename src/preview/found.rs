//! Which previews stand, whole or in part, by the names and tags of what AWS lists. Pure.

use crate::{config::model::Config, names::Names, plan::task, tags::Ownership};
use std::collections::{BTreeMap, BTreeSet};

/// What stands before a preview's number in all of its names.
pub(super) const NUMBER_MARK: &str = "-pr-";

/// What AWS lists, previews' things among others.
#[derive(Debug, Clone, Default)]
pub struct Listed {
    /// The cluster's services, by name. Those that are being deleted are left out.
    pub services: BTreeMap<String, Service>,
    /// The families of task definitions that have an active revision.
    pub families: BTreeSet<String>,
    /// The log groups, and when each was made.
    pub log_groups: BTreeMap<String, Option<i64>>,
    /// The target groups, and the ARN of the load balancer that sends requests to each.
    pub target_groups: BTreeMap<String, Option<String>>,
    /// The security groups.
    pub security_groups: BTreeSet<String>,
    /// The roles, and when each was made.
    pub roles: BTreeMap<String, Option<i64>>,
    /// The load balancers, by ARN.
    pub load_balancers: BTreeMap<String, Balancer>,
}

/// A load balancer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Balancer {
    /// Its name.
    pub name: String,
    /// Where it answers.
    pub dns: String,
}

/// A service, as far as a list of previews tells it. Times are seconds of the Unix epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Service {
    /// Whose it is, and for which pull request.
    pub ownership: Ownership,
    /// When it was made.
    pub since: Option<i64>,
    /// When the newest deployment was begun.
    pub deployed: Option<i64>,
    /// Tasks that should run.
    pub desired: u32,
    /// Tasks that run.
    pub running: u32,
    /// The revision that it runs.
    pub task_definition: String,
    /// Whether its tasks run on Fargate Spot.
    pub is_spot: bool,
}

/// A preview that stands, whole or in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The pull request's number.
    pub number: u64,
    /// What its service is called, whether that stands or not: `web-pr-42`.
    pub name: String,
    /// Its service, without which it is only half a preview.
    pub service: Option<Service>,
    /// What stands of it: `service`, `target group`, …
    pub parts: Vec<&'static str>,
    /// When the oldest of it was made, where that is known.
    pub since: Option<i64>,
    /// When it was deployed last, or without a service when the newest of it was made.
    pub deployed: Option<i64>,
    /// The load balancer that sends requests to it.
    pub load_balancer: Option<Balancer>,
}

/// The previews of this file's service, in the order of their numbers.
pub fn previews(main: &Config, region: &str, listed: &Listed) -> Vec<Found> {
    let names = listed
        .services
        .keys()
        .chain(&listed.families)
        .chain(listed.log_groups.keys())
        .chain(listed.target_groups.keys())
        .chain(&listed.security_groups)
        .chain(listed.roles.keys());
    let numbers: BTreeSet<u64> = names.flat_map(|name| numbers(name)).collect();
    numbers.into_iter().filter_map(|number| preview(main, region, listed, number)).collect()
}

/// The numbers that may be a pull request's in a name. Whether one is, its names tell.
fn numbers(name: &str) -> impl Iterator<Item = u64> {
    name.match_indices(NUMBER_MARK).filter_map(|(at, mark)| {
        let rest = &name[at + mark.len()..];
        let end = rest.find(|symbol: char| !symbol.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse().ok().filter(|number| *number > 0)
    })
}

fn preview(main: &Config, region: &str, listed: &Listed, number: u64) -> Option<Found> {
    let config = super::config(main, number);
    let names = Names::of(&config, region);
    let service = listed.services.get(&config.service);
    // Somebody may have called a service of his own so.
    let is_preview =
        |service: &Service| service.ownership.preview_of.as_ref() == config.preview_of.as_ref();
    if service.is_some_and(|service| !is_preview(service)) {
        return None;
    }
    let own = task::log_groups(&config, region);
    let own: Vec<_> = own.difference(&task::log_groups(main, region)).cloned().collect();
    let log_groups: Vec<_> = own.iter().filter_map(|name| listed.log_groups.get(name)).collect();
    let roles = [&names.execution_role, &names.task_role, &names.infrastructure_role];
    let roles: Vec<_> = roles.into_iter().filter_map(|name| listed.roles.get(name)).collect();
    let groups = [&names.target_group, &names.alternate_target_group];
    let groups: Vec<_> =
        groups.into_iter().filter_map(|name| listed.target_groups.get(name)).collect();
    let parts: Vec<_> = [
        ("service", service.is_some()),
        ("target group", !groups.is_empty()),
        ("security group", listed.security_groups.contains(&names.task_group)),
        ("task definitions", listed.families.contains(&task::family(&config))),
        ("log group", !log_groups.is_empty()),
        ("roles", !roles.is_empty()),
    ]
    .into_iter()
    .filter_map(|(part, stands)| stands.then_some(part))
    .collect();
    if parts.is_empty() {
        return None;
    }
    let made: Vec<i64> = log_groups.into_iter().chain(roles).filter_map(|made| *made).collect();
    let of_service = |time: fn(&Service) -> Option<i64>| service.and_then(time);
    let balancer = groups.iter().find_map(|balancer| balancer.as_ref());
    Some(Found {
        number,
        name: config.service,
        since: made.iter().copied().chain(of_service(|service| service.since)).min(),
        deployed: of_service(|service| service.deployed.or(service.since))
            .or_else(|| made.iter().copied().max()),
        service: service.cloned(),
        parts,
        load_balancer: balancer.and_then(|arn| listed.load_balancers.get(arn)).cloned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{model::PreviewOf, sample};

    fn service(of: &str, number: u64) -> Service {
        let preview_of = Some(PreviewOf { service: of.to_owned(), number });
        let ownership = Ownership { preview_of, ..Ownership::default() };
        Service { ownership, since: Some(100), deployed: Some(300), ..Service::default() }
    }

    fn names<T: Default>(names: &[&str]) -> BTreeMap<String, T> {
        names.iter().map(|name| ((*name).to_owned(), T::default())).collect()
    }

    fn found(service: &str, listed: &Listed) -> Vec<String> {
        let main = sample(&format!("service: {service}\npreview: {{}}\n"));
        let found = previews(&main, "eu-central-1", listed);
        found
            .iter()
            .map(|found| format!("{} {}: {}", found.number, found.name, found.parts.join(", ")))
            .collect()
    }

    #[test]
    fn whole_ones_and_halves_and_nobody_elses() {
        let listed = Listed {
            services: [
                ("web".to_owned(), Service::default()),
                ("web-pr-7".to_owned(), service("web", 7)),
                ("web-pr-12".to_owned(), service("web", 12)),
                // Of another service whose name begins likewise, and one that is no preview.
                ("web-pr-7-pr-3".to_owned(), service("web-pr-7", 3)),
                ("web-pr-99".to_owned(), Service::default()),
            ]
            .into(),
            families: ["web", "web-pr-7", "web-pr-8", "web-pr-99", "api-pr-4"]
                .map(str::to_owned)
                .into(),
            log_groups: names(&["/ecs/web", "/ecs/web-pr-9", "/ecs/web-pr-09", "/ecs/web-pr-x"]),
            target_groups: names(&["web-pr-7", "web-pr-10", "pr-5", "web-pr-0"]),
            security_groups: ["ecs-private-deploy-task-web-pr-11".to_owned()].into(),
            roles: names(&["web-pr-13-eu-central-1-execution", "web-pr-14-us-east-1-execution"]),
            load_balancers: BTreeMap::new(),
        };
        insta::assert_snapshot!(found("web", &listed).join("\n"), @r"
        7 web-pr-7: service, target group, task definitions
        8 web-pr-8: task definitions
        9 web-pr-9: log group
        10 web-pr-10: target group
        11 web-pr-11: security group
        12 web-pr-12: service
        13 web-pr-13: roles
        ");
        assert_eq!(found("web-pr-7", &listed), ["3 web-pr-7-pr-3: service"]);
    }

    #[test]
    fn a_name_that_is_shortened_keeps_its_number() {
        let long = "customer-notification-service-of-the-north";
        let main = sample(&format!("service: {long}\n"));
        let names = Names::of(&super::super::config(&main, 42), "eu-central-1");
        assert!(!names.target_group.starts_with(&format!("{long}-pr-42")), "it is shortened");
        let listed =
            Listed { target_groups: [(names.target_group, None)].into(), ..Listed::default() };
        assert_eq!(found(long, &listed), [format!("42 {long}-pr-42: target group")]);
        assert_eq!(found("customer-notification-service", &listed), Vec::<String>::new());
    }

    #[test]
    fn ages_are_the_services_or_what_is_known_of_the_rest() {
        let main = sample("service: web\n");
        let balancer = Balancer { name: "web".to_owned(), dns: "lb.example.com".to_owned() };
        let listed = Listed {
            services: [("web-pr-7".to_owned(), service("web", 7))].into(),
            log_groups: [
                ("/ecs/web-pr-7".to_owned(), Some(90)),
                ("/ecs/web-pr-8".to_owned(), Some(50)),
            ]
            .into(),
            target_groups: [("web-pr-9".to_owned(), Some("arn:lb".to_owned()))].into(),
            load_balancers: [("arn:lb".to_owned(), balancer.clone())].into(),
            ..Listed::default()
        };
        let found = previews(&main, "eu-central-1", &listed);
        let times: Vec<_> =
            found.iter().map(|found| (found.number, found.since, found.deployed)).collect();
        assert_eq!(times, [(7, Some(90), Some(300)), (8, Some(50), Some(50)), (9, None, None)]);
        assert_eq!(found[2].load_balancer, Some(balancer));
    }
}
