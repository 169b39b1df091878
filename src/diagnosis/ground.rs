//! What the network model of the VPC says to a text: the hop that is broken and the command that mends it,
//! or that every hop is open.

use super::{
    cause::Cause,
    extract::Dial,
    reading::{Reading, Service},
};
use crate::network::{
    diagnose::{Diagnosis, Finding, Problem, diagnose},
    fix::{Fix, Place},
    model::Topology,
    needs::Need,
    net::Net,
    verdict::{Hop, Task, Verdict},
};
use std::{collections::BTreeSet, net::IpAddr};

/// Where the tasks run, and what they need there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    /// The VPC.
    pub vpc: Topology,
    /// The task's subnets and groups.
    pub task: Task,
    /// What it has to reach.
    pub needs: Vec<Need>,
}

/// What is said about a way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The cause in one line.
    pub line: String,
    /// What is at fault, by its id.
    pub fault: Option<String>,
    /// What else was found.
    pub found: Vec<String>,
    /// What to do, a line each.
    pub help: Vec<String>,
}

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

/// What is to be said about a reading, with what is known of the VPC.
pub fn say(reading: &Reading, ground: Option<&Ground>) -> Said {
    let cidrs = ground.map(|ground| ground.vpc.cidrs.as_slice());
    let lies = lies(reading.dial, cidrs);
    let mut said = by_rule(reading, lies);
    let Some(ground) = ground.filter(|_| reading.is_about_network()) else { return said };
    if reading.cause == Cause::NoInterface {
        said.found.extend(free(ground, reading));
        return said;
    }
    let needs = ground.needs_of(reading);
    let Diagnosis { findings, mut problems, .. } = diagnose(&ground.vpc, &ground.task, &needs);
    problems.sort_by_key(|problem| !fits(problem.broken.hop, lies, reading));
    let Some(first) = problems.first() else {
        let unknown = findings.iter().find_map(|finding| match &finding.verdict {
            Verdict::Unknown(why) => why.first(),
            _ => None,
        });
        match unknown {
            Some(why) => said.found.push(format!("the model of the VPC cannot tell: {why}")),
            None if findings.is_empty() => {}
            None => open(&mut said, &findings, lies, reading),
        }
        return said;
    };
    let told: Vec<_> = problems.iter().map(what).collect();
    if fits(first.broken.hop, lies, reading) {
        said.line = match reading.cause {
            Cause::LayersRefused => format!("{}: {}", reading.cause.title(), first.broken.what),
            _ => told[0].clone(),
        };
        said.fault = Some(fault(first));
        said.found.extend(told[1..].iter().map(|what| format!("and {what}")));
        said.help = help(&problems);
    } else {
        let told = told.iter().map(|what| format!("the model of the VPC finds as well: {what}"));
        said.found.extend(told);
        said.help.extend(help(&problems));
    }
    said
}

impl Ground {
    /// The needs that a reading is about.
    fn needs_of(&self, reading: &Reading) -> Vec<Need> {
        let host = reading.host.as_deref().unwrap_or_default();
        let is_hub = host.ends_with("docker.io") || host.is_empty();
        let outside = |need: &&Need| {
            need.is_outside && (need.service == host || is_hub && need.service == "docker.io")
        };
        let services: &[&str] = match reading.service {
            Some(Service::Outside) => return self.needs.iter().filter(outside).cloned().collect(),
            Some(service) => &[service.endpoint().unwrap_or_default()],
            None if reading.is_pull => &["ecr.dkr", "s3"],
            None => &["ecr.api", "secretsmanager", "ssm"],
        };
        let of = |need: &&Need| !need.is_outside && services.contains(&need.service.as_str());
        let known: Vec<_> = self.needs.iter().filter(of).cloned().collect();
        match services {
            [service] if known.is_empty() => vec![Need {
                service: (*service).to_owned(),
                why: "what ECS did not reach".to_owned(),
                requests: Vec::new(),
                is_outside: false,
            }],
            _ => known,
        }
    }

    /// What the model finds broken for anything that the task needs, and what mends it; for a text that is
    /// not known.
    pub fn broken(&self) -> (Vec<String>, Vec<String>) {
        let problems = diagnose(&self.vpc, &self.task, &self.needs).problems;
        let help = if problems.is_empty() { Vec::new() } else { help(&problems) };
        (problems.iter().map(what).collect(), help)
    }
}

