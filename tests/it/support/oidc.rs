//! A stub of the server that gives a workflow's job its OIDC token: each time that it is asked another
//! one, with claims as GitHub makes them and a signature that nobody checks here.
//! <https://docs.github.com/en/actions/reference/security/oidc>

use super::program::Program;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::json;
use std::{
    collections::VecDeque,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

/// What the job shows.
pub const REQUEST_TOKEN: &str = "a-request-token-of-this-job";

/// One that asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// `/token?api-version=2.0&audience=sts.amazonaws.com`.
    pub target: String,
    /// The header of that name.
    pub authorization: String,
}

/// The stub; it ends with the process.
#[derive(Debug, Clone)]
pub struct Issuer {
    url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    subject: String,
    signature: String,
    refusals: VecDeque<(&'static str, &'static str)>,
    asked: Vec<Asked>,
    given: Vec<String>,
}

impl Issuer {
    /// Starts one whose tokens are about this subject.
    pub fn start(subject: &str) -> Self {
        Self::signing(subject, "c2lnbmVk")
    }

    /// The same, with a signature to look for.
    pub fn signing(subject: &str, signature: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let (subject, signature) = (subject.to_owned(), signature.to_owned());
        let state = Arc::new(Mutex::new(State { subject, signature, ..State::default() }));
        let issuer = Self { url, state };
        let listening = issuer.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                listening.serve(&stream);
            }
        });
        issuer
    }

    /// The program as a step of a job that may have a token, with no credentials of AWS.
    pub fn job(&self, program: Program) -> Program {
        step(program)
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", &format!("{}/token?api-version=2.0", self.url))
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", REQUEST_TOKEN)
    }

    /// Answers the next ones so, each once: status and body.
    pub fn refuse(&self, answers: &[(&'static str, &'static str)]) {
        self.state().refusals.extend(answers);
    }

    /// All that asked.
    pub fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    /// All tokens that were given.
    pub fn given(&self) -> Vec<String> {
        self.state().given.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut stream: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let target = line.split(' ').nth(1)?.to_owned();
        let mut authorization = String::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            if name.eq_ignore_ascii_case("authorization") {
                value.clone_into(&mut authorization);
            }
        }
        let audience = target.split("audience=").nth(1).unwrap_or_default().to_owned();
        let mut state = self.state();
        state.asked.push(Asked { target, authorization });
        let (status, body) = if let Some((status, body)) = state.refusals.pop_front() {
            (status, body.to_owned())
        } else {
            let token = token(&state, &audience);
            state.given.push(token.clone());
            ("200 OK", json!({"count": token.len(), "value": token}).to_string())
        };
        drop(state);
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n"
        );
        stream.write_all((head + &body).as_bytes()).ok()
    }
}

/// The program as a step of a workflow's job, with no credentials of AWS.
pub fn step(program: Program) -> Program {
    program
        .without("AWS_ACCESS_KEY_ID")
        .without("AWS_SECRET_ACCESS_KEY")
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_REPOSITORY", "octo/web")
        .env("GITHUB_RUN_ID", "4242")
        .env("GITHUB_SHA", "0123456789abcdef0123456789abcdef01234567")
        .env("GITHUB_REF", "refs/heads/main")
        .env("GITHUB_WORKFLOW", "Deploy & test")
}

fn token(state: &State, audience: &str) -> String {
    let encode = |value: serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({
        "iss": "https://token.actions.githubusercontent.com",
        "aud": audience,
        "sub": state.subject,
        "repository": "octo/web",
        "repository_id": "99",
        "repository_owner_id": "42",
        "jti": state.given.len(),
    });
    let header = encode(json!({"alg": "RS256", "kid": "stub", "typ": "JWT"}));
    format!("{header}.{}.{}", encode(claims), state.signature)
}
