//! Where a service's tasks stand.

use crate::aws::explain::{Explain as _, Failure};
use aws_sdk_ecs::types::{Attachment, Task};
use futures_util::future::try_join_all;
use std::collections::BTreeMap;

/// What one DescribeTasks takes.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html>
const MOST: usize = 100;

/// How many tasks of the service have an address in each subnet.
pub async fn by_subnet(
    ecs: &aws_sdk_ecs::Client,
    cluster: &str,
    service: &str,
) -> Result<BTreeMap<String, u32>, Failure> {
    let on = format!("service {service} in cluster {cluster}");
    let listed = ecs.list_tasks().cluster(cluster).service_name(service);
    let listed = listed.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let arns = listed.explain("ecs:ListTasks", &on)?;
    let pages = arns.chunks(MOST).map(|arns| async {
        let request = ecs.describe_tasks().cluster(cluster).set_tasks(Some(arns.to_vec()));
        request.send().await.explain("ecs:DescribeTasks", &on)
    });
    let mut subnets = BTreeMap::new();
    for page in try_join_all(pages).await? {
        let attachments = page.tasks().iter().flat_map(Task::attachments);
        for subnet in attachments.filter_map(subnet) {
            *subnets.entry(subnet.to_owned()).or_default() += 1;
        }
    }
    Ok(subnets)
}

/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Attachment.html>
fn subnet(attachment: &Attachment) -> Option<&str> {
    let details = attachment.details().iter();
    details.into_iter().find(|detail| detail.name() == Some("subnetId"))?.value()
}
