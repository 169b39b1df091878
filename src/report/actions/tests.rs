use super::*;
use crate::{
    address::{Address, Kind},
    event::{Outcome, Outputs, Phase, RolloutState, Verdict},
    plan::view::{Row, View},
};
use serde_json::Value;

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn log(secrets: &Secrets, events: &[(u64, Event)]) -> String {
    let mut actions = Actions::new(Vec::new(), Command::Deploy, secrets.clone());
    for (now, event) in events {
        actions.tick(at(*now)).expect("a vector can be written");
        actions.tell(event, at(*now)).expect("a vector can be written");
    }
    String::from_utf8(actions.out).expect("lines are text")
}

/// The log with each fence's word replaced by its number, so that it can be compared.
fn numbered(log: &str) -> String {
    let words: Vec<_> =
        log.lines().filter_map(|line| line.strip_prefix("::stop-commands::")).collect();
    words
        .iter()
        .enumerate()
        .fold(log.to_owned(), |log, (i, word)| log.replace(word, &format!("fence-{i}")))
}

/// What the runner obeys, by its own rules.
fn obeyed(log: &str) -> Vec<String> {
    let mut end: Option<String> = None;
    let mut obeyed = Vec::new();
    for line in log.lines() {
        if let Some(word) = &end {
            if line.trim_start().starts_with(&format!("::{word}::")) {
                end = None;
            }
        } else if let Some(word) = line.strip_prefix("::stop-commands::") {
            end = Some(word.to_owned());
        } else if looks_like_command(line) {
            obeyed.push(line.to_owned());
        }
    }
    assert_eq!(end, None, "a fence stays open at the end:\n{log}");
    obeyed
}

fn line(source: Source, text: &str) -> Event {
    Event::Line { source, text: text.into() }
}

fn plan() -> View {
    let step = Row {
        reason: "it does not exist".into(),
        action: "create",
        before: Value::Null,
        after: Value::Null,
    };
    View {
        steps: [
            (Address::new(Kind::Image, "web"), step.clone()),
            (Address::new(Kind::Endpoint, "ecr.api"), step),
        ]
        .into_iter()
        .collect(),
        unchanged: 1,
        ..View::default()
    }
}

fn finished(verdict: Verdict) -> Event {
    Event::Finished(Box::new(Outcome {
        service: "web".into(),
        verdict: Some(verdict),
        outputs: Outputs { url: Some("http://web.example.com".into()), ..Outputs::default() },
        ..Outcome::default()
    }))
}

