//! What this run is: who started it, for which commit and pull request, and where its reports go.
//! Read once, from the environment and the event file.

pub mod checkout;
pub mod trigger;

use crate::{
    error::{Error, Problem, Result},
    identity::Session,
    secret::Secret,
};
use serde_json::Value;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};
use trigger::{Missing, Trigger};

/// What this run is.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The commit that the image is tagged with: the pull request's head, not its merge commit.
    pub commit: Option<String>,
    /// What GitHub told, where the run is a workflow's.
    pub github: Option<GitHub>,
    /// The event that started it.
    pub trigger: Trigger,
    /// `host:port` that takes the place of the ECR registry's address, for an emulator.
    pub registry: Option<String>,
    /// The environment's variables.
    pub variables: BTreeMap<String, String>,
    /// The name of the environment that is deployed to, where one was given.
    pub environment: Option<String>,
    /// What AWS is shown.
    pub session: Arc<Session>,
}

/// What GitHub told.
#[derive(Debug, Clone)]
pub struct GitHub {
    /// `owner/name`.
    pub repository: String,
    /// The API's root, without a slash at its end.
    pub api_url: String,
    /// The web's root, without a slash at its end.
    pub server_url: String,
    /// The workflow run's id.
    pub run_id: Option<u64>,
    /// The pull request that this run is for.
    pub pull_request: Option<u64>,
    /// The token, where one was given.
    pub token: Option<Secret>,
    /// `GITHUB_OUTPUT`.
    pub output: Option<PathBuf>,
    /// `GITHUB_STEP_SUMMARY`.
    pub step_summary: Option<PathBuf>,
}

/// The arguments and the variables of this process; those that are no UTF-8 are left out.
pub fn of_process() -> (Vec<std::ffi::OsString>, BTreeMap<String, String>) {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    (std::env::args_os().collect(), std::env::vars_os().filter_map(text).collect())
}

