//! What stands against nothing: the plan of a destroy. Pure.
//!
//! What this program made for the stack goes. What stacks share goes with the last one that uses it.
//! What somebody else made stays, and what was added to it is taken out again.

mod certificates;
pub mod overflow;

use super::{Plan, change::Change, outside::outside};
use crate::{
    address::{Address, Kind, Known},
    config::model::Config,
    names::Names,
    resource::{
        Action,
        listener::{self, DefaultAction},
        load_balancer, preview_images, role, rule, security_group, task_definition,
    },
    world::World,
};

/// What the plan of a destroy is made from.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The file.
    pub config: &'a Config,
    /// What things are called.
    pub names: &'a Names,
    /// What is there.
    pub world: &'a World,
    /// The active revisions of the task definition that this program registered.
    pub revisions: &'a [task_definition::Observed],
    /// The images of the preview, where it is one.
    pub images: Option<&'a preview_images::Settings>,
}

/// Computes the plan. A thing that has to be gone before another one is what that one waits for.
pub fn plan(inputs: &Inputs<'_>) -> Plan {
    let mut plan = Plan::default();
    service(inputs, &mut plan);
    let way_in = way_in(inputs, &mut plan);
    target_groups(inputs, &way_in, &mut plan);
    load_balancer(inputs, &way_in, &mut plan);
    overflow::load_balancer(inputs, &mut plan);
    certificates::certificates(inputs, &mut plan);
    endpoints(inputs, &mut plan);
    security_groups(inputs, &mut plan);
    task_definitions(inputs, &mut plan);
    of_the_tasks(inputs, &mut plan);
    plan.warnings.extend(cached(inputs));
    plan.steps.sort_by(|one, _, other, _| one.cmp(other));
    plan
}

/// What stays because it is the account's: rules carry no tags, and others may pull through them.
fn cached(inputs: &Inputs<'_>) -> Option<String> {
    let found = outside(inputs.config, &inputs.world.identity).ok()?;
    let mut titles: Vec<_> = found.into_iter().map(|image| image.upstream.title).collect();
    titles.sort();
    titles.dedup();
    (!titles.is_empty()).then(|| {
        format!(
            "pull-through cache rules and cached repositories stay, others may use them: {}",
            titles.join(", ")
        )
    })
}

const OURS: &str = "was made for this service";
const LAST: &str = "no other service uses it any more";
const SHARED: &str = "other services use it, and this one no longer does";

fn service_address(inputs: &Inputs<'_>) -> Address {
    Address::new(Kind::Service, &inputs.config.service)
}

/// Those of the addresses that are steps of the plan.
fn planned(plan: &Plan, addresses: impl IntoIterator<Item = Address>) -> Vec<Address> {
    addresses.into_iter().filter(|address| plan.steps.contains_key(address)).collect()
}

fn of_kind(plan: &Plan, kind: Kind) -> Vec<Address> {
    plan.steps.keys().filter(|address| address.kind == kind).cloned().collect()
}

fn service(inputs: &Inputs<'_>, plan: &mut Plan) {
    let Some(found) = &inputs.world.service else { return };
    if !found.ownership.is_of(&inputs.names.stack) {
        plan.warnings.push(format!(
            "service {} was not made by this program and stays",
            inputs.config.service
        ));
        return;
    }
    let (id, settings) = (found.arn.clone(), found.settings.clone());
    let delete = Action::Delete { id, settings, after: Vec::new() };
    plan.add(service_address(inputs), Some(Change::Service(delete)), OURS);
}

/// The rule and the listeners; yields what leads to the target group or belongs to the load balancer.
fn way_in(inputs: &Inputs<'_>, plan: &mut Plan) -> Vec<Address> {
    let Inputs { config, names, world, .. } = *inputs;
    let after = planned(plan, [service_address(inputs)]);
    let own = |rule: &&rule::Observed| rule.ownership.is_of(&names.stack);
    let rules = world
        .rules
        .iter()
        .flat_map(|(listener, rules)| rules.iter().filter(own).map(move |rule| (listener, rule)));
    for (index, (listener, rule)) in rules.enumerate() {
        let other = || rule::Settings::other(rule, listener);
        let settings = rule.settings.clone().unwrap_or_else(other);
        let delete = Action::Delete { id: rule.arn.clone(), settings, after: after.clone() };
        let name = match index {
            0 => config.service.clone(),
            more => format!("{}-{}", config.service, more + 1),
        };
        plan.add(Address::new(Kind::Rule, name), Some(Change::Rule(delete)), OURS);
    }
    for found in &world.listeners {
        let name = match found.settings.port {
            80 => "http".to_owned(),
            443 => "https".to_owned(),
            port => port.to_string(),
        };
        if let Some((action, reason)) = listener(inputs, found, &after) {
            let address = Address::new(Kind::Listener, name);
            plan.add(address, Some(Change::Listener(action)), reason);
        }
    }
    let mut way_in = of_kind(plan, Kind::Rule);
    way_in.extend(of_kind(plan, Kind::Listener));
    way_in
}

