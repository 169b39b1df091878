//! The roles that the tasks have, and the one that ECS moves requests with.

use super::Inputs;
use crate::{
    address::{Address, Kind, Known},
    names::OfMain,
    plan::{Plan, change::Change, task},
    resource::{Action, role},
};

/// Plans the execution role and the application's, where the file names none.
pub(super) fn of_the_task(inputs: &Inputs<'_>, plan: &mut Plan) -> (Option<Known>, Option<Known>) {
    let Inputs { config, names, world, .. } = *inputs;
    let of_main = |name: fn(&OfMain) -> &String| names.of_main.as_ref().map(name);
    let execution = if task::wants_execution_role(config) {
        let secrets = task::secrets(config);
        let desired = role::execution(names.execution_role.clone(), &world.identity, &secrets);
        let reason = "ECS pulls the image and writes the logs with it";
        let main = of_main(|main| &main.execution_role);
        Some(ensure(inputs, "execution", &desired, main, reason, plan))
    } else {
        config.task.execution_role_arn.clone().map(Known::Now)
    };
    let application = if task::wants_task_role(config) {
        let desired = role::application(names.task_role.clone());
        let main = of_main(|main| &main.task_role);
        Some(ensure(inputs, "task", &desired, main, "the application calls AWS with it", plan))
    } else {
        config.task.task_role_arn.clone().map(Known::Now)
    };
    (execution, application)
}

/// Plans a role. A preview takes `main`, its main service's, where that stands as this one would.
pub(super) fn ensure(
    inputs: &Inputs<'_>,
    what: &str,
    desired: &role::Settings,
    main: Option<&String>,
    reason: &str,
    plan: &mut Plan,
) -> Known {
    let roles = &inputs.world.roles;
    if let Some(found) = main.and_then(|main| roles.get(main)) {
        let wanted = role::Settings { name: found.settings.name.clone(), ..desired.clone() };
        if role::diff(&wanted, Some(found)).is_none() {
            plan.unchanged += 1;
            return Known::Now(found.arn.clone());
        }
    }
    let observed = roles.get(&desired.name);
    let change = role::diff(desired, observed);
    let address = Address::new(Kind::Role, what);
    let reason = match &change {
        Some(Action::Update { .. }) => "its policies differ",
        _ => reason,
    };
    plan.add(address.clone(), change.map(Change::Role), reason);
    observed.map_or(Known::After(address), |found| Known::Now(found.arn.clone()))
}
