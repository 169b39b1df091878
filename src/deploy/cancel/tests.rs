use super::*;
use crate::{
    address::Kind,
    aws::replay::Replay,
    plan::view::{Row, View},
};
use serde_json::{Value, json};
use std::sync::Arc;

fn progress(planned: &[(Kind, &str)], started: usize, done: usize) -> Progress {
    let addresses: Vec<_> = planned.iter().map(|(kind, name)| Address::new(*kind, *name)).collect();
    let row =
        || Row { action: "create", reason: String::new(), before: Value::Null, after: Value::Null };
    let steps = addresses.iter().map(|address| (address.clone(), row())).collect();
    Progress {
        planned: Some(Arc::new(View { steps, ..View::default() })),
        started: addresses[..started].to_vec(),
        done: addresses[..done].to_vec(),
        is_watched: done == planned.len(),
        tasks: Vec::new(),
    }
}

const PLAN: [(Kind, &str); 4] = [
    (Kind::Repository, "web"),
    (Kind::Image, "web"),
    (Kind::Run, "migrate"),
    (Kind::Service, "web"),
];

fn watched(before: Option<&str>, replay: &Replay) -> Watched {
    Watched {
        aws: replay.reader(),
        target: Target {
            cluster: "web".to_owned(),
            service: "web".to_owned(),
            deployment: "ecs-svc/2".to_owned(),
            timeout: Duration::from_mins(15),
            give_up: None,
            asked_back: None,
        },
        before: before.map(|revision| format!("arn:aws:ecs:x:1:task-definition/{revision}")),
        on_cancel: OnCancel::Rollback,
    }
}

