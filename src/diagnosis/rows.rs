//! The documented texts, each with what it means. `{…}` is what differs from case to case.

use super::{
    cause::Cause,
    extract::Dial,
    ground::{Lies, lies},
    read::{self, Told, read},
    reading::Service,
};

/// A text, what it means, and what it is about.
pub(super) type Row = (&'static str, Cause, Option<Service>);

/// What stands in place of `{…}`.
#[derive(Debug, Clone)]
pub(super) struct Values {
    pub(super) region: String,
    pub(super) account: String,
    pub(super) inside: String,
    pub(super) public: String,
    pub(super) image: String,
    pub(super) name: String,
    pub(super) hex: String,
    pub(super) count: u32,
}

impl Default for Values {
    fn default() -> Self {
        Self {
            region: "eu-west-1".to_owned(),
            account: "123456789012".to_owned(),
            inside: "10.0.1.5".to_owned(),
            public: "52.216.8.9".to_owned(),
            image: "team/web".to_owned(),
            name: "web".to_owned(),
            hex: "0f3e5ac2".to_owned(),
            count: 3,
        }
    }
}

impl Values {
    pub(super) fn fill(&self, text: &str) -> String {
        let domain =
            if self.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        text.replace("{registry}", "{account}.dkr.ecr.{region}.{domain}")
            .replace("{bucket}", "prod-{region}-starport-layer-bucket.s3.{region}.{domain}")
            .replace(
                "{group}",
                "arn:aws:elasticloadbalancing:{region}:{account}:targetgroup/{name}/{hex}",
            )
            .replace("{domain}", domain)
            .replace("{region}", &self.region)
            .replace("{account}", &self.account)
            .replace("{inside}", &self.inside)
            .replace("{public}", &self.public)
            .replace("{image}", &self.image)
            .replace("{name}", &self.name)
            .replace("{hex}", &self.hex)
            .replace("{n}", &self.count.to_string())
    }
}

const S3: Option<Service> = Some(Service::S3);
const LOGS: Option<Service> = Some(Service::Logs);
const EVENT: &str = "(service {name}) was unable to place a task. Reason: ";

/// The table of the facts, row by row; a letter where a row has several wordings.
pub(super) const ROWS: &[(&str, Row)] = &[
    (
        "1",
        (
            "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. operation error ECR: GetAuthorizationToken, exceeded maximum number of attempts, {n}, https response error StatusCode: 0, RequestID: , request send failed, Post \"https://api.ecr.{region}.{domain}/\": dial tcp {public}:443: i/o timeout",
            Cause::Unreachable,
            Some(Service::EcrApi),
        ),
    ),
    (
        "2",
        (
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve ecr registry auth: service call has been retried {n} time(s): RequestError: send request failed caused by: Post \"https://api.ecr.{region}.{domain}/\": dial tcp {inside}:443: i/o timeout. Please check your task network configuration.",
            Cause::Unreachable,
            Some(Service::EcrApi),
        ),
    ),
    (
        "2b",
        (
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve ecr registry auth: service call has been retried {n} time(s): RequestError: send request failed caused by: Post \"https://api.ecr.{region}.{domain}/\": dial tcp: lookup api.ecr.{region}.{domain} on {inside}:53: no such host",
            Cause::Unreachable,
            Some(Service::EcrApi),
        ),
    ),
    (
        "3",
        (
            "CannotPullContainerError: pull image manifest has been retried {n} time(s): failed to resolve ref {registry}/{image}:v{n}: failed to do request: Head \"https://{registry}/v2/{image}/manifests/v{n}\": dial tcp {public}:443: i/o timeout",
            Cause::Unreachable,
            Some(Service::EcrDkr),
        ),
    ),
    (
        "3b",
        (
            "CannotPullContainerError: pull image manifest has been retried {n} time(s): failed to resolve ref docker.io/{image}:v{n}: failed to do request: Head \"https://registry-1.docker.io/v2/{image}/manifests/v{n}\": dial tcp {public}:443: i/o timeout",
            Cause::Unreachable,
            Some(Service::Outside),
        ),
    ),
    (
        "4",
        (
            "CannotPullContainerError: The task cannot pull {registry}/{image}@sha256:{hex} from the registry {registry}/{image}. There is a connection issue between the task and the registry. Check your task network configuration. : failed to copy: httpReadSeeker: failed open: failed to do request: Get {registry}/{image}: dial tcp {public}:443: i/o timeout",
            Cause::Unreachable,
            S3,
        ),
    ),
    (
        "4b",
        (
            "CannotPullContainerError: ref pull has been retried {n} time(s): failed to copy: httpReaderSeeker: failed open: failed to do request: Get \"https://{bucket}/{hex}?X-Amz-Date=1\": dial tcp {public}:443: i/o timeout",
            Cause::Unreachable,
            S3,
        ),
    ),
    (
        "5",
        (
            "ResourceInitializationError: failed to validate logger args: The task cannot find the Amazon CloudWatch log group defined in the task definition. There is a connection issue between the task and Amazon CloudWatch. Check your network configuration. : signal: killed",
            Cause::Unreachable,
            LOGS,
        ),
    ),
    (
        "6",
        (
            "ResourceInitializationError: failed to validate logger args: create stream has been retried {n} times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. : exit status 1",
            Cause::LogGroupMissing,
            LOGS,
        ),
    ),
    (
        "6b",
        (
            "CannotStartContainerError: Error response from daemon: failed to initialize logging driver: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist.",
            Cause::LogGroupMissing,
            LOGS,
        ),
    ),
    (
        "7",
        (
            "ResourceInitializationError: failed to validate logger args: create stream has been retried {n} times: failed to create Cloudwatch log group: AccessDeniedException: User: arn:aws:sts::{account}:assumed-role/{name}/{hex} is not authorized to perform: logs:CreateLogGroup on resource: arn:aws:logs:{region}:{account}:log-group:/ecs/{name}:log-stream: because no identity-based policy allows the logs:CreateLogGroup action",
            Cause::LogDenied,
            LOGS,
        ),
    ),
    (
        "8",
        (
            "ResourceInitializationError: failed to validate logger args: unable to get awslogs driver arguments: awslogs-region is required",
            Cause::LogOptions,
            None,
        ),
    ),
    (
        "9",
        (
            "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret from asm: There is a connection issue between the task and AWS Secrets Manager. Check your task network configuration. failed to fetch secret arn:aws:secretsmanager:{region}:{account}:secret:{name}-{hex} from secrets manager: operation error Secrets Manager: GetSecretValue, https response error StatusCode: 0, RequestID: , canceled, context deadline exceeded",
            Cause::Unreachable,
            Some(Service::SecretsManager),
        ),
    ),
    (
        "10",
        (
            "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secrets from ssm: The task cannot pull secrets from AWS Systems Manager. There is a connection issue between the task and AWS Systems Manager Parameter Store. Check your task network configuration. RequestCanceled: request context canceled caused by: context deadline exceeded",
            Cause::Unreachable,
            Some(Service::Ssm),
        ),
    ),
    (
        "11",
        (
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried {n} time(s): failed to fetch secret arn:aws:secretsmanager:{region}:{account}:secret:{name}-{hex} from secrets manager: operation error Secrets Manager: GetSecretValue, https response error StatusCode: 400, RequestID: {hex}, api error AccessDeniedException: User: arn:aws:sts::{account}:assumed-role/{name}/{hex} is not authorized to perform: secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:{region}:{account}:secret:{name}-{hex} because no identity-based policy allows the secretsmanager:GetSecretValue action",
            Cause::SecretDenied,
            Some(Service::SecretsManager),
        ),
    ),
    (
        "12",
        (
            "ResourceInitializationError: The task can\u{2019}t download the environment variable files from Amazon S3. There is a connection issue between the task and Amazon S3. Check your task network configuration. : service call has been retried {n} time(s): RequestCanceled: request context canceled caused by: context deadline exceeded",
            Cause::Unreachable,
            S3,
        ),
    ),
    (
        "13",
        (
            "CannotPullContainerError: The task can\u{2019}t pull the image. Check that the role has the permissions to pull images from the registry. Error response from daemon: pull access denied for {registry}/{image}, repository does not exist or may require 'docker login': denied: User: arn:aws:sts::{account}:assumed-role/{name}/{hex} is not authorized to perform: ecr:BatchGetImage on resource: arn:aws:ecr:{region}:{account}:repository/{image} because no identity-based policy allows the ecr:BatchGetImage action",
            Cause::ImageDenied,
            None,
        ),
    ),
    (
        "14",
        (
            "CannotPullContainerError: The task can\u{2019}t pull the image. Check whether the image exists. Error response from daemon: pull access denied for {image}, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
            Cause::ImageMissing,
            None,
        ),
    ),
    (
        "14b",
        (
            "CannotPullContainerError: Error response from daemon: pull access denied for {image}, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
            Cause::ImageMissing,
            None,
        ),
    ),
    (
        "14c",
        (
            "CannotPullContainerError: pull image manifest has been retried {n} time(s): failed to resolve ref docker.io/{image}:v{n}: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed.",
            Cause::ImageMissing,
            None,
        ),
    ),
    (
        "15",
        (
            "CannotPullContainerError: pull image manifest has been retried {n} time(s): failed to resolve ref {registry}/{image}:v{n}: {registry}/{image}:v{n}: not found",
            Cause::ImageMissing,
            None,
        ),
    ),
    (
        "16",
        (
            "CannotPullContainerError: pull image manifest has been retried {n} time(s): image Manifest does not contain descriptor matching platform 'linux/amd64'",
            Cause::ImagePlatform,
            None,
        ),
    ),
    ("17", ("exec /usr/local/bin/{name}: exec format error", Cause::ImagePlatform, None)),
    (
        "18",
        (
            "CannotPullContainerError: pull command failed: panic: runtime error: invalid memory address or nil pointer dereference",
            Cause::Unreachable,
            S3,
        ),
    ),
    (
        "19",
        (
            "CannotPullContainerError: ref pull has been retried {n} time(s): failed to copy: httpReaderSeeker: failed open: unexpected status code https://{bucket}/{hex}: 403 Forbidden",
            Cause::LayersRefused,
            S3,
        ),
    ),
    (
        "19b",
        (
            "CannotPullContainerError: ref pull has been retried {n} time(s): failed to copy: httpReadSeeker: failed open: unexpected status code https://{registry}/v2/{image}/blobs/sha256:{hex}: 403 Forbidden",
            Cause::LayersRefused,
            S3,
        ),
    ),
    (
        "20",
        (
            "CannotPullContainerError: inspect image has been retried {n} time(s): httpReaderSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/{image}/manifests/sha256:{hex}: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit",
            Cause::ImageThrottled,
            None,
        ),
    ),
    ("20b", ("ERROR: toomanyrequests: Too Many Requests.", Cause::ImageThrottled, None)),
    ("21", ("Task failed ELB health checks in (target-group {group})", Cause::TargetHealth, None)),
    ("22", ("Task failed container health checks", Cause::ContainerHealth, None)),
    (
        "22b",
        (
            "(service {name}) (task {hex}) failed container health checks.",
            Cause::ContainerHealth,
            None,
        ),
    ),
    ("23", ("Essential container in task exited", Cause::Ended, None)),
    ("24", ("OutOfMemoryError: Container killed due to memory usage", Cause::OutOfMemory, None)),
    (
        "25",
        (
            "Timeout waiting for network interface provisioning to complete.",
            Cause::SlowProvisioning,
            None,
        ),
    ),
    (
        "25b",
        (
            "Timeout waiting for EphemeralStorage provisioning to complete.",
            Cause::SlowProvisioning,
            None,
        ),
    ),
    (
        "26",
        (
            "Unexpected EC2 error while attempting to Create Network Interface with public IP assignment disabled in subnet 'subnet-{hex}': InsufficientFreeAddressesInSubnet",
            Cause::NoInterface,
            None,
        ),
    ),
    (
        "27",
        (
            "(service {name}) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.",
            Cause::Capacity,
            None,
        ),
    ),
    (
        "28",
        (
            "service {name} was unable to place a task. Reason: You\u{2019}ve reached the limit on the number of vCPUs you can run concurrently",
            Cause::Quota,
            None,
        ),
    ),
    (
        "28b",
        (
            "(service {name}) was unable to place a task. Reason: The requested CPU configuration is above your limit.",
            Cause::Quota,
            None,
        ),
    ),
    (
        "29",
        (
            "(service {name}) was unable to place a task. Reason: Internal error.",
            Cause::ZoneUnsupported,
            None,
        ),
    ),
    (
        "30",
        (
            "(service {name}) failed to launch a task with (error ECS was unable to assume the role 'arn:aws:iam::{account}:role/{name}' that was provided for this task. Please verify that the role being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role.)",
            Cause::RoleTrust,
            None,
        ),
    ),
    (
        "31",
        (
            "(service {name}) (task {hex}) (port 8080) is unhealthy in (target-group {group}) due to (reason Health checks failed with these codes: [404]).",
            Cause::TargetCode,
            None,
        ),
    ),
    (
        "31b",
        (
            "(service {name}) (port 8080) is unhealthy in (target-group {group}) due to (reason Request timed out).",
            Cause::TargetTimeout,
            None,
        ),
    ),
    (
        "31c",
        (
            "(service {name}) (port 8080) is unhealthy in (target-group {group}) due to (reason Health checks failed).",
            Cause::TargetRefused,
            None,
        ),
    ),
    (
        "31d",
        (
            "(service {name}) (port 8080) is unhealthy in (target-group {group}) due to (reason Target is in an Availability Zone that is not enabled for the load balancer).",
            Cause::TargetZone,
            None,
        ),
    ),
    (
        "33",
        (
            "(service {name}) could not launch {n} tasks for deployment ecs-svc/{n}.",
            Cause::PartialLaunch,
            None,
        ),
    ),
    (
        "34",
        (
            "(service {name}) task set ecs-svc/{n} is not healthy in target-group {group} due to TARGET GROUP IS NOT FOUND",
            Cause::TargetGroupMissing,
            None,
        ),
    ),
    (
        "35",
        (
            "(service {name}) IAM trust relationship has been misconfigured or changed, and ECS can no longer maintain your service.",
            Cause::ServiceRole,
            None,
        ),
    ),
    (
        "35b",
        (
            "(service {name}) IAM permissions policies have been misconfigured or changed, and ECS can no longer maintain your service.",
            Cause::ServiceRole,
            None,
        ),
    ),
    (
        "36",
        (
            "ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: Failed to resolve \"fs-{hex}.efs.{region}.amazonaws.com\" - check that your file system ID is correct : unsuccessful EFS utils command execution; code: 1",
            Cause::Volume,
            None,
        ),
    ),
    // Beyond the table.
    (
        "secret missing",
        (
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried {n} time(s): failed to fetch secret arn:aws:secretsmanager:{region}:{account}:secret:{name} from secrets manager: ResourceNotFoundException: Secrets Manager can't find the specified secret.",
            Cause::SecretMissing,
            Some(Service::SecretsManager),
        ),
    ),
    (
        "secret key",
        (
            "(service {name}) was unable to place a task. Reason: ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried {n} time(s): retrieved secret from Secrets Manager did not contain json key {name}.",
            Cause::SecretKeyMissing,
            Some(Service::SecretsManager),
        ),
    ),
    (
        "parameter",
        (
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secrets from ssm: service call has been retried {n} time(s): invalid ssm parameters: /{name}/key",
            Cause::SecretMissing,
            Some(Service::Ssm),
        ),
    ),
    (
        "command",
        (
            "CannotStartContainerError: Error response from daemon: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"{name}\": executable file not found in $PATH: unknown",
            Cause::CommandMissing,
            None,
        ),
    ),
    (
        "disk",
        (
            "CannotPullContainerError: ref pull has been retried {n} time(s): failed to extract layer sha256:{hex}: write /var/lib/containerd/{hex}: no space left on device: unknown",
            Cause::DiskFull,
            None,
        ),
    ),
    (
        "denied by the registry",
        (
            "CannotPullContainerError: pull image manifest has been retried {n} time(s): failed to resolve ref \"{registry}/{image}:v{n}\": unexpected status code [manifests v{n}]: 403 Forbidden",
            Cause::ImageDenied,
            None,
        ),
    ),
    (
        "alarm",
        (
            "(service {name}) (deployment ecs-svc/{n}) deployment failed: alarm detected.",
            Cause::Alarm,
            None,
        ),
    ),
    (
        "hook",
        (
            "Service deployment rolled back because PRE_SCALE_UP lifecycle hook(s) failed.",
            Cause::Hook,
            None,
        ),
    ),
    (
        "room",
        (
            "(service {name}) was unable to stop or start tasks during a deployment because of the service deployment configuration. Update the minimumHealthyPercent or maximumPercent value and try again.",
            Cause::DeploymentRoom,
            None,
        ),
    ),
    (
        "size",
        (
            "ClientException: No Fargate configuration exists for given values.",
            Cause::TaskSize,
            None,
        ),
    ),
    ("hand", ("Task stopped by user", Cause::ByHand, None)),
];

#[test]
fn every_row_gives_its_cause() {
    for (row, (text, cause, service)) in ROWS {
        let text = Values::default().fill(text);
        let told = read(&text);
        let reading = told.cause();
        let found = reading.map(|reading| (reading.cause, reading.service));
        assert_eq!(found, Some((*cause, *service)), "row {row}: {text}");
    }
}

#[test]
fn every_row_gives_its_cause_in_an_event_too() {
    for (row, (text, cause, service)) in
        ROWS.iter().filter(|(_, (text, ..))| text.contains("Error: "))
    {
        let bare = Values::default().fill(text);
        let text = Values::default().fill(&format!("{EVENT}{}.", text.trim_start_matches(EVENT)));
        let told = read(&text);
        let found = told.cause().map(|reading| (reading.cause, reading.service));
        assert_eq!(found, Some((*cause, *service)), "row {row}: {text}");
        assert_eq!(read::kind(&text), read::kind(&bare), "row {row}");
    }
}

#[test]
fn the_rows_of_the_table_are_all_here() {
    for row in 1..=36 {
        // The circuit breaker's own words are no cause.
        let is_here = ROWS
            .iter()
            .any(|(name, _)| name.trim_end_matches(char::is_alphabetic) == row.to_string());
        assert!(is_here || row == 32, "row {row}");
    }
    let breaker = "(service web) (deployment ecs-svc/3) deployment failed: tasks failed to start.";
    assert_eq!(read(breaker), Told::Follows);
}

#[test]
fn what_only_follows_is_no_cause() {
    for text in [
        "ECS deployment circuit breaker: tasks failed to start.",
        "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/123.",
        "(service web) is unable to consistently start tasks successfully. For more information, see the Troubleshooting section.",
        "(service web) rolling back to deployment ecs-svc/123.",
        "Service deployment rolled back because the circuit breaker threshold was exceeded.",
    ] {
        assert_eq!(read(text), Told::Follows, "{text}");
    }
}

#[test]
fn ordinary_life_is_routine() {
    for text in [
        "Scaling activity initiated by (deployment ecs-svc/123)",
        "(service web) has reached a steady state.",
        "(service web) has started 2 tasks: (task 1) (task 2).",
        "(service web) has stopped 1 running tasks: (task 1).",
        "(service web) registered 1 targets in (target-group arn:x)",
        "(service web) deregistered 1 targets in (target-group arn:x)",
        "(service web) (deployment ecs-svc/1) deployment completed.",
    ] {
        assert_eq!(read(text), Told::Routine, "{text}");
    }
}

#[test]
fn what_has_several_causes_is_not_known() {
    for text in [
        "",
        "ResourceInitializationError: unable to pull secrets or registry auth",
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve ecr registry auth: service call has been retried 3 time(s)",
        "ResourceInitializationError: failed to validate logger args: The task cannot find the Amazon CloudWatch log group defined in the task definition.",
        "CannotPullContainerError: ref pull has been retried 1 time(s): failed to copy: httpReaderSeeker: failed open: unexpected status code",
        "CannotPullContainerError: Error response from daemon: pull access denied for web, repository does not exist or may require 'docker login'",
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref web:1: unexpected status code 500 Internal Server Error",
        "Task failed",
        "Internal error.",
        "a text that nobody has seen before",
    ] {
        assert_eq!(read(text), Told::Unknown, "{text}");
    }
}

#[test]
fn an_exit_code_has_its_meaning() {
    let meant = |code, reason| read::exit("web", code, reason).to_string();
    let codes: Vec<_> =
        [0, 1, 126, 127, 134, 137, 139, 143, 255].map(|code| meant(code, "")).to_vec();
    insta::assert_snapshot!(codes.join("\n"), @r"
    container `web` exited with code 0: it ended as if its work were done
    container `web` exited with code 1
    container `web` exited with code 126: its command cannot be run
    container `web` exited with code 127: its command cannot be run
    container `web` exited with code 134
    container `web` exited with code 137: it was killed
    container `web` exited with code 139: a segmentation fault
    container `web` exited with code 143: it was asked to end
    container `web` exited with code 255
    ");
    insta::assert_snapshot!(meant(137, "OutOfMemoryError: Container killed due to memory usage"), @"container `web` exited with code 137: it ran out of memory");
    let line = read::log_line("web", Some(255), "exec /app: exec format error");
    insta::assert_snapshot!(line.expect("it is known"), @"container `web` exited with code 255: the image is built for another CPU");
    assert_eq!(read::log_line("web", Some(1), "error: no DATABASE_URL"), None);
}

#[test]
fn a_targets_health_has_its_cause() {
    let of = |code: &str, description: &str| {
        read::target(code, description, Some(8080)).cause().map(|it| it.cause)
    };
    assert_eq!(
        of("Target.ResponseCodeMismatch", "Health checks failed with these codes: [404]"),
        Some(Cause::TargetCode)
    );
    assert_eq!(of("Target.Timeout", "Request timed out"), Some(Cause::TargetTimeout));
    assert_eq!(of("Target.FailedHealthChecks", "Health checks failed"), Some(Cause::TargetRefused));
    let zone = "Target is in an Availability Zone that is not enabled for the load balancer";
    assert_eq!(of("Target.NotInUse", zone), Some(Cause::TargetZone));
    let unrouted = "Target group is not configured to receive traffic from the load balancer";
    assert_eq!(of("Target.NotInUse", unrouted), Some(Cause::TargetUnrouted));
    assert_eq!(
        of("Target.IpUnusable", "The target IP address is in use by a load balancer"),
        Some(Cause::TargetAddress)
    );
    assert_eq!(read::target("Elb.InitialHealthChecking", "", None), Told::Routine);
    assert_eq!(read::target("Target.DeregistrationInProgress", "", None), Told::Routine);
    assert_eq!(read::target("Elb.InternalError", "", None), Told::Unknown);
}

#[test]
fn an_address_says_where_the_name_led() {
    let to = |address: &str| Some(Dial::To(address.parse().expect("an address")));
    let vpc = ["10.0.0.0/16".parse().expect("a block")];
    assert_eq!(lies(to("10.0.1.5"), Some(&vpc)), Lies::Inside);
    assert_eq!(lies(to("10.1.1.5"), Some(&vpc)), Lies::Elsewhere);
    assert_eq!(lies(to("52.216.8.9"), Some(&vpc)), Lies::Outside);
    for private in ["10.1.1.5", "172.31.0.9", "192.168.1.1"] {
        assert_eq!(lies(to(private), None), Lies::Inside, "{private}");
    }
    assert_eq!(lies(to("172.32.0.9"), None), Lies::Outside);
    assert_eq!(lies(Some(Dial::NoName), None), Lies::NoName);
    assert_eq!(lies(None, Some(&vpc)), Lies::Untold);
}
