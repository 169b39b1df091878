//! A frame in AWS's shapes.

use super::{Frame, State};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The deployment of the script.
pub(super) const OURS: &str = "ecs-svc/2222222222222222222";
const OLD: &str = "ecs-svc/1111111111111111111";
const SUCCESSOR: &str = "ecs-svc/3333333333333333333";
/// When the old deployment was made, before ours.
const DAY: f64 = 86_400.0;

fn record_arn(state: &State) -> String {
    let arn = state.known("arn").replacen(":service/", ":service-deployment/", 1);
    format!("{arn}/2OpWf9AkJKOIuWfBW7Ata")
}

fn revision_arn(state: &State, id: &str) -> String {
    let arn = state.known("arn").replacen(":service/", ":service-revision/", 1);
    format!("{arn}/{}", id.trim_start_matches("ecs-svc/"))
}

/// Puts the deployments and events into what is otherwise known of the service.
pub(super) fn service(service: &mut Value, frame: &Frame, state: &State) {
    let [desired, running, pending, failed] = frame.counts;
    let (old, new) = (state.known("old"), state.known("new"));
    let deployment = |id: &str, is_primary: bool, revision: &str, rollout: (&str, &str)| {
        let (rollout_state, reason) = rollout;
        json!({
            "id": id,
            "status": if is_primary { "PRIMARY" } else { "ACTIVE" },
            "taskDefinition": revision,
            "desiredCount": desired,
            "pendingCount": 0,
            "runningCount": 0,
            "failedTasks": 0,
            "createdAt": state.created_at,
            "updatedAt": state.created_at,
            "launchType": "FARGATE",
            "rolloutState": rollout_state,
            "rolloutStateReason": reason,
        })
    };
    let mut deployments = Vec::new();
    if let Some((rollout_state, is_old)) = frame.successor {
        let (revision, why) = if is_old {
            (
                old.to_owned(),
                format!("ECS deployment circuit breaker: rolling back to deploymentId {OLD}."),
            )
        } else {
            (
                format!("{new}1"),
                "ECS deployment ecs-svc/3333333333333333333 in progress.".to_owned(),
            )
        };
        let mut next = deployment(SUCCESSOR, true, &revision, (rollout_state, &why));
        next["createdAt"] = json!(state.created_at + 1.0);
        next["runningCount"] = json!(frame.old);
        deployments.push(next);
    }
    if !frame.state.is_empty() {
        let is_primary = frame.successor.is_none();
        let mut ours = deployment(OURS, is_primary, new, (frame.state, frame.why));
        ours["runningCount"] = json!(running);
        ours["pendingCount"] = json!(pending);
        ours["failedTasks"] = json!(failed);
        deployments.push(ours);
    }
    if frame.old > 0 && frame.successor.is_none() {
        let mut before = deployment(OLD, false, old, ("COMPLETED", "ECS deployment completed."));
        before["createdAt"] = json!(state.created_at - DAY);
        before["runningCount"] = json!(frame.old);
        deployments.push(before);
    }
    service["deployments"] = Value::Array(deployments);
    service["deploymentConfiguration"] = json!({
        "deploymentCircuitBreaker": { "enable": true, "rollback": true },
        "maximumPercent": 200,
        "minimumHealthyPercent": 100,
    });
    let events = frame.events.iter().enumerate().rev().map(|(place, message)| {
        let at = state.created_at + f64::from(u32::try_from(place).unwrap_or(0));
        json!({ "id": format!("e-{place}"), "createdAt": at, "message": message })
    });
    service["events"] = events.collect();
}

fn brief(state: &State) -> Value {
    json!({
        "serviceDeploymentArn": record_arn(state),
        "serviceArn": state.known("arn"),
        "clusterArn": state.known("cluster"),
        "createdAt": state.created_at + 0.135,
        "startedAt": state.created_at + 0.287,
        "targetServiceRevisionArn": revision_arn(state, OURS),
        "status": "IN_PROGRESS",
    })
}

pub(super) fn list_records(frame: &Frame, body: &Value, state: &State) -> Value {
    let mut ours = brief(state);
    ours["status"] = json!(frame.record.map(|(status, _)| status));
    let mut before = brief(state);
    before["serviceDeploymentArn"] = json!(format!("{}-before", record_arn(state)));
    before["createdAt"] = json!(state.created_at - DAY);
    before["targetServiceRevisionArn"] = json!(revision_arn(state, OLD));
    before["status"] = json!("SUCCESSFUL");
    let wanted = body["status"].as_array();
    let is_wanted = |found: &Value| wanted.is_none_or(|wanted| wanted.contains(&found["status"]));
    let found = [ours, before].into_iter().filter(is_wanted);
    json!({ "serviceDeployments": found.collect::<Vec<_>>() })
}

