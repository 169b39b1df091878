//! A VPC of 200 subnets, 50 endpoints and 500 security groups.

use ecs_private_deploy::network::{
    model::{
        Acl, Dns, Endpoint, EndpointKind, Entry, Group, Nat, Peer, PrefixList, Rule, Topology,
    },
    needs::{Exec, TaskFacts},
    net::{ANYWHERE, Net, Ports},
    subnets::{Route, RouteTable, Subnet, Target},
    verdict::Task,
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const REGION: &str = "eu-central-1";
pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const ZONES: [&str; 4] = ["a", "b", "c", "d"];
const SUBNETS: usize = 200;
const GROUPS: usize = 500;
const TABLES: usize = 50;
const ACLS: usize = 20;
/// Those that the task needs come first.
const INTERFACES: [&str; 48] = [
    "ecr.api",
    "ecr.dkr",
    "logs",
    "secretsmanager",
    "ssm",
    "ssmmessages",
    "kms",
    "sqs",
    "sns",
    "sts",
    "events",
    "states",
    "monitoring",
    "ecs",
    "ecs-agent",
    "ecs-telemetry",
    "athena",
    "autoscaling",
    "backup",
    "batch",
    "bedrock",
    "cloudformation",
    "cloudtrail",
    "codebuild",
    "codecommit",
    "codedeploy",
    "config",
    "datasync",
    "dms",
    "ebs",
    "ec2",
    "ec2messages",
    "eks",
    "elasticfilesystem",
    "email-smtp",
    "execute-api",
    "glue",
    "imagebuilder",
    "inspector2",
    "kinesis-streams",
    "lambda",
    "organizations",
    "rds",
    "redshift",
    "servicediscovery",
    "textract",
    "transfer",
    "xray",
];
const ALLOWED: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;

fn net(text: &str) -> Net {
    text.parse().expect("a block")
}

fn set(values: &[&str]) -> BTreeSet<String> {
    values.iter().map(|&value| value.to_owned()).collect()
}

fn id(kind: &str, at: usize) -> String {
    format!("{kind}-{at:017x}")
}

pub(crate) fn facts() -> TaskFacts {
    let arn = |service: &str, rest: &str| format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}");
    TaskFacts {
        region: REGION.to_owned(),
        repositories: Some(set(&[&arn("ecr", "repository/web")])),
        outside: BTreeSet::new(),
        log_groups: Some(set(&[&arn("logs", "log-group:web")])),
        secrets: set(&[&arn("secretsmanager", "secret:db-AbCdEf"), &arn("ssm", "parameter/web")]),
        environment_files: BTreeSet::new(),
        exec: Some(Exec { kms_key: Some(arn("kms", "key/0a1b")), ..Exec::default() }),
        service_connect: false,
        reach: set(&["dynamodb", "sqs", "sts"]),
    }
}

pub(crate) fn task(vpc: &Topology) -> Task {
    Task {
        subnets: vpc.subnets.iter().map(|subnet| subnet.id.clone()).collect(),
        groups: (1..6).map(|at| id("sg", at)).collect(),
        execution_role: Some(format!("arn:aws:iam::{ACCOUNT}:role/web-execution")),
        ..Task::default()
    }
}

