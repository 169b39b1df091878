//! The task definition: JSON from end to end, because typed structures drop what they do not know yet.

pub mod logs;
pub mod normal;
mod raw;

use super::Action;
use crate::{
    address::Known,
    apply::Outputs,
    aws::{
        Reader, Writer,
        explain::{Explain as _, Failure},
        settle::Settling,
    },
    tags::{Ownership, Tags},
};
use indexmap::IndexMap;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use std::time::Duration;

/// A task definition to be, or one that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The document as it is sent; what is still to be made is null in it.
    pub document: Value,
    /// What goes into the document before it is sent, by JSON pointer.
    pub late: IndexMap<String, Known>,
}

impl Settings {
    /// The family's name.
    pub fn family(&self) -> &str {
        self.document["family"].as_str().unwrap_or_default()
    }

    /// The document with every value that `known` can tell.
    pub fn filled(&self, known: impl Fn(&Known) -> String) -> Value {
        let mut document = self.document.clone();
        for (pointer, value) in &self.late {
            if let Some(place) = document.pointer_mut(pointer) {
                *place = Value::String(known(value));
            }
        }
        document
    }

    /// The form in which two task definitions are compared and shown.
    pub fn normal(&self) -> Value {
        normal::form(&self.filled(ToString::to_string))
    }
}

impl Serialize for Settings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.normal().serialize(serializer)
    }
}

impl super::Settings for Settings {
    fn references(&self) -> Vec<&Known> {
        self.late.values().collect()
    }
}

/// A revision that is there.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Its ARN.
    pub arn: String,
    /// Whose it is.
    pub ownership: Ownership,
    /// The document, as ECS gave it.
    pub document: Value,
}

impl Observed {
    fn settings(&self) -> Settings {
        Settings { document: self.document.clone(), late: IndexMap::new() }
    }
}

/// ECS says ClientException with these words for a family that does not exist.
async fn describe(aws: &Reader, name: &str) -> Result<Option<Value>, Failure> {
    match raw::describe(&aws.ecs, name).await {
        Err(failure) if failure.is("Client") && failure.message.contains("Unable to describe") => {
            Ok(None)
        }
        answer => answer.map(Some),
    }
}

/// The document of a revision, also of one that was deregistered, which a service may still run.
pub async fn document(aws: &Reader, name: &str) -> Result<Option<Value>, Failure> {
    Ok(describe(aws, name).await?.map(|mut answer| answer["taskDefinition"].take()))
}

/// Reads a revision, or a family's newest active one; `None` where there is none.
pub async fn observe(aws: &Reader, name: &str) -> Result<Option<Observed>, Failure> {
    let Some(answer) = describe(aws, name).await? else { return Ok(None) };
    let document = answer["taskDefinition"].clone();
    if document["status"].as_str() == Some("INACTIVE") {
        return Ok(None);
    }
    let tags = answer["tags"].as_array().cloned().unwrap_or_default();
    let tags = tags.iter().filter_map(|tag| Some((tag["key"].as_str()?, tag["value"].as_str()?)));
    Ok(Some(Observed {
        arn: document["taskDefinitionArn"].as_str().unwrap_or_default().to_owned(),
        ownership: Ownership::read(tags),
        document,
    }))
}

/// Reads the active revisions of a family that this program registered, the newest first.
pub async fn observe_owned(aws: &Reader, family: &str) -> Result<Vec<Observed>, Failure> {
    let request = aws.ecs.list_task_definitions().family_prefix(family);
    let mut arns = request.into_paginator().items().send();
    let mut revisions = Vec::new();
    while let Some(arn) = arns.next().await {
        revisions.push(arn.explain("ecs:ListTaskDefinitions", format!("family {family}"))?);
    }
    let found = revisions.iter().map(|arn| observe(aws, arn));
    let found = futures_util::future::try_join_all(found).await?;
    let mut owned: Vec<_> =
        found.into_iter().flatten().filter(|found| found.ownership.is_managed()).collect();
    owned.reverse();
    Ok(owned)
}

