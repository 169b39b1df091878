use super::{HOST, Preview, load_balancers, rules, same};
use crate::moto::stack::Stack;
use aws_sdk_elasticloadbalancingv2::types::{Action, ActionTypeEnum, RuleCondition};
use futures_util::{StreamExt as _, stream};

const BY_HOST: &str = "preview: { host: 'pr-{number}.preview.example.com' }";

/// Puts this many target groups of others behind the main service's load balancer.
async fn fill(stack: &Stack, number: i32) {
    let elb = &stack.account.elb;
    let rule = rules(stack, "web").await[0].rule_arn().expect("an ARN").to_owned();
    let listener = rule.replace("listener-rule", "listener");
    let (listener, _) = listener.rsplit_once('/').expect("a listener and a rule");
    stream::iter(0..number)
        .for_each_concurrent(4, |index| async move {
            let made = elb.create_target_group().name(format!("other-{index}"));
            let made = made.vpc_id(&stack.vpc.id).port(80).protocol("HTTP".into());
            let made = made.send().await.expect("a target group");
            let group = made.target_groups()[0].target_group_arn().expect("an ARN");
            let host = format!("other-{index}.example.com");
            let condition = RuleCondition::builder().field("host-header").values(host).build();
            let action = Action::builder().r#type(ActionTypeEnum::Forward);
            let rule = elb.create_rule().listener_arn(listener).priority(20_000 + index);
            let rule = rule.conditions(condition);
            rule.actions(action.target_group_arn(group).build()).send().await.expect("a rule");
        })
        .await;
}

#[tokio::test]
async fn a_preview_that_the_load_balancer_cannot_take_gets_another_one_which_goes_with_the_last() {
    let stack = Stack::new().await;
    stack.write_more(&format!("{HOST}{BY_HOST}"));
    stack.converge().await;
    fill(&stack, 98).await;
    let before = stack.account.everything().await;
    Preview::of(&stack, 1).up().await;
    assert_eq!(load_balancers(&stack).await, ["web"], "the hundredth has room");

    let second = Preview::of(&stack, 2);
    let plan = second.plan().await.unwrap_or_else(|error| panic!("{error}"));
    let step = &plan.steps.iter().find(|(at, _)| at.to_string() == "load-balancer/web-2");
    let (_, step) = step.expect("it is made");
    insta::assert_snapshot!(step.reason, @"load balancer web is full: it has 100 target groups");
    insta::assert_snapshot!(plan.warnings.join("\n"), @"pr-2.preview.example.com needs a DNS record of its own, to the DNS name that load balancer web-2 gets, because load balancer web is full: it has 100 target groups");
    assert!(
        !plan.steps.keys().any(|address| address.to_string().starts_with("security-group/load"))
    );
    second.up().await;
    assert_eq!(load_balancers(&stack).await, ["web", "web-2"]);
    let groups = stack.account.elb.describe_load_balancers().send().await.expect("they are there");
    let groups = groups.load_balancers().iter().map(|found| found.security_groups().to_vec());
    let groups: Vec<_> = groups.collect();
    assert_eq!(groups[0], groups[1], "the tasks admit both");

    let third = Preview::of(&stack, 3);
    let steps = third.up().await;
    assert!(!steps.iter().any(|step| step.starts_with("load-") || step.starts_with("listener")));
    let warnings = third.plan().await.unwrap_or_else(|error| panic!("{error}")).warnings;
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(
        warning.starts_with("pr-3.preview.example.com needs a DNS record of its own, to web-2-1."),
        "{warning}"
    );
    assert_eq!(rules(&stack, "web-2").await.len(), 2);

    // Where there is room again, what stands stays where it is.
    Preview::of(&stack, 1).down().await;
    let plan = third.plan().await.unwrap_or_else(|error| panic!("{error}"));
    assert!(plan.steps.is_empty(), "{:?}", plan.steps.keys());
    Preview::of(&stack, 1).up().await;

    assert!(!second.down().await.contains("load-balancer/web-2"));
    assert!(third.down().await.contains("load-balancer/web-2"));
    assert_eq!(load_balancers(&stack).await, ["web"]);
    Preview::of(&stack, 1).down().await;
    same(&before, &stack.account.everything().await);
}

#[tokio::test]
async fn the_last_two_that_go_at_the_same_moment_leave_nothing() {
    let stack = Stack::new().await;
    stack.write_more(&format!("{HOST}{BY_HOST}"));
    stack.converge().await;
    fill(&stack, 99).await;
    let before = stack.account.everything().await;
    let (one, other) = (Preview::of(&stack, 1), Preview::of(&stack, 2));
    one.up().await;
    other.up().await;
    // Each of them sees the other's rule.
    let ((first, left), (second, _)) = (one.teardown().await, other.teardown().await);
    assert!(one.apply(&first).await.failed.is_empty());
    let left = left.expect("a second look");
    // A plan that was made when nothing else stood there does not take what came since.
    one.apply(&left).await;
    assert_eq!(load_balancers(&stack).await, ["web", "web-2"]);
    assert!(other.apply(&second).await.failed.is_empty());
    one.apply(&left).await;
    assert_eq!(load_balancers(&stack).await, ["web"]);
    same(&before, &stack.account.everything().await);
}

/// Rules that lead to no target group count too.
#[tokio::test]
async fn rules_are_counted_as_well_as_target_groups_in_as_many_calls_as_before() {
    let stack = Stack::new().await;
    stack.write_more(&format!("{HOST}{BY_HOST}"));
    stack.converge().await;
    fill(&stack, 60).await;
    stack.moto.calls();
    Preview::of(&stack, 1).plan().await.unwrap_or_else(|error| panic!("{error}"));
    let few = stack.moto.calls();
    let rule = rules(&stack, "web").await[0].rule_arn().expect("an ARN").to_owned();
    let listener = rule.replace("listener-rule", "listener");
    let (listener, _) = listener.rsplit_once('/').expect("a listener and a rule");
    let redirect = |index: i32| {
        let host = format!("old-{index}.example.com");
        let condition = RuleCondition::builder().field("host-header").values(host).build();
        let answer = aws_sdk_elasticloadbalancingv2::types::FixedResponseActionConfig::builder();
        let action = Action::builder()
            .r#type(ActionTypeEnum::FixedResponse)
            .fixed_response_config(answer.status_code("410").build())
            .build();
        let rule = stack.account.elb.create_rule().listener_arn(listener).priority(30_000 + index);
        rule.conditions(condition).actions(action).send()
    };
    for index in 0..38 {
        redirect(index).await.expect("a rule");
    }
    stack.moto.calls();
    let plan = Preview::of(&stack, 1).plan().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(stack.moto.calls(), few, "what is read does not grow");
    assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
    redirect(38).await.expect("a rule");
    let plan = Preview::of(&stack, 1).plan().await.unwrap_or_else(|error| panic!("{error}"));
    let [warning] = &plan.warnings[..] else { panic!("{:?}", plan.warnings) };
    assert!(warning.ends_with("load balancer web is full: it has 100 rules"), "{warning}");
}
