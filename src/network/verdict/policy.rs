//! Whether an endpoint's policy lets a request through: as much of IAM's evaluation as endpoint
//! policies need, and "it depends" wherever that is not decided by the document alone.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>

use crate::network::needs::Request;
use serde_json::{Map, Value};

/// What a policy says to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It goes through.
    Allowed,
    /// No statement allows it.
    NotAllowed,
    /// The statement with this index denies it.
    Denied(usize),
    /// It goes through or not, by what the document does not say; the reason is a fragment.
    Depends(String),
}

/// Whether something matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Match {
    Yes,
    No,
    Maybe,
}

impl Match {
    fn of(is_match: bool) -> Self {
        if is_match { Self::Yes } else { Self::No }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Maybe,
        }
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::No, Self::No) => Self::No,
            _ => Self::Maybe,
        }
    }

    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Maybe => Self::Maybe,
        }
    }
}

/// The document's statements; the error is serde's, with line and column.
pub fn statements(document: &str) -> Result<Vec<Value>, String> {
    let mut document: Value = serde_json::from_str(document).map_err(|error| error.to_string())?;
    match document.get_mut("Statement").map(Value::take) {
        Some(Value::Array(statements)) => Ok(statements),
        Some(statement @ Value::Object(_)) => Ok(vec![statement]),
        _ => Err("it has no `Statement`".to_owned()),
    }
}

/// Whether it lets everybody do everything, which is what an endpoint has from the beginning.
pub fn is_full_access(statements: &[Value]) -> bool {
    let is_any =
        |statement: &Value, key| values(statement, key).is_some_and(|all| all.contains(&"*"));
    let allows_all = |statement: &Value| {
        statement["Effect"] == "Allow"
            && is_any(statement, "Action")
            && is_any(statement, "Resource")
            && principal(statement, None) == Match::Yes
            && statement.get("Condition").is_none()
    };
    statements.iter().any(allows_all)
        && statements.iter().all(|statement| statement["Effect"] == "Allow")
}

/// Evaluates a request of a role, where the role is known.
pub fn evaluate(statements: &[Value], request: &Request, role: Option<&str>) -> Answer {
    let mut allowed = Match::No;
    let mut doubt = None;
    for (index, statement) in statements.iter().enumerate() {
        let matches = matches(statement, request, role);
        match (statement["Effect"].as_str(), matches) {
            (Some("Deny"), Match::Yes) => return Answer::Denied(index),
            (Some("Deny"), Match::Maybe) => {
                doubt.get_or_insert_with(|| depends(statement, "denies", request));
            }
            (Some("Allow"), matches) => {
                if matches == Match::Maybe && allowed != Match::Yes {
                    doubt.get_or_insert_with(|| depends(statement, "allows", request));
                }
                allowed = allowed.or(matches);
            }
            _ => {}
        }
    }
    let may_be_denied = statements.iter().any(|statement| {
        statement["Effect"] == "Deny" && matches(statement, request, role) == Match::Maybe
    });
    match (allowed, may_be_denied) {
        (Match::Yes, false) => Answer::Allowed,
        (Match::No, _) => Answer::NotAllowed,
        _ => Answer::Depends(doubt.unwrap_or_default()),
    }
}

fn depends(statement: &Value, verb: &str, request: &Request) -> String {
    let on = if statement.get("Condition").is_some() {
        "its condition"
    } else if principal(statement, None) == Match::Yes {
        "the resource"
    } else {
        "the principal"
    };
    let name = statement["Sid"].as_str().map(|sid| format!(" `{sid}`")).unwrap_or_default();
    format!("whether the statement{name} {verb} {} depends on {on}", request.action)
}

fn matches(statement: &Value, request: &Request, role: Option<&str>) -> Match {
    let condition =
        if statement.get("Condition").is_none_or(is_empty) { Match::Yes } else { Match::Maybe };
    action(statement, request.action)
        .and(resource(statement, request.resource.as_deref()))
        .and(principal(statement, role))
        .and(condition)
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty)
}

fn action(statement: &Value, action: &str) -> Match {
    // Actions are compared without regard to case, resources with it.
    let is_one = |patterns: Vec<&str>| {
        let action = action.to_ascii_lowercase();
        patterns.iter().any(|pattern| like(&pattern.to_ascii_lowercase(), &action))
    };
    match (values(statement, "Action"), values(statement, "NotAction")) {
        (Some(patterns), _) => Match::of(is_one(patterns)),
        (None, Some(patterns)) => Match::of(!is_one(patterns)),
        (None, None) => Match::No,
    }
}

fn resource(statement: &Value, resource: Option<&str>) -> Match {
    let is_one = |patterns: Vec<&str>| {
        patterns.into_iter().fold(Match::No, |found, pattern| found.or(covers(pattern, resource)))
    };
    match (values(statement, "Resource"), values(statement, "NotResource")) {
        (Some(patterns), _) => is_one(patterns),
        (None, Some(patterns)) => is_one(patterns).not(),
        (None, None) => Match::No,
    }
}

/// `resource` may end in `*`, for every object of a bucket; the pattern has to cover all of them.
fn covers(pattern: &str, resource: Option<&str>) -> Match {
    if pattern.chars().all(|c| c == '*') && !pattern.is_empty() {
        return Match::Yes;
    }
    if pattern.contains("${") {
        return Match::Maybe;
    }
    let Some(resource) = resource else { return Match::Maybe };
    if like(pattern, resource) {
        return Match::Yes;
    }
    let some_of_it = resource.strip_suffix('*').is_some_and(|prefix| {
        !prefix.is_empty() && (pattern.starts_with(prefix) || like(pattern, prefix))
    });
    if some_of_it { Match::Maybe } else { Match::No }
}

