//! The exit codes of the program: documented constants, because workflows branch on them.

/// Converged, or nothing to do.
pub const OK: u8 = 0;
/// Unexpected: a bug, a service that cannot be reached, or cancelled before anything was changed.
pub const UNEXPECTED: u8 = 1;
/// Usage or configuration; nothing was contacted.
pub const CONFIG: u8 = 2;
/// AWS or the network refuses it and nothing was changed.
pub const REFUSED: u8 = 3;
/// Apply stopped or was cancelled part-way; the report says what was done and what was not.
pub const PARTIAL: u8 = 4;
/// The rollout failed, and ECS or this program rolled it back; or a task beside it failed.
pub const ROLLOUT_FAILED: u8 = 5;
/// The rollout did not finish in time.
pub const TIMED_OUT: u8 = 6;
/// `plan --detailed-exitcode`: there are changes.
pub const CHANGES: u8 = 10;
