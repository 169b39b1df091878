//! A server that is started for a test and ends with it.

use rustix::process::{Pid, Signal, kill_process};
use std::{
    ffi::OsString,
    fs::File,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// A child process with a folder of its own, both gone when this is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it may write.
    pub folder: tempfile::TempDir,
    /// The port that it listens on, on 127.0.0.1.
    pub port: u16,
}

/// The path in this environment variable, which `scripts/test` sets. A part that is missing fails the
/// test: it is not skipped.
pub fn part(name: &str) -> PathBuf {
    variable(name).map_or_else(
        || {
            panic!(
                "{name} is not set: run the tests with scripts/test, which sets the real parts up"
            )
        },
        PathBuf::from,
    )
}

/// A variable of the environment.
#[expect(clippy::disallowed_methods, reason = "no part of the program")]
pub fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

impl Server {
    /// Starts what `command` makes of a free port and a folder, and waits until it takes connections.
    pub async fn start(command: impl FnOnce(u16, &tempfile::TempDir) -> Command) -> Self {
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
        let deadline = Instant::now() + Duration::from_mins(1);
        while tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            let ended = self.child.try_wait().expect("a child of this process");
            let waits = ended.is_none() && Instant::now() < deadline;
            assert!(waits, "it does not answer:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What it said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    /// Asks it to end first, so that it can end what it has started itself.
    #[expect(clippy::print_stderr, reason = "shown with the test that failed, and only then")]
    fn drop(&mut self) {
        if let Some(process) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            kill_process(process, Signal::TERM).ok();
        }
        let deadline = Instant::now() + Duration::from_secs(20);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
        drop(self.child.kill());
        drop(self.child.wait());
        if thread::panicking() {
            eprintln!("the server's last lines:");
            let log = self.log();
            let lines: Vec<_> = log.lines().rev().take(30).collect();
            lines.into_iter().rev().for_each(|line| eprintln!("    | {line}"));
        }
    }
}
