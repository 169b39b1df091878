//! Whose credentials the run has: those of its environment, or a role's, which it assumes with GitHub's
//! OIDC token or from there. The inputs are those of aws-actions/configure-aws-credentials.
//!
//! Apart from `aws`, which signs with what it is given, and does not ask where that comes from.

pub mod claims;
pub mod settings;
pub mod tags;

mod assume;
mod oidc;
mod refusal;
mod renewal;

use crate::{
    aws::{self, Reader},
    cli::Credentials,
    error::{Error, Problem, Result},
    secret::{Secret, Secrets},
};
use aws_config::identity::IdentityCache;
use aws_credential_types::provider::SharedCredentialsProvider;
use renewal::{Assumed, Renewal};
use settings::Settings;
use std::collections::BTreeMap;
use tokio::sync::OnceCell;

/// What a run shows AWS, the same for all of its clients: a role is assumed once, and again before its
/// session ends.
#[derive(Debug, Default)]
pub struct Session {
    settings: Settings,
    secrets: Secrets,
    assumed: OnceCell<(SharedCredentialsProvider, Assumed)>,
}

impl Session {
    /// A session as the flags and the environment want it, which has asked nobody yet. All that it gets is
    /// added to `secrets` before anything is done with it.
    ///
    /// # Errors
    /// What is given is nothing that AWS takes, or contradicts itself.
    pub fn of(
        given: &Credentials,
        variables: &BTreeMap<String, String>,
        secrets: &Secrets,
    ) -> Result<Self> {
        let settings = Settings::of(given, variables)?;
        Ok(Self { settings, secrets: secrets.clone(), assumed: OnceCell::default() })
    }

    /// Clients with this session's credentials. Where accounts are allowed by name or are to be masked,
    /// whose the credentials are is asked first, and before anything else.
    ///
    /// # Errors
    /// There is no region; the role cannot be assumed; the account is not allowed.
    pub async fn connect(&self, region: Option<&str>) -> Result<Reader> {
        let ambient = aws::load(region).await;
        let reader = Reader::open(&ambient)?;
        let Some(role) = &self.settings.role else {
            return self.checked(reader).await;
        };
        if let Some(account) = role.account().filter(|_| self.settings.masks_account) {
            self.secrets.hide(&Secret::new(account));
        }
        let begin = async || {
            let renewal = Renewal::new(role.clone(), &ambient, self.secrets.clone());
            let assumed = renewal.begin().await?;
            Ok::<_, Error>((SharedCredentialsProvider::new(renewal), assumed))
        };
        let (provider, assumed) = self.assumed.get_or_try_init(begin).await?;
        let cache = IdentityCache::lazy().buffer_time(renewal::BEFORE_ITS_END).build();
        // The same region and endpoints.
        let config = ambient.to_builder().credentials_provider(provider.clone());
        let reader = Reader::open(&config.identity_cache(cache).build())?;
        self.checked(reader.known_as(&assumed.account, &assumed.partition)).await
    }

    async fn checked(&self, reader: Reader) -> Result<Reader> {
        let Settings { allowed_accounts, masks_account, .. } = &self.settings;
        if allowed_accounts.is_empty() && !masks_account {
            return Ok(reader);
        }
        let account = &reader.identity().await?.account;
        if *masks_account {
            self.secrets.hide(&Secret::new(account));
        }
        if allowed_accounts.is_empty() || allowed_accounts.contains(account) {
            return Ok(reader);
        }
        let allowed: Vec<_> = allowed_accounts.iter().map(String::as_str).collect();
        Err(Error::Refused(
            Problem::new(format!(
                "the credentials are of account {account}, which `allowed-account-ids` does not name"
            ))
            .found(format!("allowed: {}", allowed.join(", ")))
            .help("take the credentials or the role of an account that is meant; nothing was changed"),
        ))
    }
}
