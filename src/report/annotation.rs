//! Workflow commands as text: <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>.

/// The runner cuts longer messages: `_maxIssueMessageLength` in
/// <https://github.com/actions/runner/blob/main/src/Runner.Worker/ExecutionContext.cs>.
const MESSAGE: usize = 4096;

/// How loud an annotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Red.
    Error,
    /// Yellow.
    Warning,
    /// Grey.
    Notice,
}

/// An annotation. A message that is too long is cut, and says so.
pub fn annotation(level: Level, title: &str, message: &str) -> String {
    let level = match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Notice => "notice",
    };
    let title = match title {
        "" => String::new(),
        title => format!(" title={}", property(title)),
    };
    let message: String = if too_long(message) {
        message.chars().take(MESSAGE - 1).chain(['…']).collect()
    } else {
        message.to_owned()
    };
    format!("::{level}{title}::{}", data(&message))
}

/// Whether an annotation would be cut.
pub fn too_long(message: &str) -> bool {
    message.chars().count() > MESSAGE
}

/// Makes the runner write `***` wherever the value would stand.
pub fn mask(value: &str) -> String {
    format!("::add-mask::{}", data(value))
}

/// The data of a command, escaped as
/// <https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts> does.
pub fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Whether the runner would take the line for a command: the current form stands at the beginning,
/// the old one anywhere
/// (<https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs>).
pub fn looks_like_command(line: &str) -> bool {
    line.trim_start().starts_with("::") || line.contains("##[")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out_of_an_annotation() {
        assert_eq!(
            annotation(Level::Error, "a: b, c\n::x", "100%\r\n::error::no"),
            "::error title=a%3A b%2C c%0A%3A%3Ax::100%25%0D%0A::error::no"
        );
        assert_eq!(annotation(Level::Notice, "", "é"), "::notice::é");
        assert_eq!(mask("two\nlines%"), "::add-mask::two%0Alines%25");
    }

    #[test]
    fn a_long_message_is_cut_before_it_is_escaped() {
        let cut = annotation(Level::Warning, "", &"%".repeat(5000));
        assert_eq!(cut.matches("%25").count(), MESSAGE - 1);
        assert!(cut.ends_with("%25…") && !too_long(&"é".repeat(MESSAGE)));
    }

    #[test]
    fn both_forms_of_commands_are_seen() {
        for line in ["::error::x", "  ::x", "\t::x", "\u{a0}::x", "text ##[error]x"] {
            assert!(looks_like_command(line), "{line}");
        }
        assert!(!looks_like_command("std::io::Error"));
    }
}
