//! Values that must not be seen, and the one place that takes them out of a text.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A value that prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps the value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one who has to send it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Every secret that this run has met. Reporters redact with it; the Actions reporter also announces
/// each one with `::add-mask::`.
#[derive(Debug, Clone, Default)]
pub struct Secrets(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    secrets: Vec<Secret>,
    /// What is not to be read, but has to reach the steps that come after.
    hidden: Vec<Secret>,
}

/// Shorter values would blot out ordinary words.
const SHORTEST: usize = 6;

/// Variables whose values are secrets, whoever has set them.
const SECRET_VARIABLES: [&str; 10] = [
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_RUNTIME_TOKEN",
    "AWS_ACCESS_KEY_ID",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "DOCKER_AUTH_CONFIG",
    "GITHUB_TOKEN",
    "INPUT_GITHUB-TOKEN",
];

impl Secrets {
    /// Remembers what the environment brings.
    pub fn of(variables: &BTreeMap<String, String>) -> Self {
        let secrets = Self::default();
        let values = SECRET_VARIABLES.iter().filter_map(|&name| variables.get(name));
        values.for_each(|value| secrets.add(&Secret::new(value)));
        secrets
    }

    /// Remembers a value, and each line of it, since logs are written line by line.
    pub fn add(&self, secret: &Secret) {
        remember(&mut self.known().secrets, secret);
    }

    /// Remembers a value that people are not shown, in reports and logs, and that outputs keep.
    pub fn hide(&self, secret: &Secret) {
        remember(&mut self.known().hidden, secret);
    }

    /// Whether outputs have something that reports have not.
    pub fn hides(&self) -> bool {
        !self.known().hidden.is_empty()
    }

    /// All that is known, the longest first.
    pub fn all(&self) -> Vec<Secret> {
        let known = self.known();
        let mut all = [known.secrets.clone(), known.hidden.clone()].concat();
        all.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        all
    }

    /// The text with `***` where a secret stood, or what is hidden.
    pub fn redact(&self, text: &str) -> String {
        let text = self.redact_for_outputs(text);
        without(&self.known().hidden, text)
    }

    /// The same, with what is hidden left as it is.
    pub fn redact_for_outputs(&self, text: &str) -> String {
        without(&self.known().secrets, text.to_owned())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn remember(known: &mut Vec<Secret>, secret: &Secret) {
    let lines = secret.expose().lines().map(str::trim);
    for part in std::iter::once(secret.expose()).chain(lines) {
        let part = Secret::new(part);
        if part.expose().len() >= SHORTEST && !known.contains(&part) {
            known.push(part);
        }
    }
    // The longest first, so that a secret that contains another one goes as a whole.
    known.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
}

fn without(known: &[Secret], text: String) -> String {
    known.iter().fold(text, |text, secret| text.replace(secret.expose(), "***"))
}
