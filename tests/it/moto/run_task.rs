//! Tasks beside a rollout: when they are in the plan, what ECS is asked for, and what becomes of the
//! rollout.

use super::{cancel::runs, stack::Stack};
use crate::support::{
    program::{Program, Run},
    switch::Switch,
};
use ecs_private_deploy::exit;
use serde_json::{Value, json};

const TWO: &str = "run:\n\
    - { name: migrate, command: [./migrate, up], before: rollout, environment: { LEVEL: '2' } }\n\
    - { name: check, command: [./check], before: rollout }\n\
    - { name: warm, command: [./warm], after: rollout }";

async fn run(stack: &Stack, switch: &Switch, arguments: &[&str]) -> Run {
    let config = switch.config(&stack.moto.config());
    Program::new(stack.folder(), arguments, &config).run().await
}

async fn switched() -> (Stack, Switch) {
    let stack = Stack::new().await;
    let switch = Switch::before(stack.moto.port()).await;
    (stack, switch)
}

fn tasks(plan: &Value) -> Vec<(String, String)> {
    let text = |step: &Value, key: &str| step[key].as_str().unwrap_or_default().to_owned();
    let steps = plan["steps"].as_array().expect("a list").iter();
    let tasks = steps.filter(|step| step["action"] == "run");
    tasks.map(|step| (text(step, "address"), text(step, "reason"))).collect()
}

