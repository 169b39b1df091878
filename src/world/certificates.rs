//! What the certificates cover by which a preview's host may be served.

use crate::{
    aws::{
        Reader,
        explain::{Explain as _, Failure},
    },
    config::model::Config,
    world::World,
};
use aws_sdk_acm::types::CertificateStatus;
use aws_sdk_elasticloadbalancingv2::types::Certificate;
use futures_util::future::join_all;
use std::collections::{BTreeMap, BTreeSet};

/// The port of the listener that certificates are for.
const HTTPS: u16 = 443;

/// What is known of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Certificates {
    /// Those that the HTTPS listener has besides its default one, by ARN.
    pub further: BTreeSet<String>,
    /// What was asked of each, by ARN; empty where none was asked.
    pub read: BTreeMap<String, Read>,
}

/// What ACM says of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// It is there.
    Found {
        /// The hosts that it covers, wildcards among them.
        covers: Vec<String>,
        /// `ISSUED`, or why it cannot be used.
        status: String,
    },
    /// There is none.
    Missing,
    /// It could not be read, and why.
    Unread(String),
}

impl Read {
    /// Whether a browser takes it for the host; `None` where that is not known.
    pub fn covers(&self, host: &str) -> Option<bool> {
        match self {
            Self::Found { covers, status } => Some(
                *status == CertificateStatus::Issued.as_str()
                    && covers.iter().any(|name| is_for(name, host)),
            ),
            Self::Missing => Some(false),
            Self::Unread(_) => None,
        }
    }
}

/// A wildcard stands for one label, and for the first alone.
/// <https://docs.aws.amazon.com/acm/latest/userguide/acm-concepts.html#concept-wildcard>
fn is_for(name: &str, host: &str) -> bool {
    name.eq_ignore_ascii_case(host)
        || name.strip_prefix("*.").is_some_and(|name| {
            host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(name))
        })
}

/// The host that has to be covered: that of a preview which is found by its host, where there is HTTPS.
pub fn host(config: &Config) -> Option<&str> {
    let balancer = &config.load_balancer;
    let is_by_host = config.preview_of.is_some() && balancer.path.is_none();
    balancer.host.as_deref().filter(|_| is_by_host && balancer.certificate.is_some())
}

/// The file's own certificates, where one of them has to cover a preview's host.
pub async fn of_file(aws: &Reader, config: &Config) -> BTreeMap<String, Read> {
    if host(config).is_none() {
        return BTreeMap::new();
    }
    let own = config.preview.as_ref().and_then(|preview| preview.certificate.clone());
    read(aws, own.into_iter().chain(config.load_balancer.certificate.clone())).await
}

/// The same, with what the listener has that stands: a listener that is shared may have others, and
/// somebody may have added the right one by hand.
pub async fn observe(
    aws: &Reader,
    config: &Config,
    world: &World,
    of_file: BTreeMap<String, Read>,
) -> Result<Certificates, Failure> {
    let https = world.listeners.iter().find(|found| found.settings.port == HTTPS);
    let (Some(host), Some(https)) = (host(config), https) else {
        return Ok(Certificates { further: BTreeSet::new(), read: of_file });
    };
    let request = aws.elb.describe_listener_certificates().listener_arn(&https.arn);
    let mut pages = request.into_paginator().send();
    let mut further = BTreeSet::new();
    while let Some(page) = pages.next().await {
        let page = page.explain("elasticloadbalancing:DescribeListenerCertificates", &https.arn)?;
        let found = page.certificates.unwrap_or_default();
        let found = found.into_iter().filter(|found| found.is_default() != Some(true));
        further.extend(found.filter_map(|found: Certificate| found.certificate_arn));
    }
    let mut all = of_file;
    if !all.values().any(|read| read.covers(host) == Some(true)) {
        let default = https.settings.certificate.clone();
        let more = further.iter().cloned().chain(default).filter(|arn| !all.contains_key(arn));
        let more = read(aws, more.collect::<Vec<_>>()).await;
        all.extend(more);
    }
    Ok(Certificates { further, read: all })
}

async fn read(aws: &Reader, arns: impl IntoIterator<Item = String>) -> BTreeMap<String, Read> {
    let arns: BTreeSet<_> = arns.into_iter().collect();
    let reads = arns.into_iter().map(|arn| async move {
        let read = describe(aws, &arn).await;
        (arn, read)
    });
    join_all(reads).await.into_iter().collect()
}

async fn describe(aws: &Reader, arn: &str) -> Read {
    // Of a server certificate of IAM's, which a listener may have too, ACM knows nothing.
    if !arn.contains(":acm:") {
        return Read::Unread(format!("{arn} is not ACM's"));
    }
    let found = aws.acm.describe_certificate().certificate_arn(arn).send().await;
    match found.explain("acm:DescribeCertificate", arn) {
        Ok(found) => {
            let detail = found.certificate();
            let name = detail.and_then(|detail| detail.domain_name()).map(str::to_owned);
            let names = detail.map(|detail| detail.subject_alternative_names().to_vec());
            let mut covers = names.unwrap_or_default();
            covers.extend(name.filter(|name| !covers.contains(name)));
            covers.sort();
            let status = detail.and_then(|detail| detail.status());
            let status = status.map_or("", CertificateStatus::as_str).to_owned();
            Read::Found { covers, status }
        }
        Err(failure) if failure.is("ResourceNotFound") => Read::Missing,
        Err(failure) => Read::Unread(failure.problem().what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_covers_one_label() {
        let covers = |names: &[&str], host| {
            let covers = names.iter().map(|&name| name.to_owned()).collect();
            Read::Found { covers, status: "ISSUED".to_owned() }.covers(host)
        };
        let host = "pr-42.preview.example.com";
        assert_eq!(covers(&["*.preview.example.com"], host), Some(true));
        assert_eq!(covers(&["web.example.com", "PR-42.Preview.example.com"], host), Some(true));
        assert_eq!(covers(&["*.example.com"], host), Some(false));
        assert_eq!(covers(&["*.preview.example.com"], "preview.example.com"), Some(false));
        assert_eq!(covers(&["preview.example.com", "example.com"], host), Some(false));
        assert_eq!(covers(&[], host), Some(false));
        let pending =
            Read::Found { covers: vec![host.to_owned()], status: "PENDING_VALIDATION".to_owned() };
        assert_eq!(pending.covers(host), Some(false));
        assert_eq!(Read::Missing.covers(host), Some(false));
        assert_eq!(Read::Unread(String::new()).covers(host), None);
    }
}
