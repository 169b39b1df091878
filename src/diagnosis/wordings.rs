//! The wordings, as a table: what a text says first and what it says then, in lower case. One wording has
//! several causes and one cause several wordings, so a row is not a whole text: it names the stage that
//! failed and the reason that follows it, and both have to be there, in this order.

use super::{cause::Cause, reading::Service};

/// A row.
#[derive(Debug)]
pub struct Wording {
    /// What it means.
    pub cause: Cause,
    /// What the stage has to reach.
    pub about: Option<Service>,
    /// The stage: any of these.
    pub stage: &'static [&'static str],
    /// The reason: any of these, behind the stage. Where there are none, the stage says it all.
    pub then: &'static [&'static str],
}

/// AWS's own list of what a missing way looks like, and what its newer messages say instead.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/resource-initialization-error.html>
pub const NETWORK: &[&str] = &[
    "there is a connection issue between the task and",
    "check your network configuration",
    "dial tcp",
    "dial udp",
    ": i/o timeout",
    "net/http: tls handshake timeout",
    "read: connection timed out",
    "client.timeout exceeded while awaiting headers",
    "net/http: request canceled while waiting for connection",
    "request context canceled caused by: context deadline exceeded",
    "context deadline exceeded",
    "signal: killed",
];

const PULL: &[&str] = &["cannotpullcontainer", "the task can't pull the image"];
const TOKEN: &[&str] =
    &["the task cannot pull registry auth from amazon ecr", "unable to retrieve ecr registry auth"];
const SECRET: &[&str] = &[
    "unable to retrieve secret from asm",
    "unable to retrieve secrets from asm",
    "unable to get registry auth from asm",
];
const PARAMETER: &[&str] =
    &["unable to retrieve secrets from ssm", "unable to retrieve secret from ssm"];
const LOG: &[&str] = &[
    "failed to validate logger args",
    "failed to initialize logging driver",
    "failed to create cloudwatch log",
];
const FILES: &[&str] = &[
    "the task can't download the environment variable files from amazon s3",
    "failed to download env files",
];
const START: &[&str] = &[
    "cannotstartcontainererror",
    "starting container process",
    "unable to start container process",
];
const PLACE: &[&str] = &["was unable to place a task"];
const REFUSED: &[&str] =
    &["accessdeniedexception", "is not authorized to perform: ", "access to kms is not allowed"];

const fn row(
    cause: Cause,
    stage: &'static [&'static str],
    then: &'static [&'static str],
) -> Wording {
    Wording { cause, about: None, stage, then }
}

const fn of(
    about: Service,
    cause: Cause,
    stage: &'static [&'static str],
    then: &'static [&'static str],
) -> Wording {
    Wording { cause, about: Some(about), stage, then }
}

