//! What `preview list` tells and `preview sweep` takes down: exactly what belongs to closed pull requests,
//! and what is older than the file's `ttl`; halves too, and never anything else.

use super::stack::Stack;
use crate::support::{
    github::{BOT, GitHub},
    process::part,
    program::{Program, Run},
};
use ecs_private_deploy::exit;
use serde_json::Value;

/// An account with a main service, and a GitHub with this repository.
struct Scene {
    stack: Stack,
    github: GitHub,
    repository: &'static str,
}

impl Scene {
    async fn new(repository: &'static str) -> Self {
        let stack = Stack::new().await;
        stack.write_more("preview: {}");
        let description = std::fs::read(part("ECS_PRIVATE_DEPLOY_TEST_OPENAPI"));
        let description: Value =
            serde_json::from_slice(&description.expect("the description")).expect("it is JSON");
        let github = GitHub::start(&description["components"]["examples"]);
        github.make(repository, BOT);
        let scene = Self { stack, github, repository };
        scene.alone(&["deploy"]).await.ends_with(exit::OK);
        scene
    }

    fn set(&self, number: u64, is_open: bool) {
        self.github.with(self.repository, |it| it.pulls.insert(number, is_open));
    }

    fn program(&self, arguments: &[&str]) -> Program {
        Program::new(self.stack.folder(), arguments, &self.stack.moto.config())
    }

    /// A run outside of GitHub.
    async fn alone(&self, arguments: &[&str]) -> Run {
        self.program(arguments).run().await
    }

    /// A run in a workflow of this repository.
    async fn in_workflow(&self, repository: &str, arguments: &[&str]) -> Run {
        self.program(arguments)
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_REPOSITORY", &format!("octo/{repository}"))
            .env("GITHUB_API_URL", &self.github.url)
            .env("GITHUB_TOKEN", self.repository)
            .run()
            .await
    }

    async fn run(&self, arguments: &[&str]) -> Run {
        self.in_workflow(self.repository, arguments).await
    }

    async fn up(&self, number: u64) {
        self.set(number, true);
        let run = self.run(&["preview", "up", "--pr", &number.to_string()]).await;
        run.ends_with(exit::OK);
    }

    /// What `preview list` tells of each, as `NUMBER STATE: PARTS`.
    async fn listed(&self) -> Vec<String> {
        let run = self.alone(&["preview", "list", "--format", "json"]).await.ends_with(exit::OK);
        let list = run.json();
        let rows = list["previews"].as_array().expect("a list").iter();
        let parts = |row: &Value| {
            let parts = row["parts"].as_array().expect("a list").iter();
            parts.filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        };
        rows.map(|row| format!("{}: {}", row["pull_request"], parts(row))).collect()
    }

    /// Takes away a part of a preview, as a run does that is killed.
    async fn halve(&self, number: u64) {
        let name = format!("web-pr-{number}");
        let ecs = &self.stack.account.ecs;
        let request = ecs.delete_service().cluster("web").service(&name).force(true);
        request.send().await.expect("it goes");
        let logs = &self.stack.account.logs;
        let request = logs.delete_log_group().log_group_name(format!("/ecs/{name}"));
        request.send().await.expect("it goes");
    }
}

