//! IAM: the roles of the tasks and of ECS, and who they are passed to.

use super::{
    document::Grant,
    image,
    subject::{Purpose, Subject},
};
use crate::{
    config::model::{Definition, Strategy},
    plan::task,
};
use std::collections::BTreeSet;

const READ: [&str; 4] =
    ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"];

/// What is allowed at IAM.
pub(super) fn grants(of: &Subject<'_>) -> Vec<Grant> {
    if of.purpose == Purpose::Doctor {
        return Vec::new();
    }
    let mut read = vec![&of.own.execution_role, &of.own.task_role];
    if of.purpose == Purpose::Preview {
        // Those of the main service are used where they fit.
        read.extend([&of.main.execution_role, &of.main.task_role]);
    } else {
        read.push(&of.own.infrastructure_role);
    }
    let read = read.into_iter().map(|name| of.role(name));
    let mut grants = vec![Grant::of("RoleRead", READ).on(read)];
    if of.purpose.makes() {
        grants.extend(making(of));
        grants.extend(passing(of));
        grants.push(linked(of));
    }
    if of.looks_for_previews() {
        // IAM knows no resource for it, and has no region.
        grants.push(Grant::of("RolesList", ["iam:ListRoles"]).on_all());
    }
    if of.purpose.takes_down() {
        let mut names = vec![&of.own.execution_role, &of.own.task_role];
        if of.purpose == Purpose::Destroy {
            names.push(&of.own.infrastructure_role);
        }
        let gone = ["iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy"];
        let gone = Grant::of("RoleDelete", gone);
        grants.push(gone.on(names.into_iter().map(|name| of.role(name))));
    }
    grants
}

/// The managed policies that are attached, by the role that they are attached to.
const EXECUTION: &str = "service-role/AmazonECSTaskExecutionRolePolicy";
const INFRASTRUCTURE: &str = "AmazonECSInfrastructureRolePolicyForLoadBalancers";

fn shifts(of: &Subject<'_>) -> bool {
    of.purpose == Purpose::Deploy && matches!(of.config.rollout.strategy, Strategy::Shift(_))
}

fn making(of: &Subject<'_>) -> Vec<Grant> {
    let (mut made, mut policies) = (Vec::new(), Vec::new());
    let execution = of.role(&of.own.execution_role);
    let has_execution = task::wants_execution_role(of.config);
    if has_execution {
        made.push(execution.clone());
        policies.push(EXECUTION);
    }
    if task::wants_task_role(of.config) {
        made.push(of.role(&of.own.task_role));
    }
    let infrastructure = shifts(of).then(|| of.role(&of.own.infrastructure_role));
    if let Some(role) = &infrastructure {
        made.push(role.clone());
        policies.push(INFRASTRUCTURE);
    }
    let attached = has_execution.then(|| execution.clone()).into_iter().chain(infrastructure);
    let policies =
        policies.iter().map(|name| format!("arn:{}:iam::aws:policy/{name}", of.partition));
    let mut secrets = vec!["iam:DeleteRolePolicy"];
    if !task::secrets(of.config).is_empty() {
        secrets.push("iam:PutRolePolicy");
    }
    let attach = Grant::of("RoleAttach", ["iam:AttachRolePolicy"]).on(attached);
    vec![
        of.made(Grant::of("RoleMake", ["iam:CreateRole", "iam:TagRole"]).on(made)),
        attach.when("ArnEquals", "iam:PolicyARN", policies),
        Grant::of("RoleSecrets", secrets).on(has_execution.then_some(execution)),
    ]
}

/// The roles that ECS is given: for tasks, and to move requests with.
fn passing(of: &Subject<'_>) -> Vec<Grant> {
    let pass = |id, to: &str, roles: BTreeSet<String>| {
        Grant::of(id, ["iam:PassRole"]).on(roles).when("StringEquals", "iam:PassedToService", [to])
    };
    let mut tasks: BTreeSet<String> = named(of).collect();
    for called in [&of.own, &of.main] {
        let execution = task::wants_execution_role(of.config).then_some(&called.execution_role);
        let own = task::wants_task_role(of.config).then_some(&called.task_role);
        tasks.extend(execution.into_iter().chain(own).map(|name| of.role(name)));
    }
    let infrastructure = shifts(of).then(|| of.role(&of.own.infrastructure_role));
    vec![
        pass("PassToTasks", "ecs-tasks.amazonaws.com", tasks),
        pass("PassToEcs", "ecs.amazonaws.com", infrastructure.into_iter().collect()),
    ]
}

/// The roles that the file or the task definition names. A task definition takes a role's name too.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html>
fn named<'a>(of: &'a Subject<'_>) -> impl Iterator<Item = String> + 'a {
    let task = &of.config.task;
    let of_document = |key: &str| match &task.definition {
        Definition::Json(document) => document[key].as_str(),
        Definition::Block(_) => None,
    };
    let execution = task.execution_role_arn.as_deref().or_else(|| of_document("executionRoleArn"));
    let own = task.task_role_arn.as_deref().or_else(|| of_document("taskRoleArn"));
    let arn = |role: &str| if role.starts_with("arn:") { role.to_owned() } else { of.role(role) };
    execution.into_iter().chain(own).map(arn)
}

/// The roles that an account's first cluster, load balancer and cache rule make.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using-service-linked-roles.html>
fn linked(of: &Subject<'_>) -> Grant {
    let mut services = vec!["ecs.amazonaws.com", "elasticloadbalancing.amazonaws.com"];
    if image::is_pulled(of) {
        services.push("pullthroughcache.ecr.amazonaws.com");
    }
    Grant::of("ServiceLinkedRoles", ["iam:CreateServiceLinkedRole"])
        .on([of.role("aws-service-role/*")])
        .when("StringEquals", "iam:AWSServiceName", services)
}
