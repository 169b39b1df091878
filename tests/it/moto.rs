//! Against moto: AWS's control plane with careful EC2 and IAM.

mod again;
mod at_once;
mod cancel;
mod deploy;
mod diagnosis;
mod doctor;
mod faulted;
mod ground;
mod killed;
mod network;
mod policy;
mod refusals;
mod run_task;
mod scripted;
mod speed;
mod stack;
mod states;
mod strategies;
mod topologies;
mod ways;
