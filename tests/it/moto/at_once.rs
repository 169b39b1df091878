//! Twenty runs at the same time.

use super::{
    ground::{Ground, Site},
    states::load_balancer_in,
};
use crate::support::program::Run;
use aws_sdk_elasticloadbalancingv2::types::Rule;
use ecs_private_deploy::exit;
use futures_util::future::join_all;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

const RUNS: usize = 20;

/// Deploys every file at the same time.
async fn deploy(site: &Site, files: &[String]) -> Vec<Run> {
    join_all(files.iter().map(|file| async { site.run(&["deploy", "--config", file]).await })).await
}

async fn is_as_planned(site: &Site, file: &str) -> bool {
    let run = site.run(&["plan", "--config", file, "--format", "json"]).await;
    run.ends_with(exit::OK).json()["steps"] == json!([])
}

/// The rules of all listeners, the default ones left out.
async fn rules(site: &Site) -> Vec<Rule> {
    let elb = &site.account.elb;
    let balancers = elb.describe_load_balancers().send().await.expect("load balancers");
    let [balancer] = balancers.load_balancers() else { panic!("one: {balancers:?}") };
    let arn = balancer.load_balancer_arn().expect("an ARN");
    let listeners = elb.describe_listeners().load_balancer_arn(arn).send().await;
    let listeners = listeners.expect("listeners");
    let [listener] = listeners.listeners() else { panic!("one: {listeners:?}") };
    let arn = listener.listener_arn().expect("an ARN");
    let found = elb.describe_rules().listener_arn(arn).send().await.expect("rules");
    let mut rules = found.rules.unwrap_or_default();
    rules.retain(|rule| rule.is_default() != Some(true));
    rules
}

/// Twenty versions of one service, once where nothing stands and once where it does.
#[tokio::test]
async fn one_service() {
    let ground = Ground::new().await;
    let site = ground.site(0).await;
    for round in ["first", "second"] {
        let files: Vec<_> = (0..RUNS).map(|run| format!("{round}-{run}.yml")).collect();
        for file in &files {
            let task = format!("task: {{ port: 8080, environment: {{ VERSION: {file} }} }}");
            let host = "load-balancer: { host: web.example.com }";
            site.write_as(file, "web", &format!("{task}\n{host}\n"));
        }
        let runs = deploy(&site, &files).await;
        let mut succeeded = 0;
        for run in runs {
            let is_superseded = run.stderr.contains("took the place of this one");
            succeeded += usize::from(!is_superseded);
            run.ends_with(if is_superseded { exit::ROLLOUT_FAILED } else { exit::OK });
        }
        assert!(succeeded > 0, "one wins");
        let mut winners = Vec::new();
        for file in &files {
            if is_as_planned(&site, file).await {
                winners.push(file);
            }
        }
        assert_eq!(winners.len(), 1, "one version stands: {winners:?}");
        assert_eq!(rules(&site).await.len(), 1);
        // Ours, and the one that somebody else has made.
        assert_eq!(site.account.endpoints(&site.vpc.id).await.len(), 4 + 1);
    }
    let bare = ground.site(1).await.standing().await;
    site.run(&["destroy", "--yes", "--config", "first-0.yml"]).await.ends_with(exit::OK);
    super::states::same(&bare, &site.standing().await);
}

#[tokio::test]
async fn twenty_services_on_a_load_balancer_that_is_there() {
    let ground = Ground::new().await;
    let site = ground.site(0).await;
    load_balancer_in(&site.account, &site.vpc).await;
    services(&site, RUNS).await;
}

/// They make the load balancer, its listener, the endpoints and the cluster all at once. moto takes ten tags
/// of a load balancer, where ELB takes fifty, and each service has one there.
#[tokio::test]
async fn eight_services_in_an_empty_vpc() {
    let ground = Ground::new().await;
    services(&ground.site(0).await, 8).await;
}

/// Deploys so many services at the same time, on one load balancer and in one cluster, and takes them down.
async fn services(site: &Site, count: usize) {
    let bare = site.standing().await;
    let service = |number: usize| format!("service-{number}");
    let files: Vec<_> = (0..count).map(|number| format!("{}.yml", service(number))).collect();
    for (number, file) in files.iter().enumerate() {
        let name = service(number);
        let rest = format!(
            "cluster: shared\ntask: {{ port: 8080 }}\n\
             load-balancer: {{ name: shared, host: {name}.example.com }}\n"
        );
        site.write_as(file, &name, &rest);
    }
    for run in deploy(site, &files).await {
        run.ends_with(exit::OK);
    }
    let rules = rules(site).await;
    let priorities: BTreeSet<_> = rules.iter().filter_map(Rule::priority).collect();
    assert_eq!((rules.len(), priorities.len()), (count, count), "{rules:?}");
    let leads: BTreeMap<_, _> = rules.iter().map(lead).collect();
    let expected: BTreeMap<_, _> =
        (0..count).map(|number| (service(number), service(number))).collect();
    assert_eq!(leads, expected);
    let found = site.account.ecs.list_services().cluster("shared").max_results(100).send().await;
    assert_eq!(found.expect("services").service_arns().len(), count);
    // Ours, and the one that somebody else has made.
    assert_eq!(site.account.endpoints(&site.vpc.id).await.len(), 4 + 1);
    for file in &files {
        assert!(is_as_planned(site, file).await, "{file}");
    }

    // The last one to go takes down what they shared.
    for file in &files {
        site.run(&["destroy", "--yes", "--config", file]).await.ends_with(exit::OK);
    }
    super::states::same(&bare, &site.standing().await);
}

/// The name in the rule's host, and the target group that it leads to.
fn lead(rule: &Rule) -> (String, String) {
    let host = rule.conditions()[0].host_header_config().expect("a host").values()[0].as_str();
    let group = rule.actions()[0].target_group_arn().expect("a group");
    let group = group.split('/').nth(1).expect("a name");
    (host.trim_end_matches(".example.com").to_owned(), group.to_owned())
}
