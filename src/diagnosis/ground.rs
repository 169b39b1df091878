//! What the network model of the VPC says to a text: the hop that is broken and the command that mends it,
//! or that every hop is open.

pub mod address;

use super::{
    cause::Cause,
    reading::{Reading, Service},
};
use crate::network::{
    diagnose::{Diagnosis, Problem, diagnose},
    fix::{Fix, Place},
    model::Topology,
    needs::Need,
    verdict::{Hop, Task, Verdict},
};
use address::{Lies, lies};
use std::collections::BTreeSet;

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

/// Things that would fail next and are told: mending one way only shows the next that is closed.
const NEXT: usize = 3;

/// What is to be said about a reading, with what is known of the VPC.
pub fn say(reading: &Reading, ground: Option<&Ground>) -> Said {
    let cidrs = ground.map(|ground| ground.vpc.cidrs.as_slice());
    let lies = lies(reading.dial, cidrs);
    let mut said = address::alone(reading, lies);
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
            None => address::open(&mut said, &findings, lies, reading),
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
        let mut next = diagnose(&ground.vpc, &ground.task, &ground.needs).problems;
        next.retain(|problem| problems.iter().all(|told| told.broken != problem.broken));
        let told = next.iter().map(|problem| format!("next, {}", what(problem)));
        said.found.extend(told.take(NEXT));
        if next.len() > NEXT {
            said.found.push(format!("and {} more", next.len() - NEXT));
        }
        problems.append(&mut next);
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

    /// What the model finds broken for anything that the task needs; for a text that is not known.
    pub fn broken(&self) -> Vec<String> {
        diagnose(&self.vpc, &self.task, &self.needs).problems.iter().map(what).collect()
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

fn free(ground: &Ground, reading: &Reading) -> Option<String> {
    let subnet = ground.vpc.subnet(reading.resource.as_deref()?)?;
    Some(format!(
        "{} ({}) has {} free addresses now",
        subnet.id, subnet.cidr, subnet.free_addresses
    ))
}
