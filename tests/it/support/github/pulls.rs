//! The pull requests of the stub: which are open, and which are closed.

use super::{Answer, GitHub, Repository, queried, refusal};
use serde_json::{Value, json};

/// When a closed one was closed.
const CLOSED_AT: &str = "2026-11-25T13:00:00Z";

impl GitHub {
    /// All that are open, or one.
    pub(super) fn pulls(&self, repository: &Repository, rest: &[&str], query: &str) -> Answer {
        match rest {
            [] => {
                let number = |key: &str, default: usize| {
                    queried(query, key).and_then(|value| value.parse().ok()).unwrap_or(default)
                };
                let (size, page) = (number("per_page", 30).min(100), number("page", 1));
                let open = repository.pulls.iter().filter(|(_, is_open)| **is_open);
                let open: Vec<_> =
                    open.map(|(number, _)| self.pull(*number, true, false)).collect();
                let of_page: Vec<_> = open.iter().skip((page - 1) * size).take(size).collect();
                let mut answer = Answer::new("200 OK", &json!(of_page));
                if open.len() > page * size {
                    let next = format!("https://api.github.com/x?page={}", page + 1);
                    answer.headers.push(format!("Link: <{next}>; rel=\"next\""));
                }
                answer
            }
            [number] => {
                let found = number.parse().ok().and_then(|number| {
                    repository.pulls.get(&number).map(|is_open| self.pull(number, *is_open, true))
                });
                match found {
                    Some(pull) => Answer::new("200 OK", &pull),
                    None => refusal("404 Not Found", "Not Found"),
                }
            }
            _ => refusal("404 Not Found", "Not Found"),
        }
    }

    fn pull(&self, number: u64, is_open: bool, is_whole: bool) -> Value {
        let shared = &self.shared;
        let mut pull = if is_whole { shared.pull.clone() } else { shared.listed_pull.clone() };
        // The example's team has no `type`, which the description asks for.
        pull["requested_teams"] = json!([]);
        pull["number"] = json!(number);
        // The example's team lacks what the description asks of one.
        pull["requested_teams"] = json!([]);
        pull["state"] = json!(if is_open { "open" } else { "closed" });
        pull["merged_at"] = Value::Null;
        pull["closed_at"] = if is_open { Value::Null } else { json!(CLOSED_AT) };
        pull
    }
}
