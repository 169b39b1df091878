//! The commands, each the one flow as far as it goes: observe, plan, apply, rollout.

pub mod build;
pub mod destroy;
pub mod ending;
pub mod prepare;
pub mod pull;

use crate::{
    address::{Address, Kind},
    apply::{self, Applied},
    config::model::Config,
    context::Context,
    error::Result,
    event::{Command, Event, Events, Outcome, Phase, Span, Verdict},
    exit,
    plan::view::View,
    rollout,
    secret::Secrets,
};
use futures_util::FutureExt as _;
use prepare::Prepared;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::time::Instant;

/// What a command runs with.
#[derive(Debug)]
pub struct Run<'a> {
    /// The file.
    pub config: &'a Config,
    /// What this run is.
    pub context: &'a Context,
    /// Where values go that must not be seen.
    pub secrets: &'a Secrets,
    /// Who is told what happens.
    pub events: &'a Events,
    /// When it began.
    pub began: Instant,
    /// Whether something may have been changed already.
    pub is_applying: AtomicBool,
}

impl<'a> Run<'a> {
    /// A run that begins now.
    pub fn new(
        config: &'a Config,
        context: &'a Context,
        secrets: &'a Secrets,
        events: &'a Events,
    ) -> Self {
        let (began, is_applying) = (Instant::now(), AtomicBool::new(false));
        Self { config, context, secrets, events, began, is_applying }
    }

    fn span(&self, name: &str, start: std::time::Duration) -> Span {
        Span { name: name.to_owned(), start, end: self.began.elapsed() }
    }

    fn start_applying(&self) {
        self.is_applying.store(true, Ordering::Relaxed);
        self.events.send(Event::Phase(Phase::Apply));
    }

    fn outcome(&self, command: Command) -> Outcome {
        Outcome { command, service: self.config.service.clone(), ..Outcome::default() }
    }
}

/// Says what a deploy would do. Changes nothing.
pub async fn plan(run: &Run<'_>) -> (Outcome, Result<Arc<View>>) {
    let mut outcome = run.outcome(Command::Plan);
    let planned = prepare::prepare(run).boxed().await;
    outcome.timeline.push(run.span("observe", std::time::Duration::ZERO));
    let planned = planned.map(|prepared| Arc::new(prepared.plan.view()));
    match &planned {
        Ok(plan) => {
            run.events.send(Event::Planned(Arc::clone(plan)));
            outcome.plan = Some(Arc::clone(plan));
        }
        Err(error) => ending::fail(&mut outcome, error),
    }
    (outcome, planned)
}

/// Builds, makes sure, rolls out.
pub async fn deploy(run: &Run<'_>) -> Outcome {
    let mut outcome = run.outcome(Command::Deploy);
    let prepared = prepare::prepare(run).boxed().await;
    outcome.timeline.push(run.span("observe", std::time::Duration::ZERO));
    let result = match prepared {
        Ok(prepared) => converge(run, prepared, &mut outcome).boxed_local().await,
        Err(error) => Err(error),
    };
    if let Err(error) = &result {
        ending::fail(&mut outcome, error);
    }
    outcome
}

/// How often the world is looked at anew when another run makes the same things at the same time.
const ROUNDS: u32 = 3;

async fn converge(run: &Run<'_>, mut prepared: Prepared, outcome: &mut Outcome) -> Result<()> {
    let view = Arc::new(prepared.plan.view());
    run.events.send(Event::Planned(Arc::clone(&view)));
    outcome.plan = Some(view);
    let mut applied = round(run, &prepared).await?;
    for _ in 1..ROUNDS {
        if !applied.raced {
            break;
        }
        let text = "another run made some of these things at the same time; looking again";
        run.events.send(Event::Warning(text.to_owned()));
        let again = prepare::again(run, &prepared).boxed().await;
        prepared = again.map_err(|error| ending::after(error, &applied))?;
        let next = round(run, &prepared).await;
        let next = next.map_err(|error| ending::after(error, &applied))?;
        applied = applied.then(next);
    }
    let prepared = &prepared;
    outcome.timeline.extend(applied.spans.iter().cloned());
    outcome.changed = applied.may_have_changed;
    outcome.outputs = ending::outputs(run, prepared, &applied).await;
    if let Some(deployment) = to_follow(run.config, prepared, &applied) {
        let verdict = follow(run, prepared, &applied, &deployment, outcome).await?;
        outcome.exit_code = match &verdict {
            Verdict::Succeeded => exit::OK,
            Verdict::TimedOut(_) => exit::TIMED_OUT,
            _ => exit::ROLLOUT_FAILED,
        };
        outcome.verdict = Some(verdict);
    }
    ending::check_applied(&applied)
}

/// Applies the plan of one look at the world.
async fn round(run: &Run<'_>, prepared: &Prepared) -> Result<Applied> {
    let plan = &prepared.plan;
    let engine = prepared.engine()?;
    if plan.steps.is_empty() {
        return Ok(Applied::default());
    }
    run.start_applying();
    let images = apply::Images {
        build: build::builder(run, prepared, engine),
        pull: pull::puller(run, prepared),
    };
    let stack = &prepared.names.stack;
    Ok(apply::apply(plan, &prepared.aws, stack, &images, run.events, run.began).await)
}

/// The deployment that this run started, or one that still goes on: an unchanged plan is no success
/// before ECS has said that the deployment is complete.
fn to_follow(config: &Config, prepared: &Prepared, applied: &Applied) -> Option<String> {
    let service = Address::new(Kind::Service, &config.service);
    if prepared.plan.steps.contains_key(&service) {
        return applied.outputs.get(&service)?.deployment;
    }
    let primary = prepared.world.service.as_ref()?.primary.as_ref()?;
    (primary.rollout_state == "IN_PROGRESS").then(|| primary.id.clone())
}

async fn follow(
    run: &Run<'_>,
    prepared: &Prepared,
    applied: &Applied,
    deployment: &str,
    outcome: &mut Outcome,
) -> Result<Verdict> {
    run.events.send(Event::Phase(Phase::Rollout));
    let start = run.began.elapsed();
    let cluster = ending::cluster(run.config, prepared, applied).unwrap_or_default();
    let target = rollout::Target {
        cluster,
        service: run.config.service.clone(),
        deployment: deployment.to_owned(),
        timeout: run.config.rollout.timeout,
    };
    let verdict = rollout::follow(&prepared.aws, &target, run.events).await;
    outcome.timeline.push(run.span("rollout", start));
    verdict.map_err(crate::error::Error::Partial)
}
