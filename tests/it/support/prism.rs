//! Prism between the program and a stub of GitHub: it lets through only what GitHub's own OpenAPI
//! description allows, requests and answers alike.

use super::{github::GitHub, process::part};
use serde_json::{Value, json};
use std::{
    fs::File,
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

/// Ends with this process however that ends, for the pipe that it reads is closed then.
const UNTIL_THE_PIPE_CLOSES: &str =
    r#"folder=$1; shift; "$@" & read -r _; kill $!; wait; rm -r "$folder""#;

/// The proxy, one for all tests, because reading the description takes it seconds.
#[derive(Debug)]
pub struct Prism {
    /// What stands behind it.
    pub github: GitHub,
    port: u16,
    folder: PathBuf,
    _child: Child,
}

impl Prism {
    /// The one of this process.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Prism> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Where it answers, as `GITHUB_API_URL` would say.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it found wrong with the requests and answers of a repository.
    pub fn violations(&self, repository: &str) -> Vec<String> {
        let path = format!("/repos/{repository}/");
        let log = self.log();
        let lines = log.lines().filter(|line| line.contains(&path) && line.contains("error"));
        lines.map(str::to_owned).collect()
    }

    fn start() -> Self {
        let program = part("ECS_PRIVATE_DEPLOY_TEST_PRISM");
        assert!(program.is_file(), "{} is not there", program.display());
        let openapi = part("ECS_PRIVATE_DEPLOY_TEST_OPENAPI");
        let text = std::fs::read(&openapi)
            .unwrap_or_else(|error| panic!("{}: {error}", openapi.display()));
        let mut description: Value =
            serde_json::from_slice(&text).expect("the description is JSON");
        let github = GitHub::start(&description["components"]["examples"]);
        complete(&mut description);
        let folder = tempfile::tempdir().expect("a temporary folder").keep();
        let completed = folder.join("api.github.com.json");
        std::fs::write(&completed, description.to_string()).expect("it is written");
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("it is bound").port();
        drop(free);
        let log = File::create(folder.join("log")).expect("a log file");
        let child = Command::new("sh")
            .args(["-c", UNTIL_THE_PIPE_CLOSES, "sh"])
            .args([&folder, &program])
            .args(["proxy", "--errors", "--port", &port.to_string()])
            .arg(&completed)
            .arg(&github.url)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("a shell");
        let prism = Self { github, port, folder, _child: child };
        prism.answers();
        prism
    }

    fn answers(&self) {
        let deadline = Instant::now() + Duration::from_mins(2);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "Prism does not answer:\n{}", self.log());
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

/// Adds the answers that GitHub gives and its description leaves out: a comment may be gone, and any
/// call may be refused or come too often
/// (<https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>). What is asked
/// is left as it is described.
fn complete(description: &mut Value) {
    let comments = "/repos/{owner}/{repo}/issues/{issue_number}/comments";
    let comment = "/repos/{owner}/{repo}/issues/comments/{comment_id}";
    let deployments = "/repos/{owner}/{repo}/deployments";
    let statuses = "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses";
    let pull = "/repos/{owner}/{repo}/pulls/{pull_number}";
    let missing: [(&str, &str, &[&str]); 9] = [
        (pull, "get", &["403"]),
        (comments, "get", &["403"]),
        (comment, "patch", &["403", "404"]),
        (comment, "delete", &["403", "404"]),
        (comment, "get", &["403"]),
        (deployments, "get", &["403", "404"]),
        (deployments, "post", &["403", "404"]),
        (statuses, "get", &["403"]),
        (statuses, "post", &["403", "404"]),
    ];
    for (path, method, statuses) in missing {
        let answers = description["paths"][path][method]["responses"].as_object_mut();
        let answers = answers.unwrap_or_else(|| panic!("{method} {path} is not described"));
        for &status in statuses {
            let name = if status == "403" { "forbidden" } else { "not_found" };
            let answer = json!({ "$ref": format!("#/components/responses/{name}") });
            let old = answers.insert(status.to_owned(), answer);
            assert_eq!(old, None, "{method} {path}: {status} is described by now");
        }
    }
}
