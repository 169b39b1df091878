//! One moto for the topologies of a file, each of which is a VPC of its own.

use super::make::{https, range};
use crate::support::{
    account::Account,
    moto::{Moto, REGION},
    relay::Relay,
};
use aws_sdk_ec2::{
    Client,
    types::{AttributeBooleanValue, Filter, NetworkAcl},
};
use aws_sdk_ecs::config::{Credentials, SharedCredentialsProvider};
use ecs_private_deploy::network::{needs::TaskFacts, verdict::Task};
use serde_json::json;
use std::{cell::RefCell, collections::BTreeSet};

/// The VPC's block in every topology.
pub(super) const BLOCK: &str = "10.42.0.0/16";

/// Where topologies are built.
#[derive(Debug)]
pub(super) struct Lab {
    pub(super) moto: Moto,
    pub(super) relay: Relay,
    pub(super) account: Account,
}

/// A VPC with two private subnets, `a` and `b`, in two zones, each with a route table of its own that
/// leads nowhere; a public one; an internet gateway; a task's group and one for endpoints that admits
/// HTTPS from the VPC. No endpoint, no NAT gateway.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    pub(super) lab: &'a Lab,
    pub(super) vpc: String,
    pub(super) a: String,
    pub(super) b: String,
    pub(super) public: String,
    pub(super) rtb_a: String,
    pub(super) rtb_b: String,
    pub(super) igw: String,
    pub(super) sg_task: String,
    pub(super) sg_endpoint: String,
    /// A task with a log, in `a` and `b`.
    pub(super) task: Task,
    pub(super) facts: TaskFacts,
    /// What each id is called in what is told.
    pub(super) names: RefCell<Vec<(String, String)>>,
}

impl Lab {
    pub(super) async fn start() -> Self {
        let moto = Moto::start().await;
        let relay = Relay::before(moto.port()).await;
        let account = Account::of(&moto.config());
        Self { moto, relay, account }
    }

    /// The same, where IAM decides; the account's things are an administrator's to make.
    pub(super) async fn where_iam_decides() -> Self {
        let mut lab = Self::start().await;
        let keys = lab.user("administrator", &[]).await;
        lab.account =
            Account::of(&lab.moto.config().into_builder().credentials_provider(keys).build());
        lab.moto.enforce_iam().await;
        lab
    }

    /// Keys of a user who may do everything but these.
    pub(super) async fn user(&self, name: &str, denied: &[&str]) -> SharedCredentialsProvider {
        let iam = &self.account.iam;
        iam.create_user().user_name(name).send().await.expect("a user");
        let mut statements = vec![json!({ "Effect": "Allow", "Action": "*", "Resource": "*" })];
        if !denied.is_empty() {
            statements.push(json!({ "Effect": "Deny", "Action": denied, "Resource": "*" }));
        }
        let document = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        let request = iam.put_user_policy().user_name(name).policy_name("may");
        request.policy_document(document).send().await.expect("a policy");
        let made = iam.create_access_key().user_name(name).send().await.expect("a key");
        let key = made.access_key().expect("it");
        let keys =
            Credentials::new(key.access_key_id(), key.secret_access_key(), None, None, "test");
        SharedCredentialsProvider::new(keys)
    }

