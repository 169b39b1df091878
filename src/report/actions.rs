//! The reporter for a workflow's log: groups, annotations, masks, and fences around the words of
//! others.
//!
//! Groups cannot nest and steps run side by side, so build output is held back and shown in folded
//! portions, between the lines of the steps. All goes to one stream, because the runner reads two
//! without keeping their order.

use crate::{
    error::Problem,
    event::{Command, Event, Outcome, Source},
    plan::view::counts,
    report::{
        Reporter,
        annotation::{Level, annotation, data, looks_like_command, mask, too_long},
        ending::{self, State},
        format::{duration, plural},
        lines::{self, Lines},
        underway::Underway,
    },
    secret::{Secret, Secrets},
};
use anstream::adapter::strip_str;
use std::{io::Write, time::Duration};
use uuid::Uuid;

/// How long the log may be silent, and build output held back.
const SILENCE: Duration = Duration::from_secs(30);

/// Writes to the log of a workflow.
pub struct Actions<W> {
    out: W,
    secrets: Secrets,
    masked: Vec<Secret>,
    /// What ends the fence that is open.
    fence: Option<String>,
    held: Vec<String>,
    held_since: Duration,
    group: &'static str,
    lines: Lines,
    underway: Underway,
    last: Duration,
}

impl Actions<std::io::Stderr> {
    /// On standard error.
    pub fn stderr(command: Command, secrets: Secrets) -> Self {
        Self::new(std::io::stderr(), command, secrets)
    }
}

impl<W: Write + Send> Actions<W> {
    /// On any stream.
    pub fn new(out: W, command: Command, secrets: Secrets) -> Self {
        Self {
            out,
            secrets,
            masked: Vec::new(),
            fence: None,
            held: Vec::new(),
            held_since: Duration::ZERO,
            group: "build",
            lines: Lines::new(command),
            underway: Underway::default(),
            last: Duration::ZERO,
        }
    }

    fn on_event(&mut self, event: &Event, now: Duration) -> std::io::Result<()> {
        self.announce_secrets()?;
        match event {
            Event::Line { source: source @ (Source::Build | Source::Log), text } => {
                let group = if *source == Source::Build { "build" } else { "container log" };
                if group != self.group {
                    self.release(now)?;
                }
                if self.held.is_empty() {
                    self.held_since = now;
                }
                self.group = group;
                self.held.push(text.clone());
                return Ok(());
            }
            Event::Line {
                source:
                    Source::ServiceEvent
                    | Source::Cache
                    | Source::Waiting
                    | Source::Decided
                    | Source::Sweep,
                ..
            } => {
                self.fence()?;
            }
            Event::StepDone { .. } | Event::StepFailed { .. } | Event::Phase(_)
                if self.held_is_complete() =>
            {
                self.release(now)?;
            }
            Event::Finished(outcome) => {
                self.release(now)?;
                return self.end(outcome, now);
            }
            _ => {}
        }
        let lines = self.lines.of(event, now);
        if !lines.is_empty() {
            self.last = now;
        }
        match event {
            Event::Planned(plan) => {
                if !lines.is_empty() {
                    self.in_group(&format!("plan: {}", counts(plan)), &lines)?;
                }
                plan.warnings.iter().try_for_each(|warning| self.warn(warning))
            }
            Event::Warning(text) => self.warn(text),
            _ => self.say(&lines),
        }
    }

    fn warn(&mut self, text: &str) -> std::io::Result<()> {
        self.command(&annotation(Level::Warning, "", text))
    }

