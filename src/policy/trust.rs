//! Who may assume the role: the workflow runs of one repository, as GitHub's tokens name them.

use serde_json::{Value, json};

/// The workflow runs that may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trusted {
    /// `owner/name`.
    pub repository: String,
    /// The numbers of the owner and of the repository, which no rename changes.
    pub ids: Option<(u64, u64)>,
    /// What the runs are of.
    pub runs: Runs,
    /// The provider's address without its `https://`.
    pub provider: String,
    /// `aws`.
    pub partition: &'static str,
    /// Twelve digits, or a format's expression for them.
    pub account: String,
}

/// What workflow runs are of. An environment goes before all else.
/// <https://docs.github.com/en/actions/reference/security/oidc>
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runs {
    /// A job with this `environment:`.
    Environment(String),
    /// A branch.
    Branch(String),
    /// Pull requests, every one of them.
    PullRequests,
}

/// The address of the provider of github.com.
pub const GITHUB: &str = "token.actions.githubusercontent.com";

impl Trusted {
    /// The subjects of the tokens: the classic one, and with the numbers the one that repositories have
    /// which were made or renamed since July 2026. A token has the one or the other.
    /// <https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens/>
    pub fn subjects(&self) -> Vec<String> {
        let context = match &self.runs {
            // A colon inside a name would end it.
            Runs::Environment(name) => format!("environment:{}", name.replace(':', "%3A")),
            Runs::Branch(name) => format!("ref:refs/heads/{}", name.replace(':', "%3A")),
            Runs::PullRequests => "pull_request".to_owned(),
        };
        let mut subjects = vec![format!("repo:{}:{context}", self.repository)];
        if let (Some((owner, name)), Some((owner_id, id))) =
            (self.repository.split_once('/'), self.ids)
        {
            subjects.push(format!("repo:{owner}@{owner_id}/{name}@{id}:{context}"));
        }
        subjects
    }

    /// The role's trust policy.
    /// <https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws>
    pub fn document(&self) -> Value {
        let Self { provider, partition, account, .. } = self;
        let arn = format!("arn:{partition}:iam::{account}:oidc-provider/{provider}");
        let mut is = json!({});
        is[format!("{provider}:aud")] = json!("sts.amazonaws.com");
        is[format!("{provider}:sub")] = json!(self.subjects());
        json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": {"Federated": arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": is},
        }]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusted(runs: Runs, ids: Option<(u64, u64)>) -> Trusted {
        Trusted {
            repository: "octo/app".to_owned(),
            ids,
            runs,
            provider: GITHUB.to_owned(),
            partition: "aws",
            account: "123456789012".to_owned(),
        }
    }

    #[test]
    fn the_subjects_in_both_forms() {
        let subjects = |runs| trusted(runs, Some((7, 42))).subjects();
        assert_eq!(
            subjects(Runs::Branch("main".to_owned())),
            ["repo:octo/app:ref:refs/heads/main", "repo:octo@7/app@42:ref:refs/heads/main"]
        );
        assert_eq!(
            subjects(Runs::Environment("eu:prod".to_owned())),
            ["repo:octo/app:environment:eu%3Aprod", "repo:octo@7/app@42:environment:eu%3Aprod"]
        );
        assert_eq!(
            subjects(Runs::PullRequests),
            ["repo:octo/app:pull_request", "repo:octo@7/app@42:pull_request"]
        );
        assert_eq!(
            trusted(Runs::PullRequests, None).subjects(),
            ["repo:octo/app:pull_request"],
            "an Enterprise Server has no other"
        );
    }

    #[test]
    fn the_trust_policy() {
        let document = trusted(Runs::PullRequests, Some((7, 42))).document();
        insta::assert_snapshot!(format!("{document:#}"), @r#"
        {
          "Version": "2012-10-17",
          "Statement": [
            {
              "Effect": "Allow",
              "Principal": {
                "Federated": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
              },
              "Action": "sts:AssumeRoleWithWebIdentity",
              "Condition": {
                "StringEquals": {
                  "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                  "token.actions.githubusercontent.com:sub": [
                    "repo:octo/app:pull_request",
                    "repo:octo@7/app@42:pull_request"
                  ]
                }
              }
            }
          ]
        }
        "#);
    }
}
