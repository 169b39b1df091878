//! The program, with a sidecar from Docker Hub: moto is AWS, with ECR's rules beside it, and a real
//! registry caches another one.

use super::{REPOSITORY, registries};
use crate::support::{
    account::Account,
    ecr::{Ecr, PASSWORD},
    gate::Gate,
    moto::{ACCOUNT, Moto, REGION},
    program::{Program, Run},
    registry::{Image, Registry},
};
use aws_sdk_ecs::types::TaskDefinition;
use ecs_private_deploy::{exit, image::login::Login, secret::Secret};
use serde_json::json;

/// An account with a VPC, and a service with a sidecar.
struct Scene {
    moto: Moto,
    account: Account,
    ecr: Ecr,
    gate: Gate,
    cache: Registry,
    image: Image,
    folder: tempfile::TempDir,
}

const SECRET: &str = "ecr-pullthroughcache/docker-hub";

impl Scene {
    /// The scene, and the upstream, without which there is no internet.
    async fn new() -> (Self, Registry) {
        let (upstream, cache, image) = registries().await;
        let moto = Moto::start().await;
        let account = Account::of(&moto.config());
        account.vpc().await;
        let ecr = Ecr::start();
        ecr.has("web", "v1", &format!("sha256:{:064}", 7));
        ecr.caches(&cache, REPOSITORY, "1.29", &image.digest);
        let login = Login { username: "AWS".to_owned(), password: Secret::new(PASSWORD) };
        let gate = Gate::open(&cache.host(), &login).await;
        let folder = tempfile::tempdir().expect("a folder");
        let scene = Self { moto, account, ecr, gate, cache, image, folder };
        (scene, upstream)
    }

    fn write(&self, more: &str, sidecar: &str) {
        let uri = format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/web:v1");
        let file = format!(
            "service: web\nimage: {{ uri: '{uri}'{more} }}\n\
             task: {{ definition: task.json, container: web }}\n"
        );
        let port = json!([{"containerPort": 8080}]);
        let task = json!({
            "family": "web",
            "cpu": "256",
            "memory": "512",
            "containerDefinitions": [
                {"name": "web", "image": "replaced", "portMappings": port},
                {"name": "proxy", "image": sidecar},
            ],
        });
        std::fs::write(self.folder.path().join("ecs-deploy.yml"), file).expect("a file");
        std::fs::write(self.folder.path().join("task.json"), task.to_string()).expect("a file");
    }

    async fn secret(&self) -> String {
        let secrets = aws_sdk_secretsmanager::Client::new(&self.moto.config());
        let login = r#"{"username":"octocat","accessToken":"dckr_pat"}"#;
        let made = secrets.create_secret().name(SECRET).secret_string(login).send().await;
        made.expect("a secret").arn().expect("it has one").to_owned()
    }

    async fn run(&self, arguments: &[&str]) -> Run {
        Program::new(self.folder.path(), arguments, &self.moto.config())
            .env("AWS_ENDPOINT_URL_ECR", &self.ecr.url)
            .env("ECS_PRIVATE_DEPLOY_REGISTRY", &self.gate.registry)
            .run()
            .await
    }

    async fn live(&self) -> TaskDefinition {
        let found = self.account.ecs.describe_task_definition().task_definition("web").send().await;
        found.expect("a revision").task_definition.expect("it is told")
    }
}

fn sidecar(revision: &TaskDefinition) -> &str {
    revision.container_definitions()[1].image().expect("it has one")
}

#[tokio::test]
async fn a_sidecar_of_docker_hub_is_cached_pinned_and_left_alone() {
    let (scene, upstream) = Scene::new().await;
    scene.write(", pull-through: ensure", "nginx:1.29");
    let arn = scene.secret().await;

    let plan = scene.run(&["plan", "--detailed-exitcode"]).await.ends_with(exit::CHANGES);
    assert!(plan.stdout.contains("+ pull-through-cache-rule/docker-hub "), "{}", plan.stdout);
    assert!(plan.stdout.contains("+ cached-image/proxy "), "{}", plan.stdout);
    assert!(scene.ecr.asked("CreatePullThroughCacheRule").is_empty());
    assert!(!scene.cache.file(&scene.image.digest).exists(), "a plan pulls nothing");

    let deployed = scene.run(&["deploy"]).await.ends_with(exit::OK);
    assert!(!deployed.stderr.contains(PASSWORD), "{}", deployed.stderr);
    let expected = json!({
        "ecrRepositoryPrefix": "docker-hub",
        "upstreamRegistryUrl": "registry-1.docker.io",
        "upstreamRegistry": "docker-hub",
        "credentialArn": arn,
    });
    assert_eq!(scene.ecr.asked("CreatePullThroughCacheRule"), [expected]);
    assert_eq!(scene.ecr.asked("ValidatePullThroughCacheRule").len(), 1);
    let pinned = format!("{}/{REPOSITORY}@{}", scene.gate.registry, scene.image.digest);
    assert_eq!(sidecar(&scene.live().await), pinned);
    super::written(&scene.cache, &scene.image).await;

    // Nothing asks the upstream any more.
    drop(upstream);
    let again = scene.run(&["plan", "--detailed-exitcode", "--format", "json"]).await;
    assert_eq!(again.ends_with(exit::OK).json()["steps"], json!([]));
    let revision = scene.live().await.revision();
    scene.run(&["deploy"]).await.ends_with(exit::OK);
    assert_eq!(scene.live().await.revision(), revision);

    let gone = scene.run(&["destroy", "--yes"]).await.ends_with(exit::OK);
    assert!(gone.stderr.contains("cached repositories stay"), "{}", gone.stderr);
    assert_eq!(scene.ecr.unlike_the_api(), "");
}

#[tokio::test]
async fn without_the_line_the_run_is_refused_with_it() {
    let (scene, _upstream) = Scene::new().await;
    scene.write("", "nginx:1.29");
    let told = scene.run(&["deploy"]).await.ends_with(exit::CONFIG).stderr;
    assert!(told.contains("container `proxy`: image `nginx:1.29` is on Docker Hub"), "{told}");
    assert!(told.contains("add `image: { pull-through: ensure }`"), "{told}");

    // The file does not say its region, so that this is seen when it is known.
    let theirs = format!("{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/proxy:1");
    scene.write("", &theirs);
    let told = scene.run(&["deploy"]).await.ends_with(exit::REFUSED).stderr;
    assert!(told.contains("is in us-east-1, and the service in eu-central-1"), "{told}");
    assert!(told.contains("add `image: { pull-through: ensure }`"), "{told}");
    assert_eq!(scene.moto.writes().iter().filter(|call| call.starts_with("ecs:")).count(), 0);
}

#[tokio::test]
async fn without_the_secret_the_run_is_refused_with_the_command() {
    let (scene, _upstream) = Scene::new().await;
    scene.write(", pull-through: ensure", "nginx:1.29");
    let told = scene.run(&["deploy"]).await.ends_with(exit::REFUSED).stderr;
    assert!(told.contains("secret `ecr-pullthroughcache/docker-hub` does not exist"), "{told}");
    assert!(told.contains("aws secretsmanager create-secret --region eu-central-1"), "{told}");
    assert!(scene.ecr.asked("CreatePullThroughCacheRule").is_empty());
}
