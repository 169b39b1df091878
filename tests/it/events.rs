//! Every event that GitHub sends, as a file, through the program: what it decides, and that it does no
//! more than that.

use crate::support::{
    process::part,
    program::{Program, Run},
};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use ecs_private_deploy::exit;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

/// Every process takes memory, and others run tests too.
const AT_ONCE: usize = 4;

const FILE: &str = "service: web\n\
    image: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/web:v1\ntask: { port: 8080 }\n";
const PREVIEW: &str = "preview: { host: 'pr-{number}.preview.example.com' }\n";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const FORK: &str = "mallory/app";

/// An AWS that refuses everything, and counts what it was asked.
struct Closed {
    config: SdkConfig,
    asked: Arc<AtomicUsize>,
}

impl Closed {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("it is bound"));
        let asked = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counting.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let mut request = [0; 4096];
                    if stream.read(&mut request).await.is_err() {
                        return;
                    }
                    let body = "<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>The \
                        security token is invalid</Message></Error></ErrorResponse>";
                    let length = body.len();
                    let head =
                        "HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-type: text/xml";
                    let answer = format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}");
                    stream.write_all(answer.as_bytes()).await.ok();
                });
            }
        });
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .endpoint_url(endpoint)
            .build();
        Self { config, asked }
    }
}

/// A job's folder, with the event that started it.
struct Job {
    folder: tempfile::TempDir,
    aws: Closed,
    name: String,
}

impl Job {
    async fn of(name: &str, payload: &Value) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let job = Self { folder, aws: Closed::start().await, name: name.to_owned() };
        job.write("event.json", &payload.to_string());
        job.write("ecs-deploy.yml", &format!("{FILE}{PREVIEW}"));
        job
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// The program as a step of the job, on one of GitHub's machines.
    fn step(&self, arguments: &[&str]) -> Program {
        let text = |name: &str| self.path(name).to_string_lossy().into_owned();
        Program::new(self.folder.path(), arguments, &self.aws.config)
            .env("GITHUB_ACTIONS", "true")
            .env("RUNNER_ENVIRONMENT", "github-hosted")
            .env("GITHUB_REPOSITORY", "octo/app")
            .env("GITHUB_SHA", COMMIT)
            .env("GITHUB_API_URL", "http://127.0.0.1:9")
            .env("GITHUB_EVENT_NAME", &self.name)
            .env("GITHUB_EVENT_PATH", &text("event.json"))
            .env("GITHUB_OUTPUT", &text("output"))
            .env("GITHUB_STEP_SUMMARY", &text("summary"))
    }

    async fn auto(&self) -> Told {
        self.told(&self.step(&[]).run().await)
    }

    /// What it decided. Whatever acts has asked AWS, and has been refused; whatever does not has asked
    /// nobody, ends well, and says so in every place.
    fn told(&self, run: &Run) -> Told {
        let asked = self.aws.asked.load(Ordering::SeqCst);
        let log = &run.stderr;
        assert!(!log.contains("panicked"), "{log}");
        let decided = log.lines().find_map(|line| line.trim_start().strip_prefix("auto "));
        if let Some(decided) = decided {
            assert!(asked > 0, "{log}");
            assert!(matches!(run.code, Some(1 | 3)), "{:?}: {log}", run.code);
            return Told::Acts(decided.trim().to_owned());
        }
        let summary = self.read("summary");
        if run.code == Some(i32::from(exit::OK)) {
            assert_eq!(asked, 0, "{log}");
            assert!(log.contains("nothing was done"), "{log}");
            assert!(summary.contains("nothing was done"), "{summary}");
            assert!(self.read("output").contains("false"), "{}", self.read("output"));
            return Told::Idles(log.clone());
        }
        assert_eq!((run.code, asked), (Some(i32::from(exit::CONFIG)), 0), "{log}");
        Told::Refuses(log.clone())
    }
}

