//! The plan: what will change, as a value that pure code computed.

use crate::address::Address;
use indexmap::IndexMap;
use serde::{Serialize, Serializer, ser::SerializeStruct};
use serde_json::Value;

/// What will change, in the order in which it prints.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// What will be done, by address.
    pub steps: IndexMap<Address, Step>,
    /// How many things stand as they should.
    pub unchanged: usize,
    /// What the user should know before it is applied.
    pub warnings: Vec<String>,
}

/// One thing that will change.
#[derive(Debug, Clone)]
pub struct Step {
    /// Why.
    pub reason: String,
    /// How it is shown; replaced by the real change.
    pub action: &'static str,
    /// What stands now; the differing fields alone for an update, null for a creation.
    pub before: Value,
    /// What will stand, likewise; null for a deletion.
    pub after: Value,
}

impl Serialize for Plan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Row<'a> {
            address: &'a Address,
            action: &'a str,
            reason: &'a str,
            before: &'a Value,
            after: &'a Value,
        }
        let rows: Vec<_> = self
            .steps
            .iter()
            .map(|(address, step)| Row {
                address,
                action: step.action,
                reason: &step.reason,
                before: &step.before,
                after: &step.after,
            })
            .collect();
        let mut plan = serializer.serialize_struct("Plan", 3)?;
        plan.serialize_field("steps", &rows)?;
        plan.serialize_field("unchanged", &self.unchanged)?;
        plan.serialize_field("warnings", &self.warnings)?;
        plan.end()
    }
}

impl std::fmt::Display for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (address, step) in &self.steps {
            writeln!(f, "{} {address}: {}", step.action, step.reason)?;
        }
        write!(f, "{} unchanged", self.unchanged)
    }
}

/// The plan as the job summary and the pull request's comment show it.
pub fn markdown(plan: &Plan) -> String {
    crate::report::markdown::fenced("text", &plan.to_string())
}
