//! What the file says of the network, and what a plan makes of it.

use super::stack::Stack;
use crate::support::{moto::REGION, program::Program, relay::Relay};
use aws_sdk_ec2::types::{AttributeBooleanValue, VpcEndpointType};
use ecs_private_deploy::{exit, plan::Plan};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The addresses of the plan's steps that are about the network.
fn steps(plan: &Plan) -> Vec<String> {
    let line = |(address, step): (&_, &ecs_private_deploy::plan::Step)| {
        format!("{} {address}", step.change.shown().action)
    };
    let lines = plan.steps.iter().map(line);
    lines.filter(|line| line.contains(" endpoint/") || line.contains(" vpc/")).collect()
}

async fn planned(stack: &Stack, more: &str) -> Plan {
    stack.write_more(more);
    stack.plan().await.unwrap_or_else(|error| panic!("{error}"))
}

/// The refusal, in which nothing was written.
async fn refused(stack: &Stack, more: &str) -> String {
    stack.write_more(more);
    stack.moto.calls();
    let error = stack.plan().await.expect_err("it cannot work");
    assert_eq!(error.exit_code(), exit::REFUSED, "{error}");
    assert_eq!(stack.moto.writes(), Vec::<String>::new());
    error.to_string()
}

#[tokio::test]
async fn what_the_plan_makes_is_taken_as_there() {
    let stack = Stack::new().await;
    let plan = planned(&stack, "").await;
    assert_eq!(plan.warnings, Vec::<String>::new(), "every need is known to be reached");
    let picture = plan.picture.expect("a picture");
    assert!(picture.contains("endpoint/ecr.api") && !picture.contains("broken"), "{picture}");
}

#[tokio::test]
async fn verify_makes_nothing_and_names_what_is_missing() {
    let stack = Stack::new().await;
    let refusal = refused(&stack, "network: { endpoints: verify }").await;
    assert!(
        refusal.starts_with(&format!("tasks in {} could not start: ", stack.vpc.id)),
        "{refusal}"
    );
    assert!(refusal.contains("there is no endpoint of ecr.api"), "{refusal}");
    assert!(refusal.contains("there is no endpoint of logs"), "{refusal}");
    assert!(refusal.contains("or write `network: { endpoints: ensure }`"), "{refusal}");

    nat(&stack).await;
    let plan = planned(&stack, "network: { endpoints: verify }").await;
    assert_eq!(steps(&plan), Vec::<String>::new(), "by NAT everything is reached");
    assert!(plan.picture.expect("a picture").contains("nat-"));

    stack.write_more("network: { endpoints: off }");
    let plan = stack.plan().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((steps(&plan), plan.picture), (Vec::new(), None), "it is not looked at");
}

/// In one of so many looks the endpoints are still being made, as by the run of another service.
#[tokio::test]
async fn what_another_run_is_making_is_looked_for_twice() {
    let stack = Stack::new().await;
    stack.converge().await;
    stack.write_more("network: { endpoints: verify }");
    for (unmade, ends_with) in [(0, exit::OK), (1, exit::OK), (9, exit::REFUSED)] {
        let relay = Relay::before(stack.moto.port()).await;
        let looks = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&looks);
        relay.amend("DescribeVpcEndpoints", move |answer| {
            let look = seen.fetch_add(1, Ordering::Relaxed);
            if look < unmade {
                answer.replace("<state>available</state>", "<state>pending</state>")
            } else {
                answer.to_owned()
            }
        });
        let run = Program::new(stack.folder(), &["plan"], &relay.config()).run().await;
        let run = run.ends_with(ends_with);
        assert_eq!(looks.load(Ordering::Relaxed), 1 + unmade.min(1), "{}", run.stderr);
        assert_eq!(run.stderr.contains(" is pending"), ends_with != exit::OK, "{}", run.stderr);
    }
}

