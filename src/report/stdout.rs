//! The one place that writes data, such as a plan, to standard output.

use std::io::{ErrorKind, Write, stdout};

/// Prints the data and ends its last line. A reader that has seen enough (`| head`) is no error.
pub fn print(data: &str) -> std::io::Result<()> {
    let mut out = stdout().lock();
    let end = if data.ends_with('\n') { "" } else { "\n" };
    match write!(out, "{data}{end}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
