//! Against moto: AWS's control plane with careful EC2 and IAM.

mod again;
mod at_once;
mod cancel;
mod deploy;
mod diagnosis;
mod doctor;
mod faulted;
mod full;
mod ground;
mod killed;
mod network;
mod oidc;
mod others;
mod refusals;
mod run_task;
mod scenes;
mod scripted;
mod speed;
mod stack;
mod states;
mod strategies;
mod told;
mod topologies;
mod ways;
mod words;
