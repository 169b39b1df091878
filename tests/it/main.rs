//! The integration tests: one binary, one module a real part.

mod moto;
mod support;
