//! What is examined, and the examination; pure.

use super::Report;
use crate::{
    error::{Error, Problem, Result},
    network::{
        addresses::{Demand, budget, check},
        diagnose::diagnose,
        model::{Group, Topology},
        needs::{TaskFacts, needs},
        picture::{self, Picture},
        subnets::{Class, classify},
        verdict::Task,
    },
};
use std::collections::{BTreeMap, BTreeSet};

/// A task that is to run somewhere, as far as it is known.
#[derive(Debug, Clone, Default)]
pub struct Subject {
    /// `service web of cluster prod`.
    pub title: String,
    /// What it needs.
    pub facts: TaskFacts,
    /// Its subnets; every private one where they are not known.
    pub subnets: Option<BTreeSet<String>>,
    /// Its security groups; one with EC2's own rules where they are not known.
    pub groups: Option<BTreeSet<String>>,
    /// Whether it gets a public address.
    pub has_public_address: bool,
    /// Its execution role's ARN, where it is known.
    pub execution_role: Option<String>,
    /// The tasks that the service should run, and its `maximumPercent`, where there is one.
    pub service: Option<Service>,
    /// What leads to its tasks.
    pub load_balancer: Option<LoadBalancer>,
    /// What was taken for granted so far.
    pub assumed: Vec<String>,
}

/// A load balancer, to be drawn.
#[derive(Debug, Clone)]
pub struct LoadBalancer {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub subnets: BTreeSet<String>,
    /// Whether it is reached from the internet.
    pub is_internet_facing: bool,
}

/// What a service says of the addresses that it takes.
#[derive(Debug, Clone, Default)]
pub struct Service {
    /// The tasks that it should run.
    pub desired_count: u32,
    /// `maximumPercent`.
    pub maximum_percent: u32,
    /// Its tasks that run, by subnet.
    pub running: BTreeMap<String, u32>,
}

/// The group of a task that was given none: it lets everything out, as EC2's new groups do.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/creating-security-groups.html>
const NEW_GROUP: &str = "a new security group";

/// Judges every need of the subject in each of its subnets.
///
/// # Errors
/// A subnet or a security group that is named is not in the VPC, or no subnet is private.
pub fn examine(subject: &Subject, vpc: &Topology) -> Result<Report> {
    let mut assumed = subject.assumed.clone();
    let mut vpc = vpc.clone();
    let subnets = match &subject.subnets {
        Some(subnets) => named(subnets, &vpc)?,
        None => private(&vpc, &mut assumed)?,
    };
    let groups = if let Some(groups) = &subject.groups {
        known_groups(groups, &vpc)?;
        groups.clone()
    } else {
        assumed.push(
            "no security group is known: one that lets everything out, as EC2's new ones do"
                .to_owned(),
        );
        if let Ok(groups) = &mut vpc.groups {
            groups.insert(NEW_GROUP.to_owned(), Group::new(NEW_GROUP));
        }
        BTreeSet::from([NEW_GROUP.to_owned()])
    };
    let task = Task {
        subnets: subnets.clone(),
        groups,
        has_public_address: subject.has_public_address,
        execution_role: subject.execution_role.clone(),
    };
    let diagnosis = diagnose(&vpc, &task, &needs(&subject.facts));
    let service = subject.service.clone().unwrap_or(Service {
        desired_count: 1,
        maximum_percent: 100,
        ..Service::default()
    });
    let demand = Demand {
        task_subnets: subnets.clone(),
        desired_count: service.desired_count,
        maximum_percent: service.maximum_percent,
        running: service.running,
        endpoints: Vec::new(),
        load_balancer: BTreeSet::new(),
    };
    assumed.extend(diagnosis.unread(&vpc));
    assumed.extend(ALWAYS.map(str::to_owned));
    let picture = picture::mermaid(&Picture {
        vpc: &vpc,
        task: &task,
        findings: &diagnosis.findings,
        load_balancer: subject.load_balancer.as_ref().map(|found| picture::LoadBalancer {
            name: &found.name,
            subnets: &found.subnets,
            is_internet_facing: found.is_internet_facing,
        }),
    });
    Ok(Report {
        subject: subject.title.clone(),
        region: vpc.region.clone(),
        vpc: vpc.vpc.clone(),
        zones: subnets
            .iter()
            .filter_map(|id| Some((id.clone(), vpc.subnet(id)?.zone.clone())))
            .collect(),
        addresses: budget(&vpc.subnets, &demand),
        short: check(&vpc.subnets, &demand).err().map(|problem| *problem),
        diagnosis,
        assumed,
        picture,
    })
}

/// What no read API tells.
const ALWAYS: [&str; 3] = [
    "the execution role may do what it has to: IAM is not asked",
    "no private hosted zone and no DNS firewall answers for the names of AWS",
    "the application's own calls are those of `network.reach`",
];

fn named(subnets: &BTreeSet<String>, vpc: &Topology) -> Result<BTreeSet<String>> {
    let missing: Vec<_> =
        subnets.iter().filter(|id| vpc.subnet(id).is_none()).map(String::as_str).collect();
    if missing.is_empty() {
        return Ok(subnets.clone());
    }
    let there: Vec<_> = vpc.subnets.iter().map(|subnet| subnet.id.as_str()).collect();
    let problem = Problem::new(format!("no {} in {}", missing.join(", "), vpc.vpc));
    Err(Error::Refused(
        problem
            .found(format!("it has {}", there.join(", ")))
            .help("name subnets of one VPC of this region and account"),
    ))
}

fn known_groups(groups: &BTreeSet<String>, vpc: &Topology) -> Result<()> {
    let Ok(known) = &vpc.groups else { return Ok(()) };
    let missing: Vec<_> =
        groups.iter().filter(|id| !known.contains_key(*id)).map(String::as_str).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let what = format!("no security group {} in {}", missing.join(", "), vpc.vpc);
    Err(Error::refused(what, "name security groups of the VPC of the subnets"))
}

/// Every private subnet of the VPC.
fn private(vpc: &Topology, assumed: &mut Vec<String>) -> Result<BTreeSet<String>> {
    let tables = match &vpc.tables {
        Ok(tables) => tables,
        Err(unknown) => {
            assumed.push(format!("every subnet is taken for a private one, because {unknown}"));
            return Ok(vpc.subnets.iter().map(|subnet| subnet.id.clone()).collect());
        }
    };
    let classified = classify(&vpc.subnets, tables, &vpc.region);
    let private: BTreeSet<_> = classified
        .iter()
        .filter(|found| matches!(found.class, Class::Private { .. }))
        .map(|found| found.subnet.id.clone())
        .collect();
    if !private.is_empty() {
        assumed.push("no subnet is named: every private one of the VPC".to_owned());
        return Ok(private);
    }
    let problem = Problem::new(format!("{} has no private subnet", vpc.vpc));
    let problem =
        classified.iter().fold(problem, |problem, found| problem.found(found.to_string()));
    Err(Error::Refused(
        problem.help(
            "make one without a route to an internet gateway, or name subnets with `--subnets`",
        ),
    ))
}
