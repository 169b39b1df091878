//! The stub's deployments, which do what GitHub's do where a caller forgets what it must not.

use super::{Answer, GitHub, Repository, Request, queried, refusal};
use serde_json::{Value, json};

/// A deployment, as it was asked for, and its statuses likewise, the oldest first.
#[derive(Debug, Clone)]
pub struct Deployment {
    pub id: u64,
    pub asked: Value,
    pub statuses: Vec<Value>,
}

impl Deployment {
    /// The word of its newest status.
    pub fn state(&self) -> &str {
        self.statuses.last().and_then(|status| status["state"].as_str()).unwrap_or("none")
    }
}

impl GitHub {
    pub(super) fn deployments(
        &self,
        repository: &mut Repository,
        rest: &[&str],
        query: &str,
        request: &Request,
    ) -> Answer {
        let number = rest.first().and_then(|id| id.parse::<u64>().ok()).unwrap_or_default();
        let found = repository.deployments.iter().position(|found| found.id == number);
        if repository.may_not_deploy && request.method == "POST" {
            let accepted = "x-accepted-github-permissions: deployments=write".to_owned();
            let refused = refusal("403 Forbidden", "Resource not accessible by integration");
            return Answer { headers: vec![accepted], ..refused };
        }
        match (request.method.as_str(), rest) {
            ("GET", []) => {
                let environment = queried(query, "environment");
                let matches = |found: &&Deployment| {
                    environment.as_deref().is_none_or(|name| found.asked["environment"] == name)
                };
                let size = queried(query, "per_page").and_then(|n| n.parse().ok()).unwrap_or(30);
                let listed = repository.deployments.iter().rev().filter(matches).take(size);
                let listed: Vec<_> = listed.map(|deployment| self.deployment(deployment)).collect();
                Answer::new("200 OK", &json!(listed))
            }
            ("POST", []) => {
                if request.body["auto_merge"] != json!(false) {
                    let merged = json!({ "message": "Auto-merged main into topic on deployment." });
                    return Answer::new("202 Accepted", &merged);
                }
                if request.body["required_contexts"] != json!([]) {
                    let why = "Conflict: Commit status checks failed for topic.";
                    return refusal("409 Conflict", why);
                }
                let id = 1 + repository.deployments.iter().map(|found| found.id).max().unwrap_or(0);
                let asked = request.body.clone();
                let made = Deployment { id, asked, statuses: Vec::new() };
                let body = self.deployment(&made);
                repository.deployments.push(made);
                Answer::new("201 Created", &body)
            }
            ("GET", [_, "statuses"]) => match found {
                None => refusal("404 Not Found", "Not Found"),
                Some(found) => {
                    let found = &repository.deployments[found];
                    let listed = found.statuses.iter().enumerate().rev();
                    let listed: Vec<_> =
                        listed.map(|(at, status)| self.status(found.id, at, status)).collect();
                    Answer::new("200 OK", &json!(listed))
                }
            },
            ("POST", [_, "statuses"]) => {
                let description = request.body["description"].as_str().unwrap_or_default();
                if description.chars().count() > 140 {
                    let why =
                        "Validation Failed: description is too long (maximum is 140 characters)";
                    return refusal("422 Unprocessable Entity", why);
                }
                match found {
                    None => refusal("404 Not Found", "Not Found"),
                    Some(found) => {
                        let found = &mut repository.deployments[found];
                        found.statuses.push(request.body.clone());
                        let at = found.statuses.len() - 1;
                        Answer::new("201 Created", &self.status(found.id, at, &request.body))
                    }
                }
            }
            _ => refusal("404 Not Found", "Not Found"),
        }
    }

    fn deployment(&self, Deployment { id, asked, .. }: &Deployment) -> Value {
        let mut answer = self.shared.deployment.clone();
        answer["id"] = json!(id);
        for key in ["ref", "environment", "description", "payload", "transient_environment"] {
            if !asked[key].is_null() {
                answer[key] = asked[key].clone();
            }
        }
        answer
    }

    fn status(&self, deployment: u64, at: usize, asked: &Value) -> Value {
        let mut answer = self.shared.status.clone();
        answer["id"] = json!(deployment * 100 + u64::try_from(at).expect("few"));
        for key in ["state", "description", "environment_url", "log_url"] {
            if !asked[key].is_null() {
                answer[key] = asked[key].clone();
            }
        }
        answer
    }
}
