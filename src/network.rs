//! What the VPC allows, from what was read of it; pure.

pub mod model;
pub mod needs;
pub mod net;
pub mod placement;
pub mod subnets;
pub mod verdict;
