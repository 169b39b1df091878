//! The values that go into the build: build arguments and secrets. No value ever stands on a command
//! line, where every user of the machine could read it; buildx finds each in its environment.

use super::variables;
use crate::{
    config::model::{Build, SecretSource},
    error::Problem,
    secret::Secret,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

/// What goes into the build.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Inputs {
    /// The names of the build arguments, in the file's order.
    pub arguments: Vec<String>,
    /// The secrets, in the file's order.
    pub secrets: Vec<Mount>,
    /// What the child's environment gets for them.
    pub variables: BTreeMap<String, String>,
    /// The variables whose values came from this run's environment and so must not be seen.
    from_environment: BTreeSet<String>,
}

/// One secret as buildx is told of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// The id that the Dockerfile mounts.
    pub id: String,
    /// Where buildx finds it.
    pub source: MountSource,
}

/// Where buildx finds a secret.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum MountSource {
    /// In this variable of its own environment.
    Variable(String),
    /// In this file.
    File(PathBuf),
}

impl Inputs {
    /// All that must not be seen. A value that stands in the deploy file is not a secret, and hiding
    /// it would blot out words like `production`; one that comes from the environment may be.
    pub(super) fn sensitive(&self) -> Result<Vec<Secret>, Problem> {
        let mut all: Vec<_> =
            self.from_environment.iter().map(|name| Secret::new(&self.variables[name])).collect();
        for Mount { id, source } in &self.secrets {
            if let MountSource::File(path) = source {
                let bytes = std::fs::read(path).map_err(|error| {
                    let path = path.display();
                    Problem::new(format!("the build secret `{id}` is in `{path}`: {error}"))
                        .help("write that file before this step, or take the secret out")
                })?;
                all.push(Secret::new(String::from_utf8_lossy(&bytes)));
            }
        }
        Ok(all)
    }
}

/// Looks every value up; names all that are missing or cannot be passed at once.
pub(super) fn resolve(
    build: &Build,
    environment: &BTreeMap<String, String>,
) -> Result<Inputs, Problem> {
    let mut inputs = Inputs::default();
    let mut found = Vec::new();
    for (name, given) in &build.build_args {
        match argument(name, given.as_deref(), environment) {
            Ok(value) => {
                inputs.arguments.push(name.clone());
                inputs.variables.insert(name.clone(), value.to_owned());
                if given.is_none() {
                    inputs.from_environment.insert(name.clone());
                }
            }
            Err(why) => found.push(format!("build argument `{name}`: {why}")),
        }
    }
    for (index, secret) in build.secrets.iter().enumerate() {
        let source = match &secret.source {
            SecretSource::File(path) => MountSource::File(path.clone()),
            SecretSource::Env(from) => {
                // An unset `${{ secrets.NAME }}` of a workflow arrives as an empty variable.
                let Some(value) = environment.get(from).filter(|value| !value.is_empty()) else {
                    found.push(format!("secret `{}`: `{from}` is not set, or empty", secret.id));
                    continue;
                };
                // A name of our own: the user's may be one that docker reads, or a build argument's.
                let name = format!("ECS_PRIVATE_DEPLOY_SECRET_{index}");
                inputs.variables.insert(name.clone(), value.clone());
                inputs.from_environment.insert(name.clone());
                MountSource::Variable(name)
            }
        };
        inputs.secrets.push(Mount { id: secret.id.clone(), source });
    }
    if found.is_empty() {
        return Ok(inputs);
    }
    let mut problem = Problem::new("the build takes values that are not there");
    problem.found = found;
    Err(problem.help("set the variables in the environment of this step, or take them out"))
}

