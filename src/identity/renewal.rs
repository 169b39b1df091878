//! A role's credentials for as long as the run lasts: the SDK asks for them whenever it signs, and gets
//! those of a new session before the old one ends. A rollout may take longer than a session.

use super::{
    assume::{Got, assume},
    settings::Role,
};
use crate::{
    aws,
    error::{Error, Problem, Result},
    secret::Secrets,
};
use aws_config::SdkConfig;
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, error::CredentialsError, future},
};
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

/// Before a session ends, the next one begins: a request that waits for its place, or is asked again,
/// must not find that its session has ended meanwhile.
pub(super) const BEFORE_ITS_END: Duration = Duration::from_mins(5);

/// Whose the role's credentials are.
#[derive(Debug)]
pub(super) struct Assumed {
    /// Twelve digits.
    pub(super) account: String,
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub(super) partition: String,
}

/// Gives credentials, and gets new ones.
#[derive(Debug)]
pub(super) struct Renewal {
    role: Role,
    sts: aws_sdk_sts::Client,
    secrets: Secrets,
    current: Mutex<Option<Credentials>>,
}

impl Renewal {
    /// Assumes the role with what `ambient` has, where the role is assumed with credentials.
    pub(super) fn new(role: Role, ambient: &SdkConfig, secrets: Secrets) -> Self {
        Self { role, sts: aws::sts(ambient), secrets, current: Mutex::default() }
    }

    /// The first session. What goes wrong is told from here, since the SDK has few words for it.
    pub(super) async fn begin(&self) -> Result<Assumed> {
        let mut current = self.current.lock().await;
        let Got { credentials, arn } = assume(&self.role, &self.sts, &self.secrets).await?;
        *current = Some(credentials);
        let mut parts = arn.split(':').skip(1);
        let (partition, account) = (parts.next(), parts.nth(2));
        match (partition, account.filter(|account| !account.is_empty())) {
            (Some(partition), Some(account)) => {
                Ok(Assumed { account: account.to_owned(), partition: partition.to_owned() })
            }
            _ => Err(Error::Unexpected(Problem::new(format!(
                "STS says that the session is `{arn}`, which is no ARN"
            )))),
        }
    }

    async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        let mut current = self.current.lock().await;
        if let Some(credentials) = current.as_ref().filter(|held| lasts(held, SystemTime::now())) {
            return Ok(credentials.clone());
        }
        let got = assume(&self.role, &self.sts, &self.secrets).await.map_err(|error| {
            CredentialsError::provider_error(format!(
                "the role's session cannot be renewed: {error}"
            ))
        })?;
        *current = Some(got.credentials.clone());
        Ok(got.credentials)
    }
}

fn lasts(held: &Credentials, now: SystemTime) -> bool {
    held.expiry().is_none_or(|end| end > now + BEFORE_ITS_END)
}

impl ProvideCredentials for Renewal {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_given_up_some_time_before_it_ends() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(1);
        let ends = |end| lasts(&Credentials::new("a", "b", None, end, "test"), now);
        assert!(ends(None));
        assert!(ends(Some(now + BEFORE_ITS_END + Duration::from_secs(1))));
        assert!(!ends(Some(now + BEFORE_ITS_END)));
        assert!(!ends(Some(SystemTime::UNIX_EPOCH)));
    }
}
