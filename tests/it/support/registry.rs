//! Registries: Debian's docker-registry, as an upstream or as the cache of one.

use super::process::{Server, part};
use ecs_private_deploy::image::digest::Digest;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf, process::Command};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A registry of one's own.
#[derive(Debug)]
pub struct Registry {
    server: Server,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
}

/// An image that was pushed: everything that it is made of, by digest.
#[derive(Debug, Clone)]
pub struct Image {
    pub digest: String,
    pub manifests: BTreeMap<String, Vec<u8>>,
    pub blobs: BTreeMap<String, Vec<u8>>,
}

impl Registry {
    /// Starts an empty one; `upstream` is what it caches, a `host:port`.
    pub async fn start(upstream: Option<&str>) -> Self {
        let program = part("ECS_PRIVATE_DEPLOY_TEST_REGISTRY");
        let server = Server::start(|port, folder| {
            let mut config = json!({
                "version": 0.1,
                "log": {"level": "warn", "accesslog": {"disabled": true}},
                "storage": {"filesystem": {"rootdirectory": folder.path().join("data")}},
                "http": {"addr": format!("127.0.0.1:{port}"), "secret": "of-no-use"},
            });
            if let Some(upstream) = upstream {
                config["proxy"] = json!({"remoteurl": format!("http://{upstream}")});
            }
            let file = folder.path().join("config.yml");
            std::fs::write(&file, config.to_string()).expect("JSON is YAML");
            let mut command = Command::new(program);
            command.arg("serve").arg(file);
            command
        })
        .await;
        Self { server }
    }

