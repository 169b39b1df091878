//! Keeps this program's calls inside AWS's buckets, all of them in one place, so that no caller has to
//! think of it. A bucket that AWS says is empty is empty here too: others draw from it as well, and
//! calls that wait for it to refill do not make it worse. The SDK's own adaptive mode has one rate for
//! all calls of a service and goes down to one call in two seconds after a single throttle, the calls
//! that follow the rollout included; AWS's buckets are apart, so these are.

use super::buckets::{Rate, SERVICES, Service, fits};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// All buckets, full at first.
#[derive(Debug)]
pub(super) struct Limiter {
    services: Vec<(&'static Service, Option<Bucket>, Vec<Bucket>)>,
}

impl Default for Limiter {
    fn default() -> Self {
        let buckets = |service: &'static Service| {
            let some = service.some.iter().map(|(_, rate)| Bucket::full(*rate)).collect();
            (service, service.every.map(Bucket::full), some)
        };
        Self { services: SERVICES.iter().map(buckets).collect() }
    }
}

impl Limiter {
    /// Takes a place in the call's buckets; yields how long it has to wait there.
    pub(super) fn take(&self, service: &str, operation: &str) -> Duration {
        let now = Instant::now();
        self.of(service, operation).map(|bucket| bucket.take(now)).max().unwrap_or_default()
    }

    /// AWS said that the call's bucket is empty. Which of two it means it does not say: it is the smaller
    /// one as a rule.
    pub(super) fn drain(&self, service: &str, operation: &str) {
        if let Some(bucket) = self.of(service, operation).last() {
            bucket.drain(Instant::now());
        }
    }

    /// The buckets that the call draws from, the service's own first.
    fn of(&self, service: &str, operation: &str) -> impl Iterator<Item = &Bucket> {
        let found = self.services.iter().find(|(found, ..)| found.name == service);
        found.into_iter().flat_map(move |(service, every, some)| {
            let fitting =
                service.some.iter().zip(some).find(|((patterns, _), _)| {
                    patterns.iter().any(|pattern| fits(pattern, operation))
                });
            every.iter().chain(fitting.map(|(_, bucket)| bucket))
        })
    }
}

/// A bucket that refills at a steady rate. Below zero it holds who waits.
#[derive(Debug)]
struct Bucket {
    rate: Rate,
    state: Mutex<(f64, Option<Instant>)>,
}

impl Bucket {
    fn full(rate: Rate) -> Self {
        Self { rate, state: Mutex::new((rate.0, None)) }
    }

    fn take(&self, now: Instant) -> Duration {
        let left = self.update(now, |left| left - 1.0);
        Duration::from_secs_f64((-left).max(0.0) / self.rate.1)
    }

    fn drain(&self, now: Instant) {
        self.update(now, |left| left.min(0.0));
    }

    fn update(&self, now: Instant, change: impl FnOnce(f64) -> f64) -> f64 {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, since) = *state;
        let passed = now.saturating_duration_since(since.unwrap_or(now)).as_secs_f64();
        let left = change(passed.mul_add(self.rate.1, left).min(self.rate.0));
        *state = (left, Some(now));
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_fifth_endpoint_waits_for_the_refill() {
        let limiter = Limiter::default();
        let take = || limiter.take("ec2", "CreateVpcEndpoint").as_secs_f64();
        assert!((0..4).all(|_| take() == 0.0));
        assert_eq!(format!("{:.1} {:.1}", take(), take()), "3.3 6.7");
        assert!(limiter.take("ec2", "DeleteVpcEndpoints").is_zero(), "it has its own");
        assert!(limiter.take("ec2", "DescribeVpcEndpoints").is_zero());
        tokio::time::advance(Duration::from_secs(20)).await;
        assert_eq!(format!("{:.1}", take()), "0.0");
    }

    #[tokio::test(start_paused = true)]
    async fn all_calls_of_elb_share_one_bucket_besides_their_own() {
        let limiter = Limiter::default();
        let take = |operation| limiter.take("elasticloadbalancing", operation).as_secs_f64();
        assert!((0..20).all(|_| take("CreateRule") == 0.0));
        assert_eq!(format!("{:.2}", take("ModifyListener")), "0.33");
        assert!((0..19).all(|_| take("DescribeRules") == 0.0));
        assert_eq!(format!("{:.2}", take("DescribeRules")), "0.10");
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_that_aws_calls_empty_is_empty() {
        let limiter = Limiter::default();
        limiter.drain("ecs", "RegisterTaskDefinition");
        assert_eq!(limiter.take("ecs", "DeregisterTaskDefinition"), Duration::from_secs(1));
        assert!(limiter.take("ecs", "DescribeServices").is_zero());
        limiter.drain("iam", "CreateRole");
        assert!(limiter.take("iam", "CreateRole").is_zero(), "nobody knows IAM's");
    }

    #[tokio::test(start_paused = true)]
    async fn an_ordinary_deploy_never_waits() {
        let limiter = Limiter::default();
        let mut calls = vec![("ec2", "CreateVpcEndpoint"); 4];
        calls.extend([("elasticloadbalancing", "DescribeTags"); 20]);
        calls.extend([("elasticloadbalancing", "CreateListener"); 10]);
        calls.extend([("ecs", "RegisterTaskDefinition"), ("ecs", "CreateService")]);
        calls.extend([("ecs", "DescribeServices"); 60]);
        for (service, operation) in calls {
            assert!(limiter.take(service, operation).is_zero(), "{operation}");
        }
    }
}
