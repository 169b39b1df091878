//! Against moto: AWS's control plane with careful EC2 and IAM.

mod cancel;
mod deploy;
mod doctor;
mod network;
mod refusals;
mod run_task;
mod stack;
mod states;
mod topologies;
