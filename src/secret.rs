//! Values that must not be seen, and the one place that takes them out of a text.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
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
pub struct Secrets(Arc<Mutex<Vec<Secret>>>);

/// Shorter values would blot out ordinary words.
const SHORTEST: usize = 6;

impl Secrets {
    /// Remembers a value, and each line of it, since logs are written line by line.
    pub fn add(&self, secret: &Secret) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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

    /// All that is known, the longest first.
    pub fn all(&self) -> Vec<Secret> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The text with `***` where a secret stood.
    pub fn redact(&self, text: &str) -> String {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().fold(text.to_owned(), |text, secret| text.replace(secret.expose(), "***"))
    }
}