/// The revision that is as wanted already: the one that the service runs, or the family's newest
/// (which a run that was killed before it reached the service has registered).
pub fn find<'a>(
    desired: &Settings,
    live: Option<&'a Observed>,
    newest: Option<&'a Observed>,
) -> Option<&'a Observed> {
    let wanted = desired.normal();
    let same = |found: &&Observed| found.settings().normal() == wanted;
    live.filter(same).or_else(|| newest.filter(same))
}

/// A new revision, compared with what the service runs or with the family's newest one.
pub fn register(desired: &Settings, before: Option<&Observed>) -> Action<Settings> {
    match before {
        None => Action::Create(desired.clone()),
        Some(before) => {
            Action::Update { id: before.arn.clone(), from: before.settings(), to: desired.clone() }
        }
    }
}

/// The deletion of a revision.
pub fn delete(revision: &Observed, after: Vec<crate::address::Address>) -> Action<Settings> {
    Action::Delete { id: revision.arn.clone(), settings: revision.settings(), after }
}

/// The calls that [`apply`] makes.
pub fn calls(action: &Action<Settings>) -> Vec<&'static str> {
    match action {
        Action::Create(_) | Action::Update { .. } => vec!["ecs:RegisterTaskDefinition"],
        Action::Delete { .. } => vec!["ecs:DeregisterTaskDefinition"],
    }
}

/// Makes it so; yields the revision's ARN.
pub async fn apply(
    action: &Action<Settings>,
    tags: &Tags,
    aws: &Writer,
    outputs: &Outputs,
) -> Result<String, Failure> {
    let ecs = &aws.aws.ecs;
    match action {
        Action::Create(to) | Action::Update { to, .. } => {
            let mut document = to.filled(|known| outputs.resolve(known));
            let object = document.as_object_mut().expect("a task definition is an object");
            for key in normal::DESCRIBE_ONLY {
                object.shift_remove(key);
            }
            let list = object.entry("tags").or_insert_with(|| json!([]));
            if let Some(list) = list.as_array_mut() {
                list.retain(|tag| !tag["key"].as_str().is_some_and(|key| tags.contains_key(key)));
                list.extend(tags.iter().map(|(key, value)| json!({"key": key, "value": value})));
            }
            register_once(aws, to.family(), &document).await
        }
        Action::Delete { id, .. } => {
            let request = ecs.deregister_task_definition().task_definition(id);
            match request.send().await.explain("ecs:DeregisterTaskDefinition", id) {
                // The answer to a first call may be lost.
                Err(failure) => match observe(&aws.aws, id).await {
                    Ok(None) => Ok(id.clone()),
                    _ => Err(failure),
                },
                Ok(_) => Ok(id.clone()),
            }
        }
    }
}

/// ECS takes one revision of a family at a time, and other runs of the same service may have the turn.
const TURN: Settling = Settling {
    what: "other registrations of the family",
    longest: Duration::from_mins(2),
    pause: Duration::from_secs(2),
};

/// Each call makes one more revision, and there is no client token: where no answer came, the revision
/// may be there, and is looked for before the call is made again.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html>
async fn register_once(aws: &Writer, family: &str, document: &Value) -> Result<String, Failure> {
    let wanted = normal::form(document);
    let passes = |failure: &Failure| {
        failure.is_unanswered() || failure.message.contains("Too many concurrent attempts")
    };
    aws.settled(TURN, passes, async || {
        let registered = raw::register(&aws.aws.ecs, family, document).await;
        let Err(failure) = registered else { return registered };
        if !failure.is_unanswered() {
            return Err(failure);
        }
        let newest = observe(&aws.aws, family).await?;
        let is_ours = |found: &Observed| {
            found.ownership.is_of(&aws.stack) && normal::form(&found.document) == wanted
        };
        newest.filter(is_ours).map(|found| found.arn).ok_or(failure)
    })
    .await
}
