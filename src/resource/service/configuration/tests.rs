use super::*;
use crate::config::sample;

/// The file's rollout block, one line.
fn asked(rollout: &str) -> Configuration {
    Configuration::desired(&sample(&format!("service: web\nrollout: {rollout}\n")).rollout)
}

const BLOCKS: [&str; 7] = [
    "{}",
    "{ rollback: false, minimum-healthy-percent: 50, maximum-percent: 150, alarms: [5xx, slow] }",
    "{ early-success: { healthy-percent: 100, cleanup: blocking } }",
    "{ strategy: blue-green, bake-time: 0m }",
    "{ strategy: linear, linear: { step-percent: 12.5, step-bake-time: 3m }, alarms: [5xx] }",
    "{ strategy: canary, canary: { percent: 0.1, bake-time: 1h } }",
    "{ strategy: canary, test-port: 9000, pause: { at: [POST_SCALE_UP, POST_TEST_TRAFFIC_SHIFT], \
     timeout: 30m, on-timeout: continue } }",
];

#[test]
fn what_is_told_is_read_back_as_it_was_wanted() {
    for block in BLOCKS {
        let wanted = asked(block);
        assert_eq!(Configuration::observed(&wanted.told(None)), wanted, "{block}");
    }
}

#[test]
fn from_each_strategy_to_each_other_one_update_is_enough() {
    for one in BLOCKS {
        for other in BLOCKS {
            let (from, to) = (asked(one), asked(other));
            let kept = merged(&from.told(None), &to.told(Some(&from)));
            assert_eq!(Configuration::observed(&kept), to, "{one} {other}");
        }
    }
}

/// What ECS has after an update: what it is not told about stays.
fn merged(
    before: &DeploymentConfiguration,
    told: &DeploymentConfiguration,
) -> DeploymentConfiguration {
    let mut after = before.clone();
    macro_rules! take {
        ($($field:ident),*) => { $( if told.$field.is_some() { after.$field = told.$field.clone(); } )* };
    }
    take!(
        deployment_circuit_breaker,
        maximum_percent,
        minimum_healthy_percent,
        alarms,
        strategy,
        bake_time_in_minutes,
        lifecycle_hooks,
        linear_configuration,
        canary_configuration,
        early_success_criteria
    );
    after
}

#[test]
fn what_ecs_leaves_out_has_its_default() {
    let nothing = DeploymentConfiguration::builder().build();
    insta::assert_json_snapshot!(Configuration::observed(&nothing), @r#"
    {
      "strategy": "ROLLING",
      "minimum-healthy-percent": 100,
      "maximum-percent": 200,
      "circuit-breaker": "off"
    }
    "#);
    let canary = DeploymentConfiguration::builder().strategy("CANARY".into()).build();
    insta::assert_json_snapshot!(Configuration::observed(&canary), @r#"
    {
      "strategy": "CANARY",
      "minimum-healthy-percent": 100,
      "maximum-percent": 200,
      "circuit-breaker": "off",
      "bake-time-in-minutes": 0,
      "step": {
        "percent": 5.0,
        "bake-time-in-minutes": 10
      }
    }
    "#);
}

#[test]
fn what_ecs_tells_of_a_plain_service_is_what_a_plain_file_asks_for() {
    let told = DeploymentConfiguration::builder()
        .deployment_circuit_breaker(
            DeploymentCircuitBreaker::builder().enable(true).rollback(true).build(),
        )
        .minimum_healthy_percent(100)
        .maximum_percent(200)
        .alarms(
            DeploymentAlarms::builder()
                .set_alarm_names(Some(Vec::new()))
                .enable(false)
                .rollback(false)
                .build()
                .expect("names are given"),
        )
        .strategy("ROLLING".into())
        .bake_time_in_minutes(0)
        .set_lifecycle_hooks(Some(Vec::new()))
        .early_success_criteria(DeploymentEarlySuccessCriteria::builder().enable(false).build());
    assert_eq!(Configuration::observed(&told.build()), asked("{}"));
}

#[test]
fn a_lambda_hook_of_somebody_elses_stays() {
    let lambda = DeploymentLifecycleHook::builder()
        .hook_target_arn("arn:aws:lambda:eu-west-1:123456789012:function:check")
        .role_arn("arn:aws:iam::123456789012:role/check")
        .lifecycle_stages("POST_SCALE_UP".into())
        .build();
    let mut there = asked("{ strategy: blue-green }").told(None);
    there.lifecycle_hooks = Some(vec![lambda.clone()]);
    let from = Configuration::observed(&there);
    assert_eq!(from.other_hooks, std::slice::from_ref(&lambda));
    let mut to = asked("{ strategy: blue-green, pause: { at: [PRE_SCALE_UP] } }");
    to.other_hooks.clone_from(&from.other_hooks);
    let told = to.told(Some(&from));
    assert_eq!(told.lifecycle_hooks().len(), 2);
    assert_eq!(told.lifecycle_hooks()[1], lambda);
}
