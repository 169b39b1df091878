//! The `preview` section.

use super::{named, of_the_region};
use crate::config::{
    fargate,
    finding::Finding,
    model::{Definition, LoadBalancer, Preview, Task, Way},
    names,
    section::{At, Section},
    values,
};
use serde_json::Value;

/// What stands in the place of the pull request's number.
const NUMBER: &str = "{number}";
/// The path where the file says neither a host nor a path.
const PATH: &str = "/pr-{number}";
/// As many digits as the number of a pull request is given.
const EXAMPLE: &str = "1234567";

/// Reads it; `task` and `load_balancer` are what it changes for a pull request.
pub(super) fn read(
    file: &Section<'_>,
    task: &Task,
    load_balancer: &LoadBalancer,
    findings: &mut Vec<Finding>,
) -> Option<Preview> {
    file.entry("preview")?;
    let section = file.section("preview");
    let way = way(&section, findings);
    size(&section, task, findings);
    let environment = section.map("environment");
    for (name, at) in &environment {
        let name = At { value: name.as_str(), span: at.span.clone() };
        name.must("the variable", names::variable, findings);
        if is_secret(task, name.value) {
            let what = format!("`{}` is a secret of the task and a variable here", name.value);
            findings.push(Finding::new(name.span, what).help("take one of them out"));
        }
    }
    let plain = |at: At<Option<At<String>>>| at.value.map_or_else(String::new, |at| at.value);
    Some(Preview {
        certificate: certificate(file, &section, &way, load_balancer, findings),
        way,
        desired_count: super::number(&section, "desired-count", 1),
        spot: section.boolean("spot").unwrap_or(false),
        cpu: section.number("cpu").map(|at| at.value),
        memory: section.number("memory").map(|at| at.value),
        environment: environment.into_iter().map(|(name, at)| (name, plain(at))).collect(),
        run: section.boolean("run"),
        ttl: section.duration("ttl"),
    })
}

/// Whether the container that gets the preview's variables has a secret of this name, beside which ECS takes
/// no variable.
fn is_secret(task: &Task, name: &str) -> bool {
    let document = match &task.definition {
        Definition::Block(block) => return block.secrets.contains_key(name),
        Definition::Json(document) => document,
    };
    let containers = document["containerDefinitions"].as_array().into_iter().flatten();
    let own = containers.filter(|container| container["name"].as_str() == Some(&task.container));
    let mut secrets = own.flat_map(|own| own["secrets"].as_array().into_iter().flatten());
    secrets.any(|secret| secret["name"].as_str() == Some(name))
}

/// What the containers of a task definition take of it each, in all: ECS refuses a smaller task.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html>
fn taken(task: &Task, key: &str, or: &str) -> u64 {
    let Definition::Json(document) = &task.definition else { return 0 };
    let containers = document["containerDefinitions"].as_array().into_iter().flatten();
    let of = |container: &Value| container[key].as_u64().or_else(|| container[or].as_u64());
    containers.filter_map(of).sum()
}

fn way(section: &Section<'_>, findings: &mut Vec<Finding>) -> Way {
    if let (Some(host), Some(path)) = (section.entry("host"), section.entry("path")) {
        let what = "a preview is found by its host or by its path, not by both";
        let finding = Finding::new(path.key_span.clone(), what);
        findings.push(finding.also(host.key_span.clone(), "by its host"));
    }
    if let Some(host) = named(section, "host", "the previews' host", is_host, findings) {
        return Way::Host(host);
    }
    let path = named(section, "path", "the previews' path", is_path, findings);
    Way::Path(path.unwrap_or_else(|| PATH.to_owned()))
}

/// The pattern with a number in it, or why it is none.
fn filled(pattern: &str) -> Result<String, String> {
    match pattern.matches(NUMBER).count() {
        1 => {}
        0 => return Err(format!("`{NUMBER}` is missing, and all previews would be the same one")),
        _ => return Err(format!("`{NUMBER}` stands more than once")),
    }
    let text = pattern.replace(NUMBER, EXAMPLE);
    if text.contains(['{', '}']) {
        return Err(format!("only `{NUMBER}` may stand in braces"));
    }
    Ok(text)
}

