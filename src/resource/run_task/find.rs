//! The tasks that earlier runs have started for the same rollout.

use super::judge;
use crate::{
    aws::{
        Reader,
        explain::{Explain as _, Failure},
    },
    rollout::tasks::stopped_task,
};
use aws_sdk_ecs::types::{DesiredStatus, Task};
use std::collections::BTreeSet;

/// What one DescribeTasks takes.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html>
const AT_ONCE: usize = 100;

/// What earlier runs have left.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Earlier {
    /// A task that runs, or that has done its work: its ARN.
    Takes(String),
    /// None but these, which have failed.
    Failed(BTreeSet<String>),
}

/// All tasks with this `startedBy`. ECS lists those that run by that name. Those that have stopped,
/// which it remembers for an hour, it lists by their family alone.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html>
pub(super) async fn earlier(
    aws: &Reader,
    cluster: &str,
    family: &str,
    started_by: &str,
) -> Result<Vec<Task>, Failure> {
    let on = format!("cluster {cluster}");
    let list = || aws.ecs.list_tasks().cluster(cluster);
    let listed = [
        list().started_by(started_by),
        list().family(family).desired_status(DesiredStatus::Stopped),
    ]
    .map(async |request| {
        let arns = request.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        arns.explain("ecs:ListTasks", &on)
    });
    let arns: BTreeSet<_> =
        futures_util::future::try_join_all(listed).await?.into_iter().flatten().collect();
    let arns: Vec<_> = arns.into_iter().collect();
    let described = arns.chunks(AT_ONCE).map(async |arns| {
        let request = aws.ecs.describe_tasks().cluster(cluster).set_tasks(Some(arns.to_vec()));
        request.send().await.explain("ecs:DescribeTasks", &on)
    });
    let pages = futures_util::future::try_join_all(described).await?;
    let tasks = pages.into_iter().flat_map(|page| page.tasks.unwrap_or_default());
    Ok(tasks.filter(|task| task.started_by() == Some(started_by)).collect())
}

/// A task that has done its work is not run again, and one that runs is not run twice.
pub(super) fn choose(tasks: Vec<Task>, container: &str, essential: &BTreeSet<String>) -> Earlier {
    let mut failed = BTreeSet::new();
    let mut running = None;
    for task in tasks {
        let arn = task.task_arn().unwrap_or_default().to_owned();
        if task.last_status() != Some("STOPPED") {
            running = Some(arn);
        } else if judge::cause(&stopped_task(&task), container, essential).is_none() {
            return Earlier::Takes(arn);
        } else {
            failed.insert(arn);
        }
    }
    running.map_or(Earlier::Failed(failed), Earlier::Takes)
}
