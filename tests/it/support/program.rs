//! The program itself, run as a user runs it: with an environment of its own and nothing of this one.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ecs::config::{Credentials, SharedCredentialsProvider};
use serde_json::Value;
use std::{path::Path, process::Stdio};
use tokio::process::Command;

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
    _home: tempfile::TempDir,
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
        Self { command, _home: home }
    }

    /// Adds a variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
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
    pub async fn run(self) -> Run {
        self.run_as(|_| ()).await
    }

    /// The same, and tells which process it is.
    pub async fn run_as(mut self, tell: impl FnOnce(u32)) -> Run {
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = self.command.spawn().expect("it starts");
        tell(child.id().expect("nobody waited for it yet"));
        let output = child.wait_with_output().await.expect("it ends");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it writes UTF-8");
        Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Run {
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
