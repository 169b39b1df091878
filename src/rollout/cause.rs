//! Why a rollout failed, in one line, with the evidence below it and what to do. Pure.

use super::{
    evidence::{Evidence, StoppedTask},
    machine::{End, Rollout},
};
use crate::error::Problem;
use std::{collections::BTreeMap, time::Duration};

/// What to tell.
pub fn problem(
    service: &str,
    end: &End,
    rollout: &Rollout,
    evidence: &Evidence,
    timeout: Duration,
) -> Problem {
    let cause = cause(rollout, evidence);
    let why = cause.as_deref().map(|cause| format!(": {cause}")).unwrap_or_default();
    let what = match end {
        End::RolledBack { is_back: true, .. } => {
            format!("the rollout of `{service}` failed and was rolled back{why}")
        }
        End::RolledBack { .. } => {
            format!("the rollout of `{service}` failed and is still being rolled back{why}")
        }
        End::Stopped { reason } => format!("the rollout of `{service}` was stopped: {reason}"),
        End::TimedOut => {
            format!("the rollout of `{service}` was not complete after {} s{why}", timeout.as_secs())
        }
        _ => format!("the rollout of `{service}` failed{why}"),
    };
    let mut problem = Problem::new(what);
    if let End::RolledBack { reason, .. } | End::Failed { reason } = end
        && !reason.is_empty()
    {
        problem.found.push(format!("ECS: {reason}"));
    }
    if let Some(last) = rollout.last() {
        problem.found.push(format!(
            "{} of {} tasks run, {} start, {} failed",
            last.running, last.desired, last.pending, last.failed
        ));
    }
    for (text, count) in reasons(&evidence.stopped) {
        problem.found.push(format!("{count} stopped: {text}"));
    }
    for target in &evidence.unhealthy {
        problem.found.push(format!("{} {}: {}", target.address, target.reason, target.description));
    }
    let last = rollout.messages().len().saturating_sub(3);
    problem.found.extend(rollout.messages()[last..].iter().map(|message| format!("event: {message}")));
    problem.found.extend(evidence.log.iter().map(|line| format!("log: {line}")));
    problem.found.extend(evidence.unread.iter().map(|what| format!("not read: {what}")));
    let text = problem.found.join("\n");
    problem.help(help(end, &text))
}

/// The first cause: what stops the tasks before what keeps the targets from being well.
fn cause(rollout: &Rollout, evidence: &Evidence) -> Option<String> {
    let tasks = reasons(&evidence.stopped);
    if let Some((text, _)) = tasks.first() {
        return Some(text.clone());
    }
    if let Some(target) = evidence.unhealthy.first() {
        return Some(format!("the load balancer's health checks fail: {}", target.description));
    }
    let unable = |message: &&String| message.contains("unable to");
    rollout.messages().iter().rev().find(unable).cloned()
}

/// Why tasks stopped and how many of them, the most frequent first.
fn reasons(tasks: &[StoppedTask]) -> Vec<(String, usize)> {
    let mut counts = BTreeMap::new();
    for task in tasks {
        *counts.entry(reason(task)).or_insert(0) += 1;
    }
    let mut reasons: Vec<_> = counts.into_iter().filter(|(text, _)| !text.is_empty()).collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    reasons
}

fn reason(task: &StoppedTask) -> String {
    let failed = task.containers.iter().find(|found| found.exit_code.is_some_and(|code| code != 0));
    if let Some(container) = failed {
        let code = container.exit_code.unwrap_or_default();
        let more = if container.reason.is_empty() { String::new() } else { format!(" ({})", container.reason) };
        return format!("container `{}` ended with exit code {code}{more}", container.name);
    }
    let said = task.containers.iter().find(|found| !found.reason.is_empty());
    match said {
        Some(container) if container.reason.len() > task.reason.len() => container.reason.clone(),
        _ => task.reason.clone(),
    }
}

/// What to do about the causes that are seen most.
fn help(end: &End, text: &str) -> &'static str {
    const KNOWN: [(&str, &str); 8] = [
        ("exec format error", "the image is built for another CPU: set `image.platforms` and the task's architecture to the same one"),
        ("CannotPullContainer", "check that the image exists, that the execution role may pull it, and that the subnets reach ECR and S3"),
        ("ResourceInitializationError", "check that the execution role may read the secrets, and that the subnets reach Secrets Manager or SSM"),
        ("OutOfMemory", "give the task more memory: `task.memory`"),
        ("exit code 137", "the container was killed, mostly for want of memory: `task.memory`"),
        ("exit code", "look at the container's log above; run the image locally with the same environment"),
        ("Target.ResponseCodeMismatch", "the health check's path answers with another code: set `load-balancer.health-check.path` or `.matcher`"),
        ("Target.Timeout", "the container does not answer in time: check `task.port`, and that it listens on 0.0.0.0"),
    ];
    if matches!(end, End::Stopped { .. }) {
        return "deploy again if this was not meant";
    }
    let known = KNOWN.iter().find(|(marker, _)| text.contains(marker));
    known.map_or("look at the service's events and the tasks' logs", |(_, help)| help)
}
