//! The form in which two task definitions are compared: what ECS fills in is filled in on both sides,
//! and what has no order is sorted.

use serde_json::{Map, Value, json};

/// What DescribeTaskDefinition adds and RegisterTaskDefinition refuses.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html>
pub const DESCRIBE_ONLY: [&str; 8] = [
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "deregisteredAt",
    "registeredBy",
];

/// The normal form of a document, whether it was written by a person or answered by ECS.
pub fn form(document: &Value) -> Value {
    let mut document = document.clone();
    prune(&mut document);
    let Some(object) = document.as_object_mut() else { return document };
    for key in DESCRIBE_ONLY {
        object.shift_remove(key);
    }
    object.shift_remove("tags");
    object.retain(|_, value| value != "");
    size(object, "cpu");
    size(object, "memory");
    default_away(object, "enableFaultInjection", &json!(false));
    if let Some(list) = object.get_mut("requiresCompatibilities").and_then(Value::as_array_mut) {
        list.sort_by_key(ToString::to_string);
    }
    // <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_EFSVolumeConfiguration.html>
    for volume in objects(object.get_mut("volumes")) {
        if let Some(efs) = volume.get_mut("efsVolumeConfiguration").and_then(Value::as_object_mut) {
            default_away(efs, "rootDirectory", &json!("/"));
        }
    }
    let is_awsvpc = object.get("networkMode").is_none_or(|mode| mode == "awsvpc");
    if let Some(containers) = object.get_mut("containerDefinitions").and_then(Value::as_array_mut) {
        for container in containers.iter_mut().filter_map(Value::as_object_mut) {
            container_form(container, is_awsvpc);
        }
    }
    document
}

/// Takes out what says nothing: nulls, and empty lists and objects. Strings in a list stay, because an
/// empty argument is an argument.
fn prune(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.values_mut().for_each(prune);
            object.retain(|_, value| !says_nothing(value));
        }
        Value::Array(list) => list.iter_mut().for_each(prune),
        _ => {}
    }
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => false,
    }
}

fn container_form(container: &mut Map<String, Value>, is_awsvpc: bool) {
    default_away(container, "cpu", &json!(0));
    default_away(container, "versionConsistency", &json!("enabled"));
    container.entry("essential").or_insert(json!(true));
    for (list, key) in [("environment", "name"), ("secrets", "name"), ("ulimits", "name")] {
        if let Some(list) = container.get_mut(list).and_then(Value::as_array_mut) {
            list.sort_by_key(|entry| entry[key].as_str().unwrap_or_default().to_owned());
        }
    }
    if let Some(ports) = container.get_mut("portMappings").and_then(Value::as_array_mut) {
        for port in ports.iter_mut().filter_map(Value::as_object_mut) {
            port.entry("protocol").or_insert(json!("tcp"));
            // 0 asks for the port that ECS chooses, which with `awsvpc` is the container's.
            default_away(port, "hostPort", &json!(0));
            if let (true, Some(number)) = (is_awsvpc, port.get("containerPort").cloned()) {
                port.entry("hostPort").or_insert(number);
            }
        }
    }
    for list in ["mountPoints", "volumesFrom"] {
        for entry in objects(container.get_mut(list)) {
            default_away(entry, "readOnly", &json!(false));
        }
    }
    // <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html>
    if let Some(check) = container.get_mut("healthCheck").and_then(Value::as_object_mut) {
        for (key, value) in [("interval", 30), ("timeout", 5), ("retries", 3)] {
            check.entry(key).or_insert(json!(value));
        }
        default_away(check, "startPeriod", &json!(0));
    }
}

fn objects(list: Option<&mut Value>) -> impl Iterator<Item = &mut Map<String, Value>> {
    let list = list.and_then(Value::as_array_mut).into_iter().flatten();
    list.filter_map(Value::as_object_mut)
}

fn default_away(object: &mut Map<String, Value>, key: &str, default: &Value) {
    if object.get(key) == Some(default) {
        object.shift_remove(key);
    }
}

