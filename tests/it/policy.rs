//! The policies against the program's own sources: what it calls is allowed, and nothing else.

use ecs_private_deploy::{
    config,
    policy::{
        self,
        subject::{Purpose, Subject},
    },
};
use std::{collections::BTreeSet, fs, path::Path};

/// A file that asks for everything.
const WHOLE: &str = "\
service: web
image: { pull-through: ensure }
task: { definition: task.json, container: web, port: 8080 }
network: { adopt: true, dns: ensure }
load-balancer: { name: shared, certificate: \"arn:aws:acm:eu-west-1:123456789012:certificate/a\", host: web.example.com }
rollout:
  strategy: canary
  canary: { percent: 5, bake-time: 10m }
  pause: { at: [POST_TEST_TRAFFIC_SHIFT] }
  alarms: [web-5xx]
run: [{ name: migrate, command: [./migrate], before: rollout }]
preview:
  host: \"pr-{number}.example.com\"
  certificate: \"arn:aws:acm:eu-west-1:123456789012:certificate/b\"
  spot: true
";
const TASK: &str = r#"{"cpu": "256", "memory": "512", "requiresCompatibilities": ["FARGATE"], "containerDefinitions": [
    {"name": "web", "image": "x", "portMappings": [{"containerPort": 8080}],
     "secrets": [{"name": "KEY", "valueFrom": "/web/key"}],
     "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/web"}}},
    {"name": "side", "image": "nginx:1.29"}
]}"#;

/// What tasks and GitHub's runs need, and what needs no permission.
const OTHERS: [&str; 11] = [
    "kms:Decrypt",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "s3:GetObject",
    "s3:PutObject",
    "secretsmanager:GetSecretValue",
    "ssm:GetParameters",
    "sts:AssumeRole",
    "sts:AssumeRoleWithWebIdentity",
    "sts:GetCallerIdentity",
    "sts:TagSession",
];
/// What AWS asks for beside what is called: for what is made with tags, for roles that are passed on, and in
/// one service's name at another.
const BESIDE: [&str; 13] = [
    "cloudwatch:DescribeAlarms",
    "ec2:DescribeAccountAttributes",
    "ec2:DescribeAddresses",
    "ec2:DescribeInternetGateways",
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:TagResource",
    "ecr:UploadLayerPart",
    "iam:CreateServiceLinkedRole",
    "iam:PassRole",
    "iam:TagRole",
    "logs:TagResource",
    "route53:AssociateVPCWithHostedZone",
];

fn sources(folder: &Path, texts: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() && !path.ends_with("policy") {
            sources(&path, texts);
        } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("policy.rs") {
            texts.push(fs::read_to_string(&path).expect("a source"));
        }
    }
}

/// `"ec2:DescribeVpcs"` wherever it stands: in what is called, and in what a step says that it calls.
fn named(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').filter(|word| {
        word.split_once(':').is_some_and(|(service, name)| {
            let is_service = [
                "acm",
                "cloudwatch",
                "ec2",
                "ecr",
                "ecs",
                "elasticloadbalancing",
                "iam",
                "kms",
                "logs",
                "route53",
                "s3",
                "secretsmanager",
                "ssm",
                "sts",
            ]
            .contains(&service);
            let is_name = name.starts_with(|first: char| first.is_ascii_uppercase())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
            is_service && is_name
        })
    })
}

#[test]
fn every_action_that_the_program_names_is_allowed_and_no_other() {
    let mut texts = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut texts);
    let named: BTreeSet<&str> = texts.iter().flat_map(|text| named(text)).collect();
    assert!(named.len() > 100, "{named:?}");

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ecs-deploy.yml");
    fs::write(&file, WHOLE).expect("a file");
    fs::write(folder.path().join("task.json"), TASK).expect("a file");
    fs::write(folder.path().join("Dockerfile"), "FROM scratch\n").expect("a file");
    let config =
        config::load(Some(&file), folder.path(), None).unwrap_or_else(|why| panic!("{why}"));
    let purposes =
        [Purpose::Deploy, Purpose::Preview, Purpose::Plan, Purpose::Doctor, Purpose::Destroy];
    let allowed: BTreeSet<&str> = purposes
        .into_iter()
        .flat_map(|purpose| {
            policy::grants(&Subject::new(&config, purpose, "eu-west-1", "123456789012"))
        })
        .flat_map(|grant| grant.actions)
        .collect();

    let known = |list: &[&str], action: &str| list.contains(&action);
    let missing: Vec<_> = named
        .iter()
        .filter(|action| !allowed.contains(**action) && !known(&OTHERS, action))
        .collect();
    assert!(missing.is_empty(), "called and not allowed: {missing:?}");
    let more: Vec<_> = allowed
        .iter()
        .filter(|action| !named.contains(**action) && !known(&BESIDE, action))
        .collect();
    assert!(more.is_empty(), "allowed and not called: {more:?}");
}
