//! The integration tests: one binary, one module a real part.

mod engine;
<<<<<<< HEAD
mod ministack;
=======
>>>>>>> image
mod moto;
mod support;
