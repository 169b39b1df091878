//! The findings as text, JSON and Markdown: the same data, three views.

mod json;
mod needs;

use super::Report;
use crate::{
    network::{addresses::view, diagnose::Problem, verdict::Verdict},
    report::{
        annotation::{self, Level},
        format::plural,
        markdown::{self, fenced},
    },
};
use needs::Needs;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

/// Lines that are not commands are not longer than this, where their words allow it.
const WIDTH: usize = 100;

/// For people at a terminal: the verdict, then what is needed, then what is broken, the first thing first.
pub fn text(report: &Report) -> String {
    let mut text = one_line(&sentence(report)) + "\n";
    let needs = Needs::of(report);
    if !needs.is_empty() {
        text.push_str("\nneeds:\n");
        text.push_str(&needs.text());
    }
    if report.is_broken() {
        text.push_str("\nproblems:\n");
    }
    for (at, problem) in report.diagnosis.problems.iter().enumerate() {
        text.push_str(&wrapped(&format!("{}. ", at + 1), &what(problem)));
        match &problem.broken.fix {
            None => text.push_str(&wrapped("   fix: ", problem.advice())),
            Some(fix) => {
                text.push_str("   fix:\n");
                for command in fix.to_string().lines() {
                    writeln!(text, "     {}", one_line(command)).expect(WRITES);
                }
            }
        }
    }
    if let Some(short) = &report.short {
        let number = format!("{}. ", report.diagnosis.problems.len() + 1);
        text.push_str(&wrapped(&number, &format!("addresses: {}", short.what)));
        for found in &short.found {
            text.push_str(&wrapped("   ", found));
        }
        let help = short.help.iter().flat_map(|help| help.lines());
        for (nth, line) in help.enumerate() {
            text.push_str(&wrapped(if nth == 0 { "   fix: " } else { "        " }, line));
        }
    }
    section(&mut text, "not known", &doubts(report));
    let addresses = view::text(&report.addresses);
    if !addresses.is_empty() {
        write!(text, "\naddresses:\n{addresses}").expect(WRITES);
    }
    section(&mut text, "warnings", &report.diagnosis.warnings);
    section(&mut text, "assumed", &report.assumed);
    text
}

const WRITES: &str = "writing to a String cannot fail";

fn section(text: &mut String, title: &str, lines: &[String]) {
    if !lines.is_empty() {
        writeln!(text, "\n{title}:").expect(WRITES);
    }
    for line in lines {
        text.push_str(&wrapped("- ", line));
    }
}

/// For a comment, without headings.
pub fn markdown(report: &Report) -> String {
    let mut blocks = vec![format!("**{}**", markdown::text(&sentence(report)))];
    blocks.push(Needs::of(report).markdown());
    for (at, problem) in report.diagnosis.problems.iter().enumerate() {
        blocks.push(format!("**{}.** {}", at + 1, markdown::text(&what(problem))));
        blocks.push(match &problem.broken.fix {
            Some(fix) => fenced("sh", &fix.to_string()),
            None => format!("Fix: {}.", problem.advice()),
        });
    }
    if let Some(short) = &report.short {
        let number = report.diagnosis.problems.len() + 1;
        let what = markdown::text(&format!("addresses: {}", short.what));
        blocks.push(format!("**{number}.** {what}"));
        blocks.push(bullets(&short.found));
        let help: Vec<_> = short.help.iter().flat_map(|help| help.lines()).collect();
        blocks.push(format!("Fix: {}", markdown::text(&help.join(". "))));
    }
    if !report.picture.is_empty() {
        blocks.push(fenced("mermaid", &report.picture));
    }
    let sections = [
        ("Not known", bullets(&doubts(report))),
        ("Addresses", view::markdown(&report.addresses)),
        ("Warnings", bullets(&report.diagnosis.warnings)),
        ("Assumed", bullets(&report.assumed)),
    ];
    for (title, body) in sections.into_iter().filter(|(_, body)| !body.is_empty()) {
        blocks.extend([format!("**{title}**"), body]);
    }
    let blocks = blocks.iter().map(|block| block.trim_end()).filter(|block| !block.is_empty());
    blocks.collect::<Vec<_>>().join("\n\n") + "\n"
}

fn bullets(lines: &[String]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| markdown::text(line)).collect();
    if lines.is_empty() { String::new() } else { format!("- {}", lines.join("\n- ")) }
}

