//! What a service needs whose requests move from one target group to another.

use super::Inputs;
use crate::{
    address::Known,
    config::model::Strategy,
    plan::Plan,
    resource::{Action, listener, role, service},
};
use std::collections::BTreeMap;

/// What the strategy asks for besides the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The port by which a new version is tried.
    pub(super) test_port: Option<u16>,
}

/// What is wanted; `None` where the requests stay with one target group.
///
/// A service that is rolled out again, and once had its requests moved, keeps what it has: ECS leaves the
/// tasks in the target group that is live then, and takes the same way back to the other strategies.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/update-bluegreen-to-rolling.html>
pub(super) fn wanted(inputs: &Inputs<'_>) -> Option<Wanted> {
    match &inputs.config.rollout.strategy {
        Strategy::Shift(shift) => Some(Wanted { test_port: shift.test_port }),
        Strategy::Rolling { .. } => kept(inputs),
    }
}

fn kept(inputs: &Inputs<'_>) -> Option<Wanted> {
    let world = inputs.world;
    let service = &world.service.as_ref()?.settings;
    let shifting = service.shifting.as_ref()?;
    let own = [world.target_group.as_ref()?, world.alternate_target_group.as_ref()?];
    let has = |known: &Known| own.iter().any(|group| known.now() == Some(&group.arn));
    if !has(&service.target_group) || !has(&shifting.alternate_target_group) {
        return None;
    }
    let is_test = |found: &&listener::Observed| {
        let rules = world.rules.get(&found.arn).map_or(&[][..], Vec::as_slice);
        let test_rule = shifting.test_rule.as_ref().and_then(Known::now);
        rules.iter().any(|rule| Some(&*rule.arn) == test_rule)
    };
    let test_port = world.listeners.iter().find(is_test).map(|found| found.settings.port);
    Some(Wanted { test_port })
}

/// The two target groups as a rule has them: the first one gets the requests until ECS moves them.
pub(super) fn target_groups(one: &Known, other: Option<&Known>) -> BTreeMap<Known, u32> {
    let other = other.map(|other| (other.clone(), 0));
    std::iter::once((one.clone(), 1)).chain(other).collect()
}

/// Plans the role by which ECS changes the rules.
pub(super) fn role(inputs: &Inputs<'_>, plan: &mut Plan) -> Known {
    let Inputs { names, world, .. } = *inputs;
    let desired = role::infrastructure(names.infrastructure_role.clone(), &world.identity);
    super::roles::ensure(
        inputs,
        "infrastructure",
        &desired,
        None,
        "ECS moves the requests with it",
        plan,
    )
}

/// What the user should know of a change of the strategy.
pub(super) fn warnings(change: Option<&Action<service::Settings>>) -> Option<String> {
    let Some(Action::Update { from, to, .. }) = change else { return None };
    let shifts = |settings: &service::Settings| settings.deployment_configuration.shifts();
    to.shifting.as_ref()?;
    (shifts(from) && !shifts(to)).then(|| {
        "the service keeps its second target group, the listener rule and the role: its tasks may be in \
         that group, and a switch back needs them; `destroy` takes them down"
            .to_owned()
    })
}

/// The deployment that has to be over before the service's strategy is changed, if there is one.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/update-rolling-to-bluegreen.html>
pub(super) fn in_the_way<'a>(
    change: Option<&Action<service::Settings>>,
    observed: Option<&'a service::Observed>,
) -> Option<&'a service::Deployment> {
    let Some(Action::Update { from, to, .. }) = change else { return None };
    let is_other = from.deployment_configuration.strategy != to.deployment_configuration.strategy;
    let primary = observed?.primary.as_ref()?;
    (is_other && primary.rollout_state == "IN_PROGRESS").then_some(primary)
}
