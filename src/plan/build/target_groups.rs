//! The target groups: one, and where requests move another one.

use super::Inputs;
use crate::{
    address::{Address, Kind, Known},
    error::{Error, Result},
    plan::{Plan, change::Change},
    resource::{Action, target_group},
};

/// Plans the target group of every service.
pub(super) fn one(inputs: &Inputs<'_>, plan: &mut Plan) -> Result<Known> {
    let Inputs { names, world, .. } = *inputs;
    let (name, observed) = (&names.target_group, world.target_group.as_ref());
    let address = inputs.address(Kind::TargetGroup);
    ensure(inputs, name, observed, address, "the tasks' addresses are registered in it", plan)
}

/// Plans the one that requests move to and from.
pub(super) fn other(inputs: &Inputs<'_>, plan: &mut Plan) -> Result<Known> {
    let Inputs { config, names, world, .. } = *inputs;
    let (name, observed) = (&names.alternate_target_group, world.alternate_target_group.as_ref());
    let address = Address::new(Kind::TargetGroup, format!("{}-alternate", config.service));
    ensure(inputs, name, observed, address, "requests move to it, and back again", plan)
}

fn ensure(
    inputs: &Inputs<'_>,
    name: &str,
    observed: Option<&target_group::Observed>,
    address: Address,
    reason: &str,
    plan: &mut Plan,
) -> Result<Known> {
    let Inputs { config, names, world, .. } = *inputs;
    let vpc = &world.vpc.id;
    let desired = target_group::desired(name.to_owned(), vpc, &config.load_balancer);
    if let Some(found) = observed {
        let what = if found.settings.vpc != *vpc {
            Some(format!("stands in {}, not in {vpc}", found.settings.vpc))
        } else if found.target_type != "ip" {
            Some(format!("is of type {}, and Fargate tasks need ip", found.target_type))
        } else {
            // Its name is the service's in ELB's characters and length, so two names may meet.
            let other = found.ownership.stack.as_ref().filter(|stack| **stack != names.stack);
            other.map(|stack| format!("is that of the service `{stack}`"))
        };
        if let Some(what) = what {
            return Err(Error::refused(
                format!("target group `{name}` {what}"),
                "delete that target group, or give the service another name",
            ));
        }
    }
    let change = target_group::diff(&desired, observed);
    let reason = match &change {
        Some(Action::Update { .. }) => "its health check or its attributes differ",
        _ => reason,
    };
    plan.add(address.clone(), change.map(Change::TargetGroup), reason);
    Ok(observed.map_or(Known::After(address), |found| Known::Now(found.arn.clone())))
}
