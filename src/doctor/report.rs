//! The findings as text, JSON and Markdown: the same data, three views.
