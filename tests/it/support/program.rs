//! The program itself, run as a user runs it: with an environment of its own and nothing of this one.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ecs::config::{Credentials, SharedCredentialsProvider};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{
    process::{Child, Command},
    time::timeout,
};

/// A program that does not end by itself in this time hangs.
const HANGS: Duration = Duration::from_secs(30);
/// When GitHub ends a step for good: 7.5 seconds after SIGINT comes SIGTERM, 2.5 seconds later SIGKILL.
/// The program means to end in half of that; the rest is for a machine that is busy.
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-cancellation>
const KILLED: Duration = Duration::from_secs(10);

/// What a run has printed, and how it ended.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// What a client of the account's administrator is made from, at this endpoint.
pub fn administrator(endpoint: &str, region: &'static str) -> SdkConfig {
    let credentials = Credentials::new("test", "test-secret-key", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

/// The program with arguments and an environment.
#[derive(Debug)]
pub struct Program {
    command: Command,
    home: tempfile::TempDir,
}

impl Program {
    /// The program in `folder`, with the credentials and the endpoint of `aws`.
    pub fn new(folder: &Path, arguments: &[&str], aws: &SdkConfig) -> Self {
        let home = tempfile::tempdir().expect("a home");
        super::workshop::plugins(home.path());
        let mut command = Command::new(env!("CARGO_BIN_EXE_ecs-private-deploy"));
        command
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .env("HOME", home.path())
            .env("AWS_REGION", aws.region().map_or("", Region::as_ref))
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test-secret-key")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .kill_on_drop(true);
        if let Some(url) = aws.endpoint_url() {
            command.env("AWS_ENDPOINT_URL", url);
        }
        for variable in ["PATH", "DOCKER_HOST"] {
            command.envs(super::process::variable(variable).map(|value| (variable, value)));
        }
        Self { command, home }
    }

    /// Adds a variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Adds arguments.
    pub fn arguments(mut self, arguments: &[&str]) -> Self {
        self.command.args(arguments);
        self
    }

    /// Takes a variable away.
    pub fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Runs it, and kills it when `ended` comes first.
    pub async fn run_until(self, ended: impl Future<Output = ()>) -> Option<Run> {
        tokio::select! {
            run = self.run() => Some(run),
            () = ended => None,
        }
    }

    /// Runs it to its end.
    pub async fn run(mut self) -> Run {
        Run::of(self.command.output().await.expect("it starts"))
    }

    /// The same, and tells which process it is.
    pub async fn run_as(self, tell: impl FnOnce(u32)) -> Run {
        let running = self.start();
        tell(running.child.id().expect("nobody waited for it yet"));
        Run::of(running.child.wait_with_output().await.expect("it ends"))
    }

    /// Starts it.
    pub fn start(self) -> Running {
        self.start_saying(Stdio::piped())
    }

    /// Starts it with its standard error going there.
    pub fn start_saying(mut self, stderr: impl Into<Stdio>) -> Running {
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
        let child = self.command.spawn().expect("it starts");
        Running { child, told: None, _home: self.home }
    }
}

/// The program, running.
#[derive(Debug)]
pub struct Running {
    child: Child,
    told: Option<Instant>,
    _home: tempfile::TempDir,
}

impl Running {
    /// Which process it is.
    pub fn id(&self) -> u32 {
        self.child.id().expect("nobody waited for it yet")
    }

    /// Sends it a signal.
    pub fn signal(&mut self, signal: Signal) {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        let process = id.and_then(Pid::from_raw).expect("it runs");
        kill_process(process, signal).expect("it is there");
        self.told = Some(Instant::now());
    }

    /// Its end, which has to come by itself.
    pub async fn ends(self) -> Run {
        let output = timeout(HANGS, self.child.wait_with_output()).await;
        if let Some(told) = self.told {
            let took = told.elapsed();
            assert!(took < KILLED, "it has ended {took:?} after the signal");
        }
        Run::of(output.expect("it ends by itself").expect("it is waited for"))
    }
}

impl Run {
    fn of(output: std::process::Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it writes UTF-8");
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Asserts the exit code, and shows all that was printed where it is another.
    pub fn ends_with(self, code: u8) -> Self {
        assert_eq!(self.code, Some(i32::from(code)), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// What it printed as data.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|why| panic!("{why}: {}", self.stdout))
    }
}
