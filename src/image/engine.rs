//! The builder: whether it answers, and what it can do.

use super::{child, variables};
use crate::{config::model::Build, error::Problem};
use std::collections::BTreeMap;

/// The builder that buildx would use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// The builder's name.
    pub builder: String,
    /// Its driver: `docker`, `docker-container`, `kubernetes`, `remote`.
    pub driver: String,
    /// Whether it can write a cache to a registry. The `docker` driver cannot without the containerd
    /// image store.
    pub exports_cache: bool,
    /// Whether it can make an index: images of several platforms, or with attestations. Likewise.
    pub makes_index: bool,
}

const STORE: &str = "turn on Docker's containerd image store \
    (https://docs.docker.com/engine/storage/containerd/), or use a builder with another driver \
    (https://docs.docker.com/build/builders/drivers/)";

impl Engine {
    /// Refuses what the builder cannot do.
    pub(super) fn suits(&self, build: &Build) -> Result<(), Problem> {
        let Self { builder, driver, .. } = self;
        if self.makes_index {
            return Ok(());
        }
        let asked = match build.platforms.as_slice() {
            [_, _, ..] => format!("one image for {}", build.platforms.join(", ")),
            _ if build.provenance => "a provenance attestation".to_owned(),
            _ => return Ok(()),
        };
        Err(Problem::new(format!(
            "the builder `{builder}` (driver `{driver}`) cannot make {asked}"
        ))
        .help(STORE))
    }

    /// Why there is no cache.
    pub(super) fn no_cache(&self) -> String {
        let Self { builder, driver, .. } = self;
        format!(
            "layers are not kept between runs: the builder `{builder}` (driver `{driver}`) cannot \
             write a cache to a registry; {STORE}, or say `cache: none`"
        )
    }
}

/// Asks buildx about the builder.
pub(super) async fn inspect(environment: &BTreeMap<String, String>) -> Result<Engine, Problem> {
    let mut variables = variables::passed(environment);
    let config = environment.get_key_value(variables::DOCKER_CONFIG);
    variables.extend(config.map(|(name, value)| (name.clone(), value.clone())));
    // Only in debug mode does it tell what the driver can do.
    // https://docs.docker.com/reference/cli/docker/buildx/inspect/
    let arguments = ["--debug", "buildx", "inspect"].map(Into::into);
    let output = child::output(&arguments, &variables).await;
    let output = output.map_err(|error| child::not_started(&error))?;
    let [stdout, stderr] =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    read(&stdout, &stderr, output.status.success(), environment)
}

/// What `docker --debug buildx inspect` says.
fn read(
    stdout: &str,
    stderr: &str,
    success: bool,
    environment: &BTreeMap<String, String>,
) -> Result<Engine, Problem> {
    if stderr.contains("unknown command: docker buildx")
        || stderr.contains("'buildx' is not a docker command")
    {
        return Err(Problem::new("`docker` has no `buildx`")
            .help("install the buildx plugin: https://github.com/docker/buildx#installing"));
    }
    let field = |key: &str| {
        let mut lines = stdout.lines().filter_map(|line| line.trim().strip_prefix(key));
        lines.next().map(str::trim)
    };
    let (name, driver) = (field("Name:").unwrap_or_default(), field("Driver:").unwrap_or_default());
    if !success || driver.is_empty() || field("Status:").is_none() {
        return Err(unreachable(environment, field("Error:"), stderr));
    }
    // A buildx that tells no features is old; of its drivers `docker` is the one that lacked these.
    let tells = stdout.contains("Features:");
    let can = |key: &str| if tells { field(key) == Some("true") } else { driver != "docker" };
    Ok(Engine {
        builder: name.to_owned(),
        driver: driver.to_owned(),
        exports_cache: can("Cache export:"),
        makes_index: can("Multi-platform build:"),
    })
}

fn unreachable(
    environment: &BTreeMap<String, String>,
    error: Option<&str>,
    stderr: &str,
) -> Problem {
    let is_debug = |line: &str| line.contains("level=debug") || line.contains("DEBU[");
    let said = stderr.lines().filter(|line| !line.trim().is_empty() && !is_debug(line));
    let said: Vec<_> = error.into_iter().chain(said).take(5).map(super::lines::plain).collect();
    let help = if said.iter().any(|line| line.contains("permission denied")) {
        "run as a user who may use the engine's socket"
    } else if said.iter().any(|line| line.contains("no builder")) {
        "set `BUILDX_BUILDER` to a builder that `docker buildx ls` shows, or unset it"
    } else {
        "start Docker, or set `DOCKER_HOST` to an engine that runs"
    };
    let mut problem = Problem::new("no Docker engine answers `docker buildx inspect`");
    problem.found.push(format!("looked for {}", looked_for(environment)));
    problem.found.extend(said);
    problem.help(help)
}