/// All of them; of two that fit, the first.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html>
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html>
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html>
pub const WORDINGS: &[Wording] = &[
    row(
        Cause::DiskFull,
        &["cannotpullcontainer", "cannotcreatecontainer"],
        &["no space left on device"],
    ),
    row(Cause::DiskFull, &["devmapper: thin pool has"], &["which is less than minimum required"]),
    row(
        Cause::ImagePlatform,
        PULL,
        &["does not contain descriptor matching platform", "no match for platform in manifest"],
    ),
    row(Cause::ImagePlatform, &["exec format error"], &[]),
    row(
        Cause::ImageThrottled,
        &[
            "toomanyrequests: too many requests",
            "toomanyrequests: rate exceeded",
            "you have reached your pull rate limit",
            "you have reached your unauthenticated pull rate limit",
        ],
        &[],
    ),
    row(
        Cause::ImageBroken,
        PULL,
        &[
            "failed to get stream processor for",
            "no processor for media-type",
            "archive/tar: invalid tar header",
        ],
    ),
    // <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html#pull-image-panic>
    of(
        Service::S3,
        Cause::Unreachable,
        &[
            "pull command failed: panic: runtime error: invalid memory address or nil pointer dereference",
        ],
        &[],
    ),
    row(
        Cause::ImageDenied,
        PULL,
        &[
            "check that the role has the permissions to pull images",
            "is not authorized to perform: ecr:",
        ],
    ),
    row(
        Cause::ImageMissing,
        PULL,
        &[
            "check whether the image exists",
            "denied: requested access to the resource is denied",
            "insufficient_scope: authorization failed",
            "manifest unknown",
            ": not found",
            "does not exist in the registry with id",
        ],
    ),
    row(Cause::ImageMissing, &["cannotpullcontainererror: api error (404): "], &[" not found"]),
    of(
        Service::EcrApi,
        Cause::ImageDenied,
        TOKEN,
        &["is not authorized to perform: ecr:getauthorizationtoken"],
    ),
    of(Service::EcrApi, Cause::Unreachable, TOKEN, NETWORK),
    of(Service::SecretsManager, Cause::SecretDenied, SECRET, REFUSED),
    of(Service::SecretsManager, Cause::SecretMissing, SECRET, &["can't find the specified secret"]),
    of(Service::SecretsManager, Cause::SecretKeyMissing, SECRET, &["did not contain json key"]),
    of(Service::SecretsManager, Cause::Unreachable, SECRET, NETWORK),
    of(Service::Ssm, Cause::SecretDenied, PARAMETER, REFUSED),
    of(
        Service::Ssm,
        Cause::SecretMissing,
        PARAMETER,
        &["invalid ssm parameters: ", "parameternotfound: "],
    ),
    of(Service::Ssm, Cause::Unreachable, PARAMETER, NETWORK),
    row(
        Cause::SecretMalformed,
        &["unable to pull secrets or registry auth"],
        &["invalid character '"],
    ),
    of(Service::S3, Cause::Unreachable, FILES, NETWORK),
    of(Service::Logs, Cause::LogDenied, LOG, REFUSED),
    of(Service::Logs, Cause::LogGroupMissing, LOG, &["the specified log group does not exist"]),
    row(Cause::LogOptions, LOG, &["unable to get awslogs driver arguments: "]),
    row(Cause::LogOptions, &["unable to get awslogs driver arguments: "], &["is required"]),
    of(Service::Logs, Cause::Unreachable, LOG, NETWORK),
    row(Cause::Unreachable, &["resourceinitializationerror: unable to pull secrets"], NETWORK),
    row(Cause::Unreachable, PULL, NETWORK),
    row(Cause::Volume, &["failed to invoke efs utils commands to set up efs volumes"], &[]),
    row(Cause::CommandMissing, START, &["executable file not found"]),
    row(
        Cause::CommandMissing,
        &["exec: \"", "exec: \\\""],
        &["no such file or directory", "permission denied"],
    ),
    row(Cause::OutOfMemory, &["outofmemoryerror: container killed due to memory usage"], &[]),
    row(
        Cause::RuntimeTimeout,
        &[
            "could not transition to running; timed out after waiting",
            "could not transition to started; timed out after waiting",
        ],
        &[],
    ),
    row(
        Cause::SlowProvisioning,
        &[
            "timeout waiting for network interface provisioning to complete",
            "timeout waiting for ephemeralstorage provisioning to complete",
        ],
        &[],
    ),
    row(
        Cause::NoInterface,
        &["unexpected ec2 error while attempting to create network interface"],
        &[],
    ),
    row(Cause::Capacity, &["capacity is unavailable at this time"], &[]),
    row(Cause::Quota, &["you've reached the limit on the number of"], &[]),
    row(
        Cause::Quota,
        &[
            "the requested cpu configuration is above your limit",
            "the requested memory configuration is above your limit",
        ],
        &[],
    ),
    row(Cause::RoleTrust, &["ecs was unable to assume the role"], &[]),
    row(
        Cause::ServiceRole,
        &[
            "iam trust relationship has been misconfigured or changed",
            "iam permissions policies have been misconfigured or changed",
        ],
        &[],
    ),
    row(
        Cause::Denied,
        &["unable to launch instance(s) for capacity provider"],
        &["is not authorized to perform: ", "you are not authorized to perform this operation"],
    ),
    row(Cause::Placement, PLACE, &["no container instance met all of its requirements"]),
    row(
        Cause::Placement,
        &["the closest matching container-instance"],
        &["is already using a port required by your task"],
    ),
    row(
        Cause::PartialLaunch,
        &["could not launch "],
        &[" tasks for deployment ", " task for deployment "],
    ),
    row(
        Cause::TargetGroupMissing,
        &["is not healthy in target-group"],
        &["due to target group is not found"],
    ),
    row(Cause::ContainerHealth, &["failed container health checks"], &[]),
    row(Cause::TargetHealth, &["failed elb health checks"], &[]),
    row(Cause::SpotReclaimed, &["your spot task was interrupted"], &[]),
    row(Cause::Throttled, &["operations are being throttled. will try again later"], &[]),
    row(
        Cause::DeploymentRoom,
        &[
            "was unable to stop or start tasks during a deployment because of the service deployment configuration",
        ],
        &[],
    ),
    row(
        Cause::TaskProtection,
        &["the number of protected tasks are more than the desired count"],
        &[],
    ),
    row(
        Cause::TaskSize,
        &[
            "no fargate configuration exists for given values",
            "invalid 'cpu' setting for task",
            "invalid 'memory' setting for task",
        ],
        &[],
    ),
    row(Cause::HostGone, &["host ec2 (instance "], &["stopped/terminated"]),
    row(Cause::HostGone, &["container instance deregistration forced by user"], &[]),
    row(Cause::Alarm, &["deployment failed: alarm detected"], &[]),
    row(Cause::Hook, &["service deployment rolled back because "], &[" lifecycle hook(s) failed"]),
    row(
        Cause::ShiftRule,
        &["service deployment rolled back because of invalid networking configuration"],
        &[],
    ),
    row(Cause::ByHand, &["task stopped by user"], &[]),
];

/// What only says that something else failed: the circuit breaker and what it does.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html>
pub const FOLLOWS: &[&str] = &[
    "deployment failed: tasks failed to start",
    "deployment circuit breaker",
    "is unable to consistently start tasks successfully",
    "rolling back to deployment",
    "because the circuit breaker threshold was exceeded",
];

/// Ordinary life of a service.
pub const ROUTINE: &[&str] = &[
    "scaling activity initiated by ",
    "service scaling down",
    "deployment completed",
    " has reached a steady state",
    " has started ",
    " has stopped ",
    " registered ",
    " deregistered ",
    " has begun draining connections on ",
];
