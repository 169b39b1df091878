//! Follows a task until it has stopped.

use super::{judge, log::Tail};
use crate::{
    aws::{
        Reader,
        explain::{Explain as _, Failure},
    },
    error::Problem,
    event::Events,
    rollout::tasks::{StoppedTask, stopped_task},
};
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How long one look may take, the SDK's own attempts included.
const LOOK: Duration = Duration::from_secs(30);
/// How long looks may fail in a row. The task goes on without anybody looking.
const BLIND: Duration = Duration::from_mins(2);
/// How long ECS may not know a task that it has just started: its reads lag behind its writes.
const UNLISTED: Duration = Duration::from_secs(30);
/// How long the last lines of a log may be on their way when the task has stopped.
const LAST_LINES: Duration = Duration::from_millis(500);

/// What is followed.
#[derive(Debug)]
pub(super) struct Following<'a> {
    pub aws: &'a Reader,
    pub cluster: &'a str,
    /// Its ARN.
    pub task: &'a str,
    pub name: &'a str,
    /// The container that counts.
    pub container: &'a str,
    /// The task definition.
    pub definition: &'a Value,
    pub timeout: Duration,
}

/// How it went.
#[derive(Debug)]
pub(super) enum Followed {
    Well,
    Badly(Problem),
    /// It still runs, and the time is up.
    TooLong,
}

impl Following<'_> {
    /// Follows it, and tells its log. The error is that ECS cannot be asked.
    pub(super) async fn to_its_end(&self, events: &Events) -> Result<Followed, Failure> {
        let Self { aws, definition, container, task, name, .. } = self;
        let mut log = Tail::of(aws, definition, container, task);
        let look = async || self.look().await;
        let ended = watch(look, self.timeout, &mut log, events).await?;
        let ended = match ended {
            Ended::Stopped(ended) => ended,
            Ended::TooLong => return Ok(Followed::TooLong),
            Ended::Lost => {
                let what = format!("the task `{name}` is lost: ECS does not know {task}");
                return Ok(Followed::Badly(Problem::new(what).help("run it again")));
            }
        };
        let essential = judge::essential(definition);
        let Some(cause) = judge::cause(&ended, container, &essential) else {
            return Ok(Followed::Well);
        };
        let culprit = judge::culprit(&ended, container, &essential);
        if culprit != *container
            && let Some(mut other) = Tail::of(aws, definition, culprit, task)
        {
            other.read(events).await;
            log = Some(other);
        }
        let place = log.map(|log| log.place.to_string());
        Ok(Followed::Badly(judge::problem(name, &ended, culprit, &cause, place.as_deref())))
    }

    async fn look(&self) -> Result<Look, Failure> {
        let request = self.aws.ecs.describe_tasks().cluster(self.cluster).tasks(self.task);
        let found = request.send().await.explain("ecs:DescribeTasks", self.task)?;
        Ok(match found.tasks().first() {
            None => Look::Unknown,
            Some(task) if task.last_status() == Some("STOPPED") => {
                Look::Stopped(stopped_task(task))
            }
            Some(_) => Look::Runs,
        })
    }
}

/// One look at the task.
#[derive(Debug)]
pub(super) enum Look {
    Unknown,
    Runs,
    Stopped(StoppedTask),
}

/// How the watch ended.
#[derive(Debug)]
pub(super) enum Ended {
    Stopped(StoppedTask),
    TooLong,
    Lost,
}

/// Looks until the task has stopped. Nobody waits for it to run: a short task is never seen running.
pub(super) async fn watch(
    look: impl AsyncFn() -> Result<Look, Failure>,
    most: Duration,
    log: &mut Option<Tail<'_>>,
    events: &Events,
) -> Result<Ended, Failure> {
    let began = Instant::now();
    let (mut blind_since, mut unknown_since) = (None, None);
    loop {
        let read = async {
            if let Some(log) = log {
                log.read(events).await;
            }
        };
        let (seen, ()) = tokio::join!(timeout(LOOK, look()), read);
        let elapsed = began.elapsed();
        match seen.unwrap_or_else(|_| Err(no_answer())) {
            Ok(Look::Stopped(task)) => {
                last_lines(log, events).await;
                return Ok(Ended::Stopped(task));
            }
            Ok(Look::Runs) => (blind_since, unknown_since) = (None, None),
            Ok(Look::Unknown) => {
                blind_since = None;
                let since = *unknown_since.get_or_insert(elapsed);
                if elapsed.saturating_sub(since) >= UNLISTED {
                    return Ok(Ended::Lost);
                }
            }
            Err(failure) => {
                let since = *blind_since.get_or_insert(elapsed);
                if failure.is_denied() || elapsed.saturating_sub(since) >= BLIND {
                    return Err(failure);
                }
            }
        }
        if elapsed >= most {
            return Ok(Ended::TooLong);
        }
        sleep(pause(elapsed).min(most.saturating_sub(elapsed))).await;
    }
}

/// All of the log: what is on its way comes a moment later.
async fn last_lines(log: &mut Option<Tail<'_>>, events: &Events) {
    let Some(log) = log else { return };
    loop {
        sleep(LAST_LINES).await;
        if !log.read(events).await {
            return;
        }
    }
}

/// The time between two looks. ECS gives an account and region 20 DescribeTasks a second.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html>
const fn pause(elapsed: Duration) -> Duration {
    Duration::from_secs(match elapsed.as_secs() {
        0..60 => 1,
        60..180 => 2,
        _ => 5,
    })
}

fn no_answer() -> Failure {
    Failure {
        operation: "ecs:DescribeTasks",
        on: "the task".to_owned(),
        code: None,
        message: format!("nothing came within {} seconds", LOOK.as_secs()),
        request_id: None,
    }
}
