//! The reporter of GitHub's deployments: the pull request, and the page of the environment, show what is
//! deployed there with its link.

use crate::{
    context::Context,
    error::Problem,
    event::{Command, Event, Outcome, Verdict},
    exit,
    github::{
        Client,
        deployments::{self, End, New, Place, State},
    },
    report::{
        Reporter, Setup, comment,
        ending::{self, doing},
        main_service,
        markdown::is_plain_url,
        publish::ended,
    },
};
use futures_util::future::{BoxFuture, FutureExt};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet};

/// Tells GitHub of the deployment once there is a plan; a task beside the run sends it. A run that has
/// nothing to do, because a pull request is closed or comes from a fork, leaves no deployment.
pub struct DeploymentReporter {
    client: Arc<Client>,
    /// What is to be made; none where something is taken down.
    new: Option<New>,
    place: Place,
    log_url: Option<String>,
    end: Option<watch::Sender<Option<End>>>,
    /// One task, in a set because that ends it when the reporter is dropped.
    sender: JoinSet<Result<(), Problem>>,
}

/// Where this is deployed to: a preview to an environment of its own, anything else to the one that is
/// given.
pub fn place(service: &str, preview: Option<u64>, context: &Context) -> Option<Place> {
    let main = main_service(service, preview);
    let environment = match preview {
        Some(number) => format!("{main}-pr-{number}"),
        None => context.environment.clone()?,
    };
    Some(Place { environment, service: service.to_owned(), is_transient: preview.is_some() })
}

impl DeploymentReporter {
    /// The reporter of a run; none where there is nothing to tell or no commit to tell it of.
    pub fn new(setup: &Setup<'_>, client: &Arc<Client>) -> Option<Self> {
        let &Setup { context, service, command, preview, secrets: _, verbose: _ } = setup;
        let place = place(service, preview, context)?;
        let log_url = comment::log_url(context);
        let new = match command {
            Command::Deploy | Command::PreviewUp => Some(New {
                place: place.clone(),
                commit: context.commit.clone()?,
                description: format!("{} `{service}`", doing(command)),
                log_url: log_url.clone(),
            }),
            Command::Destroy | Command::PreviewDown => None,
            Command::Plan | Command::Continue | Command::Rollback | Command::PreviewSweep => {
                return None;
            }
        };
        let client = Arc::clone(client);
        Some(Self { client, new, place, log_url, end: None, sender: JoinSet::new() })
    }

    fn begin(&mut self) -> watch::Sender<Option<End>> {
        let (end, receiver) = watch::channel(None);
        let client = Arc::clone(&self.client);
        let (place, log_url) = (self.place.clone(), self.log_url.clone());
        match self.new.clone() {
            Some(new) => {
                self.sender
                    .spawn(async move { deployments::follow(&client, &new, receiver).await });
            }
            None => {
                self.sender.spawn(async move {
                    let log_url = log_url.as_deref();
                    deployments::take_down(&client, &place, log_url, receiver).await
                });
            }
        }
        end
    }
}

impl Reporter for DeploymentReporter {
    fn name(&self) -> &'static str {
        "the deployment on GitHub"
    }

    fn tell(&mut self, event: &Event, _now: Duration) -> Result<(), Problem> {
        match event {
            Event::Planned(_) if self.end.is_none() => self.end = Some(self.begin()),
            Event::Finished(outcome) => {
                let has_failed = self.new.is_some() && outcome.error.is_some();
                if self.end.is_none() && has_failed {
                    self.end = Some(self.begin());
                }
                let end = if self.new.is_some() { made(outcome) } else { taken_down(outcome) };
                if let Some(sender) = &self.end {
                    sender.send_replace(Some(end));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn tick(&mut self, _now: Duration) -> Result<(), Problem> {
        self.sender.try_join_next().map_or(Ok(()), ended)
    }

    fn finish(&mut self) -> BoxFuture<'_, Result<(), Problem>> {
        self.end = None;
        async { self.sender.join_next().await.map_or(Ok(()), ended) }.boxed()
    }
}

/// What became of a deployment.
pub fn made(outcome: &Outcome) -> End {
    let ending = ending::of(outcome);
    let state = match (ending.state, &outcome.verdict) {
        (ending::State::Good, _) => State::Success,
        (ending::State::Neutral, _) => State::Inactive,
        (ending::State::Bad, Some(Verdict::TimedOut(_))) => State::Error,
        (ending::State::Bad, _) if outcome.is_cancelled => State::Error,
        (ending::State::Bad, _) if outcome.exit_code == exit::UNEXPECTED => State::Error,
        (ending::State::Bad, _) => State::Failure,
    };
    let is_gone = outcome.neutral.is_some() && outcome.changed;
    let url = outcome.outputs.url.clone().filter(|url| is_plain_url(url));
    End {
        state,
        url: url.filter(|_| state == State::Success),
        description: ending.title,
        ends_earlier: state == State::Success || is_gone,
    }
}

/// What became of the deployments of a place that is taken down: while something stays, they stay.
pub fn taken_down(outcome: &Outcome) -> End {
    let ending = ending::of(outcome);
    End {
        state: State::Inactive,
        description: ending.title,
        url: None,
        ends_earlier: ending.state == ending::State::Good,
    }
}

#[cfg(test)]
mod tests;
