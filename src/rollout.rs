//! Follows the deployment that this run started.
