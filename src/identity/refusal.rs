//! What it means that STS gives no credentials, and the lines that are to be added. Pure.

use super::claims::Claims;
use crate::{
    aws::explain::Failure,
    error::{Error, Problem},
};

/// The two lines that let a job have an OIDC token.
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#permissions>
pub(super) const PERMISSION: &str = "permissions:\n  id-token: write";

/// No role can be assumed with a token of this job, since it says this.
pub(super) fn of_web_identity(failure: &Failure, claims: Option<&Claims>) -> Error {
    let Some(claims) = claims else {
        return as_told(failure, Vec::new(), of_either(failure));
    };
    let Claims { issuer, subject, audience, .. } = claims;
    let says = vec![format!("the token is of https://{issuer}, for {audience}, about {subject}")];
    let account = failure.on.split(':').nth(4).unwrap_or("ACCOUNT");
    let partition = failure.on.split(':').nth(1).unwrap_or("aws");
    let message = &failure.message;
    let help = if message.contains("No OpenIDConnect provider found") {
        Some(format!(
            "tell the account about GitHub, once: aws iam create-open-id-connect-provider --url \
             https://{issuer} --client-id-list {audience}"
        ))
    } else if message.contains("audience") {
        Some(format!(
            "set `audience` to one that the account's provider knows, or: aws iam \
             add-client-id-to-open-id-connect-provider --client-id {audience} \
             --open-id-connect-provider-arn arn:{partition}:iam::{account}:oidc-provider/{issuer}"
        ))
    } else if failure.is_denied() {
        let [subject, audience] = claims.conditions();
        Some(format!(
            "where the role exists, its trust policy has to have these two lines under `Condition`, \
             `StringEquals`:\n{subject},\n{audience}"
        ))
    } else {
        of_either(failure)
    };
    as_told(failure, says, help)
}

/// The environment's credentials do not let this run assume the role.
pub(super) fn of_role(failure: &Failure, lacks_oidc: bool) -> Error {
    let help = if failure.lacks_credentials() && lacks_oidc {
        let problem = Problem::new(format!(
            "there is nothing to assume {} with: this job may not have GitHub's OIDC token, and there \
             are no AWS credentials",
            failure.on
        ))
        .found("ACTIONS_ID_TOKEN_REQUEST_URL is not set; a pull request from a fork never gets one")
        .help(format!("add to the job\n{PERMISSION}"));
        return Error::Refused(problem);
    } else if failure.message.contains("sts:TagSession") {
        Some(
            "let the role's trust policy allow `sts:TagSession` beside `sts:AssumeRole`, or set \
             `role-skip-session-tagging: true`"
                .to_owned(),
        )
    } else if failure.is_denied() {
        Some(format!(
            "the policy of these credentials has to allow `sts:AssumeRole` on {}, and its trust policy \
             to name them; where that asks for an external id, set `role-external-id`",
            failure.on
        ))
    } else {
        of_either(failure)
    };
    as_told(failure, Vec::new(), help)
}

fn of_either(failure: &Failure) -> Option<String> {
    let Failure { on, message, .. } = failure;
    if message.contains("MaxSessionDuration") {
        let name = on.rsplit('/').next().unwrap_or(on);
        return Some(format!(
            "take a shorter `role-duration-seconds`, since a session is renewed before its end, or: aws \
             iam update-role --role-name {name} --max-session-duration SECONDS"
        ));
    }
    message.contains("role chaining").then(|| {
        "a session that is assumed from another one lasts an hour at most: leave \
         `role-duration-seconds` out"
            .to_owned()
    })
}

