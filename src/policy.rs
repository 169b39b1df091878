//! The least that a role needs for one command on one file, and who may assume it. Nothing is asked of
//! AWS.
//!
//! What each action is limited by is what the Service Authorization Reference says that IAM compares:
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>.

pub mod document;
pub mod subject;
pub mod trust;

mod format;
mod image;
mod ingress;
mod network;
mod roles;
mod service;

use crate::{
    cli::{self, PolicyFormat},
    config::{
        image_uri,
        model::{Config, Image},
    },
    error::{Error, Problem, Result},
    network::needs::partition,
};
use document::{Grant, MANAGED, merged, split};
use serde_json::Value;
use std::collections::BTreeMap;
use subject::{Purpose, Subject};
use trust::{Runs, Trusted};

/// What the role may do.
pub fn grants(subject: &Subject<'_>) -> Vec<Grant> {
    let parts = [network::grants, image::grants, ingress::grants, service::grants, roles::grants];
    merged(parts.into_iter().flat_map(|grants| grants(subject)))
}

/// The answer to `iam-policy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The policies.
    pub text: String,
    /// What is to be known of them.
    pub notes: Vec<String>,
}

/// Prints the policy of the role that runs a command on this file, or who may assume it.
///
/// # Errors
/// The region is not known, the account is none, or what is said of the repository is not whole.
pub fn answer(
    given: &cli::IamPolicy,
    config: &Config,
    variables: &BTreeMap<String, String>,
) -> Result<Answer> {
    let region = region(given, config, variables)?;
    let purpose = given.purpose;
    if purpose == Purpose::Preview && config.preview.is_none() {
        return Err(wrong(
            "the file has no `preview:`, so there are no previews to allow",
            "add `preview: { path: \"/pr-{number}\" }`, or a `host:`",
        ));
    }
    let known = account(given, config)?;
    let mut notes = Vec::new();
    let account = match (known, given.format) {
        (Some(account), _) => account,
        (None, PolicyFormat::Cloudformation) => format::OF_TEMPLATE,
        (None, PolicyFormat::Terraform) => format::OF_TERRAFORM,
        (None, PolicyFormat::Json) if given.trust => {
            return Err(wrong(
                "a trust policy names the account of GitHub's OIDC provider, and none is known",
                "add `--account 123456789012`",
            ));
        }
        (None, PolicyFormat::Json) => {
            notes.push(
                "no account is named: `--account 123456789012` puts it in place of `*`".into(),
            );
            "*"
        }
    };
    let trusted = trusted(given, variables, partition(&region), account)?;
    if let (true, PolicyFormat::Json) = (given.trust, given.format) {
        let Some(trusted) = trusted else {
            return Err(wrong(
                "a trust policy is about a repository, and none is named",
                "add `--repository OWNER/NAME`",
            ));
        };
        return Ok(Answer { text: format!("{:#}", trusted.document()), notes });
    }
    let subject = Subject::new(config, purpose, &region, account);
    let policies = &split(&grants(&subject), MANAGED);
    let text = match given.format {
        PolicyFormat::Json => json(policies, given.part, &mut notes)?,
        PolicyFormat::Cloudformation | PolicyFormat::Terraform => {
            let name = format!("{}-{}", config.service, purpose.as_str());
            let description =
                format!("ecs-private-deploy {} of service {}", purpose.as_str(), config.service);
            let role = format::Role {
                name: &crate::config::names::fit(&name, 64),
                description: &description,
                policies,
                trusted: trusted.as_ref(),
            };
            if trusted.is_none() {
                notes
                    .push("no repository is named: `--repository OWNER/NAME` adds the role".into());
            }
            match given.format {
                PolicyFormat::Terraform => format::terraform(&role),
                _ => format::cloudformation(&role),
            }
        }
    };
    Ok(Answer { text, notes })
}

fn wrong(what: impl Into<String>, help: impl Into<String>) -> Error {
    Error::Config(Problem::new(what).help(help).to_string())
}

/// One document; or all of them, where there are several.
fn json(policies: &[Value], part: Option<usize>, notes: &mut Vec<String>) -> Result<String> {
    let count = policies.len();
    match (part, policies) {
        (Some(part), _) => {
            let policy = part.checked_sub(1).and_then(|part| policies.get(part));
            let missing =
                || wrong(format!("there is no part {part}"), format!("there are {count}"));
            policy.map(|policy| format!("{policy:#}")).ok_or_else(missing)
        }
        (None, [policy]) => Ok(format!("{policy:#}")),
        (None, several) => {
            notes.push(format!(
                "these are {count} policies, because IAM takes {MANAGED} characters of each: the role needs \
                 them all; `--part 1` prints the first"
            ));
            Ok(format!("{:#}", Value::from(several)))
        }
    }
}

