//! Makes a plan real: starts each step as soon as what it needs is done, and decides nothing.

use crate::{
    address::{Address, Kind, Known},
    aws::{Reader, Writer, explain::Failure},
    error::Problem,
    event::{Event, Events, Span},
    plan::{Plan, change::Change},
    resource::{
        Action, cached_image, cluster, endpoint, image, listener, listener_certificate,
        load_balancer, log_group, preview_images, pull_through_cache_rule, repository, role, rule,
        run_task::{self, NotDone},
        security_group, service, target_group, task_definition, vpc,
    },
    tags::{self, Stack, Tags},
};
use futures_util::{
    StreamExt as _,
    future::{BoxFuture, LocalBoxFuture},
    stream::FuturesUnordered,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::time::Instant;

/// Steps that run at once. AWS's control planes throttle long before more would help.
const AT_ONCE: usize = 8;

/// What a step yields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// What AWS calls the thing.
    pub id: String,
    /// The ECS deployment that the step started or found.
    pub deployment: Option<String>,
}

impl Output {
    /// A thing that is no service.
    pub const fn of(id: String) -> Self {
        Self { id, deployment: None }
    }
}

/// What the steps that are done have yielded.
#[derive(Debug, Default)]
pub struct Outputs(Mutex<BTreeMap<Address, Output>>);

impl Outputs {
    /// The identifier, which the order of the steps guarantees to be known.
    pub fn resolve(&self, known: &Known) -> String {
        match known {
            Known::Now(id) => id.clone(),
            Known::After(address) => {
                self.get(address).expect("a step starts when all that it mentions is done").id
            }
        }
    }

    /// Several identifiers.
    pub fn resolve_all(&self, known: &BTreeSet<Known>) -> Vec<String> {
        known.iter().map(|known| self.resolve(known)).collect()
    }

    /// What the step at this address has yielded.
    pub fn get(&self, address: &Address) -> Option<Output> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(address).cloned()
    }

    fn set(&self, address: Address, output: Output) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(address, output);
    }
}

/// Builds and pushes an image; yields its reference with the digest.
pub type BuildImage<'a> =
    dyn Fn(image::Settings, String) -> BoxFuture<'a, Result<String, Problem>> + 'a;

/// Pulls an image through the cache; yields its reference with the digest.
pub type PullImage<'a> =
    dyn Fn(cached_image::Settings, String) -> LocalBoxFuture<'a, Result<String, Problem>> + 'a;

/// What is done with images, which takes more than calls to AWS.
#[expect(missing_debug_implementations, reason = "they are closures")]
pub struct Images<'a> {
    /// Builds the service's own.
    pub build: Box<BuildImage<'a>>,
    /// Brings another registry's into the cache.
    pub pull: Box<PullImage<'a>>,
}

/// How applying a plan went.
#[derive(Debug, Default)]
pub struct Applied {
    /// What the steps yielded.
    pub outputs: Outputs,
    /// The steps that were done, in the order in which they ended.
    pub done: Vec<Address>,
    /// The steps that failed, and why.
    pub failed: Vec<(Address, Problem)>,
    /// The steps that were not started, because another one failed.
    pub not_started: Vec<Address>,
    /// Whether a step failed because another run had made the same thing since this one looked.
    pub raced: bool,
    /// Whether a step failed because the place behind the load balancer, or anything else that stood when
    /// this run looked, is gone.
    pub lost_its_place: bool,
    /// Whether anything was changed, or may have been, also by a step that failed in the end.
    pub may_have_changed: bool,
    /// How long each step took.
    pub spans: Vec<Span>,
}

impl Applied {
    /// What this and a later round on a newer look come to.
    #[must_use]
    pub fn then(mut self, next: Self) -> Self {
        self.done.extend(next.done);
        self.spans.extend(next.spans);
        let may_have_changed = self.may_have_changed || next.may_have_changed;
        Self { done: self.done, spans: self.spans, may_have_changed, ..next }
    }
}

/// Why a step failed.
struct Failed {
    problem: Problem,
    raced: bool,
    lost_its_place: bool,
}

impl Failed {
    /// By something that is no call to AWS.
    const fn of(problem: Problem) -> Self {
        Self { problem, raced: false, lost_its_place: false }
    }
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        Self {
            problem: failure.problem(),
            raced: failure.already_exists(),
            lost_its_place: failure.lost_its_place() || failure.is_gone(),
        }
    }
}

