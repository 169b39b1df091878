//! The VPC's DNS attributes, the one thing of a VPC that is ever changed, and only where the file asks
//! for it. They are never turned off again: whatever came to use them since would lose its names.

use super::Action;
use crate::{
    address::Known,
    aws::{
        Writer,
        explain::{Explain as _, Failure},
    },
    network::model::Dns,
};
use aws_sdk_ec2::types::AttributeBooleanValue;
use serde::Serialize;

/// The attributes; private DNS needs both.
/// <https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html#privatelink-dns-concepts>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// `enableDnsSupport`.
    pub enable_dns_support: bool,
    /// `enableDnsHostnames`.
    pub enable_dns_hostnames: bool,
}

impl super::Settings for Settings {
    fn references(&self) -> Vec<&Known> {
        Vec::new()
    }
}

impl From<Dns> for Settings {
    fn from(dns: Dns) -> Self {
        Self { enable_dns_support: dns.support, enable_dns_hostnames: dns.hostnames }
    }
}

/// What is off.
pub fn diff(id: &str, observed: Dns) -> Option<Action<Settings>> {
    super::changed(id, &observed.into(), &Dns { support: true, hostnames: true }.into())
}

/// The calls that [`apply`] makes: EC2 takes one attribute a call.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcAttribute.html>
pub fn calls(action: &Action<Settings>) -> Vec<&'static str> {
    let Action::Update { from, to, .. } = action else { return Vec::new() };
    let differ = [
        from.enable_dns_support != to.enable_dns_support,
        from.enable_dns_hostnames != to.enable_dns_hostnames,
    ];
    differ.into_iter().filter(|differs| *differs).map(|_| "ec2:ModifyVpcAttribute").collect()
}

/// Turns them on, the resolver first, without which there are no host names; yields the VPC's id.
pub async fn apply(action: &Action<Settings>, aws: &Writer) -> Result<String, Failure> {
    let Action::Update { id, from, to } = action else { return Ok(String::new()) };
    let value = |is_on| AttributeBooleanValue::builder().value(is_on).build();
    let request = || aws.aws.ec2.modify_vpc_attribute().vpc_id(id);
    if from.enable_dns_support != to.enable_dns_support {
        let request = request().enable_dns_support(value(to.enable_dns_support));
        request.send().await.explain("ec2:ModifyVpcAttribute", id)?;
    }
    if from.enable_dns_hostnames != to.enable_dns_hostnames {
        let request = request().enable_dns_hostnames(value(to.enable_dns_hostnames));
        request.send().await.explain("ec2:ModifyVpcAttribute", id)?;
    }
    Ok(id.clone())
}
