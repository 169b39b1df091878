//! One service's file, and the flow on it without the program around it.

use crate::support::{
    account::{Account, Vpc},
    moto::Moto,
};
use ecs_private_deploy::{
    apply::{Applied, BuildImage, Images, apply},
    aws::Reader,
    config::{self, model::Config},
    context::Context,
    error::Result,
    event::Events,
    names::Names,
    plan::{Plan, build, task, teardown},
    resource::{image, task_definition},
    world,
};
use futures_util::FutureExt as _;

/// The tag of the image that a stack of these tests builds.
const TAG: &str = "0123456789abcdef0123456789abcdef01234567";

/// A service `web` in an account of its own.
#[derive(Debug)]
pub(super) struct Stack {
    pub(super) moto: Moto,
    pub(super) account: Account,
    pub(super) vpc: Vpc,
    folder: tempfile::TempDir,
}

impl Stack {
    /// An account with a VPC and an image, and nothing else.
    pub(super) async fn new() -> Self {
        let moto = Moto::start().await;
        let account = Account::of(&moto.config());
        let vpc = account.vpc().await;
        let image = account.image("web", "v1").await;
        let stack = Self { moto, account, vpc, folder: tempfile::tempdir().expect("a folder") };
        stack.write("", &format!("image: {image}"));
        stack
    }

    /// Where the file stands.
    pub(super) fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("ecs-deploy.yml")
    }

    /// The folder of the file.
    pub(super) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Writes the file: `more` is added to its end, `image` says where the image comes from.
    pub(super) fn write(&self, more: &str, image: &str) {
        let text = format!("service: web\n{image}\ntask: {{ port: 8080 }}\n{more}\n");
        std::fs::write(self.file(), text).expect("the file");
    }

    /// The same with the image that is there and a task of one's own.
    pub(super) fn write_task(&self, task: &str) {
        let image = Self::image();
        let text = format!("service: web\nimage: {image}\ntask: {{ {task} }}\n");
        std::fs::write(self.file(), text).expect("the file");
    }

    fn image() -> String {
        use crate::support::moto::{ACCOUNT, REGION};
        format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/web:v1")
    }

    /// A certificate; IAM's, because there is no client of ACM here.
    pub(super) async fn certificate(&self) -> String {
        let pem = |what: &str| format!("-----BEGIN {what}-----\nAA==\n-----END {what}-----");
        let made = self
            .account
            .iam
            .upload_server_certificate()
            .server_certificate_name("web")
            .certificate_body(pem("CERTIFICATE"))
            .private_key(pem("PRIVATE KEY"))
            .send()
            .await
            .expect("a certificate");
        made.server_certificate_metadata().expect("it is told").arn().to_owned()
    }

    /// The same with the image that is there.
    pub(super) fn write_more(&self, more: &str) {
        self.write(more, &format!("image: {}", Self::image()));
    }

    /// The same with an image that is built, in the repository `built`.
    pub(super) fn write_build(&self, more: &str) {
        std::fs::write(self.folder.path().join("Dockerfile"), "FROM scratch\n").expect("a file");
        self.write(more, "image: { context: ., repository: built }");
    }

    pub(super) fn config(&self) -> Config {
        config::load(Some(&self.file()), self.folder(), None)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Reads the account and computes the plan.
    pub(super) async fn plan(&self) -> Result<Plan> {
        self.plan_where(|_| {}).await
    }

    /// The same with something told that moto does not tell.
    pub(super) async fn plan_where(&self, tell: impl FnOnce(&mut world::World)) -> Result<Plan> {
        let (config, aws) = (self.config(), Reader::new(&self.moto.config()).await?);
        let names = Names::of(&config, &aws.region);
        let judged = task::judged(&config, &aws.region);
        let wanted = world::Wanted { tag: Some(TAG), judged: judged.as_ref() };
        let mut world = world::observe(&aws, &config, &names, wanted).boxed().await?;
        tell(&mut world);
        build::plan(&build::Inputs {
            config: &config,
            context: &Context::default(),
            names: &names,
            tag: Some(TAG),
            world: &world,
        })
    }

    /// The plan of a destroy.
    pub(super) async fn teardown(&self) -> Plan {
        let config = self.config();
        let aws = Reader::new(&self.moto.config()).await.expect("moto answers");
        let names = Names::of(&config, &aws.region);
        let wanted = world::Wanted { tag: None, judged: None };
        let world =
            world::observe(&aws, &config, &names, wanted).boxed().await.expect("it is read");
        let family = task::family(&config);
        let revisions = task_definition::observe_owned(&aws, &family).await.expect("revisions");
        teardown::plan(&teardown::Inputs {
            config: &config,
            names: &names,
            world: &world,
            revisions: &revisions,
            images: None,
        })
    }

    /// Applies a plan; an image that it builds is put where a push would have put it.
    pub(super) async fn apply(&self, plan: &Plan) -> Applied {
        let aws = Reader::new(&self.moto.config()).await.expect("moto answers");
        let push: Box<BuildImage<'_>> = Box::new(|settings, repository| {
            async move {
                self.account.push(&settings.build.repository, &settings.tag).await;
                let aws = Reader::new(&self.moto.config()).await.expect("moto answers");
                let found = image::observe(&aws, &settings.build.repository, &settings.tag).await;
                let digest = found.expect("it is read").expect("it was pushed");
                Ok(format!("{repository}@{digest}"))
            }
            .boxed()
        });
        let pull = |_, _| async { panic!("no test here has an image to pull") }.boxed_local();
        let images = Images { build: push, pull: Box::new(pull) };
        let (events, _) = Events::channel();
        let began = tokio::time::Instant::now();
        let applied =
            apply(plan, &aws, &self.config().service.into(), &images, &events, began).await;
        assert!(applied.failed.is_empty(), "{:#?}", applied.failed);
        assert!(applied.not_started.is_empty(), "{:?}", applied.not_started);
        applied
    }

    /// Plans and applies.
    pub(super) async fn converge(&self) {
        let plan = self.plan().await.unwrap_or_else(|error| panic!("{error}"));
        self.apply(&plan).await;
    }
}
