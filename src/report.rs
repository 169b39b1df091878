//! Tells what happens: the consumers of events.
//!
//! Apart from the engine, so that nothing in the engine prints and nothing here decides.

pub mod actions;
pub mod annotation;
pub mod comment;
pub mod confirm;
pub mod deployment;
pub mod ending;
pub mod fatal;
pub mod files;
pub mod format;
pub mod lines;
pub mod markdown;
pub mod page;
pub mod publish;
pub mod redact;
pub mod rollout;
pub mod stdout;
pub mod summary;
pub mod swept;
pub mod terminal;
pub mod timeline;
pub mod underway;

use crate::{
    context::{Context, GitHub},
    error::Problem,
    event::{Command, Event},
    github::Client,
    secret::Secrets,
};
use futures_util::future::{BoxFuture, FutureExt, ready};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval, timeout},
};

/// Often enough for a spinner to turn.
const TICK: Duration = Duration::from_millis(100);

/// How long the last words of all reporters may take; a cancelled job is killed soon after that
/// (<https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-cancellation>).
const LAST_WORDS: Duration = Duration::from_secs(10);

/// The same of a run that was cancelled, which has less than that left.
const LAST_WORDS_IF_CANCELLED: Duration = Duration::from_millis(2500);

/// One consumer of events. An error ends it and becomes a warning that the others tell.
pub trait Reporter: Send {
    /// Tells one event; `now` counts from the run's start, and every text is redacted.
    fn tell(&mut self, event: &Event, now: Duration) -> Result<(), Problem>;

    /// Called several times a second, for whatever shows that time goes by.
    fn tick(&mut self, _now: Duration) -> Result<(), Problem> {
        Ok(())
    }

    /// Whether the steps that come after read what it writes, and not people.
    fn is_for_steps(&self) -> bool {
        false
    }

    /// What it is called where it fails.
    fn name(&self) -> &'static str {
        "a report"
    }

    /// Called once after the last event.
    fn finish(&mut self) -> BoxFuture<'_, Result<(), Problem>> {
        ready(Ok(())).boxed()
    }
}

/// What decides which reporters a run has.
#[derive(Debug)]
pub struct Setup<'a> {
    /// What this run is.
    pub context: &'a Context,
    /// Every secret of the run, also those that become known later.
    pub secrets: Secrets,
    /// Whether build output is shown as it comes.
    pub verbose: bool,
    /// The ECS service's name.
    pub service: &'a str,
    /// The command that runs.
    pub command: Command,
    /// The number of the pull request whose preview this is about.
    pub preview: Option<u64>,
}

impl Setup<'_> {
    /// The reporters of this run. Call it inside the runtime: the comment's reporter works beside
    /// the others, and ends with [`run`].
    pub fn reporters(&self) -> Vec<Box<dyn Reporter>> {
        let Some(github) = &self.context.github else {
            return vec![Box::new(terminal::Terminal::stderr(self.command, self.verbose))];
        };
        if let Some(token) = &github.token {
            self.secrets.add(token);
        }
        let mut reporters: Vec<Box<dyn Reporter>> =
            vec![Box::new(actions::Actions::stderr(self.command, self.secrets.clone()))];
        if let Some(path) = &github.output {
            reporters.push(Box::new(files::OutputFile::new(path.clone())));
        }
        if let Some(path) = &github.step_summary {
            reporters.push(Box::new(files::SummaryFile::new(path.clone())));
        }
        if let Some(token) = &github.token {
            match Client::new(&github.api_url, &github.repository, token) {
                Ok(client) => self.on_github(github, &Arc::new(client), &mut reporters),
                Err(why) => reporters.push(Box::new(Unable(why))),
            }
        }
        reporters
    }

    /// Those that tell GitHub; the first to end are those of which a cancelled run needs least.
    fn on_github(
        &self,
        github: &GitHub,
        client: &Arc<Client>,
        reporters: &mut Vec<Box<dyn Reporter>>,
    ) {
        let number = match self.command {
            Command::PreviewUp | Command::PreviewDown | Command::PreviewSweep => self.preview,
            _ => self.preview.or(github.pull_request),
        };
        if let Some(number) = number {
            reporters.push(Box::new(publish::CommentReporter::new(self, client, number)));
        }
        if let Some(deployment) = deployment::DeploymentReporter::new(self, client) {
            reporters.push(Box::new(deployment));
        }
        reporters.push(Box::new(swept::SweptReporter::new(self.context, client)));
    }
}

/// In the place of reporters that cannot do anything, so that their reason is told once.
struct Unable(Problem);

impl Reporter for Unable {
    fn tell(&mut self, _event: &Event, _now: Duration) -> Result<(), Problem> {
        Err(self.0.clone())
    }
}

/// The name of the service that a preview is of: `web` of `web-pr-42`.
pub fn main_service(service: &str, preview: Option<u64>) -> &str {
    let end = preview.map(|number| format!("-pr-{number}"));
    end.and_then(|end| service.strip_suffix(&end)).unwrap_or(service)
}

