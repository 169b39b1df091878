//! Against moto: AWS's control plane with careful EC2 and IAM.

mod again;
mod at_once;
mod auto;
mod cancel;
mod deploy;
mod diagnosis;
mod doctor;
mod faulted;
mod ground;
mod killed;
mod network;
mod oidc;
mod previews;
mod refusals;
mod run_task;
mod scripted;
mod speed;
mod stack;
mod states;
mod strategies;
mod sweep;
mod topologies;
mod ways;
mod words;
