//! The program itself as two steps of two runs at the same time, on one pull request.

use super::{BOT, Scene};
use crate::support::{
    account::Account,
    moto::Moto,
    program::{Program, Run},
};
use ecs_private_deploy::exit;
use serde_json::json;
use std::{fs, path::Path};

async fn plan(scene: &Scene, folder: &Path, moto: &Moto, run: u64) -> Run {
    let event = folder.join("event.json");
    Program::new(folder, &["plan"], &moto.config())
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_EVENT_NAME", "pull_request")
        .env("GITHUB_EVENT_PATH", &event.to_string_lossy())
        .env("GITHUB_REPOSITORY", &format!("octo/{}", scene.name))
        .env("GITHUB_RUN_ID", &run.to_string())
        .env("GITHUB_TOKEN", scene.name)
        .env("GITHUB_API_URL", &scene.prism.url())
        .run()
        .await
        .ends_with(exit::OK)
}

/// Both find no comment and make one; one is left, which both have edited.
#[tokio::test]
async fn two_runs_at_once_leave_one_comment() {
    let scene = Scene::new("two-processes", BOT);
    let moto = Moto::start().await;
    let account = Account::of(&moto.config());
    account.vpc().await;
    let image = account.image("web", "v1").await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = format!("service: web\nimage: {image}\ntask: {{ port: 8080 }}\n");
    fs::write(folder.path().join("ecs-deploy.yml"), file).expect("the file");
    let repository = json!({ "full_name": format!("octo/{}", scene.name) });
    let head = json!({ "sha": "0123456789abcdef0123456789abcdef01234567", "repo": repository });
    let event = json!({
        "action": "opened",
        "number": 7,
        "pull_request": { "number": 7, "head": head, "base": { "repo": repository } },
        "repository": repository,
    });
    fs::write(folder.path().join("event.json"), event.to_string()).expect("the event");

    scene.with(|repository| repository.meeting = 2);
    let runs = [41, 42].map(|run| plan(&scene, folder.path(), &moto, run));
    futures_util::future::join_all(runs).await;
    let requests = scene.requests();
    let count = |start: &str| requests.iter().filter(|asked| asked.starts_with(start)).count();
    assert_eq!(count("POST …/7/comments"), 2, "{requests:#?}");
    assert!(count("DELETE …/comments/") > 0, "{requests:#?}");
    let comments = scene.with(|repository| repository.comments.clone());
    assert_eq!(comments.len(), 1, "{comments:#?}");
    assert!(comments[0].body.contains("a deploy of `web` would make"), "{}", comments[0].body);

    // A third run finds it, and a second comment that a killed run has left goes.
    let left = crate::support::github::Comment { id: 90, ..comments[0].clone() };
    scene.with(|repository| repository.comments.push(left));
    plan(&scene, folder.path(), &moto, 43).await;
    let comments = scene.with(|repository| repository.comments.clone());
    assert_eq!(comments.len(), 1, "{comments:#?}");
    assert!(comments[0].body.contains("<!-- run 43 -->"), "{}", comments[0].body);
}
