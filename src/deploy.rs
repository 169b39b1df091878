//! The commands, each the one flow as far as it goes: observe, plan, apply, rollout.

pub mod after;
pub mod build;
pub mod cancel;
pub mod destroy;
pub mod ending;
pub mod prepare;
pub mod preview;
pub mod pull;
pub mod steer;

use crate::{
    address::{Address, Kind},
    apply::{self, Applied},
    aws::Reader,
    config::model::Config,
    context::Context,
    cost::{self, prices::PriceList},
    error::{Error, Result},
    event::{Command, Event, Events, Outcome, Phase, Span, Verdict},
    exit,
    plan::view::View,
    rollout,
    secret::Secrets,
    tags::Stack,
};
use cancel::Watched;
use futures_util::{FutureExt as _, future::OptionFuture};
use prepare::Prepared;
use std::sync::{Arc, Mutex, PoisonError};
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
    /// The rollout that is watched, for whoever ends the run meanwhile.
    pub watched: Mutex<Option<Watched>>,
}

impl<'a> Run<'a> {
    /// A run that begins now.
    pub fn new(
        config: &'a Config,
        context: &'a Context,
        secrets: &'a Secrets,
        events: &'a Events,
    ) -> Self {
        let (began, watched) = (Instant::now(), Mutex::default());
        Self { config, context, secrets, events, began, watched }
    }

    /// Clients for the file's region, with the run's credentials.
    pub async fn connect(&self) -> Result<Reader> {
        self.context.session.connect(self.config.region.as_deref()).await
    }

    fn span(&self, name: &str, start: std::time::Duration) -> Span {
        Span { name: name.to_owned(), start, end: self.began.elapsed() }
    }

    fn watch(&self, watched: Option<Watched>) {
        *self.watched.lock().unwrap_or_else(PoisonError::into_inner) = watched;
    }

    fn outcome(&self, command: Command) -> Outcome {
        let preview = self.config.preview_of.as_ref().map(|of| of.number);
        let service = self.config.service.clone();
        Outcome { command, service, preview, ..Outcome::default() }
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
        Ok(prepared) => {
            let region = &prepared.world.identity.region;
            outcome.cost = cost::tasks::line(run.config, region, &PriceList::own());
            converge(run, prepared, &mut outcome).boxed_local().await
        }
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
    let is_preview = run.config.preview_of.is_some();
    let mut applied = round(run, &prepared).await?;
    for _ in 1..ROUNDS {
        if !(applied.raced || is_preview && applied.lost_its_place) {
            break;
        }
        let text =
            "another run made or deleted some of these things at the same time; looking again";
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
    let deployment = to_follow(run.config, prepared, &applied);
    let follows = deployment.as_ref().map(|it| follow(run, prepared, &applied, it));
    // Where a new load balancer answers is asked for meanwhile: no rollout waits for that.
    let (outputs, followed) = tokio::join!(
        ending::outputs(run, prepared, &applied).boxed_local(),
        OptionFuture::from(follows).boxed_local(),
    );
    outcome.outputs = outputs;
    if let (Some(deployment), Some((followed, spans))) = (deployment, followed) {
        outcome.timeline.extend(spans);
        let verdict = followed?;
        outcome.exit_code = match &verdict {
            Verdict::Succeeded => exit::OK,
            Verdict::TimedOut(_) => exit::TIMED_OUT,
            _ => exit::ROLLOUT_FAILED,
        };
        let is_well = verdict == Verdict::Succeeded;
        outcome.verdict = Some(verdict);
        if is_well {
            after::run(run, prepared, &applied, &deployment, outcome).await?;
        }
    } else if let Some(primary) = prepared.world.service.as_ref().and_then(|it| it.primary.as_ref())
    {
        // What an earlier run has rolled out may owe its tasks.
        after::run(run, prepared, &applied, &primary.id, outcome).await?;
    }
    ending::check_applied(&applied).map_err(|error| ending::untouched(error, run, prepared))
}

/// Applies the plan of one look at the world.
async fn round(run: &Run<'_>, prepared: &Prepared) -> Result<Applied> {
    let plan = &prepared.plan;
    let engine = prepared.engine()?;
    if plan.steps.is_empty() {
        return Ok(Applied::default());
    }
    run.events.send(Event::Phase(Phase::Apply));
    let images = apply::Images {
        build: build::builder(run, prepared, engine),
        pull: pull::puller(run, prepared),
    };
    let stack = Stack::of(run.config, run.context);
    Ok(apply::apply(plan, &prepared.aws, &stack, &images, run.events, run.began).await)
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

/// Follows it to its end; yields what took how long, too.
async fn follow(
    run: &Run<'_>,
    prepared: &Prepared,
    applied: &Applied,
    deployment: &str,
) -> (Result<Verdict>, Vec<Span>) {
    run.events.send(Event::Phase(Phase::Rollout));
    let start = run.began.elapsed();
    let cluster = ending::cluster(run.config, prepared, applied).unwrap_or_default();
    let target = rollout::Target {
        cluster,
        service: run.config.service.clone(),
        deployment: deployment.to_owned(),
        timeout: run.config.rollout.timeout,
        give_up: give_up(run, prepared, applied, deployment),
        asked_back: None,
    };
    let stood = prepared.world.service.as_ref();
    run.watch(Some(Watched {
        aws: prepared.aws.clone(),
        target: target.clone(),
        before: stood.and_then(|found| found.settings.task_definition.now().map(str::to_owned)),
        on_cancel: run.config.rollout.on_cancel,
    }));
    let followed = rollout::follow(&prepared.aws, &target, run.events).boxed_local().await;
    run.watch(None);
    let mut spans = vec![run.span("rollout", start)];
    let verdict = followed.map(|followed| {
        spans.extend(followed.stages.into_iter().map(|stage| Span {
            name: stage.name,
            start: start + stage.start,
            end: start + stage.end,
        }));
        followed.verdict
    });
    (verdict.map_err(Error::Partial), spans)
}

/// Only a deployment that this run started is given up: another one is somebody else's to end.
fn give_up(
    run: &Run<'_>,
    prepared: &Prepared,
    applied: &Applied,
    deployment: &str,
) -> Option<rollout::GiveUp> {
    let before = prepared.world.service.as_ref().and_then(|service| service.primary.as_ref());
    let is_own = before.is_none_or(|before| before.id != deployment);
    let rollout = &run.config.rollout;
    is_own.then(|| rollout::GiveUp {
        after: rollout.give_up_after,
        rollback: rollout.rollback,
        stack: prepared.names.stack.clone(),
        service_arn: ending::service(run.config, prepared, applied).unwrap_or_default(),
    })
}
