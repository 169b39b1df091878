//! The tags of a session that is assumed from other credentials: what run it is, for policies and for
//! CloudTrail. The names are those that aws-actions/configure-aws-credentials gives.

use crate::context;
use std::collections::BTreeMap;

/// A value of STS's: <https://docs.aws.amazon.com/STS/latest/APIReference/API_Tag.html>.
const LONGEST: usize = 256;

/// The tags and the variables whose values they have, the ones that policies ask for first.
const TAGS: [(&str, &str); 12] = [
    ("Repository", "GITHUB_REPOSITORY"),
    ("Workflow", "GITHUB_WORKFLOW"),
    ("Action", "GITHUB_ACTION"),
    ("Actor", "GITHUB_ACTOR"),
    ("Commit", "GITHUB_SHA"),
    ("Branch", "GITHUB_REF"),
    ("EventName", "GITHUB_EVENT_NAME"),
    ("BaseRef", "GITHUB_BASE_REF"),
    ("HeadRef", "GITHUB_HEAD_REF"),
    ("RunId", "GITHUB_RUN_ID"),
    ("Job", "GITHUB_JOB"),
    ("TriggeringActor", "GITHUB_TRIGGERING_ACTOR"),
];

/// How many of [`of`] are left where all are too many for STS.
pub const ESSENTIAL: usize = 7;

/// The tags of this run; none outside of a workflow.
pub fn of(variables: &BTreeMap<String, String>) -> Vec<(&'static str, String)> {
    if !context::is_action(variables) {
        return Vec::new();
    }
    let of_run = TAGS.into_iter().map(|(key, name)| {
        let value = variables.get(name).map(String::as_str).unwrap_or_default();
        (key, tame(value))
    });
    std::iter::once(("GitHub", "Actions".to_owned())).chain(of_run).collect()
}

/// The value with an underscore for what STS does not take.
fn tame(value: &str) -> String {
    let is_taken = |c: char| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c);
    value.chars().map(|c| if is_taken(c) { c } else { '_' }).take(LONGEST).collect()
}

/// Those that are sent: a run of a push has no base, and a tag with no value says nothing.
pub fn sent<'a>(
    tags: &'a [(&'static str, String)],
    at_most: usize,
) -> impl Iterator<Item = (&'static str, &'a str)> {
    let tags = tags.iter().take(at_most).filter(|(_, value)| !value.is_empty());
    tags.map(|(key, value)| (*key, value.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_run_is_told_in_values_that_sts_takes() {
        let long = "x".repeat(300);
        let variables = [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_REPOSITORY", "octo/web"),
            ("GITHUB_WORKFLOW", "Deploy & test, «größer»"),
            ("GITHUB_REF", "refs/pull/7/merge"),
            ("GITHUB_ACTOR", "dependabot[bot]"),
            ("GITHUB_HEAD_REF", &long),
            ("GITHUB_RUN_ID", "4242"),
        ];
        let variables: BTreeMap<_, _> = variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let tags = of(&variables);
        let lines = |at_most: usize| -> Vec<String> {
            sent(&tags, at_most).map(|(key, value)| format!("{key}={value}")).collect()
        };
        assert_eq!(
            lines(ESSENTIAL),
            [
                "GitHub=Actions",
                "Repository=octo/web",
                "Workflow=Deploy _ test_ _größer_",
                "Actor=dependabot_bot_",
                "Branch=refs/pull/7/merge",
            ]
        );
        assert_eq!(
            lines(usize::MAX)[5..],
            [format!("HeadRef={}", &long[..256]), "RunId=4242".into()]
        );
        assert_eq!(of(&BTreeMap::new()), []);
    }
}
