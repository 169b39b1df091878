//! The questions about pull requests, against GitHub's own API description.

use crate::support::{
    github::{BOT, Refusal},
    prism::Prism,
};
use ecs_private_deploy::{
    github::{Client, answer::Failure, pulls::Pull},
    secret::Secret,
};

/// The repository of one test, which allows what the description does.
struct Scene(&'static str, &'static Prism);

impl Scene {
    fn new(name: &'static str, pulls: &[(u64, bool)]) -> Self {
        let prism = Prism::shared();
        prism.github.make(name, BOT);
        prism.github.with(name, |repository| repository.pulls.extend(pulls.iter().copied()));
        Self(name, prism)
    }

    fn client(&self) -> Client {
        let Self(name, prism) = self;
        let client = Client::new(&prism.url(), &format!("octo/{name}"), &Secret::new(*name));
        client.expect("it is an address")
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let violations = self.1.violations(&format!("octo/{}", self.0));
            assert!(violations.is_empty(), "{violations:#?}");
        }
    }
}

#[tokio::test]
async fn one_is_open_closed_or_not_there() {
    let scene = Scene::new("pull", &[(7, true), (8, false)]);
    let client = scene.client();
    assert!(client.pull(7).await.expect("it is there").is_open);
    let closed_at = Some("2026-11-25T13:00:00Z".to_owned());
    let closed = Pull { is_open: false, is_merged: false, closed_at };
    assert_eq!(client.pull(8).await.expect("it is there"), closed);
    let missing = client.pull(9).await.expect_err("there is none");
    assert!(matches!(missing, Failure::Missing(_)), "{missing:?}");
    assert!(client.open_pulls().await.expect("a list").contains(&7));
}

#[tokio::test]
async fn all_pages_of_those_that_are_open_are_read() {
    let pulls: Vec<_> = (1..=300).map(|number| (number, number % 4 != 0)).collect();
    let scene = Scene::new("pulls", &pulls);
    let open = scene.client().open_pulls().await.expect("a list");
    assert_eq!(open.len(), 225);
    assert!(open.contains(&299) && !open.contains(&300));
    let requests = scene.1.github.with("pulls", |repository| repository.requests.len());
    assert_eq!(requests, 3);
}

#[tokio::test]
async fn a_refusal_names_the_permission() {
    let scene = Scene::new("pull-forbidden", &[(7, true)]);
    scene.1.github.with("pull-forbidden", |repository| {
        repository.refusals.push_back(Refusal {
            method: "GET",
            status: "403 Forbidden",
            headers: vec![("x-accepted-github-permissions", "pull_requests=read".to_owned())],
            message: "Resource not accessible by integration",
        });
    });
    let refused = scene.client().pull(7).await.expect_err("it is refused");
    let problem = refused.into_problem().to_string();
    assert!(problem.contains("`permissions: pull-requests: read`"), "{problem}");
}
