//! What happens during a run, as values. The engine emits them and reporters consume them, so that
//! nothing in the engine prints.

use crate::{
    address::{Address, Kind},
    error::Problem,
    plan::view::View,
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::mpsc;

/// Something that a reporter may tell. Texts are redacted by the reporters' side of the channel.
#[derive(Debug, Clone)]
pub enum Event {
    /// What is being done now and may take a while; the next one ends it.
    Phase(Phase),
    /// The plan is known.
    Planned(Arc<View>),
    /// A step is being applied.
    StepStarted(Address),
    /// A step has started a task that runs by itself, or has found it running.
    TaskStarted {
        /// Which step.
        address: Address,
        /// The task's ARN.
        task: String,
        /// Whether this run started it; otherwise an earlier one did.
        is_new: bool,
    },
    /// A step was applied.
    StepDone {
        /// Which one.
        address: Address,
        /// What AWS calls the thing.
        id: String,
        /// How long it took.
        took: Duration,
    },
    /// A step failed.
    StepFailed {
        /// Which one.
        address: Address,
        /// Why.
        problem: Problem,
    },
    /// A step was not started.
    StepSkipped {
        /// Which one.
        address: Address,
        /// The step that it needs and that was not done.
        waits_for: Address,
    },
    /// A line of text from outside this program: hostile until fenced.
    Line {
        /// Whose words they are.
        source: Source,
        /// One line, without its end.
        text: String,
    },
    /// Something that the user should know and that does not stop the run.
    Warning(String),
    /// What the rollout looks like now.
    Rollout(RolloutState),
    /// A sweep is done with one preview: how its takedown ended. Its own comment and its deployments on
    /// GitHub are told so.
    Swept(Box<Outcome>),
    /// The run has ended.
    Finished(Box<Outcome>),
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Reading AWS.
    Observe,
    /// Making and changing things, the image among them.
    Apply,
    /// Waiting for ECS.
    Rollout,
}

/// Whose words a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The build.
    Build,
    /// The cache of another registry, which is being filled.
    Cache,
    /// The ECS service's events.
    ServiceEvent,
    /// A container's log.
    Log,
    /// This program's own: what a step waits for.
    Waiting,
    /// This program's own: what it does because of the event that started the run.
    Decided,
    /// This program's own: which previews go, and why.
    Sweep,
}

/// What the rollout looks like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RolloutState {
    /// The ECS deployment that is followed, or the one that a rollback has put in its place.
    pub deployment: String,
    /// Tasks that should run.
    pub desired: i32,
    /// Tasks that run.
    pub running: i32,
    /// Tasks that start.
    pub pending: i32,
    /// Tasks that failed to start.
    pub failed: i32,
    /// Tasks of other deployments that run.
    pub old_running: i32,
    /// The deployment's tasks by ECS's words, in the order of a task's life; empty where not looked at.
    pub tasks: Vec<(String, usize)>,
    /// Their targets by ELB's words, the best first; empty where there are none.
    pub targets: Vec<(String, usize)>,
    /// What the circuit breaker counts, where ECS tells.
    pub breaker: Option<Breaker>,
    /// ECS's lifecycle stage: `PRODUCTION_TRAFFIC_SHIFT`.
    pub stage: Option<String>,
    /// The share of the requests that the new version gets, in per cent, where ECS shifts them.
    pub traffic: Option<i32>,
    /// Whether ECS waits for somebody's word.
    pub pause: Option<Pause>,
    /// Whether ECS returns to the last version.
    pub is_rolling_back: bool,
    /// Since the rollout began.
    pub elapsed: Duration,
}

/// What ECS's circuit breaker counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    /// Failures.
    pub failures: i32,
    /// Failures that end the deployment.
    pub threshold: i32,
}

/// ECS waits for somebody's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// Since when, in seconds of the Unix epoch.
    pub since: Option<i64>,
    /// How long at most, likewise.
    pub until: Option<i64>,
    /// Whether the rollout goes on then; otherwise the last version comes back.
    pub continues: bool,
}

/// How the rollout ended; the six outcomes that are never confused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The deployment of this run is complete.
    Succeeded,
    /// It failed, and the previous version is back.
    RolledBack(Problem),
    /// It failed, and nothing took its place.
    Failed(Problem),
    /// Someone stopped it.
    Stopped(Problem),
    /// A newer deployment took its place.
    Superseded {
        /// That deployment's id.
        by: String,
        /// What it runs, and whose it is as far as ECS tells.
        whose: Problem,
    },
    /// It was still going on when the time was up.
    TimedOut(Problem),
}