pub(crate) fn vpc() -> Topology {
    let prefix_list = |at, service: &str, cidrs: &[&str]| {
        let name = format!("com.amazonaws.{REGION}.{service}");
        let cidrs = Ok(cidrs.iter().map(|cidr| net(cidr)).collect());
        (id("pl", at), PrefixList { name, cidrs })
    };
    let named = PrefixList { name: id("pl", 2), cidrs: Ok(vec![net("192.0.2.0/24")]) };
    let lists = [
        prefix_list(0, "s3", &["52.219.44.0/22", "52.219.168.0/24", "3.5.134.0/23"]),
        prefix_list(1, "dynamodb", &["52.94.17.0/24"]),
        (id("pl", 2), named),
    ];
    let zones: BTreeSet<_> = ZONES.iter().map(|zone| format!("{REGION}{zone}")).collect();
    let asked = ["ecr.api", "ecr.dkr", "kms", "logs", "secretsmanager", "sqs", "ssm", "sts"];
    let asked = asked.iter().chain(&["ssmmessages"]);
    Topology {
        region: REGION.to_owned(),
        account: ACCOUNT.to_owned(),
        vpc: id("vpc", 0),
        owner: ACCOUNT.to_owned(),
        cidrs: vec![net("10.0.0.0/16")],
        subnets: (0..SUBNETS).map(subnet).collect(),
        tables: Ok((0..TABLES).map(table).collect()),
        endpoints: Ok(endpoints()),
        groups: Ok((0..GROUPS).map(|at| (id("sg", at), group(at))).collect()),
        acls: Ok((0..ACLS).map(acl).collect()),
        nats: Ok((0..ZONES.len()).map(nat).collect()),
        dns: Ok(Dns { support: true, hostnames: true }),
        resolvers: Ok(vec!["AmazonProvidedDNS".to_owned()]),
        prefix_lists: Ok(BTreeMap::from(lists)),
        offered: Ok(asked.map(|&service| (service.to_owned(), zones.clone())).collect()),
        interfaces: Ok(()),
    }
}

/// The subnets of a zone are each fourth one.
fn subnet(at: usize) -> Subnet {
    Subnet {
        id: id("subnet", at),
        zone: format!("{REGION}{}", ZONES[at % ZONES.len()]),
        cidr: format!("10.0.{at}.0/24"),
        free_addresses: 200,
        is_ipv6_native: false,
        is_on_outpost: false,
        owner: ACCOUNT.to_owned(),
        block_public_access: "off".to_owned(),
    }
}

/// Four subnets each; the first, which is also the main one, leads to the internet.
fn table(at: usize) -> RouteTable {
    let route = |destination: &str, target| Route {
        destination: destination.to_owned(),
        target,
        is_active: true,
    };
    let out = match at {
        0 => Target::InternetGateway(id("igw", 0)),
        _ => Target::Nat(id("nat", at % ZONES.len())),
    };
    let mut routes = vec![route("10.0.0.0/16", Target::Inside), route("0.0.0.0/0", out)];
    routes.extend(
        (1..20).map(|other| route(&format!("10.{other}.0.0/16"), Target::Elsewhere(id("tgw", 0)))),
    );
    routes.extend([0, 1].map(|list| route(&id("pl", list), Target::Inside)));
    let subnets = (0..4).map(|part| id("subnet", at * 4 + part)).collect();
    RouteTable { id: id("rtb", at), is_main: at == 0, subnets, routes }
}

fn endpoints() -> Vec<Endpoint> {
    let mut endpoints: Vec<_> = INTERFACES
        .iter()
        .enumerate()
        .map(|(at, service)| {
            let stands = (0..ZONES.len()).map(|zone| zone + 4 * at);
            let interface = |subnet: usize| id("eni", subnet);
            let address = |subnet: usize| format!("10.0.{subnet}.10").parse().expect("an address");
            Endpoint {
                id: id("vpce", at),
                service: (*service).to_owned(),
                kind: EndpointKind::Interface,
                state: "available".to_owned(),
                owner: ACCOUNT.to_owned(),
                subnets: stands.clone().map(|at| id("subnet", at)).collect(),
                interfaces: stands.clone().map(interface).collect(),
                addresses: stands.map(|at| (address(at), id("subnet", at))).collect(),
                groups: (10..12).map(|group| id("sg", group + at)).collect(),
                private_dns: true,
                inbound_resolver_only: false,
                tables: BTreeSet::new(),
                policy: Some(if at % 2 == 0 { policy(service) } else { ALLOWED.to_owned() }),
            }
        })
        .collect();
    for (at, service) in ["s3", "dynamodb"].into_iter().enumerate() {
        endpoints.push(Endpoint {
            id: id("vpce", INTERFACES.len() + at),
            service: service.to_owned(),
            kind: EndpointKind::Gateway,
            subnets: BTreeSet::new(),
            interfaces: BTreeSet::new(),
            addresses: BTreeMap::new(),
            groups: BTreeSet::new(),
            private_dns: false,
            tables: (0..TABLES).map(|at| id("rtb", at)).collect(),
            policy: Some(if at == 0 { policy(service) } else { ALLOWED.to_owned() }),
            ..endpoints[0].clone()
        });
    }
    endpoints
}

