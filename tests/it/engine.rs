//! The image part against a real Docker engine and a real registry.

mod secrecy;

use crate::support::workshop::Workshop;
use ecs_private_deploy::{
    config::model::Cache,
    error::Problem,
    event::{Event, Events},
    image::failure::Failure,
};
use std::{
    fs, io,
    time::{Duration, Instant},
};

const HELLO: &str = "FROM busybox:1.37\nRUN echo NONCE >/hello\n";

fn failed(result: Result<impl std::fmt::Debug, Failure>) -> Problem {
    match result.expect_err("it cannot be built") {
        Failure::Failed(problem) => problem,
        Failure::TagTaken(problem) => panic!("the tag is free: {problem}"),
    }
}

/// The command lines of all processes that have this in it.
fn processes(text: &str) -> Vec<String> {
    all_processes().into_iter().filter(|line| line.contains(text)).collect()
}

fn all_processes() -> Vec<String> {
    let entries = fs::read_dir("/proc").expect("/proc").filter_map(io::Result::ok);
    entries
        .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " "))
        .collect()
}

#[tokio::test]
async fn the_digest_is_what_the_registry_has_under_the_tag() {
    let workshop = Workshop::new(HELLO).await;
    let ran = workshop.run("0f3c").await;
    let digest = ran.result.unwrap_or_else(|failure| panic!("{failure:?}\n{:#?}", ran.lines));
    let image = workshop.pushed("0f3c").await.expect("it was pushed");
    assert_eq!(image.image_digest(), Some(digest.as_str()));
    let kind = image.image_manifest_media_type().expect("it has one");
    assert!(kind.contains(".manifest.v") && !kind.contains("list"), "{kind}");
    assert_eq!(workshop.temporary(), Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn provenance_is_an_index_and_only_on_demand() {
    let mut workshop = Workshop::new(HELLO).await;
    let able = workshop.check().await.expect("an engine").makes_index;
    workshop.build.provenance = true;
    if !able {
        let problem = workshop.check().await.expect_err("it cannot");
        assert!(problem.what.contains("a provenance attestation"), "{problem}");
        return;
    }
    let digest = workshop.run("0f3c").await.result.expect("it is built");
    let image = workshop.pushed("0f3c").await.expect("it was pushed");
    assert_eq!(image.image_digest(), Some(digest.as_str()));
    assert_eq!(image.image_manifest_media_type(), Some("application/vnd.oci.image.index.v1+json"));
}

#[tokio::test]
async fn a_step_that_fails_is_shown_and_nothing_is_pushed() {
    let workshop =
        Workshop::new("FROM busybox:1.37\nRUN echo ready\nRUN echo NONCE is no good; exit 3\n")
            .await;
    let problem = failed(workshop.run("0f3c").await.result);
    assert!(problem.what.ends_with("a step of the Dockerfile ended with exit code 3"), "{problem}");
    let shown = |line: &str| problem.found.iter().any(|found| found.ends_with(line));
    let words = format!("{} is no good", workshop.nonce);
    assert!(shown(&words), "{problem}");
    assert!(shown(&format!("3 | >>> RUN echo {words}; exit 3")), "{problem}");
    assert_eq!(workshop.pushed("0f3c").await, None);
    assert!(workshop.temporary().is_empty());
}

#[tokio::test]
async fn a_dockerfile_that_cannot_be_read_is_told_in_dockers_words() {
    let workshop = Workshop::new("FROM busybox:1.37\nRUNN echo\n").await;
    let problem = failed(workshop.run("0f3c").await.result);
    assert!(
        problem.found.iter().any(|line| line.contains("unknown instruction: RUNN")),
        "{problem}"
    );
}

#[tokio::test]
async fn a_login_that_is_refused_names_the_permissions() {
    let mut workshop = Workshop::new(HELLO).await;
    workshop.login.password = ecs_private_deploy::secret::Secret::new("another password");
    let problem = failed(workshop.run("0f3c").await.result);
    assert!(problem.what.ends_with("the registry refused the login"), "{problem}");
    assert_eq!(workshop.pushed("0f3c").await, None);
}

#[tokio::test]
async fn a_tag_that_is_taken_is_told_apart() {
    let workshop = Workshop::new(HELLO).await;
    workshop.immutable().await;
    let first = workshop.run("0f3c").await.result.expect("it is built");
    workshop.write("Dockerfile", "FROM busybox:1.37\nRUN echo another NONCE >/hello\n");
    let ran = workshop.run("0f3c").await;
    assert!(matches!(ran.result, Err(Failure::TagTaken(_))), "{ran:#?}");
    let image = workshop.pushed("0f3c").await.expect("the first one");
    assert_eq!(image.image_digest(), Some(first.as_str()));
}

#[tokio::test]
async fn layers_are_kept_in_the_registry_between_runs() {
    // What a layer holds is another thing each time that it is made.
    let dockerfile = "FROM busybox:1.37\nRUN echo NONCE && cat /proc/sys/kernel/random/uuid >/id\n";
    let mut workshop = Workshop::new(dockerfile).await;
    workshop.build.cache = Cache::Registry;
    let ran = workshop.run("one").await;
    let one = ran.result.expect("it is built");
    if !workshop.check().await.expect("an engine").exports_cache {
        assert!(ran.warnings[0].starts_with("layers are not kept"), "{:?}", ran.warnings);
        return;
    }
    assert_eq!(ran.warnings, Vec::<String>::new());
    assert!(workshop.pushed("buildcache").await.is_some(), "{:#?}", ran.lines);
    forget_layers(&workshop);
    let ran = workshop.run("two").await;
    assert_eq!(ran.result.expect("it is built"), one, "{:#?}", ran.lines);
}

/// Takes the workshop's own layers out of the engine, which other tests use as well.
fn forget_layers(workshop: &Workshop) {
    workshop.docker(&["image", "rm", &format!("{}:one", workshop.repository_uri)]);
    let known = workshop.docker(&["buildx", "du", "--verbose"]);
    let ours = known.split("\n\n").filter(|record| record.contains(&workshop.nonce));
    let ids: Vec<_> = ours
        .filter_map(|record| record.lines().find_map(|line| line.strip_prefix("ID:")))
        .collect();
    assert!(!ids.is_empty(), "the layer is known:\n{known}");
    for id in ids {
        workshop.docker(&[
            "buildx",
            "prune",
            "--force",
            "--all",
            "--filter",
            &format!("id={}", id.trim()),
        ]);
    }
    let known = workshop.docker(&["buildx", "du", "--verbose"]);
    assert!(!known.contains(&workshop.nonce), "it is known no more:\n{known}");
}

#[tokio::test]
async fn dropping_the_build_ends_it_and_cleans_up() {
    let workshop = Workshop::new("FROM busybox:1.37\nRUN echo at-NONCE; sleep 600\n").await;
    let (events, mut receiver) = Events::channel();
    let tag = format!("tag-{}", workshop.nonce);
    let started = format!(" at-{}", workshop.nonce);
    let runs = async {
        while let Some(event) = receiver.recv().await {
            if matches!(event, Event::Line { text, .. } if text.ends_with(&started)) {
                return;
            }
        }
    };
    tokio::select! {
        result = workshop.start(&tag, &events) => panic!("it sleeps: {result:?}"),
        () = runs => {}
    }
    assert!(workshop.temporary().is_empty(), "{:?}", workshop.temporary());
    let deadline = Instant::now() + Duration::from_secs(20);
    while !processes(&workshop.nonce).is_empty() {
        assert!(Instant::now() < deadline, "{:#?}", processes(&workshop.nonce));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(workshop.pushed(&tag).await, None);
}

#[tokio::test]
async fn an_engine_that_does_not_run_is_told_with_where_it_was_looked_for() {
    let mut workshop = Workshop::new(HELLO).await;
    let socket = format!("unix://{}/no.sock", workshop.home().display());
    workshop.environment.insert("DOCKER_HOST".to_owned(), socket.clone());
    let problem = workshop.check().await.expect_err("nothing is there");
    let text = problem.to_string().replace(&socket, "SOCKET");
    insta::assert_snapshot!(text, @r"
    no Docker engine answers `docker buildx inspect`
      looked for `SOCKET`, which `DOCKER_HOST` says
      Cannot connect to the Docker daemon at SOCKET. Is the docker daemon running?
      help: start Docker, or set `DOCKER_HOST` to an engine that runs
    ");
}

#[tokio::test]
async fn a_machine_without_docker_is_told_so() {
    let mut workshop = Workshop::new(HELLO).await;
    let path = workshop.environment.insert("PATH".to_owned(), "/nowhere".to_owned());
    let problem = workshop.check().await.expect_err("no docker");
    workshop.environment.extend(path.map(|path| ("PATH".to_owned(), path)));
    insta::assert_snapshot!(problem, @r"
    `docker` is not in any folder of `PATH`
      help: install Docker, or run where it is installed
    ");
}
