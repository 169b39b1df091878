//! Makes a plan real.
