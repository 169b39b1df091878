//! The security groups: who may connect to what.

use super::{Inputs, ingress, not_ours};
use crate::{
    address::{Address, Kind, Known},
    config::model::Endpoints,
    error::Result,
    plan::{Plan, change::Change},
    resource::{
        Action,
        security_group::{self, Ingress, Source},
        service,
    },
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
pub(super) fn security_groups(
    inputs: &Inputs<'_>,
    test_port: Option<u16>,
    plan: &mut Plan,
) -> Result<Groups> {
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
    let load_balancer = if let Some(carried) = ingress::carried(inputs) {
        if let Some(port) = test_port {
            plan.warnings.push(format!(
                "the security groups of load balancer {} belong to others: who tries a new version needs \
                 port {port} open in them",
                config.load_balancer.name
            ));
        }
        carried
    } else {
        let https = config.load_balancer.certificate.is_some().then_some(HTTPS);
        let ports = std::iter::once(HTTP).chain(https).chain(test_port);
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
    if let Some(task) = of_main(inputs, &ingress) {
        plan.unchanged += 1;
        return Ok(Groups { endpoints, load_balancer, task });
    }
    if config.preview.is_some() && !inputs.is_preview() {
        ingress.extend(group_of_tasks.into_iter().flat_map(from_groups));
    }
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

/// The main service's group, where it admits what a preview's would.
fn of_main(inputs: &Inputs<'_>, ingress: &BTreeSet<Ingress>) -> Option<Known> {
    let Inputs { names, world, .. } = *inputs;
    let found = world.security_groups.get(&names.of_main.as_ref()?.task_group)?;
    let fits = found.ownership.is_managed() && ingress.is_subset(&found.settings.ingress);
    fits.then(|| Known::Now(found.id.clone()))
}

/// What a load balancer reaches the tasks by. Previews may carry the group too, and be of an earlier
/// version that listens on another port.
fn from_groups(group: &security_group::Observed) -> impl Iterator<Item = Ingress> {
    let is_group = |rule: &&Ingress| matches!(rule.source, Source::Group(_));
    group.settings.ingress.iter().filter(is_group).cloned()
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
    let mut desired = desired.clone();
    if let Some(found) = observed
        && inputs.is_preview()
        && desired.used_by_this_stack.is_some()
    {
        desired.ingress.clone_from(&found.settings.ingress);
    }
    let change = security_group::diff(&desired, observed, &names.main);
    let reason = match &change {
        Some(Action::Update { .. }) => "its rules or users differ",
        _ => reason,
    };
    let address = Address::new(Kind::SecurityGroup, address);
    plan.add(address.clone(), change.map(Change::SecurityGroup), reason);
    Ok(observed.map_or(Known::After(address), |found| Known::Now(found.id.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{resource::service::sample::observed as running, tags::Ownership};

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
}
