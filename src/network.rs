//! What the VPC allows, from what was read of it.
