//! To what a service's name leads in the VPC.
//! <https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html#privatelink-dns-concepts>

use super::{Case, Check, Hop, Stop};
use crate::network::{
    fix::Fix,
    model::{Endpoint, EndpointKind},
};

/// Where a name leads.
#[derive(Debug)]
pub(super) enum Lead<'a> {
    /// To the interfaces of an endpoint.
    Endpoint(&'a Endpoint),
    /// To the service's public addresses.
    Public,
}

/// Where a name may lead: one way, or several where that is in doubt.
#[derive(Debug)]
pub(super) struct Leads<'a> {
    pub(super) to: Vec<Lead<'a>>,
    pub(super) doubts: Vec<String>,
}

pub(super) fn leads<'a>(case: &Case<'a>) -> Check<Leads<'a>> {
    let vpc = case.vpc;
    let endpoints = vpc.endpoints.as_ref()?;
    let private = endpoints.iter().find(|endpoint| {
        !case.need.is_outside
            && endpoint.service == case.need.service
            && endpoint.kind == EndpointKind::Interface
            && endpoint.private_dns
            && !endpoint.inbound_resolver_only
            && stands(endpoint)
    });
    let mut doubts = Vec::new();
    let others = match &vpc.resolvers {
        Ok(resolvers) => others(resolvers, case),
        Err(unknown) => {
            doubts.push(unknown.to_string());
            Vec::new()
        }
    };
    if !others.is_empty() {
        doubts.push(format!(
            "names are asked of {}, by the DHCP options of {}, and not of Amazon's resolver",
            others.join(", "),
            vpc.vpc
        ));
    }
    let is_amazons = doubts.is_empty();
    let hostnames = match &vpc.dns {
        Ok(dns) if !dns.support && is_amazons => {
            let what = format!("`enableDnsSupport` of {} is off: no name is answered", vpc.vpc);
            let fix = Fix::EnableDnsSupport { vpc: vpc.vpc.clone() };
            return Err(Stop::broken(Hop::Dns, what, fix));
        }
        Ok(dns) => dns.hostnames && dns.support,
        Err(unknown) => {
            doubts.push(unknown.to_string());
            true
        }
    };
    let to = match private {
        Some(endpoint) if hostnames && doubts.is_empty() => vec![Lead::Endpoint(endpoint)],
        Some(endpoint) if hostnames => vec![Lead::Endpoint(endpoint), Lead::Public],
        _ => vec![Lead::Public],
    };
    Ok(Leads { to, doubts })
}

/// Whether its name is in the VPC's private DNS.
fn stands(endpoint: &Endpoint) -> bool {
    matches!(endpoint.state.as_str(), "available" | "partial")
}

/// The name servers that are not Amazon's; it has three addresses in every VPC.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html#AmazonDNS>
fn others(resolvers: &[String], case: &Case<'_>) -> Vec<String> {
    let is_amazons = |server: &String| {
        server == "AmazonProvidedDNS"
            || server == "169.254.169.253"
            || server == "fd00:ec2::253"
            || case.vpc.cidrs.iter().any(|cidr| cidr.nth(2).to_string() == *server)
    };
    resolvers.iter().filter(|server| !is_amazons(server)).cloned().collect()
}
