//! A load balancer that was made for previews which the first one could not take: it goes with the last.

use super::{Inputs, of_kind};
use crate::{
    address::{Address, Kind},
    plan::{Plan, change::Change},
    resource::{Action, load_balancer, rule},
};

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

/// The same for a second look, once this preview's rules are gone: previews that go at the same moment see
/// one another's rules, and each of them leaves the load balancer to the other. `None` where there is none,
/// or where it goes already.
pub fn left(inputs: &Inputs<'_>, planned: &Plan) -> Option<Plan> {
    let found = overflow(inputs)?;
    let mut plan = Plan::default();
    add(found, Vec::new(), &mut plan);
    let goes = plan.steps.keys().all(|address| planned.steps.contains_key(address));
    (!goes).then_some(plan)
}

fn overflow<'a>(inputs: &Inputs<'a>) -> Option<&'a load_balancer::Observed> {
    inputs.config.preview_of.as_ref()?;
    let found = inputs.world.load_balancer.as_ref()?;
    // A service may have taken it for its own.
    (found.settings.overflow_of.is_some() && found.ownership.users.is_empty()).then_some(found)
}

fn add(found: &load_balancer::Observed, after: Vec<Address>, plan: &mut Plan) {
    let (id, settings) = (found.arn.clone(), found.settings.clone());
    let address = Address::new(Kind::LoadBalancer, &settings.name);
    let delete = Action::Delete { id, settings, after };
    plan.add(address, Some(Change::LoadBalancer(delete)), LAST);
}
