use super::*;
use crate::{
    aws::replay::{Answer, Replay},
    event::Events,
};
use serde_json::{Value, json};

const DEPLOYMENT: &str =
    "arn:aws:ecs:eu-west-1:123456789012:service-deployment/web/web/NCWGC2ZR-taawPAYrIaU5";

fn service(controller: &str) -> Answer {
    let answer = json!({"services": [{
        "serviceArn": "arn:aws:ecs:eu-west-1:123456789012:service/web/web",
        "serviceName": "web",
        "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/web",
        "status": "ACTIVE",
        "taskDefinition": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:8",
        "deploymentController": {"type": controller},
        "deployments": [{"id": "ecs-svc/8", "status": "PRIMARY", "rolloutState": "IN_PROGRESS"}],
    }]});
    ("DescribeServices", 200, answer)
}

fn listed(deployments: &Value) -> Answer {
    ("ListServiceDeployments", 200, json!({"serviceDeployments": deployments}))
}

fn described(status: &str, hooks: &Value) -> Answer {
    let found = json!({
        "serviceDeploymentArn": DEPLOYMENT,
        "status": status,
        "lifecycleStage": "POST_SCALE_UP",
        "lifecycleHookDetails": hooks,
    });
    ("DescribeServiceDeployments", 200, json!({"serviceDeployments": [found]}))
}

/// Two that are going on, as in the moment in which one takes the place of the other.
fn two() -> Answer {
    listed(&json!([
        {"serviceDeploymentArn": "arn:older", "createdAt": 1_700_000_000, "status": "STOP_REQUESTED"},
        {"serviceDeploymentArn": DEPLOYMENT, "createdAt": 1_700_000_060, "status": "IN_PROGRESS"},
    ]))
}

fn paused() -> Value {
    json!([{"hookId": "ecs-pause-e7tK9G", "targetType": "PAUSE", "status": "AWAITING_ACTION"}])
}

/// What is asked of ECS until the word is said, the look at the service left out.
async fn asked(word: Word, answers: Vec<Answer>) -> Vec<Value> {
    let replay = Replay::new(answers);
    let aws = replay.reader();
    let (_, act) = look(&aws, word, "web", "web").await.expect("something is done");
    let (events, _) = Events::channel();
    say(&Writer::new(aws, "web".to_owned(), events), &act).await.expect("it is said");
    replay.asked().split_off(1)
}

#[tokio::test]
async fn a_pause_is_answered_by_its_hook() {
    let said = ("ContinueServiceDeployment", 200, json!({"serviceDeploymentArn": DEPLOYMENT}));
    let answers = || vec![service("ECS"), two(), described("IN_PROGRESS", &paused()), said.clone()];
    insta::assert_json_snapshot!(asked(Word::Continue, answers()).await, @r#"
    [
      {
        "service": "web",
        "cluster": "web",
        "status": [
          "PENDING",
          "IN_PROGRESS",
          "STOP_REQUESTED",
          "ROLLBACK_REQUESTED",
          "ROLLBACK_IN_PROGRESS"
        ],
        "maxResults": 20
      },
      {
        "serviceDeploymentArns": [
          "arn:aws:ecs:eu-west-1:123456789012:service-deployment/web/web/NCWGC2ZR-taawPAYrIaU5"
        ]
      },
      {
        "serviceDeploymentArn": "arn:aws:ecs:eu-west-1:123456789012:service-deployment/web/web/NCWGC2ZR-taawPAYrIaU5",
        "hookId": "ecs-pause-e7tK9G",
        "action": "CONTINUE"
      }
    ]
    "#);
    let rollback = asked(Word::Rollback, answers()).await;
    assert_eq!(
        rollback[2],
        json!({
            "serviceDeploymentArn": DEPLOYMENT, "hookId": "ecs-pause-e7tK9G", "action": "ROLLBACK",
        })
    );
}

#[tokio::test]
async fn what_does_not_wait_is_stopped_with_a_rollback() {
    let said = ("StopServiceDeployment", 200, json!({"serviceDeploymentArn": DEPLOYMENT}));
    let answers = vec![service("ECS"), two(), described("IN_PROGRESS", &json!([])), said];
    let asked = asked(Word::Rollback, answers).await;
    assert_eq!(asked[2], json!({"serviceDeploymentArn": DEPLOYMENT, "stopType": "ROLLBACK"}));
}

#[tokio::test]
async fn nothing_is_asked_where_there_is_nothing_to_say() {
    let refused = async |answers: Vec<Answer>| {
        let replay = Replay::new(answers);
        let looked = look(&replay.reader(), Word::Continue, "web", "web").await;
        replay.asked();
        let error = looked.expect_err("there is nothing to say");
        assert_eq!(error.exit_code(), exit::REFUSED, "{error}");
        error.to_string()
    };
    let text = refused(vec![service("CODE_DEPLOY")]).await;
    assert!(text.contains("aws deploy continue-deployment"), "{text}");
    let text = refused(vec![service("ECS"), listed(&json!([]))]).await;
    assert!(text.contains("it runs web:8"), "{text}");
    let absent = json!({"__type": "UnsupportedFeatureException", "message": "not here"});
    let text = refused(vec![service("ECS"), ("ListServiceDeployments", 400, absent)]).await;
    assert!(text.contains("take `rollout.pause` out"), "{text}");
}

#[test]
fn the_exit_code_says_whether_it_went_as_asked() {
    let problem = || Problem::new("x");
    let rolled_back = Verdict::RolledBack(problem());
    assert_eq!(exit_code(Word::Continue, &Verdict::Succeeded), exit::OK);
    assert_eq!(exit_code(Word::Continue, &rolled_back), exit::ROLLOUT_FAILED);
    assert_eq!(exit_code(Word::Rollback, &rolled_back), exit::OK);
    for verdict in [Verdict::Succeeded, Verdict::Stopped(problem()), Verdict::Failed(problem())] {
        assert_eq!(exit_code(Word::Rollback, &verdict), exit::ROLLOUT_FAILED);
    }
    for word in [Word::Continue, Word::Rollback] {
        assert_eq!(exit_code(word, &Verdict::TimedOut(problem())), exit::TIMED_OUT);
    }
}
