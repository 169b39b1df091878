//! What every call to AWS goes through, whoever makes it: it waits for its place in AWS's buckets, its
//! answer has to come in time, and what may have changed something is written down.

use super::{limiter::Limiter, patience::ATTEMPT};
use aws_smithy_http_client::{
    ConnectorBuilder,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
        SharedHttpConnector,
    },
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};
use tokio::time::{sleep, timeout};

/// The way to AWS, shared by all clients of a run.
#[derive(Debug, Clone, Default)]
pub struct Wire {
    /// Where a test has put its own.
    given: Option<SharedHttpClient>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// All clients have the same settings, so one connector serves them all.
    connector: OnceLock<SharedHttpConnector>,
    limiter: Limiter,
    may_have_changed: AtomicBool,
}

impl Wire {
    /// Goes out through this client, or through the SDK's own.
    pub(super) fn through(given: Option<SharedHttpClient>) -> Self {
        Self { given, shared: Arc::default() }
    }

    /// Whether a call that writes has done its work, or may have: it got no answer.
    pub fn may_have_changed(&self) -> bool {
        self.shared.may_have_changed.load(Ordering::Relaxed)
    }
}

impl HttpClient for Wire {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let connector = self.shared.connector.get_or_init(|| match &self.given {
            Some(given) => given.http_connector(settings, components),
            None => sdks_own(settings, components),
        });
        let shared = Arc::clone(&self.shared);
        SharedHttpConnector::new(Line { connector: connector.clone(), shared })
    }
}

/// What the SDK makes for itself where it is given nothing.
fn sdks_own(
    settings: &HttpConnectorSettings,
    components: &RuntimeComponents,
) -> SharedHttpConnector {
    let tls = Provider::Rustls(CryptoMode::AwsLc);
    let mut builder = ConnectorBuilder::default().tls_provider(tls);
    builder.set_connector_settings(Some(settings.clone()));
    builder.set_sleep_impl(components.sleep_impl());
    builder.set_proxy_config(Some(ProxyConfig::from_env()));
    SharedHttpConnector::new(builder.build())
}

#[derive(Debug)]
struct Line {
    connector: SharedHttpConnector,
    shared: Arc<Shared>,
}

impl HttpConnector for Line {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (connector, shared) = (self.connector.clone(), Arc::clone(&self.shared));
        HttpConnectorFuture::new(async move {
            let call = Call::of(&request);
            if let Some(call) = &call {
                sleep(shared.limiter.take(&call.service, &call.operation)).await;
            }
            let answer =
                timeout(ATTEMPT, whole(connector.call(request))).await.unwrap_or_else(|_| {
                    let text = format!("no answer within {} seconds", ATTEMPT.as_secs());
                    Err(ConnectorError::timeout(text.into()))
                });
            if let Some(call) = call {
                shared.note(&call, answer.as_ref().ok());
            }
            answer
        })
    }
}

impl Shared {
    fn note(&self, call: &Call, answer: Option<&HttpResponse>) {
        let is_throttled = answer.is_some_and(is_throttle);
        if is_throttled {
            self.limiter.drain(&call.service, &call.operation);
        }
        // AWS has done nothing where it says that the request is at fault.
        let is_refused = answer.is_some_and(|answer| answer.status().is_client_error());
        if call.writes() && !is_throttled && !is_refused {
            self.may_have_changed.store(true, Ordering::Relaxed);
        }
    }
}

/// The answer with its whole body: one that stops half-way is no answer.
async fn whole(answer: HttpConnectorFuture) -> Result<HttpResponse, ConnectorError> {
    let mut answer = answer.await?;
    let body = std::mem::replace(answer.body_mut(), SdkBody::empty());
    let body = ByteStream::new(body).collect().await;
    let body = body.map_err(|error| ConnectorError::io(error.into()))?;
    *answer.body_mut() = SdkBody::from(body.into_bytes());
    Ok(answer)
}

