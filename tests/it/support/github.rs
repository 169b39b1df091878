//! A GitHub that remembers comments and deployments: a stub with the answers of its API description's own
//! examples.
//!
//! One for all tests. Each test has a repository of its own, whose name is also its token.

mod deployments;
mod pulls;

pub use deployments::Deployment;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};
use tokio::{sync::watch, time::timeout};

/// The most characters that a comment may have.
const LONGEST: usize = 65_536;

/// The account of GitHub Actions.
pub const BOT: Author = Author { id: 41_898_282, login: "github-actions[bot]", kind: "Bot" };

/// Who wrote a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Author {
    pub id: u64,
    pub login: &'static str,
    pub kind: &'static str,
}

/// A comment.
#[derive(Debug, Clone)]
pub struct Comment {
    pub id: u64,
    pub author: Author,
    pub body: String,
}

/// An answer that is given instead of what was asked for.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// `POST`, `PATCH`.
    pub method: &'static str,
    pub status: &'static str,
    pub headers: Vec<(&'static str, String)>,
    pub message: &'static str,
}

/// A repository with one pull request, as one token sees it.
#[derive(Debug)]
pub struct Repository {
    /// The token's owner.
    pub me: Author,
    pub comments: Vec<Comment>,
    /// The pull requests, and whether each is open.
    pub pulls: BTreeMap<u64, bool>,
    pub deployments: Vec<Deployment>,
    /// So many lists of comments are answered only when all of them are asked for, with what is there
    /// then.
    pub meeting: usize,
    /// Whether the token has no `deployments: write`.
    pub may_not_deploy: bool,
    /// Given in this order, each once, to requests of its method.
    pub refusals: VecDeque<Refusal>,
    /// Comments that another run makes just before the next one is created.
    pub faster: Vec<Comment>,
    /// A key to leave out of every comment in the answers, which breaks the contract.
    pub left_out: Option<&'static str>,
    /// Every request that arrived, without its body.
    pub requests: Vec<String>,
}

/// The stub.
#[derive(Debug, Clone)]
pub struct GitHub {
    /// Its root.
    pub url: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    repositories: Mutex<BTreeMap<String, Repository>>,
    /// Counts requests.
    heard: watch::Sender<u64>,
    comment: Value,
    pull: Value,
    listed_pull: Value,
    deployment: Value,
    status: Value,
    user: Value,
}

