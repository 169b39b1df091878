//! Against moto: AWS's control plane with careful EC2 and IAM.

mod deploy;
mod diagnosis;
mod doctor;
mod network;
mod refusals;
mod stack;
mod states;
mod topologies;