fn listener(
    inputs: &Inputs<'_>,
    found: &listener::Observed,
    after: &[Address],
) -> Option<(Action<listener::Settings>, &'static str)> {
    let Inputs { names, world, .. } = *inputs;
    if !found.ownership.is_managed() || !found.ownership.is_used_by(&names.stack) {
        return None;
    }
    let id = found.arn.clone();
    if is_ours_alone(inputs, found) {
        let (settings, after) = (found.settings.clone(), after.to_vec());
        return Some((Action::Delete { id, settings, after }, LAST));
    }
    let mut to = listener::Settings { used_by_this_stack: false, ..found.settings.clone() };
    let group = world.target_group.as_ref().map(|group| Known::Now(group.arn.clone()));
    if group.is_some_and(|group| to.default_action == DefaultAction::Forward(group)) {
        to.default_action = DefaultAction::NotFound;
    }
    let from = found.settings.clone();
    Some((Action::Update { id, from, to }, SHARED))
}

/// Whether nobody else is registered at the listener or has hung a rule on it.
fn is_ours_alone(inputs: &Inputs<'_>, found: &listener::Observed) -> bool {
    let Inputs { names, world, .. } = *inputs;
    let rules = world.rules.get(&found.arn).map_or(&[][..], Vec::as_slice);
    found.ownership.is_managed()
        && !found.ownership.has_other_users(&names.stack)
        && rules.iter().all(|rule| rule.ownership.is_of(&names.stack))
}

fn target_groups(inputs: &Inputs<'_>, way_in: &[Address], plan: &mut Plan) {
    let Inputs { config, world, .. } = *inputs;
    let mut after = way_in.to_vec();
    after.extend(planned(plan, [service_address(inputs)]));
    let alternate = format!("{}-alternate", config.service);
    let groups =
        [(&config.service, &world.target_group), (&alternate, &world.alternate_target_group)];
    for (name, found) in groups {
        let own = found.as_ref().filter(|found| found.ownership.is_of(&inputs.names.stack));
        if let Some(found) = own {
            let (id, settings) = (found.arn.clone(), found.settings.clone());
            let delete = Action::Delete { id, settings, after: after.clone() };
            let address = Address::new(Kind::TargetGroup, name);
            plan.add(address, Some(Change::TargetGroup(delete)), OURS);
        }
    }
}

fn load_balancer(inputs: &Inputs<'_>, way_in: &[Address], plan: &mut Plan) {
    let Inputs { names, world, .. } = *inputs;
    let Some(found) = &world.load_balancer else { return };
    if !found.ownership.is_managed() || !found.ownership.is_used_by(&names.stack) {
        return;
    }
    let (id, from) = (found.arn.clone(), found.settings.clone());
    let address = Address::new(Kind::LoadBalancer, &from.name);
    let is_free = !found.ownership.has_other_users(&names.stack)
        && world.listeners.iter().all(|listener| is_ours_alone(inputs, listener));
    let (action, reason) = if is_free {
        (Action::Delete { id, settings: from, after: way_in.to_vec() }, LAST)
    } else {
        let to = load_balancer::Settings { used_by_this_stack: false, ..from.clone() };
        (Action::Update { id, from, to }, SHARED)
    };
    plan.add(address, Some(Change::LoadBalancer(action)), reason);
}

/// Every endpoint of the VPC that this stack uses, also one that the file no longer asks for.
fn endpoints(inputs: &Inputs<'_>, plan: &mut Plan) {
    let Inputs { names, world, .. } = *inputs;
    let after = planned(plan, [service_address(inputs)]);
    for found in &world.endpoints {
        let service = &found.settings.service_name;
        let region = format!(".{}.", world.identity.region);
        let mut name = service.split_once(&region).map_or(&**service, |(_, name)| name).to_owned();
        if plan.steps.contains_key(&Address::new(Kind::Endpoint, &name)) {
            name = format!("{name}-{}", found.id);
        }
        let action = crate::resource::endpoint::release(found, &names.stack, after.clone());
        let reason = match &action {
            None => continue,
            Some(Action::Delete { .. }) => LAST,
            Some(_) if found.settings.is_ours || found.ownership.has_other_users(&names.stack) => {
                SHARED
            }
            Some(_) => "was here before, and is given back as it was",
        };
        plan.add(Address::new(Kind::Endpoint, name), action.map(Change::Endpoint), reason);
    }
}

fn security_groups(inputs: &Inputs<'_>, plan: &mut Plan) {
    let Inputs { config, names, world, .. } = *inputs;
    let task = format!("task-{}", config.service);
    let mut gone = of_kind(plan, Kind::Service);
    if let Some(found) = world.security_groups.get(&names.task_group)
        && found.ownership.is_of(&names.stack)
    {
        release(inputs, found, &task, gone.clone(), plan);
    }
    // The tasks' group names the load balancer's as a source.
    gone = of_kind(plan, Kind::SecurityGroup);
    gone.extend(of_kind(plan, Kind::LoadBalancer));
    if let Some(found) = world.security_groups.get(&names.load_balancer_group) {
        release(inputs, found, "load-balancer", gone, plan);
    }
    if let Some(found) = world.security_groups.get(&names.endpoint_group) {
        release(inputs, found, "endpoints", of_kind(plan, Kind::Endpoint), plan);
    }
}

