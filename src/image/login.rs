//! The registry's user name and password.

use crate::secret::Secret;
use base64::{Engine as _, prelude::BASE64_STANDARD};

/// A registry's login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// `AWS` at ECR.
    pub username: String,
    /// The password, which at ECR is good for twelve hours.
    pub password: Secret,
}

impl Login {
    /// The login in the token of ECR's `GetAuthorizationToken`: the base64 of `user:password`.
    /// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_AuthorizationData.html>
    pub fn from_token(token: &str) -> Option<Self> {
        let text = String::from_utf8(BASE64_STANDARD.decode(token.trim()).ok()?).ok()?;
        let (username, password) = text.split_once(':')?;
        Some(Self { username: username.to_owned(), password: Secret::new(password) })
    }

    /// As Docker's `config.json` has it.
    pub(super) fn token(&self) -> String {
        BASE64_STANDARD.encode(format!("{}:{}", self.username, self.password.expose()))
    }

    /// All that must not be seen.
    pub(crate) fn sensitive(&self) -> Vec<Secret> {
        vec![self.password.clone(), Secret::new(self.token())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_taken_apart_and_put_together() {
        let login = Login::from_token("QVdTOmE6Yg==").expect("it is `AWS:a:b`");
        assert_eq!((login.username.as_str(), login.password.expose()), ("AWS", "a:b"));
        assert_eq!(login.token(), "QVdTOmE6Yg==");
        assert!(!format!("{login:?}").contains("a:b"));
        assert_eq!(Login::from_token("no base64"), None);
        assert_eq!(Login::from_token("QVdT"), None);
    }
}
