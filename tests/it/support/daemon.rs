//! Between MiniStack and the Docker engine: containers get the memory of a Fargate task, whom the kernel
//! has killed for it is remembered, and one that cannot start is gone. MiniStack does none of it.

use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{
    io::{
        self, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader,
        copy_bidirectional,
    },
    net::{UnixListener, UnixStream},
    process::{Child, Command},
};

/// The label that MiniStack gives a container of a task, as ECS does.
const TASK: &str = "com.amazonaws.ecs.task-arn";

/// Listens as long as the test runs.
#[derive(Debug)]
pub(crate) struct Daemon {
    folder: tempfile::TempDir,
    killed: Arc<Mutex<BTreeSet<String>>>,
    _events: Child,
}

impl Daemon {
    /// Before the engine that `DOCKER_HOST` names, with so many bytes for each container.
    pub(crate) fn with_memory(bytes: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join("docker.sock")).expect("a socket");
        let engine = engine();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let engine = engine.clone();
                // A client that hangs up has its answer, or its test has ended.
                tokio::spawn(async move { carry(client, &engine, bytes).await.ok() });
            }
        });
        let mut events = Command::new("docker")
            .args(["events", "--filter", "event=oom", "--format"])
            .arg(format!("{{{{index .Actor.Attributes \"{TASK}\"}}}}"))
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("docker starts");
        let mut lines = BufReader::new(events.stdout.take().expect("it is a pipe")).lines();
        let killed = Arc::new(Mutex::new(BTreeSet::new()));
        let told = Arc::clone(&killed);
        tokio::spawn(async move {
            while let Ok(Some(task)) = lines.next_line().await {
                told.lock().unwrap_or_else(PoisonError::into_inner).insert(task);
            }
        });
        Self { folder, killed, _events: events }
    }

    /// What `DOCKER_HOST` has to say to come here.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.folder.path().join("docker.sock").display())
    }

    /// The tasks that the kernel has killed a container of.
    pub(crate) fn killed(&self) -> Killed {
        Killed(Arc::clone(&self.killed))
    }
}

/// The tasks that the kernel has killed a container of, by their ARNs.
#[derive(Debug, Clone)]
pub(crate) struct Killed(Arc<Mutex<BTreeSet<String>>>);

impl Killed {
    /// An answer of MiniStack's ECS in the words that ECS has for it: a container that the kernel has
    /// killed says so, and what the engine said about one that did not start is not wrapped in what its
    /// client made of it.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html>
    pub(crate) fn explain(&self, answer: &str) -> String {
        let Ok(mut answer) = serde_json::from_str::<Value>(answer) else {
            return answer.to_owned();
        };
        let killed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for task in answer["tasks"].as_array_mut().into_iter().flatten() {
            let is_killed = task["taskArn"].as_str().is_some_and(|arn| killed.contains(arn));
            for container in task["containers"].as_array_mut().into_iter().flatten() {
                if is_killed && container["exitCode"] == json!(137) {
                    container["reason"] =
                        json!("OutOfMemoryError: Container killed due to memory usage");
                }
            }
        }
        reword(&mut answer);
        answer.to_string()
    }
}

fn reword(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(better) = of_the_engine(text) {
                *text = better;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(reword),
        Value::Object(members) => members.values_mut().for_each(reword),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// `CannotPullContainerError: 404 Client Error for http+docker://…: Not Found ("…")`, as ECS says it.
fn of_the_engine(text: &str) -> Option<String> {
    let (before, rest) = text.split_once(" Client Error for http+docker://")?;
    let (_, said) = rest.split_once(" (\"")?;
    let (said, after) = said.rsplit_once("\")").unwrap_or((said, ""));
    let before = before.trim_end_matches(|c: char| c.is_ascii_digit());
    let before = before.replace(
        "ResourceInitializationError: unable to pull image or start container:",
        "CannotStartContainerError:",
    );
    Some(format!("{before}Error response from daemon: {said}{after}"))
}

fn engine() -> PathBuf {
    let host = super::process::variable("DOCKER_HOST").unwrap_or_default();
    let host = host.to_str().expect("an address").to_owned();
    host.strip_prefix("unix://").unwrap_or("/var/run/docker.sock").into()
}

/// One request a connection, so that none comes by unseen.
async fn carry(mut client: UnixStream, engine: &Path, memory: u64) -> io::Result<()> {
    let mut request = Vec::new();
    let head = loop {
        if let Some(end) = request.windows(4).position(|end| end == b"\r\n\r\n") {
            break end + 4;
        }
        if client.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    };
    let text = String::from_utf8_lossy(&request[..head]).into_owned();
    let header = |name: &str| {
        let value = |line: &str| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        };
        text.lines().find_map(value)
    };
    let is_create = text.lines().next().is_some_and(|line| line.contains("/containers/create"));
    if is_create {
        let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        while request.len() < head + length {
            if client.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        }
        let mut body: Value = serde_json::from_slice(&request[head..])?;
        // No swap, as on Fargate.
        body["HostConfig"]["Memory"] = json!(memory);
        body["HostConfig"]["MemorySwap"] = json!(memory);
        let body = body.to_string();
        let head = without(&without(&text, "content-length"), "connection");
        request =
            format!("{head}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
                .into_bytes();
    } else if header("upgrade").is_none() {
        let rest = request.split_off(head);
        request = format!("{}connection: close\r\n\r\n", without(&text, "connection")).into_bytes();
        request.extend(rest);
    }
    let mut server = UnixStream::connect(engine).await?;
    server.write_all(&request).await?;
    let path = text.split(' ').nth(1).unwrap_or_default();
    if let Some(container) = path.strip_suffix("/start") {
        let mut answer = Vec::new();
        server.read_to_end(&mut answer).await?;
        // MiniStack tries once more, under the name that this one has.
        if !answer.starts_with(b"HTTP/1.1 2") && !answer.starts_with(b"HTTP/1.1 304") {
            let mut server = UnixStream::connect(engine).await?;
            let request = format!(
                "DELETE {container}?force=1 HTTP/1.1\r\nhost: docker\r\nconnection: close\r\n\r\n"
            );
            server.write_all(request.as_bytes()).await?;
            server.read_to_end(&mut Vec::new()).await?;
        }
        return client.write_all(&answer).await;
    }
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

/// The head without this header, and without its last, empty line.
fn without(head: &str, name: &str) -> String {
    let is_other = |line: &&str| {
        line.split_once(':').is_none_or(|(found, _)| !found.eq_ignore_ascii_case(name))
    };
    head.split_inclusive("\r\n").filter(|line| *line != "\r\n").filter(is_other).collect()
}
