//! The event that started the run, read from its payload: what decides, and nothing else of it.
//!
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows>

use serde_json::Value;

/// The event that started the run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Trigger {
    /// None: the run is no workflow's, or nobody said which event it is.
    #[default]
    None,
    /// Commits, or a tag.
    Push {
        /// Whether the branch or the tag is gone, so that there is nothing to deploy.
        is_deleted: bool,
    },
    /// A release.
    Release {
        /// What happened to it.
        action: String,
        /// Whether nobody is to see it yet.
        is_draft: bool,
    },
    /// Somebody, some program or the clock asks for a run.
    Asked {
        /// `workflow_dispatch`, `repository_dispatch`, `schedule`.
        name: String,
    },
    /// Something happened to a pull request.
    PullRequest(PullRequest),
    /// Another workflow has begun or ended.
    WorkflowRun(WorkflowRun),
    /// Anything else.
    Other {
        /// The event.
        name: String,
        /// What happened, where the event has more than one way to happen.
        action: Option<String>,
    },
}

/// Something happened to a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// Whether this is `pull_request_target`, whose run has the base repository's secrets.
    pub is_target: bool,
    /// What happened.
    pub action: String,
    /// The pull request's number.
    pub number: u64,
    /// What is asked to be merged.
    pub head: Head,
}

/// Another workflow has begun or ended. The run that this starts has the repository's secrets, whoever
/// started the other one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowRun {
    /// `requested`, `in_progress`, `completed`.
    pub action: String,
    /// The event that started the other workflow.
    pub event: String,
    /// How that ended, where it has.
    pub conclusion: Option<String>,
    /// The pull request that it was for, where a pull request's event started it and GitHub says so: it
    /// does for one that is open and comes from this repository. A push names those of its branch, too,
    /// and was for none of them. <https://github.com/github/docs/issues/22501>
    pub number: Option<u64>,
    /// What it ran on.
    pub head: Head,
}

/// A commit, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The commit.
    pub commit: String,
    /// The repository's name, where it is another than the one that the run is in.
    pub fork: Option<String>,
}

/// Why a payload is not the event's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing(pub &'static str);

impl Trigger {
    /// What the payload of the event `name` says.
    ///
    /// # Errors
    /// What an event of that name always has, and this payload has not.
    pub fn of(name: &str, payload: &Value) -> Result<Self, Missing> {
        let action = payload["action"].as_str().map(str::to_owned);
        Ok(match name {
            "" => Self::None,
            "push" => {
                text(payload, "/ref", "ref")?;
                text(payload, "/after", "after")?;
                Self::Push { is_deleted: payload["deleted"].as_bool().unwrap_or(false) }
            }
            "release" => {
                let release = has(payload, "release")?;
                let is_draft = release["draft"].as_bool().unwrap_or(false);
                Self::Release { action: action.ok_or(Missing("action"))?, is_draft }
            }
            "workflow_dispatch" => {
                has(payload, "workflow")?;
                Self::Asked { name: name.to_owned() }
            }
            "repository_dispatch" => {
                has(payload, "client_payload")?;
                Self::Asked { name: name.to_owned() }
            }
            "schedule" => {
                has(payload, "schedule")?;
                Self::Asked { name: name.to_owned() }
            }
            "pull_request" | "pull_request_target" => {
                let found = has(payload, "pull_request")?;
                Self::PullRequest(PullRequest {
                    is_target: name == "pull_request_target",
                    action: action.ok_or(Missing("action"))?,
                    number: found["number"].as_u64().ok_or(Missing("pull_request.number"))?,
                    head: Head {
                        commit: text(found, "/head/sha", "pull_request.head.sha")?,
                        fork: fork(&found["head"], "repo", &found["base"]["repo"]),
                    },
                })
            }
            "workflow_run" => {
                let found = has(payload, "workflow_run")?;
                let event = text(found, "/event", "workflow_run.event")?;
                let is_for_one = matches!(event.as_str(), "pull_request" | "pull_request_target");
                let pull_requests = found["pull_requests"].as_array().filter(|_| is_for_one);
                let numbers: Vec<_> = pull_requests
                    .into_iter()
                    .flatten()
                    .filter_map(|pull_request| pull_request["number"].as_u64())
                    .collect();
                Self::WorkflowRun(WorkflowRun {
                    action: action.ok_or(Missing("action"))?,
                    event,
                    conclusion: found["conclusion"].as_str().map(str::to_owned),
                    number: <[u64; 1]>::try_from(numbers).ok().map(|[number]| number),
                    head: Head {
                        commit: text(found, "/head_sha", "workflow_run.head_sha")?,
                        fork: fork(found, "head_repository", &payload["repository"]),
                    },
                })
            }
            _ => Self::Other { name: name.to_owned(), action },
        })
    }

    /// The commit that is to be built, where it is another than the one that GitHub started the run
    /// for: of a pull request its head, not its merge commit.
    pub fn head(&self) -> Option<&Head> {
        match self {
            Self::PullRequest(pull_request) => Some(&pull_request.head),
            Self::WorkflowRun(run) => Some(&run.head),
            _ => None,
        }
    }

    /// The number of the pull request that it is about, where the event says so.
    pub fn pull_request(&self) -> Option<u64> {
        match self {
            Self::PullRequest(pull_request) => Some(pull_request.number),
            Self::WorkflowRun(run) => run.number,
            _ => None,
        }
    }

    /// The event as the documentation calls it, and what happened.
    pub fn words(&self) -> String {
        match self {
            Self::None => "no event".to_owned(),
            Self::Push { .. } => "`push`".to_owned(),
            Self::Release { action, .. } => format!("`release` ({action})"),
            Self::Asked { name } | Self::Other { name, action: None } => format!("`{name}`"),
            Self::PullRequest(PullRequest { is_target, action, .. }) => {
                let target = if *is_target { "_target" } else { "" };
                format!("`pull_request{target}` ({action})")
            }
            Self::WorkflowRun(WorkflowRun { action, .. }) => format!("`workflow_run` ({action})"),
            Self::Other { name, action: Some(action) } => format!("`{name}` ({action})"),
        }
    }
}

fn has<'a>(payload: &'a Value, key: &'static str) -> Result<&'a Value, Missing> {
    payload.get(key).ok_or(Missing(key))
}

fn text(payload: &Value, pointer: &str, path: &'static str) -> Result<String, Missing> {
    let found = payload.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    found.map(str::to_owned).ok_or(Missing(path))
}

/// The name of the repository below `key`, where it is not `base`. One that was deleted is null, and
/// was a fork: a pull request cannot outlive the repository that it is in.
fn fork(head: &Value, key: &str, base: &Value) -> Option<String> {
    let repository = head.get(key)?;
    let is_same = match (&repository["id"], &base["id"]) {
        (Value::Number(head), Value::Number(base)) => head == base,
        _ => !repository.is_null() && repository["full_name"] == base["full_name"],
    };
    let name =
        || repository["full_name"].as_str().unwrap_or("a repository that is gone").to_owned();
    (!is_same).then(name)
}

#[cfg(test)]
mod tests;