#[test]
fn a_deploy_reads_well_in_the_log() {
    let image = Address::new(Kind::Image, "web");
    let endpoint = Address::new(Kind::Endpoint, "ecr.api");
    let running = |running, elapsed| {
        Event::Rollout(RolloutState {
            deployment: "ecs-svc/1".into(),
            desired: 1,
            running,
            pending: 1 - running,
            failed: 0,
            elapsed: at(elapsed),
            ..RolloutState::default()
        })
    };
    let events = [
        (0, Event::Phase(Phase::Observe)),
        (2, Event::Planned(plan().into())),
        (2, Event::Phase(Phase::Apply)),
        (2, Event::StepStarted(image.clone())),
        (2, Event::StepStarted(endpoint.clone())),
        (3, line(Source::Build, "#1 load")),
        (4, line(Source::Build, "::error::from the build")),
        (9, Event::StepDone { address: endpoint, id: "vpce-0abc".into(), took: at(7) }),
        (33, line(Source::Build, "#2 RUN make")),
        (70, line(Source::Build, "#2 DONE")),
        (71, Event::StepDone { address: image, id: "sha256:12".into(), took: at(69) }),
        (72, Event::Phase(Phase::Rollout)),
        (73, running(0, 1)),
        (74, line(Source::ServiceEvent, "(service web) has started 1 tasks")),
        (75, line(Source::ServiceEvent, "##[error]from ECS")),
        (80, running(1, 8)),
        (110, Event::Warning("careful,\n100%".into())),
        (115, finished(Verdict::Succeeded)),
    ];
    let log = log(&Secrets::default(), &events);
    insta::assert_snapshot!(numbered(&log), @"
    ::group::plan: 2 to create, 1 unchanged
    + image/web         it does not exist
    + endpoint/ecr.api  it does not exist
    2 to create, 1 unchanged

    ::endgroup::
      create   endpoint/ecr.api     7.0s  vpce-0abc
    ::group::build: 2 lines, 33s
    ::stop-commands::fence-0
    #1 load
    ::error::from the build
    ::fence-0::
    ::endgroup::
    ::group::build: 1 line, 1m 10s
    ::stop-commands::fence-1
    #2 RUN make
    ::fence-1::
    ::endgroup::
    ::group::build: 1 line, 1m 11s
    ::stop-commands::fence-2
    #2 DONE
    ::fence-2::
    ::endgroup::
      create   image/web          1m 09s  sha256:12
      rollout 0 of 1 task running, 1 starting, 1.0s
    ::stop-commands::fence-3
        event (service web) has started 1 tasks
        event ##[error]from ECS
      rollout 1 of 1 task running, 8.0s
      still at it: 1 of 1 task running, 38s
    ::fence-3::
    ::warning::careful,%0A100%25

    `web` is deployed (1m 55s)
      url   http://web.example.com
    ::notice title=web is deployed::http://web.example.com
    ");
    insta::assert_snapshot!(obeyed(&log).join("\n"), @"
    ::group::plan: 2 to create, 1 unchanged
    ::endgroup::
    ::group::build: 2 lines, 33s
    ::endgroup::
    ::group::build: 1 line, 1m 10s
    ::endgroup::
    ::group::build: 1 line, 1m 11s
    ::endgroup::
    ::warning::careful,%0A100%25
    ::notice title=web is deployed::http://web.example.com
    ");
}

#[test]
fn a_failure_is_one_annotation_that_carries_everything() {
    let problem = Problem::new("a task stopped").found("exit code 1\n::notice::x").help("look");
    let log = log(&Secrets::default(), &[(9, finished(Verdict::RolledBack(problem)))]);
    insta::assert_snapshot!(log, @"
    error: the new version of `web` failed, the previous version is back (9.0s)
      url          http://web.example.com
    ::error title=the new version of web failed%2C the previous version is back::a task stopped%0A  exit code 1%0A  ::notice::x%0A  help: look
    ");
}

#[test]
fn a_failure_that_an_annotation_would_cut_is_also_told_in_lines() {
    let mut problem = Problem::new("the build failed");
    for i in 0..1000 {
        problem = problem.found(format!("::error::line {i}"));
    }
    let log = log(&Secrets::default(), &[(9, finished(Verdict::Failed(problem)))]);
    assert!(log.contains("    ::error::line 999\n"), "{log}");
    assert_eq!(obeyed(&log).len(), 1, "{log}");
}

#[test]
fn secrets_are_masked_before_anything_else_is_written() {
    let secrets = Secrets::default();
    secrets.add(&Secret::new("first\nsecret"));
    let mut actions = Actions::new(Vec::new(), Command::Deploy, secrets.clone());
    actions.tell(&line(Source::ServiceEvent, "an event"), at(0)).expect("a vector");
    secrets.add(&Secret::new("late%secret"));
    actions.tick(at(1)).expect("a vector");
    actions.tell(&Event::Warning("w".into()), at(1)).expect("a vector");
    let log = String::from_utf8(actions.out).expect("lines are text");
    insta::assert_snapshot!(numbered(&log), @"
    ::add-mask::first%0Asecret
    ::add-mask::secret
    ::stop-commands::fence-0
        event an event
    ::fence-0::
    ::add-mask::late%25secret
    ::warning::w
    ");
    assert_eq!(obeyed(&log).len(), 4, "{log}");
}

#[test]
fn a_silent_wait_shows_that_it_lives() {
    let mut actions = Actions::new(Vec::new(), Command::Deploy, Secrets::default());
    actions.tell(&Event::Phase(Phase::Apply), at(0)).expect("a vector");
    let image = Address::new(Kind::Image, "web");
    actions.tell(&Event::StepStarted(image), at(0)).expect("a vector");
    for now in 1..=95 {
        actions.tick(at(now)).expect("a vector");
    }
    insta::assert_snapshot!(String::from_utf8_lossy(&actions.out), @"
    still at it: image/web 30s
    still at it: image/web 1m 00s
    still at it: image/web 1m 30s
    ");
}
