//! Whether pull requests are open: the question that keeps a preview from outliving its own.

use crate::{
    context::Context,
    error::Problem,
    event::{Event, Events, Source},
    github::{Client, answer::Failure, patience::longer},
};
use std::{collections::BTreeSet, time::Duration};
use tokio::time::{Instant, sleep_until};

/// How long one question may take where GitHub asks to wait or does not answer.
const LONGEST: Duration = Duration::from_secs(30);

/// What is known of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is open.
    Open,
    /// It is closed.
    Closed {
        /// Whether it is merged.
        is_merged: bool,
        /// When, as GitHub writes it.
        at: Option<String>,
    },
    /// It is one of another repository, `owner/name`, which this run says nothing about.
    Elsewhere(String),
    /// Nobody could be asked, or gave no answer.
    Unknown(Problem),
}

impl Standing {
    /// `open`, `merged`, `closed`, `elsewhere`, `not known`.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed { is_merged: true, .. } => "merged",
            Self::Closed { is_merged: false, .. } => "closed",
            Self::Elsewhere(_) => "elsewhere",
            Self::Unknown(_) => "not known",
        }
    }
}

/// Asks GitHub about the pull requests of the repository that this run is in.
#[derive(Debug)]
pub struct Asker<'a> {
    client: Client,
    events: &'a Events,
}

impl<'a> Asker<'a> {
    /// Asks nothing yet.
    ///
    /// # Errors
    /// Nobody can be asked, and why.
    pub fn new(context: &Context, events: &'a Events) -> Result<Self, Problem> {
        let Some(github) = &context.github else {
            return Err(Problem::new(
                "this is no workflow of a repository, so GitHub is not asked",
            )
            .help("take previews down by hand: `preview down --pr N`"));
        };
        let Some(token) = &github.token else {
            return Err(Problem::new("there is no token to ask GitHub with").help(
                "pass `github-token: ${{ github.token }}`, with `permissions: pull-requests: read`",
            ));
        };
        let client = Client::new(&github.api_url, &github.repository, token)?;
        Ok(Self { client, events })
    }

    /// Whether the pull request is open.
    pub async fn about(&self, number: u64) -> Standing {
        match self.patiently(async || self.client.pull(number).await).await {
            Ok(pull) if pull.is_open => Standing::Open,
            Ok(pull) => Standing::Closed { is_merged: pull.is_merged, at: pull.closed_at },
            Err(problem) => Standing::Unknown(problem),
        }
    }

    /// The numbers of those that are open, as [`Client::open_pulls`] tells them.
    ///
    /// # Errors
    /// GitHub gave no answer.
    pub async fn open(&self) -> Result<BTreeSet<u64>, Problem> {
        self.patiently(async || self.client.open_pulls().await).await
    }

    /// Asks again where GitHub says when, or does not answer, for a while.
    async fn patiently<T>(&self, ask: impl AsyncFn() -> Result<T, Failure>) -> Result<T, Problem> {
        let deadline = Instant::now() + LONGEST;
        for failures in 0.. {
            let (wait, problem) = match ask().await {
                Err(Failure::Later { wait, problem }) => (wait, problem),
                answer => return answer.map_err(Failure::into_problem),
            };
            let until = Instant::now() + longer(wait, failures);
            if until > deadline {
                return Err(problem);
            }
            let text = format!("GitHub, asked about pull requests: {}", problem.what);
            self.events.send(Event::Line { source: Source::Waiting, text });
            sleep_until(until).await;
        }
        unreachable!("a deadline comes before all numbers are counted")
    }
}
