//! What a scripted ECS is told to show: a service of two tasks, a new version of it, and the moments of its
//! rollout.

use super::stack::Stack;
use crate::support::{
    program::{Program, Run},
    scripted::{Frame, Script, Scripted, Task},
};
use ecs_private_deploy::exit;
use std::time::Duration;

pub(super) const ADDRESSES: [&str; 2] = ["10.42.1.5", "10.42.2.6"];
pub(super) const GROUP: &str =
    "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/web/0";

pub(super) fn at(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A service of two tasks that stands, and a new version of it.
pub(super) async fn stack(rollout: &str) -> Stack {
    let stack = Stack::new().await;
    // moto says that one task runs, whatever is asked for.
    stack.write_more("rollout: { desired-count: 1, timeout: 1m }");
    let program = Program::new(stack.folder(), &["deploy"], &stack.moto.config());
    program.run().await.ends_with(exit::OK);
    new_version(&stack, rollout);
    stack
}

pub(super) fn new_version(stack: &Stack, rollout: &str) {
    stack.write_task(&format!(
        "port: 8080, environment: {{ VERSION: two }} }}\nrollout: {{ desired-count: 2, {rollout}"
    ));
}

/// Deploys by the script; yields how it ended, and whom was asked what.
pub(super) async fn deploy(stack: &Stack, script: Script) -> (Run, Scripted) {
    let server = Scripted::before(stack.moto.port(), script).await;
    let run = program(stack, &server).run().await;
    (run, server)
}

pub(super) fn program(stack: &Stack, server: &Scripted) -> Program {
    command(stack, server, "deploy")
}

pub(super) fn command(stack: &Stack, server: &Scripted, command: &str) -> Program {
    let endpoint = format!("http://127.0.0.1:{}", server.port);
    let config = stack.moto.config().into_builder().endpoint_url(endpoint).build();
    Program::new(stack.folder(), &[command], &config)
}

/// Two new tasks start beside two old ones.
pub(super) fn begins() -> Frame {
    Frame {
        state: "IN_PROGRESS",
        counts: [2, 0, 2, 0],
        old: 2,
        record: Some(("IN_PROGRESS", "")),
        breaker: Some(("MONITORING", 0)),
        tasks: ADDRESSES
            .map(|address| Task { status: "PENDING", address, ..Task::default() })
            .to_vec(),
        ..Frame::default()
    }
}

/// They run, and are `[state, reason, description]` to the load balancer.
pub(super) fn runs(target: [&'static str; 3]) -> Frame {
    Frame {
        at: at(1_000),
        counts: [2, 2, 0, 0],
        tasks: ADDRESSES
            .map(|address| Task { status: "RUNNING", address, ..Task::default() })
            .to_vec(),
        targets: ADDRESSES.map(|address| (address, target)).to_vec(),
        ..begins()
    }
}

/// They are stopped because of that.
pub(super) fn stopped(reason: &'static str, target: [&'static str; 3], event: &str) -> Frame {
    Frame {
        at: at(3_000),
        counts: [2, 0, 2, 2],
        breaker: Some(("MONITORING", 2)),
        tasks: ADDRESSES
            .map(|address| Task {
                status: "DEPROVISIONING",
                address,
                stopped: Some(("ServiceSchedulerInitiated", reason)),
                exit_code: Some(137),
            })
            .to_vec(),
        events: vec![event.to_owned()],
        ..runs(target)
    }
}

pub(super) fn succeeds(milliseconds: u64) -> Frame {
    Frame {
        at: at(milliseconds),
        state: "COMPLETED",
        old: 0,
        record: Some(("SUCCESSFUL", "")),
        ..runs(["healthy", "", ""])
    }
}

/// What comes of StopServiceDeployment: two seconds later the old version is back.
pub(super) fn goes_back(last: &Frame) -> Vec<Frame> {
    let why = "Service deployment rolled back by user request.";
    let next = |at, status, successor| Frame {
        at,
        record: Some((status, why)),
        successor,
        targets: Vec::new(),
        ..last.clone()
    };
    vec![
        next(at(0), "ROLLBACK_REQUESTED", None),
        next(at(700), "ROLLBACK_IN_PROGRESS", Some(("IN_PROGRESS", true))),
        next(at(2_000), "ROLLBACK_SUCCESSFUL", Some(("COMPLETED", true))),
    ]
}

pub(super) fn says(run: &Run, texts: &[&str]) {
    for text in texts {
        assert!(run.stderr.contains(text), "{text} in {}", run.stderr);
    }
}

pub(super) fn crashes() -> Frame {
    Frame {
        at: at(1_000),
        counts: [2, 0, 2, 2],
        breaker: Some(("MONITORING", 2)),
        tasks: ADDRESSES
            .map(|address| Task {
                status: "STOPPED",
                address,
                stopped: Some(("EssentialContainerExited", "Essential container in task exited")),
                exit_code: Some(3),
            })
            .to_vec(),
        ..begins()
    }
}
