//! The integration tests: one binary, one module a real part.

mod engine;
mod moto;
mod support;
