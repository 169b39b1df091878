use super::*;
use crate::{
    resource::service::{Kind, sample},
    rollout::service_deployment::{self, Pause},
};

const NAME: &str = "service `web` in cluster `web`";

fn service() -> Observed {
    sample::observed("COMPLETED")
}

fn of(controller: &str) -> Observed {
    let service = service();
    Observed { kind: Kind { controller: controller.to_owned(), ..service.kind.clone() }, ..service }
}

fn deployment(status: Status) -> ServiceDeployment {
    ServiceDeployment {
        stage: Some("POST_SCALE_UP".to_owned()),
        ..service_deployment::sample(status)
    }
}

fn act(word: Word, deployment: &ServiceDeployment) -> Act {
    decide(word, NAME, &service(), Some(deployment)).expect("something is done")
}

fn told(problem: &Problem) -> String {
    format!("{problem}\n")
}

#[test]
fn what_waits_gets_its_answer_and_what_does_not_is_stopped() {
    let goes_on = deployment(Status::Underway);
    let pause = Pause { hook: "ecs-pause-e7tK9G".to_owned(), until: None, continues: false };
    let waits = ServiceDeployment { pause: Some(pause), ..goes_on.clone() };
    let resolve = |goes_on| Act::Resolve {
        deployment: waits.arn.clone(),
        hook: "ecs-pause-e7tK9G".to_owned(),
        goes_on,
    };
    assert_eq!(act(Word::Continue, &waits), resolve(true));
    assert_eq!(act(Word::Rollback, &waits), resolve(false));
    assert_eq!(act(Word::Rollback, &goes_on), Act::Stop { deployment: goes_on.arn.clone() });
    for status in [Status::StopRequested, Status::RollbackRequested, Status::RollingBack] {
        let returns = deployment(status);
        assert_eq!(act(Word::Rollback, &returns), Act::Await { deployment: returns.arn.clone() });
    }
}

