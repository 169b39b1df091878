//! What GitHub says of pull requests: one of them, or all that are open.

use crate::{
    error::Problem,
    github::{Client, Method, answer::Failure, parse},
};
use serde::Deserialize;
use std::collections::BTreeSet;

/// The largest page that GitHub gives.
const PAGE: usize = 100;

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// Whether it is open; otherwise it is closed, merged or not.
    pub is_open: bool,
    /// Whether it is merged.
    pub is_merged: bool,
    /// When it was closed, as GitHub writes it: `2026-11-25T13:00:00Z`.
    pub closed_at: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Answered {
    number: u64,
    state: String,
    merged_at: Option<String>,
    closed_at: Option<String>,
}

impl Client {
    /// One pull request.
    /// <https://docs.github.com/en/rest/pulls/pulls#get-a-pull-request>
    pub async fn pull(&self, number: u64) -> Result<Pull, Failure> {
        let path = format!("/repos/{}/pulls/{number}", self.repository);
        let answer = self.ask(Method::Get, &path, None).await.map_err(permission)?;
        let found: Answered = parse(answer.body)?;
        if found.number != number {
            let what = format!("`GET {path}` answered about pull request {}", found.number);
            return Err(Failure::Never(Problem::new(what)));
        }
        pull(&found)
    }

    /// The numbers of all pull requests that are open. One that is open may be missing, because the
    /// pages move where another one is closed meanwhile: ask for it before anything is done about it.
    /// <https://docs.github.com/en/rest/pulls/pulls#list-pull-requests>
    pub async fn open_pulls(&self) -> Result<BTreeSet<u64>, Failure> {
        let mut open = BTreeSet::new();
        for page in 1.. {
            let path = format!(
                "/repos/{}/pulls?state=open&sort=created&direction=asc&per_page={PAGE}&page={page}",
                self.repository
            );
            let answer = self.ask(Method::Get, &path, None).await.map_err(permission)?;
            let found: Vec<Answered> = parse(answer.body)?;
            open.extend(found.iter().map(|pull| pull.number));
            if !answer.has_more {
                break;
            }
        }
        Ok(open)
    }
}

/// Any other word than these two is no reason to take anything down.
fn pull(found: &Answered) -> Result<Pull, Failure> {
    let is_open = match found.state.as_str() {
        "open" => true,
        "closed" => false,
        other => {
            let what = format!("GitHub says that pull request {} is `{other}`", found.number);
            return Err(Failure::Never(Problem::new(what)));
        }
    };
    Ok(Pull {
        is_open,
        is_merged: found.merged_at.is_some(),
        closed_at: found.closed_at.clone().filter(|_| !is_open),
    })
}

/// Reading takes less than what a comment takes.
fn permission(failure: Failure) -> Failure {
    let help = |problem: Problem| problem.help("give the job `permissions: pull-requests: read`");
    match failure {
        Failure::Forbidden(problem) => Failure::Forbidden(help(problem)),
        Failure::Missing(problem) => Failure::Missing(problem.help(
            "check the number; in a private repository give the job `permissions: pull-requests: read`",
        )),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(value: Value) -> Result<Pull, Failure> {
        pull(&parse(value)?)
    }

    #[test]
    fn open_merged_closed_and_anything_else() {
        let at = "2026-11-25T13:00:00Z";
        let open = json!({"number": 7, "state": "open", "merged_at": null, "closed_at": null});
        let merged = json!({"number": 7, "state": "closed", "merged_at": at, "closed_at": at});
        let closed = json!({"number": 7, "state": "closed", "merged_at": null, "closed_at": at});
        let found = |value| read(value).expect("it is well formed");
        assert!(found(open).is_open);
        let pull = found(merged);
        assert_eq!(
            (pull.is_open, pull.is_merged, pull.closed_at.as_deref()),
            (false, true, Some(at))
        );
        assert!(!found(closed).is_merged);
        for odd in [json!({"number": 7, "state": "draft"}), json!({"number": "7"}), json!([])] {
            assert!(matches!(read(odd), Err(Failure::Never(_))));
        }
    }
}
