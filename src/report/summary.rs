//! The job summary, and what it has in common with the pull request's comment.

use crate::{
    error::Problem,
    event::Outcome,
    plan::view::{self, View},
    report::{
        ending::{self, State},
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
        Some(help) => format!("{what}**What to do:** {}\n\n", paragraph(help)),
        None => what,
    }
}

fn paragraph(words: &str) -> String {
    let words = clip(words.trim(), VALUE);
    if words.contains('\n') { format!("\n\n{}", fenced("text", &words)) } else { text(&words) }
}

/// What stands now, and the given lines.
pub fn facts(outcome: &Outcome, more: &[String]) -> String {
    let outputs = &outcome.outputs;
    let url = outputs.url.as_ref().map(|url| format!("**URL:** {}", link(&clip(url, VALUE))));
    let values = [("Image", &outputs.image), ("Task definition", &outputs.task_definition_arn)];
    let values = values.into_iter().filter_map(|(name, value)| {
        Some(format!("**{name}:** {}", code(&clip(value.as_ref()?, VALUE))))
    });
    let took = timeline::total(&outcome.timeline);
    let took = (!took.is_zero()).then(|| format!("**Took:** {}", duration(took)));
    let facts: Vec<_> =
        url.into_iter().chain(values).chain(more.iter().cloned()).chain(took).collect();
    list(&facts)
}

/// The lines as a list.
pub fn list(lines: &[String]) -> String {
    let mut items: String = lines.iter().map(|line| format!("- {line}\n")).collect();
    if !items.is_empty() {
        items.push('\n');
    }
    items
}

/// The evidence, the plan, the timeline.
pub fn parts(outcome: &Outcome, fold_timeline: bool) -> Vec<Part> {
    let found = ending::of(outcome).problem.map(|problem| problem.found.join("\n"));
    let found = found.filter(|found| !found.is_empty()).map(|text| Part {
        title: "What was found".to_owned(),
        folded: false,
        info: "text",
        text,
        rich: None,
    });
    let plan = outcome.plan.as_deref().map(plan_part);
    let chart = timeline::render(&outcome.timeline);
    let chart = (!chart.is_empty()).then(|| Part {
        title: "Timeline".to_owned(),
        folded: fold_timeline,
        info: "mermaid",
        text: chart,
        rich: None,
    });
    found.into_iter().chain(plan).chain(chart).collect()
}

/// The plan, folded.
pub fn plan_part(plan: &View) -> Part {
    Part {
        title: format!(
            "Plan: {}, {} unchanged",
            plural(plan.steps.len(), "change"),
            plan.unchanged
        ),
        folded: true,
        info: "text",
        text: plan.to_string(),
        rich: Some(view::markdown(plan)),
    }
}
