//! The pull request's comment, as text.

use crate::{
    context::Context,
    event::{Command, Outcome},
    report::{
        ending::doing,
        format::clip,
        markdown::{code, is_plain_url, text},
        page::lay_out,
        summary::{facts, heading, list, network_part, parts, plan_part},
        underway::Underway,
    },
};
use std::fmt::Write;

/// GitHub refuses a comment of more than 65,536 characters
/// (<https://github.com/orgs/community/discussions/41331>); this counts bytes, which are never
/// fewer.
const LIMIT: usize = 65_000;

/// The hidden first line by which the comment of a service, in an environment, is found again.
pub fn marker(service: &str, environment: Option<&str>) -> String {
    let environment = environment.map(|name| format!(":{}", inert(name))).unwrap_or_default();
    format!("<!-- ecs-private-deploy:{}{environment} -->", inert(service))
}

/// Keeps what cannot end an HTML comment; the rest is written in hexadecimal, so that two names stay
/// two.
fn inert(name: &str) -> String {
    name.bytes().fold(String::new(), |mut inert, byte| {
        if byte.is_ascii_alphanumeric() || b"._/-".contains(&byte) {
            inert.push(char::from(byte));
        } else {
            write!(inert, "%{byte:02X}").expect("a string can be written");
        }
        inert
    })
}

/// The comment of a run that has ended.
pub fn render(outcome: &Outcome, context: &Context) -> String {
    let commit = commit(context).map(|commit| format!("**Commit:** {commit}"));
    let more: Vec<_> = environment(context).into_iter().chain(commit).collect();
    let head = format!(
        "{}\n### {}{}",
        marker(&outcome.service, context.environment.as_deref()),
        heading(outcome),
        facts(outcome, &more)
    );
    lay_out(&head, &parts(outcome, true), &foot(context), LIMIT)
}

/// The comment of a run that is going on.
pub fn render_underway(
    underway: &Underway,
    command: Command,
    service: &str,
    context: &Context,
) -> String {
    let commit = commit(context).map(|commit| format!("**Commit:** {commit}"));
    let rollout = underway.rollout_lines();
    let rollout = rollout.iter().map(|line| text(line));
    let facts: Vec<_> = environment(context).into_iter().chain(commit).chain(rollout).collect();
    let head = format!(
        "{}\n### ⏳ {}\n\n{}\n\n{}",
        marker(service, context.environment.as_deref()),
        text(&format!("{} `{service}`", doing(command))),
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
    let url = context.github.as_ref().and_then(|github| {
        let run = github.run_id?;
        Some(format!("{}/{}/actions/runs/{run}", github.server_url, github.repository))
    });
    match url.filter(|url| is_plain_url(url)) {
        Some(url) => format!("<sub>[Log of this run]({url})</sub>\n"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests;
