//! Against MiniStack: the whole flow, with an engine that builds, a registry that takes pushes, tasks
//! that run as containers and a load balancer that leads to them.

mod built;
mod failures;
mod oidc;
mod previews;
mod twenty;

use crate::support::{
    account::Account,
    ministack::Ministack,
    program::{Program, Run},
};
use ecs_private_deploy::exit;
use rustix::process::Signal;
use serde_json::json;
use std::{fs, path::Path, time::Duration};

/// A service in a folder of its own.
struct Service {
    ministack: Ministack,
    account: Account,
    folder: tempfile::TempDir,
}

impl Service {
    async fn new() -> Self {
        Self::on(Ministack::start().await).await
    }

    async fn on(ministack: Ministack) -> Self {
        let account = Account::of(&ministack.config());
        let vpc = account.vpc().await;
        let folder = tempfile::tempdir().expect("a folder");
        let file = format!(
            "service: hello\nregion: eu-central-1\nnetwork: {{ vpc: {} }}\n\
             image: {{ context: ., cache: none }}\ntask: {{ port: 8080 }}\n\
             rollout: {{ desired-count: 1, timeout: 3m }}\n",
            vpc.id
        );
        std::fs::write(folder.path().join("ecs-deploy.yml"), file).expect("the file");
        let service = Self { ministack, account, folder };
        service.serve("one");
        service
    }

    /// From the next build on the page says this.
    fn serve(&self, text: &str) {
        self.dockerfile(&format!(
            "RUN mkdir /www && echo '{text}' > /www/index.html\n\
             CMD [\"sh\", \"-c\", \"trap 'exit 0' TERM; httpd -f -p 8080 -h /www & wait\"]"
        ));
    }

    fn dockerfile(&self, rest: &str) {
        let path = self.folder.path().join("Dockerfile");
        std::fs::write(path, format!("FROM busybox:1.37\n{rest}\n")).expect("the Dockerfile");
    }

    fn program(&self, arguments: &[&str]) -> Program {
        Program::new(self.folder.path(), arguments, &self.ministack.config())
            .env("ECS_PRIVATE_DEPLOY_REGISTRY", &self.ministack.registry)
    }

    async fn run(&self, arguments: &[&str]) -> Run {
        self.program(arguments).run().await
    }

    async fn load_balancer(&self) -> String {
        let found = self.account.elb.describe_load_balancers().names("hello").send().await;
        let found = found.expect("load balancers");
        found.load_balancers()[0].dns_name().expect("a name").to_owned()
    }

    /// The revision that the service was told to run.
    async fn runs(&self) -> String {
        let found = self.account.ecs.describe_services().cluster("hello").services("hello");
        let found = found.send().await.expect("services");
        found.services()[0].task_definition().expect("it has one").to_owned()
    }

