//! The secret that ECR logs in to another registry with. What is in it is never read: ECR checks that.

use crate::aws::{
    Reader,
    explain::{Explain as _, Failure},
};

/// A secret that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Its ARN, which a rule is made with.
    pub arn: String,
    /// Its key, where it is not the account's own for Secrets Manager.
    pub kms_key: Option<String>,
    /// Whether it is scheduled for deletion.
    pub is_deleted: bool,
}

/// Reads what is known about a secret, by its name or ARN; `None` where there is none.
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DescribeSecret.html>
pub async fn observe(aws: &Reader, name: &str) -> Result<Option<Observed>, Failure> {
    let described = aws
        .secrets
        .describe_secret()
        .secret_id(name)
        .send()
        .await
        .explain("secretsmanager:DescribeSecret", format!("secret {name}"));
    match described {
        Err(failure) if failure.is("ResourceNotFound") => Ok(None),
        described => {
            let secret = described?;
            Ok(Some(Observed {
                arn: secret.arn.unwrap_or_default(),
                // The account's own key is left out of the answer, or named by its alias.
                kms_key: secret.kms_key_id.filter(|key| !key.ends_with("alias/aws/secretsmanager")),
                is_deleted: secret.deleted_date.is_some(),
            }))
        }
    }
}
