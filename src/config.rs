//! The file that the user writes.

pub mod image_uri;
pub mod model;
pub mod names;
