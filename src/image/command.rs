//! The command line of the build: a pure function that gets no value of a build argument or secret
//! to put there.

use super::inputs::{Inputs, Mount, MountSource};
use crate::config::model::{Build, Cache};
use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

/// What the command line says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Command<'a> {
    /// What the file says.
    pub build: &'a Build,
    /// The names of arguments and secrets.
    pub inputs: &'a Inputs,
    /// `host/name`.
    pub repository_uri: &'a str,
    /// The image's tag.
    pub tag: &'a str,
    /// Where buildx writes the digest.
    pub metadata: &'a Path,
    /// Whether layers are read from and written to the repository.
    pub cache: bool,
}

/// The arguments of `docker`.
pub(super) fn arguments(command: &Command<'_>) -> Vec<OsString> {
    let Command { build, inputs, repository_uri, tag, metadata, cache } = *command;
    let mut arguments: Vec<OsString> =
        ["buildx", "build", "--push", "--progress=plain"].map(OsString::from).into();
    let mut option = |name: &str, value: &OsStr| {
        arguments.push(name.into());
        arguments.push(value.into());
    };
    option("--metadata-file", metadata.as_os_str());
    option("--file", local(&build.dockerfile).as_os_str());
    option("--tag", format!("{repository_uri}:{tag}").as_ref());
    option("--platform", build.platforms.join(",").as_ref());
    // buildx attaches provenance by default, and the index that it needs breaks scan gates. The mode
    // is `min` because `max` writes the build arguments' values into the attestation.
    // https://docs.docker.com/build/metadata/attestations/slsa-provenance/
    option("--provenance", if build.provenance { "mode=min" } else { "false" }.as_ref());
    if let Some(target) = &build.target {
        option("--target", target.as_ref());
    }
    for name in &inputs.arguments {
        option("--build-arg", name.as_ref());
    }
    for Mount { id, source } in &inputs.secrets {
        let mut value = csv_field(format!("id={id}").into());
        value.push(",");
        value.push(match source {
            MountSource::Variable(name) => format!("env={name}").into(),
            MountSource::File(path) => {
                let mut field = OsString::from("src=");
                field.push(path);
                csv_field(field)
            }
        });
        option("--secret", &value);
    }
    if cache {
        let main = format!("type=registry,ref={repository_uri}:buildcache");
        option("--cache-from", main.as_ref());
        let own = if build.cache == Cache::Previews {
            let own = format!("{main}-previews");
            option("--cache-from", own.as_ref());
            own
        } else {
            main
        };
        // ECR takes a cache only as an image manifest; and a cache that cannot be written, because
        // the repository lets no tag be moved, say, costs time but not the deploy.
        // https://aws.amazon.com/blogs/containers/announcing-remote-cache-support-in-amazon-ecr-for-buildkit-clients/
        let to =
            format!("{own},mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true");
        option("--cache-to", to.as_ref());
    }
    arguments.push(local(&build.context).into());
    arguments
}

/// The path so that it can be nothing but a path: not an option, `-` or a repository's address.
fn local(path: &Path) -> PathBuf {
    Path::new(".").join(path)
}

/// A field as Go's CSV reader takes it back, since buildx reads `--secret` with that.
fn csv_field(field: OsString) -> OsString {
    match field.to_str() {
        Some(text) if text.contains([',', '"', '\n', '\r']) => {
            format!("\"{}\"", text.replace('"', "\"\"")).into()
        }
        _ => field,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{
        config::model::{BuildSecret, Cache, SecretSource},
        image::inputs,
    };
    use std::collections::BTreeMap;

    /// A build with nothing but what every build has.
    pub(in crate::image) fn build() -> Build {
        Build {
            context: "/app".into(),
            dockerfile: "/app/Dockerfile".into(),
            target: None,
            build_args: indexmap::IndexMap::new(),
            secrets: Vec::new(),
            platforms: vec!["linux/amd64".into()],
            cache: Cache::Registry,
            provenance: false,
            repository: "web".into(),
            keep: 10,
        }
    }

    fn line(build: &Build, environment: &BTreeMap<String, String>, cache: bool) -> String {
        let inputs = inputs::resolve(build, environment).expect("all is there");
        let arguments = arguments(&Command {
            build,
            inputs: &inputs,
            repository_uri: "1.dkr.ecr.eu-west-1.amazonaws.com/web",
            tag: "0f3c",
            metadata: "/tmp/run/metadata.json".as_ref(),
            cache,
        });
        let arguments: Vec<_> =
            arguments.iter().map(|a| a.to_string_lossy().into_owned()).collect();
        arguments.join(" ").replace(" --", "\n--")
    }

    #[test]
    fn the_least() {
        insta::assert_snapshot!(line(&build(), &BTreeMap::new(), false), @r"
        buildx build
        --push
        --progress=plain
        --metadata-file /tmp/run/metadata.json
        --file /app/Dockerfile
        --tag 1.dkr.ecr.eu-west-1.amazonaws.com/web:0f3c
        --platform linux/amd64
        --provenance false /app
        ");
    }

    #[test]
    fn everything_and_no_value_in_sight() {
        let build = Build {
            target: Some("runtime".into()),
            build_args: [("MODE".into(), Some("v4lue".into())), ("TOKEN".into(), None)].into(),
            secrets: vec![
                BuildSecret { id: "npm".into(), source: SecretSource::Env("NPM".into()) },
                BuildSecret { id: "a,b".into(), source: SecretSource::File("/s/\"x\", y".into()) },
            ],
            platforms: vec!["linux/amd64".into(), "linux/arm64".into()],
            provenance: true,
            ..build()
        };
        let environment = ["TOKEN", "NPM"].map(|name| (name.into(), "v4lue".into())).into();
        let line = line(&build, &environment, true);
        assert!(!line.contains("v4lue"), "{line}");
        insta::assert_snapshot!(line, @r#"
        buildx build
        --push
        --progress=plain
        --metadata-file /tmp/run/metadata.json
        --file /app/Dockerfile
        --tag 1.dkr.ecr.eu-west-1.amazonaws.com/web:0f3c
        --platform linux/amd64,linux/arm64
        --provenance mode=min
        --target runtime
        --build-arg MODE
        --build-arg TOKEN
        --secret id=npm,env=ECS_PRIVATE_DEPLOY_SECRET_0
        --secret "id=a,b","src=/s/""x"", y"
        --cache-from type=registry,ref=1.dkr.ecr.eu-west-1.amazonaws.com/web:buildcache
        --cache-to type=registry,ref=1.dkr.ecr.eu-west-1.amazonaws.com/web:buildcache,mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true /app
        "#);
    }
}
