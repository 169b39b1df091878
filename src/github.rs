//! The calls to GitHub.
//!
//! Every call answers with what it gave or with what to do next, and does not wait for a better answer:
//! whoever calls knows what else is going on.

pub mod answer;
pub mod deployments;
pub mod patience;
pub mod pulls;
pub mod sticky;

use crate::{error::Problem, secret::Secret};
use answer::{Answer, Failure, Headers};
use octocrab::Octocrab;
use serde_json::Value;
use std::time::Duration;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};
use url::Url;

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The API of one repository.
#[derive(Debug)]
pub struct Client {
    octocrab: Octocrab,
    repository: String,
    /// Requests go one after another, as GitHub asks for, and none while it asks to wait: whoever goes on
    /// then may lose the access.
    /// <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api>
    turn: Mutex<Option<Silence>>,
}

/// GitHub has asked for no more requests.
#[derive(Debug)]
struct Silence {
    until: Instant,
    problem: Problem,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
enum Method {
    Get,
    Post,
    Patch,
    Delete,
}

impl Client {
    /// A client for `owner/name` at the API's root, which may have a path of its own
    /// (`https://github.example.com/api/v3`). Needs a runtime to be running.
    pub fn new(api_url: &str, repository: &str, token: &Secret) -> Result<Self, Problem> {
        let unusable = |why: String| {
            Problem::new(format!("no client for GitHub's API at `{api_url}`: {why}"))
                .help("`GITHUB_API_URL` must be an address such as https://api.github.com")
        };
        // octocrab panics later on what is no address of the web.
        let url = Url::parse(api_url).map_err(|why| unusable(why.to_string()))?;
        if !["http", "https"].contains(&url.scheme()) || !url.has_host() {
            return Err(unusable("it is no address of the web".to_owned()));
        }
        // A token that no header can carry would be a panic in octocrab.
        if !token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Problem::new("the GitHub token is no token: it has blanks or line ends")
                .help("pass `github-token: ${{ github.token }}`"));
        }
        let header = |name: &str| name.parse().expect("the name of a header");
        let octocrab = Octocrab::builder()
            .base_uri(api_url)
            .map_err(|why| unusable(why.to_string()))?
            .personal_token(token.expose().to_owned())
            // Retrying is decided in `answer`, where waiting has a limit.
            .add_retry_config(octocrab::service::middleware::retry::RetryConfig::None)
            .set_connect_timeout(Some(PATIENCE))
            .set_read_timeout(Some(PATIENCE))
            .add_header(
                header("user-agent"),
                format!("ecs-private-deploy/{}", env!("CARGO_PKG_VERSION")),
            )
            .add_header(header("accept"), "application/vnd.github+json".to_owned())
            .add_header(header("x-github-api-version"), "2022-11-28".to_owned())
            .build()
            .map_err(|why| unusable(why.to_string()))?;
        Ok(Self { octocrab, repository: repository.to_owned(), turn: Mutex::default() })
    }

    /// Asks, and reads the answer.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Failure> {
        let mut turn = self.turn.lock().await;
        if let Some(Silence { until, problem }) = &*turn {
            let wait = until.saturating_duration_since(Instant::now());
            if !wait.is_zero() {
                return Err(Failure::Later { wait, problem: problem.clone() });
            }
        }
        let send = async {
            let response = match method {
                Method::Get => self.octocrab._get(path).await?,
                Method::Post => self.octocrab._post(path, body).await?,
                Method::Patch => self.octocrab._patch(path, body).await?,
                Method::Delete => self.octocrab._delete(path, None::<&()>).await?,
            };
            let header = |name: &str| {
                let value = response.headers().get(name)?.to_str().ok()?;
                Some(value.to_owned())
            };
            let headers = Headers {
                retry_after: header("retry-after"),
                remaining: header("x-ratelimit-remaining"),
                reset: header("x-ratelimit-reset"),
                accepted: header("x-accepted-github-permissions"),
                link: header("link"),
            };
            let status = response.status().as_u16();
            let text = self.octocrab.body_to_string(response).await?;
            Ok::<_, octocrab::Error>((status, headers, text))
        };
        let asked = format!("{} {path}", format!("{method:?}").to_uppercase());
        let (status, headers, text) = timeout(PATIENCE, send)
            .await
            .map_err(|_| answer::unreachable(&asked, "no answer in 10 s"))?
            .map_err(|why| answer::unreachable(&asked, &answer::chain(&why)))?;
        let answer =
            answer::read(&asked, status, &headers, &text, jiff::Timestamp::now().as_second());
        *turn = match &answer {
            // The others are a server's that has failed.
            Err(Failure::Later { wait, problem }) if status < 500 => {
                Some(Silence { until: Instant::now() + *wait, problem: problem.clone() })
            }
            _ => None,
        };
        drop(turn);
        answer
    }

    fn issue(&self, rest: &str) -> String {
        format!("/repos/{}/issues{rest}", self.repository)
    }
}

/// What GitHub has answered, in the form that its description gives it.
fn parse<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, Failure> {
    serde_json::from_value(value).map_err(|why| {
        Failure::Never(Problem::new(format!("GitHub's answer has another form: {why}")))
    })
}
