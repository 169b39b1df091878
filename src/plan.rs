//! The plan: what will change, as a value that pure code computed. It prints, serialises, and is what
//! `apply` works through; there is nothing left to decide then.

pub mod build;
pub mod change;
pub mod namesake;
pub mod outside;
pub mod task;
pub mod teardown;
pub mod view;

use crate::{address::Address, network::addresses::Line};
use change::Change;
use indexmap::IndexMap;

/// What will change, in the order in which it prints.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// What will be done, by address.
    pub steps: IndexMap<Address, Step>,
    /// What runs once the rollout has succeeded, one after another.
    pub after: IndexMap<Address, Step>,
    /// How many things stand as they should.
    pub unchanged: usize,
    /// What the user should know before it is applied.
    pub warnings: Vec<String>,
    /// What it adds to the bill, where it changes that.
    pub cost: Option<String>,
    /// What is left of the subnets' addresses.
    pub addresses: Vec<Line>,
    /// The network that the tasks will have, as a Mermaid flowchart.
    pub picture: Option<String>,
}

/// One thing that will change.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What is done.
    pub change: Change,
    /// Why.
    pub reason: String,
}

impl Plan {
    /// Takes what a resource's `diff` found: a step, or one more thing that stands as it should.
    pub fn add(&mut self, address: Address, change: Option<Change>, reason: &str) {
        match change {
            Some(change) => {
                self.steps.insert(address, Step { change, reason: reason.to_owned() });
            }
            None => self.unchanged += 1,
        }
    }

    /// The steps that `address` waits for: those that it mentions and that are in this plan.
    pub fn needs(&self, address: &Address) -> Vec<&Address> {
        let Some(step) = self.steps.get(address) else { return Vec::new() };
        let mentioned = step.change.needs();
        self.steps.keys().filter(|other| mentioned.contains(other)).collect()
    }
}
