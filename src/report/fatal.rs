//! The error of a run that ended before it had reporters.

use super::annotation::{Level, annotation};
use std::io::Write as _;

/// Prints a workflow command where the runner reads it.
pub fn command(text: &str) {
    drop(writeln!(anstream::stderr().lock(), "{text}"));
}

/// Prints it on standard error, under Actions as an annotation too.
pub fn print(text: &str, is_action: bool) {
    let mut out = anstream::stderr().lock();
    let text = text.trim_end();
    let plain = anstream::adapter::strip_str(text).to_string();
    let prefix = if plain.starts_with("error") { "" } else { "error: " };
    // Nobody is left to tell when standard error is gone.
    drop(writeln!(out, "{prefix}{text}"));
    if is_action {
        let message = annotation(Level::Error, "ecs-private-deploy", &plain);
        drop(writeln!(out, "{message}"));
    }
}

/// Prints what is to be known of an answer on standard error, under Actions as an annotation too.
pub fn note(text: &str, is_action: bool) {
    drop(writeln!(anstream::stderr().lock(), "note: {text}"));
    if is_action {
        command(&annotation(Level::Notice, "ecs-private-deploy", text));
    }
}
