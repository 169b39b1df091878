//! Puts the ending and the evidence into words: the first cause first, then what shows it, then what
//! to do.

use super::{
    evidence::{Evidence, Log, UnwellTarget},
    machine::{Ending, Instead, revision},
    state::Deployment,
    tasks::StoppedTask,
};
use crate::{
    diagnosis::{
        answer::{self, Answer, By, Sign},
        health, line,
        read::{self, Told},
    },
    error::Problem,
    event::Verdict,
};
use std::time::Duration;

/// Lines of the log that are shown, also where one event was several.
const LOG_LINES: usize = 30;
/// What a line of the log is cut to.
const LOG_LINE: usize = 200;

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
            Problem::new(format!("{rollout} was stopped: {}", line::headline(&how)))
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
    let reason = reason.map(line::headline).filter(|reason| !reason.is_empty());
    let signs = signs(messages, evidence, reason.as_deref());
    let answer = answer::answer(&signs, evidence.ground.as_ref());
    let mut found = answer.as_ref().map(|answer| answer.found.clone()).unwrap_or_default();
    if answer.is_some()
        && let Some(reason) = reason.as_ref().filter(|reason| read::read(reason) == Told::Unknown)
    {
        found.push(format!("ECS says: {reason}"));
    }
    found.extend(then);
    found.extend(evidence.unread.iter().map(|what| format!("not read: {}", line::one_line(what))));
    if let Some(log) = evidence.log.as_ref() {
        let Log { container, place, lines } = log;
        let (container, place) = (line::one_line(container), line::one_line(&place.to_string()));
        found.push(match lines.as_slice() {
            [] => format!("the log of `{container}`, {place}, is empty"),
            _ => format!("the end of the log of `{container}`, {place}:"),
        });
        let last = lines.len().saturating_sub(LOG_LINES);
        let lines = lines[last..].iter().map(|text| line::cut(&line::one_line(text), LOG_LINE));
        found.extend(lines.map(|text| format!("  | {text}").trim_end().to_owned()));
    }
    let (headline, help) = match answer {
        Some(Answer { cause, help, .. }) => (Some(cause), help),
        None => (reason, NOTHING.to_owned()),
    };
    let what = match headline {
        Some(headline) => format!("{what}: {headline}"),
        None => what.to_owned(),
    };
    found.into_iter().fold(Problem::new(what), Problem::found).help(help)
}

/// What to do where nothing was seen.
const NOTHING: &str = "look at the service's events and at the stopped tasks in the ECS console, which keeps \
                       them for an hour";

/// Everything that was seen, with what it means: the tasks first, the latest event before the others.
fn signs(messages: &[String], evidence: &Evidence, reason: Option<&str>) -> Vec<Sign> {
    let tasks = evidence.tasks.iter().filter_map(|task| {
        let text = task.cause()?;
        Some(Sign { by: By::Task(task.id.clone()), told: read::read(&text), text })
    });
    let targets = evidence.targets.iter().map(|UnwellTarget { address, code, description }| {
        let port = address.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        Sign {
            by: By::Target(address.clone()),
            told: health::target(code, description, port),
            text: format!("{code}: {description}"),
        }
    });
    let log = evidence.log.iter().flat_map(|log| {
        let ended = evidence.tasks.iter().rev().find_map(StoppedTask::culprit);
        let code = ended.and_then(|container| container.exit_code);
        log.lines.iter().filter_map(move |text| {
            let told = Told::Cause(Box::new(read::log_line(&log.container, code, text)?));
            Some(Sign { by: By::Log, told, text: text.clone() })
        })
    });
    let of_text = |by: By, text: &str| Sign { by, told: read::read(text), text: text.to_owned() };
    let events = messages.iter().rev().map(|text| of_text(By::Event, text));
    let events = events.filter(|sign| sign.told != Told::Unknown || read::sounds_bad(&sign.text));
    let reason = reason.map(|text| of_text(By::Deployment, text));
    let reason = reason.filter(|sign| sign.told != Told::Unknown);
    tasks.chain(targets).chain(log.take(1)).chain(events).chain(reason).collect()
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
    use crate::resource::task_definition::logs::Place;
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
        the rollout of `web` was rolled back: the task did not reach S3 (`s3`), where the image's layers are (3 of 3 tasks)
          3 tasks stopped, 0f3e the first: CannotPullContainerError: The task cannot pull 1.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:0a from the registry. There is a connection issue between the task and the registry. Check your task network configuration. : failed to copy: httpReadSeeker: failed open: failed to do request: dial tcp 52.216.1.1:443: i/o timeout
          52.216.1.1 is a public address of S3: only the route of the S3 gateway endpoint leads a private subnet there
          left out: 2 messages that follow from it
          `web:1` is back
          help: put the S3 gateway endpoint on the route tables of the tasks' subnets (`network: { endpoints: ensure }` does it), and let their security group out to S3
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
                place: Place { group: "/ecs/web".to_owned(), stream: "web/web/2b".to_owned() },
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
          left out: 1 message that follows from it
          ECS did not roll back: no earlier deployment was ever complete
          the end of the log of `web`, web/web/2b in /ecs/web:
            | no DATABASE_URL
          help: look at its log: the application ended by itself; a variable or a secret that it needs may be missing under `task`
        ");
    }

    #[test]
    fn another_architecture_shows_only_in_the_log() {
        let evidence = Evidence {
            tasks: vec![task("1a", "Essential container in task exited", Some(255))],
            log: Some(Log {
                container: "web".to_owned(),
                place: Place { group: "/ecs/web".to_owned(), stream: "web/web/1a".to_owned() },
                lines: vec!["exec /app: exec format error".to_owned()],
            }),
            ..Evidence::default()
        };
        insta::assert_snapshot!(told(rolled_back(), &[], &evidence), @r"
        rolled back
        the rollout of `web` was rolled back: container `web` exited with code 255: the image is built for another CPU (1 task)
          its log says: exec /app: exec format error
          left out: 2 messages that follow from it
          `web:1` is back
          the end of the log of `web`, web/web/1a in /ecs/web:
            | exec /app: exec format error
          help: make `image.platforms` fit the CPU architecture of the task definition, and deploy again
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
        the rollout of `web` was rolled back: the health check on port 8080 gets 404 and wants another code (1 task)
          at fault: arn:tg
          target 10.0.1.5:8080 is unwell: Target.ResponseCodeMismatch: Health checks failed with these codes: [404]
          left out: 2 messages that follow from it
          `web:1` is back
          not read: logs:GetLogEvents on /ecs/web was refused: AccessDenied: no
          help: make the application answer `load-balancer.health-check.path` with a code of `load-balancer.health-check.matcher`, or change these
        ");
    }

    #[test]
    fn the_time_that_was_waited_and_what_runs() {
        let event = "(service web) was unable to place a task. Reason: Capacity is unavailable at this \
                     time. Please try again later or in a different availability zone.";
        insta::assert_snapshot!(told(Ending::TimedOut, &[event], &Evidence::default()), @r"
        timed out
        the rollout of `web` was not complete after 15m: Fargate has no capacity in these zones now
          event: (service web) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone.
          1 of 2 tasks run, and ECS goes on trying
          help: deploy again later, or add private subnets in other zones
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
