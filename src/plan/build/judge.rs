//! Whether the tasks can start in the VPC as the plan leaves it: what the plan makes or completes is
//! taken as there, and what remains unreachable stops the run before anything is changed.

use super::{Inputs, groups::Groups};
use crate::{
    address::Known,
    config::model::{Config, Endpoints},
    error::{Error, Problem, Result},
    network::{
        diagnose::{Diagnosis, diagnose},
        fix::Fix,
        model::{Endpoint, EndpointKind, Group, Peer, Rule, Topology},
        needs::Need,
        net::Ports,
        placement::Placement,
        verdict::Task,
    },
    plan::{Plan, change::Change},
    resource::{
        Action,
        endpoint::{self, short_name},
        security_group::{self, Source},
    },
    world::World,
};
use std::collections::{BTreeMap, BTreeSet};

/// What the tasks will stand in, and what was found of it.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) vpc: Topology,
    pub(super) task: Task,
    pub(super) diagnosis: Diagnosis,
}

/// Judges it; nothing where the VPC was not looked at.
pub(super) fn judge(
    inputs: &Inputs<'_>,
    placement: &Placement,
    groups: &Groups,
    execution_role: Option<&Known>,
    needs: &[Need],
    plan: &mut Plan,
) -> Result<Option<Judged>> {
    let Some(topology) = &inputs.world.topology else { return Ok(None) };
    let mut vpc = topology.clone();
    as_made(&mut vpc, inputs.world, groups.endpoints.as_ref());
    after(&mut vpc, plan);
    let task = Task {
        subnets: placement.tasks.clone(),
        groups: BTreeSet::from([name(&groups.task)]),
        has_public_address: false,
        execution_role: execution_role.and_then(Known::now).map(str::to_owned),
    };
    let diagnosis = diagnose(&vpc, &task, needs);
    if !diagnosis.problems.is_empty() {
        return Err(Error::Unreachable(refusal(inputs.config, inputs.world, &vpc, &diagnosis)));
    }
    plan.warnings.extend(unknown(&diagnosis));
    plan.warnings.extend(diagnosis.unread(&vpc));
    plan.warnings.extend(diagnosis.warnings.iter().cloned());
    Ok(Some(Judged { vpc, task, diagnosis }))
}

/// What EC2 did not tell of an endpoint that this program made is taken as it was made, as where it is
/// compared with what is wanted.
fn as_made(vpc: &mut Topology, world: &World, group: Option<&Known>) {
    let Ok(endpoints) = &mut vpc.endpoints else { return };
    let ours = world.endpoints.iter().filter(|found| {
        found.ownership.is_managed() && found.settings.endpoint_type == "Interface"
    });
    for endpoint::Observed { id, settings, .. } in ours {
        let Some(found) = endpoints.iter_mut().find(|found| found.id == *id) else { continue };
        found.private_dns |= settings.private_dns.is_none();
        if found.groups.is_empty() {
            found.groups.extend(group.map(name));
        }
    }
}

/// What a thing is called in the VPC as it will be: one that is still to be made has its address for an id.
fn name(known: &Known) -> String {
    match known {
        Known::Now(id) => id.clone(),
        Known::After(address) => address.to_string(),
    }
}

/// The VPC with the plan's steps done.
fn after(vpc: &mut Topology, plan: &Plan) {
    for (address, step) in &plan.steps {
        match &step.change {
            Change::Vpc(Action::Update { to, .. }) => {
                if let Ok(dns) = &mut vpc.dns {
                    dns.support = to.enable_dns_support;
                    dns.hostnames = to.enable_dns_hostnames;
                }
            }
            Change::SecurityGroup(action) => group(vpc, &address.to_string(), action),
            Change::Endpoint(action) => endpoint(vpc, &address.to_string(), action),
            _ => {}
        }
    }
}

fn group(vpc: &mut Topology, address: &str, action: &Action<security_group::Settings>) {
    let Ok(groups) = &mut vpc.groups else { return };
    let rules = |settings: &security_group::Settings| {
        let rule = |peer, port| {
            let ports = Ports { from: port, to: port };
            Rule { protocol: "tcp".to_owned(), ports, peer }
        };
        let rules = settings.ingress.iter().filter_map(|ingress| match &ingress.source {
            Source::Cidr(block) => Some(rule(Peer::Cidr(block.parse().ok()?), ingress.port)),
            Source::Group(group) => Some(rule(Peer::Group(name(group)), ingress.port)),
        });
        rules.collect::<Vec<_>>()
    };
    match action {
        Action::Create(to) => {
            groups.insert(address.to_owned(), Group { ingress: rules(to), ..Group::new(&to.name) });
        }
        Action::Update { id, from, to } => {
            let Some(found) = groups.get_mut(id) else { return };
            let (old, new) = (rules(from), rules(to));
            found.ingress.retain(|rule| !old.contains(rule) || new.contains(rule));
            found.ingress.extend(new);
        }
        Action::Delete { .. } => {}
    }
}

