//! A certificate of an HTTPS listener besides its default one: ELB takes it where a client asks for a host
//! that it covers.
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/https-listener-certificates.html#sni-certificate-list>
//!
//! The listener may be anybody's, and a certificate on it has no tags; so which one was added, and for
//! which stack, is written on the listener.

use super::Action;
use crate::{
    address::Known,
    apply::Outputs,
    aws::{
        Writer, elb_tags,
        explain::{Explain as _, Failure},
        settle::{Settling, is_not_known_yet},
    },
    tags,
};
use aws_sdk_elasticloadbalancingv2::types::Certificate;
use serde::Serialize;

/// A certificate on a listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// The listener's ARN.
    pub listener: Known,
    /// The certificate's ARN.
    pub certificate: String,
}

impl super::Settings for Settings {
    fn references(&self) -> Vec<&Known> {
        vec![&self.listener]
    }
}

/// The id in a certificate's ARN, by which a tag names it.
pub fn id_of(certificate: &str) -> &str {
    certificate.rsplit('/').next().unwrap_or(certificate)
}

/// The calls that [`apply`] makes.
pub fn calls(action: &Action<Settings>) -> Vec<&'static str> {
    match action {
        Action::Create(_) | Action::Update { .. } => {
            vec!["elasticloadbalancing:AddTags", "elasticloadbalancing:AddListenerCertificates"]
        }
        Action::Delete { .. } => vec![
            "elasticloadbalancing:RemoveListenerCertificates",
            "elasticloadbalancing:RemoveTags",
        ],
    }
}

/// Makes it so; yields the certificate's ARN. The tag comes first and goes last: what a run that was
/// killed has added is known.
pub async fn apply(
    action: &Action<Settings>,
    aws: &Writer,
    outputs: &Outputs,
) -> Result<String, Failure> {
    let elb = &aws.aws.elb;
    let certificate = |arn: &str| Certificate::builder().certificate_arn(arn).build();
    match action {
        Action::Create(to) | Action::Update { to, .. } => {
            let listener = outputs.resolve(&to.listener);
            let on = format!("{} for {listener}", to.certificate);
            let tags = tags::added(&aws.main, [&id_of(&to.certificate).to_owned()]);
            aws.settled(Settling::MADE, is_not_known_yet, async || {
                let request = elb.add_tags().resource_arns(&listener);
                let request = request.set_tags(Some(elb_tags(&tags)));
                request.send().await.explain("elasticloadbalancing:AddTags", &listener)
            })
            .await?;
            let request = elb.add_listener_certificates().listener_arn(&listener);
            let request = request.certificates(certificate(&to.certificate));
            let added = request.send().await;
            added.explain("elasticloadbalancing:AddListenerCertificates", on)?;
            Ok(to.certificate.clone())
        }
        Action::Delete { id, settings, .. } => {
            let listener = outputs.resolve(&settings.listener);
            let request = elb.remove_listener_certificates().listener_arn(&listener);
            let removed = request.certificates(certificate(id)).send().await;
            let on = format!("{id} for {listener}");
            match removed.explain("elasticloadbalancing:RemoveListenerCertificates", on) {
                Err(failure) if failure.is("ListenerNotFound") => return Ok(id.clone()),
                removed => removed?,
            };
            let tags = tags::added(&aws.main, [&id_of(id).to_owned()]);
            let request = elb.remove_tags().resource_arns(&listener);
            let request = request.set_tag_keys(Some(tags.into_keys().collect()));
            let removed = request.send().await;
            removed.explain("elasticloadbalancing:RemoveTags", &listener)?;
            Ok(id.clone())
        }
    }
}
