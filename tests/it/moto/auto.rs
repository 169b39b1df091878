//! The life of a pull request, told to the program by GitHub's events alone: `command: auto`, which is
//! what the action does where nobody says anything else.

use super::{stack::Stack, states::same};
use crate::support::{
    github::BOT,
    prism::Prism,
    process::part,
    program::{Program, Run},
};
use ecs_private_deploy::exit;
use serde_json::{Value, json};
use std::{fs, path::PathBuf};

const NUMBER: u64 = 7;
const HEAD: &str = "1111111111222222222233333333334444444444";
const MERGE: &str = "9999999999888888888877777777776666666666";

/// A repository with one pull request, whose workflow deploys to the stack's account.
struct Workflow {
    /// The repository's name, and its token.
    name: &'static str,
    stack: Stack,
}

impl Workflow {
    async fn new(name: &'static str) -> Self {
        let github = &Prism::shared().github;
        github.make(name, BOT);
        github.with(name, |repository| repository.pulls.insert(NUMBER, true));
        Self { name, stack: Stack::new().await }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.stack.folder().join(name)
    }

    /// The action as GitHub starts it for this event, without any input but the token.
    async fn on(&self, event: &str, payload: &Value) -> Run {
        fs::write(self.path("event.json"), payload.to_string()).expect("the event");
        let text = |name: &str| self.path(name).to_string_lossy().into_owned();
        Program::new(self.stack.folder(), &[], &self.stack.moto.config())
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_REPOSITORY", &format!("octo/{}", self.name))
            .env("GITHUB_SHA", MERGE)
            .env("GITHUB_API_URL", &Prism::shared().url())
            .env("GITHUB_EVENT_NAME", event)
            .env("GITHUB_EVENT_PATH", &text("event.json"))
            .env("GITHUB_OUTPUT", &text("output"))
            .env("GITHUB_STEP_SUMMARY", &text("summary"))
            .env("INPUT_GITHUB-TOKEN", self.name)
            .run()
            .await
            .ends_with(exit::OK)
    }

    async fn on_pull_request(&self, action: &str) -> Run {
        self.on("pull_request", &pull_request(action)).await
    }

    /// Somebody closes the pull request, of which the event comes later.
    fn close(&self) {
        let github = &Prism::shared().github;
        github.with(self.name, |repository| repository.pulls.insert(NUMBER, false));
    }

    /// The bodies of the comments.
    fn comments(&self) -> Vec<String> {
        let github = &Prism::shared().github;
        github.with(self.name, |repository| {
            repository.comments.iter().map(|comment| comment.body.clone()).collect()
        })
    }

    /// The services that stand.
    async fn services(&self) -> Vec<String> {
        let ecs = &self.stack.account.ecs;
        let listed = ecs.list_services().cluster("web").send().await.expect("services");
        let mut names: Vec<_> = listed
            .service_arns()
            .iter()
            .filter_map(|arn| arn.rsplit('/').next().map(str::to_owned))
            .collect();
        names.sort();
        names
    }
}

impl Drop for Workflow {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let violations = Prism::shared().violations(&format!("octo/{}", self.name));
            assert!(violations.is_empty(), "{violations:#?}");
        }
    }
}

/// GitHub's own example of this event, for the pull request of the test.
fn example(event: &str) -> Value {
    let text = fs::read(part("ECS_PRIVATE_DEPLOY_TEST_WEBHOOKS")).expect("the examples");
    let all: Vec<Value> = serde_json::from_slice(&text).expect("they are JSON");
    let found = all.iter().find(|found| found["name"] == event).expect("there is one");
    let examples = found["examples"].as_array().expect("it has some");
    let is_well = |example: &&Value| example["deleted"] != json!(true);
    examples.iter().find(is_well).expect("there is one").clone()
}

fn pull_request(action: &str) -> Value {
    let mut payload = example("pull_request");
    payload["action"] = json!(action);
    payload["number"] = json!(NUMBER);
    payload["pull_request"]["number"] = json!(NUMBER);
    payload["pull_request"]["head"]["sha"] = json!(HEAD);
    payload
}

