//! IAM's decision about a request, by the policies that the program prints: moto knows the action alone, and
//! neither the resource nor a condition, nor what AWS asks for beside what is called.

mod asked;

use super::{account::Account, lane::Request};
use asked::asked;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

/// What a request wants: an action on a resource, with what IAM compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub action: String,
    pub resource: String,
    pub context: BTreeMap<String, Vec<String>>,
}

/// One account's policies, of one user.
#[derive(Debug)]
pub struct Authority {
    statements: Vec<Value>,
    account: Account,
    id: String,
    used: Mutex<BTreeSet<String>>,
}

impl Authority {
    /// `account` tells of the tags of what stands.
    pub fn new(policies: &[Value], account: Account, id: &str) -> Self {
        let statements = policies.iter().flat_map(|policy| {
            policy["Statement"].as_array().expect("a policy has statements").clone()
        });
        let (statements, id) = (statements.collect(), id.to_owned());
        Self { statements, account, id, used: Mutex::default() }
    }

    /// The actions that requests have wanted so far.
    pub fn used(&self) -> BTreeSet<String> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What of it is not allowed, where something is not.
    pub async fn refuses(&self, request: &Request) -> Option<Asked> {
        for asked in asked(request, &self.account, &self.id).await {
            let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
            used.insert(asked.action.clone());
            if !self.statements.iter().any(|statement| allows(statement, &asked)) {
                return Some(asked);
            }
        }
        None
    }
}

fn words(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

fn allows(statement: &Value, asked: &Asked) -> bool {
    let is_one_of = |words: Vec<&str>, text: &str| words.into_iter().any(|word| like(word, text));
    is_one_of(words(&statement["Action"]), &asked.action)
        && is_one_of(words(&statement["Resource"]), &asked.resource)
        && statement["Condition"].as_object().into_iter().flatten().all(|(operator, keys)| {
            let mut keys = keys.as_object().expect("keys").iter();
            keys.all(|(key, wanted)| holds(operator, asked.context.get(key), &words(wanted)))
        })
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>
fn holds(operator: &str, found: Option<&Vec<String>>, wanted: &[&str]) -> bool {
    let any = |text: &String| wanted.iter().any(|wanted| like(wanted, text));
    match (operator, found) {
        ("Null", found) => wanted == [if found.is_some() { "false" } else { "true" }],
        ("StringEquals" | "ArnEquals" | "Bool", found) => {
            found.is_some_and(|found| found.iter().any(any))
        }
        ("BoolIfExists", found) => found.is_none_or(|found| found.iter().any(any)),
        ("ForAllValues:StringLike" | "ForAllValues:StringEquals", found) => {
            found.is_none_or(|found| found.iter().all(any))
        }
        _ => panic!("no policy of ours has {operator}"),
    }
}

/// Whether the text is of the pattern: `*` stands for anything.
fn like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let parts: Vec<_> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[test]
fn a_condition_holds_as_iam_says() {
    let found = |values: &[&str]| Some(values.iter().map(|&value| value.to_owned()).collect());
    let holds = |operator, found: Option<Vec<String>>, wanted: &[&str]| {
        holds(operator, found.as_ref(), wanted)
    };
    assert!(holds("StringEquals", found(&["a"]), &["a", "b"]));
    assert!(!holds("StringEquals", None, &["a"]) && !holds("Bool", None, &["false"]));
    assert!(holds("BoolIfExists", None, &["false"]));
    assert!(!holds("BoolIfExists", found(&["true"]), &["false"]));
    assert!(holds("Null", found(&["x"]), &["false"]) && !holds("Null", None, &["false"]));
    assert!(!holds("ForAllValues:StringLike", found(&["a:1", "b"]), &["a:*"]));
    assert!(like("arn:*:role/web-*-task", "arn:aws:role/web-pr-1-task"));
    assert!(!like("arn:*:role/web", "arn:aws:role/web-2") && !like("a*b", "a"));
}
