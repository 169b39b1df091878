//! Builds the image and pushes it, with `docker buildx build --push` as a child process: all that
//! buildx can, and the digest of what was pushed. Separate from `resource/*` because nothing here
//! talks to AWS: the repository and the login come from the caller.

pub mod digest;
pub mod engine;
pub mod failure;
pub mod login;
pub mod prime;
pub mod reference;
pub mod registry;
pub mod tag;
pub mod upstream;

mod child;
mod command;
mod folder;
mod inputs;
mod lines;
mod variables;

use self::{
    command::Command, digest::Digest, engine::Engine, failure::Failure, folder::Folder,
    inputs::Inputs, login::Login,
};
use crate::{
    config::model::{Build, Cache},
    error::Problem,
    event::{Event, Events},
    secret::Secrets,
};
use std::collections::BTreeMap;

/// What is to be built, with what, and where it goes.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// What the file says.
    pub build: &'a Build,
    /// `host/name`; the host may have a port, where it is an emulator's.
    pub repository_uri: &'a str,
    /// The tag that the image gets.
    pub tag: &'a str,
    /// The registry's login.
    pub login: &'a Login,
    /// What [`check`] found.
    pub engine: &'a Engine,
    /// The environment of this run. The child gets the few variables of it that it needs.
    pub environment: &'a BTreeMap<String, String>,
}

/// Finds out, before anything is changed, whether the build can begin: the values that it takes from
/// the environment and from files are there, and so are docker, buildx and an engine that answers
/// and can do what is asked.
///
/// # Errors
/// What is missing, and what to do about it.
pub async fn check(
    build: &Build,
    environment: &BTreeMap<String, String>,
) -> Result<Engine, Problem> {
    inputs::resolve(build, environment)?.sensitive()?;
    let engine = engine::inspect(environment).await?;
    engine.suits(build)?;
    Ok(engine)
}

/// Builds the image, pushes it, and tells the digest that the registry knows it by. Dropping the
/// future ends the build and removes all that it wrote to the disk.
///
/// # Errors
/// [`Failure::TagTaken`] where the tag exists and cannot be moved; [`Failure::Failed`] otherwise.
pub async fn build_and_push(
    request: &Request<'_>,
    events: &Events,
    secrets: &Secrets,
) -> Result<Digest, Failure> {
    let Request { build, repository_uri, tag, login, engine, environment } = *request;
    let inputs = inputs::resolve(build, environment)?;
    for secret in login.sensitive().into_iter().chain(inputs.sensitive()?) {
        secrets.add(&secret);
    }
    let is_wanted = build.cache != Cache::None;
    let cache = is_wanted && engine.exports_cache;
    if is_wanted && !cache {
        events.send(Event::Warning(engine.no_cache()));
    }
    let folder = Folder::new(environment, digest::host(repository_uri), login)?;
    let metadata = folder.metadata();
    let command =
        Command { build, inputs: &inputs, repository_uri, tag, metadata: &metadata, cache };
    let ended = child::run(
        &command::arguments(&command),
        &child_variables(environment, &inputs, &folder),
        events,
        secrets,
    )
    .await?;
    if !ended.success {
        return Err(failure::diagnose(&ended.tail, &ended.status, repository_uri, tag));
    }
    Ok(digest::read(&metadata)?)
}

fn child_variables(
    environment: &BTreeMap<String, String>,
    inputs: &Inputs,
    folder: &Folder,
) -> BTreeMap<String, String> {
    let mut variables = variables::passed(environment);
    variables.extend(inputs.variables.clone());
    variables.extend(folder.variables());
    variables
}

/// The repository's URI, with the registry's `host:port` in place of ECR's host where there is one: an
/// emulator stands there.
pub fn registry_uri(uri: &str, registry: Option<&str>) -> String {
    match (registry, uri.split_once('/')) {
        (Some(registry), Some((_, name))) => format!("{registry}/{name}"),
        _ => uri.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::registry_uri;

    #[test]
    fn an_emulator_takes_the_place_of_the_host() {
        let uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/web";
        assert_eq!(registry_uri(uri, None), uri);
        assert_eq!(registry_uri(uri, Some("localhost:4566")), "localhost:4566/team/web");
    }
}
