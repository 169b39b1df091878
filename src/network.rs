//! What the VPC allows, from what was read of it; pure.

pub mod addresses;
pub mod diagnose;
pub mod facts;
pub mod fix;
#[cfg(test)]
mod mending;
pub mod model;
pub mod needs;
pub mod net;
pub mod picture;
pub mod placement;
#[cfg(test)]
pub(crate) mod scene;
pub mod subnets;
pub mod verdict;
