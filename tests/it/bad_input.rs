//! What is wrong with the file, the flags or the environment ends the run with 2, before anything is
//! contacted.

use crate::support::program::{Program, Run};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use ecs_private_deploy::exit;
use std::{fs, net::TcpListener};

/// Runs the program on these files, and asserts that nothing called the AWS that it was pointed at.
async fn run(files: &[(&str, &[u8])], arguments: &[&str], variables: &[(&str, &str)]) -> Run {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, content) in files {
        fs::write(folder.path().join(name), content).expect("a file");
    }
    let aws = TcpListener::bind("127.0.0.1:0").expect("a port");
    aws.set_nonblocking(true).expect("a socket");
    let endpoint = format!("http://{}", aws.local_addr().expect("it is bound"));
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .endpoint_url(endpoint)
        .build();
    let program = Program::new(folder.path(), arguments, &config);
    let program = variables.iter().fold(program, |program, (name, value)| program.env(name, value));
    let ended = program.run().await.ends_with(exit::CONFIG);
    assert!(aws.accept().is_err(), "nothing is contacted");
    assert_eq!(ended.stdout, "");
    assert!(!ended.stderr.contains('\u{1b}'), "no colour without a terminal: {}", ended.stderr);
    ended
}

const WELL: &[u8] = b"service: web\ntask: { port: 8080 }\n";

#[tokio::test]
async fn a_file_with_many_mistakes_names_each_with_its_line() {
    let file = b"service: my web\ntaks: { port: 1 }\nlogs: { retention-in-days: 2 }\n";
    let told = run(&[("ecs-deploy.yml", file)], &["deploy"], &[]).await.stderr;
    for expected in [
        "ecs-deploy.yml:1:10",
        "1 | service: my web",
        "unknown key `taks`",
        "did you mean `task`?",
        "ecs-deploy.yml:3:28",
        "CloudWatch keeps no logs for 2 days",
    ] {
        assert!(told.contains(expected), "{expected} in {told}");
    }
}

#[tokio::test]
async fn files_that_are_no_deploy_files() {
    let told = run(&[], &["deploy"], &[]).await.stderr;
    assert!(told.contains("there is no `ecs-deploy.yml`") && told.contains("--config"), "{told}");
    let told = run(&[], &["plan", "--config", "x.yml"], &[]).await.stderr;
    assert!(told.contains("`x.yml` cannot be read"), "{told}");
    let told = run(&[], &["plan", "--config", "."], &[]).await.stderr;
    assert!(told.contains("`.` cannot be read"), "{told}");
    let told = run(&[("ecs-deploy.yml", b"\xff\xfe\x00")], &["deploy"], &[]).await.stderr;
    assert!(told.contains("no UTF-8"), "{told}");
    let told = run(&[("ecs-deploy.yml", b"")], &["destroy", "--yes"], &[]).await.stderr;
    assert!(told.contains("the file is empty"), "{told}");
}

#[tokio::test]
async fn flags_inputs_and_the_environment() {
    let told = run(&[], &["deploy", "--confg", "x"], &[]).await.stderr;
    assert!(told.contains("--config"), "{told}");
    let inputs = [("GITHUB_ACTIONS", "true"), ("INPUT_COMMAND", "deplou")];
    let told = run(&[], &[], &inputs).await.stderr;
    assert!(told.contains("::error title=ecs-private-deploy::"), "{told}");
    let file: &[(&str, &[u8])] = &[("ecs-deploy.yml", WELL), ("Dockerfile", b"FROM scratch\n")];
    let told = run(file, &["deploy"], &[("ECS_PRIVATE_DEPLOY_REGISTRY", "http://x")]).await.stderr;
    assert!(told.contains("no `host:port`"), "{told}");
    let told = run(file, &["deploy"], &[("GITHUB_EVENT_PATH", "/nowhere")]).await.stderr;
    assert!(told.contains("GITHUB_EVENT_PATH"), "{told}");
    let told = run(file, &["plan", "--image", "nginx"], &[]).await.stderr;
    assert!(told.contains("image `nginx` is on Docker Hub"), "{told}");
}
