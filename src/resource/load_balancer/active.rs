//! Waiting for a load balancer that was just made.

use crate::aws::{
    Writer,
    explain::{Explain as _, Failure},
    settle::{Settling, is_not_known_yet},
};
use aws_sdk_elasticloadbalancingv2::types::{
    LoadBalancer, LoadBalancerState, LoadBalancerStateEnum,
};
use std::time::Duration;

/// A new load balancer is `provisioning` for two or three minutes.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#load-balancer-state>
const PAUSE: Duration = Duration::from_secs(3);
const ATTEMPTS: u32 = 200;

pub(super) async fn active(aws: &Writer, arn: &str) -> Result<(), Failure> {
    let on = format!("load balancer {arn}");
    for attempt in 0..ATTEMPTS {
        let found = aws
            .settled(Settling::MADE, is_not_known_yet, async || {
                let request = aws.aws.elb.describe_load_balancers().load_balancer_arns(arn);
                request.send().await.explain("elasticloadbalancing:DescribeLoadBalancers", &on)
            })
            .await?;
        let state = found.load_balancers().first().and_then(LoadBalancer::state);
        match state.and_then(LoadBalancerState::code) {
            Some(LoadBalancerStateEnum::Provisioning) => {
                if attempt == 0 {
                    aws.tell(format!("{on}: waiting for it to become active"));
                }
                tokio::time::sleep(PAUSE).await;
            }
            Some(LoadBalancerStateEnum::Failed) => {
                let why = state.and_then(LoadBalancerState::reason).unwrap_or_default();
                return Err(unusable(on, format!("it could not be set up: {why}")));
            }
            _ => return Ok(()),
        }
    }
    Err(unusable(on, "it is still being set up after ten minutes".to_owned()))
}

fn unusable(on: String, message: String) -> Failure {
    Failure {
        operation: "elasticloadbalancing:DescribeLoadBalancers",
        on,
        code: Some("LoadBalancerState".to_owned()),
        message,
        request_id: None,
    }
}
