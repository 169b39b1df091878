//! The task definition in JSON that the file names.

use super::{
    check::meant,
    fargate,
    finding::Finding,
    image_uri::{self, Caching},
    read::{Placed, image::refused},
    tree::{self, Node, Value as Yaml},
};
use serde_json::Value;
use std::ops::Range;

/// What the file says of the definition besides its name.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted<'a> {
    pub(super) container: Option<&'a str>,
    pub(super) port: Option<u16>,
    pub(super) placed: Placed<'a>,
}

/// What a container on Fargate cannot have.
const NOT_OF_FARGATE: [&str; 7] = [
    "disableNetworking",
    "dnsSearchDomains",
    "dnsServers",
    "dockerSecurityOptions",
    "extraHosts",
    "links",
    "privileged",
];

/// A definition that can be deployed.
#[derive(Debug, PartialEq)]
pub(super) struct Found {
    pub(super) document: Value,
    pub(super) container: String,
    pub(super) port: u16,
}

/// Reads the text of the JSON file; the findings are of that text.
pub(super) fn read(text: &str, wanted: Wanted<'_>) -> Result<Found, Vec<Finding>> {
    let document: Value =
        serde_json::from_str(text).map_err(|error| vec![no_json(text, &error)])?;
    // JSON is YAML, and this knows where things stand.
    let places = tree::parse(text).ok();
    let (document, places) = unwrap(document, places.as_ref());
    let mut reader = Reader { places, findings: Vec::new() };
    let found = reader.read(&document, wanted);
    match found {
        Some((container, port)) if reader.findings.is_empty() => {
            Ok(Found { document, container, port })
        }
        _ => Err(reader.findings),
    }
}

/// The document alone, of whatever launch type.
pub(super) fn document(text: &str) -> Result<Value, Box<Finding>> {
    let document: Value =
        serde_json::from_str(text).map_err(|error| Box::new(no_json(text, &error)))?;
    let (document, _) = unwrap(document, None);
    if document["containerDefinitions"].as_array().is_some_and(|found| !found.is_empty()) {
        return Ok(document);
    }
    let finding = Finding::new(0..0, "the task definition has no `containerDefinitions`");
    Err(Box::new(finding.help("give what `aws ecs describe-task-definition` prints")))
}

fn no_json(text: &str, error: &serde_json::Error) -> Finding {
    let line = u64::try_from(error.line()).unwrap_or(1);
    let column = u64::try_from(error.column()).unwrap_or(1);
    let start = tree::offset(text, line, column.max(1));
    let words = error.to_string();
    let words = words.split(" at line ").next().unwrap_or_default();
    Finding::new(start..start, format!("the task definition is no JSON: {words}"))
}

/// `aws ecs describe-task-definition` wraps the document.
fn unwrap(document: Value, places: Option<&Node>) -> (Value, Option<&Node>) {
    match document {
        Value::Object(mut object) if object.get("taskDefinition").is_some_and(Value::is_object) => {
            let inner = object.remove("taskDefinition").unwrap_or_default();
            (inner, places.and_then(|node| child(node, "taskDefinition")))
        }
        other => (other, places),
    }
}

fn child<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    match &node.value {
        // The last of two equal keys is the one that JSON takes.
        Yaml::Map(entries) => {
            entries.iter().rev().find(|entry| entry.key == key).map(|entry| &entry.node)
        }
        Yaml::List(items) => items.get(key.parse::<usize>().ok()?),
        _ => None,
    }
}

struct Reader<'a> {
    places: Option<&'a Node>,
    findings: Vec<Finding>,
}

