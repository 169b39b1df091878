//! Whether a task in a subnet reaches what it needs.

pub mod policy;
