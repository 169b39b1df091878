//! The file after it was checked: plain values with every default filled in, which the rest of the
//! program reads. How the file is written, and where each value stood, stays in `config`.

use indexmap::IndexMap;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

/// What the user asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The ECS service's name, also the name of the stack whose tags mark what is ours.
    pub service: String,
    /// The region of everything; the credentials' where it is not given.
    pub region: Option<String>,
    /// The ECS cluster's name.
    pub cluster: String,
    /// Where the image comes from.
    pub image: Image,
    /// What is done about images of other registries.
    pub pull_through: PullThrough,
    /// What runs.
    pub task: Task,
    /// Where it runs.
    pub network: Network,
    /// What the internet reaches.
    pub load_balancer: LoadBalancer,
    /// Where the containers' output goes.
    pub logs: Logs,
    /// How a new version takes the place of the old one.
    pub rollout: Rollout,
    /// What runs once beside a rollout, in this order.
    pub run: Vec<RunTask>,
    /// What a pull request gets, where it gets anything.
    pub preview: Option<Preview>,
    /// Of what this is a preview, where it is one. No file says that: `preview::config` makes it.
    pub preview_of: Option<PreviewOf>,
    /// The folder of the file; every path of the file is relative to it.
    pub folder: PathBuf,
}

/// Where the image comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Image {
    /// It is built here and pushed to the service's own repository.
    Build(Build),
    /// It stands in a registry already: in a private ECR repository of the service's region, or in one
    /// that is pulled through it.
    Uri(String),
}

/// What is done about images that are not in a private ECR repository of the service's region.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PullThrough {
    /// Whether ECR caches them; otherwise they are refused.
    pub is_ensured: bool,
    /// What ECR logs in to a registry with, by the registry's host: the name or the ARN of a secret,
    /// or for another account's ECR the ARN of a role.
    pub credentials: BTreeMap<String, String>,
}

/// What `docker buildx build` is asked for. Field names follow docker/build-push-action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// The build context, absolute or relative to the working directory.
    pub context: PathBuf,
    /// The Dockerfile, likewise.
    pub dockerfile: PathBuf,
    /// The stage to build.
    pub target: Option<String>,
    /// Build arguments; `None` takes the value from the environment variable of that name.
    pub build_args: IndexMap<String, Option<String>>,
    /// Secrets for `RUN --mount=type=secret`.
    pub secrets: Vec<BuildSecret>,
    /// `linux/amd64`, `linux/arm64`; never empty.
    pub platforms: Vec<String>,
    /// Whether layers are kept in the repository between runs.
    pub cache: Cache,
    /// Whether a provenance attestation is attached (it makes the pushed thing an index).
    pub provenance: bool,
    /// The ECR repository's name.
    pub repository: String,
    /// How many images the lifecycle rule keeps.
    pub keep: u32,
}

/// A build secret; its value never stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildSecret {
    /// The id that the Dockerfile mounts.
    pub id: String,
    /// Where its value is.
    pub source: SecretSource,
}

/// Where a build secret's value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// In this environment variable.
    Env(String),
    /// In this file.
    File(PathBuf),
}

/// Where the build keeps its layers between runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cache {
    /// In the image's own ECR repository, under the tag `buildcache`.
    Registry,
    /// Likewise, and those of previews beside it under `buildcache-previews`: what a pull request builds
    /// must not take the place of what the main service's next build starts from.
    Previews,
    /// Nowhere.
    None,
}

/// What runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// The port that the container listens on.
    pub port: u16,
    /// The container that gets the image and the traffic.
    pub container: String,
    /// The role that ECS pulls and logs with, where the file names one.
    pub execution_role_arn: Option<String>,
    /// The role of the application, where the file names one.
    pub task_role_arn: Option<String>,
    /// Where the task definition comes from.
    pub definition: Definition,
}

/// Where the task definition comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Definition {
    /// From the `task:` block.
    Block(TaskBlock),
    /// From an ECS task-definition JSON: the object as it stands in the file (the wrapper
    /// `taskDefinition` taken off), with nothing dropped or added.
    Json(Value),
}

