//! The load balancer that a service stands behind, with its listeners and their rules.

pub mod place;

use crate::{
    aws::{Reader, explain::Failure},
    config::model::Config,
    error::{Error, Problem, Result},
    names::Names,
    resource::{
        listener,
        load_balancer::{self, PAGE},
        rule::{self, takes::Takes},
        target_group,
    },
};
use aws_sdk_elasticloadbalancingv2::types::LoadBalancer;
use aws_smithy_types::DateTime;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use place::{Candidate, Family, Overflow, Place, RULES, family, full_of};
use std::{collections::BTreeMap, time::Duration};

/// What is there of it.
#[derive(Debug, Clone, Default)]
pub struct Balancer {
    /// Which one it is.
    pub place: Place,
    /// The load balancer.
    pub found: Option<load_balancer::Observed>,
    /// Its listeners.
    pub listeners: Vec<listener::Observed>,
    /// The listeners' rules, by the listener's ARN.
    pub rules: BTreeMap<String, Vec<rule::Observed>>,
    /// For a preview: the names of load balancers that were made for previews, and have none.
    pub unused: Vec<String>,
}

/// How long after it was made a load balancer that nothing stands behind may still be for somebody.
const BEING_MADE: Duration = Duration::from_mins(15);

/// Reads it: the one that the file names, or for a preview the one that it stands behind or that has room.
/// What that takes does not grow with the previews.
pub async fn observe(aws: &Reader, config: &Config, names: &Names) -> Result<Balancer> {
    let own = Place::own(&config.load_balancer);
    if config.preview_of.is_none() {
        let found = load_balancer::find(aws, &own.name).await?;
        return Ok(read(aws, config, names, own, found.as_ref()).await?);
    }
    let (balancers, groups) = tokio::try_join!(load_balancer::all(aws), target_group::all(aws))?;
    let arn_of = |balancer: &LoadBalancer| balancer.load_balancer_arn().map(str::to_owned);
    let standing: Vec<_> = balancers
        .iter()
        .filter_map(|found| Some((found.load_balancer_name()?.to_owned(), arn_of(found)?)))
        .collect();
    let first = balancers.iter().find(|found| found.load_balancer_name() == Some(&own.name));
    let carried = first.map(LoadBalancer::security_groups).unwrap_or_default();
    let Family { candidates, mut full, empty } =
        family(&own.name, &standing, &groups, &names.target_group);
    // A run that is making one now has hung nothing on it yet.
    let is_old = |name: &String| {
        let found = balancers.iter().find(|found| found.load_balancer_name() == Some(name));
        let made = found.and_then(LoadBalancer::created_time).map_or(i64::MAX, DateTime::secs);
        made.saturating_add(BEING_MADE.as_secs().cast_signed()) < Timestamp::now().as_second()
    };
    let unused: Vec<_> = empty.into_iter().filter(is_old).collect();
    for Candidate { name, arn, is_own, is_home } in candidates {
        let overflow = (!is_own).then(|| Overflow {
            security_groups: carried.iter().cloned().collect(),
            full: full.clone(),
        });
        let there = balancers.iter().find(|found| arn.is_some() && arn_of(found) == arn);
        let place = Place { name, overflow };
        let read = read(aws, config, names, place, there).await?;
        let read = Balancer { unused: unused.clone(), ..read };
        let Some(found) = read.found.as_ref().filter(|_| !is_home) else { return Ok(read) };
        let rules = read.rules.values().map(Vec::len).sum();
        // One of that name which was made for something else is not for previews.
        let is_for_this = is_own || found.settings.overflow_of.as_ref() == Some(&own.name);
        if is_for_this && (rules < RULES || rules < most_rules(aws).await) {
            return Ok(read);
        }
        if is_for_this {
            full.push(full_of(&read.place.name, rules, "rules"));
        }
    }
    let what = format!("no load balancer has room for a preview of `{}`", own.name);
    let problem = Problem { what, found: full, help: None };
    Err(Error::Refused(problem.help("take previews down: ecs-private-deploy preview sweep")))
}

/// How many rules a load balancer takes: somebody may have asked for more. That is only looked at where it
/// matters, and where it cannot be read the quota is what it is for everybody.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeAccountLimits.html>
async fn most_rules(aws: &Reader) -> usize {
    const NAME: &str = "rules-per-application-load-balancer";
    let Ok(limits) = aws.elb.describe_account_limits().page_size(PAGE).send().await else {
        return RULES;
    };
    let limit = limits.limits().iter().find(|limit| limit.name() == Some(NAME));
    limit.and_then(|limit| limit.max()?.parse().ok()).unwrap_or(RULES)
}

async fn read(
    aws: &Reader,
    config: &Config,
    names: &Names,
    place: Place,
    found: Option<&LoadBalancer>,
) -> Result<Balancer, Failure> {
    let Some(found) = found else { return Ok(Balancer { place, ..Balancer::default() }) };
    let (host, path) = place.way(&config.load_balancer);
    let own = &rule::Own {
        target_groups: vec![names.target_group.clone(), names.alternate_target_group.clone()],
        takes: Takes::of(host.as_deref(), path.as_deref()),
    };
    let listeners_and_rules = async {
        let arn = found.load_balancer_arn().unwrap_or_default();
        let listeners = listener::find(aws, arn).await?;
        let arns = listeners.iter().filter_map(|listener| listener.listener_arn());
        let rules = arns.map(|listener| async move {
            Ok((listener.to_owned(), rule::observe(aws, listener, own).await?))
        });
        tokio::try_join!(listener::observe(aws, &listeners, &names.main), try_join_all(rules))
    };
    let (found, (listeners, rules)) =
        tokio::try_join!(load_balancer::observe(aws, found, &names.main), listeners_and_rules)?;
    let rules = rules.into_iter().collect();
    Ok(Balancer { place, found: Some(found), listeners, rules, unused: Vec::new() })
}
