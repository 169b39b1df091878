//! The pull request's comment, as text.

use crate::{
    context::Context,
    event::{Command, Outcome, Verdict},
    github::sticky::{
        Body,
        marks::{marker, writer},
    },
    report::{
        ending::doing,
        format::clip,
        main_service,
        markdown::{code, is_plain_url, text},
        page::lay_out,
        summary::{facts, heading, list, network_part, parts, plan_part},
        underway::Underway,
    },
};

/// GitHub refuses a comment of more than 65,536 characters
/// (<https://github.com/orgs/community/discussions/41331>); this counts bytes, which are never
/// fewer.
const LIMIT: usize = 65_000;

/// The hidden lines of the comment, of which the first finds it again. A preview has the comment of the
/// service that it is a preview of, whatever the environment: there is one in each pull request.
fn hidden(service: &str, preview: Option<u64>, context: &Context) -> String {
    let run = context.github.as_ref().and_then(|github| github.run_id).unwrap_or_default();
    format!("{}\n{}", mark(service, preview, context), writer(run))
}

/// The marker of the comment.
pub fn mark(service: &str, preview: Option<u64>, context: &Context) -> String {
    let environment = context.environment.as_deref().filter(|_| preview.is_none());
    marker(main_service(service, preview), environment)
}

/// What the comment says of a run that has ended, and when it says that.
pub fn ended(outcome: &Outcome, context: &Context) -> Body {
    let did_nothing = !outcome.changed && (outcome.neutral.is_some() || outcome.is_cancelled);
    let is_superseded = matches!(outcome.verdict, Some(Verdict::Superseded { .. }));
    // Nobody is told that what was never there is gone, or that nothing was done.
    let creates = match outcome.command {
        Command::PreviewDown => outcome.changed || outcome.error.is_some(),
        _ => outcome.changed || outcome.neutral.is_none(),
    };
    Body { text: render(outcome, context), creates, yields: did_nothing || is_superseded }
}

/// The comment of a run that has ended.
pub fn render(outcome: &Outcome, context: &Context) -> String {
    let environment = environment(context).filter(|_| outcome.preview.is_none());
    let commit = commit(context).map(|commit| format!("**Commit:** {commit}"));
    let more: Vec<_> = environment.into_iter().chain(commit).collect();
    let head = format!(
        "{}\n### {}{}",
        hidden(&outcome.service, outcome.preview, context),
        heading(outcome),
        facts(outcome, &more)
    );
    lay_out(&head, &parts(outcome, true), &foot(context), LIMIT)
}

/// What runs: the command, the service, and the pull request whose preview that is.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The command.
    pub command: Command,
    /// The ECS service's name.
    pub service: String,
    /// The pull request's number, where it is a preview.
    pub preview: Option<u64>,
}

/// What the comment says of a run that is going on.
pub fn underway(underway: &Underway, subject: &Subject, context: &Context) -> Body {
    Body {
        text: render_underway(underway, subject, context),
        creates: subject.command != Command::PreviewDown,
        yields: false,
    }
}

/// The comment of a run that is going on.
pub fn render_underway(underway: &Underway, subject: &Subject, context: &Context) -> String {
    let Subject { command, service, preview } = subject;
    let environment = environment(context).filter(|_| preview.is_none());
    let commit = commit(context).map(|commit| format!("**Commit:** {commit}"));
    let rollout = underway.rollout_lines();
    let rollout = rollout.iter().map(|line| text(line));
    let facts: Vec<_> = environment.into_iter().chain(commit).chain(rollout).collect();
    let head = format!(
        "{}\n### ⏳ {}\n\n{}\n\n{}",
        hidden(service, *preview, context),
        text(&format!("{} `{service}`", doing(*command))),
        text(&underway.standing()),
        list(&facts)
    );
    let plan = underway.plan.as_deref();
    let network = plan.and_then(|plan| network_part(plan, true));
    let parts: Vec<_> = plan.and_then(plan_part).into_iter().chain(network).collect();
    lay_out(&head, &parts, &foot(context), LIMIT)
}

fn environment(context: &Context) -> Option<String> {
    let name = context.environment.as_ref()?;
    Some(format!("**Environment:** {}", code(&clip(name, 200))))
}

/// The commit, linked where it is known to be one.
fn commit(context: &Context) -> Option<String> {
    let commit = context.commit.as_ref()?;
    let is_hash = commit.len() >= 7 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    let short = code(&clip(commit, 200));
    let Some(github) = context.github.as_ref().filter(|_| is_hash) else { return Some(short) };
    let url = format!("{}/{}/commit/{commit}", github.server_url, github.repository);
    Some(if is_plain_url(&url) { format!("[`{}`]({url})", &commit[..7]) } else { short })
}

/// Where the log is.
fn foot(context: &Context) -> String {
    match log_url(context) {
        Some(url) => format!("<sub>[Log of this run]({url})</sub>\n"),
        None => String::new(),
    }
}

/// The address of the run's log, which can stand in a link as it is.
pub fn log_url(context: &Context) -> Option<String> {
    let github = context.github.as_ref()?;
    let run = github.run_id?;
    let url = format!("{}/{}/actions/runs/{run}", github.server_url, github.repository);
    is_plain_url(&url).then_some(url)
}

#[cfg(test)]
mod tests;
