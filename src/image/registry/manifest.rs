//! Manifests and indexes: what they say that belongs to an image. Pure.
//! <https://github.com/opencontainers/image-spec/blob/main/image-index.md>

use crate::image::digest::Digest;
use serde_json::Value;

/// All that is understood here, in one header.
pub(super) const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// What an image is made of, one level of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manifest {
    /// The manifests of its platforms and attestations, or further indexes.
    Index(Vec<Descriptor>),
    /// The configuration and the layers of one.
    Image(Vec<Descriptor>),
}

/// Something that a manifest mentions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// What it is called.
    pub digest: Digest,
    /// Its bytes.
    pub size: u64,
}

/// Reads a manifest's text.
///
/// # Errors
/// Why it is none that is understood.
pub fn read(bytes: &[u8], media_type: &str) -> Result<Manifest, String> {
    let document: Value =
        serde_json::from_slice(bytes).map_err(|why| format!("the manifest is no JSON: {why}"))?;
    let own = document["mediaType"].as_str().unwrap_or(media_type);
    if let Some(manifests) = document["manifests"].as_array() {
        return descriptors(manifests.iter()).map(Manifest::Index);
    }
    match (&document["config"], document["layers"].as_array()) {
        (Value::Object(_), Some(layers)) => {
            let own = std::iter::once(&document["config"]);
            let layers = layers.iter().filter(|layer| !is_foreign(layer));
            descriptors(own.chain(layers)).map(Manifest::Image)
        }
        _ => Err(format!("a manifest of the type `{own}` is not understood")),
    }
}

/// A layer that registries do not hold, such as those of Windows.
/// <https://github.com/opencontainers/image-spec/blob/main/layer.md#non-distributable-layers>
fn is_foreign(layer: &Value) -> bool {
    layer["urls"].as_array().is_some_and(|urls| !urls.is_empty())
}

fn descriptors<'a>(entries: impl Iterator<Item = &'a Value>) -> Result<Vec<Descriptor>, String> {
    entries
        .map(|entry| {
            let digest = entry["digest"].as_str().and_then(Digest::parse);
            let (Some(digest), Some(size)) = (digest, entry["size"].as_u64()) else {
                return Err(format!(
                    "the manifest mentions something without digest or size: {entry}"
                ));
            };
            Ok(Descriptor { digest, size })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn digest(letter: char) -> String {
        format!("sha256:{}", letter.to_string().repeat(64))
    }

    fn entry(letter: char, size: u64) -> Value {
        json!({"digest": digest(letter), "size": size})
    }

    fn found(letter: char, size: u64) -> Descriptor {
        Descriptor { digest: Digest::parse(&digest(letter)).expect("a digest"), size }
    }

    fn manifest(document: &Value) -> Result<Manifest, String> {
        read(document.to_string().as_bytes(), "application/json")
    }

    #[test]
    fn an_index_is_what_it_mentions_attestations_too() {
        let mut attestation = entry('b', 2);
        attestation["platform"] = json!({"architecture": "unknown", "os": "unknown"});
        let index = json!({"manifests": [entry('a', 1), attestation]});
        assert_eq!(manifest(&index), Ok(Manifest::Index(vec![found('a', 1), found('b', 2)])));
    }

    #[test]
    fn an_image_is_its_configuration_and_the_layers_that_registries_hold() {
        let mut foreign = entry('c', 3);
        foreign["urls"] = json!(["https://elsewhere.example"]);
        let image = json!({"config": entry('a', 1), "layers": [entry('b', 2), foreign]});
        assert_eq!(manifest(&image), Ok(Manifest::Image(vec![found('a', 1), found('b', 2)])));
    }

    #[test]
    fn what_is_no_manifest() {
        let old = json!({"schemaVersion": 1, "fsLayers": []});
        let why = manifest(&old).expect_err("the first form");
        assert_eq!(why, "a manifest of the type `application/json` is not understood");
        assert!(read(b"<html>", "").is_err());
        assert!(manifest(&json!({"manifests": [{"size": 1}]})).is_err());
        assert!(manifest(&json!({"manifests": [{"digest": "sha512:0", "size": 1}]})).is_err());
    }
}
