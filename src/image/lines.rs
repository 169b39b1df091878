//! Bytes from outside to lines that can be shown: pure.

/// Bytes of one line that are kept; more is not text that anyone reads.
const LONGEST: usize = 64 * 1024;
/// Characters of a line that are shown.
const SHOWN: usize = 2000;

/// Cuts a stream into lines. A line ends with a line feed or a carriage return, which progress bars
/// write; empty lines are dropped.
#[derive(Debug, Default)]
pub(super) struct Lines {
    line: Vec<u8>,
    too_long: bool,
}

impl Lines {
    /// Takes what has come and gives the lines that it completes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for &byte in bytes {
            if matches!(byte, b'\n' | b'\r') {
                lines.extend(self.finish());
            } else if self.line.len() < LONGEST {
                self.line.push(byte);
            } else {
                self.too_long = true;
            }
        }
        lines
    }

    /// The line that the stream's end completes.
    pub(super) fn finish(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.too_long) {
            // Not its beginning: a secret could be cut in two there and be known no more.
            return Some("(a line of more than 64 KiB was left out)".to_owned());
        }
        (!line.is_empty()).then(|| String::from_utf8_lossy(&line).into_owned())
    }
}

/// The line without what a terminal would act on.
pub(super) fn plain(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\t' => plain.push_str("    "),
            // A control sequence runs up to its final byte; of other escapes only the ESC goes.
            '\u{1b}' if characters.next_if_eq(&'[').is_some() => {
                for character in characters.by_ref() {
                    if ('@'..='~').contains(&character) {
                        break;
                    }
                }
            }
            character if character.is_control() || is_invisible(character) => {}
            character => plain.push(character),
        }
    }
    plain
}

/// The characters that change the direction of text and so what a reader sees.
/// <https://trojansource.codes/>
const fn is_invisible(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The beginning of a line that is too long to show.
pub(super) fn cut(line: String) -> String {
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_however_the_bytes_come() {
        let bytes = b"one\r\ntwo\rthr\xc3\xa9e\n\nrest";
        for size in 1..bytes.len() {
            let mut lines = Lines::default();
            let mut all: Vec<_> = bytes.chunks(size).flat_map(|chunk| lines.push(chunk)).collect();
            all.extend(lines.finish());
            assert_eq!(all, ["one", "two", "thrée", "rest"], "{size} bytes at a time");
        }
    }

    #[test]
    fn a_line_without_an_end_does_not_fill_the_memory() {
        let mut lines = Lines::default();
        for _ in 0..100 {
            assert!(lines.push(&[b'x'; 10_000]).is_empty());
        }
        assert!(lines.line.len() <= LONGEST);
        assert_eq!(lines.push(b"\nnext\n"), ["(a line of more than 64 KiB was left out)", "next"]);
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(Lines::default().push(b"a\xffb\n"), ["a\u{fffd}b"]);
    }

    #[test]
    fn nothing_is_left_for_a_terminal_to_act_on() {
        assert_eq!(
            plain("\u{1b}[1;31mred\u{1b}[0m\tx\u{7}\u{8}\u{1b}]0;t\u{9b}31m"),
            "red    x]0;t31m"
        );
        assert_eq!(plain("a\u{202e}b"), "ab");
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        assert_eq!(cut("é".repeat(SHOWN)), "é".repeat(SHOWN));
        assert_eq!(cut("é".repeat(SHOWN + 1)), format!("{}…", "é".repeat(SHOWN)));
    }
}
