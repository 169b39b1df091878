//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Deploys.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Deploy.
    Deploy {
        /// Common.
        #[command(flatten)]
        common: Common,
    },
    /// Plan.
    Plan {
        /// Common.
        #[command(flatten)]
        common: Common,
        /// Format.
        #[arg(long, default_value = "text")]
        format: Format,
        /// Exit 10.
        #[arg(long)]
        detailed_exitcode: bool,
    },
    /// Destroy.
    Destroy {
        /// Common.
        #[command(flatten)]
        common: Common,
        /// Yes.
        #[arg(long)]
        yes: bool,
    },
}

/// Common.
#[derive(Debug, Args)]
pub struct Common {
    /// File.
    #[arg(long)]
    pub config: Option<PathBuf>,
}

/// Format.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[expect(missing_docs)]
pub enum Format {
    Text,
    Json,
    Markdown,
}
