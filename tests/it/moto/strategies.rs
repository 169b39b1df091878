//! Requests that move from one target group to another, as ECS moves them.

use super::{
    stack::Stack,
    states::{addresses, holds, same},
};
use crate::support::{
    account::Account,
    program::{Program, Run},
};
use aws_sdk_ecs::types::{AdvancedConfiguration, LoadBalancer, Service};
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, ForwardActionConfig, Rule, TargetGroupTuple,
};
use ecs_private_deploy::{
    config::model::Config, exit, resource::service::configuration::Configuration, world::World,
};

const BLUE_GREEN: &str = "rollout: { strategy: blue-green, bake-time: 1m, test-port: 9000 }";
pub(super) const CANARY: &str = "rollout:\n  strategy: canary\n  canary: { percent: 12.5, bake-time: 2m }\n  \
                      bake-time: 3m\n  alarms: [5xx]\n  pause: { at: [POST_SCALE_UP], timeout: 1h }";

async fn run(stack: &Stack, arguments: &[&str]) -> Run {
    Program::new(stack.folder(), arguments, &stack.moto.config()).run().await
}

async fn service(account: &Account) -> Service {
    let found = account.ecs.describe_services().cluster("web").services("web").send().await;
    found.expect("services").services()[0].clone()
}

async fn rule(account: &Account, arn: &str) -> Rule {
    let found = account.elb.describe_rules().rule_arns(arn).send().await.expect("rules");
    found.rules()[0].clone()
}

fn weights(rule: &Rule) -> Vec<(String, i32)> {
    let forward = rule.actions()[0].forward_config().expect("it forwards to several");
    let pair = |group: &TargetGroupTuple| {
        (group.target_group_arn().unwrap_or_default().to_owned(), group.weight().unwrap_or(1))
    };
    forward.target_groups().iter().map(pair).collect()
}

/// What ECS does when it moves the requests: the weights of both rules change, in whatever order.
async fn shift(account: &Account) {
    let service = service(account).await;
    let registered = &service.load_balancers()[0];
    let advanced = registered.advanced_configuration().expect("it shifts");
    let (blue, green) = (registered.target_group_arn(), advanced.alternate_target_group_arn());
    let group = |arn: Option<&str>, weight| {
        TargetGroupTuple::builder().set_target_group_arn(arn.map(str::to_owned)).weight(weight)
    };
    let rules = [advanced.production_listener_rule(), advanced.test_listener_rule()];
    for rule in rules.into_iter().flatten() {
        let forward = ForwardActionConfig::builder()
            .target_groups(group(green, 100).build())
            .target_groups(group(blue, 0).build())
            .build();
        let action = Action::builder().r#type(ActionTypeEnum::Forward).forward_config(forward);
        let request = account.elb.modify_rule().rule_arn(rule).actions(action.build());
        request.send().await.expect("it is moved");
    }
}

/// The service with its target groups named the other way round.
async fn swap(account: &Account) {
    let service = service(account).await;
    let registered = &service.load_balancers()[0];
    let advanced = registered.advanced_configuration().expect("it shifts");
    let text = |text: Option<&str>| text.map(str::to_owned);
    let swapped = AdvancedConfiguration::builder()
        .set_alternate_target_group_arn(text(registered.target_group_arn()))
        .set_production_listener_rule(text(advanced.production_listener_rule()))
        .set_test_listener_rule(text(advanced.test_listener_rule()))
        .set_role_arn(text(advanced.role_arn()))
        .build();
    let swapped = LoadBalancer::builder()
        .set_target_group_arn(text(advanced.alternate_target_group_arn()))
        .set_container_name(text(registered.container_name()))
        .set_container_port(registered.container_port())
        .advanced_configuration(swapped)
        .build();
    let request = account.ecs.update_service().cluster("web").service("web");
    request.load_balancers(swapped).send().await.expect("it is swapped");
}

