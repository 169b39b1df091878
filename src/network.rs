//! What the VPC allows, from what was read of it; pure.

pub mod placement;
pub mod subnets;
