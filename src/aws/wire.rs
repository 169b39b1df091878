//! What every call to AWS goes through, whoever makes it: it waits for its place in AWS's buckets, its
//! answer has to come in time, and what may have changed something is written down.

use super::{
    limiter::Limiter,
    patience::{ATTEMPT, LAST, is_last},
};
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
            None => connector(settings, Some(components)),
        });
        let shared = Arc::clone(&self.shared);
        SharedHttpConnector::new(Line { connector: connector.clone(), shared })
    }
}

/// What the SDK makes for itself where it is given nothing: with TLS, and through the proxies that the
/// environment names.
pub(crate) fn connector(
    settings: &HttpConnectorSettings,
    components: Option<&RuntimeComponents>,
) -> SharedHttpConnector {
    let tls = Provider::Rustls(CryptoMode::AwsLc);
    let mut builder = ConnectorBuilder::default().tls_provider(tls);
    builder.set_connector_settings(Some(settings.clone()));
    builder.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
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
            let is_last = call.as_ref().is_some_and(|call| is_last(call, &request));
            if let Some(call) = &call {
                let wait = shared.limiter.take(&call.service, &call.operation);
                // Even to sleep for no time lets others go first.
                if !wait.is_zero() {
                    sleep(wait).await;
                }
            }
            let answer =
                timeout(ATTEMPT, whole(connector.call(request))).await.unwrap_or_else(|_| {
                    let text = format!("no answer within {} seconds", ATTEMPT.as_secs());
                    Err(ConnectorError::timeout(text.into()))
                });
            if let Some(call) = call {
                shared.note(&call, answer.as_ref().ok());
            }
            if is_last { last(answer) } else { answer }
        })
    }
}

/// The same in a form that the SDK does not ask again after.
fn last(answer: Result<HttpResponse, ConnectorError>) -> Result<HttpResponse, ConnectorError> {
    let mut answer = answer.map_err(|error| ConnectorError::other(error.into_source(), None))?;
    if answer.status().is_server_error() && !is_throttle(&answer) {
        answer.headers_mut().insert(LAST, "true");
    }
    Ok(answer)
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
    use super::{
        super::patience::{Patience, retries},
        *,
    };
    use aws_config::{BehaviorVersion, Region, SdkConfig};
    use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
    use aws_sdk_ecs::types::ContainerDefinition;
    use aws_smithy_runtime_api::client::http::http_client_fn;
    use std::sync::atomic::AtomicUsize;

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

    /// Always fails in the same way.
    #[derive(Debug, Clone)]
    struct Failing(Arc<AtomicUsize>, Option<(u16, &'static str)>);

    impl HttpConnector for Failing {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            self.0.fetch_add(1, Ordering::Relaxed);
            HttpConnectorFuture::ready(match self.1 {
                Some((status, body)) => Ok(answer(status, body)),
                None => Err(ConnectorError::io("it is reset".into())),
            })
        }
    }

    /// How often a call is tried that fails so, and whether something may have changed in the end.
    async fn tried(operation: &str, how: Option<(u16, &'static str)>) -> (usize, bool) {
        let failing = Failing(Arc::default(), how);
        let connector = SharedHttpConnector::new(failing.clone());
        let wire = Wire::through(Some(http_client_fn(move |_, _| connector.clone())));
        let credentials = Credentials::new("test", "test", None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(wire.clone())
            .retry_config(retries())
            .build();
        let config = aws_sdk_ecs::config::Builder::from(&config).retry_classifier(Patience);
        let ecs = aws_sdk_ecs::Client::from_conf(config.build());
        let failed = match operation {
            "RegisterTaskDefinition" => ecs
                .register_task_definition()
                .family("web")
                .container_definitions(ContainerDefinition::builder().build())
                .send()
                .await
                .is_err(),
            _ => ecs.delete_cluster().cluster("web").send().await.is_err(),
        };
        assert!(failed, "{operation}");
        (failing.0.load(Ordering::Relaxed), wire.may_have_changed())
    }

    #[tokio::test(start_paused = true)]
    async fn how_often_a_call_is_tried() {
        let throttle = Some((400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#));
        let broken = Some((500, r#"{"__type":"ServerException","message":"oh"}"#));
        let denied = Some((400, r#"{"__type":"AccessDeniedException","message":"no"}"#));
        for (how, delete, register) in [
            (throttle, (12, false), (12, false)),
            (broken, (8, true), (1, true)),
            (None, (8, true), (1, true)),
            (denied, (1, false), (1, false)),
        ] {
            assert_eq!(tried("DeleteCluster", how).await, delete, "{how:?}");
            assert_eq!(tried("RegisterTaskDefinition", how).await, register, "{how:?}");
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
