//! Whether a task that has stopped has done its work, and if not why not. Pure.

use crate::{
    diagnosis::{line, read},
    error::Problem,
    rollout::tasks::{Container, StoppedTask},
};
use serde_json::Value;
use std::collections::BTreeSet;

/// The containers without which a task does not run, as its definition says.
pub(super) fn essential(definition: &Value) -> BTreeSet<String> {
    let containers = definition["containerDefinitions"].as_array().into_iter().flatten();
    let essential = containers.filter(|container| container["essential"].as_bool().unwrap_or(true));
    essential.filter_map(|container| Some(container["name"].as_str()?.to_owned())).collect()
}

/// Why the task has not done its work; `None` where it has.
///
/// The container that counts has to end with 0. Another essential one must not have failed by itself:
/// ECS ends the task then, and with it whatever the work was. That it was ended (143, 137) when the
/// work was done means nothing, and a container that is not essential may do as it likes.
pub(super) fn cause(
    task: &StoppedTask,
    container: &str,
    essential: &BTreeSet<String>,
) -> Option<String> {
    let counts = |found: &&Container| found.name == container || essential.contains(&found.name);
    let task = StoppedTask {
        containers: task.containers.iter().filter(counts).cloned().collect(),
        ..task.clone()
    };
    let failed = |found: &Container| match found.exit_code {
        None | Some(0) => false,
        Some(137 | 143) => !found.reason.is_empty(),
        Some(_) => true,
    };
    let is_done =
        task.containers.iter().any(|found| found.name == container && found.exit_code == Some(0));
    if is_done && !task.containers.iter().any(failed) {
        return None;
    }
    // A stop that is routine for a service's task is none for this one.
    let told = task.cause().or_else(|| Some(task.reason.clone()).filter(|text| !text.is_empty()));
    let code = || {
        let Container { name, exit_code, .. } = task.culprit()?;
        Some(format!("container `{name}` exited with code {}", (*exit_code)?))
    };
    Some(told.or_else(code).unwrap_or_else(|| "ECS gives no reason".to_owned()))
}

/// The container whose log says more: the one that failed, otherwise the one that counts.
pub(super) fn culprit<'a>(
    task: &'a StoppedTask,
    container: &'a str,
    essential: &BTreeSet<String>,
) -> &'a str {
    let counts = |name: &str| name == container || essential.contains(name);
    let culprit = task.culprit().filter(|found| counts(&found.name) && found.exit_code != Some(0));
    culprit.map_or(container, |found| &found.name)
}

/// The task in words: the first cause, what shows it, what to do.
pub(super) fn problem(
    name: &str,
    task: &StoppedTask,
    container: &str,
    cause: &str,
    log: Option<&str>,
) -> Problem {
    let found = task.containers.iter().find(|found| found.name == container);
    let code = found.and_then(|found| found.exit_code);
    let what = match code {
        None => format!("the task `{name}` never started: {}", line::headline(cause)),
        Some(_) => format!("the task `{name}` failed: {}", line::headline(cause)),
    };
    let mut problem = Problem::new(what).found(format!("task {} stopped: {cause}", task.id));
    // A container that never ran has written nothing.
    if let Some(log) = log.filter(|_| code.is_some()) {
        problem = problem.found(format!("log of `{container}`: {log}"));
    }
    // A code of the application's own says nothing to anybody else.
    let is_its_own = matches!(code, Some(1..=125)) && found.is_some_and(|it| it.reason.is_empty());
    let known = read::advice([cause]).filter(|_| !is_its_own);
    problem.help(known.unwrap_or(match code {
        Some(_) => "its log says why: mend it and run again",
        None => "look at the stopped task in the ECS console, which keeps it for an hour",
    }))
}

/// The same where ECS has not even taken the task.
pub(super) fn not_started(name: &str, reason: &str) -> Problem {
    let problem = Problem::new(format!("the task `{name}` was not started: {reason}"));
    problem.help(read::advice([reason]).unwrap_or("run it again"))
}
