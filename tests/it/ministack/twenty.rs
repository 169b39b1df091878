//! Twenty services that are deployed at the same moment behind one load balancer that none of them has
//! made yet.

use crate::support::{
    account::Account,
    ministack::Ministack,
    program::{Program, Run},
    relay::Relay,
};
use ecs_private_deploy::exit;
use futures_util::future::join_all;
use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

const SERVICES: usize = 20;

fn name(number: usize) -> String {
    format!("service-{number:02}")
}

fn host(number: usize) -> String {
    format!("{}.example.com", name(number))
}

/// Without endpoints: MiniStack makes one for each request, whatever its client token says.
fn write(folder: &Path, vpc: &str, number: usize) {
    let name = name(number);
    let file = format!(
        "service: {name}\nregion: eu-central-1\ncluster: twenty\nnetwork: {{ vpc: {vpc}, endpoints: off }}\n\
         image: {{ context: ., cache: none }}\ntask: {{ port: 8080 }}\n\
         load-balancer: {{ name: twenty, host: {} }}\n\
         rollout: {{ desired-count: 1, timeout: 5m }}\n",
        host(number)
    );
    std::fs::write(folder.join("ecs-deploy.yml"), file).expect("the file");
    let dockerfile = format!(
        "FROM busybox:1.37\nRUN mkdir /www && echo '{name}' > /www/index.html\n\
         CMD [\"sh\", \"-c\", \"trap 'exit 0' TERM; httpd -f -p 8080 -h /www & wait\"]\n"
    );
    std::fs::write(folder.join("Dockerfile"), dockerfile).expect("the Dockerfile");
}

#[tokio::test]
async fn all_are_reachable_by_rules_of_their_own() {
    let ministack = Ministack::start().await;
    let account = Account::of(&ministack.config());
    let vpc = account.vpc().await;
    let folders: Vec<_> = (0..SERVICES).map(|_| tempfile::tempdir().expect("a folder")).collect();
    let relay = Relay::before(ministack.port()).await;
    one_of_each(&relay);
    let aws = relay.config();
    let deploys = folders.iter().enumerate().map(|(number, folder)| {
        write(folder.path(), &vpc.id, number);
        Program::new(folder.path(), &["deploy"], &aws)
            .env("ECS_PRIVATE_DEPLOY_REGISTRY", &ministack.registry)
            .run()
    });
    for run in join_all(deploys).await {
        run.ends_with(exit::OK);
    }

    for number in 0..SERVICES {
        says(&ministack, number).await;
    }
    let balancers = account.elb.describe_load_balancers().send().await.expect("load balancers");
    let [balancer] = balancers.load_balancers() else { panic!("one: {balancers:?}") };
    let listeners = account
        .elb
        .describe_listeners()
        .load_balancer_arn(balancer.load_balancer_arn().expect("an ARN"))
        .send()
        .await
        .expect("listeners");
    let [listener] = listeners.listeners() else { panic!("one: {listeners:?}") };
    let rules = account
        .elb
        .describe_rules()
        .listener_arn(listener.listener_arn().expect("an ARN"))
        .send()
        .await
        .expect("rules");
    let own: Vec<_> = rules.rules().iter().filter(|rule| rule.is_default() != Some(true)).collect();
    let priorities: BTreeSet<_> = own.iter().filter_map(|rule| rule.priority()).collect();
    assert_eq!((own.len(), priorities.len()), (SERVICES, SERVICES), "{own:#?}");

    let again = folders.iter().map(|folder| {
        Program::new(folder.path(), &["plan", "--detailed-exitcode"], &aws)
            .env("ECS_PRIVATE_DEPLOY_REGISTRY", &ministack.registry)
            .run()
    });
    let again: Vec<Run> = join_all(again).await;
    for run in again {
        run.ends_with(exit::OK);
    }
}

/// MiniStack takes two rules with one priority and two listeners on one port, and ELB does not.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateRule.html>
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html>
fn one_of_each(relay: &Relay) {
    once(relay, "CreateRule", ["ListenerArn=", "Priority="], "PriorityInUse");
    once(relay, "CreateListener", ["LoadBalancerArn=", "Port="], "DuplicateListener");
}

fn once(relay: &Relay, action: &'static str, key: [&'static str; 2], code: &'static str) {
    let taken = Mutex::new(BTreeSet::new());
    relay.refuse(action, move |body| {
        let value = |name: &str| {
            body.split('&').find_map(|pair| pair.strip_prefix(name)).unwrap_or_default().to_owned()
        };
        let is_free = taken.lock().unwrap_or_else(PoisonError::into_inner).insert(key.map(value));
        let refusal = format!(
            "<ErrorResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">\
             <Error><Type>Sender</Type><Code>{code}</Code><Message>It is taken</Message></Error>\
             <RequestId>test</RequestId></ErrorResponse>"
        );
        (!is_free).then_some(refusal)
    });
}

/// Waits until the load balancer leads to this service; a container takes a moment to listen.
async fn says(ministack: &Ministack, number: usize) {
    let mut last = (0, String::new());
    for _ in 0..150 {
        last = ministack.page_of("twenty", &host(number)).await;
        if (last.0, last.1.trim()) == (200, name(number).as_str()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("{} does not say its name: {last:?}", host(number));
}
