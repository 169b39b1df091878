//! Where a container's log goes, as its task definition says.

use serde_json::Value;
use std::fmt;

/// A log stream in CloudWatch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The log group.
    pub group: String,
    /// `<prefix>/<container>/<task id>`, which is how awslogs calls it.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html>
    pub stream: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.stream, self.group)
    }
}

/// The place of a container's log in a task, by its ARN or id; `None` where it goes elsewhere than to this
/// region's CloudWatch by awslogs, or its stream is not called after the task.
pub fn place(definition: &Value, region: &str, container: &str, task: &str) -> Option<Place> {
    let containers = definition["containerDefinitions"].as_array()?;
    let found = containers.iter().find(|found| found["name"].as_str() == Some(container))?;
    let logs = &found["logConfiguration"];
    let option = |name: &str| logs["options"][name].as_str();
    let is_here = option("awslogs-region").is_none_or(|found| found == region);
    if logs["logDriver"].as_str() != Some("awslogs") || !is_here {
        return None;
    }
    let id = task.rsplit('/').next().unwrap_or(task);
    Some(Place {
        group: option("awslogs-group")?.to_owned(),
        stream: format!("{}/{container}/{id}", option("awslogs-stream-prefix")?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_a_log_of_awslogs_in_this_region_has_a_place() {
        let place = |driver: &str, options: Value| {
            let logs = json!({ "logDriver": driver, "options": options });
            let container = json!({ "name": "web", "logConfiguration": logs });
            let definition = json!({ "containerDefinitions": [container] });
            place(&definition, "eu-west-1", "web", "arn:aws:ecs:eu-west-1:1:task/c/0f3e")
                .map(|place| place.to_string())
        };
        let options = |region: &str| {
            json!({
                "awslogs-group": "/ecs/web", "awslogs-region": region, "awslogs-stream-prefix": "ecs",
            })
        };
        let expected = Some("ecs/web/0f3e in /ecs/web".to_owned());
        assert_eq!(place("awslogs", options("eu-west-1")), expected);
        assert_eq!(place("awslogs", options("us-east-1")), None);
        assert_eq!(place("awsfirelens", options("eu-west-1")), None);
        assert_eq!(place("awslogs", json!({ "awslogs-group": "/ecs/web" })), None);
        assert_eq!(super::place(&Value::Null, "eu-west-1", "web", "0f3e"), None);
    }
}