fn is_host(pattern: &str) -> Result<(), String> {
    let host = filled(pattern)?;
    let is_well = values::is_host(&host)
        && !host.contains(['*', '?'])
        && host.split('.').all(|label| !label.is_empty() && label.len() <= 63);
    is_well
        .then_some(())
        .ok_or_else(|| "not a host such as `pr-{number}.preview.example.com`".to_owned())
}

/// ELB's characters of a path pattern, its wildcards left out.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html#path-conditions>
fn is_path(pattern: &str) -> Result<(), String> {
    let path = filled(pattern)?;
    let takes = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.$/~'@:+".contains(&byte);
    let is_well = path.strip_prefix('/').is_some_and(|rest| {
        rest.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
    });
    // ELB's 128 characters, less the `/*` that is added.
    (is_well && path.len() <= 126 && path.bytes().all(takes)).then_some(()).ok_or_else(|| {
        "a path such as `/pr-{number}`, without wildcards and without `/` at its end".to_owned()
    })
}

fn certificate(
    file: &Section<'_>,
    section: &Section<'_>,
    way: &Way,
    load_balancer: &LoadBalancer,
    findings: &mut Vec<Finding>,
) -> Option<String> {
    let certificate = |text: &str| {
        let is_well = values::is_arn(text, "acm", "certificate/");
        is_well.then_some(()).ok_or_else(|| {
            "not the ARN of an ACM certificate: `arn:aws:acm:REGION:ACCOUNT:certificate/ID`"
                .to_owned()
        })
    };
    let given = named(section, "certificate", "the certificate", certificate, findings)?;
    of_the_region(file, section, findings);
    let entry = section.entry("certificate")?;
    if matches!(way, Way::Path(_)) {
        let what = "a certificate for previews that have no host of their own";
        let finding = Finding::new(entry.key_span.clone(), what);
        findings.push(finding.help("add `preview.host`, or take the certificate out"));
    } else if load_balancer.certificate.is_none() {
        let what = "a certificate for previews, and the load balancer has no HTTPS to put it on";
        let finding = Finding::new(entry.key_span.clone(), what);
        findings.push(finding.help("add `load-balancer.certificate`: it may be the same one"));
    }
    Some(given)
}

/// Whether Fargate has the size that comes out.
fn size(section: &Section<'_>, task: &Task, findings: &mut Vec<Finding>) {
    let (cpu, memory) = (section.number::<u32>("cpu"), section.number::<u32>("memory"));
    let Some(at) = cpu.as_ref().or(memory.as_ref()) else { return };
    let sizes =
        [(&cpu, "cpu", "cpu", "CPU units"), (&memory, "memory", "memoryReservation", "MiB")];
    for (given, key, or, unit) in sizes {
        let taken = taken(task, key, or);
        if let Some(at) = given.as_ref().filter(|at| u64::from(at.value) < taken) {
            let what = format!("the containers of the task definition take {taken} {unit}");
            let finding = Finding::new(at.span.clone(), what).label("less than that");
            findings.push(finding.help(format!("raise it, or take `{key}` out of the containers")));
        }
    }
    let of_task = match &task.definition {
        Definition::Block(block) => (Some(block.cpu), Some(block.memory)),
        Definition::Json(document) => {
            let number = |key: &str| document[key].as_str()?.parse().ok();
            (number("cpu"), number("memory"))
        }
    };
    let given = |at: &Option<At<u32>>| at.as_ref().map(|at| at.value);
    let (Some(units), Some(mebibytes)) = (given(&cpu).or(of_task.0), given(&memory).or(of_task.1))
    else {
        return;
    };
    let why = match fargate::check(units, mebibytes) {
        Ok(()) => return,
        Err(fargate::Wrong::Cpu(all)) => format!("Fargate has {all}"),
        Err(fargate::Wrong::Memory(all)) => format!("with {units} CPU units: {all}"),
    };
    let what = format!("{mebibytes} MiB with {units} CPU units are no Fargate size");
    findings.push(Finding::new(at.span.clone(), what).label(why));
}