/// Twenty statements about other things, and one that lets the task's calls through.
fn policy(service: &str) -> String {
    let others = (0..20).map(|at| {
        json!({
            "Sid": format!("Team{at}"),
            "Effect": "Allow",
            "Principal": { "AWS": format!("arn:aws:iam::{ACCOUNT}:role/team-{at}") },
            "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"],
            "Resource": [format!("arn:aws:s3:::team-{at}"), format!("arn:aws:s3:::team-{at}/*")],
        })
    });
    let prefix = service.split('.').next().unwrap_or_default();
    let all = json!({
        "Effect": "Allow", "Principal": "*", "Action": format!("{prefix}:*"), "Resource": "*",
    });
    json!({ "Version": "2012-10-17", "Statement": others.chain([all]).collect::<Vec<_>>() })
        .to_string()
}

/// Ten rules each; each lets everything out, and admits HTTPS from the VPC by its last rule.
fn group(at: usize) -> Group {
    let rule = |port: u16, peer| Rule {
        protocol: "tcp".to_owned(),
        ports: Ports { from: port, to: port },
        peer,
    };
    let cidr = |part: u16| Peer::Cidr(net(&format!("192.168.{part}.0/24")));
    let mut ingress: Vec<_> = (0..4).map(|part| rule(443, cidr(part))).collect();
    ingress.push(rule(443, Peer::Cidr(net("10.0.0.0/16"))));
    ingress.push(rule(443, Peer::PrefixList(id("pl", 2))));
    ingress.push(rule(5432, Peer::Group(id("sg", (at + 1) % GROUPS))));
    let mut egress: Vec<_> = (0..2).map(|part| rule(8080, cidr(part))).collect();
    let all = Peer::Cidr(ANYWHERE);
    egress.push(Rule { protocol: "-1".to_owned(), ports: Ports::ALL, peer: all });
    let name = if at == 0 { "default".to_owned() } else { format!("group-{at}") };
    Group { name, ingress, egress }
}

/// Ten subnets each; ten rules before the one that allows all.
fn acl(at: usize) -> Acl {
    let entry = |number: u16| {
        let entry = Entry {
            allows: number.is_multiple_of(2),
            protocol: "6".to_owned(),
            ports: Ports { from: 22, to: 22 },
            cidr: net(&format!("172.16.{number}.0/24")),
        };
        (number, entry)
    };
    let mut entries: BTreeMap<_, _> = (1..11).map(entry).collect();
    let all = Entry { allows: true, protocol: "-1".to_owned(), ports: Ports::ALL, cidr: ANYWHERE };
    entries.insert(100, all);
    Acl {
        id: id("acl", at),
        is_default: at == 0,
        subnets: (0..10).map(|part| id("subnet", at * 10 + part)).collect(),
        inbound: entries.clone(),
        outbound: entries,
    }
}

fn nat(at: usize) -> Nat {
    Nat {
        id: id("nat", at),
        is_public: true,
        state: "available".to_owned(),
        subnet: Some(id("subnet", at)),
    }
}

/// The same VPC with a break at every kind of hop.
pub(crate) fn broken() -> Topology {
    let mut vpc = vpc();
    for endpoint in vpc.endpoints.iter_mut().flatten() {
        match endpoint.service.as_str() {
            "logs" => endpoint.private_dns = false,
            "secretsmanager" => endpoint.policy = Some(r#"{"Statement":[]}"#.to_owned()),
            "s3" => {
                endpoint.tables = (0..TABLES / 2).map(|at| id("rtb", at)).collect();
                endpoint.policy = Some(policy("ecr"));
            }
            _ => {}
        }
    }
    vpc.endpoints.iter_mut().for_each(|all| all.retain(|one| one.service != "kms"));
    for at in [10, 11] {
        let group = vpc.groups.iter_mut().find_map(|groups| groups.get_mut(&id("sg", at)));
        group.expect("it is there").ingress.clear();
    }
    for table in vpc.tables.iter_mut().flatten().skip(1) {
        table.routes.retain(|route| route.destination != "0.0.0.0/0");
    }
    for acl in vpc.acls.iter_mut().flatten().step_by(2) {
        acl.inbound.remove(&100);
    }
    vpc
}