#[test]
fn before_the_first_step_nothing_was_changed() {
    let nothing = Progress::default();
    let (problem, code) = ending(&nothing, None, "SIGINT");
    insta::assert_snapshot!(format!("{code}: {problem}"), @r"
    1: the run was ended by SIGINT
      help: nothing was changed
    ");
    let (problem, code) = ending(&progress(&PLAN, 0, 0), None, "SIGTERM");
    insta::assert_snapshot!(format!("{code}: {problem}"), @r"
    1: the run was ended by SIGTERM
      help: nothing was changed
    ");
}

#[test]
fn what_was_done_and_what_was_not() {
    let (problem, code) = ending(&progress(&PLAN, 2, 1), None, "SIGINT");
    insta::assert_snapshot!(format!("{code}: {problem}"), @r"
    4: the run was ended by SIGINT
      done: repository/web
      may be half done: image/web
      not started: run/migrate, service/web
      help: run it again: it takes up where this run stopped
    ");
}

#[test]
fn a_rollout_that_nobody_came_to_watch() {
    let plan = [PLAN[3], (Kind::LoadBalancer, "web")];
    let (problem, code) = ending(&progress(&plan, 2, 1), None, "SIGINT");
    insta::assert_snapshot!(format!("{code}: {problem}"), @r"
    4: the run was ended by SIGINT
      done: service/web
      may be half done: load-balancer/web
      the rollout of service/web goes on, unseen by this run
      help: run it again: it takes up where this run stopped
    ");
}

#[test]
fn a_task_is_not_cut_in_half() {
    let mut progress = progress(&PLAN, 3, 2);
    let address = Address::new(Kind::Run, "migrate");
    progress.tasks.push((address, "arn:aws:ecs:x:1:task/web/0f3e".to_owned()));
    let (problem, code) = ending(&progress, None, "SIGINT");
    insta::assert_snapshot!(format!("{code}: {problem}"), @r"
    4: the run was ended by SIGINT
      done: repository/web, image/web
      not started: service/web
      goes on by itself: run/migrate, arn:aws:ecs:x:1:task/web/0f3e
      help: run it again: it waits for the task that runs, and starts no second one
    ");
}

#[test]
fn a_rollout_that_goes_on() {
    let replay = Replay::new([]);
    let watched = watched(Some("web:6"), &replay);
    let (progress, goes_on) = (progress(&PLAN, 4, 4), Rollout::GoesOn { why: None });
    let (problem, code) = ending(&progress, Some((&watched, goes_on)), "SIGINT");
    insta::assert_snapshot!(format!("{code}: {problem}"), @r"
    4: the run was ended by SIGINT
      done: repository/web, image/web, run/migrate, service/web
      the rollout goes on, unseen by this run: ecs-svc/2
      help: run it again to follow it
    ");
}

const ARN: &str = "arn:aws:ecs:x:1:service-deployment/web/web/abc";

fn primary(id: &str) -> (&'static str, u16, Value) {
    let deployment = json!({"id": id, "status": "PRIMARY", "rolloutState": "IN_PROGRESS"});
    let service = json!({"serviceName": "web", "status": "ACTIVE", "deployments": [deployment]});
    ("DescribeServices", 200, json!({"services": [service]}))
}

fn listed(arns: &[&str]) -> (&'static str, u16, Value) {
    let deployments: Vec<_> = arns.iter().map(|arn| json!({"serviceDeploymentArn": arn})).collect();
    ("ListServiceDeployments", 200, json!({"serviceDeployments": deployments}))
}

/// Takes it back with these answers; yields the report.
async fn taken_back(answers: Vec<(&'static str, u16, Value)>) -> (String, Vec<Value>) {
    let replay = Replay::new(answers);
    let watched = watched(Some("web:6"), &replay);
    let rollout = take_back(&watched, &Events::channel().0).await;
    let (problem, code) = ending(&progress(&PLAN, 4, 4), Some((&watched, rollout)), "SIGINT");
    (format!("{code}: {problem}"), replay.asked())
}

#[tokio::test]
async fn ecs_brings_the_last_version_back() {
    let stopped = ("StopServiceDeployment", 200, json!({"serviceDeploymentArn": ARN}));
    let (told, asked) = taken_back(vec![listed(&[ARN]), primary("ecs-svc/2"), stopped]).await;
    insta::assert_snapshot!(told, @r"
    4: the run was ended by SIGINT
      done: repository/web, image/web, run/migrate, service/web
      ECS stops the rollout and brings `web:6` back: ecs-svc/2
      help: run it again to roll out once more
    ");
    assert_eq!(asked[2], json!({"serviceDeploymentArn": ARN, "stopType": "ROLLBACK"}));
}

#[tokio::test]
async fn what_happens_where_ecs_does_not_bring_it_back() {
    let (told, _) = taken_back(vec![listed(&[]), primary("ecs-svc/2")]).await;
    insta::assert_snapshot!(told, @r"
    4: the run was ended by SIGINT
      done: repository/web, image/web, run/migrate, service/web
      the rollout goes on, unseen by this run: ecs-svc/2
      ECS tells of no deployment that could be taken back
      help: run it again to follow it, or go back by hand: aws ecs update-service --cluster web --service web --task-definition web:6
    ");
    let unknown = json!({"__type": "UnknownOperationException", "message": "what?"});
    let unknown = ("ListServiceDeployments", 400, unknown);
    let (told, _) = taken_back(vec![unknown, primary("ecs-svc/2")]).await;
    insta::assert_snapshot!(told, @r"
    4: the run was ended by SIGINT
      done: repository/web, image/web, run/migrate, service/web
      the rollout goes on, unseen by this run: ecs-svc/2
      ECS was asked to bring the last version back: ecs:ListServiceDeployments on service web in cluster web was refused: UnknownOperationException: what?
      help: run it again to follow it, or go back by hand: aws ecs update-service --cluster web --service web --task-definition web:6
    ");
    let denied = json!({"__type": "AccessDeniedException", "message": "no"});
    let denied = ("StopServiceDeployment", 400, denied);
    let (told, _) = taken_back(vec![listed(&[ARN]), primary("ecs-svc/2"), denied]).await;
    insta::assert_snapshot!(told, @r"
    4: the run was ended by SIGINT
      done: repository/web, image/web, run/migrate, service/web
      the rollout goes on, unseen by this run: ecs-svc/2
      ECS was asked to bring the last version back: ecs:StopServiceDeployment on arn:aws:ecs:x:1:service-deployment/web/web/abc was refused: AccessDeniedException: no
      help: run it again to follow it, or go back by hand: aws ecs update-service --cluster web --service web --task-definition web:6
    ");
}

#[tokio::test]
async fn a_newer_deployment_is_not_taken_back() {
    let (told, _) = taken_back(vec![listed(&[ARN]), primary("ecs-svc/3")]).await;
    insta::assert_snapshot!(told, @r"
    4: the run was ended by SIGINT
      done: repository/web, image/web, run/migrate, service/web
      a newer deployment has taken the place of ecs-svc/2
      help: run it again to follow it
    ");
}

#[tokio::test]
async fn a_first_deployment_has_nothing_to_go_back_to() {
    let replay = Replay::new([]);
    let watched = watched(None, &replay);
    let rollout = take_back(&watched, &Events::channel().0).await;
    let (problem, _) = ending(&progress(&PLAN, 4, 4), Some((&watched, rollout)), "SIGINT");
    insta::assert_snapshot!(problem, @r"
    the run was ended by SIGINT
      done: repository/web, image/web, run/migrate, service/web
      the rollout goes on, unseen by this run: ecs-svc/2
      it is the service's first deployment, so there is nothing to go back to
      help: run it again to follow it
    ");
}