fn region(
    given: &cli::IamPolicy,
    config: &Config,
    variables: &BTreeMap<String, String>,
) -> Result<String> {
    let of_variable = |name| variables.get(name);
    let region = config
        .region
        .as_ref()
        .or(given.common.aws_region.as_ref())
        .or_else(|| of_variable("AWS_REGION"))
        .or_else(|| of_variable("AWS_DEFAULT_REGION"))
        .filter(|region| !region.is_empty());
    region.cloned().ok_or_else(|| {
        wrong(
            "no region was found in the file, the flags or AWS_REGION",
            "name it with `--region REGION`",
        )
    })
}

/// The account that the flag names, or the file by an ARN or an image.
fn account<'a>(given: &'a cli::IamPolicy, config: &'a Config) -> Result<Option<&'a str>> {
    let is_account =
        |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(account) = given.account.as_deref().filter(|account| !account.is_empty()) {
        return if is_account(account) {
            Ok(Some(account))
        } else {
            Err(wrong(format!("`{account}` is no AWS account"), "an account has twelve digits"))
        };
    }
    let uri = match &config.image {
        Image::Uri(uri) => image_uri::parse(uri).map(|found| found.account),
        Image::Build(_) => None,
    };
    let arns = [
        &config.load_balancer.certificate,
        &config.task.execution_role_arn,
        &config.task.task_role_arn,
    ];
    let of_arns = arns.into_iter().flatten().filter_map(|arn| arn.split(':').nth(4));
    Ok(of_arns.chain(uri).find(|account| is_account(account)))
}

/// Who may assume the role, where a repository is named by a flag or by the run.
fn trusted(
    given: &cli::IamPolicy,
    variables: &BTreeMap<String, String>,
    partition: &'static str,
    account: &str,
) -> Result<Option<Trusted>> {
    let of_run = |name: &str| variables.get(name).filter(|value| !value.is_empty());
    let flag = given.repository.as_ref().filter(|repository| !repository.is_empty());
    let Some(repository) = flag.or_else(|| of_run("GITHUB_REPOSITORY")) else { return Ok(None) };
    let part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    if !repository.split_once('/').is_some_and(|(owner, name)| part(owner) && part(name)) {
        return Err(wrong(
            format!("`{repository}` is no repository of GitHub"),
            "write it as OWNER/NAME",
        ));
    }
    let server = of_run("GITHUB_SERVER_URL").map(|url| url.trim_end_matches('/'));
    let server = server.and_then(|url| url.split_once("://")).map(|(_, host)| host);
    let server = server.filter(|host| *host != "github.com");
    // The numbers of the run are those of its own repository.
    let is_own = of_run("GITHUB_REPOSITORY") == Some(repository);
    let id = |flag: Option<u64>, name: &str| {
        flag.or_else(|| of_run(name).filter(|_| is_own)?.parse().ok())
    };
    let ids = id(given.owner_id, "GITHUB_REPOSITORY_OWNER_ID")
        .zip(id(given.repository_id, "GITHUB_REPOSITORY_ID"));
    if ids.is_none() && server.is_none() {
        return Err(wrong(
            format!("the numbers of {repository} and of its owner are not known"),
            format!(
                "repositories made or renamed since July 2026 are named with them; this prints the flags: \
                 gh api repos/{repository} --jq '\"--owner-id \\(.owner.id) --repository-id \\(.id)\"'"
            ),
        ));
    }
    Ok(Some(Trusted {
        repository: repository.clone(),
        ids: ids.filter(|_| server.is_none()),
        runs: runs(given)?,
        provider: server
            .map_or_else(|| trust::GITHUB.to_owned(), |host| format!("{host}/_services/token")),
        partition,
        account: account.to_owned(),
    }))
}

fn runs(given: &cli::IamPolicy) -> Result<Runs> {
    let environment = given.common.environment.as_ref().filter(|name| !name.is_empty());
    let branch = given.branch.as_ref().filter(|name| !name.is_empty());
    match (environment, branch) {
        (Some(name), None) => Ok(Runs::Environment(name.clone())),
        (None, Some(name)) => Ok(Runs::Branch(name.clone())),
        (Some(_), Some(_)) => Err(wrong(
            "a job with an environment is named by it alone, whatever its branch",
            "give `--environment` or `--branch`",
        )),
        (None, None) if matches!(given.purpose, Purpose::Preview | Purpose::Plan) => {
            Ok(Runs::PullRequests)
        }
        (None, None) => Err(wrong(
            "it is not said which runs of the repository may assume the role",
            "add `--environment NAME`, which GitHub can protect, or `--branch NAME`",
        )),
    }
}

#[cfg(test)]
mod tests;
