//! The snapshot of everything observed.
