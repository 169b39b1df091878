//! The listeners: one that leads to the service, one from HTTP to HTTPS, one by which a version is tried.

use super::Inputs;
use crate::{
    address::{Address, Kind, Known},
    error::{Error, Result},
    plan::{Plan, change::Change},
    resource::{
        Action,
        listener::{self, DefaultAction, Settings},
    },
};

fn port(name: &str) -> u16 {
    if name == "https" { 443 } else { 80 }
}

fn find<'a>(inputs: &Inputs<'a>, name: &str) -> Option<&'a listener::Observed> {
    inputs.world.listeners.iter().find(|found| found.settings.port == port(name))
}

/// The listener that leads to the service.
pub(super) fn serving(
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
    let is_preview = inputs.config.preview_of.is_some();
    let mut desired = Settings {
        load_balancer: balancer.clone(),
        port: port(name),
        protocol: name.to_uppercase(),
        certificate,
        ssl_policy,
        default_action: if config.host.is_some() || is_preview {
            DefaultAction::NotFound
        } else {
            forward.clone()
        },
        used_by_this_stack: is_shared(inputs),
    };
    if let Some(found) = observed {
        let is_managed = found.ownership.is_managed();
        let is_shared = !is_managed || found.ownership.has_other_users(&inputs.names.main);
        if found.settings.protocol != desired.protocol {
            return Err(taken(inputs, found, &format!("speaks {}", found.settings.protocol)));
        }
        if is_preview {
            return Ok(as_it_is(found, plan));
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

/// What a preview finds is the main service's, and nothing of that is changed for it.
fn as_it_is(found: &listener::Observed, plan: &mut Plan) -> Known {
    plan.unchanged += 1;
    Known::Now(found.arn.clone())
}

/// Whether a listener that is made has users: those of a load balancer for previews alone go with it.
fn is_shared(inputs: &Inputs<'_>) -> bool {
    inputs.world.place.overflow.is_none()
}

fn taken(inputs: &Inputs<'_>, found: &listener::Observed, what: &str) -> Error {
    let name = &inputs.world.place.name;
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
pub(super) fn redirect(inputs: &Inputs<'_>, balancer: &Known, plan: &mut Plan) {
    let observed = find(inputs, "http");
    if let Some(found) = observed.filter(|_| inputs.config.preview_of.is_some()) {
        as_it_is(found, plan);
        return;
    }
    let mut desired = Settings {
        load_balancer: balancer.clone(),
        port: port("http"),
        protocol: "HTTP".to_owned(),
        certificate: None,
        ssl_policy: None,
        default_action: DefaultAction::RedirectToHttps,
        used_by_this_stack: is_shared(inputs),
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
pub(super) fn test_listener(
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
