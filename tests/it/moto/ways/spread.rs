use super::{HOST, Preview, load_balancers, rules, same};
use crate::{
    moto::stack::Stack,
    support::{program::Program, relay::Relay},
};
use aws_sdk_elasticloadbalancingv2::{
    Client,
    types::{Action, ActionTypeEnum, RuleCondition},
};
use ecs_private_deploy::exit;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::Barrier;

const BY_HOST: &str = "preview: { host: 'pr-{number}.preview.example.com' }";

/// Puts this many target groups of others behind the main service's load balancer.
async fn fill(stack: &Stack, number: i32) {
    let listener = &listener(stack).await;
    let (elb, vpc) = (&stack.account.elb, &stack.vpc.id);
    stream::iter(0..number).for_each_concurrent(4, |index| other(elb, vpc, listener, index)).await;
}

async fn listener(stack: &Stack) -> String {
    let rule = rules(stack, "web").await[0].rule_arn().expect("an ARN").to_owned();
    let listener = rule.replace("listener-rule", "listener");
    listener.rsplit_once('/').expect("a listener and a rule").0.to_owned()
}

async fn other(elb: &Client, vpc: &str, listener: &str, index: i32) {
    let made = elb.create_target_group().name(format!("other-{index}"));
    let made = made.vpc_id(vpc).port(80).protocol("HTTP".into());
    let made = made.send().await.expect("a target group");
    let group = made.target_groups()[0].target_group_arn().expect("an ARN");
    let host = format!("other-{index}.example.com");
    let condition = RuleCondition::builder().field("host-header").values(host).build();
    let action = Action::builder().r#type(ActionTypeEnum::Forward);
    let rule = elb.create_rule().listener_arn(listener).priority(20_000 + index);
    let rule = rule.conditions(condition);
    rule.actions(action.target_group_arn(group).build()).send().await.expect("a rule");
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
    insta::assert_snapshot!(plan.warnings.join("\n"), @"pr-2.preview.example.com needs a DNS record of its own, to the DNS name that load balancer web-2 gets: load balancer web is full: it has 100 target groups");
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
    Preview::of(&stack, 1).up().await;
    Preview::of(&stack, 2).up().await;
    assert_eq!(load_balancers(&stack).await, ["web", "web-2"]);
    // Each of them sees the other's rule before any is gone.
    let relay = Relay::before(stack.moto.port()).await;
    let both = Arc::new(Barrier::new(2));
    relay.before_each("DeleteRule", move || {
        let both = Arc::clone(&both);
        async move {
            both.wait().await;
        }
        .boxed()
    });
    let down = |number: &'static str| {
        let arguments = ["preview", "down", "--pr", number];
        Program::new(stack.folder(), &arguments, &relay.config()).run()
    };
    for run in <[_; 2]>::from(tokio::join!(down("1"), down("2"))) {
        run.ends_with(exit::OK);
    }
    assert_eq!(load_balancers(&stack).await, ["web"]);
    same(&before, &stack.account.everything().await);
}

/// What a run has left that was killed between its rule and its load balancer.
#[tokio::test]
async fn a_load_balancer_that_was_left_goes_with_the_next_preview_but_not_a_new_one() {
    let stack = Stack::new().await;
    stack.write_more(&format!("{HOST}{BY_HOST}"));
    stack.converge().await;
    let before = stack.account.everything().await;
    Preview::of(&stack, 1).up().await;
    let tags = [("stack", "web"), ("overflow-of", "web")].map(|(key, value)| {
        let key = format!("ecs-private-deploy:{key}");
        aws_sdk_elasticloadbalancingv2::types::Tag::builder().key(key).value(value).build()
    });
    let made = stack.account.elb.create_load_balancer().name("web-2").set_tags(Some(tags.into()));
    let made = made.set_subnets(Some(stack.vpc.public.clone())).send().await;
    let made = made.expect("a load balancer").load_balancers()[0].created_time().copied();
    let down = async |aws: &aws_config::SdkConfig| {
        let down = Program::new(stack.folder(), &["preview", "down", "--pr", "1"], aws);
        down.run().await.ends_with(exit::OK);
        load_balancers(&stack).await
    };
    assert_eq!(down(&stack.moto.config()).await, ["web", "web-2"], "somebody may be making it");
    let relay = Relay::before(stack.moto.port()).await;
    let year = made.expect("a time").to_string()[..4].to_owned();
    relay.say("DescribeLoadBalancers", format!("<CreatedTime>{year}"), "<CreatedTime>2020");
    assert_eq!(down(&relay.config()).await, ["web"]);
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
    let listener = &listener(&stack).await;
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

/// Somebody takes the last place between the look and the call. moto knows no such quota, so ELB's answer is
/// given for it.
#[tokio::test]
async fn a_place_that_was_taken_meanwhile_is_looked_for_behind_another_load_balancer() {
    let stack = Stack::new().await;
    stack.write_more(&format!("{HOST}{BY_HOST}"));
    stack.converge().await;
    fill(&stack, 98).await;
    let relay = Relay::before(stack.moto.port()).await;
    let (elb, vpc, listener) =
        (stack.account.elb.clone(), stack.vpc.id.clone(), listener(&stack).await);
    let is_first = AtomicBool::new(true);
    relay.before_each("CreateRule", move || {
        let (elb, vpc, listener) = (elb.clone(), vpc.clone(), listener.clone());
        let is_first = is_first.swap(false, Ordering::SeqCst);
        async move {
            if is_first {
                other(&elb, &vpc, &listener, 98).await;
            }
        }
        .boxed()
    });
    let is_first = AtomicBool::new(true);
    relay.refuse("CreateRule", move |_| {
        is_first.swap(false, Ordering::SeqCst).then(|| {
            "<ErrorResponse><Error><Type>Sender</Type>\
             <Code>TooManyUniqueTargetGroupsPerLoadBalancer</Code><Message>You've reached the limit on \
             the number of unique target groups per load balancer</Message></Error>\
             <RequestId>test</RequestId></ErrorResponse>"
                .to_owned()
        })
    });
    let run = Program::new(stack.folder(), &["preview", "up", "--pr", "7"], &relay.config()).run();
    let run = run.await.ends_with(exit::OK);
    assert!(run.stderr.contains("looking again"), "{}", run.stderr);
    assert_eq!(load_balancers(&stack).await, ["web", "web-2"]);
    assert_eq!((rules(&stack, "web").await.len(), rules(&stack, "web-2").await.len()), (100, 1));
}
