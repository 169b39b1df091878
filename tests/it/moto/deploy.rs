//! The program, run as a user runs it.

use super::{stack::Stack, states::load_balancer_of_others};
use crate::support::{
    account::Account,
    program::{Program, Run},
};
use aws_sdk_ec2::types::IpPermission;
use aws_sdk_ecs::types::AssignPublicIp;
use aws_sdk_elasticloadbalancingv2::types::LoadBalancerSchemeEnum;
use ecs_private_deploy::exit;
use serde_json::{Value, json};
use std::collections::BTreeSet;

async fn run(stack: &Stack, arguments: &[&str]) -> Run {
    program(stack, arguments).run().await
}

fn program(stack: &Stack, arguments: &[&str]) -> Program {
    Program::new(stack.folder(), arguments, &stack.moto.config())
}

#[tokio::test]
async fn a_deploy_is_private_and_reachable_and_a_destroy_leaves_nothing() {
    let stack = Stack::new().await;
    let before = stack.account.everything().await;
    run(&stack, &["plan", "--detailed-exitcode"]).await.ends_with(exit::CHANGES);
    let unchanged = stack.account.everything().await;
    assert_eq!(before, unchanged, "a plan changes nothing");

    run(&stack, &["deploy"]).await.ends_with(exit::OK);
    tasks_are_private(&stack).await;
    endpoints_stand(&stack).await;
    load_balancer_faces_the_internet(&stack).await;

    let again = run(&stack, &["plan", "--detailed-exitcode", "--format", "json"]).await;
    let again = again.ends_with(exit::OK).json();
    assert_eq!(again["steps"], json!([]), "{again:#}");
    let nothing = run(&stack, &["deploy"]).await.ends_with(exit::OK);
    assert!(nothing.stderr.contains("nothing to do"), "{}", nothing.stderr);

    run(&stack, &["destroy", "--yes"]).await.ends_with(exit::OK);
    super::states::same(&before, &stack.account.everything().await);
}

#[tokio::test]
async fn a_destroy_leaves_what_others_made() {
    let stack = Stack::new().await;
    load_balancer_of_others(&stack).await;
    stack.write_more("load-balancer: { name: shared, host: web.example.com }");
    let before = stack.account.everything().await;
    run(&stack, &["deploy"]).await.ends_with(exit::OK);
    run(&stack, &["destroy", "--yes"]).await.ends_with(exit::OK);
    super::states::same(&before, &stack.account.everything().await);
}

#[tokio::test]
async fn two_services_share_and_the_last_one_to_go_takes_it_down() {
    let stack = Stack::new().await;
    let before = stack.account.everything().await;
    let shared = "load-balancer: { name: both, host: HOST.example.com }\ncluster: both";
    stack.write_more(&shared.replace("HOST", "web"));
    run(&stack, &["deploy"]).await.ends_with(exit::OK);
    let first = stack.account.everything().await;

    let text = std::fs::read_to_string(stack.file()).expect("the file");
    let other = text.replace("service: web", "service: api").replace("web.example", "api.example");
    std::fs::write(stack.folder().join("api.yml"), other).expect("a file");
    run(&stack, &["deploy", "--config", "api.yml"]).await.ends_with(exit::OK);
    run(&stack, &["plan", "--detailed-exitcode"]).await.ends_with(exit::OK);
    assert_eq!(stack.account.endpoints(&stack.vpc.id).await.len(), 4);

    run(&stack, &["destroy", "--yes", "--config", "api.yml"]).await.ends_with(exit::OK);
    super::states::same(&first, &stack.account.everything().await);
    run(&stack, &["destroy", "--yes"]).await.ends_with(exit::OK);
    super::states::same(&before, &stack.account.everything().await);
}