    pub(super) async fn scene(&self) -> Scene<'_> {
        let Account { ec2, .. } = &self.account;
        let made = ec2.create_vpc().cidr_block(BLOCK).send().await.expect("a VPC");
        let vpc = made.vpc().and_then(|vpc| vpc.vpc_id()).expect("an id").to_owned();
        let on = AttributeBooleanValue::builder().value(true).build();
        let request = ec2.modify_vpc_attribute().vpc_id(&vpc).enable_dns_hostnames(on);
        request.send().await.expect("the attribute is set");
        let (a, b) = self.private_subnets(&vpc).await;
        let public = self.account.subnet(&vpc, "a", "10.42.0.0/24").await;
        let made = ec2.create_internet_gateway().send().await.expect("a gateway");
        let igw = made.internet_gateway().and_then(|found| found.internet_gateway_id());
        let igw = igw.expect("an id").to_owned();
        let request = ec2.attach_internet_gateway().internet_gateway_id(&igw).vpc_id(&vpc);
        request.send().await.expect("it is attached");
        let mut tables = Vec::new();
        for _ in 0..3 {
            tables.push(self.account.route_table(&vpc).await);
        }
        tables.sort();
        let [rtb_a, rtb_b, rtb_public] = tables.try_into().expect("three tables");
        for (table, subnet) in [(&rtb_a, &a), (&rtb_b, &b), (&rtb_public, &public)] {
            self.account.associate(table, subnet).await;
        }
        let mut scene = Scene {
            lab: self,
            task: Task { subnets: set(&[&a, &b]), ..Task::default() },
            facts: TaskFacts {
                region: REGION.to_owned(),
                repositories: Some(set(&[&arn("ecr", "repository/web")])),
                log_groups: Some(set(&[&arn("logs", "log-group:web")])),
                ..TaskFacts::default()
            },
            names: RefCell::default(),
            vpc,
            a,
            b,
            public,
            rtb_a,
            rtb_b,
            igw,
            sg_task: String::new(),
            sg_endpoint: String::new(),
        };
        scene.route(&rtb_public, "0.0.0.0/0", |to| to.gateway_id(&scene.igw)).await;
        scene.sg_task = scene.group("sg-task").await;
        scene.sg_endpoint = scene.group("sg-endpoint").await;
        scene.task.groups = set(&[&scene.sg_task]);
        scene.admit(&scene.sg_endpoint, https().ip_ranges(range(BLOCK)).build()).await;
        scene.resolve(&["AmazonProvidedDNS"]).await;
        scene.name_all(&rtb_public).await;
        scene
    }

    /// In the zones `a` and `b`; made again until their ids are in that order, which is the order of what
    /// is told.
    async fn private_subnets(&self, vpc: &str) -> (String, String) {
        loop {
            let a = self.account.subnet(vpc, "a", "10.42.10.0/24").await;
            let b = self.account.subnet(vpc, "b", "10.42.11.0/24").await;
            if a < b {
                return (a, b);
            }
            for subnet in [a, b] {
                let request = self.account.ec2.delete_subnet().subnet_id(subnet);
                request.send().await.expect("it goes");
            }
        }
    }
}

impl Scene<'_> {
    pub(super) fn ec2(&self) -> &Client {
        &self.lab.account.ec2
    }

    pub(super) fn in_vpc(&self) -> Filter {
        Filter::builder().name("vpc-id").values(&self.vpc).build()
    }

    /// What this id is called from now on.
    pub(super) fn call(&self, id: &str, name: &str) -> String {
        self.names.borrow_mut().push((id.to_owned(), name.to_owned()));
        id.to_owned()
    }

    async fn name_all(&self, rtb_public: &str) {
        let known = [
            (self.vpc.as_str(), "vpc"),
            (&self.a, "a"),
            (&self.b, "b"),
            (&self.public, "public"),
            (&self.rtb_a, "rtb-a"),
            (&self.rtb_b, "rtb-b"),
            (rtb_public, "rtb-public"),
            (&self.igw, "igw"),
        ];
        for (id, name) in known {
            self.call(id, name);
        }
        self.call(&self.main_table().await, "rtb-main");
        let lists = self.ec2().describe_prefix_lists().send().await.expect("prefix lists");
        let s3 = lists.prefix_lists().iter().find(|list| {
            list.prefix_list_name().is_some_and(|name| name.ends_with(&format!("{REGION}.s3")))
        });
        self.call(s3.and_then(|list| list.prefix_list_id()).expect("S3's list"), "pl-s3");
        self.call(&self.default_group().await, "sg-default");
        let request = self.ec2().describe_network_acls().filters(self.in_vpc());
        let acls = request.send().await.expect("ACLs");
        let acl = acls.network_acls().first().and_then(NetworkAcl::network_acl_id);
        self.call(acl.expect("the VPC's own"), "acl-default");
    }

    pub(super) async fn main_table(&self) -> String {
        let main = Filter::builder().name("association.main").values("true").build();
        let request = self.ec2().describe_route_tables().filters(self.in_vpc()).filters(main);
        let found = request.send().await.expect("route tables");
        let table = found.route_tables().first().and_then(|table| table.route_table_id());
        table.expect("the main one").to_owned()
    }

    pub(super) async fn default_group(&self) -> String {
        let request = self.ec2().describe_security_groups().filters(self.in_vpc());
        let found = request.send().await.expect("groups");
        let own =
            found.security_groups().iter().find(|group| group.group_name() == Some("default"));
        own.and_then(|group| group.group_id()).expect("the VPC's own").to_owned()
    }
}

pub(super) fn set(values: &[&str]) -> BTreeSet<String> {
    values.iter().map(|&value| value.to_owned()).collect()
}

pub(super) fn arn(service: &str, rest: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{}:{rest}", crate::support::moto::ACCOUNT)
}