#[tokio::test]
async fn exactly_what_is_closed_goes_and_what_is_not_known_is_loud() {
    let scene = Scene::new("sweep").await;
    let before = scene.stack.account.everything().await;
    for number in [1, 2, 3, 4, 5] {
        scene.up(number).await;
    }
    scene.halve(4).await;
    scene.set(6, true);
    let other = scene.in_workflow("other", &["preview", "up", "--pr", "6"]).await;
    other.ends_with(exit::OK);
    let whole = "service, target group, task definitions, log group";
    let expected = [
        format!("1: {whole}"),
        format!("2: {whole}"),
        format!("3: {whole}"),
        "4: target group, task definitions".to_owned(),
        format!("5: {whole}"),
        format!("6: {whole}"),
    ];
    assert_eq!(scene.listed().await, expected);

    // The first stays open, the third is one that GitHub knows nothing of, the last another repository's.
    for number in [2, 4, 5, 6] {
        scene.set(number, false);
    }
    scene.github.with("sweep", |it| it.pulls.remove(&3));
    let list = scene.run(&["preview", "list"]).await.ends_with(exit::OK);
    for text in [
        "merged",
        "takes down `web-pr-2`",
        "takes down `web-pr-4`",
        "takes down `web-pr-5`",
        "elsewhere",
    ] {
        let is_told = list.stdout.contains(text);
        assert_eq!(is_told, text != "merged", "{text} in {}", list.stdout);
    }
    assert!(!list.stdout.contains("takes down `web-pr-6`"), "{}", list.stdout);
    let swept = scene.run(&["preview", "sweep"]).await.ends_with(exit::PARTIAL);
    for text in [
        "web-pr-2 goes: its pull request is closed",
        "the preview `web-pr-4` is taken down",
        "not swept: 1 preview of `web`",
        "#3: whether its pull request is open is not known",
        "preview down --pr 3",
    ] {
        assert!(swept.stderr.contains(text), "{text} in {}", swept.stderr);
    }
    let left = [1, 3, 6].map(|number| format!("{number}: {whole}"));
    assert_eq!(scene.listed().await, left);

    scene.run(&["preview", "down", "--pr", "3"]).await.ends_with(exit::OK);
    let swept = scene.run(&["preview", "sweep"]).await.ends_with(exit::OK);
    assert!(swept.stderr.contains("no preview of `web` has to go"), "{}", swept.stderr);
    for number in ["1", "6"] {
        scene.run(&["preview", "down", "--pr", number]).await.ends_with(exit::OK);
    }
    assert_eq!(scene.listed().await, Vec::<String>::new());
    let after = scene.stack.account.everything().await;
    super::states::same(&before, &after);
}

#[tokio::test]
async fn without_a_token_only_the_ttl_counts() {
    let scene = Scene::new("sweep-ttl").await;
    scene.up(1).await;
    let refused = scene.alone(&["preview", "sweep"]).await.ends_with(exit::CONFIG);
    let text = "which pull requests are closed is not known: this is no workflow of a repository";
    assert!(refused.stderr.contains(text), "{}", refused.stderr);

    scene.stack.write_more("preview: { ttl: 1d }");
    let swept = scene.alone(&["preview", "sweep"]).await.ends_with(exit::OK);
    assert!(swept.stderr.contains("only `ttl` counts"), "{}", swept.stderr);
    assert_eq!(scene.listed().await.len(), 1, "it is younger");
    scene.stack.write_more("preview: { ttl: 1s }");
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let swept = scene.alone(&["preview", "sweep"]).await.ends_with(exit::OK);
    assert!(swept.stderr.contains("nothing was deployed for"), "{}", swept.stderr);
    assert_eq!(scene.listed().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_closed_pull_request_gets_nothing_and_without_a_token_that_is_not_asked() {
    let scene = Scene::new("unmade").await;
    let before = scene.stack.account.everything().await;
    scene.set(7, false);
    let run = scene.run(&["preview", "up", "--pr", "7"]).await.ends_with(exit::OK);
    let text = "pull request 7 is closed since 2026-11-25T13:00:00Z";
    assert!(run.stderr.contains(text), "{}", run.stderr);
    super::states::same(&before, &scene.stack.account.everything().await);
    let run = scene.alone(&["preview", "up", "--pr", "7"]).await.ends_with(exit::OK);
    let told = run.stderr.matches("whether pull request 7 is open is not known").count();
    assert_eq!(told, 1, "{}", run.stderr);
    scene.alone(&["preview", "down", "--pr", "7"]).await.ends_with(exit::OK);
    super::states::same(&before, &scene.stack.account.everything().await);
    let again = scene.alone(&["preview", "down", "--pr", "7"]).await.ends_with(exit::OK);
    let text = "no preview `web-pr-7` was there to take down";
    assert!(again.stderr.contains(text), "{}", again.stderr);
}

#[tokio::test]
async fn a_number_and_a_section_are_needed() {
    let stack = Stack::new().await;
    stack.write_more("");
    let run = |arguments: &'static [&'static str]| {
        Program::new(stack.folder(), arguments, &stack.moto.config()).run()
    };
    let up = run(&["preview", "up", "--pr", "7"]).await.ends_with(exit::CONFIG);
    assert!(up.stderr.contains("the file has no `preview:`"), "{}", up.stderr);
    let down = run(&["preview", "down"]).await.ends_with(exit::CONFIG);
    assert!(down.stderr.contains("add `--pr N`"), "{}", down.stderr);
    run(&["preview", "down", "--pr", "7"]).await.ends_with(exit::OK);
}
