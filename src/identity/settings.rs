//! What the flags say about the credentials, checked: what AWS would not take is told before it is asked.

use super::tags;
use crate::{
    cli::Credentials,
    context,
    error::{Error, Problem, Result},
    secret::Secret,
};
use std::collections::{BTreeMap, BTreeSet};

/// What aws-actions/configure-aws-credentials asks for where nothing is said, and what its users' OIDC
/// providers know.
const AUDIENCE: &str = "sts.amazonaws.com";

/// An hour, which every role allows
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_manage-assume.html>). A longer run has its
/// session renewed.
const DURATION: i32 = 3600;

/// What the flags say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The role to assume; without one, the environment's credentials are used as they are.
    pub role: Option<Role>,
    /// Accounts that may be worked in; empty for any.
    pub allowed_accounts: BTreeSet<String>,
    /// Whether the account's number is taken out of all reports.
    pub masks_account: bool,
}

/// A role, and how it is assumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Which one.
    pub name: RoleName,
    /// What CloudTrail calls the session.
    pub session_name: String,
    /// How long a session lasts, in seconds.
    pub duration: i32,
    /// What a role of somebody else's wants to hear.
    pub external_id: Option<String>,
    /// With what it is assumed.
    pub way: Way,
}

/// Which role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleName {
    /// By its ARN.
    Arn {
        /// The whole.
        arn: String,
        /// Twelve digits.
        account: String,
    },
    /// By its name, with its path, in the account of the credentials that assume it.
    InOwnAccount(String),
}

/// With what a role is assumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// GitHub's OIDC token for this job.
    Oidc(TokenRequest),
    /// The credentials that the environment has.
    Environment {
        /// Key and value of the session tags, the most important first.
        tags: Vec<(&'static str, String)>,
        /// Whether an OIDC token would have been taken, had the job been allowed one.
        lacks_oidc: bool,
    },
}

/// Where GitHub gives the job's OIDC token, and to whom.
/// <https://docs.github.com/en/actions/reference/security/oidc>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    /// `ACTIONS_ID_TOKEN_REQUEST_URL`.
    pub url: String,
    /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    pub token: Secret,
    /// Whom the token is for.
    pub audience: String,
}

impl Role {
    /// The role's account, where it is named.
    pub fn account(&self) -> Option<&str> {
        match &self.name {
            RoleName::Arn { account, .. } => Some(account),
            RoleName::InOwnAccount(_) => None,
        }
    }
}

impl Settings {
    /// Checks all that is given, and names all that is wrong at once.
    ///
    /// # Errors
    /// What is given is nothing that AWS takes, or contradicts itself.
    pub fn of(given: &Credentials, variables: &BTreeMap<String, String>) -> Result<Self> {
        let mut wrong = Vec::new();
        let allowed_accounts = accounts(given, &mut wrong);
        let role = role(given, variables, &mut wrong);
        if let Some(account) = role.as_ref().and_then(Role::account)
            && !(allowed_accounts.is_empty() || allowed_accounts.contains(account))
        {
            wrong.push(format!(
                "role-to-assume: the role is of account {account}, which `allowed-account-ids` does not name"
            ));
        }
        if wrong.is_empty() {
            let masks_account = given.mask_aws_account_id;
            return Ok(Self { role, allowed_accounts, masks_account });
        }
        let mut problem = Problem::new("the inputs for the credentials cannot be used");
        problem.found = wrong;
        Err(Error::Config(problem.help("correct them; nobody was contacted").to_string()))
    }
}

fn accounts(given: &Credentials, wrong: &mut Vec<String>) -> BTreeSet<String> {
    let ids = given.allowed_account_ids.iter().map(|id| id.trim()).filter(|id| !id.is_empty());
    let (well, ill): (Vec<_>, Vec<_>) = ids.partition(|id| is_account(id));
    wrong.extend(ill.into_iter().map(|id| {
        format!("allowed-account-ids: `{id}` is no account's number, which has twelve digits")
    }));
    well.into_iter().map(str::to_owned).collect()
}

