//! A listener of the load balancer, and what it does with a request that no rule takes.

use super::{Action, changed};
use crate::{
    address::Known,
    apply::Outputs,
    aws::{
        Reader, Writer, elb_tags,
        explain::{Explain as _, Failure},
        settle::{Settling, is_not_known_yet},
    },
    resource::load_balancer::{ownerships, set_user, user_call},
    tags::{Ownership, Tags},
};
use aws_sdk_elasticloadbalancingv2::types::{
    Action as ElbAction, ActionTypeEnum, Certificate, FixedResponseActionConfig,
    ForwardActionConfig, Listener, ProtocolEnum, RedirectActionConfig,
    RedirectActionStatusCodeEnum,
};
use serde::{Serialize, Serializer};
use std::fmt;

/// What a listener looks like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// The load balancer's ARN.
    pub load_balancer: Known,
    /// The port.
    pub port: u16,
    /// `HTTP` or `HTTPS`.
    pub protocol: String,
    /// The ACM certificate's ARN; HTTPS only.
    pub certificate: Option<String>,
    /// The TLS policy; HTTPS only.
    pub ssl_policy: Option<String>,
    /// What it does with a request that no rule takes.
    pub default_action: DefaultAction,
    /// Whether this stack is registered as a user of it.
    pub used_by_this_stack: bool,
}

impl super::Settings for Settings {
    fn references(&self) -> Vec<&Known> {
        let mut references = vec![&self.load_balancer];
        if let DefaultAction::Forward(group) = &self.default_action {
            references.push(group);
        }
        references
    }
}

/// What a listener does with a request that no rule takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DefaultAction {
    /// It goes to this target group.
    Forward(Known),
    /// It is sent to the same URL on HTTPS.
    RedirectToHttps,
    /// It is answered with 404.
    NotFound,
    /// Something that only somebody else would set up.
    Other(String),
}

impl fmt::Display for DefaultAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forward(group) => write!(f, "forward to {group}"),
            Self::RedirectToHttps => f.write_str("redirect to HTTPS"),
            Self::NotFound => f.write_str("answer 404"),
            Self::Other(what) => f.write_str(what),
        }
    }
}

impl Serialize for DefaultAction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A listener that is there.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Its ARN.
    pub arn: String,
    /// Whose it is.
    pub ownership: Ownership,
    /// How it is set.
    pub settings: Settings,
}

/// Finds the load balancer's listeners, whose rules can be asked for then.
pub async fn find(aws: &Reader, load_balancer: &str) -> Result<Vec<Listener>, Failure> {
    let mut pages =
        aws.elb.describe_listeners().load_balancer_arn(load_balancer).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.explain("elasticloadbalancing:DescribeListeners", load_balancer)?;
        found.extend(page.listeners.unwrap_or_default());
    }
    Ok(found)
}

/// Reads the rest of them.
pub async fn observe(
    aws: &Reader,
    found: &[Listener],
    stack: &str,
) -> Result<Vec<Observed>, Failure> {
    let arns: Vec<_> =
        found.iter().filter_map(|listener| listener.listener_arn().map(str::to_owned)).collect();
    let mut owners = ownerships(aws, &arns).await?;
    Ok(found
        .iter()
        .map(|listener| {
            let arn = listener.listener_arn().unwrap_or_default().to_owned();
            let ownership = owners.remove(&arn).unwrap_or_default();
            let certificate = listener.certificates().first();
            Observed {
                settings: Settings {
                    load_balancer: Known::Now(
                        listener.load_balancer_arn().unwrap_or_default().to_owned(),
                    ),
                    port: listener.port().and_then(|port| port.try_into().ok()).unwrap_or(0),
                    protocol: listener.protocol().map_or("", ProtocolEnum::as_str).to_owned(),
                    certificate: certificate
                        .and_then(|certificate| certificate.certificate_arn())
                        .map(str::to_owned),
                    ssl_policy: listener
                        .ssl_policy()
                        .filter(|_| listener.protocol() == Some(&ProtocolEnum::Https))
                        .map(str::to_owned),
                    default_action: default_action(listener.default_actions()),
                    used_by_this_stack: ownership.is_used_by(stack),
                },
                ownership,
                arn,
            }
        })
        .collect())
}