async fn tasks_are_private(stack: &Stack) {
    let Account { ecs, ec2, .. } = &stack.account;
    let found = ecs.describe_services().cluster("web").services("web").send().await;
    let service = found.expect("services").services()[0].clone();
    let network = service.network_configuration().and_then(|found| found.awsvpc_configuration());
    let network = network.expect("it has a network");
    assert_eq!(network.assign_public_ip().map(AssignPublicIp::as_str), Some("DISABLED"));
    let subnets: BTreeSet<_> = network.subnets().iter().cloned().collect();
    assert_eq!(subnets, stack.vpc.private.iter().cloned().collect());
    let tables = ec2.describe_route_tables().send().await.expect("tables");
    for table in tables.route_tables() {
        let leads = |id: &String| {
            table.associations().iter().any(|found| found.subnet_id() == Some(id.as_str()))
        };
        if subnets.iter().any(leads) {
            let mut gateways = table.routes().iter().filter_map(|route| route.gateway_id());
            assert!(!gateways.any(|gateway| gateway.starts_with("igw-")), "{table:?}");
        }
    }
}

async fn endpoints_stand(stack: &Stack) {
    let endpoints = stack.account.endpoints(&stack.vpc.id).await;
    let names: BTreeSet<_> = endpoints
        .iter()
        .filter_map(|found| found.service_name()?.strip_prefix("com.amazonaws.eu-central-1."))
        .collect();
    assert_eq!(names, BTreeSet::from(["ecr.api", "ecr.dkr", "logs", "s3"]));
    assert_eq!(endpoints.len(), 4);
    let groups = stack.account.ec2.describe_security_groups().send().await.expect("groups");
    for endpoint in &endpoints {
        let is_gateway =
            endpoint.vpc_endpoint_type().is_some_and(|kind| kind.as_str() == "Gateway");
        let set = |ids: &[String]| ids.iter().cloned().collect::<BTreeSet<_>>();
        if is_gateway {
            assert_eq!(set(endpoint.route_table_ids()), set(&stack.vpc.route_tables));
            continue;
        }
        assert_eq!(set(endpoint.subnet_ids()), set(&stack.vpc.private), "{endpoint:?}");
        assert_eq!(endpoint.private_dns_enabled(), Some(true));
        let [group] = endpoint.groups() else { panic!("one group: {endpoint:?}") };
        let group =
            groups.security_groups().iter().find(|found| found.group_id() == group.group_id());
        let rules = group.expect("it is there").ip_permissions();
        let admitted: Vec<_> = rules
            .iter()
            .flat_map(|rule| rule.ip_ranges().iter().map(|range| (rule.to_port(), range.cidr_ip())))
            .collect();
        assert_eq!(admitted, [(Some(443), Some("10.42.0.0/16"))]);
    }
}

async fn load_balancer_faces_the_internet(stack: &Stack) {
    let found = stack.account.elb.describe_load_balancers().names("web").send().await;
    let balancer = found.expect("load balancers").load_balancers()[0].clone();
    assert_eq!(balancer.scheme().map(LoadBalancerSchemeEnum::as_str), Some("internet-facing"));
    let zones = balancer.availability_zones().iter();
    let subnets: BTreeSet<_> =
        zones.filter_map(|zone| zone.subnet_id().map(str::to_owned)).collect();
    assert_eq!(subnets, stack.vpc.public.iter().cloned().collect());
}

#[tokio::test]
async fn credentials_that_are_not_there() {
    let stack = Stack::new().await;
    let program = program(&stack, &["deploy"]);
    let program = program.without("AWS_ACCESS_KEY_ID").without("AWS_SECRET_ACCESS_KEY");
    let ended = program.run().await.ends_with(exit::REFUSED);
    assert!(ended.stderr.contains("credentials"), "{}", ended.stderr);
}

