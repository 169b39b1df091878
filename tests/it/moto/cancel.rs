//! Runs that somebody ends: what they say then, on the terminal, in the pull request, in the job's
//! summary and in the outputs.

use super::stack::Stack;
use crate::support::{
    github::BOT,
    moto::Moto,
    prism::Prism,
    program::{Program, Run},
    switch::{Switch, dead},
};
use ecs_private_deploy::exit;
use rustix::process::Signal;
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// What a workflow's run leaves.
struct Workflow {
    /// The repository's name, and its token.
    name: &'static str,
    folder: tempfile::TempDir,
}

impl Workflow {
    fn new(name: &'static str) -> Self {
        Prism::shared().github.make(name, BOT);
        let folder = tempfile::tempdir().expect("a folder");
        let event = json!({"pull_request": {"number": 7, "head": {"sha": "0123456789abcdef"}}});
        fs::write(folder.path().join("event.json"), event.to_string()).expect("the event");
        Self { name, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program as a step of it.
    fn step(&self, program: Program) -> Program {
        let text = |name: &str| self.path(name).to_string_lossy().into_owned();
        program
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_REPOSITORY", &format!("octo/{}", self.name))
            .env("GITHUB_TOKEN", self.name)
            .env("GITHUB_API_URL", &Prism::shared().url())
            .env("GITHUB_EVENT_PATH", &text("event.json"))
            .env("GITHUB_OUTPUT", &text("output"))
            .env("GITHUB_STEP_SUMMARY", &text("summary"))
    }

    /// Waits until the pull request has the comment of a run that goes on.
    async fn is_underway(&self) {
        let github = &Prism::shared().github;
        github.until(self.name, |repository| !repository.comments.is_empty()).await;
    }

    /// Everything that the run has left says this.
    fn says(&self, run: &Run, texts: &[&str]) {
        let comment = Prism::shared().github.with(self.name, |repository| {
            assert_eq!(repository.comments.len(), 1, "{:#?}", repository.comments);
            repository.comments[0].body.clone()
        });
        let summary = read(&self.path("summary"));
        for text in texts {
            for (place, found) in
                [("log", &run.stderr), ("comment", &comment), ("summary", &summary)]
            {
                assert!(found.contains(text), "`{text}` in the {place}:\n{found}");
            }
        }
        assert!(!comment.contains('⏳'), "{comment}");
    }

    fn changed(&self) -> bool {
        let outputs = read(&self.path("output"));
        let mut lines = outputs.lines();
        lines.find(|line| line.starts_with("changed<<")).expect("it is said");
        lines.next().expect("it has a value") == "true"
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn folder_with(file: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("ecs-deploy.yml"), file).expect("the file");
    folder
}

const FILE: &str = "service: web\n\
    image: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/web:v1\ntask: { port: 8080 }\n";

#[tokio::test]
async fn while_aws_is_read_nothing_was_changed() {
    for (name, signal) in
        [("cancel-observe-int", Signal::INT), ("cancel-observe-term", Signal::TERM)]
    {
        let workflow = Workflow::new(name);
        let folder = folder_with(FILE);
        let (port, mut requests) = dead("127.0.0.1").await;
        let url = format!("http://127.0.0.1:{port}");
        let config = aws_config::SdkConfig::builder().endpoint_url(url);
        let config = config.region(aws_config::Region::new("eu-central-1")).build();
        let mut program = workflow.step(Program::new(folder.path(), &["deploy"], &config)).start();
        requests.recv().await.expect("AWS is asked");
        workflow.is_underway().await;
        program.signal(signal);
        let run = program.ends().await.ends_with(exit::UNEXPECTED);
        let ended = format!(
            "the run was ended by SIG{}",
            if signal == Signal::INT { "INT" } else { "TERM" }
        );
        workflow.says(&run, &["was cancelled, nothing was changed", &ended]);
        assert!(!workflow.changed());
    }
}

#[tokio::test]
async fn a_github_that_hangs_does_not_keep_the_run() {
    let folder = folder_with(FILE);
    let (aws, mut requests) = dead("127.0.0.1").await;
    let (github, mut told) = dead("127.0.0.1").await;
    let config = aws_config::SdkConfig::builder().endpoint_url(format!("http://127.0.0.1:{aws}"));
    let config = config.region(aws_config::Region::new("eu-central-1")).build();
    let workflow = Workflow::new("cancel-hanging");
    let program = workflow.step(Program::new(folder.path(), &["deploy"], &config));
    let mut program = program.env("GITHUB_API_URL", &format!("http://127.0.0.1:{github}")).start();
    requests.recv().await.expect("AWS is asked");
    told.recv().await.expect("GitHub is asked");
    program.signal(Signal::INT);
    let run = program.ends().await.ends_with(exit::UNEXPECTED);
    assert!(
        run.stderr.contains("comment on the pull request was not finished in time"),
        "{}",
        run.stderr
    );
    assert!(read(&workflow.path("summary")).contains("nothing was changed"));
    assert!(!workflow.changed());
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let folder = folder_with(FILE);
    let (aws, mut requests) = dead("127.0.0.1").await;
    let (github, mut told) = dead("127.0.0.1").await;
    let config = aws_config::SdkConfig::builder().endpoint_url(format!("http://127.0.0.1:{aws}"));
    let config = config.region(aws_config::Region::new("eu-central-1")).build();
    let workflow = Workflow::new("cancel-twice");
    let program = workflow.step(Program::new(folder.path(), &["deploy"], &config));
    let mut program = program.env("GITHUB_API_URL", &format!("http://127.0.0.1:{github}")).start();
    requests.recv().await.expect("AWS is asked");
    told.recv().await.expect("GitHub is asked");
    program.signal(Signal::INT);
    while !read(&workflow.path("summary")).contains("nothing was changed") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    program.signal(Signal::TERM);
    let run = program.ends().await.ends_with(exit::UNEXPECTED);
    assert!(run.stderr.contains("at once by a second SIGTERM"), "{}", run.stderr);
    assert!(!run.stderr.contains("not finished in time"), "{}", run.stderr);
}

/// A stack behind a switch, and its program in a workflow.
async fn switched(name: &'static str) -> (Stack, Switch, Workflow) {
    let stack = Stack::new().await;
    let switch = Switch::before(stack.moto.port()).await;
    (stack, switch, Workflow::new(name))
}

fn program(stack: &Stack, switch: &Switch, arguments: &[&str]) -> Program {
    Program::new(stack.folder(), arguments, &switch.config(&stack.moto.config()))
}

#[tokio::test]
async fn part_way_it_says_what_was_done_and_what_was_not() {
    let (stack, switch, workflow) = switched("cancel-apply").await;
    switch.hold("CreateLoadBalancer");
    let mut deploy = workflow.step(program(&stack, &switch, &["deploy"])).start();
    switch.hears("CreateLoadBalancer").await;
    switch.hears("RegisterTaskDefinition").await;
    workflow.is_underway().await;
    deploy.signal(Signal::INT);
    let run = deploy.ends().await.ends_with(exit::PARTIAL);
    workflow.says(
        &run,
        &[
            "was cancelled part-way",
            "may be half done: ",
            "load-balancer/web",
            "not started: ",
            "service/web",
        ],
    );
    assert!(workflow.changed());
    // The next run goes on from there.
    switch.release("CreateLoadBalancer");
    program(&stack, &switch, &["deploy"]).run().await.ends_with(exit::OK);
    program(&stack, &switch, &["plan", "--detailed-exitcode"]).run().await.ends_with(exit::OK);
}

#[tokio::test]
async fn a_rollout_goes_on_and_the_next_run_follows_it() {
    let (stack, switch, workflow) = switched("cancel-rollout").await;
    switch.say("DescribeServices", "\"COMPLETED\"", "\"IN_PROGRESS\"");
    let mut deploy = workflow.step(program(&stack, &switch, &["deploy"])).start();
    switch.hears("CreateService").await;
    let github = &Prism::shared().github;
    let is_rolling = |body: &str| body.contains("tasks running") || body.contains("task running");
    github
        .until(workflow.name, |it| it.comments.first().is_some_and(|found| is_rolling(&found.body)))
        .await;
    deploy.signal(Signal::TERM);
    let run = deploy.ends().await.ends_with(exit::PARTIAL);
    workflow.says(
        &run,
        &[
            "was cancelled part-way",
            "the rollout goes on, unseen by this run: ecs-svc/",
            "run it again to follow it",
        ],
    );
    assert!(workflow.changed());
}

#[tokio::test]
async fn a_rollout_is_taken_back_where_the_file_says_so() {
    let (stack, switch, workflow) = switched("cancel-rollback").await;
    // moto knows no service deployments.
    let arn = "arn:aws:ecs:eu-central-1:123456789012:service-deployment/web/web/abc";
    let deployment = json!({"serviceDeploymentArn": arn});
    let listed = json!({"serviceDeployments": [deployment]});
    switch.answer("ListServiceDeployments", "200 OK", &listed);
    switch.answer("StopServiceDeployment", "200 OK", &deployment);
    let run = rolled_out_and_cancelled(&stack, &switch, &workflow).await;
    workflow.says(
        &run,
        &["was cancelled part-way", "ECS stops the rollout and brings `web:1` back: ecs-svc/"],
    );
    assert_eq!(switch.count("StopServiceDeployment"), 1);
}

#[tokio::test]
async fn where_ecs_cannot_take_a_rollout_back_it_says_what_happens_instead() {
    let (stack, switch, workflow) = switched("cancel-no-rollback").await;
    let run = rolled_out_and_cancelled(&stack, &switch, &workflow).await;
    // Both rollouts ask for ECS's records once, and then this.
    assert_eq!(switch.count("ListServiceDeployments"), 3);
    workflow.says(
        &run,
        &[
            "the rollout goes on, unseen by this run: ecs-svc/",
            "ECS was asked to bring the last version back: ",
            "aws ecs update-service --cluster",
        ],
    );
}

#[tokio::test]
async fn neither_ecs_nor_github_keeps_a_run_that_is_cancelled() {
    let (stack, switch, workflow) = switched("cancel-all-hangs").await;
    program(&stack, &switch, &["deploy"]).run().await.ends_with(exit::OK);
    stack.write_more("rollout: { on-cancel: rollback }\nlogs: { group: other }");
    switch.say("DescribeServices", "\"COMPLETED\"", "\"IN_PROGRESS\"");
    switch.hold("ListServiceDeployments");
    let (github, _told) = dead("127.0.0.1").await;
    let deploy = workflow.step(program(&stack, &switch, &["deploy"]));
    let mut deploy = deploy.env("GITHUB_API_URL", &format!("http://127.0.0.1:{github}")).start();
    switch.hears("UpdateService").await;
    let before = switch.count("DescribeServices");
    switch.hears_more("DescribeServices", before + 1).await;
    deploy.signal(Signal::INT);
    let run = deploy.ends().await.ends_with(exit::PARTIAL);
    for text in ["nothing came within 2 seconds", "comment on the pull request was not finished"] {
        assert!(run.stderr.contains(text), "{text} in {}", run.stderr);
    }
    assert!(read(&workflow.path("summary")).contains("the rollout goes on, unseen by this run"));
}

/// The second version of a service that goes back when its run is cancelled, cancelled while it rolls
/// out.
async fn rolled_out_and_cancelled(stack: &Stack, switch: &Switch, workflow: &Workflow) -> Run {
    program(stack, switch, &["deploy"]).run().await.ends_with(exit::OK);
    stack.write_more("rollout: { on-cancel: rollback }\nlogs: { group: other }");
    switch.say("DescribeServices", "\"COMPLETED\"", "\"IN_PROGRESS\"");
    let mut deploy = workflow.step(program(stack, switch, &["deploy"])).start();
    switch.hears("UpdateService").await;
    let is_rolling = |body: &str| body.contains("tasks running") || body.contains("task running");
    let github = &Prism::shared().github;
    github
        .until(workflow.name, |it| it.comments.first().is_some_and(|it| is_rolling(&it.body)))
        .await;
    deploy.signal(Signal::INT);
    deploy.ends().await.ends_with(exit::PARTIAL)
}

#[tokio::test]
async fn a_task_beside_the_rollout_is_not_cut_in_half_and_not_started_twice() {
    let (stack, switch, workflow) = switched("cancel-task").await;
    stack.moto.keep_tasks_running().await;
    runs(&stack, "run: [{ name: migrate, command: [./migrate], before: rollout }]");
    let mut deploy = workflow.step(program(&stack, &switch, &["deploy"])).start();
    switch.hears("RunTask").await;
    let github = &Prism::shared().github;
    github.until(workflow.name, |it| !it.comments.is_empty()).await;
    switch.hears_more("GetLogEvents", 1).await;
    deploy.signal(Signal::INT);
    let run = deploy.ends().await.ends_with(exit::PARTIAL);
    workflow.says(
        &run,
        &[
            "goes on by itself: run/migrate, arn:aws:ecs:",
            "not started: service/web",
            "starts no second one",
        ],
    );
    assert_eq!((switch.count("RunTask"), switch.count("StopTask")), (1, 0));

    // Also a run that is killed leaves its task to the next one.
    let mut killed = program(&stack, &switch, &["deploy"]).start();
    let before = switch.count("GetLogEvents");
    switch.hears_more("GetLogEvents", before + 1).await;
    killed.signal(Signal::KILL);
    assert_eq!(killed.ends().await.code, None);
    stack.moto.let_tasks_end().await;
    let last = program(&stack, &switch, &["deploy"]).run().await.ends_with(exit::OK);
    assert!(last.stderr.contains("found    run/migrate"), "{}", last.stderr);
    assert_eq!((switch.count("RunTask"), switch.count("CreateService")), (1, 1));
}

/// Writes a file with tasks beside the rollout. moto runs none whose container does not say how much
/// memory it needs.
pub(super) fn runs(stack: &Stack, more: &str) {
    let logs = json!({"logDriver": "awslogs", "options": {
        "awslogs-group": "/ecs/web", "awslogs-region": "eu-central-1", "awslogs-stream-prefix": "web",
    }});
    let container = json!({
        "name": "web", "image": "replaced", "memory": 512, "logConfiguration": logs,
        "portMappings": [{"containerPort": 8080}],
    });
    let definition = json!({
        "cpu": "256", "memory": "512", "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc", "containerDefinitions": [container],
    });
    fs::write(stack.folder().join("task.json"), definition.to_string()).expect("a file");
    stack.write_task("definition: task.json");
    let file = read(&stack.file());
    fs::write(stack.file(), format!("{file}{more}\n")).expect("the file");
}

#[tokio::test]
async fn a_plan_and_a_destroy_end_as_well() {
    let moto = Moto::start().await;
    let switch = Switch::before(moto.port()).await;
    switch.hold("DescribeVpcs");
    let folder = folder_with(FILE);
    for arguments in [&["plan"][..], &["destroy", "--yes"], &["destroy"], &["doctor"]] {
        let before = switch.count("DescribeVpcs");
        let config = switch.config(&moto.config());
        let mut program = Program::new(folder.path(), arguments, &config).start();
        switch.hears_more("DescribeVpcs", before).await;
        program.signal(Signal::INT);
        let run = program.ends().await.ends_with(exit::UNEXPECTED);
        for text in ["ended by SIGINT", "nothing was changed"] {
            assert!(run.stderr.contains(text), "{arguments:?}: {}", run.stderr);
        }
    }
}
