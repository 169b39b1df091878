//! What ends a run before its end.

use crate::error::{Error, Problem, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGINT and SIGTERM, from the moment on in which this is made: as process 1 of a container the
/// program gets no signal that it has not asked for, and without this none would end it.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Asks for them. Everybody who asks gets each of them.
    ///
    /// # Errors
    /// The kernel does not allow it.
    pub fn listen() -> Result<Self> {
        let handler = |kind| {
            signal(kind)
                .map_err(|error| Error::Unexpected(Problem::new(format!("no signals: {error}"))))
        };
        Ok(Self {
            interrupt: handler(SignalKind::interrupt())?,
            terminate: handler(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one; yields its name.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}
