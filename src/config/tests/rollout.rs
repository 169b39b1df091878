//! The `rollout` and `run` sections.

use super::{read, told, with};
use crate::config::model::{OnCancel, Percent, ShiftSteps, Strategy, When};
use std::time::Duration;

fn rollout(text: &str) -> crate::config::model::Rollout {
    read(&format!("service: web\nrollout: {text}\n")).expect("it is well").rollout
}

#[test]
fn a_canary_with_everything_that_it_takes() {
    let rollout = rollout(
        "{ strategy: canary, canary: { percent: 2.5, bake-time: 3m }, bake-time: 0m, \
         test-port: 8443, pause: { at: [POST_SCALE_UP], timeout: 2h, on-timeout: continue }, \
         alarms: [5xx], on-cancel: rollback, give-up-after: 3 }",
    );
    let Strategy::Shift(shift) = &rollout.strategy else { panic!("{rollout:?}") };
    let steps = ShiftSteps::Canary { percent: Percent(25), bake_time: Duration::from_mins(3) };
    assert_eq!(
        (shift.steps, shift.bake_time, shift.test_port),
        (steps, Duration::ZERO, Some(8443))
    );
    let pause = shift.pause.as_ref().expect("it pauses");
    assert_eq!((pause.timeout, pause.continues), (Duration::from_hours(2), true));
    assert_eq!((rollout.on_cancel, rollout.give_up_after), (OnCancel::Rollback, 3));
    // What bakes comes on top of what a rollout is waited for.
    assert_eq!(rollout.timeout, Duration::from_mins(18));
}

#[test]
fn a_linear_shift_bakes_between_its_steps() {
    let rollout = rollout("{ strategy: linear, linear: { step-percent: 30 } }");
    assert_eq!(rollout.timeout, Duration::from_mins(15 + 3 * 6 + 5));
}

