//! What an answer of GitHub's means: it is there, it comes later, or never. Pure.

use crate::error::Problem;
use serde_json::Value;
use std::time::Duration;

/// Why a call gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// GitHub asks to wait, or cannot be reached now.
    Later {
        /// How long.
        wait: Duration,
        /// Why, for when nobody waits any longer.
        problem: Problem,
    },
    /// There is no such thing, or not for this token.
    Missing(Problem),
    /// This token may not.
    Forbidden(Problem),
    /// Asking again would not help.
    Never(Problem),
}

impl Failure {
    /// What to tell.
    pub fn into_problem(self) -> Problem {
        match self {
            Self::Later { problem, .. }
            | Self::Missing(problem)
            | Self::Forbidden(problem)
            | Self::Never(problem) => problem,
        }
    }
}

/// What a call gave.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// The JSON, null where there was none.
    pub body: Value,
    /// Whether a list goes on: a page may be shorter than was asked for and not be the last
    /// (<https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api>).
    pub has_more: bool,
}

/// The headers that decide.
#[derive(Debug, Default)]
pub struct Headers {
    /// `retry-after`, in seconds.
    pub retry_after: Option<String>,
    /// `x-ratelimit-remaining`.
    pub remaining: Option<String>,
    /// `x-ratelimit-reset`, in seconds since 1970.
    pub reset: Option<String>,
    /// `x-accepted-github-permissions`: what the call needs.
    pub accepted: Option<String>,
    /// `link`: where the other pages of a list are.
    pub link: Option<String>,
}

/// What GitHub asks for where it says nothing more exact:
/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit>.
const RATE_LIMIT_WAIT: Duration = Duration::from_mins(1);

/// Before a server that failed is asked again.
const SERVER_WAIT: Duration = Duration::from_secs(2);

/// Reads an answer; `now` in seconds since 1970.
pub fn read(
    asked: &str,
    status: u16,
    headers: &Headers,
    text: &str,
    now: i64,
) -> Result<Answer, Failure> {
    if (200..300).contains(&status) {
        let has_more = headers.link.as_ref().is_some_and(|link| link.contains("rel=\"next\""));
        let body = if text.is_empty() { Ok(Value::Null) } else { serde_json::from_str(text) };
        return body.map(|body| Answer { body, has_more }).map_err(|why| {
            Failure::Never(Problem::new(format!("`{asked}` answered what is no JSON: {why}")))
        });
    }
    let said = serde_json::from_str(text)
        .ok()
        .and_then(|body: Value| Some(body.get("message")?.as_str()?.to_owned()))
        .unwrap_or_default();
    let problem = Problem::new(format!("`{asked}` answered {status} {said}").trim_end());
    Err(match status {
        403 | 429 if let Some(wait) = rate_limit(status, headers, &said, now) => {
            let problem = problem.found(format!("GitHub asks to wait {} s", wait.as_secs()));
            Failure::Later { wait, problem }
        }
        401 => Failure::Never(problem.help("pass `github-token: ${{ github.token }}`")),
        // No permission helps against a lock, and GitHub names some all the same.
        403 if said.contains("locked") => {
            Failure::Forbidden(problem.help("unlock the conversation, or read the job summary"))
        }
        403 => Failure::Forbidden(permissions(asked, problem, headers)),
        404 => Failure::Missing(permissions(asked, problem, headers)),
        500.. => Failure::Later { wait: SERVER_WAIT, problem },
        _ => Failure::Never(problem),
    })
}

/// A request that got no answer.
pub fn unreachable(asked: &str, why: &str) -> Failure {
    let problem = Problem::new(format!("`{asked}` could not be sent to GitHub: {why}"));
    Failure::Later { wait: SERVER_WAIT, problem }
}

/// An error with all of its causes, since the outermost one says only that something failed.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if texts.last().is_none_or(|last| !last.contains(&text)) {
            texts.push(text);
        }
        next = error.source();
    }
    texts.join(": ")
}

fn rate_limit(status: u16, headers: &Headers, said: &str, now: i64) -> Option<Duration> {
    let number = |header: &Option<String>| header.as_ref()?.trim().parse::<i64>().ok();
    let seconds = |seconds: i64| Duration::from_secs(seconds.max(1).unsigned_abs());
    if let Some(wait) = number(&headers.retry_after) {
        return Some(seconds(wait));
    }
    if number(&headers.remaining) == Some(0) {
        let wait = number(&headers.reset).map(|reset| seconds(reset.saturating_sub(now)));
        return Some(wait.unwrap_or(RATE_LIMIT_WAIT));
    }
    (status == 429 || said.contains("rate limit")).then_some(RATE_LIMIT_WAIT)
}

