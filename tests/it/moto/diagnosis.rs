//! Why a rollout failed, with what is read of the VPC for it. moto starts no task by itself: the test starts
//! one in the deployment's name and stops it with AWS's words.

use super::stack::Stack;
use aws_sdk_ecs::types::{
    AwsVpcConfiguration, ContainerDefinition, LaunchType, NetworkConfiguration,
};
use ecs_private_deploy::{
    aws::Reader,
    error::Problem,
    event::Verdict,
    rollout::{
        Target, evidence,
        machine::Ending,
        state,
        verdict::{Known, verdict},
    },
};
use futures_util::FutureExt as _;
use std::time::Duration;

const LAYERS: &str = "CannotPullContainerError: ref pull has been retried 1 time(s): failed to copy: \
    httpReadSeeker: failed open: failed to do request: Get \
    \"https://prod-eu-central-1-starport-layer-bucket.s3.eu-central-1.amazonaws.com/0a?X-Amz-Date=1\": \
    dial tcp 52.219.1.2:443: i/o timeout";

/// Starts a task and stops it for this reason; yields what is told then, and what was asked for it.
async fn told(stack: &Stack, reason: &str) -> (Problem, Vec<String>) {
    let ecs = &stack.account.ecs;
    let aws = Reader::new(&stack.moto.config()).await.expect("moto answers");
    let mut target = Target {
        cluster: "web".to_owned(),
        service: "web".to_owned(),
        deployment: String::new(),
        timeout: Duration::from_mins(15),
        give_up: None,
        asked_back: None,
    };
    let seen = state::read(&aws, &target).await.expect("moto answers");
    let ours = seen.primary().expect("the service has one");
    target.deployment.clone_from(&ours.id);
    let subnets = AwsVpcConfiguration::builder().subnets(&stack.vpc.private[0]);
    let network = NetworkConfiguration::builder()
        .awsvpc_configuration(subnets.build().expect("it has a subnet"))
        .build();
    // moto counts the memory that a container has for itself, which the service's has not.
    let container = ContainerDefinition::builder().name("web").image("web").memory(512).build();
    let request = ecs.register_task_definition().family("started-by-hand");
    request.container_definitions(container).send().await.expect("a task definition");
    let request = ecs.run_task().cluster("web").task_definition("started-by-hand");
    let request = request.started_by(&ours.id).network_configuration(network);
    let started = request.launch_type(LaunchType::Fargate).send().await.expect("a task");
    let task = started.tasks()[0].task_arn().expect("an ARN");
    let request = ecs.stop_task().cluster("web").task(task).reason(reason);
    request.send().await.expect("it stops");

    stack.moto.calls();
    let evidence = evidence::gather(&aws, &target, ours, &[]).boxed().await;
    let calls = stack.moto.calls();
    let is_read = |call: &String| [":Describe", ":Get", ":List"].iter().any(|it| call.contains(it));
    assert!(!calls.is_empty() && calls.iter().all(is_read), "{calls:?}");
    let known = Known {
        service: "web",
        timeout: target.timeout,
        deployment: Some(ours),
        messages: &[],
        evidence: &evidence,
    };
    match verdict(Ending::TimedOut, known) {
        Verdict::TimedOut(problem) => (problem, calls),
        verdict => panic!("{verdict:?}"),
    }
}

#[tokio::test]
async fn the_route_that_is_missing_is_named_with_the_command_that_makes_it() {
    let stack = Stack::new().await;
    stack.converge().await;
    let ec2 = &stack.account.ec2;
    let found = ec2.describe_vpc_endpoints().send().await.expect("endpoints");
    let gateway = found.vpc_endpoints().iter().find(|found| !found.route_table_ids().is_empty());
    let gateway = gateway.and_then(|found| found.vpc_endpoint_id()).expect("a gateway").to_owned();
    let table = &stack.vpc.route_tables[1];
    let request = ec2.modify_vpc_endpoint().vpc_endpoint_id(&gateway);
    request.remove_route_table_ids(table).send().await.expect("it is taken off");

    let (problem, calls) = told(&stack, LAYERS).await;
    assert!(calls.iter().any(|call| call == "ec2:DescribeRouteTables"), "{calls:?}");
    let subnet = &stack.vpc.private[1];
    let cause = format!("{table} of {subnet} has no route to {gateway}");
    assert!(problem.what.contains(&cause), "{problem}");
    let help = problem.help.as_deref().unwrap_or_default();
    let fix = format!(
        "aws ec2 modify-vpc-endpoint --vpc-endpoint-id {gateway} --add-route-table-ids {table}"
    );
    assert_eq!(help.lines().next(), Some(fix.as_str()), "{problem}");
}

#[tokio::test]
async fn a_vpc_in_which_all_is_open_is_not_blamed() {
    let stack = Stack::new().await;
    stack.converge().await;
    let (problem, _) = told(&stack, LAYERS).await;
    assert!(problem.what.contains("the task did not reach S3"), "{problem}");
    let is_open =
        |line: &String| line.starts_with("as the VPC is now, every hop is open (s3 by vpce-");
    assert!(problem.found.iter().any(is_open), "{problem}");
}

#[tokio::test]
async fn the_vpc_is_not_read_for_what_is_not_about_it() {
    let stack = Stack::new().await;
    stack.converge().await;
    let (problem, calls) =
        told(&stack, "OutOfMemoryError: Container killed due to memory usage").await;
    assert!(problem.what.contains("ran out of memory"), "{problem}");
    assert!(calls.iter().all(|call| !call.starts_with("ec2:")), "{calls:?}");
}
