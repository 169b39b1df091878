//! A task that runs once beside a rollout, in the service's own network and with its task definition.
//!
//! It leaves nothing behind, so there is nothing to compare it with. What there may be is the task that
//! an earlier run has started for the same rollout, which is followed instead of starting another one.

mod find;
mod follow;
mod judge;
mod log;

use crate::{
    address::{Address, Known},
    apply::Outputs,
    aws::{
        Writer, client_token, ecs_network, ecs_tags,
        explain::{Explain as _, Failure},
    },
    error::Problem,
    event::{Event, Events},
    resource::task_definition,
    tags::Tags,
};
use aws_sdk_ecs::types::{ContainerOverride, KeyValuePair, LaunchType, TaskOverride};
use find::Earlier;
use follow::{Followed, Following};
use indexmap::IndexMap;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// What a task looks like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// What the file calls it.
    pub name: String,
    /// The cluster's ARN or name.
    pub cluster: Known,
    /// The revision that it runs.
    pub task_definition: Known,
    /// Its subnets: the service's.
    pub subnets: BTreeSet<String>,
    /// What its interface carries: the same as the service's tasks.
    pub security_groups: BTreeSet<Known>,
    /// `DISABLED`.
    pub assign_public_ip: String,
    /// Fargate's platform.
    pub platform_version: String,
    /// The container whose command is replaced, and whose exit code counts.
    pub container: String,
    /// What runs in it.
    pub command: Vec<String>,
    /// Variables besides those of the task definition.
    pub environment: IndexMap<String, String>,
    /// Seconds after which it is stopped.
    pub timeout: u64,
    /// The ECS deployment beside which it runs: the one that is to be replaced, or the one that has
    /// just succeeded. With another one it is another task.
    pub beside: Option<String>,
    /// The task that has to be done before.
    #[serde(skip)]
    pub follows: Option<Known>,
    /// What has to stand before it is started, though ECS does not name it: the endpoints by which it
    /// reaches AWS, and its log groups.
    #[serde(skip)]
    pub stands_on: Vec<Known>,
}

impl super::Settings for Settings {
    fn references(&self) -> Vec<&Known> {
        let mut references = vec![&self.cluster, &self.task_definition];
        references.extend(&self.security_groups);
        references.extend(&self.follows);
        references.extend(&self.stands_on);
        references
    }
}

impl Settings {
    /// The same once everything but the other tasks is made, for the rollout of this deployment.
    #[must_use]
    pub fn settled(&self, outputs: &Outputs, deployment: &str) -> Self {
        let settled = |known: &Known| Known::Now(outputs.resolve(known));
        Self {
            cluster: settled(&self.cluster),
            task_definition: settled(&self.task_definition),
            security_groups: self.security_groups.iter().map(settled).collect(),
            beside: Some(deployment.to_owned()),
            stands_on: Vec::new(),
            ..self.clone()
        }
    }
}

/// Why a task did not do what it was there for.
#[derive(Debug)]
pub enum NotDone {
    /// A call did not work.
    Failure(Failure),
    /// The task itself failed, was never started, or took too long.
    Task(Problem),
}

impl From<Failure> for NotDone {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// The calls that [`apply`] makes. A task that takes too long is stopped too.
pub fn calls() -> Vec<&'static str> {
    vec!["ecs:RunTask"]
}

/// Runs the task and waits until it has stopped; yields its ARN.
pub async fn apply(
    to: &Settings,
    address: &Address,
    tags: &Tags,
    aws: &Writer,
    outputs: &Outputs,
    events: &Events,
) -> Result<String, NotDone> {
    let request = Request {
        cluster: outputs.resolve(&to.cluster),
        task_definition: outputs.resolve(&to.task_definition),
        security_groups: outputs.resolve_all(&to.security_groups),
        to,
        tags,
        stack: &aws.stack,
    };
    let earlier = async {
        let family = family(&request.task_definition);
        find::earlier(&aws.aws, &request.cluster, family, &request.started_by()).await
    };
    let definition = async {
        let definition = task_definition::document(&aws.aws, &request.task_definition).await?;
        Ok(definition.unwrap_or_default())
    };
    let (earlier, definition) = tokio::try_join!(earlier, definition)?;
    let (task, is_new) = match find::choose(earlier, &to.container, &judge::essential(&definition))
    {
        Earlier::Takes(task) => (task, false),
        Earlier::Failed(failed) => (start(&request, &failed, aws).await?, true),
    };
    events.send(Event::TaskStarted { address: address.clone(), task: task.clone(), is_new });
    let following = Following {
        aws: &aws.aws,
        cluster: &request.cluster,
        task: &task,
        name: &to.name,
        container: &to.container,
        definition: &definition,
        timeout: Duration::from_secs(to.timeout),
    };
    match following.to_its_end(events).await? {
        Followed::Well => Ok(task),
        Followed::Badly(problem) => Err(NotDone::Task(problem)),
        Followed::TooLong => Err(NotDone::Task(stop(&request, &task, aws).await)),
    }
}

