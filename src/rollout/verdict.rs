//! Puts the ending and the evidence into words: the first cause first, then what shows it, then what
//! to do.

use super::{
    cause,
    evidence::Evidence,
    machine::{Ending, Instead, revision},
    state::Deployment,
    tasks::StoppedTask,
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
        Ending::Superseded { by, task_definition } => {
            let whose = format!("it runs `{}`", revision(&task_definition));
            let help = "run again to roll this version out after it";
            Verdict::Superseded { by, whose: Problem::new(whose).help(help) }
        }
        Ending::Stopped { how, .. } => Verdict::Stopped(
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
                Instead::LeftAlone => {
                    "nothing was stopped, because `rollout.rollback` is false: ECS goes on trying"
                        .to_owned()
                }
                Instead::ScaledToZero => {
                    "there is no earlier version to return to: the service was scaled to zero"
                        .to_owned()
                }
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
            let share =
                if total == 1 { "1 task".to_owned() } else { format!("{count} of {total} tasks") };
            Some((text.clone(), format!("{text} ({share})")))
        }
        None => failures.first().or(targets.first()).map(|text| (text.clone(), text.clone())),
    };
    let (first, counted) = first.unzip();
    let reason = reason.map(cause::headline).filter(|reason| !reason.is_empty());
    let headline = counted.or_else(|| reason.clone());
    let mut found: Vec<String> = Vec::new();
    for Cause { full, example, count, .. } in causes.iter().take(SHOWN) {
        found.push(match count {
            1 => format!("task {example} stopped: {full}"),
            _ => format!("{count} tasks stopped, {example} the first: {full}"),
        });
    }
    found.extend(targets.iter().take(SHOWN).cloned());
    let is_new = |text: &&String| {
        first.as_ref() != Some(*text) && !causes.iter().any(|cause| cause.text == **text)
    };
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
        let kind = cause::kind(&full);
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

#[cfg(test)]
mod tests {
    use super::{
        super::{
            evidence::{Log, UnwellTarget},
            state::Progress,
            tasks::Container,
        },
        *,
    };
    use aws_smithy_types::DateTime;

    const BREAKER: &str = "ECS deployment circuit breaker: tasks failed to start.";

    fn task(id: &str, reason: &str, exit_code: Option<i32>) -> StoppedTask {
        let container = Container { name: "web".to_owned(), exit_code, reason: String::new() };
        StoppedTask {
            id: id.to_owned(),
            reason: reason.to_owned(),
            containers: vec![container],
            stopped_at: None,
        }
    }

    fn told(ending: Ending, messages: &[&str], evidence: &Evidence) -> String {
        let deployment = Deployment {
            id: "ecs-svc/2".to_owned(),
            is_primary: true,
            progress: Progress::InProgress,
            reason: String::new(),
            task_definition: "arn:aws:ecs:eu-west-1:1:task-definition/web:2".to_owned(),
            desired: 2,
            running: 1,
            pending: 0,
            failed: 0,
            created_at: DateTime::from_secs(20),
        };
        let messages: Vec<_> = messages.iter().map(|text| (*text).to_owned()).collect();
        let known = Known {
            service: "web",
            timeout: Duration::from_mins(15),
            deployment: Some(&deployment),
            messages: &messages,
            evidence,
        };
        match verdict(ending, known) {
            Verdict::RolledBack(problem) => format!("rolled back\n{problem}"),
            Verdict::Failed(problem) => format!("failed\n{problem}"),
            Verdict::Stopped(problem) => format!("stopped\n{problem}"),
            Verdict::TimedOut(problem) => format!("timed out\n{problem}"),
            verdict => format!("{verdict:?}"),
        }
    }

    fn rolled_back() -> Ending {
        let to = "arn:aws:ecs:eu-west-1:1:task-definition/web:1".to_owned();
        Ending::RolledBack { reason: BREAKER.to_owned(), to, is_back: true }
    }

