//! The calls to STS that give a role's credentials.

use super::{
    claims::Claims,
    oidc, refusal,
    settings::{Role, RoleName, TokenRequest, Way},
    tags,
};
use crate::{
    aws::explain::{Explain as _, Failure},
    error::{Error, Problem, Result},
    secret::{Secret, Secrets},
};
use aws_credential_types::Credentials;
use aws_sdk_sts::{
    Client,
    types::{AssumedRoleUser, Credentials as Given, Tag},
};
use std::time::{Duration, SystemTime};
use tokio::time::sleep;

/// How often a token is shown whose issuer's keys AWS has not got: it asks GitHub for them itself, and
/// says so where that was too slow.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_secs(1);

/// A session of a role.
#[derive(Debug)]
pub(super) struct Got {
    /// What requests are signed with, and until when.
    pub(super) credentials: Credentials,
    /// `arn:aws:sts::123456789012:assumed-role/deploy/GitHubActions-4242`.
    pub(super) arn: String,
}

/// Assumes the role.
pub(super) async fn assume(role: &Role, sts: &Client, secrets: &Secrets) -> Result<Got> {
    match &role.way {
        Way::Oidc(request) => with_token(role, request, sts, secrets).await,
        Way::Environment { tags, lacks_oidc } => {
            chained(role, tags, *lacks_oidc, sts, secrets).await
        }
    }
}

/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>
async fn with_token(
    role: &Role,
    request: &TokenRequest,
    sts: &Client,
    secrets: &Secrets,
) -> Result<Got> {
    let RoleName::Arn { arn, .. } = &role.name else {
        return Err(Error::Unexpected(Problem::new("a role without an account was let through")));
    };
    let token = oidc::token(request).await?;
    secrets.add(&token);
    let mut pause = PAUSE;
    let mut attempt = 1;
    loop {
        let answer = sts
            .assume_role_with_web_identity()
            .role_arn(arn)
            .role_session_name(&role.session_name)
            .duration_seconds(role.duration)
            .web_identity_token(token.expose())
            .send()
            .await
            .explain("sts:AssumeRoleWithWebIdentity", arn);
        match answer {
            Ok(answer) => return got(answer.credentials, answer.assumed_role_user, secrets),
            Err(failure) if attempt < ATTEMPTS && lacks_keys(&failure) => sleep(pause).await,
            Err(failure) => {
                let claims = Claims::of(token.expose());
                return Err(refusal::of_web_identity(&failure, claims.as_ref()));
            }
        }
        attempt += 1;
        pause *= 2;
    }
}

fn lacks_keys(failure: &Failure) -> bool {
    failure.is("InvalidIdentityToken") && failure.message.contains("verification key")
}

/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
async fn chained(
    role: &Role,
    tags: &[(&'static str, String)],
    lacks_oidc: bool,
    sts: &Client,
    secrets: &Secrets,
) -> Result<Got> {
    let arn = match &role.name {
        RoleName::Arn { arn, .. } => arn.clone(),
        RoleName::InOwnAccount(name) => in_own_account(name, lacks_oidc, sts).await?,
    };
    let ask = |tags| {
        sts.assume_role()
            .role_arn(&arn)
            .role_session_name(&role.session_name)
            .duration_seconds(role.duration)
            .set_external_id(role.external_id.clone())
            .set_tags(Some(tags))
            .send()
    };
    let mut answer = ask(shape(tags, usize::MAX)).await.explain("sts:AssumeRole", &arn);
    // How large they are for STS, which packs them, nobody knows before:
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_know
    if answer.as_ref().is_err_and(|failure| failure.is("PackedPolicyTooLarge")) {
        answer = ask(shape(tags, tags::ESSENTIAL)).await.explain("sts:AssumeRole", &arn);
    }
    let answer = answer.map_err(|failure| refusal::of_role(&failure, lacks_oidc))?;
    got(answer.credentials, answer.assumed_role_user, secrets)
}

fn shape(tags: &[(&'static str, String)], at_most: usize) -> Vec<Tag> {
    let tag = |(key, value)| {
        Tag::builder().key(key).value(value).build().expect("it has a key and a value")
    };
    tags::sent(tags, at_most).map(tag).collect()
}

/// The ARN of a role in the account of the credentials that there are.
async fn in_own_account(name: &str, lacks_oidc: bool, sts: &Client) -> Result<String> {
    let caller = sts.get_caller_identity().send().await;
    let caller = caller
        .explain("sts:GetCallerIdentity", format!("the account of the role `{name}`"))
        .map_err(|failure| refusal::of_role(&failure, lacks_oidc))?;
    let partition = caller.arn().and_then(|arn| arn.split(':').nth(1)).unwrap_or("aws");
    let account = caller.account().unwrap_or_default();
    Ok(format!("arn:{partition}:iam::{account}:role/{name}"))
}

/// What STS gave, once nobody can see it any more.
fn got(
    credentials: Option<Given>,
    user: Option<AssumedRoleUser>,
    secrets: &Secrets,
) -> Result<Got> {
    let (Some(given), Some(user)) = (credentials, user) else {
        return Err(Error::Unexpected(Problem::new("STS answered without credentials")));
    };
    for value in [&given.access_key_id, &given.secret_access_key, &given.session_token] {
        secrets.add(&Secret::new(value));
    }
    let credentials = Credentials::new(
        given.access_key_id,
        given.secret_access_key,
        Some(given.session_token),
        SystemTime::try_from(given.expiration).ok(),
        "role-to-assume",
    );
    Ok(Got { credentials, arn: user.arn })
}