fn what(problem: &Problem) -> String {
    let Problem { broken, service, subnet, .. } = problem;
    format!("the task does not reach {service} from {subnet}: {}", broken.what)
}

/// Whether a broken hop is what the text's address speaks for: one inside the VPC is past the name and the
/// route, one outside of it never came to the endpoint.
fn fits(hop: Hop, lies: Lies, reading: &Reading) -> bool {
    if reading.cause == Cause::LayersRefused {
        return hop == Hop::Policy;
    }
    match (lies, hop) {
        // What a policy refuses is answered.
        (_, Hop::Policy) | (Lies::Elsewhere, _) => false,
        (Lies::Inside, hop) => {
            matches!(hop, Hop::TaskEgress | Hop::TaskAcl | Hop::EndpointAcl | Hop::EndpointIngress)
        }
        (Lies::Outside, hop) => !matches!(hop, Hop::EndpointIngress | Hop::EndpointAcl),
        (Lies::NoName, hop) => hop == Hop::Dns,
        (Lies::Untold, _) => true,
    }
}

/// What is at fault, by its id.
fn fault(problem: &Problem) -> String {
    let ids = |ids: &BTreeSet<String>| ids.iter().cloned().collect::<Vec<_>>().join(", ");
    let Some(fix) = &problem.broken.fix else { return problem.subnet.clone() };
    match fix {
        Fix::EnableDnsSupport { vpc } | Fix::EnableDnsHostnames { vpc } => vpc.clone(),
        Fix::EnablePrivateDns { endpoint }
        | Fix::AddSubnets { endpoint, .. }
        | Fix::Await { endpoint }
        | Fix::AllowInPolicy { endpoint, .. }
        | Fix::DropStatement { endpoint, .. } => endpoint.clone(),
        Fix::AssociateTable { table, .. } => table.clone(),
        Fix::Create(new) => match (&new.replaces, &new.place) {
            (Some(replaced), _) => replaced.clone(),
            (None, Place::Tables(tables)) => ids(tables),
            (None, Place::Subnets { .. }) => new.vpc.clone(),
        },
        Fix::Authorize { group, .. } => group.clone(),
        Fix::AllowInAcl { acl, .. } | Fix::DropAclEntry { acl, .. } => acl.clone(),
    }
}

/// The commands, and the lines of the file that do the same.
fn help(problems: &[Problem]) -> Vec<String> {
    let fixes = || problems.iter().filter_map(|problem| problem.broken.fix.as_ref());
    let mut help: Vec<String> = fixes().map(ToString::to_string).collect();
    let advice: BTreeSet<_> =
        problems.iter().filter(|it| it.broken.fix.is_none()).map(Problem::advice).collect();
    help.extend(advice.into_iter().map(str::to_owned));
    if fixes().any(|fix| matches!(fix, Fix::Create(_))) {
        help.push(ENSURE.to_owned());
    }
    if fixes()
        .any(|fix| matches!(fix, Fix::EnableDnsSupport { .. } | Fix::EnableDnsHostnames { .. }))
    {
        help.push(DNS.to_owned());
    }
    let is_completed = |fix: &Fix| {
        matches!(
            fix,
            Fix::AssociateTable { .. } | Fix::AddSubnets { .. } | Fix::EnablePrivateDns { .. }
        )
    };
    if fixes().any(is_completed) {
        help.push(ADOPT.to_owned());
    }
    help
}

const ENSURE: &str =
    "or write `network: { endpoints: ensure }` and deploy again: it makes what is missing";
const DNS: &str = "or write `network: { dns: ensure }` and deploy again";
const ADOPT: &str = "or write `network: { endpoints: ensure, adopt: true }` and deploy again: it completes what somebody else made";

/// The model finds every hop open: what then remains.
fn open(said: &mut Said, findings: &[Finding], lies: Lies, reading: &Reading) {
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

fn free(ground: &Ground, reading: &Reading) -> Option<String> {
    let subnet = ground.vpc.subnet(reading.resource.as_deref()?)?;
    Some(format!(
        "{} ({}) has {} free addresses now",
        subnet.id, subnet.cidr, subnet.free_addresses
    ))
}

/// What the text alone says: the rule of the address.
fn by_rule(reading: &Reading, lies: Lies) -> Said {
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
