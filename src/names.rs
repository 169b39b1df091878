//! What the things that this program makes are called.

use crate::config::{model::Config, names::fit};

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
}

impl Names {
    /// The names that follow from the file, in this region.
    pub fn of(config: &Config, region: &str) -> Self {
        let service = &config.service;
        let role = |what| fit(&format!("{service}-{region}-{what}"), ROLE_LENGTH);
        // ELB takes no hyphen at either end.
        let target_group = service.replace('_', "-");
        let target_group = target_group.trim_matches('-');
        let group = |what: &str| fit(&format!("ecs-private-deploy-{what}"), SECURITY_GROUP_LENGTH);
        Self {
            stack: service.clone(),
            target_group: fit(target_group, TARGET_GROUP_LENGTH),
            alternate_target_group: fit(&format!("{target_group}-alternate"), TARGET_GROUP_LENGTH),
            execution_role: role("execution"),
            task_role: role("task"),
            infrastructure_role: role("infrastructure"),
            endpoint_group: group("endpoints"),
            load_balancer_group: group(&format!("alb-{}", config.load_balancer.name)),
            task_group: group(&format!("task-{service}")),
        }
    }

    /// The three security groups.
    pub fn security_groups(&self) -> [String; 3] {
        [self.endpoint_group.clone(), self.load_balancer_group.clone(), self.task_group.clone()]
    }
}
