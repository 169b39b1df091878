//! The folder of this run's own: Docker's configuration with the registry's login, buildx's metadata
//! and the client's temporary files. Nothing of it outlives the run, and the user's own
//! configuration is only read.

use super::{login::Login, variables};
use crate::error::Problem;
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// The folder; dropping it removes it.
#[derive(Debug)]
pub(super) struct Folder(TempDir);

impl Folder {
    /// Makes the folder, readable for this user alone.
    pub(super) fn new(
        environment: &BTreeMap<String, String>,
        registry: &str,
        login: &Login,
    ) -> Result<Self, Problem> {
        let parent = environment.get(variables::TMPDIR).map_or("/tmp", String::as_str);
        let users = users_folder(environment);
        let config = with_login(read_config(users.as_deref())?, registry, login);
        Self::write(parent, users.as_deref(), &config).map_err(|error| {
            Problem::new(format!("a folder for Docker's configuration under `{parent}`: {error}"))
                .help("make that folder writable, or set `TMPDIR` to one that is")
        })
    }

    /// Where buildx writes the digest.
    pub(super) fn metadata(&self) -> PathBuf {
        self.0.path().join("metadata.json")
    }

    /// What points there.
    pub(super) fn variables(&self) -> BTreeMap<String, String> {
        [(variables::DOCKER_CONFIG, self.docker()), (variables::TMPDIR, self.0.path().join("tmp"))]
            .map(|(name, path)| (name.to_owned(), path.to_string_lossy().into_owned()))
            .into()
    }

    fn docker(&self) -> PathBuf {
        self.0.path().join("docker")
    }

    fn write(parent: &str, users: Option<&Path>, config: &Value) -> io::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("ecs-private-deploy-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent)?;
        let folder = Self(folder);
        fs::create_dir(folder.0.path().join("tmp"))?;
        let docker = folder.docker();
        fs::create_dir(&docker)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(docker.join("config.json"))?;
        file.write_all(config.to_string().as_bytes())?;
        if let Some(users) = users {
            link_all(users, &docker)?;
        }
        Ok(folder)
    }
}

/// Makes all but the configuration itself reachable under its own name: plugins (buildx is often one
/// of them), contexts with their certificates, and the builders that buildx knows.
fn link_all(users: &Path, docker: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(users) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let is_config = name == "config.json" || name.as_encoded_bytes().starts_with(b".");
        if !is_config {
            symlink(std::path::absolute(entry.path())?, docker.join(name))?;
        }
    }
    Ok(())
}

/// Where the user's configuration is.
/// <https://docs.docker.com/reference/cli/docker/#environment-variables>
fn users_folder(environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    let given = |name| environment.get(name).filter(|value| !value.is_empty());
    let named = given(variables::DOCKER_CONFIG).map(PathBuf::from);
    named.or_else(|| given("HOME").map(|home| Path::new(home).join(".docker")))
}

fn read_config(users: Option<&Path>) -> Result<Map<String, Value>, Problem> {
    let Some(path) = users.map(|users| users.join("config.json")) else {
        return Ok(Map::new());
    };
    let wrong = |error: String| {
        Problem::new(format!("Docker's configuration `{}`: {error}", path.display()))
            .help("mend or remove that file")
    };
    match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Map::new()),
        Err(error) => Err(wrong(error.to_string())),
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string())),
    }
}

/// The user's configuration with one more login. All else stays, so that base images still come from
/// wherever the user is logged in.
fn with_login(mut config: Map<String, Value>, registry: &str, login: &Login) -> Value {
    let mut set = |key: &str, value: Value| {
        let entry = config.entry(key).or_insert_with(|| json!({}));
        if !entry.is_object() {
            *entry = json!({});
        }
        entry[registry] = value;
    };
    set("auths", json!({ "auth": login.token() }));
    // A credential store would be asked instead of `auths`; no helper's name means no store for this
    // registry. https://github.com/docker/cli/blob/v28.2.2/cli/config/configfile/file.go#L297-L306
    set("credHelpers", json!(""));
    Value::Object(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn login() -> Login {
        Login { username: "AWS".into(), password: Secret::new("p4ssw0rd") }
    }

    #[test]
    fn the_users_configuration_stays_and_this_registry_is_added() {
        let users = json!({
            "auths": { "https://index.docker.io/v1/": { "auth": "dTpw" }, "r:1": { "auth": "old" } },
            "credsStore": "desktop",
            "credHelpers": { "r:1": "ecr-login", "public.ecr.aws": "ecr-login" },
            "proxies": { "default": { "httpProxy": "http://p:1" } },
            "currentContext": "far",
        });
        let Value::Object(users) = users else { unreachable!("it is an object") };
        insta::assert_json_snapshot!(with_login(users, "r:1", &login()), @r#"
        {
          "auths": {
            "https://index.docker.io/v1/": {
              "auth": "dTpw"
            },
            "r:1": {
              "auth": "QVdTOnA0c3N3MHJk"
            }
          },
          "credsStore": "desktop",
          "credHelpers": {
            "r:1": "",
            "public.ecr.aws": "ecr-login"
          },
          "proxies": {
            "default": {
              "httpProxy": "http://p:1"
            }
          },
          "currentContext": "far"
        }
        "#);
    }

    #[test]
    fn no_configuration_is_an_empty_one() {
        insta::assert_json_snapshot!(with_login(Map::new(), "r:1", &login()), @r#"
        {
          "auths": {
            "r:1": {
              "auth": "QVdTOnA0c3N3MHJk"
            }
          },
          "credHelpers": {
            "r:1": ""
          }
        }
        "#);
    }

    #[test]
    fn the_folder_is_the_users_own_but_for_the_configuration_and_goes_when_dropped() {
        let home = TempDir::new().expect("a folder");
        let users = home.path().join(".docker");
        for folder in ["cli-plugins", "contexts"] {
            fs::create_dir_all(users.join(folder)).expect("a folder");
        }
        fs::write(users.join("cli-plugins/docker-buildx"), "plugin").expect("a file");
        fs::write(users.join("config.json"), r#"{"currentContext":"far"}"#).expect("a file");
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let environment = [("HOME", text(home.path())), ("TMPDIR", text(home.path()))]
            .map(|(name, value)| (name.to_owned(), value))
            .into();
        let folder = Folder::new(&environment, "r:1", &login()).expect("it is made");
        let root = folder.0.path().to_owned();
        let docker = PathBuf::from(&folder.variables()["DOCKER_CONFIG"]);
        let mode =
            |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!((mode(&root), mode(&docker.join("config.json"))), (0o700, 0o600));
        let plugin = fs::read_to_string(docker.join("cli-plugins/docker-buildx"));
        assert_eq!(plugin.expect("it is found"), "plugin");
        drop(folder);
        assert!(!root.exists());
        let config = fs::read_to_string(users.join("config.json")).expect("it is still there");
        assert_eq!(config, r#"{"currentContext":"far"}"#);
        assert!(users.join("cli-plugins/docker-buildx").exists());
    }

    #[test]
    fn a_configuration_that_is_not_json_is_named() {
        let home = TempDir::new().expect("a folder");
        fs::write(home.path().join("config.json"), "{").expect("a file");
        let environment = BTreeMap::from([(
            "DOCKER_CONFIG".to_owned(),
            home.path().to_string_lossy().into_owned(),
        )]);
        let problem = Folder::new(&environment, "r:1", &login()).expect_err("it cannot be read");
        assert!(problem.what.contains("config.json"), "{problem}");
    }
}