fn role(
    given: &Credentials,
    variables: &BTreeMap<String, String>,
    wrong: &mut Vec<String>,
) -> Option<Role> {
    let text = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
    let Some(name) = text(&given.role_to_assume) else {
        if given.role_chaining {
            wrong.push("role-chaining: there is no `role-to-assume`".to_owned());
        }
        return None;
    };
    let way = way(given, variables);
    let name = role_name(&name, &way).map_err(|why| wrong.push(format!("role-to-assume: {why}")));
    let session_name = text(&given.role_session_name).unwrap_or_else(|| session_name(variables));
    // The patterns and lengths are those of STS's own model.
    // https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    if !has_only(&session_name, "+=,.@-") || !(2..=64).contains(&session_name.len()) {
        wrong.push(format!(
            "role-session-name: `{session_name}` is not 2 to 64 letters, digits or `_+=,.@-`"
        ));
    }
    let external_id = text(&given.role_external_id);
    if let Some(id) = &external_id
        && !(has_only(id, "+=,.@:/-") && (2..=1224).contains(&id.len()))
    {
        wrong.push("role-external-id: it is not 2 to 1224 letters, digits or `_+=,.@:/-`".into());
    }
    let duration = given.role_duration_seconds.unwrap_or(DURATION);
    Some(Role { name: name.ok()?, session_name, duration, external_id, way })
}

