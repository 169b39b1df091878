//! Every need in every subnet, and everything that has to be mended before all of them are reached.

use super::{
    fix::mend,
    model::{EndpointKind, Topology},
    needs::Need,
    verdict::{Broken, Task, Verdict, judge},
};
use std::collections::BTreeSet;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// A verdict for each need in each of the task's subnets.
    pub findings: Vec<Finding>,
    /// What is broken, in the order in which it is to be mended: with all of it mended, nothing is
    /// unreachable that a change of the VPC can make reachable.
    pub problems: Vec<Problem>,
    /// What works and could be better.
    pub warnings: Vec<String>,
}

/// A need in a subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The need.
    pub need: Need,
    /// The subnet's id.
    pub subnet: String,
    /// Whether it is reached.
    pub verdict: Verdict,
}

/// Something that is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What, and what mends it.
    pub broken: Broken,
    /// The need that it was found with.
    pub service: String,
    /// The subnet that it was found in.
    pub subnet: String,
    /// Whether what is needed lies in another region or on the internet.
    pub is_outside: bool,
}

impl Problem {
    /// What to do where no command mends it.
    pub fn advice(&self) -> &'static str {
        if self.is_outside {
            "keep it in the tasks' own region (an image in ECR, for another registry's with `image: { \
             pull-through: ensure }`), or give the subnets a NAT gateway"
        } else {
            "no change of the VPC alone mends it"
        }
    }
}

/// More hops than a way has: a fix that does not help is not offered for ever.
const MOST_FIXES: usize = 32;

/// Judges every need in each of the task's subnets.
pub fn diagnose(vpc: &Topology, task: &Task, needs: &[Need]) -> Diagnosis {
    let mut findings = Vec::new();
    for need in needs {
        for subnet in &task.subnets {
            let verdict = judge(vpc, task, need, subnet);
            findings.push(Finding { need: need.clone(), subnet: subnet.clone(), verdict });
        }
    }
    Diagnosis {
        problems: problems(vpc, task, &findings),
        warnings: warnings(vpc, task, &findings),
        findings,
    }
}

/// A way shows its first broken hop only, so each is mended in a copy to find the next, and those that
/// one change mends together are told once.
fn problems(vpc: &Topology, task: &Task, findings: &[Finding]) -> Vec<Problem> {
    let broken: Vec<_> = findings
        .iter()
        .filter(|finding| matches!(finding.verdict, Verdict::Unreachable(_)))
        .collect();
    let mut problems: Vec<Problem> = Vec::new();
    if broken.is_empty() {
        return problems;
    }
    let mut mended = vpc.clone();
    for Finding { need, subnet, .. } in broken {
        // That no endpoint leads there is as true of the next subnet.
        if need.is_outside && problems.iter().any(|problem| problem.service == need.service) {
            continue;
        }
        for _ in 0..MOST_FIXES {
            let Verdict::Unreachable(broken) = judge(&mended, task, need, subnet) else { break };
            if problems.iter().any(|problem| problem.broken == broken) {
                break;
            }
            let fix = broken.fix.clone();
            problems.push(Problem {
                broken,
                service: need.service.clone(),
                subnet: subnet.clone(),
                is_outside: need.is_outside,
            });
            let Some(fix) = fix else { break };
            mend(&mut mended, &fix);
        }
    }
    problems
}

/// An endpoint serves every zone of the VPC, and falls with the only zone that it stands in.
/// <https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html#privatelink-subnets-zones>
fn warnings(vpc: &Topology, task: &Task, findings: &[Finding]) -> Vec<String> {
    let zones = |subnets: &BTreeSet<String>| -> BTreeSet<String> {
        subnets.iter().filter_map(|id| Some(vpc.subnet(id)?.zone.clone())).collect()
    };
    let wanted = zones(&task.subnets);
    let used = |id: &String| {
        findings.iter().any(|finding| match &finding.verdict {
            Verdict::Reachable(via) => via.to_string() == *id,
            _ => false,
        })
    };
    let interfaces = vpc
        .endpoints
        .iter()
        .flatten()
        .filter(|endpoint| endpoint.kind == EndpointKind::Interface && used(&endpoint.id));
    let mut warnings = Vec::new();
    for endpoint in interfaces {
        let stands = zones(&endpoint.subnets);
        let lacking: Vec<_> = wanted.difference(&stands).cloned().collect();
        if !lacking.is_empty() {
            warnings.push(format!(
                "{} ({}) stands in {} only: tasks in {} reach it across zones, which costs more, and \
                 not at all when that zone fails",
                endpoint.id,
                endpoint.service,
                stands.into_iter().collect::<Vec<_>>().join(", "),
                lacking.join(", ")
            ));
        }
    }
    warnings
}

#[cfg(test)]
mod tests;
