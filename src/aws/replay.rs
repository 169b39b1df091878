//! AWS for tests: answers that were written down, given in their order, and the requests that asked for
//! them.

use super::{Identity, Reader};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::body::SdkBody;
use serde_json::Value;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

/// An answer of one operation: its name, the status, the body.
pub(crate) type Answer = (&'static str, u16, Value);

/// What was asked and what is answered. A request that is not the next one ends the test.
#[derive(Debug, Clone, Default)]
pub(crate) struct Replay {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl Replay {
    pub(crate) fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers = Arc::new(Mutex::new(answers.into_iter().collect()));
        Self { answers, asked: Arc::default() }
    }

    /// The bodies of the requests. All answers have to be used up.
    pub(crate) fn asked(&self) -> Vec<Value> {
        let left = self.answers.lock().expect("no test panics with it");
        assert!(left.is_empty(), "nobody asked for {left:?}");
        self.asked.lock().expect("no test panics with it").clone()
    }

    /// Clients that ask here, in eu-west-1.
    pub(crate) fn reader(&self) -> Reader {
        let reader = Reader::open(&config(self.clone())).expect("it has a region");
        let identity = Identity {
            account: "123456789012".to_owned(),
            partition: "aws".to_owned(),
            region: "eu-west-1".to_owned(),
        };
        reader.whose.set(identity).expect("nobody asked yet");
        reader
    }
}

impl HttpConnector for Replay {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let body = request.body().bytes().unwrap_or_default();
        let body = serde_json::from_slice(body).expect("the JSON services are asked in JSON");
        self.asked.lock().expect("no test panics with it").push(body);
        let next = self.answers.lock().expect("no test panics with it").pop_front();
        let (operation, status, answer) =
            next.unwrap_or_else(|| panic!("nothing answers {target}"));
        assert!(target.ends_with(&format!(".{operation}")), "{target} instead of {operation}");
        let status = status.try_into().expect("a status");
        let response = HttpResponse::new(status, SdkBody::from(answer.to_string()));
        HttpConnectorFuture::ready(Ok(response))
    }
}

/// What a client is made from that asks this connector, in eu-west-1.
pub(crate) fn config(connector: impl HttpConnector + 'static) -> SdkConfig {
    let connector = SharedHttpConnector::new(connector);
    let credentials = Credentials::new("test", "test", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .build()
}
