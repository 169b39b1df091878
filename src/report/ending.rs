//! How a run ended, in the one sentence that every reporter tells.

use crate::{
    error::Problem,
    event::{Command, Outcome, Verdict},
    exit,
    report::format::plural,
};

/// Whether it ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// As asked.
    Good,
    /// Not as asked, and nothing is broken.
    Neutral,
    /// Not as asked.
    Bad,
}

/// The end of a run.
#[derive(Debug, PartialEq, Eq)]
pub struct Ending<'a> {
    /// Whether it ended well.
    pub state: State,
    /// The sentence, with names in backticks.
    pub title: String,
    /// What went wrong.
    pub problem: Option<&'a Problem>,
}

/// How the run ended.
pub fn of(outcome: &Outcome) -> Ending<'_> {
    let service = &outcome.service;
    let ending = |state, title, problem| Ending { state, title, problem };
    if let Some(problem) = &outcome.error {
        let doing = format!("{} `{service}`", doing(outcome.command));
        let title = match (outcome.exit_code, &outcome.verdict) {
            (exit::ROLLOUT_FAILED, Some(Verdict::Succeeded)) => {
                format!("`{service}` is deployed, and a task after the rollout failed")
            }
            (exit::ROLLOUT_FAILED, _) => {
                format!("a task before the rollout of `{service}` failed, nothing was rolled out")
            }
            (exit::PARTIAL, _) if outcome.is_cancelled => {
                format!("{doing} was cancelled part-way")
            }
            _ if outcome.is_cancelled => format!("{doing} was cancelled, nothing was changed"),
            (exit::REFUSED | exit::CONFIG, _) => format!("{doing} failed, nothing was changed"),
            (exit::PARTIAL, _) => format!("{doing} failed part-way, some things were changed"),
            _ => format!("{doing} failed"),
        };
        return ending(State::Bad, title, Some(problem));
    }
    if let Some(why) = &outcome.neutral {
        return ending(State::Neutral, undone(outcome), Some(why));
    }
    match &outcome.verdict {
        Some(Verdict::Succeeded) if outcome.command == Command::PreviewUp => {
            ending(State::Good, without_rollout(outcome), None)
        }
        Some(Verdict::RolledBack(_)) if outcome.command == Command::Rollback => {
            let title = format!("the previous version of `{service}` is back, as asked");
            ending(State::Good, title, None)
        }
        Some(Verdict::Succeeded) if outcome.command == Command::Rollback => {
            let title =
                format!("the new version of `{service}` was out before it could be taken back");
            ending(State::Bad, title, None)
        }
        Some(Verdict::Succeeded) => ending(State::Good, format!("`{service}` is deployed"), None),
        Some(Verdict::RolledBack(problem)) => ending(
            State::Bad,
            format!("the new version of `{service}` failed, the previous version is back"),
            Some(problem),
        ),
        Some(Verdict::Failed(problem)) => ending(
            State::Bad,
            format!("the new version of `{service}` failed, nothing took its place"),
            Some(problem),
        ),
        Some(Verdict::Stopped(problem)) => {
            ending(State::Bad, format!("the rollout of `{service}` was stopped"), Some(problem))
        }
        Some(Verdict::Superseded { by, whose }) => ending(
            State::Neutral,
            format!("a newer deployment of `{service}`, `{by}`, took the place of this one"),
            Some(whose),
        ),
        Some(Verdict::TimedOut(problem)) => ending(
            State::Bad,
            format!("the rollout of `{service}` did not finish in time"),
            Some(problem),
        ),
        None => ending(State::Good, without_rollout(outcome), None),
    }
}

/// What the command does, before the service's name.
pub const fn doing(command: Command) -> &'static str {
    match command {
        Command::Deploy => "deploying",
        Command::Plan => "planning",
        Command::Destroy => "taking down",
        Command::Continue => "continuing the rollout of",
        Command::Rollback => "rolling back",
        Command::PreviewUp => "making the preview",
        Command::PreviewDown => "taking down the preview",
        Command::PreviewSweep => "sweeping the previews of",
    }
}

/// What became of a run that had a reason not to go on.
fn undone(outcome: &Outcome) -> String {
    let service = &outcome.service;
    match outcome.command {
        // It was over before a file was read.
        _ if service.is_empty() => "nothing was done".to_owned(),
        Command::PreviewUp | Command::PreviewDown if outcome.changed => {
            format!("the preview `{service}` is taken down again")
        }
        Command::PreviewUp => format!("the preview `{service}` was not made"),
        Command::PreviewDown => format!("nothing was taken down for `{service}`"),
        Command::Plan => format!("`{service}` was not planned"),
        Command::Deploy
        | Command::Destroy
        | Command::Continue
        | Command::Rollback
        | Command::PreviewSweep => {
            format!("nothing was done to `{service}`")
        }
    }
}

/// Whether the image and the task definition of this run are known to be bad: then they must not
/// read as what stands.
pub const fn has_failed_version(outcome: &Outcome) -> bool {
    match outcome.verdict {
        Some(Verdict::RolledBack(_) | Verdict::Failed(_)) => true,
        None => outcome.exit_code == exit::ROLLOUT_FAILED,
        _ => false,
    }
}

