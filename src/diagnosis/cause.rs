//! The causes, each with its name in one line, and which of them follow from which.

mod advice;

/// Why a task did not start or stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// No way in the network to what the task needs before it starts.
    Unreachable,
    /// S3 answers, and refuses the image's layers.
    LayersRefused,
    /// No such image, or a registry that does not say so to strangers.
    ImageMissing,
    /// The registry refuses.
    ImageDenied,
    /// The image is built for another CPU.
    ImagePlatform,
    /// The registry throttles.
    ImageThrottled,
    /// The image was fetched and cannot be unpacked.
    ImageBroken,
    /// No room for the image.
    DiskFull,
    /// No such secret or parameter.
    SecretMissing,
    /// The secret has no such key.
    SecretKeyMissing,
    /// The secret is not the JSON that a key is taken from.
    SecretMalformed,
    /// The secret may not be read.
    SecretDenied,
    /// No such log group.
    LogGroupMissing,
    /// The log may not be written.
    LogDenied,
    /// The log driver's options do not fit together.
    LogOptions,
    /// A role that ECS may not assume.
    RoleTrust,
    /// The role that ECS manages the service with.
    ServiceRole,
    /// Another permission.
    Denied,
    /// An EFS volume cannot be mounted.
    Volume,
    /// Fargate has no room.
    Capacity,
    /// The account's quota.
    Quota,
    /// A zone that Fargate is not in.
    ZoneUnsupported,
    /// EC2 gave no network interface.
    NoInterface,
    /// Something that AWS prepares was not ready in time.
    SlowProvisioning,
    /// Only some of the tasks were launched.
    PartialLaunch,
    /// Spot took the task back.
    SpotReclaimed,
    /// ECS throttles itself.
    Throttled,
    /// No container instance fits: not Fargate.
    Placement,
    /// The host went away: not Fargate.
    HostGone,
    /// The command is not in the image, or cannot be run.
    CommandMissing,
    /// The container needed more memory than it has.
    OutOfMemory,
    /// The container was killed (SIGKILL).
    Killed,
    /// The container was asked to end (SIGTERM).
    Terminated,
    /// The container ended as if its work were done.
    Finished,
    /// The container crashed (SIGSEGV).
    Segfault,
    /// The container ended with a code of its own.
    Crashed,
    /// An essential container ended, and its code is not told.
    Ended,
    /// The container's start took too long.
    RuntimeTimeout,
    /// The container's own health check.
    ContainerHealth,
    /// The health check got a code that it does not want.
    TargetCode,
    /// The health check got no answer in time.
    TargetTimeout,
    /// The health check got no connection, or no HTTP.
    TargetRefused,
    /// The load balancer is not in the task's zone.
    TargetZone,
    /// The load balancer sends the target group nothing.
    TargetUnrouted,
    /// The target's address is the load balancer's own.
    TargetAddress,
    /// The target group is gone.
    TargetGroupMissing,
    /// The load balancer's health check, for a reason that is not told.
    TargetHealth,
    /// `minimumHealthyPercent` and `maximumPercent` leave no room.
    DeploymentRoom,
    /// Protected tasks.
    TaskProtection,
    /// No such size.
    TaskSize,
    /// An alarm.
    Alarm,
    /// A lifecycle hook.
    Hook,
    /// A listener rule that a traffic shift cannot work with.
    ShiftRule,
    /// Somebody.
    ByHand,
}

impl Cause {
    /// All of them, in the order of the manual.
    pub const ALL: [Self; 54] = [
        Self::Unreachable,
        Self::LayersRefused,
        Self::ImageMissing,
        Self::ImageDenied,
        Self::ImagePlatform,
        Self::ImageThrottled,
        Self::ImageBroken,
        Self::DiskFull,
        Self::SecretMissing,
        Self::SecretKeyMissing,
        Self::SecretMalformed,
        Self::SecretDenied,
        Self::LogGroupMissing,
        Self::LogDenied,
        Self::LogOptions,
        Self::RoleTrust,
        Self::ServiceRole,
        Self::Denied,
        Self::Volume,
        Self::Capacity,
        Self::Quota,
        Self::ZoneUnsupported,
        Self::NoInterface,
        Self::SlowProvisioning,
        Self::PartialLaunch,
        Self::SpotReclaimed,
        Self::Throttled,
        Self::Placement,
        Self::HostGone,
        Self::CommandMissing,
        Self::OutOfMemory,
        Self::Killed,
        Self::Terminated,
        Self::Finished,
        Self::Segfault,
        Self::Crashed,
        Self::Ended,
        Self::RuntimeTimeout,
        Self::ContainerHealth,
        Self::TargetCode,
        Self::TargetTimeout,
        Self::TargetRefused,
        Self::TargetZone,
        Self::TargetUnrouted,
        Self::TargetAddress,
        Self::TargetGroupMissing,
        Self::TargetHealth,
        Self::DeploymentRoom,
        Self::TaskProtection,
        Self::TaskSize,
        Self::Alarm,
        Self::Hook,
        Self::ShiftRule,
        Self::ByHand,
    ];