#[tokio::test]
async fn tasks_run_in_their_order_before_and_after_the_service_and_only_where_it_rolls_out() {
    let (stack, switch) = switched().await;
    runs(&stack, TWO);
    let plan = run(&stack, &switch, &["plan", "--format", "json"]).await.ends_with(exit::OK).json();
    insta::assert_debug_snapshot!(tasks(&plan), @r#"
    [
        (
            "run/migrate",
            "before the rollout: ./migrate up",
        ),
        (
            "run/check",
            "before the rollout: ./check",
        ),
        (
            "run/warm",
            "after the rollout: ./warm",
        ),
    ]
    "#);
    let text = run(&stack, &switch, &["plan"]).await.ends_with(exit::OK).stdout;
    assert!(text.contains("\n> run/migrate") && text.contains("3 to run, "), "{text}");

    stack.moto.requests();
    run(&stack, &switch, &["deploy"]).await.ends_with(exit::OK);
    let requests = stack.moto.requests();
    let order: Vec<_> = requests
        .iter()
        .filter(|(call, _)| ["ecs:RunTask", "ecs:CreateService"].contains(&call.as_str()))
        .map(|(call, body)| {
            let body: Value = serde_json::from_str(body).expect("it is JSON");
            let command = &body["overrides"]["containerOverrides"][0]["command"];
            format!("{call} {command}")
        })
        .collect();
    insta::assert_debug_snapshot!(order, @r#"
    [
        "ecs:RunTask [\"./migrate\",\"up\"]",
        "ecs:RunTask [\"./check\"]",
        "ecs:CreateService null",
        "ecs:RunTask [\"./warm\"]",
    ]
    "#);
    as_the_service(&requests);

    // Nothing rolls out any more, or without another version.
    let plan = run(&stack, &switch, &["plan", "--format", "json"]).await.ends_with(exit::OK).json();
    assert_eq!(plan["steps"], json!([]), "{plan:#}");
    runs(&stack, &format!("{TWO}\nrollout: {{ desired-count: 3 }}"));
    let plan = run(&stack, &switch, &["plan", "--format", "json"]).await.ends_with(exit::OK).json();
    assert_eq!((plan["steps"].as_array().map(Vec::len), tasks(&plan)), (Some(1), Vec::new()));
}

/// The first task has the service's network, its own variables, and its stack's tags.
fn as_the_service(requests: &[(String, String)]) {
    let body = |call: &str| -> Value {
        let found = requests.iter().find(|(found, _)| found == call);
        serde_json::from_str(&found.expect("it was asked for").1).expect("it is JSON")
    };
    let (task, service) = (body("ecs:RunTask"), body("ecs:CreateService"));
    for key in
        ["networkConfiguration", "taskDefinition", "platformVersion", "cluster", "launchType"]
    {
        assert_eq!(task[key], service[key], "{key}");
        assert_ne!(task[key], Value::Null, "{key}");
    }
    let network = &task["networkConfiguration"]["awsvpcConfiguration"];
    assert_eq!(network["assignPublicIp"], "DISABLED");
    let container = &task["overrides"]["containerOverrides"][0];
    assert_eq!(container["environment"], json!([{"name": "LEVEL", "value": "2"}]));
    let tags = task["tags"].to_string();
    assert!(tags.contains("run/migrate") && tags.contains("ecs-private-deploy:stack"), "{tags}");
    assert!(task["clientToken"].as_str().is_some_and(|token| token.len() == 32), "{task:#}");
}

#[tokio::test]
async fn a_task_that_fails_before_the_rollout_leaves_the_service_alone() {
    let (stack, switch) = switched().await;
    runs(&stack, "");
    run(&stack, &switch, &["deploy"]).await.ends_with(exit::OK);
    stack.account.push("web", "v2").await;
    runs(&stack, &format!("{TWO}\nlogs: {{ retention-in-days: 7 }}"));
    let file = std::fs::read_to_string(stack.file()).expect("the file");
    std::fs::write(
        stack.file(),
        file.replace(
            "definition: task.json",
            "definition: task.json, task-role-arn: 'arn:aws:iam::123456789012:role/x'",
        ),
    )
    .expect("the file");
    switch.say("DescribeTasks", "\"exitCode\": 0", "\"exitCode\": 3");
    stack.moto.requests();
    let failed = run(&stack, &switch, &["deploy"]).await.ends_with(exit::ROLLOUT_FAILED);
    for text in [
        "a task before the rollout of `web` failed, nothing was rolled out",
        "the task `migrate` failed: container `web` exited with code 3",
        "`web` was left alone, it runs `web:1`",
        "not started: run/check, service/web",
    ] {
        assert!(failed.stderr.contains(text), "{text} in {}", failed.stderr);
    }
    assert!(!stack.moto.calls().contains(&"ecs:UpdateService".to_owned()));

    // The one that failed is not taken for the next one.
    switch.say("DescribeTasks", "\"exitCode\": 3", "\"exitCode\": 0");
    let before = switch.count("RunTask");
    let again = run(&stack, &switch, &["deploy"]).await.ends_with(exit::OK);
    assert!(switch.count("RunTask") > before, "{}", again.stderr);
}

#[tokio::test]
async fn a_task_that_takes_too_long_is_stopped() {
    let (stack, switch) = switched().await;
    stack.moto.keep_tasks_running().await;
    runs(&stack, "run: [{ name: migrate, command: [x], before: rollout, timeout: 3s }]");
    let failed = run(&stack, &switch, &["deploy"]).await.ends_with(exit::ROLLOUT_FAILED);
    for text in
        ["the task `migrate` was not done after 3.0s", "it was stopped: arn:", "`web` was not made"]
    {
        assert!(failed.stderr.contains(text), "{text} in {}", failed.stderr);
    }
    assert_eq!((switch.count("StopTask"), switch.count("CreateService")), (1, 0));
}

#[tokio::test]
async fn a_task_that_fails_after_the_rollout_is_said_and_undoes_nothing() {
    let (stack, switch) = switched().await;
    runs(&stack, "run: [{ name: warm, command: [./warm], after: rollout }]");
    switch.say("DescribeTasks", "\"exitCode\": 0", "\"exitCode\": 1");
    let failed = run(&stack, &switch, &["deploy"]).await.ends_with(exit::ROLLOUT_FAILED);
    for text in [
        "`web` is deployed, and a task after the rollout failed",
        "the task `warm` failed: container `web` exited with code 1",
    ] {
        assert!(failed.stderr.contains(text), "{text} in {}", failed.stderr);
    }
    assert!(!failed.stderr.contains("failed image"), "{}", failed.stderr);
    run(&stack, &switch, &["plan", "--detailed-exitcode"]).await.ends_with(exit::OK);
}

#[tokio::test]
async fn without_the_permission_the_action_is_named() {
    let (stack, switch) = switched().await;
    runs(&stack, TWO);
    switch.refuse("RunTask", "AccessDeniedException", "not authorized to perform: ecs:RunTask");
    let failed = run(&stack, &switch, &["deploy"]).await.ends_with(exit::ROLLOUT_FAILED);
    assert!(failed.stderr.contains("allow `ecs:RunTask`"), "{}", failed.stderr);
}
