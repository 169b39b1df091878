//! A cache is filled through real registries: one is the upstream, one caches it.

mod deploy;

use crate::support::{
    gate::Gate,
    registry::{Image, Registry},
};
use ecs_private_deploy::{
    error::Problem,
    event::{Event, Events, Source},
    image::{
        login::Login,
        prime::{Primed, Request, prime},
        registry::Registry as Client,
    },
    secret::Secret,
};
use std::{
    fs,
    time::{Duration, Instant},
};

/// As Docker Hub's official images are called in a cache of it.
const REPOSITORY: &str = "docker-hub/library/nginx";

/// An upstream with an image, and a cache that has never been asked.
async fn registries() -> (Registry, Registry, Image) {
    let upstream = Registry::start(None).await;
    let image = upstream.push_image(REPOSITORY, "1.29").await;
    let cache = Registry::start(Some(&upstream.host())).await;
    (upstream, cache, image)
}

async fn pull(
    host: &str,
    login: Option<&Login>,
    reference: &str,
) -> (Result<Primed, Problem>, Vec<String>) {
    let registry = Client::new(host, login).waiting(Duration::ZERO);
    let request = Request { registry: &registry, repository: REPOSITORY, reference };
    let (events, mut receiver) = Events::channel();
    let result = prime(&request, &events).await;
    let mut lines = Vec::new();
    while let Ok(event) = receiver.try_recv() {
        let Event::Line { source: Source::Cache, text } = event else { panic!("{event:?}") };
        lines.push(text);
    }
    (result, lines)
}

/// This cache answers before it has written what it fetched.
async fn written(cache: &Registry, image: &Image) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let missing = || {
        let all = image.blobs.iter().chain(&image.manifests);
        let is_missing = |(digest, bytes): &(&String, &Vec<u8>)| {
            !fs::metadata(cache.file(digest)).is_ok_and(|file| file.len() == bytes.len() as u64)
        };
        all.filter(is_missing).map(|(digest, _)| digest.clone()).collect::<Vec<_>>()
    };
    while !missing().is_empty() {
        assert!(Instant::now() < deadline, "never cached: {:?}", missing());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn every_layer_of_every_platform_is_cached_by_digest() {
    let (upstream, cache, image) = registries().await;
    // An index, two platforms and two attestations; what both platforms have is one blob.
    assert_eq!((image.manifests.len(), image.blobs.len()), (5, 11));
    let login =
        Login { username: "AWS".to_owned(), password: Secret::new("the token of this account") };
    let gate = Gate::open(&cache.host(), &login).await;

    let (result, lines) = pull(&gate.registry, Some(&login), "1.29").await;
    let primed = result.unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(primed.digest.as_str(), image.digest);
    assert_eq!((primed.manifests, primed.blobs), (5, 11));
    let bytes: usize = image.blobs.values().map(Vec::len).sum();
    assert_eq!(primed.bytes, bytes as u64);
    assert_eq!(lines.len(), 11);
    assert!(lines[10].starts_with(&format!("{REPOSITORY}: 11 of 11 pulled")), "{lines:#?}");
    written(&cache, &image).await;

    // From here on there is no internet.
    drop(upstream);
    for (digest, bytes) in &image.manifests {
        let found = cache.manifest(REPOSITORY, digest).await;
        assert!(found.status == 200 && found.body == *bytes, "{digest}: {}", found.status);
    }
    for (digest, bytes) in &image.blobs {
        let found = cache.blob(REPOSITORY, digest).await;
        assert!(found.status == 200 && found.body == *bytes, "{digest}: {}", found.status);
    }
    let (again, _) = pull(&cache.host(), None, &image.digest).await;
    assert_eq!(again.map(|again| again.blobs), Ok(11));
}

#[tokio::test]
async fn a_manifest_alone_brings_no_layers() {
    let (upstream, cache, image) = registries().await;
    assert_eq!(cache.manifest(REPOSITORY, "1.29").await.status, 200);
    drop(upstream);
    let (result, _) = pull(&cache.host(), None, &image.digest).await;
    let problem = result.expect_err("nobody has pulled the rest");
    let place = format!("{}/{REPOSITORY}", cache.host());
    assert!(problem.what.starts_with("pulling manifest sha256:"), "{problem}");
    assert!(problem.what.contains(&place), "{problem}");
}

#[tokio::test]
async fn a_layer_that_is_lost_or_broken_is_named() {
    let (upstream, cache, image) = registries().await;
    pull(&cache.host(), None, &image.digest).await.0.expect("it is cached");
    written(&cache, &image).await;
    drop(upstream);
    let (layer, bytes) = image.blobs.iter().max_by_key(|(_, bytes)| bytes.len()).expect("layers");
    let mut broken = bytes.clone();
    broken[1000] ^= 1;
    fs::write(cache.file(layer), broken).expect("the cache's file");
    let problem = pull(&cache.host(), None, &image.digest).await.0.expect_err("it is broken");
    let what = format!("pulling blob {layer} of {}/{REPOSITORY}: what came has", cache.host());
    assert!(problem.what.starts_with(&what), "{problem}");

    fs::remove_file(cache.file(layer)).expect("the cache's file");
    let problem = pull(&cache.host(), None, &image.digest).await.0.expect_err("it is lost");
    let what = format!("pulling blob {layer} of {}/{REPOSITORY}: ", cache.host());
    assert!(problem.what.starts_with(&what), "{problem}");
    assert!(problem.help.is_some(), "{problem}");
}

#[tokio::test]
async fn what_the_upstream_does_not_have_is_named() {
    let (upstream, cache, _) = registries().await;
    let nowhere = format!("sha256:{}", "0".repeat(64));
    // For a digest this cache says 500 where its upstream says 404.
    for (reference, registry) in [("1.30", &cache), (&nowhere, &upstream)] {
        let problem = pull(&registry.host(), None, reference).await.0.expect_err("no such image");
        let place = format!("{}/{REPOSITORY}", registry.host());
        let what = format!("pulling manifest {reference} of {place}: the registry answered 404");
        assert_eq!(problem.what, what, "{problem}");
        assert!(problem.found.concat().contains("MANIFEST_UNKNOWN"), "{problem}");
    }
}

#[tokio::test]
async fn a_login_that_is_refused_names_the_permissions() {
    let (_upstream, cache, _) = registries().await;
    let login =
        |password: &str| Login { username: "AWS".to_owned(), password: Secret::new(password) };
    let gate = Gate::open(&cache.host(), &login("right")).await;
    let (result, _) = pull(&gate.registry, Some(&login("wrong")), "1.29").await;
    let problem = result.expect_err("nobody comes in");
    assert!(problem.what.ends_with("the registry answered 401"), "{problem}");
    assert!(problem.help.is_some_and(|help| help.contains("ecr:BatchImportUpstreamImage")));
}
