//! The step that builds the image: login, build, push.

use super::{Run, prepare::Prepared};
use crate::{
    apply::BuildImage,
    aws::explain::Explain as _,
    error::Problem,
    image::{self, Request, engine::Engine, failure::Failure, login::Login},
    resource,
};
use futures_util::FutureExt as _;

/// What `apply` calls to build and push the image.
pub fn builder<'a>(
    run: &'a Run<'_>,
    prepared: &'a Prepared,
    engine: Option<&'a Engine>,
) -> Box<BuildImage<'a>> {
    Box::new(move |settings, repository| {
        async move {
            let engine = engine.ok_or_else(|| Problem::new("no engine was looked for"))?;
            build(run, prepared, engine, &settings, &repository).await
        }
        .boxed()
    })
}

async fn build(
    run: &Run<'_>,
    prepared: &Prepared,
    engine: &Engine,
    settings: &resource::image::Settings,
    repository: &str,
) -> Result<String, Problem> {
    let login = login(prepared).await?;
    let repository_uri = image::registry_uri(repository, run.context.registry.as_deref());
    let request = Request {
        build: &settings.build,
        repository_uri: &repository_uri,
        tag: &settings.tag,
        login: &login,
        engine,
        environment: &run.context.variables,
    };
    let digest = match image::build_and_push(&request, run.events, run.secrets).await {
        Ok(digest) => digest.to_string(),
        Err(Failure::Failed(problem)) => return Err(problem),
        // Another run of the same commit was faster; what it pushed is what this one would have.
        Err(Failure::TagTaken(problem)) => {
            let name = &settings.build.repository;
            let found = resource::image::observe(&prepared.aws, name, &settings.tag).await;
            found.map_err(|failure| failure.problem())?.ok_or(problem)?
        }
    };
    Ok(format!("{repository_uri}@{digest}"))
}

/// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html>
pub(super) async fn login(prepared: &Prepared) -> Result<Login, Problem> {
    let answer = prepared
        .aws
        .ecr
        .get_authorization_token()
        .send()
        .await
        .explain("ecr:GetAuthorizationToken", "the registry of this account")
        .map_err(|failure| failure.problem())?;
    answer
        .authorization_data()
        .iter()
        .find_map(|data| Login::from_token(data.authorization_token()?))
        .ok_or_else(|| Problem::new("ecr:GetAuthorizationToken answered without a token"))
}
