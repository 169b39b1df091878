//! A CloudWatch log group that the containers write to.

use super::{Action, changed};
use crate::{
    address::Known,
    aws::{
        Reader, Writer,
        explain::{Explain as _, Failure},
        settle::{Settling, is_not_known_yet},
    },
    tags::{Ownership, Tags},
};
use serde::Serialize;

/// What a log group looks like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// Its name.
    pub name: String,
    /// Days that events are kept; `None` keeps them for ever.
    pub retention_in_days: Option<u32>,
}

impl super::Settings for Settings {
    fn references(&self) -> Vec<&Known> {
        Vec::new()
    }
}

/// A log group that is there.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Whose it is.
    pub ownership: Ownership,
    /// How it is set.
    pub settings: Settings,
}

/// Reads the log group; `None` where there is none.
pub async fn observe(aws: &Reader, name: &str) -> Result<Option<Observed>, Failure> {
    let on = format!("log group {name}");
    let groups = aws
        .logs
        .describe_log_groups()
        .log_group_name_prefix(name)
        .send()
        .await
        .explain("logs:DescribeLogGroups", &on)?;
    let Some(group) = groups.log_groups().iter().find(|group| group.log_group_name() == Some(name))
    else {
        return Ok(None);
    };
    // `arn` ends in `:*`, which the tagging calls refuse; `logGroupArn` does not.
    let arn = group.log_group_arn().or(group.arn()).unwrap_or_default();
    let tags = aws
        .logs
        .list_tags_for_resource()
        .resource_arn(arn.trim_end_matches(":*"))
        .send()
        .await
        .explain("logs:ListTagsForResource", &on)?
        .tags
        .unwrap_or_default();
    let tags = tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    Ok(Some(Observed {
        ownership: Ownership::read(tags),
        settings: Settings {
            name: name.to_owned(),
            retention_in_days: group.retention_in_days().and_then(|days| days.try_into().ok()),
        },
    }))
}

/// What is missing or differs.
pub fn diff(desired: &Settings, observed: Option<&Observed>) -> Option<Action<Settings>> {
    let Some(observed) = observed else { return Some(Action::Create(desired.clone())) };
    if !observed.ownership.is_managed() {
        return None;
    }
    changed(&desired.name, &observed.settings, desired)
}

/// The calls that [`apply`] makes.
pub fn calls(action: &Action<Settings>) -> Vec<&'static str> {
    match action {
        Action::Create(to) if to.retention_in_days.is_none() => vec!["logs:CreateLogGroup"],
        Action::Create(_) => vec!["logs:CreateLogGroup", "logs:PutRetentionPolicy"],
        Action::Update { to, .. } if to.retention_in_days.is_none() => {
            vec!["logs:DeleteRetentionPolicy"]
        }
        Action::Update { .. } => vec!["logs:PutRetentionPolicy"],
        Action::Delete { .. } => vec!["logs:DeleteLogGroup"],
    }
}

/// Makes it so; yields the log group's name.
pub async fn apply(
    action: &Action<Settings>,
    tags: &Tags,
    aws: &Writer,
) -> Result<String, Failure> {
    let logs = &aws.aws.logs;
    let name = match action {
        Action::Create(to) => {
            let created = logs
                .create_log_group()
                .log_group_name(&to.name)
                .set_tags(Some(tags.clone().into_iter().collect()))
                .send()
                .await
                .explain("logs:CreateLogGroup", format!("log group {}", to.name));
            match created {
                // Another run made it since this one looked.
                Err(failure) if failure.is("ResourceAlreadyExists") => {
                    let found = observe(&aws.aws, &to.name).await?;
                    if !found.as_ref().is_some_and(|found| found.ownership.is_managed()) {
                        return Err(failure);
                    }
                    if diff(to, found.as_ref()).is_none() {
                        return Ok(to.name.clone());
                    }
                }
                created => drop(created?),
            }
            if to.retention_in_days.is_some() {
                retain(aws, to).await?;
            }
            &to.name
        }
        Action::Update { to, .. } => {
            retain(aws, to).await?;
            &to.name
        }
        Action::Delete { settings, .. } => {
            let deleted = logs
                .delete_log_group()
                .log_group_name(&settings.name)
                .send()
                .await
                .explain("logs:DeleteLogGroup", format!("log group {}", settings.name));
            match deleted {
                Err(failure) if !failure.is("ResourceNotFound") => return Err(failure),
                _ => &settings.name,
            }
        }
    };
    Ok(name.clone())
}

/// CloudWatch Logs refuses one of two changes of a group at the same time.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>
fn passes(failure: &Failure) -> bool {
    is_not_known_yet(failure) || failure.is("OperationAborted")
}

async fn retain(aws: &Writer, to: &Settings) -> Result<(), Failure> {
    let logs = &aws.aws.logs;
    let on = format!("log group {}", to.name);
    let retain = async || match to.retention_in_days {
        Some(days) => logs
            .put_retention_policy()
            .log_group_name(&to.name)
            .retention_in_days(days.cast_signed())
            .send()
            .await
            .explain("logs:PutRetentionPolicy", &on)
            .map(drop),
        None => logs
            .delete_retention_policy()
            .log_group_name(&to.name)
            .send()
            .await
            .explain("logs:DeleteRetentionPolicy", &on)
            .map(drop),
    };
    aws.settled(Settling::MADE, passes, retain).await
}
