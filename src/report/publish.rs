//! The reporter that keeps the pull request's comment up to date, beside the run.

use crate::{
    context::{Context, GitHub},
    error::Problem,
    event::{Command, Event},
    github::{Client, sticky},
    report::{Reporter, Setup, comment, underway::Underway},
    secret::Secret,
};
use futures_util::future::{BoxFuture, FutureExt};
use std::time::Duration;
use tokio::{sync::watch, task::JoinSet};

/// Renders the comment on every event; a task beside it sends what is newest.
pub struct CommentReporter {
    command: Command,
    service: String,
    context: Context,
    underway: Underway,
    newest: Option<watch::Sender<String>>,
    /// One task, in a set because that ends it when the reporter is dropped.
    sender: JoinSet<Result<(), Problem>>,
}

impl CommentReporter {
    /// Starts with a comment that says so.
    pub fn start(setup: &Setup<'_>, github: &GitHub, token: &Secret, number: u64) -> Self {
        let Setup { context, service, command, secrets, verbose: _, preview: _ } = setup;
        let underway = Underway::default();
        let first = comment::render_underway(&underway, *command, service, context);
        let (newest, bodies) = watch::channel(secrets.redact(&first));
        let marker = comment::marker(service, context.environment.as_deref());
        let client = Client::new(&github.api_url, &github.repository, token);
        let mut sender = JoinSet::new();
        sender.spawn(async move { sticky::keep(&client?, number, &marker, bodies).await });
        Self {
            command: *command,
            service: (*service).to_owned(),
            context: (*context).clone(),
            underway,
            newest: Some(newest),
            sender,
        }
    }
}

impl Reporter for CommentReporter {
    fn name(&self) -> &'static str {
        "the comment on the pull request"
    }

    fn tell(&mut self, event: &Event, now: Duration) -> Result<(), Problem> {
        self.underway.take(event, now);
        let body = match event {
            Event::Finished(outcome) => comment::render(outcome, &self.context),
            Event::Line { .. } | Event::Warning(_) => return Ok(()),
            _ => {
                comment::render_underway(&self.underway, self.command, &self.service, &self.context)
            }
        };
        if let Some(newest) = &self.newest {
            newest.send_if_modified(|old| {
                let changed = *old != body;
                *old = body;
                changed
            });
        }
        Ok(())
    }

    fn tick(&mut self, _now: Duration) -> Result<(), Problem> {
        self.sender.try_join_next().map_or(Ok(()), ended)
    }

    fn finish(&mut self) -> BoxFuture<'_, Result<(), Problem>> {
        self.newest = None;
        async { self.sender.join_next().await.map_or(Ok(()), ended) }.boxed()
    }
}

fn ended(result: Result<Result<(), Problem>, tokio::task::JoinError>) -> Result<(), Problem> {
    result.unwrap_or_else(|why| Err(Problem::new(format!("the comment's task ended: {why}"))))
}
