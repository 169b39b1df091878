//! What is wrong with a file, where, and what to do; rendered with the line that it is about.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use std::ops::Range;

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where, in bytes from the text's start.
    pub span: Range<usize>,
    /// What.
    pub what: String,
    /// What stands beside the line.
    pub label: String,
    /// What to do.
    pub help: Option<String>,
    /// Another place that belongs to it.
    pub also: Option<(Range<usize>, String)>,
}

impl Finding {
    /// Something wrong at a place.
    pub fn new(span: Range<usize>, what: impl Into<String>) -> Self {
        Self { span, what: what.into(), label: String::new(), help: None, also: None }
    }

    /// Says something beside the line.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Points at another place too.
    #[must_use]
    pub fn also(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.also = Some((span, label.into()));
        self
    }
}

/// All findings of a file as one text, in the order in which they stand in it.
pub fn render(file: &str, text: &str, findings: &[Finding]) -> String {
    let mut sorted: Vec<_> = findings.iter().collect();
    sorted.sort_by_key(|finding| (finding.span.start, finding.span.end));
    let renderer = Renderer::styled();
    let texts: Vec<_> =
        sorted.iter().map(|finding| renderer.render(&[group(file, text, finding)])).collect();
    texts.join("\n\n")
}

fn group<'a>(file: &'a str, text: &'a str, finding: &'a Finding) -> annotate_snippets::Group<'a> {
    // A place of no width is widened to a character, or there would be nothing to point with.
    let mut span = finding.span.clone();
    if span.is_empty() {
        let next = text[span.start..].chars().next().filter(|next| *next != '\n');
        span.end = span.start + next.map_or(0, char::len_utf8);
    }
    let mut primary = AnnotationKind::Primary.span(span);
    if !finding.label.is_empty() {
        primary = primary.label(finding.label.as_str());
    }
    let mut snippet = Snippet::source(text).path(file).annotation(primary);
    if let Some((span, label)) = &finding.also {
        snippet =
            snippet.annotation(AnnotationKind::Context.span(span.clone()).label(label.as_str()));
    }
    let group = Level::ERROR.primary_title(finding.what.as_str()).element(snippet);
    match &finding.help {
        Some(help) => group.element(Level::HELP.message(help.as_str())),
        None => group,
    }
}
