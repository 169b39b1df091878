//! What a task must reach before its first line of code runs, and for the application itself; each
//! with its reason.

use std::collections::{BTreeMap, BTreeSet};

/// What a task definition and its service say that has a need in the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFacts {
    /// `eu-west-1`.
    pub region: String,
    /// The ARNs of the ECR repositories of this region that its images come from; `None` where none
    /// does, empty where they are not known.
    pub repositories: Option<BTreeSet<String>>,
    /// The ARNs of the log groups that a container writes to with `awslogs`; `None` where none does,
    /// empty where their ARNs are not known.
    pub log_groups: Option<BTreeSet<String>>,
    /// What `secrets`, `secretOptions` and `repositoryCredentials` name: ARNs, or names of parameters.
    pub secrets: BTreeSet<String>,
    /// The ARNs of the `environmentFiles`.
    pub environment_files: BTreeSet<String>,
    /// ECS Exec, where it is on.
    pub exec: Option<Exec>,
    /// Whether the service is part of a Service Connect namespace.
    pub service_connect: bool,
    /// What the application calls: short names of endpoint services, `sqs`.
    pub reach: BTreeSet<String>,
    /// What no endpoint of the VPC leads to.
    pub outside: BTreeSet<Outside>,
}

/// Something in another region, or on the internet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outside {
    /// `docker.io`, or the name of an AWS service.
    pub service: String,
    /// What for.
    pub why: String,
}

/// An image of ECR, in a repository that is not known.
impl Default for TaskFacts {
    fn default() -> Self {
        Self {
            region: String::new(),
            repositories: Some(BTreeSet::new()),
            log_groups: None,
            secrets: BTreeSet::new(),
            environment_files: BTreeSet::new(),
            exec: None,
            service_connect: false,
            reach: BTreeSet::new(),
            outside: BTreeSet::new(),
        }
    }
}

/// How ECS Exec is set up in the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exec {
    /// The KMS key that the sessions are encrypted with.
    pub kms_key: Option<String>,
    /// Whether the sessions are logged to CloudWatch.
    pub logs: bool,
    /// The bucket that the sessions are logged to.
    pub bucket: Option<String>,
}

/// A service that a task must reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The endpoint service's short name: `ecr.api`, `s3`.
    pub service: String,
    /// What for.
    pub why: String,
    /// What is called there; empty where that is not known.
    pub requests: Vec<Request>,
    /// Whether it lies in another region or on the internet, where no endpoint of the VPC leads.
    pub is_outside: bool,
}

/// The services that have gateway endpoints, which cost nothing.
/// <https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html>
const GATEWAYS: [&str; 2] = ["s3", "dynamodb"];

impl Need {
    /// Whether a gateway endpoint leads there.
    pub fn has_gateway(&self) -> bool {
        !self.is_outside && GATEWAYS.contains(&self.service.as_str())
    }

    /// Whether it takes an interface endpoint to lead there.
    pub fn has_interface(&self) -> bool {
        !self.is_outside && !self.has_gateway()
    }
}

/// A call, as an endpoint's policy sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `ecr:BatchGetImage`.
    pub action: &'static str,
    /// The ARN, or `*` where the action has no resource; `None` where it is not known which.
    pub resource: Option<String>,
}

/// The layer bucket of a region, that ECR hands out signed addresses of.
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html#ecr-minimum-s3-perms>
pub fn layer_bucket(region: &str) -> String {
    format!("prod-{region}-starport-layer-bucket")
}

