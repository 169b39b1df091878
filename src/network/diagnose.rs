//! Every need in every subnet, and everything that has to be mended before all of them are reached.

use super::{
    fix::mend,
    map::{Index, Map},
    model::{EndpointKind, Topology},
    needs::Need,
    verdict::{Broken, Errand, Policies, Task, Verdict, Via},
};
use std::collections::{BTreeMap, BTreeSet};

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

impl Diagnosis {
    /// Why verdicts are unknown: each reason once, with the services that it is about.
    pub fn unknown(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut reasons: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for finding in &self.findings {
            if let Verdict::Unknown(why) = &finding.verdict {
                for reason in why {
                    reasons.entry(reason).or_default().insert(&finding.need.service);
                }
            }
        }
        reasons
    }

    /// What could not be read, where no verdict is unknown by it: all was judged without.
    pub fn unread(&self, vpc: &Topology) -> Vec<String> {
        let told = self.unknown();
        let new = vpc.unread().into_iter().filter(|reason| !told.contains_key(&**reason));
        new.map(|reason| format!("the network was judged without what this tells: {reason}"))
            .collect()
    }
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
    let index = Index::new(vpc);
    let map = Map { vpc, index: &index };
    let policies: Vec<_> = needs.iter().map(|_| Policies::default()).collect();
    for (need, policies) in needs.iter().zip(&policies) {
        let errand = Errand::new(map, task, need, policies);
        for subnet in &task.subnets {
            let verdict = errand.judge(subnet);
            findings.push(Finding { need: need.clone(), subnet: subnet.clone(), verdict });
        }
    }
    Diagnosis {
        problems: problems(map, task, &findings, &policies),
        warnings: warnings(map, task, &findings),
        findings,
    }
}

/// A way shows its first broken hop only, so each is mended in a copy to find the next, and those that
/// one change mends together are told once.
fn problems(
    map: Map<'_>,
    task: &Task,
    findings: &[Finding],
    policies: &[Policies],
) -> Vec<Problem> {
    let is_broken = |finding: &Finding| matches!(finding.verdict, Verdict::Unreachable(_));
    let mut problems: Vec<Problem> = Vec::new();
    if !findings.iter().any(is_broken) {
        return problems;
    }
    let mut mended = map.vpc.clone();
    let of_needs = findings.chunks(task.subnets.len().max(1)).zip(policies);
    for (findings, policies) in of_needs {
        let broken: Vec<_> = findings.iter().filter(|finding| is_broken(finding)).collect();
        let mut left = broken.as_slice();
        let mut fixes = 0;
        while let Some(first) = left.first() {
            let map = Map { vpc: &mended, index: map.index };
            let errand = Errand::new(map, task, &first.need, policies);
            let Some((at, broken)) = next(&errand, left, &problems) else { break };
            fixes = if at == 0 { fixes + 1 } else { 1 };
            let subnet = left[at].subnet.clone();
            left = &left[at..];
            match &broken.fix {
                Some(fix) if fixes < MOST_FIXES => mend(&mut mended, fix),
                _ => {
                    // That no endpoint leads there is as true of the next subnet.
                    left = if first.need.is_outside { &[] } else { &left[1..] };
                    fixes = 0;
                }
            }
            problems.push(Problem {
                broken,
                service: first.need.service.clone(),
                subnet,
                is_outside: first.need.is_outside,
            });
        }
    }
    problems
}

/// The first of these findings whose next broken hop was not told yet, and that hop.
fn next(errand: &Errand<'_>, left: &[&Finding], problems: &[Problem]) -> Option<(usize, Broken)> {
    left.iter().enumerate().find_map(|(at, finding)| match errand.judge(&finding.subnet) {
        Verdict::Unreachable(broken) => {
            let is_told = problems.iter().any(|problem| problem.broken == broken);
            (!is_told).then_some((at, broken))
        }
        Verdict::Reachable(_) | Verdict::Unknown(_) => None,
    })
}

/// An endpoint serves every zone of the VPC, and falls with the only zone that it stands in.
/// <https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html#privatelink-subnets-zones>
fn warnings(map: Map<'_>, task: &Task, findings: &[Finding]) -> Vec<String> {
    let zones = |subnets: &BTreeSet<String>| -> BTreeSet<String> {
        subnets.iter().filter_map(|id| Some(map.subnet(id)?.zone.clone())).collect()
    };
    let wanted = zones(&task.subnets);
    let used: BTreeSet<_> = findings
        .iter()
        .filter_map(|finding| match &finding.verdict {
            Verdict::Reachable(Via::Interface(id)) => Some(id),
            _ => None,
        })
        .collect();
    let interfaces =
        map.vpc.endpoints.iter().flatten().filter(|endpoint| {
            endpoint.kind == EndpointKind::Interface && used.contains(&endpoint.id)
        });
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
