//! An IAM role that ECS tasks assume, the execution role or the application's own, or that ECS itself
//! assumes.

use super::{Action, changed};
use crate::{
    address::Known,
    aws::{
        Identity, Reader, Writer,
        explain::{Explain as _, Failure},
        settle::{Settling, is_not_known_yet},
    },
    tags::{Ownership, Tags},
};
use aws_sdk_iam::types::Tag;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The name of the inline policy that lets the execution role read the task's secrets.
const SECRETS_POLICY: &str = "secrets";

/// What a role looks like.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// Its name; names of roles are one per account, in all regions.
    pub name: String,
    /// The service that may assume it, when it is made.
    #[serde(skip)]
    pub trusts: &'static str,
    /// The ARNs of the managed policies attached to it.
    pub managed_policies: BTreeSet<String>,
    /// The inline policy for the secrets, where there are any.
    pub secrets_policy: Option<Value>,
    /// The names of the inline policies that somebody else put there; they stay as long as the role.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub other_policies: BTreeSet<String>,
}

/// What assumes the roles of tasks, and what the role that changes load balancers.
const TASKS: &str = "ecs-tasks.amazonaws.com";
const ECS: &str = "ecs.amazonaws.com";

impl super::Settings for Settings {
    fn references(&self) -> Vec<&Known> {
        Vec::new()
    }
}

/// A role that is there.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Its ARN.
    pub arn: String,
    /// Whose it is.
    pub ownership: Ownership,
    /// How it is set.
    pub settings: Settings,
}

/// The execution role: it pulls the image, writes the logs and reads `secrets` (ARNs, or the names of
/// SSM parameters).
pub fn execution(name: String, identity: &Identity, secrets: &BTreeSet<String>) -> Settings {
    let Identity { account, partition, region } = identity;
    let arn = |secret: &String| {
        if secret.starts_with("arn:") {
            // `valueFrom` may go on with `:json-key:version-stage:version-id` after the secret's ARN.
            secret.split(':').take(7).collect::<Vec<_>>().join(":")
        } else {
            let name = secret.trim_start_matches('/');
            format!("arn:{partition}:ssm:{region}:{account}:parameter/{name}")
        }
    };
    let (manager, parameters): (BTreeSet<_>, BTreeSet<_>) =
        secrets.iter().map(arn).partition(|arn| arn.contains(":secretsmanager:"));
    let mut statements = Vec::new();
    if !manager.is_empty() {
        statements.push(json!({
            "Effect": "Allow", "Action": ["secretsmanager:GetSecretValue"], "Resource": manager,
        }));
    }
    if !parameters.is_empty() {
        statements.push(json!({
            "Effect": "Allow", "Action": ["ssm:GetParameters"], "Resource": parameters,
        }));
    }
    Settings {
        name,
        trusts: TASKS,
        managed_policies: BTreeSet::from([format!(
            "arn:{partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
        )]),
        secrets_policy: (!statements.is_empty())
            .then(|| json!({"Version": "2012-10-17", "Statement": statements})),
        other_policies: BTreeSet::new(),
    }
}

/// The application's role: it may do nothing until somebody attaches a policy, which stays.
pub const fn application(name: String) -> Settings {
    Settings {
        name,
        trusts: TASKS,
        managed_policies: BTreeSet::new(),
        secrets_policy: None,
        other_policies: BTreeSet::new(),
    }
}

/// The role by which ECS moves requests from one target group to another.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AmazonECSInfrastructureRolePolicyForLoadBalancers.html>
pub fn infrastructure(name: String, identity: &Identity) -> Settings {
    let partition = &identity.partition;
    Settings {
        trusts: ECS,
        managed_policies: BTreeSet::from([format!(
            "arn:{partition}:iam::aws:policy/AmazonECSInfrastructureRolePolicyForLoadBalancers"
        )]),
        ..application(name)
    }
}

