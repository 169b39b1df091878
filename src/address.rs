//! Names of things in a plan, and values that another step has yet to make.

use serde::{Serialize, Serializer};
use std::fmt;

/// What sort of thing an [`Address`] names; the order is the order in which a plan prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A private ECR repository.
    Repository,
    /// The image that is built and pushed.
    Image,
    /// A rule by which ECR caches another registry.
    PullThroughCacheRule,
    /// An image of another registry in that cache.
    CachedImage,
    /// The VPC's DNS attributes.
    Vpc,
    /// An EC2 security group.
    SecurityGroup,
    /// A VPC endpoint.
    Endpoint,
    /// An application load balancer.
    LoadBalancer,
    /// An ELB target group.
    TargetGroup,
    /// An ELB listener.
    Listener,
    /// A certificate of an ELB listener besides its default one.
    ListenerCertificate,
    /// An ELB listener rule.
    Rule,
    /// A CloudWatch log group.
    LogGroup,
    /// An IAM role.
    Role,
    /// An ECS cluster.
    Cluster,
    /// An ECS task definition.
    TaskDefinition,
    /// A task that runs once beside a rollout.
    Run,
    /// An ECS service.
    Service,
}

impl Kind {
    /// The kind as it stands in an address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Repository => "repository",
            Self::Image => "image",
            Self::PullThroughCacheRule => "pull-through-cache-rule",
            Self::CachedImage => "cached-image",
            Self::Vpc => "vpc",
            Self::SecurityGroup => "security-group",
            Self::Endpoint => "endpoint",
            Self::LoadBalancer => "load-balancer",
            Self::TargetGroup => "target-group",
            Self::Listener => "listener",
            Self::ListenerCertificate => "listener-certificate",
            Self::Rule => "rule",
            Self::LogGroup => "log-group",
            Self::Role => "role",
            Self::Cluster => "cluster",
            Self::TaskDefinition => "task-definition",
            Self::Run => "run",
            Self::Service => "service",
        }
    }
}

/// Where a thing lives in a plan: `endpoint/ecr.api`, `service/web`. Stable across runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// What sort of thing it is.
    pub kind: Kind,
    /// Its name among its kind.
    pub name: String,
}

impl Address {
    /// The address of `name` among `kind`.
    pub fn new(kind: Kind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.as_str(), self.name)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An identifier that is known now, or is what another step yields: the only late binding there is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Known {
    /// The identifier itself.
    Now(String),
    /// What the step at this address yields.
    After(Address),
}

impl Known {
    /// The identifier, where it is known already.
    pub fn now(&self) -> Option<&str> {
        match self {
            Self::Now(id) => Some(id),
            Self::After(_) => None,
        }
    }

    /// The step that this waits for, if it does.
    pub const fn after(&self) -> Option<&Address> {
        match self {
            Self::Now(_) => None,
            Self::After(address) => Some(address),
        }
    }
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now(id) => f.write_str(id),
            Self::After(address) => write!(f, "(known after {address})"),
        }
    }
}

impl Serialize for Known {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