    #[test]
    fn tasks_that_cannot_pull_tell_the_first_cause_first() {
        let pull = |address| {
            format!(
                "CannotPullContainerError: The task cannot pull 1.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:0a \
                 from the registry. There is a connection issue between the task and the registry. Check \
                 your task network configuration. : failed to copy: httpReadSeeker: failed open: failed \
                 to do request: dial tcp {address}:443: i/o timeout"
            )
        };
        let tasks = ["52.216.1.1", "16.15.2.2", "3.5.3.3"].map(|it| task("0f3e", &pull(it), None));
        let evidence = Evidence { tasks: tasks.to_vec(), ..Evidence::default() };
        let event =
            format!("(service web) was unable to place a task. Reason: {}.", pull("3.5.3.3"));
        let failed =
            "(service web) (deployment ecs-svc/2) deployment failed: tasks failed to start.";
        let text = told(rolled_back(), &[&event, failed], &evidence);
        insta::assert_snapshot!(text, @r"
        rolled back
        the rollout of `web` was rolled back: CannotPullContainerError: The task cannot pull 1.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:0a from the registry. There is a connection issue between the task and the registry. Check your task network configuration… (3 of 3 tasks)
          3 tasks stopped, 0f3e the first: CannotPullContainerError: The task cannot pull 1.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:0a from the registry. There is a connection issue between the task and the registry. Check your task network configuration. : failed to copy: httpReadSeeker: failed open: failed to do request: dial tcp 52.216.1.1:443: i/o timeout
          ECS says: ECS deployment circuit breaker: tasks failed to start
          `web:1` is back
          help: the task does not reach the registry: check the endpoints `ecr.api` and `ecr.dkr` with their private DNS and security group, and the S3 gateway endpoint on the subnets' route tables; images of other registries have no way from private subnets
        ");
    }

    #[test]
    fn a_crash_shows_the_code_and_where_the_log_is() {
        let ended = "Essential container in task exited";
        let scaled = "Scaling activity initiated by (deployment ecs-svc/2)";
        let evidence = Evidence {
            tasks: vec![
                task("1a", ended, Some(1)),
                task("2b", ended, Some(1)),
                task("3c", scaled, Some(143)),
            ],
            log: Some(Log {
                container: "web".to_owned(),
                group: "/ecs/web".to_owned(),
                stream: "web/web/2b".to_owned(),
                lines: vec!["no DATABASE_URL".to_owned()],
            }),
            ..Evidence::default()
        };
        let ending = Ending::Failed {
            reason: BREAKER.to_owned(),
            instead: Some(Instead::NothingToReturnTo),
        };
        insta::assert_snapshot!(told(ending, &[], &evidence), @r"
        failed
        the rollout of `web` failed: container `web` exited with code 1 (2 of 2 tasks)
          2 tasks stopped, 1a the first: container `web` exited with code 1
          log of `web`: web/web/2b in /ecs/web
          ECS says: ECS deployment circuit breaker: tasks failed to start
          ECS did not roll back: no earlier deployment was ever complete
          help: the application ended by itself: its log says why
        ");
    }

    #[test]
    fn another_architecture_shows_only_in_the_log() {
        let evidence = Evidence {
            tasks: vec![task("1a", "Essential container in task exited", Some(255))],
            log: Some(Log {
                container: "web".to_owned(),
                group: "/ecs/web".to_owned(),
                stream: "web/web/1a".to_owned(),
                lines: vec!["exec /app: exec format error".to_owned()],
            }),
            ..Evidence::default()
        };
        insta::assert_snapshot!(told(rolled_back(), &[], &evidence), @r"
        rolled back
        the rollout of `web` was rolled back: container `web` exited with code 255 (1 task)
          task 1a stopped: container `web` exited with code 255
          log of `web`: web/web/1a in /ecs/web
          ECS says: ECS deployment circuit breaker: tasks failed to start
          `web:1` is back
          help: the image is built for another CPU: make `image.platforms` fit the task's CPU architecture
        ");
    }

    #[test]
    fn failing_health_checks_say_which_code_came() {
        let evidence = Evidence {
            tasks: vec![task(
                "1a",
                "Task failed ELB health checks in (target-group arn:tg)",
                Some(137),
            )],
            targets: vec![UnwellTarget {
                address: "10.0.1.5:8080".to_owned(),
                code: "Target.ResponseCodeMismatch".to_owned(),
                description: "Health checks failed with these codes: [404]".to_owned(),
            }],
            unread: vec!["logs:GetLogEvents on /ecs/web was refused: AccessDenied: no".to_owned()],
            ..Evidence::default()
        };
        let event = "(service web) (task 1a) (port 8080) is unhealthy in (target-group arn:tg) due to \
                     (reason Health checks failed with these codes: [404])";
        insta::assert_snapshot!(told(rolled_back(), &[event], &evidence), @r"
        rolled back
        the rollout of `web` was rolled back: port 8080 is unhealthy: Health checks failed with these codes: [404] (1 task)
          task 1a stopped: Task failed ELB health checks in (target-group arn:tg)
          target 10.0.1.5:8080 is unwell: Target.ResponseCodeMismatch: Health checks failed with these codes: [404]
          ECS says: ECS deployment circuit breaker: tasks failed to start
          `web:1` is back
          not read: logs:GetLogEvents on /ecs/web was refused: AccessDenied: no
          help: the application answers the health check with another code: check `load-balancer.health-check` (`path`, `matcher`)
        ");
    }

    #[test]
    fn the_time_that_was_waited_and_what_runs() {
        let event = "(service web) was unable to place a task. Reason: Capacity is unavailable at this \
                     time. Please try again later or in a different availability zone.";
        insta::assert_snapshot!(told(Ending::TimedOut, &[event], &Evidence::default()), @r"
        timed out
        the rollout of `web` was not complete after 15m: Capacity is unavailable at this time. Please try again later or in a different availability zone
          1 of 2 tasks run, and ECS goes on trying
          help: Fargate has no room in these zones now: try again later, or add private subnets in other zones
        ");
    }

    #[test]
    fn without_evidence_ecs_says_it_all() {
        insta::assert_snapshot!(told(rolled_back(), &[], &Evidence::default()), @r"
        rolled back
        the rollout of `web` was rolled back: ECS deployment circuit breaker: tasks failed to start
          `web:1` is back
          help: look at the service's events and at the stopped tasks in the ECS console, which keeps them for an hour
        ");
        let ending = Ending::Stopped { how: "it is being deleted".to_owned(), back: None };
        insta::assert_snapshot!(told(ending, &[], &Evidence::default()), @r"
        stopped
        the rollout of `web` was stopped: it is being deleted
          help: run again when whoever stopped it is done
        ");
    }
}
