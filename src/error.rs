//! What can go wrong, as the person at the terminal reads it: one variant a phase, one exit code each.

use crate::{exit, report::redact, secret::Secrets};
use futures_util::future::{Either, select};

/// An expected failure. `Display` is the whole text for the user, without the leading `error: `.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file, the flags or the environment are wrong; every finding is already rendered.
    #[error("{0}")]
    Config(String),
    /// The world does not allow it, and nothing was changed.
    #[error("{0}")]
    Refused(Problem),
    /// The tasks would not reach what they need, as the VPC was seen; nothing was changed.
    #[error("{0}")]
    Unreachable(Problem),
    /// Some steps were applied, others were not.
    #[error("{0}")]
    Partial(Problem),
    /// A task beside the rollout failed.
    #[error("{0}")]
    Task(Problem),
    /// A service could not be reached, or answered what it never answers.
    #[error("{0}")]
    Unexpected(Problem),
}

impl Error {
    /// The exit code of the table in the README.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) => exit::CONFIG,
            Self::Refused(_) | Self::Unreachable(_) => exit::REFUSED,
            Self::Partial(_) => exit::PARTIAL,
            Self::Task(_) => exit::ROLLOUT_FAILED,
            Self::Unexpected(_) => exit::UNEXPECTED,
        }
    }

    /// The problem without what it means for the run.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Config(text) => Problem::new(text.clone()),
            Self::Refused(problem)
            | Self::Unreachable(problem)
            | Self::Partial(problem)
            | Self::Task(problem)
            | Self::Unexpected(problem) => problem.clone(),
        }
    }

    /// The same without what must not be seen.
    #[must_use]
    pub fn redacted(self, secrets: &Secrets) -> Self {
        match self {
            Self::Config(text) => Self::Config(secrets.redact(&text)),
            Self::Refused(problem) => Self::Refused(redact::problem(&problem, secrets)),
            Self::Unreachable(problem) => Self::Unreachable(redact::problem(&problem, secrets)),
            Self::Partial(problem) => Self::Partial(redact::problem(&problem, secrets)),
            Self::Task(problem) => Self::Task(redact::problem(&problem, secrets)),
            Self::Unexpected(problem) => Self::Unexpected(redact::problem(&problem, secrets)),
        }
    }

    /// A refusal: `what` happened on what, and `help`, what to do about it.
    pub fn refused(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Refused(Problem::new(what).help(help))
    }
}

/// One problem in the form that every message has: what, then lines of evidence, then what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What was tried, on what, and what came back: a lowercase fragment without a final period.
    pub what: String,
    /// What was looked for and found, one line each.
    pub found: Vec<String>,
    /// What to do next.
    pub help: Option<String>,
}

impl Problem {
    /// A problem with nothing but its statement.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), found: Vec::new(), help: None }
    }

    /// Adds a line of evidence.
    #[must_use]
    pub fn found(mut self, line: impl Into<String>) -> Self {
        self.found.push(line.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.what)?;
        for line in &self.found {
            write!(f, "\n  {}", line.replace('\n', "\n  "))?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n  help: {}", help.replace('\n', "\n        "))?;
        }
        Ok(())
    }
}

/// Both at once. Where `first` fails, its error is told whatever else went wrong: it may be the cause.
pub async fn told_first<A, B>(
    first: impl Future<Output = Result<A>> + Unpin,
    rest: impl Future<Output = Result<B>> + Unpin,
) -> Result<(A, B)> {
    match select(first, rest).await {
        Either::Left((first, rest)) => Ok((first?, rest.await?)),
        Either::Right((rest, first)) => Ok((first.await?, rest?)),
    }
}

/// What functions of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
