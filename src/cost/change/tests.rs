use super::*;
use crate::address::{Address, Kind};
use indexmap::IndexMap;
use serde_json::json;
use std::collections::BTreeSet;

fn zones(count: usize) -> BTreeSet<String> {
    (0..count).map(|zone| format!("subnet-{zone}")).collect()
}

fn endpoint(subnets: usize) -> endpoint::Settings {
    endpoint::Settings {
        service_name: "com.amazonaws.ap-northeast-2.x".to_owned(),
        endpoint_type: if subnets == 0 { "Gateway" } else { "Interface" }.to_owned(),
        vpc: "vpc-1".to_owned(),
        private_dns: Some(true),
        subnets: zones(subnets),
        security_groups: BTreeSet::new(),
        route_tables: BTreeSet::new(),
        stands_on: BTreeSet::new(),
        is_available: true,
        is_ours: true,
        used_by_this_stack: Some(true),
    }
}

fn balancer(subnets: usize) -> load_balancer::Settings {
    load_balancer::Settings {
        name: "web".to_owned(),
        scheme: "internet-facing".to_owned(),
        subnets: zones(subnets),
        security_groups: BTreeSet::new(),
        drop_invalid_headers: true,
        used_by_this_stack: true,
        overflow_of: None,
    }
}

fn definition(cpu: &str, architecture: &str) -> task_definition::Settings {
    let document = json!({
        "family": "web",
        "cpu": cpu,
        "memory": "1024",
        "runtimePlatform": {"cpuArchitecture": architecture},
    });
    task_definition::Settings { document, late: IndexMap::new() }
}

fn service(desired_count: Option<u32>) -> service::Settings {
    service::Settings { desired_count, subnets: zones(2), ..service::sample::settings() }
}

fn create<S>(to: S) -> Action<S> {
    Action::Create(to)
}

fn update<S>(from: S, to: S) -> Action<S> {
    Action::Update { id: "id".to_owned(), from, to }
}

fn delete<S>(settings: S) -> Action<S> {
    Action::Delete { id: "id".to_owned(), settings, after: Vec::new() }
}

fn told(region: &str, changes: impl IntoIterator<Item = Change>) -> Option<String> {
    let mut plan = Plan::default();
    for (index, change) in changes.into_iter().enumerate() {
        plan.add(Address::new(Kind::Endpoint, index.to_string()), Some(change), "why");
    }
    line(&plan, region, &PriceList::own())
}

fn everything<S>(of: impl Fn() -> S) -> Vec<S> {
    (0..3).map(|_| of()).collect()
}

#[test]
fn a_first_deploy_adds_everything() {
    let mut changes = everything(|| Change::Endpoint(create(endpoint(2))));
    changes.extend([
        Change::Endpoint(create(endpoint(0))),
        Change::LoadBalancer(create(balancer(2))),
        Change::TaskDefinition(create(definition("512", "X86_64"))),
        Change::Service(create(service(Some(2)))),
    ]);
    let line = told("ap-northeast-2", changes).expect("it costs");
    insta::assert_snapshot!(line, @"adds about 128 USD a month before traffic (3 interface endpoints in 2 zones 56.94, load balancer with 1 LCU 22.27, its 2 public IPv4 addresses 7.30, 2 tasks on Fargate x86 with 0.5 vCPU and 1 GB 41.45), at prices of 2026-10-05");
}

#[test]
fn taking_it_down_takes_as_much_off_the_bill() {
    let mut changes = everything(|| Change::Endpoint(delete(endpoint(2))));
    changes.extend([
        Change::LoadBalancer(delete(balancer(2))),
        Change::TaskDefinition(delete(definition("512", "X86_64"))),
        Change::Service(delete(service(Some(2)))),
    ]);
    let line = told("ap-northeast-2", changes).expect("it costs");
    insta::assert_snapshot!(line, @"takes about 128 USD a month off the bill (3 interface endpoints in 2 zones 56.94, load balancer with 1 LCU 22.27, its 2 public IPv4 addresses 7.30, 2 tasks on Fargate x86 with 0.5 vCPU and 1 GB 41.45), at prices of 2026-10-05");
}

#[test]
fn a_new_image_changes_nothing_that_is_paid_by_the_month() {
    let definition = || definition("512", "X86_64");
    let changes = [
        Change::TaskDefinition(update(definition(), definition())),
        Change::Service(update(service(Some(2)), service(Some(2)))),
        Change::Endpoint(update(endpoint(2), endpoint(2))),
    ];
    assert_eq!(told("ap-northeast-2", changes), None);
    assert_eq!(told("mars-north-1", []), None);
}

#[test]
fn one_more_zone_is_an_interface_and_an_address_more() {
    let changes = [
        Change::Endpoint(update(endpoint(2), endpoint(3))),
        Change::LoadBalancer(update(balancer(2), balancer(3))),
    ];
    let line = told("us-east-1", changes).expect("it costs");
    insta::assert_snapshot!(line, @"adds about 11 USD a month before traffic (1 endpoint interface 7.30, its public IPv4 address 3.65), at prices of 2026-09-23");
}

#[test]
fn other_tasks_cost_the_difference() {
    let changes = [
        Change::TaskDefinition(update(definition("512", "X86_64"), definition("512", "ARM64"))),
        Change::Service(update(service(Some(3)), service(Some(3)))),
    ];
    let line = told("us-east-1", changes).expect("it costs");
    insta::assert_snapshot!(line, @"takes about 11 USD a month off the bill (3 tasks on Fargate Arm with 0.5 vCPU and 1 GB instead of 3 tasks on Fargate x86 with 0.5 vCPU and 1 GB 10.81), at prices of 2026-09-23");
}

#[test]
fn what_is_not_known_is_said_and_not_guessed() {
    let line = told(
        "eu-central-1",
        [
            Change::LoadBalancer(create(balancer(2))),
            Change::TaskDefinition(create(definition("512", "ARM64"))),
            Change::Service(create(service(None))),
        ],
    );
    insta::assert_snapshot!(line.expect("it costs"), @"adds about 33 USD a month before traffic (load balancer with 1 LCU 25.55, its 2 public IPv4 addresses 7.30), at prices of 2026-07-07; without 1 task on Fargate Arm with 0.5 vCPU and 1 GB, which has no price here");
    let line = told("mars-north-1", [Change::LoadBalancer(create(balancer(2)))]);
    insta::assert_snapshot!(line.expect("it costs"), @"not known, because there are no prices of `mars-north-1`: `cost --prices FILE` takes them");
}

#[test]
fn the_plan_shows_the_line_under_its_counts_and_in_its_json_only_where_there_is_one() {
    let mut plan = Plan::default();
    let address = Address::new(Kind::LoadBalancer, "web");
    plan.add(address, Some(Change::LoadBalancer(create(balancer(2)))), "why");
    let keys = |plan: &Plan| {
        let json = serde_json::to_value(plan.view()).expect("plain data");
        json.as_object().expect("an object").keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(keys(&plan), ["steps", "unchanged", "warnings", "addresses"]);
    plan.cost = Some("adds about 30 USD".to_owned());
    assert_eq!(keys(&plan), ["steps", "unchanged", "warnings", "addresses", "cost"]);
    let shown = plan.view().to_string();
    assert!(shown.ends_with("1 to create, 0 unchanged\ncost: adds about 30 USD\n"), "{shown}");
    let markdown = crate::plan::view::markdown(&plan.view());
    assert!(markdown.contains("\nCost: adds about 30 USD\n"), "{markdown}");
}
