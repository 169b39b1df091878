//! What a step does, whatever the thing: one variant a resource file.

use crate::{
    address::Address,
    resource::{
        Action, Settings, cached_image, cluster, endpoint, image, listener, listener_certificate,
        load_balancer, log_group, needs, preview_images, pull_through_cache_rule, repository, role,
        rule, run_task, security_group, service, target_group, task_definition, vpc,
    },
};
use serde_json::{Map, Value};

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each variant is the resource file of its name")]
pub enum Change {
    Repository(Action<repository::Settings>),
    Image(Action<image::Settings>),
    PreviewImages(Action<preview_images::Settings>),
    PullThroughCacheRule(Action<pull_through_cache_rule::Settings>),
    CachedImage(Action<cached_image::Settings>),
    Vpc(Action<vpc::Settings>),
    SecurityGroup(Action<security_group::Settings>),
    Endpoint(Action<endpoint::Settings>),
    LoadBalancer(Action<load_balancer::Settings>),
    TargetGroup(Action<target_group::Settings>),
    Listener(Action<listener::Settings>),
    ListenerCertificate(Action<listener_certificate::Settings>),
    Rule(Action<rule::Settings>),
    LogGroup(Action<log_group::Settings>),
    Role(Action<role::Settings>),
    Cluster(Action<cluster::Settings>),
    TaskDefinition(Action<task_definition::Settings>),
    RunTask(Box<run_task::Settings>),
    Service(Action<service::Settings>),
}

/// How a change reads, without what sort of thing it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// `create`, `update`, `delete`, `run`.
    pub action: &'static str,
    /// What stands now: the differing fields of an update, null for a creation.
    pub before: Value,
    /// What will stand: likewise, null for a deletion.
    pub after: Value,
}

macro_rules! each {
    ($change:expr, $action:ident => $body:expr, $task:ident => $ran:expr) => {
        match $change {
            Change::Repository($action) => $body,
            Change::Image($action) => $body,
            Change::PreviewImages($action) => $body,
            Change::PullThroughCacheRule($action) => $body,
            Change::CachedImage($action) => $body,
            Change::Vpc($action) => $body,
            Change::SecurityGroup($action) => $body,
            Change::Endpoint($action) => $body,
            Change::LoadBalancer($action) => $body,
            Change::TargetGroup($action) => $body,
            Change::Listener($action) => $body,
            Change::ListenerCertificate($action) => $body,
            Change::Rule($action) => $body,
            Change::LogGroup($action) => $body,
            Change::Role($action) => $body,
            Change::Cluster($action) => $body,
            Change::TaskDefinition($action) => $body,
            Change::RunTask($task) => $ran,
            Change::Service($action) => $body,
        }
    };
}

impl Change {
    /// The steps that have to be done before.
    pub fn needs(&self) -> Vec<Address> {
        each!(self, action => action.needs(), task => needs(&**task))
    }

    /// How it reads.
    pub fn shown(&self) -> Shown {
        each!(self, action => shown(action), task => Shown {
            action: "run",
            before: Value::Null,
            after: value(&**task),
        })
    }

    /// The AWS operations that change something and that applying it calls, by their IAM names.
    pub fn calls(&self, stack: &str) -> Vec<&'static str> {
        match self {
            Self::Repository(action) => repository::calls(action),
            Self::Image(action) => image::calls(action),
            Self::PreviewImages(action) => preview_images::calls(action),
            Self::PullThroughCacheRule(action) => pull_through_cache_rule::calls(action),
            Self::CachedImage(action) => cached_image::calls(action),
            Self::Vpc(action) => vpc::calls(action),
            Self::SecurityGroup(action) => security_group::calls(action),
            Self::Endpoint(action) => endpoint::calls(action, stack),
            Self::LoadBalancer(action) => load_balancer::calls(action),
            Self::TargetGroup(action) => target_group::calls(action),
            Self::Listener(action) => listener::calls(action),
            Self::ListenerCertificate(action) => listener_certificate::calls(action),
            Self::Rule(action) => rule::calls(action),
            Self::LogGroup(action) => log_group::calls(action),
            Self::Role(action) => role::calls(action),
            Self::Cluster(action) => cluster::calls(action),
            Self::TaskDefinition(action) => task_definition::calls(action),
            Self::RunTask(_) => run_task::calls(),
            Self::Service(action) => service::calls(action),
        }
    }
}

fn value<S: Settings>(settings: &S) -> Value {
    serde_json::to_value(settings).expect("settings are plain data with text keys")
}

fn shown<S: Settings>(action: &Action<S>) -> Shown {
    match action {
        Action::Create(to) => Shown { action: "create", before: Value::Null, after: value(to) },
        Action::Update { from, to, .. } => {
            let (before, after) = differing(&value(from), &value(to));
            Shown { action: "update", before, after }
        }
        Action::Delete { settings, .. } => {
            Shown { action: "delete", before: value(settings), after: Value::Null }
        }
    }
}

/// The parts of two objects that are not the same; a part that is an object is gone into.
fn differing(before: &Value, after: &Value) -> (Value, Value) {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        return (before.clone(), after.clone());
    };
    let (mut left, mut right) = (Map::new(), Map::new());
    let gone = old.keys().filter(|key| !new.contains_key(*key));
    for key in new.keys().chain(gone) {
        let one = old.get(key).unwrap_or(&Value::Null);
        let other = new.get(key).unwrap_or(&Value::Null);
        if one != other {
            let (one, other) = differing(one, other);
            left.insert(key.clone(), one);
            right.insert(key.clone(), other);
        }
    }
    (Value::Object(left), Value::Object(right))
}