/// Whether GitHub's runner started this.
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/variables>
pub fn is_action(variables: &BTreeMap<String, String>) -> bool {
    variables.get("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

/// Whether the run may have credentials for AWS. On a machine that is not GitHub's, one of them may be
/// asked for credentials as well, so that nothing but trying tells.
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/variables>
pub fn may_have_credentials(variables: &BTreeMap<String, String>) -> bool {
    const PLACES: [&str; 6] = [
        "AWS_ACCESS_KEY_ID",
        "AWS_PROFILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
    ];
    let is_given = |name: &str| variables.get(name).is_some_and(|value| !value.is_empty());
    let runner = variables.get("RUNNER_ENVIRONMENT").map(String::as_str);
    PLACES.into_iter().any(is_given) || runner != Some("github-hosted")
}

/// Whether Dependabot started the run; whoever runs it again gets no more secrets than Dependabot.
/// <https://docs.github.com/en/code-security/dependabot/working-with-dependabot/automating-dependabot-with-github-actions>
pub fn is_dependabot(variables: &BTreeMap<String, String>) -> bool {
    variables.get("GITHUB_ACTOR").is_some_and(|actor| actor == "dependabot[bot]")
}

impl Context {
    /// Reads the event file too, where there is one.
    ///
    /// # Errors
    /// The event file is missing, is no JSON, or is another event's than GITHUB_EVENT_NAME says.
    pub fn read(variables: BTreeMap<String, String>, environment: Option<String>) -> Result<Self> {
        let given = |name: &str| variables.get(name).filter(|value| !value.is_empty());
        let (path, name) = (given("GITHUB_EVENT_PATH"), given("GITHUB_EVENT_NAME"));
        let event = path.map(|path| read_event(path)).transpose()?;
        let trigger = match (path, name) {
            (Some(path), Some(name)) => trigger_of(name, path, event.as_ref())?,
            // A payload by itself could be many events', and an event without its payload says little.
            _ => Trigger::None,
        };
        let mut context = Self::of(variables, event.as_ref(), trigger)?;
        context.environment = environment;
        Ok(context)
    }

    /// The same run, which is about this pull request, whatever its event says.
    #[must_use]
    pub fn about(mut self, number: u64) -> Self {
        if let Some(github) = &mut self.github {
            github.pull_request = Some(number);
        }
        self
    }

    /// What the variables and the event say.
    fn of(
        variables: BTreeMap<String, String>,
        event: Option<&Value>,
        trigger: Trigger,
    ) -> Result<Self> {
        let given = |name: &str| variables.get(name).filter(|value| !value.is_empty());
        let registry =
            given("ECS_PRIVATE_DEPLOY_REGISTRY").map(|text| registry(text)).transpose()?;
        let is_action = is_action(&variables);
        let repository = given("GITHUB_REPOSITORY").filter(|_| is_action);
        let github = repository.map(|repository| {
            let url = |name: &str, default: &str| {
                given(name).map_or(default, String::as_str).trim_end_matches('/').to_owned()
            };
            GitHub {
                repository: repository.clone(),
                api_url: url("GITHUB_API_URL", "https://api.github.com"),
                server_url: url("GITHUB_SERVER_URL", "https://github.com"),
                run_id: given("GITHUB_RUN_ID").and_then(|id| id.parse().ok()),
                pull_request: event.and_then(pull_request).or(trigger.pull_request()),
                token: given("INPUT_GITHUB-TOKEN")
                    .or_else(|| given("GITHUB_TOKEN"))
                    .map(Secret::new),
                output: given("GITHUB_OUTPUT").map(PathBuf::from),
                step_summary: given("GITHUB_STEP_SUMMARY").map(PathBuf::from),
            }
        });
        let commit = github.as_ref().and_then(|_| {
            let head = event.and_then(|event| event["pull_request"]["head"]["sha"].as_str());
            let head = trigger.head().map(|head| head.commit.as_str()).or(head);
            head.or_else(|| given("GITHUB_SHA").map(String::as_str)).map(str::to_owned)
        });
        Ok(Self { commit, github, trigger, registry, variables, ..Self::default() })
    }
}

/// A comment on a pull request is an event of an issue, which then names its pull request.
fn pull_request(event: &Value) -> Option<u64> {
    let issue = &event["issue"];
    let of_issue = issue.get("pull_request").and_then(|_| issue["number"].as_u64());
    event["pull_request"]["number"].as_u64().or(of_issue)
}

fn registry(text: &str) -> Result<String> {
    let is_address = text.rsplit_once(':').is_some_and(|(host, port)| {
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-[]:".contains(&byte);
        !host.is_empty() && host.bytes().all(is_host) && port.parse::<u16>().is_ok()
    });
    if is_address {
        return Ok(text.to_owned());
    }
    Err(Error::Config(
        Problem::new(format!("ECS_PRIVATE_DEPLOY_REGISTRY is `{text}`, which is no `host:port`"))
            .help("give the emulator's address, for instance `localhost:4566`, or unset it")
            .to_string(),
    ))
}

fn read_event(path: &str) -> Result<Value> {
    let failed = |why: String| {
        Error::Config(
            Problem::new(format!("the event that GITHUB_EVENT_PATH names cannot be read: {why}"))
                .found(path)
                .help("outside of a workflow, unset GITHUB_EVENT_PATH")
                .to_string(),
        )
    };
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let event = serde_json::from_str(&text).map_err(|error| failed(format!("no JSON: {error}")))?;
    match event {
        Value::Object(_) => Ok(event),
        _ => Err(failed("an event is a JSON object, and this is none".to_owned())),
    }
}

fn trigger_of(name: &str, path: &str, event: Option<&Value>) -> Result<Trigger> {
    Trigger::of(name, event.unwrap_or(&Value::Null)).map_err(|Missing(key)| {
        let what = format!(
            "the event that GITHUB_EVENT_PATH names is another one than GITHUB_EVENT_NAME says: a \
             `{name}` has `{key}`, and this has not"
        );
        let help = "give both as GitHub sets them, and the payload of the same event";
        Error::Config(Problem::new(what).found(path).help(help).to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn context(variables: &[(&str, &str)], event: &Value) -> Result<Context> {
        let workflow = [("GITHUB_ACTIONS", "true"), ("GITHUB_REPOSITORY", "octo/app")];
        let variables = workflow.iter().chain(variables);
        let variables =
            variables.map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        Context::of(variables, Some(event), Trigger::None)
    }

    #[test]
    fn the_commit_of_a_pull_request_is_its_head() {
        let event = json!({"pull_request": {"number": 7, "head": {"sha": "abc"}}});
        let context = context(&[("GITHUB_SHA", "merge")], &event).expect("it is well formed");
        assert_eq!(context.commit.as_deref(), Some("abc"));
        assert_eq!(context.github.and_then(|github| github.pull_request), Some(7));
    }

    #[test]
    fn the_commit_of_a_push_is_the_one_that_was_pushed() {
        let context = context(&[("GITHUB_SHA", "abc")], &json!({"ref": "refs/heads/main"}));
        let context = context.expect("it is well formed");
        assert_eq!(context.commit.as_deref(), Some("abc"));
        assert_eq!(context.github.and_then(|github| github.pull_request), None);
    }

    #[test]
    fn a_comment_names_its_pull_request_and_an_issue_has_none() {
        let number = |event: &Value| {
            let context = context(&[], event).expect("it is well formed");
            context.github.and_then(|github| github.pull_request)
        };
        let event = json!({"issue": {"number": 3, "pull_request": {"url": "…"}}});
        assert_eq!(number(&event), Some(3));
        assert_eq!(number(&json!({"issue": {"number": 3}})), None);
    }

    #[test]
    fn an_empty_token_is_none_and_no_token_is_printed() {
        let context =
            context(&[("INPUT_GITHUB-TOKEN", ""), ("GITHUB_TOKEN", "hunter2")], &json!({}));
        let github = context.expect("it is well formed").github.expect("a workflow");
        assert_eq!(github.token.as_ref().map(Secret::expose), Some("hunter2"));
        assert!(!format!("{github:?}").contains("hunter2"));
    }

    #[test]
    fn the_registry_is_a_host_and_a_port() {
        for (text, is_well) in
            [("localhost:4566", true), ("[::1]:80", true), ("http://x:1", false), ("x", false)]
        {
            let found = context(&[("ECS_PRIVATE_DEPLOY_REGISTRY", text)], &json!({}));
            assert_eq!(found.is_ok(), is_well, "{text}");
        }
    }
}
