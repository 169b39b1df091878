//! Many accounts in one moto, each with a VPC, an image and a file; and what stands in one as a value in which
//! two accounts are equal when they hold the same things.

use crate::support::{
    account::{Account, Vpc},
    counts::count,
    lane::{Fault, Lane, Which},
    manners::Manners,
    moto::{Moto, REGION},
    program::{Program, Run},
};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ec2::types::{IpPermission, IpRange, VpcEndpointType};
use aws_sdk_ecs::{
    config::{Credentials, SharedCredentialsProvider},
    types::{DesiredStatus, TaskOverride},
};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::Instant,
};

/// One moto, with AWS's manners.
#[derive(Debug)]
pub(super) struct Ground {
    moto: Moto,
    manners: Arc<Manners>,
    file: File,
}

/// What a site's file asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum File {
    /// A service behind a load balancer that is updated in place.
    Plain,
    /// Besides: requests that move between two target groups, a listener for tests, and tasks before and
    /// after the rollout.
    Full,
}

/// What makes a file a full one.
const FULL: &str = "rollout: { strategy: blue-green, bake-time: 1m, test-port: 9000 }\n\
    run:\n\
    - { name: migrate, command: [./migrate], before: rollout }\n\
    - { name: warm, command: [./warm], after: rollout }\n";

/// An account with a VPC, an image and a file.
#[derive(Debug)]
pub(super) struct Site {
    number: String,
    moto: u16,
    manners: Arc<Manners>,
    plain: Lane,
    pub(super) account: Account,
    pub(super) vpc: Vpc,
    file: File,
    folder: tempfile::TempDir,
}

impl Ground {
    pub(super) async fn new() -> Self {
        Self::with(File::Plain).await
    }

    /// The same with files like this.
    pub(super) async fn with(file: File) -> Self {
        Self { moto: Moto::start().await, manners: Arc::default(), file }
    }

    /// An account that nobody else has.
    pub(super) async fn site(&self, number: usize) -> Site {
        self.site_with(number, self.file).await
    }

    /// The same with a file like this.
    pub(super) async fn site_with(&self, number: usize, file: File) -> Site {
        let number = format!("{:012}", 100_000_000_000 + number);
        let (moto, manners) = (self.moto.port(), Arc::clone(&self.manners));
        let plain = Lane::plain(moto, &number, &manners).await;
        let config = config(&plain);
        let account = Account::of(&config);
        account.remove_default_vpc().await;
        let vpc = account.vpc().await;
        account.image("web", "v1").await;
        endpoint_of_others(&account, &vpc).await;
        let folder = tempfile::tempdir().expect("a folder");
        let site = Site { number, moto, manners, plain, account, vpc, file, folder };
        site.write("first");
        site
    }
}

/// An endpoint of somebody else's that serves the tasks as it is: a fifth one of ours would wait for EC2's
/// bucket, in each of some hundred runs.
async fn endpoint_of_others(account: &Account, vpc: &Vpc) {
    let ec2 = &account.ec2;
    let group = ec2.create_security_group().group_name("theirs").description("theirs");
    let group = group.vpc_id(&vpc.id).send().await.expect("a group");
    let group = group.group_id().expect("an id");
    let range = IpRange::builder().cidr_ip("10.42.0.0/16").build();
    let rule = IpPermission::builder().ip_protocol("tcp").from_port(443).to_port(443);
    let request = ec2.authorize_security_group_ingress().group_id(group);
    request.ip_permissions(rule.ip_ranges(range).build()).send().await.expect("a rule");
    ec2.create_vpc_endpoint()
        .vpc_endpoint_type(VpcEndpointType::Interface)
        .vpc_id(&vpc.id)
        .service_name(format!("com.amazonaws.{REGION}.ssm"))
        .set_subnet_ids(Some(vpc.private.clone()))
        .security_group_ids(group)
        .private_dns_enabled(true)
        .send()
        .await
        .expect("an endpoint");
}

