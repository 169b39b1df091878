//! Deploys a container to Amazon ECS in private subnets behind an internet-facing ALB.
//!
//! A library so that the tests can reach every part; the program is `main.rs`.

pub mod address;
pub mod apply;
pub mod aws;
pub mod choice;
pub mod cli;
pub mod config;
pub mod context;
pub mod cost;
pub mod decision;
pub mod deploy;
pub mod diagnosis;
pub mod doctor;
pub mod error;
pub mod event;
pub mod exit;
pub mod github;
pub mod identity;
pub mod image;
pub mod names;
pub mod network;
pub mod plan;
pub mod policy;
pub mod preview;
pub mod report;
pub mod resource;
pub mod rollout;
pub mod secret;
pub mod signals;
pub mod tags;
pub mod world;
