//! The tasks beside a rollout: in the plan only where there is one.

use super::Inputs;
use crate::{
    address::{Address, Kind, Known},
    config::model::{RunTask, When},
    diagnosis::line::one_line,
    plan::{Plan, Step, change::Change},
    report::format::clip,
    resource::{Action, run_task, service},
};

/// What is shown of a command.
const COMMAND: usize = 100;

/// Plans the tasks before the rollout, one after another in the file's order; the service waits for the
/// last one.
pub(super) fn before(
    inputs: &Inputs<'_>,
    beside: &service::Settings,
    change: &mut Option<Action<service::Settings>>,
    stands_on: &[Known],
    plan: &mut Plan,
) {
    let Some(Action::Create(service) | Action::Update { to: service, .. }) =
        change.as_mut().filter(|change| rolls_out(change))
    else {
        return;
    };
    let steps = steps(inputs, When::BeforeRollout, beside, stands_on);
    let last = steps.last().map(|(address, _)| Known::After(address.clone()));
    plan.steps.extend(steps);
    service.stands_on.extend(last);
}

/// What the user should know of tasks that a preview leaves out without having been told to.
pub(super) fn left_out(inputs: &Inputs<'_>) -> Option<String> {
    let preview = inputs.config.preview.as_ref().filter(|_| inputs.is_preview())?;
    let names: Vec<_> = inputs.config.run.iter().map(|task| &*task.name).collect();
    (preview.run.is_none() && !names.is_empty()).then(|| {
        format!(
            "a preview does not run the tasks of `run` ({}): say `preview: {{ run: true }}` where what they \
             change is its own, or `run: false`",
            names.join(", ")
        )
    })
}

/// Plans the tasks after the rollout, also after one that an earlier run has started and not seen through.
pub(super) fn after(
    inputs: &Inputs<'_>,
    beside: &service::Settings,
    change: &mut Option<Action<service::Settings>>,
    plan: &mut Plan,
) {
    let there = inputs.world.service.as_ref();
    let primary = there.and_then(|found| found.primary.as_ref());
    let goes_on = primary.is_some_and(|found| found.rollout_state == "IN_PROGRESS");
    let is_owed = there.is_some_and(|found| found.settings.owes_tasks);
    let rolling = change.as_mut().filter(|change| rolls_out(change));
    if !goes_on && !is_owed && rolling.is_none() {
        return;
    }
    let steps = steps(inputs, When::AfterRollout, beside, &[]);
    if let (Some(Action::Create(service) | Action::Update { to: service, .. }), false) =
        (rolling, steps.is_empty())
    {
        service.owes_tasks = true;
    }
    plan.after.extend(steps);
}

/// Whether the service gets a revision that it does not run, or runs its own once more.
fn rolls_out(change: &Action<service::Settings>) -> bool {
    match change {
        Action::Create(_) => true,
        Action::Update { from, to, .. } => {
            (&from.task_definition, from.last_deployment_failed)
                != (&to.task_definition, to.last_deployment_failed)
        }
        Action::Delete { .. } => false,
    }
}

fn steps(
    inputs: &Inputs<'_>,
    when: When,
    beside: &service::Settings,
    stands_on: &[Known],
) -> Vec<(Address, Step)> {
    let primary = inputs.world.service.as_ref().and_then(|found| found.primary.as_ref());
    let replaced = primary.filter(|_| when == When::BeforeRollout);
    let mut follows = None;
    let tasks = inputs.config.run.iter().filter(|task| task.when == when);
    tasks
        .map(|task| {
            let address = Address::new(Kind::Run, &task.name);
            let RunTask { name, container, command, environment, timeout, .. } = task.clone();
            let settings = run_task::Settings {
                name,
                cluster: beside.cluster.clone(),
                task_definition: beside.task_definition.clone(),
                subnets: beside.subnets.clone(),
                security_groups: beside.security_groups.clone(),
                assign_public_ip: beside.assign_public_ip.clone(),
                platform_version: beside.platform_version.clone(),
                container,
                command,
                environment,
                timeout: timeout.as_secs(),
                beside: replaced.map(|found| found.id.clone()),
                follows: follows.replace(Known::After(address.clone())),
                stands_on: stands_on.to_vec(),
            };
            let side = if when == When::BeforeRollout { "before" } else { "after" };
            let command = clip(&one_line(&task.command.join(" ")), COMMAND);
            let reason = format!("{side} the rollout: {command}");
            (address, Step { change: Change::RunTask(Box::new(settings)), reason })
        })
        .collect()
}
