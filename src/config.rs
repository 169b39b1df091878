//! The file that the user writes.

pub mod model;
