//! What the event that started a run asks for: the whole of `auto`, and what keeps the code of a fork
//! away from the credentials of a run.
//!
//! Pure, so that every event that GitHub sends can be decided in a test.

use crate::{
    context::trigger::{Head, PullRequest, Trigger, WorkflowRun},
    error::{Error, Problem, Result},
};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The service is deployed.
    Deploy,
    /// The pull request's preview is made or updated, or without a `preview:` block the plan is told.
    Update(u64),
    /// The pull request's preview is taken down.
    TakeDown(u64),
    /// Nothing, and the run ends well: why, and what to do about it.
    Nothing(Problem),
}

impl Decision {
    /// The pull request that it is about.
    pub const fn number(&self) -> Option<u64> {
        match self {
            Self::Update(number) | Self::TakeDown(number) => Some(*number),
            Self::Deploy | Self::Nothing(_) => None,
        }
    }

    /// What is done because of which event, in one line.
    pub fn words(&self, trigger: &Trigger, has_previews: bool) -> String {
        let does = match self {
            Self::Deploy => "deploys".to_owned(),
            Self::Update(number) if has_previews => {
                format!("makes or updates the preview of pull request {number}")
            }
            Self::Update(number) => {
                format!("plans for pull request {number}, because the file has no `preview:`")
            }
            Self::TakeDown(number) => format!("takes down the preview of pull request {number}"),
            Self::Nothing(_) => "does nothing here".to_owned(),
        };
        format!("{} {does}", trigger.words())
    }
}

/// What counts beside the event.
#[derive(Debug, Clone, Copy, Default)]
pub struct Given {
    /// The pull request's number, where the user gives it.
    pub number: Option<u64>,
    /// Whether the user lets forks be built.
    pub allows_forks: bool,
    /// Whether the run may have credentials for AWS; on a machine of one's own it always may.
    pub may_have_credentials: bool,
    /// Whether Dependabot started the run.
    pub is_dependabot: bool,
}

/// What `auto` does.
///
/// # Errors
/// Without an event, and where the event and the user name two pull requests.
pub fn decide(trigger: &Trigger, given: &Given) -> Result<Decision> {
    let number = number(trigger, given)?;
    let decision = match (trigger, number) {
        (Trigger::None, _) => {
            let what = "`auto` goes by the event that started the run, and there is none";
            let help = "say what to do: `deploy`, `plan`, `preview up --pr N`; in a workflow \
                        GITHUB_EVENT_NAME and GITHUB_EVENT_PATH tell the event";
            return Err(Error::Config(Problem::new(what).help(help).to_string()));
        }
        (Trigger::Push { is_deleted: true }, _) => {
            nothing(trigger, "the branch or the tag was deleted, so there is nothing to deploy")
        }
        (Trigger::Release { is_draft: true, .. }, _) => {
            nothing(trigger, "the release is a draft, which nobody is to see yet")
        }
        (Trigger::Release { action, .. }, number) if is_out(action) => by_hand(number),
        (Trigger::Push { .. } | Trigger::Asked { .. }, number) => by_hand(number),
        (Trigger::PullRequest(PullRequest { action, number, .. }), _) => match action.as_str() {
            "closed" => Decision::TakeDown(*number),
            action if is_update(action) => Decision::Update(*number),
            _ => other(trigger),
        },
        (Trigger::WorkflowRun(run), number) => after(trigger, run, number, given),
        (Trigger::Release { .. } | Trigger::Other { .. }, _) => other(trigger),
    };
    let refusal = match decision {
        Decision::Deploy | Decision::Update(_) => forbidden(trigger, given),
        Decision::TakeDown(_) => without_secrets(trigger, given),
        Decision::Nothing(_) => None,
    };
    Ok(refusal.map_or(decision, Decision::Nothing))
}

/// The actions of a release that is to be seen. GitHub sends more than one of them for the same release,
/// and the second one finds nothing to do.
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#release>
fn is_out(action: &str) -> bool {
    matches!(action, "created" | "published" | "released" | "prereleased")
}

/// The actions after which a pull request has another commit, or is one again. A draft that becomes ready
/// counts: workflows that leave drafts out see it for the first time.
fn is_update(action: &str) -> bool {
    matches!(action, "opened" | "reopened" | "synchronize" | "ready_for_review")
}

/// Where a number is given, what would be a deploy is that pull request's preview.
fn by_hand(number: Option<u64>) -> Decision {
    number.map_or(Decision::Deploy, Decision::Update)
}

/// What follows from another workflow's run.
fn after(trigger: &Trigger, run: &WorkflowRun, number: Option<u64>, given: &Given) -> Decision {
    let WorkflowRun { action, event, conclusion, .. } = run;
    if action != "completed" {
        return nothing(trigger, "the other workflow has not ended yet");
    }
    if conclusion.as_deref() != Some("success") {
        let how = conclusion.as_deref().unwrap_or("unknown");
        return nothing(trigger, &format!("the other workflow has not succeeded: {how}"));
    }
    match (event.as_str(), number) {
        ("pull_request" | "pull_request_target", Some(number)) => Decision::Update(number),
        ("pull_request" | "pull_request_target", None) => {
            Decision::Nothing(forbidden(trigger, given).unwrap_or_else(|| unnumbered(trigger)))
        }
        ("push" | "release" | "workflow_dispatch" | "repository_dispatch" | "schedule", number) => {
            by_hand(number)
        }
        _ => nothing(trigger, &format!("the other workflow was started by `{event}`")),
    }
}

