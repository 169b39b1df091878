//! The findings for programs: every key is always there, null where there is nothing to say.

use super::Report;
use crate::network::{
    addresses::Line,
    diagnose::{Finding, Problem},
    verdict::{Hop, Verdict},
};
use serde::Serialize;
use serde_json::{Value, json};

#[derive(Serialize)]
struct Document<'a> {
    subject: &'a str,
    region: &'a str,
    vpc: &'a str,
    needs: Vec<Need<'a>>,
    addresses: &'a [Line],
    problems: Vec<Trouble<'a>>,
    warnings: &'a [String],
    assumed: &'a [String],
}

#[derive(Serialize)]
struct Need<'a> {
    service: &'a str,
    why: &'a str,
    subnet: &'a str,
    verdict: &'static str,
    via: Option<String>,
    broken_hop: Option<Hop>,
    fix: Option<String>,
    unknown: Option<&'a [String]>,
}

/// Something that is broken. Of the addresses of a subnet there is no service to name.
#[derive(Serialize)]
struct Trouble<'a> {
    service: Option<&'a str>,
    subnet: &'a str,
    broken_hop: Value,
    what: String,
    fix: Option<String>,
}

pub(super) fn value(report: &Report) -> Value {
    let problems = report.diagnosis.problems.iter().map(problem);
    let help = report.short.as_ref().and_then(|short| short.help.clone());
    let short = report.addresses.iter().filter(|line| line.left().is_none());
    let short = short.map(|line| Trouble {
        service: None,
        subnet: &line.subnet,
        broken_hop: json!("addresses"),
        what: line.to_string(),
        fix: help.clone(),
    });
    let document = Document {
        subject: &report.subject,
        region: &report.region,
        vpc: &report.vpc,
        needs: report.diagnosis.findings.iter().map(need).collect(),
        addresses: &report.addresses,
        problems: problems.chain(short).collect(),
        warnings: &report.diagnosis.warnings,
        assumed: &report.assumed,
    };
    serde_json::to_value(document).expect("text, numbers and lists of them are JSON")
}

fn need(finding: &Finding) -> Need<'_> {
    let mut need = Need {
        service: &finding.need.service,
        why: &finding.need.why,
        subnet: &finding.subnet,
        verdict: "reachable",
        via: None,
        broken_hop: None,
        fix: None,
        unknown: None,
    };
    match &finding.verdict {
        Verdict::Reachable(via) => need.via = Some(via.to_string()),
        Verdict::Unreachable(broken) => {
            need.verdict = "unreachable";
            need.broken_hop = Some(broken.hop);
            need.fix = broken.fix.as_ref().map(ToString::to_string);
        }
        Verdict::Unknown(reasons) => {
            need.verdict = "unknown";
            need.unknown = Some(reasons);
        }
    }
    need
}

fn problem(problem: &Problem) -> Trouble<'_> {
    Trouble {
        service: Some(&problem.service),
        subnet: &problem.subnet,
        broken_hop: json!(problem.broken.hop),
        what: problem.broken.what.clone(),
        fix: problem.broken.fix.as_ref().map(ToString::to_string),
    }
}
