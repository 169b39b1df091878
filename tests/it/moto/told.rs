//! What ECS is told of a rollout, in the shapes that its own API model has.

use super::{
    stack::Stack,
    strategies::{CANARY, configured},
};
use crate::support::shapes::unlike_the_api;
use serde_json::{Value, json};

#[tokio::test]
async fn what_ecs_is_told_has_the_shape_that_it_describes() {
    let stack = Stack::new().await;
    stack.moto.requests();
    stack.write_more(&CANARY.replace("bake-time: 3m", "bake-time: 3m\n  test-port: 9000"));
    stack.converge().await;
    let created = sent(&stack, "ecs:CreateService");
    insta::assert_json_snapshot!(known(&created["deploymentConfiguration"]), @r#"
    {
      "deploymentCircuitBreaker": {
        "enable": true,
        "rollback": true
      },
      "maximumPercent": 200,
      "minimumHealthyPercent": 100,
      "alarms": {
        "alarmNames": [
          "5xx"
        ],
        "rollback": true,
        "enable": true
      },
      "strategy": "CANARY",
      "bakeTimeInMinutes": 3,
      "lifecycleHooks": [
        {
          "targetType": "PAUSE",
          "lifecycleStages": [
            "POST_SCALE_UP"
          ],
          "timeoutConfiguration": {
            "timeoutInMinutes": 60,
            "action": "ROLLBACK"
          }
        }
      ],
      "canaryConfiguration": {
        "canaryPercent": 12.5,
        "canaryBakeTimeInMinutes": 2
      }
    }
    "#);
    insta::assert_json_snapshot!(known(&created["loadBalancers"]), @r#"
    [
      {
        "targetGroupArn": "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/web/ID",
        "containerName": "web",
        "containerPort": 8080,
        "advancedConfiguration": {
          "alternateTargetGroupArn": "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/web-alternate/ID",
          "productionListenerRule": "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener-rule/app/web/ID/ID/ID",
          "testListenerRule": "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener-rule/app/web/ID/ID/ID",
          "roleArn": "arn:aws:iam::123456789012:role/web-eu-central-1-infrastructure"
        }
      }
    ]
    "#);

    let canary = stack.config();
    stack.write_more("rollout: { early-success: {}, rollback: false }");
    let plan = stack.plan_where(configured(&canary)).await.expect("a plan");
    stack.moto.requests();
    stack.apply(&plan).await;
    let updated = sent(&stack, "ecs:UpdateService");
    insta::assert_json_snapshot!(known(&updated), @r#"
    {
      "cluster": "arn:aws:ecs:eu-central-1:123456789012:cluster/web",
      "service": "arn:aws:ecs:eu-central-1:123456789012:service/web/web",
      "deploymentConfiguration": {
        "deploymentCircuitBreaker": {
          "enable": true,
          "rollback": false
        },
        "maximumPercent": 200,
        "minimumHealthyPercent": 100,
        "alarms": {
          "alarmNames": [],
          "rollback": false,
          "enable": false
        },
        "strategy": "ROLLING",
        "lifecycleHooks": [],
        "earlySuccessCriteria": {
          "enable": true,
          "healthyPercent": 100,
          "sourceServiceRevisionCleanup": "DEFERRED"
        }
      }
    }
    "#);

    let calls = json!([
        {"operation": "CreateService", "input": created, "output": {}},
        {"operation": "UpdateService", "input": updated, "output": {}},
        {"operation": "ContinueServiceDeployment", "output": {}, "input": {
            "serviceDeploymentArn": "arn", "hookId": "ecs-pause-1", "action": "CONTINUE",
        }},
        {"operation": "StopServiceDeployment", "output": {}, "input": {
            "serviceDeploymentArn": "arn", "stopType": "ROLLBACK",
        }},
    ]);
    assert_eq!(unlike_the_api("ecs", &calls), "");
}

/// The body of the one call of this operation.
fn sent(stack: &Stack, operation: &str) -> Value {
    let requests = stack.moto.requests();
    let found = requests.iter().find(|(call, _)| call == operation);
    found.map_or(Value::Null, |(_, body)| serde_json::from_str(body).expect("it is JSON"))
}

/// The same with the ids left out that differ from run to run.
fn known(value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with("arn:aws:elasticloadbalancing:") => {
            let is_id =
                |part: &&str| part.len() == 16 && part.bytes().all(|it| it.is_ascii_hexdigit());
            let parts = text.split('/').map(|part| if is_id(&part) { "ID" } else { part });
            json!(parts.collect::<Vec<_>>().join("/"))
        }
        Value::Array(items) => items.iter().map(known).collect(),
        Value::Object(items) => items
            .iter()
            .map(|(key, value)| (key.clone(), known(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}
