//! Waits until an endpoint is there, or gone.

use super::stands;
use crate::aws::{
    Writer,
    explain::{Explain as _, Failure},
};
use aws_sdk_ec2::types::VpcEndpoint;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// An interface endpoint is `pending` for a minute or two; EC2 has no waiter for it.
const PAUSE: Duration = Duration::from_secs(3);
const ATTEMPTS: u32 = 200;
/// For so many looks one that was just made may not be known.
const UNKNOWN: u32 = 20;
/// The private name spreads in the VPC for one or two minutes after the endpoint was made, and tasks that
/// start before find the public one. Nothing tells when it is done, so it is waited out. A new load
/// balancer takes longer, and is waited for at the same time.
const SPREADS: Duration = Duration::from_mins(2);

/// What has become of an endpoint.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Available,
    Gone,
}

/// Waits until it takes connections, under its private name where it has one. One that never was
/// `pending` here is older than this run, and its name is known.
pub(super) async fn available(
    aws: &Writer,
    id: &str,
    private_dns: Option<bool>,
) -> Result<Standing, Failure> {
    let began = Instant::now();
    let mut was_pending = false;
    for attempt in 0..ATTEMPTS {
        match state(aws, id).await?.as_deref() {
            Some("available") if was_pending && private_dns == Some(true) => {
                aws.tell(format!("{id}: waiting for its private name to spread in the VPC"));
                sleep_until(began + SPREADS).await;
                return Ok(Standing::Available);
            }
            Some("available") => return Ok(Standing::Available),
            Some("deleting" | "deleted") => return Ok(Standing::Gone),
            None if attempt >= UNKNOWN => return Ok(Standing::Gone),
            Some(state) if !stands(state) => return Err(unusable(id, state)),
            _ => {
                if !was_pending {
                    aws.tell(format!("{id}: waiting for it to become available"));
                }
                was_pending = true;
                sleep(PAUSE).await;
            }
        }
    }
    Err(unusable(id, "pending, after ten minutes"))
}

pub(super) async fn gone(aws: &Writer, id: &str) -> Result<(), Failure> {
    for attempt in 0..ATTEMPTS {
        match state(aws, id).await?.as_deref() {
            None | Some("deleted") => return Ok(()),
            _ => {
                if attempt == 0 {
                    aws.tell(format!("{id}: waiting for it to be gone"));
                }
                sleep(PAUSE).await;
            }
        }
    }
    Err(unusable(id, "deleting, after ten minutes"))
}

async fn state(aws: &Writer, id: &str) -> Result<Option<String>, Failure> {
    let found = aws.aws.ec2.describe_vpc_endpoints().vpc_endpoint_ids(id).send().await;
    match found.explain("ec2:DescribeVpcEndpoints", id) {
        // An endpoint that was just made may not be known to every reader yet, and one that was just
        // deleted may not be known any more.
        Err(failure) if failure.is("InvalidVpcEndpointId.NotFound") => Ok(None),
        found => Ok(found?
            .vpc_endpoints()
            .first()
            .and_then(VpcEndpoint::state)
            .map(|state| state.as_str().to_lowercase())),
    }
}

pub(super) fn unusable(id: &str, state: &str) -> Failure {
    Failure {
        operation: "ec2:DescribeVpcEndpoints",
        on: id.to_owned(),
        code: Some("EndpointState".to_owned()),
        message: format!("the endpoint is {state}"),
        request_id: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aws::replay::{self, Replay},
        event::{Event, Events},
    };
    use aws_smithy_runtime_api::client::{
        http::{HttpConnector, HttpConnectorFuture},
        orchestrator::{HttpRequest, HttpResponse},
    };
    use aws_smithy_types::body::SdkBody;
    use std::sync::Mutex;

    /// Says one state after another, and the last one for ever.
    #[derive(Debug)]
    struct States(Mutex<Vec<&'static str>>);

    impl HttpConnector for States {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            let mut left = self.0.lock().expect("no test panics with it");
            let state = if left.len() > 1 { left.remove(0) } else { left[0] };
            let item =
                format!("<item><vpcEndpointId>vpce-1</vpcEndpointId><state>{state}</state></item>");
            let item = if state.is_empty() { String::new() } else { item };
            let body = format!(
                "<DescribeVpcEndpointsResponse><vpcEndpointSet>{item}</vpcEndpointSet>\
                 </DescribeVpcEndpointsResponse>"
            );
            let status = 200.try_into().expect("a status");
            HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body))))
        }
    }

    /// Waits with a clock that jumps ahead; yields what became of it, the seconds, and what was told.
    async fn waited(
        states: &[&'static str],
        private_dns: Option<bool>,
    ) -> (Option<Standing>, u64, Vec<String>) {
        let config = replay::config(States(Mutex::new(states.to_vec())));
        let mut reader = Replay::default().reader();
        reader.ec2 = aws_sdk_ec2::Client::new(&config);
        let (events, mut told) = Events::channel();
        let writer = Writer::new(reader, "web".to_owned(), events);
        let began = Instant::now();
        let standing = available(&writer, "vpce-1", private_dns).await.ok();
        let seconds = began.elapsed().as_secs();
        drop(writer);
        let mut lines = Vec::new();
        while let Some(event) = told.recv().await {
            if let Event::Line { text, .. } = event {
                lines.push(text);
            }
        }
        (standing, seconds, lines)
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_private_name_is_waited_for_and_an_old_one_is_not() {
        let states = ["pending", "pending", "available"];
        let (standing, seconds, told) = waited(&states, Some(true)).await;
        assert_eq!((standing, seconds), (Some(Standing::Available), 120));
        insta::assert_debug_snapshot!(told, @r#"
        [
            "vpce-1: waiting for it to become available",
            "vpce-1: waiting for its private name to spread in the VPC",
        ]
        "#);
        let (standing, seconds, _) = waited(&states, None).await;
        assert_eq!((standing, seconds), (Some(Standing::Available), 6));
        let (standing, seconds, told) = waited(&["available"], Some(true)).await;
        assert_eq!((standing, seconds, told), (Some(Standing::Available), 0, Vec::new()));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_a_repeated_token_names_may_be_gone() {
        let standing = async |states| waited(states, Some(true)).await.0;
        assert_eq!(standing(&["deleted"]).await, Some(Standing::Gone));
        assert_eq!(standing(&["", "deleting"]).await, Some(Standing::Gone));
        assert_eq!(standing(&[""]).await, Some(Standing::Gone));
        assert_eq!(standing(&["", "pending", "available"]).await, Some(Standing::Available));
        assert_eq!(standing(&["pending", "failed"]).await, None);
    }
}