fn release(
    inputs: &Inputs<'_>,
    found: &security_group::Observed,
    address: &str,
    after: Vec<Address>,
    plan: &mut Plan,
) {
    let stack = &inputs.names.stack;
    let from = found.settings.clone();
    let is_shared = from.used_by_this_stack.is_some();
    if !found.ownership.is_managed() || is_shared && !found.ownership.is_used_by(stack) {
        return;
    }
    // A group cannot go before what carries it, and what carries it stays where others use that.
    let carrier = match address {
        "load-balancer" => Some(Kind::LoadBalancer),
        "endpoints" => Some(Kind::Endpoint),
        _ => None,
    };
    let is_carried = carrier.is_some_and(|kind| {
        plan.steps.iter().any(|(address, step)| {
            let is_update = match &step.change {
                Change::LoadBalancer(Action::Update { .. }) => true,
                Change::Endpoint(Action::Update { from, .. }) => from.is_ours,
                _ => false,
            };
            address.kind == kind && is_update
        })
    });
    let id = found.id.clone();
    let (action, reason) = if is_carried || found.ownership.has_other_users(stack) {
        let to = security_group::Settings { used_by_this_stack: Some(false), ..from.clone() };
        (Action::Update { id, from, to }, SHARED)
    } else {
        let reason = if is_shared { LAST } else { OURS };
        (Action::Delete { id, settings: from, after }, reason)
    };
    let address = Address::new(Kind::SecurityGroup, address);
    plan.add(address, Some(Change::SecurityGroup(action)), reason);
}

fn task_definitions(inputs: &Inputs<'_>, plan: &mut Plan) {
    let after = planned(plan, [service_address(inputs)]);
    for revision in inputs.revisions {
        if !revision.ownership.is_of(&inputs.names.stack) {
            continue;
        }
        let name = revision.arn.rsplit('/').next().unwrap_or(&revision.arn);
        let delete = task_definition::delete(revision, after.clone());
        let address = Address::new(Kind::TaskDefinition, name);
        plan.add(address, Some(Change::TaskDefinition(delete)), OURS);
    }
}

/// What the tasks used while they ran.
fn of_the_tasks(inputs: &Inputs<'_>, plan: &mut Plan) {
    let Inputs { names, world, .. } = *inputs;
    let stack = &names.stack;
    let after = planned(plan, [service_address(inputs)]);
    for (name, found) in world.log_groups.iter().filter(|(_, found)| found.ownership.is_of(stack)) {
        let (id, settings) = (name.clone(), found.settings.clone());
        let delete = Action::Delete { id, settings, after: after.clone() };
        let address = Address::new(Kind::LogGroup, name.trim_start_matches('/'));
        plan.add(address, Some(Change::LogGroup(delete)), OURS);
    }
    let roles = [
        ("execution", &names.execution_role),
        ("task", &names.task_role),
        ("infrastructure", &names.infrastructure_role),
    ];
    for (address, name) in roles {
        if let Some(found) = world.roles.get(name).filter(|found| found.ownership.is_of(stack)) {
            let role::Observed { arn, settings, .. } = found.clone();
            let delete = Action::Delete { id: arn, settings, after: after.clone() };
            plan.add(Address::new(Kind::Role, address), Some(Change::Role(delete)), OURS);
        }
    }
    if let Some(found) = world.repository.as_ref().filter(|found| found.ownership.is_of(stack)) {
        let (id, settings) = (found.arn.clone(), found.settings.clone());
        let address = Address::new(Kind::Repository, &settings.name);
        let delete = Action::Delete { id, settings, after: after.clone() };
        plan.add(address, Some(Change::Repository(delete)), OURS);
    }
    if let Some(images) = inputs.images {
        let (id, settings) = (images.repository.clone(), images.clone());
        let delete = Action::Delete { id, settings, after: after.clone() };
        let address = Address::new(Kind::Image, &inputs.config.service);
        plan.add(address, Some(Change::PreviewImages(delete)), OURS);
    }
    cluster(inputs, after, plan);
}

fn cluster(inputs: &Inputs<'_>, after: Vec<Address>, plan: &mut Plan) {
    let Some(found) = &inputs.world.cluster else { return };
    let stack = &inputs.names.stack;
    if !found.ownership.is_managed() || !found.ownership.is_used_by(stack) {
        return;
    }
    let (id, from) = (found.arn.clone(), found.settings.clone());
    let address = Address::new(Kind::Cluster, &from.name);
    // The one service that goes with this plan does not keep it.
    let has_others = found.services > i32::from(!after.is_empty());
    let (action, reason) = if has_others || found.ownership.has_other_users(stack) {
        let to = crate::resource::cluster::Settings { used_by_this_stack: false, ..from.clone() };
        (Action::Update { id, from, to }, SHARED)
    } else {
        (Action::Delete { id, settings: from, after }, LAST)
    };
    plan.add(address, Some(Change::Cluster(action)), reason);
}
