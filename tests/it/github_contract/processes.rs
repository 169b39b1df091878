//! The program itself, as the steps of workflows, on one pull request.

use super::{BOT, Scene};
use crate::support::{
    account::Account,
    github::Comment,
    moto::Moto,
    program::{Program, Run},
};
use ecs_private_deploy::exit;
use serde_json::json;
use std::fs;

/// A pull request's workflow, with an account of its own.
struct Workflow {
    scene: Scene,
    moto: Moto,
    folder: tempfile::TempDir,
}

impl Workflow {
    async fn new(name: &'static str, more: &str) -> Self {
        let scene = Scene::new(name, BOT);
        let moto = Moto::start().await;
        let account = Account::of(&moto.config());
        account.vpc().await;
        let image = account.image("web", "v1").await;
        let folder = tempfile::tempdir().expect("a folder");
        let file = format!("service: web\nimage: {image}\ntask: {{ port: 8080 }}\n{more}\n");
        fs::write(folder.path().join("ecs-deploy.yml"), file).expect("the file");
        let repository = json!({ "full_name": format!("octo/{name}") });
        let head = json!({ "sha": "0123456789abcdef0123456789abcdef01234567", "repo": repository });
        let event = json!({
            "action": "opened",
            "number": 7,
            "pull_request": { "number": 7, "head": head, "base": { "repo": repository } },
            "repository": repository,
        });
        fs::write(folder.path().join("event.json"), event.to_string()).expect("the event");
        Self { scene, moto, folder }
    }

    /// A run of it.
    async fn run(&self, number: u64, arguments: &[&str]) -> Run {
        let event = self.folder.path().join("event.json");
        Program::new(self.folder.path(), arguments, &self.moto.config())
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_EVENT_NAME", "pull_request")
            .env("GITHUB_EVENT_PATH", &event.to_string_lossy())
            .env("GITHUB_REPOSITORY", &format!("octo/{}", self.scene.name))
            .env("GITHUB_RUN_ID", &number.to_string())
            .env("GITHUB_TOKEN", self.scene.name)
            .env("GITHUB_API_URL", &self.scene.prism.url())
            .run()
            .await
            .ends_with(exit::OK)
    }

    /// The only comment.
    fn comment(&self) -> Comment {
        let comments = self.scene.with(|repository| repository.comments.clone());
        let [comment] = comments.as_slice() else { panic!("one comment: {comments:#?}") };
        comment.clone()
    }
}

/// Both find no comment and make one; one is left, which both have edited.
#[tokio::test]
async fn two_runs_at_once_leave_one_comment() {
    let workflow = Workflow::new("two-processes", "").await;
    let scene = &workflow.scene;
    scene.with(|repository| repository.meeting = 2);
    tokio::join!(workflow.run(41, &["plan"]), workflow.run(42, &["plan"]));
    let requests = scene.requests();
    let count = |start: &str| requests.iter().filter(|asked| asked.starts_with(start)).count();
    assert_eq!(count("POST …/7/comments"), 2, "{requests:#?}");
    assert!(count("DELETE …/comments/") > 0, "{requests:#?}");
    let comment = workflow.comment();
    assert!(comment.body.contains("a deploy of `web` would make"), "{}", comment.body);

    // A third run finds it, and a second comment that a killed run has left goes.
    scene.with(|repository| repository.comments.push(Comment { id: 90, ..comment }));
    workflow.run(43, &["plan"]).await;
    let comment = workflow.comment();
    assert!(comment.body.contains("<!-- run 43 -->"), "{}", comment.body);
}

/// The plan before there were previews, the preview, its update, and its end.
#[tokio::test]
async fn a_preview_is_told_in_one_comment_from_its_plan_to_its_end() {
    let workflow = Workflow::new("preview-process", "preview: { cpu: 256, memory: 512 }").await;
    let scene = &workflow.scene;
    scene.with(|repository| repository.pulls.extend([(7, true)]));
    workflow.run(40, &["plan"]).await;
    let planned = workflow.comment();
    workflow.run(41, &["preview", "up"]).await;
    let up = workflow.comment();
    assert_eq!(up.id, planned.id);
    assert!(up.body.contains("### ✅ the preview `web-pr-7` is up"), "{}", up.body);
    assert!(up.body.contains(".elb.amazonaws.com/pr-7/>\n"), "{}", up.body);
    assert!(up.body.contains("\n- **Cost:** about 10 USD a month for 1 task"), "{}", up.body);
    let stands = "1 0123456789abcdef0123456789abcdef01234567 -> web-pr-7: in_progress success";
    assert_eq!(scene.deployments(), [stands]);
    workflow.run(42, &["preview", "up"]).await;
    assert_eq!(scene.deployments()[0], format!("{stands} inactive"));

    scene.with(|repository| repository.pulls.insert(7, false));
    workflow.run(43, &["preview", "down"]).await;
    let down = workflow.comment();
    assert_eq!(down.id, planned.id);
    assert!(down.body.contains("### ✅ the preview `web-pr-7` is taken down"), "{}", down.body);
    assert!(down.body.contains("**Taken down: "), "{}", down.body);
    let states = scene.deployments();
    assert!(states.iter().all(|line| line.ends_with("success inactive")), "{states:?}");

    // A run that comes too late has nothing to say, and says so in its own log.
    let late = workflow.run(44, &["preview", "up"]).await;
    assert!(late.stderr.contains("pull request 7 is closed"), "{}", late.stderr);
    assert_eq!(workflow.comment().body, down.body);
    assert_eq!(scene.deployments(), states);
}
