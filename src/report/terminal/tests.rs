use super::*;
use crate::{
    address::{Address, Kind},
    event::{Outcome, Outputs, Pause, Phase, RolloutState, Verdict},
    plan::view::{Row, View},
};
use indicatif::TermLike;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn transcript(events: &[(u64, Event)], verbose: bool) -> String {
    let out = anstream::StripStream::new(Vec::new());
    let mut terminal = Terminal::new(out, None, Command::Deploy, verbose);
    for (now, event) in events {
        terminal.tick(at(*now)).expect("a vector can be written");
        terminal.tell(event, at(*now)).expect("a vector can be written");
    }
    String::from_utf8(terminal.out.into_inner()).expect("lines are text")
}

fn plan() -> View {
    let step = |action| Row {
        reason: "it does not exist".into(),
        action,
        before: Value::Null,
        after: Value::Null,
    };
    View {
        steps: [
            (Address::new(Kind::Image, "web"), step("build")),
            (Address::new(Kind::Endpoint, "ecr.api"), step("create")),
            (Address::new(Kind::Service, "web"), step("create")),
        ]
        .into_iter()
        .collect(),
        unchanged: 4,
        ..View::default()
    }
}

fn rollout(running: i32, pending: i32, elapsed: u64) -> Event {
    Event::Rollout(RolloutState {
        deployment: "ecs-svc/1".into(),
        desired: 2,
        running,
        pending,
        failed: 0,
        elapsed: at(elapsed),
        ..RolloutState::default()
    })
}

fn line(source: Source, text: &str) -> Event {
    Event::Line { source, text: text.into() }
}

fn events(last: Outcome) -> Vec<(u64, Event)> {
    let image = Address::new(Kind::Image, "web");
    let endpoint = Address::new(Kind::Endpoint, "ecr.api");
    vec![
        (0, Event::Phase(Phase::Observe)),
        (2, Event::Planned(plan().into())),
        (2, Event::Phase(Phase::Apply)),
        (2, Event::StepStarted(image.clone())),
        (2, Event::StepStarted(endpoint.clone())),
        (9, Event::StepDone { address: endpoint, id: "vpce-0abc".into(), took: at(7) }),
        (10, line(Source::Build, "#7 RUN make")),
        (92, line(Source::Build, "#8 DONE")),
        (95, Event::StepDone { address: image, id: "sha256:1234".into(), took: at(93) }),
        (95, Event::Warning("the endpoint `logs` has no policy\nand that is fine".into())),
        (96, Event::Phase(Phase::Rollout)),
        (97, rollout(0, 2, 1)),
        (102, rollout(0, 2, 6)),
        (103, line(Source::ServiceEvent, "(service web) has started 2 tasks")),
        (120, rollout(2, 0, 24)),
        (121, Event::Finished(Box::new(last))),
    ]
}

