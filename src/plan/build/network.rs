//! The part of the plan that lets private tasks start: endpoints and security groups.

use super::{Inputs, not_ours};
use crate::{
    address::{Address, Kind, Known},
    config::model::Endpoints,
    error::{Error, Problem, Result},
    network::{
        placement::Placement,
        subnets::{Classified, Subnet},
    },
    plan::{Plan, change::Change, task},
    resource::{
        Action,
        endpoint::{self, Settings},
        security_group::{self, Ingress, Source},
        service,
    },
    world::World,
};
use std::collections::BTreeSet;

/// The port of every AWS API.
const HTTPS: u16 = 443;
const HTTP: u16 = 80;

/// The security groups.
#[derive(Debug)]
pub(super) struct Groups {
    pub(super) endpoints: Option<Known>,
    /// What the load balancer carries.
    pub(super) load_balancer: BTreeSet<Known>,
    pub(super) task: Known,
}

/// Plans the security groups: endpoints from the VPC, load balancer from the world, tasks from the load
/// balancer alone.
pub(super) fn security_groups(inputs: &Inputs<'_>, plan: &mut Plan) -> Result<Groups> {
    let Inputs { config, names, world, .. } = *inputs;
    let vpc = &world.vpc;
    let endpoints = if config.network.endpoints == Endpoints::Ensure {
        // Private DNS leads the whole VPC to the endpoint, so a group that admits this service's tasks
        // alone would cut off everything else that uses ECR or CloudWatch there.
        let cidr = |cidr: &String| Ingress { port: HTTPS, source: Source::Cidr(cidr.clone()) };
        let ingress = vpc.cidrs.iter().map(cidr).collect();
        let desired = security_group::Settings {
            name: names.endpoint_group.clone(),
            description: "HTTPS from the VPC to its endpoints".to_owned(),
            vpc: vpc.id.clone(),
            ingress,
            used_by_this_stack: Some(true),
        };
        let reason = "the endpoints admit HTTPS from the VPC";
        Some(group(inputs, "endpoints", &desired, reason, plan)?)
    } else {
        None
    };
    let given = world.load_balancer.as_ref().filter(|found| !found.ownership.is_managed());
    let load_balancer = if let Some(given) = given {
        given.settings.security_groups.clone()
    } else {
        let https = config.load_balancer.certificate.is_some().then_some(HTTPS);
        let ports = std::iter::once(HTTP).chain(https);
        let ingress = ports.flat_map(|port| {
            let from = move |cidr: &String| Ingress { port, source: Source::Cidr(cidr.clone()) };
            config.load_balancer.allow_from.iter().map(from)
        });
        let desired = security_group::Settings {
            name: names.load_balancer_group.clone(),
            description: "From the world to the load balancer".to_owned(),
            vpc: vpc.id.clone(),
            ingress: ingress.collect(),
            used_by_this_stack: Some(true),
        };
        let reason =
            format!("the load balancer admits {}", config.load_balancer.allow_from.join(", "));
        BTreeSet::from([group(inputs, "load-balancer", &desired, &reason, plan)?])
    };
    let from_balancer = load_balancer
        .iter()
        .map(|group| Ingress { port: config.task.port, source: Source::Group(group.clone()) });
    let mut ingress: BTreeSet<_> = from_balancer.collect();
    let group_of_tasks = world.security_groups.get(&names.task_group);
    let kept = still_used(config.task.port, world.service.as_ref(), group_of_tasks);
    if !kept.is_subset(&ingress) {
        let rules = kept.difference(&ingress).map(ToString::to_string).collect::<Vec<_>>();
        plan.warnings.push(format!(
            "the tasks that run now still need {}; it stays open, and a deploy after this one closes it",
            rules.join(", ")
        ));
    }
    ingress.extend(kept);
    let desired = security_group::Settings {
        name: names.task_group.clone(),
        description: "From the load balancer to the tasks".to_owned(),
        vpc: vpc.id.clone(),
        ingress,
        used_by_this_stack: None,
    };
    let reason = format!("the tasks admit the load balancer alone, on port {}", config.task.port);
    let task = group(inputs, &format!("task-{}", config.service), &desired, &reason, plan)?;
    Ok(Groups { endpoints, load_balancer, task })
}

