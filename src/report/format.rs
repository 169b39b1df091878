//! How numbers, times and long texts are written, the same everywhere.

use std::time::Duration;

/// `3.2s`, `42s`, `1m 30s`, `1h 02m`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{seconds}.{}s", time.subsec_millis() / 100),
        10..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// `3d 4h`, `4h 05m`, `5m`: a time that nobody counts in seconds.
pub fn age(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    match minutes {
        0..60 => format!("{minutes}m"),
        60..1440 => format!("{}h {:02}m", minutes / 60, minutes % 60),
        _ => format!("{}d {}h", minutes / 1440, minutes % 1440 / 60),
    }
}

/// `1 change`, `3 changes`.
pub fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// The beginning of a text, at most `limit` bytes and an ellipsis.
pub fn clip(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(limit)])
}

/// The whole lines that fit into `limit` bytes, and how many do not.
pub fn whole_lines(text: &str, limit: usize) -> (&str, usize) {
    if text.len() <= limit {
        return (text, 0);
    }
    let fitting = text[..text.floor_char_boundary(limit)].rfind('\n').map_or(0, |end| end + 1);
    (&text[..fitting], text[fitting..].lines().count())
}

/// Rows under each other; the columns of `numbers` are aligned to the right.
pub fn aligned<R: AsRef<[String]>>(rows: &[R], numbers: &[usize]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        let row = row.as_ref();
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &R| {
        let cells = row.as_ref().iter().zip(&widths).enumerate();
        let cells: Vec<_> = cells
            .map(|(column, (cell, width))| {
                if numbers.contains(&column) {
                    format!("{cell:>width$}")
                } else {
                    format!("{cell:<width$}")
                }
            })
            .collect();
        format!("  {}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_like_a_clock() {
        let written = [0, 999, 9_940, 42_900, 90_000, 3_599_000, 3_720_000]
            .map(|ms| duration(Duration::from_millis(ms)))
            .join(" ");
        assert_eq!(written, "0.0s 0.9s 9.9s 42s 1m 30s 59m 59s 1h 02m");
    }

    #[test]
    fn texts_are_cut_between_characters_and_lines() {
        assert_eq!(clip("aéb", 2), "a…");
        assert_eq!(whole_lines("one\ntwo\nthree\n", 9), ("one\ntwo\n", 1));
        assert_eq!(whole_lines("oneline", 3), ("", 1));
        assert_eq!(whole_lines("one\n", 4), ("one\n", 0));
    }
}
