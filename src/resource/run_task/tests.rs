use super::{find::choose, follow, judge, log::Tail, *};
use crate::{
    aws::replay::Replay,
    rollout::tasks::{Container, StoppedTask},
};
use aws_sdk_ecs::types;
use serde_json::{Value, json};

fn stopped(reason: &str, containers: &[(&str, Option<i32>, &str)]) -> StoppedTask {
    let containers = containers.iter().map(|(name, exit_code, reason)| Container {
        name: (*name).to_owned(),
        exit_code: *exit_code,
        reason: (*reason).to_owned(),
    });
    StoppedTask {
        id: "0f3e".to_owned(),
        reason: reason.to_owned(),
        containers: containers.collect(),
        stopped_at: None,
    }
}

const ENDED: &str = "Essential container in task exited";

/// `app` counts and is essential, `proxy` is essential, `agent` is not.
fn cause(task: &StoppedTask) -> Option<String> {
    judge::cause(task, "app", &essential())
}

fn essential() -> BTreeSet<String> {
    judge::essential(&definition())
}

fn definition() -> Value {
    let logs = json!({
        "logDriver": "awslogs",
        "options": {
            "awslogs-group": "/ecs/web", "awslogs-region": "eu-west-1",
            "awslogs-stream-prefix": "web",
        },
    });
    json!({"containerDefinitions": [
        {"name": "app", "logConfiguration": logs},
        {"name": "proxy", "essential": true},
        {"name": "agent", "essential": false},
    ]})
}

#[test]
fn what_was_ended_with_it_does_not_count_and_what_failed_before_does() {
    let done = |others: &[_]| {
        let containers: Vec<_> = [&[("app", Some(0), "")], others].concat();
        cause(&stopped(ENDED, &containers))
    };
    assert_eq!(done(&[("proxy", Some(143), ""), ("agent", Some(1), "")]), None);
    assert_eq!(
        done(&[("proxy", Some(137), ""), ("agent", None, "CannotPullContainerError")]),
        None
    );
    assert_eq!(done(&[("proxy", None, "")]), None);
    insta::assert_snapshot!(
        done(&[("proxy", Some(2), "")]).expect("the task was ended early"),
        @"container `proxy` exited with code 2"
    );
}

