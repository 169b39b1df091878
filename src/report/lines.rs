//! The lines that a person reads: one event in, styled lines out, for the terminal and for logs.

use crate::{
    address::Address,
    error::Problem,
    event::{Command, Event, Outcome, RolloutState, Source},
    report::{
        ending::{self, Ending, State},
        format::{clip, duration},
        rollout,
    },
};
use indexmap::IndexMap;
use owo_colors::OwoColorize;
use std::time::Duration;

/// A step's line shows this much of why it failed; the whole text comes at the end.
const SHORT: usize = 200;

/// Turns events into lines; remembers what makes them align and keeps them from repeating.
#[derive(Debug)]
pub struct Lines {
    command: Command,
    verbs: IndexMap<Address, &'static str>,
    verb_width: usize,
    address_width: usize,
    rollout: Option<RolloutState>,
}

impl Lines {
    /// The lines of a run of this command.
    pub fn new(command: Command) -> Self {
        Self {
            command,
            verbs: IndexMap::new(),
            verb_width: "skipped".len(),
            address_width: 0,
            rollout: None,
        }
    }

    /// What the event is to say, where it says anything.
    pub fn of(&mut self, event: &Event, now: Duration) -> Vec<String> {
        match event {
            Event::Phase(_) | Event::StepStarted(_) => Vec::new(),
            Event::Planned(plan) => {
                for (address, step) in &plan.steps {
                    self.verb_width = self.verb_width.max(step.action.len());
                    self.address_width = self.address_width.max(address.to_string().len());
                    self.verbs.insert(address.clone(), step.action);
                }
                // What `plan` prints is data, and goes to standard output.
                match self.command {
                    Command::Plan => Vec::new(),
                    // The end says it.
                    _ if plan.steps.is_empty() && plan.warnings.is_empty() => Vec::new(),
                    _ => {
                        let mut lines = lines_of(&plan.to_string());
                        lines.push(String::new());
                        lines
                    }
                }
            }
            Event::TaskStarted { address, task, is_new } => {
                let verb = if *is_new { "started" } else { "found" };
                vec![self.step(address, verb, verb.len(), &format!("{:>7}  {}", "", task.dimmed()))]
            }
            Event::StepDone { address, id, took } => {
                let verb = self.verbs.get(address).copied().unwrap_or("done");
                let id = if *id == address.name { "" } else { id };
                let rest = format!("{:>7}  {}", duration(*took), id.dimmed());
                vec![self.step(address, &verb.green().to_string(), verb.len(), &rest)]
            }
            Event::StepFailed { address, problem } => {
                let what = clip(&problem.what.replace('\n', " "), SHORT);
                vec![self.step(address, &"failed".red().to_string(), "failed".len(), &what)]
            }
            Event::StepSkipped { address, waits_for } => {
                let rest = format!("needs {waits_for}");
                vec![self.step(address, &"skipped".yellow().to_string(), "skipped".len(), &rest)]
            }
            Event::Line { source, text } => vec![said(*source, text)],
            Event::Warning(text) => warning(text),
            Event::Rollout(state) => self.rollout(state),
            Event::Swept(outcome) => swept(outcome),
            Event::Finished(outcome) => finished(outcome, now),
        }
    }

    fn step(&self, address: &Address, verb: &str, verb_len: usize, rest: &str) -> String {
        let gap = self.verb_width.saturating_sub(verb_len);
        let address = address.to_string();
        let line =
            format!("  {verb}{:gap$}  {address:<width$}  {rest}", "", width = self.address_width);
        line.trim_end().to_owned()
    }

    /// One line for each change, and a pause with all that it takes to end it.
    fn rollout(&mut self, state: &RolloutState) -> Vec<String> {
        // Time that goes by is no change.
        let now = RolloutState { elapsed: Duration::ZERO, ..state.clone() };
        let before = self.rollout.replace(now);
        if before == self.rollout {
            return Vec::new();
        }
        let mut parts = vec![rollout::tasks(state)];
        parts.extend(rollout::facts(state));
        let text = format!("{}, {}", parts.join("; "), duration(state.elapsed));
        let mut lines = vec![format!("  {} {text}", "rollout".cyan())];
        if state.pause != before.and_then(|before| before.pause) {
            lines.extend(
                state.pause.iter().flat_map(rollout::pause).map(|line| format!("    {line}")),
            );
        }
        lines
    }
}

/// A line from outside, with whose words it is.
pub fn said(source: Source, text: &str) -> String {
    let who = match source {
        Source::Build => "build",
        Source::Cache => "cache",
        Source::ServiceEvent => "event",
        Source::Log => "log",
        Source::Waiting => "wait",
        Source::Decided => "auto",
        Source::Sweep => "sweep",
    };
    format!("  {} {text}", format!("{who:>7}").dimmed())
}

/// What became of one of many previews, indented as a step is.
fn swept(outcome: &Outcome) -> Vec<String> {
    let Ending { state, title, problem } = ending::of(outcome);
    let title = match state {
        State::Good => title,
        State::Neutral => title.yellow().to_string(),
        State::Bad => title.red().to_string(),
    };
    let problem = problem.into_iter().flat_map(self::problem);
    std::iter::once(title).chain(problem).map(|line| format!("  {line}")).collect()
}

/// How the run ended: the sentence, then what went wrong and what stands now.
fn finished(outcome: &Outcome, now: Duration) -> Vec<String> {
    let ending = ending::of(outcome);
    let mut lines = sentence(&ending, now);
    lines.extend(ending.problem.into_iter().flat_map(problem));
    lines.extend(stands(outcome));
    lines
}

/// The one sentence, after an empty line.
pub fn sentence(ending: &Ending<'_>, now: Duration) -> Vec<String> {
    let took = format!("({})", duration(now));
    let took = took.dimmed();
    let sentence = match ending.state {
        State::Good => format!("{} {took}", ending.title.green().bold()),
        State::Neutral => format!("{} {} {took}", "warning:".yellow().bold(), ending.title),
        State::Bad => format!("{} {} {took}", "error:".red().bold(), ending.title.bold()),
    };
    vec![String::new(), sentence]
}

/// What stands now, as far as a person needs it.
pub fn stands(outcome: &Outcome) -> Vec<String> {
    let image = if ending::has_failed_version(outcome) { "failed image" } else { "image" };
    [("url", &outcome.outputs.url), (image, &outcome.outputs.image)]
        .into_iter()
        .filter_map(|(name, value)| {
            let width = image.len();
            Some(format!("  {} {}", format!("{name:<width$}").dimmed(), value.as_ref()?))
        })
        .collect()
}

/// What, the evidence, the help: everything indented under the sentence.
pub fn problem(problem: &Problem) -> Vec<String> {
    let indent = |text: &str| lines_of(text).into_iter().map(|line| format!("  {line}"));
    let mut lines: Vec<_> = indent(&problem.what).collect();
    lines.extend(
        problem.found.iter().flat_map(|found| indent(found)).map(|line| format!("  {line}")),
    );
    if let Some(help) = &problem.help {
        let (first, rest) = help.split_once('\n').unwrap_or((help, ""));
        lines.push(format!("  {} {first}", "help:".cyan().bold()));
        lines.extend(rest.lines().map(|line| format!("        {line}")));
    }
    lines
}

fn warning(text: &str) -> Vec<String> {
    let mut lines = lines_of(text);
    if let Some(first) = lines.first_mut() {
        *first = format!("{} {first}", "warning:".yellow().bold());
    }
    lines
}

fn lines_of(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}
