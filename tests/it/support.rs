//! What the tests need of the real parts: each is started by the test that uses it, and ends with it.

pub(crate) mod account;
pub(crate) mod gate;
pub(crate) mod ministack;
pub(crate) mod moto;
pub(crate) mod process;
pub(crate) mod workshop;
