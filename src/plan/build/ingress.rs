//! The part of the plan that lets the internet in: load balancer, listeners, rule.

use super::{Inputs, shift};
use crate::{
    address::{Address, Kind, Known},
    error::{Error, Result},
    network::placement::Placement,
    plan::{Plan, change::Change},
    resource::{
        Action,
        listener::{self, DefaultAction, Settings},
        load_balancer, rule,
    },
    world::vpc::Vpc,
};
use std::collections::{BTreeMap, BTreeSet};

/// A load balancer that stands is used only where it leads from the internet into this VPC.
pub(super) fn check_given(found: &load_balancer::Observed, vpc: &Vpc) -> Result<()> {
    let name = &found.settings.name;
    let is_here = |id: &String| vpc.subnets.iter().any(|subnet| subnet.subnet.id == *id);
    let public = |id: &String| {
        vpc.subnets.iter().any(|subnet| {
            subnet.subnet.id == *id && subnet.class == crate::network::subnets::Class::Public
        })
    };
    let private: Vec<_> = found.settings.subnets.iter().filter(|id| !public(id)).cloned().collect();
    let what = if found.kind != "application" {
        format!("is a {} load balancer, not an application load balancer", found.kind)
    } else if !found.settings.subnets.iter().any(is_here) {
        let subnets = found.settings.subnets.iter().cloned().collect::<Vec<_>>().join(", ");
        format!("stands in another VPC, in {subnets}; the service stands in {}", vpc.id)
    } else if found.settings.scheme != "internet-facing" {
        "is internal: nothing outside the VPC reaches it, and its scheme cannot be changed"
            .to_owned()
    } else if !private.is_empty() {
        format!("stands in subnets that have no route from the internet: {}", private.join(", "))
    } else {
        return Ok(());
    };
    Err(Error::refused(
        format!("load balancer `{name}` {what}"),
        "name another one in `load-balancer.name`; one that does not exist is made",
    ))
}

/// Plans the load balancer.
pub(super) fn load_balancer(
    inputs: &Inputs<'_>,
    placement: &Placement,
    groups: &BTreeSet<Known>,
    plan: &mut Plan,
) -> Known {
    let Inputs { config, world, .. } = *inputs;
    let desired = load_balancer::Settings {
        name: config.load_balancer.name.clone(),
        scheme: "internet-facing".to_owned(),
        subnets: placement.load_balancer.clone(),
        security_groups: groups.clone(),
        drop_invalid_headers: true,
        used_by_this_stack: true,
    };
    let observed = world.load_balancer.as_ref();
    let change = load_balancer::diff(&desired, observed);
    let reason = match &change {
        Some(Action::Update { .. }) => "its zones, groups, attributes or users differ",
        _ => "the internet reaches the service through it",
    };
    let address = Address::new(Kind::LoadBalancer, &config.load_balancer.name);
    plan.add(address.clone(), change.map(Change::LoadBalancer), reason);
    observed.map_or(Known::After(address), |found| Known::Now(found.arn.clone()))
}

/// Where the requests are to go.
#[derive(Debug, Clone, Copy)]
pub(super) struct To<'a> {
    /// The target group.
    pub(super) one: &'a Known,
    /// The target group that ECS moves them to and back from.
    pub(super) other: Option<&'a Known>,
    /// The port by which a new version is tried.
    pub(super) test_port: Option<u16>,
}

/// The way in, as far as the service has to know it.
#[derive(Debug)]
pub(super) struct WayIn {
    /// What the service has to wait for, because ECS refuses a target group that hangs on nothing.
    pub(super) stands_on: Vec<Known>,
    /// The rule by which everybody's requests come; `None` where the listener itself leads here.
    pub(super) rule: Option<Known>,
    /// The rule by which a new version is tried.
    pub(super) test_rule: Option<Known>,
}

/// Plans the listeners and the rules. A rule there is for a host, and where requests move from one target
/// group to another: ECS is told of a rule, and not of a listener.
pub(super) fn way_in(
    inputs: &Inputs<'_>,
    balancer: &Known,
    to: &To<'_>,
    plan: &mut Plan,
) -> Result<WayIn> {
    let config = &inputs.config.load_balancer;
    let https =
        config.certificate.clone().map(|certificate| (certificate, config.ssl_policy.clone()));
    let name = if https.is_some() { "https" } else { "http" };
    let serving = serving(inputs, name, balancer, to.one, https.clone(), plan)?;
    if https.is_some() {
        redirect(inputs, balancer, plan);
    }
    if config.host.is_none() && to.other.is_none() {
        let address = Address::new(Kind::Listener, name);
        let changes = plan.steps.contains_key(&address);
        let stands_on = vec![if changes { Known::After(address) } else { serving }];
        return Ok(WayIn { stands_on, rule: None, test_rule: None });
    }
    let target_groups = shift::target_groups(to.one, to.other);
    let address = inputs.address(Kind::Rule);
    let Ruled { rule, waits_for, target_groups } =
        self::rule(inputs, serving, target_groups, address, plan)?;
    let mut stands_on = vec![waits_for];
    let test_rule = to.test_port.map(|port| {
        let listener = test_listener(inputs, port, balancer, https, plan)?;
        let address = Address::new(Kind::Rule, format!("{}-test", inputs.config.service));
        // It begins with the weights of the other one: the version that is live gets both.
        self::rule(inputs, listener, target_groups, address, plan)
    });
    let test_rule = test_rule.transpose()?.map(|ruled| {
        stands_on.push(ruled.waits_for);
        ruled.rule
    });
    Ok(WayIn { stands_on, rule: Some(rule), test_rule })
}