impl GitHub {
    /// Starts it with the examples of the API description; it ends with the process.
    pub fn start(examples: &Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let user = "private-user-response-with-public-and-private-profile-information";
        let shared = Arc::new(Shared {
            repositories: Mutex::default(),
            heard: watch::Sender::new(0),
            comment: examples["issue-comment"]["value"].clone(),
            pull: examples["pull-request"]["value"].clone(),
            listed_pull: examples["pull-request-simple-items"]["value"][0].clone(),
            deployment: examples["deployment"]["value"].clone(),
            status: examples["deployment-status"]["value"].clone(),
            user: examples[user]["value"].clone(),
        });
        let github = Self { url, shared };
        let listening = github.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let github = listening.clone();
                thread::spawn(move || github.serve(&stream));
            }
        });
        github
    }

    /// Makes the repository `octo/NAME`, for the token NAME of this author.
    pub fn make(&self, name: &str, me: Author) {
        let made = Repository {
            me,
            comments: Vec::new(),
            pulls: BTreeMap::new(),
            deployments: Vec::new(),
            meeting: 0,
            may_not_deploy: false,
            refusals: VecDeque::new(),
            faster: Vec::new(),
            left_out: None,
            requests: Vec::new(),
        };
        let old = self.repositories().insert(name.to_owned(), made);
        assert!(old.is_none(), "two tests have the repository {name}");
    }

    /// Looks at a repository, or changes it.
    pub fn with<T>(&self, name: &str, act: impl FnOnce(&mut Repository) -> T) -> T {
        act(self.repositories().get_mut(name).expect("a test makes its repository first"))
    }

    /// Waits until that is true of a repository.
    pub async fn until(&self, name: &str, mut holds: impl FnMut(&Repository) -> bool) {
        let mut heard = self.shared.heard.subscribe();
        let waits = async {
            while !self.with(name, |repository| holds(repository)) {
                heard.changed().await.expect("the stub lives as long as the tests");
            }
        };
        let in_time = timeout(Duration::from_secs(30), waits).await.is_ok();
        assert!(in_time, "{:#?}", self.with(name, |repository| repository.requests.clone()));
    }

    fn repositories(&self) -> MutexGuard<'_, BTreeMap<String, Repository>> {
        self.shared.repositories.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, stream: &TcpStream) -> Option<()> {
        let request = Request::read(stream)?;
        if request.method == "GET" && request.target.contains("/comments?") {
            self.meet(&request.token);
        }
        let answer = match self.repositories().get_mut(&request.token) {
            None => refusal("401 Unauthorized", "Bad credentials"),
            Some(repository) => {
                repository.requests.push(format!("{} {}", request.method, request.target));
                self.answer(repository, &request)
            }
        };
        answer.write(stream)?;
        self.shared.heard.send_modify(|count| *count += 1);
        Some(())
    }

    /// Waits for the others where that was asked for; they come, or the test hangs and is told so.
    fn meet(&self, name: &str) {
        let left = |change: usize| {
            self.repositories().get_mut(name).map_or(0, |repository| {
                repository.meeting = repository.meeting.saturating_sub(change);
                repository.meeting
            })
        };
        if left(0) == 0 {
            return;
        }
        let mut waits = left(1);
        while waits > 0 {
            thread::sleep(Duration::from_millis(5));
            waits = left(0);
        }
    }

    fn answer(&self, repository: &mut Repository, request: &Request) -> Answer {
        let next = repository.refusals.front().map(|refusal| refusal.method);
        if next == Some(request.method.as_str())
            && let Some(refused) = repository.refusals.pop_front()
        {
            let headers = refused.headers.iter().map(|(name, value)| format!("{name}: {value}"));
            let headers = headers.collect();
            return Answer { headers, ..refusal(refused.status, refused.message) };
        }
        // An Enterprise Server's root.
        let target = request.target.strip_prefix("/api/v3").unwrap_or(&request.target);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path: Vec<_> = path.trim_start_matches('/').split('/').collect();
        let text = || request.body["body"].as_str().unwrap_or_default().to_owned();
        match (request.method.as_str(), path.as_slice()) {
            ("GET", ["repos", "octo", _, "pulls", rest @ ..]) => {
                self.pulls(repository, rest, query)
            }
            (_, ["repos", "octo", _, "deployments", rest @ ..]) => {
                self.deployments(repository, rest, query, request)
            }
            ("GET", ["user"]) => self.user(repository.me),
            ("GET", ["repos", "octo", _, "issues", _, "comments"]) => {
                self.list(repository, &path.join("/"), query)
            }
            ("POST", ["repos", "octo", _, "issues", _, "comments"]) => {
                if text().chars().count() > LONGEST {
                    return refusal("422 Unprocessable Entity", "Validation Failed");
                }
                repository.comments.append(&mut repository.faster);
                let id =
                    1 + repository.comments.iter().map(|comment| comment.id).max().unwrap_or(0);
                let comment = Comment { id, author: repository.me, body: text() };
                let body = self.comment(repository, &comment);
                repository.comments.push(comment);
                Answer::new("201 Created", &body)
            }
            (method, ["repos", "octo", _, "issues", "comments", id]) => {
                let found = repository.comments.iter().position(|c| c.id.to_string() == *id);
                let Some(at) = found else { return refusal("404 Not Found", "Not Found") };
                if method == "DELETE" {
                    repository.comments.remove(at);
                    return Answer {
                        body: String::new(),
                        ..Answer::new("204 No Content", &json!(0))
                    };
                }
                if method == "PATCH" {
                    repository.comments[at].body = text();
                }
                Answer::new("200 OK", &self.comment(repository, &repository.comments[at]))
            }
            _ => refusal("404 Not Found", "Not Found"),
        }
    }

    /// The token of an app's installation has no user.
    fn user(&self, me: Author) -> Answer {
        if me.kind == "Bot" {
            return refusal("403 Forbidden", "Resource not accessible by integration");
        }
        let mut user = self.shared.user.clone();
        (user["id"], user["login"], user["type"]) = (json!(me.id), json!(me.login), json!(me.kind));
        Answer::new("200 OK", &user)
    }

    fn list(&self, repository: &Repository, path: &str, query: &str) -> Answer {
        let number = |key: &str, default: usize| {
            queried(query, key).and_then(|value| value.parse().ok()).unwrap_or(default)
        };
        let (size, page) = (number("per_page", 30).min(100), number("page", 1));
        let page_of = |page: usize| {
            repository.comments.iter().skip((page - 1) * size).take(size).collect::<Vec<_>>()
        };
        let comments: Vec<_> =
            page_of(page).into_iter().map(|comment| self.comment(repository, comment)).collect();
        let mut answer = Answer::new("200 OK", &json!(comments));
        if !page_of(page + 1).is_empty() {
            let next = format!("https://api.github.com/{path}?per_page={size}&page={}", page + 1);
            answer.headers.push(format!("Link: <{next}>; rel=\"next\""));
        }
        answer
    }

    fn comment(&self, repository: &Repository, Comment { id, author, body }: &Comment) -> Value {
        let mut comment = self.shared.comment.clone();
        (comment["id"], comment["body"]) = (json!(id), json!(body));
        let user = &mut comment["user"];
        (user["id"], user["login"], user["type"]) =
            (json!(author.id), json!(author.login), json!(author.kind));
        if let (Some(key), Some(fields)) = (repository.left_out, comment.as_object_mut()) {
            fields.shift_remove(key);
        }
        comment
    }
}

/// A parameter of a query, decoded.
fn queried(query: &str, key: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, _)| name == key).map(|(_, value)| value.into_owned())
}

fn refusal(status: &'static str, message: &str) -> Answer {
    let documentation = "https://docs.github.com/rest/issues/comments";
    Answer::new(status, &json!({ "message": message, "documentation_url": documentation }))
}

#[derive(Debug)]
struct Request {
    method: String,
    target: String,
    token: String,
    body: Value,
}

impl Request {
    fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let mut words = line.split_whitespace();
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let (mut token, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "authorization" => {
                    value.strip_prefix("Bearer ").unwrap_or_default().clone_into(&mut token);
                }
                "content-length" => length = value.parse().ok()?,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let body = serde_json::from_slice(&body).unwrap_or_default();
        Some(Self { method, target, token, body })
    }
}

#[derive(Debug)]
struct Answer {
    status: &'static str,
    headers: Vec<String>,
    body: String,
}

impl Answer {
    fn new(status: &'static str, body: &Value) -> Self {
        Self { status, headers: Vec::new(), body: body.to_string() }
    }

    fn write(&self, mut stream: &TcpStream) -> Option<()> {
        let Self { status, headers, body } = self;
        let mut head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
        for header in headers {
            head = head + header + "\r\n";
        }
        if !body.is_empty() {
            let length = body.len();
            head += "Content-Type: application/json; charset=utf-8\r\n";
            head = format!("{head}Content-Length: {length}\r\n");
        }
        write!(stream, "{head}\r\n{body}").ok()
    }
}
