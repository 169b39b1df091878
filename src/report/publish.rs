//! The reporter that keeps the pull request's comment up to date, beside the run.

use crate::{
    context::Context,
    error::Problem,
    event::Event,
    github::{
        Client,
        sticky::{self, Body},
    },
    report::{
        Reporter, Setup,
        comment::{self, Subject},
        underway::Underway,
    },
};
use futures_util::future::{BoxFuture, FutureExt};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet};

/// Renders the comment on every event; a task beside it sends what is newest. Nothing is sent before
/// there is something to tell: a run that ends at once must not write over what others have told.
pub struct CommentReporter {
    client: Arc<Client>,
    number: u64,
    subject: Subject,
    context: Context,
    underway: Underway,
    newest: Option<watch::Sender<Body>>,
    /// One task, in a set because that ends it when the reporter is dropped.
    sender: JoinSet<Result<(), Problem>>,
}

impl CommentReporter {
    /// The reporter of a run, for the comment on this pull request.
    pub fn new(setup: &Setup<'_>, client: &Arc<Client>, number: u64) -> Self {
        let &Setup { context, service, command, preview, secrets: _, verbose: _ } = setup;
        Self {
            client: Arc::clone(client),
            number,
            subject: Subject { command, service: service.to_owned(), preview },
            context: context.clone(),
            underway: Underway::default(),
            newest: None,
            sender: JoinSet::new(),
        }
    }

    fn send(&mut self, body: Body) {
        if let Some(newest) = &self.newest {
            newest.send_if_modified(|old| {
                let changed = *old != body;
                *old = body;
                changed
            });
            return;
        }
        // Neither is a comment made for it, nor would one that is there be changed.
        if body.yields && !body.creates {
            return;
        }
        let (newest, bodies) = watch::channel(body);
        self.newest = Some(newest);
        let (client, number) = (Arc::clone(&self.client), self.number);
        let marker = comment::mark(&self.subject.service, self.subject.preview, &self.context);
        self.sender.spawn(async move { sticky::keep(&client, number, &marker, bodies).await });
    }
}

impl Reporter for CommentReporter {
    fn name(&self) -> &'static str {
        "the comment on the pull request"
    }

    fn tell(&mut self, event: &Event, now: Duration) -> Result<(), Problem> {
        self.underway.take(event, now);
        let body = match event {
            Event::Finished(outcome) => comment::ended(outcome, &self.context),
            Event::Line { .. } | Event::Warning(_) | Event::Swept(_) => return Ok(()),
            _ => comment::underway(&self.underway, &self.subject, &self.context),
        };
        self.send(body);
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

/// How a task of a reporter has ended.
pub fn ended(result: Result<Result<(), Problem>, tokio::task::JoinError>) -> Result<(), Problem> {
    result.unwrap_or_else(|why| Err(Problem::new(format!("a report's task ended: {why}"))))
}
