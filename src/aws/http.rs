//! The one HTTP client of all AWS clients.
//!
//! Each of the SDK's clients would make one of its own, twice, with all of the machine's certificates
//! parsed anew, and with connections that the others cannot use.

use aws_smithy_http_client::{
    Connector,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector, http_client_fn};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// One that makes connections as the SDK's own does, which is asked for by the timeouts.
pub(super) fn shared() -> SharedHttpClient {
    let made = Mutex::new(BTreeMap::new());
    http_client_fn(move |settings, components| {
        let key = (settings.connect_timeout(), settings.read_timeout());
        let connect = || {
            let mut connector = Connector::builder()
                .connector_settings(settings.clone())
                .proxy_config(ProxyConfig::from_env());
            connector.set_sleep_impl(components.sleep_impl());
            let tls = Provider::Rustls(CryptoMode::AwsLc);
            SharedHttpConnector::new(connector.tls_provider(tls).build())
        };
        let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
        made.entry(key).or_insert_with(connect).clone()
    })
}
