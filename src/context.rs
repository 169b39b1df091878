//! What this run is: who started it, for which commit and pull request, and where its reports go.
//! Read once, from the environment and the event file.

use crate::secret::Secret;
use std::path::PathBuf;

/// What this run is.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The commit that the image is tagged with: the pull request's head, not its merge commit.
    pub commit: Option<String>,
    /// What GitHub told, where the run is a workflow's.
    pub github: Option<GitHub>,
    /// `host:port` that takes the place of the ECR registry's address, for an emulator.
    pub registry: Option<String>,
    /// The environment's variables.
    pub variables: std::collections::BTreeMap<String, String>,
    /// The name of the environment that is deployed to, where one was given.
    pub environment: Option<String>,
}

/// What GitHub told.
#[derive(Debug, Clone)]
pub struct GitHub {
    /// `owner/name`.
    pub repository: String,
    /// The API's root, without a slash at its end.
    pub api_url: String,
    /// The web's root, without a slash at its end.
    pub server_url: String,
    /// The workflow run's id.
    pub run_id: Option<u64>,
    /// The pull request that this run is for.
    pub pull_request: Option<u64>,
    /// The token, where one was given.
    pub token: Option<Secret>,
    /// `GITHUB_OUTPUT`.
    pub output: Option<PathBuf>,
    /// `GITHUB_STEP_SUMMARY`.
    pub step_summary: Option<PathBuf>,
}
