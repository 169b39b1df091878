//! Rollout.
use crate::{
    aws::Reader,
    error::Problem,
    event::{Events, Verdict},
};
/// Follows.
pub async fn follow(
    _: &Reader,
    _: &str,
    _: &str,
    _: &str,
    _: std::time::Duration,
    _: &Events,
) -> Result<Verdict, Problem> {
    Ok(Verdict::Succeeded)
}
