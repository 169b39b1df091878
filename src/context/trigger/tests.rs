use super::*;
use serde_json::json;

fn pull_request(head: &Value, base: &Value) -> Value {
    json!({"action": "opened", "pull_request": {
        "number": 42,
        "head": {"sha": "abc", "repo": head},
        "base": {"repo": base},
    }})
}

fn fork_of(head: &Value, base: &Value) -> Option<String> {
    let trigger = Trigger::of("pull_request", &pull_request(head, base)).expect("it is well");
    trigger.head().expect("it has one").fork.clone()
}

#[test]
fn a_fork_is_another_repository_by_its_id() {
    let base = json!({"id": 1, "full_name": "octo/app"});
    assert_eq!(fork_of(&base, &base), None);
    // Renamed meanwhile.
    assert_eq!(fork_of(&json!({"id": 1, "full_name": "octo/old"}), &base), None);
    let fork = json!({"id": 2, "full_name": "mallory/app"});
    assert_eq!(fork_of(&fork, &base).as_deref(), Some("mallory/app"));
    // A fork may be called like the base.
    let same_name = json!({"id": 2, "full_name": "octo/app"});
    assert_eq!(fork_of(&same_name, &base).as_deref(), Some("octo/app"));
    assert_eq!(fork_of(&Value::Null, &base).as_deref(), Some("a repository that is gone"));
    assert_eq!(fork_of(&Value::Null, &Value::Null).as_deref(), Some("a repository that is gone"));
}

#[test]
fn another_workflows_run_names_one_pull_request_or_none() {
    let of = |event: &str, pull_requests: Value| {
        let payload = json!({"action": "completed", "workflow_run": {
            "event": event, "conclusion": "success", "head_sha": "abc",
            "pull_requests": pull_requests,
        }});
        Trigger::of("workflow_run", &payload).expect("it is well").pull_request()
    };
    let number = |pull_requests: Value| of("pull_request", pull_requests);
    assert_eq!(number(json!([{"number": 7}])), Some(7));
    assert_eq!(of("push", json!([{"number": 7}])), None);
    assert_eq!(number(json!([])), None);
    assert_eq!(number(json!([{"number": 7}, {"number": 8}])), None);
    assert_eq!(number(Value::Null), None);
}

#[test]
fn what_the_payload_of_another_event_lacks_is_named() {
    let pull_request = pull_request(&Value::Null, &Value::Null);
    let push = json!({"ref": "refs/heads/main", "after": "abc"});
    let missing = |name: &str, payload: &Value| Trigger::of(name, payload).expect_err(name).0;
    assert_eq!(missing("push", &pull_request), "ref");
    assert_eq!(missing("release", &pull_request), "release");
    assert_eq!(missing("workflow_dispatch", &push), "workflow");
    assert_eq!(missing("repository_dispatch", &push), "client_payload");
    assert_eq!(missing("schedule", &push), "schedule");
    assert_eq!(missing("workflow_run", &push), "workflow_run");
    assert_eq!(missing("pull_request", &push), "pull_request");
    assert_eq!(missing("pull_request_target", &push), "pull_request");
    let without = |path: &str| {
        let mut payload = pull_request.clone();
        *payload.pointer_mut(path).expect("it is there") = Value::Null;
        missing("pull_request", &payload)
    };
    assert_eq!(without("/action"), "action");
    assert_eq!(without("/pull_request/number"), "pull_request.number");
    assert_eq!(without("/pull_request/head/sha"), "pull_request.head.sha");
    // An event that nothing is done about may have any payload.
    assert!(Trigger::of("issues", &json!({})).is_ok() && Trigger::of("next", &push).is_ok());
}