/// Reads the role; `None` where there is none.
pub async fn observe(aws: &Reader, name: &str) -> Result<Option<Observed>, Failure> {
    let on = format!("role {name}");
    let role = match aws.iam.get_role().role_name(name).send().await.explain("iam:GetRole", &on) {
        Err(failure) if failure.is("NoSuchEntity") => return Ok(None),
        role => role?.role,
    };
    let Some(role) = role else { return Ok(None) };
    let (attached, names) = tokio::join!(
        aws.iam.list_attached_role_policies().role_name(name).send(),
        aws.iam.list_role_policies().role_name(name).send(),
    );
    let attached = attached.explain("iam:ListAttachedRolePolicies", &on)?;
    let names = names.explain("iam:ListRolePolicies", &on)?.policy_names;
    let inline = if names.iter().any(|name| name == SECRETS_POLICY) {
        secrets_policy(aws, name).await?
    } else {
        None
    };
    Ok(Some(Observed {
        arn: role.arn().to_owned(),
        ownership: Ownership::read(role.tags().iter().map(|tag| (tag.key(), tag.value()))),
        settings: Settings {
            name: name.to_owned(),
            trusts: TASKS,
            managed_policies: attached
                .attached_policies()
                .iter()
                .filter_map(|policy| policy.policy_arn().map(str::to_owned))
                .collect(),
            secrets_policy: inline.and_then(|document| decode(&document)),
            other_policies: names.into_iter().filter(|name| name != SECRETS_POLICY).collect(),
        },
    }))
}

async fn secrets_policy(aws: &Reader, name: &str) -> Result<Option<String>, Failure> {
    let found = aws.iam.get_role_policy().role_name(name).policy_name(SECRETS_POLICY).send().await;
    match found.explain("iam:GetRolePolicy", format!("role {name}")) {
        // It went since the list was made.
        Err(failure) if failure.is("NoSuchEntity") => Ok(None),
        found => Ok(Some(found?.policy_document)),
    }
}

/// IAM answers policy documents URL-encoded (RFC 3986).
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html>
fn decode(document: &str) -> Option<Value> {
    let document = percent_encoding::percent_decode_str(document).decode_utf8().ok()?;
    serde_json::from_str(&document).ok()
}

/// What is missing or differs. Policies that somebody attached besides ours stay.
pub fn diff(desired: &Settings, observed: Option<&Observed>) -> Option<Action<Settings>> {
    let Some(observed) = observed else { return Some(Action::Create(desired.clone())) };
    if !observed.ownership.is_managed() {
        return None;
    }
    let managed_policies = &observed.settings.managed_policies | &desired.managed_policies;
    let other_policies = observed.settings.other_policies.clone();
    let to = Settings { managed_policies, other_policies, ..desired.clone() };
    // Whom a role trusts may have been changed since it was made, and is left as it is.
    let from = Settings { trusts: desired.trusts, ..observed.settings.clone() };
    changed(&observed.arn, &from, &to)
}

/// The calls that [`apply`] makes.
pub fn calls(action: &Action<Settings>) -> Vec<&'static str> {
    let mut calls = Vec::new();
    let (from, to) = match action {
        Action::Create(to) => {
            calls.push("iam:CreateRole");
            (None, to)
        }
        Action::Update { from, to, .. } => (Some(from), to),
        Action::Delete { settings, .. } => {
            calls.extend(settings.managed_policies.iter().map(|_| "iam:DetachRolePolicy"));
            calls.extend(inline(settings).map(|_| "iam:DeleteRolePolicy"));
            calls.push("iam:DeleteRole");
            return calls;
        }
    };
    calls.extend(missing(from, to).map(|_| "iam:AttachRolePolicy"));
    match secrets_change(from, to) {
        SecretsChange::Write(_) => calls.push("iam:PutRolePolicy"),
        SecretsChange::TakeAway => calls.push("iam:DeleteRolePolicy"),
        SecretsChange::Nothing => {}
    }
    calls
}

/// The inline policies, which IAM wants gone before their role.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html>
fn inline(role: &Settings) -> impl Iterator<Item = &str> {
    let secrets = role.secrets_policy.iter().map(|_| SECRETS_POLICY);
    secrets.chain(role.other_policies.iter().map(String::as_str))
}

fn missing<'a>(from: Option<&'a Settings>, to: &'a Settings) -> impl Iterator<Item = &'a String> {
    to.managed_policies
        .iter()
        .filter(move |policy| !from.is_some_and(|from| from.managed_policies.contains(*policy)))
}

/// What is to be done about the inline policy.
enum SecretsChange<'a> {
    Nothing,
    Write(&'a Value),
    TakeAway,
}

fn secrets_change<'a>(from: Option<&Settings>, to: &'a Settings) -> SecretsChange<'a> {
    let before = from.and_then(|from| from.secrets_policy.as_ref());
    match to.secrets_policy.as_ref() {
        after if before == after => SecretsChange::Nothing,
        Some(policy) => SecretsChange::Write(policy),
        None => SecretsChange::TakeAway,
    }
}

