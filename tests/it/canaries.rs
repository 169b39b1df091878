//! A value to look for in the place of every secret that a run has to do with, and whether anything that
//! the run has written, sent or started has one of them.

mod stub;
mod watch;

use crate::support::{
    account::Account,
    gate::Gate,
    ministack::Ministack,
    oidc::Issuer,
    program::{Program, Run},
    relay::Relay,
    workshop,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use ecs_private_deploy::{exit, image::login::Login, secret::Secret};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use stub::Stub;
use uuid::Uuid;
use watch::Watch;

const ROLE: &str = "arn:aws:iam::000000000000:role/deploy";

/// What each of them is.
const CANARIES: [&str; 11] = [
    "access key",
    "secret key",
    "session token",
    "token to ask for tokens",
    "runner's token",
    "GitHub token",
    "OIDC signature",
    "ECR password",
    "build argument",
    "secret variable",
    "secret file",
];

/// Shows every value as it is and backwards, so that it is seen to arrive, and then does `END`.
const DOCKERFILE: &str = r#"FROM busybox:1.37
ARG TOKEN
RUN --mount=type=secret,id=variable --mount=type=secret,id=file \
    echo "at NONCE" && echo "$TOKEN" && echo "$TOKEN" | rev && \
    for secret in variable file; do \
      cat /run/secrets/$secret && echo && rev /run/secrets/$secret && echo; \
    done && END
RUN mkdir /www && echo NONCE > /www/index.html
CMD ["sh", "-c", "trap 'exit 0' TERM; httpd -f -p 8080 -h /www & wait"]
"#;

/// How the names of the run's own variables begin.
const OF_RUN: [&str; 5] = ["AWS_", "GITHUB_", "INPUT_", "ACTIONS_", "RUNNER_"];

/// A workflow's job, in which everything that is secret can be told by its value.
struct Job {
    nonce: String,
    /// The values, by what each is.
    canaries: BTreeMap<&'static str, String>,
    /// What runs were given by STS.
    given_by_sts: Arc<Mutex<Vec<String>>>,
    folder: tempfile::TempDir,
    issuer: Issuer,
    github: Stub,
    relay: Relay,
    gate: Gate,
    _ministack: Ministack,
}

impl Job {
    async fn new() -> Self {
        let nonce = Uuid::new_v4().simple().to_string();
        let value = |what: &str| format!("canary-{}-{nonce}", what.replace(' ', "-"));
        let mut canaries: BTreeMap<_, _> = CANARIES.map(|what| (what, value(what))).into();
        let login = BASE64_STANDARD.encode(format!("AWS:{}", canaries["ECR password"]));
        canaries.insert("ECR login", login);
        let ministack = Ministack::start().await;
        let vpc = Account::of(&ministack.config()).vpc().await;
        let relay = Relay::before(ministack.port()).await;
        let password = Secret::new(&canaries["ECR password"]);
        let login = Login { username: "AWS".into(), password };
        let gate = Gate::open(&ministack.registry, &login).await;
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["app", "home", "tmp", "runner"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        workshop::plugins(&folder.path().join("home"));
        fs::write(folder.path().join("secret"), &canaries["secret file"]).expect("a file");
        let event = json!({"pull_request": {"number": 7, "head": {"sha": nonce}}});
        fs::write(folder.path().join("event.json"), event.to_string()).expect("the event");
        let file = json!({
            "service": "hello",
            "network": {"vpc": vpc.id},
            "image": {
                "context": ".",
                "cache": "none",
                "build-args": {"TOKEN": null},
                "secrets": [
                    {"id": "variable", "env": "HIDDEN"},
                    {"id": "file", "file": "../secret"},
                ],
            },
            "task": {"port": 8080},
            "rollout": {"desired-count": 1, "timeout": "3m"},
        });
        fs::write(folder.path().join("app/ecs-deploy.yml"), file.to_string()).expect("the file");
        let issuer = Issuer::signing("repo:octo/web:pull_request", &canaries["OIDC signature"]);
        let job = Self {
            github: Stub::start(),
            nonce,
            canaries,
            given_by_sts: Arc::default(),
            folder,
            issuer,
            relay,
            gate,
            _ministack: ministack,
        };
        job.aws_gives_canaries();
        job.ends_with("sleep 1");
        job
    }

    /// What STS and ECR give is written down, or is what is looked for.
    fn aws_gives_canaries(&self) {
        let given = Arc::clone(&self.given_by_sts);
        self.relay.amend("AssumeRoleWithWebIdentity", move |answer| {
            lock(&given).extend(["AccessKeyId", "SecretAccessKey", "SessionToken"].map(|name| {
                let (_, rest) = answer.split_once(&format!("<{name}>")).expect("it is given");
                rest.split_once("</").expect("it is closed").0.to_owned()
            }));
            answer.to_owned()
        });
        let login = self.canaries["ECR login"].clone();
        self.relay.amend("GetAuthorizationToken", move |answer| {
            let mut answer: Value = serde_json::from_str(answer).expect("it is JSON");
            answer["authorizationData"][0]["authorizationToken"] = json!(login);
            answer.to_string()
        });
    }

    /// How the step of the Dockerfile ends that has the secrets.
    fn ends_with(&self, end: &str) {
        let text = DOCKERFILE.replace("NONCE", &self.nonce).replace("END", end);
        fs::write(self.folder.path().join("app/Dockerfile"), text).expect("the Dockerfile");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A step of it.
    fn step(&self, command: &str) -> Program {
        let text = |name: &str| self.path(name).to_string_lossy().into_owned();
        let program = Program::new(&self.path("app"), &[], &self.relay.config());
        let program = self
            .issuer
            .job(program)
            .env("HOME", &text("home"))
            .env("TMPDIR", &text("tmp"))
            .env("RUNNER_TEMP", &text("runner"))
            .env("GITHUB_API_URL", &self.github.url)
            .env("GITHUB_EVENT_NAME", "pull_request")
            .env("GITHUB_EVENT_PATH", &text("event.json"))
            .env("GITHUB_OUTPUT", &text("output"))
            .env("GITHUB_STEP_SUMMARY", &text("summary"))
            .env("ECS_PRIVATE_DEPLOY_REGISTRY", &self.gate.registry)
            .env("INPUT_ROLE-TO-ASSUME", ROLE)
            .env("INPUT_COMMAND", command);
        let secrets = [
            ("AWS_ACCESS_KEY_ID", "access key"),
            ("AWS_SECRET_ACCESS_KEY", "secret key"),
            ("AWS_SESSION_TOKEN", "session token"),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "token to ask for tokens"),
            ("ACTIONS_RUNTIME_TOKEN", "runner's token"),
            ("INPUT_GITHUB-TOKEN", "GitHub token"),
            ("TOKEN", "build argument"),
            ("HIDDEN", "secret variable"),
        ];
        secrets
            .iter()
            .fold(program, |program, (name, what)| program.env(name, &self.canaries[what]))
    }

    /// From now on processes are watched, and what this run meets is told from what others have met.
    fn underway(&self) -> Underway {
        let met = (self.issuer.given().len(), lock(&self.given_by_sts).len());
        Underway { watch: Watch::start(), met }
    }

    /// Runs a command while its processes are watched, and looks for all that is secret.
    async fn runs(&self, step: Program, code: u8) -> String {
        let underway = self.underway();
        let run = step.run_as(|id| underway.watch.of(id)).await.ends_with(code);
        self.has_kept_all(&run, underway)
    }

    /// Whether nothing that was written, sent or started has a secret, and each was announced to the
    /// runner; yields all that people read.
    fn has_kept_all(
        &self,
        run: &Run,
        Underway { watch, met: (tokens, sessions) }: Underway,
    ) -> String {
        let seen = watch.end();
        let (given, by_sts) = (self.issuer.given(), lock(&self.given_by_sts).clone());
        let own = self.canaries.iter().map(|(what, value)| (*what, value.as_str()));
        let given_now = given.iter().map(|token| ("OIDC token", token.as_str()));
        let sts_now = by_sts.iter().map(|value| ("session of STS", value.as_str()));
        let all: Vec<_> = own.chain(given_now).chain(sts_now).collect();

        let lines = run.stdout.lines().chain(run.stderr.lines());
        let (masks, lines): (Vec<_>, Vec<_>) =
            lines.partition(|line| line.starts_with("::add-mask::"));
        let printed = lines.join("\n");
        let mut places = vec![
            ("what it printed".to_owned(), printed.clone()),
            ("a request to GitHub".to_owned(), self.github.requests().join("\n\n")),
            ("the arguments of a process".to_owned(), seen.arguments.join("\n")),
        ];
        for name in ["output", "summary", "app", "home", "tmp", "runner"] {
            let files = files(&self.path(name)).into_iter();
            places.extend(files.map(|file| {
                let bytes = fs::read(&file).unwrap_or_default();
                (file.display().to_string(), String::from_utf8_lossy(&bytes).into_owned())
            }));
        }
        for (what, value) in &all {
            for (place, text) in &places {
                assert!(!text.contains(value), "the {what} is in {place}:\n{text}");
            }
            let childs_own = ["build argument", "secret variable"].contains(what);
            let has: Vec<_> =
                seen.variables.iter().filter(|variable| variable.contains(value)).collect();
            assert!(childs_own || has.is_empty(), "a child's environment has the {what}: {has:?}");
        }
        let passed = seen.variables.iter();
        let passed: Vec<_> =
            passed.filter(|it| OF_RUN.iter().any(|prefix| it.starts_with(prefix))).collect();
        assert!(passed.is_empty(), "a child has {passed:?}");

        // A part of a token, which is announced as a whole.
        let announced = self.canaries.iter().filter(|(what, _)| **what != "OIDC signature");
        let built =
            ["ECR password", "ECR login", "build argument", "secret variable", "secret file"];
        let announced = announced.filter(|(what, _)| seen.has_built() || !built.contains(what));
        let announced = announced.map(|(_, value)| value);
        for value in announced.chain(&given[tokens..]).chain(&by_sts[sessions..]) {
            let mask = format!("::add-mask::{value}");
            assert!(masks.contains(&mask.as_str()), "{mask} is not in {masks:#?}");
        }
        printed
    }
}

/// A run that goes on.
struct Underway {
    watch: Watch,
    /// The tokens and the values of STS that earlier runs were given.
    met: (usize, usize),
}

fn lock<T>(values: &Mutex<T>) -> MutexGuard<'_, T> {
    values.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Every file below the path, or the path itself.
fn files(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else { return vec![path.to_owned()] };
    let paths = entries.map(|entry| entry.expect("it can be read").path());
    paths.filter(|path| !path.is_symlink()).flat_map(|path| files(&path)).collect()
}

/// Whether the secrets have arrived in the build, which shows them backwards.
fn arrived(job: &Job, printed: &str) {
    for what in ["build argument", "secret variable", "secret file"] {
        let backwards: String = job.canaries[what].chars().rev().collect();
        assert!(printed.contains(&backwards), "{what} has not arrived:\n{printed}");
    }
}

#[tokio::test]
async fn no_secret_is_seen_in_a_run_that_succeeds_fails_or_is_cancelled() {
    let job = Job::new().await;
    job.runs(job.step("plan"), exit::OK).await;
    for format in ["json", "markdown"] {
        let arguments = ["plan", "--format", format, "--role-to-assume", ROLE];
        job.runs(job.step("").arguments(&arguments), exit::OK).await;
    }

    let printed = job.runs(job.step("deploy"), exit::OK).await;
    arrived(&job, &printed);
    let requests = job.github.requests();
    assert!(requests.iter().any(|request| request.contains("is deployed")), "{requests:#?}");

    job.ends_with("exit 3");
    let printed = job.runs(job.step("deploy"), exit::REFUSED).await;
    arrived(&job, &printed);

    job.ends_with("sleep 600");
    let underway = job.underway();
    let log = job.path("log");
    let said = || fs::read_to_string(&log).expect("the log");
    let mut step = job.step("deploy").start_saying(File::create(&log).expect("a file"));
    underway.watch.of(step.id());
    // Output of a build that goes on is shown after half a minute.
    let deadline = Instant::now() + Duration::from_mins(2);
    while !said().contains(" at NONCE".replace("NONCE", &job.nonce).as_str()) {
        assert!(Instant::now() < deadline, "{}", said());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    step.signal(Signal::INT);
    let mut run = step.ends().await.ends_with(exit::PARTIAL);
    run.stderr = said();
    let printed = job.has_kept_all(&run, underway);
    arrived(&job, &printed);

    // Words of AWS's that have the token in them.
    job.relay.refuse("AssumeRoleWithWebIdentity", |body| {
        let fields = url::form_urlencoded::parse(body.as_bytes());
        let token = fields.into_owned().find(|(name, _)| name == "WebIdentityToken")?.1;
        Some(format!(
            "<ErrorResponse><Error><Code>InvalidIdentityToken</Code>\
             <Message>nobody takes {token}</Message></Error></ErrorResponse>"
        ))
    });
    for command in ["deploy", "doctor"] {
        let printed = job.runs(job.step(command), exit::REFUSED).await;
        assert!(printed.contains("nobody takes ***"), "{printed}");
    }
}
