//! The step that brings another registry's image into the cache.

use super::{Run, build::login, prepare::Prepared};
use crate::{
    apply::PullImage,
    error::Problem,
    event::{Event, Source},
    image::{
        prime::{self, Request, prime},
        registry::Registry,
        registry_uri,
    },
    resource::cached_image::Settings,
};
use futures_util::FutureExt as _;

/// What `apply` calls to pull an image through the cache.
pub fn puller<'a>(run: &'a Run<'_>, prepared: &'a Prepared) -> Box<PullImage<'a>> {
    Box::new(move |settings, prefix| {
        async move { pull(run, prepared, &settings, &prefix).await }.boxed_local()
    })
}

async fn pull(
    run: &Run<'_>,
    prepared: &Prepared,
    settings: &Settings,
    prefix: &str,
) -> Result<String, Problem> {
    let login = login(prepared).await?;
    login.sensitive().iter().for_each(|secret| run.secrets.add(secret));
    let uri = registry_uri(&settings.repository_uri(prefix), run.context.registry.as_deref());
    let (host, repository) = uri.split_once('/').unwrap_or_default();
    let registry = Registry::new(host, Some(&login));
    let reference = settings.digest.as_ref().or(settings.tag.as_ref());
    let reference = reference.map_or("latest", String::as_str);
    let request = Request { registry: &registry, repository, reference };
    let primed = prime(&request, run.events).await?;
    let text = format!(
        "{} is cached: {} manifests, {} blobs, {}",
        settings.image,
        primed.manifests,
        primed.blobs,
        prime::size(primed.bytes)
    );
    run.events.send(Event::Line { source: Source::Cache, text });
    Ok(format!("{uri}@{}", primed.digest))
}
