//! Files as people write them, and what they are told.

mod preview;
mod pull_through;
mod rollout;
mod subtle;

use super::{
    model::{Config, Definition, Image},
    parse,
    read::Files,
};
use anstream::adapter::strip_str;
use proptest::prelude::*;
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

/// A disk with these files.
#[derive(Default)]
pub(super) struct Memory(BTreeMap<PathBuf, String>);

impl Memory {
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let file = |&(path, text): &(&str, &str)| (Path::new("/app").join(path), text.to_owned());
        Self(files.iter().map(file).collect())
    }
}

impl Files for Memory {
    fn text(&self, path: &Path) -> io::Result<String> {
        self.0.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn is_folder(&self, path: &Path) -> bool {
        self.0.keys().any(|file| file != path && file.starts_with(path))
    }

    fn is_file(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }
}

fn with(text: &str, files: &[(&str, &str)]) -> Result<Config, String> {
    parse(text, Path::new("ecs-deploy.yml"), Path::new("/app"), None, &Memory::new(files))
        .map_err(|text| strip_str(&text).to_string())
}

fn read(text: &str) -> Result<Config, String> {
    with(text, &[("Dockerfile", "FROM scratch\nEXPOSE 8080\n")])
}

fn told(text: &str) -> String {
    read(text).expect_err("it is wrong")
}

#[test]
fn a_name_is_enough_where_the_rest_can_be_found_out() {
    insta::assert_debug_snapshot!(read("service: web\n").expect("it is well"), @r#"
    Config {
        service: "web",
        region: None,
        cluster: "web",
        image: Build(
            Build {
                context: "/app",
                dockerfile: "/app/Dockerfile",
                target: None,
                build_args: {},
                secrets: [],
                platforms: [
                    "linux/amd64",
                ],
                cache: Registry,
                provenance: false,
                repository: "web",
                keep: 30,
            },
        ),
        pull_through: PullThrough {
            is_ensured: false,
            credentials: {},
        },
        task: Task {
            port: 8080,
            container: "web",
            execution_role_arn: None,
            task_role_arn: None,
            definition: Block(
                TaskBlock {
                    cpu: 256,
                    memory: 512,
                    cpu_architecture: "X86_64",
                    environment: {},
                    secrets: {},
                    command: None,
                },
            ),
        },
        network: Network {
            vpc: None,
            endpoints: Ensure,
            adopt: false,
            ensure_dns: false,
            reach: {},
        },
        load_balancer: LoadBalancer {
            name: "web",
            certificate: None,
            ssl_policy: "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
            host: None,
            path: None,
            allow_from: [
                "0.0.0.0/0",
            ],
            health_check: HealthCheck {
                path: "/",
                matcher: "200-399",
                interval: 10,
                timeout: 5,
                healthy_threshold: 2,
                unhealthy_threshold: 3,
                grace_period: 60,
            },
            deregistration_delay: 30,
        },
        logs: Logs {
            group: "/ecs/web",
            retention_in_days: 30,
        },
        rollout: Rollout {
            desired_count: None,
            minimum_healthy_percent: 100,
            maximum_percent: 200,
            timeout: 900s,
            strategy: Rolling {
                early_success: None,
            },
            give_up_after: 2,
            rollback: true,
            on_cancel: Leave,
            alarms: {},
        },
        run: [],
        preview: None,
        preview_of: None,
        folder: "/app",
    }
    "#);
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let text = "\
service: my web
regoin: eu-west-1
task: { cpu: 300, memory: 512, port: 70000, environment: { 1A: x, 'B=': y }, secrets: { TOKEN: 'not an arn' } }
image: { context: nowhere, platforms: [linux/386], cache: gha }
load-balancer:
  name: internal-web
  certificate: cert
  allow-from: [10.1.0.0/8]
  health-check: { path: health, timeout: 30, interval: 10, matcher: 2xx }
network: { vpc: vpc-xyz, endpoints: maybe }
logs: { retention-in-days: 31 }
rollout: { timeout: 15, desired-count: -1, desired-count: two }
";
    insta::assert_snapshot!(told(text), @"
    error: the service's name `my web` cannot be used
     --> ecs-deploy.yml:1:10
      |
    1 | service: my web
      |          ^^^^^^ ECS takes letters, digits, hyphens and underscores

    error: unknown key `regoin`
     --> ecs-deploy.yml:2:1
      |
    2 | regoin: eu-west-1
      | ^^^^^^ did you mean `region`?

    error: 300 CPU units are no Fargate size
     --> ecs-deploy.yml:3:14
      |
    3 | task: { cpu: 300, memory: 512, port: 70000, environment: { 1A: x, 'B=': y }, secrets: { TOKEN: ************ } }
      |              ^^^ Fargate has 256, 512, 1024, 2048, 4096, 8192, 16384, 32768

    error: `task.port` is 70000
     --> ecs-deploy.yml:3:38
      |
    3 | task: { cpu: 300, memory: 512, port: 70000, environment: { 1A: x, 'B=': y }, secrets: { TOKEN: ************ } }
      |                                      ^^^^^ from 1 to 65535

    error: the variable `B=` cannot be used
     --> ecs-deploy.yml:3:67
      |
    3 | task: { cpu: 300, memory: 512, port: 70000, environment: { 1A: x, 'B=': y }, secrets: { TOKEN: ************ } }
      |                                                                   ^^^^ a variable's name has no `=` and no blanks

    error: the secret `TOKEN` names nothing that ECS can read
     --> ecs-deploy.yml:3:89
      |
    3 | task: { cpu: 300, memory: 512, port: 70000, environment: { 1A: x, 'B=': y }, secrets: { TOKEN: ************ } }
      |                                                                                         ^^^^^
      |
      = help: give the ARN of a Secrets Manager secret or an SSM parameter, or an SSM parameter's name

    error: the build context is not there
     --> ecs-deploy.yml:4:19
      |
    4 | image: { context: nowhere, platforms: [linux/386], cache: gha }
      |                   ^^^^^^^ no `/app/nowhere`

    error: `image.platforms[0]` is `linux/386`
     --> ecs-deploy.yml:4:40
      |
    4 | image: { context: nowhere, platforms: [linux/386], cache: gha }
      |                                        ^^^^^^^^^ one of `linux/amd64`, `linux/arm64`

    error: `image.cache` is `gha`
     --> ecs-deploy.yml:4:59
      |
    4 | image: { context: nowhere, platforms: [linux/386], cache: gha }
      |                                                           ^^^ one of `registry`, `none`

    error: the load balancer's name `internal-web` cannot be used
     --> ecs-deploy.yml:6:9
      |
    6 |   name: internal-web
      |         ^^^^^^^^^^^^ ELB keeps names that begin with `internal-` to itself

    error: the certificate `cert` cannot be used
     --> ecs-deploy.yml:7:16
      |
    7 |   certificate: cert
      |                ^^^^ not the ARN of an ACM certificate: `arn:aws:acm:REGION:ACCOUNT:certificate/ID`

    error: the block `10.1.0.0/8` cannot be used
     --> ecs-deploy.yml:8:16
      |
    8 |   allow-from: [10.1.0.0/8]
      |                ^^^^^^^^^^ it has bits after its prefix; the block is 10.0.0.0/8

    error: the health check's path `health` cannot be used
     --> ecs-deploy.yml:9:25
      |
    9 |   health-check: { path: health, timeout: 30, interval: 10, matcher: 2xx }
      |                         ^^^^^^ a path begins with `/`, has no blanks, and at most 1024 characters

    error: a health check that may take 30 s is made every 10 s
     --> ecs-deploy.yml:9:42
      |
    9 |   health-check: { path: health, timeout: 30, interval: 10, matcher: 2xx }
      |                                          ^^ the timeout has to be less than the interval

    error: the matcher `2xx` cannot be used
     --> ecs-deploy.yml:9:69
      |
    9 |   health-check: { path: health, timeout: 30, interval: 10, matcher: 2xx }
      |                                                                     ^^^ write HTTP codes from 200 to 499 as `200`, `200-299` or `200,404`

    error: the VPC `vpc-xyz` cannot be used
      --> ecs-deploy.yml:10:17
       |
    10 | network: { vpc: vpc-xyz, endpoints: maybe }
       |                 ^^^^^^^ not a VPC's id such as `vpc-0123456789abcdef0`

    error: `network.endpoints` is `maybe`
      --> ecs-deploy.yml:10:37
       |
    10 | network: { vpc: vpc-xyz, endpoints: maybe }
       |                                     ^^^^^ one of `ensure`, `verify`, `off`

    error: CloudWatch keeps no logs for 31 days
      --> ecs-deploy.yml:11:28
       |
    11 | logs: { retention-in-days: 31 }
       |                            ^^
       |
       = help: it keeps them for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653

    error: `rollout.timeout` is a number, and has to be a duration
      --> ecs-deploy.yml:12:21
       |
    12 | rollout: { timeout: 15, desired-count: -1, desired-count: two }
       |                     ^^ not a duration
       |
       = help: write it as `90s`, `15m` or `1h`

    error: `rollout.desired-count` is -1
      --> ecs-deploy.yml:12:40
       |
    12 | rollout: { timeout: 15, desired-count: -1, desired-count: two }
       |                                        ^^ from 0 to 5000

    error: the key `rollout.desired-count` stands twice
      --> ecs-deploy.yml:12:44
       |
    12 | rollout: { timeout: 15, desired-count: -1, desired-count: two }
       |                         -------------      ^^^^^^^^^^^^^ again here
       |                         |
       |                         first here

    error: `rollout.desired-count` is text, and has to be a whole number
      --> ecs-deploy.yml:12:59
       |
    12 | rollout: { timeout: 15, desired-count: -1, desired-count: two }
       |                                                           ^^^
    ");
}

#[test]
fn no_yaml() {
    insta::assert_snapshot!(told("service: web\ntask: { port: 1\n"), @"
    error: this is no YAML: unclosed bracket '{'
     --> ecs-deploy.yml:2:7
      |
    2 | task: { port: 1
      |       ^
    ");
    insta::assert_snapshot!(told("service: web\n\ttask: 1\n"), @"
    error: this is no YAML: while scanning a plain scalar, found a tab
     --> ecs-deploy.yml:1:10
      |
    1 | service: web
      |          ^
      |
      = help: indent with blanks
    ");
    insta::assert_snapshot!(told("just words\n"), @"
    error: the file is text, and has to be a section with keys of its own
     --> ecs-deploy.yml:1:1
      |
    1 | just words
      | ^^^^^^^^^^
    ");
    insta::assert_snapshot!(told(""), @"
    error: the file is empty
     --> ecs-deploy.yml:1:1
      |
    1 |
      | ^
      |
      = help: begin with `service: NAME` and `task: { port: 8080 }`
    ");
}

#[test]
fn a_size_that_fargate_does_not_have_names_those_that_go() {
    insta::assert_snapshot!(told("service: web\ntask:\n  cpu: 512\n  memory: 512\n"), @"
    error: 512 MiB with 512 CPU units are no Fargate size
     --> ecs-deploy.yml:4:11
      |
    3 |   cpu: 512
      |        --- the CPU units
    4 |   memory: 512
      |           ^^^ with 512 CPU units: 1024 to 4096 in steps of 1024
    ");
}

#[test]
fn an_image_that_private_tasks_cannot_pull_is_told_before_anything_is_asked() {
    insta::assert_snapshot!(told("service: web\nimage: nginx:1.29\ntask: { port: 80 }\n"), @"
    error: image `nginx:1.29` is on Docker Hub
     --> ecs-deploy.yml:2:8
      |
    2 | image: nginx:1.29
      |        ^^^^^^^^^^ a task in a private subnet reaches no registry but ECR of its own region
      |
      = help: add `image: { uri: nginx:1.29, pull-through: ensure }`, and ECR keeps a copy in the region
              or copy it yourself: docker buildx imagetools create --tag ACCOUNT.dkr.ecr.REGION.amazonaws.com/nginx:1.29 nginx:1.29
    ");
    let text = "service: web\nregion: eu-west-1\ntask: { port: 80 }\n\
                image: 123456789012.dkr.ecr.us-east-1.amazonaws.com/web:v1\n";
    insta::assert_snapshot!(told(text), @"
    error: image `123456789012.dkr.ecr.us-east-1.amazonaws.com/web:v1` is in us-east-1, and the service in eu-west-1
     --> ecs-deploy.yml:4:8
      |
    4 | image: 123456789012.dkr.ecr.us-east-1.amazonaws.com/web:v1
      |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ the ECR endpoints of a VPC lead to the registry of its own region alone
      |
      = help: add `image: { uri: 123456789012.dkr.ecr.us-east-1.amazonaws.com/web:v1, pull-through: ensure }`, and ECR keeps a copy in the region
              or copy it yourself: docker buildx imagetools create --tag 123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:v1 123456789012.dkr.ecr.us-east-1.amazonaws.com/web:v1
    ");
}

#[test]
fn a_port_that_cannot_be_found_out_is_asked_for() {
    let dockerfile = [("Dockerfile", "FROM scratch AS a\nEXPOSE 1\nFROM scratch\n")];
    let told = with("service: web\n", &dockerfile).expect_err("no port");
    insta::assert_snapshot!(told, @"
    error: the port that the container listens on is not known
     --> ecs-deploy.yml:1:1
      |
    1 | service: web
      | ^
      |
      = help: say which one: `task: { port: 8080 }`
    ");
    let found = with("service: web\n", &[("Dockerfile", "FROM a\nexpose 80/tcp 53/udp\n")]);
    assert_eq!(found.expect("one port").task.port, 80);
}

const DEFINITION: &str = r#"{
  "family": "web",
  "cpu": "1 vCPU",
  "memory": "2 GB",
  "newKey": {"a": [1]},
  "containerDefinitions": [
    {"name": "web", "image": "x", "portMappings": [{"containerPort": 8080}]},
    {"name": "agent", "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/agent:1"}
  ]
}"#;

fn definition(task: &str, json: &str) -> Result<Config, String> {
    let file = format!("service: api\ntask: {task}\n");
    with(&file, &[("Dockerfile", "FROM x"), ("task.json", json)])
}

#[test]
fn a_task_definition_is_taken_as_it_is() {
    let config = definition("{ definition: task.json, container: web }", DEFINITION);
    let config = config.expect("it is well");
    let Definition::Json(document) = &config.task.definition else { panic!("{config:?}") };
    assert_eq!(document["newKey"]["a"][0], 1);
    assert_eq!((config.task.container.as_str(), config.task.port), ("web", 8080));
    let wrapped = format!("{{\"taskDefinition\": {DEFINITION}, \"tags\": []}}");
    let again = definition("{ definition: task.json, container: web }", &wrapped).expect("well");
    assert_eq!(again.task, config.task);
}

#[test]
fn a_task_definition_that_cannot_be_deployed_is_told_with_its_own_lines() {
    let told = |task: &str, json: &str| definition(task, json).expect_err("it is wrong");
    insta::assert_snapshot!(told("{ definition: task.json }", DEFINITION), @r#"
    error: the task definition has several containers: `web`, `agent`
     --> /app/task.json:6:27
      |
    6 |   "containerDefinitions": [
      |                           ^ say which one in `task.container`
    "#);
    insta::assert_snapshot!(told("{ definition: task.json, container: wbe }", DEFINITION), @r#"
    error: the task definition has no container `wbe`
     --> /app/task.json:6:27
      |
    6 |   "containerDefinitions": [
      |                           ^ did you mean `web`?
    "#);
    insta::assert_snapshot!(told("{ definition: task.json, cpu: 256 }", "{\"family\": \"a\",\n  oops}"), @"
    error: `task.cpu` has no meaning beside `task.definition`
     --> ecs-deploy.yml:2:32
      |
    2 | task: { definition: task.json, cpu: 256 }
      |                                ^^^
      |
      = help: put it into the task definition

    error: the task definition is no JSON: key must be a string
     --> /app/task.json:2:3
      |
    2 |   oops}
      |   ^
    ");
    insta::assert_snapshot!(told("{ definition: none.json }", DEFINITION), @"
    error: the task definition is not there
     --> ecs-deploy.yml:2:21
      |
    2 | task: { definition: none.json }
      |                     ^^^^^^^^^ no `/app/none.json`
    ");
    let ec2 = DEFINITION.replace(
        "\"newKey\"",
        "\"networkMode\": \"bridge\", \"requiresCompatibilities\": [\"EC2\"], \"newKey\"",
    );
    insta::assert_snapshot!(told("{ definition: task.json, container: web, port: 80 }", &ec2), @r#"
    error: the network mode is "bridge"
     --> /app/task.json:5:18
      |
    5 |   "networkMode": "bridge", "requiresCompatibilities": ["EC2"], "newKey": {"a": [1]},
      |                  ^^^^^^^^ Fargate has `awsvpc` alone

    error: the task definition is not for Fargate
     --> /app/task.json:5:55
      |
    5 |   "networkMode": "bridge", "requiresCompatibilities": ["EC2"], "newKey": {"a": [1]},
      |                                                       ^ add `FARGATE`

    error: container `web` maps no port 80
     --> /app/task.json:6:27
      |
    6 |   "containerDefinitions": [
      |                           ^ add {"containerPort": 80} to its portMappings
    "#);
}

#[test]
fn numbers_in_the_environment_are_taken_as_they_are_written() {
    let config =
        read("service: web\ntask: { environment: { V: 1.10, B: true, N: 007, T: '1.0' } }\n");
    let config = config.expect("it is well");
    let Definition::Block(block) = &config.task.definition else { panic!("{config:?}") };
    let values: Vec<_> = block.environment.values().map(String::as_str).collect();
    assert_eq!(values, ["1.10", "true", "007", "1.0"]);
}

#[test]
fn build_arguments_without_a_value_and_secrets() {
    let text = "service: web\nimage:\n  build-args: { MODE: production, TOKEN: }\n\
                \x20 secrets: [{ id: npm, env: NPM }, { id: both, env: A, file: b }, { env: X }]\n";
    insta::assert_snapshot!(told(text), @"
    error: a secret without a source, or with two
     --> ecs-deploy.yml:4:36
      |
    4 |   secrets: [{ id: npm, env: NPM }, { id: both, env: A, file: b }, { env: X }]
      |                                    ^
      |
      = help: give either `env` or `file`

    error: a secret without an `id`
     --> ecs-deploy.yml:4:67
      |
    4 |   secrets: [{ id: npm, env: NPM }, { id: both, env: A, file: b }, { env: X }]
      |                                                                   ^
      |
      = help: give the id of `RUN --mount=type=secret,id=…`
    ");
    let config = read("service: web\nimage: { build-args: { TOKEN: } }\n").expect("it is well");
    let Image::Build(build) = config.image else { panic!("it is built") };
    assert_eq!(build.build_args["TOKEN"], None);
}

#[test]
fn names_that_the_services_refuse() {
    let long = "x".repeat(300);
    assert!(told(&format!("service: {long}\n")).contains("ECS takes 255 characters, this has 300"));
    assert!(told("service: web\nimage: { repository: Web }\n").contains("lower-case"));
    let long = "x".repeat(33);
    let told = told(&format!("service: web\nload-balancer: {{ name: {long} }}\n"));
    assert!(told.contains("ELB takes 32 characters, this has 33"), "{told}");
}

#[test]
fn the_committed_schema_is_the_tables() {
    let committed = include_str!("../../ecs-deploy.schema.json");
    let is_current = committed.trim() == super::schema();
    assert!(is_current, "run `ecs-private-deploy schema > ecs-deploy.schema.json`");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC*|[\\[\\]{}:,&*!|>'\"%@`#?\\-\\s\\n\\ta-z0-9]*") {
        drop(read(&text));
    }

    #[test]
    fn no_value_of_a_key_makes_it_panic(
        key in prop::sample::select(vec!["service", "region", "image", "task", "network", "load-balancer", "logs", "rollout"]),
        value in "\\PC{0,40}",
    ) {
        drop(read(&format!("service: web\n{key}: {value}\n")));
    }

    #[test]
    fn no_definition_makes_it_panic(json in "\\PC*|[\\[\\]{}:,\"a-z0-9.\\s-]*") {
        drop(definition("{ definition: task.json }", &json));
    }
}
