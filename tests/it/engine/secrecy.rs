//! What must not be seen reaches the build, and is seen nowhere.

use super::all_processes;
use crate::support::workshop::Workshop;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use ecs_private_deploy::config::model::{BuildSecret, SecretSource};
use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// Shows every value as it is and backwards, and takes long enough to be looked at.
const DOCKERFILE: &str = r#"FROM busybox:1.37
ARG TOKEN
ARG MODE
RUN --mount=type=secret,id=variable --mount=type=secret,id=file \
    echo "NONCE $MODE" && echo "$TOKEN" && echo "$TOKEN" | rev && \
    for secret in variable file; do \
      cat /run/secrets/$secret && echo && rev /run/secrets/$secret && echo; \
    done && sleep 1
"#;

/// A credential store of the user's: it writes down what it is asked.
const STORE: &str = "#!/bin/sh\necho \"$1 $(cat)\" >>\"$HOME/asked\"\n\
    echo credentials not found in native keychain\nexit 1\n";

#[tokio::test]
async fn secrets_reach_the_build_and_are_seen_nowhere() {
    let mut workshop = Workshop::new(DOCKERFILE).await;
    let value = |what: &str| format!("{what}-{}", workshop.nonce);
    let (token, variable, file) = (value("argument"), value("variable"), value("file"));
    let elsewhere = tempfile::tempdir().expect("a folder");
    let path = elsewhere.path().join("secret");
    fs::write(&path, format!("{file}\n")).expect("a file");
    let password = workshop.login.password.expose().to_owned();
    let encoded = BASE64_STANDARD.encode(format!("AWS:{password}"));

    workshop.build.build_args =
        [("MODE".to_owned(), Some("production".to_owned())), ("TOKEN".to_owned(), None)].into();
    workshop.build.secrets = vec![
        BuildSecret { id: "variable".into(), source: SecretSource::Env("HIDDEN".into()) },
        BuildSecret { id: "file".into(), source: SecretSource::File(path) },
    ];
    workshop.environment.insert("TOKEN".to_owned(), token.clone());
    workshop.environment.insert("HIDDEN".to_owned(), variable.clone());
    let users = with_store(&mut workshop);
    let before = fs::read_to_string(&users).expect("the user's configuration");

    let watch = Watch::start();
    let tag = format!("tag-{}", workshop.nonce);
    let ran = workshop.run(&tag).await;
    let seen = watch.end();
    let output = ran.lines.join("\n");
    ran.result.unwrap_or_else(|failure| panic!("{failure:?}\n{output}"));

    for value in [&token, &variable, &file] {
        let backwards: String = value.chars().rev().collect();
        assert!(output.contains(&backwards), "{value} does not reach the build:\n{output}");
    }
    let own = format!("{} production", workshop.nonce);
    assert!(output.contains(&own), "what stands in the file is no secret:\n{output}");
    assert_eq!(ran.lines.iter().filter(|line| line.ends_with(" ***")).count(), 3, "{output}");

    let hidden = [&token, &variable, &file, &password, &encoded];
    assert!(seen.iter().any(|line| line.contains("buildx") && line.contains(&tag)), "{seen:#?}");
    for value in hidden {
        assert!(!output.contains(value), "{value} is in the output:\n{output}");
        let lines: Vec<_> = seen.iter().filter(|line| line.contains(value)).collect();
        assert!(lines.is_empty(), "{value} is in {lines:#?}");
        let files = holding(workshop.home(), value);
        assert!(files.is_empty(), "{value} is in {files:?}");
    }
    assert!(workshop.temporary().is_empty(), "{:?}", workshop.temporary());
    assert_eq!(fs::read_to_string(&users).expect("it is still there"), before);
    let asked = fs::read_to_string(workshop.home().join("asked")).unwrap_or_default();
    assert!(!asked.contains("127.0.0.1"), "the user's store is asked: {asked}");
    assert!(!asked.contains("store ") && !asked.contains("erase "), "it is written to: {asked}");
}

/// Gives the user a configuration with a credential store, and returns where it is.
fn with_store(workshop: &mut Workshop) -> PathBuf {
    let programs = workshop.home().join("programs");
    fs::create_dir(&programs).expect("a folder");
    let store = programs.join("docker-credential-told");
    fs::write(&store, STORE).expect("a program");
    fs::set_permissions(&store, fs::Permissions::from_mode(0o755)).expect("it can run");
    let path = format!("{}:{}", programs.display(), workshop.environment["PATH"]);
    workshop.environment.insert("PATH".to_owned(), path);
    let users = workshop.home().join(".docker/config.json");
    let config = r#"{"auths":{"r.example":{"auth":"dTpw"}},"credsStore":"told"}"#;
    fs::write(&users, config).expect("the user's configuration");
    users
}

/// Every file below the folder that has the text in it.
fn holding(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("it can be read").path();
        let kind = path.symlink_metadata().expect("it is there").file_type();
        if kind.is_dir() {
            found.extend(holding(&path, text));
        } else if kind.is_file() {
            let bytes = fs::read(&path).expect("it can be read");
            if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                found.push(path);
            }
        }
    }
    found
}

/// Writes down every command line of the machine, over and over.
struct Watch {
    ends: Arc<AtomicBool>,
    thread: JoinHandle<BTreeSet<String>>,
}

impl Watch {
    fn start() -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ends);
        let thread = thread::spawn(move || {
            let mut seen = BTreeSet::new();
            while !told.load(Ordering::Relaxed) {
                seen.extend(all_processes());
                thread::sleep(Duration::from_millis(2));
            }
            seen
        });
        Self { ends, thread }
    }

    fn end(self) -> BTreeSet<String> {
        self.ends.store(true, Ordering::Relaxed);
        self.thread.join().expect("it only reads")
    }
}
