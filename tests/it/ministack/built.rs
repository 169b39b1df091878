//! A deploy that builds its image, killed after each call to ECR and with each of them failing: moto is AWS, and
//! MiniStack is ECR with a registry that takes the push of a real engine.

use crate::support::{
    account::Account,
    counts::count,
    lane::{Fault, Lane, Which},
    manners::Manners,
    ministack::Ministack,
    moto::{ACCOUNT, Moto},
    program::{Program, Run},
};
use ecs_private_deploy::exit;
use serde_json::json;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::time::sleep;

/// An account in which services share a VPC and its endpoints.
struct Scene {
    moto: Moto,
    ministack: Ministack,
    ecr: aws_sdk_ecr::Client,
    account: Account,
    folder: tempfile::TempDir,
}

impl Scene {
    async fn new() -> Self {
        let (moto, ministack) = (Moto::start().await, Ministack::start().await);
        let account = Account::of(&moto.config());
        account.vpc().await;
        let ecr = aws_sdk_ecr::Client::new(&ministack.config());
        Self { moto, ministack, ecr, account, folder: tempfile::tempdir().expect("a folder") }
    }

    /// Writes the folder of a service that nobody has deployed yet.
    fn service(&self, name: &str) {
        let folder = self.folder.path().join(name);
        std::fs::create_dir(&folder).expect("a folder");
        let file = format!(
            "service: {name}\nimage: {{ context: ., cache: none }}\ntask: {{ port: 8080 }}\n"
        );
        for (path, text) in [
            ("ecs-deploy.yml", file.as_str()),
            ("Dockerfile", "FROM scratch\nCOPY page /\n"),
            ("page", name),
        ] {
            std::fs::write(folder.join(path), text).expect("a file");
        }
    }

    /// A way to ECR on which these calls fail, and which ends after the last.
    async fn lane(&self, fault: Fault, which: Which, last: Option<usize>) -> Lane {
        let manners = Arc::new(Manners::default());
        Lane::failing(self.ministack.port(), ACCOUNT, &manners, fault, which, last).await
    }

    fn program(&self, name: &str, arguments: &[&str], lane: &Lane) -> Program {
        let folder = self.folder.path().join(name);
        Program::new(&folder, arguments, &self.moto.config())
            .env("AWS_ENDPOINT_URL_ECR", &lane.endpoint())
            .env("ECS_PRIVATE_DEPLOY_REGISTRY", &self.ministack.registry)
    }

    /// Deploys undisturbed; yields the calls to ECR.
    async fn deploys(&self, name: &str) -> Vec<String> {
        let lane = self.lane(Fault::Throttle, Which::None, None).await;
        self.program(name, &["deploy"], &lane).run().await.ends_with(exit::OK);
        lane.calls().into_iter().map(|call| call.name).collect()
    }

    async fn failing(&self, name: &str, fault: Fault, which: Which) -> Run {
        let lane = self.lane(fault, which, None).await;
        self.program(name, &["deploy"], &lane).run().await
    }

    /// One image was pushed, its digest is what runs, there is one revision, and nothing is left to do.
    async fn stands(&self, name: &str) {
        let found = self.ecr.describe_images().repository_name(name).send().await;
        let images = found.expect("images").image_details.unwrap_or_default();
        let [image] = images.as_slice() else { panic!("{name}: one image: {images:#?}") };
        let digest = image.image_digest().expect("it has one");
        let ecs = &self.account.ecs;
        let found = ecs.describe_services().cluster(name).services(name).send().await;
        let found = found.expect("services");
        let revision = found.services()[0].task_definition().expect("it runs one");
        assert!(revision.ends_with(&format!("/{name}:1")), "{revision}");
        let found = ecs.describe_task_definition().task_definition(revision).send().await;
        let definition = found.expect("it is there").task_definition.expect("it is told");
        let runs = definition.container_definitions()[0].image().expect("an image").to_owned();
        assert!(runs.ends_with(digest), "{runs} is not {digest}");
        let lane = self.lane(Fault::Throttle, Which::None, None).await;
        let plan = self.program(name, &["plan", "--format", "json"], &lane).run().await;
        assert_eq!(plan.ends_with(exit::OK).json()["steps"], json!([]), "{name}");
    }
}

/// After its last call to ECR, in milliseconds: while it builds, while it pushes, and when the registry has the
/// image and nobody was told.
const MOMENTS: [u64; 5] = [20, 100, 200, 400, 800];

#[tokio::test]
async fn a_build_killed_faulted_and_denied_call_by_call() {
    let scene = Scene::new().await;
    scene.service("model");
    let calls = scene.deploys("model").await;
    scene.stands("model").await;

    for point in 1..=calls.len() {
        let name = format!("killed-{point}");
        scene.service(&name);
        let lane = scene.lane(Fault::Throttle, Which::None, Some(point)).await;
        let run = scene.program(&name, &["deploy"], &lane).run_until(lane.ended()).await;
        assert!(run.is_none(), "it ended before call {point} of {calls:?}: {run:?}");
        scene.deploys(&name).await;
        scene.stands(&name).await;
    }
    count(&format!("a first build, killed after each call to ECR: {} points", calls.len()));

    for moment in MOMENTS {
        let name = format!("cut-{moment}");
        scene.service(&name);
        let lane = scene.lane(Fault::Throttle, Which::None, None).await;
        let comes = async {
            while lane.calls().len() < calls.len() {
                sleep(Duration::from_millis(5)).await;
            }
            sleep(Duration::from_millis(moment)).await;
        };
        scene.program(&name, &["deploy"], &lane).run_until(comes).await;
        scene.deploys(&name).await;
        scene.stands(&name).await;
    }
    count(&format!("a first build, killed while it builds and pushes: {} moments", MOMENTS.len()));

    let kinds = [Fault::Throttle, Fault::ServerError, Fault::ResetBefore, Fault::ResetAfter];
    for (kind, fault) in kinds.into_iter().enumerate() {
        let name = format!("faulted-{kind}");
        scene.service(&name);
        scene.failing(&name, fault, Which::First).await.ends_with(exit::OK);
        scene.stands(&name).await;
    }

    let operations: BTreeSet<_> = calls.into_iter().collect();
    for operation in &operations {
        let name = format!("denied-{}", operation.replace(':', "-").to_lowercase());
        scene.service(&name);
        let run = scene.failing(&name, Fault::Denial, Which::Operation(operation.clone())).await;
        let is_told = run.stderr.contains(&format!("allow `{operation}`"));
        let is_ended = [exit::REFUSED, exit::PARTIAL].map(i32::from).map(Some).contains(&run.code);
        assert!(is_told && is_ended, "{operation}: {:?}\n{}", run.code, run.stderr);
        scene.deploys(&name).await;
        scene.stands(&name).await;
    }
    count(&format!("a first build, each action of ECR denied: {} points", operations.len()));
}