/// What the tasks that run now are reached by. It must stay open while they run: until the new ones have
/// taken their place, and for good where ECS rolls back to them.
fn still_used(
    port: u16,
    running: Option<&service::Observed>,
    group: Option<&security_group::Observed>,
) -> BTreeSet<Ingress> {
    let (Some(running), Some(group)) = (running, group) else { return BTreeSet::new() };
    let is_settled =
        running.primary.as_ref().is_none_or(|primary| primary.rollout_state == "COMPLETED");
    let is_used = |rule: &&Ingress| {
        !is_settled || rule.port == running.settings.port && running.settings.port != port
    };
    group.settings.ingress.iter().filter(is_used).cloned().collect()
}

fn group(
    inputs: &Inputs<'_>,
    address: &str,
    desired: &security_group::Settings,
    reason: &str,
    plan: &mut Plan,
) -> Result<Known> {
    let Inputs { names, world, .. } = *inputs;
    let observed = world.security_groups.get(&desired.name);
    if let Some(found) = observed.filter(|found| !found.ownership.is_managed()) {
        return Err(not_ours(
            &format!("security group `{}` ({})", desired.name, found.id),
            &format!(
                "aws ec2 create-tags --resources {} --tags Key={},Value={}",
                found.id,
                crate::tags::STACK,
                names.stack
            ),
        ));
    }
    let change = security_group::diff(desired, observed, &names.stack);
    let reason = match &change {
        Some(Action::Update { .. }) => "its rules or users differ",
        _ => reason,
    };
    let address = Address::new(Kind::SecurityGroup, address);
    plan.add(address.clone(), change.map(Change::SecurityGroup), reason);
    Ok(observed.map_or(Known::After(address), |found| Known::Now(found.id.clone())))
}

/// A service that the tasks must reach, and why.
struct Need {
    /// `ecr.api`.
    service: &'static str,
    endpoint_type: &'static str,
    reason: &'static str,
}

/// What a task needs before its first line of code runs, on platform version 1.4.0 and later.
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html>
fn needs(inputs: &Inputs<'_>) -> Vec<Need> {
    let interface = |service, reason| Need { service, endpoint_type: "Interface", reason };
    let mut needs = vec![
        interface("ecr.api", "tasks ask ECR for a token and the image's manifest through it"),
        interface("ecr.dkr", "tasks pull the image through it"),
        Need {
            service: "s3",
            endpoint_type: "Gateway",
            reason: "the image's layers come from S3 through it",
        },
    ];
    if task::uses_awslogs(inputs.config) {
        needs.push(interface("logs", "tasks write to CloudWatch through it"));
    }
    let secrets = task::secrets(inputs.config);
    if secrets.iter().any(|secret| secret.contains(":secretsmanager:")) {
        needs.push(interface("secretsmanager", "ECS reads the tasks' secrets through it"));
    }
    if secrets.iter().any(|secret| !secret.contains(":secretsmanager:")) {
        needs.push(interface("ssm", "ECS reads the tasks' parameters through it"));
    }
    needs
}

