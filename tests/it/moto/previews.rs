//! Pull requests' own services beside the main one: what they share, what is theirs, and that nothing else is
//! touched.

mod many;
mod parts;

use super::ground::{Ground, Site};
use crate::support::{
    github::{BOT, GitHub},
    lane::Lane,
    process::part,
    program::{Program, Run},
};
use ecs_private_deploy::exit;
use serde_json::Value;

/// A main service by host, with previews by host.
const FILE: &str = "task: { port: 8080 }
cluster: shared
load-balancer: { name: shared, host: web.example.com }
preview: { host: 'pr-{number}.preview.example.com' }
";

/// An account, and a repository whose pull requests are opened and closed.
struct Previews {
    site: Site,
    github: GitHub,
    repository: &'static str,
}

impl Previews {
    /// The main service stands.
    async fn new(ground: &Ground, number: usize, repository: &'static str) -> Self {
        let description = std::fs::read(part("ECS_PRIVATE_DEPLOY_TEST_OPENAPI"));
        let description: Value =
            serde_json::from_slice(&description.expect("the description")).expect("it is JSON");
        let github = GitHub::start(&description["components"]["examples"]);
        github.make(repository, BOT);
        let site = ground.site(number).await;
        site.write_as("ecs-deploy.yml", "web", FILE);
        site.run(&["deploy"]).await.ends_with(exit::OK);
        Self { site, github, repository }
    }

    fn set(&self, numbers: impl IntoIterator<Item = u64>, is_open: bool) {
        self.github.with(self.repository, |repository| {
            repository.pulls.extend(numbers.into_iter().map(|number| (number, is_open)));
        });
    }

    fn program(&self, arguments: &[&str], lane: &Lane) -> Program {
        self.site
            .program(arguments, lane)
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_REPOSITORY", &format!("octo/{}", self.repository))
            .env("GITHUB_API_URL", &self.github.url)
            .env("GITHUB_TOKEN", self.repository)
    }

    async fn run(&self, arguments: &[&str]) -> Run {
        let lane = self.site.counted().await;
        self.program(arguments, &lane).run().await
    }

    /// Makes or updates one; yields its calls, sorted.
    async fn up(&self, number: u64) -> Vec<String> {
        let lane = self.site.counted().await;
        let number = number.to_string();
        let run = self.program(&["preview", "up", "--pr", &number], &lane).run().await;
        run.ends_with(exit::OK);
        let mut calls: Vec<_> = lane.calls().into_iter().map(|call| call.name).collect();
        calls.sort();
        calls
    }

    async fn down(&self, number: u64) -> Run {
        self.run(&["preview", "down", "--pr", &number.to_string()]).await
    }

    /// The names of the services, sorted. moto lists those too that are gone.
    async fn services(&self) -> Vec<String> {
        let ecs = &self.site.account.ecs;
        let pages = ecs.list_services().cluster("shared").into_paginator();
        let arns: Vec<_> = pages.items().send().collect::<Result<_, _>>().await.expect("services");
        let mut names = Vec::new();
        for some in arns.chunks(10) {
            let request = ecs.describe_services().cluster("shared");
            let found = request.set_services(Some(some.to_vec())).send().await.expect("services");
            let active = found.services().iter().filter(|found| found.status() == Some("ACTIVE"));
            names.extend(active.filter_map(|found| found.service_name().map(str::to_owned)));
        }
        names.sort();
        names
    }
}
