//! The integration tests: one binary, one module a real part.

mod action;
mod bad_input;
mod canaries;
mod cost;
mod engine;
mod events;
mod github_contract;
mod ministack;
mod moto;
mod policy;
mod priming;
mod pulls_contract;
mod support;
