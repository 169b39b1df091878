//! The documented texts, each with what it means. `{…}` is what differs from case to case.

use super::reading::Reading;

/// A text, with what it means.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// The table's number; a letter where a row has several wordings.
    pub(super) name: &'static str,
    /// The cause, and where there is one the service that it is about.
    pub(super) means: &'static str,
    pub(super) text: &'static str,
}

/// What a reading means, in the words of the table.
pub(super) fn means(reading: &Reading) -> String {
    let service = reading.service.map(|service| format!(" {service:?}")).unwrap_or_default();
    format!("{:?}{service}", reading.cause)
}

/// All of them.
pub(super) fn rows() -> Vec<Row> {
    let row = |line: &'static str| {
        let (name, rest) = line.split_once(" | ").expect("three columns");
        let (means, text) = rest.split_once(" | ").expect("three columns");
        Row { name, means, text }
    };
    TEXTS.lines().filter(|line| !line.is_empty()).map(row).collect()
}

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

/// 1 to 36 are AWS's, from its guide, the agent's source and what people quote; the others stand beside them.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html>
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/resource-initialization-error.html>
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html>
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html>
/// <https://github.com/aws/amazon-ecs-agent/blob/master/ecs-agent/api/container/error_messages.go>
const TEXTS: &str = r#"
1 | Unreachable EcrApi | ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. operation error ECR: GetAuthorizationToken, exceeded maximum number of attempts, {n}, https response error StatusCode: 0, RequestID: , request send failed, Post "https://api.ecr.{region}.{domain}/": dial tcp {public}:443: i/o timeout
2 | Unreachable EcrApi | ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve ecr registry auth: service call has been retried {n} time(s): RequestError: send request failed caused by: Post "https://api.ecr.{region}.{domain}/": dial tcp {inside}:443: i/o timeout. Please check your task network configuration.
2b | Unreachable EcrApi | ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve ecr registry auth: service call has been retried {n} time(s): RequestError: send request failed caused by: Post "https://api.ecr.{region}.{domain}/": dial tcp: lookup api.ecr.{region}.{domain} on {inside}:53: no such host
3 | Unreachable EcrDkr | CannotPullContainerError: pull image manifest has been retried {n} time(s): failed to resolve ref {registry}/{image}:v{n}: failed to do request: Head "https://{registry}/v2/{image}/manifests/v{n}": dial tcp {public}:443: i/o timeout
3b | Unreachable Outside | CannotPullContainerError: pull image manifest has been retried {n} time(s): failed to resolve ref docker.io/{image}:v{n}: failed to do request: Head "https://registry-1.docker.io/v2/{image}/manifests/v{n}": dial tcp {public}:443: i/o timeout
4 | Unreachable S3 | CannotPullContainerError: The task cannot pull {registry}/{image}@sha256:{hex} from the registry {registry}/{image}. There is a connection issue between the task and the registry. Check your task network configuration. : failed to copy: httpReadSeeker: failed open: failed to do request: Get {registry}/{image}: dial tcp {public}:443: i/o timeout
4b | Unreachable S3 | CannotPullContainerError: ref pull has been retried {n} time(s): failed to copy: httpReaderSeeker: failed open: failed to do request: Get "https://{bucket}/{hex}?X-Amz-Date=1": dial tcp {public}:443: i/o timeout
5 | Unreachable Logs | ResourceInitializationError: failed to validate logger args: The task cannot find the Amazon CloudWatch log group defined in the task definition. There is a connection issue between the task and Amazon CloudWatch. Check your network configuration. : signal: killed
6 | LogGroupMissing Logs | ResourceInitializationError: failed to validate logger args: create stream has been retried {n} times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. : exit status 1
6b | LogGroupMissing Logs | CannotStartContainerError: Error response from daemon: failed to initialize logging driver: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist.
7 | LogDenied Logs | ResourceInitializationError: failed to validate logger args: create stream has been retried {n} times: failed to create Cloudwatch log group: AccessDeniedException: User: arn:aws:sts::{account}:assumed-role/{name}/{hex} is not authorized to perform: logs:CreateLogGroup on resource: arn:aws:logs:{region}:{account}:log-group:/ecs/{name}:log-stream: because no identity-based policy allows the logs:CreateLogGroup action
8 | LogOptions | ResourceInitializationError: failed to validate logger args: unable to get awslogs driver arguments: awslogs-region is required
9 | Unreachable SecretsManager | ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret from asm: There is a connection issue between the task and AWS Secrets Manager. Check your task network configuration. failed to fetch secret arn:aws:secretsmanager:{region}:{account}:secret:{name}-{hex} from secrets manager: operation error Secrets Manager: GetSecretValue, https response error StatusCode: 0, RequestID: , canceled, context deadline exceeded
10 | Unreachable Ssm | ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secrets from ssm: The task cannot pull secrets from AWS Systems Manager. There is a connection issue between the task and AWS Systems Manager Parameter Store. Check your task network configuration. RequestCanceled: request context canceled caused by: context deadline exceeded
11 | SecretDenied SecretsManager | ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried {n} time(s): failed to fetch secret arn:aws:secretsmanager:{region}:{account}:secret:{name}-{hex} from secrets manager: operation error Secrets Manager: GetSecretValue, https response error StatusCode: 400, RequestID: {hex}, api error AccessDeniedException: User: arn:aws:sts::{account}:assumed-role/{name}/{hex} is not authorized to perform: secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:{region}:{account}:secret:{name}-{hex} because no identity-based policy allows the secretsmanager:GetSecretValue action
12 | Unreachable S3 | ResourceInitializationError: The task can’t download the environment variable files from Amazon S3. There is a connection issue between the task and Amazon S3. Check your task network configuration. : service call has been retried {n} time(s): RequestCanceled: request context canceled caused by: context deadline exceeded
13 | ImageDenied | CannotPullContainerError: The task can’t pull the image. Check that the role has the permissions to pull images from the registry. Error response from daemon: pull access denied for {registry}/{image}, repository does not exist or may require 'docker login': denied: User: arn:aws:sts::{account}:assumed-role/{name}/{hex} is not authorized to perform: ecr:BatchGetImage on resource: arn:aws:ecr:{region}:{account}:repository/{image} because no identity-based policy allows the ecr:BatchGetImage action
14 | ImageMissing | CannotPullContainerError: The task can’t pull the image. Check whether the image exists. Error response from daemon: pull access denied for {image}, repository does not exist or may require 'docker login': denied: requested access to the resource is denied
14b | ImageMissing | CannotPullContainerError: Error response from daemon: pull access denied for {image}, repository does not exist or may require 'docker login': denied: requested access to the resource is denied
14c | ImageMissing | CannotPullContainerError: pull image manifest has been retried {n} time(s): failed to resolve ref docker.io/{image}:v{n}: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed.
15 | ImageMissing | CannotPullContainerError: pull image manifest has been retried {n} time(s): failed to resolve ref {registry}/{image}:v{n}: {registry}/{image}:v{n}: not found
16 | ImagePlatform | CannotPullContainerError: pull image manifest has been retried {n} time(s): image Manifest does not contain descriptor matching platform 'linux/amd64'
17 | ImagePlatform | exec /usr/local/bin/{name}: exec format error
18 | Unreachable S3 | CannotPullContainerError: pull command failed: panic: runtime error: invalid memory address or nil pointer dereference
19 | LayersRefused S3 | CannotPullContainerError: ref pull has been retried {n} time(s): failed to copy: httpReaderSeeker: failed open: unexpected status code https://{bucket}/{hex}: 403 Forbidden
19b | LayersRefused S3 | CannotPullContainerError: ref pull has been retried {n} time(s): failed to copy: httpReadSeeker: failed open: unexpected status code https://{registry}/v2/{image}/blobs/sha256:{hex}: 403 Forbidden
20 | ImageThrottled | CannotPullContainerError: inspect image has been retried {n} time(s): httpReaderSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/{image}/manifests/sha256:{hex}: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit
20b | ImageThrottled | ERROR: toomanyrequests: Too Many Requests.
21 | TargetHealth | Task failed ELB health checks in (target-group {group})
22 | ContainerHealth | Task failed container health checks
22b | ContainerHealth | (service {name}) (task {hex}) failed container health checks.
23 | Ended | Essential container in task exited
24 | OutOfMemory | OutOfMemoryError: Container killed due to memory usage
25 | SlowProvisioning | Timeout waiting for network interface provisioning to complete.
25b | SlowProvisioning | Timeout waiting for EphemeralStorage provisioning to complete.
26 | NoInterface | Unexpected EC2 error while attempting to Create Network Interface with public IP assignment disabled in subnet 'subnet-{hex}': InsufficientFreeAddressesInSubnet
27 | Capacity | (service {name}) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.
28 | Quota | service {name} was unable to place a task. Reason: You’ve reached the limit on the number of vCPUs you can run concurrently
28b | Quota | (service {name}) was unable to place a task. Reason: The requested CPU configuration is above your limit.
29 | ZoneUnsupported | (service {name}) was unable to place a task. Reason: Internal error.
30 | RoleTrust | (service {name}) failed to launch a task with (error ECS was unable to assume the role 'arn:aws:iam::{account}:role/{name}' that was provided for this task. Please verify that the role being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role.)
31 | TargetCode | (service {name}) (task {hex}) (port 8080) is unhealthy in (target-group {group}) due to (reason Health checks failed with these codes: [404]).
31b | TargetTimeout | (service {name}) (port 8080) is unhealthy in (target-group {group}) due to (reason Request timed out).
31c | TargetRefused | (service {name}) (port 8080) is unhealthy in (target-group {group}) due to (reason Health checks failed).
31d | TargetZone | (service {name}) (port 8080) is unhealthy in (target-group {group}) due to (reason Target is in an Availability Zone that is not enabled for the load balancer).
33 | PartialLaunch | (service {name}) could not launch {n} tasks for deployment ecs-svc/{n}.
34 | TargetGroupMissing | (service {name}) task set ecs-svc/{n} is not healthy in target-group {group} due to TARGET GROUP IS NOT FOUND
35 | ServiceRole | (service {name}) IAM trust relationship has been misconfigured or changed, and ECS can no longer maintain your service.
35b | ServiceRole | (service {name}) IAM permissions policies have been misconfigured or changed, and ECS can no longer maintain your service.
36 | Volume | ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: Failed to resolve "fs-{hex}.efs.{region}.amazonaws.com" - check that your file system ID is correct : unsuccessful EFS utils command execution; code: 1
secret missing | SecretMissing SecretsManager | ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried {n} time(s): failed to fetch secret arn:aws:secretsmanager:{region}:{account}:secret:{name} from secrets manager: ResourceNotFoundException: Secrets Manager can't find the specified secret.
secret key | SecretKeyMissing SecretsManager | (service {name}) was unable to place a task. Reason: ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried {n} time(s): retrieved secret from Secrets Manager did not contain json key {name}.
parameter | SecretMissing Ssm | ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secrets from ssm: service call has been retried {n} time(s): invalid ssm parameters: /{name}/key
command | CommandMissing | CannotStartContainerError: Error response from daemon: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "{name}": executable file not found in $PATH: unknown
disk | DiskFull | CannotPullContainerError: ref pull has been retried {n} time(s): failed to extract layer sha256:{hex}: write /var/lib/containerd/{hex}: no space left on device: unknown
denied by the registry | ImageDenied | CannotPullContainerError: pull image manifest has been retried {n} time(s): failed to resolve ref "{registry}/{image}:v{n}": unexpected status code [manifests v{n}]: 403 Forbidden
alarm | Alarm | (service {name}) (deployment ecs-svc/{n}) deployment failed: alarm detected.
hook | Hook | Service deployment rolled back because PRE_SCALE_UP lifecycle hook(s) failed.
room | DeploymentRoom | (service {name}) was unable to stop or start tasks during a deployment because of the service deployment configuration. Update the minimumHealthyPercent or maximumPercent value and try again.
size | TaskSize | ClientException: No Fargate configuration exists for given values.
hand | ByHand | Task stopped by user
"#;