/// Tells everything that comes, until every sender is gone and the last words are said. Run it
/// beside the engine and wait for it before the program ends.
pub async fn run(
    events: mpsc::UnboundedReceiver<Event>,
    secrets: Secrets,
    reporters: Vec<Box<dyn Reporter>>,
) {
    tell_all(events, &secrets, reporters, LAST_WORDS).await;
}

async fn tell_all(
    mut events: mpsc::UnboundedReceiver<Event>,
    secrets: &Secrets,
    mut reporters: Vec<Box<dyn Reporter>>,
    mut last_words: Duration,
) {
    let start = Instant::now();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Some(event) => {
                    if matches!(&event, Event::Finished(outcome) if outcome.is_cancelled) {
                        last_words = last_words.min(LAST_WORDS_IF_CANCELLED);
                    }
                    let whole =
                        secrets.hides().then(|| redact::event_for_outputs(&event, secrets));
                    let event = redact::event(&event, secrets);
                    let now = start.elapsed();
                    each(&mut reporters, secrets, now, |reporter| match &whole {
                        Some(whole) if reporter.is_for_steps() => reporter.tell(whole, now),
                        _ => reporter.tell(&event, now),
                    });
                }
                None => break,
            },
            _ = ticks.tick() => {
                let now = start.elapsed();
                each(&mut reporters, secrets, now, |reporter| reporter.tick(now));
            }
        }
    }
    let deadline = start.elapsed() + last_words;
    let mut ended = Vec::new();
    for reporter in &mut reporters {
        let left = deadline.saturating_sub(start.elapsed());
        let name = reporter.name();
        let result = timeout(left, reporter.finish()).await.unwrap_or_else(|_| {
            Err(Problem::new(format!("{name} was not finished in time")).found(format!(
                "waited {}, which is all that a run waits at its end",
                format::duration(last_words)
            )))
        });
        ended.push(result);
    }
    let mut ended = ended.into_iter();
    let now = start.elapsed();
    each(&mut reporters, secrets, now, |_| ended.next().unwrap_or(Ok(())));
}

/// Lets each reporter act. Those that fail are dropped, and the others are told why; a failure to
/// tell that drops the next one, so this ends.
fn each(
    reporters: &mut Vec<Box<dyn Reporter>>,
    secrets: &Secrets,
    now: Duration,
    mut act: impl FnMut(&mut dyn Reporter) -> Result<(), Problem>,
) {
    let mut warnings = Vec::new();
    reporters
        .retain_mut(|reporter| act(reporter.as_mut()).map_err(|why| warnings.push(why)).is_ok());
    while let Some(problem) = warnings.pop() {
        let event = redact::event(&Event::Warning(problem.to_string()), secrets);
        reporters.retain_mut(|reporter| {
            reporter.tell(&event, now).map_err(|why| warnings.push(why)).is_ok()
        });
    }
}

#[cfg(test)]
mod scenes;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{event::Events, secret::Secret};
    use std::sync::{Arc, Mutex};

    struct Listener(Arc<Mutex<Vec<String>>>);

    impl Reporter for Listener {
        fn tell(&mut self, event: &Event, _now: Duration) -> Result<(), Problem> {
            self.0.lock().expect("no test panics with it").push(format!("{event:?}"));
            Ok(())
        }
    }

    struct Broken;

    impl Reporter for Broken {
        fn tell(&mut self, _event: &Event, _now: Duration) -> Result<(), Problem> {
            Err(Problem::new("no room for hunter2 on the device"))
        }
    }

    struct Endless;

    impl Reporter for Endless {
        fn tell(&mut self, _event: &Event, _now: Duration) -> Result<(), Problem> {
            Ok(())
        }

        fn finish(&mut self) -> BoxFuture<'_, Result<(), Problem>> {
            std::future::pending().boxed()
        }
    }

    async fn heard(reporter: impl Reporter + 'static, texts: &[&str]) -> Vec<String> {
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let secrets = Secrets::default();
        secrets.add(&Secret::new("hunter2"));
        let (events, receiver) = Events::channel();
        for text in texts {
            events.send(Event::Warning((*text).to_owned()));
        }
        drop(events);
        let reporters: Vec<Box<dyn Reporter>> =
            vec![Box::new(reporter), Box::new(Listener(heard.clone()))];
        tell_all(receiver, &secrets, reporters, Duration::from_millis(20)).await;
        heard.lock().expect("no test panics with it").clone()
    }

    #[tokio::test]
    async fn a_reporter_that_fails_is_one_redacted_warning() {
        let heard = heard(Broken, &["the password is hunter2", "still here"]).await;
        assert_eq!(
            heard,
            [
                r#"Warning("the password is ***")"#,
                r#"Warning("no room for *** on the device")"#,
                r#"Warning("still here")"#
            ]
        );
    }

    #[tokio::test]
    async fn a_reporter_that_does_not_end_is_left_behind() {
        let heard = heard(Endless, &[]).await;
        assert!(heard[0].contains("not finished in time"), "{heard:?}");
    }
}