/// What RunTask is asked for.
struct Request<'a> {
    cluster: String,
    task_definition: String,
    security_groups: Vec<String>,
    to: &'a Settings,
    tags: &'a Tags,
    stack: &'a str,
}

impl Request<'_> {
    /// The same for the same task beside the same deployment, whichever run asks.
    fn key(&self) -> String {
        let Settings { subnets, platform_version, container, command, .. } = self.to;
        let Settings { name, assign_public_ip, environment, beside, .. } = self.to;
        let network = (subnets, &self.security_groups, assign_public_ip, platform_version);
        let inside = (container, command, environment.iter().collect::<BTreeMap<_, _>>());
        let text = serde_json::to_string(&(
            (self.stack, name, &self.cluster, &self.task_definition, beside),
            network,
            inside,
        ));
        client_token(&text.expect("it is plain data"))
    }

    /// By which the task is found again. Up to 128 letters, digits, hyphens, slashes and underscores.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html>
    fn started_by(&self) -> String {
        format!("ecs-private-deploy/{}", self.key())
    }

    /// ECS answers a token that it knows with the task that it stands for, also where that one has
    /// stopped, for an hour after its end. Tasks that have failed therefore make another token.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html>
    fn token(&self, failed: &BTreeSet<String>) -> String {
        let failed: Vec<_> = failed.iter().map(String::as_str).collect();
        client_token(&format!("{}\n{}", self.key(), failed.join("\n")))
    }

    fn overrides(&self) -> TaskOverride {
        let variable = |(name, value): (&String, &String)| {
            KeyValuePair::builder().name(name).value(value).build()
        };
        let environment = self.to.environment.iter().map(variable).collect();
        let container = ContainerOverride::builder()
            .name(&self.to.container)
            .set_command(Some(self.to.command.clone()))
            .set_environment(Some(environment))
            .build();
        TaskOverride::builder().container_overrides(container).build()
    }
}

/// `web`, from `arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7`.
fn family(task_definition: &str) -> &str {
    let revision = task_definition.rsplit_once('/').map_or(task_definition, |(_, name)| name);
    revision.split_once(':').map_or(revision, |(family, _)| family)
}

/// What ECS answers for some seconds after a role or a cluster was made.
const NOT_YET: [&str; 2] = ["nable to assume the service linked role", "nable to assume the role"];
const ATTEMPTS: u32 = 12;
const PAUSE: Duration = Duration::from_secs(5);

/// Starts the task; yields its ARN.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html>
async fn start(
    request: &Request<'_>,
    failed: &BTreeSet<String>,
    aws: &Writer,
) -> Result<String, NotDone> {
    let Request { cluster, task_definition, to, .. } = request;
    let on = format!("task `{}` in cluster {cluster}", to.name);
    let mut attempt = 0;
    let answer = loop {
        attempt += 1;
        let sent = aws
            .aws
            .ecs
            .run_task()
            .cluster(cluster)
            .task_definition(task_definition)
            .count(1)
            .launch_type(LaunchType::Fargate)
            .platform_version(&to.platform_version)
            .network_configuration(ecs_network(
                &to.subnets,
                request.security_groups.clone(),
                &to.assign_public_ip,
            ))
            .overrides(request.overrides())
            .started_by(request.started_by())
            .client_token(request.token(failed))
            .set_tags(Some(ecs_tags(request.tags)))
            .send()
            .await
            .explain("ecs:RunTask", &on);
        match sent {
            Err(failure)
                if attempt < ATTEMPTS
                    && (NOT_YET.iter().any(|text| failure.message.contains(text))
                        || failure.is("ClusterNotFound")) =>
            {
                tokio::time::sleep(PAUSE).await;
            }
            sent => break sent?,
        }
    };
    if let Some(task) = answer.tasks().iter().find_map(|task| task.task_arn()) {
        return Ok(task.to_owned());
    }
    let reasons = answer.failures().iter().map(|failure| {
        let detail = failure.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
        format!("{}{detail}", failure.reason().unwrap_or("ECS gives no reason"))
    });
    Err(NotDone::Task(judge::not_started(&to.name, &reasons.collect::<Vec<_>>().join("; "))))
}

/// Stops a task that takes too long.
async fn stop(request: &Request<'_>, task: &str, aws: &Writer) -> Problem {
    let Settings { name, timeout, .. } = request.to;
    let minutes = Duration::from_secs(*timeout);
    let after = crate::report::format::duration(minutes);
    let stopping = aws
        .aws
        .ecs
        .stop_task()
        .cluster(&request.cluster)
        .task(task)
        .reason(format!("not done after {after}"))
        .send()
        .await
        .explain("ecs:StopTask", task);
    let problem = Problem::new(format!("the task `{name}` was not done after {after}"))
        .help("raise its `timeout`, or find out from its log what it waits for");
    match stopping {
        Ok(_) => problem.found(format!("it was stopped: {task}")),
        Err(failure) => problem
            .found(format!("it goes on: {task}"))
            .found(format!("it could not be stopped: {}", failure.problem().what)),
    }
}

#[cfg(test)]
mod tests;