fn default_action(actions: &[ElbAction]) -> DefaultAction {
    let [action] = actions else {
        return DefaultAction::Other(format!("{} actions in a row", actions.len()));
    };
    let kind = action.r#type().map_or("", ActionTypeEnum::as_str);
    match action.r#type() {
        Some(ActionTypeEnum::Forward) => {
            let weighted = action.forward_config().map(ForwardActionConfig::target_groups);
            match (action.target_group_arn(), weighted) {
                (Some(arn), None | Some([] | [_])) => {
                    DefaultAction::Forward(Known::Now(arn.to_owned()))
                }
                (None, Some([only])) => {
                    let arn = only.target_group_arn().unwrap_or_default();
                    DefaultAction::Forward(Known::Now(arn.to_owned()))
                }
                _ => DefaultAction::Other("forward to several target groups".to_owned()),
            }
        }
        Some(ActionTypeEnum::Redirect)
            if action.redirect_config().and_then(|to| to.protocol()) == Some("HTTPS") =>
        {
            DefaultAction::RedirectToHttps
        }
        Some(ActionTypeEnum::FixedResponse)
            if action.fixed_response_config().and_then(|answer| answer.status_code())
                == Some("404") =>
        {
            DefaultAction::NotFound
        }
        _ => DefaultAction::Other(kind.to_owned()),
    }
}

/// What is missing or differs.
pub fn diff(desired: &Settings, observed: Option<&Observed>) -> Option<Action<Settings>> {
    let Some(observed) = observed else { return Some(Action::Create(desired.clone())) };
    if !observed.ownership.is_managed() {
        return None;
    }
    changed(&observed.arn, &observed.settings, desired)
}

fn is_modified(from: &Settings, to: &Settings) -> bool {
    let used_by_this_stack = to.used_by_this_stack;
    Settings { used_by_this_stack, ..from.clone() } != *to
}

/// The calls that [`apply`] makes.
pub fn calls(action: &Action<Settings>) -> Vec<&'static str> {
    match action {
        Action::Create(_) => vec!["elasticloadbalancing:CreateListener"],
        Action::Update { from, to, .. } => {
            let modify = is_modified(from, to).then_some("elasticloadbalancing:ModifyListener");
            let user = user_call(from.used_by_this_stack, to.used_by_this_stack);
            modify.into_iter().chain(user).collect()
        }
        Action::Delete { .. } => vec!["elasticloadbalancing:DeleteListener"],
    }
}

/// Makes it so; yields the listener's ARN.
pub async fn apply(
    action: &Action<Settings>,
    tags: &Tags,
    aws: &Writer,
    outputs: &Outputs,
) -> Result<String, Failure> {
    let elb = &aws.aws.elb;
    match action {
        Action::Create(to) => {
            let load_balancer = outputs.resolve(&to.load_balancer);
            let created = aws.settled(Settling::MADE, is_not_known_yet, async || {
                elb.create_listener()
                    .load_balancer_arn(&load_balancer)
                    .port(i32::from(to.port))
                    .protocol(to.protocol.as_str().into())
                    .set_certificates(certificates(to))
                    .set_ssl_policy(to.ssl_policy.clone())
                    .default_actions(action_of(&to.default_action, outputs))
                    .set_tags(Some(elb_tags(tags)))
                    .send()
                    .await
                    .explain(
                        "elasticloadbalancing:CreateListener",
                        format!("{} port {}", to.protocol, to.port),
                    )
            });
            let created = match created.await {
                Err(failure) if failure.is("DuplicateListener") => {
                    return Box::pin(take(to, tags, aws, outputs, failure)).await;
                }
                created => created?,
            };
            Ok(created
                .listeners
                .and_then(|listeners| listeners.into_iter().next())
                .and_then(|listener| listener.listener_arn)
                .unwrap_or_default())
        }
        Action::Update { id, from, to } => {
            if is_modified(from, to) {
                elb.modify_listener()
                    .listener_arn(id)
                    .port(i32::from(to.port))
                    .protocol(to.protocol.as_str().into())
                    .set_certificates(certificates(to))
                    .set_ssl_policy(to.ssl_policy.clone())
                    .set_default_actions(actions(from, to, outputs))
                    .send()
                    .await
                    .explain("elasticloadbalancing:ModifyListener", id)?;
            }
            set_user(aws, id, from.used_by_this_stack, to.used_by_this_stack).await?;
            Ok(id.clone())
        }
        Action::Delete { id, .. } => {
            let deleted = elb.delete_listener().listener_arn(id).send().await;
            match deleted.explain("elasticloadbalancing:DeleteListener", id) {
                Err(failure) if !failure.is("ListenerNotFound") => Err(failure),
                _ => Ok(id.clone()),
            }
        }
    }
}