/// How the run ended, with all that the summary, the comment and the outputs tell.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The command that ran.
    pub command: Command,
    /// The ECS service's name; of a preview `web-pr-42`.
    pub service: String,
    /// The number of the pull request whose preview this is about.
    pub preview: Option<u64>,
    /// Why a run that ended well did not do what it is there for: the pull request comes from a fork, or
    /// is closed. `changed` says whether it had made something before, which is gone again.
    pub neutral: Option<Problem>,
    /// The steps that the plan had.
    pub plan: Option<Arc<View>>,
    /// How the rollout ended, where there was one; `None` with no error means nothing to do.
    pub verdict: Option<Verdict>,
    /// Why the run failed, where it did before the rollout.
    pub error: Option<Problem>,
    /// Whether anything was changed.
    pub changed: bool,
    /// Whether somebody ended the run.
    pub is_cancelled: bool,
    /// What stands now.
    pub outputs: Outputs,
    /// What the tasks cost a month, where that is known.
    pub cost: Option<String>,
    /// How long each part took, in the order in which they began.
    pub timeline: Vec<Span>,
    /// The program's exit code.
    pub exit_code: u8,
}

/// The command that ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Command {
    /// Build, make sure, roll out.
    #[default]
    Deploy,
    /// Say what a deploy would do.
    Plan,
    /// Take down what a deploy made.
    Destroy,
    /// Let a rollout go on that waits for a word.
    Continue,
    /// Bring the last version back while a rollout is going on.
    Rollback,
    /// Make or update the preview of a pull request.
    PreviewUp,
    /// Take the preview of a pull request down.
    PreviewDown,
    /// Take down the previews that are no longer wanted.
    PreviewSweep,
}

/// One bar of the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// `observe`, an address, `rollout`.
    pub name: String,
    /// From the run's start.
    pub start: Duration,
    /// From the run's start.
    pub end: Duration,
}

/// The action's outputs; the field's name with hyphens is the output's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outputs {
    /// Where the service answers.
    pub url: Option<String>,
    /// The image with its digest.
    pub image: Option<String>,
    /// The digest alone.
    pub image_digest: Option<String>,
    /// The task definition's revision.
    pub task_definition_arn: Option<String>,
    /// The service.
    pub service_arn: Option<String>,
    /// The cluster.
    pub cluster_arn: Option<String>,
    /// The load balancer's DNS name.
    pub load_balancer_dns: Option<String>,
    /// Whether anything was changed.
    pub changed: bool,
}

/// How far a run has come, for whoever ends it before its end.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// The plan, once it is known.
    pub planned: Option<Arc<View>>,
    /// The steps that were started.
    pub started: Vec<Address>,
    /// The steps that were done.
    pub done: Vec<Address>,
    /// Whether the rollout was watched, or is.
    pub is_watched: bool,
    /// The tasks that run by themselves, and what they are called.
    pub tasks: Vec<(Address, String)>,
}

/// Where events go. Cloning it is cheap; sending never waits and never fails the sender.
#[derive(Debug, Clone)]
pub struct Events {
    sender: mpsc::UnboundedSender<Event>,
    progress: Arc<Mutex<Progress>>,
}

impl Events {
    /// A channel, and the end that reporters read from.
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self { sender, progress: Arc::default() }, receiver)
    }

    /// Tells the reporters; when nobody listens any more there is nobody to tell.
    pub fn send(&self, event: Event) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        match &event {
            Event::Planned(plan) => progress.planned = Some(Arc::clone(plan)),
            Event::Phase(Phase::Rollout) => progress.is_watched = true,
            Event::StepStarted(address) => progress.started.push(address.clone()),
            Event::TaskStarted { address, task, .. } => {
                progress.tasks.push((address.clone(), task.clone()));
            }
            Event::StepDone { address, .. } => progress.done.push(address.clone()),
            Event::Swept(outcome) => {
                progress.done.push(Address::new(Kind::Service, &outcome.service));
            }
            _ => {}
        }
        drop(progress);
        drop(self.sender.send(event));
    }

    /// How far the run has come.
    pub fn progress(&self) -> Progress {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
