//! Each command under exactly the policy that is printed for it, and without each of its actions.
//!
//! Two decide: moto, which enforces the actions and knows neither resources nor conditions, nor what AWS asks
//! for beside what is called (tags of what is made, roles that are passed on, EC2 in ELB's name); and in
//! front of it an authority that reads the printed policies as they are.

use crate::support::{
    account::Account,
    authority::Authority,
    lane::{Fault, Lane, Which},
    manners::Manners,
    moto::{Moto, REGION},
    program::{Program, Run},
};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ecs::config::{Credentials, SharedCredentialsProvider};
use ecs_private_deploy::exit;
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::{collections::BTreeSet, io::Write as _, sync::Arc};

/// A command, what stands before it, and what its role is for.
struct Scenario {
    name: &'static str,
    purpose: &'static str,
    arguments: &'static [&'static str],
    /// Files that were deployed before, by somebody who may do everything.
    before: &'static [&'static str],
    /// The file that the command is about.
    file: &'static str,
}

const SCENARIOS: [Scenario; 8] = [
    Scenario {
        name: "a first deploy",
        purpose: "deploy",
        arguments: &["deploy"],
        before: &[],
        file: "first",
    },
    Scenario {
        name: "an update",
        purpose: "deploy",
        arguments: &["deploy"],
        before: &["first"],
        file: "second",
    },
    Scenario {
        name: "a deploy beside another service's",
        purpose: "deploy",
        arguments: &["deploy"],
        before: &["api"],
        file: "first",
    },
    Scenario {
        name: "a plan",
        purpose: "plan",
        arguments: &["plan"],
        before: &["first"],
        file: "second",
    },
    Scenario {
        name: "the doctor",
        purpose: "doctor",
        arguments: &["doctor"],
        before: &["first"],
        file: "first",
    },
    Scenario {
        name: "a destroy",
        purpose: "destroy",
        arguments: &["destroy", "--yes"],
        before: &["second"],
        file: "second",
    },
    Scenario {
        name: "a destroy beside another service",
        purpose: "destroy",
        arguments: &["destroy", "--yes"],
        before: &["first", "api"],
        file: "first",
    },
    Scenario {
        name: "a preview",
        purpose: "preview",
        arguments: &["preview", "up", "--pr", "42"],
        before: &["first"],
        file: "first",
    },
];

/// What sends texts with blanks in them (a group's description), whose signature moto takes for wrong: it
/// checks another encoding than the one that was signed. There the authority decides alone.
const SPEAKS: [&str; 2] = ["deploy", "preview"];

/// One account, with users in it.
struct Place {
    id: String,
    moto: u16,
    manners: Arc<Manners>,
    plain: Lane,
    folder: tempfile::TempDir,
    administrator: (String, String),
}

struct Town {
    moto: Moto,
    manners: Arc<Manners>,
}