/// Plans the endpoints; yields what the service has to wait for.
pub(super) fn endpoints(
    inputs: &Inputs<'_>,
    placement: &Placement,
    group: Option<&Known>,
    plan: &mut Plan,
) -> Result<Vec<Known>> {
    let Inputs { config, world, .. } = *inputs;
    if config.network.endpoints == Endpoints::Off {
        return Ok(Vec::new());
    }
    let region = &world.identity.region;
    let zone_of = |id: &str| {
        let found = world.vpc.subnets.iter().find(|found| found.subnet.id == id);
        found.map(|found| found.subnet.zone.clone())
    };
    let mut missing = Vec::new();
    let mut stands_on = Vec::new();
    for need in needs(inputs) {
        let is_interface = need.endpoint_type == "Interface";
        let some =
            |ids: &BTreeSet<String>, wanted| if wanted { ids.clone() } else { BTreeSet::new() };
        let mut desired = Settings {
            service_name: service_name(region, need.service),
            endpoint_type: need.endpoint_type.to_owned(),
            vpc: world.vpc.id.clone(),
            private_dns: is_interface.then_some(true),
            subnets: some(&placement.endpoints, is_interface),
            security_groups: group.into_iter().filter(|_| is_interface).cloned().collect(),
            route_tables: some(&placement.route_tables, !is_interface),
            is_ours: true,
            used_by_this_stack: Some(true),
        };
        let observed =
            endpoint::choose(&world.endpoints, &desired.service_name, need.endpoint_type);
        let served = endpoint::served_by_others(&world.endpoints, &desired.service_name, observed);
        desired.route_tables.retain(|table| !served.contains(table));
        let change = endpoint::diff(&desired, observed, zone_of);
        if config.network.endpoints == Endpoints::Verify {
            let registers_only = matches!(&change, Some(Action::Update { from, to, .. })
                if Settings { used_by_this_stack: to.used_by_this_stack, ..from.clone() } == *to);
            if change.is_some() && !registers_only {
                missing.push((need, observed.map(|found| found.id.clone())));
            } else {
                plan.unchanged += 1;
            }
            continue;
        }
        let reason = match (&change, observed) {
            (Some(Action::Update { .. }), Some(found)) if !found.ownership.is_managed() => {
                format!("{} stands and does not serve these tasks yet", found.id)
            }
            (Some(Action::Update { .. }), _) => "does not serve these tasks yet".to_owned(),
            _ => need.reason.to_owned(),
        };
        let address = Address::new(Kind::Endpoint, need.service);
        stands_on.push(match (&change, observed) {
            (None, Some(found)) => Known::Now(found.id.clone()),
            _ => Known::After(address.clone()),
        });
        plan.add(address, change.map(Change::Endpoint), &reason);
    }
    if !missing.is_empty() {
        return Err(Error::Refused(unverified(world, &missing)));
    }
    if plan.steps.values().any(|step| matches!(step.change, Change::Endpoint(_))) {
        check_owner(&world.identity.account, &world.vpc.subnets, &placement.tasks)?;
    }
    let turns_private_dns_on = |change: &Change| match change {
        Change::Endpoint(Action::Create(to)) => to.private_dns == Some(true),
        Change::Endpoint(Action::Update { from, to, .. }) => from.private_dns != to.private_dns,
        _ => false,
    };
    if plan.steps.values().any(|step| turns_private_dns_on(&step.change)) {
        check_dns(world)?;
    }
    Ok(stands_on)
}

/// `com.amazonaws.eu-west-1.ecr.api`. In China some services' names begin with `cn.`, ECR's among them;
/// those of CloudWatch Logs, S3, Secrets Manager and SSM do not.
/// <https://github.com/aws/aws-cdk/blob/main/packages/aws-cdk-lib/aws-ec2/lib/vpc-endpoint.ts>
fn service_name(region: &str, service: &str) -> String {
    let prefix = if region.starts_with("cn-") && service.starts_with("ecr.") { "cn." } else { "" };
    format!("{prefix}com.amazonaws.{region}.{service}")
}

/// In subnets that another account shares, only that account makes endpoints, or sees them.
/// <https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html#considerations-interface-endpoints>
fn check_owner(account: &str, subnets: &[Classified], tasks: &BTreeSet<String>) -> Result<()> {
    let is_foreign = |subnet: &&Subnet| {
        tasks.contains(&subnet.id) && !subnet.owner.is_empty() && subnet.owner != account
    };
    let Some(subnet) = subnets.iter().map(|found| &found.subnet).find(is_foreign) else {
        return Ok(());
    };
    Err(Error::refused(
        format!(
            "{} is shared by account {}, and account {account} cannot make endpoints in it",
            subnet.id, subnet.owner
        ),
        "let that account make the endpoints, and write `network: { endpoints: off }`",
    ))
}

fn unverified(world: &World, missing: &[(Need, Option<String>)]) -> Problem {
    let problem = Problem::new(format!(
        "the endpoints of {} do not serve the tasks, and `network.endpoints` is `verify`",
        world.vpc.id
    ));
    let problem = missing.iter().fold(problem, |problem, (need, id)| {
        let what = match id {
            Some(id) => format!("{id} does not serve every subnet of the tasks"),
            None => "missing".to_owned(),
        };
        problem.found(format!("{}: {what}; {}", need.service, need.reason))
    });
    problem.help("make them, or write `network: { endpoints: ensure }`")
}

