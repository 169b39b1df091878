//! GitHub's OIDC token for this job: one GET, asked again where GitHub has a bad moment.
//! <https://docs.github.com/en/actions/reference/security/oidc>

use super::{refusal::PERMISSION, settings::TokenRequest};
use crate::{
    aws::{explain::innermost, wire},
    error::{Error, Problem, Result},
    secret::Secret,
};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector as _, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use serde_json::Value;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use url::Url;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Attempts, with pauses that double from the first: some three seconds.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);

/// Why there is no token.
enum Fault {
    /// It may come when it is asked for again.
    Passing(Problem),
    /// It will not.
    Lasting(Error),
}

/// Asks for the token.
pub(super) async fn token(request: &TokenRequest) -> Result<Secret> {
    let url = address(request)?;
    let settings =
        HttpConnectorSettings::builder().connect_timeout(PATIENCE).read_timeout(PATIENCE).build();
    let connector = wire::connector(&settings, None);
    let mut pause = PAUSE;
    for _ in 1..ATTEMPTS {
        match ask(&connector, &url, request).await {
            Ok(token) => return Ok(token),
            Err(Fault::Lasting(error)) => return Err(error),
            Err(Fault::Passing(_)) => sleep(pause).await,
        }
        pause *= 2;
    }
    ask(&connector, &url, request).await.map_err(|fault| match fault {
        Fault::Lasting(error) => error,
        Fault::Passing(problem) => Error::Unexpected(
            problem
                .found(format!("asked {ATTEMPTS} times"))
                .help("run it again; https://www.githubstatus.com says how GitHub is"),
        ),
    })
}

/// GitHub's address, which has a query already, with the audience.
fn address(request: &TokenRequest) -> Result<Url> {
    let url = Url::parse(&request.url).ok();
    let url = url.filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
    let Some(mut url) = url else {
        return Err(Error::refused(
            "ACTIONS_ID_TOKEN_REQUEST_URL is no address of the web, so GitHub cannot be asked for an \
             OIDC token",
            "GitHub's runner sets it: leave it as it is, or unset it to use the environment's credentials",
        ));
    };
    url.query_pairs_mut().append_pair("audience", &request.audience);
    Ok(url)
}

async fn ask(
    connector: &SharedHttpConnector,
    url: &Url,
    request: &TokenRequest,
) -> Result<Secret, Fault> {
    let answer = timeout(PATIENCE, send(connector, url, &request.token)).await;
    let (status, body) = answer
        .unwrap_or_else(|_| Err(format!("no answer within {} seconds", PATIENCE.as_secs())))
        .map_err(|why| Fault::Passing(Problem::new(format!("{WHAT}: {why}"))))?;
    read(status, &body)
}

const WHAT: &str = "GitHub gave no OIDC token for this job";

async fn send(
    connector: &SharedHttpConnector,
    url: &Url,
    token: &Secret,
) -> Result<(u16, String), String> {
    let mut request = HttpRequest::new(SdkBody::empty());
    request.set_uri(url.as_str()).map_err(|why| why.to_string())?;
    let headers = request.headers_mut();
    headers.insert("accept", "application/json");
    headers.insert("user-agent", concat!("ecs-private-deploy/", env!("CARGO_PKG_VERSION")));
    headers.try_insert("authorization", format!("Bearer {}", token.expose())).map_err(|_| {
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN is nothing that a header can carry".to_owned()
    })?;
    let answer: HttpResponse = connector.call(request).await.map_err(|why| innermost(&why))?;
    let status = answer.status().as_u16();
    let body = ByteStream::new(answer.into_body()).collect().await;
    let body = body.map_err(|why| innermost(&why))?.into_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

/// What the answer means. Its text is GitHub's or a proxy's, and is told but for its length.
fn read(status: u16, body: &str) -> Result<Secret, Fault> {
    const WORDS: usize = 200;
    let json: Option<Value> = serde_json::from_str(body).ok();
    if (200..300).contains(&status) {
        let token = json.as_ref().and_then(|json| json["value"].as_str());
        return token.filter(|token| !token.is_empty()).map(Secret::new).ok_or_else(|| {
            // An answer that has a token in another place must not be told.
            let problem = Problem::new(format!("{WHAT}: its answer has no `value`"));
            Fault::Lasting(Error::Unexpected(problem.help("run it again")))
        });
    }
    let said = json.as_ref().and_then(|json| json["message"].as_str()).unwrap_or(body);
    let said: String = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let said: String = said.chars().take(WORDS).collect();
    let problem = Problem::new(format!("{WHAT}: HTTP {status} {said}").trim_end());
    if status == 429 || status >= 500 {
        return Err(Fault::Passing(problem));
    }
    Err(Fault::Lasting(Error::Refused(problem.help(format!("see that the job has\n{PERMISSION}")))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str, audience: &str) -> TokenRequest {
        TokenRequest { url: url.into(), token: Secret::new("x"), audience: audience.into() }
    }

    #[test]
    fn the_audience_is_added_to_what_github_says() {
        let url = address(&request("https://v.example/t?api-version=2.0", "a&b c")).expect("a URL");
        assert_eq!(url.as_str(), "https://v.example/t?api-version=2.0&audience=a%26b+c");
        for text in ["", "v.example", "file:///etc/passwd", "https://"] {
            assert!(matches!(address(&request(text, "x")), Err(Error::Refused(_))), "{text}");
        }
    }

    #[test]
    fn what_the_answers_mean() {
        let told = |status, body: &str| match read(status, body) {
            Ok(token) => format!("token {}", token.expose()),
            Err(Fault::Passing(problem)) => format!("later: {problem}"),
            Err(Fault::Lasting(error)) => format!("{}: {error}", error.exit_code()),
        };
        assert_eq!(told(200, r#"{"count":1,"value":"a.b.c"}"#), "token a.b.c");
        let later = "later: GitHub gave no OIDC token for this job: HTTP 503 Service Unavailable";
        assert_eq!(told(503, "Service\n Unavailable"), later);
        assert_eq!(told(429, ""), "later: GitHub gave no OIDC token for this job: HTTP 429");
        for body in ["<html>a.b.c", r#"{"value":""}"#, r#"{"token":"a.b.c"}"#] {
            insta::allow_duplicates! { insta::assert_snapshot!(told(200, body), @r"
            1: GitHub gave no OIDC token for this job: its answer has no `value`
              help: run it again
            "); }
        }
        insta::assert_snapshot!(told(403, r#"{"message":"no permission"}"#), @r"
        3: GitHub gave no OIDC token for this job: HTTP 403 no permission
          help: see that the job has
                permissions:
                  id-token: write
        ");
        assert!(told(400, &"é".repeat(900)).len() < 600);
    }
}
