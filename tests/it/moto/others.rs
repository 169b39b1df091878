//! Services that cannot be deployed to, or not yet: of another kind, draining, without a deployment.

use super::stack::Stack;
use crate::support::{
    account::Account,
    program::{Program, Run},
};
use aws_sdk_ecs::types::{DeploymentController, DeploymentControllerType, LaunchType};
use ecs_private_deploy::{exit, world::World};

async fn run(stack: &Stack, arguments: &[&str]) -> Run {
    Program::new(stack.folder(), arguments, &stack.moto.config()).run().await
}

#[tokio::test]
async fn a_service_of_another_kind_is_refused_and_left_alone() {
    let stack = Stack::new().await;
    stack.converge().await;
    let Account { ecs, .. } = &stack.account;
    for (name, controller) in [("hand", "CODE_DEPLOY"), ("own", "EXTERNAL"), ("old", "ECS")] {
        let controller = DeploymentController::builder()
            .r#type(DeploymentControllerType::from(controller))
            .build()
            .expect("a type");
        let request = ecs.create_service().cluster("web").service_name(name).desired_count(1);
        let request = request.task_definition("web").launch_type(LaunchType::Ec2);
        request.deployment_controller(controller).send().await.expect("a service");
    }
    stack.moto.calls();
    let mut text = String::new();
    for name in ["hand", "own", "old"] {
        let file = std::fs::read_to_string(stack.file()).expect("the file");
        let other = file.replace("service: web", &format!("service: {name}\ncluster: web"));
        std::fs::write(stack.folder().join("other.yml"), other).expect("a file");
        let refused = run(&stack, &["deploy", "--config", "other.yml"]).await;
        let told = refused.ends_with(exit::REFUSED).stderr;
        text.extend(
            told.lines().filter(|line| line.starts_with(' ')).map(|line| format!("{line}\n")),
        );
    }
    assert_eq!(stack.moto.writes(), Vec::<String>::new());
    insta::assert_snapshot!(text, @r"
    service `hand` in cluster `web` is deployed by CodeDeploy (deployment controller CODE_DEPLOY)
    help: give this service another name with `service:`, delete that one, or let ECS deploy it: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/migrate-code-deploy-to-ecs-blue-green.html
    service `own` in cluster `web` is deployed by somebody else (deployment controller EXTERNAL)
    help: give this service another name with `service:`, or delete that one
    service `old` in cluster `web` runs on EC2, and this program deploys to Fargate
    help: give this service another name with `service:`, or delete that one: its launch type cannot be changed
    ");
}

#[tokio::test]
async fn a_service_that_drains_is_waited_for_where_it_is_ours() {
    let stack = Stack::new().await;
    stack.converge().await;
    let drain = |world: &mut World| {
        world.draining = world.service.take();
    };
    let plan = stack.plan_where(drain).await.expect("it is waited for");
    insta::assert_snapshot!(plan.view(), @r"
    + service/web  no such service
    1 to create, 15 unchanged
    warning: service `web` in cluster `web` was deleted and is still draining: its tasks get 30 s to finish their requests, and the new service is made after that
    ");
    let error = stack
        .plan_where(|world| {
            drain(world);
            let draining = world.draining.as_mut().expect("it drains");
            draining.ownership.stack = None;
        })
        .await
        .expect_err("it is somebody else's");
    assert_eq!(error.exit_code(), exit::REFUSED);
    insta::assert_snapshot!(error, @r"
    service `web` in cluster `web` was deleted, is still draining, and is not this program's
      help: wait until it is gone, or give the service another name: aws ecs wait services-inactive --cluster web --services web
    ");
}

#[tokio::test]
async fn a_word_that_cannot_be_said_changes_nothing() {
    let stack = Stack::new().await;
    stack.moto.calls();
    for command in ["continue", "rollback"] {
        let ended = run(&stack, &[command]).await.ends_with(exit::REFUSED);
        let what = "service `web` in cluster `web` does not exist";
        assert!(ended.stderr.contains(what), "{}", ended.stderr);
    }
    assert_eq!(stack.moto.writes(), Vec::<String>::new());
}
