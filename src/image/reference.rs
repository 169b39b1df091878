//! Image references as Docker reads them.

/// An image, with what Docker leaves out filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// `docker.io`, `ghcr.io`, `localhost:5000`.
    pub host: String,
    /// `library/nginx`.
    pub repository: String,
    /// What follows the `:`; `latest` where there is neither this nor a digest.
    pub tag: Option<String>,
    /// What follows the `@`: `sha256:…`.
    pub digest: Option<String>,
}

/// Docker Hub, as references call it.
pub const DOCKER_HUB: &str = "docker.io";

impl Reference {
    /// Takes a reference apart as Docker does: `nginx` is `docker.io/library/nginx:latest`.
    /// <https://github.com/distribution/reference/blob/main/normalize.go>
    pub fn parse(text: &str) -> Option<Self> {
        let (name, digest) = split_off(text, '@');
        let (host, rest) = match name.split_once('/') {
            Some((host, rest)) if is_host(host) => (host, rest),
            _ => (DOCKER_HUB, name),
        };
        let (path, tag) = split_off(rest, ':');
        let host = if ["index.docker.io", "registry-1.docker.io"].contains(&host) {
            DOCKER_HUB
        } else {
            host
        };
        let repository = if host == DOCKER_HUB && !path.contains('/') {
            format!("library/{path}")
        } else {
            path.to_owned()
        };
        let tag = tag.or_else(|| digest.is_none().then_some("latest"));
        let is_well = is_authority(host)
            && is_repository(&repository)
            && tag.is_none_or(is_tag)
            && digest.is_none_or(is_digest);
        is_well.then(|| Self {
            host: host.to_owned(),
            repository,
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        })
    }
}

fn split_off(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

/// Whether what stands before the first slash is a registry and no part of a name on Docker Hub.
fn is_host(text: &str) -> bool {
    text == "localhost"
        || text.contains(['.', ':'])
        || text.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn is_authority(host: &str) -> bool {
    let (name, port) = split_off(host, ':');
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.split('.').all(is_label) && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>
fn is_repository(path: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_part = |part: &str| {
        let ends_well = |byte: Option<u8>| byte.is_some_and(is_word);
        ends_well(part.bytes().next())
            && ends_well(part.bytes().next_back())
            && part.bytes().all(|byte| is_word(byte) || b"._-".contains(&byte))
    };
    path.len() <= 255 && path.split('/').all(is_part)
}

/// <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>
pub(crate) fn is_tag(tag: &str) -> bool {
    (1..=128).contains(&tag.len())
        && !tag.starts_with(['.', '-'])
        && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Whether it is a SHA-256 digest, the only kind that registries are asked for here.
pub(crate) fn is_digest(digest: &str) -> bool {
    super::digest::Digest::parse(digest).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_docker_leaves_out_is_filled_in() {
        for (text, host, repository, tag) in [
            ("nginx", "docker.io", "library/nginx", "latest"),
            ("nginx:1.29", "docker.io", "library/nginx", "1.29"),
            ("grafana/agent", "docker.io", "grafana/agent", "latest"),
            ("docker.io/nginx", "docker.io", "library/nginx", "latest"),
            ("index.docker.io/library/nginx", "docker.io", "library/nginx", "latest"),
            ("registry-1.docker.io/a/b:c", "docker.io", "a/b", "c"),
            ("localhost/x", "localhost", "x", "latest"),
            ("localhost:5000/x", "localhost:5000", "x", "latest"),
            ("public.ecr.aws/nginx/nginx:1", "public.ecr.aws", "nginx/nginx", "1"),
            ("registry.k8s.io/pause:3.10", "registry.k8s.io", "pause", "3.10"),
            ("a__b/c-d.e:V_1.2-x", "docker.io", "a__b/c-d.e", "V_1.2-x"),
        ] {
            let expected = Reference {
                host: host.to_owned(),
                repository: repository.to_owned(),
                tag: Some(tag.to_owned()),
                digest: None,
            };
            assert_eq!(Reference::parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_digest_needs_no_tag() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        let image = Reference::parse(&format!("quay.io/a/b@{digest}")).expect("a reference");
        assert_eq!((image.tag, image.digest), (None, Some(digest.clone())));
        let image = Reference::parse(&format!("a/b:1@{digest}")).expect("a reference");
        assert_eq!((image.tag.as_deref(), image.digest), (Some("1"), Some(digest)));
    }

    #[test]
    fn what_is_no_reference() {
        let others = [
            "",
            ":",
            "@",
            "a b",
            "/x",
            "x/",
            "a//b",
            "Nginx",
            "nginx:",
            "nginx:-1",
            "x:1:2",
            "nginx@sha256:00",
            "https://ghcr.io/a/b",
            "ghcr.io/A/b",
            "ghcr.io:x/a",
            "a.-b/c",
            "_a/b",
            "${IMAGE}",
            "<IMAGE>",
        ];
        for other in others {
            assert_eq!(Reference::parse(other), None, "{other}");
        }
    }
}
