//! A VPC as EC2 tells it, judged.

use crate::support::{
    account::{Account, Vpc},
    moto::{Moto, REGION},
};
use aws_sdk_ec2::types::{IpPermission, IpRange, NetworkAcl, RuleAction, VpcEndpointType};
use ecs_private_deploy::{
    aws::Reader,
    network::{
        diagnose::{Diagnosis, diagnose},
        needs::{TaskFacts, needs},
        verdict::{Task, Verdict},
    },
    world::{topology, vpc},
};
use std::collections::BTreeSet;

struct Scene {
    moto: Moto,
    account: Account,
    vpc: Vpc,
    group: String,
}

impl Scene {
    async fn new() -> Self {
        let moto = Moto::start().await;
        let account = Account::of(&moto.config());
        let vpc = account.vpc().await;
        let made = account.ec2.create_security_group().vpc_id(&vpc.id).group_name("task");
        let made = made.description("task").send().await.expect("a group");
        let group = made.group_id().expect("an id").to_owned();
        Self { moto, account, vpc, group }
    }

    async fn admit_https(&self) {
        let range = IpRange::builder().cidr_ip("10.42.0.0/16").build();
        let rule = IpPermission::builder().ip_protocol("tcp").from_port(443).to_port(443);
        let request = self.account.ec2.authorize_security_group_ingress().group_id(&self.group);
        let rule = rule.ip_ranges(range).build();
        request.ip_permissions(rule).send().await.expect("it is admitted");
    }

    async fn endpoint(&self, service: &str) {
        let name = format!("com.amazonaws.{REGION}.{service}");
        let request = self.account.ec2.create_vpc_endpoint().vpc_id(&self.vpc.id);
        let request = request.service_name(name);
        let request = if service == "s3" {
            let tables = self.vpc.route_tables.clone();
            request.vpc_endpoint_type(VpcEndpointType::Gateway).set_route_table_ids(Some(tables))
        } else {
            request
                .vpc_endpoint_type(VpcEndpointType::Interface)
                .private_dns_enabled(true)
                .security_group_ids(&self.group)
                .set_subnet_ids(Some(self.vpc.private.clone()))
        };
        request.send().await.expect("an endpoint");
    }

    async fn judged(&self) -> Diagnosis {
        let aws = Reader::new(&self.moto.config()).await.expect("a reader");
        let found = vpc::choose(&aws, Some(&self.vpc.id)).await.expect("the VPC");
        let facts = TaskFacts {
            region: REGION.to_owned(),
            log_groups: Some(BTreeSet::new()),
            ..TaskFacts::default()
        };
        let needs = needs(&facts);
        let services = needs.iter().map(|need| need.service.clone()).collect();
        let topology = topology::observe(&aws, &found, &services).await.expect("it is read");
        let task = Task {
            subnets: self.vpc.private.iter().cloned().collect(),
            groups: BTreeSet::from([self.group.clone()]),
            ..Task::default()
        };
        diagnose(&topology, &task, &needs)
    }

    /// A word for each verdict, once.
    async fn words(&self) -> Vec<String> {
        let words = self.judged().await.findings.into_iter().map(|finding| match finding.verdict {
            Verdict::Reachable(_) => format!("{} reachable", finding.need.service),
            Verdict::Unreachable(broken) => format!("{} {:?}", finding.need.service, broken.hop),
            Verdict::Unknown(why) => {
                format!("{} unknown, {}", finding.need.service, why.join("; "))
            }
        });
        words.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

#[tokio::test]
async fn a_vpc_without_endpoints_and_with_them() {
    let scene = Scene::new().await;
    insta::assert_debug_snapshot!(scene.words().await, @r#"
    [
        "ecr.api Route",
        "ecr.dkr Route",
        "logs Route",
        "s3 Route",
    ]
    "#);
    for service in ["ecr.api", "ecr.dkr", "logs", "s3"] {
        scene.endpoint(service).await;
    }
    insta::assert_debug_snapshot!(scene.words().await, @r#"
    [
        "ecr.api EndpointIngress",
        "ecr.dkr EndpointIngress",
        "logs EndpointIngress",
        "s3 reachable",
    ]
    "#);
    scene.admit_https().await;
    insta::assert_debug_snapshot!(scene.words().await, @r#"
    [
        "ecr.api reachable",
        "ecr.dkr reachable",
        "logs reachable",
        "s3 reachable",
    ]
    "#);
    let diagnosis = scene.judged().await;
    assert_eq!((diagnosis.problems, diagnosis.warnings), (vec![], vec![]));
}

#[tokio::test]
async fn an_acl_of_ones_own_begins_with_nothing_allowed() {
    let scene = Scene::new().await;
    for service in ["ecr.api", "ecr.dkr", "logs", "s3"] {
        scene.endpoint(service).await;
    }
    scene.admit_https().await;
    let ec2 = &scene.account.ec2;
    let made = ec2.create_network_acl().vpc_id(&scene.vpc.id).send().await.expect("an ACL");
    let acl = made.network_acl().and_then(|acl| acl.network_acl_id()).expect("an id").to_owned();
    let all = ec2.describe_network_acls().send().await.expect("ACLs");
    let associations = all.network_acls().iter().flat_map(NetworkAcl::associations);
    for association in associations {
        if association.subnet_id().is_some_and(|id| scene.vpc.private[0] == id) {
            let id = association.network_acl_association_id().expect("an id");
            let request = ec2.replace_network_acl_association().association_id(id);
            request.network_acl_id(&acl).send().await.expect("it is replaced");
        }
    }
    insta::assert_debug_snapshot!(scene.words().await, @r#"
    [
        "ecr.api EndpointAcl",
        "ecr.api TaskAcl",
        "ecr.dkr EndpointAcl",
        "ecr.dkr TaskAcl",
        "logs EndpointAcl",
        "logs TaskAcl",
        "s3 TaskAcl",
        "s3 reachable",
    ]
    "#);
    for (egress, from, to) in [(true, 443, 443), (false, 1024, 65535)] {
        let range = aws_sdk_ec2::types::PortRange::builder().from(from).to(to).build();
        let request = ec2.create_network_acl_entry().network_acl_id(&acl).rule_number(100);
        let request = request.protocol("6").rule_action(RuleAction::Allow).egress(egress);
        let request = request.cidr_block("0.0.0.0/0").port_range(range);
        request.send().await.expect("an entry");
    }
    insta::assert_debug_snapshot!(scene.words().await, @r#"
    [
        "ecr.api EndpointAcl",
        "ecr.api reachable",
        "ecr.dkr EndpointAcl",
        "ecr.dkr reachable",
        "logs EndpointAcl",
        "logs reachable",
        "s3 reachable",
    ]
    "#);
}