/// `aws`, `aws-cn`, `aws-us-gov`.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>
pub fn partition(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// What ECR's docker registry is asked; ECR's own API also hands out the token.
const PULL: [&str; 3] =
    ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"];

/// Everything that the task needs, in the order in which it is needed.
///
/// The list is that of platform version 1.4.0 and later, where one network interface carries all of it.
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html>
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/vpc-endpoints.html>
pub fn needs(facts: &TaskFacts) -> Vec<Need> {
    let arn = |rest: &str| format!("arn:{}:{rest}", partition(&facts.region));
    let mut needs = Vec::new();
    let mut need = |service: &str, why: &str, requests: Vec<Request>| {
        let (service, why) = (service.to_owned(), why.to_owned());
        needs.push(Need { service, why, requests, is_outside: false });
    };
    if let Some(repositories) = &facts.repositories {
        let token = Request { action: "ecr:GetAuthorizationToken", resource: Some("*".to_owned()) };
        let pull = of_each(&PULL, repositories);
        let with_token = std::iter::once(token).chain(pull.clone()).collect();
        need("ecr.api", "the token for the image's registry", with_token);
        need("ecr.dkr", "the image's manifest", pull);
        let layers = arn(&format!("s3:::{}/*", layer_bucket(&facts.region)));
        need("s3", "the image's layers", requests(&["s3:GetObject"], Some(&layers)));
    }
    if let Some(groups) = &facts.log_groups {
        let streams =
            groups.iter().map(|group| format!("{}:log-stream:*", group.trim_end_matches(":*")));
        let actions = ["logs:CreateLogStream", "logs:PutLogEvents"];
        need("logs", "the containers' logs", of_each(&actions, &streams.collect()));
    }
    let (secrets, parameters): (BTreeSet<_>, BTreeSet<_>) =
        facts.secrets.iter().cloned().partition(|secret| secret.contains(":secretsmanager:"));
    if !secrets.is_empty() {
        let secrets = secrets.iter().map(|secret| without_key(secret)).collect();
        let requests = of_each(&["secretsmanager:GetSecretValue"], &secrets);
        need("secretsmanager", "the containers' secrets", requests);
    }
    if !parameters.is_empty() {
        let arns = parameters.into_iter().filter(|name| name.starts_with("arn:")).collect();
        need("ssm", "the containers' parameters", of_each(&["ssm:GetParameters"], &arns));
    }
    if !facts.environment_files.is_empty() {
        let requests = of_each(&["s3:GetObject"], &facts.environment_files);
        need("s3", "the containers' environment files", requests);
    }
    if let Some(exec) = &facts.exec {
        let channels = [
            "ssmmessages:CreateControlChannel",
            "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel",
            "ssmmessages:OpenDataChannel",
        ];
        need("ssmmessages", "ECS Exec", requests(&channels, Some("*")));
        if let Some(key) = &exec.kms_key {
            let key = Some(key.as_str()).filter(|key| key.starts_with("arn:"));
            need("kms", "the key of ECS Exec's sessions", requests(&["kms:Decrypt"], key));
        }
        if exec.logs {
            need("logs", "the logs of ECS Exec's sessions", Vec::new());
        }
        if let Some(bucket) = &exec.bucket {
            let objects = arn(&format!("s3:::{bucket}/*"));
            let requests = requests(&["s3:PutObject"], Some(&objects));
            need("s3", "the logs of ECS Exec's sessions", requests);
        }
    }
    if facts.service_connect {
        need("ecs-agent", "Service Connect", Vec::new());
    }
    for service in &facts.reach {
        need(service, "the application, by `network.reach`", Vec::new());
    }
    let mut outside: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for Outside { service, why } in &facts.outside {
        outside.entry(service).or_default().push(why);
    }
    needs.extend(outside.into_iter().map(|(service, why)| Need {
        service: service.to_owned(),
        why: why.join(", "),
        requests: Vec::new(),
        is_outside: true,
    }));
    needs
}

/// The short names of the endpoint services among what the task needs.
pub fn endpoint_services(facts: &TaskFacts) -> BTreeSet<String> {
    needs(facts).into_iter().filter(|need| !need.is_outside).map(|need| need.service).collect()
}

/// Secrets Manager's ARN may be followed by a JSON key, a version's stage and its id.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html>
fn without_key(secret: &str) -> String {
    secret.splitn(8, ':').take(7).collect::<Vec<_>>().join(":")
}

fn requests(actions: &[&'static str], resource: Option<&str>) -> Vec<Request> {
    let request = |&action| Request { action, resource: resource.map(str::to_owned) };
    actions.iter().map(request).collect()
}

fn of_each(actions: &[&'static str], resources: &BTreeSet<String>) -> Vec<Request> {
    if resources.is_empty() {
        return requests(actions, None);
    }
    resources.iter().flat_map(|resource| requests(actions, Some(resource))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(values: &[&str]) -> BTreeSet<String> {
        values.iter().map(|&value| value.to_owned()).collect()
    }

    fn lines(facts: &TaskFacts) -> String {
        let line = |need: Need| format!("{}: {}", need.service, need.why);
        needs(facts).into_iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_plain_task_pulls_its_image() {
        let facts = TaskFacts { region: "eu-west-1".to_owned(), ..TaskFacts::default() };
        insta::assert_snapshot!(lines(&facts), @r"
        ecr.api: the token for the image's registry
        ecr.dkr: the image's manifest
        s3: the image's layers
        ");
    }

    #[test]
    fn everything_that_a_task_can_ask_for_has_its_reason() {
        let facts = TaskFacts {
            region: "eu-west-1".to_owned(),
            repositories: Some(set(&["arn:aws:ecr:eu-west-1:1:repository/web"])),
            log_groups: Some(BTreeSet::new()),
            secrets: set(&[
                "arn:aws:secretsmanager:eu-west-1:1:secret:db-AbCdEf:password::",
                "/web/key",
            ]),
            environment_files: set(&["arn:aws:s3:::settings/web.env"]),
            exec: Some(Exec {
                kms_key: Some("arn:aws:kms:eu-west-1:1:key/k".to_owned()),
                logs: true,
                bucket: Some("sessions".to_owned()),
            }),
            service_connect: true,
            reach: set(&["sqs", "dynamodb"]),
            outside: BTreeSet::new(),
        };
        insta::assert_snapshot!(lines(&facts), @r"
        ecr.api: the token for the image's registry
        ecr.dkr: the image's manifest
        s3: the image's layers
        logs: the containers' logs
        secretsmanager: the containers' secrets
        ssm: the containers' parameters
        s3: the containers' environment files
        ssmmessages: ECS Exec
        kms: the key of ECS Exec's sessions
        logs: the logs of ECS Exec's sessions
        s3: the logs of ECS Exec's sessions
        ecs-agent: Service Connect
        dynamodb: the application, by `network.reach`
        sqs: the application, by `network.reach`
        ");
    }

    #[test]
    fn a_secrets_key_is_no_part_of_its_arn() {
        let secret = "arn:aws:secretsmanager:eu-west-1:1:secret:db-AbCdEf";
        assert_eq!(without_key(&format!("{secret}:password::")), secret);
        assert_eq!(without_key(secret), secret);
    }

    #[test]
    fn china_has_its_own_partition() {
        let facts = TaskFacts { region: "cn-north-1".to_owned(), ..TaskFacts::default() };
        let layers = &needs(&facts)[2].requests[0];
        let expected = "arn:aws-cn:s3:::prod-cn-north-1-starport-layer-bucket/*";
        assert_eq!(layers.resource.as_deref(), Some(expected));
    }
}