#[tokio::test]
async fn the_events_of_a_pull_request_make_its_preview_and_take_it_down() {
    let workflow = Workflow::new("auto-preview").await;
    let way =
        "load-balancer: { host: web.example.com }\npreview: { host: 'pr-{number}.example.com' }";
    workflow.stack.write_more(way);
    let run = workflow.on("push", &example("push")).await;
    assert!(run.stderr.contains("auto `push` deploys"), "{}", run.stderr);
    assert_eq!(workflow.services().await, ["web"]);
    let before = workflow.stack.account.everything().await;

    let run = workflow.on_pull_request("opened").await;
    let told = "auto `pull_request` (opened) makes or updates the preview of pull request 7";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    assert_eq!(workflow.services().await, ["web", "web-pr-7"]);
    let [comment] = &workflow.comments()[..] else { panic!("{:?}", workflow.comments()) };
    assert!(comment.contains("http://pr-7.example.com"), "{comment}");
    assert!(comment.contains(&HEAD[..7]) && !comment.contains(&MERGE[..7]), "{comment}");

    // What nothing is done about leaves the comment as it is.
    workflow.on_pull_request("labeled").await;
    assert_eq!(workflow.comments(), std::slice::from_ref(comment));
    let run = workflow.on_pull_request("synchronize").await;
    assert!(run.stderr.contains("nothing to do") || run.stderr.contains("is up"), "{}", run.stderr);
    assert_eq!(workflow.services().await, ["web", "web-pr-7"]);

    workflow.close();
    let run = workflow.on_pull_request("closed").await;
    let told = "auto `pull_request` (closed) takes down the preview of pull request 7";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    same(&before, &workflow.stack.account.everything().await);
    let [comment] = &workflow.comments()[..] else { panic!("{:?}", workflow.comments()) };
    assert!(comment.contains("taken down"), "{comment}");

    // The run of a push that comes late, and a second takedown.
    let run = workflow.on_pull_request("synchronize").await;
    assert!(run.stderr.contains("pull request 7 is closed"), "{}", run.stderr);
    workflow.on_pull_request("closed").await;
    same(&before, &workflow.stack.account.everything().await);
}

#[tokio::test]
async fn without_a_preview_section_a_pull_request_gets_the_plan() {
    let workflow = Workflow::new("auto-plan").await;
    let before = workflow.stack.account.everything().await;
    let run = workflow.on_pull_request("opened").await;
    assert!(run.stdout.contains("service/web"), "{}", run.stdout);
    same(&before, &workflow.stack.account.everything().await);
    let [comment] = &workflow.comments()[..] else { panic!("{:?}", workflow.comments()) };
    assert!(comment.contains("a deploy of `web` would make"), "{comment}");
    assert!(comment.contains(&HEAD[..7]), "{comment}");

    workflow.close();
    let run = workflow.on_pull_request("closed").await;
    assert!(run.stderr.contains("takes down the preview of pull request 7"), "{}", run.stderr);
    same(&before, &workflow.stack.account.everything().await);
}

#[tokio::test]
async fn a_number_by_hand_is_that_pull_requests_preview_and_comment() {
    let workflow = Workflow::new("auto-by-hand").await;
    workflow.stack.write_more("load-balancer: { host: web.example.com }\npreview: {}");
    workflow.on("workflow_dispatch", &example("workflow_dispatch")).await;
    assert_eq!(workflow.services().await, ["web"]);
    assert_eq!(workflow.comments(), [""; 0]);
    let text = |name: &str| workflow.path(name).to_string_lossy().into_owned();
    let run = Program::new(workflow.stack.folder(), &[], &workflow.stack.moto.config())
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_REPOSITORY", "octo/auto-by-hand")
        .env("GITHUB_SHA", HEAD)
        .env("GITHUB_API_URL", &Prism::shared().url())
        .env("GITHUB_EVENT_NAME", "workflow_dispatch")
        .env("GITHUB_EVENT_PATH", &text("event.json"))
        .env("INPUT_GITHUB-TOKEN", workflow.name)
        .env("INPUT_PR", "7");
    run.run().await.ends_with(exit::OK);
    assert_eq!(workflow.services().await, ["web", "web-pr-7"]);
    let [comment] = &workflow.comments()[..] else { panic!("{:?}", workflow.comments()) };
    assert!(comment.contains("/pr-7/"), "{comment}");
}
