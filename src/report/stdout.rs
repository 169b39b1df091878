//! The one place that writes data, such as a plan, to standard output.

use std::io::{ErrorKind, Write, stdout};
use uuid::Uuid;

/// Prints the data and ends its last line. A reader that has seen enough (`| head`) is no error. The
/// data has names and policies of other people in it: under Actions no line of it is taken for a command.
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#stopping-and-starting-workflow-commands>
pub fn print(data: &str, is_action: bool) -> std::io::Result<()> {
    let mut out = stdout().lock();
    let end = if data.ends_with('\n') { "" } else { "\n" };
    let (before, after) = if is_action {
        let word = Uuid::new_v4();
        (format!("::stop-commands::{word}\n"), format!("::{word}::\n"))
    } else {
        (String::new(), String::new())
    };
    match write!(out, "{before}{data}{end}{after}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
