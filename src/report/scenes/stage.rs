//! What the scenes are made of, and the reporters that watch them.

use crate::{
    address::{Address, Kind},
    context::{Context, GitHub},
    event::{Command, Event, Outcome, Outputs, Phase, RolloutState, Source, Span, Verdict},
    exit,
    plan::view::{Row, View},
    report::{Reporter, actions::Actions, comment, summary, terminal::Terminal},
    secret::Secrets,
};
use serde_json::{Value, json};
use std::{
    io::Write,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

pub(super) const IMAGE: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web";
pub(super) const DIGEST: &str = "sha256:9f3ad1";
pub(super) const URL: &str = "http://web-1890.eu-west-1.elb.amazonaws.com";

pub(super) const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A writer whose content can be read afterwards.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Page {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let text = String::from_utf8(bytes).expect("reporters write text");
        anstream::adapter::strip_str(&text).to_string()
    }
}

/// The one place where a plan is made up.
pub(super) fn plan(
    rows: &[(&'static str, Kind, &str, &str)],
    unchanged: usize,
    warnings: &[&str],
) -> View {
    let row = |action, reason: &str| {
        let (before, after) = match action {
            "update" => (json!({ "tasks": 1 }), json!({ "tasks": 2 })),
            _ => (Value::Null, Value::Null),
        };
        Row { action, reason: reason.to_owned(), before, after }
    };
    View {
        steps: rows
            .iter()
            .map(|(action, kind, name, why)| (Address::new(*kind, *name), row(action, why)))
            .collect(),
        unchanged,
        warnings: warnings.iter().map(|&warning| warning.to_owned()).collect(),
        ..View::default()
    }
}

pub(super) fn first_plan() -> Arc<View> {
    let cost = "adds about 99 USD a month before traffic (load balancer with 1 LCU 22.27)";
    let plan = plan(
        &[
            ("create", Kind::Repository, "web", "no such repository in eu-west-1"),
            ("create", Kind::Image, "web", "no image under the tag 0123abcdef01"),
            ("create", Kind::Endpoint, "ecr.api", "tasks in private subnets pull through it"),
            ("create", Kind::LoadBalancer, "shared", "no such load balancer"),
            ("create", Kind::Service, "web", "no such service in cluster `default`"),
        ],
        3,
        &["only two addresses are left in `subnet-0a`"],
    );
    Arc::new(View { cost: Some(cost.to_owned()), ..plan })
}

pub(super) fn second_plan() -> Arc<View> {
    Arc::new(plan(
        &[
            ("create", Kind::Image, "web", "no image under the tag 89abcdef0123"),
            ("update", Kind::Service, "web", "its image differs"),
        ],
        14,
        &[],
    ))
}

pub(super) fn context() -> Context {
    Context {
        commit: Some("0123abcdef0123abcdef0123abcdef0123abcdef".into()),
        github: Some(GitHub {
            repository: "octo/app".into(),
            api_url: "https://api.github.com".into(),
            server_url: "https://github.com".into(),
            run_id: Some(42),
            pull_request: Some(7),
            token: None,
            output: None,
            step_summary: None,
        }),
        ..Context::default()
    }
}

pub(super) fn outputs() -> Outputs {
    Outputs {
        url: Some(URL.into()),
        image: Some(format!("{IMAGE}@{DIGEST}")),
        image_digest: Some(DIGEST.into()),
        task_definition_arn: Some(
            "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:12".into(),
        ),
        service_arn: Some("arn:aws:ecs:eu-west-1:123456789012:service/default/web".into()),
        cluster_arn: Some("arn:aws:ecs:eu-west-1:123456789012:cluster/default".into()),
        load_balancer_dns: Some("web-1890.eu-west-1.elb.amazonaws.com".into()),
        changed: true,
    }
}

pub(super) fn outcome(plan: Option<&Arc<View>>, verdict: Option<Verdict>) -> Outcome {
    Outcome {
        command: Command::Deploy,
        service: "web".into(),
        preview: None,
        neutral: None,
        plan: plan.cloned(),
        changed: verdict.is_some(),
        is_cancelled: false,
        outputs: if plan.is_some() { outputs() } else { Outputs::default() },
        cost: None,
        exit_code: exit::OK,
        error: None,
        timeline: vec![Span { name: "observe".into(), start: at(0), end: at(4) }],
        verdict,
    }
}

pub(super) fn span(name: &str, start: u64, end: u64) -> Span {
    Span { name: name.into(), start: at(start), end: at(end) }
}

pub(super) fn started(kind: Kind, name: &str) -> Event {
    Event::StepStarted(Address::new(kind, name))
}

pub(super) fn done(kind: Kind, name: &str, id: &str, seconds: u64) -> Event {
    Event::StepDone { address: Address::new(kind, name), id: id.into(), took: at(seconds) }
}

pub(super) fn said(source: Source, text: &str) -> Event {
    Event::Line { source, text: text.into() }
}

pub(super) fn rollout(running: i32, pending: i32, failed: i32, elapsed: u64) -> Event {
    let deployment = "ecs-svc/8841".into();
    Event::Rollout(RolloutState {
        deployment,
        desired: 2,
        running,
        pending,
        failed,
        elapsed: at(elapsed),
        ..RolloutState::default()
    })
}

pub(super) fn finished(outcome: Outcome) -> Event {
    Event::Finished(Box::new(outcome))
}

/// A second version up to where the rollout has begun.
pub(super) fn rolling() -> Vec<(u64, Event)> {
    vec![
        (0, Event::Phase(Phase::Observe)),
        (4, Event::Planned(second_plan())),
        (4, Event::Phase(Phase::Apply)),
        (4, started(Kind::Image, "web")),
        (31, done(Kind::Image, "web", &format!("{IMAGE}@{DIGEST}"), 27)),
        (31, started(Kind::Service, "web")),
        (
            32,
            done(Kind::Service, "web", "arn:aws:ecs:eu-west-1:123456789012:service/default/web", 1),
        ),
        (32, Event::Phase(Phase::Rollout)),
        (33, rollout(0, 2, 0, 1)),
        (
            40,
            said(Source::ServiceEvent, "(service web) has started 2 tasks: (task 7d1) (task 9c2)."),
        ),
    ]
}

/// The run as all four tell it.
pub(super) fn told(events: &[(u64, Event)]) -> String {
    let (terminal, log) = (Page::default(), Page::default());
    let mut reporters: [Box<dyn Reporter>; 2] = [
        Box::new(Terminal::new(terminal.clone(), None, Command::Deploy, false)),
        Box::new(Actions::new(log.clone(), Command::Deploy, Secrets::default())),
    ];
    let mut clock = 0;
    for (when, event) in events {
        for now in clock..=*when {
            for reporter in &mut reporters {
                reporter.tick(at(now)).expect("a page can be written");
            }
        }
        clock = when + 1;
        for reporter in &mut reporters {
            reporter.tell(event, at(*when)).expect("a page can be written");
        }
    }
    let Some((_, Event::Finished(outcome))) = events.last() else {
        unreachable!("every scene ends")
    };
    format!(
        "==== terminal\n{}\n==== workflow log\n{}\n==== job summary\n{}\n==== comment\n{}",
        terminal.text(),
        without_fence_words(&log.text()),
        summary::render(outcome),
        comment::render(outcome, &context()),
    )
}

pub(super) fn without_fence_words(log: &str) -> String {
    log.lines()
        .filter_map(|line| line.strip_prefix("::stop-commands::"))
        .fold(log.to_owned(), |log, word| log.replace(word, "FENCE"))
}