/// `1 vCPU` is 1024 CPU units and `0.5 GB` is 512 MiB; ECS answers the number as a string.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html>
fn size(object: &mut Map<String, Value>, key: &str) {
    let Some(value) = object.get_mut(key) else { return };
    let text = match value {
        Value::String(text) => text.trim().to_ascii_lowercase(),
        Value::Number(number) => number.to_string(),
        _ => return,
    };
    let unit = text.strip_suffix("vcpu").or_else(|| text.strip_suffix("gb"));
    let scaled = unit.and_then(|number| number.trim().parse::<f64>().ok());
    *value = Value::String(scaled.map_or(text, |number| (number * 1024.0).round().to_string()));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a person writes, and what ECS answers for it.
    #[test]
    fn what_ecs_fills_in_is_no_difference() {
        let written = json!({
            "family": "web", "networkMode": "awsvpc", "cpu": "0.25 vCPU", "memory": 512,
            "requiresCompatibilities": ["FARGATE"],
            "containerDefinitions": [{
                "name": "web", "image": "x@sha256:1",
                "portMappings": [{"containerPort": 8080}],
                "environment": [{"name": "B", "value": ""}, {"name": "A", "value": "1"}],
                "healthCheck": {"command": ["CMD", ""]},
            }],
        });
        let answered = json!({
            "taskDefinitionArn": "arn:aws:ecs:eu-west-1:1:task-definition/web:7",
            "family": "web", "networkMode": "awsvpc", "cpu": "256", "memory": "512", "revision": 7,
            "status": "ACTIVE", "requiresAttributes": [{"name": "ecs.capability.task-eni"}],
            "compatibilities": ["EC2", "FARGATE"], "requiresCompatibilities": ["FARGATE"],
            "registeredAt": 1.0, "registeredBy": "arn:aws:iam::1:role/x", "volumes": [],
            "placementConstraints": [], "enableFaultInjection": false,
            "containerDefinitions": [{
                "name": "web", "image": "x@sha256:1", "cpu": 0, "essential": true,
                "portMappings": [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}],
                "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": ""}],
                "mountPoints": [], "volumesFrom": [], "systemControls": [],
                "healthCheck": {
                    "command": ["CMD", ""], "interval": 30, "timeout": 5, "retries": 3,
                },
            }],
        });
        assert_eq!(form(&written), form(&answered));
    }

    #[test]
    fn the_defaults_of_ports_and_volumes_are_no_difference() {
        let written = json!({
            "containerDefinitions": [{
                "portMappings": [{"containerPort": 80, "hostPort": 0}],
                "mountPoints": [{"sourceVolume": "data", "containerPath": "/data"}],
            }],
            "volumes": [
                {"name": "data", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}},
                {"name": "scratch"},
            ],
        });
        let answered = json!({
            "containerDefinitions": [{
                "essential": true,
                "portMappings": [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}],
                "mountPoints": [
                    {"sourceVolume": "data", "containerPath": "/data", "readOnly": false},
                ],
            }],
            "volumes": [
                {
                    "name": "data",
                    "efsVolumeConfiguration": {"fileSystemId": "fs-1", "rootDirectory": "/"},
                },
                {"name": "scratch", "host": {}},
            ],
        });
        assert_eq!(form(&written), form(&answered));
    }

    #[test]
    fn a_field_that_nobody_knows_yet_counts() {
        let plain = json!({"family": "web", "containerDefinitions": [{"name": "web"}]});
        let mut newer = plain.clone();
        newer["containerDefinitions"][0]["quantumMode"] = json!("on");
        assert_ne!(form(&plain), form(&newer));
    }

    #[test]
    fn an_empty_argument_is_an_argument() {
        let with = json!({"containerDefinitions": [{"command": ["sh", ""]}]});
        let without = json!({"containerDefinitions": [{"command": ["sh"]}]});
        assert_ne!(form(&with), form(&without));
    }
}