fn permissions(asked: &str, problem: Problem, headers: &Headers) -> Problem {
    let problem = match &headers.accepted {
        Some(accepted) => problem.found(format!("GitHub asks for: {accepted}")),
        None => problem,
    };
    // `GET /repos/OWNER/NAME/deployments`
    let is_deployment =
        asked.split('/').nth(4).is_some_and(|subject| subject.starts_with("deployments"));
    let permission = if is_deployment {
        "`permissions: deployments: write`"
    } else {
        "`permissions: pull-requests: write` (for an issue, `issues: write`)"
    };
    problem.help(format!(
        "give the job {permission}; a pull request from a fork has a token that only reads"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000;

    fn answer(status: u16, headers: &Headers, text: &str) -> Result<Answer, Failure> {
        read("GET /x", status, headers, text, NOW)
    }

    fn wait(status: u16, headers: &Headers, text: &str) -> Option<u64> {
        match answer(status, headers, text) {
            Err(Failure::Later { wait, .. }) => Some(wait.as_secs()),
            _ => None,
        }
    }

    #[test]
    fn github_says_how_long_to_wait() {
        let secondary = r#"{"message":"You have exceeded a secondary rate limit"}"#;
        let header = |text: &str| Some(text.to_owned());
        let after = || Headers { retry_after: header("7"), ..Headers::default() };
        let reset =
            || Headers { remaining: header("0"), reset: header("1090"), ..Headers::default() };
        let past = Headers { remaining: header("0"), reset: header("5"), ..Headers::default() };
        let left = Headers { remaining: header("9"), ..reset() };
        let none = Headers::default();
        assert_eq!(wait(403, &after(), ""), Some(7));
        assert_eq!(wait(429, &reset(), ""), Some(90));
        assert_eq!(wait(403, &past, ""), Some(1));
        assert_eq!(wait(429, &none, ""), Some(60));
        assert_eq!(wait(403, &none, secondary), Some(60));
        assert_eq!(wait(403, &left, ""), None);
        assert_eq!(wait(502, &none, "<html>"), Some(2));
    }

    #[test]
    fn a_refusal_names_the_permission() {
        let headers = Headers {
            accepted: Some("issues=write; pull_requests=write".into()),
            ..Headers::default()
        };
        let text = r#"{"message":"Resource not accessible by integration"}"#;
        let failure = answer(403, &headers, text).expect_err("it is refused");
        assert!(matches!(failure, Failure::Forbidden(_)));
        insta::assert_snapshot!(failure.into_problem(), @"
        `GET /x` answered 403 Resource not accessible by integration
          GitHub asks for: issues=write; pull_requests=write
          help: give the job `permissions: pull-requests: write` (for an issue, `issues: write`); a pull request from a fork has a token that only reads
        ");
        let asked = "POST /repos/octo/app/deployments/1/statuses";
        let failure = read(asked, 403, &headers, text, NOW).expect_err("it is refused");
        insta::assert_snapshot!(failure.into_problem(), @r"
        `POST /repos/octo/app/deployments/1/statuses` answered 403 Resource not accessible by integration
          GitHub asks for: issues=write; pull_requests=write
          help: give the job `permissions: deployments: write`; a pull request from a fork has a token that only reads
        ");
        assert!(matches!(answer(404, &headers, "{}"), Err(Failure::Missing(_))));
        assert!(matches!(answer(401, &headers, "{}"), Err(Failure::Never(_))));
        assert!(matches!(answer(422, &headers, "{}"), Err(Failure::Never(_))));
        let locked = r#"{"message":"Unable to create comment because issue is locked."}"#;
        let failure = answer(403, &headers, locked).expect_err("it is refused");
        insta::assert_snapshot!(failure.into_problem(), @"
        `GET /x` answered 403 Unable to create comment because issue is locked.
          help: unlock the conversation, or read the job summary
        ");
    }

    #[test]
    fn the_link_says_whether_there_is_more() {
        let page = |link: &str| Headers { link: Some(link.into()), ..Headers::default() };
        let first = page(r#"<https://x/c?page=2>; rel="next", <https://x/c?page=9>; rel="last""#);
        let last = page(r#"<https://x/c?page=8>; rel="prev""#);
        let answered = |headers| answer(200, headers, "[]").expect("it worked");
        assert!(answered(&first).has_more && !answered(&last).has_more);
        let none = Answer { body: Value::Null, has_more: false };
        assert_eq!(answer(204, &Headers::default(), ""), Ok(none));
    }
}