/// The failure as every other one, with the help that fits here.
fn as_told(failure: &Failure, says: Vec<String>, help: Option<String>) -> Error {
    let mut problem = failure.problem();
    problem.found.extend(says);
    problem.help = help.or(problem.help);
    match failure.refused() {
        Error::Unexpected(_) => Error::Unexpected(problem),
        _ => Error::Refused(problem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::123456789012:role/ci/deploy";

    fn failure(code: Option<&str>, message: &str) -> Failure {
        Failure {
            operation: "sts:AssumeRoleWithWebIdentity",
            on: ROLE.into(),
            code: code.map(str::to_owned),
            message: message.into(),
            request_id: Some("1-2-3".into()),
        }
    }

    fn claims() -> Claims {
        Claims {
            issuer: "token.actions.githubusercontent.com".into(),
            subject: "repo:octo/web:pull_request".into(),
            audience: "sts.amazonaws.com".into(),
            subjects: vec![
                "repo:octo/web:pull_request".into(),
                "repo:octo@42/web@99:pull_request".into(),
            ],
        }
    }

    fn told(code: &str, message: &str) -> String {
        of_web_identity(&failure(Some(code), message), Some(&claims())).to_string()
    }

    #[test]
    fn a_trust_policy_that_does_not_take_the_token_gets_its_two_lines() {
        let message = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
        insta::assert_snapshot!(told("AccessDenied", message), @r#"
        sts:AssumeRoleWithWebIdentity on arn:aws:iam::123456789012:role/ci/deploy was refused: AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity
          request id 1-2-3
          the token is of https://token.actions.githubusercontent.com, for sts.amazonaws.com, about repo:octo/web:pull_request
          help: where the role exists, its trust policy has to have these two lines under `Condition`, `StringEquals`:
                "token.actions.githubusercontent.com:sub": ["repo:octo/web:pull_request", "repo:octo@42/web@99:pull_request"],
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com"
        "#);
    }

    #[test]
    fn an_account_that_does_not_know_github_is_told_how() {
        let message = "No OpenIDConnect provider found in your account for \
            https://token.actions.githubusercontent.com";
        insta::assert_snapshot!(told("InvalidIdentityToken", message), @r"
        sts:AssumeRoleWithWebIdentity on arn:aws:iam::123456789012:role/ci/deploy was refused: InvalidIdentityToken: No OpenIDConnect provider found in your account for https://token.actions.githubusercontent.com
          request id 1-2-3
          the token is of https://token.actions.githubusercontent.com, for sts.amazonaws.com, about repo:octo/web:pull_request
          help: tell the account about GitHub, once: aws iam create-open-id-connect-provider --url https://token.actions.githubusercontent.com --client-id-list sts.amazonaws.com
        ");
        insta::assert_snapshot!(told("InvalidIdentityToken", "Incorrect token audience"), @r"
        sts:AssumeRoleWithWebIdentity on arn:aws:iam::123456789012:role/ci/deploy was refused: InvalidIdentityToken: Incorrect token audience
          request id 1-2-3
          the token is of https://token.actions.githubusercontent.com, for sts.amazonaws.com, about repo:octo/web:pull_request
          help: set `audience` to one that the account's provider knows, or: aws iam add-client-id-to-open-id-connect-provider --client-id sts.amazonaws.com --open-id-connect-provider-arn arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com
        ");
    }

    #[test]
    fn a_session_that_is_too_long() {
        let message =
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role";
        insta::assert_snapshot!(told("ValidationError", message), @r"
        sts:AssumeRoleWithWebIdentity on arn:aws:iam::123456789012:role/ci/deploy was refused: ValidationError: The requested DurationSeconds exceeds the MaxSessionDuration set for this role
          request id 1-2-3
          the token is of https://token.actions.githubusercontent.com, for sts.amazonaws.com, about repo:octo/web:pull_request
          help: take a shorter `role-duration-seconds`, since a session is renewed before its end, or: aws iam update-role --role-name deploy --max-session-duration SECONDS
        ");
        let message = "The requested DurationSeconds exceeds the 1 hour session limit for roles \
            assumed by role chaining";
        let failure = failure(Some("ValidationError"), message);
        insta::assert_snapshot!(of_role(&failure, false), @r"
        sts:AssumeRoleWithWebIdentity on arn:aws:iam::123456789012:role/ci/deploy was refused: ValidationError: The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining
          request id 1-2-3
          help: a session that is assumed from another one lasts an hour at most: leave `role-duration-seconds` out
        ");
    }

    #[test]
    fn without_anything_to_assume_it_with_the_job_gets_its_two_lines() {
        let failure = failure(None, "no providers in chain provided credentials");
        insta::assert_snapshot!(of_role(&failure, true), @r"
        there is nothing to assume arn:aws:iam::123456789012:role/ci/deploy with: this job may not have GitHub's OIDC token, and there are no AWS credentials
          ACTIONS_ID_TOKEN_REQUEST_URL is not set; a pull request from a fork never gets one
          help: add to the job
                permissions:
                  id-token: write
        ");
        assert!(of_role(&failure, false).to_string().starts_with("no AWS credentials were found"));
    }

    #[test]
    fn what_a_chain_may_not_do() {
        let denied = |action: &str| {
            let message =
                format!("User: arn:aws:iam::1:user/ci is not authorized to perform: {action}");
            of_role(&failure(Some("AccessDenied"), &message), true).to_string()
        };
        assert!(denied("sts:TagSession on resource: x").contains("role-skip-session-tagging"));
        insta::assert_snapshot!(denied("sts:AssumeRole on resource: x"), @r"
        sts:AssumeRoleWithWebIdentity on arn:aws:iam::123456789012:role/ci/deploy was refused: AccessDenied: User: arn:aws:iam::1:user/ci is not authorized to perform: sts:AssumeRole on resource: x
          request id 1-2-3
          help: the policy of these credentials has to allow `sts:AssumeRole` on arn:aws:iam::123456789012:role/ci/deploy, and its trust policy to name them; where that asks for an external id, set `role-external-id`
        ");
    }

    #[test]
    fn a_service_that_does_not_answer_has_refused_nothing() {
        let error = of_web_identity(&failure(None, "it is reset"), Some(&claims()));
        assert!(matches!(&error, Error::Unexpected(_)), "{error}");
        assert!(error.to_string().contains("try again"), "{error}");
    }
}