    /// The log shows an annotation's message but not its title, so the sentence is a line as well,
    /// and what went wrong is one only where the annotation is cut.
    fn end(&mut self, outcome: &Outcome, now: Duration) -> std::io::Result<()> {
        let ending = ending::of(outcome);
        self.say(&lines::sentence(&ending, now))?;
        let mut told = ending.problem.map(ToString::to_string);
        if let Some(problem) = ending.problem.filter(|_| told.as_deref().is_some_and(too_long)) {
            self.say(&lines::problem(problem))?;
            // The evidence is what is long, and what to do stands behind it.
            told = Some(Problem { found: Vec::new(), ..problem.clone() }.to_string());
        }
        self.say(&lines::stands(outcome))?;
        let level = match ending.state {
            State::Good => Level::Notice,
            State::Neutral => Level::Warning,
            State::Bad => Level::Error,
        };
        let title = ending.title.replace('`', "");
        let command = match told.or_else(|| outcome.outputs.url.clone()) {
            Some(message) => annotation(level, &title, &message),
            None => annotation(level, "", &title),
        };
        self.command(&command)
    }

    fn on_tick(&mut self, now: Duration) -> std::io::Result<()> {
        self.announce_secrets()?;
        if !self.held.is_empty() && now.saturating_sub(self.held_since) >= SILENCE {
            self.release(now)?;
        }
        match self.underway.status(now) {
            Some(status) if now.saturating_sub(self.last) >= SILENCE => {
                self.last = now;
                self.say(&[format!("  still at it: {status}")])
            }
            _ => Ok(()),
        }
    }

    /// Whether nothing more is to come soon for what is held back.
    fn held_is_complete(&self) -> bool {
        !self.held.is_empty() && (self.group != "build" || !self.underway.building())
    }

    /// Shows what was held back, folded.
    fn release(&mut self, now: Duration) -> std::io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        self.last = now;
        let held = std::mem::take(&mut self.held);
        let title = format!("{}: {}, {}", self.group, plural(held.len(), "line"), duration(now));
        self.command(&format!("::group::{}", data(&title)))?;
        self.fence()?;
        for line in &held {
            writeln!(self.out, "{line}")?;
        }
        self.command("::endgroup::")
    }

    fn in_group(&mut self, title: &str, lines: &[String]) -> std::io::Result<()> {
        self.command(&format!("::group::{}", data(title)))?;
        self.say(lines)?;
        self.command("::endgroup::")
    }

    /// Writes lines of ours. They may quote others, so a line that the runner could take for a
    /// command is fenced.
    fn say(&mut self, lines: &[String]) -> std::io::Result<()> {
        for line in lines {
            let line = strip_str(line).to_string();
            if looks_like_command(&line) {
                self.fence()?;
            }
            writeln!(self.out, "{line}")?;
        }
        self.out.flush()
    }

    fn command(&mut self, command: &str) -> std::io::Result<()> {
        if let Some(end) = self.fence.take() {
            writeln!(self.out, "::{end}::")?;
        }
        writeln!(self.out, "{command}")?;
        self.out.flush()
    }

    /// From here on the runner obeys nothing, until a command of ours ends it with a word that
    /// nobody could know.
    fn fence(&mut self) -> std::io::Result<()> {
        if self.fence.is_none() {
            let end = Uuid::new_v4().to_string();
            writeln!(self.out, "::stop-commands::{end}")?;
            self.fence = Some(end);
        }
        Ok(())
    }

    /// Before anything is written, since what is written next may quote a secret that is new.
    fn announce_secrets(&mut self) -> std::io::Result<()> {
        for secret in self.secrets.all() {
            if !self.masked.contains(&secret) {
                self.command(&mask(secret.expose()))?;
                self.masked.push(secret);
            }
        }
        Ok(())
    }
}

fn lost(why: &std::io::Error) -> Problem {
    Problem::new(format!("the log cannot be written: {why}"))
}

impl<W: Write + Send> Reporter for Actions<W> {
    fn tell(&mut self, event: &Event, now: Duration) -> Result<(), Problem> {
        self.underway.take(event, now);
        self.on_event(event, now).map_err(|why| lost(&why))
    }

    fn tick(&mut self, now: Duration) -> Result<(), Problem> {
        self.on_tick(now).map_err(|why| lost(&why))
    }
}

#[cfg(test)]
mod tests;