/// Takes the listener that has the port: another run made it since this one looked, or this one did and
/// the answer was lost. Where it does something else by default, whoever reads the plan decides.
async fn take(
    to: &Settings,
    tags: &Tags,
    aws: &Writer,
    outputs: &Outputs,
    duplicate: Failure,
) -> Result<String, Failure> {
    let load_balancer = outputs.resolve(&to.load_balancer);
    let default_action = match &to.default_action {
        DefaultAction::Forward(group) => DefaultAction::Forward(Known::Now(outputs.resolve(group))),
        other => other.clone(),
    };
    let to =
        Settings { load_balancer: Known::Now(load_balancer.clone()), default_action, ..to.clone() };
    let found = find(&aws.aws, &load_balancer).await?;
    let found = observe(&aws.aws, &found, &aws.main).await?;
    let is_taken = |found: &Observed| {
        let settings = &found.settings;
        let is_the_same =
            (settings.port, &settings.default_action) == (to.port, &to.default_action);
        is_the_same && found.ownership.is_managed()
    };
    let Some(found) = found.into_iter().find(is_taken) else { return Err(duplicate) };
    match diff(&to, Some(&found)) {
        Some(action) => apply(&action, tags, aws, outputs).await,
        None => Ok(found.arn),
    }
}

/// What of the default action is sent: one that stays is not, because the form in which it is known here
/// may leave out the half of it (weights, stickiness, a login).
fn actions(from: &Settings, to: &Settings, outputs: &Outputs) -> Option<Vec<ElbAction>> {
    (from.default_action != to.default_action).then(|| vec![action_of(&to.default_action, outputs)])
}

fn certificates(to: &Settings) -> Option<Vec<Certificate>> {
    let arn = to.certificate.as_ref()?;
    Some(vec![Certificate::builder().certificate_arn(arn).build()])
}

fn action_of(action: &DefaultAction, outputs: &Outputs) -> ElbAction {
    let builder = ElbAction::builder();
    match action {
        DefaultAction::Forward(group) => {
            builder.r#type(ActionTypeEnum::Forward).target_group_arn(outputs.resolve(group))
        }
        DefaultAction::RedirectToHttps => builder.r#type(ActionTypeEnum::Redirect).redirect_config(
            RedirectActionConfig::builder()
                .protocol("HTTPS")
                .port("443")
                .status_code(RedirectActionStatusCodeEnum::Http301)
                .build(),
        ),
        // `Other` is only ever observed, and an observed default action is never sent.
        DefaultAction::NotFound | DefaultAction::Other(_) => {
            builder.r#type(ActionTypeEnum::FixedResponse).fixed_response_config(
                FixedResponseActionConfig::builder()
                    .status_code("404")
                    .content_type("text/plain")
                    .message_body("no service answers to this name")
                    .build(),
            )
        }
    }
    .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_action_that_stays_is_not_sent() {
        let settings = |default_action| Settings {
            load_balancer: Known::Now("arn".to_owned()),
            port: 443,
            protocol: "HTTPS".to_owned(),
            certificate: Some("arn".to_owned()),
            ssl_policy: None,
            default_action,
            used_by_this_stack: true,
        };
        let outputs = Outputs::default();
        let login = settings(DefaultAction::Other("authenticate-oidc".to_owned()));
        assert_eq!(actions(&login, &login, &outputs), None);
        let not_found = settings(DefaultAction::NotFound);
        assert_eq!(actions(&login, &not_found, &outputs).map(|actions| actions.len()), Some(1));
    }
}
