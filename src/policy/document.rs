//! A policy as a value: what is allowed, on what, and under which condition.

use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What IAM takes of one managed policy, in characters that are no white space.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
pub const MANAGED: usize = 6144;

/// Operators, each with the keys that it compares and the values that it takes.
type Condition = BTreeMap<&'static str, BTreeMap<String, BTreeSet<String>>>;

/// Some actions on some resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// What it is for: letters and digits, as IAM takes them.
    pub id: &'static str,
    /// `ec2:CreateVpcEndpoint`.
    pub actions: BTreeSet<&'static str>,
    /// ARNs, with wildcards, or `*`.
    pub resources: BTreeSet<String>,
    condition: Condition,
}

impl Grant {
    /// These actions, on nothing yet.
    pub fn of(id: &'static str, actions: impl IntoIterator<Item = &'static str>) -> Self {
        let actions = actions.into_iter().collect();
        Self { id, actions, resources: BTreeSet::new(), condition: Condition::new() }
    }

    /// On these resources.
    #[must_use]
    pub fn on(mut self, resources: impl IntoIterator<Item = String>) -> Self {
        self.resources.extend(resources);
        self
    }

    /// On everything, because IAM knows no resource for these actions.
    #[must_use]
    pub fn on_all(self) -> Self {
        self.on(["*".to_owned()])
    }

    /// Where this key has one of these values.
    #[must_use]
    pub fn when<V: Into<String>>(
        mut self,
        operator: &'static str,
        key: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let keys = self.condition.entry(operator).or_default();
        keys.entry(key.into()).or_default().extend(values.into_iter().map(Into::into));
        self
    }

    fn statement(&self) -> Value {
        let mut statement = json!({
            "Sid": self.id,
            "Effect": "Allow",
            "Action": one_or_all(self.actions.iter()),
            "Resource": one_or_all(self.resources.iter()),
        });
        if !self.condition.is_empty() {
            let keys = |keys: &BTreeMap<String, BTreeSet<String>>| {
                let values = keys.iter().map(|(key, values)| (key.clone(), one_or_all(values)));
                Value::Object(values.collect())
            };
            let operators = self.condition.iter();
            let condition = operators.map(|(operator, of)| ((*operator).to_owned(), keys(of)));
            statement["Condition"] = Value::Object(condition.collect::<Map<_, _>>());
        }
        statement
    }
}

/// A list of one is the one.
fn one_or_all<T: ToString>(all: impl IntoIterator<Item = T>) -> Value {
    let mut all: Vec<_> = all.into_iter().map(|one| Value::String(one.to_string())).collect();
    if all.len() == 1 { all.remove(0) } else { Value::Array(all) }
}

/// The grants with those put together that are the same but for the actions, each where the first of them
/// stands. What allows nothing, or on nothing, is left out.
pub fn merged(grants: impl IntoIterator<Item = Grant>) -> Vec<Grant> {
    let is_whole = |grant: &Grant| !grant.actions.is_empty() && !grant.resources.is_empty();
    let mut merged: Vec<Grant> = Vec::new();
    for grant in grants.into_iter().filter(is_whole) {
        let same = merged.iter_mut().find(|known| {
            (&known.resources, &known.condition) == (&grant.resources, &grant.condition)
        });
        match same {
            Some(known) => known.actions.extend(grant.actions),
            None => merged.push(grant),
        }
    }
    merged
}

/// The grants as one policy document.
pub fn document(grants: &[Grant]) -> Value {
    let statements: Vec<_> = grants.iter().map(Grant::statement).collect();
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// The same as several documents, none of which is larger than IAM takes, in the grants' order.
pub fn split(grants: &[Grant], longest: usize) -> Vec<Value> {
    let mut parts: Vec<Vec<Grant>> = Vec::new();
    for grant in grants {
        let fits = parts.last_mut().filter(|part| {
            let mut longer = (*part).clone();
            longer.push(grant.clone());
            size(&document(&longer)) <= longest
        });
        match fits {
            Some(part) => part.push(grant.clone()),
            None => parts.push(vec![grant.clone()]),
        }
    }
    parts.iter().map(|part| document(part)).collect()
}

/// The characters of a document that IAM counts.
pub fn size(document: &Value) -> usize {
    // Compact JSON has no white space but that of its strings, and no ARN or key has any.
    document.to_string().chars().filter(|symbol| !symbol.is_whitespace()).count()
}
