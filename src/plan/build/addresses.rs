//! What the plan takes of the subnets' addresses.

use super::Inputs;
use crate::{
    config::model::Strategy,
    error::{Error, Result},
    network::{
        addresses::{Demand, Line, check},
        placement::Placement,
    },
    plan::{Plan, change::Change},
    resource::Action,
};
use std::collections::BTreeSet;

/// The addresses of each subnet in use; a refusal where they do not suffice.
pub(super) fn addresses(
    inputs: &Inputs<'_>,
    placement: &Placement,
    plan: &Plan,
) -> Result<Vec<Line>> {
    let Inputs { config, world, .. } = *inputs;
    let mut endpoints: Vec<BTreeSet<String>> = Vec::new();
    let mut load_balancer = BTreeSet::new();
    for step in plan.steps.values() {
        match &step.change {
            Change::Endpoint(Action::Create(to)) => endpoints.push(to.subnets.clone()),
            Change::Endpoint(Action::Update { from, to, .. }) => {
                endpoints.push(to.subnets.difference(&from.subnets).cloned().collect());
            }
            Change::LoadBalancer(Action::Create(to)) => load_balancer.clone_from(&to.subnets),
            Change::LoadBalancer(Action::Update { from, to, .. }) => {
                load_balancer = to.subnets.difference(&from.subnets).cloned().collect();
            }
            _ => {}
        }
    }
    let running = world.service.as_ref().and_then(|found| found.settings.desired_count);
    let demand = Demand {
        task_subnets: placement.tasks.clone(),
        // ECS makes one task where nothing is said.
        desired_count: config.rollout.desired_count.or(running).unwrap_or(1),
        // Both versions run whole while the requests move.
        maximum_percent: match config.rollout.strategy {
            Strategy::Rolling { .. } => config.rollout.maximum_percent,
            Strategy::Shift(_) => config.rollout.maximum_percent.max(200),
        },
        running: world.tasks.clone(),
        endpoints,
        load_balancer,
    };
    let subnets: Vec<_> = world.vpc.subnets.iter().map(|found| found.subnet.clone()).collect();
    check(&subnets, &demand).map_err(|problem| Error::Refused(*problem))
}
