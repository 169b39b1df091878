//! The `run` section: tasks beside a rollout.

use crate::config::{
    finding::Finding,
    model::{Definition, RunTask, Task, When},
    names,
    section::{At, Section},
};
use std::{collections::BTreeMap, ops::Range, time::Duration};

/// How long a task is waited for.
const TIMEOUT: Duration = Duration::from_mins(15);

/// Reads it; `task` is the task definition that the tasks are made from.
pub(super) fn read(file: &Section<'_>, task: &Task, findings: &mut Vec<Finding>) -> Vec<RunTask> {
    let mut seen: BTreeMap<String, Range<usize>> = BTreeMap::new();
    let items = file.list("run").unwrap_or_default();
    items
        .iter()
        .map(|item| {
            let section = Section::of(item);
            let place = item.span.start..item.span.start;
            let run = one(&section, place, task, findings);
            if let Some(name) = section.text("name") {
                if let Some(first) = seen.get(name.value) {
                    let what = format!("two tasks are called `{}`", name.value);
                    let finding = Finding::new(name.span.clone(), what);
                    findings.push(finding.also(first.clone(), "the first one"));
                }
                seen.insert(name.value.to_owned(), name.span);
            }
            run
        })
        .collect()
}

fn one(
    section: &Section<'_>,
    place: Range<usize>,
    task: &Task,
    findings: &mut Vec<Finding>,
) -> RunTask {
    let mut lacks = |what: &str, help: &str| {
        findings.push(Finding::new(place.clone(), what.to_owned()).help(help));
    };
    if section.entry("name").is_none() {
        lacks("a task of `run` has no name", "name it: `name: migrate`");
    }
    let command: Vec<_> = section.texts("command").unwrap_or_default();
    if command.is_empty() {
        lacks(
            "a task of `run` has no command",
            "say what runs in the new image: `command: [./migrate]`",
        );
    }
    let (before, after) = (section.entry("before"), section.entry("after"));
    match (before, after) {
        (None, None) => {
            lacks(
                "a task of `run` does not say when it runs",
                "add `before: rollout` or `after: rollout`",
            );
        }
        (Some(before), Some(after)) => {
            let what = "a task of `run` runs before the rollout or after it, not both";
            let finding = Finding::new(after.key_span.clone(), what);
            let finding = finding.also(before.key_span.clone(), "before it");
            findings.push(finding.help("write it twice, under two names"));
        }
        _ => {}
    }
    if let Some(name) = section.text("name") {
        name.must("the task's name", names::ecs, findings);
    }
    let environment = section.map("environment");
    for (name, at) in &environment {
        let name = At { value: name.as_str(), span: at.span.clone() };
        name.must("the variable", names::variable, findings);
    }
    let container = container(section, task, findings);
    if is_beside(task, &container) {
        let what = format!("the task would go on when the container `{container}` has ended");
        let span = section.text("container").map_or(place, |given| given.span);
        let finding = Finding::new(span, what).label("it is not essential");
        findings
            .push(finding.help("make it essential in the task definition, or name another one"));
    }
    let text = |at: Option<At<&str>>| at.map(|at| at.value.to_owned()).unwrap_or_default();
    let value = |at: At<Option<At<String>>>| at.value.map_or_else(String::new, |at| at.value);
    RunTask {
        name: text(section.text("name")),
        when: if after.is_some() { When::AfterRollout } else { When::BeforeRollout },
        container,
        command: command.iter().map(|word| word.value.to_owned()).collect(),
        environment: environment.into_iter().map(|(name, at)| (name, value(at))).collect(),
        timeout: section.duration("timeout").unwrap_or(TIMEOUT),
    }
}

/// Whether the task definition says that the task does not need this container.
fn is_beside(task: &Task, container: &str) -> bool {
    let Definition::Json(document) = &task.definition else { return false };
    let mut containers = document["containerDefinitions"].as_array().into_iter().flatten();
    let found = containers.find(|found| found["name"].as_str() == Some(container));
    found.is_some_and(|found| found["essential"].as_bool() == Some(false))
}

/// One of the task definition's, and with an image.
fn container(section: &Section<'_>, task: &Task, findings: &mut Vec<Finding>) -> String {
    let Some(given) = section.text("container") else { return task.container.clone() };
    let known = match &task.definition {
        Definition::Block(_) => vec![(task.container.clone(), true)],
        Definition::Json(document) => {
            let containers = document["containerDefinitions"].as_array();
            let one = |found: &serde_json::Value| {
                let name = found["name"].as_str()?.to_owned();
                let has_image = found["image"].as_str().is_some_and(|image| !image.is_empty());
                Some((name, has_image))
            };
            containers.into_iter().flatten().filter_map(one).collect()
        }
    };
    match known.iter().find(|(name, _)| name == given.value) {
        // The service's own gets its image from this run.
        Some((name, has_image)) if *has_image || *name == task.container => {}
        Some((name, _)) => {
            let what = format!("the container `{name}` has no image");
            let finding = Finding::new(given.span.clone(), what);
            findings.push(finding.help("give it one in the task definition"));
        }
        // What the task definition lacks is told there.
        None if known.is_empty() => {}
        None => {
            let what = format!("the task has no container `{}`", given.value);
            let names: Vec<_> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
            let finding = Finding::new(given.span.clone(), what);
            findings.push(finding.label(format!("it has {}", names.join(", "))));
        }
    }
    given.value.to_owned()
}
