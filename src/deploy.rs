//! The commands, read from top to bottom.
