//! The log of a container that runs, from its beginning, as it comes.

use crate::{
    aws::{
        Reader,
        explain::{Explain as _, Failure},
    },
    event::{Event, Events, Source},
    resource::task_definition::logs::{self, Place},
};
use serde_json::Value;

/// The log of one container.
#[derive(Debug)]
pub(super) struct Tail<'a> {
    aws: &'a Reader,
    /// Where it is.
    pub(super) place: Place,
    /// Where to go on.
    next: Option<String>,
    /// Whether it may be read.
    is_open: bool,
}

impl<'a> Tail<'a> {
    /// The log that the definition says; `None` where it goes elsewhere.
    pub(super) fn of(
        aws: &'a Reader,
        definition: &Value,
        container: &str,
        task: &str,
    ) -> Option<Self> {
        let place = logs::place(definition, &aws.region, container, task)?;
        Some(Self { aws, place, next: None, is_open: true })
    }

    /// Tells what is new, and whether there was any. A log that cannot be read is said once, and does
    /// not change how the task ends.
    pub(super) async fn read(&mut self, events: &Events) -> bool {
        if !self.is_open {
            return false;
        }
        match self.pages(events).await {
            Ok(told) => told,
            // It is made when the container starts.
            Err(failure) if failure.is("ResourceNotFound") => false,
            Err(failure) => {
                self.is_open = !failure.is_denied();
                if failure.is_denied() {
                    let what = failure.problem().to_string();
                    events.send(Event::Warning(format!("the log is not shown: {what}")));
                }
                false
            }
        }
    }

    /// The end is where the token does not change any more; a page may be empty before it.
    /// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html>
    async fn pages(&mut self, events: &Events) -> Result<bool, Failure> {
        let mut told = false;
        loop {
            let page = self
                .aws
                .logs
                .get_log_events()
                .log_group_name(&self.place.group)
                .log_stream_name(&self.place.stream)
                .start_from_head(true)
                .set_next_token(self.next.clone())
                .send()
                .await
                .explain("logs:GetLogEvents", self.place.to_string())?;
            for message in page.events().iter().filter_map(|event| event.message()) {
                for line in message.lines() {
                    told = true;
                    events.send(Event::Line { source: Source::Log, text: line.to_owned() });
                }
            }
            let next = page.next_forward_token().map(str::to_owned);
            let is_end = next.is_none() || next == self.next;
            self.next = next.or_else(|| self.next.take());
            if is_end {
                return Ok(told);
            }
        }
    }
}
