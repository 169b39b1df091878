//! What a file becomes for a pull request.

use super::*;
use crate::{config::sample, plan::task};

const REGION: &str = "eu-central-1";

/// The lines in which two configs differ, as Rust shows them.
fn difference(main: &Config, preview: &Config) -> String {
    let lines = |config: &Config| {
        format!("{config:#?}").lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>()
    };
    let (before, after) = (lines(main), lines(preview));
    let gone = before.iter().filter(|line| !after.contains(line)).map(|line| format!("- {line}"));
    let new = after.iter().filter(|line| !before.contains(line)).map(|line| format!("+ {line}"));
    gone.chain(new).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_preview_differs_in_this_and_in_nothing_else() {
    let main = sample(
        "service: web
task: { environment: { MODE: live, LEVEL: info } }
load-balancer: { host: web.example.com }
rollout: { strategy: canary, alarms: [web-5xx], on-cancel: rollback, minimum-healthy-percent: 50, desired-count: 4 }
run: [{ name: migrate, command: [x], before: rollout }]
preview: { host: 'pr-{number}.preview.example.com', spot: true, cpu: 512, memory: 1024, environment: { MODE: preview } }
",
    );
    insta::assert_snapshot!(difference(&main, &config(&main, 42)), @r#"
    - cache: Registry,
    - cpu: 256,
    - memory: 512,
    - "MODE": "live",
    - "web.example.com",
    - group: "/ecs/web",
    - 4,
    - minimum_healthy_percent: 50,
    - timeout: 1800s,
    - strategy: Shift(
    - Shift {
    - steps: Canary {
    - percent: Percent(
    - 50,
    - bake_time: 600s,
    - bake_time: 300s,
    - test_port: None,
    - pause: None,
    - on_cancel: Rollback,
    - alarms: {
    - "web-5xx",
    - when: BeforeRollout,
    - preview_of: None,
    + service: "web-pr-42",
    + cache: Previews,
    + cpu: 512,
    + memory: 1024,
    + "pr-42.preview.example.com",
    + group: "/ecs/web-pr-42",
    + 1,
    + minimum_healthy_percent: 100,
    + strategy: Rolling {
    + early_success: None,
    + on_cancel: Leave,
    + alarms: {},
    + when: Never,
    + preview_of: Some(
    + PreviewOf {
    + number: 42,
    "#);
}

#[test]
fn by_path_it_keeps_the_main_services_host() {
    let main = sample("service: web\nload-balancer: { host: web.example.com }\npreview: {}\n");
    let LoadBalancer { host, path, name, .. } = config(&main, 42).load_balancer;
    let expected = (Some("web.example.com"), Some("/pr-42"), "web");
    assert_eq!((host.as_deref(), path.as_deref(), &*name), expected);
}

#[test]
fn a_file_that_asks_for_previews_no_more_still_says_what_they_are_called() {
    let with = sample("service: web\npreview: {}\n");
    let without = sample("service: web\n");
    let names = |main| crate::names::Names::of(&config(main, 42), REGION);
    assert_eq!(names(&with), names(&without));
    assert_eq!(task::family(&config(&without, 42)), "web-pr-42");
}

#[test]
fn tasks_run_for_a_preview_only_where_the_file_says_so_and_in_its_environment() {
    let file = |run: &str| {
        sample(&format!(
            "service: web
run: [{{ name: migrate, command: [x], before: rollout, environment: {{ DB: live, STEP: '1' }} }}]
preview: {{ environment: {{ DB: preview, MODE: preview }}{run} }}
"
        ))
    };
    for (run, when, database) in [
        ("", When::Never, "live"),
        (", run: false", When::Never, "live"),
        (", run: true", When::BeforeRollout, "preview"),
    ] {
        let preview = config(&file(run), 42);
        let [task] = &preview.run[..] else { panic!("{:?}", preview.run) };
        assert_eq!((task.when, &*task.environment["DB"]), (when, database), "{run}");
        // The container has the rest already.
        assert_eq!(task.environment.len(), 2);
    }
}

/// A config whose task definition is this document.
fn with_document(document: &Value, preview: &str) -> Config {
    let mut main = sample(&format!("service: web\npreview: {preview}\n"));
    main.task.definition = Definition::Json(document.clone());
    main
}

#[test]
fn a_task_definition_of_ones_own_gets_the_size_the_variables_and_log_groups() {
    let logs = |group: &str, region: &str| {
        json!({"logDriver": "awslogs", "options": {
            "awslogs-group": group, "awslogs-region": region, "awslogs-create-group": "true",
        }})
    };
    let document = json!({
        "family": "shop", "cpu": "1024", "memory": "2048",
        "containerDefinitions": [
            {"name": "web", "environment": [{"name": "MODE", "value": "live"}, {"name": "A", "value": "1"}],
             "logConfiguration": logs("/shop", REGION)},
            {"name": "proxy", "environment": [{"name": "MODE", "value": "live"}],
             "logConfiguration": logs("/shop/proxy", "us-east-1")},
        ],
    });
    let main =
        with_document(&document, "{ cpu: 256, memory: 512, environment: { MODE: preview } }");
    let preview = config(&main, 42);
    assert_eq!(task::family(&preview), "shop-pr-42");
    // Elsewhere nobody would make another group.
    assert_eq!(task::log_groups(&preview, REGION), BTreeSet::from(["/shop-pr-42".to_owned()]));
    assert_eq!(task::log_groups(&main, REGION), BTreeSet::new());
    let mentioned = task::Mentioned {
        image: crate::address::Known::Now("image".to_owned()),
        pulled: std::collections::BTreeMap::new(),
        execution_role: None,
        task_role: None,
        log_group: None,
    };
    let made = task::definition(&preview, REGION, &mentioned).document;
    insta::assert_snapshot!(serde_json::to_string_pretty(&made).expect("it is JSON"), @r#"
    {
      "family": "shop-pr-42",
      "cpu": "256",
      "memory": "512",
      "containerDefinitions": [
        {
          "name": "web",
          "environment": [
            {
              "name": "A",
              "value": "1"
            },
            {
              "name": "MODE",
              "value": "preview"
            }
          ],
          "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
              "awslogs-group": "/shop-pr-42",
              "awslogs-region": "eu-central-1"
            }
          },
          "image": null
        },
        {
          "name": "proxy",
          "environment": [
            {
              "name": "MODE",
              "value": "live"
            }
          ],
          "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
              "awslogs-group": "/shop/proxy",
              "awslogs-region": "us-east-1",
              "awslogs-create-group": "true"
            }
          }
        }
      ],
      "networkMode": "awsvpc"
    }
    "#);
}

#[test]
fn the_rollout_is_waited_for_without_the_time_that_its_strategy_bakes() {
    let timeout = |rollout: &str| {
        let main = sample(&format!("service: web\nrollout: {rollout}\npreview: {{}}\n"));
        config(&main, 42).rollout.timeout
    };
    assert_eq!(timeout("{}"), Duration::from_mins(15));
    assert_eq!(timeout("{ strategy: canary }"), Duration::from_mins(15));
    assert_eq!(timeout("{ timeout: 30m }"), Duration::from_mins(30));
    let least = timeout("{ strategy: blue-green, bake-time: 10m, timeout: 601s }");
    assert_eq!(least, Duration::from_mins(1));
}
