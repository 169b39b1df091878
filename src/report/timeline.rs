//! The timeline as a Mermaid gantt chart.

use crate::{event::Span, report::format::duration};
use std::{fmt::Write, time::Duration};

/// The chart's text; empty where nothing took any time.
pub fn render(spans: &[Span]) -> String {
    if spans.is_empty() {
        return String::new();
    }
    // Times of day, since a chart of milliseconds would show the reader's time zone on its axis.
    let axis = if total(spans) < Duration::from_hours(1) { "%M:%S" } else { "%H:%M:%S" };
    let mut chart =
        format!("gantt\n    dateFormat HH:mm:ss.SSS\n    axisFormat {axis}\n    todayMarker off\n");
    for span in spans {
        let took = span.end.saturating_sub(span.start);
        writeln!(
            chart,
            "    {} {} :{}, {}ms",
            label(&span.name),
            duration(took),
            clock(span.start),
            took.as_millis().max(1)
        )
        .expect("a string can be written");
    }
    chart
}

/// How long it took from the start to the last end.
pub fn total(spans: &[Span]) -> Duration {
    spans.iter().map(|span| span.end).max().unwrap_or_default()
}

/// A name without what means something to Mermaid: a colon ends it, a semicolon ends the line, and
/// some words begin a statement.
fn label(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._/-".contains(c) { c } else { '_' })
        .take(80)
        .collect();
    if plain.contains('/') || matches!(name, "observe" | "rollout") {
        plain
    } else {
        format!("step/{plain}")
    }
}

fn clock(time: Duration) -> String {
    let seconds = time.as_secs() % (24 * 3600);
    format!(
        "{:02}:{:02}:{:02}.{:03}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        time.subsec_millis()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chart_keeps_strange_names_out_of_its_syntax() {
        let span = |name: &str, start, end| Span {
            name: name.into(),
            start: Duration::from_millis(start),
            end: Duration::from_millis(end),
        };
        let spans = [
            span("observe", 0, 1_250),
            span("image/web", 1_250, 92_000),
            span("section", 1_250, 1_250),
            span("x: y; z\n```\nclick a", 2_000, 3_000),
            span("rollout", 92_000, 150_000),
        ];
        insta::assert_snapshot!(render(&spans), @"
        gantt
            dateFormat HH:mm:ss.SSS
            axisFormat %M:%S
            todayMarker off
            observe 1.2s :00:00:00.000, 1250ms
            image/web 1m 30s :00:00:01.250, 90750ms
            step/section 0.0s :00:00:01.250, 1ms
            step/x__y__z_____click_a 1.0s :00:00:02.000, 1000ms
            rollout 58s :00:01:32.000, 58000ms
        ");
        assert_eq!(render(&[]), "");
    }
}
