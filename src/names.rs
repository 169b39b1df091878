//! What the things that this program makes are called.

use crate::{
    config::{
        model::{Config, PreviewOf},
        names::fit,
    },
    preview,
};

/// ELB's limit for a target group's name.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html>
const TARGET_GROUP_LENGTH: usize = 32;
/// IAM's limit for a role's name.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html>
const ROLE_LENGTH: usize = 64;
/// EC2's limit for a security group's name.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html>
const SECURITY_GROUP_LENGTH: usize = 255;

/// The names of one stack's things, and of those that it shares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The stack: the service's name.
    pub stack: String,
    /// The stack that shared things are registered for: the same, or a preview's main service.
    pub main: String,
    /// Of what the stack is a preview, where it is one.
    pub preview_of: Option<PreviewOf>,
    /// The target group.
    pub target_group: String,
    /// The target group that requests move to and from, where they move.
    pub alternate_target_group: String,
    /// The role that ECS pulls and logs with. It carries the region, because IAM has none.
    pub execution_role: String,
    /// The application's role, likewise.
    pub task_role: String,
    /// The role that ECS moves requests with, likewise.
    pub infrastructure_role: String,
    /// The security group of the VPC's interface endpoints, one a VPC.
    pub endpoint_group: String,
    /// The load balancer's security group.
    pub load_balancer_group: String,
    /// The tasks' security group.
    pub task_group: String,
    /// What a preview uses of its main service where it fits.
    pub of_main: Option<OfMain>,
}

/// The main service's things that its previews use where they fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfMain {
    /// The role that ECS pulls and logs with.
    pub execution_role: String,
    /// The application's role.
    pub task_role: String,
    /// The tasks' security group.
    pub task_group: String,
}

impl Names {
    /// The names that follow from the file, in this region.
    pub fn of(config: &Config, region: &str) -> Self {
        let service = &config.service;
        let own = Naming { service, preview_of: config.preview_of.as_ref(), region };
        let of_main = config.preview_of.as_ref().map(|preview_of| {
            let main = Naming { service: &preview_of.service, preview_of: None, region };
            OfMain {
                execution_role: main.role("execution"),
                task_role: main.role("task"),
                task_group: main.task_group(),
            }
        });
        let group = |what: &str| fit(&format!("ecs-private-deploy-{what}"), SECURITY_GROUP_LENGTH);
        Self {
            stack: service.clone(),
            main: own.preview_of.map_or(service, |preview_of| &preview_of.service).clone(),
            preview_of: config.preview_of.clone(),
            target_group: own.target_group(""),
            alternate_target_group: own.target_group("-alternate"),
            execution_role: own.role("execution"),
            task_role: own.role("task"),
            infrastructure_role: own.role("infrastructure"),
            endpoint_group: group("endpoints"),
            load_balancer_group: group(&format!("alb-{}", config.load_balancer.name)),
            task_group: own.task_group(),
            of_main,
        }
    }

    /// The security groups that are looked for.
    pub fn security_groups(&self) -> Vec<String> {
        let own = [&self.endpoint_group, &self.load_balancer_group, &self.task_group];
        let of_main = self.of_main.iter().map(|main| &main.task_group);
        own.into_iter().chain(of_main).cloned().collect()
    }
}

/// Whose names are made.
#[derive(Clone, Copy)]
struct Naming<'a> {
    service: &'a str,
    preview_of: Option<&'a PreviewOf>,
    region: &'a str,
}

impl Naming<'_> {
    /// The service's name between these two. A preview's number is kept where that has to be shortened.
    fn within(self, start: &str, main: impl Fn(&str) -> String, end: &str, most: usize) -> String {
        let Some(PreviewOf { service, number }) = self.preview_of else {
            return fit(&format!("{start}{}{end}", main(self.service)), most);
        };
        let room = most - start.len() - end.len();
        format!("{start}{}{end}", preview::name(&main(service), *number, room))
    }

    fn target_group(self, end: &str) -> String {
        // ELB takes no hyphen at either end, and no underscore.
        let main = |service: &str| service.replace('_', "-").trim_matches('-').to_owned();
        self.within("", main, end, TARGET_GROUP_LENGTH)
    }

    fn role(self, what: &str) -> String {
        self.within("", str::to_owned, &format!("-{}-{what}", self.region), ROLE_LENGTH)
    }

    fn task_group(self) -> String {
        self.within("ecs-private-deploy-task-", str::to_owned, "", SECURITY_GROUP_LENGTH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::sample;
    use std::collections::BTreeSet;

    fn names(service: &str, number: u64) -> Names {
        let main = sample(&format!("service: {service}\n"));
        Names::of(&preview::config(&main, number), "ap-northeast-1")
    }

    #[test]
    fn what_a_preview_is_called_and_what_it_may_use() {
        let names = names("web", 42);
        assert_eq!((&*names.stack, &*names.main), ("web-pr-42", "web"));
        assert_eq!(names.target_group, "web-pr-42");
        assert_eq!(names.execution_role, "web-pr-42-ap-northeast-1-execution");
        assert_eq!(names.task_group, "ecs-private-deploy-task-web-pr-42");
        let main = Names::of(&sample("service: web\n"), "ap-northeast-1");
        let of_main = names.of_main.expect("it is a preview");
        let OfMain { execution_role, task_role, task_group } = of_main;
        assert_eq!(
            (execution_role, task_role, task_group),
            (main.execution_role, main.task_role, main.task_group)
        );
        assert_eq!((main.main, main.of_main), ("web".to_owned(), None));
        assert_eq!(names.load_balancer_group, main.load_balancer_group);
    }

    #[test]
    fn a_number_is_kept_where_a_name_is_shortened_and_no_two_are_the_same() {
        let service = "s".repeat(255);
        let one = names(&service, 7);
        let all = [
            (&one.stack, 255),
            (&one.target_group, TARGET_GROUP_LENGTH),
            (&one.execution_role, ROLE_LENGTH),
            (&one.infrastructure_role, ROLE_LENGTH),
            (&one.task_group, SECURITY_GROUP_LENGTH),
        ];
        for (name, most) in all {
            assert!(name.len() <= most && name.contains("-pr-7"), "{name}");
        }
        let other = format!("{}x", "s".repeat(254));
        let groups: BTreeSet<_> = [names(&service, 7), names(&service, 8), names(&other, 7)]
            .into_iter()
            .map(|names| names.target_group)
            .collect();
        assert_eq!(groups.len(), 3);
    }
}
