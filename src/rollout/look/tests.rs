//! Looks at answers that were written down.

use super::*;
use crate::aws::replay::{Answer, Replay};
use serde_json::{Value, json};
use service_deployment::Status;

const REVISION: &str = "arn:aws:ecs:eu-west-1:1:service-revision/c/web/2";
const RECORD: &str = "arn:aws:ecs:eu-west-1:1:service-deployment/c/web/a";

fn target() -> Target {
    Target {
        cluster: "c".to_owned(),
        service: "web".to_owned(),
        deployment: "ecs-svc/2".to_owned(),
        timeout: Duration::from_mins(15),
        give_up: None,
        asked_back: None,
    }
}

fn service() -> Answer {
    let deployment = json!({
        "id": "ecs-svc/2", "status": "PRIMARY", "taskDefinition": "web:2", "createdAt": 100.0,
        "desiredCount": 1, "runningCount": 0, "pendingCount": 1, "rolloutState": "IN_PROGRESS",
    });
    let service = json!({ "status": "ACTIVE", "deployments": [deployment] });
    ("DescribeServices", 200, json!({ "services": [service] }))
}

fn listed(at: f64) -> Answer {
    let listed = json!({
        "serviceDeploymentArn": RECORD, "targetServiceRevisionArn": REVISION, "createdAt": at,
    });
    ("ListServiceDeployments", 200, json!({ "serviceDeployments": [listed] }))
}

fn revision() -> Answer {
    let revision = json!({ "serviceRevisionArn": REVISION, "taskDefinition": "web:2" });
    ("DescribeServiceRevisions", 200, json!({ "serviceRevisions": [revision] }))
}

fn record(status: &str) -> Answer {
    let record = json!({
        "serviceDeploymentArn": RECORD,
        "status": status,
        "targetServiceRevision": { "arn": REVISION, "requestedTaskCount": 1 },
    });
    ("DescribeServiceDeployments", 200, json!({ "serviceDeployments": [record] }))
}

async fn statuses(answers: Vec<Answer>, looks: usize) -> Vec<Option<Status>> {
    let replay = Replay::new(answers);
    let (reader, target) = (replay.reader(), target());
    let mut all = Looks::new(&reader, &target);
    let mut seen = Vec::new();
    for _ in 0..looks {
        let state = all.look().await.expect("it is answered");
        assert_eq!(state.deployments.len(), 1);
        seen.push(state.record.map(|record| record.status));
    }
    replay.asked();
    seen
}

#[tokio::test]
async fn the_record_is_found_once_and_then_asked_alone_while_nothing_changes() {
    let answers = vec![
        service(),
        listed(100.2),
        revision(),
        record("IN_PROGRESS"),
        record("IN_PROGRESS"),
        record("STOP_REQUESTED"),
        service(),
        record("SUCCESSFUL"),
    ];
    let seen = statuses(answers, 4).await;
    let expected = [Status::Underway, Status::Underway, Status::StopRequested, Status::Successful];
    assert_eq!(seen, expected.map(Some));
}

#[tokio::test]
async fn where_nobody_knows_of_records_nobody_is_asked_again() {
    let refusals: [(u16, Value); 4] = [
        (500, json!("<h1>Internal Server Error</h1>")),
        (400, json!({ "__type": "UnsupportedFeatureException", "message": "no" })),
        (400, json!({ "__type": "InvalidAction", "message": "Unknown ECS action" })),
        (400, json!({ "__type": "AccessDeniedException", "message": "no" })),
    ];
    for (status, refusal) in refusals {
        let refused = ("ListServiceDeployments", status, refusal);
        let seen = statuses(vec![service(), refused, service(), service()], 3).await;
        assert_eq!(seen, [None; 3]);
    }
}

#[tokio::test]
async fn a_throttle_says_nothing_about_records() {
    let throttle = json!({ "__type": "ThrottlingException", "message": "Rate exceeded" });
    let answers = vec![
        service(),
        ("ListServiceDeployments", 400, throttle),
        service(),
        listed(100.2),
        revision(),
        record("PENDING"),
    ];
    assert_eq!(statuses(answers, 2).await, [None, Some(Status::Underway)]);
}

#[tokio::test]
async fn a_deployment_without_a_record_is_looked_for_ten_times() {
    let tries = usize::try_from(TRIES).expect("it is few") + 1;
    let mut answers: Vec<_> = (0..tries).flat_map(|_| [service(), listed(10.0)]).collect();
    answers.push(service());
    assert_eq!(statuses(answers, tries + 1).await, vec![None; tries + 1]);
}
