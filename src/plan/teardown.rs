//! Teardown.
