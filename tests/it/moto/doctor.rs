//! `doctor`, run as a user runs it: about a service that somebody deployed, about a task definition in a
//! VPC, and about the file.

use super::stack::Stack;
use crate::support::{
    moto::REGION,
    program::{Program, Run},
};
use ecs_private_deploy::exit;
use serde_json::{Value, json};
use std::collections::BTreeSet;

async fn doctor(stack: &Stack, arguments: &[&str]) -> Run {
    let arguments = [&["doctor"], arguments].concat();
    Program::new(stack.folder(), &arguments, &stack.moto.config()).run().await
}

/// `ecr.api reachable`, once for all subnets.
fn verdicts(report: &Value) -> BTreeSet<String> {
    let needs = report["needs"].as_array().expect("needs");
    let text = |need: &Value, key: &str| need[key].as_str().expect("a text").to_owned();
    needs
        .iter()
        .map(|need| format!("{} {}", text(need, "service"), text(need, "verdict")))
        .collect()
}

#[tokio::test]
async fn a_service_is_told_what_broke_it_and_how_to_mend_it() {
    let stack = Stack::new().await;
    stack.converge().await;
    let service = ["--cluster", "web", "--service", "web"];
    let json = [&service[..], &["--format", "json"]].concat();
    let well = doctor(&stack, &json).await.ends_with(exit::OK).json();
    let all = ["ecr.api", "ecr.dkr", "logs", "s3"].map(|service| format!("{service} reachable"));
    assert_eq!(verdicts(&well), BTreeSet::from(all), "{well:#}");
    assert_eq!((&well["problems"], &well["warnings"]), (&json!([]), &json!([])), "{well:#}");

    let ec2 = &stack.account.ec2;
    let found = ec2.describe_vpc_endpoints().send().await.expect("endpoints");
    let gateway = found.vpc_endpoints().iter().find(|found| !found.route_table_ids().is_empty());
    let gateway = gateway.and_then(|found| found.vpc_endpoint_id()).expect("a gateway").to_owned();
    let request = ec2.modify_vpc_endpoint().vpc_endpoint_id(&gateway);
    let table = &stack.vpc.route_tables[1];
    request.remove_route_table_ids(table).send().await.expect("it is taken off");

    stack.moto.calls();
    let broken = doctor(&stack, &json).await.ends_with(exit::REFUSED).json();
    assert_eq!(stack.moto.writes(), Vec::<String>::new(), "it only reads");
    let problem = &broken["problems"][0];
    assert_eq!(problem["broken_hop"], "route", "{broken:#}");
    assert_eq!(problem["subnet"], *stack.vpc.private[1], "{broken:#}");
    let fix = format!(
        "aws ec2 modify-vpc-endpoint --vpc-endpoint-id {gateway} --add-route-table-ids {table}"
    );
    assert_eq!(problem["fix"], *fix, "{broken:#}");
    let needs = broken["needs"].as_array().expect("needs");
    let unreachable = needs.iter().filter(|need| need["verdict"] == "unreachable");
    assert_eq!(unreachable.count(), 1, "{broken:#}");

    let text = doctor(&stack, &service).await.ends_with(exit::REFUSED);
    assert!(text.stdout.contains(&fix), "{}", text.stdout);
    let plan = Program::new(stack.folder(), &["plan"], &stack.moto.config()).run().await;
    let plan = plan.ends_with(exit::OK);
    assert!(plan.stdout.contains("~ endpoint/s3"), "{}", plan.stdout);
}

#[tokio::test]
async fn the_file_is_about_a_service_that_may_not_exist_yet() {
    let stack = Stack::new().await;
    let before = doctor(&stack, &[]).await.ends_with(exit::REFUSED);
    assert!(before.stdout.contains("there is no endpoint of ecr.api"), "{}", before.stdout);
    assert!(before.stdout.contains("`deploy` makes the endpoints"), "{}", before.stdout);
    stack.converge().await;
    let after = doctor(&stack, &[]).await.ends_with(exit::OK);
    assert!(!after.stdout.contains("problems:"), "{}", after.stdout);
}

