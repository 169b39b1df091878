//! The pull request's comment and its deployments, against GitHub's own API description: every request
//! and every answer of the stub behind it passes a validating proxy.

mod comments;
mod deployments;
mod processes;

use crate::support::{
    github::{Author, BOT, Comment, Refusal, Repository},
    prism::Prism,
};
use ecs_private_deploy::{
    error::Problem,
    github::{
        Client,
        sticky::{self, Body},
    },
    secret::Secret,
};
use std::sync::Arc;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::watch,
    task::JoinHandle,
};

const MARKER: &str = "<!-- ecs-private-deploy:web -->";
const PERSON: Author = Author { id: 7_001, login: "mona", kind: "User" };
const OTHER_BOT: Author = Author { id: 7_002, login: "dependabot[bot]", kind: "Bot" };

/// A repository of one test, behind the proxy.
struct Scene {
    name: &'static str,
    prism: &'static Prism,
}

impl Scene {
    fn new(name: &'static str, me: Author) -> Self {
        let prism = Prism::shared();
        prism.github.make(name, me);
        Self { name, prism }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Repository) -> T) -> T {
        self.prism.github.with(self.name, act)
    }

    fn has(&self, id: u64, author: Author, body: &str) {
        let comment = Comment { id, author, body: body.to_owned() };
        self.with(|repository| repository.comments.push(comment));
    }

    fn refuses(
        &self,
        method: &'static str,
        status: &'static str,
        headers: &[(&'static str, &str)],
        message: &'static str,
    ) {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let refusal = Refusal { method, status, headers, message };
        self.with(|repository| repository.refusals.push_back(refusal));
    }

    fn client(&self) -> Arc<Client> {
        let (repository, token) = (format!("octo/{}", self.name), Secret::new(self.name));
        let client = Client::new(&self.prism.url(), &repository, &token);
        Arc::new(client.expect("it is well formed"))
    }

    /// What the program's part keeps up to date, and its end.
    fn keep(&self, body: Body) -> (watch::Sender<Body>, JoinHandle<Result<(), Problem>>) {
        let (newest, bodies) = watch::channel(body);
        let client = self.client();
        let kept = tokio::spawn(async move { sticky::keep(&client, 7, MARKER, bodies).await });
        (newest, kept)
    }

    /// A run that says one thing and ends.
    async fn say(&self, text: &str) -> Result<(), Problem> {
        self.say_as(body(42, text)).await
    }

    async fn say_as(&self, body: Body) -> Result<(), Problem> {
        let (newest, kept) = self.keep(body);
        drop(newest);
        kept.await.expect("it does not panic")
    }

    /// The comments that are there, as `ID AUTHOR: LAST LINE`.
    fn comments(&self) -> Vec<String> {
        let line = |Comment { id, author, body }: &Comment| {
            format!("{id} {}: {}", author.login, body.lines().last().unwrap_or_default())
        };
        self.with(|repository| repository.comments.iter().map(line).collect())
    }

    /// The requests that the proxy let through, since the last time this was asked.
    fn requests(&self) -> Vec<String> {
        let repository = format!("/repos/octo/{}/", self.name);
        let requests = self.with(|repository| std::mem::take(&mut repository.requests));
        let short = |request: &String| {
            request.replace(&format!("{repository}issues"), "…").replace(&repository, "")
        };
        requests.iter().map(short).collect()
    }
}

/// What a run says that makes the comment where there is none.
fn body(run: u64, text: &str) -> Body {
    Body { text: format!("{MARKER}\n<!-- run {run} -->\n{text}"), creates: true, yields: false }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let violations = self.prism.violations(&format!("octo/{}", self.name));
            assert!(violations.is_empty(), "{violations:#?}");
        }
    }
}

/// The other tests can fail: the proxy keeps a request from GitHub that its description does not have.
#[tokio::test]
async fn a_wrong_request_does_not_pass() {
    let prism = Prism::shared();
    prism.github.make("wrong-request", BOT);
    let path = "/repos/octo/wrong-request/issues/7/comments";
    for (request, body) in [
        (format!("POST {path}"), r#"{"text":"x"}"#),
        (format!("POST {path}"), r#"{"body":1}"#),
        (format!("GET {path}?per_page=many"), ""),
        ("GET /repos/octo/wrong-request/issues/7/remarks".to_owned(), ""),
    ] {
        let answer = raw(prism, &request, body).await;
        assert!(answer.contains("application/problem+json"), "{request} {body}\n{answer}");
    }
    prism.github.with("wrong-request", |repository| assert_eq!(repository.requests, [""; 0]));
    assert_eq!(prism.violations("octo/wrong-request").len(), 4);
}

/// The stub cannot drift from GitHub: the proxy keeps a wrong answer from the program.
#[tokio::test]
async fn a_wrong_answer_does_not_pass() {
    let prism = Prism::shared();
    prism.github.make("wrong-answer", BOT);
    prism.github.with("wrong-answer", |repository| repository.left_out = Some("node_id"));
    let path = "/repos/octo/wrong-answer/issues/7/comments";
    let answer = raw(prism, &format!("POST {path}"), r#"{"body":"x"}"#).await;
    assert!(answer.contains("application/problem+json") && answer.contains("node_id"), "{answer}");
}

/// Sends a request that the program would not, and reads the answer.
async fn raw(prism: &Prism, request: &str, body: &str) -> String {
    let address = prism.url().replace("http://", "");
    let mut stream = TcpStream::connect(&address).await.expect("Prism listens");
    let name = if request.contains("wrong-request") { "wrong-request" } else { "wrong-answer" };
    let head = format!(
        "{request} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {name}\r\n\
         Connection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes()).await.expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it is answered");
    answer
}
