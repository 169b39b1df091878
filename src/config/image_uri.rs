//! Image URIs.
use crate::error::Problem;
/// Checks.
pub fn check(_uri: &str, _region: &str) -> Result<(), Problem> {
    Ok(())
}