    /// Waits until the load balancer answers with this; a container takes a moment to listen.
    async fn says(&self, host: &str, text: &str) {
        for _ in 0..150 {
            let (status, body) = self.ministack.page(host).await;
            if (status, body.trim()) == (200, text) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("{host} does not say {text}: {:?}", self.ministack.page(host).await);
    }
}

fn outputs(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[tokio::test]
async fn a_page_is_deployed_changed_and_taken_down() {
    let service = Service::new().await;
    service.run(&["deploy"]).await.ends_with(exit::OK);
    let host = service.load_balancer().await;
    service.says(&host, "one").await;

    let again = service.run(&["plan", "--detailed-exitcode", "--format", "json"]).await;
    let again = again.ends_with(exit::OK).json();
    assert_eq!(again["steps"], json!([]), "{again:#}");
    let again = service.run(&["deploy"]).await.ends_with(exit::OK);
    assert!(again.stderr.contains("nothing to do"), "{}", again.stderr);

    service.serve("two");
    let plan = service.run(&["plan", "--format", "json"]).await.ends_with(exit::OK).json();
    let steps = plan["steps"].as_array().expect("a list").iter();
    let steps: Vec<_> = steps.filter_map(|step| step["address"].as_str()).collect();
    assert_eq!(steps, ["image/hello", "task-definition/hello", "service/hello"]);
    let outside = tempfile::tempdir().expect("a folder");
    let output = outside.path().join("output");
    let second = service
        .program(&["deploy"])
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_REPOSITORY", "octo/hello")
        .env("GITHUB_OUTPUT", &output.to_string_lossy())
        .run()
        .await;
    second.ends_with(exit::OK);
    service.says(&host, "two").await;
    let outputs = outputs(&output);
    for expected in [format!("http://{host}").as_str(), "arn:aws:ecs:", "sha256:", "true"] {
        assert!(outputs.contains(expected), "{expected} in {outputs}");
    }

    service.run(&["destroy", "--yes"]).await.ends_with(exit::OK);
    let found = service.account.elb.describe_load_balancers().send().await.expect("an answer");
    assert!(found.load_balancers().is_empty());
}

#[tokio::test]
async fn a_version_that_does_not_start_is_rolled_back_and_the_old_one_keeps_answering() {
    let service = Service::new().await;
    service.run(&["deploy"]).await.ends_with(exit::OK);
    let host = service.load_balancer().await;
    service.says(&host, "one").await;
    service.dockerfile("CMD [\"sh\", \"-c\", \"echo no config >&2; exit 3\"]");
    let failed = service.run(&["deploy"]).await.ends_with(exit::ROLLOUT_FAILED);
    for expected in ["container `hello` exited with code 3", "no config", "is back"] {
        assert!(failed.stderr.contains(expected), "{expected} in {}", failed.stderr);
    }
    service.says(&host, "one").await;
}

#[tokio::test]
async fn a_build_that_fails_leaves_no_service() {
    let service = Service::new().await;
    service.dockerfile("RUN echo oh no >&2; exit 7");
    let failed = service.run(&["deploy"]).await.ends_with(exit::PARTIAL);
    assert!(failed.stderr.contains("oh no"), "{}", failed.stderr);
    let services = service.account.ecs.list_services().cluster("hello").send().await;
    assert!(services.expect("services").service_arns().is_empty());
    // What was made stays, and the next run goes on from there.
    service.serve("one");
    service.run(&["deploy"]).await.ends_with(exit::OK);
    service.says(&service.load_balancer().await, "one").await;
}

#[tokio::test]
async fn a_migration_runs_before_the_new_version_and_its_failure_leaves_the_old_one() {
    let service = Service::new().await;
    let file = service.folder.path().join("ecs-deploy.yml");
    let plain = std::fs::read_to_string(&file).expect("the file");
    let migrates = |command: &str| {
        let run = format!("run: [{{ name: migrate, command: {command}, before: rollout }}]\n");
        std::fs::write(&file, format!("{plain}{run}")).expect("the file");
    };
    migrates(
        "[sh, -c, 'echo migrating from $(cat /www/index.html); sleep 2; echo done migrating']",
    );
    let first = service.run(&["deploy"]).await.ends_with(exit::OK);
    let host = service.load_balancer().await;
    service.says(&host, "one").await;
    let place = |text: &str| {
        first.stderr.find(text).unwrap_or_else(|| panic!("{text} in {}", first.stderr))
    };
    assert!(place("started  run/migrate") < place("log migrating from one"), "{}", first.stderr);
    assert!(place("log migrating from one") < place("log done migrating"), "{}", first.stderr);
    assert!(place("log done migrating") < place("create   service/hello"), "{}", first.stderr);
    let before = service.runs().await;

    // The new image, not the old one.
    service.serve("two");
    migrates("[sh, -c, 'cat /www/index.html; echo no such table >&2; exit 3']");
    let failed = service.run(&["deploy"]).await.ends_with(exit::ROLLOUT_FAILED);
    for text in [
        "a task before the rollout of `hello` failed, nothing was rolled out",
        "the task `migrate` failed: container `hello` exited with code 3",
        "log two",
        "log no such table",
        "`hello` was left alone, it runs `hello:1`",
    ] {
        assert!(failed.stderr.contains(text), "{text} in {}", failed.stderr);
    }
    assert_eq!(service.runs().await, before);
    service.says(&host, "one").await;

    migrates("[/no/such/program]");
    let failed = service.run(&["deploy"]).await.ends_with(exit::ROLLOUT_FAILED);
    // The rest of MiniStack's words is about its second attempt.
    let never = "the task `migrate` never started: ResourceInitializationError: ";
    assert!(failed.stderr.contains(never), "{}", failed.stderr);
    assert!(!failed.stderr.contains("log of"), "it has written nothing: {}", failed.stderr);
    assert_eq!(service.runs().await, before);
    service.says(&host, "one").await;

    migrates("[sh, -c, 'echo mended']");
    let mended = service.run(&["deploy"]).await.ends_with(exit::OK);
    assert!(mended.stderr.contains("log mended"), "{}", mended.stderr);
    service.says(&host, "two").await;
}

/// The command lines of the processes whose command line has this in it, on all of the machine.
fn processes(with: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").expect("this is Linux").filter_map(Result::ok);
    let lines = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(with)).collect()
}

/// Waits until there are such processes, or none any more.
async fn until_processes(with: &str, are_there: bool) {
    for _ in 0..600 {
        if processes(with).is_empty() != are_there {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{with}: {:?}", processes(with));
}

#[tokio::test]
async fn a_cancelled_build_leaves_nothing_running() {
    let service = Service::new().await;
    // No other process sleeps as long.
    let seconds = format!("sleep {}", 1_000_000 + std::process::id());
    service.dockerfile(&format!("RUN {seconds}"));
    for signal in [Signal::INT, Signal::TERM] {
        let mut running = service.program(&["deploy"]).start();
        until_processes(&seconds, true).await;
        let folder = service.folder.path().to_string_lossy().into_owned();
        assert!(!processes(&folder).is_empty(), "the build is a process of this machine");
        running.signal(signal);
        let run = running.ends().await.ends_with(exit::PARTIAL);
        for text in ["may be half done: image/hello", "not started: ", "run it again"] {
            assert!(run.stderr.contains(text), "{text} in {}", run.stderr);
        }
        assert_eq!(processes(&folder), Vec::<String>::new(), "the build's processes are gone");
        until_processes(&seconds, false).await;
    }
    service.serve("one");
    service.run(&["deploy"]).await.ends_with(exit::OK);
    service.says(&service.load_balancer().await, "one").await;
}
