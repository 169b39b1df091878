//! Versions that do not start, each rolled out over one that answers, while a client keeps asking.

use super::Service;
use crate::support::{
    balancer::Balancer,
    daemon::Daemon,
    ministack::Ministack,
    program::{Program, Run},
    relay::Relay,
};
use ecs_private_deploy::exit;
use futures_util::FutureExt as _;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinHandle;

/// What `task.memory` is where the file does not say.
const MEMORY: u64 = 512 * 1024 * 1024;

/// Asks again and again.
struct Client {
    is_over: Arc<AtomicBool>,
    asking: JoinHandle<(u32, Vec<String>)>,
}

impl Client {
    async fn of(service: &Service) -> Self {
        let balancer = Balancer::of(&service.account.elb, "hello").await;
        while balancer.page().await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let asking = tokio::spawn(async move {
            let (mut asked, mut failed) = (0, Vec::new());
            while !over.load(Ordering::Relaxed) {
                let answer = balancer.page().await;
                asked += 1;
                if !answer.as_ref().is_ok_and(|(status, _)| *status == 200) {
                    failed.push(format!("{answer:?}"));
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            (asked, failed)
        });
        Self { is_over, asking }
    }

    /// How often it asked, and the answers that were none.
    async fn ended(self) -> (u32, Vec<String>) {
        self.is_over.store(true, Ordering::Relaxed);
        self.asking.await.expect("it asks to its end")
    }
}

/// The first line of what went wrong: the one after the sentence that says how it ended.
fn cause(run: &Run) -> &str {
    let mut lines = run.stderr.lines().skip_while(|line| !line.starts_with("error: "));
    lines.nth(1).unwrap_or_else(|| panic!("no error in {}", run.stderr)).trim()
}

#[tokio::test]
async fn each_ends_with_its_cause_while_the_old_one_answers() {
    let daemon = Daemon::with_memory(MEMORY);
    let service = Service::on(Ministack::start_on(&daemon).await).await;
    let port = service.ministack.port();
    let relay = Relay::before(port).await;
    for action in ["DescribeTasks", "DescribeServices"] {
        let killed = daemon.killed();
        relay.amend(action, move |answer| killed.explain(answer));
    }
    let aws = relay.config();
    let deploy = async || {
        Program::new(service.folder.path(), &["deploy"], &aws)
            .env("ECS_PRIVATE_DEPLOY_REGISTRY", &service.ministack.registry)
            .run()
            .await
    };

    let listening = "trap 'exit 0' TERM; httpd -f -p 8080 -h /www & wait";
    let serving = |text: &str, first: &str| {
        service.dockerfile(&format!(
            "RUN mkdir /www && echo '{text}' > /www/index.html\n\
             CMD [\"sh\", \"-c\", \"{first} {listening}\"]"
        ));
    };
    let checked = "if test -n \\\"$MODE\\\"; then echo mode $MODE is not known; exit 4; fi;";
    serving("one", checked);
    deploy().await.ends_with(exit::OK);
    let host = service.load_balancer().await;
    service.says(&host, "one").await;
    let client = Client::of(&service).await;
    let failing = async |expected: &[&str]| {
        let run = deploy().await.ends_with(exit::ROLLOUT_FAILED);
        let first = cause(&run);
        for text in expected {
            assert!(first.contains(text), "{text} in {first}\n{}", run.stderr);
        }
        service.says(&host, "one").await;
        run
    };

    service.dockerfile("CMD [\"sh\", \"-c\", \"echo no config >&2; exit 3\"]");
    let run = failing(&["container `hello` exited with code 3"]).await;
    assert!(run.stderr.contains("no config"), "{}", run.stderr);

    service.dockerfile("CMD [\"/no/such/program\"]");
    failing(&["the container's command cannot be run"]).await;

    service.dockerfile("CMD [\"tail\", \"-c\", \"900m\", \"/dev/zero\"]");
    failing(&["memory"]).await;

    serving("one", checked);
    let file = service.folder.path().join("ecs-deploy.yml");
    let text = std::fs::read_to_string(&file).expect("the file");
    let broken = text.replace("port: 8080", "port: 8080, environment: { MODE: odd }");
    std::fs::write(&file, broken).expect("the file");
    let run = failing(&["container `hello` exited with code 4"]).await;
    assert!(run.stderr.contains("mode odd is not known"), "{}", run.stderr);
    std::fs::write(&file, text).expect("the file");

    // No container of another test may run it.
    service.dockerfile(&format!("RUN echo {port} >/gone\nCMD [\"sleep\", \"60\"]"));
    let (ecr, registry) = (service.account.ecr.clone(), service.ministack.registry.clone());
    relay.before_each("RegisterTaskDefinition", move || {
        remove_newest(ecr.clone(), registry.clone()).boxed()
    });
    failing(&["image"]).await;

    let (asked, failed) = client.ended().await;
    assert!(asked > 100, "{asked}");
    assert_eq!(failed, Vec::<String>::new(), "of {asked}");
}

/// Takes the image away that was pushed last, as a lifecycle rule may between push and pull.
async fn remove_newest(ecr: aws_sdk_ecr::Client, registry: String) {
    let found = ecr.describe_images().repository_name("hello").send().await.expect("images");
    let newest = found.image_details().iter().max_by_key(|image| image.image_pushed_at().copied());
    let digest = newest.and_then(|image| image.image_digest()).expect("an image").to_owned();
    // MiniStack's BatchDeleteImage leaves the registry as it is.
    let status = delete(&registry, &format!("/v2/hello/manifests/{digest}")).await;
    assert_eq!(status, "202", "{digest}");
    // What the build left in the engine's own store is none of a task's.
    let mut command = tokio::process::Command::new("docker");
    command.args(["image", "rm", "--force", &digest]);
    let removed = command.output().await.expect("docker starts");
    assert!(removed.status.success(), "{}", String::from_utf8_lossy(&removed.stderr));
}

/// Sends a DELETE; yields the status.
async fn delete(address: &str, path: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("MiniStack answers");
    let request = format!("DELETE {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}
