//! What the plan says is what happens: from each starting state, the calls that the plan's steps stand
//! for and the writes that the emulator recorded are the same, and then there is nothing left to do.

use super::stack::Stack;
use crate::support::account::{Account, Vpc};
use aws_sdk_ec2::types::{IpPermission, IpRange, VpcEndpointType};
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, FixedResponseActionConfig, LoadBalancerSchemeEnum, ProtocolEnum,
};
use ecs_private_deploy::plan::Plan;
use serde_json::json;

/// The writes that the plan's steps stand for, sorted.
fn promised(plan: &Plan) -> Vec<String> {
    let calls = plan.steps.values().flat_map(|step| step.change.calls("web"));
    let mut calls: Vec<_> = calls
        .filter(|call| !call.contains(":Get") && *call != "iam:PassRole")
        .map(str::to_owned)
        .collect();
    calls.sort();
    calls
}

pub(super) fn addresses(plan: &Plan) -> Vec<String> {
    plan.steps
        .iter()
        .map(|(address, step)| format!("{} {address}", step.change.shown().action))
        .collect()
}

/// Plans, applies, compares, and plans again; yields what the first plan said.
pub(super) async fn holds(stack: &Stack) -> Vec<String> {
    let plan = stack.plan().await.unwrap_or_else(|error| panic!("{error}"));
    stack.moto.calls();
    stack.apply(&plan).await;
    let mut writes = stack.moto.writes();
    // What the test itself does in place of a push.
    writes.retain(|call| call != "ecr:PutImage");
    assert_eq!(promised(&plan), writes, "{}", plan.view());
    let again = stack.plan().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(addresses(&again), Vec::<String>::new(), "{}", again.view());
    addresses(&plan)
}