/// What a run has decided.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Acts(String),
    Idles(String),
    Refuses(String),
}

impl Told {
    fn line(&self) -> &str {
        match self {
            Self::Acts(text) => text,
            Self::Idles(_) => "nothing",
            Self::Refuses(_) => "refused",
        }
    }

    fn says(&self, text: &str) -> bool {
        let (Self::Acts(log) | Self::Idles(log) | Self::Refuses(log)) = self;
        log.contains(text)
    }
}

/// GitHub's own examples, those of its servers too, each once: the event and the payload.
fn examples() -> Vec<(String, Value)> {
    let path = part("ECS_PRIVATE_DEPLOY_TEST_WEBHOOKS");
    let folder = path.ancestors().nth(2).expect("a folder for each server");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("it can be read").path().join("index.json"))
        .filter(|file| file.is_file())
        .collect();
    files.sort();
    assert!(files.contains(&path) && files.len() > 1, "{files:?}");
    let mut all: Vec<(String, Value)> = Vec::new();
    let mut seen = BTreeSet::new();
    for file in files {
        let text = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let events: Vec<Value> = serde_json::from_slice(&text).expect("they are JSON");
        for event in &events {
            let name = event["name"].as_str().expect("it has one");
            for payload in event["examples"].as_array().expect("it has some") {
                if seen.insert(format!("{name} {payload}")) {
                    all.push((name.to_owned(), payload.clone()));
                }
            }
        }
    }
    all
}

/// What runs a workflow and has no example, because nobody is sent it.
fn unsent() -> [(String, Value); 2] {
    let schedule = json!({"schedule": "17 3 * * *", "workflow": ".github/workflows/sweep.yml"});
    [("schedule".to_owned(), schedule), ("image_version".to_owned(), json!({}))]
}

/// A pull request as GitHub sends it.
fn pull_request() -> Value {
    let mut all = examples().into_iter();
    all.find(|(name, _)| name == "pull_request").expect("there is one").1
}

/// The same from a fork, and after this.
fn from_fork(action: &str) -> Value {
    let mut payload = pull_request();
    payload["action"] = json!(action);
    payload["pull_request"]["head"]["repo"] = json!({"id": 666, "full_name": FORK});
    payload
}