/// The value of a build argument, or why it cannot be passed.
fn argument<'a>(
    name: &str,
    given: Option<&'a str>,
    environment: &'a BTreeMap<String, String>,
) -> Result<&'a str, &'static str> {
    let mut characters = name.chars();
    let starts = characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    if !starts || !characters.all(|other| other.is_ascii_alphanumeric() || other == '_') {
        return Err("the name is not one that a Dockerfile's `ARG` can have");
    }
    let theirs = environment.get(name).map(String::as_str);
    let value = given.or(theirs).ok_or("the variable of that name is not set")?;
    if value.contains('\0') {
        return Err("the value has a NUL character, which no variable can carry");
    }
    if name == variables::DOCKER_CONFIG || variables::is_reserved(name) && theirs != Some(value) {
        return Err(
            "docker itself reads the variable of that name: rename the argument, or for a \
                    proxy set the variable of this step or `proxies` in Docker's config.json",
        );
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::model::BuildSecret, image::command::tests::build};

    fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn with_arguments(arguments: &[(&str, Option<&str>)]) -> Build {
        let arguments =
            arguments.iter().map(|&(name, value)| (name.to_owned(), value.map(str::to_owned)));
        Build { build_args: arguments.collect(), ..build() }
    }

    #[test]
    fn values_go_to_the_environment_and_those_from_there_are_secret() {
        let mut build = with_arguments(&[("MODE", Some("production")), ("TOKEN", None)]);
        build.secrets =
            vec![BuildSecret { id: "npm".into(), source: SecretSource::Env("MODE".into()) }];
        let environment = environment(&[("TOKEN", "t0ps3cret"), ("MODE", "another")]);
        let inputs = resolve(&build, &environment).expect("all is there");
        insta::assert_debug_snapshot!(inputs, @r#"
        Inputs {
            arguments: [
                "MODE",
                "TOKEN",
            ],
            secrets: [
                Mount {
                    id: "npm",
                    source: Variable(
                        "ECS_PRIVATE_DEPLOY_SECRET_0",
                    ),
                },
            ],
            variables: {
                "ECS_PRIVATE_DEPLOY_SECRET_0": "another",
                "MODE": "production",
                "TOKEN": "t0ps3cret",
            },
            from_environment: {
                "ECS_PRIVATE_DEPLOY_SECRET_0",
                "TOKEN",
            },
        }
        "#);
        let sensitive: Vec<_> =
            inputs.sensitive().expect("no file").iter().map(|s| s.expose().to_owned()).collect();
        assert_eq!(sensitive, ["another", "t0ps3cret"]);
    }

    #[test]
    fn all_that_is_missing_is_named_at_once() {
        let mut build = with_arguments(&[
            ("ONE", None),
            ("TWO=x", Some("")),
            ("PATH", Some("/bin")),
            ("DOCKER_CONFIG", None),
        ]);
        let secret = |id: &str, name: &str| BuildSecret {
            id: id.into(),
            source: SecretSource::Env(name.into()),
        };
        build.secrets = vec![secret("a", "EMPTY"), secret("b", "UNSET")];
        let environment =
            environment(&[("EMPTY", ""), ("PATH", "/usr/bin"), ("DOCKER_CONFIG", "/x")]);
        let problem = resolve(&build, &environment).expect_err("much is wrong");
        insta::assert_snapshot!(problem, @r"
        the build takes values that are not there
          build argument `ONE`: the variable of that name is not set
          build argument `TWO=x`: the name is not one that a Dockerfile's `ARG` can have
          build argument `PATH`: docker itself reads the variable of that name: rename the argument, or for a proxy set the variable of this step or `proxies` in Docker's config.json
          build argument `DOCKER_CONFIG`: docker itself reads the variable of that name: rename the argument, or for a proxy set the variable of this step or `proxies` in Docker's config.json
          secret `a`: `EMPTY` is not set, or empty
          secret `b`: `UNSET` is not set, or empty
          help: set the variables in the environment of this step, or take them out
        ");
    }

    #[test]
    fn a_proxy_may_be_passed_on_but_not_changed() {
        let environment = environment(&[("HTTPS_PROXY", "http://a:1")]);
        assert!(resolve(&with_arguments(&[("HTTPS_PROXY", None)]), &environment).is_ok());
        assert!(
            resolve(&with_arguments(&[("HTTPS_PROXY", Some("http://a:1"))]), &environment).is_ok()
        );
        assert!(
            resolve(&with_arguments(&[("HTTPS_PROXY", Some("http://b:1"))]), &environment).is_err()
        );
    }

    #[test]
    fn a_secret_file_that_is_missing_is_named() {
        let mut build = build();
        build.secrets = vec![BuildSecret {
            id: "npm".into(),
            source: SecretSource::File("/nowhere/npmrc".into()),
        }];
        let inputs = resolve(&build, &BTreeMap::new()).expect("nothing from the environment");
        insta::assert_snapshot!(inputs.sensitive().expect_err("no such file"), @r"
        the build secret `npm` is in `/nowhere/npmrc`: No such file or directory (os error 2)
          help: write that file before this step, or take the secret out
        ");
    }
}