/// What is called.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call {
    /// As the request is signed for it: `ec2`.
    pub(super) service: String,
    /// `CreateVpcEndpoint`.
    pub(super) operation: String,
}

impl Call {
    /// Reads it from a signed request: the operation stands in a header for the JSON services, in the
    /// body for the others.
    pub(super) fn of(request: &HttpRequest) -> Option<Self> {
        // `AWS4-HMAC-SHA256 Credential=AKIA…/20261123/eu-central-1/ec2/aws4_request, …`
        let service = request.headers().get("authorization")?.split('/').nth(3)?.to_owned();
        let body = || std::str::from_utf8(request.body().bytes()?).ok();
        let action = || body()?.split('&').find_map(|pair| pair.strip_prefix("Action="));
        let target = request.headers().get("x-amz-target");
        let operation = target.and_then(|target| target.rsplit('.').next()).or_else(action)?;
        Some(Self { service, operation: operation.to_owned() })
    }

    fn writes(&self) -> bool {
        const READS: [&str; 4] = ["Describe", "Get", "List", "Validate"];
        !READS.iter().any(|read| self.operation.starts_with(read))
    }
}

/// Whether AWS says that there are too many calls, in the words of any of its services. A quota that is
/// used up (`LimitExceeded`) is no throttle: it does not pass by itself.
pub(super) fn is_throttle(answer: &HttpResponse) -> bool {
    const CODES: [&str; 6] = [
        "Throttling",
        "ThrottledException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "TooManyRequests",
        "SlowDown",
    ];
    if ![400, 429, 503].contains(&answer.status().as_u16()) {
        return false;
    }
    let body = String::from_utf8_lossy(answer.body().bytes().unwrap_or_default()).into_owned();
    let says = |text: &str| CODES.iter().any(|code| text.contains(code));
    let between = |from: &str, to: &str| Some(body.split_once(from)?.1.split_once(to)?.0);
    let json = || {
        let body: serde_json::Value = serde_json::from_str(&body).ok()?;
        let code = body.get("__type").or_else(|| body.get("code"))?;
        Some(says(code.as_str()?))
    };
    match between("<Code>", "</Code>") {
        Some(code) => says(code),
        None => json().unwrap_or(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> HttpResponse {
        HttpResponse::new(status.try_into().expect("a status"), SdkBody::from(body))
    }

    #[test]
    fn a_throttle_in_the_words_of_each_protocol() {
        let ec2 = "<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error></Errors></Response>";
        let elb = "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>";
        let ecs = r#"{"__type":"com.amazonaws.ecs#ThrottlingException","message":"Rate exceeded"}"#;
        for (status, body) in [(503, ec2), (400, elb), (400, ecs)] {
            assert!(is_throttle(&answer(status, body)), "{body}");
        }
        let quota = r#"{"__type":"LimitExceededException","message":"Throttling"}"#;
        let other = "<Response><Error><Code>InvalidParameter</Code><Message>Throttling</Message></Error></Response>";
        for body in [quota, other, "", "Throttling"] {
            assert!(!is_throttle(&answer(400, body)), "{body}");
        }
    }

    #[test]
    fn what_may_have_changed_something_is_written_down() {
        let call = |operation: &str| Call { service: "ecs".into(), operation: operation.into() };
        let notes = |operation: &str, answer: Option<&HttpResponse>| {
            let shared = Shared::default();
            shared.note(&call(operation), answer);
            shared.may_have_changed.into_inner()
        };
        let throttled = answer(400, r#"{"__type":"ThrottlingException"}"#);
        assert!(notes("CreateService", Some(&answer(200, "{}"))));
        assert!(notes("CreateService", Some(&answer(500, "{}"))));
        assert!(notes("CreateService", None));
        assert!(!notes("CreateService", Some(&answer(400, "{}"))));
        assert!(!notes("CreateService", Some(&throttled)));
        assert!(!notes("DescribeServices", None));
    }
}
