//! What the tests need of the real parts: each is started by the test that uses it, and ends with it.

#![expect(unreachable_pub, reason = "public for the tests beside it")]

pub mod account;
pub mod authority;
pub mod balancer;
pub mod counts;
pub mod daemon;
pub mod ecr;
pub mod front;
pub mod gate;
pub mod github;
pub mod lane;
pub mod manners;
pub mod ministack;
pub mod moto;
pub mod oidc;
pub mod prism;
pub mod process;
pub mod program;
pub mod registry;
pub mod relay;
pub mod rounds;
pub mod scripted;
pub mod shapes;
pub mod switch;
pub mod workshop;