#[tokio::test]
async fn an_empty_vpc() {
    let stack = Stack::new().await;
    stack.write_build("");
    insta::assert_debug_snapshot!(holds(&stack).await, @r#"
    [
        "create repository/built",
        "create image/web",
        "create security-group/endpoints",
        "create security-group/load-balancer",
        "create security-group/task-web",
        "create endpoint/ecr.api",
        "create endpoint/ecr.dkr",
        "create endpoint/s3",
        "create endpoint/logs",
        "create load-balancer/web",
        "create target-group/web",
        "create listener/http",
        "create log-group/ecs/web",
        "create role/execution",
        "create role/task",
        "create cluster/web",
        "create task-definition/web",
        "create service/web",
    ]
    "#);
}

#[tokio::test]
async fn some_endpoints_are_there() {
    let stack = Stack::new().await;
    endpoints_of_others(&stack.account, &stack).await;
    stack.write_more("network: { adopt: true }");
    insta::assert_debug_snapshot!(holds(&stack).await, @r#"
    [
        "create security-group/endpoints",
        "create security-group/load-balancer",
        "create security-group/task-web",
        "update endpoint/ecr.api",
        "create endpoint/ecr.dkr",
        "update endpoint/s3",
        "create endpoint/logs",
        "create load-balancer/web",
        "create target-group/web",
        "create listener/http",
        "create log-group/ecs/web",
        "create role/execution",
        "create role/task",
        "create cluster/web",
        "create task-definition/web",
        "create service/web",
    ]
    "#);
}

/// An endpoint of somebody else's in one zone only, and a gateway that one of the route tables leads
/// to. (moto does not turn private DNS on later, so that this endpoint has it.)
async fn endpoints_of_others(account: &Account, stack: &Stack) {
    let service = |name: &str| format!("com.amazonaws.{}.{name}", crate::support::moto::REGION);
    account
        .ec2
        .create_vpc_endpoint()
        .vpc_endpoint_type(VpcEndpointType::Interface)
        .vpc_id(&stack.vpc.id)
        .service_name(service("ecr.api"))
        .subnet_ids(&stack.vpc.private[0])
        .private_dns_enabled(true)
        .send()
        .await
        .expect("an endpoint");
    account
        .ec2
        .create_vpc_endpoint()
        .vpc_endpoint_type(VpcEndpointType::Gateway)
        .vpc_id(&stack.vpc.id)
        .service_name(service("s3"))
        .route_table_ids(&stack.vpc.route_tables[0])
        .send()
        .await
        .expect("an endpoint");
}

/// A load balancer of somebody else's that answers 404 on port 80.
pub(super) async fn load_balancer_of_others(stack: &Stack) -> String {
    load_balancer_in(&stack.account, &stack.vpc).await
}

/// The same in this VPC.
pub(super) async fn load_balancer_in(account: &Account, vpc: &Vpc) -> String {
    let Account { ec2, elb, .. } = account;
    let group = ec2.create_security_group().group_name("lb").description("lb");
    let group = group.vpc_id(&vpc.id).send().await.expect("a group");
    let made = elb
        .create_load_balancer()
        .name("shared")
        .scheme(LoadBalancerSchemeEnum::InternetFacing)
        .set_subnets(Some(vpc.public.clone()))
        .security_groups(group.group_id().expect("an id"))
        .send()
        .await
        .expect("a load balancer");
    let arn = made.load_balancers()[0].load_balancer_arn().expect("an ARN").to_owned();
    let answer = FixedResponseActionConfig::builder().status_code("404").build();
    elb.create_listener()
        .load_balancer_arn(&arn)
        .port(80)
        .protocol(ProtocolEnum::Http)
        .default_actions(
            Action::builder()
                .r#type(ActionTypeEnum::FixedResponse)
                .fixed_response_config(answer)
                .build(),
        )
        .send()
        .await
        .expect("a listener");
    arn
}

#[tokio::test]
async fn a_load_balancer_is_there() {
    let stack = Stack::new().await;
    load_balancer_of_others(&stack).await;
    stack.write_more("load-balancer: { name: shared, host: web.example.com }");
    insta::assert_debug_snapshot!(holds(&stack).await, @r#"
    [
        "create security-group/endpoints",
        "create security-group/task-web",
        "create endpoint/ecr.api",
        "create endpoint/ecr.dkr",
        "create endpoint/s3",
        "create endpoint/logs",
        "create target-group/web",
        "create rule/web",
        "create log-group/ecs/web",
        "create role/execution",
        "create role/task",
        "create cluster/web",
        "create task-definition/web",
        "create service/web",
    ]
    "#);
}

#[tokio::test]
async fn everything_is_there_but_one_field_of_the_file() {
    let stack = Stack::new().await;
    stack.converge().await;
    let fields = [
        ("load-balancer: { health-check: { path: /healthz } }", "update target-group/web"),
        ("logs: { retention-in-days: 7 }", "update log-group/ecs/web"),
        ("load-balancer: { allow-from: [203.0.113.0/24] }", "update security-group/load-balancer"),
        ("rollout: { desired-count: 3 }", "update service/web"),
    ];
    for (more, step) in fields {
        stack.write_more(more);
        let steps = holds(&stack).await;
        assert!(steps.iter().any(|found| found == step), "{more}: {steps:?}");
    }
}

#[tokio::test]
async fn everything_is_there_but_what_somebody_changed_by_hand() {
    let stack = Stack::new().await;
    stack.write_build("");
    stack.converge().await;

    let group = stack.account.ec2.describe_security_groups().send().await.expect("groups");
    let groups = group.security_groups().iter();
    let group =
        groups.into_iter().find(|found| found.group_name() == Some("ecs-private-deploy-endpoints"));
    let https = IpPermission::builder().ip_protocol("tcp").from_port(443).to_port(443);
    let https = https.ip_ranges(IpRange::builder().cidr_ip("10.42.0.0/16").build());
    let id = group.and_then(|group| group.group_id()).expect("it was made");
    let request = stack.account.ec2.revoke_security_group_ingress().group_id(id);
    request.ip_permissions(https.build()).send().await.expect("it is revoked");
    assert_eq!(holds(&stack).await, ["update security-group/endpoints"]);

    let found = stack.account.endpoints(&stack.vpc.id).await;
    let logs = found.iter().find(|found| {
        found.service_name().is_some_and(|name| name.split('.').next_back() == Some("logs"))
    });
    let id = logs.and_then(|found| found.vpc_endpoint_id()).expect("it was made");
    let request = stack.account.ec2.modify_vpc_endpoint().vpc_endpoint_id(id);
    let request = request.remove_subnet_ids(&stack.vpc.private[1]);
    request.send().await.expect("it is modified");
    assert_eq!(holds(&stack).await, ["update endpoint/logs"]);

    // Whoever scales the service owns its count, as long as the file gives none.
    let request = stack.account.ecs.update_service().cluster("web").service("web").desired_count(5);
    request.send().await.expect("it is scaled");
    assert_eq!(holds(&stack).await, Vec::<String>::new());

    let request = stack.account.ecr.delete_lifecycle_policy().repository_name("built");
    request.send().await.expect("it is deleted");
    assert_eq!(holds(&stack).await, ["update repository/built"]);
}

#[tokio::test]
async fn a_certificate_brings_https_and_a_redirect() {
    let stack = Stack::new().await;
    let certificate = stack.certificate().await;
    stack.write_more(&format!("load-balancer: {{ certificate: '{certificate}' }}"));
    let steps = holds(&stack).await;
    assert!(steps.contains(&"create listener/https".to_owned()), "{steps:?}");
    let elb = &stack.account.elb;
    let found = elb.describe_load_balancers().names("web").send().await.expect("a load balancer");
    let arn = found.load_balancers()[0].load_balancer_arn().expect("an ARN");
    let listeners = elb.describe_listeners().load_balancer_arn(arn).send().await;
    for listener in listeners.expect("listeners").listeners() {
        let [action] = listener.default_actions() else { panic!("{listener:?}") };
        if listener.port() == Some(443) {
            let policy = listener.ssl_policy().unwrap_or_default();
            assert!(policy.starts_with("ELBSecurityPolicy-TLS13-"), "{policy}");
            assert_eq!(action.r#type(), Some(&ActionTypeEnum::Forward));
        } else {
            let to = action.redirect_config().expect("a redirect");
            assert_eq!((to.protocol(), to.port()), (Some("HTTPS"), Some("443")));
        }
    }
}

#[tokio::test]
async fn a_task_definition_in_json_is_sent_with_keys_that_no_sdk_knows() {
    let stack = Stack::new().await;
    let definition = json!({
        "family": "mine",
        "cpu": "256",
        "memory": "512",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "revision": 7,
        "keyOfTomorrow": {"deep": [1, null, "x"]},
        "containerDefinitions": [{
            "name": "app",
            "image": "replaced",
            "portMappings": [{"containerPort": 8080}],
            "anotherOne": true,
        }],
    });
    std::fs::write(stack.folder().join("task.json"), definition.to_string()).expect("a file");
    stack.write_task("definition: task.json");
    let plan = stack.plan().await.unwrap_or_else(|error| panic!("{error}"));
    stack.moto.requests();
    stack.apply(&plan).await;
    let requests = stack.moto.requests();
    let sent = requests.iter().find(|(call, _)| call == "ecs:RegisterTaskDefinition");
    let (_, body) = sent.expect("it was registered");
    let sent: serde_json::Value = serde_json::from_str(body).expect("it is JSON");
    assert_eq!(sent["keyOfTomorrow"]["deep"][2], "x", "{sent:#}");
    let container = &sent["containerDefinitions"][0];
    assert_eq!(container["anotherOne"], true, "{sent:#}");
    assert!(
        container["image"].as_str().is_some_and(|image| image.contains("@sha256:")),
        "{sent:#}"
    );
    assert!(sent.get("revision").is_none(), "what describing adds is not sent: {sent:#}");
}

#[tokio::test]
async fn a_destroy_does_what_it_says_and_gives_back_what_was_there() {
    let stack = Stack::new().await;
    endpoints_of_others(&stack.account, &stack).await;
    load_balancer_of_others(&stack).await;
    let shared = "load-balancer: { name: shared, host: web.example.com }";
    stack.write_more(&format!("{shared}\nnetwork: {{ adopt: true }}"));
    let before = stack.account.everything().await;
    stack.converge().await;
    assert_ne!(before, stack.account.everything().await);

    let plan = stack.teardown().await;
    stack.moto.calls();
    stack.apply(&plan).await;
    assert_eq!(promised(&plan), stack.moto.writes(), "{}", plan.view());
    same(&before, &stack.account.everything().await);
    assert_eq!(addresses(&stack.teardown().await), Vec::<String>::new());
}

/// Compares two accounts, and shows where they differ.
pub(super) fn same(before: &serde_json::Value, after: &serde_json::Value) {
    let lines = |value| serde_json::to_string_pretty(value).expect("it is JSON");
    let (before, after) = (lines(before), lines(after));
    let more = |sign: char, of: &str, than: &str| {
        let mut others: Vec<_> = than.lines().collect();
        let is_more = |line: &&str| match others.iter().position(|other| other == line) {
            Some(at) => {
                others.swap_remove(at);
                false
            }
            None => true,
        };
        of.lines().filter(is_more).map(|line| format!("{sign} {line}")).collect::<Vec<_>>()
    };
    let differ = [more('-', &before, &after), more('+', &after, &before)].concat();
    assert!(before == after, "{}", differ.join("\n"));
}