/// The `task:` block. Names follow the ECS API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskBlock {
    /// CPU units, 1024 a vCPU.
    pub cpu: u32,
    /// MiB.
    pub memory: u32,
    /// `X86_64` or `ARM64`.
    pub cpu_architecture: String,
    /// Environment variables.
    pub environment: IndexMap<String, String>,
    /// Environment variables whose values ECS reads from this Secrets Manager or SSM ARN (or SSM name).
    pub secrets: IndexMap<String, String>,
    /// Takes the place of the image's command.
    pub command: Option<Vec<String>>,
}

/// Where it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// The VPC; the only one of the region where it is not given.
    pub vpc: Option<String>,
    /// What is done about VPC endpoints.
    pub endpoints: Endpoints,
    /// Whether endpoints that somebody else made are completed where they do not serve the tasks.
    pub adopt: bool,
    /// Whether the VPC's DNS attributes are turned on where an endpoint needs them.
    pub ensure_dns: bool,
    /// What the application calls: short names of endpoint services, `sqs`.
    pub reach: BTreeSet<String>,
}

/// What is done about VPC endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoints {
    /// Missing ones are made, incomplete ones completed.
    Ensure,
    /// Nothing is made; a missing one is a refusal.
    Verify,
    /// They are not looked at.
    Off,
}

/// What the internet reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadBalancer {
    /// Its name; an existing one of this name is used.
    pub name: String,
    /// The ACM certificate's ARN; with it there is HTTPS, and HTTP redirects to it.
    pub certificate: Option<String>,
    /// The TLS policy of the HTTPS listener.
    pub ssl_policy: String,
    /// The host that is routed to this service; with it the service gets a rule of its own.
    pub host: Option<String>,
    /// The path that is routed to this service and taken off before a request arrives, `/pr-42`. Only
    /// a preview has one; where there is a host too, both have to fit.
    pub path: Option<String>,
    /// CIDR blocks that may connect, IPv4 or IPv6; never empty.
    pub allow_from: Vec<String>,
    /// How the target group asks whether a task is well.
    pub health_check: HealthCheck,
    /// Seconds that a target which leaves may finish its requests in.
    pub deregistration_delay: u32,
}

/// How the target group asks whether a task is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// The path that is asked for.
    pub path: String,
    /// HTTP codes that count as well: `200`, `200-299`, `200,404`.
    pub matcher: String,
    /// Seconds between two checks.
    pub interval: u32,
    /// Seconds after which a check has failed.
    pub timeout: u32,
    /// Checks in a row that make a target healthy.
    pub healthy_threshold: u32,
    /// Checks in a row that make a target unhealthy.
    pub unhealthy_threshold: u32,
    /// Seconds after a task's start in which failed checks do not count.
    pub grace_period: u32,
}

/// Where the containers' output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logs {
    /// The CloudWatch log group.
    pub group: String,
    /// Days that events are kept.
    pub retention_in_days: u32,
}

/// How a new version takes the place of the old one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollout {
    /// Tasks that should run; left alone where it is not given, because scaling may own it.
    pub desired_count: Option<u32>,
    /// Per cent of the desired count that keep running.
    pub minimum_healthy_percent: u32,
    /// Per cent of the desired count that may run.
    pub maximum_percent: u32,
    /// How long the rollout is waited for.
    pub timeout: Duration,
    /// How the requests come to the new version.
    pub strategy: Strategy,
    /// Tasks that fail to start in the same way after which the rollout is given up; never 0.
    pub give_up_after: u32,
    /// Whether the last version comes back where a rollout fails or is given up.
    pub rollback: bool,
    /// What becomes of the rollout when the run is cancelled.
    pub on_cancel: OnCancel,
    /// CloudWatch alarms that end the rollout.
    pub alarms: BTreeSet<String>,
}

/// How the requests come to the new version.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-types.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Strategy {
    /// Task by task.
    Rolling {
        /// When the rollout counts as successful before the last old task is gone.
        early_success: Option<EarlySuccess>,
    },
    /// From one target group to another, by the load balancer.
    Shift(Shift),
}

