//! The reporter of a sweep: what it takes down is told where it stood, in each pull request's comment and
//! on the page of its environment.

use crate::{
    context::Context,
    error::Problem,
    event::Event,
    github::{Client, deployments, sticky},
    report::{Reporter, comment, deployment, publish::ended},
};
use futures_util::future::{BoxFuture, FutureExt};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet};

/// Tells each preview's takedown in tasks beside the run.
pub struct SweptReporter {
    client: Arc<Client>,
    context: Context,
    tasks: JoinSet<Result<(), Problem>>,
    /// Why the first one that failed did: the others are told all the same.
    failed: Option<Problem>,
}

impl SweptReporter {
    /// The reporter of a run.
    pub fn new(context: &Context, client: &Arc<Client>) -> Self {
        let (client, context) = (Arc::clone(client), context.clone());
        Self { client, context, tasks: JoinSet::new(), failed: None }
    }

    fn note(&mut self, result: Result<(), Problem>) {
        if let Err(problem) = result {
            self.failed.get_or_insert(problem);
        }
    }
}

impl Reporter for SweptReporter {
    fn name(&self) -> &'static str {
        "the reports on what was swept"
    }

    fn tell(&mut self, event: &Event, _now: Duration) -> Result<(), Problem> {
        let Event::Swept(outcome) = event else { return Ok(()) };
        let Some(number) = outcome.preview else { return Ok(()) };
        let context = &self.context;
        let marker = comment::mark(&outcome.service, outcome.preview, context);
        // Where there never was a comment, nobody waits for one.
        let body = sticky::Body { creates: false, ..comment::ended(outcome, context) };
        let place = deployment::place(&outcome.service, outcome.preview, context);
        let end = deployment::taken_down(outcome);
        let log_url = comment::log_url(context);
        let client = Arc::clone(&self.client);
        self.tasks.spawn(async move {
            let (_, bodies) = watch::channel(body);
            let kept = sticky::keep(&client, number, &marker, bodies).await;
            let Some(place) = place else { return kept };
            let (_, end) = watch::channel(Some(end));
            let taken = deployments::take_down(&client, &place, log_url.as_deref(), end).await;
            kept.and(taken)
        });
        Ok(())
    }

    fn tick(&mut self, _now: Duration) -> Result<(), Problem> {
        while let Some(result) = self.tasks.try_join_next() {
            self.note(ended(result));
        }
        Ok(())
    }

    fn finish(&mut self) -> BoxFuture<'_, Result<(), Problem>> {
        async {
            while let Some(result) = self.tasks.join_next().await {
                self.note(ended(result));
            }
            self.failed.take().map_or(Ok(()), Err)
        }
        .boxed()
    }
}
