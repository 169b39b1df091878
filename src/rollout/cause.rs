//! What ECS's words for a failure mean, for whoever only compares or shows them; `diagnosis` knows the rest.

use crate::diagnosis::{line, read};

/// Whether ECS stopped a task because a deployment or scaling wanted it so.
pub fn is_routine(reason: &str) -> bool {
    read::is_routine(reason)
}

/// What two texts about the same failure have in common: addresses, times and request ids differ from
/// task to task.
pub fn kind(text: &str) -> String {
    read::kind(text)
}

/// The text in one short line: without what repeats the service, the target group and the manual.
pub fn headline(text: &str) -> String {
    line::headline(text)
}

/// The text on one line, without anything that moves a cursor.
pub fn one_line(text: &str) -> String {
    line::one_line(text)
}

/// What to do about the first of these texts that says enough.
pub fn help<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<&'static str> {
    read::advice(texts)
}
