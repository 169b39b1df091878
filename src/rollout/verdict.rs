//! Puts the ending and the evidence into words: the first cause first, then what shows it, then what
//! to do.

use super::{
    cause,
    evidence::{Evidence, StoppedTask},
    machine::{Ending, Instead, revision},
    state::Deployment,
};
use crate::{error::Problem, event::Verdict};
use std::{collections::BTreeMap, time::Duration};

/// Different causes and events that are shown; more would hide the first.
const SHOWN: usize = 3;

/// What is known about the rollout besides how it ended.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The service's name.
    pub service: &'a str,
    /// How long the rollout was waited for.
    pub timeout: Duration,
    /// The deployment as it was last listed.
    pub deployment: Option<&'a Deployment>,
    /// What ECS said since it began, the oldest first.
    pub messages: &'a [String],
    /// What was gathered; empty where the ending needs none.
    pub evidence: &'a Evidence,
}

/// The verdict, with its problem where it is one.
pub fn verdict(ending: Ending, known: Known<'_>) -> Verdict {
    let Known { service, timeout, .. } = known;
    let rollout = format!("the rollout of `{service}`");
    match ending {
        Ending::Succeeded => Verdict::Succeeded,
        Ending::Superseded { by } => Verdict::Superseded { by },
        Ending::Stopped { how } => Verdict::Stopped(
            Problem::new(format!("{rollout} was stopped: {}", cause::headline(&how)))
                .help("run again when whoever stopped it is done"),
        ),
        Ending::RolledBack { reason, to, is_back } => {
            let what = format!("{rollout} was rolled back");
            let to = revision(&to);
            let back = if is_back {
                format!("`{to}` is back")
            } else {
                format!("the return to `{to}` has not ended yet")
            };
            Verdict::RolledBack(problem(&what, Some(&reason), Some(back), known))
        }
        Ending::Failed { reason, instead } => {
            let what = format!("{rollout} failed");
            let instead = instead.map(|instead| match instead {
                Instead::NotAskedFor => {
                    "the service's circuit breaker does not roll back".to_owned()
                }
                Instead::NothingToReturnTo => {
                    "ECS did not roll back: no earlier deployment was ever complete".to_owned()
                }
                Instead::FailedToo => "the return to the previous version failed too".to_owned(),
                Instead::Newer(id) => format!("a newer deployment has begun: {id}"),
            });
            Verdict::Failed(problem(&what, Some(&reason), instead, known))
        }
        Ending::TimedOut => {
            let minutes = timeout.as_secs() / 60;
            let time = match timeout.as_secs() % 60 {
                0 => format!("{minutes}m"),
                seconds if minutes == 0 => format!("{seconds}s"),
                seconds => format!("{minutes}m {seconds}s"),
            };
            let state = match known.deployment {
                Some(Deployment { running, desired, .. }) => {
                    format!("{running} of {desired} tasks run, and ECS goes on trying")
                }
                None => "the deployment was never listed".to_owned(),
            };
            let what = format!("{rollout} was not complete after {time}");
            Verdict::TimedOut(problem(&what, None, Some(state), known))
        }
    }
}

fn problem(what: &str, reason: Option<&str>, then: Option<String>, known: Known<'_>) -> Problem {
    let Known { messages, evidence, .. } = known;
    let causes = causes(&evidence.tasks);
    let total: usize = causes.iter().map(|cause| cause.count).sum();
    let failures = failures(messages);
    // An event says which code or which limit, where the task says no more than "health checks".
    let unhealthy = failures.iter().find(|text| text.contains(" is unhealthy"));
    let targets: Vec<_> = evidence
        .targets
        .iter()
        .map(|it| format!("target {} is unwell: {}: {}", it.address, it.code, it.description))
        .collect();
    let first = match causes.first() {
        Some(Cause { text, count, .. }) => {
            let is_vague = text.starts_with("Task failed ELB health checks");
            let text = unhealthy.filter(|_| is_vague).unwrap_or(text);
            Some(format!("{text} ({count} of {total} tasks)"))
        }
        None => failures.first().or(targets.first()).cloned(),
    };
    let reason = reason.map(cause::headline).filter(|reason| !reason.is_empty());
    let headline = first.clone().or_else(|| reason.clone());
    let mut found: Vec<String> = Vec::new();
    for Cause { full, example, count, .. } in causes.iter().take(SHOWN) {
        found.push(match count {
            1 => format!("task {example} stopped: {full}"),
            _ => format!("{count} tasks stopped, {example} the first: {full}"),
        });
    }
    found.extend(targets.iter().take(SHOWN).cloned());
    let is_new = |text: &&String| !causes.iter().any(|cause| cause.text == **text);
    found.extend(failures.iter().filter(is_new).take(SHOWN).map(|text| format!("event: {text}")));
    if let Some(log) = evidence.log.as_ref() {
        found.push(format!("log of `{}`: {} in {}", log.container, log.stream, log.group));
    }
    found.extend(reason.filter(|_| first.is_some()).map(|reason| format!("ECS says: {reason}")));
    found.extend(then);
    found.extend(evidence.unread.iter().map(|what| format!("not read: {what}")));

    let log = evidence.log.iter().flat_map(|log| &log.lines);
    let tasks = causes.iter().map(|cause| cause.full.as_str());
    // A log says more than an exit code only where the process could not even begin.
    let format_error = log.map(String::as_str).filter(|line| line.contains("exec format error"));
    let is_vague = |text: &&str| text.starts_with("Task failed ELB health checks");
    let texts = format_error
        .chain(tasks.clone().filter(|text| !is_vague(text)))
        .chain(failures.iter().map(String::as_str))
        .chain(targets.iter().map(String::as_str))
        .chain(tasks);
    let help = cause::help(texts).unwrap_or(
        "look at the service's events and at the stopped tasks in the ECS console, which keeps them \
         for an hour",
    );
    let what = match headline {
        Some(headline) => format!("{what}: {headline}"),
        None => what.to_owned(),
    };
    found.into_iter().fold(Problem::new(what), Problem::found).help(help)
}

/// Why tasks stopped, and how many of them.
struct Cause<'a> {
    text: String,
    full: String,
    example: &'a str,
    count: usize,
}

/// The tasks' causes, the most frequent first, and of two the earlier.
fn causes(tasks: &[StoppedTask]) -> Vec<Cause<'_>> {
    let mut causes: Vec<Cause<'_>> = Vec::new();
    let mut places = BTreeMap::new();
    for (task, full) in tasks.iter().filter_map(|task| Some((task, task.cause()?))) {
        let text = cause::headline(&full);
        // Addresses, times and request ids differ from task to task.
        let kind: String = text.chars().filter(|it| !it.is_ascii_hexdigit()).take(80).collect();
        let place = *places.entry(kind).or_insert_with(|| {
            causes.push(Cause { text, full, example: &task.id, count: 0 });
            causes.len() - 1
        });
        causes[place].count += 1;
    }
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.count));
    causes
}

/// What events say about failures, the latest first, each once.
fn failures(messages: &[String]) -> Vec<String> {
    let mut failures: Vec<String> = Vec::new();
    for message in messages.iter().rev().filter(|message| cause::is_failure(message)) {
        let text = cause::headline(message);
        if !failures.contains(&text) {
            failures.push(text);
        }
    }
    failures
}