pub(super) fn records(frame: &Frame, state: &State) -> Value {
    let (status, reason) = frame.record.unwrap_or_default();
    let [desired, running, pending, _] = frame.counts;
    let mut record = brief(state);
    let old = json!({
        "arn": revision_arn(state, OLD),
        "requestedTaskCount": desired,
        "runningTaskCount": frame.old,
        "pendingTaskCount": 0,
    });
    record.as_object_mut().expect("it is one").remove("targetServiceRevisionArn");
    record["status"] = json!(status);
    record["statusReason"] = json!(reason);
    record["updatedAt"] = json!(state.created_at + frame.at.as_secs_f64());
    record["targetServiceRevision"] = json!({
        "arn": revision_arn(state, OURS),
        "requestedTaskCount": desired,
        "runningTaskCount": running,
        "pendingTaskCount": pending,
    });
    record["sourceServiceRevisions"] = if frame.old > 0 { json!([old.clone()]) } else { json!([]) };
    record["deploymentConfiguration"] = json!({
        "deploymentCircuitBreaker": { "enable": true, "rollback": true },
        "maximumPercent": 200,
        "minimumHealthyPercent": 100,
    });
    if let Some((status, failures)) = frame.breaker {
        record["deploymentCircuitBreaker"] =
            json!({ "status": status, "failureCount": failures, "threshold": 3 });
    }
    if !frame.alarms.is_empty() {
        record["alarms"] = json!({
            "status": "TRIGGERED",
            "alarmNames": frame.alarms,
            "triggeredAlarmNames": frame.alarms,
        });
    }
    if let Some(stage) = frame.stage {
        record["lifecycleStage"] = json!(stage);
    }
    if frame.pauses {
        record["lifecycleHookDetails"] = json!([{
            "hookId": "hook-1",
            "targetType": "PAUSE",
            "status": "AWAITING_ACTION",
            "expiresAt": state.created_at + DAY,
            "timeoutAction": "ROLLBACK",
        }]);
    }
    if status.starts_with("ROLLBACK_") {
        record["rollback"] = json!({
            "reason": reason,
            "startedAt": state.created_at,
            "serviceRevisionArn": revision_arn(state, OLD),
        });
    }
    json!({ "serviceDeployments": [record], "failures": [] })
}

pub(super) fn revisions(body: &Value, state: &State) -> Value {
    let asked = body["serviceRevisionArns"].as_array().cloned().unwrap_or_default();
    let of = |arn: &str| if arn.ends_with(&OURS[8..]) { "new" } else { "old" };
    let found = asked.iter().filter_map(Value::as_str).map(|arn| {
        json!({
            "serviceRevisionArn": arn,
            "serviceArn": state.known("arn"),
            "clusterArn": state.known("cluster"),
            "taskDefinition": state.known(of(arn)),
            "launchType": "FARGATE",
        })
    });
    json!({ "serviceRevisions": found.collect::<Vec<_>>(), "failures": [] })
}

pub(super) fn stopped(state: &State) -> Value {
    json!({ "serviceDeploymentArn": record_arn(state) })
}

fn task_arn(place: usize) -> String {
    format!("arn:aws:ecs:eu-central-1:123456789012:task/web/{place:032x}")
}

pub(super) fn list_tasks(frame: &Frame, body: &Value) -> Value {
    let wants_stopped = body["desiredStatus"] == "STOPPED";
    let tasks = frame.tasks.iter().enumerate();
    let listed = tasks.filter(|(_, task)| task.stopped.is_some() == wants_stopped);
    json!({ "taskArns": listed.map(|(place, _)| task_arn(place)).collect::<Vec<_>>() })
}

pub(super) fn tasks(frame: &Frame, body: &Value, state: &State) -> Value {
    let asked = body["tasks"].as_array().cloned().unwrap_or_default();
    let tasks = frame.tasks.iter().enumerate();
    let tasks = tasks.filter(|(place, _)| asked.contains(&json!(task_arn(*place))));
    let tasks = tasks.map(|(place, task)| {
        let at = state.created_at + f64::from(u32::try_from(place).unwrap_or(0));
        let mut container = json!({ "name": "web", "lastStatus": task.status });
        if let Some(code) = task.exit_code {
            container["exitCode"] = json!(code);
        }
        let mut found = json!({
            "taskArn": task_arn(place),
            "taskDefinitionArn": state.known("new"),
            "startedBy": OURS,
            "group": "service:web",
            "launchType": "FARGATE",
            "lastStatus": task.status,
            "desiredStatus": if task.stopped.is_some() { "STOPPED" } else { "RUNNING" },
            "createdAt": at,
            "containers": [container],
            "attachments": [{
                "type": "ElasticNetworkInterface",
                "status": "ATTACHED",
                "details": [{ "name": "privateIPv4Address", "value": task.address }],
            }],
        });
        if let Some((code, reason)) = task.stopped {
            found["stopCode"] = json!(code);
            found["stoppedReason"] = json!(reason);
            found["stoppedAt"] = json!(at + 1.0);
        }
        found
    });
    json!({ "tasks": tasks.collect::<Vec<_>>(), "failures": [] })
}

pub(super) fn targets(frame: &Frame) -> String {
    let mut members = String::new();
    for (address, [state, reason, description]) in &frame.targets {
        let told = |name: &str, text: &str| {
            if text.is_empty() { String::new() } else { format!("<{name}>{text}</{name}>") }
        };
        write!(
            members,
            "<member><HealthCheckPort>8080</HealthCheckPort><TargetHealth><State>{state}</State>{}{}\
             </TargetHealth><Target><Port>8080</Port><Id>{address}</Id></Target></member>",
            told("Reason", reason),
            told("Description", description),
        )
        .expect("a string takes it");
    }
    format!(
        "<DescribeTargetHealthResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">\
         <DescribeTargetHealthResult><TargetHealthDescriptions>{members}</TargetHealthDescriptions>\
         </DescribeTargetHealthResult><ResponseMetadata><RequestId>0</RequestId></ResponseMetadata>\
         </DescribeTargetHealthResponse>"
    )
}
