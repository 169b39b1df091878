//! GitHub's own record of what is deployed where: a deployment of a commit to an environment, and what
//! became of it. GitHub shows the newest one of each environment at the pull request, with its link.
//!
//! An environment may have several services, so each deployment says in its payload whose it is, and only
//! those of the same service are ever set to another state. GitHub's own `auto_inactive` goes by the
//! environment alone and leaves out those that are transient, so it is off.

use crate::{
    error::Problem,
    github::{Client, Method, answer::Failure, patience::Patience},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use url::form_urlencoded;

/// The key of a deployment's payload that names its service.
const SERVICE: &str = "ecs-private-deploy";

/// The largest page that GitHub gives. It begins with the newest deployments.
const PAGE: usize = 100;

/// After so many earlier deployments in a row that are settled, all that are older are taken to be so.
const SETTLED_IN_A_ROW: usize = 5;

/// The longest description of a status.
/// <https://docs.github.com/en/rest/deployments/statuses#create-a-deployment-status>
const DESCRIPTION: usize = 140;

/// An environment, and the service in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The environment's name.
    pub environment: String,
    /// The ECS service's name.
    pub service: String,
    /// Whether it goes again: GitHub then shows what is inactive as destroyed.
    pub is_transient: bool,
}

/// A deployment to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct New {
    /// Where to.
    pub place: Place,
    /// The commit; of a pull request its head.
    pub commit: String,
    /// What it says beside the environment.
    pub description: String,
    /// The log's address.
    pub log_url: Option<String>,
}

/// What became of a deployment, in GitHub's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is going on.
    InProgress,
    /// It stands.
    Success,
    /// It failed.
    Failure,
    /// Nobody knows what became of it.
    Error,
    /// It does not stand any more, or never did.
    Inactive,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Error => "error",
            Self::Inactive => "inactive",
        }
    }
}

/// How a run ended, for its deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// What became of it.
    pub state: State,
    /// In a few words.
    pub description: String,
    /// Where it answers.
    pub url: Option<String>,
    /// Whether those before it do not stand any more.
    pub ends_earlier: bool,
}

/// A deployment that is there, and the word of its newest status; none where nothing was told yet.
type Earlier = (u64, Option<String>);

#[derive(Debug, Deserialize)]
struct Deployment {
    id: u64,
    #[serde(default)]
    payload: Value,
}

#[derive(Debug, Deserialize)]
struct Status {
    id: u64,
    state: String,
}

/// Makes a deployment, says that it is going on, and at the end of the run what became of it.
///
/// # Errors
/// GitHub refuses it, or asks to wait for too long.
pub async fn follow(
    client: &Client,
    new: &New,
    end: watch::Receiver<Option<End>>,
) -> Result<(), Problem> {
    let mut patience = Patience::new(end);
    let followed = async {
        let id = patience.ask(|| client.create_deployment(new)).await?;
        let mut earlier = None;
        if !patience.has_ended() {
            let going_on = End {
                state: State::InProgress,
                description: new.description.clone(),
                url: None,
                ends_earlier: false,
            };
            patience.ask(|| client.tell(id, &going_on, new.log_url.as_deref())).await?;
            // Now, while there is time.
            earlier = Some(patience.ask(|| client.earlier(&new.place, Some(id))).await?);
        }
        let end = patience.ended().await.unwrap_or_else(|| End {
            state: State::Error,
            description: "the run ended before it could say how".to_owned(),
            url: None,
            ends_earlier: false,
        });
        patience.ask(|| client.tell(id, &end, new.log_url.as_deref())).await?;
        if !end.ends_earlier {
            return Ok(());
        }
        let earlier = match earlier {
            Some(earlier) => earlier,
            None => patience.ask(|| client.earlier(&new.place, Some(id))).await?,
        };
        // A failure stays one, unless nothing stands any more.
        let is_down = end.state == State::Inactive;
        let ended =
            earlier.into_iter().filter(|(_, state)| is_down || !is_settled(state.as_deref()));
        let log_url = new.log_url.as_deref();
        end_all(client, &mut patience, ended, &end.description, log_url).await
    };
    followed.await.map_err(|failure: Failure| given_up(&new.place, failure))
}

/// Once the run has ended, says of every deployment of a place that it does not stand any more, where
/// that is so.
///
/// # Errors
/// GitHub refuses it, or asks to wait for too long.
pub async fn take_down(
    client: &Client,
    place: &Place,
    log_url: Option<&str>,
    end: watch::Receiver<Option<End>>,
) -> Result<(), Problem> {
    let mut patience = Patience::new(end);
    let taken = async {
        let earlier = patience.ask(|| client.earlier(place, None)).await?;
        match patience.ended().await {
            Some(End { ends_earlier: true, description, .. }) => {
                end_all(client, &mut patience, earlier.into_iter(), &description, log_url).await
            }
            _ => Ok(()),
        }
    };
    taken.await.map_err(|failure| given_up(place, failure))
}

async fn end_all(
    client: &Client,
    patience: &mut Patience<End>,
    earlier: impl Iterator<Item = Earlier> + Send,
    description: &str,
    log_url: Option<&str>,
) -> Result<(), Failure> {
    let end = End {
        state: State::Inactive,
        description: description.to_owned(),
        url: None,
        ends_earlier: false,
    };
    for (id, _) in earlier.filter(|(_, state)| state.as_deref() != Some(State::Inactive.word())) {
        patience.ask(|| client.tell(id, &end, log_url)).await?;
    }
    Ok(())
}