/// A NAT gateway for both private subnets.
async fn nat(stack: &Stack) {
    let ec2 = &stack.account.ec2;
    let address = ec2.allocate_address().send().await.expect("an address");
    let request = ec2.create_nat_gateway().subnet_id(&stack.vpc.public[0]);
    let request = request.allocation_id(address.allocation_id().expect("an id"));
    let made = request.send().await.expect("a NAT gateway");
    let id = made.nat_gateway().and_then(|nat| nat.nat_gateway_id()).expect("an id");
    for table in &stack.vpc.route_tables {
        let request = ec2.create_route().route_table_id(table).nat_gateway_id(id);
        request.destination_cidr_block("0.0.0.0/0").send().await.expect("a route");
    }
}

#[tokio::test]
async fn what_somebody_else_made_is_completed_only_where_the_file_says_so() {
    let stack = Stack::new().await;
    let request = stack.account.ec2.create_vpc_endpoint().vpc_id(&stack.vpc.id);
    let request = request.vpc_endpoint_type(VpcEndpointType::Gateway);
    let request = request.service_name(format!("com.amazonaws.{REGION}.s3"));
    let made = request.route_table_ids(&stack.vpc.route_tables[0]).send().await;
    let made = made.expect("an endpoint");
    let id = made.vpc_endpoint().and_then(|made| made.vpc_endpoint_id()).expect("an id");

    let refusal = refused(&stack, "").await;
    let table = &stack.vpc.route_tables[1];
    assert!(refusal.contains(&format!("{table} of {}", stack.vpc.private[1])), "{refusal}");
    let fix = format!("--vpc-endpoint-id {id} --add-route-table-ids {table}");
    assert!(refusal.contains(&fix), "{refusal}");
    assert!(refusal.contains("or write `network: { adopt: true }`"), "{refusal}");

    let plan = planned(&stack, "network: { adopt: true }").await;
    assert!(steps(&plan).contains(&"update endpoint/s3".to_owned()), "{}", plan.view());
}

#[tokio::test]
async fn the_vpcs_dns_is_changed_only_where_the_file_says_so() {
    let stack = Stack::new().await;
    let off = AttributeBooleanValue::builder().value(false).build();
    let request = stack.account.ec2.modify_vpc_attribute().vpc_id(&stack.vpc.id);
    request.enable_dns_hostnames(off).send().await.expect("it is off");
    let plan = planned(&stack, "network: { dns: ensure }").await;
    assert_eq!(steps(&plan)[0], format!("update vpc/{}", stack.vpc.id));
    stack.apply(&plan).await;
    let again = stack.plan().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(steps(&again), Vec::<String>::new(), "{}", again.view());
}

#[tokio::test]
async fn what_the_application_calls_gets_an_endpoint_where_there_is_such_a_service() {
    let stack = Stack::new().await;
    let plan = planned(&stack, "network: { reach: [sqs, dynamodb] }").await;
    let steps = steps(&plan);
    for service in ["sqs", "dynamodb"] {
        assert!(steps.contains(&format!("create endpoint/{service}")), "{steps:?}");
    }
    let refusal = refused(&stack, "network: { reach: [sqss] }").await;
    let what = format!("there is no endpoint service com.amazonaws.{REGION}.sqss");
    assert!(refusal.starts_with(&what), "{refusal}");
}

#[tokio::test]
async fn addresses_that_do_not_suffice_are_a_refusal_with_the_numbers() {
    let stack = Stack::new().await;
    let plan = planned(&stack, "rollout: { desired-count: 4 }").await;
    let lines: Vec<_> = plan.addresses.iter().map(ToString::to_string).collect();
    let private = &stack.vpc.private[0];
    let line = lines.iter().find(|line| line.starts_with(private.as_str())).expect("a line");
    assert!(line.ends_with("251 free, 3 for endpoints, 4 for tasks, 244 left"), "{line}");
    let refusal = refused(&stack, "rollout: { desired-count: 300 }").await;
    assert!(refusal.contains("251 free, 3 for endpoints, 300 for tasks, 52 short"), "{refusal}");
}
