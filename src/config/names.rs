//! Names.
use sha2::{Digest as _, Sha256};
/// Shortens.
pub fn fit(name: &str, max: usize) -> String {
    if name.len() <= max {
        return name.to_owned();
    }
    let digest: String =
        Sha256::digest(name.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let kept: String = name.chars().take(max - 9).collect();
    format!("{}-{digest}", kept.trim_end_matches('-'))
}
