//! A load balancer that was made for previews which the first one could not take: it goes with the last.

use super::{Inputs, of_kind};
use crate::{
    address::{Address, Kind},
    plan::{Plan, change::Change},
    resource::{Action, load_balancer, rule},
};
use std::collections::BTreeSet;

const LAST: &str = "no other preview stands behind it any more";

/// Plans its end, where only this preview's rules lead through it. Its listeners go with it, and its
/// security groups are the first one's.
pub(super) fn load_balancer(inputs: &Inputs<'_>, plan: &mut Plan) {
    let Some(found) = overflow(inputs) else { return };
    let mut rules = inputs.world.rules.values().flatten();
    let own = |rule: &rule::Observed| rule.ownership.is_of(&inputs.names.stack);
    if rules.all(own) {
        let after = of_kind(plan, Kind::Rule);
        add(found, after, plan);
    }
}

/// The load balancers to be looked at again once this preview's rules are gone. Previews that go at the same
/// moment see one another's rules, and each of them leaves the load balancer to the other; and a run that
/// was killed has left one.
pub fn left(inputs: &Inputs<'_>, planned: &Plan) -> Vec<String> {
    let goes = |name: &String| planned.steps.contains_key(&Address::new(Kind::LoadBalancer, name));
    let own = overflow(inputs).map(|found| found.settings.name.clone());
    let all = own.into_iter().chain(inputs.world.unused.iter().cloned());
    let all: BTreeSet<_> = all.filter(|name| !goes(name)).collect();
    all.into_iter().collect()
}

/// Plans the end of one that was looked at again.
pub fn end(found: &load_balancer::Observed) -> Plan {
    let mut plan = Plan::default();
    add(found, Vec::new(), &mut plan);
    plan
}

/// Whether it was made for previews of this load balancer alone: a service may have taken it for its own.
pub fn is_for_previews(found: &load_balancer::Observed, of: &str) -> bool {
    found.settings.overflow_of.as_deref() == Some(of) && found.ownership.users.is_empty()
}

fn overflow<'a>(inputs: &Inputs<'a>) -> Option<&'a load_balancer::Observed> {
    inputs.config.preview_of.as_ref()?;
    let found = inputs.world.load_balancer.as_ref()?;
    is_for_previews(found, &inputs.config.load_balancer.name).then_some(found)
}

fn add(found: &load_balancer::Observed, after: Vec<Address>, plan: &mut Plan) {
    let (id, settings) = (found.arn.clone(), found.settings.clone());
    let address = Address::new(Kind::LoadBalancer, &settings.name);
    let delete = Action::Delete { id, settings, after };
    plan.add(address, Some(Change::LoadBalancer(delete)), LAST);
}