#[test]
fn every_case_without_anything_to_do_has_its_way_out() {
    let mut text = String::new();
    for word in [Word::Continue, Word::Rollback] {
        for service in [None, Some(of("CODE_DEPLOY")), Some(of("EXTERNAL"))] {
            text += &told(&check(word, NAME, service).expect_err("it cannot be told"));
        }
        text += &told(&decide(word, NAME, &service(), None).expect_err("there is none"));
    }
    let draining = Observed { kind: Kind { is_draining: true, ..service().kind }, ..service() };
    text += &told(&check(Word::Rollback, NAME, Some(draining)).expect_err("it is draining"));
    let asked = ServiceDeployment {
        functions: vec!["IN_PROGRESS".to_owned()],
        ..deployment(Status::Underway)
    };
    for found in [deployment(Status::Underway), asked, deployment(Status::RollbackRequested)] {
        let decided = decide(Word::Continue, NAME, &service(), Some(&found));
        text += &told(&decided.expect_err("it does not wait"));
    }
    insta::assert_snapshot!(text, @r"
    service `web` in cluster `web` does not exist
      help: check `service`, `cluster` and the region, or deploy it: ecs-private-deploy deploy
    service `web` in cluster `web` is not deployed by ECS (deployment controller CODE_DEPLOY)
      help: tell CodeDeploy: aws deploy continue-deployment --deployment-id d-…
    service `web` in cluster `web` is not deployed by ECS (deployment controller EXTERNAL)
      help: tell whoever made its task sets: aws ecs describe-services shows them
    no deployment of service `web` in cluster `web` is going on
      it runs web:1 (COMPLETED)
      help: a deploy starts one: ecs-private-deploy deploy
    service `web` in cluster `web` does not exist
      help: check `service`, `cluster` and the region, or deploy it: ecs-private-deploy deploy
    service `web` in cluster `web` is not deployed by ECS (deployment controller CODE_DEPLOY)
      help: tell CodeDeploy: aws deploy stop-deployment --auto-rollback-enabled --deployment-id d-…
    service `web` in cluster `web` is not deployed by ECS (deployment controller EXTERNAL)
      help: tell whoever made its task sets: aws ecs describe-services shows them
    no deployment of service `web` in cluster `web` is going on
      it runs web:1 (COMPLETED)
      help: a version that is out is left by deploying another one: check out its commit, or name its image: ecs-private-deploy deploy --image URI@DIGEST
    service `web` in cluster `web` was deleted and is draining
      help: deploy it again: ecs-private-deploy deploy
    the deployment of service `web` in cluster `web` does not wait for a word
      arn:aws:ecs:eu-west-1:123456789012:service-deployment/web/web/NCWGC2ZR is IN_PROGRESS, at POST_SCALE_UP
      help: `rollout: { pause: { at: [POST_SCALE_UP] } }` makes one wait; to follow this one: ecs-private-deploy deploy
    the deployment of service `web` in cluster `web` does not wait for a word
      arn:aws:ecs:eu-west-1:123456789012:service-deployment/web/web/NCWGC2ZR is IN_PROGRESS, at POST_SCALE_UP
      a Lambda hook is IN_PROGRESS
      help: `rollout: { pause: { at: [POST_SCALE_UP] } }` makes one wait; to follow this one: ecs-private-deploy deploy
    the deployment of service `web` in cluster `web` cannot go on
      arn:aws:ecs:eu-west-1:123456789012:service-deployment/web/web/NCWGC2ZR is ROLLBACK_REQUESTED, at POST_SCALE_UP
      help: deploy again when it is over: ecs-private-deploy deploy
    ");
}

#[test]
fn a_service_of_ecs_is_well() {
    assert!(check(Word::Continue, NAME, Some(service())).is_ok());
}

#[test]
fn an_ecs_without_service_deployments_is_told_from_one_that_refuses() {
    let failure = |code: &str| Failure {
        operation: "ecs:ListServiceDeployments",
        on: "service web".to_owned(),
        code: Some(code.to_owned()),
        message: "no such thing".to_owned(),
        request_id: None,
    };
    let absent = ["UnsupportedFeatureException", "UnknownOperationException", "InvalidAction"];
    assert!(absent.iter().all(|code| is_absent(&failure(code))));
    let others = ["AccessDeniedException", "ThrottlingException", "ServerException", "HTTP 500"];
    assert!(!others.iter().any(|code| is_absent(&failure(code))));
    let failure = failure("UnsupportedFeatureException");
    let text = told(&super::absent(Word::Continue, NAME, &failure))
        + &told(&super::absent(Word::Rollback, NAME, &failure));
    insta::assert_snapshot!(text, @r"
    ECS does not tell of the deployments of service `web` in cluster `web` here
      ecs:ListServiceDeployments on service web was refused: UnsupportedFeatureException: no such thing
      help: a pause needs them: take `rollout.pause` out of the file
    ECS does not tell of the deployments of service `web` in cluster `web` here
      ecs:ListServiceDeployments on service web was refused: UnsupportedFeatureException: no such thing
      help: deploy the last version: check out its commit, or name its image: ecs-private-deploy deploy --image URI@DIGEST
    ");
}

#[test]
fn only_ecs_s_own_word_is_the_end_of_a_rollback() {
    for status in
        [Status::Underway, Status::RollbackRequested, Status::RollingBack, Status::StopRequested]
    {
        assert_eq!(end(&deployment(status)), None);
    }
    let end = |status| end(&deployment(status)).expect("it is final");
    assert!(matches!(end(Status::RolledBack), Verdict::RolledBack(_)));
    assert!(matches!(end(Status::RollbackFailed), Verdict::Failed(_)));
    assert!(matches!(end(Status::Stopped), Verdict::Stopped(_)));
    assert_eq!(end(Status::Successful), Verdict::Succeeded);
}
