//! `doctor`: whether a private task can start, and where it cannot, the hop that fails and the change
//! that mends it.

pub mod report;

use crate::{
    error::Problem,
    network::{addresses::Line, diagnose::Diagnosis},
};
use std::collections::BTreeMap;

/// What the doctor found: plain data, which every view is made from.
#[derive(Debug, Clone)]
pub struct Report {
    /// What was looked at: `service web of cluster prod`, `task definition web:3`.
    pub subject: String,
    /// `eu-west-1`.
    pub region: String,
    /// The VPC's id.
    pub vpc: String,
    /// The zones of the task's subnets, by the subnet's id.
    pub zones: BTreeMap<String, String>,
    /// The verdicts, the problems with their fixes, the warnings.
    pub diagnosis: Diagnosis,
    /// The addresses of the subnets.
    pub addresses: Vec<Line>,
    /// Why the addresses do not suffice, where they do not.
    pub short: Option<Problem>,
    /// What was taken for granted, because nothing said otherwise or it could not be read.
    pub assumed: Vec<String>,
    /// The VPC as a Mermaid flowchart.
    pub picture: String,
}

impl Report {
    /// Whether something is known not to work.
    pub fn is_broken(&self) -> bool {
        !self.diagnosis.problems.is_empty() || self.short.is_some()
    }
}
