//! The reporter for people: lines on standard error, and where that is a terminal one moving line, or a
//! block of them while ECS rolls out.

use crate::{
    error::Problem,
    event::{Command, Event, Source},
    report::{Reporter, lines::Lines, underway::Underway},
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    io::{IsTerminal, Write, stderr},
    time::Duration,
};

/// How long it may be silent where nothing moves.
const SILENCE: Duration = Duration::from_secs(30);

/// Writes to a terminal or, without one, plain lines to wherever standard error goes.
pub struct Terminal<W> {
    out: W,
    progress: Option<ProgressBar>,
    /// Whether what moves is more than a line.
    is_block: bool,
    verbose: bool,
    lines: Lines,
    underway: Underway,
    last: Duration,
}

impl Terminal<anstream::AutoStream<std::io::Stderr>> {
    /// On standard error; colours where it is a terminal, as `NO_COLOR` and `CLICOLOR` allow.
    pub fn stderr(command: Command, verbose: bool) -> Self {
        let progress = stderr().is_terminal().then(|| moving(ProgressDrawTarget::stderr()));
        Self::new(anstream::AutoStream::auto(stderr()), progress, command, verbose)
    }
}

fn moving(target: ProgressDrawTarget) -> ProgressBar {
    ProgressBar::with_draw_target(None, target).with_style(style(false))
}

fn style(is_block: bool) -> ProgressStyle {
    let template = if is_block {
        "{spinner:.cyan} {wide_msg}\n{prefix}"
    } else {
        "{spinner:.cyan} {wide_msg}"
    };
    ProgressStyle::with_template(template).expect("the template is valid").tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ")
}

impl<W: Write + Send> Terminal<W> {
    /// On any stream, with a moving line where there is one.
    pub fn new(out: W, progress: Option<ProgressBar>, command: Command, verbose: bool) -> Self {
        Self {
            out,
            progress,
            is_block: false,
            verbose,
            lines: Lines::new(command),
            underway: Underway::default(),
            last: Duration::ZERO,
        }
    }

    /// Whether the moving line says it better, or nobody asked.
    fn quiet(&self, event: &Event) -> bool {
        match event {
            Event::Line { source: Source::Build | Source::Cache, .. } => !self.verbose,
            // A pause needs what can be copied.
            Event::Rollout(state) => self.progress.is_some() && state.pause.is_none(),
            _ => false,
        }
    }

    fn write(&mut self, lines: &[String], now: Duration) -> Result<(), Problem> {
        if lines.is_empty() {
            return Ok(());
        }
        self.last = now;
        let out = &mut self.out;
        let mut write =
            || lines.iter().try_for_each(|line| writeln!(out, "{line}")).and_then(|()| out.flush());
        let written = match &self.progress {
            Some(progress) => progress.suspend(write),
            None => write(),
        };
        written.map_err(|why| Problem::new(format!("standard error cannot be written: {why}")))
    }
}

impl<W: Write + Send> Reporter for Terminal<W> {
    fn tell(&mut self, event: &Event, now: Duration) -> Result<(), Problem> {
        self.underway.take(event, now);
        if matches!(event, Event::Finished(_))
            && let Some(progress) = self.progress.take()
        {
            progress.finish_and_clear();
        }
        if self.quiet(event) {
            return Ok(());
        }
        let lines = self.lines.of(event, now);
        self.write(&lines, now)
    }

    fn tick(&mut self, now: Duration) -> Result<(), Problem> {
        let Some(status) = self.underway.status(now) else { return Ok(()) };
        match &self.progress {
            Some(progress) => {
                let lines: Vec<_> = self
                    .underway
                    .rollout_lines()
                    .iter()
                    .map(|line| format!("    {line}"))
                    .collect();
                if self.is_block == lines.is_empty() {
                    self.is_block = !lines.is_empty();
                    progress.set_style(style(self.is_block));
                }
                progress.set_message(status);
                progress.set_prefix(lines.join("\n"));
                progress.tick();
                Ok(())
            }
            None if now.saturating_sub(self.last) >= SILENCE => {
                self.write(&[format!("  still at it: {status}")], now)
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
