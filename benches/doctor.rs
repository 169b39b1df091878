//! What a verdict on a large VPC costs, and how many round trips reading it takes.
//!
//! A VPC of 200 subnets, 50 endpoints and 500 security groups is judged for a task that may run in each
//! of the subnets, then read from a server that answers as EC2 does after 50 ms.

#![expect(clippy::print_stdout, reason = "what it measures is for the person who runs it")]

#[path = "doctor/large.rs"]
mod large;
#[path = "doctor/server.rs"]
mod server;
#[path = "doctor/wire.rs"]
mod wire;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ec2::config::{Credentials, SharedCredentialsProvider};
use ecs_private_deploy::{
    aws::Reader,
    network::{
        diagnose::{Diagnosis, diagnose},
        model::Topology,
        needs::{Need, needs},
        verdict::{Task, Verdict},
    },
    world::{topology, vpc},
};
use server::Server;
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

const RUNS: usize = 21;
/// What EC2 is taken to need for an answer.
const DELAY: Duration = Duration::from_millis(50);

fn main() {
    let healthy = large::vpc();
    let needs = needs(&large::facts());
    let task = large::task(&healthy);
    println!(
        "{} subnets, {} endpoints, {} security groups; {} needs of a task in all subnets",
        healthy.subnets.len(),
        healthy.endpoints.as_ref().map_or(0, Vec::len),
        healthy.groups.as_ref().map_or(0, std::collections::BTreeMap::len),
        needs.len()
    );
    judge("works", &healthy, &task, &needs);
    judge("is broken all over", &large::broken(), &task, &needs);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(read(&healthy));
}

fn judge(name: &str, vpc: &Topology, task: &Task, needs: &[Need]) {
    let Diagnosis { findings, problems, .. } = diagnose(vpc, task, needs);
    let count = |is: fn(&Verdict) -> bool| findings.iter().filter(|one| is(&one.verdict)).count();
    println!(
        "\na VPC that {name}: {} reachable, {} unreachable, {} unknown; {} problems",
        count(|verdict| matches!(verdict, Verdict::Reachable(_))),
        count(|verdict| matches!(verdict, Verdict::Unreachable(_))),
        count(|verdict| matches!(verdict, Verdict::Unknown(_))),
        problems.len()
    );
    let (mut cpu, mut wall) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let (before, started) = (cpu_time(), Instant::now());
        black_box(diagnose(black_box(vpc), task, needs));
        wall.push(started.elapsed());
        cpu.push(cpu_time().saturating_sub(before));
    }
    println!("  CPU time  {}", spread(cpu));
    println!("  wall time {}", spread(wall));
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let of = |at: usize| format!("{:.1} ms", times[at].as_secs_f64() * 1000.0);
    format!("min {}, median {}, max {}", of(0), of(times.len() / 2), of(times.len() - 1))
}

/// What this process has had of a processor, by the kernel's count, which may be a tick behind.
/// <https://docs.kernel.org/scheduler/sched-stats.html>
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/schedstat").expect("a Linux with its /proc");
    let nanoseconds = text.split(' ').next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.expect("nanoseconds on a processor"))
}

async fn read(vpc: &Topology) {
    let server = Server::start(wire::answers(vpc), DELAY).await;
    let credentials = Credentials::new("bench", "bench", None, None, "bench");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(large::REGION))
        .endpoint_url(format!("http://127.0.0.1:{}", server.port))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    let started = Instant::now();
    let aws = Reader::new(&config).await.expect("an identity");
    let found = vpc::choose(&aws, Some(&vpc.vpc)).await.expect("the VPC");
    let services = needs(&large::facts()).into_iter().map(|need| need.service).collect();
    let read = topology::observe(&aws, &found, &services).await.expect("it is read");
    let took = started.elapsed();
    assert_eq!(read, *vpc, "what is read is what is there");
    let calls = server.calls();
    let chain = server::longest_chain(&calls);
    println!("\nread with {} ms of delay in each answer:", DELAY.as_millis());
    println!("  {} calls in {} ms", calls.len(), took.as_millis());
    println!("  {} round trips one after another: {}", chain.len(), chain.join(", "));
}