fn given_up(place: &Place, failure: Failure) -> Problem {
    let problem = failure.into_problem();
    let what = format!(
        "the deployment to `{}` on GitHub is given up: {}",
        place.environment, problem.what
    );
    Problem { what, ..problem }
}

/// Whether a deployment was not going on and did not stand when its newest status was written.
fn is_settled(state: Option<&str>) -> bool {
    let settled = [State::Failure, State::Error, State::Inactive];
    settled.iter().any(|settled| state == Some(settled.word()))
}

/// Whether the payload, which GitHub may answer as an object or as its text, names this service.
fn is_of(service: &str, payload: &Value) -> bool {
    match payload {
        Value::String(text) => serde_json::from_str::<Value>(text)
            .is_ok_and(|payload| payload[SERVICE].as_str() == Some(service)),
        payload => payload[SERVICE].as_str() == Some(service),
    }
}

impl Client {
    /// Makes a deployment of just this commit: nothing is merged into it, and nobody's checks are waited
    /// for, since the workflow has decided already.
    /// <https://docs.github.com/en/rest/deployments/deployments#create-a-deployment>
    async fn create_deployment(&self, new: &New) -> Result<u64, Failure> {
        let Place { environment, service, is_transient } = &new.place;
        let mut body = json!({
            "ref": new.commit,
            "environment": environment,
            "description": clipped(&new.description),
            "auto_merge": false,
            "required_contexts": [],
            "payload": { SERVICE: service },
            "transient_environment": is_transient,
        });
        if *is_transient {
            // Of any other environment GitHub knows by its name.
            body["production_environment"] = json!(false);
        }
        let path = format!("/repos/{}/deployments", self.repository);
        let answer = self.ask(Method::Post, &path, Some(&body)).await?;
        super::parse::<Deployment>(answer.body).map(|made| made.id)
    }

    /// <https://docs.github.com/en/rest/deployments/statuses#create-a-deployment-status>
    async fn tell(&self, id: u64, end: &End, log_url: Option<&str>) -> Result<(), Failure> {
        let mut body = json!({
            "state": end.state.word(),
            "description": clipped(&end.description),
            "auto_inactive": false,
        });
        for (key, url) in [("log_url", log_url), ("environment_url", end.url.as_deref())] {
            if let Some(url) = url {
                body[key] = json!(url);
            }
        }
        let path = format!("/repos/{}/deployments/{id}/statuses", self.repository);
        self.ask(Method::Post, &path, Some(&body)).await.map(drop)
    }

    /// The deployments to this place that may not be settled, the newest first, without this one.
    async fn earlier(&self, place: &Place, but: Option<u64>) -> Result<Vec<Earlier>, Failure> {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("environment", &place.environment)
            .append_pair("per_page", &PAGE.to_string())
            .finish();
        let path = format!("/repos/{}/deployments?{query}", self.repository);
        let listed: Vec<Deployment> = super::parse(self.ask(Method::Get, &path, None).await?.body)?;
        let mut ids: Vec<_> = listed
            .iter()
            .filter(|found| Some(found.id) != but && is_of(&place.service, &found.payload))
            .map(|found| found.id)
            .collect();
        ids.sort_unstable_by(|a, b| b.cmp(a));
        let (mut found, mut settled) = (Vec::new(), 0);
        for id in ids {
            let state = self.state_of(id).await?;
            settled = if is_settled(state.as_deref()) { settled + 1 } else { 0 };
            found.push((id, state));
            if settled == SETTLED_IN_A_ROW {
                break;
            }
        }
        Ok(found)
    }

    /// The word of a deployment's newest status.
    async fn state_of(&self, id: u64) -> Result<Option<String>, Failure> {
        let path = format!("/repos/{}/deployments/{id}/statuses?per_page={PAGE}", self.repository);
        let told: Vec<Status> = super::parse(self.ask(Method::Get, &path, None).await?.body)?;
        Ok(told.into_iter().max_by_key(|status| status.id).map(|status| status.state))
    }
}

fn clipped(text: &str) -> String {
    let text = text.replace('`', "");
    if text.chars().count() <= DESCRIPTION {
        return text;
    }
    text.chars().take(DESCRIPTION - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_is_a_services_by_its_payload() {
        assert!(is_of("web", &json!({ SERVICE: "web" })));
        assert!(is_of("web", &json!(format!(r#"{{"{SERVICE}":"web"}}"#))));
        assert!(!is_of("web", &json!({ SERVICE: "api" })) && !is_of("web", &json!({})));
        assert!(!is_of("web", &json!("")) && !is_of("web", &Value::Null));
    }

    #[test]
    fn what_was_told_last_settles_it() {
        let told = ["failure", "error", "inactive"];
        assert!(told.into_iter().all(|state| is_settled(Some(state))));
        let told = [None, Some("success"), Some("in_progress"), Some("queued"), Some("pending")];
        assert!(!told.into_iter().any(is_settled));
    }

    #[test]
    fn a_description_is_as_long_as_github_takes() {
        assert_eq!(clipped("the preview `web-pr-42` is up"), "the preview web-pr-42 is up");
        let long = clipped(&"é".repeat(200));
        assert_eq!((long.chars().count(), long.ends_with('…')), (140, true));
    }
}
