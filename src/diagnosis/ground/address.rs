//! The rule of the address: where it lies says how far a connection came, and what then is to be done.

use super::Said;
use crate::{
    diagnosis::{
        cause::Cause,
        extract::Dial,
        reading::{Reading, Service},
    },
    network::{diagnose::Finding, net::Net, verdict::Verdict},
};
use std::{collections::BTreeSet, net::IpAddr};

/// Where an address lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lies {
    /// In the VPC: the name leads to an endpoint.
    Inside,
    /// On the internet: it does not.
    Outside,
    /// In no network that is known.
    Elsewhere,
    /// There is none: the name was not answered.
    NoName,
    /// The text does not say.
    Untold,
}

/// Where the text's address lies, in this VPC or, where it is not known, by what is private anywhere.
pub fn lies(dial: Option<Dial>, cidrs: Option<&[Net]>) -> Lies {
    match dial {
        Some(Dial::NoName) => Lies::NoName,
        // An endpoint may have addresses of IPv6 too, in a block of the VPC that looks like any other.
        None | Some(Dial::To(IpAddr::V6(_))) => Lies::Untold,
        Some(Dial::To(IpAddr::V4(address))) => {
            let address = Net::host(address);
            match cidrs {
                Some(cidrs) if cidrs.iter().any(|cidr| cidr.contains(address)) => Lies::Inside,
                Some(_) if address.is_private() => Lies::Elsewhere,
                None if address.is_private() => Lies::Inside,
                _ => Lies::Outside,
            }
        }
    }
}

/// What the text alone says: the rule of the address.
pub(super) fn alone(reading: &Reading, lies: Lies) -> Said {
    let mut said = Said {
        line: reading.to_string(),
        fault: reading.resource.clone().filter(|_| reading.cause != Cause::Unreachable),
        found: Vec::new(),
        help: Vec::new(),
    };
    if reading.cause != Cause::Unreachable {
        said.help.push(reading.advice());
        return said;
    }
    let endpoint = reading.service.and_then(Service::endpoint);
    let name = endpoint.map_or_else(|| "what it needs".to_owned(), |name| format!("`{name}`"));
    let address = match reading.dial {
        Some(Dial::To(address)) => address.to_string(),
        _ => String::new(),
    };
    if reading.service == Some(Service::Outside) {
        said.help.push(
            "take the image from ECR: `image: { pull-through: ensure }`, or give the subnets a NAT gateway"
                .to_owned(),
        );
        return said;
    }
    let (found, help) = match lies {
        Lies::Inside => (
            Some(format!(
                "{address} is an address of the VPC: the name led to an endpoint, which did not answer"
            )),
            format!(
                "let the security group of the endpoint {name} admit port 443 from the tasks, and the \
                 network ACLs of both subnets let it through"
            ),
        ),
        Lies::Outside if reading.service == Some(Service::S3) => (
            Some(format!(
                "{address} is a public address of S3: only the route of the S3 gateway endpoint leads a \
                 private subnet there"
            )),
            "put the S3 gateway endpoint on the route tables of the tasks' subnets (`network: { endpoints: \
             ensure }` does it), and let their security group out to S3"
                .to_owned(),
        ),
        Lies::Outside => (
            Some(format!("{address} is a public address: the name did not lead to an endpoint")),
            format!(
                "make the endpoint {name} with private DNS: `network: {{ endpoints: ensure }}` does it"
            ),
        ),
        Lies::Elsewhere => (
            Some(format!(
                "{address} is neither public nor in this VPC: the name led into another network"
            )),
            format!("let Amazon's resolver answer for {name}, or open the way to {address}"),
        ),
        Lies::NoName => (
            Some("the name was not answered".to_owned()),
            "turn on `enableDnsSupport` and `enableDnsHostnames` of the VPC (`network: { dns: ensure }`), or \
             make the name servers of its DHCP options answer"
                .to_owned(),
        ),
        Lies::Untold => (
            None,
            format!(
                "check the endpoint {name}: that it is there, its private DNS, and that its security group \
                 admits port 443 from the tasks; `ecs-private-deploy doctor` does it"
            ),
        ),
    };
    said.found.extend(found);
    said.help.push(help);
    said
}

/// The model finds every hop open: what then remains.
pub(super) fn open(said: &mut Said, findings: &[Finding], lies: Lies, reading: &Reading) {
    let vias: BTreeSet<_> = findings
        .iter()
        .filter_map(|finding| match &finding.verdict {
            Verdict::Reachable(via) => Some(format!("{} by {via}", finding.need.service)),
            _ => None,
        })
        .collect();
    let vias = vias.into_iter().collect::<Vec<_>>().join(", ");
    said.found.push(format!("as the VPC is now, every hop is open ({vias})"));
    said.help = vec![
        match lies {
            _ if reading.cause == Cause::LayersRefused => {
                "allow `ecr:GetDownloadUrlForLayer` to the execution role, and see whether a policy of the \
                 organization refuses S3"
            }
            Lies::Outside => {
                "deploy again: the endpoint's private DNS takes a minute or two after it is made, and the \
                 task asked before; where it stays, see whether a resolver or a private hosted zone of \
                 your own answers for the name"
            }
            Lies::Inside => {
                "deploy again, if a group or an ACL was changed meanwhile; where it stays, look for a \
                 firewall or an appliance between the subnets, which EC2 does not tell of"
            }
            Lies::NoName | Lies::Elsewhere => {
                "look for a DNS firewall, or a private hosted zone or a resolver of your own that answers \
                 for the name"
            }
            Lies::Untold => {
                "deploy again, if the endpoint was made a minute ago; where it stays, look for a firewall, \
                 an appliance or a private hosted zone, which EC2 does not tell of"
            }
        }
        .to_owned(),
    ];
}
