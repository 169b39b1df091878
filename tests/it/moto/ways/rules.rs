use super::{HOST, Preview, is_done, priority, rules, same};
use crate::moto::stack::Stack;
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, FixedResponseActionConfig, PathPatternConditionConfig, RuleCondition,
};
use std::collections::BTreeSet;

const BY_HOST: &str = "preview: { host: 'pr-{number}.preview.example.com' }";
const BY_PATH: &str = "preview: { path: '/pr-{number}' }";

/// What the CreateRule requests since the last time asked for, without their tags and ARNs.
fn asked(stack: &Stack) -> Vec<String> {
    let requests = stack.moto.requests().into_iter();
    let rules = requests.filter(|(call, _)| call == "elasticloadbalancing:CreateRule");
    rules
        .map(|(_, body)| {
            let body = url::form_urlencoded::parse(body.as_bytes());
            let told = body.filter(|(key, _)| {
                ["Priority", "Conditions", "Transforms"].iter().any(|what| key.starts_with(what))
            });
            told.map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join("\n")
        })
        .collect()
}

#[tokio::test]
async fn a_preview_by_host_has_a_rule_and_changes_nothing_of_its_main_service() {
    let stack = Stack::new().await;
    stack.write_more(&format!("{HOST}{BY_HOST}"));
    stack.converge().await;
    let before = stack.account.everything().await;
    stack.moto.requests();

    let preview = Preview::of(&stack, 42);
    let steps = preview.up().await;
    assert!(!steps.iter().any(|step| step.starts_with("listener") || step.contains("balancer")));
    insta::assert_snapshot!(asked(&stack).join("\n\n"), @r"
    Conditions.member.1.Field = host-header
    Conditions.member.1.HostHeaderConfig.Values.member.1 = pr-42.preview.example.com
    Priority = 1042
    ");
    assert_eq!(preview.url().await, "http://pr-42.preview.example.com");
    let order: Vec<_> = rules(&stack, "web").await.iter().map(priority).collect();
    assert_eq!(order, [1_042, 10_000]);
    let again = preview.plan().await.unwrap_or_else(|error| panic!("{error}"));
    assert!(again.steps.is_empty(), "{:?}", again.steps.keys());
    let main = stack.plan().await.unwrap_or_else(|error| panic!("{error}"));
    assert!(main.steps.is_empty(), "{:?}", main.steps.keys());

    preview.down().await;
    same(&before, &stack.account.everything().await);
}

/// moto keeps no transforms and says nothing of them; what was asked for is what counts.
#[tokio::test]
async fn a_preview_by_path_has_its_path_taken_off_and_comes_before_every_host() {
    let stack = Stack::new().await;
    stack.write_more(&format!("{HOST}{BY_PATH}"));
    stack.converge().await;
    let before = stack.account.everything().await;
    stack.moto.requests();
    let preview = Preview::of(&stack, 42);
    preview.up().await;
    insta::assert_snapshot!(asked(&stack).join("\n\n"), @r"
    Conditions.member.1.Field = host-header
    Conditions.member.1.HostHeaderConfig.Values.member.1 = web.example.com
    Conditions.member.2.Field = path-pattern
    Conditions.member.2.PathPatternConfig.Values.member.1 = /pr-42
    Conditions.member.2.PathPatternConfig.Values.member.2 = /pr-42/*
    Priority = 142
    Transforms.member.1.Type = url-rewrite
    Transforms.member.1.UrlRewriteConfig.Rewrites.member.1.Regex = ^/pr-42/?(.*)$
    Transforms.member.1.UrlRewriteConfig.Rewrites.member.1.Replace = /$1
    ");
    assert_eq!(preview.url().await, "http://web.example.com/pr-42/");
    let order: Vec<_> = rules(&stack, "web").await.iter().map(priority).collect();
    assert_eq!(order, [142, 10_000]);
    preview.down().await;
    same(&before, &stack.account.everything().await);

    // Without a host of its own the main service takes every request, and no rule is in the way.
    stack.write_more(BY_PATH);
    stack.converge().await;
    stack.moto.requests();
    let preview = Preview::of(&stack, 42);
    preview.up().await;
    insta::assert_snapshot!(asked(&stack).join("\n\n"), @r"
    Conditions.member.1.Field = path-pattern
    Conditions.member.1.PathPatternConfig.Values.member.1 = /pr-42
    Conditions.member.1.PathPatternConfig.Values.member.2 = /pr-42/*
    Priority = 592
    Transforms.member.1.Type = url-rewrite
    Transforms.member.1.UrlRewriteConfig.Rewrites.member.1.Regex = ^/pr-42/?(.*)$
    Transforms.member.1.UrlRewriteConfig.Rewrites.member.1.Replace = /$1
    ");
    let url = preview.url().await;
    assert!(url.starts_with("http://web-1.") && url.ends_with(".amazonaws.com/pr-42/"), "{url}");
}

/// A main service that was deployed before any preview was thought of has an early priority, and a pattern
/// of hosts takes those of previews too.
#[tokio::test]
async fn a_rule_that_would_take_its_requests_comes_after_it() {
    let stack = Stack::new().await;
    let wide = "load-balancer: { host: '*.example.com' }\n";
    stack.write_more(&format!("{wide}{BY_HOST}"));
    stack.converge().await;
    let main = rules(&stack, "web").await[0].rule_arn().expect("an ARN").to_owned();
    let earlier = |priority| {
        use aws_sdk_elasticloadbalancingv2::types::RulePriorityPair;
        let pair = RulePriorityPair::builder().rule_arn(&main).priority(priority).build();
        stack.account.elb.set_rule_priorities().rule_priorities(pair).send()
    };
    earlier(100).await.expect("it is moved");
    let preview = Preview::of(&stack, 42);
    preview.up().await;
    let order: Vec<_> = rules(&stack, "web").await.iter().map(priority).collect();
    assert_eq!(order, [99, 100]);

    earlier(1).await.expect("it is moved");
    let plan = preview.plan().await.unwrap_or_else(|error| panic!("{error}"));
    let [warning] = &plan.warnings[..] else { panic!("{:?}", plan.warnings) };
    assert!(warning.contains("asked before") && warning.ends_with(&main), "{warning}");
    let told = Preview::of(&stack, 43).refused().await;
    assert!(told.contains(&main) && told.contains("has priority 1\n"), "{told}");
}

#[tokio::test]
async fn pull_requests_of_the_same_moment_and_priority_both_get_one() {
    let stack = Stack::new().await;
    stack.write_more(&format!("{HOST}{BY_PATH}"));
    stack.converge().await;
    // 450 priorities are a path's, so that these begin at the same one.
    let previews: Vec<_> = (0..4).map(|index| Preview::of(&stack, 7 + 450 * index)).collect();
    let looks = previews.iter().map(Preview::plan);
    let plans = futures_util::future::join_all(looks).await;
    let plans: Vec<_> = plans.into_iter().map(|plan| plan.expect("nothing is wrong")).collect();
    let applied = previews.iter().zip(&plans).map(|(preview, plan)| preview.apply(plan));
    for applied in futures_util::future::join_all(applied).await {
        is_done(&applied);
    }
    let order: BTreeSet<_> = rules(&stack, "web").await.iter().map(priority).collect();
    assert_eq!(order, BTreeSet::from([107, 108, 109, 110, 10_000]));
}

#[tokio::test]
async fn what_another_rule_takes_is_refused_and_nothing_is_changed() {
    let stack = Stack::new().await;
    stack.write_more(&format!("{HOST}{BY_PATH}"));
    stack.converge().await;
    let listener = rules(&stack, "web").await[0].rule_arn().expect("an ARN").to_owned();
    let (listener, _) = listener.replace("listener-rule", "listener").rsplit_once('/').map_or_else(
        || panic!("{listener}"),
        |(listener, rule)| (listener.to_owned(), rule.to_owned()),
    );
    let taken = |host: Option<&'static str>, path: Option<&'static str>, priority: i32| {
        let path = path.map(|path| {
            let config = PathPatternConditionConfig::builder().values(path).build();
            RuleCondition::builder().field("path-pattern").path_pattern_config(config).build()
        });
        let host =
            host.map(|host| RuleCondition::builder().field("host-header").values(host).build());
        let answer = FixedResponseActionConfig::builder().status_code("200").build();
        let answer = Action::builder()
            .r#type(ActionTypeEnum::FixedResponse)
            .fixed_response_config(answer)
            .build();
        let request = stack.account.elb.create_rule().listener_arn(&listener).priority(priority);
        let conditions = host.into_iter().chain(path).collect();
        request.set_conditions(Some(conditions)).actions(answer).send()
    };
    let arn = |made: aws_sdk_elasticloadbalancingv2::operation::create_rule::CreateRuleOutput| {
        made.rules()[0].rule_arn().expect("an ARN").to_owned()
    };
    let by_path =
        arn(taken(Some("web.example.com"), Some("/pr-4*"), 20_000).await.expect("a rule"));
    let by_host =
        arn(taken(Some("PR-42.preview.example.com"), None, 20_001).await.expect("a rule"));
    let before = stack.account.everything().await;

    let told = Preview::of(&stack, 42).refused().await;
    insta::assert_snapshot!(told.replace(&by_path, "THE-RULE"), @r"
    another rule of load balancer `web` takes the path `/pr-42` of `web.example.com`: THE-RULE
      help: give the previews another `preview.path`, or delete that rule
    ");
    stack.write_more(&format!("{HOST}{BY_HOST}"));
    let told = Preview::of(&stack, 42).refused().await;
    insta::assert_snapshot!(told.replace(&by_host, "THE-RULE"), @r"
    another rule of load balancer `web` takes the host `pr-42.preview.example.com`: THE-RULE
      help: give the previews another `preview.host`, or delete that rule
    ");
    same(&before, &stack.account.everything().await);
    stack.write_more(&format!("{HOST}{BY_PATH}"));
    Preview::of(&stack, 52).up().await;
}