fn endpoint(vpc: &mut Topology, address: &str, action: &Action<endpoint::Settings>) {
    let owner = vpc.account.clone();
    let region = vpc.region.clone();
    let Ok(endpoints) = &mut vpc.endpoints else { return };
    let set = |endpoint: &mut Endpoint, to: &endpoint::Settings| {
        endpoint.subnets.clone_from(&to.subnets);
        endpoint.groups = to.security_groups.iter().map(name).collect();
        endpoint.private_dns = to.private_dns == Some(true);
        endpoint.tables.clone_from(&to.route_tables);
    };
    match action {
        Action::Create(to) => {
            let is_interface = to.endpoint_type == "Interface";
            let mut made = Endpoint {
                id: address.to_owned(),
                service: short_name(&to.service_name, &region).unwrap_or_default().to_owned(),
                kind: if is_interface { EndpointKind::Interface } else { EndpointKind::Gateway },
                state: "available".to_owned(),
                owner,
                subnets: BTreeSet::new(),
                interfaces: BTreeSet::new(),
                addresses: BTreeMap::new(),
                groups: BTreeSet::new(),
                private_dns: false,
                inbound_resolver_only: false,
                tables: BTreeSet::new(),
                policy: None,
            };
            set(&mut made, to);
            endpoints.push(made);
        }
        Action::Update { id, to, .. } => {
            if let Some(found) = endpoints.iter_mut().find(|found| found.id == *id) {
                set(found, to);
                // It is waited for.
                "available".clone_into(&mut found.state);
            }
        }
        Action::Delete { .. } => {}
    }
}

/// One cause first, and everything that mends it: by hand, or by a line of the file.
fn refusal(config: &Config, world: &World, vpc: &Topology, diagnosis: &Diagnosis) -> Problem {
    let problems = &diagnosis.problems;
    let first = &problems[0];
    let what = format!(
        "tasks in {} could not start: {} cannot be reached from {}: {}",
        vpc.vpc, first.service, first.subnet, first.broken.what
    );
    let mut problem = Problem::new(what);
    for next in &problems[1..] {
        problem =
            problem.found(format!("{} from {}: {}", next.service, next.subnet, next.broken.what));
    }
    let mut help: Vec<_> = problems
        .iter()
        .filter_map(|problem| Some(problem.broken.fix.as_ref()?.to_string()))
        .collect();
    let fixes = || problems.iter().filter_map(|problem| problem.broken.fix.as_ref());
    let network = &config.network;
    if network.endpoints == Endpoints::Verify && fixes().any(|fix| matches!(fix, Fix::Create(_))) {
        help.push("or write `network: { endpoints: ensure }`".to_owned());
    }
    if !network.ensure_dns
        && fixes()
            .any(|fix| matches!(fix, Fix::EnableDnsSupport { .. } | Fix::EnableDnsHostnames { .. }))
    {
        help.push("or write `network: { dns: ensure }`".to_owned());
    }
    if !network.adopt && fixes().any(|fix| completes(fix, world)) {
        help.push(
            "or write `network: { adopt: true }`, and what somebody else made is completed"
                .to_owned(),
        );
    }
    let advice: BTreeSet<_> = problems
        .iter()
        .filter(|problem| problem.broken.fix.is_none())
        .map(|problem| problem.advice().to_owned())
        .collect();
    help.extend(advice);
    problem.help(help.join("\n"))
}

/// Whether adopting the endpoint would do the same.
fn completes(fix: &Fix, world: &World) -> bool {
    match fix {
        Fix::AssociateTable { .. } | Fix::AddSubnets { .. } | Fix::EnablePrivateDns { .. } => true,
        Fix::Authorize { group, .. } => world
            .endpoints
            .iter()
            .any(|endpoint| endpoint.settings.security_groups.contains(&Known::Now(group.clone()))),
        _ => false,
    }
}

/// One warning for each reason, with all that it is about.
fn unknown(diagnosis: &Diagnosis) -> Vec<String> {
    let line = |(reason, services): (&str, BTreeSet<&str>)| {
        let services = services.into_iter().collect::<Vec<_>>().join(", ");
        format!("whether the tasks reach {services} is unknown: {reason}")
    };
    diagnosis.unknown().into_iter().map(line).collect()
}
