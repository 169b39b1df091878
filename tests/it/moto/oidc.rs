//! Whose credentials a run has: a role's by GitHub's OIDC token, a chained one's, the environment's; and
//! what is told where there are none, or the wrong ones.

use super::stack::Stack;
use crate::support::{
    moto::{ACCOUNT, REGION},
    oidc::{Asked, Issuer, REQUEST_TOKEN, step},
    program::{Program, Run},
    relay::Relay,
};
use ecs_private_deploy::exit;
use std::{
    collections::BTreeMap,
    fs,
    sync::{Arc, Mutex},
};

const ROLE: &str = "arn:aws:iam::123456789012:role/deploy";
const BY_TOKEN: &str = "AssumeRoleWithWebIdentity";
const BRANCH: &str = "repo:octo/web:ref:refs/heads/main";

/// A stack behind a relay, in an account with a role that may do anything.
struct Scene {
    stack: Stack,
    relay: Relay,
    asked: Arc<Mutex<Vec<(&'static str, String)>>>,
}

impl Scene {
    async fn new() -> Self {
        let stack = Stack::new().await;
        let relay = Relay::before(stack.moto.port()).await;
        let iam = &stack.account.iam;
        let trust = format!(
            r#"{{"Version": "2012-10-17", "Statement": [
                {{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
                  "Principal": {{"Federated": "arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"}}}},
                {{"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"],
                  "Principal": {{"AWS": "arn:aws:iam::{ACCOUNT}:user/ci"}}}}]}}"#
        );
        let role = iam.create_role().role_name("deploy").assume_role_policy_document(trust);
        role.send().await.expect("a role");
        let all = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;
        let policy = iam.put_role_policy().role_name("deploy").policy_name("all");
        policy.policy_document(all).send().await.expect("a policy");
        let asked = Arc::<Mutex<Vec<_>>>::default();
        for action in [BY_TOKEN, "AssumeRole"] {
            let asked = Arc::clone(&asked);
            relay.refuse(action, move |body| {
                asked.lock().expect("no test panics with it").push((action, body.to_owned()));
                None
            });
        }
        stack.moto.calls();
        Self { stack, relay, asked }
    }

    fn program(&self, arguments: &[&str]) -> Program {
        Program::new(self.stack.folder(), arguments, &self.relay.config())
    }

    /// What STS was asked for, by this action.
    fn asked(&self, action: &str) -> Vec<BTreeMap<String, String>> {
        let asked = self.asked.lock().expect("no test panics with it");
        let bodies = asked.iter().filter(|(asked, _)| *asked == action);
        bodies
            .map(|(_, body)| url::form_urlencoded::parse(body.as_bytes()).into_owned().collect())
            .collect()
    }

    /// STS refuses it so from now on.
    fn sts_refuses(&self, action: &'static str, code: &str, message: &str) {
        let body = refusal(code, message);
        self.relay.refuse(action, move |_| Some(body.clone()));
    }

    /// A user's access key, and what it may do.
    async fn user(&self, policy: &str) -> (String, String) {
        let iam = &self.stack.account.iam;
        iam.create_user().user_name("ci").send().await.expect("a user");
        let request = iam.put_user_policy().user_name("ci").policy_name("its");
        request.policy_document(policy).send().await.expect("a policy");
        let made = iam.create_access_key().user_name("ci").send().await.expect("a key");
        let key = made.access_key().expect("a key");
        (key.access_key_id().to_owned(), key.secret_access_key().to_owned())
    }
}

/// An error in the form that STS gives it.
fn refusal(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>\
         <Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>1-2-3</RequestId></ErrorResponse>"
    )
}

const DEPLOY: [&str; 3] = ["deploy", "--role-to-assume", ROLE];
const PLAN: [&str; 3] = ["plan", "--role-to-assume", ROLE];