#[tokio::test]
async fn a_shift_by_ecs_is_not_repaired_and_a_destroy_leaves_nothing() {
    let stack = Stack::new().await;
    let before = stack.account.everything().await;
    stack.write_more(BLUE_GREEN);
    run(&stack, &["deploy"]).await.ends_with(exit::OK);

    let made = service(&stack.account).await;
    let registered = &made.load_balancers()[0];
    let advanced = registered.advanced_configuration().expect("it shifts");
    let [blue, green] = [registered.target_group_arn(), advanced.alternate_target_group_arn()]
        .map(|arn| arn.unwrap_or_default().to_owned());
    let production = advanced.production_listener_rule().expect("a rule");
    let test = advanced.test_listener_rule().expect("a rule");
    assert!(production.contains(":listener-rule/"), "{production}");
    for arn in [production, test] {
        let mut weights = weights(&rule(&stack.account, arn).await);
        weights.sort();
        let mut both = [(blue.clone(), 1), (green.clone(), 0)];
        both.sort();
        assert_eq!(weights, both);
    }
    assert_ne!(production, test);
    let role =
        stack.account.iam.get_role().role_name("web-eu-central-1-infrastructure").send().await;
    let role = role.expect("it is there").role.expect("it is told");
    assert!(
        role.assume_role_policy_document().is_some_and(|text| text.contains("ecs.amazonaws.com"))
    );
    assert!(
        advanced
            .role_arn()
            .is_some_and(|arn| arn.ends_with(":role/web-eu-central-1-infrastructure"))
    );

    let nothing = run(&stack, &["deploy"]).await.ends_with(exit::OK);
    assert!(nothing.stderr.contains("nothing to do"), "{}", nothing.stderr);
    shift(&stack.account).await;
    let nothing = run(&stack, &["deploy"]).await.ends_with(exit::OK);
    assert!(nothing.stderr.contains("nothing to do"), "{}", nothing.stderr);
    swap(&stack.account).await;
    let nothing = run(&stack, &["deploy"]).await.ends_with(exit::OK);
    assert!(nothing.stderr.contains("nothing to do"), "{}", nothing.stderr);
    assert_eq!(weights(&rule(&stack.account, production).await), [(green, 100), (blue, 0)]);

    run(&stack, &["destroy", "--yes"]).await.ends_with(exit::OK);
    same(&before, &stack.account.everything().await);
}