/// The job's own token goes before what the environment has: a runner's instance has credentials too.
fn way(given: &Credentials, variables: &BTreeMap<String, String>) -> Way {
    let variable = |name: &str| variables.get(name).filter(|value| !value.is_empty()).cloned();
    let request =
        variable("ACTIONS_ID_TOKEN_REQUEST_URL").zip(variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN"));
    match request {
        Some((url, token)) if !given.role_chaining => {
            let audience = given.audience.clone().filter(|audience| !audience.is_empty());
            let audience = audience.unwrap_or_else(|| AUDIENCE.to_owned());
            Way::Oidc(TokenRequest { url, token: Secret::new(token), audience })
        }
        _ => Way::Environment {
            tags: if given.role_skip_session_tagging { Vec::new() } else { tags::of(variables) },
            lacks_oidc: context::is_action(variables) && !given.role_chaining,
        },
    }
}

fn role_name(text: &str, way: &Way) -> Result<RoleName, String> {
    const EXAMPLE: &str = "arn:aws:iam::123456789012:role/deploy";
    let is_name = |name: &str| !name.is_empty() && has_only(name, "+=,.@/-");
    if let Some(arn) = text.strip_prefix("arn:") {
        let parts: Vec<_> = arn.splitn(5, ':').collect();
        return match parts[..] {
            [partition, "iam", "", account, role]
                if partition.starts_with("aws")
                    && has_only(partition, "-")
                    && is_account(account)
                    && role.strip_prefix("role/").is_some_and(is_name) =>
            {
                Ok(RoleName::Arn { arn: text.to_owned(), account: account.to_owned() })
            }
            _ => Err(format!("`{text}` is no ARN of a role, such as {EXAMPLE}")),
        };
    }
    match way {
        _ if !is_name(text) => Err(format!("`{text}` is no role: give its ARN, such as {EXAMPLE}")),
        Way::Oidc(_) => Err(format!(
            "`{text}` says no account, and an OIDC token is of none: give the role's ARN, such as {EXAMPLE}"
        )),
        Way::Environment { .. } => {
            Ok(RoleName::InOwnAccount(text.trim_start_matches('/').to_owned()))
        }
    }
}

/// One that leads from CloudTrail to the run.
fn session_name(variables: &BTreeMap<String, String>) -> String {
    let run = variables.get("GITHUB_RUN_ID").filter(|_| context::is_action(variables));
    match run.filter(|run| !run.is_empty() && run.bytes().all(|byte| byte.is_ascii_digit())) {
        Some(run) => format!("GitHubActions-{run}"),
        None if context::is_action(variables) => "GitHubActions".to_owned(),
        None => "ecs-private-deploy".to_owned(),
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether these are letters, digits, underscores, and what else is allowed.
fn has_only(text: &str, others: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || others.contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::123456789012:role/ci/deploy";

    fn variables(given: &[(&str, &str)]) -> BTreeMap<String, String> {
        given.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn job() -> BTreeMap<String, String> {
        variables(&[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_RUN_ID", "4242"),
            ("GITHUB_REPOSITORY", "octo/web"),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://vstoken.example/?api-version=2.0"),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "t0k3n-of-the-job"),
        ])
    }

    fn given(role: &str) -> Credentials {
        Credentials { role_to_assume: Some(role.to_owned()), ..Credentials::default() }
    }

    #[test]
    fn without_a_role_nothing_is_assumed() {
        let settings = Settings::of(&Credentials::default(), &job()).expect("nothing is given");
        assert_eq!(settings, Settings::default());
        // An input that is not given is empty.
        assert_eq!(Settings::of(&given(""), &job()).expect("it is empty").role, None);
    }

    #[test]
    fn the_jobs_token_goes_before_the_environments_credentials() {
        let mut variables = job();
        variables.insert("AWS_ACCESS_KEY_ID".into(), "AKIA".into());
        let settings = Settings::of(&given(ROLE), &variables).expect("it is well");
        insta::assert_debug_snapshot!(settings.role, @r#"
        Some(
            Role {
                name: Arn {
                    arn: "arn:aws:iam::123456789012:role/ci/deploy",
                    account: "123456789012",
                },
                session_name: "GitHubActions-4242",
                duration: 3600,
                external_id: None,
                way: Oidc(
                    TokenRequest {
                        url: "https://vstoken.example/?api-version=2.0",
                        token: ***,
                        audience: "sts.amazonaws.com",
                    },
                ),
            },
        )
        "#);
    }

    #[test]
    fn a_chained_role_is_assumed_from_the_environment() {
        let given = Credentials {
            role_chaining: true,
            role_external_id: Some("their:id".into()),
            role_session_name: Some("me".into()),
            role_duration_seconds: Some(900),
            ..given("ci/deploy")
        };
        let role = Settings::of(&given, &job()).expect("it is well").role.expect("a role");
        assert_eq!(role.name, RoleName::InOwnAccount("ci/deploy".into()));
        assert_eq!((role.session_name.as_str(), role.duration), ("me", 900));
        assert_eq!(role.external_id.as_deref(), Some("their:id"));
        let Way::Environment { tags, lacks_oidc: false } = role.way else { panic!("{role:?}") };
        assert_eq!(tags[0], ("GitHub", "Actions".to_owned()));
        let untagged = Credentials { role_skip_session_tagging: true, ..given };
        let role = Settings::of(&untagged, &job()).expect("it is well").role.expect("a role");
        assert_eq!(role.way, Way::Environment { tags: Vec::new(), lacks_oidc: false });
    }

    #[test]
    fn a_job_that_may_not_have_a_token_is_known() {
        let mut variables = job();
        variables.remove("ACTIONS_ID_TOKEN_REQUEST_TOKEN");
        let role = Settings::of(&given(ROLE), &variables).expect("it is well").role;
        assert!(matches!(role.expect("a role").way, Way::Environment { lacks_oidc: true, .. }));
        let role = Settings::of(&given(ROLE), &BTreeMap::new()).expect("it is well").role;
        let role = role.expect("a role");
        assert_eq!(role.session_name, "ecs-private-deploy");
        assert_eq!(role.way, Way::Environment { tags: Vec::new(), lacks_oidc: false });
    }

    #[test]
    fn all_that_is_wrong_is_named_at_once() {
        let told = |given: &Credentials| {
            Settings::of(given, &job()).expect_err("much is wrong").to_string()
        };
        let wrong = Credentials {
            role_session_name: Some("a b".into()),
            role_external_id: Some("%".into()),
            allowed_account_ids: vec![" 123456789013".into(), String::new(), "prod".into()],
            ..given(ROLE)
        };
        insta::assert_snapshot!(told(&wrong), @r"
        the inputs for the credentials cannot be used
          allowed-account-ids: `prod` is no account's number, which has twelve digits
          role-session-name: `a b` is not 2 to 64 letters, digits or `_+=,.@-`
          role-external-id: it is not 2 to 1224 letters, digits or `_+=,.@:/-`
          role-to-assume: the role is of account 123456789012, which `allowed-account-ids` does not name
          help: correct them; nobody was contacted
        ");
        let other = Credentials { allowed_account_ids: vec!["123456789013".into()], ..given(ROLE) };
        insta::assert_snapshot!(told(&other), @r"
        the inputs for the credentials cannot be used
          role-to-assume: the role is of account 123456789012, which `allowed-account-ids` does not name
          help: correct them; nobody was contacted
        ");
        for text in [
            "arn:aws:iam::1234:role/deploy",
            "arn:aws:sts::123456789012:assumed-role/deploy/x",
            "arn:aws:iam::123456789012:user/deploy",
            "arn:aws:iam::123456789012:role/",
            "arn:",
            "arn:aws",
            "de ploy",
            "deploy",
        ] {
            assert!(told(&given(text)).contains("role-to-assume: "), "{text}");
        }
        insta::assert_snapshot!(told(&given("deploy")), @r"
        the inputs for the credentials cannot be used
          role-to-assume: `deploy` says no account, and an OIDC token is of none: give the role's ARN, such as arn:aws:iam::123456789012:role/deploy
          help: correct them; nobody was contacted
        ");
        let chained = Credentials { role_chaining: true, ..Credentials::default() };
        assert!(told(&chained).contains("role-chaining: there is no `role-to-assume`"));
    }

    #[test]
    fn other_partitions_have_roles_too() {
        for arn in
            ["arn:aws-cn:iam::123456789012:role/x", "arn:aws-us-gov:iam::123456789012:role/x"]
        {
            assert!(Settings::of(&given(arn), &job()).is_ok(), "{arn}");
        }
    }
}
