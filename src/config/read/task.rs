//! The `task` section, and the task definition that it may name.

use super::{Findings, Input, Placed, missing, named};
use crate::config::{
    definition::{self, Wanted},
    dockerfile, fargate,
    finding::Finding,
    model::{Definition, Image, Task, TaskBlock},
    names,
    section::{At, Section},
    shape::{ARM, INTEL},
    values,
};
use indexmap::IndexMap;
use serde_json::Value;

/// The keys that a definition in JSON has in itself.
const OF_THE_CONTAINER: [&str; 6] =
    ["cpu", "memory", "cpu-architecture", "environment", "secrets", "command"];

/// Reads it.
pub(super) fn read(
    file: &Section<'_>,
    service: &str,
    image: &Image,
    placed: Placed<'_>,
    input: &Input<'_>,
    findings: &mut Findings,
) -> Task {
    let section = file.section("task");
    let own = &mut findings.own;
    let container = named(&section, "container", "the container's name", names::ecs, own);
    let role = |text: &str| {
        let is_well = values::is_arn(text, "iam", "role/");
        is_well
            .then_some(())
            .ok_or_else(|| "not the ARN of a role: `arn:aws:iam::ACCOUNT:role/NAME`".to_owned())
    };
    let execution_role_arn = named(&section, "execution-role-arn", "the role", role, own);
    let task_role_arn = named(&section, "task-role-arn", "the role", role, own);
    let given: Option<At<u16>> = section.number("port");
    let task = |port, container, definition| Task {
        port,
        container,
        execution_role_arn: execution_role_arn.clone(),
        task_role_arn: task_role_arn.clone(),
        definition,
    };
    if let Some(named) = section.text("definition") {
        for key in OF_THE_CONTAINER {
            if let Some(entry) = section.entry(key) {
                let what = format!("`task.{key}` has no meaning beside `task.definition`");
                let finding = Finding::new(entry.key_span.clone(), what);
                own.push(finding.help("put it into the task definition"));
            }
        }
        let port = given.as_ref().map(|at| at.value);
        let wanted = Wanted { container: container.as_deref(), port, placed };
        return match definition_of(&named, wanted, input, findings) {
            Some(found) => task(found.port, found.container, Definition::Json(found.document)),
            None => task(0, container.unwrap_or_default(), Definition::Json(Value::Null)),
        };
    }
    let block = block(&section, image, findings);
    let own = &mut findings.own;
    let port = match given {
        Some(port) => port.value,
        None => exposed(&section, image, input, own),
    };
    let container = container.unwrap_or_else(|| service.to_owned());
    task(port, container, Definition::Block(block))
}

fn definition_of(
    named: &At<&str>,
    wanted: Wanted<'_>,
    input: &Input<'_>,
    findings: &mut Findings,
) -> Option<definition::Found> {
    let path = input.folder.join(named.value);
    let text = match input.files.text(&path) {
        Ok(text) => text,
        Err(error) => {
            findings.own.push(if error.kind() == std::io::ErrorKind::NotFound {
                missing(named.span.clone(), "the task definition", &path)
            } else {
                Finding::new(named.span.clone(), "the task definition cannot be read")
                    .label(format!("`{}`: {error}", path.display()))
            });
            return None;
        }
    };
    match definition::read(&text, wanted) {
        Ok(found) => Some(found),
        Err(found) => {
            findings.definition = Some((path, text, found));
            None
        }
    }
}

fn block(section: &Section<'_>, image: &Image, findings: &mut Findings) -> TaskBlock {
    let Findings { own: findings, hidden, .. } = findings;
    let cpu: Option<At<u32>> = section.number("cpu");
    let memory: Option<At<u32>> = section.number("memory");
    let units = cpu.as_ref().map_or(256, |at| at.value);
    let mebibytes =
        memory.as_ref().map_or_else(|| fargate::least_memory(units).unwrap_or(512), |at| at.value);
    match fargate::check(units, mebibytes) {
        Ok(()) => {}
        Err(fargate::Wrong::Cpu(all)) => {
            if let Some(at) = &cpu {
                let finding =
                    Finding::new(at.span.clone(), format!("{units} CPU units are no Fargate size"));
                findings.push(finding.label(format!("Fargate has {all}")));
            }
        }
        Err(fargate::Wrong::Memory(all)) => {
            let what = format!("{mebibytes} MiB with {units} CPU units are no Fargate size");
            let label = format!("with {units} CPU units: {all}");
            if let Some(at) = &memory {
                let mut finding = Finding::new(at.span.clone(), what).label(label);
                if let Some(cpu) = &cpu {
                    finding = finding.also(cpu.span.clone(), "the CPU units");
                }
                findings.push(finding);
            }
        }
    }
    let environment = section.map("environment");
    let secrets = section.map("secrets");
    for (name, at) in environment.iter().chain(&secrets) {
        let name = At { value: name.as_str(), span: at.span.clone() };
        name.must("the variable", names::variable, findings);
    }
    for (name, at) in &secrets {
        if environment.contains_key(name) {
            let what = format!("`{name}` is a secret and a plain variable");
            findings.push(Finding::new(at.span.clone(), what).help("take one of them out"));
        }
        if let Some(value) = at.value.as_ref().filter(|at| !values::is_secret(&at.value)) {
            // It may be the secret itself.
            hidden.push(value.span.clone());
            let what = format!("the secret `{name}` names nothing that ECS can read");
            findings.push(Finding::new(at.span.clone(), what).help(
                "give the ARN of a Secrets Manager secret or an SSM parameter, or an SSM parameter's name",
            ));
        }
    }
    let plain = |map: IndexMap<String, At<Option<At<String>>>>| {
        let value = |at: At<Option<At<String>>>| at.value.map_or_else(String::new, |at| at.value);
        map.into_iter().map(|(name, at)| (name, value(at))).collect()
    };
    TaskBlock {
        cpu: units,
        memory: mebibytes,
        cpu_architecture: architecture(section, image),
        environment: plain(environment),
        secrets: plain(secrets),
        command: section
            .texts("command")
            .map(|words| words.iter().map(|word| word.value.to_owned()).collect()),
    }
}

fn architecture(section: &Section<'_>, image: &Image) -> String {
    let has = |platform: &str| match image {
        Image::Build(build) => build.platforms.iter().any(|found| found == platform),
        Image::Uri(_) => false,
    };
    let implied = if has(ARM) && !has(INTEL) { "ARM64" } else { "X86_64" };
    section.text("cpu-architecture").map_or(implied, |given| given.value).to_owned()
}

/// The port that the Dockerfile exposes, where it is one.
fn exposed(
    section: &Section<'_>,
    image: &Image,
    input: &Input<'_>,
    findings: &mut Vec<Finding>,
) -> u16 {
    let ports = match image {
        Image::Build(build) => {
            let text = input.files.text(&build.dockerfile).unwrap_or_default();
            dockerfile::exposed(&text, build.target.as_deref())
        }
        Image::Uri(_) => Vec::new(),
    };
    if let [port] = ports[..] {
        return port;
    }
    if section.entry("port").is_none() {
        let what = match &ports[..] {
            [] => "the port that the container listens on is not known".to_owned(),
            ports => {
                let list = ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                format!("the Dockerfile exposes several ports: {list}")
            }
        };
        let finding = Finding::new(0..0, what);
        findings.push(finding.help("say which one: `task: { port: 8080 }`"));
    }
    0
}
