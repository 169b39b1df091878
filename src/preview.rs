//! A pull request's own service: the file, transformed. The ordinary flows then take it as it is.

pub mod fate;
pub mod find;
pub mod found;
pub mod list;
pub mod standing;

use crate::config::{
    model::{
        Cache, Config, Definition, Image, LoadBalancer, OnCancel, Preview, PreviewOf, Rollout,
        Strategy, Task, Way, When,
    },
    names::fit,
};
use indexmap::IndexMap;
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};

/// What stands in the place of the pull request's number.
const NUMBER: &str = "{number}";
/// ECS's limit for the name of a service and of a family.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html>
const ECS_LENGTH: usize = 255;
/// CloudWatch's limit for the name of a log group.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html>
const LOG_GROUP_LENGTH: usize = 512;

/// The config of the preview of this pull request. A file without previews gives what its names are
/// still needed for: a takedown.
///
/// A preview is always rolled out task by task: nobody waits for it, and alarms are the main service's.
/// The tasks of `run` never run where the file does not ask for them: a migration that nobody has
/// approved yet would run against whatever database the main service's environment names.
pub fn config(main: &Config, number: u64) -> Config {
    let mut config = main.clone();
    let preview = main.preview.clone().unwrap_or_else(|| Preview {
        way: Way::Path(format!("/pr-{NUMBER}")),
        certificate: None,
        desired_count: 1,
        spot: false,
        cpu: None,
        memory: None,
        environment: IndexMap::new(),
        run: None,
        ttl: None,
    });
    config.service = name(&main.service, number, ECS_LENGTH);
    config.task = task(&main.task, &preview, number);
    config.load_balancer = load_balancer(&main.load_balancer, &preview.way, number);
    if let Image::Build(build) = &mut config.image
        && build.cache == Cache::Registry
    {
        build.cache = Cache::Previews;
    }
    config.logs.group = log_group(&main.logs.group, number);
    config.rollout = rollout(&main.rollout, &preview);
    if preview.run == Some(true) {
        for task in &mut config.run {
            for (name, value) in &preview.environment {
                if let Some(given) = task.environment.get_mut(name) {
                    given.clone_from(value);
                }
            }
        }
    } else {
        config.run.iter_mut().for_each(|task| task.when = When::Never);
    }
    config.preview = Some(preview);
    config.preview_of = Some(PreviewOf { service: main.service.clone(), number });
    config
}

/// `web-pr-42`: the main thing's name, shortened where the whole would be too long, and the number,
/// which is never lost.
pub fn name(main: &str, number: u64, max: usize) -> String {
    let end = format!("-pr-{number}");
    format!("{}{end}", fit(main, max - end.len()))
}

/// The log group in the place of the main service's.
pub fn log_group(main: &str, number: u64) -> String {
    name(main, number, LOG_GROUP_LENGTH)
}

fn task(main: &Task, preview: &Preview, number: u64) -> Task {
    let mut task = main.clone();
    match &mut task.definition {
        Definition::Block(block) => {
            block.cpu = preview.cpu.unwrap_or(block.cpu);
            block.memory = preview.memory.unwrap_or(block.memory);
            block.environment.extend(preview.environment.clone());
        }
        Definition::Json(document) => {
            if let Some(family) = document["family"].as_str() {
                document["family"] = json!(name(family, number, ECS_LENGTH));
            }
            for (key, size) in [("cpu", preview.cpu), ("memory", preview.memory)] {
                if let Some(size) = size {
                    document[key] = json!(size.to_string());
                }
            }
            let containers = document["containerDefinitions"].as_array_mut();
            let mut containers = containers.into_iter().flatten();
            if let Some(container) =
                containers.find(|found| found["name"].as_str() == Some(&task.container))
            {
                set(&mut container["environment"], &preview.environment);
            }
        }
    }
    task
}

/// Sets variables in ECS's list of them.
fn set(environment: &mut Value, variables: &IndexMap<String, String>) {
    if variables.is_empty() {
        return;
    }
    let mut list = environment.as_array().cloned().unwrap_or_default();
    list.retain(|found| found["name"].as_str().is_none_or(|name| !variables.contains_key(name)));
    list.extend(variables.iter().map(|(name, value)| json!({"name": name, "value": value})));
    *environment = Value::Array(list);
}

fn load_balancer(main: &LoadBalancer, way: &Way, number: u64) -> LoadBalancer {
    let filled = |pattern: &String| pattern.replace(NUMBER, &number.to_string());
    let (host, path) = match way {
        Way::Host(host) => (Some(filled(host)), None),
        Way::Path(path) => (main.host.clone(), Some(filled(path))),
    };
    LoadBalancer { host, path, ..main.clone() }
}

fn rollout(main: &Rollout, preview: &Preview) -> Rollout {
    // The time in which both versions run is none of a rolling update's.
    let timeout = main.timeout.saturating_sub(main.strategy.bakes());
    Rollout {
        desired_count: Some(preview.desired_count),
        // ECS rounds the first up and the second down: with fewer tasks than the main service has,
        // its percentages may leave no task that could be started or stopped.
        minimum_healthy_percent: 100,
        maximum_percent: 200,
        timeout: timeout.max(Duration::from_mins(1)),
        strategy: Strategy::Rolling { early_success: None },
        on_cancel: OnCancel::Leave,
        alarms: BTreeSet::new(),
        ..main.clone()
    }
}
