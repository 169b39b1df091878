//! Ways in that the file asks for no more: they go once the service is told of them no more.

use super::Inputs;
use crate::{
    address::{Address, Kind, Known},
    plan::{Plan, change::Change},
    resource::{Action, listener, rule, service},
    world::World,
};

const HTTP: u16 = 80;
const HTTPS: u16 = 443;

/// Plans their end. A rule that the service is still told of stays, and so does everything while a
/// deployment is going on, because ECS may return to a version that was told of it.
pub(super) fn leftovers(inputs: &Inputs<'_>, test_port: Option<u16>, plan: &mut Plan) {
    let Inputs { config, names, world, .. } = *inputs;
    let Some(service) = world.service.as_ref().filter(|service| is_settled(service)) else {
        return;
    };
    for found in &world.listeners {
        let rules = rules(world, found);
        let is_free = rules
            .iter()
            .all(|rule| rule.ownership.is_of(&names.stack) && !is_told(service, &rule.arn));
        let is_others = !found.ownership.is_managed()
            || !found.ownership.is_used_by(&names.main)
            || found.ownership.has_other_users(&names.main);
        let port = found.settings.port;
        if [HTTP, HTTPS].contains(&port) || Some(port) == test_port || is_others || !is_free {
            continue;
        }
        let after: Vec<_> =
            rules.iter().map(|rule| delete_rule(found, rule, port, NO_TEST, plan)).collect();
        let (id, settings) = (found.arn.clone(), found.settings.clone());
        let change = Change::Listener(Action::Delete { id, settings, after });
        plan.add(Address::new(Kind::Listener, port.to_string()), Some(change), NO_TEST);
    }
    if config.load_balancer.certificate.is_none() {
        return;
    }
    let http = world.listeners.iter().filter(|found| found.settings.port == HTTP);
    let http = http.flat_map(|found| rules(world, found).iter().map(move |rule| (found, rule)));
    for (found, rule) in http.filter(|(_, rule)| rule.ownership.is_of(&names.stack)) {
        if is_told(service, &rule.arn) {
            plan.warnings.push(
                "HTTP is redirected to HTTPS only by the deploy after this one, and until then leads to \
                 the version before: run it again as soon as this rollout is over"
                    .to_owned(),
            );
        } else if serves_https(inputs) {
            let why = "HTTP is redirected to HTTPS, and this rule comes before that";
            delete_rule(found, rule, HTTP, why, plan);
        }
    }
}

const NO_TEST: &str = "no new version is tried through it any more";

fn is_settled(service: &service::Observed) -> bool {
    service.primary.as_ref().is_none_or(|primary| primary.rollout_state == "COMPLETED")
}

fn rules<'a>(world: &'a World, listener: &listener::Observed) -> &'a [rule::Observed] {
    world.rules.get(&listener.arn).map_or(&[][..], Vec::as_slice)
}

fn is_told(service: &service::Observed, rule: &str) -> bool {
    service.settings.shifting.as_ref().is_some_and(|shifting| {
        let told = std::iter::once(&shifting.production_rule).chain(&shifting.test_rule);
        told.filter_map(Known::now).any(|told| told == rule)
    })
}

/// Whether requests come by HTTPS already, so that nobody needs the way by HTTP.
fn serves_https(inputs: &Inputs<'_>) -> bool {
    let Inputs { config, names, world, .. } = *inputs;
    let https = world.listeners.iter().find(|found| found.settings.port == HTTPS);
    let own = |rule: &rule::Observed| rule.ownership.is_of(&names.stack);
    https.is_some_and(|found| {
        config.load_balancer.host.is_none() || rules(world, found).iter().any(own)
    })
}

fn delete_rule(
    listener: &listener::Observed,
    rule: &rule::Observed,
    port: u16,
    why: &str,
    plan: &mut Plan,
) -> Address {
    let settings =
        rule.settings.clone().unwrap_or_else(|| rule::Settings::other(rule, &listener.arn));
    let delete = Action::Delete { id: rule.arn.clone(), settings, after: Vec::new() };
    let mut address = Address::new(Kind::Rule, format!("{port}"));
    let mut more = 1;
    while plan.steps.contains_key(&address) {
        more += 1;
        address.name = format!("{port}-{more}");
    }
    plan.add(address.clone(), Some(Change::Rule(delete)), why);
    address
}