fn port(name: &str) -> u16 {
    if name == "https" { 443 } else { 80 }
}

fn find<'a>(inputs: &Inputs<'a>, name: &str) -> Option<&'a listener::Observed> {
    inputs.world.listeners.iter().find(|found| found.settings.port == port(name))
}

/// The listener that leads to the service.
fn serving(
    inputs: &Inputs<'_>,
    name: &str,
    balancer: &Known,
    target_group: &Known,
    https: Option<(String, String)>,
    plan: &mut Plan,
) -> Result<Known> {
    let config = &inputs.config.load_balancer;
    let observed = find(inputs, name);
    let forward = DefaultAction::Forward(target_group.clone());
    let (certificate, ssl_policy) = https.unzip();
    let mut desired = Settings {
        load_balancer: balancer.clone(),
        port: port(name),
        protocol: name.to_uppercase(),
        certificate,
        ssl_policy,
        default_action: if config.host.is_some() {
            DefaultAction::NotFound
        } else {
            forward.clone()
        },
        used_by_this_stack: true,
    };
    if let Some(found) = observed {
        let is_managed = found.ownership.is_managed();
        let is_shared = !is_managed || found.ownership.has_other_users(&inputs.names.main);
        if found.settings.protocol != desired.protocol {
            return Err(taken(inputs, found, &format!("speaks {}", found.settings.protocol)));
        }
        if config.host.is_some() {
            desired.default_action = found.settings.default_action.clone();
        } else if is_shared && found.settings.default_action != forward {
            let does =
                format!("does something else by default ({})", found.settings.default_action);
            return Err(taken(inputs, found, &does));
        }
        if is_shared && found.settings.certificate != desired.certificate {
            plan.warnings.push(format!(
                "the listener on port {} of load balancer {} is shared and keeps its certificate {}",
                desired.port,
                config.name,
                found.settings.certificate.as_deref().unwrap_or("(none)"),
            ));
            desired.certificate.clone_from(&found.settings.certificate);
        }
    }
    Ok(add(name, &desired, observed, "requests come in through it", plan))
}

fn taken(inputs: &Inputs<'_>, found: &listener::Observed, what: &str) -> Error {
    let name = &inputs.config.load_balancer.name;
    Error::refused(
        format!(
            "the listener on port {} of load balancer `{name}` is used by others and {what}",
            found.settings.port
        ),
        "give this service a host of its own with `load-balancer: { host: … }`, or another load \
         balancer with `load-balancer: { name: … }`",
    )
}

/// The listener that leads from HTTP to HTTPS; one that others use, or made, is left as it is.
fn redirect(inputs: &Inputs<'_>, balancer: &Known, plan: &mut Plan) {
    let observed = find(inputs, "http");
    let mut desired = Settings {
        load_balancer: balancer.clone(),
        port: port("http"),
        protocol: "HTTP".to_owned(),
        certificate: None,
        ssl_policy: None,
        default_action: DefaultAction::RedirectToHttps,
        used_by_this_stack: true,
    };
    if let Some(found) = observed
        && found.ownership.has_other_users(&inputs.names.main)
    {
        desired.default_action = found.settings.default_action.clone();
    }
    if let Some(found) = observed
        && found.settings.default_action != DefaultAction::RedirectToHttps
        && (!found.ownership.is_managed()
            || found.settings.default_action == desired.default_action)
    {
        plan.warnings.push(format!(
            "load balancer {} does not redirect HTTP to HTTPS: its listener on port 80 belongs to others",
            inputs.config.load_balancer.name
        ));
    }
    add("http", &desired, observed, "HTTP is redirected to HTTPS", plan);
}