#[tokio::test]
async fn a_job_deploys_as_the_role_that_its_token_is_good_for() {
    let scene = Scene::new().await;
    // moto cannot check the signature of a request that has a blank in it, as those that make groups have.
    scene.stack.converge().await;
    scene.stack.write_more("logs: { retention-in-days: 7 }");
    scene.stack.moto.calls();
    let issuer = Issuer::start(BRANCH);
    // The first request is the only one that is not signed with what it answers.
    scene.stack.moto.enforce_iam_after(1).await;
    let more = ["--allowed-account-ids", "210987654321, 123456789012"];
    let arguments = [&DEPLOY[..], &more].concat();
    issuer.job(scene.program(&arguments)).run().await.ends_with(exit::OK);

    let expected = Asked {
        target: "/token?api-version=2.0&audience=sts.amazonaws.com".into(),
        authorization: format!("Bearer {REQUEST_TOKEN}"),
    };
    assert_eq!(issuer.asked(), [expected]);
    let asked = scene.asked(BY_TOKEN);
    let [asked] = &asked[..] else { panic!("{asked:?}") };
    let expected = [
        ("Action", BY_TOKEN),
        ("DurationSeconds", "3600"),
        ("RoleArn", ROLE),
        ("RoleSessionName", "GitHubActions-4242"),
        ("Version", "2011-06-15"),
        ("WebIdentityToken", &issuer.given()[0]),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(*asked, BTreeMap::from(expected));
    // STS has said whose the session is.
    let calls = scene.stack.moto.calls();
    assert!(calls.contains(&"logs:PutRetentionPolicy".to_owned()), "{calls:?}");
    assert!(!calls.contains(&"sts:GetCallerIdentity".to_owned()), "{calls:?}");

    // It is the role's policy that has let it.
    let request = scene.stack.account.iam.delete_role_policy().role_name("deploy");
    scene.stack.moto.enforce_iam_after(2).await;
    request.policy_name("all").send().await.expect("it goes");
    let run = issuer.job(scene.program(&PLAN)).run().await.ends_with(exit::REFUSED);
    assert!(run.stderr.contains("allow `ec2:DescribeVpcs` on this region"), "{}", run.stderr);
}

#[tokio::test]
async fn the_inputs_say_how_the_role_is_assumed() {
    let scene = Scene::new().await;
    let issuer = Issuer::start(BRANCH);
    let inputs = [
        ("COMMAND", "plan"),
        ("ROLE-TO-ASSUME", ROLE),
        ("ROLE-SESSION-NAME", "release@web"),
        ("ROLE-DURATION-SECONDS", "900"),
        ("AUDIENCE", "sts.amazonaws.com.cn"),
        ("ROLE-CHAINING", ""),
    ];
    let program = inputs.iter().fold(scene.program(&[]), |program, (name, value)| {
        program.env(&format!("INPUT_{name}"), value)
    });
    // A token goes before credentials, which a runner of one's own often has.
    let program = issuer
        .job(program)
        .env("AWS_ACCESS_KEY_ID", "AKIAOTHER")
        .env("AWS_SECRET_ACCESS_KEY", "another-secret-key");
    program.run().await.ends_with(exit::OK);
    assert!(issuer.asked()[0].target.ends_with("&audience=sts.amazonaws.com.cn"));
    let asked = &scene.asked(BY_TOKEN)[0];
    assert_eq!((&*asked["RoleSessionName"], &*asked["DurationSeconds"]), ("release@web", "900"));
}

#[tokio::test]
async fn a_job_without_the_permission_is_told_its_two_lines() {
    let scene = Scene::new().await;
    let run = step(scene.program(&DEPLOY)).run().await.ends_with(exit::REFUSED);
    let told = "error: there is nothing to assume arn:aws:iam::123456789012:role/deploy with: this job \
        may not have GitHub's OIDC token, and there are no AWS credentials";
    assert!(run.stderr.contains(told.trim_start_matches("error: ")), "{}", run.stderr);
    assert!(run.stderr.contains("permissions:%0A          id-token: write"), "{}", run.stderr);
    assert_eq!(scene.stack.moto.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn a_trust_policy_that_takes_another_subject_is_told_its_two_lines() {
    let scene = Scene::new().await;
    let message = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
    scene.sts_refuses(BY_TOKEN, "AccessDenied", message);
    for subject in ["repo:octo/web:pull_request", "repo:octo@42/web@99:pull_request"] {
        let issuer = Issuer::start(subject);
        let run = issuer.job(scene.program(&DEPLOY)).run().await.ends_with(exit::REFUSED);
        let lines = [
            "\"token.actions.githubusercontent.com:sub\": \
             [\"repo:octo/web:pull_request\", \"repo:octo@42/web@99:pull_request\"],",
            "\"token.actions.githubusercontent.com:aud\": \"sts.amazonaws.com\"",
        ];
        for line in lines {
            assert!(run.stderr.contains(line), "{line} in {}", run.stderr);
        }
        // Once: a refusal does not pass by itself.
        assert_eq!(issuer.asked().len(), 1);
    }
    assert_eq!(scene.asked(BY_TOKEN).len(), 2);
    assert_eq!(scene.stack.moto.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn a_bad_moment_of_githubs_or_of_awss_passes() {
    let scene = Scene::new().await;
    let issuer = Issuer::start(BRANCH);
    issuer.refuse(&[("503 Service Unavailable", "later"), ("429 Too Many Requests", "")]);
    let keys = "Couldn't retrieve verification key from your identity provider,  please reference \
        AssumeRoleWithWebIdentity documentation for requirements";
    let refusal = Mutex::new(Some(refusal("InvalidIdentityToken", keys)));
    let once = move |_: &str| refusal.lock().expect("no test panics with it").take();
    scene.relay.refuse(BY_TOKEN, once);
    issuer.job(scene.program(&PLAN)).run().await.ends_with(exit::OK);
    assert_eq!((issuer.asked().len(), scene.asked(BY_TOKEN).len()), (3, 2));
}

#[tokio::test]
async fn a_github_that_gives_no_token_is_told() {
    let scene = Scene::new().await;
    let told = async |answer: (&'static str, &'static str), times: usize, code: u8| {
        let issuer = Issuer::start(BRANCH);
        issuer.refuse(&vec![answer; times]);
        let run = issuer.job(scene.program(&PLAN)).run().await.ends_with(code);
        assert_eq!(issuer.asked().len(), times);
        run.stderr
    };
    let stderr = told(("403 Forbidden", "{\"message\":\"no\"}"), 1, exit::REFUSED).await;
    assert!(stderr.contains("GitHub gave no OIDC token for this job: HTTP 403 no"), "{stderr}");
    assert!(stderr.contains("id-token: write"), "{stderr}");
    let stderr = told(("500 Oh", "oh"), 5, exit::UNEXPECTED).await;
    assert!(stderr.contains("HTTP 500 oh") && stderr.contains("asked 5 times"), "{stderr}");
    let stderr = told(("200 OK", "<html>"), 1, exit::UNEXPECTED).await;
    assert!(stderr.contains("its answer has no `value`"), "{stderr}");
    let program = step(scene.program(&PLAN)).env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "x");
    let program = program.env("ACTIONS_ID_TOKEN_REQUEST_URL", "nowhere");
    let run = program.run().await.ends_with(exit::REFUSED);
    assert!(run.stderr.contains("ACTIONS_ID_TOKEN_REQUEST_URL is no address"), "{}", run.stderr);
    assert_eq!(scene.stack.moto.calls(), Vec::<String>::new());
}

const MAY_ASSUME: &str = r#"{"Version": "2012-10-17", "Statement": {
    "Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"], "Resource": "*"}}"#;

/// The keys and values of the session tags that were asked for.
fn tags(asked: &BTreeMap<String, String>) -> Vec<String> {
    let key = |n: usize| asked.get(&format!("Tags.member.{n}.Key"));
    (1..)
        .map_while(|n| Some(format!("{}={}", key(n)?, asked[&format!("Tags.member.{n}.Value")])))
        .collect()
}

#[tokio::test]
async fn a_chained_role_is_assumed_with_the_environments_credentials_and_tagged() {
    let scene = Scene::new().await;
    let (key, secret) = scene.user(MAY_ASSUME).await;
    let issuer = Issuer::start(BRANCH);
    let chained = |arguments: &[&str]| {
        // moto cannot check the signature of a request that has a blank in it.
        let program = issuer.job(scene.program(arguments)).env("GITHUB_WORKFLOW", "Deploy&test");
        program.env("AWS_ACCESS_KEY_ID", &key).env("AWS_SECRET_ACCESS_KEY", &secret)
    };
    scene.stack.moto.enforce_iam().await;
    let more = ["--role-chaining", "--role-external-id", "theirs"];
    chained(&[&PLAN[..], &more].concat()).run().await.ends_with(exit::OK);
    assert_eq!(issuer.asked(), []);
    let asked = &scene.asked("AssumeRole")[0];
    assert_eq!(asked["ExternalId"], "theirs");
    assert_eq!(
        tags(asked),
        [
            "GitHub=Actions",
            "Repository=octo/web",
            "Workflow=Deploy_test",
            "Commit=0123456789abcdef0123456789abcdef01234567",
            "Branch=refs/heads/main",
            "RunId=4242",
        ]
    );

    // By its name, in the account of these credentials, and without tags.
    let named =
        ["plan", "--role-to-assume=deploy", "--role-chaining", "--role-skip-session-tagging"];
    chained(&named).run().await.ends_with(exit::OK);
    let asked = &scene.asked("AssumeRole")[1];
    assert_eq!((&*asked["RoleArn"], tags(asked)), (ROLE, Vec::new()));

    // Tags that are too many for STS, as it alone can say.
    let too_large = refusal("PackedPolicyTooLarge", "Packed size of session tags is 105%");
    scene.relay.refuse("AssumeRole", move |body| body.contains("RunId").then(|| too_large.clone()));
    chained(&[&PLAN[..], &["--role-chaining"]].concat()).run().await.ends_with(exit::OK);
    let asked = scene.asked("AssumeRole");
    assert_eq!((asked.len(), tags(&asked[3]).len()), (4, 5), "{asked:?}");

    // What the user may not is told, and that it is about these credentials.
    let iam = &scene.stack.account.iam;
    scene.stack.moto.enforce_iam_after(1).await;
    iam.delete_user_policy().user_name("ci").policy_name("its").send().await.expect("it goes");
    let run = chained(&[&PLAN[..], &["--role-chaining"]].concat()).run().await;
    let run = run.ends_with(exit::REFUSED);
    let help = "the policy of these credentials has to allow `sts:AssumeRole` on arn:aws:iam::";
    assert!(run.stderr.contains(help), "{}", run.stderr);
}

#[tokio::test]
async fn on_the_command_line_a_role_is_assumed_with_what_the_aws_cli_finds() {
    let scene = Scene::new().await;
    let (key, secret) = scene.user(MAY_ASSUME).await;
    let profile = format!(
        "[profile ci]\nregion = {REGION}\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"
    );
    let file = scene.stack.folder().join("aws");
    fs::write(&file, profile).expect("a profile");
    scene.stack.moto.enforce_iam().await;
    let program = scene.program(&PLAN).without("AWS_ACCESS_KEY_ID");
    let program = program.without("AWS_SECRET_ACCESS_KEY").without("AWS_REGION");
    let program = program.env("AWS_CONFIG_FILE", &file.to_string_lossy()).env("AWS_PROFILE", "ci");
    program.run().await.ends_with(exit::OK);
    let asked = &scene.asked("AssumeRole")[0];
    assert_eq!(asked["RoleSessionName"], "ecs-private-deploy");
    assert_eq!(tags(asked), Vec::<String>::new());
}

#[tokio::test]
async fn an_account_that_is_not_allowed_is_left_before_anything_else_is_asked() {
    let scene = Scene::new().await;
    let given = ["--allowed-account-ids=999999999999,888888888888"];
    for command in ["deploy", "plan", "destroy", "continue", "rollback", "doctor"] {
        let yes = if command == "destroy" { &["--yes"][..] } else { &[] };
        let arguments = [&[command][..], &given, yes].concat();
        let run = scene.program(&arguments).run().await.ends_with(exit::REFUSED);
        for text in [
            "the credentials are of account 123456789012, which `allowed-account-ids` does not name",
            "allowed: 888888888888, 999999999999",
        ] {
            assert!(run.stderr.contains(text), "{command}: {}", run.stderr);
        }
        assert_eq!(scene.stack.moto.calls(), ["sts:GetCallerIdentity"], "{command}");
    }
    // A role's ARN says its account: nobody is asked.
    let issuer = Issuer::start(BRANCH);
    let arguments = [&DEPLOY[..], &given].concat();
    let run = issuer.job(scene.program(&arguments)).run().await.ends_with(exit::CONFIG);
    assert!(run.stderr.contains("role-to-assume: the role is of account"), "{}", run.stderr);
    assert_eq!((issuer.asked(), scene.asked(BY_TOKEN)), (Vec::new(), Vec::new()));
    let allowed = scene.program(&["plan", "--allowed-account-ids", ACCOUNT]);
    allowed.run().await.ends_with(exit::OK);
}

#[tokio::test]
async fn the_accounts_number_is_masked_and_reaches_the_outputs() {
    let scene = Scene::new().await;
    let issuer = Issuer::start(BRANCH);
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    let written = |name: &str| fs::read_to_string(file(name)).expect("it is written");
    let step = |program: Program| {
        program
            .env("GITHUB_OUTPUT", &file("output").to_string_lossy())
            .env("GITHUB_STEP_SUMMARY", &file("summary").to_string_lossy())
    };
    let masks = "--mask-aws-account-id";
    let with_token = issuer.job(scene.program(&[&DEPLOY[..], &[masks]].concat()));
    let with_own = crate::support::oidc::step(scene.program(&["deploy", masks]))
        .env("AWS_ACCESS_KEY_ID", "AKIAOTHER")
        .env("AWS_SECRET_ACCESS_KEY", "another-secret-key");
    for program in [with_token, with_own] {
        let run = step(program).run().await.ends_with(exit::OK);
        let mut lines = run.stderr.lines();
        let mask = format!("::add-mask::{ACCOUNT}");
        assert!(lines.by_ref().any(|line| line == mask), "{}", run.stderr);
        assert!(!run.stderr.replace(&mask, "").contains(ACCOUNT), "{}", run.stderr);
        assert!(!written("summary").contains(ACCOUNT), "{}", written("summary"));
        let image = format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/web");
        assert!(written("output").contains(&image), "{}", written("output"));
        for name in ["output", "summary"] {
            fs::remove_file(file(name)).expect("it goes");
        }
    }
    // The doctor and a plan for programs too.
    let doctor = issuer.job(scene.program(&["doctor", "--role-to-assume", ROLE, masks]));
    let json = issuer.job(scene.program(&[&PLAN[..], &["--format", "json", masks]].concat()));
    for run in [doctor.run().await, json.run().await.ends_with(exit::OK)] {
        let told = said(&run);
        assert!(!told.contains(ACCOUNT), "{told}");
        assert!(run.stderr.contains(&format!("::add-mask::{ACCOUNT}")), "{}", run.stderr);
    }
}

/// All that it printed and that the runner does not take for itself.
fn said(run: &Run) -> String {
    let lines = run.stdout.lines().chain(run.stderr.lines());
    lines.filter(|line| !line.starts_with("::add-mask::")).collect::<Vec<_>>().join("\n")
}

/// Seconds that a session has, with which the program takes it for over: it asks for the next one some
/// time between five and two and a half minutes before the end, as the SDK throws the dice.
const BRIEF: i64 = 100;

/// STS gives sessions that are over for the next request.
fn sessions_are_brief(relay: &Relay) {
    relay.amend(BY_TOKEN, |answer| {
        let (head, rest) = answer.split_once("<Expiration>").expect("an end");
        let (_, rest) = rest.split_once("</Expiration>").expect("it is closed");
        let end = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(BRIEF);
        format!("{head}<Expiration>{end:.0}</Expiration>{rest}")
    });
}

#[tokio::test]
async fn a_session_that_ends_is_renewed_with_a_new_token() {
    let scene = Scene::new().await;
    sessions_are_brief(&scene.relay);
    let issuer = Issuer::start(BRANCH);
    issuer.job(scene.program(&DEPLOY)).run().await.ends_with(exit::OK);
    let shown: Vec<_> =
        scene.asked(BY_TOKEN).iter().map(|asked| asked["WebIdentityToken"].clone()).collect();
    assert!(shown.len() > 1, "one session was enough");
    assert_eq!(shown, issuer.given());
}

#[tokio::test]
async fn a_session_that_cannot_be_renewed_says_so() {
    let scene = Scene::new().await;
    sessions_are_brief(&scene.relay);
    let count = Mutex::new(0);
    let gone = refusal("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity");
    scene.relay.refuse(BY_TOKEN, move |_| {
        let mut count = count.lock().expect("no test panics with it");
        *count += 1;
        (*count > 1).then(|| gone.clone())
    });
    let issuer = Issuer::start(BRANCH);
    let run = issuer.job(scene.program(&DEPLOY)).run().await;
    assert!(run.stderr.contains("the role's session cannot be renewed: "), "{}", run.stderr);
    assert!(run.stderr.contains("Not authorized to perform sts:AssumeRoleWith"), "{}", run.stderr);
    assert_ne!(run.code, Some(0));
}
