//! The task definition that the file asks for, and what follows from it.

use crate::{
    address::Known,
    aws::Identity,
    config::model::{Config, Definition, Endpoints, Image, PreviewOf, TaskBlock},
    network::{
        facts::{self, Home},
        needs::{Exec, TaskFacts, endpoint_services},
    },
    plan::outside,
    preview,
    resource::task_definition::Settings,
};
use indexmap::IndexMap;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What is known about the things that the document mentions.
#[derive(Debug, Clone)]
pub struct Mentioned {
    /// The image, with its digest.
    pub image: Known,
    /// The images that are pulled through ECR, by container.
    pub pulled: BTreeMap<String, Known>,
    /// The execution role.
    pub execution_role: Option<Known>,
    /// The application's role.
    pub task_role: Option<Known>,
    /// The log group of the `task:` block.
    pub log_group: Option<Known>,
}

/// The family's name.
pub fn family(config: &Config) -> String {
    let named = match &config.task.definition {
        Definition::Json(document) => document["family"].as_str(),
        Definition::Block(_) => None,
    };
    named.unwrap_or(&config.service).to_owned()
}

/// Whether the execution role is ours to make: neither the file nor the document names one.
pub fn wants_execution_role(config: &Config) -> bool {
    let in_document = match &config.task.definition {
        Definition::Json(document) => document["executionRoleArn"].is_string(),
        Definition::Block(_) => false,
    };
    config.task.execution_role_arn.is_none() && !in_document
}

/// Whether the application's role is ours to make. A document without one is left without.
pub fn wants_task_role(config: &Config) -> bool {
    config.task.task_role_arn.is_none() && matches!(config.task.definition, Definition::Block(_))
}

/// The document, with a preview's own log groups in the place of its main service's. One that ECS would
/// make by itself nobody would take down, so this program makes it.
fn document(config: &Config, document: &Value, region: &str) -> Value {
    let mut document = document.clone();
    let Some(PreviewOf { number, .. }) = &config.preview_of else { return document };
    let containers = document["containerDefinitions"].as_array_mut();
    for container in containers.into_iter().flatten() {
        let logs = &mut container["logConfiguration"];
        if !is_awslogs(logs) || !is_here(&logs["options"], region) {
            continue;
        }
        let Some(options) = logs["options"].as_object_mut() else { continue };
        if let Some(group) = options.get_mut("awslogs-group")
            && let Some(name) = group.as_str()
        {
            *group = json!(preview::log_group(name, *number));
            options.shift_remove("awslogs-create-group");
        }
    }
    document
}

fn is_awslogs(logs: &Value) -> bool {
    logs["logDriver"].as_str() == Some("awslogs")
}

fn is_here(options: &Value, region: &str) -> bool {
    options["awslogs-region"].as_str().is_none_or(|named| named == region)
}

/// The log groups that have to be there before a task starts, by name.
pub fn log_groups(config: &Config, region: &str) -> BTreeSet<String> {
    match &config.task.definition {
        Definition::Block(_) => BTreeSet::from([config.logs.group.clone()]),
        Definition::Json(given) => awslogs(&document(config, given, region))
            .filter(|options| options["awslogs-create-group"].as_str() != Some("true"))
            .filter(|options| is_here(options, region))
            .filter_map(|options| options["awslogs-group"].as_str().map(str::to_owned))
            .collect(),
    }
}

/// What the containers' secrets name: ARNs, or names of SSM parameters.
pub fn secrets(config: &Config) -> BTreeSet<String> {
    match &config.task.definition {
        Definition::Block(block) => block.secrets.values().cloned().collect(),
        Definition::Json(document) => {
            let of = |container: &'_ Value| {
                let own = container["secrets"].as_array().into_iter().flatten();
                let log = container["logConfiguration"]["secretOptions"].as_array();
                own.chain(log.into_iter().flatten())
                    .filter_map(|secret| secret["valueFrom"].as_str().map(str::to_owned))
                    .collect::<Vec<_>>()
            };
            containers(document).flat_map(of).collect()
        }
    }
}

fn containers(document: &Value) -> impl Iterator<Item = &Value> {
    document["containerDefinitions"].as_array().into_iter().flatten()
}

fn awslogs(document: &Value) -> impl Iterator<Item = &Value> {
    containers(document)
        .map(|container| &container["logConfiguration"])
        .filter(|logs| is_awslogs(logs))
        .map(|logs| &logs["options"])
}

