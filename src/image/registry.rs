//! A registry as whoever pulls sees it: manifests and blobs, each checked against its digest and size.
//! <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pull>

mod http;
pub mod manifest;

use super::{digest::Digest, login::Login};
use aws_smithy_types::byte_stream::ByteStream;
use http::{Answer, Http};
use manifest::Descriptor;
use sha2::{Digest as _, Sha256};
use std::{fmt::Write as _, time::Duration};
use url::Url;

/// The most bytes of a manifest: what the specification lets registries refuse is half of it.
const MANIFEST: usize = 8 * 1024 * 1024;

/// How often a thing is asked for while the registry fails or cannot be reached.
const ATTEMPTS: u32 = 4;

/// How long a body may stand still.
const STILL: Duration = Duration::from_mins(1);

/// A registry.
#[derive(Debug)]
pub struct Registry {
    /// `host` or `host:port`.
    pub host: String,
    authorization: Option<String>,
    http: Http,
    /// Before the second attempt; it doubles for each further one.
    wait: Duration,
}

/// Why a registry did not give a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The status, where it answered with another one than 200.
    pub status: Option<u16>,
    /// Its words, or what is wrong with what it gave.
    pub said: String,
    /// Whether asking again may help.
    is_passing: bool,
}

impl Fault {
    /// One for tests of what is made of it.
    #[cfg(test)]
    pub(super) fn test(status: Option<u16>, said: &str) -> Self {
        Self { status, said: said.to_owned(), is_passing: false }
    }

    fn lasting(said: impl Into<String>) -> Self {
        Self { status: None, said: said.into(), is_passing: false }
    }

    fn passing(said: impl Into<String>) -> Self {
        Self { status: None, said: said.into(), is_passing: true }
    }
}

/// A manifest's text, as it was hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The SHA-256 of the bytes.
    pub digest: Digest,
    /// What the registry says that it is.
    pub media_type: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Registry {
    /// The registry at this host. One on this machine is spoken to without TLS, as Docker does.
    /// <https://docs.docker.com/reference/cli/dockerd/#insecure-registries>
    pub fn new(host: &str, login: Option<&Login>) -> Self {
        Self {
            host: host.to_owned(),
            authorization: login.map(|login| format!("Basic {}", login.token())),
            http: Http::new(),
            wait: Duration::from_secs(1),
        }
    }

    /// The same, with another wait before the second attempt.
    #[must_use]
    pub fn waiting(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }

    /// Gives a manifest by its digest or tag. What a tag stands for is what the bytes hash to.
    pub async fn manifest(&self, repository: &str, reference: &str) -> Result<Text, Fault> {
        self.attempt(async || {
            let path = format!("{repository}/manifests/{reference}");
            let answer = self.get(&path, Some(manifest::ACCEPTED)).await?;
            let media_type = answer.header("content-type").unwrap_or_default().to_owned();
            let mut bytes = Vec::new();
            let digest = read(answer, |chunk| {
                bytes.extend_from_slice(chunk);
                if bytes.len() > MANIFEST {
                    Err("the manifest has no end".to_owned())
                } else {
                    Ok(())
                }
            })
            .await?;
            if reference.contains(':') && digest.as_str() != reference {
                return Err(Fault::lasting(format!("what came has the digest {digest}")));
            }
            Ok(Text { digest, media_type, bytes })
        })
        .await
    }

    /// Reads a blob to its end, and keeps nothing of it.
    pub async fn blob(&self, repository: &str, blob: &Descriptor) -> Result<(), Fault> {
        self.attempt(async || {
            let answer = self.get(&format!("{repository}/blobs/{}", blob.digest), None).await?;
            let mut came: u64 = 0;
            let wrong = |came| format!("{came} bytes came, and its manifest says {}", blob.size);
            let digest = read(answer, |chunk| {
                came += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
                if came > blob.size {
                    Err(format!("more than {}", wrong(blob.size)))
                } else {
                    Ok(())
                }
            })
            .await?;
            if came != blob.size {
                return Err(Fault::lasting(wrong(came)));
            }
            if digest != blob.digest {
                return Err(Fault::lasting(format!("what came has the digest {digest}")));
            }
            Ok(())
        })
        .await
    }

    async fn get(&self, path: &str, accept: Option<&str>) -> Result<Answer, Fault> {
        let scheme = if is_local(&self.host) { "http" } else { "https" };
        let url = format!("{scheme}://{}/v2/{path}", self.host);
        let url = Url::parse(&url).map_err(|why| Fault::lasting(format!("{url}: {why}")))?;
        let answer = self.http.get(url, accept, self.authorization.as_deref()).await?;
        if answer.status == 200 {
            return Ok(answer);
        }
        let status = answer.status;
        let is_passing = status == 429 || status >= 500;
        Err(Fault { status: Some(status), said: words(answer).await, is_passing })
    }

    async fn attempt<T>(&self, ask: impl AsyncFn() -> Result<T, Fault>) -> Result<T, Fault> {
        let mut wait = self.wait;
        for _ in 1..ATTEMPTS {
            match ask().await {
                Err(fault) if fault.is_passing => tokio::time::sleep(wait).await,
                result => return result,
            }
            wait *= 2;
        }
        ask().await
    }
}

/// Reads a body to its end; yields the digest of all of it.
async fn read(
    answer: Answer,
    mut take: impl FnMut(&[u8]) -> Result<(), String>,
) -> Result<Digest, Fault> {
    let mut body = ByteStream::new(answer.body);
    let mut hash = Sha256::new();
    loop {
        let chunk = tokio::time::timeout(STILL, body.next())
            .await
            .map_err(|_| Fault::passing(format!("nothing more came in {} s", STILL.as_secs())))?;
        match chunk {
            None => break,
            Some(Err(why)) => {
                return Err(Fault::passing(format!("it broke off: {}", http::last(&why))));
            }
            Some(Ok(chunk)) => {
                hash.update(&chunk);
                take(&chunk).map_err(Fault::lasting)?;
            }
        }
    }
    let mut text = "sha256:".to_owned();
    for byte in hash.finalize() {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
    }
    Ok(Digest::parse(&text).expect("a hash in hex is a digest"))
}

/// What an answer that is none says: the messages of the registry's errors, or the first of its words.
/// <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes>
async fn words(answer: Answer) -> String {
    const MOST: usize = 300;
    let mut bytes = Vec::new();
    let ended = read(answer, |chunk| {
        bytes.extend_from_slice(chunk);
        if bytes.len() > 64 * 1024 { Err(String::new()) } else { Ok(()) }
    });
    // However it ended, what came is all that there is to tell.
    drop(ended.await);
    let errors = serde_json::from_slice::<serde_json::Value>(&bytes).ok();
    let messages: Vec<_> = errors
        .iter()
        .filter_map(|body| body["errors"].as_array())
        .flatten()
        .filter_map(|error| {
            let code = error["code"].as_str().unwrap_or_default();
            let message = error["message"].as_str().unwrap_or_default();
            Some(format!("{code}: {message}")).filter(|text| text.len() > 2)
        })
        .collect();
    let text = if messages.is_empty() {
        String::from_utf8_lossy(&bytes).split_whitespace().collect::<Vec<_>>().join(" ")
    } else {
        messages.join("; ")
    };
    text.chars().take(MOST).collect()
}

fn is_local(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name == "localhost"
        || name.trim_matches(['[', ']']).parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests;
