//! `cost`, as a user runs it: it asks nobody, and needs no credentials.

use crate::support::program::{Program, Run};
use aws_config::{BehaviorVersion, SdkConfig};
use ecs_private_deploy::exit;
use serde_json::Value;
use std::{fs, net::TcpListener};

/// Runs it on these files, and asserts that nothing called the AWS that it was pointed at.
async fn cost(files: &[(&str, &str)], arguments: &[&str], code: u8) -> Run {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, content) in files {
        fs::write(folder.path().join(name), content).expect("a file");
    }
    let aws = TcpListener::bind("127.0.0.1:0").expect("a port");
    aws.set_nonblocking(true).expect("a socket");
    let endpoint = format!("http://{}", aws.local_addr().expect("it is bound"));
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .build();
    let arguments: Vec<_> = std::iter::once("cost").chain(arguments.iter().copied()).collect();
    let program = Program::new(folder.path(), &arguments, &config);
    let program = program.without("AWS_ACCESS_KEY_ID").without("AWS_SECRET_ACCESS_KEY");
    let ended = program.run().await.ends_with(code);
    assert!(aws.accept().is_err(), "nothing is contacted");
    ended
}

async fn json(files: &[(&str, &str)], arguments: &[&str]) -> Value {
    let arguments: Vec<_> = arguments.iter().copied().chain(["--format", "json"]).collect();
    let ended = cost(files, &arguments, exit::OK).await;
    assert_eq!(ended.stderr, "");
    serde_json::from_str(&ended.stdout).expect("it is JSON")
}

const PUBLISHED: &[&str] = &[
    "--region",
    "ap-northeast-2",
    "--endpoint-units",
    "4",
    "--nat-gateways",
    "1",
    "--without-public-ipv4",
    "--gb",
];

#[tokio::test]
async fn the_published_comparison_for_seoul() {
    for (gb, endpoints, nat) in [("1024", 48.20, 103.49), ("1024000", 10277.96, 60459.07)] {
        let told = json(&[], &[PUBLISHED, &[gb]].concat()).await;
        assert_eq!(told["endpoints_usd"], endpoints);
        assert_eq!(told["nat_usd"], nat);
        assert_eq!(told["break_even_gb"], 0.0);
        assert_eq!(told["prices_date"], "2026-10-05");
    }
    let told = cost(&[], &[PUBLISHED, &["1024"]].concat(), exit::OK).await.stdout;
    let real = "3 interface endpoints in 2 zones  67.18  1 NAT gateway                      107.14";
    assert!(told.contains("48.20") && told.contains("103.49") && told.contains(real), "{told}");
}

const FILE: (&str, &str) = (
    "ecs-deploy.yml",
    "service: web\nregion: us-east-1\n\
     image: 123456789012.dkr.ecr.us-east-1.amazonaws.com/web:1\n\
     task: { port: 8080 }\n",
);

#[tokio::test]
async fn a_service_from_its_file() {
    let told = json(&[FILE], &["--zones", "3"]).await;
    assert_eq!(told["endpoint_units"], 9);
    assert_eq!(told["endpoints_usd"], 65.7);
    let told = cost(&[FILE], &["--format", "markdown"], exit::OK).await.stdout;
    assert!(told.contains("| load balancer with 1 LCU | 22.27 |"), "{told}");
}

#[tokio::test]
async fn an_image_that_is_built_comes_from_ecr_too() {
    let built = "service: web\nregion: us-east-1\ntask: { port: 8080 }\n";
    let files = [("ecs-deploy.yml", built), ("Dockerfile", "FROM scratch\n")];
    assert_eq!(json(&files, &["--zones", "3"]).await["endpoint_units"], 9);
}

#[tokio::test]
async fn a_region_that_nobody_knows_and_prices_that_tell_it() {
    let arguments = ["--region", "mars-north-1", "--endpoint-units", "1", "--gb", "10"];
    let told = cost(&[], &arguments, exit::CONFIG).await;
    assert_eq!(told.stdout, "");
    assert!(told.stderr.contains("the prices of `mars-north-1` are not known"), "{}", told.stderr);
    let prices = "mars-north-1:\n  date: 2026-11-01\n  source: the invoice\n  \
        endpoint: { hour: 1, gb: [{ usd: 0.5 }] }\n  nat: { hour: 2, gb: 3 }\n  \
        public-ipv4: { hour: 0.005 }\n";
    let arguments = [arguments.as_slice(), &["--prices", "prices.yml"]].concat();
    let told = json(&[("prices.yml", prices)], &arguments).await;
    assert_eq!((&told["endpoints_usd"], &told["nat_usd"]), (&735.0.into(), &1493.65.into()));
    let wrong = prices.replace("hour: 2", "hour: two");
    let told = cost(&[("prices.yml", &wrong)], &arguments, exit::CONFIG).await.stderr;
    assert!(told.contains("prices.yml:5:16") && told.contains("`mars-north-1.nat.hour`"), "{told}");
}

#[tokio::test]
async fn what_cannot_be_answered() {
    let told = cost(&[], &["--endpoint-units", "4"], exit::CONFIG).await.stderr;
    assert!(told.contains("no region was found"), "{told}");
    let told = cost(&[], &["--region", "us-east-1"], exit::CONFIG).await.stderr;
    assert!(told.contains("there is no `ecs-deploy.yml`"), "{told}");
    let arguments = [PUBLISHED, &["1", "--prices", "none.yml"]].concat();
    let told = cost(&[], &arguments, exit::CONFIG).await.stderr;
    assert!(told.contains("the price file `none.yml` cannot be read"), "{told}");
    cost(&[], &[PUBLISHED, &["-1"]].concat(), exit::CONFIG).await;
    cost(&[], &["--zones", "0", "--endpoint-units", "4"], exit::CONFIG).await;
}