#[tokio::test]
async fn what_is_planned_for_a_shift_is_what_is_called() {
    let stack = Stack::new().await;
    stack.write_more(BLUE_GREEN);
    insta::assert_debug_snapshot!(holds(&stack).await, @r#"
    [
        "create security-group/endpoints",
        "create security-group/load-balancer",
        "create security-group/task-web",
        "create endpoint/ecr.api",
        "create endpoint/ecr.dkr",
        "create endpoint/s3",
        "create endpoint/logs",
        "create load-balancer/web",
        "create target-group/web",
        "create target-group/web-alternate",
        "create listener/http",
        "create rule/web",
        "create listener/test",
        "create rule/web-test",
        "create log-group/ecs/web",
        "create role/execution",
        "create role/task",
        "create role/infrastructure",
        "create cluster/web",
        "create task-definition/web",
        "create service/web",
    ]
    "#);
}

/// What AWS tells of the service: the configuration that this file asked for.
pub(super) fn configured(config: &Config) -> impl FnOnce(&mut World) {
    let configuration = Configuration::desired(&config.rollout);
    move |world| {
        let service = world.service.as_mut().expect("it is there");
        service.tells.deployment_configuration = true;
        *service.settings.deployment_configuration = configuration;
    }
}

#[tokio::test]
async fn a_switch_of_the_strategy_is_one_update_and_back_again() {
    let stack = Stack::new().await;
    let before = stack.account.everything().await;
    stack.converge().await;
    let rolling = stack.config();
    stack.write_more(CANARY);
    let canary = stack.config();
    let plan = stack.plan_where(configured(&rolling)).await.expect("a plan");
    insta::assert_snapshot!(plan.view(), @r#"
    + target-group/web-alternate  requests move to it, and back again
    + rule/web                    ECS moves the requests by it
    + role/infrastructure         ECS moves the requests with it
    ~ service/web                 its settings differ
        shifting: (none) -> {"alternate-target-group":"(known after target-group/web-alternate)","production-rule":"(known after rule/web)","role":"(known after role/infrastructure)"}
        deployment-configuration.strategy: ROLLING -> CANARY
        deployment-configuration.alarms: (none) -> {"names":["5xx"],"then":"with-rollback"}
        deployment-configuration.bake-time-in-minutes: (none) -> 3
        deployment-configuration.step: (none) -> {"percent":12.5,"bake-time-in-minutes":2}
        deployment-configuration.pauses: (none) -> [{"at":["POST_SCALE_UP"],"timeout-in-minutes":60,"on-timeout":"ROLLBACK"}]
    3 to create, 1 to update, 15 unchanged
    "#);
    stack.apply(&plan).await;
    assert_eq!(addresses(&stack.plan_where(configured(&canary)).await.expect("a plan")), [""; 0]);

    shift(&stack.account).await;
    stack.write_more("");
    let plan = stack.plan_where(configured(&canary)).await.expect("a plan");
    insta::assert_snapshot!(plan.view(), @r#"
    ~ service/web  its settings differ
        deployment-configuration.strategy: CANARY -> ROLLING
        deployment-configuration.alarms: {"names":["5xx"],"then":"with-rollback"} -> (none)
        deployment-configuration.bake-time-in-minutes: 3 -> (none)
        deployment-configuration.step: {"percent":12.5,"bake-time-in-minutes":2} -> (none)
        deployment-configuration.pauses: [{"at":["POST_SCALE_UP"],"timeout-in-minutes":60,"on-timeout":"ROLLBACK"}] -> (none)
    1 to update, 18 unchanged
    warning: the service keeps its second target group, the listener rule and the role: its tasks may be in that group, and a switch back needs them; `destroy` takes them down
    "#);
    stack.apply(&plan).await;
    assert_eq!(addresses(&stack.plan_where(configured(&rolling)).await.expect("a plan")), [""; 0]);

    stack.write_more(CANARY);
    let plan = stack.plan_where(configured(&rolling)).await.expect("a plan");
    insta::assert_snapshot!(plan.view(), @r#"
    ~ service/web  its settings differ
        deployment-configuration.strategy: ROLLING -> CANARY
        deployment-configuration.alarms: (none) -> {"names":["5xx"],"then":"with-rollback"}
        deployment-configuration.bake-time-in-minutes: (none) -> 3
        deployment-configuration.step: (none) -> {"percent":12.5,"bake-time-in-minutes":2}
        deployment-configuration.pauses: (none) -> [{"at":["POST_SCALE_UP"],"timeout-in-minutes":60,"on-timeout":"ROLLBACK"}]
    1 to update, 18 unchanged
    "#);
    stack.write_more("");
    let plan = stack.teardown().await;
    stack.apply(&plan).await;
    same(&before, &stack.account.everything().await);
    assert_eq!(addresses(&stack.teardown().await), Vec::<String>::new());
}

#[tokio::test]
async fn a_strategy_is_not_changed_while_a_deployment_is_going_on() {
    let stack = Stack::new().await;
    stack.converge().await;
    let rolling = stack.config();
    stack.write_more(CANARY);
    let refused = stack.plan_where(|world| {
        configured(&rolling)(world);
        let service = world.service.as_mut().expect("it is there");
        let primary = service.primary.as_mut().expect("it has one");
        primary.id = "ecs-svc/1".to_owned();
        primary.rollout_state = "IN_PROGRESS".to_owned();
    });
    let error = refused.await.expect_err("ECS does not take it");
    assert_eq!(error.exit_code(), exit::REFUSED);
    insta::assert_snapshot!(error, @r"
    service `web` is being deployed (ecs-svc/1), and ECS changes its strategy only after that
      help: wait until that deployment is over, or end it: ecs-private-deploy rollback
    ");
}

#[tokio::test]
async fn a_listener_for_tests_goes_when_the_service_is_told_of_it_no_more() {
    let stack = Stack::new().await;
    let before = stack.account.everything().await;
    stack.write_more(BLUE_GREEN);
    stack.converge().await;
    stack.write_more(&BLUE_GREEN.replace("9000", "9001"));
    insta::assert_debug_snapshot!(steps(&stack).await, @r#"
    [
        "update security-group/load-balancer",
        "create listener/test",
        "create rule/web-test",
        "update service/web",
    ]
    "#);
    insta::assert_debug_snapshot!(steps(&stack).await, @r#"
    [
        "delete rule/9000",
        "delete listener/9000",
    ]
    "#);
    insta::assert_debug_snapshot!(steps(&stack).await, @"[]");
    let plan = stack.teardown().await;
    stack.apply(&plan).await;
    same(&before, &stack.account.everything().await);
}

/// Plans and applies; yields what was done.
async fn steps(stack: &Stack) -> Vec<String> {
    let plan = stack.plan().await.unwrap_or_else(|error| panic!("{error}"));
    stack.apply(&plan).await;
    addresses(&plan)
}

#[tokio::test]
async fn https_takes_the_rule_along() {
    let stack = Stack::new().await;
    stack.write_more("rollout: { strategy: canary }");
    stack.converge().await;
    let certificate = stack.certificate().await;
    stack.write_more(&format!(
        "rollout: {{ strategy: canary }}\nload-balancer: {{ certificate: '{certificate}' }}"
    ));
    insta::assert_debug_snapshot!(steps(&stack).await, @r#"
    [
        "update security-group/load-balancer",
        "create listener/https",
        "update listener/http",
        "create rule/web",
        "update service/web",
    ]
    "#);
    insta::assert_debug_snapshot!(steps(&stack).await, @r#"
    [
        "delete rule/80",
    ]
    "#);
    assert_eq!(steps(&stack).await, Vec::<String>::new());
}