#[test]
fn a_deploy_reads_calmly() {
    let outcome = Outcome {
        service: "web".into(),
        verdict: Some(Verdict::Succeeded),
        outputs: Outputs {
            url: Some("http://web-1.elb.amazonaws.com".into()),
            image: Some("1.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:1234".into()),
            ..Outputs::default()
        },
        ..Outcome::default()
    };
    insta::assert_snapshot!(transcript(&events(outcome), false), @"
    - image/web         it does not exist
    + endpoint/ecr.api  it does not exist
    + service/web       it does not exist
    2 to create, 4 unchanged

      create   endpoint/ecr.api     7.0s  vpce-0abc
      still at it: image/web 1m 30s: #7 RUN make
      build    image/web          1m 33s  sha256:1234
    warning: the endpoint `logs` has no policy
    and that is fine
      rollout 0 of 2 tasks running, 2 starting, 1.0s
        event (service web) has started 2 tasks
      rollout 2 of 2 tasks running, 24s

    `web` is deployed (2m 01s)
      url   http://web-1.elb.amazonaws.com
      image 1.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:1234
    ");
}

/// A terminal that remembers what was drawn.
#[derive(Debug, Clone, Default)]
struct Screen(Arc<Mutex<String>>);

impl Screen {
    fn drawn(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        60
    }

    fn move_cursor_up(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }

    fn write_line(&self, line: &str) -> std::io::Result<()> {
        self.write_str(line)
    }

    fn write_str(&self, text: &str) -> std::io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
        Ok(())
    }

    fn clear_line(&self) -> std::io::Result<()> {
        Ok(())
    }

    fn flush(&self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn one_line_moves_until_the_end() {
    let screen = Screen::default();
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(screen.clone()), 255);
    let mut terminal = Terminal::new(Vec::new(), Some(moving(target)), Command::Deploy, false);
    let image = Address::new(Kind::Image, "web");
    let started = [
        Event::Phase(Phase::Apply),
        Event::StepStarted(image),
        line(Source::Build, "#7 RUN make"),
        Event::Warning("careful".into()),
    ];
    for event in &started {
        terminal.tell(event, at(0)).expect("a vector can be written");
    }
    terminal.tick(at(42)).expect("a vector can be written");
    assert!(screen.drawn().contains("image/web 42s: #7 RUN make"), "{:?}", screen.drawn());

    terminal.tell(&Event::Finished(Box::default()), at(43)).expect("a vector can be written");
    let before = screen.drawn();
    terminal.tick(at(44)).expect("a vector can be written");
    assert_eq!(screen.drawn(), before, "it still moves");
}

#[test]
fn a_rollout_is_a_block_that_ends_with_it() {
    let screen = Screen::default();
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(screen.clone()), 255);
    let mut terminal = Terminal::new(Vec::new(), Some(moving(target)), Command::Deploy, false);
    let words = |word: &str| vec![(word.to_owned(), 2)];
    let state = RolloutState {
        desired: 2,
        pending: 2,
        old_running: 2,
        tasks: words("ACTIVATING"),
        targets: words("initial"),
        stage: Some("SCALE_UP".into()),
        ..RolloutState::default()
    };
    let paused = Pause { since: Some(1_700_000_000), until: None, continues: true };
    let paused = RolloutState { pause: Some(paused), ..state.clone() };
    terminal.tell(&Event::Phase(Phase::Rollout), at(0)).expect("a vector can be written");
    terminal.tell(&Event::Rollout(state), at(1)).expect("a vector can be written");
    terminal.tick(at(3)).expect("a vector can be written");
    let drawn = screen.drawn();
    for line in
        ["0 of 2 tasks running, 2 ACTIVATING, 3.0s", "    SCALE_UP", "    targets: 2 initial"]
    {
        assert!(drawn.contains(line), "{line} in {drawn:?}");
    }
    assert_eq!(terminal.out, b"", "the block says it");

    // What is to be typed is to be copied, so it stays.
    terminal.tell(&Event::Rollout(paused), at(4)).expect("a vector can be written");
    let written = String::from_utf8_lossy(&terminal.out).into_owned();
    assert!(written.contains("to go on: `ecs-private-deploy continue`"), "{written}");
    terminal.tell(&Event::Phase(Phase::Apply), at(5)).expect("a vector can be written");
    terminal.tick(at(6)).expect("a vector can be written");
    let after = screen.drawn().split_off(drawn.len());
    let last = after.rsplit("applying").next().unwrap_or_default().to_owned();
    assert!(!last.contains("SCALE_UP"), "{after:?}");
}

#[test]
fn verbose_shows_the_build() {
    let shown = transcript(&events(Outcome::default()), true);
    assert!(shown.contains("    build #7 RUN make\n"), "{shown}");
}

#[test]
fn a_failure_ends_with_what_to_do() {
    let problem = Problem::new("the tasks of `web` stop\n::error::boo")
        .found("exit code 1")
        .found("log: cannot bind\nport 80")
        .help("run the image locally\nand look");
    let outcome = Outcome {
        service: "web".into(),
        verdict: Some(Verdict::RolledBack(problem)),
        ..Outcome::default()
    };
    let address = Address::new(Kind::Service, "web");
    let events = [
        (0, Event::Planned(plan().into())),
        (3, Event::StepFailed { address: address.clone(), problem: Problem::new("no\nroom") }),
        (3, Event::StepSkipped { address, waits_for: Address::new(Kind::Image, "web") }),
        (61, Event::Finished(Box::new(outcome))),
    ];
    insta::assert_snapshot!(transcript(&events, false), @"
    - image/web         it does not exist
    + endpoint/ecr.api  it does not exist
    + service/web       it does not exist
    2 to create, 4 unchanged

      failed   service/web       no room
      skipped  service/web       needs image/web

    error: the new version of `web` failed, the previous version is back (1m 01s)
      the tasks of `web` stop
      ::error::boo
        exit code 1
        log: cannot bind
        port 80
      help: run the image locally
            and look
    ");
}
