//! ELB's way of a request: the rules of the listener in the order of their priorities, what a rule
//! rewrites, and a target of the group that it leads to. MiniStack keeps the rewrites of rules and sends
//! requests on without them.
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-transforms.html>

use super::balancer::get_from;
use aws_sdk_elasticloadbalancingv2::{
    Client,
    types::{
        HostHeaderConditionConfig, PathPatternConditionConfig, Rule, RuleCondition,
        UrlRewriteConfig,
    },
};
use regex_lite::Regex;

/// Asks for the page of a host and a path behind the load balancer; yields status and body.
pub(crate) async fn page(elb: &Client, balancer: &str, host: &str, path: &str) -> (u16, String) {
    let found = elb.describe_load_balancers().names(balancer).send().await.expect("a balancer");
    let arn = found.load_balancers()[0].load_balancer_arn().expect("an ARN");
    let listeners = elb.describe_listeners().load_balancer_arn(arn).send().await;
    let listeners = listeners.expect("listeners");
    let [listener] = listeners.listeners() else { panic!("one listener: {listeners:?}") };
    let arn = listener.listener_arn().expect("an ARN");
    let rules = elb.describe_rules().listener_arn(arn).send().await.expect("rules");
    let mut rules = rules.rules.unwrap_or_default();
    // The default one has a word in the place of a number, and comes last.
    rules
        .sort_by_key(|rule| rule.priority().and_then(|text| text.parse().ok()).unwrap_or(u32::MAX));
    let fits =
        |rule: &&Rule| rule.conditions().iter().all(|condition| is_met(condition, host, path));
    let rule = rules.iter().find(fits).expect("the default rule fits");
    let Some(group) = rule.actions().iter().find_map(|action| action.target_group_arn()) else {
        return (404, "the default rule".to_owned());
    };
    let path = rewritten(rule, path);
    let health = elb.describe_target_health().target_group_arn(group).send().await;
    let health = health.expect("targets");
    for target in health.target_health_descriptions().iter().filter_map(|found| found.target()) {
        let (id, port) = (target.id().unwrap_or_default(), target.port().unwrap_or_default());
        if let Ok(answer) = get_from(&format!("{id}:{port}"), host, &path).await {
            return answer;
        }
    }
    (503, "no target answers".to_owned())
}

fn is_met(condition: &RuleCondition, host: &str, path: &str) -> bool {
    let values = |config: Option<&[String]>| config.unwrap_or_default().to_vec();
    match condition.field() {
        Some("host-header") => {
            let hosts =
                values(condition.host_header_config().map(HostHeaderConditionConfig::values));
            hosts.iter().any(|wanted| wanted.eq_ignore_ascii_case(host))
        }
        Some("path-pattern") => {
            let paths =
                values(condition.path_pattern_config().map(PathPatternConditionConfig::values));
            paths.iter().any(|wanted| match wanted.strip_suffix('*') {
                Some(start) => path.starts_with(start),
                None => path == wanted,
            })
        }
        other => panic!("a condition on {other:?}"),
    }
}

fn rewritten(rule: &Rule, path: &str) -> String {
    let mut path = path.to_owned();
    let configs = rule.transforms().iter().filter_map(|transform| transform.url_rewrite_config());
    for rewrite in configs.flat_map(UrlRewriteConfig::rewrites) {
        let regex = Regex::new(rewrite.regex().expect("one")).expect("a regular expression");
        path = regex.replace(&path, rewrite.replace().expect("one")).into_owned();
    }
    path
}
