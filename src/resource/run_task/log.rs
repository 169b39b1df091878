//! The log of a container that runs, from its beginning, as it comes.

use crate::{
    aws::{
        Reader,
        explain::{Explain as _, Failure},
    },
    event::{Event, Events, Source},
};
use serde_json::Value;

/// The log of one container, where it goes to CloudWatch by awslogs, whose streams are called
/// `<prefix>/<container>/<task id>`.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html>
#[derive(Debug)]
pub(super) struct Tail<'a> {
    aws: &'a Reader,
    group: String,
    stream: String,
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
        let containers = definition["containerDefinitions"].as_array()?;
        let found = containers.iter().find(|found| found["name"].as_str() == Some(container))?;
        let logs = &found["logConfiguration"];
        let option = |name: &str| logs["options"][name].as_str();
        let is_here = option("awslogs-region").is_none_or(|region| region == aws.region);
        if logs["logDriver"].as_str() != Some("awslogs") || !is_here {
            return None;
        }
        let id = task.rsplit('/').next().unwrap_or(task);
        Some(Self {
            aws,
            group: option("awslogs-group")?.to_owned(),
            stream: format!("{}/{container}/{id}", option("awslogs-stream-prefix")?),
            next: None,
            is_open: true,
        })
    }

    /// Where it is.
    pub(super) fn place(&self) -> String {
        format!("{} in {}", self.stream, self.group)
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
                .log_group_name(&self.group)
                .log_stream_name(&self.stream)
                .start_from_head(true)
                .set_next_token(self.next.clone())
                .send()
                .await
                .explain("logs:GetLogEvents", self.place())?;
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