fn unnumbered(trigger: &Trigger) -> Problem {
    let what = "the event names no pull request, or more than one: GitHub names those that are open \
                and come from this repository";
    let help = "give its number as `pr`: ask GitHub for the pull request of \
                `github.event.workflow_run.head_sha`, and believe no artifact of the other run";
    Problem::new(format!("{} does nothing here", trigger.words())).found(what).help(help)
}

fn nothing(trigger: &Trigger, why: &str) -> Decision {
    Decision::Nothing(Problem::new(format!("{} does nothing here", trigger.words())).found(why))
}

/// An event that `auto` is not there for.
fn other(trigger: &Trigger) -> Decision {
    let problem = Problem::new(format!("{} does nothing here", trigger.words()))
        .found("a push, a release, a dispatch and a schedule deploy")
        .found("a pull request that is opened, reopened or updated gets its preview or the plan")
        .found("a pull request that is closed loses its preview")
        .help(
            "a command that says what to do, such as `deploy` or `preview-up`, runs on any event",
        );
    Decision::Nothing(problem)
}

/// The pull request's number, the event's or the user's.
fn number(trigger: &Trigger, given: &Given) -> Result<Option<u64>> {
    match (trigger.pull_request(), given.number) {
        (Some(event), Some(user)) if event != user => {
            let what = format!("the event is about pull request {event}, and `pr` is {user}");
            let help = "leave `pr` out: it is for events that name no pull request";
            Err(Error::Config(Problem::new(what).help(help).to_string()))
        }
        (of_event, given) => Ok(of_event.or(given)),
    }
}

/// Why nothing of this event may be built, whatever the command: it is the code of a fork, or there are
/// no credentials that it could be deployed with.
pub fn forbidden(trigger: &Trigger, given: &Given) -> Option<Problem> {
    if let Some(problem) = without_secrets(trigger, given) {
        return Some(problem);
    }
    let fork =
        trigger.head().and_then(|head| head.fork.as_ref()).filter(|_| !given.allows_forks)?;
    let problem = Problem::new(format!(
        "{} comes from the fork `{fork}`, and forks are not built",
        subject(trigger)
    ));
    Some(
        problem
            .found("whoever opens a pull request would run a program beside this job's credentials")
            .help(
                "push its commits to a branch of this repository, or set `allow-forks: true` after \
                 reading docs/pull-requests.md",
            ),
    )
}

/// A run for the pull request of a fork or of Dependabot, which GitHub gives neither secrets nor an OIDC
/// token. `pull_request_target` and `workflow_run` have both.
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#workflows-in-forked-repositories>
/// <https://docs.github.com/en/code-security/dependabot/working-with-dependabot/automating-dependabot-with-github-actions>
fn without_secrets(trigger: &Trigger, given: &Given) -> Option<Problem> {
    let Trigger::PullRequest(PullRequest { is_target: false, action, head, .. }) = trigger else {
        return None;
    };
    if given.may_have_credentials {
        return None;
    }
    let swept = "a preview that stands all the same is taken down by `preview sweep`";
    let subject = subject(trigger);
    match &head.fork {
        Some(fork) => {
            let problem = Problem::new(format!(
                "{subject} comes from the fork `{fork}`, and GitHub gives its runs no secrets"
            ));
            let problem = problem.found("neither credentials nor an OIDC token are there");
            Some(problem.help(if action == "closed" {
                swept
            } else {
                "nothing is wrong with it; to see it deployed, push its commits to a branch of this \
                 repository"
            }))
        }
        None if given.is_dependabot => {
            let problem = Problem::new(format!(
                "{subject} is Dependabot's, and GitHub gives its runs only Dependabot's secrets"
            ));
            let problem = problem.found("neither credentials nor an OIDC token are there");
            Some(problem.help(if action == "closed" {
                swept
            } else {
                "give the job `permissions: id-token: write`, which Dependabot may have, or add the \
                 credentials to Dependabot's secrets"
            }))
        }
        None => None,
    }
}

fn subject(trigger: &Trigger) -> String {
    match trigger {
        Trigger::PullRequest(PullRequest { number, .. })
        | Trigger::WorkflowRun(WorkflowRun { number: Some(number), .. }) => {
            format!("pull request {number}")
        }
        _ => format!("the commit of {}", trigger.words()),
    }
}

/// Under `pull_request_target` and `workflow_run` GitHub checks out the base, and the image would be
/// called by a commit that it is not made of. `checked_out` is what is, where that is known.
///
/// # Errors
/// Another commit is checked out than the one that the event is about.
pub fn check_out(trigger: &Trigger, checked_out: Option<&str>) -> Result<()> {
    let (expected, reference) = match trigger {
        Trigger::PullRequest(PullRequest { is_target: true, head, .. }) => {
            (&head.commit, "github.event.pull_request.head.sha")
        }
        Trigger::WorkflowRun(WorkflowRun { head: Head { commit, .. }, .. }) => {
            (commit, "github.event.workflow_run.head_sha")
        }
        _ => return Ok(()),
    };
    let Some(found) = checked_out.filter(|found| !found.eq_ignore_ascii_case(expected)) else {
        return Ok(());
    };
    let problem = Problem::new(format!("{} is about another commit than is here", trigger.words()))
        .found(format!("the event's is {expected}"))
        .found(format!("{found} is checked out, as GitHub does for this event"))
        .help(format!("give actions/checkout `ref: ${{{{ {reference} }}}}`"));
    Err(Error::Config(problem.to_string()))
}

#[cfg(test)]
mod tests;
