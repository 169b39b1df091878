//! One GET over HTTP, with the client that the AWS calls go through, and redirects.

use super::Fault;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector as _, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::body::SdkBody;
use std::time::Duration;
use url::Url;

const CONNECT: Duration = Duration::from_secs(10);

/// Until the answer begins: a cache may have to fetch a whole layer first.
const ANSWER: Duration = Duration::from_mins(5);

const REDIRECTS: usize = 5;

#[derive(Debug)]
pub(super) struct Http {
    connector: SharedHttpConnector,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: aws_smithy_runtime_api::http::Headers,
    pub(super) body: SdkBody,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }
}

impl Http {
    pub(super) fn new() -> Self {
        let settings =
            HttpConnectorSettings::builder().connect_timeout(CONNECT).read_timeout(ANSWER).build();
        let connector = aws_smithy_http_client::default_connector(&settings, None)
            .expect("the program is built with this client's TLS");
        Self { connector }
    }

    /// Follows redirects. A registry sends whoever wants a blob to its storage, which has no business with
    /// the login: it goes to the registry alone.
    pub(super) async fn get(
        &self,
        mut url: Url,
        accept: Option<&str>,
        authorization: Option<&str>,
    ) -> Result<Answer, Fault> {
        let registry = url.origin();
        for _ in 0..=REDIRECTS {
            let login = authorization.filter(|_| url.origin() == registry);
            let response = self.send(&url, accept, login).await?;
            let status = response.status().as_u16();
            let location = response.headers().get("location");
            let Some(location) = location.filter(|_| [301, 302, 303, 307, 308].contains(&status))
            else {
                let headers = response.headers().clone();
                return Ok(Answer { status, headers, body: response.into_body() });
            };
            let next = url
                .join(location)
                .map_err(|why| Fault::lasting(format!("it redirects to `{location}`: {why}")))?;
            if !["http", "https"].contains(&next.scheme())
                || url.scheme() == "https" && next.scheme() != "https"
            {
                let host = next.host_str().unwrap_or_default();
                return Err(Fault::lasting(format!("it redirects to {host} without TLS")));
            }
            url = next;
        }
        Err(Fault::lasting(format!("it redirects more than {REDIRECTS} times")))
    }

    async fn send(
        &self,
        url: &Url,
        accept: Option<&str>,
        login: Option<&str>,
    ) -> Result<HttpResponse, Fault> {
        let mut request = HttpRequest::new(SdkBody::empty());
        request.set_uri(url.as_str()).map_err(|why| Fault::lasting(why.to_string()))?;
        let headers = request.headers_mut();
        headers.insert("user-agent", concat!("ecs-private-deploy/", env!("CARGO_PKG_VERSION")));
        if let Some(accept) = accept {
            headers.insert("accept", accept.to_owned());
        }
        if let Some(login) = login {
            headers.insert("authorization", login.to_owned());
        }
        self.connector.call(request).await.map_err(|why| {
            let host = url.host_str().unwrap_or_default();
            Fault::passing(format!("{host} did not answer: {}", last(&why)))
        })
    }
}

/// The last cause of an error, which is the one that says something.
pub(super) fn last(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