impl Reader<'_> {
    /// Where a value of the document stands, or that which it would stand in, or the beginning. Keys
    /// and indices are put together with `/`.
    fn at(&self, path: &str) -> Range<usize> {
        let Some(mut node) = self.places else { return 0..0 };
        for key in path.split('/') {
            let Some(inner) = child(node, key) else { break };
            node = inner;
        }
        node.span.clone()
    }

    fn tell(&mut self, key: &str, what: String, label: &str) {
        self.findings.push(Finding::new(self.at(key), what).label(label));
    }

    fn read(&mut self, document: &Value, wanted: Wanted<'_>) -> Option<(String, u16)> {
        if !document.is_object() {
            self.tell("", "the task definition is no object".to_owned(), "");
            return None;
        }
        let family = document["family"].as_str().unwrap_or_default();
        if let Err(why) = super::names::ecs(family) {
            self.tell("family", format!("the family `{family}`"), &why);
        }
        let mode = &document["networkMode"];
        if !mode.is_null() && mode != "awsvpc" {
            self.tell(
                "networkMode",
                format!("the network mode is {mode}"),
                "Fargate has `awsvpc` alone",
            );
        }
        if let Some(list) =
            document["requiresCompatibilities"].as_array().filter(|it| !it.is_empty())
            && !list.iter().any(|entry| entry == "FARGATE")
        {
            let what = "the task definition is not for Fargate".to_owned();
            self.tell("requiresCompatibilities", what, "add `FARGATE`");
        }
        let system = &document["runtimePlatform"]["operatingSystemFamily"];
        if let Some(system) = system.as_str().filter(|system| system.starts_with("WINDOWS")) {
            let what = format!("the operating system is {system}");
            self.tell("runtimePlatform/operatingSystemFamily", what, "only Linux is deployed");
        }
        self.fit(document);
        self.size(document);
        let container = self.container(document, wanted.container)?;
        self.sidecars(document, &container, wanted.placed);
        let port = self.port(document, &container, wanted.port)?;
        Some((container, port))
    }

    fn size(&mut self, document: &Value) {
        let cpu = size(&document["cpu"], 1024);
        let memory = size(&document["memory"], 1024);
        for (key, size) in [("cpu", cpu), ("memory", memory)] {
            match (&document[key], size) {
                (_, Some(_)) => {}
                (Value::Null, None) => {
                    let what = format!("the task definition has no `{key}` of its own");
                    self.tell(key, what, "Fargate needs it");
                }
                (other, None) => self.tell(key, format!("`{key}` is {other}"), "not a size"),
            }
        }
        let Some((cpu, memory)) = cpu.zip(memory) else { return };
        match fargate::check(cpu, memory) {
            Ok(()) => {}
            Err(fargate::Wrong::Cpu(all)) => {
                self.tell(
                    "cpu",
                    format!("Fargate has no {cpu} CPU units"),
                    &format!("it has {all}"),
                );
            }
            Err(fargate::Wrong::Memory(all)) => {
                let what = format!("Fargate has no {memory} MiB with {cpu} CPU units");
                self.tell("memory", what, &format!("it has {all}"));
            }
        }
    }

    /// What Fargate refuses.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html>
    fn fit(&mut self, document: &Value) {
        for key in ["ipcMode", "placementConstraints"] {
            self.unfit(&document[key], key);
        }
        let containers = document["containerDefinitions"].as_array().map_or(&[][..], Vec::as_slice);
        for (index, container) in containers.iter().enumerate() {
            let path = format!("containerDefinitions/{index}");
            for key in NOT_OF_FARGATE {
                self.unfit(&container[key], &format!("{path}/{key}"));
            }
            for key in ["devices", "maxSwap", "sharedMemorySize", "swappiness"] {
                let value = &container["linuxParameters"][key];
                self.unfit(value, &format!("{path}/linuxParameters/{key}"));
            }
            let ports = container["portMappings"].as_array().map_or(&[][..], Vec::as_slice);
            for (port_index, port) in ports.iter().enumerate() {
                let [host, own] = ["hostPort", "containerPort"].map(|key| port[key].as_u64());
                if host.is_some_and(|host| host != 0) && host != own {
                    let path = format!("{path}/portMappings/{port_index}/hostPort");
                    let what = "the host port is another one than the container's".to_owned();
                    self.tell(&path, what, "with `awsvpc` they are the same: take it out");
                }
            }
        }
    }

    fn unfit(&mut self, value: &Value, path: &str) {
        let is_nothing = match value {
            Value::Null | Value::Bool(false) => true,
            Value::Bool(true) => false,
            Value::Number(number) => number.as_u64() == Some(0),
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(object) => object.is_empty(),
        };
        if !is_nothing {
            let key = path.rsplit('/').next().unwrap_or(path);
            self.tell(path, format!("Fargate has no `{key}`"), "take it out");
        }
    }

    fn container(&mut self, document: &Value, wanted: Option<&str>) -> Option<String> {
        let containers = document["containerDefinitions"].as_array().map_or(&[][..], Vec::as_slice);
        let names: Vec<_> = containers.iter().filter_map(|found| found["name"].as_str()).collect();
        let list = || names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        match (wanted, &names[..]) {
            (_, []) => {
                let what = "the task definition has no container with a name".to_owned();
                self.tell("containerDefinitions", what, "");
                None
            }
            (Some(wanted), _) if names.contains(&wanted) => Some(wanted.to_owned()),
            (Some(wanted), _) => {
                let what = format!("the task definition has no container `{wanted}`");
                let label = match meant(wanted, names.iter().copied()) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => format!("it has {}", list()),
                };
                self.tell("containerDefinitions", what, &label);
                None
            }
            (None, [name]) => Some((*name).to_owned()),
            (None, _) => {
                let what = format!("the task definition has several containers: {}", list());
                self.tell("containerDefinitions", what, "say which one in `task.container`");
                None
            }
        }
    }

    /// The images of the other containers; this one's is what the deploy file says.
    fn sidecars(&mut self, document: &Value, container: &str, placed: Placed<'_>) {
        let containers = document["containerDefinitions"].as_array().map_or(&[][..], Vec::as_slice);
        let caching = Caching { is_ensured: placed.is_cached, line: Caching::LINE };
        for (index, sidecar) in containers.iter().enumerate() {
            let name = sidecar["name"].as_str().unwrap_or_default();
            let Some(image) = sidecar["image"].as_str().filter(|_| name != container) else {
                continue;
            };
            if let Some(mut problem) = image_uri::refusal(image, placed.region, caching) {
                problem.what = format!("container `{name}`: {}", problem.what);
                let span = self.at(&format!("containerDefinitions/{index}/image"));
                self.findings.push(refused(span, problem));
            }
        }
    }

    fn port(&mut self, document: &Value, container: &str, wanted: Option<u16>) -> Option<u16> {
        let containers = document["containerDefinitions"].as_array()?;
        let found = containers.iter().find(|found| found["name"] == container)?;
        let mapped = found["portMappings"].as_array().map_or(&[][..], Vec::as_slice);
        let ports: Vec<_> = mapped
            .iter()
            .filter_map(|mapping| mapping["containerPort"].as_u64())
            .filter_map(|port| u16::try_from(port).ok())
            .collect();
        match (wanted, &ports[..]) {
            (Some(wanted), _) if ports.contains(&wanted) => Some(wanted),
            (None, [port]) => Some(*port),
            (Some(wanted), _) => {
                let what = format!("container `{container}` maps no port {wanted}");
                let label = format!("add {{\"containerPort\": {wanted}}} to its portMappings");
                self.tell("containerDefinitions", what, &label);
                None
            }
            (None, []) => {
                let what = format!("container `{container}` maps no port");
                let label = r#"add "portMappings": [{"containerPort": 8080}] to it"#;
                self.tell("containerDefinitions", what, label);
                None
            }
            (None, _) => {
                let what = format!("container `{container}` maps {} ports", ports.len());
                self.tell("containerDefinitions", what, "say which one in `task.port`");
                None
            }
        }
    }
}

/// CPU units or MiB: a number, `"1024"`, `"1 vCPU"`, `"2 GB"`.
fn size(value: &Value, unit: u32) -> Option<u32> {
    if let Some(number) = value.as_u64() {
        return number.try_into().ok();
    }
    let text = value.as_str()?.trim().to_lowercase();
    let Some(number) = text.strip_suffix("vcpu").or_else(|| text.strip_suffix("gb")) else {
        return text.parse().ok();
    };
    // `.5 vCPU` and `0.5 GB` are whole numbers of units.
    let (whole, part) = number.trim().split_once('.').unwrap_or((number.trim(), ""));
    let whole: u32 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part: u32 = match part {
        "" | "0" => 0,
        "25" => unit / 4,
        "5" | "50" => unit / 2,
        _ => return None,
    };
    whole.checked_mul(unit)?.checked_add(part)
}
