//! What was read from a text: the cause, and the parts that say where.

use super::{
    cause::Cause,
    extract::Dial,
    line::{HEADLINE, cut},
};
use std::fmt;

/// A cause with its particulars. `Display` is the cause in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The cause.
    pub cause: Cause,
    /// What is not reached, where that is told.
    pub service: Option<Service>,
    /// Whether it failed while the image was fetched.
    pub is_pull: bool,
    /// Where the connection was to go.
    pub dial: Option<Dial>,
    /// The host that was asked.
    pub host: Option<String>,
    /// What is at fault: an image, an ARN, a container, a target group.
    pub resource: Option<String>,
    /// The IAM action that is missing.
    pub action: Option<String>,
    /// Who lacks it: the ARN or the name of a role.
    pub role: Option<String>,
    /// What the health check was answered with: `404`.
    pub codes: Option<String>,
    /// The port of the target.
    pub port: Option<u16>,
    /// What the container ended with.
    pub exit_code: Option<i32>,
}

/// What a task has to reach before it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// ECR's API, which gives the token.
    EcrApi,
    /// ECR's registry, which gives the manifest.
    EcrDkr,
    /// S3, which gives the layers, and the environment files.
    S3,
    /// CloudWatch Logs.
    Logs,
    /// Secrets Manager.
    SecretsManager,
    /// Systems Manager's Parameter Store.
    Ssm,
    /// A registry that no endpoint leads to.
    Outside,
}

impl Service {
    /// The short name of its endpoint service; `None` of what has none.
    pub const fn endpoint(self) -> Option<&'static str> {
        match self {
            Self::EcrApi => Some("ecr.api"),
            Self::EcrDkr => Some("ecr.dkr"),
            Self::S3 => Some("s3"),
            Self::Logs => Some("logs"),
            Self::SecretsManager => Some("secretsmanager"),
            Self::Ssm => Some("ssm"),
            Self::Outside => None,
        }
    }

    /// The service of a host, where it is AWS's.
    pub fn of_host(host: &str) -> Option<Self> {
        let aws = ["amazonaws.com", "amazonaws.com.cn", "api.aws", "on.aws"];
        if !aws.iter().any(|domain| host.strip_suffix(domain).is_some_and(|it| it.ends_with('.'))) {
            return None;
        }
        let labels: Vec<_> = host.split('.').collect();
        match labels.as_slice() {
            ["api", ecr, ..] | [ecr, "api", ..] if ecr.starts_with("ecr") => Some(Self::EcrApi),
            [_, dkr, ecr, ..] if *dkr == "dkr" && ecr.starts_with("ecr") => Some(Self::EcrDkr),
            [_, dkr, ..] if dkr.starts_with("dkr-ecr") => Some(Self::EcrDkr),
            ["ecr", ..] => Some(Self::EcrApi),
            ["logs", ..] => Some(Self::Logs),
            ["secretsmanager", ..] => Some(Self::SecretsManager),
            ["ssm", ..] => Some(Self::Ssm),
            _ if labels.iter().any(|label| *label == "s3" || label.starts_with("s3-")) => {
                Some(Self::S3)
            }
            _ => None,
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EcrApi => "ECR (`ecr.api`), which gives the token for the image",
            Self::EcrDkr => "ECR's registry (`ecr.dkr`), which gives the image's manifest",
            Self::S3 => "S3 (`s3`), where the image's layers are",
            Self::Logs => "CloudWatch Logs (`logs`)",
            Self::SecretsManager => "Secrets Manager (`secretsmanager`)",
            Self::Ssm => "Systems Manager's Parameter Store (`ssm`)",
            Self::Outside => "the image's registry, to which no endpoint leads",
        })
    }
}

impl Reading {
    /// A cause of which nothing more is known.
    pub const fn new(cause: Cause) -> Self {
        Self {
            cause,
            service: None,
            is_pull: false,
            dial: None,
            host: None,
            resource: None,
            action: None,
            role: None,
            codes: None,
            port: None,
            exit_code: None,
        }
    }

    /// Whether the network may be what it is about.
    pub const fn is_about_network(&self) -> bool {
        matches!(self.cause, Cause::Unreachable | Cause::LayersRefused | Cause::NoInterface)
    }

    /// What this reading has in common with those of other tasks that fail in the same way: no ids, no
    /// addresses, no times.
    pub fn kind(&self) -> String {
        let Self { cause, service, exit_code, codes, port, .. } = self;
        let container = self.resource.as_deref().filter(|_| exit_code.is_some());
        format!("{cause:?} {service:?} {exit_code:?} {codes:?} {port:?} {container:?}")
    }

    /// What to do, with the names that the text gave.
    pub fn advice(&self) -> String {
        let (Some(action), Some(role)) = (&self.action, &self.role) else {
            return self.cause.advice().to_owned();
        };
        let arn = self.resource.as_deref().filter(|resource| resource.starts_with("arn:"));
        let on = arn.map(|arn| format!(" on `{arn}`")).unwrap_or_default();
        format!(
            "allow `{action}`{on} to the role `{role}`: its own policies, the resource's and the endpoint's all \
             have to allow it"
        )
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&cut(&told(self), HEADLINE))
    }
}

fn told(reading: &Reading) -> String {
    let Reading { cause, service, host, resource, codes, port, exit_code, .. } = reading;
    let title = cause.title();
    match (cause, resource) {
        (Cause::Unreachable, _) => match (service, host) {
            (Some(Service::Outside), Some(host)) => {
                format!("the task did not reach `{host}`, to which no endpoint leads")
            }
            (Some(service), _) => format!("the task did not reach {service}"),
            (None, _) if reading.is_pull => {
                "the task did not reach the image's registry".to_owned()
            }
            (None, _) => title.to_owned(),
        },
        (_, Some(container)) if exit_code.is_some() => ended(reading, container),
        (Cause::TargetCode, _) => {
            let codes = codes.as_deref().unwrap_or("a code");
            let port = port.map(|port| format!(" on port {port}")).unwrap_or_default();
            format!("the health check{port} gets {codes} and wants another code")
        }
        (Cause::TargetTimeout | Cause::TargetRefused, _) => match port {
            Some(port) => {
                format!("{title} on port {port}")
            }
            None => title.to_owned(),
        },
        (Cause::Denied, _) => match &reading.action {
            Some(action) => format!("{title}: `{action}`"),
            None => title.to_owned(),
        },
        (_, Some(resource)) => format!("{title}: `{resource}`"),
        (_, None) => title.to_owned(),
    }
}

/// `container `web` exited with code 1`.
fn ended(reading: &Reading, container: &str) -> String {
    let code = reading.exit_code.unwrap_or_default();
    let text = format!("container `{container}` exited with code {code}");
    match reading.cause {
        Cause::Crashed | Cause::Ended => text,
        Cause::OutOfMemory => format!("{text}: it ran out of memory"),
        Cause::Killed => format!("{text}: it was killed"),
        Cause::Terminated => format!("{text}: it was asked to end"),
        Cause::Finished => format!("{text}: it ended as if its work were done"),
        Cause::Segfault => format!("{text}: a segmentation fault"),
        Cause::CommandMissing => format!("{text}: its command cannot be run"),
        cause => format!("{text}: {}", cause.title()),
    }
}
