//! A server that is started for a test and ends with it.

use std::{
    fs::File,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A child process with a folder of its own, both gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Where it may write.
    pub(crate) folder: tempfile::TempDir,
    /// The port that it listens on, on 127.0.0.1.
    pub(crate) port: u16,
}

/// The path in this environment variable, which `scripts/test` sets. A part that is missing fails the
/// test: it is not skipped.
pub(crate) fn part(variable: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(
        || panic!("{variable} is not set: run the tests with scripts/test, which sets the real parts up"),
        PathBuf::from,
    )
}

impl Server {
    /// Starts what `command` makes of a free port and a folder, and waits until it takes connections.
    pub(crate) async fn start(command: impl FnOnce(u16, &tempfile::TempDir) -> Command) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("it is bound").port();
        drop(free);
        let log = File::create(folder.path().join("log")).expect("a log file");
        let mut command = command(port, &folder);
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display()));
        let mut server = Self { child, folder, port };
        server.answers().await;
        server
    }

    async fn answers(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            let ended = self.child.try_wait().expect("a child of this process");
            assert!(ended.is_none() && Instant::now() < deadline, "it does not answer:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What it said.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