fn without_rollout(outcome: &Outcome) -> String {
    let service = &outcome.service;
    match outcome.command {
        Command::Deploy if outcome.changed => format!("`{service}` is deployed"),
        Command::Deploy => format!("nothing to do, `{service}` is as asked"),
        Command::Destroy if outcome.changed => format!("`{service}` is taken down"),
        Command::Destroy => format!("nothing to take down for `{service}`"),
        Command::PreviewUp => format!("the preview `{service}` is up"),
        Command::PreviewDown if outcome.changed => {
            format!("the preview `{service}` is taken down")
        }
        Command::PreviewDown => format!("no preview `{service}` was there to take down"),
        Command::PreviewSweep if outcome.changed => {
            format!("the previews of `{service}` that had to go are taken down")
        }
        Command::PreviewSweep => format!("no preview of `{service}` has to go"),
        Command::Continue | Command::Rollback => format!("nothing was said about `{service}`"),
        Command::Plan => match outcome.plan.as_ref().map_or(0, |plan| plan.steps.len()) {
            0 => format!("a deploy of `{service}` would change nothing"),
            steps => format!("a deploy of `{service}` would make {}", plural(steps, "change")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_has_its_own_sentence() {
        let problem = || Problem::new("x");
        let base = || Outcome { service: "web".into(), ..Outcome::default() };
        let verdict = |verdict| Outcome { verdict: Some(verdict), ..base() };
        let failed =
            |command, exit_code| Outcome { command, exit_code, error: Some(problem()), ..base() };
        let steered = |command, verdict| Outcome { command, verdict: Some(verdict), ..base() };
        let quiet = |command, changed| Outcome { command, changed, ..base() };
        let preview = |outcome| Outcome { service: "web-pr-42".into(), ..outcome };
        let undone =
            |command, changed| Outcome { neutral: Some(problem()), ..quiet(command, changed) };
        let ends = vec![
            verdict(Verdict::Succeeded),
            verdict(Verdict::RolledBack(problem())),
            verdict(Verdict::Failed(problem())),
            verdict(Verdict::Stopped(problem())),
            verdict(Verdict::Superseded { by: "ecs-svc/2".into(), whose: problem() }),
            verdict(Verdict::TimedOut(problem())),
            steered(Command::Continue, Verdict::Succeeded),
            steered(Command::Rollback, Verdict::RolledBack(problem())),
            steered(Command::Rollback, Verdict::Succeeded),
            failed(Command::Continue, exit::REFUSED),
            failed(Command::Rollback, exit::REFUSED),
            failed(Command::Deploy, exit::REFUSED),
            failed(Command::Deploy, exit::PARTIAL),
            failed(Command::Plan, exit::UNEXPECTED),
            failed(Command::Destroy, exit::PARTIAL),
            quiet(Command::Deploy, true),
            quiet(Command::Deploy, false),
            quiet(Command::Destroy, true),
            quiet(Command::Destroy, false),
            quiet(Command::Plan, false),
            preview(Outcome { command: Command::PreviewUp, ..verdict(Verdict::Succeeded) }),
            preview(quiet(Command::PreviewUp, false)),
            preview(quiet(Command::PreviewDown, true)),
            preview(quiet(Command::PreviewDown, false)),
            preview(failed(Command::PreviewUp, exit::REFUSED)),
            preview(failed(Command::PreviewDown, exit::PARTIAL)),
            quiet(Command::PreviewSweep, true),
            quiet(Command::PreviewSweep, false),
            failed(Command::PreviewSweep, exit::PARTIAL),
            preview(undone(Command::PreviewUp, false)),
            preview(undone(Command::PreviewUp, true)),
            undone(Command::Deploy, false),
            undone(Command::Plan, false),
        ];
        let told: Vec<_> =
            ends.iter().map(of).map(|end| format!("{:?}: {}", end.state, end.title)).collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        Good: `web` is deployed
        Bad: the new version of `web` failed, the previous version is back
        Bad: the new version of `web` failed, nothing took its place
        Bad: the rollout of `web` was stopped
        Neutral: a newer deployment of `web`, `ecs-svc/2`, took the place of this one
        Bad: the rollout of `web` did not finish in time
        Good: `web` is deployed
        Good: the previous version of `web` is back, as asked
        Bad: the new version of `web` was out before it could be taken back
        Bad: continuing the rollout of `web` failed, nothing was changed
        Bad: rolling back `web` failed, nothing was changed
        Bad: deploying `web` failed, nothing was changed
        Bad: deploying `web` failed part-way, some things were changed
        Bad: planning `web` failed
        Bad: taking down `web` failed part-way, some things were changed
        Good: `web` is deployed
        Good: nothing to do, `web` is as asked
        Good: `web` is taken down
        Good: nothing to take down for `web`
        Good: a deploy of `web` would change nothing
        Good: the preview `web-pr-42` is up
        Good: the preview `web-pr-42` is up
        Good: the preview `web-pr-42` is taken down
        Good: no preview `web-pr-42` was there to take down
        Bad: making the preview `web-pr-42` failed, nothing was changed
        Bad: taking down the preview `web-pr-42` failed part-way, some things were changed
        Good: the previews of `web` that had to go are taken down
        Good: no preview of `web` has to go
        Bad: sweeping the previews of `web` failed part-way, some things were changed
        Neutral: the preview `web-pr-42` was not made
        Neutral: the preview `web-pr-42` is taken down again
        Neutral: nothing was done to `web`
        Neutral: `web` was not planned
        ");
    }
}