/// Makes it so; yields the role's ARN.
pub async fn apply(
    action: &Action<Settings>,
    tags: &Tags,
    aws: &Writer,
) -> Result<String, Failure> {
    let iam = &aws.aws.iam;
    match action {
        Action::Create(to) => {
            let trust = json!({"Version": "2012-10-17", "Statement": [{
                "Effect": "Allow",
                "Principal": {"Service": to.trusts},
                "Action": "sts:AssumeRole",
            }]});
            let tags = tags.iter().map(|(key, value)| {
                Tag::builder().key(key).value(value).build().expect("key and value are given")
            });
            let created = iam
                .create_role()
                .role_name(&to.name)
                .assume_role_policy_document(trust.to_string())
                .set_tags(Some(tags.collect()))
                .send()
                .await
                .explain("iam:CreateRole", format!("role {}", to.name));
            let created = match created {
                // Another run made it since this one looked.
                Err(failure) if failure.is("EntityAlreadyExists") => {
                    let found = Box::pin(observe(&aws.aws, &to.name)).await?;
                    let is_managed = |found: &Observed| found.ownership.is_managed();
                    let found = found.filter(is_managed).ok_or(failure)?;
                    if let Some(Action::Update { from, to, .. }) = diff(to, Some(&found)) {
                        grant(aws, Some(&from), &to).await?;
                    }
                    return Ok(found.arn);
                }
                created => created?,
            };
            grant(aws, None, to).await?;
            Ok(created.role.map(|role| role.arn).unwrap_or_default())
        }
        Action::Update { id, from, to } => {
            grant(aws, Some(from), to).await?;
            Ok(id.clone())
        }
        Action::Delete { id, settings, .. } => delete(aws, settings).await.map(|()| id.clone()),
    }
}

async fn grant(aws: &Writer, from: Option<&Settings>, to: &Settings) -> Result<(), Failure> {
    let iam = &aws.aws.iam;
    let on = format!("role {}", to.name);
    for policy in missing(from, to) {
        let attach = async || {
            let request = iam.attach_role_policy().role_name(&to.name).policy_arn(policy);
            request.send().await.explain("iam:AttachRolePolicy", &on).map(drop)
        };
        aws.settled(Settling::MADE, is_not_known_yet, attach).await?;
    }
    match secrets_change(from, to) {
        SecretsChange::Write(policy) => {
            let put = async || {
                iam.put_role_policy()
                    .role_name(&to.name)
                    .policy_name(SECRETS_POLICY)
                    .policy_document(policy.to_string())
                    .send()
                    .await
                    .explain("iam:PutRolePolicy", &on)
                    .map(drop)
            };
            aws.settled(Settling::MADE, is_not_known_yet, put).await
        }
        SecretsChange::TakeAway => gone(delete_policy(aws, to, SECRETS_POLICY).await),
        SecretsChange::Nothing => Ok(()),
    }
}

async fn delete_policy(aws: &Writer, role: &Settings, policy: &str) -> Result<(), Failure> {
    aws.aws
        .iam
        .delete_role_policy()
        .role_name(&role.name)
        .policy_name(policy)
        .send()
        .await
        .explain("iam:DeleteRolePolicy", format!("role {}", role.name))
        .map(drop)
}

async fn delete(aws: &Writer, role: &Settings) -> Result<(), Failure> {
    let iam = &aws.aws.iam;
    let on = format!("role {}", role.name);
    for policy in &role.managed_policies {
        let request = iam.detach_role_policy().role_name(&role.name).policy_arn(policy);
        gone(request.send().await.explain("iam:DetachRolePolicy", &on))?;
    }
    for policy in inline(role) {
        gone(delete_policy(aws, role, policy).await)?;
    }
    gone(iam.delete_role().role_name(&role.name).send().await.explain("iam:DeleteRole", &on))
}

fn gone<T>(result: Result<T, Failure>) -> Result<(), Failure> {
    match result {
        Err(failure) if !failure.is("NoSuchEntity") => Err(failure),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(settings: Settings) -> Observed {
        let ownership = Ownership::read([(crate::tags::STACK, "web")]);
        Observed { arn: "arn".to_owned(), ownership, settings }
    }

    #[test]
    fn what_somebody_put_into_a_role_stays_and_goes_with_it() {
        let wanted = application("web-task".to_owned());
        let filled = Settings {
            managed_policies: BTreeSet::from(["arn:aws:iam::1:policy/x".to_owned()]),
            other_policies: BTreeSet::from(["queue".to_owned()]),
            ..wanted.clone()
        };
        assert_eq!(diff(&wanted, Some(&observed(filled.clone()))), None);
        let delete = Action::Delete { id: "arn".to_owned(), settings: filled, after: Vec::new() };
        let expected = ["iam:DetachRolePolicy", "iam:DeleteRolePolicy", "iam:DeleteRole"];
        assert_eq!(calls(&delete), expected);
    }
}
