//! One AWS thing a file.