fn principal(statement: &Value, role: Option<&str>) -> Match {
    let named = match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (Some(Value::String(all)), None) if all == "*" => return Match::Yes,
        (Some(Value::Object(named)), None) => named.get("AWS"),
        (None, None) => return Match::Yes,
        _ => return Match::Maybe,
    };
    let named: Vec<_> = match named {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => return Match::No,
    };
    let account = role.and_then(|role| role.split(':').nth(4));
    let is_account = |name: &str| {
        account.is_some_and(|account| {
            name == account || name.ends_with(&format!(":iam::{account}:root"))
        })
    };
    if named.iter().any(|name| *name == "*" || Some(*name) == role || is_account(name)) {
        return Match::Yes;
    }
    Match::Maybe
}

fn values<'a>(statement: &'a Value, key: &str) -> Option<Vec<&'a str>> {
    match statement.get(key)? {
        Value::String(one) => Some(vec![one]),
        Value::Array(many) => Some(many.iter().filter_map(Value::as_str).collect()),
        _ => Some(Vec::new()),
    }
}

/// IAM's wildcards: `*` for any text, `?` for one character.
fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<_>, Vec<_>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut from) = (0, 0);
    let mut star = None;
    while from < text.len() {
        if at < pattern.len()
            && (pattern[at] == '?' || pattern[at] == text[from])
            && pattern[at] != '*'
        {
            at += 1;
            from += 1;
        } else if at < pattern.len() && pattern[at] == '*' {
            star = Some((at, from));
            at += 1;
        } else if let Some((back, eaten)) = star {
            at = back + 1;
            from = eaten + 1;
            star = Some((back, from));
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const LAYERS: &str = "arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/*";

    fn layers() -> Request {
        Request { action: "s3:GetObject", resource: Some(LAYERS.to_owned()) }
    }

    fn answer(statements: &Value) -> Answer {
        let document = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        evaluate(&super::statements(&document).expect("JSON"), &layers(), None)
    }

    #[test]
    fn the_documented_minimum_is_allowed() {
        let minimum = json!([{"Sid": "Access-to-specific-bucket-only", "Principal": "*", "Action": ["s3:GetObject"], "Effect": "Allow", "Resource": [LAYERS]}]);
        assert_eq!(answer(&minimum), Answer::Allowed);
    }

    #[test]
    fn patterns_are_iams() {
        let allow = |action: &str, resource: &str| {
            answer(
                &json!({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": action, "Resource": resource}),
            )
        };
        assert_eq!(allow("*", "*"), Answer::Allowed);
        assert_eq!(
            allow("s3:get*", "arn:aws:s3:::prod-*-starport-layer-bucket/*"),
            Answer::Allowed
        );
        assert_eq!(allow("S3:GetObjec?", "arn:*"), Answer::Allowed);
        assert_eq!(allow("s3:GetObject", "arn:aws:s3:::my-bucket/*"), Answer::NotAllowed);
        assert_eq!(allow("s3:PutObject", "*"), Answer::NotAllowed);
        // The bucket's ARN is not its objects'.
        let bucket = "arn:aws:s3:::prod-eu-west-1-starport-layer-bucket";
        assert_eq!(allow("s3:GetObject", bucket), Answer::NotAllowed);
        let some = "arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/a/*";
        assert!(matches!(allow("s3:GetObject", some), Answer::Depends(_)));
    }

    #[test]
    fn a_deny_wins_and_is_named() {
        let full = json!({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"});
        let others = json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "NotResource": "arn:aws:s3:::mine/*"});
        assert_eq!(answer(&json!([full, others])), Answer::Denied(1));
        let mine =
            json!({"Effect": "Deny", "Principal": "*", "NotAction": "s3:*", "Resource": "*"});
        assert_eq!(answer(&json!([full, mine])), Answer::Allowed);
    }

    #[test]
    fn conditions_and_principals_are_not_guessed() {
        let full = json!({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"});
        let org = json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}});
        let deny = json!({"Sid": "Org", "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*", "Condition": org});
        let Answer::Depends(why) = answer(&json!([full, deny])) else { panic!("it is decided") };
        assert_eq!(why, "whether the statement `Org` denies s3:GetObject depends on its condition");
        let one = json!({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::1:role/x"}, "Action": "*", "Resource": "*"});
        let Answer::Depends(why) = answer(&one) else { panic!("it is decided") };
        assert_eq!(why, "whether the statement allows s3:GetObject depends on the principal");
        let statements = [one];
        let role = Some("arn:aws:iam::1:role/x");
        assert_eq!(evaluate(&statements, &layers(), role), Answer::Allowed);
    }

    #[test]
    fn an_allow_that_applies_is_not_put_in_doubt_by_one_that_may() {
        let maybe = json!({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", "Condition": {"Bool": {}}});
        let full = json!({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"});
        assert_eq!(answer(&json!([maybe, full])), Answer::Allowed);
    }

    #[test]
    fn what_is_not_a_policy_says_where() {
        assert_eq!(statements("{\"a\" 1}"), Err("expected `:` at line 1 column 6".to_owned()));
        assert_eq!(statements("{}"), Err("it has no `Statement`".to_owned()));
    }

    #[test]
    fn full_access_is_what_lets_everybody_do_everything() {
        let full = json!({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"});
        let narrow =
            json!({"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*"});
        assert!(is_full_access(std::slice::from_ref(&full)));
        assert!(!is_full_access(&[narrow]));
        let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"});
        assert!(!is_full_access(&[full, deny]));
    }
}