    /// The cause, in words.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Unreachable => "the task did not reach what it needs to start",
            Self::LayersRefused => "S3 refuses the image's layers",
            Self::ImageMissing => "there is no such image",
            Self::ImageDenied => "the registry does not let the task pull the image",
            Self::ImagePlatform => "the image is built for another CPU",
            Self::ImageThrottled => "the image's registry throttles",
            Self::ImageBroken => "the image cannot be unpacked",
            Self::DiskFull => "the task has no room left for its image",
            Self::SecretMissing => "there is no such secret or parameter",
            Self::SecretKeyMissing => "the secret has no such JSON key",
            Self::SecretMalformed => "the secret is not the JSON that a key is taken from",
            Self::SecretDenied => "the execution role may not read the secret",
            Self::LogGroupMissing => "there is no such log group",
            Self::LogDenied => "the execution role may not write the log",
            Self::LogOptions => "the container's log options do not fit together",
            Self::RoleTrust => "ECS cannot assume the task's role",
            Self::ServiceRole => "the role that ECS manages the service with has changed",
            Self::Denied => "a permission is missing",
            Self::Volume => "the EFS volume cannot be mounted",
            Self::Capacity => "Fargate has no capacity in these zones now",
            Self::Quota => "the account's Fargate quota is used up",
            Self::ZoneUnsupported => "Fargate cannot place tasks in the subnet's zone",
            Self::NoInterface => "EC2 gave the task no network interface",
            Self::SlowProvisioning => "AWS did not prepare the task in time",
            Self::PartialLaunch => "ECS could launch only some of the tasks",
            Self::SpotReclaimed => "Fargate Spot took the task back",
            Self::Throttled => "ECS throttles the service's operations",
            Self::Placement => "no container instance fits the task",
            Self::HostGone => "the task's host went away",
            Self::CommandMissing => "the container's command cannot be run",
            Self::OutOfMemory => "the container ran out of memory",
            Self::Killed => "the container was killed",
            Self::Terminated => "the container was asked to end",
            Self::Finished => "the container ended as if its work were done",
            Self::Segfault => "the container crashed with a segmentation fault",
            Self::Crashed => "the container ended with an error",
            Self::Ended => "an essential container ended",
            Self::RuntimeTimeout => "the container did not start in time",
            Self::ContainerHealth => "the container's own health check fails",
            Self::TargetCode => "the health check gets another code than it wants",
            Self::TargetTimeout => "the health check gets no answer in time",
            Self::TargetRefused => "the health check gets no valid answer",
            Self::TargetZone => "the load balancer is not in the task's zone",
            Self::TargetUnrouted => "the load balancer sends the target group nothing",
            Self::TargetAddress => "the target's address is in use by a load balancer",
            Self::TargetGroupMissing => "the target group is gone",
            Self::TargetHealth => "the load balancer's health check fails",
            Self::DeploymentRoom => "the deployment's percentages leave no room to start a task",
            Self::TaskProtection => "protected tasks keep the service from scaling in",
            Self::TaskSize => "Fargate has no task of this size",
            Self::Alarm => "a CloudWatch alarm ended the deployment",
            Self::Hook => "a lifecycle hook of the deployment failed",
            Self::ShiftRule => "the listener rules do not fit the traffic shift",
            Self::ByHand => "somebody stopped the task",
        }
    }

    /// Whether a container's end by itself is what is told.
    pub const fn is_end(self) -> bool {
        matches!(
            self,
            Self::CommandMissing
                | Self::OutOfMemory
                | Self::Killed
                | Self::Finished
                | Self::Segfault
                | Self::Crashed
                | Self::Ended
        )
    }

    /// Whether the load balancer or the container's check is what found it unwell.
    pub const fn is_health(self) -> bool {
        matches!(
            self,
            Self::ContainerHealth
                | Self::TargetCode
                | Self::TargetTimeout
                | Self::TargetRefused
                | Self::TargetHealth
        )
    }

    /// Whether it says little beside another one.
    pub const fn is_vague(self) -> bool {
        matches!(
            self,
            Self::TargetHealth
                | Self::Ended
                | Self::Terminated
                | Self::PartialLaunch
                | Self::Throttled
                | Self::SpotReclaimed
        )
    }

    /// Whether the other one follows from this: a container that ends cannot answer a health check, and an
    /// image for another CPU ends at once.
    pub fn explains(self, other: Self) -> bool {
        if self == other {
            return true;
        }
        match self {
            Self::ImagePlatform => other.is_end() || other.is_health(),
            Self::OutOfMemory => matches!(other, Self::Killed) || other.is_health(),
            _ if self.is_end() => {
                other.is_health() || matches!(other, Self::Terminated | Self::Ended)
            }
            Self::TargetZone | Self::TargetUnrouted | Self::TargetGroupMissing => {
                other == Self::TargetHealth
            }
            Self::TargetCode | Self::TargetTimeout | Self::TargetRefused => {
                matches!(other, Self::TargetHealth | Self::TargetRefused)
            }
            Self::Capacity | Self::Quota | Self::NoInterface => other == Self::PartialLaunch,
            _ => false,
        }
    }
}