/// Applies the plan. When a step fails, those that run are let finish, what needs it is not started,
/// and the rest goes on: the next run takes it from there.
pub async fn apply(
    plan: &Plan,
    aws: &Reader,
    stack: &Stack,
    images: &Images<'_>,
    events: &Events,
    began: Instant,
) -> Applied {
    let writer = Writer::new(aws.clone(), stack.clone(), events.clone());
    let mut applied = Applied::default();
    let outputs = Arc::new(Outputs::default());
    let mut waiting: Vec<&Address> = plan.steps.keys().collect();
    let mut done: BTreeSet<&Address> = BTreeSet::new();
    let mut running = FuturesUnordered::new();
    loop {
        let mut ready = Vec::new();
        waiting.retain(|address| {
            let is_ready = plan.needs(address).iter().all(|need| done.contains(need));
            let starts = is_ready && running.len() + ready.len() < AT_ONCE;
            if starts {
                ready.push(*address);
            }
            !starts
        });
        for address in ready {
            events.send(Event::StepStarted(address.clone()));
            let (writer, outputs) = (&writer, Arc::clone(&outputs));
            let change = &plan.steps[address].change;
            let tags = tags_of(address, change, stack);
            running.push(async move {
                let start = began.elapsed();
                let result = step(address, change, tags, writer, &outputs, images, events).await;
                let span = Span { name: address.to_string(), start, end: began.elapsed() };
                (address, result, span)
            });
        }
        let Some((address, result, span)) = running.next().await else { break };
        match result {
            Ok(output) => {
                let (id, took) = (output.id.clone(), span.end.saturating_sub(span.start));
                events.send(Event::StepDone { address: address.clone(), id, took });
                outputs.set(address.clone(), output);
                applied.done.push(address.clone());
                done.insert(address);
            }
            Err(Failed { problem, raced, lost_its_place }) => {
                applied.raced |= raced;
                applied.lost_its_place |= lost_its_place;
                let failed =
                    Event::StepFailed { address: address.clone(), problem: problem.clone() };
                events.send(failed);
                applied.failed.push((address.clone(), problem));
            }
        }
        applied.spans.push(span);
    }
    drop(running);
    for address in waiting {
        let waits_for = plan.needs(address).into_iter().find(|need| !done.contains(need));
        if let Some(waits_for) = waits_for.cloned() {
            events.send(Event::StepSkipped { address: address.clone(), waits_for });
        }
        applied.not_started.push(address.clone());
    }
    applied.spans.sort_by_key(|span| span.start);
    applied.may_have_changed = !applied.done.is_empty() || aws.wire.may_have_changed();
    applied.outputs = Arc::into_inner(outputs).expect("no step runs any more");
    applied
}

/// The tags that a thing gets when it is made.
fn tags_of(address: &Address, change: &Change, stack: &Stack) -> Tags {
    if let Change::LoadBalancer(Action::Create(to)) = change
        && let Some(of) = &to.overflow_of
    {
        return tags::overflow(stack, address, of);
    }
    let is_shared = match address.kind {
        Kind::Listener => !matches!(
            change,
            Change::Listener(Action::Create(to)) if !to.used_by_this_stack
        ),
        Kind::Endpoint | Kind::LoadBalancer | Kind::Cluster => true,
        Kind::SecurityGroup => matches!(
            change,
            Change::SecurityGroup(Action::Create(to)) if to.used_by_this_stack.is_some()
        ),
        _ => false,
    };
    match address.kind {
        _ if is_shared => tags::shared(stack, address),
        // The one holds the images of all, the other leads to all that stand behind its load balancer.
        Kind::Repository | Kind::Listener => tags::of_main(stack, address),
        _ => tags::own(stack, address),
    }
}

async fn step(
    address: &Address,
    change: &Change,
    tags: Tags,
    aws: &Writer,
    outputs: &Outputs,
    images: &Images<'_>,
    events: &Events,
) -> Result<Output, Failed> {
    let tags = &tags;
    let id: Result<String, Failure> = match change {
        Change::Image(Action::Create(to) | Action::Update { to, .. }) => {
            let repository = outputs.resolve(&to.repository);
            let built = (images.build)(to.clone(), repository).await;
            return built.map(Output::of).map_err(Failed::of);
        }
        Change::CachedImage(Action::Create(to) | Action::Update { to, .. }) => {
            let prefix = outputs.resolve(&to.rule);
            let pulled = (images.pull)(to.clone(), prefix).await;
            return pulled.map(Output::of).map_err(Failed::of);
        }
        // Images go with their repository, and the cache is the account's.
        Change::Image(Action::Delete { id, .. })
        | Change::CachedImage(Action::Delete { id, .. }) => Ok(id.clone()),
        Change::RunTask(to) => {
            let ran = run_task::apply(to, address, tags, aws, outputs, events).await;
            return ran.map(Output::of).map_err(|why| match why {
                NotDone::Failure(failure) => failure.into(),
                NotDone::Task(problem) => Failed::of(problem),
            });
        }
        Change::Service(action) => {
            return Ok(service::apply(action, tags, aws, outputs).await?);
        }
        Change::Repository(action) => repository::apply(action, tags, aws).await,
        Change::PreviewImages(action) => preview_images::apply(action, aws).await,
        Change::PullThroughCacheRule(action) => pull_through_cache_rule::apply(action, aws).await,
        Change::Vpc(action) => vpc::apply(action, aws).await,
        Change::SecurityGroup(action) => security_group::apply(action, tags, aws, outputs).await,
        Change::Endpoint(action) => endpoint::apply(action, tags, aws, outputs).await,
        Change::LoadBalancer(action) => load_balancer::apply(action, tags, aws, outputs).await,
        Change::TargetGroup(action) => target_group::apply(action, tags, aws).await,
        Change::Listener(action) => listener::apply(action, tags, aws, outputs).await,
        Change::ListenerCertificate(action) => {
            listener_certificate::apply(action, aws, outputs).await
        }
        Change::Rule(action) => rule::apply(action, tags, aws, outputs).await,
        Change::LogGroup(action) => log_group::apply(action, tags, aws).await,
        Change::Role(action) => role::apply(action, tags, aws).await,
        Change::Cluster(action) => cluster::apply(action, tags, aws).await,
        Change::TaskDefinition(action) => task_definition::apply(action, tags, aws, outputs).await,
    };
    Ok(Output::of(id?))
}
