//! Tells what happens: the consumers of events.