/// Where docker looks for its engine, the first of these that is set.
/// <https://docs.docker.com/reference/cli/docker/#environment-variables>
fn looked_for(environment: &BTreeMap<String, String>) -> String {
    ["BUILDX_BUILDER", "DOCKER_HOST", "DOCKER_CONTEXT"]
        .into_iter()
        .find_map(|name| {
            let value = environment.get(name).filter(|value| !value.is_empty())?;
            Some(format!("`{value}`, which `{name}` says"))
        })
        .unwrap_or_else(|| {
            "the engine of Docker's current context, by default `/var/run/docker.sock`".to_owned()
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::command::tests::build;

    const STORE_ON: &str = "Name:   default\nDriver: docker\n\nNodes:\nName:             default\n\
        Endpoint:         default\nStatus:           running\nFeatures:\n Cache export:         true\n \
        Docker exporter:      true\n Multi-platform build: true\n";

    fn engine(stdout: &str) -> Engine {
        read(stdout, "", true, &BTreeMap::new()).expect("it answers")
    }

    #[test]
    fn features_are_what_the_driver_says() {
        let on = engine(STORE_ON);
        assert_eq!((on.builder.as_str(), on.driver.as_str()), ("default", "docker"));
        assert_eq!((on.exports_cache, on.makes_index), (true, true));
        let off = engine(&STORE_ON.replace("true", "false"));
        assert_eq!((off.exports_cache, off.makes_index), (false, false));
    }

    #[test]
    fn without_features_the_driver_decides() {
        let silent = STORE_ON.split("Features:").next().expect("there is a beginning").to_owned();
        assert!(!engine(&silent).exports_cache);
        assert!(
            engine(&silent.replace("Driver: docker", "Driver: docker-container")).exports_cache
        );
    }

    #[test]
    fn what_the_builder_cannot_do_is_refused() {
        let off = engine(&STORE_ON.replace("true", "false"));
        assert_eq!(off.suits(&build()), Ok(()));
        let two = Build { platforms: vec!["linux/amd64".into(), "linux/arm64".into()], ..build() };
        insta::assert_snapshot!(off.suits(&two).expect_err("two platforms"), @r"
        the builder `default` (driver `docker`) cannot make one image for linux/amd64, linux/arm64
          help: turn on Docker's containerd image store (https://docs.docker.com/engine/storage/containerd/), or use a builder with another driver (https://docs.docker.com/build/builders/drivers/)
        ");
        assert!(off.suits(&Build { provenance: true, ..build() }).is_err());
        assert_eq!(engine(STORE_ON).suits(&two), Ok(()));
        insta::assert_snapshot!(off.no_cache(), @"layers are not kept between runs: the builder `default` (driver `docker`) cannot write a cache to a registry; turn on Docker's containerd image store (https://docs.docker.com/engine/storage/containerd/), or use a builder with another driver (https://docs.docker.com/build/builders/drivers/), or say `cache: none`");
    }

    #[test]
    fn an_engine_that_is_down_is_named_with_dockers_own_words() {
        let down = "Name:   default\nDriver: \nError:  Cannot connect to the Docker daemon at \
            unix:///var/run/docker.sock. Is the docker daemon running?\n";
        let problem = read(down, "", true, &BTreeMap::new()).expect_err("it is down");
        insta::assert_snapshot!(problem, @r"
        no Docker engine answers `docker buildx inspect`
          looked for the engine of Docker's current context, by default `/var/run/docker.sock`
          Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?
          help: start Docker, or set `DOCKER_HOST` to an engine that runs
        ");
        let host = [("DOCKER_HOST".to_owned(), "tcp://far:1".to_owned())].into();
        let problem = read(down, "", true, &host).expect_err("it is down");
        assert_eq!(problem.found[0], "looked for `tcp://far:1`, which `DOCKER_HOST` says");
    }

    #[test]
    fn a_builder_that_is_not_there_is_named() {
        let environment = [("BUILDX_BUILDER".to_owned(), "nope".to_owned())].into();
        let stderr = "ERROR: no builder \"nope\" found\n";
        let problem = read("", stderr, false, &environment).expect_err("no builder");
        insta::assert_snapshot!(problem, @r#"
        no Docker engine answers `docker buildx inspect`
          looked for `nope`, which `BUILDX_BUILDER` says
          ERROR: no builder "nope" found
          help: set `BUILDX_BUILDER` to a builder that `docker buildx ls` shows, or unset it
        "#);
    }

    #[test]
    fn a_docker_without_buildx_is_told_so() {
        let stderr =
            "docker: unknown command: docker buildx\n\nRun 'docker --help' for more information\n";
        let problem = read("", stderr, false, &BTreeMap::new()).expect_err("no buildx");
        insta::assert_snapshot!(problem, @r"
        `docker` has no `buildx`
          help: install the buildx plugin: https://github.com/docker/buildx#installing
        ");
    }
}
