//! A load balancer with health checks before the containers of MiniStack, which itself sends requests to
//! every task that runs. It asks MiniStack which targets are registered, and each of them whether it is
//! well; requests go to those alone, as with ELB.

use aws_sdk_elasticloadbalancingv2::Client;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::task::AbortHandle;

/// Looks as long as the test runs.
#[derive(Debug)]
pub(crate) struct Balancer {
    healthy: Arc<Mutex<BTreeSet<String>>>,
    task: AbortHandle,
}

impl Balancer {
    /// For the target group of this name.
    pub(crate) async fn of(elb: &Client, target_group: &str) -> Self {
        let found = elb.describe_target_groups().names(target_group).send().await.expect("groups");
        let arn = found.target_groups()[0].target_group_arn().expect("an ARN").to_owned();
        let healthy = Arc::new(Mutex::new(BTreeSet::new()));
        let (elb, well) = (elb.clone(), Arc::clone(&healthy));
        let task = tokio::spawn(async move {
            loop {
                let now = look(&elb, &arn).await;
                *well.lock().unwrap_or_else(PoisonError::into_inner) = now;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        Self { healthy, task: task.abort_handle() }
    }

    /// Asks one of the targets that are well; yields status and body.
    pub(crate) async fn page(&self) -> Result<(u16, String), String> {
        let target = self.healthy.lock().unwrap_or_else(PoisonError::into_inner).first().cloned();
        get(&target.ok_or("no target is healthy")?).await.map_err(|error| error.to_string())
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn look(elb: &Client, arn: &str) -> BTreeSet<String> {
    let found = elb.describe_target_health().target_group_arn(arn).send().await.expect("targets");
    let mut well = BTreeSet::new();
    for target in found.target_health_descriptions().iter().filter_map(|found| found.target()) {
        let address =
            format!("{}:{}", target.id().unwrap_or_default(), target.port().unwrap_or_default());
        let answer = tokio::time::timeout(Duration::from_secs(1), get(&address)).await;
        if let Ok(Ok((200..400, _))) = answer {
            well.insert(address);
        }
    }
    well
}

/// The page at this `host:port`; status and body.
pub(crate) async fn get(address: &str) -> std::io::Result<(u16, String)> {
    get_from(address, address, "/").await
}

/// The same for a host and a path.
pub(crate) async fn get_from(
    address: &str,
    host: &str,
    path: &str,
) -> std::io::Result<(u16, String)> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.unwrap_or(0), body.to_owned()))
}
