//! What a build needs: a registry with a repository, a build context, and a home that no other test
//! writes to.

use super::{gate::Gate, ministack::Ministack, process::variable};
use aws_sdk_ecr::types::{ImageDetail, ImageIdentifier, ImageTagMutability};
use ecs_private_deploy::{
    config::model::{Build, Cache},
    error::Problem,
    event::{Event, Events},
    image::{self, Request, digest::Digest, engine::Engine, failure::Failure, login::Login},
    secret::{Secret, Secrets},
};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedReceiver;
use uuid::Uuid;

/// The repository's name.
pub(crate) const REPOSITORY: &str = "team/web";

/// A place to build in.
#[derive(Debug)]
pub(crate) struct Workshop {
    /// What is built; tests change it.
    pub(crate) build: Build,
    /// The environment of the run; tests change it.
    pub(crate) environment: BTreeMap<String, String>,
    /// The registry's login.
    pub(crate) login: Login,
    /// In every name and value that a test looks for on the machine.
    pub(crate) nonce: String,
    /// `host:port/name`.
    pub(crate) repository_uri: String,
    ecr: aws_sdk_ecr::Client,
    context: TempDir,
    home: TempDir,
    _gate: Gate,
    _ministack: Ministack,
}

/// What a build ended with.
#[derive(Debug)]
pub(crate) struct Ran {
    /// What it returned.
    pub(crate) result: Result<Digest, Failure>,
    /// What it told.
    pub(crate) lines: Vec<String>,
    /// What it warned of.
    pub(crate) warnings: Vec<String>,
}

impl Workshop {
    /// Sets one up. `NONCE` in the Dockerfile is replaced by something that no other test has.
    pub(crate) async fn new(dockerfile: &str) -> Self {
        let nonce = Uuid::new_v4().simple().to_string();
        let ministack = Ministack::start().await;
        let ecr = aws_sdk_ecr::Client::new(&ministack.config());
        ecr.create_repository().repository_name(REPOSITORY).send().await.expect("a repository");
        let password = Secret::new(format!("ecr-token-{nonce}"));
        let login = Login { username: "AWS".to_owned(), password };
        let gate = Gate::open(&ministack.registry, &login).await;
        let (context, home) = (folder(), folder());
        let environment = environment(home.path());
        let build = Build {
            context: context.path().to_owned(),
            dockerfile: context.path().join("Dockerfile"),
            target: None,
            build_args: [].into(),
            secrets: Vec::new(),
            platforms: vec!["linux/amd64".to_owned()],
            cache: Cache::None,
            provenance: false,
            repository: REPOSITORY.to_owned(),
            keep: 10,
        };
        let repository_uri = format!("{}/{REPOSITORY}", gate.registry);
        let workshop = Self {
            build,
            environment,
            login,
            nonce,
            repository_uri,
            ecr,
            context,
            home,
            _gate: gate,
            _ministack: ministack,
        };
        workshop.write("Dockerfile", dockerfile);
        workshop
    }

    /// Writes a file of the build context.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.context.path().join(name), text.replace("NONCE", &self.nonce))
            .expect("a file of the context");
    }

    /// The home of the user who builds.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// What is left in the folder for temporary files.
    pub(crate) fn temporary(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.environment["TMPDIR"]).expect("it is there");
        entries.map(|entry| entry.expect("it can be read").path()).collect()
    }

    /// Asks whether it can be built.
    pub(crate) async fn check(&self) -> Result<Engine, Problem> {
        image::check(&self.build, &self.environment).await
    }

    /// Builds and pushes.
    pub(crate) async fn run(&self, tag: &str) -> Ran {
        let (events, receiver) = Events::channel();
        let result = self.start(tag, &events).await;
        drop(events);
        let (lines, warnings) = told(receiver);
        Ran { result, lines, warnings }
    }

    /// The same, with the events going elsewhere.
    pub(crate) async fn start(&self, tag: &str, events: &Events) -> Result<Digest, Failure> {
        let engine = self.check().await.expect("an engine that can build this");
        let request = Request {
            build: &self.build,
            repository_uri: &self.repository_uri,
            tag,
            login: &self.login,
            engine: &engine,
            environment: &self.environment,
        };
        image::build_and_push(&request, events, &Secrets::default()).await
    }

    /// What the registry has under the tag.
    pub(crate) async fn pushed(&self, tag: &str) -> Option<ImageDetail> {
        let id = ImageIdentifier::builder().image_tag(tag).build();
        let request = self.ecr.describe_images().repository_name(REPOSITORY).image_ids(id);
        let answer = request.send().await.expect("the images");
        answer.image_details.unwrap_or_default().into_iter().next()
    }

    /// Makes the repository's tags immutable.
    pub(crate) async fn immutable(&self) {
        let request = self.ecr.put_image_tag_mutability().repository_name(REPOSITORY);
        let request = request.image_tag_mutability(ImageTagMutability::Immutable);
        request.send().await.expect("the tags are immutable");
    }

    /// Runs `docker` as the user of this workshop, and tells what it says.
    pub(crate) fn docker(&self, arguments: &[&str]) -> String {
        let output = Command::new("docker")
            .args(arguments)
            .env_clear()
            .envs(&self.environment)
            .stdin(Stdio::null())
            .output()
            .expect("docker");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Workshop {
    /// The engine keeps what it has pushed.
    fn drop(&mut self) {
        let images = self.docker(&["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]);
        let ours = images.lines().filter(|name| name.starts_with(&self.repository_uri));
        for name in ours {
            self.docker(&["image", "rm", name]);
        }
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Where docker and its engine are, as this process has it; the rest is the home's own.
#[expect(clippy::disallowed_methods, reason = "no part of the program")]
fn environment(home: &Path) -> BTreeMap<String, String> {
    let mine: BTreeMap<String, String> = std::env::vars().collect();
    plugins(home);
    let mut environment: BTreeMap<_, _> = ["PATH", "DOCKER_HOST"]
        .iter()
        .filter_map(|&name| Some((name.to_owned(), mine.get(name)?.clone())))
        .collect();
    let temporary = home.join("tmp");
    fs::create_dir(&temporary).expect("a folder");
    for (name, path) in [("HOME", home), ("TMPDIR", &temporary)] {
        environment.insert(name.to_owned(), path.to_string_lossy().into_owned());
    }
    environment
}

/// Gives a home the plugins of the user's docker: buildx may be one of them.
pub(crate) fn plugins(home: &Path) {
    let users = home.join(".docker");
    if users.exists() {
        return;
    }
    fs::create_dir_all(&users).expect("a folder");
    let given = variable("DOCKER_CONFIG").map(PathBuf::from);
    let theirs = given.or_else(|| variable("HOME").map(|home| Path::new(&home).join(".docker")));
    if let Some(plugins) = theirs.map(|theirs| theirs.join("cli-plugins")).filter(|it| it.is_dir())
    {
        symlink(plugins, users.join("cli-plugins")).expect("a link");
    }
}

fn told(mut receiver: UnboundedReceiver<Event>) -> (Vec<String>, Vec<String>) {
    let (mut lines, mut warnings) = (Vec::new(), Vec::new());
    while let Ok(event) = receiver.try_recv() {
        match event {
            Event::Line { text, .. } => lines.push(text),
            Event::Warning(text) => warnings.push(text),
            other => panic!("a build tells no {other:?}"),
        }
    }
    (lines, warnings)
}