/// For programs.
pub fn json(report: &Report) -> serde_json::Value {
    json::value(report)
}

/// What is wrong or not known, as the workflow command that puts it on the run's page; `None` where all is
/// well.
pub fn annotation(report: &Report) -> Option<String> {
    let mut lines: Vec<_> = report.diagnosis.problems.iter().map(what).collect();
    lines.extend(report.short.iter().map(|short| format!("addresses: {}", short.what)));
    lines.extend(doubts(report).into_iter().map(|doubt| format!("not known: {doubt}")));
    lines.extend(report.diagnosis.warnings.iter().cloned());
    let level = if report.is_broken() { Level::Error } else { Level::Warning };
    let told = || annotation::annotation(level, &sentence(report), &lines.join("\n"));
    (!lines.is_empty()).then(told)
}

/// The verdict, in one sentence.
pub fn sentence(report: &Report) -> String {
    let Report { subject, region, vpc, .. } = report;
    let mut verdicts: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for finding in &report.diagnosis.findings {
        let need = (&finding.need.service, &finding.need.why);
        verdicts.entry(need).or_default().push(finding);
    }
    let is_broken = |verdict: &Verdict| matches!(verdict, Verdict::Unreachable(_));
    let is_unknown = |verdict: &Verdict| matches!(verdict, Verdict::Unknown(_));
    let count = |is: &dyn Fn(&Verdict) -> bool| {
        verdicts.values().filter(|all| all.iter().any(|finding| is(&finding.verdict))).count()
    };
    let findings = report.diagnosis.findings.iter();
    let subnets: BTreeSet<_> = findings.clone().map(|finding| &finding.subnet).collect();
    let worse = findings.filter(|finding| is_broken(&finding.verdict));
    let worse: BTreeSet<_> = worse.map(|finding| &finding.subnet).collect();
    let from = match worse.first() {
        Some(only) if worse.len() == 1 => (*only).clone(),
        _ => format!("{} of {}", worse.len(), plural(subnets.len(), "subnet")),
    };
    let (needs, broken, unknown) = (verdicts.len(), count(&is_broken), count(&is_unknown));
    let verdict = match (needs, broken, unknown) {
        (0, ..) => "nothing is needed of the network".to_owned(),
        (1, 0, 0) => format!("its one need is reached from {}", plural(subnets.len(), "subnet")),
        (_, 0, 0) => {
            format!("all {needs} needs are reached from {}", plural(subnets.len(), "subnet"))
        }
        (_, 0, _) => {
            format!(
                "no need is known to be out of reach, and {unknown} of {needs} could not be judged"
            )
        }
        (_, _, 0) => format!("{broken} of {} cannot be reached from {from}", plural(needs, "need")),
        _ => format!(
            "{broken} of {} cannot be reached from {from}, and {unknown} could not be judged",
            plural(needs, "need")
        ),
    };
    let addresses = match (&report.short, broken) {
        (None, _) => "",
        (Some(_), 0) => ", but there are not enough addresses",
        (Some(_), _) => ", and there are not enough addresses",
    };
    format!("{subject} in {vpc} ({region}): {verdict}{addresses}")
}

fn what(problem: &Problem) -> String {
    let Problem { broken, service, subnet, .. } = problem;
    format!("{service} from {subnet}, {}: {}", broken.hop, broken.what)
}

/// Why something could not be judged, each reason once, with what depends on it.
fn doubts(report: &Report) -> Vec<String> {
    let told = |(reason, services): (&str, BTreeSet<&str>)| {
        format!("{}: {reason}", services.into_iter().collect::<Vec<_>>().join(", "))
    };
    report.diagnosis.unknown().into_iter().map(told).collect()
}

/// Text from outside, that can do nothing to a terminal.
fn one_line(text: &str) -> String {
    text.split(char::is_control).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A paragraph that begins with a mark; its further lines are below its first word.
fn wrapped(mark: &str, words: &str) -> String {
    let indent = " ".repeat(mark.len());
    let mut text = String::new();
    let mut line = mark.to_owned();
    let mut is_empty = true;
    for word in one_line(words).split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(&line);
            text.push('\n');
            line.clone_from(&indent);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    text + &line + "\n"
}

#[cfg(test)]
mod tests;