#[tokio::test]
async fn a_task_definition_and_a_vpc_are_enough() {
    let stack = Stack::new().await;
    let definition = json!({"containerDefinitions": [
        {"name": "web", "image": "nginx"},
        {"name": "agent", "image": "public.ecr.aws/datadog/agent:7"},
    ]});
    std::fs::write(stack.folder().join("web.json"), definition.to_string()).expect("the file");
    let arguments = ["--vpc", &stack.vpc.id, "--task-definition", "./web.json", "--format", "json"];
    let report = doctor(&stack, &arguments).await.ends_with(exit::REFUSED).json();
    let expected = ["docker.io unreachable", "public.ecr.aws unreachable"].map(str::to_owned);
    assert_eq!(verdicts(&report), BTreeSet::from(expected), "{report:#}");
    let text = doctor(&stack, &arguments[..4]).await.ends_with(exit::REFUSED);
    assert!(text.stdout.contains("pull-through: ensure"), "{}", text.stdout);
}

#[tokio::test]
async fn under_actions_the_picture_is_in_the_job_summary() {
    let stack = Stack::new().await;
    let summary = stack.folder().join("summary.md");
    let program = Program::new(stack.folder(), &[], &stack.moto.config())
        .env("GITHUB_ACTIONS", "true")
        .env("INPUT_COMMAND", "doctor")
        .env("GITHUB_STEP_SUMMARY", summary.to_str().expect("a path"));
    let run = program.run().await.ends_with(exit::REFUSED);
    assert!(run.stdout.starts_with("::stop-commands::"), "{}", run.stdout);
    assert!(run.stderr.contains("::error title=service web of cluster web"), "{}", run.stderr);
    let summary = std::fs::read_to_string(summary).expect("a summary");
    assert!(summary.contains("```mermaid\n") && summary.contains("flowchart TB"), "{summary}");
    assert!(summary.contains("aws ec2 create-vpc-endpoint"), "{summary}");
}

/// What is not there is said by its name, and ends with 3; what is wrong before anybody is asked, with 2.
#[tokio::test]
async fn what_is_named_and_not_there() {
    let stack = Stack::new().await;
    let refused = async |arguments: &[&str]| {
        let run = doctor(&stack, arguments).await.ends_with(exit::REFUSED);
        run.stderr.lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(
        refused(&["--vpc", "vpc-0123456789abcdef0"]).await,
        format!(
            "error: VPC `vpc-0123456789abcdef0` does not exist in {REGION} for account 123456789012"
        )
    );
    assert_eq!(
        refused(&["--service", "api", "--cluster", "prod"]).await,
        format!(
            "error: there is no service `api` in cluster `prod` in {REGION} of account 123456789012"
        )
    );
    assert_eq!(
        refused(&["--task-definition", "api:3"]).await,
        format!("error: there is no task definition `api:3` in {REGION}")
    );
    let subnet = refused(&["--subnets", "subnet-0123456789abcdef0"]).await;
    assert!(subnet.contains("subnet-0123456789abcdef0"), "{subnet}");
    let group = ["--vpc", &stack.vpc.id, "--security-groups", "sg-0123456789abcdef0"];
    assert_eq!(
        refused(&group).await,
        format!("error: no security group sg-0123456789abcdef0 in {}", stack.vpc.id)
    );
    std::fs::write(stack.folder().join("web.json"), "{\n  \"family\": web\n}").expect("the file");
    let wrong = doctor(&stack, &["--task-definition", "./web.json"]).await.ends_with(exit::CONFIG);
    assert!(wrong.stderr.contains("./web.json:2:"), "{}", wrong.stderr);
    doctor(&stack, &["--task-definition", "./no.json"]).await.ends_with(exit::CONFIG);
}
