//! Digests: what an image is called for good.

use crate::error::Problem;
use std::{fmt, path::Path};

/// The SHA-256 digest of an image's manifest or index: `sha256:` and 64 lower-case hex digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest(String);

impl Digest {
    /// The digest, if the text is one.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix("sha256:")?;
        let is_hex = hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (hex.len() == 64 && is_hex).then(|| Self(text.to_owned()))
    }

    /// The digest with its `sha256:`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The registry of a repository: `host` or `host:port`.
pub(super) fn host(repository_uri: &str) -> &str {
    repository_uri.split_once('/').map_or(repository_uri, |(host, _)| host)
}

/// Reads what `--metadata-file` wrote.
pub(super) fn read(metadata: &Path) -> Result<Digest, Problem> {
    let text = std::fs::read_to_string(metadata).map_err(|error| {
        Problem::new(format!("`docker buildx build` ended well but wrote no metadata: {error}"))
            .help("update buildx: `--metadata-file` needs 0.8 or later")
    })?;
    pushed(&text).ok_or_else(|| {
        Problem::new("`docker buildx build` ended well but did not tell the digest that it pushed")
            .found(text)
            .help("update buildx and the engine")
    })
}

/// The digest in buildx's metadata. With attestations it is the index's, which is what was pushed.
/// <https://docs.docker.com/reference/cli/docker/buildx/build/#metadata-file>
fn pushed(metadata: &str) -> Option<Digest> {
    let metadata: serde_json::Value = serde_json::from_str(metadata).ok()?;
    Digest::parse(metadata.get("containerimage.digest")?.as_str()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "6e10e655827736c2edba0bdb6e272a07753fd34b0620d884ccb7b7634f158ae8";

    #[test]
    fn a_digest_is_sha256_and_64_lower_case_hex_digits() {
        assert!(Digest::parse(&format!("sha256:{HEX}")).is_some());
        for wrong in [HEX, "sha256:", &format!("sha256:{}", &HEX[1..]), &format!("sha512:{HEX}")] {
            assert_eq!(Digest::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Digest::parse(&format!("sha256:{}", HEX.to_uppercase())), None);
    }

    #[test]
    fn the_digest_is_read_from_the_metadata() {
        let metadata = format!(r#"{{"image.name":"x","containerimage.digest":"sha256:{HEX}"}}"#);
        assert_eq!(
            pushed(&metadata).map(|digest| digest.to_string()),
            Some(format!("sha256:{HEX}"))
        );
        assert_eq!(pushed("{}"), None);
        assert_eq!(pushed(r#"{"containerimage.digest":"latest"}"#), None);
        assert_eq!(pushed(""), None);
    }
}