/// What the task needs of the network; `running` is the service that runs it, where there is one.
pub fn facts(config: &Config, identity: &Identity, running: Running) -> TaskFacts {
    let Identity { account, region, .. } = identity;
    let pulled = outside::cached(config, identity, &running.prefixes);
    let own = pulled.get(&config.task.container).and_then(Known::now);
    let image = match &config.image {
        Image::Uri(uri) => own.unwrap_or(uri).to_owned(),
        Image::Build(build) => {
            format!("{account}.dkr.ecr.{region}.amazonaws.com/{}", build.repository)
        }
    };
    let mentioned = Mentioned {
        image: Known::Now(image),
        pulled,
        execution_role: None,
        task_role: None,
        log_group: None,
    };
    let Settings { mut document, late } = definition(config, region, &mentioned);
    for (pointer, value) in late {
        if let (Some(place), Some(value)) = (document.pointer_mut(&pointer), value.now()) {
            *place = json!(value);
        }
    }
    TaskFacts {
        reach: config.network.reach.clone(),
        exec: running.exec,
        service_connect: running.service_connect,
        ..facts::of(&document, Home { region, account })
    }
}

/// What a service that runs says of its tasks, beside their definition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Running {
    /// ECS Exec, where it is on.
    pub exec: Option<Exec>,
    /// Whether it is part of a Service Connect namespace.
    pub service_connect: bool,
    /// The prefixes of the rules that images are pulled through, by upstream, as far as they are known.
    pub prefixes: BTreeMap<String, String>,
}

/// The endpoint services that the tasks may need, also for what only the service's own settings say. They
/// are the same in every account.
pub fn judged(config: &Config, region: &str) -> Option<BTreeSet<String>> {
    if config.network.endpoints == Endpoints::Off {
        return None;
    }
    let everything =
        Running { exec: Some(Exec::default()), service_connect: true, ..Running::default() };
    Some(endpoint_services(&facts(config, &Identity::of_anybody(region), everything)))
}

/// The task definition.
pub fn definition(config: &Config, region: &str, mentioned: &Mentioned) -> Settings {
    let document = match &config.task.definition {
        Definition::Block(block) => from_block(config, block, region),
        Definition::Json(given) => from_json(config, document(config, given, region)),
    };
    let index = containers(&document)
        .position(|container| container["name"].as_str() == Some(&config.task.container))
        .unwrap_or(0);
    let container = format!("/containerDefinitions/{index}");
    let mut late = IndexMap::from([(format!("{container}/image"), mentioned.image.clone())]);
    for (index, sidecar) in containers(&document).enumerate() {
        let name = sidecar["name"].as_str().filter(|name| *name != config.task.container);
        if let Some(image) = name.and_then(|name| mentioned.pulled.get(name)) {
            late.insert(format!("/containerDefinitions/{index}/image"), image.clone());
        }
    }
    if let Some(role) = &mentioned.execution_role {
        late.insert("/executionRoleArn".to_owned(), role.clone());
    }
    if let Some(role) = &mentioned.task_role {
        late.insert("/taskRoleArn".to_owned(), role.clone());
    }
    if let Some(group) = &mentioned.log_group {
        late.insert(format!("{container}/logConfiguration/options/awslogs-group"), group.clone());
    }
    let mut settings = Settings { document, late };
    for pointer in settings.late.keys() {
        ensure(&mut settings.document, pointer);
    }
    settings
}

/// Makes room for a value that comes later, so that the pointer leads somewhere.
fn ensure(document: &mut Value, pointer: &str) {
    let Some((parent, key)) = pointer.rsplit_once('/') else { return };
    if let Some(object) = document.pointer_mut(parent).and_then(Value::as_object_mut) {
        object.entry(key).or_insert(Value::Null);
    }
}

fn from_block(config: &Config, block: &TaskBlock, region: &str) -> Value {
    let pair = |name: &String, key: &str, value: &String| json!({"name": name, key: value});
    let environment: Vec<_> =
        block.environment.iter().map(|(name, value)| pair(name, "value", value)).collect();
    let secrets: Vec<_> =
        block.secrets.iter().map(|(name, from)| pair(name, "valueFrom", from)).collect();
    let mut container = json!({
        "name": config.task.container,
        "image": Value::Null,
        "essential": true,
        "portMappings": [{"containerPort": config.task.port, "protocol": "tcp"}],
        "environment": environment,
        "secrets": secrets,
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": config.logs.group,
                "awslogs-region": region,
                "awslogs-stream-prefix": config.service,
            },
        },
    });
    if let Some(command) = &block.command {
        container["command"] = json!(command);
    }
    json!({
        "family": config.service,
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": block.cpu.to_string(),
        "memory": block.memory.to_string(),
        "runtimePlatform": {
            "cpuArchitecture": block.cpu_architecture,
            "operatingSystemFamily": "LINUX",
        },
        "containerDefinitions": [container],
    })
}

/// The document as it stands in the file. What the file of this program says goes before it.
fn from_json(config: &Config, mut document: Value) -> Value {
    if let Some(object) = document.as_object_mut() {
        object.entry("family").or_insert_with(|| json!(config.service));
        object.entry("networkMode").or_insert(json!("awsvpc"));
    }
    document
}