/// <https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html#privatelink-dns-concepts>
fn check_dns(world: &World) -> Result<()> {
    let vpc = &world.vpc;
    let off: Vec<_> = [
        ("enableDnsSupport", "--enable-dns-support", vpc.dns.support),
        ("enableDnsHostnames", "--enable-dns-hostnames", vpc.dns.hostnames),
    ]
    .into_iter()
    .filter(|(_, _, is_on)| !is_on)
    .collect();
    if off.is_empty() {
        return Ok(());
    }
    let problem = Problem::new(format!(
        "{} has DNS attributes off that endpoints with private DNS need",
        vpc.id
    ));
    let problem =
        off.iter().fold(problem, |problem, (name, ..)| problem.found(format!("{name} is off")));
    let fix = |(_, flag, _): &(&str, &str, bool)| {
        format!("aws ec2 modify-vpc-attribute --vpc-id {} {flag}", vpc.id)
    };
    Err(Error::Refused(problem.help(off.iter().map(fix).collect::<Vec<_>>().join("\n"))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{network::subnets::Class, tags::Ownership};

    /// A service on port 8080 whose newest deployment is in this state.
    fn running(rollout_state: &str) -> service::Observed {
        let known = |id: &str| Known::Now(id.to_owned());
        service::Observed {
            arn: "service".to_owned(),
            ownership: Ownership::default(),
            tells: service::Tells {
                deployment_configuration: true,
                health_check_grace_period: true,
            },
            settings: service::Settings {
                name: "web".to_owned(),
                cluster: known("cluster"),
                task_definition: known("web:1"),
                subnets: BTreeSet::new(),
                security_groups: BTreeSet::new(),
                assign_public_ip: "DISABLED".to_owned(),
                platform_version: "LATEST".to_owned(),
                target_group: known("group"),
                container: "web".to_owned(),
                port: 8080,
                desired_count: None,
                minimum_healthy_percent: 100,
                maximum_percent: 200,
                circuit_breaker_with_rollback: true,
                health_check_grace_period: 60,
                last_deployment_failed: false,
                stands_on: Vec::new(),
            },
            primary: Some(service::Deployment {
                id: "ecs-svc/1".to_owned(),
                rollout_state: rollout_state.to_owned(),
            }),
        }
    }

    #[test]
    fn the_port_of_the_tasks_that_run_stays_open_until_others_took_their_place() {
        let rule = |port| {
            let source = Source::Group(Known::Now("sg-1".to_owned()));
            Ingress { port, source }
        };
        let group = security_group::Observed {
            id: "sg-2".to_owned(),
            ownership: Ownership::default(),
            settings: security_group::Settings {
                name: "task".to_owned(),
                description: String::new(),
                vpc: "vpc-1".to_owned(),
                ingress: BTreeSet::from([rule(8080), rule(22)]),
                used_by_this_stack: None,
            },
        };
        let still_used = |port, running: Option<&service::Observed>| {
            super::still_used(port, running, Some(&group)).into_iter().collect::<Vec<_>>()
        };
        let settled = running("COMPLETED");
        assert_eq!(still_used(9090, Some(&settled)), [rule(8080)]);
        assert_eq!(still_used(8080, Some(&settled)), []);
        assert_eq!(still_used(8080, Some(&running("IN_PROGRESS"))), [rule(22), rule(8080)]);
        assert_eq!(still_used(9090, None), []);
    }

    #[test]
    fn endpoints_in_the_subnets_of_another_account_are_refused() {
        let subnet = Subnet {
            id: "subnet-1".to_owned(),
            zone: "eu-west-1a".to_owned(),
            cidr: "10.0.0.0/24".to_owned(),
            free_addresses: 251,
            is_ipv6_native: false,
            is_on_outpost: false,
            owner: "222222222222".to_owned(),
            block_public_access: "off".to_owned(),
        };
        let class = Class::Private { egress: None };
        let subnets = [Classified { subnet, route_table: "rtb-1".to_owned(), class }];
        let tasks = BTreeSet::from(["subnet-1".to_owned()]);
        assert!(check_owner("222222222222", &subnets, &tasks).is_ok());
        let refused = check_owner("111111111111", &subnets, &tasks).expect_err("it is refused");
        insta::assert_snapshot!(refused, @"
        subnet-1 is shared by account 222222222222, and account 111111111111 cannot make endpoints in it
          help: let that account make the endpoints, and write `network: { endpoints: off }`
        ");
    }

    #[test]
    fn ecr_has_a_name_of_its_own_in_china() {
        let name = service_name;
        assert_eq!(name("eu-west-1", "ecr.api"), "com.amazonaws.eu-west-1.ecr.api");
        assert_eq!(name("cn-north-1", "ecr.dkr"), "cn.com.amazonaws.cn-north-1.ecr.dkr");
        assert_eq!(name("cn-north-1", "logs"), "com.amazonaws.cn-north-1.logs");
    }
}
