//! The places behind load balancers, which ELB counts and moto does not.
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html>

use super::super::lane::{Request, error, field};
use std::collections::{BTreeMap, BTreeSet};

/// Target groups of one load balancer, which no support case raises, and its rules.
const TARGET_GROUPS: usize = 100;
const RULES: usize = 100;

/// The rules that stand: by ARN the load balancer and the target group that it leads to.
#[derive(Debug, Default)]
pub(super) struct Places(BTreeMap<String, (String, String)>);

/// `app/NAME/ID` of a listener's ARN, or a rule's.
fn balancer(arn: &str) -> String {
    arn.split('/').skip(1).take(3).collect::<Vec<_>>().join("/")
}

fn decoded(request: &Request, name: &str) -> String {
    field(&request.body, name).unwrap_or_default().replace("%3A", ":").replace("%2F", "/")
}

fn wanted(request: &Request) -> (String, String) {
    let group = decoded(request, "Actions.member.1.TargetGroupArn");
    (balancer(&decoded(request, "ListenerArn")), group)
}

impl Places {
    /// What ELB answers where there is no place.
    pub(super) fn refusal(&self, request: &Request) -> Option<Vec<u8>> {
        let (wanted, group) = wanted(request);
        let rules: Vec<_> = self.0.values().filter(|(balancer, _)| *balancer == wanted).collect();
        let groups: BTreeSet<_> = rules.iter().map(|(_, group)| group).collect();
        let code = if groups.len() >= TARGET_GROUPS && !groups.contains(&group) {
            "TooManyUniqueTargetGroupsPerLoadBalancer"
        } else if rules.len() >= RULES {
            "TooManyRules"
        } else {
            return None;
        };
        Some(error(&request.service, code, "a quota is reached", 400))
    }

    pub(super) fn taken(&mut self, request: &Request, answer: &str) {
        let arn = answer.split_once("<RuleArn>").and_then(|(_, rest)| rest.split_once('<'));
        let arn = arn.expect("moto tells the rule's ARN").0.to_owned();
        self.0.insert(arn, wanted(request));
    }

    pub(super) fn left(&mut self, request: &Request) {
        self.0.remove(&decoded(request, "RuleArn"));
    }
}
