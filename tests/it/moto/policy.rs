//! Each command under exactly the policy that is printed for it, and without each of its actions.
//!
//! Two decide: moto, which enforces the actions and knows neither resources nor conditions, nor what AWS asks
//! for beside what is called (tags of what is made, roles that are passed on, EC2 in ELB's name); and in
//! front of it an authority that reads the printed policies as they are.

use crate::support::{
    account::Account,
    authority::Authority,
    counts::count,
    lane::{Fault, Lane, Which},
    manners::Manners,
    moto::{Moto, REGION},
    program::{Program, Run},
};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ecs::config::{Credentials, SharedCredentialsProvider};
use ecs_private_deploy::exit;
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc};

/// A command, what stands before it, and what its role is for.
struct Scenario {
    name: &'static str,
    purpose: &'static str,
    arguments: &'static [&'static str],
    /// Files that were deployed before, by somebody who may do everything.
    before: &'static [&'static str],
    /// The file that the command is about.
    file: &'static str,
    /// The preview that was made before, from which file, likewise.
    preview: Option<&'static str>,
}

const SCENARIOS: [Scenario; 13] = [
    Scenario {
        name: "a first deploy",
        purpose: "deploy",
        arguments: &["deploy"],
        before: &[],
        file: "first",
        preview: None,
    },
    Scenario {
        name: "an update",
        purpose: "deploy",
        arguments: &["deploy"],
        before: &["first"],
        file: "second",
        preview: None,
    },
    Scenario {
        name: "a deploy beside another service's",
        purpose: "deploy",
        arguments: &["deploy"],
        before: &["api"],
        file: "first",
        preview: None,
    },
    Scenario {
        name: "a plan",
        purpose: "plan",
        arguments: &["plan"],
        before: &["first"],
        file: "second",
        preview: None,
    },
    Scenario {
        name: "the doctor",
        purpose: "doctor",
        arguments: &["doctor"],
        before: &["first"],
        file: "first",
        preview: None,
    },
    Scenario {
        name: "a destroy",
        purpose: "destroy",
        arguments: &["destroy", "--yes"],
        before: &["second"],
        file: "second",
        preview: None,
    },
    Scenario {
        name: "a destroy beside another service",
        purpose: "destroy",
        arguments: &["destroy", "--yes"],
        before: &["first", "api"],
        file: "first",
        preview: None,
    },
    Scenario {
        name: "a preview",
        purpose: "preview",
        arguments: &["preview", "up", "--pr", "42"],
        before: &["first"],
        file: "first",
        preview: None,
    },
    Scenario {
        name: "a preview that the main service's roles do not fit",
        purpose: "preview",
        arguments: &["preview", "up", "--pr", "42"],
        before: &["second"],
        file: "other",
        preview: None,
    },
    Scenario {
        name: "a list of previews",
        purpose: "preview",
        arguments: &["preview", "list"],
        before: &["first"],
        file: "first",
        preview: Some("first"),
    },
    Scenario {
        name: "a preview's update",
        purpose: "preview",
        arguments: &["preview", "up", "--pr", "42"],
        before: &["first"],
        file: "later",
        preview: Some("first"),
    },
    Scenario {
        name: "a sweep of previews",
        purpose: "preview",
        arguments: &["preview", "sweep"],
        before: &["first"],
        file: "brief",
        preview: Some("brief"),
    },
    Scenario {
        name: "a preview's end",
        purpose: "preview",
        arguments: &["preview", "down", "--pr", "42"],
        before: &["second"],
        file: "other",
        preview: Some("other"),
    },
];

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
        // What a preview has of its own differs.
        "later" => {
            "service: web\ntask: { port: 8080, cpu: 512 }\n\
             load-balancer: { host: web.example.com, allow-from: [198.51.100.0/24], \
             health-check: { path: /later } }\n\
             preview: { host: \"pr-{number}.later.example.com\" }\n"
        }
        // Without GitHub a sweep goes by age alone.
        "brief" => {
            "service: web\ntask: { port: 8080 }\n\
             load-balancer: { host: web.example.com, allow-from: [198.51.100.0/24] }\n\
             preview: { host: \"pr-{number}.example.com\", ttl: 1s }\n"
        }
        // The roles and the group of the main service do not fit.
        "other" => {
            "service: web\ntask: { port: 9090, secrets: { OTHER: /web/other } }\n\
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
        self.moto.enforce_iam().await;
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
        if let Some(name) = scenario.preview {
            self.write(name);
            let words = ["preview", "up", "--pr", "42"];
            let run = self.program(&words, &self.plain, &self.administrator).run().await;
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

/// What is wrong with how a run ended that may not do this.
fn wrong(action: &str, code: Option<u8>, run: &Run, lane: &Lane) -> Option<String> {
    let told = format!("{}\n{}", run.stdout, run.stderr);
    if !told.contains(action) {
        return Some(format!("{code:?}, and the action is not named"));
    }
    let is_wanted = told.contains(&format!("help: allow `{action}`"));
    let wrote = wrote(lane);
    let is_well = match code {
        Some(exit::REFUSED) => is_wanted && wrote.is_empty(),
        Some(exit::PARTIAL) => is_wanted && !wrote.is_empty() && told.contains("run it again"),
        // What can be done without is told as a warning.
        Some(exit::OK) => ["Describe", "Get", "List"]
            .iter()
            .any(|read| action.split_once(':').is_some_and(|(_, name)| name.starts_with(read))),
        _ => false,
    };
    (!is_well).then(|| format!("{code:?}, {wrote:?}"))
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
    trouble: &mut Vec<String>,
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
        let code = run.code.and_then(|code| u8::try_from(code).ok());
        if let Some(wrong) = wrong(&action, code, &run, &lane) {
            let name = scenario.name;
            trouble
                .push(format!("{name} without {action}: {wrong}\n{}\n{}", run.stdout, run.stderr));
        }
        // Where nothing was changed the place serves for the next one.
        if code == Some(exit::REFUSED) {
            fresh = Some((place, key));
        }
    }
    count
}

/// The scenarios of one purpose: how many passed, and how many runs missed an action. What no scenario asks
/// for is told.
async fn of_purpose(purpose: &str) -> (usize, usize, Vec<String>) {
    let town = Town::new().await;
    let mut places = 0..;
    let (mut passed, mut missed, mut trouble) = (0, 0, Vec::new());
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
        if failed.is_empty() && run.code == Some(0) {
            passed += 1;
        } else {
            trouble.push(format!("{}: {failed:?}\n{}", scenario.name, run.stderr));
        }
        let new: BTreeSet<_> = used.difference(&seen).cloned().collect();
        seen.extend(used);
        missed += each_action_is_missed(&town, scenario, new, &mut places, &mut trouble).await;
        all.extend(actions(&policies));
    }
    let rest: Vec<_> = all.difference(&seen).map(String::as_str).collect();
    count(&format!("iam-policy for {purpose}: no run asks for {}", rest.join(", ")));
    (passed, missed, trouble)
}

async fn hold(purpose: &str) {
    let (passed, missed, trouble) = of_purpose(purpose).await;
    assert!(trouble.is_empty(), "{}", trouble.join("\n\n"));
    count(&format!(
        "iam-policy for {purpose}: {passed} commands pass under it, {missed} runs with one action taken out name it"
    ));
}

#[tokio::test]
async fn a_deploy_passes_under_its_own_policy_and_misses_each_action() {
    hold("deploy").await;
}

#[tokio::test]
async fn a_preview_passes_under_its_own_policy_and_misses_each_action() {
    hold("preview").await;
}

#[tokio::test]
async fn a_plan_passes_under_its_own_policy_and_misses_each_action() {
    hold("plan").await;
}

#[tokio::test]
async fn the_doctor_passes_under_its_own_policy_and_misses_each_action() {
    hold("doctor").await;
}

#[tokio::test]
async fn a_destroy_passes_under_its_own_policy_and_misses_each_action() {
    hold("destroy").await;
}