#[tokio::test]
async fn an_engine_that_is_not_running() {
    let stack = Stack::new().await;
    stack.write_build("");
    stack.moto.calls();
    let program = program(&stack, &["deploy"]).env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    let ended = program.run().await.ends_with(exit::REFUSED);
    assert!(ended.stderr.contains("/nowhere/docker.sock"), "{}", ended.stderr);
    assert_eq!(stack.moto.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn a_step_that_is_denied_stops_part_way_and_the_next_run_goes_on() {
    let stack = Stack::new().await;
    stack.converge().await;
    let all = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    let but = json!({
        "Effect": "Deny", "Action": "elasticloadbalancing:ModifyTargetGroup", "Resource": "*",
    });
    let denied = key(&stack, "denied", &json!([all, but])).await;
    let admin = key(&stack, "admin", &json!([all])).await;
    stack.moto.enforce_iam().await;
    stack.write_more(
        "load-balancer: { health-check: { path: /healthz } }\nlogs: { retention-in-days: 7 }",
    );

    let ended = as_user(&stack, &denied).run().await.ends_with(exit::PARTIAL);
    let allow = "help: allow `elasticloadbalancing:ModifyTargetGroup`";
    for expected in [allow, "done: log-group/ecs/web", "run it again"] {
        assert!(ended.stderr.contains(expected), "{expected} in {}", ended.stderr);
    }
    assert!(!ended.stderr.contains(&denied.1), "{}", ended.stderr);
    as_user(&stack, &admin).run().await.ends_with(exit::OK);
    let nothing = as_user(&stack, &admin).run().await.ends_with(exit::OK);
    assert!(nothing.stderr.contains("nothing to do"), "{}", nothing.stderr);
}

fn as_user(stack: &Stack, (id, secret): &(String, String)) -> Program {
    program(stack, &["deploy"]).env("AWS_ACCESS_KEY_ID", id).env("AWS_SECRET_ACCESS_KEY", secret)
}

/// The access key of a user who may do what these statements say.
async fn key(stack: &Stack, name: &str, statements: &Value) -> (String, String) {
    let Account { iam, .. } = &stack.account;
    iam.create_user().user_name(name).send().await.expect("a user");
    let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    let request = iam.put_user_policy().user_name(name).policy_name("p").policy_document(policy);
    request.send().await.expect("a policy");
    let made = iam.create_access_key().user_name(name).send().await.expect("a key");
    let key = made.access_key().expect("it is told");
    (key.access_key_id().to_owned(), key.secret_access_key().to_owned())
}

#[tokio::test]
async fn two_runs_at_once_take_what_the_other_one_made() {
    let stack = Stack::new().await;
    let (one, other) = tokio::join!(run(&stack, &["deploy"]), run(&stack, &["deploy"]));
    for ended in [one, other] {
        // moto takes a second CreateService for the first one's successor, which AWS refuses.
        let is_superseded = ended.stderr.contains("took the place of this one");
        ended.ends_with(if is_superseded { exit::ROLLOUT_FAILED } else { exit::OK });
    }
    run(&stack, &["plan", "--detailed-exitcode"]).await.ends_with(exit::OK);
}

#[tokio::test]
async fn a_port_that_running_tasks_need_is_closed_by_the_deploy_after() {
    let stack = Stack::new().await;
    run(&stack, &["deploy"]).await.ends_with(exit::OK);
    stack.write_task("port: 9090");
    let plan = run(&stack, &["plan"]).await.ends_with(exit::OK);
    assert!(plan.stdout.contains("stays open"), "{}", plan.stdout);
    run(&stack, &["deploy"]).await.ends_with(exit::OK);
    assert_eq!(ports(&stack).await, [8080, 9090]);
    run(&stack, &["deploy"]).await.ends_with(exit::OK);
    assert_eq!(ports(&stack).await, [9090]);
    run(&stack, &["plan", "--detailed-exitcode"]).await.ends_with(exit::OK);
}

/// The ports that the tasks' group admits.
async fn ports(stack: &Stack) -> Vec<i32> {
    let groups = stack.account.ec2.describe_security_groups().send().await.expect("groups");
    let name = Some("ecs-private-deploy-task-web");
    let group = groups.security_groups().iter().find(|found| found.group_name() == name);
    let rules = group.expect("it is there").ip_permissions().iter();
    let mut ports: Vec<_> = rules.filter_map(IpPermission::to_port).collect();
    ports.sort_unstable();
    ports
}
