//! Files that look right, or wrong, and are the other.

use super::{Memory, definition, parse, read, told, with};
use crate::config::model::{Definition, Image, SecretSource};
use std::path::Path;

#[test]
fn a_secrets_value_is_not_shown() {
    let text = "service: web\ntask: { secrets: { TOKEN: 'hunter two!' } }\n";
    let shown = told(text);
    insta::assert_snapshot!(shown, @"
    error: the secret `TOKEN` names nothing that ECS can read
     --> ecs-deploy.yml:2:20
      |
    2 | task: { secrets: { TOKEN: ************* } }
      |                    ^^^^^
      |
      = help: give the ARN of a Secrets Manager secret or an SSM parameter, or an SSM parameter's name
    ");
    let text = "service: web\nimage:\n  secrets:\n    - 'hunter two!'\n";
    let shown = told(text);
    insta::assert_snapshot!(shown, @"
    error: a secret is not understood
     --> ecs-deploy.yml:4:7
      |
    4 |     - *************
      |       ^^^^^^^^^^^^^
      |
      = help: write `id=NAME,env=VARIABLE` or `id=NAME,src=FILE`
    ");
}

#[test]
fn what_was_commented_out_leaves_its_section_empty() {
    let text = "service: web\nimage:\ntask:\n  environment:\n    # A: b\n  command:\nlogs:\n";
    assert_eq!(read(text), read("service: web\n"));
    insta::assert_snapshot!(told("service: web\ntask:\n  cpu:\nregion:\n"), @"
    error: `task.cpu` has no value
     --> ecs-deploy.yml:3:3
      |
    3 |   cpu:
      |   ^^^
      |
      = help: give it one, or take the key out

    error: `region` has no value
     --> ecs-deploy.yml:4:1
      |
    4 | region:
      | ^^^^^^
      |
      = help: give it one, or take the key out
    ");
}

#[test]
fn words_of_yaml_1_1_are_words() {
    let config = read("service: web\ntask: { environment: { A: on, B: no, C: 1e3, D: .inf } }\n");
    let Definition::Block(block) = config.expect("it is well").task.definition else {
        panic!("it is a block")
    };
    let values: Vec<_> = block.environment.values().map(String::as_str).collect();
    assert_eq!(values, ["on", "no", "1e3", ".inf"]);
    insta::assert_snapshot!(told("service: web\nimage: { provenance: yes, keep: '5' }\n"), @"
    error: `image.provenance` is text, and has to be `true` or `false`
     --> ecs-deploy.yml:2:22
      |
    2 | image: { provenance: yes, keep: '5' }
      |                      ^^^
      |
      = help: write `true`

    error: `image.keep` is text, and has to be a whole number
     --> ecs-deploy.yml:2:33
      |
    2 | image: { provenance: yes, keep: '5' }
      |                                 ^^^
      |
      = help: write it without quotes
    ");
}

#[test]
fn an_alias_of_a_number_is_the_number() {
    let text = "service: web\ntask: { environment: { A: &version 1.10, B: *version } }\n";
    let Definition::Block(block) = read(text).expect("it is well").task.definition else {
        panic!("it is a block")
    };
    assert_eq!(block.environment["B"], "1.10");
}

#[test]
fn line_ends_of_windows() {
    let text = "service: web\r\ntask:\r\n  cpu: 300\r\n";
    insta::assert_snapshot!(told(text), @"
    error: 300 CPU units are no Fargate size
     --> ecs-deploy.yml:3:8
      |
    3 |   cpu: 300
      |        ^^^ Fargate has 256, 512, 1024, 2048, 4096, 8192, 16384, 32768
    ");
}

#[test]
fn the_image_follows_the_task() {
    let platforms = |text: &str| match read(text).expect("it is well").image {
        Image::Build(build) => build.platforms,
        Image::Uri(_) => Vec::new(),
    };
    let arm = "service: web\ntask: { cpu-architecture: ARM64 }\n";
    assert_eq!(platforms(arm), ["linux/arm64"]);
    assert_eq!(platforms("service: web\n"), ["linux/amd64"]);
    insta::assert_snapshot!(told(&format!("{arm}image: {{ platforms: [linux/amd64] }}\n")), @"
    error: the task runs on ARM64, and the image is built for linux/amd64
     --> ecs-deploy.yml:3:22
      |
    2 | task: { cpu-architecture: ARM64 }
      |                           ----- the task's processor
    3 | image: { platforms: [linux/amd64] }
      |                      ^^^^^^^^^^^
      |
      = help: add `linux/arm64` to `image.platforms`
    ");
}

#[test]
fn the_image_follows_the_task_definition() {
    let json = r#"{
      "cpu": "256", "memory": "512", "runtimePlatform": {"cpuArchitecture": "ARM64"},
      "containerDefinitions": [{"name": "web", "portMappings": [{"containerPort": 80}]}]
    }"#;
    let config = definition("{ definition: task.json }", json).expect("it is well");
    let Image::Build(build) = config.image else { panic!("it is built") };
    assert_eq!(build.platforms, ["linux/arm64"]);
}

#[test]
fn what_fargate_has_not_is_told_with_its_place() {
    let json = r#"{
      "cpu": "{{cpu}}", "memory": "512", "ipcMode": null, "placementConstraints": [],
      "runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"},
      "containerDefinitions": [
        {"name": "a", "links": [], "privileged": false, "linuxParameters": {"maxSwap": null}},
        {
          "name": "web",
          "privileged": true,
          "linuxParameters": {"sharedMemorySize": 64},
          "portMappings": [{"containerPort": 80, "hostPort": 8080}]
        }
      ]
    }"#;
    let told = definition("{ definition: task.json, container: web }", json);
    insta::assert_snapshot!(told.expect_err("it does not fit"), @r#"
    error: `cpu` is "{{cpu}}"
     --> /app/task.json:2:14
      |
    2 |       "cpu": "{{cpu}}", "memory": "512", "ipcMode": null, "placementConstraints": [],
      |              ^^^^^^^^^ not a size

    error: the operating system is WINDOWS_SERVER_2022_CORE
     --> /app/task.json:3:52
      |
    3 |       "runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"},
      |                                                    ^^^^^^^^^^^^^^^^^^^^^^^^^^ only Linux is deployed

    error: Fargate has no `privileged`
     --> /app/task.json:8:25
      |
    8 |           "privileged": true,
      |                         ^^^^ take it out

    error: Fargate has no `sharedMemorySize`
     --> /app/task.json:9:51
      |
    9 |           "linuxParameters": {"sharedMemorySize": 64},
      |                                                   ^^ take it out

    error: the host port is another one than the container's
      --> /app/task.json:10:62
       |
    10 |           "portMappings": [{"containerPort": 80, "hostPort": 8080}]
       |                                                              ^^^^ with `awsvpc` they are the same: take it out
    "#);
}

#[test]
fn arguments_and_secrets_may_be_written_as_buildx_takes_them() {
    let text = "service: web\nimage:\n  build-args: [MODE=a=b, TOKEN]\n\
                \x20 secrets: ['id=npm,env=NPM', 'id=key,src=Dockerfile', 'type=env,id=x,src=X']\n";
    let Image::Build(build) = read(text).expect("it is well").image else { panic!("it is built") };
    let arguments: Vec<_> = build.build_args.into_iter().collect();
    let expected = [("MODE", Some("a=b")), ("TOKEN", None)]
        .map(|(name, value)| (name.to_owned(), value.map(str::to_owned)));
    assert_eq!(arguments, expected);
    let sources: Vec<_> = build.secrets.into_iter().map(|secret| secret.source).collect();
    let expected = [
        SecretSource::Env("NPM".to_owned()),
        SecretSource::File("/app/Dockerfile".into()),
        SecretSource::Env("X".to_owned()),
    ];
    assert_eq!(sources, expected);
    let text = "service: web\nimage:\n  build-args: [A=1, A=2, =3]\n  secrets: ['id=a', 'id=b,env=B', 'id=b,env=C']\n";
    insta::assert_snapshot!(told(text), @"
    error: the build argument `A` stands twice
     --> ecs-deploy.yml:3:21
      |
    3 |   build-args: [A=1, A=2, =3]
      |                     ^^^

    error: a build argument without a name
     --> ecs-deploy.yml:3:26
      |
    3 |   build-args: [A=1, A=2, =3]
      |                          ^^

    error: a secret without a source, or with two
     --> ecs-deploy.yml:4:13
      |
    4 |   secrets: ['id=a', 'id=b,env=B', 'id=b,env=C']
      |             ^^^^^^
      |
      = help: give either `env` or `file`

    error: the secret `b` stands twice
     --> ecs-deploy.yml:4:35
      |
    4 |   secrets: ['id=a', 'id=b,env=B', 'id=b,env=C']
      |                                   ^^^^^^^^^^^^
    ");
}

#[test]
fn a_rollout_that_could_not_begin() {
    let percent = |more: &str| {
        read(&format!("service: web\nrollout: {{ maximum-percent: 150{more} }}\n")).is_ok()
    };
    assert!(percent("") && percent(", desired-count: 2") && percent(", desired-count: 0"));
    assert!(!percent(", desired-count: 1"));
    assert!(percent(", desired-count: 1, minimum-healthy-percent: 0"));
}

#[test]
fn a_certificate_of_another_region() {
    let text = "service: web\nregion: eu-west-1\nload-balancer:\n  certificate: \
                arn:aws:acm:us-east-1:123456789012:certificate/0b6d\n";
    insta::assert_snapshot!(told(text), @"
    error: the certificate is in us-east-1, and the service in eu-west-1
     --> ecs-deploy.yml:4:16
      |
    2 | region: eu-west-1
      |         --------- the service's region
    3 | load-balancer:
    4 |   certificate: arn:aws:acm:us-east-1:123456789012:certificate/0b6d
      |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: request one in eu-west-1
    ");
}

#[test]
fn an_image_of_the_command_line_takes_the_place_of_all_that_builds_one() {
    let text = "service: web\nimage: { context: nowhere }\ntask: { port: 80 }\n";
    let uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:v1";
    let path = Path::new("ecs-deploy.yml");
    let config = parse(text, path, Path::new("/app"), Some(uri), &Memory::default());
    assert_eq!(config.map(|config| config.image), Ok(Image::Uri(uri.to_owned())));
}

#[test]
fn the_port_of_the_stage_that_is_built() {
    let dockerfile = "FROM x AS base\nEXPOSE 3000\nFROM base AS web\nFROM y AS other\nEXPOSE 1 2\n";
    let text = "service: web\nimage: { target: web }\n";
    let config = with(text, &[("Dockerfile", dockerfile)]).expect("it is well");
    assert_eq!(config.task.port, 3000);
    insta::assert_snapshot!(with("service: web\n", &[("Dockerfile", dockerfile)]).expect_err("two ports"), @"
    error: the Dockerfile exposes several ports: 1, 2
     --> ecs-deploy.yml:1:1
      |
    1 | service: web
      | ^
      |
      = help: say which one: `task: { port: 8080 }`
    ");
}

#[test]
fn a_task_definition_of_something_else_is_told_all_that_it_lacks() {
    let json =
        "{\n  \"serviceName\": \"web\",\n  \"containerDefinitions\": [{\"name\": \"web\"}]\n}";
    let told = definition("{ definition: task.json }", json);
    insta::assert_snapshot!(told.expect_err("it lacks much"), @r#"
    error: the task definition has no `cpu` of its own
     --> /app/task.json:1:1
      |
    1 | {
      | ^ Fargate needs it

    error: the task definition has no `memory` of its own
     --> /app/task.json:1:1
      |
    1 | {
      | ^ Fargate needs it

    error: container `web` maps no port
     --> /app/task.json:3:27
      |
    3 |   "containerDefinitions": [{"name": "web"}]
      |                           ^ add "portMappings": [{"containerPort": 8080}] to it
    "#);
}
