//! What may stand in the file: one table, from which the check for unknown keys and wrong types and
//! the JSON Schema are made.

/// A key of the file.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    /// What it means, and its default.
    pub(super) about: &'static str,
    pub(super) shape: Shape,
}

/// What a value may be.
#[derive(Debug)]
pub(super) enum Shape {
    Text,
    Boolean,
    /// From the first to the last, both included.
    Integer(i128, i128),
    /// `15m`.
    Duration,
    /// The same, or `0m`.
    DurationOrNone,
    /// A number with one digit after its point at most, from the first to the last tenth.
    Tenths(u32, u32),
    OneOf(&'static [&'static str]),
    List(&'static Self),
    /// Names of the user's own, and text or numbers.
    Map,
    /// The same, where a name may have no value, or a list of `NAME` and `NAME=VALUE`.
    Arguments,
    Section(&'static [Key]),
    /// Text, or a section.
    TextOr(&'static [Key]),
}

use Shape::{
    Arguments, Boolean, Duration, DurationOrNone, Integer, List, Map, OneOf, Section, Tenths, Text,
    TextOr,
};

const fn key(name: &'static str, about: &'static str, shape: Shape) -> Key {
    Key { name, about, shape }
}

/// The retentions that CloudWatch Logs knows.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>
pub(super) const RETENTIONS: [i128; 22] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];

pub(super) const INTEL: &str = "linux/amd64";
pub(super) const ARM: &str = "linux/arm64";
/// The platforms that Fargate has.
pub(super) const PLATFORMS: [&str; 2] = [INTEL, ARM];

/// The file.
pub(super) const FILE: &[Key] = &[
    key("service", "The ECS service's name; what is made for it is tagged with it.", Text),
    key("region", "The AWS region. Default: the credentials'.", Text),
    key("cluster", "The ECS cluster, made where it is missing. Default: the service's name.", Text),
    key(
        "image",
        "Where images come from. The service's own is built here, or is the URI of one in a private ECR repository of the region. Default: built from the Dockerfile beside this file.",
        TextOr(IMAGE),
    ),
    key("task", "What runs.", Section(TASK)),
    key("network", "Where it runs.", Section(NETWORK)),
    key("load-balancer", "What the internet reaches.", Section(LOAD_BALANCER)),
    key("logs", "Where the containers' output goes.", Section(LOGS)),
    key("rollout", "How a new version takes the place of the old one.", Section(ROLLOUT)),
    key(
        "run",
        "What runs once beside a rollout, with the new image in the service's subnets and groups: migrations before it, say.",
        List(&Section(RUN)),
    ),
    key(
        "preview",
        "What a pull request gets: a service of its own, beside this one. Without this section it gets none.",
        Section(PREVIEW),
    ),
];

const IMAGE: &[Key] = &[
    key(
        "uri",
        "An image that exists, in place of the keys that say how it is built: in a private ECR repository of the region, or with `pull-through: ensure` in another registry.",
        Text,
    ),
    key(
        "pull-through",
        "What is done about containers whose image is not in a private ECR repository of the region, sidecars too. `ensure` has ECR cache it: a pull-through cache rule, a full pull through it, and the digest in the task definition; rules and cached repositories are the account's, and `destroy` leaves them. `off` refuses it. Default: off.",
        OneOf(&["ensure", "off"]),
    ),
    key(
        "credentials",
        "What ECR logs in to other registries with, by their host (`docker.io`, `ghcr.io`, `registry.gitlab.com`): the name or ARN of a secret in Secrets Manager, whose name begins with `ecr-pullthroughcache/` and which holds `username` and `accessToken`; for another account's ECR, the ARN of a role. Default: the secret `ecr-pullthroughcache/docker-hub`, `…/github` or `…/gitlab`.",
        Map,
    ),
    key("context", "The build context. Default: the folder of this file.", Text),
    key("dockerfile", "The Dockerfile. Default: `Dockerfile` in the context.", Text),
    key("target", "The stage to build.", Text),
    key(
        "build-args",
        "Build arguments; one without a value takes it from the environment. They stay in the image's history: give secrets as `secrets`.",
        Arguments,
    ),
    key(
        "secrets",
        "Secrets for `RUN --mount=type=secret`: `id=NAME,env=VARIABLE`, `id=NAME,src=FILE`, or the same as keys. Their values never stand here.",
        List(&TextOr(SECRET)),
    ),
    key(
        "platforms",
        "`linux/amd64`, `linux/arm64`. Default: what the task runs on.",
        List(&OneOf(&PLATFORMS)),
    ),
    key(
        "cache",
        "Where layers are kept between runs. Default: registry.",
        OneOf(&["registry", "none"]),
    ),
    key(
        "provenance",
        "Attach a provenance attestation, which makes the pushed thing an index. Default: false.",
        Boolean,
    ),
    key("repository", "The ECR repository's name. Default: the service's.", Text),
    key("keep", "Images that the lifecycle rule keeps. Default: 30.", Integer(1, 10_000)),
];

const SECRET: &[Key] = &[
    key("id", "The id that the Dockerfile mounts.", Text),
    key("env", "The environment variable that has the value.", Text),
    key("file", "The file that has the value.", Text),
];

const TASK: &[Key] = &[
    key(
        "definition",
        "An ECS task definition in JSON, in place of the keys that describe the container.",
        Text,
    ),
    key(
        "port",
        "The port that the container listens on. Default: the only one that the task definition maps, or that the Dockerfile exposes.",
        Integer(1, 65_535),
    ),
    key(
        "container",
        "The container that gets the image and the traffic. Default: the service's name, or the task definition's only one.",
        Text,
    ),
    key("cpu", "CPU units, 1024 a vCPU. Default: 256.", Integer(1, 32_768)),
    key("memory", "MiB. Default: the least that Fargate has for the CPU.", Integer(1, 249_856)),
    key("cpu-architecture", "Default: what `image.platforms` says.", OneOf(&["X86_64", "ARM64"])),
    key("environment", "Environment variables.", Map),
    key(
        "secrets",
        "Environment variables whose values ECS reads: an ARN of Secrets Manager or SSM, or the name of an SSM parameter.",
        Map,
    ),
    key("command", "Takes the place of the image's command.", List(&Text)),
    key("execution-role-arn", "The role that ECS pulls and logs with. Default: one is made.", Text),
    key("task-role-arn", "The application's role. Default: one is made that may do nothing.", Text),
];

const NETWORK: &[Key] = &[
    key("vpc", "The VPC. Default: the only one of the region.", Text),
    key(
        "endpoints",
        "`ensure` makes the VPC endpoints that are missing, `verify` makes none and refuses where a task could not start, `off` does not look. Default: ensure.",
        OneOf(&["ensure", "verify", "off"]),
    ),
    key(
        "adopt",
        "Complete endpoints that somebody else made where they do not serve the tasks: their subnets, route tables and private DNS. Default: false.",
        Boolean,
    ),
    key(
        "dns",
        "`ensure` turns on the VPC's DNS attributes where an endpoint needs them, and leaves them on. Default: leave.",
        OneOf(&["ensure", "leave"]),
    ),
    key(
        "reach",
        "AWS services that the application calls, by the short names of their endpoint services: `[sqs, dynamodb]`.",
        List(&Text),
    ),
];

const LOAD_BALANCER: &[Key] = &[
    key(
        "name",
        "An application load balancer; one that exists is used where it fits. Default: the service's name.",
        Text,
    ),
    key(
        "certificate",
        "The ARN of an ACM certificate; with it there is HTTPS, and HTTP redirects.",
        Text,
    ),
    key("ssl-policy", "The TLS policy of the HTTPS listener.", Text),
    key(
        "host",
        "The host that is routed to this service, so that services can share the load balancer.",
        Text,
    ),
    key("allow-from", "CIDR blocks that may connect. Default: 0.0.0.0/0.", List(&Text)),
    key(
        "health-check",
        "How the load balancer asks whether a task is well.",
        Section(HEALTH_CHECK),
    ),
    key(
        "deregistration-delay",
        "Seconds that a task which leaves may finish its requests in. Default: 30.",
        Integer(0, 3600),
    ),
];

const HEALTH_CHECK: &[Key] = &[
    key("path", "The path that is asked for. Default: /.", Text),
    key(
        "matcher",
        "HTTP codes that count as well: `200`, `200-299`, `200,404`. Default: 200-399.",
        Text,
    ),
    key("interval", "Seconds between two checks. Default: 10.", Integer(5, 300)),
    key(
        "timeout",
        "Seconds after which a check has failed; less than the interval. Default: 5.",
        Integer(2, 120),
    ),
    key(
        "healthy-threshold",
        "Checks in a row that make a task healthy. Default: 2.",
        Integer(2, 10),
    ),
    key(
        "unhealthy-threshold",
        "Checks in a row that make a task unhealthy. Default: 3.",
        Integer(2, 10),
    ),
    key(
        "grace-period",
        "Seconds after a task's start in which failed checks do not count. Default: 60.",
        Integer(0, 2_147_483_647),
    ),
];

const LOGS: &[Key] = &[
    key("group", "The CloudWatch log group. Default: /ecs/ and the service's name.", Text),
    key("retention-in-days", "Days that events are kept. Default: 30.", Integer(1, 3653)),
];

const ROLLOUT: &[Key] = &[
    key(
        "strategy",
        "`rolling` replaces task by task; `blue-green`, `linear` and `canary` move the requests from one target group to another, at once, in equal steps, or a few first. Default: rolling.",
        OneOf(&["rolling", "blue-green", "linear", "canary"]),
    ),
    key(
        "desired-count",
        "Tasks that should run. Left alone where it is not given: scaling may own it.",
        Integer(0, 5000),
    ),
    key(
        "minimum-healthy-percent",
        "Per cent of the desired count that keep running. Default: 100.",
        Integer(0, 100),
    ),
    key(
        "maximum-percent",
        "Per cent of the desired count that may run. Default: 200.",
        Integer(100, 200),
    ),
    key(
        "timeout",
        "How long the rollout is waited for. Default: 15m, and the bake times on top of it.",
        Duration,
    ),
    key(
        "give-up-after",
        "Tasks that fail to start in the same way after which the rollout is given up. Default: 2.",
        Integer(1, 200),
    ),
    key(
        "rollback",
        "Whether the last version comes back where a rollout fails or is given up. Default: true.",
        Boolean,
    ),
    key(
        "on-cancel",
        "What becomes of the rollout when the run is cancelled: `leave` lets it go on, `rollback` brings the last version back. Default: leave.",
        OneOf(&["leave", "rollback"]),
    ),
    key("alarms", "CloudWatch alarms that end the rollout.", List(&Text)),
    key(
        "early-success",
        "When a `rolling` rollout counts as successful before all of it is done.",
        Section(EARLY_SUCCESS),
    ),
    key(
        "bake-time",
        "How long both versions run once all requests have moved, in whole minutes up to 24h. Default: 5m.",
        DurationOrNone,
    ),
    key("linear", "The steps of the strategy `linear`.", Section(LINEAR)),
    key("canary", "The steps of the strategy `canary`.", Section(CANARY)),
    key(
        "test-port",
        "The port of a listener by which the new version is tried before the requests move to it.",
        Integer(1, 65_535),
    ),
    key(
        "pause",
        "Where ECS waits until `ecs-private-deploy continue` or `rollback` is run.",
        Section(PAUSE),
    ),
];

const EARLY_SUCCESS: &[Key] = &[
    key(
        "healthy-percent",
        "Per cent of the desired count that have to be healthy. Default: 100.",
        Integer(0, 100),
    ),
    key(
        "cleanup",
        "Whether the old tasks are stopped before the rollout is successful (`blocking`) or after it (`deferred`). Default: deferred.",
        OneOf(&["blocking", "deferred"]),
    ),
];

const LINEAR: &[Key] = &[
    key(
        "step-percent",
        "What moves at once, from 3 to 100 in tenths. Default: 10.",
        Tenths(30, 1000),
    ),
    key(
        "step-bake-time",
        "The time between two steps, in whole minutes up to 24h. Default: 6m.",
        DurationOrNone,
    ),
];

const CANARY: &[Key] = &[
    key("percent", "What moves first, from 0.1 to 100 in tenths. Default: 5.", Tenths(1, 1000)),
    key(
        "bake-time",
        "The time until the rest moves, in whole minutes up to 24h. Default: 10m.",
        DurationOrNone,
    ),
];

/// The stages at which ECS takes a pause: all but those in which requests move.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentLifecycleHook.html>
pub(super) const STAGES: [&str; 6] = [
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "POST_SCALE_UP",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
];

const PAUSE: &[Key] = &[
    key("at", "The lifecycle stages: `[POST_SCALE_UP]`.", List(&OneOf(&STAGES))),
    key("timeout", "How long ECS waits, in whole minutes up to 336h. Default: 24h.", Duration),
    key(
        "on-timeout",
        "What ECS does when nobody has said anything. Default: rollback.",
        OneOf(&["rollback", "continue"]),
    ),
];

const RUN: &[Key] = &[
    key("name", "What it is called in the report.", Text),
    key(
        "before",
        "Runs before ECS is told of the new version; where it fails, the old one stays.",
        OneOf(&["rollout"]),
    ),
    key("after", "Runs after the new version serves.", OneOf(&["rollout"])),
    key("command", "What runs in the container, in place of its command.", List(&Text)),
    key("container", "The container of the task definition. Default: the service's.", Text),
    key("environment", "Environment variables in addition to the container's.", Map),
    key("timeout", "How long it is waited for. Default: 15m.", Duration),
];

const PREVIEW: &[Key] = &[
    key(
        "host",
        "The host that leads to it, with `{number}` in place of the pull request's: `pr-{number}.preview.example.com`. Its DNS record is a wildcard that leads to the load balancer.",
        Text,
    ),
    key(
        "path",
        "Without any DNS: the path that leads to it, `/pr-{number}`. The load balancer takes it off before the application sees it. Default, where there is no `host`: /pr-{number}.",
        Text,
    ),
    key(
        "certificate",
        "The ARN of the ACM certificate of its host, added to the load balancer's. Default: `load-balancer.certificate`.",
        Text,
    ),
    key("desired-count", "Tasks that run. Default: 1.", Integer(0, 5000)),
    key(
        "spot",
        "Run on Fargate Spot, which costs about a third and may be stopped at any time. Default: false.",
        Boolean,
    ),
    key("cpu", "CPU units in place of the task's.", Integer(1, 32_768)),
    key("memory", "MiB in place of the task's.", Integer(1, 249_856)),
    key(
        "environment",
        "Environment variables in addition to the container's, and in place of those of the same name.",
        Map,
    ),
    key(
        "run",
        "Run the tasks of `run` for it too, with its environment. Without it they do not run: what they change is often the main service's. Default: false.",
        Boolean,
    ),
    key(
        "ttl",
        "After how long without a deploy `preview sweep` takes it down, open or not: `7d`. Default: never.",
        Duration,
    ),
];
