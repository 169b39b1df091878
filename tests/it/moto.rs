//! Against moto: AWS's control plane with careful EC2 and IAM.

mod at_once;
mod deploy;
mod doctor;
mod faulted;
mod ground;
mod killed;
mod network;
mod refusals;
mod stack;
mod states;
mod topologies;
