//! The integration tests: one binary, one module a real part.

mod engine;
mod github_contract;
mod moto;
mod support;