    /// `host:port`.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.server.port)
    }

    /// Asks it for something.
    pub async fn ask(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.host()).await.expect("it listens");
        // HTTP/1.0 has no chunks to put together.
        let head = format!(
            "{method} {path} HTTP/1.0\r\nhost: {}\r\ncontent-length: {}\r\n{headers}\r\n",
            self.host(),
            body.len()
        );
        stream.write_all(head.as_bytes()).await.expect("it takes the head");
        stream.write_all(body).await.expect("it takes the body");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.expect("it answers");
        let end = bytes.windows(4).position(|end| end == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8(bytes[..end].to_vec()).expect("a head is text");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Answer { status: status.expect("a status"), head, body: bytes[end + 4..].to_vec() }
    }

    /// A manifest as it was pushed.
    pub async fn manifest(&self, repository: &str, reference: &str) -> Answer {
        let accept = format!("accept: {INDEX}\r\naccept: {MANIFEST}\r\n");
        self.ask("GET", &format!("/v2/{repository}/manifests/{reference}"), &accept, b"").await
    }

    /// A blob.
    pub async fn blob(&self, repository: &str, digest: &str) -> Answer {
        self.ask("GET", &format!("/v2/{repository}/blobs/{digest}"), "", b"").await
    }

    /// Where it keeps a blob or a manifest, once it has it.
    pub fn file(&self, digest: &str) -> PathBuf {
        let hex = digest.trim_start_matches("sha256:");
        let blobs = self.server.folder.path().join("data/docker/registry/v2/blobs/sha256");
        blobs.join(&hex[..2]).join(hex).join("data")
    }

    async fn push_blob(&self, repository: &str, blob: &[u8]) -> String {
        let digest = digest(blob);
        let started = self.ask("POST", &format!("/v2/{repository}/blobs/uploads/"), "", b"").await;
        assert_eq!(started.status, 202, "{started:?}");
        let location = started.header("location").expect("where it goes");
        let path = location.split_once(&self.host()).map_or(location, |(_, path)| path);
        let kind = "content-type: application/octet-stream\r\n";
        let put = self.ask("PUT", &format!("{path}&digest={digest}"), kind, blob).await;
        assert_eq!(put.status, 201, "{put:?}");
        digest
    }

    async fn push_manifest(&self, repository: &str, reference: &str, manifest: &Value) {
        let kind = manifest["mediaType"].as_str().expect("it has a type");
        let path = format!("/v2/{repository}/manifests/{reference}");
        let kind = format!("content-type: {kind}\r\n");
        let put = self.ask("PUT", &path, &kind, manifest.to_string().as_bytes()).await;
        assert_eq!(put.status, 201, "{}", String::from_utf8_lossy(&put.body));
    }

    /// Pushes an image of two platforms with an attestation each, as buildx does: a layer that both have,
    /// layers of their own, and one of some megabytes.
    pub async fn push_image(&self, repository: &str, tag: &str) -> Image {
        let mut image =
            Image { digest: String::new(), manifests: BTreeMap::new(), blobs: BTreeMap::new() };
        let mut entries = Vec::new();
        for (seed, architecture) in [(1, "amd64"), (2, "arm64")] {
            let config = json!({"architecture": architecture, "os": "linux"}).to_string();
            let layers = [content(0, 70_000), content(seed, 3_000_000), content(seed + 10, 100)];
            let tar = "application/vnd.oci.image.layer.v1.tar+gzip";
            let made = self.push_platform(repository, &mut image, &config, &layers, tar).await;
            let platform = json!({"architecture": architecture, "os": "linux"});
            entries.push(described(&made, MANIFEST, &[("platform", platform)]));

            let statement =
                json!({"_type": "https://in-toto.io/Statement/v0.1", "subject": made.0});
            let statement = statement.to_string().into_bytes();
            let config = json!({"architecture": "unknown", "os": "unknown", "of": architecture});
            let of = made.0.clone();
            let kind = "application/vnd.in-toto+json";
            let config = config.to_string();
            let made =
                self.push_platform(repository, &mut image, &config, &[statement], kind).await;
            let platform = json!({"architecture": "unknown", "os": "unknown"});
            let annotations = json!({
                "vnd.docker.reference.digest": of,
                "vnd.docker.reference.type": "attestation-manifest",
            });
            let more = [("platform", platform), ("annotations", annotations)];
            entries.push(described(&made, MANIFEST, &more));
        }
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
        self.push_manifest(repository, tag, &index).await;
        let bytes = index.to_string().into_bytes();
        image.digest = digest(&bytes);
        image.manifests.insert(image.digest.clone(), bytes);
        image
    }

    async fn push_platform(
        &self,
        repository: &str,
        image: &mut Image,
        config: &str,
        layers: &[Vec<u8>],
        kind: &str,
    ) -> (String, usize) {
        let config = config.as_bytes().to_vec();
        let mut descriptors = Vec::new();
        for blob in std::iter::once(&config).chain(layers) {
            let digest = self.push_blob(repository, blob).await;
            descriptors.push((digest.clone(), blob.len()));
            image.blobs.insert(digest, blob.clone());
        }
        let layers: Vec<_> =
            descriptors[1..].iter().map(|layer| described(layer, kind, &[])).collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": described(&descriptors[0], "application/vnd.oci.image.config.v1+json", &[]),
            "layers": layers,
        });
        let bytes = manifest.to_string().into_bytes();
        let digest = digest(&bytes);
        self.push_manifest(repository, &digest, &manifest).await;
        let size = bytes.len();
        image.manifests.insert(digest.clone(), bytes);
        (digest, size)
    }
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

fn described(made: &(String, usize), kind: &str, more: &[(&str, Value)]) -> Value {
    let mut entry = json!({"mediaType": kind, "digest": made.0, "size": made.1});
    for (key, value) in more {
        entry[key] = value.clone();
    }
    entry
}

/// Bytes that look like nothing, the same for the same seed.
fn content(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(0x9e37_79b9_7f4a_7c15);
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(next).flatten().take(length).collect()
}

fn digest(bytes: &[u8]) -> String {
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").expect("a String takes it");
    }
    Digest::parse(&text).expect("a hash is one");
    text
}
