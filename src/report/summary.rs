//! The job summary, and what it has in common with the pull request's comment.

use crate::{
    error::Problem,
    event::{Command, Outcome},
    network::picture,
    plan::view::{self, View},
    report::{
        ending::{self, State, has_failed_version},
        format::{clip, duration, plural},
        markdown::{code, fenced, link, text},
        page::{Part, lay_out},
        timeline,
    },
};

/// A single value is never longer than this.
const VALUE: usize = 2_000;

/// GitHub shows nothing of a summary above 1 MiB.
const LIMIT: usize = 1024 * 1024;

/// The job summary as Markdown.
pub fn render(outcome: &Outcome) -> String {
    render_within(outcome, LIMIT)
}

/// The job summary in at most `limit` bytes.
pub fn render_within(outcome: &Outcome, limit: usize) -> String {
    let head = format!("## {}{}", heading(outcome), facts(outcome, &[]));
    lay_out(&head, &parts(outcome, false), "", limit)
}

/// The same, and of a sweep what became of each preview.
pub fn render_swept(outcome: &Outcome, swept: &[Outcome], limit: usize) -> String {
    let summary = render_within(outcome, limit);
    let line = |outcome: &Outcome| text(&clip(&ending::of(outcome).title, VALUE));
    let lines = list(&swept.iter().map(line).collect::<Vec<_>>());
    if summary.len() + lines.len() <= limit { summary + &lines } else { summary }
}

/// How it ended and what went wrong; belongs behind a `#`.
pub fn heading(outcome: &Outcome) -> String {
    let ending = ending::of(outcome);
    let mark = match ending.state {
        State::Good => "✅",
        State::Neutral => "⚠️",
        State::Bad => "❌",
    };
    let problem = ending.problem.map(problem).unwrap_or_default();
    format!("{mark} {}\n\n{problem}", text(&clip(&ending.title, VALUE)))
}

/// What went wrong and what to do; the evidence is a part of its own, because it can be long.
fn problem(Problem { what, help, found: _ }: &Problem) -> String {
    let what = format!("{}\n\n", paragraph(what));
    match help {
        Some(help) => format!("{what}**What to do:** {}\n\n", advice(help)),
        None => what,
    }
}

/// One thing to do a line, unless it shows how something is written.
fn advice(help: &str) -> String {
    let lines: Vec<_> = help.trim().lines().collect();
    if lines.len() < 2 || lines.iter().any(|line| line.starts_with([' ', '\t'])) {
        return paragraph(help);
    }
    let lines: Vec<_> = lines.iter().map(|line| text(&clip(line, VALUE))).collect();
    // A backslash at its end breaks a line.
    lines.join("\\\n")
}

fn paragraph(words: &str) -> String {
    let words = clip(words.trim(), VALUE);
    if words.contains('\n') { format!("\n\n{}", fenced("text", &words)) } else { text(&words) }
}

/// What stands now, and the given lines.
pub fn facts(outcome: &Outcome, more: &[String]) -> String {
    let outputs = &outcome.outputs;
    let url = outputs.url.as_ref().map(|url| format!("**URL:** {}", link(&clip(url, VALUE))));
    let failed = if has_failed_version(outcome) { " that failed" } else { "" };
    let values = [
        (format!("Image{failed}"), &outputs.image),
        (format!("Task definition{failed}"), &outputs.task_definition_arn),
    ];
    let values = values.into_iter().filter_map(|(name, value)| {
        Some(format!("**{name}:** {}", code(&clip(value.as_ref()?, VALUE))))
    });
    let empty = outcome.plan.as_deref().filter(|plan| plan_part(plan).is_none());
    let empty = empty.map(|plan| format!("**Plan:** {}", view::counts(plan)));
    let cost = outcome.cost.as_ref().filter(|_| outputs.url.is_some());
    let cost = cost.map(|cost| format!("**Cost:** {}", text(&clip(cost, VALUE))));
    let took = timeline::total(&outcome.timeline);
    let took = (!took.is_zero()).then(|| format!("**Took:** {}", duration(took)));
    let facts: Vec<_> = url
        .into_iter()
        .chain(values)
        .chain(empty)
        .chain(more.iter().cloned())
        .chain(cost)
        .chain(took)
        .collect();
    list(&facts)
}

/// The lines as a list.
pub fn list(lines: &[String]) -> String {
    if lines.is_empty() { String::new() } else { format!("- {}\n\n", lines.join("\n- ")) }
}

/// The evidence, the plan, the network, the timeline; all but the plan, which always is, are folded where
/// that is asked for.
pub fn parts(outcome: &Outcome, fold: bool) -> Vec<Part> {
    let found = ending::of(outcome).problem.map(|problem| problem.found.join("\n"));
    let found = found.filter(|found| !found.is_empty()).map(|text| Part {
        title: "What was found".to_owned(),
        folded: fold,
        info: "text",
        text,
        rich: None,
        is_extra: false,
    });
    let plan = outcome.plan.as_deref().and_then(plan_part);
    let plan = plan.map(|plan| taken_down(outcome, plan));
    // One bar compares with nothing.
    let chart = (outcome.timeline.len() > 1).then(|| Part {
        title: "Timeline".to_owned(),
        folded: fold,
        info: "mermaid",
        text: timeline::render(&outcome.timeline),
        rich: None,
        is_extra: false,
    });
    let network = outcome.plan.as_deref().and_then(|plan| network_part(plan, fold));
    found.into_iter().chain(plan).chain(network).chain(chart).collect()
}

/// The plan, folded, where it says anything.
pub fn plan_part(plan: &View) -> Option<Part> {
    (!plan.steps.is_empty() || !plan.warnings.is_empty()).then(|| Part {
        title: format!("Plan: {}", view::counts(plan)),
        folded: true,
        info: "text",
        text: plan.to_string(),
        rich: Some(view::table(plan).trim_start().to_owned()),
        is_extra: false,
    })
}

/// What a takedown took down is no plan any more, but what there is to know.
fn taken_down(outcome: &Outcome, part: Part) -> Part {
    let is_takedown = matches!(outcome.command, Command::Destroy | Command::PreviewDown)
        || outcome.neutral.is_some();
    let Some(plan) = outcome.plan.as_deref().filter(|_| is_takedown && outcome.changed) else {
        return part;
    };
    if outcome.error.is_some() {
        return part;
    }
    let title = format!("Taken down: {}", plural(plan.steps.len(), "thing"));
    Part { title, folded: outcome.command == Command::Destroy, ..part }
}

/// The picture of the network, where there is one.
pub fn network_part(plan: &View, folded: bool) -> Option<Part> {
    Some(Part {
        title: picture::TITLE.to_owned(),
        folded,
        info: "mermaid",
        text: plan.picture.clone()?,
        rich: None,
        is_extra: true,
    })
}