/// What a client that goes through this lane is made from.
fn config(lane: &Lane) -> SdkConfig {
    let credentials = Credentials::new("test", "test-secret-key", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(lane.endpoint())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

impl Site {
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes the file in one of two versions, which differ in what most of the steps make.
    pub(super) fn write(&self, version: &str) {
        let (secrets, days, from) = match version {
            "first" => ("", 7, "198.51.100.0/24"),
            _ => ("secrets: { KEY: /web/key },", 14, "203.0.113.0/24"),
        };
        let task = match self.file {
            File::Plain => format!("port: 8080, {secrets} environment: {{ VERSION: {version} }}"),
            File::Full => {
                self.write_definition(version);
                "definition: task.json".to_owned()
            }
        };
        let more = if self.file == File::Full { FULL } else { "" };
        let rest = format!(
            "task: {{ {task} }}\n\
             load-balancer:\n  host: {version}.example.com\n  allow-from: [{from}]\n  \
             deregistration-delay: {days}\n  health-check: {{ path: /{version} }}\n\
             logs: {{ retention-in-days: {days} }}\n{more}"
        );
        self.write_as("ecs-deploy.yml", "web", &rest);
    }

    /// moto runs no task whose container has no memory of its own.
    fn write_definition(&self, version: &str) {
        let logs = json!({"logDriver": "awslogs", "options": {
            "awslogs-group": "/ecs/web", "awslogs-region": REGION, "awslogs-stream-prefix": "web",
        }});
        let container = json!({
            "name": "web", "image": "replaced", "memory": 512, "logConfiguration": logs,
            "portMappings": [{"containerPort": 8080}],
            "environment": [{"name": "VERSION", "value": version}],
        });
        let definition = json!({
            "cpu": "256", "memory": "512", "requiresCompatibilities": ["FARGATE"],
            "networkMode": "awsvpc", "containerDefinitions": [container],
        });
        let path = self.folder().join("task.json");
        std::fs::write(path, definition.to_string()).expect("a file");
    }

    /// How often each command was started as a task of its own.
    pub(super) async fn tasks(&self) -> BTreeMap<String, usize> {
        let ecs = &self.account.ecs;
        let mut arns = BTreeSet::new();
        for status in [DesiredStatus::Running, DesiredStatus::Stopped] {
            let listed = ecs.list_tasks().cluster("web").desired_status(status).send().await;
            arns.extend(listed.expect("tasks").task_arns.unwrap_or_default());
        }
        let mut tasks = BTreeMap::new();
        if arns.is_empty() {
            return tasks;
        }
        let arns = Some(arns.into_iter().collect());
        let found = ecs.describe_tasks().cluster("web").set_tasks(arns).send().await;
        for task in found.expect("tasks").tasks() {
            let overrides = task.overrides().map(TaskOverride::container_overrides);
            let command = overrides.unwrap_or_default().iter().find_map(|it| it.command().first());
            if let Some(command) = command {
                *tasks.entry(command.clone()).or_default() += 1;
            }
        }
        tasks
    }

    /// Writes a file of a service of this name.
    pub(super) fn write_as(&self, file: &str, service: &str, rest: &str) {
        let image = format!("{}.dkr.ecr.{REGION}.amazonaws.com/web:v1", self.number);
        let text = format!("service: {service}\nimage: {image}\n{rest}");
        std::fs::write(self.folder().join(file), text).expect("the file");
    }

    /// A way to the account on which these calls fail.
    pub(super) async fn failing(&self, fault: Fault, which: Which) -> Lane {
        Lane::failing(self.moto, &self.number, &self.manners, fault, which, None).await
    }

    /// A way that ends after this many calls.
    pub(super) async fn ending(&self, last: usize) -> Lane {
        let (fault, which) = (Fault::Throttle, Which::None);
        Lane::failing(self.moto, &self.number, &self.manners, fault, which, Some(last)).await
    }

    /// A way on which nothing fails, whose calls are counted.
    pub(super) async fn counted(&self) -> Lane {
        Lane::plain(self.moto, &self.number, &self.manners).await
    }

    pub(super) fn program(&self, arguments: &[&str], lane: &Lane) -> Program {
        Program::new(self.folder(), arguments, &config(lane))
    }

    /// Runs it undisturbed.
    pub(super) async fn run(&self, arguments: &[&str]) -> Run {
        self.program(arguments, &self.plain).run().await
    }

    /// What stands, in a form in which two accounts with the same things are equal.
    pub(super) async fn standing(&self) -> Value {
        let everything = self.account.everything().await;
        let mut names = BTreeMap::from([(self.number.clone(), "ACCOUNT".to_owned())]);
        names.insert(self.vpc.id.clone(), "VPC".to_owned());
        let lists = [
            ("public", &self.vpc.public),
            ("private", &self.vpc.private),
            ("table", &self.vpc.route_tables),
        ];
        for (name, ids) in lists {
            names.extend(ids.iter().enumerate().map(|(n, id)| (id.clone(), format!("{name}{n}"))));
        }
        let groups = everything["network"]["groups"].as_object().expect("a map of groups");
        for (id, group) in groups {
            let address = group["tags"]["ecs-private-deploy:address"].as_str();
            names.insert(id.clone(), address.unwrap_or("default-group").to_owned());
        }
        canonical(&everything, &names)
    }
}

/// The value with names for ids, nothing of times, and everything in order of what it says.
fn canonical(value: &Value, names: &BTreeMap<String, String>) -> Value {
    let sorted = |mut list: Vec<Value>| {
        list.sort_by_key(ToString::to_string);
        Value::Array(list)
    };
    match value {
        Value::String(text) => Value::String(anonymous(text, names)),
        Value::Array(list) => sorted(list.iter().map(|value| canonical(value, names)).collect()),
        Value::Object(map) => sorted(
            map.iter()
                .map(|(key, value)| {
                    Value::Array(vec![anonymous(key, names).into(), canonical(value, names)])
                })
                .collect(),
        ),
        other => other.clone(),
    }
}

/// Without what is made up anew each time: ids, times, and the numbers of revisions.
fn anonymous(text: &str, names: &BTreeMap<String, String>) -> String {
    let text = names.iter().fold(text.to_owned(), |text, (id, name)| text.replace(id, name));
    // What is written out as Rust shows it has times in it, and lists in the order of ids.
    let text = if text.contains(" { ") {
        let parts = text.split(|symbol| "{}[],".contains(symbol)).map(str::trim);
        let mut parts: Vec<_> = parts
            .filter(|part| !part.is_empty() && !part.contains("_time: ") && !part.contains("_at: "))
            .collect();
        parts.sort_unstable();
        parts.join(", ")
    } else {
        text
    };
    let is_part = |symbol: char| symbol.is_ascii_alphanumeric();
    let mut told = String::new();
    let mut rest = text.as_str();
    while let Some(start) = rest.find(is_part) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|symbol: char| !is_part(symbol)).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        told.push_str(before);
        let all = |is: fn(&u8) -> bool| word.as_bytes().iter().all(is);
        let is_id = word.len() >= 8 && all(u8::is_ascii_hexdigit);
        let is_number = all(u8::is_ascii_digit)
            && (word.len() > 5
                || ["nanos: ", "task-definition/web:"].iter().any(|of| told.ends_with(of)));
        told.push_str(if is_id || is_number { "#" } else { word });
        rest = after;
    }
    told + rest
}

/// Does it for each of these, so many at once (they wait for moto most of the time), and says how many
/// there were and how long it took.
pub(super) async fn each<T>(
    what: &str,
    at_once: usize,
    of: impl IntoIterator<Item = T>,
    each: impl AsyncFn(T),
) {
    let began = Instant::now();
    let points = stream::iter(of).map(|one| each(one)).buffer_unordered(at_once).count().await;
    count(&format!("{what}: {points} points in {:.0} s", began.elapsed().as_secs_f64()));
}
