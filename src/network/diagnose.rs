//! Every need in every subnet, and everything that has to be mended before all of them are reached.

use super::{
    fix::mend,
    map::Map,
    model::{EndpointKind, Topology},
    needs::Need,
    verdict::{Broken, Errand, Task, Verdict},
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
}

/// More hops than a way has: a fix that does not help is not offered for ever.
const MOST_FIXES: usize = 32;

/// Judges every need in each of the task's subnets.
pub fn diagnose(vpc: &Topology, task: &Task, needs: &[Need]) -> Diagnosis {
    let mut findings = Vec::new();
    let map = Map::new(vpc);
    for need in needs {
        let errand = Errand::new(&map, task, need);
        for subnet in &task.subnets {
            let verdict = errand.judge(subnet);
            findings.push(Finding { need: need.clone(), subnet: subnet.clone(), verdict });
        }
    }
    Diagnosis {
        problems: problems(vpc, task, &findings),
        warnings: warnings(&map, task, &findings),
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
    let mut left = broken.as_slice();
    let mut fixes = 0;
    while let Some((at, found)) = next(&mended, task, left, &problems) {
        let Finding { need, subnet, .. } = left[at];
        fixes = if at == 0 { fixes + 1 } else { 1 };
        let is_last = found.fix.is_none() || fixes == MOST_FIXES;
        left = &left[if is_last { at + 1 } else { at }..];
        if is_last {
            fixes = 0;
        }
        if let Some(fix) = &found.fix {
            mend(&mut mended, fix);
        }
        problems.push(Problem {
            broken: found,
            service: need.service.clone(),
            subnet: subnet.clone(),
        });
    }
    problems
}

/// The first of these findings whose next broken hop was not told yet.
fn next(
    mended: &Topology,
    task: &Task,
    left: &[&Finding],
    problems: &[Problem],
) -> Option<(usize, Broken)> {
    let map = Map::new(mended);
    let mut errand: Option<Errand<'_>> = None;
    left.iter().enumerate().find_map(|(at, finding)| {
        if errand.as_ref().is_none_or(|errand| *errand.need() != finding.need) {
            errand = Some(Errand::new(&map, task, &finding.need));
        }
        match errand.as_ref()?.judge(&finding.subnet) {
            Verdict::Unreachable(broken) => {
                let is_told = problems.iter().any(|problem| problem.broken == broken);
                (!is_told).then_some((at, broken))
            }
            Verdict::Reachable(_) | Verdict::Unknown(_) => None,
        }
    })
}

/// An endpoint serves every zone of the VPC, and falls with the only zone that it stands in.
/// <https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html#privatelink-subnets-zones>
fn warnings(map: &Map<'_>, task: &Task, findings: &[Finding]) -> Vec<String> {
    let zones = |subnets: &BTreeSet<String>| -> BTreeSet<String> {
        subnets.iter().filter_map(|id| Some(map.subnet(id)?.zone.clone())).collect()
    };
    let wanted = zones(&task.subnets);
    let used = |id: &String| {
        findings.iter().any(|finding| match &finding.verdict {
            Verdict::Reachable(via) => via.to_string() == *id,
            _ => false,
        })
    };
    let interfaces = map
        .vpc
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