fn config(lane: &Lane, (key, secret): &(String, String)) -> SdkConfig {
    let credentials = Credentials::new(key, secret, None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(lane.endpoint())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

/// The files by their names; `web` is the service that all but `api` are of.
fn file(name: &str, id: &str) -> String {
    let image = format!("{id}.dkr.ecr.{REGION}.amazonaws.com/web:v1");
    let rest = match name {
        "api" => {
            "service: api\ncluster: web\ntask: { port: 8080 }\n\
             load-balancer: { name: web, host: api.example.com }\n"
        }
        "first" => {
            "service: web\ntask: { port: 8080 }\n\
             load-balancer: { host: web.example.com, allow-from: [198.51.100.0/24] }\n\
             preview: { host: \"pr-{number}.example.com\" }\n"
        }
        _ => {
            "service: web\ntask: { port: 8080, secrets: { KEY: /web/key } }\n\
             load-balancer: { host: www.example.com, allow-from: [203.0.113.0/24], \
             deregistration-delay: 14, health-check: { path: /second } }\n\
             logs: { retention-in-days: 14 }\n"
        }
    };
    format!("image: {image}\n{rest}")
}

impl Town {
    async fn new() -> Self {
        Self { moto: Moto::start().await, manners: Arc::default() }
    }

    /// An account with a VPC, an image and somebody who may do everything.
    async fn place(&self, number: usize) -> Place {
        let id = format!("{:012}", 200_000_000_000 + number);
        let (moto, manners) = (self.moto.port(), Arc::clone(&self.manners));
        let plain = Lane::plain(moto, &id, &manners).await;
        let nobody = ("test".to_owned(), "test-secret-key".to_owned());
        let account = Account::of(&config(&plain, &nobody));
        account.remove_default_vpc().await;
        account.vpc().await;
        account.image("web", "v1").await;
        let administrator = user(&account, "administrator", &json!(["*"])).await;
        let folder = tempfile::tempdir().expect("a folder");
        Place { id, moto, manners, plain, folder, administrator }
    }
}

impl Town {
    /// The same with what stands before, and the key of somebody who may do nothing yet. From then on moto
    /// decides too.
    async fn prepared(
        &self,
        scenario: &Scenario,
        places: &mut std::ops::RangeFrom<usize>,
    ) -> (Place, (String, String)) {
        self.moto.relax_iam().await;
        let place = self.place(places.next().expect("there are more")).await;
        let key = place.prepare(scenario).await;
        if !SPEAKS.contains(&scenario.purpose) {
            self.moto.enforce_iam().await;
        }
        (place, key)
    }
}

/// A user who may do these, on everything, as far as moto is concerned; and the key.
async fn user(account: &Account, name: &str, actions: &Value) -> (String, String) {
    let iam = &account.iam;
    iam.create_user().user_name(name).send().await.expect("a user");
    may(account, name, actions).await;
    let made = iam.create_access_key().user_name(name).send().await.expect("a key");
    let key = made.access_key().expect("it is told");
    (key.access_key_id().to_owned(), key.secret_access_key().to_owned())
}

async fn may(account: &Account, name: &str, actions: &Value) {
    let statement = json!({"Effect": "Allow", "Action": actions, "Resource": "*"});
    let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    let request = account.iam.put_user_policy().user_name(name).policy_name("may");
    request.policy_document(policy).send().await.expect("a policy");
}

fn actions(policies: &[Value]) -> BTreeSet<String> {
    let statements = policies.iter().filter_map(|policy| policy["Statement"].as_array()).flatten();
    statements
        .flat_map(|statement| match &statement["Action"] {
            Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect::<Vec<_>>(),
        })
        .map(str::to_owned)
        .collect()
}

fn without(policies: &[Value], action: &str) -> Vec<Value> {
    let mut policies = policies.to_vec();
    for policy in &mut policies {
        let statements = policy["Statement"].as_array_mut().expect("statements");
        for statement in &mut *statements {
            let all = match &statement["Action"] {
                Value::Array(list) => list.clone(),
                one => vec![one.clone()],
            };
            let left: Vec<_> = all.into_iter().filter(|found| found != action).collect();
            statement["Action"] = left.into();
        }
        statements.retain(|statement| statement["Action"] != json!([]));
    }
    policies
}

impl Place {
    fn write(&self, name: &str) {
        let path = self.folder.path().join("ecs-deploy.yml");
        std::fs::write(path, file(name, &self.id)).expect("the file");
    }

    fn account(&self) -> Account {
        Account::of(&config(&self.plain, &self.administrator))
    }

    fn program(
        &self,
        arguments: &[&str],
        lane: &Lane,
        (key, secret): &(String, String),
    ) -> Program {
        let program =
            Program::new(self.folder.path(), arguments, &config(lane, &self.administrator));
        program.env("AWS_ACCESS_KEY_ID", key).env("AWS_SECRET_ACCESS_KEY", secret)
    }

    /// What the program prints for this purpose.
    async fn policies(&self, purpose: &str) -> Vec<Value> {
        let arguments = ["iam-policy", "--for", purpose, "--region", REGION, "--account", &self.id];
        let run = self.program(&arguments, &self.plain, &self.administrator).run().await;
        match run.ends_with(exit::OK).json() {
            Value::Array(several) => several,
            one => vec![one],
        }
    }

    /// Brings about what stands before, and makes the user.
    async fn prepare(&self, scenario: &Scenario) -> (String, String) {
        for name in scenario.before {
            self.write(name);
            let run = self.program(&["deploy"], &self.plain, &self.administrator).run().await;
            run.ends_with(exit::OK);
        }
        self.write(scenario.file);
        user(&self.account(), "deployer", &json!(["sts:GetCallerIdentity"])).await
    }

    /// Runs it as somebody who may do what these policies say.
    async fn run(
        &self,
        scenario: &Scenario,
        key: &(String, String),
        policies: &[Value],
    ) -> (Run, Lane, BTreeSet<String>) {
        let account = self.account();
        may(&account, "deployer", &json!(actions(policies))).await;
        let authority = Arc::new(Authority::new(policies, account, &self.id));
        let which = Which::Unless(Arc::clone(&authority));
        let (fault, manners) = (Fault::Denial, &self.manners);
        let lane = Lane::failing(self.moto, &self.id, manners, fault, which, None).await;
        let run = self.program(scenario.arguments, &lane, key).run().await;
        (run, lane, authority.used())
    }
}

fn wrote(lane: &Lane) -> Vec<String> {
    let reads = ["Describe", "Get", "List", "Validate"];
    let calls = lane.calls().into_iter().filter(|call| !call.failed).map(|call| call.name);
    let is_read = |call: &String| {
        let name = call.split_once(':').map_or("", |(_, name)| name);
        reads.iter().any(|read| name.starts_with(read))
    };
    calls.filter(|call| !is_read(call)).collect()
}

/// Takes one action out, and says how many runs there were.
async fn each_action_is_missed(
    town: &Town,
    scenario: &Scenario,
    wanted: BTreeSet<String>,
    places: &mut std::ops::RangeFrom<usize>,
) -> usize {
    let mut fresh = None;
    let count = wanted.len();
    for action in wanted {
        let (place, key) = match fresh.take() {
            Some(found) => found,
            None => town.prepared(scenario, places).await,
        };
        let policies = without(&place.policies(scenario.purpose).await, &action);
        let (run, lane, _) = place.run(scenario, &key, &policies).await;
        let told = format!("{}\n{}", run.stdout, run.stderr);
        let name = scenario.name;
        assert!(told.contains(&action), "{name} without {action}: {:?}\n{told}", run.code);
        let code = run.code.and_then(|code| u8::try_from(code).ok());
        match code {
            // Nothing was changed, and so the place serves for the next one.
            Some(exit::REFUSED) => {
                assert_eq!(wrote(&lane), Vec::<String>::new(), "{name} without {action}\n{told}");
                fresh = Some((place, key));
            }
            Some(exit::PARTIAL) => {
                assert!(told.contains(&format!("help: allow `{action}`")), "{action}\n{told}");
                assert!(!wrote(&lane).is_empty(), "{name} without {action}\n{told}");
            }
            // What can be done without is named as a warning.
            Some(exit::OK) => {
                let reads =
                    ["ec2:Describe", "ec2:Get", "ecs:", "elasticloadbalancing:Describe", "logs:"];
                assert!(reads.iter().any(|read| action.starts_with(read)), "{action}\n{told}");
            }
            other => panic!("{name} without {action}: {other:?}\n{told}"),
        }
    }
    count
}

/// The scenarios of one purpose: how many passed, and how many runs missed an action. What no scenario asks
/// for is told.
async fn of_purpose(purpose: &str) -> (usize, usize) {
    let town = Town::new().await;
    let mut places = 0..;
    let (mut passed, mut missed) = (0, 0);
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut all = BTreeSet::new();
    for scenario in SCENARIOS.iter().filter(|scenario| scenario.purpose == purpose) {
        let (place, key) = town.prepared(scenario, &mut places).await;
        let policies = place.policies(purpose).await;
        // moto reads a policy as strictly as IAM does.
        for (number, policy) in policies.iter().enumerate() {
            let request = place.account().iam.create_policy().policy_name(format!("part{number}"));
            request.policy_document(policy.to_string()).send().await.expect("IAM takes it");
        }
        let (run, lane, used) = place.run(scenario, &key, &policies).await;
        let failed: Vec<_> = lane.calls().into_iter().filter(|call| call.failed).collect();
        assert!(failed.is_empty(), "{}: {failed:?}\n{}", scenario.name, run.stderr);
        run.ends_with(exit::OK);
        passed += 1;
        let new: BTreeSet<_> = used.difference(&seen).cloned().collect();
        seen.extend(used);
        missed += each_action_is_missed(&town, scenario, new, &mut places).await;
        all.extend(actions(&policies));
    }
    let rest: Vec<_> = all.difference(&seen).map(String::as_str).collect();
    tell(&format!("policies for {purpose}: no test asks for {}", rest.join(", ")));
    (passed, missed)
}

fn tell(text: &str) {
    std::io::stderr().write_all(format!("{text}\n").as_bytes()).expect("standard error");
}

#[tokio::test]
async fn each_command_passes_under_its_own_policy_and_misses_each_action() {
    let purposes = ["deploy", "preview", "plan", "doctor", "destroy"];
    let counts = join_all(purposes.map(of_purpose)).await;
    let passed: usize = counts.iter().map(|(passed, _)| passed).sum();
    let missed: usize = counts.iter().map(|(_, missed)| missed).sum();
    tell(&format!("policies: {passed} commands pass, {missed} runs miss one action each"));
}
