//! moto: AWS's control plane, one process a test, with every request recorded.

use super::{
    account::Account,
    process::{Server, part},
};
use aws_config::SdkConfig;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use std::process::Command;

/// A region that is nobody's default, so that a default cannot pass for the right one.
pub const REGION: &str = "eu-central-1";
/// moto's account.
pub const ACCOUNT: &str = "123456789012";

/// moto lists every family of task definitions, whatever status is asked for.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTaskDefinitionFamilies.html>
const FAMILIES: &str = r#"
from moto.core.responses import ActionResult
from moto.ecs.responses import EC2ContainerServiceResponse


def families(self):
    prefix = self._get_param("familyPrefix") or ""
    status = self._get_param("status") or "ALL"
    found = [
        family
        for family, revisions in self.ecs_backend.task_definitions.items()
        if family.startswith(prefix)
        and (status == "ALL" or any(revision.status == status for revision in revisions.values()))
    ]
    return ActionResult({"families": found})


EC2ContainerServiceResponse.list_task_definition_families = families
"#;

/// moto checks a form's signature with `+` for its blanks. What was signed has `%20` for them, as the body has.
const SIGNATURES: &str = r#"
from urllib.parse import quote, urlencode

from moto.iam.access_control import IAMRequestBase

ask = IAMRequestBase._create_aws_request


def as_it_was_sent(self):
    request = ask(self)
    if not self._body and self._data:
        request.data = urlencode(self._data, doseq=True, quote_via=quote, safe="")
    return request


IAMRequestBase._create_aws_request = as_it_was_sent
"#;

/// A moto of one's own.
#[derive(Debug)]
pub struct Moto {
    server: Server,
}

impl Moto {
    /// Starts one, with the VPC that every account begins with taken away.
    pub async fn start() -> Self {
        let program = part("ECS_PRIVATE_DEPLOY_TEST_MOTO");
        let server = Server::start(|port, folder| {
            // Python reads this before anything else.
            let first = folder.path().join("sitecustomize.py");
            std::fs::write(first, [FAMILIES, SIGNATURES].concat()).expect("a file");
            let mut command = Command::new(program);
            command
                .env("PYTHONPATH", folder.path())
                .args(["-H", "127.0.0.1", "-p", &port.to_string()])
                // Tasks do not run here; a service is told that one does.
                .env("MOTO_ECS_SERVICE_RUNNING", "1")
                .env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
                // A certificate is issued at once.
                .env("MOTO_ACM_VALIDATION_WAIT", "0")
                .env("MOTO_ENABLE_RECORDING", "1")
                .env("MOTO_RECORDER_FILEPATH", folder.path().join("requests"));
            command
        })
        .await;
        let moto = Self { server };
        Account::of(&moto.config()).remove_default_vpc().await;
        moto
    }

    /// The port that it listens on, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.server.port
    }

    /// Where it answers.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.server.port)
    }

    /// What a client of the account's administrator is made from.
    pub fn config(&self) -> SdkConfig {
        super::program::administrator(&self.endpoint(), REGION)
    }

    /// From now on IAM decides: unknown keys are refused.
    pub async fn enforce_iam(&self) {
        self.enforce_iam_after(0).await;
    }

    /// IAM decides after this many requests. moto cannot take one that is not signed otherwise.
    pub async fn enforce_iam_after(&self, requests: u32) {
        self.post("reset-auth", "application/octet-stream", &requests.to_string()).await;
    }

    /// From now on everybody may do everything, until IAM decides again.
    pub async fn relax_iam(&self) {
        self.post("reset-auth", "application/octet-stream", "1000000000").await;
    }

    /// From now on a task that runs goes on running.
    pub async fn keep_tasks_running(&self) {
        self.tasks_change_after(1_000_000).await;
    }

    /// From now on a task comes one step nearer to its end whenever it is looked at.
    pub async fn let_tasks_end(&self) {
        self.tasks_change_after(1).await;
    }

    async fn tasks_change_after(&self, looks: u32) {
        let transition = json!({"progression": "manual", "times": looks});
        let body = json!({"model_name": "ecs::task", "transition": transition}).to_string();
        self.post("state-manager/set-transition", "application/json", &body).await;
    }

    /// Asks moto itself.
    async fn post(&self, path: &str, kind: &str, body: &str) {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let address = ("127.0.0.1", self.server.port);
        let mut stream = tokio::net::TcpStream::connect(address).await.expect("moto answers");
        let request = format!(
            "POST /moto-api/{path} HTTP/1.1\r\nhost: moto\r\nconnection: close\r\n\
             content-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.expect("it is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
    }

    /// The operations called since the last time this was asked, by their IAM names, sorted.
    pub fn calls(&self) -> Vec<String> {
        let mut calls: Vec<_> = self.requests().into_iter().map(|(call, _)| call).collect();
        calls.sort();
        calls
    }

    /// The requests since the last time this was asked: operation and body.
    pub fn requests(&self) -> Vec<(String, String)> {
        let path = self.server.folder.path().join("requests");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        std::fs::write(&path, "").expect("the recording");
        let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok());
        lines.filter_map(|request| operation(&request)).collect()
    }

    /// The same, without those that only read.
    pub fn writes(&self) -> Vec<String> {
        let reads = ["Describe", "Get", "List"];
        let mut calls = self.calls();
        calls.retain(|call| {
            let name = call.split_once(':').map_or("", |(_, name)| name);
            !reads.iter().any(|read| name.starts_with(read))
        });
        calls
    }
}

/// The operation of a recorded request: in a header for the JSON services, in the body for the others.
fn operation(request: &Value) -> Option<(String, String)> {
    let headers = request["headers"].as_object()?;
    let header = |name: &str| {
        let found = headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| value.as_str())
    };
    // `AWS4-HMAC-SHA256 Credential=AKIA…/20261123/eu-central-1/ec2/aws4_request, …`
    let service = header("authorization")?.split('/').nth(3)?;
    let body = request["body"].as_str().unwrap_or_default();
    let body = if request["body_encoded"] == Value::Bool(true) {
        String::from_utf8(BASE64_STANDARD.decode(body).ok()?).ok()?
    } else {
        body.to_owned()
    };
    let action = match header("x-amz-target") {
        Some(target) => target.rsplit('.').next()?.to_owned(),
        None => body.split('&').find_map(|pair| pair.strip_prefix("Action="))?.to_owned(),
    };
    Some((format!("{service}:{action}"), body))
}