fn add(
    name: &str,
    desired: &Settings,
    observed: Option<&listener::Observed>,
    reason: &str,
    plan: &mut Plan,
) -> Known {
    let change = listener::diff(desired, observed);
    let reason = match &change {
        Some(Action::Update { .. }) => "its settings or users differ",
        _ => reason,
    };
    let address = Address::new(Kind::Listener, name);
    plan.add(address.clone(), change.map(Change::Listener), reason);
    observed.map_or(Known::After(address), |found| Known::Now(found.arn.clone()))
}

/// The listener by which a new version is tried before the requests move; it knows nobody but by rules.
fn test_listener(
    inputs: &Inputs<'_>,
    port: u16,
    balancer: &Known,
    https: Option<(String, String)>,
    plan: &mut Plan,
) -> Result<Known> {
    let observed = inputs.world.listeners.iter().find(|found| found.settings.port == port);
    let (certificate, ssl_policy) = https.unzip();
    let mut desired = Settings {
        load_balancer: balancer.clone(),
        port,
        protocol: if certificate.is_some() { "HTTPS" } else { "HTTP" }.to_owned(),
        certificate,
        ssl_policy,
        default_action: DefaultAction::NotFound,
        used_by_this_stack: true,
    };
    if let Some(found) = observed {
        let is_managed = found.ownership.is_managed();
        if !is_managed || found.ownership.has_other_users(&inputs.names.main) {
            if found.settings.protocol != desired.protocol {
                return Err(taken(inputs, found, &format!("speaks {}", found.settings.protocol)));
            }
            desired = Settings { used_by_this_stack: true, ..found.settings.clone() };
        }
    }
    Ok(add("test", &desired, observed, "a new version is tried through it", plan))
}

/// A rule of this plan, or one that stands.
struct Ruled {
    /// What it is known by.
    rule: Known,
    /// The same, or the step that changes it.
    waits_for: Known,
    /// Where it will lead.
    target_groups: BTreeMap<Known, u32>,
}

/// The rule by which the service's host comes, or everybody.
fn rule(
    inputs: &Inputs<'_>,
    listener: Known,
    target_groups: BTreeMap<Known, u32>,
    address: Address,
    plan: &mut Plan,
) -> Result<Ruled> {
    let Inputs { config, names, world, .. } = *inputs;
    let host = &config.load_balancer.host;
    let rules = listener.now().and_then(|arn| world.rules.get(arn)).map_or(&[][..], Vec::as_slice);
    let taken: BTreeSet<_> = rules.iter().filter_map(|rule| rule.priority).collect();
    let desired = rule::Settings {
        listener,
        priority: rule::free_priority(&taken, host.is_some()),
        host: host.clone(),
        target_groups,
    };
    let takes_the_same =
        |rule: &&rule::Observed| rule.settings.as_ref().is_some_and(|found| found.host == *host);
    // One of ours that somebody gave another form is passed over once there is a better one: it must
    // not make a new rule in every run.
    let own = rules.iter().filter(|rule| rule.ownership.is_of(&names.stack));
    let own = own.max_by_key(|rule| rule.settings.is_some());
    let mut others = rules.iter().filter(|rule| !rule.ownership.is_of(&names.stack));
    if let Some(other) = others.find(takes_the_same) {
        let found = other.settings.as_ref().map(|found| &found.target_groups);
        if let Some(found) = found.filter(|found| leads_to(found, &desired.target_groups)) {
            plan.unchanged += 1;
            let rule = Known::Now(other.arn.clone());
            return Ok(Ruled { waits_for: rule.clone(), rule, target_groups: found.clone() });
        }
        let what =
            host.as_ref().map_or("every request".to_owned(), |host| format!("the host `{host}`"));
        return Err(Error::refused(
            format!(
                "another rule of load balancer `{}` takes {what}: {}",
                config.load_balancer.name, other.arn
            ),
            "give this service another `load-balancer.host`, or delete that rule",
        ));
    }
    let change = rule::diff(&desired, own);
    let reason = match host {
        Some(host) => format!("requests for {host} go to this service"),
        None => "ECS moves the requests by it".to_owned(),
    };
    let after = Known::After(address.clone());
    let there = own.and_then(|rule| Some((Known::Now(rule.arn.clone()), rule.settings.as_ref()?)));
    let made = match (&change, there) {
        (None, Some((rule, found))) => {
            let target_groups = found.target_groups.clone();
            Ruled { waits_for: rule.clone(), rule, target_groups }
        }
        (Some(Action::Update { to, .. }), Some((rule, _))) => {
            Ruled { rule, waits_for: after, target_groups: to.target_groups.clone() }
        }
        _ => Ruled { rule: after.clone(), waits_for: after, target_groups: desired.target_groups },
    };
    plan.add(address, change.map(Change::Rule), &reason);
    Ok(made)
}

fn leads_to(found: &BTreeMap<Known, u32>, wanted: &BTreeMap<Known, u32>) -> bool {
    wanted.keys().all(|group| found.contains_key(group))
}