impl Strategy {
    /// How long a rollout takes by its own design.
    pub fn bakes(&self) -> Duration {
        let Self::Shift(shift) = self else { return Duration::ZERO };
        let steps = match shift.steps {
            ShiftSteps::AllAtOnce => Duration::ZERO,
            ShiftSteps::Linear { percent: Percent(tenths), bake_time } => {
                bake_time * 1000_u32.div_ceil(tenths.max(1)).saturating_sub(1)
            }
            ShiftSteps::Canary { bake_time, .. } => bake_time,
        };
        steps + shift.bake_time
    }
}

/// When a rolling update counts as successful.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EarlySuccess {
    /// Per cent of the desired count that have to be healthy.
    pub healthy_percent: u32,
    /// Whether the old tasks are stopped after the success; otherwise before.
    pub is_cleanup_deferred: bool,
}

/// A move of the requests from one target group to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    /// In which steps.
    pub steps: ShiftSteps,
    /// How long both versions run once all requests have moved; whole minutes.
    pub bake_time: Duration,
    /// The port of a listener by which the new version is tried before the requests move.
    pub test_port: Option<u16>,
    /// Where ECS waits for somebody's word.
    pub pause: Option<Pause>,
}

/// In which steps the requests move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShiftSteps {
    /// All at once: `BLUE_GREEN`.
    AllAtOnce,
    /// Equal ones: `LINEAR`.
    Linear {
        /// What moves at once.
        percent: Percent,
        /// The time between two steps; whole minutes.
        bake_time: Duration,
    },
    /// A few, then all: `CANARY`.
    Canary {
        /// What moves first.
        percent: Percent,
        /// The time until the rest moves; whole minutes.
        bake_time: Duration,
    },
}

/// A percentage in tenths, as ECS takes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percent(pub u32);

/// Where ECS waits for somebody's word.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentLifecycleHook.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// ECS's lifecycle stages, `POST_SCALE_UP`.
    pub at: BTreeSet<String>,
    /// How long it waits; whole minutes.
    pub timeout: Duration,
    /// Whether it goes on then; otherwise the last version comes back.
    pub continues: bool,
}

/// What becomes of a rollout when the run that watches it is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnCancel {
    /// It goes on.
    Leave,
    /// ECS is asked to bring the last version back.
    Rollback,
}

/// A task that runs once beside a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunTask {
    /// What it is called in the report; unique.
    pub name: String,
    /// When it runs.
    pub when: When,
    /// The container of the task definition whose command is replaced, and whose exit code counts.
    pub container: String,
    /// What runs in it; never empty.
    pub command: Vec<String>,
    /// Environment variables in addition to the container's.
    pub environment: IndexMap<String, String>,
    /// How long it is waited for.
    pub timeout: Duration,
}

/// When a task runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Before ECS is told of the new version; a failure leaves the old one as it is.
    BeforeRollout,
    /// After the new version serves.
    AfterRollout,
    /// It does not: a preview's, where the file does not ask for it.
    Never,
}

/// Of what a config is a preview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewOf {
    /// The main service, which is also the stack that shared things are registered for.
    pub service: String,
    /// The pull request's number.
    pub number: u64,
}

/// A pull request's own service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// By what it is found behind the load balancer.
    pub way: Way,
    /// The certificate of its host, where it is another than the load balancer's.
    pub certificate: Option<String>,
    /// Tasks that run.
    pub desired_count: u32,
    /// Whether they run on Fargate Spot, which may stop them at any time.
    pub spot: bool,
    /// CPU units in place of the task's.
    pub cpu: Option<u32>,
    /// MiB in place of the task's.
    pub memory: Option<u32>,
    /// Environment variables in addition to the container's, and in place of those of the same name.
    pub environment: IndexMap<String, String>,
    /// Whether the tasks of `run` run for it too; `None` where the file does not say, which is no.
    pub run: Option<bool>,
    /// After how long without a deploy `preview sweep` takes it down, open or not.
    pub ttl: Option<Duration>,
}

/// By what a preview is found. Both hold `{number}` exactly once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// `pr-{number}.preview.example.com`.
    Host(String),
    /// `/pr-{number}`: a path under the load balancer's own name, taken off before the request arrives.
    Path(String),
}