#[test]
fn a_rollout_that_contradicts_itself() {
    insta::assert_snapshot!(told("\
service: web
rollout:
  strategy: canary
  desired-count: 1
  minimum-healthy-percent: 100
  maximum-percent: 100
  bake-time: 25h
  canary: { percent: 0.15 }
  linear: { step-percent: 10 }
  pause: { at: [SCALE_UP] }
  timeout: 5m
  rollback: false
  on-cancel: rollback
  test-port: 80
load-balancer: none
"), @r"
    error: `canary` moves requests, and has no load balancer to do it
      --> ecs-deploy.yml:3:13
       |
     3 |   strategy: canary
       |             ^^^^^^
    ...
    15 | load-balancer: none
       |                ---- no load balancer

    error: no task may be started before another one is stopped, and none may be stopped
     --> ecs-deploy.yml:6:20
      |
    6 |   maximum-percent: 100
      |                    ^^^
      |
      = help: raise `maximum-percent`, or lower `minimum-healthy-percent`

    error: ECS does not take this time
     --> ecs-deploy.yml:7:14
      |
    7 |   bake-time: 25h
      |              ^^^ whole minutes, up to 24h

    error: `rollout.canary.percent` is 0.15
     --> ecs-deploy.yml:8:22
      |
    8 |   canary: { percent: 0.15 }
      |                      ^^^^ from 0.1 to 100, with one digit after the point

    error: `rollout.linear` has no meaning with the strategy `canary`
     --> ecs-deploy.yml:9:3
      |
    9 |   linear: { step-percent: 10 }
      |   ^^^^^^
      |
      = help: it goes with `linear`

    error: `rollout.pause.at[0]` is `SCALE_UP`
      --> ecs-deploy.yml:10:17
       |
    10 |   pause: { at: [SCALE_UP] }
       |                 ^^^^^^^^ one of `RECONCILE_SERVICE`, `PRE_SCALE_UP`, `POST_SCALE_UP`, `POST_TEST_TRAFFIC_SHIFT`, `PRE_PRODUCTION_TRAFFIC_SHIFT`, `POST_PRODUCTION_TRAFFIC_SHIFT`

    error: the rollout bakes for 1510m, and is waited for no longer
      --> ecs-deploy.yml:11:12
       |
    11 |   timeout: 5m
       |            ^^
       |
       = help: give it more than 1510m, or take the key out

    error: a rollout that is never taken back cannot be taken back when it is cancelled
      --> ecs-deploy.yml:13:14
       |
    12 |   rollback: false
       |             ----- never taken back
    13 |   on-cancel: rollback
       |              ^^^^^^^^

    error: port 80 is where everybody's requests come in
      --> ecs-deploy.yml:14:14
       |
    14 |   test-port: 80
       |              ^^
       |
       = help: take another port for the listener of the tests

    error: `load-balancer` is text, and has to be a section with keys of its own
      --> ecs-deploy.yml:15:16
       |
    15 | load-balancer: none
       |                ^^^^
    ");
    insta::assert_snapshot!(told("\
service: web
rollout:
  bake-time: 5m
  early-success: { healthy-percent: 50 }
  pause: {}
  give-up-after: 0
"), @r"
    error: `rollout.bake-time` has no meaning with the strategy `rolling`
     --> ecs-deploy.yml:3:3
      |
    3 |   bake-time: 5m
      |   ^^^^^^^^^
      |
      = help: it goes with `blue-green`, `linear`, `canary`

    error: a rollout that keeps 100 % healthy cannot succeed with 50 %
     --> ecs-deploy.yml:4:18
      |
    4 |   early-success: { healthy-percent: 50 }
      |                  ^
      |
      = help: raise `healthy-percent`, or lower `rollout.minimum-healthy-percent`

    error: `rollout.pause` has no meaning with the strategy `rolling`
     --> ecs-deploy.yml:5:3
      |
    5 |   pause: {}
      |   ^^^^^
      |
      = help: it goes with `blue-green`, `linear`, `canary`

    error: `rollout.give-up-after` is 0
     --> ecs-deploy.yml:6:18
      |
    6 |   give-up-after: 0
      |                  ^ from 1 to 200
    ");
}

#[test]
fn tasks_beside_a_rollout() {
    let config = read(
        "\
service: web
run:
  - { name: migrate, command: [./migrate, up], before: rollout, environment: { LEVEL: 2 } }
  - { name: warm, command: [./warm], after: rollout, timeout: 1m }
",
    )
    .expect("it is well");
    let [migrate, warm] = &config.run[..] else { panic!("{:?}", config.run) };
    assert_eq!((migrate.when, migrate.container.as_str()), (When::BeforeRollout, "web"));
    assert_eq!(migrate.environment["LEVEL"], "2");
    assert_eq!((warm.when, warm.timeout), (When::AfterRollout, Duration::from_mins(1)));
}

#[test]
fn tasks_that_cannot_run() {
    insta::assert_snapshot!(told("\
service: web
run:
  - { name: migrate, command: [], before: rollout, after: rollout }
  - { name: migrate, command: [x], before: rollout, container: db }
  - { command: [x] }
"), @r"
    error: a task of `run` has no command
     --> ecs-deploy.yml:3:5
      |
    3 |   - { name: migrate, command: [], before: rollout, after: rollout }
      |     ^
      |
      = help: say what runs in the new image: `command: [./migrate]`

    error: a task of `run` runs before the rollout or after it, not both
     --> ecs-deploy.yml:3:52
      |
    3 |   - { name: migrate, command: [], before: rollout, after: rollout }
      |                                   ------ before it ^^^^^
      |
      = help: write it twice, under two names

    error: two tasks are called `migrate`
     --> ecs-deploy.yml:4:13
      |
    3 |   - { name: migrate, command: [], before: rollout, after: rollout }
      |             ------- the first one
    4 |   - { name: migrate, command: [x], before: rollout, container: db }
      |             ^^^^^^^

    error: the task has no container `db`
     --> ecs-deploy.yml:4:64
      |
    4 |   - { name: migrate, command: [x], before: rollout, container: db }
      |                                                                ^^ it has `web`

    error: a task of `run` has no name
     --> ecs-deploy.yml:5:5
      |
    5 |   - { command: [x] }
      |     ^
      |
      = help: name it: `name: migrate`

    error: a task of `run` does not say when it runs
     --> ecs-deploy.yml:5:5
      |
    5 |   - { command: [x] }
      |     ^
      |
      = help: add `before: rollout` or `after: rollout`
    ");
    let definition = r#"{"cpu": "256", "memory": "512", "containerDefinitions": [
        {"name": "web", "portMappings": [{"containerPort": 80}]},
        {"name": "side"}]}"#;
    let files = [("task.json", definition), ("Dockerfile", "FROM scratch\n")];
    let file = "\
service: web
task: { definition: task.json, container: web }
run: [{ name: migrate, command: [x], before: rollout, container: side }]
";
    insta::assert_snapshot!(with(file, &files).expect_err("it is wrong"), @r"
    error: the container `side` has no image
     --> ecs-deploy.yml:3:66
      |
    3 | run: [{ name: migrate, command: [x], before: rollout, container: side }]
      |                                                                  ^^^^
      |
      = help: give it one in the task definition
    ");
    let image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/x:1";
    let side = format!(r#"{{"name": "side", "essential": false, "image": "{image}"}}"#);
    let beside = definition.replace(r#"{"name": "side"}"#, &side);
    let files = [("task.json", beside.as_str()), ("Dockerfile", "FROM scratch\n")];
    insta::assert_snapshot!(with(file, &files).expect_err("it would go on"), @r#"
    error: container `side`: image `123456789012.dkr.ecr.eu-west-1.amazonaws.com/x:1` is no reference to an ECR image
     --> /app/task.json:3:55
      |
    3 |         {"name": "side", "essential": false, "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/x:1"}]}
      |                                                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: it is ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME:TAG, or …/NAME@sha256:DIGEST
    "#);
}
