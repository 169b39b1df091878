//! The child process: runs docker, tells what it says line by line, and ends it when nobody waits
//! for it any more.

use super::lines::{self, Lines};
use crate::{
    error::Problem,
    event::{Event, Events, Source},
    secret::Secrets,
};
use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    collections::{BTreeMap, VecDeque},
    ffi::OsString,
    io,
    process::{Output, Stdio},
    sync::{Mutex, PoisonError},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{Child, Command},
};

/// Lines that are kept for the error: what buildx prints about a failing step, and some before it.
const TAIL: usize = 40;

/// How the child ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Whether its exit code was 0.
    pub success: bool,
    /// Its exit code or signal, in words.
    pub status: String,
    /// The last lines that it wrote, redacted.
    pub tail: Vec<String>,
}

/// Runs `docker` with an environment that is exactly `variables`, and emits every line.
pub(super) async fn run(
    arguments: &[OsString],
    variables: &BTreeMap<String, String>,
    events: &Events,
    secrets: &Secrets,
) -> Result<Ended, Problem> {
    let mut child = docker(arguments, variables).spawn().map_err(|error| not_started(&error))?;
    let group = Group::of(&child);
    let output = child.stdout.take().expect("it is a pipe");
    let errors = child.stderr.take().expect("it is a pipe");
    let tail = Mutex::new(VecDeque::with_capacity(TAIL));
    let tell = |line: String| {
        // Twice: what the first pass takes out can put a secret together.
        let text = lines::cut(secrets.redact(&lines::plain(&secrets.redact(&line))));
        let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
        if tail.len() == TAIL {
            tail.pop_front();
        }
        tail.push_back(text.clone());
        drop(tail);
        events.send(Event::Line { source: Source::Build, text });
    };
    tokio::try_join!(pump(output, &tell), pump(errors, &tell)).map_err(|error| lost(&error))?;
    let status = child.wait().await.map_err(|error| lost(&error))?;
    group.disarm();
    Ok(Ended {
        success: status.success(),
        status: status.to_string(),
        tail: tail.into_inner().unwrap_or_else(PoisonError::into_inner).into(),
    })
}

/// `docker` with an environment that is exactly `variables`, ready to start.
fn docker(arguments: &[OsString], variables: &BTreeMap<String, String>) -> Command {
    let mut command = Command::new("docker");
    command
        .args(arguments)
        .env_clear()
        .envs(variables)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    command
}

/// Runs `docker` and yields what it wrote; when nobody waits for it any more, its plugin ends too.
pub(super) async fn output(
    arguments: &[OsString],
    variables: &BTreeMap<String, String>,
) -> io::Result<Output> {
    let child = docker(arguments, variables).spawn()?;
    let group = Group::of(&child);
    let output = child.wait_with_output().await?;
    group.disarm();
    Ok(output)
}

/// Why docker could not be started.
pub(super) fn not_started(error: &io::Error) -> Problem {
    if error.kind() == io::ErrorKind::NotFound {
        return Problem::new("`docker` is not in any folder of `PATH`")
            .help("install Docker, or run where it is installed");
    }
    Problem::new(format!("`docker` could not be started: {error}"))
        .help("run `docker version` as the same user")
}

fn lost(error: &io::Error) -> Problem {
    Problem::new(format!("the output of `docker buildx build` broke off: {error}"))
        .help("run again")
}

async fn pump(mut stream: impl AsyncRead + Unpin, tell: &impl Fn(String)) -> io::Result<()> {
    let mut lines = Lines::default();
    let mut buffer = vec![0; 8192];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            break;
        }
        lines.push(&buffer[..count]).into_iter().for_each(tell);
    }
    lines.finish().into_iter().for_each(tell);
    Ok(())
}

/// The child's process group, which ends with this value: killing the child alone would leave the
/// plugin running that docker starts, and the build with it. A signal that leaves no choice, since the
/// folder of the run goes next; the engine ends a build whose client is gone.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }

    /// Once the child is reaped its number may be another's.
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // The only way to fail is that it has ended already.
            kill_process_group(group, Signal::KILL).ok();
        }
    }
}
