//! What to do about each cause: in words of the deploy file where it has some.

use super::Cause;

impl Cause {
    /// What to do about it.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Unreachable => {
                "check the endpoints that the tasks need, with `ecs-private-deploy doctor`"
            }
            Self::LayersRefused => {
                "let the policy of the S3 endpoint allow `s3:GetObject` on the region's \
                 `prod-REGION-starport-layer-bucket`, and the execution role \
                 `ecr:GetDownloadUrlForLayer`"
            }
            Self::ImageMissing => {
                "check the image's name, tag and region, and that the repository's lifecycle rule has \
                 not removed it; a registry that wants a login says the same"
            }
            Self::ImageDenied => {
                "let the execution role pull: its policy, the repository's and the endpoints' all have \
                 to allow it"
            }
            Self::ImagePlatform => {
                "make `image.platforms` fit the CPU architecture of the task definition, and deploy again"
            }
            Self::ImageThrottled => {
                "take the image from a private ECR repository: `image: { pull-through: ensure }`"
            }
            Self::ImageBroken => {
                "build the image again; what Fargate cannot unpack is often an attestation that was \
                 pushed as a layer: `image.provenance: false`"
            }
            Self::DiskFull => {
                "make the image smaller, or give the task definition more `ephemeralStorage`"
            }
            Self::SecretMissing => "check the name and the region under `task.secrets`",
            Self::SecretKeyMissing => {
                "check the key behind the secret's ARN under `task.secrets`, and the secret's JSON"
            }
            Self::SecretMalformed => {
                "make the secret a JSON object, or name it under `task.secrets` without a key"
            }
            Self::SecretDenied => {
                "allow the execution role to read the secret, and to decrypt with its key; the \
                 endpoint's policy has to allow it too"
            }
            Self::LogGroupMissing => {
                "make the log group, or correct `awslogs-group` and `awslogs-region` in the task \
                 definition"
            }
            Self::LogDenied => {
                "allow the execution role `logs:CreateLogStream` and `logs:PutLogEvents` on the log \
                 group, and `logs:CreateLogGroup` where `awslogs-create-group` is on"
            }
            Self::LogOptions => "correct `logConfiguration` in the task definition",
            Self::RoleTrust => {
                "let `ecs-tasks.amazonaws.com` assume the role in its trust policy, and the deploying \
                 role pass it (`iam:PassRole`)"
            }
            Self::ServiceRole => {
                "restore the role `AWSServiceRoleForECS`, or the one that the service names"
            }
            Self::Denied => "allow it to the role that the text names",
            Self::Volume => {
                "check that the VPC has a mount target of the file system in the task's zone, that its \
                 security group admits port 2049 from the task, and the file system's policy"
            }
            Self::Capacity => "deploy again later, or add private subnets in other zones",
            Self::Quota => "ask for more in Service Quotas, or end tasks that are not needed",
            Self::ZoneUnsupported => "give the service private subnets in zones that Fargate is in",
            Self::NoInterface => {
                "free addresses in the subnet, or give the service larger private subnets"
            }
            Self::SlowProvisioning => "deploy again: it mostly passes",
            Self::PartialLaunch => {
                "look at the other events, which say what was missing, and deploy again"
            }
            Self::SpotReclaimed => "ECS starts another one; run without Spot what must not stop",
            Self::Throttled => "wait: ECS tries again by itself",
            Self::Placement => "run the service on Fargate, or give its cluster instances that fit",
            Self::HostGone => "give the cluster instances that stay, or run the service on Fargate",
            Self::CommandMissing => {
                "correct `task.command`, or the image's entry point: the program has to be in the image \
                 and executable"
            }
            Self::OutOfMemory => "raise `task.memory`",
            Self::Killed => {
                "the process ran out of memory (raise `task.memory`), or did not end when it was asked to"
            }
            Self::Terminated => {
                "another container of the task or somebody ended it: look at the other containers' codes"
            }
            Self::Finished => {
                "a service's container has to keep running: let its command stay in the foreground"
            }
            Self::Segfault => {
                "look at its log; an image for another CPU or C library does that too"
            }
            Self::Crashed | Self::Ended => {
                "look at its log: the application ended by itself; a variable or a secret that it needs \
                 may be missing under `task`"
            }
            Self::RuntimeTimeout => "deploy again; where it stays, make the image start with less",
            Self::ContainerHealth => {
                "correct the container's `healthCheck`: its command has to be in the image, and its \
                 `startPeriod` long enough"
            }
            Self::TargetCode => {
                "make the application answer `load-balancer.health-check.path` with a code of \
                 `load-balancer.health-check.matcher`, or change these"
            }
            Self::TargetTimeout => {
                "let the tasks' security group admit the port from the load balancer's, and the \
                 application answer within `load-balancer.health-check.timeout`"
            }
            Self::TargetRefused => {
                "let the application listen on 0.0.0.0 (not on 127.0.0.1) and on `task.port`, and be up \
                 within `load-balancer.health-check.grace-period`"
            }
            Self::TargetZone => "give the load balancer a public subnet in the task's zone",
            Self::TargetUnrouted => {
                "put the target group into a listener's rule, and enable the task's zone on the load \
                 balancer"
            }
            Self::TargetAddress => "give the tasks subnets of their own",
            Self::TargetGroupMissing => "deploy again: what is missing is made",
            Self::TargetHealth => {
                "check `task.port`, `load-balancer.health-check.path`, that the tasks' security group \
                 admits the load balancer's, and that the application is up within the grace period"
            }
            Self::DeploymentRoom => {
                "raise `rollout.maximum-percent` or lower `rollout.minimum-healthy-percent`"
            }
            Self::TaskProtection => "end the tasks' protection, or wait until it ends",
            Self::TaskSize => "choose a pair of `task.cpu` and `task.memory` that Fargate has",
            Self::Alarm => "look at the alarm in CloudWatch: it says what the new version did",
            Self::Hook => "look at what the hook answered",
            Self::ShiftRule => {
                "deploy again: both target groups have to be in the production or the test rule"
            }
            Self::ByHand => "run again when whoever stopped it is done",
        }
    }
}