#[test]
fn why_it_failed_or_never_started() {
    let told = |task: &StoppedTask| {
        let cause = cause(task).expect("it failed");
        let culprit = judge::culprit(task, "app", &essential());
        judge::problem("migrate", task, culprit, &cause, Some("web/app/0f3e in /ecs/web"))
    };
    let failed = stopped(ENDED, &[("app", Some(3), ""), ("agent", Some(1), "")]);
    insta::assert_snapshot!(told(&failed), @r"
    the task `migrate` failed: container `app` exited with code 3
      task 0f3e stopped: container `app` exited with code 3
      log of `app`: web/app/0f3e in /ecs/web
      help: its log says why: mend it and run again
    ");
    let killed = stopped(ENDED, &[("app", Some(143), ""), ("proxy", Some(1), "")]);
    insta::assert_snapshot!(told(&killed), @r"
    the task `migrate` failed: container `proxy` exited with code 1
      task 0f3e stopped: container `proxy` exited with code 1
      log of `proxy`: web/app/0f3e in /ecs/web
      help: its log says why: mend it and run again
    ");
    let memory = "OutOfMemoryError: Container killed due to memory usage";
    insta::assert_snapshot!(told(&stopped(ENDED, &[("app", Some(137), memory)])), @r"
    the task `migrate` failed: container `app` exited with code 137: OutOfMemoryError: Container killed due to memory usage
      task 0f3e stopped: container `app` exited with code 137: OutOfMemoryError: Container killed due to memory usage
      log of `app`: web/app/0f3e in /ecs/web
      help: raise `task.memory`
    ");
    let pull = "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to \
                resolve ref 1.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:0: not found";
    insta::assert_snapshot!(told(&stopped(pull, &[("app", None, "")])), @r"
    the task `migrate` never started: CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref 1.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:0: not found
      task 0f3e stopped: CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref 1.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:0: not found
      help: check the image's name, tag and region, and that the repository's lifecycle rule has not removed it; a registry that wants a login says the same
    ");
    let command = "CannotStartContainerError: failed to create task: exec: \"./migrate\": executable \
                   file not found in $PATH";
    insta::assert_snapshot!(told(&stopped("Task failed to start", &[("app", None, command)])), @r#"
    the task `migrate` never started: CannotStartContainerError: failed to create task: exec: "./migrate": executable file not found in $PATH
      task 0f3e stopped: CannotStartContainerError: failed to create task: exec: "./migrate": executable file not found in $PATH
      help: correct `task.command`, or the image's entry point: the program has to be in the image and executable
    "#);
    // What a service's task stops for by plan is none of this one's plan.
    let scaled =
        stopped("Scaling activity initiated by deployment ecs-svc/1", &[("app", None, "")]);
    insta::assert_snapshot!(told(&scaled).what, @"the task `migrate` never started: Scaling activity initiated by deployment ecs-svc/1");
    insta::assert_snapshot!(told(&stopped("", &[("app", Some(3), "")])).what, @"the task `migrate` failed: container `app` exited with code 3");
    insta::assert_snapshot!(told(&stopped("", &[])).what, @"the task `migrate` never started: ECS gives no reason");
}

#[test]
fn a_reason_for_not_taking_it_is_a_cause_too() {
    let reason = "Capacity is unavailable at this time. Please try again later";
    insta::assert_snapshot!(judge::not_started("migrate", reason), @r"
    the task `migrate` was not started: Capacity is unavailable at this time. Please try again later
      help: deploy again later, or add private subnets in other zones
    ");
}

fn task(arn: &str, status: &str, code: Option<i32>) -> types::Task {
    let container = types::Container::builder().name("app").set_exit_code(code).build();
    types::Task::builder()
        .task_arn(arn)
        .last_status(status)
        .stopped_reason(ENDED)
        .containers(container)
        .build()
}

#[test]
fn what_earlier_runs_started_is_taken_unless_it_failed() {
    let choose = |tasks: Vec<types::Task>| choose(tasks, "app", &essential());
    let takes = |arn: &str| Earlier::Takes(arn.to_owned());
    let failed = |arns: &[&str]| Earlier::Failed(arns.iter().map(ToString::to_string).collect());
    assert_eq!(choose(vec![]), failed(&[]));
    assert_eq!(choose(vec![task("a", "RUNNING", None)]), takes("a"));
    assert_eq!(choose(vec![task("a", "DEPROVISIONING", Some(1))]), takes("a"));
    assert_eq!(choose(vec![task("a", "STOPPED", Some(0))]), takes("a"));
    assert_eq!(
        choose(vec![task("b", "STOPPED", Some(3)), task("a", "STOPPED", None)]),
        failed(&["a", "b"])
    );
    assert_eq!(choose(vec![task("a", "STOPPED", Some(3)), task("b", "PENDING", None)]), takes("b"));
}

fn settings() -> Settings {
    let now = |id: &str| Known::Now(id.to_owned());
    Settings {
        name: "migrate".to_owned(),
        cluster: now("arn:aws:ecs:eu-west-1:123456789012:cluster/web"),
        task_definition: now("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7"),
        subnets: BTreeSet::from(["subnet-1".to_owned()]),
        security_groups: BTreeSet::from([now("sg-1")]),
        assign_public_ip: "DISABLED".to_owned(),
        platform_version: "LATEST".to_owned(),
        container: "app".to_owned(),
        command: vec!["./migrate".to_owned()],
        environment: IndexMap::from([("A".to_owned(), "1".to_owned())]),
        timeout: 900,
        beside: Some("ecs-svc/1".to_owned()),
        follows: None,
        stands_on: Vec::new(),
    }
}

#[test]
fn its_name_is_that_of_the_same_task_beside_the_same_deployment() {
    let (tags, outputs) = (Tags::new(), Outputs::default());
    let key = |to: &Settings, failed: &[&str]| {
        let request = Request {
            cluster: outputs.resolve(&to.cluster),
            task_definition: outputs.resolve(&to.task_definition),
            security_groups: outputs.resolve_all(&to.security_groups),
            to,
            tags: &tags,
            stack: "web",
        };
        let failed = failed.iter().map(ToString::to_string).collect();
        (request.started_by(), request.token(&failed))
    };
    let first = key(&settings(), &[]);
    assert!(first.0.len() <= 128 && first.1.len() <= 64, "{first:?}");
    let name = first.0.bytes();
    assert!(name.into_iter().all(|it| it.is_ascii_alphanumeric() || b"-/_".contains(&it)));
    let timeout = Settings { timeout: 60, ..settings() };
    assert_eq!(first, key(&timeout, &[]), "how long it is waited for makes no other task");
    let again = key(&settings(), &["arn:1"]);
    assert!(again.0 == first.0 && again.1 != first.1, "a failed one is found, and not taken");
    let others = [
        Settings { beside: Some("ecs-svc/2".to_owned()), ..settings() },
        Settings { command: vec!["./other".to_owned()], ..settings() },
        Settings { environment: IndexMap::new(), ..settings() },
        Settings { task_definition: Known::Now("web:8".to_owned()), ..settings() },
    ];
    for other in others {
        assert_ne!(first.0, key(&other, &[]).0, "{other:?}");
    }
}

#[test]
fn a_family_is_what_stands_before_the_revision() {
    assert_eq!(family("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7"), "web");
    assert_eq!(family("web"), "web");
}

fn page(lines: &[&str], next: &str) -> (&'static str, u16, Value) {
    let events: Vec<_> =
        lines.iter().map(|line| json!({"timestamp": 1, "message": line})).collect();
    ("GetLogEvents", 200, json!({"events": events, "nextForwardToken": next}))
}

fn lines(told: &mut tokio::sync::mpsc::UnboundedReceiver<Event>) -> Vec<String> {
    let mut lines = Vec::new();
    while let Ok(event) = told.try_recv() {
        match event {
            Event::Line { text, .. } => lines.push(text),
            Event::Warning(text) => lines.push(format!("warning: {text}")),
            other => panic!("a log tells no {other:?}"),
        }
    }
    lines
}

#[tokio::test]
async fn a_log_goes_on_where_it_stopped() {
    let missing = json!({"__type": "ResourceNotFoundException", "message": "no such stream"});
    let replay = Replay::new([
        ("GetLogEvents", 400, missing),
        page(&["one"], "f/1"),
        page(&[], "f/2"),
        page(&["two\nthree"], "f/3"),
        page(&[], "f/3"),
        page(&[], "f/3"),
    ]);
    let aws = replay.reader();
    let (events, mut told) = Events::channel();
    let arn = "arn:aws:ecs:eu-west-1:123456789012:task/web/0f3e";
    let mut tail = Tail::of(&aws, &definition(), "app", arn).expect("awslogs");
    assert_eq!(tail.place.to_string(), "web/app/0f3e in /ecs/web");
    assert!(!tail.read(&events).await, "it is not there yet");
    assert!(tail.read(&events).await);
    assert_eq!(lines(&mut told), ["one", "two", "three"]);
    assert!(!tail.read(&events).await);
    let tokens: Vec<_> = replay.asked().into_iter().map(|body| body["nextToken"].clone()).collect();
    assert_eq!(
        tokens,
        [json!(null), json!(null), json!("f/1"), json!("f/2"), json!("f/3"), json!("f/3")]
    );
    assert!(Tail::of(&aws, &definition(), "proxy", arn).is_none(), "it has no awslogs");
}

#[tokio::test]
async fn a_log_that_may_not_be_read_is_said_once() {
    let denied = json!({"__type": "AccessDeniedException", "message": "no"});
    let replay = Replay::new([("GetLogEvents", 400, denied)]);
    let aws = replay.reader();
    let (events, mut told) = Events::channel();
    let mut tail = Tail::of(&aws, &definition(), "app", "0f3e").expect("awslogs");
    assert!(!tail.read(&events).await && !tail.read(&events).await);
    let told = lines(&mut told).join("\n");
    assert!(told.starts_with("warning: the log is not shown: logs:GetLogEvents"), "{told}");
}

mod watching {
    use super::{
        follow::{Ended, Look, watch},
        *,
    };
    use std::cell::Cell;
    use tokio::time::Instant;

    fn failure(code: Option<&str>) -> Failure {
        Failure {
            operation: "ecs:DescribeTasks",
            on: "arn:1".to_owned(),
            code: code.map(str::to_owned),
            message: "no".to_owned(),
            request_id: None,
        }
    }

    /// Looks with a clock that jumps ahead; yields how it ended, the looks and the seconds.
    async fn watched(
        most: Duration,
        look: impl Fn(u64) -> Result<Look, Failure>,
    ) -> (Result<&'static str, Failure>, u32, u64) {
        let (events, _told) = Events::channel();
        let (began, looks) = (Instant::now(), Cell::new(0));
        let look = async || {
            looks.set(looks.get() + 1);
            look(began.elapsed().as_secs())
        };
        let ended = watch(look, most, &mut None, &events).await.map(|ended| match ended {
            Ended::Stopped(_) => "stopped",
            Ended::TooLong => "too long",
            Ended::Lost => "lost",
        });
        (ended, looks.get(), began.elapsed().as_secs())
    }

    const MOST: Duration = Duration::from_mins(10);

    #[tokio::test(start_paused = true)]
    async fn it_looks_every_second_at_first() {
        let (ended, looks, seconds) = watched(MOST, |at| {
            Ok(if at < 90 { Look::Runs } else { Look::Stopped(stopped(ENDED, &[])) })
        })
        .await;
        assert_eq!((ended, looks, seconds), (Ok("stopped"), 60 + 15 + 1, 90));
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_not_waited_for_longer_than_asked() {
        let (ended, _, seconds) = watched(Duration::from_millis(1500), |_| Ok(Look::Runs)).await;
        assert_eq!((ended, seconds), (Ok("too long"), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_task_may_be_unknown_for_a_while() {
        let (ended, ..) = watched(MOST, |at| {
            Ok(if at < 20 { Look::Unknown } else { Look::Stopped(stopped(ENDED, &[])) })
        })
        .await;
        assert_eq!(ended, Ok("stopped"));
        let (ended, _, seconds) = watched(MOST, |_| Ok(Look::Unknown)).await;
        assert_eq!((ended, seconds), (Ok("lost"), 30));
    }

    #[tokio::test(start_paused = true)]
    async fn looks_may_fail_for_two_minutes_and_not_for_want_of_a_permission() {
        let (ended, _, seconds) = watched(MOST, |at| match at {
            10..100 => Err(failure(None)),
            120.. => Ok(Look::Stopped(stopped(ENDED, &[]))),
            _ => Ok(Look::Runs),
        })
        .await;
        assert_eq!((ended, seconds), (Ok("stopped"), 120));
        let (ended, _, seconds) = watched(MOST, |_| Err(failure(None))).await;
        assert_eq!((ended.is_err(), seconds), (true, 120));
        let denied = |_| Err(failure(Some("AccessDeniedException")));
        let (ended, looks, _) = watched(MOST, denied).await;
        assert_eq!((ended.is_err(), looks), (true, 1));
    }
}
