use super::*;
use crate::{aws::replay::Replay, event::Events};
use serde_json::{Value, json};

const SECRET: &str =
    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:ecr-pullthroughcache/docker-hub-a1b2c3";

fn hub() -> Settings {
    Settings {
        prefix: "docker-hub".to_owned(),
        upstream_registry: "docker-hub".to_owned(),
        upstream_url: "registry-1.docker.io".to_owned(),
        credential_arn: Some(SECRET.to_owned()),
        custom_role_arn: None,
    }
}

fn public() -> Settings {
    Settings {
        prefix: "ecr-public".to_owned(),
        upstream_registry: "ecr-public".to_owned(),
        upstream_url: "public.ecr.aws".to_owned(),
        credential_arn: None,
        custom_role_arn: None,
    }
}

fn there(settings: Settings) -> Observed {
    Observed { settings, is_whole: true }
}

/// As the API answers, with all that it tells of a rule.
fn answered(settings: &Settings, upstream_prefix: Option<&str>) -> Value {
    let mut rule = json!({
        "ecrRepositoryPrefix": settings.prefix,
        "upstreamRegistryUrl": settings.upstream_url,
        "upstreamRegistry": settings.upstream_registry,
        "createdAt": 1_700_000_000.0,
        "updatedAt": 1_700_000_000.0,
        "registryId": "123456789012",
    });
    if let Some(arn) = &settings.credential_arn {
        rule["credentialArn"] = json!(arn);
    }
    if let Some(prefix) = upstream_prefix {
        rule["upstreamRepositoryPrefix"] = json!(prefix);
    }
    rule
}

async fn make(replay: &Replay, settings: Settings) -> Result<String, Failure> {
    let writer = Writer::new(replay.reader(), "web".to_owned(), Events::channel().0);
    apply(&Action::Create(settings), &writer).await
}

#[tokio::test]
async fn rules_are_read_page_by_page_and_ordered() {
    const LIST: &str = "DescribePullThroughCacheRules";
    let part = Settings { prefix: "official".to_owned(), ..hub() };
    let replay = Replay::new([
        (
            LIST,
            200,
            json!({"pullThroughCacheRules": [answered(&public(), Some("ROOT"))], "nextToken": "n"}),
        ),
        (
            LIST,
            200,
            json!({"pullThroughCacheRules": [
                answered(&hub(), None), answered(&part, Some("library")),
            ]}),
        ),
    ]);
    let rules = observe(&replay.reader()).await.expect("they are read");
    let of_part = Observed { settings: part, is_whole: false };
    assert_eq!(rules, [there(hub()), there(public()), of_part]);
    assert_eq!(replay.asked(), [json!({}), json!({"nextToken": "n"})]);
}

#[tokio::test]
async fn a_rule_with_a_login_is_made_and_checked() {
    let replay = Replay::new([
        ("CreatePullThroughCacheRule", 200, answered(&hub(), None)),
        ("ValidatePullThroughCacheRule", 200, json!({"isValid": true})),
    ]);
    assert_eq!(make(&replay, hub()).await, Ok("docker-hub".to_owned()));
    let made = json!({
        "ecrRepositoryPrefix": "docker-hub",
        "upstreamRegistryUrl": "registry-1.docker.io",
        "upstreamRegistry": "docker-hub",
        "credentialArn": SECRET,
    });
    assert_eq!(replay.asked(), [made, json!({"ecrRepositoryPrefix": "docker-hub"})]);
    assert_eq!(calls(&Action::Create(hub())).len(), 2);
}

#[tokio::test]
async fn one_without_needs_no_check() {
    let replay =
        Replay::new([("CreatePullThroughCacheRule", 200, answered(&public(), Some("ROOT")))]);
    assert_eq!(make(&replay, public()).await, Ok("ecr-public".to_owned()));
    let made = json!({
        "ecrRepositoryPrefix": "ecr-public",
        "upstreamRegistryUrl": "public.ecr.aws",
        "upstreamRegistry": "ecr-public",
    });
    assert_eq!(replay.asked(), [made]);
    assert_eq!(calls(&Action::Create(public())).len(), 1);
}

#[tokio::test]
async fn the_role_for_another_accounts_registry_is_handed_over() {
    let role = "arn:aws:iam::123456789012:role/pull";
    let url = "210987654321.dkr.ecr.us-east-1.amazonaws.com";
    let theirs = Settings {
        prefix: "210987654321-us-east-1".to_owned(),
        upstream_registry: "ecr".to_owned(),
        upstream_url: url.to_owned(),
        credential_arn: None,
        custom_role_arn: Some(role.to_owned()),
    };
    let replay = Replay::new([
        ("CreatePullThroughCacheRule", 200, json!({})),
        ("ValidatePullThroughCacheRule", 200, json!({"isValid": true})),
    ]);
    make(&replay, theirs).await.expect("it is made");
    assert_eq!(replay.asked()[0]["customRoleArn"], role);
}

#[tokio::test]
async fn a_login_that_fails_is_told_in_ecrs_words() {
    let failure = "The upstream registry returned an authentication error";
    let replay = Replay::new([
        ("CreatePullThroughCacheRule", 200, json!({})),
        ("ValidatePullThroughCacheRule", 200, json!({"isValid": false, "failure": failure})),
    ]);
    let failed = make(&replay, hub()).await.expect_err("it cannot log in");
    assert!(!failed.already_exists());
    insta::assert_snapshot!(failed.problem(), @"ecr:ValidatePullThroughCacheRule on pull-through cache rule docker-hub was refused: the login to the upstream failed: The upstream registry returned an authentication error");
}

#[tokio::test]
async fn a_rule_that_is_there_meanwhile_is_taken_where_it_is_as_wanted() {
    let body = json!({"__type": "PullThroughCacheRuleAlreadyExistsException", "message": "it is"});
    let twice = |there: &Settings| {
        Replay::new([
            ("CreatePullThroughCacheRule", 400, body.clone()),
            (
                "DescribePullThroughCacheRules",
                200,
                json!({"pullThroughCacheRules": [answered(there, Some("ROOT"))]}),
            ),
        ])
    };
    assert_eq!(make(&twice(&public()), public()).await, Ok("ecr-public".to_owned()));
    let other = Settings { upstream_url: "quay.io".to_owned(), ..public() };
    let failed = make(&twice(&other), public()).await.expect_err("it is another one");
    assert!(failed.already_exists(), "{failed:?}");
}

#[test]
fn any_rule_for_all_of_the_upstream_will_do() {
    let other = Settings { prefix: "hub".to_owned(), ..hub() };
    let part = Observed { settings: hub(), is_whole: false };
    assert_eq!(diff(&hub(), &[there(other.clone())]), None);
    assert!(diff(&hub(), &[]).is_some());
    assert!(diff(&hub(), &[there(public())]).is_some());
    assert!(diff(&hub(), std::slice::from_ref(&part)).is_some());
    let both = [there(other.clone()), there(hub())];
    let found = find(&both, "registry-1.docker.io", "docker-hub");
    assert_eq!(found.map(|rule| &*rule.settings.prefix), Some("docker-hub"));
    let found = find(&both[..1], "registry-1.docker.io", "docker-hub");
    assert_eq!(found.map(|rule| &*rule.settings.prefix), Some("hub"));
    assert_eq!(conflict(&hub(), std::slice::from_ref(&part)), Some(&part));
    assert_eq!(conflict(&hub(), &[there(other)]), None);
}
