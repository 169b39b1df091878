//! Images of other registries, as files name them.

use super::{read, told, with};
use crate::config::model::{Config, Image};

const TASK: &str = r#"{
  "family": "web",
  "cpu": "256",
  "memory": "512",
  "containerDefinitions": [
    {"name": "web", "image": "replaced", "portMappings": [{"containerPort": 8080}]},
    {"name": "proxy", "image": "nginx:1.29"},
    {"name": "logs", "image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/logs:1"},
    {"name": "own", "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/own:1"},
    {"name": "none"},
    {"name": "other", "image": "lscr.io/linuxserver/other:1"}
  ]
}"#;

fn task(more: &str, json: &str) -> Result<Config, String> {
    let file = format!("service: web\ntask: {{ definition: task.json, container: web }}\n{more}\n");
    with(&file, &[("Dockerfile", "FROM x"), ("task.json", json)])
}

#[test]
fn every_sidecar_that_no_task_could_pull_is_told_with_its_line() {
    let told = task("region: eu-west-1", TASK).expect_err("three cannot be pulled");
    insta::assert_snapshot!(told, @r#"
    error: container `proxy`: image `nginx:1.29` is on Docker Hub
     --> /app/task.json:7:32
      |
    7 |     {"name": "proxy", "image": "nginx:1.29"},
      |                                ^^^^^^^^^^^^ a task in a private subnet reaches no registry but ECR of its own region
      |
      = help: add `image: { pull-through: ensure }`, and ECR keeps a copy in the region
              or copy it yourself: docker buildx imagetools create --tag ACCOUNT.dkr.ecr.eu-west-1.amazonaws.com/nginx:1.29 nginx:1.29

    error: container `logs`: image `123456789012.dkr.ecr.us-east-1.amazonaws.com/logs:1` is in us-east-1, and the service in eu-west-1
     --> /app/task.json:8:31
      |
    8 |     {"name": "logs", "image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/logs:1"},
      |                               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ the ECR endpoints of a VPC lead to the registry of its own region alone
      |
      = help: add `image: { pull-through: ensure }`, and ECR keeps a copy in the region
              or copy it yourself: docker buildx imagetools create --tag 123456789012.dkr.ecr.eu-west-1.amazonaws.com/logs:1 123456789012.dkr.ecr.us-east-1.amazonaws.com/logs:1

    error: container `other`: image `lscr.io/linuxserver/other:1` is in no private ECR repository
      --> /app/task.json:11:32
       |
    11 |     {"name": "other", "image": "lscr.io/linuxserver/other:1"}
       |                                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ a task in a private subnet reaches no other registry; `pull-through` caches public.ecr.aws, docker.io, ghcr.io, quay.io, registry.k8s.io, registry.gitlab.com and ECR of other regions alone
       |
       = help: copy it: docker buildx imagetools create --tag ACCOUNT.dkr.ecr.eu-west-1.amazonaws.com/other:1 lscr.io/linuxserver/other:1
    "#);
}

#[test]
fn with_pull_through_only_what_nothing_caches_is_told() {
    let ensure = "region: eu-west-1\nimage: { pull-through: ensure, keep: 5 }";
    let told = task(ensure, TASK).expect_err("one is nowhere to be cached from");
    assert!(told.starts_with("error: container `other`: ") && !told.contains("proxy"), "{told}");
    let json = TASK.replace("lscr.io", "ghcr.io");
    let config = task(ensure, &json).expect("the rest is cached");
    assert!(config.pull_through.is_ensured);
    assert!(matches!(config.image, Image::Build(_)), "{:?}", config.image);
    // What depends on the region is told when it is known.
    let json = json.replace("nginx:1.29", "123456789012.dkr.ecr.us-west-2.amazonaws.com/x1:1");
    assert!(
        task("image: { pull-through: off }", &json).is_err_and(|told| told.contains("ghcr.io"))
    );
    let json = json
        .replace("ghcr.io/linuxserver/other", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/o1");
    assert!(task("", &json).is_ok());
}

#[test]
fn the_services_own_image_may_be_anybodys() {
    let text = "service: web\ntask: { port: 80 }\nimage:\n  uri: nginx:1.29\n  pull-through: ensure\n  \
                credentials: { docker.io: ecr-pullthroughcache/hub }\n";
    let config = read(text).expect("it is cached");
    assert_eq!(config.image, Image::Uri("nginx:1.29".to_owned()));
    let hub = ("docker.io".to_owned(), "ecr-pullthroughcache/hub".to_owned());
    assert_eq!(config.pull_through.credentials, [hub].into());
    let told =
        told("service: web\ntask: { port: 80 }\nimage: { uri: 'a b', pull-through: ensure }\n");
    assert!(told.contains("image `a b` is no reference to an image"), "{told}");
}

#[test]
fn credentials_are_for_registries_that_ask_for_them() {
    let file = |credentials: &str| {
        format!(
            "service: web\nimage:\n  pull-through: ensure\n  credentials: {{ {credentials} }}\n"
        )
    };
    for well in [
        "ghcr.io: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:ecr-pullthroughcache/x-a1b2c3'",
        "registry.gitlab.com: ecr-pullthroughcache/gitlab",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com: 'arn:aws:iam::123456789012:role/pull'",
    ] {
        assert!(read(&file(well)).is_ok(), "{well}");
    }
    for (wrong, said) in [
        ("quay.io: ecr-pullthroughcache/x", "ECR pulls from it without credentials"),
        ("lscr.io: ecr-pullthroughcache/x", "ECR takes some for docker.io, ghcr.io"),
        ("docker.io: hub", "whose name begins with `ecr-pullthroughcache/`"),
        ("docker.io: 'arn:aws:iam::123456789012:role/pull'", "whose name begins with"),
        (
            "123456789012.dkr.ecr.us-east-1.amazonaws.com: ecr-pullthroughcache/x",
            "the ARN of a role",
        ),
        ("docker.io: []", "has no credentials"),
    ] {
        let told = read(&file(wrong)).expect_err(wrong);
        assert!(told.contains(said), "{told}");
    }
    let told =
        told("service: web\nimage: { credentials: { docker.io: ecr-pullthroughcache/x } }\n");
    assert!(told.contains("without `pull-through: ensure`"), "{told}");
}