#[tokio::test]
async fn every_event_of_githubs_examples_is_decided() {
    let decided =
        stream::iter(examples().into_iter().chain(unsent())).map(|(name, payload)| async move {
            let job = Job::of(&name, &payload).await;
            let action = payload["action"].as_str().map(|action| format!(" {action}"));
            let row = format!("{name}{}", action.unwrap_or_default());
            let told = job.auto().await;
            assert!(!matches!(told, Told::Refuses(_)), "{row}: {told:?}");
            assert!(told.says(&format!("`{name}`")), "{row}: {told:?}");
            (row, told.line().to_owned())
        });
    let decided: Vec<_> = decided.buffer_unordered(AT_ONCE).collect().await;
    let mut table = BTreeMap::<String, usize>::new();
    for (row, told) in &decided {
        let is_known = ACTING.iter().any(|name| row.split(' ').next() == Some(name));
        let row = if is_known { format!("{row}: {told}") } else { format!("any other: {told}") };
        *table.entry(row).or_default() += 1;
    }
    let rows: Vec<_> = table.iter().map(|(row, count)| format!("{count:>3} {row}")).collect();
    insta::assert_snapshot!(rows.join("\n"), @r"
    337 any other: nothing
      3 pull_request assigned: nothing
      3 pull_request closed: `pull_request` (closed) takes down the preview of pull request 2
      3 pull_request converted_to_draft: nothing
      3 pull_request labeled: nothing
      2 pull_request locked: nothing
      5 pull_request opened: `pull_request` (opened) makes or updates the preview of pull request 2
      3 pull_request ready_for_review: `pull_request` (ready_for_review) makes or updates the preview of pull request 2
      2 pull_request reopened: `pull_request` (reopened) makes or updates the preview of pull request 2
      1 pull_request review_request_removed: nothing
      1 pull_request review_requested: nothing
      1 pull_request synchronize: `pull_request` (synchronize) makes or updates the preview of pull request 2
      3 pull_request unassigned: nothing
      3 pull_request unlabeled: nothing
      2 pull_request unlocked: nothing
      5 push: `push` deploys
      5 push: nothing
      3 release created: `release` (created) deploys
      2 release deleted: nothing
      2 release edited: nothing
      2 release prereleased: `release` (prereleased) deploys
      4 release published: `release` (published) deploys
      1 release released: `release` (released) deploys
      2 repository_dispatch on-demand-test: `repository_dispatch` deploys
      1 schedule: `schedule` deploys
      2 workflow_dispatch: `workflow_dispatch` deploys
      2 workflow_run completed: `workflow_run` (completed) deploys
      1 workflow_run completed: nothing
      2 workflow_run requested: nothing
    ");
}

/// The events that `auto` does anything about.
const ACTING: [&str; 7] = [
    "push",
    "release",
    "workflow_dispatch",
    "repository_dispatch",
    "schedule",
    "pull_request",
    "workflow_run",
];

#[tokio::test]
async fn every_action_of_a_pull_request_is_decided() {
    // https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request
    const ACTIONS: [&str; 21] = [
        "assigned",
        "auto_merge_disabled",
        "auto_merge_enabled",
        "closed",
        "converted_to_draft",
        "demilestoned",
        "dequeued",
        "edited",
        "enqueued",
        "labeled",
        "locked",
        "milestoned",
        "opened",
        "ready_for_review",
        "reopened",
        "review_request_removed",
        "review_requested",
        "synchronize",
        "unassigned",
        "unlabeled",
        "unlocked",
    ];
    let events = ["pull_request", "pull_request_target"];
    let all = events.into_iter().flat_map(|name| ACTIONS.map(|action| (name, action)));
    let decided = stream::iter(all).map(|(name, action)| async move {
        let mut payload = pull_request();
        payload["action"] = json!(action);
        let told = Job::of(name, &payload).await.auto().await;
        assert!(told.says(&format!("`{name}` ({action})")), "{told:?}");
        let line = told.line().split(')').next_back().unwrap_or_default().trim().to_owned();
        (line != "nothing").then(|| format!("{name} {action}: {line}"))
    });
    let decided: Vec<_> = decided.buffered(AT_ONCE).collect().await;
    let acting: Vec<_> = decided.into_iter().flatten().collect();
    insta::assert_snapshot!(acting.join("\n"), @r"
    pull_request closed: takes down the preview of pull request 2
    pull_request opened: makes or updates the preview of pull request 2
    pull_request ready_for_review: makes or updates the preview of pull request 2
    pull_request reopened: makes or updates the preview of pull request 2
    pull_request synchronize: makes or updates the preview of pull request 2
    pull_request_target closed: takes down the preview of pull request 2
    pull_request_target opened: makes or updates the preview of pull request 2
    pull_request_target ready_for_review: makes or updates the preview of pull request 2
    pull_request_target reopened: makes or updates the preview of pull request 2
    pull_request_target synchronize: makes or updates the preview of pull request 2
    ");
}

#[tokio::test]
async fn a_pull_request_without_a_preview_section_is_planned_and_always_taken_down() {
    let mut payload = pull_request();
    let mut told = Vec::new();
    for action in ["opened", "closed"] {
        payload["action"] = json!(action);
        let job = Job::of("pull_request", &payload).await;
        job.write("ecs-deploy.yml", FILE);
        told.push(job.auto().await.line().to_owned());
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    `pull_request` (opened) plans for pull request 2, because the file has no `preview:`
    `pull_request` (closed) takes down the preview of pull request 2
    ");
}

/// A run without credentials, as a fork has it.
async fn without_credentials(job: &Job, more: &[(&str, &str)]) -> Told {
    let names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    let step = names.into_iter().fold(job.step(&[]), Program::without);
    let step = more.iter().fold(step, |step, (name, value)| step.env(name, value));
    job.told(&step.run().await)
}

#[tokio::test]
async fn a_fork_without_secrets_ends_neutrally() {
    for action in ["opened", "synchronize", "closed"] {
        let job = Job::of("pull_request", &from_fork(action)).await;
        for more in [&[][..], &[("INPUT_ALLOW-FORKS", "true")]] {
            let told = without_credentials(&job, more).await;
            assert!(matches!(told, Told::Idles(_)), "{told:?}");
            assert!(told.says(FORK) && told.says("no secrets"), "{told:?}");
            assert!(told.says("::warning title=nothing was done::"), "{told:?}");
        }
        let summary = job.read("summary");
        assert!(summary.contains("`mallory/app`") && summary.contains("no secrets"), "{summary}");
    }
}

#[tokio::test]
async fn dependabot_ends_neutrally_without_credentials_and_others_are_told() {
    let job = Job::of("pull_request", &pull_request()).await;
    let bot = [("GITHUB_ACTOR", "dependabot[bot]")];
    let told = without_credentials(&job, &bot).await;
    assert!(matches!(told, Told::Idles(_)) && told.says("Dependabot's secrets"), "{told:?}");
    // With a token of its own it has what it needs.
    let run = job.step(&[]).env(bot[0].0, bot[0].1).run().await;
    assert_eq!(
        job.told(&run).line(),
        "`pull_request` (opened) makes or updates the preview of pull request 2"
    );
}

#[tokio::test]
async fn a_fork_is_never_built_where_there_are_secrets_unless_that_is_allowed() {
    let workflow_run = json!({
        "action": "completed",
        "repository": {"id": 1, "full_name": "octo/app"},
        "workflow_run": {
            "event": "pull_request", "conclusion": "success", "head_sha": COMMIT, "pull_requests": [],
            "head_repository": {"id": 666, "full_name": FORK},
        },
    });
    for (name, payload) in [
        ("pull_request_target", from_fork("opened")),
        ("workflow_run", workflow_run),
        // On a machine of one's own, whose credentials are there for every run.
        ("pull_request", from_fork("opened")),
    ] {
        let job = Job::of(name, &payload).await;
        let number = if name == "workflow_run" { "2" } else { "" };
        let with = |value: &str, command: &str| {
            let step = job.step(&[]).env("INPUT_ALLOW-FORKS", value).env("INPUT_PR", number);
            step.env("INPUT_COMMAND", command)
        };
        for command in ["auto", "deploy", "plan", "preview-up"] {
            for value in ["", "false"] {
                let told = job.told(&with(value, command).run().await);
                assert!(matches!(told, Told::Idles(_)), "{name} {command}: {told:?}");
                assert!(told.says("forks are not built") && told.says(FORK), "{told:?}");
            }
            let told = job.told(&with("yes", command).run().await);
            assert!(matches!(told, Told::Refuses(_)) && told.says("allow-forks"), "{told:?}");
        }
        let told = job.told(&with("true", "auto").run().await);
        let expected = "makes or updates the preview of pull request 2";
        assert!(matches!(&told, Told::Acts(line) if line.ends_with(expected)), "{told:?}");
    }
    // Whoever closes it runs no code of the fork's.
    let told = Job::of("pull_request_target", &from_fork("closed")).await.auto().await;
    assert!(matches!(&told, Told::Acts(line) if line.contains("takes down")), "{told:?}");
}

#[tokio::test]
async fn what_is_checked_out_is_what_is_built() {
    let mut payload = pull_request();
    let head = payload["pull_request"]["head"]["sha"].as_str().expect("it has one").to_owned();
    payload["action"] = json!("synchronize");
    let job = Job::of("pull_request_target", &payload).await;
    let building = format!(
        "{}{PREVIEW}",
        FILE.replace(
            "image: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/web:v1",
            "image: { cache: none }",
        )
    );
    job.write("ecs-deploy.yml", &building);
    job.write("Dockerfile", "FROM scratch\n");
    job.write(".git/HEAD", &format!("{COMMIT}\n"));
    for command in ["auto", "deploy", "plan", "preview-up"] {
        let told = job.told(&job.step(&[]).env("INPUT_COMMAND", command).run().await);
        assert!(matches!(told, Told::Refuses(_)), "{command}: {told:?}");
        assert!(told.says(&head) && told.says(COMMIT), "{command}: {told:?}");
        assert!(told.says("ref: ${{ github.event.pull_request.head.sha }}"), "{command}: {told:?}");
    }
    job.write(".git/HEAD", &head);
    assert!(matches!(job.auto().await, Told::Acts(_)));
}

#[tokio::test]
async fn an_event_file_that_is_none_ends_with_2_and_its_place() {
    let push = json!({"ref": "refs/heads/main", "before": COMMIT, "after": COMMIT});
    let job = Job::of("pull_request", &push).await;
    let path = job.path("event.json");
    let place = path.to_string_lossy().into_owned();
    let refused = async |texts: &[&str]| {
        let told = job.auto().await;
        assert!(matches!(told, Told::Refuses(_)), "{told:?}");
        for text in texts {
            assert!(told.says(text), "`{text}` in {told:?}");
        }
    };
    refused(&[&place, "`pull_request` has `pull_request`, and this has not", "help:"]).await;
    for (text, why) in [
        ("", "no JSON"),
        ("{\"action\":", "no JSON: EOF while parsing"),
        ("\u{feff}<xml/>", "no JSON: expected value at line 1 column 1"),
        ("[]", "JSON object"),
        ("null", "JSON object"),
    ] {
        job.write("event.json", text);
        refused(&[&place, why, "help:"]).await;
    }
    fs::write(&path, b"{\"action\": \"\xff\"}").expect("a file");
    refused(&[&place, "UTF-8"]).await;
    fs::remove_file(&path).expect("it is there");
    refused(&[&place, "No such file"]).await;
    fs::create_dir(&path).expect("a folder");
    refused(&[&place, "directory"]).await;
}

#[tokio::test]
async fn without_an_event_it_says_what_to_say() {
    let job = Job::of("push", &json!({})).await;
    for missing in ["GITHUB_EVENT_PATH", "GITHUB_EVENT_NAME"] {
        let told = job.told(&job.step(&["auto"]).without(missing).run().await);
        assert!(matches!(told, Told::Refuses(_)) && told.says(missing), "{told:?}");
    }
}

#[tokio::test]
async fn the_words_of_others_stay_words() {
    let mut payload = from_fork("opened");
    let name = "mallory/app\n::error::x\u{1b}[31m`@octo`<b>";
    payload["pull_request"]["head"]["repo"]["full_name"] = json!(name);
    let job = Job::of("pull_request_target", &payload).await;
    let Told::Idles(log) = job.auto().await else { panic!("it is a fork") };
    assert!(!log.contains('\u{1b}'), "{log:?}");
    let mut fence = None;
    for line in log.lines() {
        match (&fence, line.strip_prefix("::stop-commands::")) {
            (None, Some(word)) => fence = Some(format!("::{word}::")),
            (Some(end), _) if line == *end => fence = None,
            (Some(_), _) => {}
            (None, None) => assert!(!line.trim_start().starts_with("::error"), "{log}"),
        }
    }
    // What stands between two fences is no Markdown.
    let summary = job.read("summary");
    let outside: String = summary.split("```").step_by(2).collect();
    assert!(!outside.contains("<b>") && !outside.contains("@octo"), "{summary}");
}
