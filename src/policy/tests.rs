use super::*;
use crate::{
    cli::{Cli, Command},
    config,
};
use clap::Parser as _;
use document::size;
use std::collections::BTreeSet;

/// Everything that a file can ask for.
const WHOLE: &str = "\
service: web
region: eu-west-1
image: { pull-through: ensure }
task: { port: 8080, secrets: { KEY: /web/key } }
network: { vpc: vpc-0123456789abcdef0, adopt: true, dns: ensure, reach: [sqs] }
load-balancer: { name: shared, host: web.example.com }
rollout:
  strategy: canary
  canary: { percent: 5, bake-time: 10m }
  pause: { at: [POST_TEST_TRAFFIC_SHIFT] }
  alarms: [web-5xx]
run: [{ name: migrate, command: [./migrate], before: rollout }, { name: warm, command: [./warm], after: rollout }]
preview: { path: \"/pr-{number}\", spot: true }
";
const FILE: &str = "service: web\nregion: eu-west-1\npreview: { path: \"/pr-{number}\" }\n";
const PURPOSES: [&str; 5] = ["deploy", "preview", "plan", "doctor", "destroy"];
const ACCOUNT: [&str; 2] = ["--account", "123456789012"];

fn asked_with(file: &str, flags: &[&str], variables: &[(&str, &str)]) -> Result<Answer> {
    let words = [&["p", "iam-policy"], flags].concat();
    let cli = Cli::try_parse_from(words).expect("the flags are well");
    let Command::IamPolicy(given) = cli.command else { panic!("it is iam-policy") };
    let variables =
        variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    answer(&given, &config::sample(file), &variables)
}

fn asked(file: &str, flags: &[&str]) -> Result<Answer> {
    asked_with(file, flags, &[])
}

fn text(file: &str, flags: &[&str]) -> String {
    asked(file, flags).unwrap_or_else(|error| panic!("{error}")).text
}

/// The policies of the answer in JSON.
fn policies(file: &str, flags: &[&str]) -> Vec<Value> {
    match serde_json::from_str(&text(file, flags)).expect("it is JSON") {
        Value::Array(several) => several,
        one => vec![one],
    }
}

fn statements(policies: &[Value]) -> impl Iterator<Item = &Value> {
    policies.iter().flat_map(|policy| policy["Statement"].as_array().expect("statements"))
}

fn words(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

/// IAM's own grammar, and its limits.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>
#[test]
fn every_policy_is_one_that_iam_takes() {
    for (file, purpose) in [FILE, WHOLE].iter().flat_map(|file| PURPOSES.map(|one| (file, one))) {
        let policies = policies(file, &["--for", purpose, ACCOUNT[0], ACCOUNT[1]]);
        assert!(policies.len() <= 10, "a role takes ten managed policies");
        for policy in &policies {
            assert!(size(policy) <= MANAGED, "{purpose}: {}", size(policy));
            assert_eq!(policy["Version"], "2012-10-17");
        }
        let mut ids = BTreeSet::new();
        for statement in statements(&policies) {
            let id = statement["Sid"].as_str().expect("a Sid");
            assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
            assert!(ids.insert(id), "{purpose} has {id} twice");
            assert_eq!(statement["Effect"], "Allow");
            for action in words(&statement["Action"]) {
                let (service, name) = action.split_once(':').expect("an action");
                assert!(!service.is_empty() && !name.contains('*'), "{action}");
            }
            let resources = words(&statement["Resource"]);
            assert!(!resources.is_empty(), "{id}");
            let has_condition = statement.get("Condition").is_some();
            for resource in resources {
                let is_arn = resource.starts_with("arn:aws:") && resource.split(':').count() >= 6;
                assert!(
                    is_arn || resource == "*" && (has_condition || id == "RolesList"),
                    "{id} on {resource}"
                );
            }
        }
    }
}

/// A role that only reads has no action that does more.
#[test]
fn what_plans_and_judges_only_reads() {
    for purpose in ["plan", "doctor"] {
        let policies = policies(WHOLE, &["--for", purpose]);
        for action in statements(&policies).flat_map(|statement| words(&statement["Action"])) {
            let name = action.split_once(':').expect("an action").1;
            let reads = ["Describe", "Get", "List", "Validate"];
            assert!(reads.iter().any(|read| name.starts_with(read)), "{purpose}: {action}");
        }
    }
}

#[test]
fn a_preview_s_role_changes_nothing_of_the_main_service() {
    let policies = policies(FILE, &["--for", "preview", ACCOUNT[0], ACCOUNT[1]]);
    let main =
        ["service/web/web", "targetgroup/web/*", "task-definition/web:*", "log-group:/ecs/web:*"];
    for statement in statements(&policies) {
        for resource in words(&statement["Resource"]) {
            assert!(!main.iter().any(|thing| resource.ends_with(thing)), "{statement:#}");
        }
    }
}

#[test]
fn the_policy_of_a_plan() {
    let policies = policies(FILE, &["--for", "plan", ACCOUNT[0], ACCOUNT[1]]);
    insta::assert_snapshot!(format!("{:#}", policies[0]));
}

#[test]
fn the_policies_of_a_deploy_and_of_previews() {
    let compact = |purpose| {
        let policies = policies(FILE, &["--for", purpose, ACCOUNT[0], ACCOUNT[1]]);
        statements(&policies).map(|one| format!("{one}\n")).collect::<Vec<_>>().concat()
    };
    insta::assert_snapshot!("deploy", compact("deploy"));
    insta::assert_snapshot!("preview", compact("preview"));
    insta::assert_snapshot!("destroy", compact("destroy"));
}

#[test]
fn what_is_noted_on_a_service_is_allowed() {
    for (file, keys) in [
        (FILE, vec!["ecs-private-deploy:given-up"]),
        (WHOLE, vec!["ecs-private-deploy:after-rollout", "ecs-private-deploy:given-up"]),
    ] {
        let policies = policies(file, &["--for", "deploy", ACCOUNT[0], ACCOUNT[1]]);
        let note = statements(&policies).find(|one| one["Sid"] == "ServiceNote");
        let note = note.expect("a service is tagged");
        let allowed = words(&note["Condition"]["ForAllValues:StringEquals"]["aws:TagKeys"]);
        assert_eq!(allowed, keys);
    }
}

const REPOSITORY: [&str; 6] =
    ["--repository", "octo/app", "--owner-id", "7", "--repository-id", "42"];

#[test]
fn a_template_is_the_same_policies_and_the_role() {
    let flags = |format| [&["--for", "preview", "--format", format][..], &REPOSITORY].concat();
    let template = text(FILE, &flags("cloudformation"));
    let read: Value = serde_yaml::from_str(&template).expect("it is YAML");
    let resources = read["Resources"].as_object().expect("resources");
    let plain = |value: &Value| {
        let text = value.to_string().replace("{\"Fn::Sub\":\"", "\"").replace("\"}", "\"");
        text.replace(format::OF_TEMPLATE, "*").replace('}', "")
    };
    let documents: Vec<_> = resources
        .values()
        .filter(|resource| resource["Type"] == "AWS::IAM::ManagedPolicy")
        .map(|resource| plain(&resource["Properties"]["PolicyDocument"]))
        .collect();
    let wanted: Vec<_> = policies(FILE, &["--for", "preview"]).iter().map(plain).collect();
    assert_eq!(documents.concat().len(), wanted.concat().len());
    insta::assert_snapshot!("cloudformation", template);
    insta::assert_snapshot!("terraform", text(FILE, &flags("terraform")));
}

fn refused(file: &str, flags: &[&str]) -> String {
    let error = asked(file, flags).expect_err("it is refused");
    assert_eq!(error.exit_code(), crate::exit::CONFIG);
    error.to_string()
}

#[test]
fn what_is_missing_is_asked_for() {
    let trust = |flags: &[&str]| refused(FILE, &[&["--trust"], &ACCOUNT[..], flags].concat());
    insta::assert_snapshot!(trust(&[]), @r"
    a trust policy is about a repository, and none is named
      help: add `--repository OWNER/NAME`
    ");
    insta::assert_snapshot!(trust(&["--repository", "octo/app"]), @r#"
    the numbers of octo/app and of its owner are not known
      help: repositories made or renamed since July 2026 are named with them; this prints the flags: gh api repos/octo/app --jq '"--owner-id \(.owner.id) --repository-id \(.id)"'
    "#);
    insta::assert_snapshot!(trust(&REPOSITORY), @r"
    it is not said which runs of the repository may assume the role
      help: add `--environment NAME`, which GitHub can protect, or `--branch NAME`
    ");
    insta::assert_snapshot!(trust(&["--repository", "octo"]), @r"
    `octo` is no repository of GitHub
      help: write it as OWNER/NAME
    ");
    let both = ["--branch", "main", "--environment", "prod"];
    insta::assert_snapshot!(trust(&[&REPOSITORY[..], &both].concat()), @r"
    a job with an environment is named by it alone, whatever its branch
      help: give `--environment` or `--branch`
    ");
    insta::assert_snapshot!(refused(FILE, &["--account", "12"]), @r"
    `12` is no AWS account
      help: an account has twelve digits
    ");
    insta::assert_snapshot!(refused(FILE, &["--part", "9"]), @r"
    there is no part 9
      help: there are 2
    ");
    insta::assert_snapshot!(refused("service: web\nregion: eu-west-1", &["--for", "preview"]), @r#"
    the file has no `preview:`, so there are no previews to allow
      help: add `preview: { path: "/pr-{number}" }`, or a `host:`
    "#);
    insta::assert_snapshot!(refused("service: web", &[]), @r"
    no region was found in the file, the flags or AWS_REGION
      help: name it with `--region REGION`
    ");
}

#[test]
fn a_run_says_itself_which_repository_it_is_of() {
    let variables = [
        ("GITHUB_REPOSITORY", "octo/app"),
        ("GITHUB_REPOSITORY_OWNER_ID", "7"),
        ("GITHUB_REPOSITORY_ID", "42"),
    ];
    let flags = ["--trust", "--for", "preview", ACCOUNT[0], ACCOUNT[1]];
    let trust = asked_with(FILE, &flags, &variables).expect("it is answered").text;
    assert!(trust.contains("repo:octo@7/app@42:pull_request"), "{trust}");
    // The numbers are the run's own, and no other repository's.
    let other = [&flags[..], &["--repository", "octo/other"]].concat();
    asked_with(FILE, &other, &variables).expect_err("nobody knows its numbers");
    let server = [variables[0], ("GITHUB_SERVER_URL", "https://git.example.com")];
    let trust = asked_with(FILE, &flags, &server).expect("it is answered").text;
    assert!(trust.contains("oidc-provider/git.example.com/_services/token"), "{trust}");
    assert!(!trust.contains('@'), "{trust}");
}

#[test]
fn the_account_is_the_file_s_where_it_names_one() {
    let file = "service: web\nregion: eu-west-1\nload-balancer: { certificate: \"arn:aws:acm:eu-west-1:210987654321:certificate/x\" }";
    assert!(text(file, &[]).contains(":210987654321:"));
    let answer = asked(FILE, &[]).expect("it is answered");
    assert!(answer.text.contains("arn:aws:ecs:eu-west-1:*:service/web/web"));
    assert!(answer.notes.iter().any(|note| note.contains("--account")), "{:?}", answer.notes);
}
