//! The `preview` section.

use super::{read, told, with};
use crate::config::model::{Preview, Way};
use std::time::Duration;

fn preview(text: &str) -> Preview {
    let config = read(&format!("service: web\npreview: {text}\n")).expect("it is well");
    config.preview.expect("it has previews")
}

#[test]
fn a_section_is_enough_and_no_section_means_no_previews() {
    let found = preview("{}");
    assert_eq!(found.way, Way::Path("/pr-{number}".to_owned()));
    assert_eq!((found.desired_count, found.spot, found.ttl), (1, false, None));
    assert_eq!(read("service: web\n").expect("it is well").preview, None);
}

#[test]
fn everything_that_it_takes() {
    let found = preview(
        "{ host: 'pr-{number}.preview.example.com', desired-count: 0, spot: true, cpu: 256, \
         memory: 512, environment: { MODE: preview }, ttl: 7d }",
    );
    assert_eq!(found.way, Way::Host("pr-{number}.preview.example.com".to_owned()));
    assert_eq!((found.desired_count, found.spot), (0, true));
    assert_eq!((found.cpu, found.memory), (Some(256), Some(512)));
    assert_eq!(found.ttl, Some(Duration::from_hours(168)));
    assert_eq!(found.environment["MODE"], "preview");
}

#[test]
fn patterns_that_lead_nowhere() {
    for (pattern, why) in [
        ("host: preview.example.com", "`{number}` is missing"),
        ("host: '{number}.{number}.example.com'", "stands more than once"),
        ("host: '*.pr-{number}.example.com'", "not a host such as"),
        ("host: 'pr-{branch}.example.com'", "`{number}` is missing"),
        ("host: 'pr-{number}-{branch}.example.com'", "only `{number}` may stand in braces"),
        ("path: /previews", "`{number}` is missing"),
        ("path: 'pr-{number}'", "a path such as"),
        ("path: '/pr-{number}/'", "a path such as"),
        ("path: '/pr-{number}/*'", "a path such as"),
        ("path: '/../{number}'", "a path such as"),
    ] {
        let told = told(&format!("service: web\npreview:\n  {pattern}\n"));
        assert!(told.contains(why), "{told}");
        assert!(told.contains("ecs-deploy.yml:3:"), "{told}");
    }
}

#[test]
fn a_preview_that_contradicts_itself() {
    insta::assert_snapshot!(told("\
service: web
task: { cpu: 256, secrets: { KEY: /key } }
preview:
  host: pr-{number}.example.com
  path: /pr-{number}
  memory: 4096
  environment: { KEY: x }
  certificate: arn:aws:acm:eu-central-1:123456789012:certificate/1
"), @r"
    error: a preview is found by its host or by its path, not by both
     --> ecs-deploy.yml:5:3
      |
    4 |   host: pr-{number}.example.com
      |   ---- by its host
    5 |   path: /pr-{number}
      |   ^^^^

    error: 4096 MiB with 256 CPU units are no Fargate size
     --> ecs-deploy.yml:6:11
      |
    6 |   memory: 4096
      |           ^^^^ with 256 CPU units: 512, 1024, 2048

    error: `KEY` is a secret of the task and a variable here
     --> ecs-deploy.yml:7:18
      |
    7 |   environment: { KEY: x }
      |                  ^^^
      |
      = help: take one of them out

    error: a certificate for previews, and the load balancer has no HTTPS to put it on
     --> ecs-deploy.yml:8:3
      |
    8 |   certificate: arn:aws:acm:eu-central-1:123456789012:certificate/1
      |   ^^^^^^^^^^^
      |
      = help: add `load-balancer.certificate`: it may be the same one
    ");
}

#[test]
fn a_task_definition_that_a_preview_does_not_fit() {
    let document = r#"{
      "family": "web", "cpu": "1024", "memory": "2048",
      "containerDefinitions": [
        {"name": "web", "portMappings": [{"containerPort": 8080}], "memory": 1024,
         "secrets": [{"name": "KEY", "valueFrom": "/key"}]},
        {"name": "proxy", "memoryReservation": 256, "image": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/proxy:1"}
      ]
    }"#;
    let file = "\
service: web
task: { definition: task.json, container: web }
preview:
  cpu: 256
  memory: 1024
  environment: { KEY: x }
";
    let files = [("Dockerfile", "FROM scratch\n"), ("task.json", document)];
    insta::assert_snapshot!(with(file, &files).expect_err("it does not fit"), @r"
    error: the containers of the task definition take 1280 MiB
     --> ecs-deploy.yml:5:11
      |
    5 |   memory: 1024
      |           ^^^^ less than that
      |
      = help: raise it, or take `memory` out of the containers

    error: `KEY` is a secret of the task and a variable here
     --> ecs-deploy.yml:6:18
      |
    6 |   environment: { KEY: x }
      |                  ^^^
      |
      = help: take one of them out
    ");
}

#[test]
fn whether_the_tasks_of_run_run_for_it_is_said_or_not() {
    assert_eq!(preview("{}").run, None);
    assert_eq!(preview("{ run: true }").run, Some(true));
    assert_eq!(preview("{ run: false }").run, Some(false));
}
