//! Four pull requests at once, each with a service of its own that really runs: updated, closed, killed
//! half-way, closed while it is built. Afterwards exactly those stand that are open.

use super::{Service, until_processes};
use crate::support::{
    front,
    github::{BOT, GitHub},
    process::part,
    program::{Program, Run},
};
use ecs_private_deploy::exit;
use futures_util::future::join_all;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path, time::Duration};

const REPOSITORY: &str = "hello";

/// The main service, and a folder for what each pull request has checked out.
struct Previews {
    service: Service,
    github: GitHub,
    folders: BTreeMap<u64, tempfile::TempDir>,
    /// `host:` or `path:`, with its pattern.
    way: &'static str,
}

impl Previews {
    async fn new(way: &'static str) -> Self {
        let service = Service::new().await;
        let description = std::fs::read(part("ECS_PRIVATE_DEPLOY_TEST_OPENAPI"));
        let description: Value =
            serde_json::from_slice(&description.expect("the description")).expect("it is JSON");
        let github = GitHub::start(&description["components"]["examples"]);
        github.make(REPOSITORY, BOT);
        let previews = Self { service, github, folders: BTreeMap::new(), way };
        previews.write(previews.service.folder.path());
        previews
    }

    /// The file of every checkout: the main one's, and what a pull request gets.
    fn write(&self, folder: &Path) {
        let main = self.service.folder.path().join("ecs-deploy.yml");
        let text = std::fs::read_to_string(main).expect("the file");
        let text = text.split("load-balancer:").next().expect("it begins");
        let more = format!(
            "load-balancer: {{ name: shared, host: hello.example.com }}\n\
             preview: {{ {}, desired-count: 1, environment: {{ MODE: preview }} }}\n",
            self.way
        );
        std::fs::write(folder.join("ecs-deploy.yml"), format!("{text}{more}")).expect("the file");
    }

    /// Opens pull requests whose pages say this.
    fn open(&mut self, numbers: &[u64]) {
        for number in numbers {
            let folder = tempfile::tempdir().expect("a folder");
            self.write(folder.path());
            self.folders.insert(*number, folder);
            self.serve(*number, &format!("pull request {number}"));
            self.set(*number, true);
        }
    }

    fn set(&self, number: u64, is_open: bool) {
        self.github.with(REPOSITORY, |repository| repository.pulls.insert(number, is_open));
    }

    /// What the pull request's page says from the next build on.
    fn serve(&self, number: u64, text: &str) {
        self.dockerfile(
            number,
            &format!(
                "RUN mkdir /www && echo '{text}' > /www/index.html\n\
                 CMD [\"sh\", \"-c\", \"trap 'exit 0' TERM; echo $MODE >> /www/index.html; \
                 httpd -f -p 8080 -h /www & wait\"]"
            ),
        );
    }

    fn dockerfile(&self, number: u64, rest: &str) {
        let path = self.folders[&number].path().join("Dockerfile");
        std::fs::write(path, format!("FROM busybox:1.37\n{rest}\n")).expect("the Dockerfile");
    }

    fn in_workflow(&self, program: Program, commit: u64) -> Program {
        program
            .env("ECS_PRIVATE_DEPLOY_REGISTRY", &self.service.ministack.registry)
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_REPOSITORY", &format!("octo/{REPOSITORY}"))
            .env("GITHUB_API_URL", &self.github.url)
            .env("GITHUB_SHA", &format!("{commit:040x}"))
            .env("GITHUB_TOKEN", REPOSITORY)
    }

    /// A run of a workflow on this pull request, at this commit of it.
    fn program(&self, command: &str, number: u64, commit: u64) -> Program {
        let number_text = number.to_string();
        let arguments = ["preview", command, "--pr", &number_text];
        let aws = self.service.ministack.config();
        let program = Program::new(self.folders[&number].path(), &arguments, &aws);
        self.in_workflow(program, number * 100 + commit)
    }

    /// A run of a workflow on the default branch.
    async fn main(&self, arguments: &[&str]) -> Run {
        let aws = self.service.ministack.config();
        let program = Program::new(self.service.folder.path(), arguments, &aws);
        self.in_workflow(program, 1).run().await
    }

    async fn page(&self, number: u64) -> (u16, String) {
        let elb = &self.service.account.elb;
        let (host, path) = if self.way.starts_with("host: ") {
            (format!("pr-{number}.preview.example.com"), "/".to_owned())
        } else {
            ("hello.example.com".to_owned(), format!("/pr-{number}/"))
        };
        front::page(elb, "shared", &host, &path).await
    }

    /// Waits until the pull request's page says this; a container takes a moment to listen.
    async fn says(&self, number: u64, text: &str) {
        let mut last = None;
        for _ in 0..150 {
            let (status, body) = self.page(number).await;
            if (status, body.trim()) == (200, &*format!("{text}\npreview")) {
                return;
            }
            last = Some((status, body));
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("pull request {number} does not say {text}: {last:?}");
    }

    async fn main_says(&self, text: &str) {
        let answer = front::page(&self.service.account.elb, "shared", "hello.example.com", "/");
        let (status, body) = answer.await;
        assert_eq!((status, body.trim()), (200, text));
    }

    /// What of the account is not the same as when it had no previews, by name: every thing that a
    /// deploy could make.
    async fn names(&self) -> Vec<String> {
        let account = &self.service.account;
        let mut names = Vec::new();
        let services = account.ecs.list_services().cluster("hello").send().await;
        names.extend(services.expect("services").service_arns.unwrap_or_default());
        let families = account.ecs.list_task_definitions().status("ACTIVE".into()).send().await;
        let families = families.expect("task definitions").task_definition_arns.unwrap_or_default();
        names.extend(families);
        let groups = account.elb.describe_target_groups().send().await.expect("target groups");
        let groups = groups.target_groups.unwrap_or_default().into_iter();
        names.extend(groups.filter_map(|group| group.target_group_name));
        let groups = account.ec2.describe_security_groups().send().await.expect("groups");
        let groups = groups.security_groups.unwrap_or_default().into_iter();
        names.extend(groups.filter_map(|group| group.group_name));
        let groups = account.logs.describe_log_groups().send().await.expect("log groups");
        let groups = groups.log_groups.unwrap_or_default().into_iter();
        names.extend(groups.filter_map(|group| group.log_group_name));
        let listed = account.iam.list_roles().send().await.expect("roles");
        names.extend(listed.roles.into_iter().map(|role| role.role_name));
        let balancers = account.elb.describe_load_balancers().send().await.expect("balancers");
        for balancer in balancers.load_balancers() {
            let arn = balancer.load_balancer_arn().expect("an ARN");
            names.push(arn.to_owned());
            let listeners = account.elb.describe_listeners().load_balancer_arn(arn).send().await;
            for listener in listeners.expect("listeners").listeners() {
                let arn = listener.listener_arn().expect("an ARN");
                let rules = account.elb.describe_rules().listener_arn(arn).send().await;
                let rules = rules.expect("rules").rules.unwrap_or_default();
                names.extend(rules.into_iter().filter_map(|rule| rule.rule_arn));
            }
        }
        names.sort();
        names
    }

    /// Those of the names that have this pull request's number in them.
    async fn of(&self, number: u64) -> Vec<String> {
        let mark = format!("-pr-{number}");
        let mut names = self.names().await;
        names.retain(|name| {
            name.split_once(&mark)
                .is_some_and(|(_, rest)| !rest.starts_with(|next: char| next.is_ascii_digit()))
        });
        names
    }
}

#[tokio::test]
async fn each_has_its_own_host_and_only_what_is_open_stands() {
    lives_and_dies("host: 'pr-{number}.preview.example.com'").await;
}

#[tokio::test]
async fn each_has_its_own_path_and_only_what_is_open_stands() {
    lives_and_dies("path: '/pr-{number}'").await;
}

async fn lives_and_dies(way: &'static str) {
    let mut previews = Previews::new(way).await;
    previews.main(&["deploy"]).await.ends_with(exit::OK);
    previews.main_says("one").await;
    let before = previews.names().await;
    let runs = previews.service.runs().await;

    // Four at the same moment.
    let numbers = [1, 2, 3, 12];
    previews.open(&numbers);
    let ups = numbers.map(|number| previews.program("up", number, 1).run());
    for run in join_all(ups).await {
        run.ends_with(exit::OK);
    }
    for number in numbers {
        previews.says(number, &format!("pull request {number}")).await;
    }
    let list = previews.main(&["preview", "list", "--format", "json"]).await.ends_with(exit::OK);
    let list = list_of(&list);
    let told: Vec<_> = list.iter().map(|row| (&row["pull_request"], &row["state"])).collect();
    let open = json!("open");
    let expected = numbers.map(|number| json!(number));
    assert_eq!(told, expected.iter().map(|number| (number, &open)).collect::<Vec<_>>());
    assert!(list.iter().all(|row| row["usd_a_month"]["to"].as_f64() > Some(1.0)), "{list:#?}");

    // One is updated, while one is closed and another one is killed half-way and closed then.
    previews.serve(1, "updated");
    previews.serve(3, "never seen");
    previews.set(2, false);
    let killed = async {
        let mut running = previews.program("up", 3, 2).start();
        let folder = previews.folders[&3].path().to_string_lossy().into_owned();
        until_processes(&folder, true).await;
        running.signal(Signal::KILL);
        running.ends().await;
        previews.set(3, false);
        previews.program("down", 3, 2).run().await
    };
    let (updated, closed, killed) = tokio::join!(
        previews.program("up", 1, 2).run(),
        previews.program("down", 2, 1).run(),
        killed
    );
    updated.ends_with(exit::OK);
    closed.ends_with(exit::OK);
    killed.ends_with(exit::OK);
    previews.says(1, "updated").await;
    previews.says(12, "pull request 12").await;
    for number in [2, 3] {
        assert_eq!(previews.of(number).await, Vec::<String>::new());
    }

    // One is closed while it is built: its takedown finds the half of it, and the run itself the rest.
    previews.open(&[4]);
    // No other process sleeps as long, and no other build has kept a layer of it.
    let seconds = format!("sleep 7.{}{}", std::process::id(), way.len());
    previews.dockerfile(
        4,
        &format!("RUN {seconds}; mkdir /www\nCMD [\"httpd\", \"-f\", \"-p\", \"8080\"]"),
    );
    let running = previews.program("up", 4, 1).start();
    until_processes(&seconds, true).await;
    previews.set(4, false);
    previews.program("down", 4, 1).run().await.ends_with(exit::OK);
    let run = running.ends().await.ends_with(exit::OK);
    let text = "pull request 4 is closed since 2026-11-25T13:00:00Z, and was open when";
    assert!(run.stderr.contains(text), "{}", run.stderr);
    assert_eq!(previews.of(4).await, Vec::<String>::new());

    // One that is closed is not made.
    let run = previews.program("up", 4, 1).run().await.ends_with(exit::OK);
    assert!(run.stderr.contains("nothing was made"), "{}", run.stderr);
    assert_eq!(previews.of(4).await, Vec::<String>::new());

    // What a run left behind that nobody took down is swept.
    previews.set(12, false);
    let swept = previews.main(&["preview", "sweep"]).await.ends_with(exit::OK);
    assert!(swept.stderr.contains("`hello-pr-12` is taken down"), "{}", swept.stderr);
    assert_eq!(previews.of(12).await, Vec::<String>::new());
    previews.says(1, "updated").await;
    previews.main_says("one").await;
    assert_eq!(previews.service.runs().await, runs, "nobody touched the main service");

    previews.set(1, false);
    previews.program("down", 1, 2).run().await.ends_with(exit::OK);
    assert_eq!(previews.names().await, before, "nothing is left of any of them");
    let none = previews.main(&["preview", "list"]).await.ends_with(exit::OK);
    assert!(none.stdout.contains("No preview of `hello` stands"), "{}", none.stdout);
    previews.main_says("one").await;
}

fn list_of(run: &Run) -> Vec<Value> {
    // As an action the data stands between two lines that keep the runner from reading it.
    let start = run.stdout.find('{').expect("JSON");
    let end = run.stdout.rfind('}').expect("JSON");
    let list: Value = serde_json::from_str(&run.stdout[start..=end]).expect("JSON");
    list["previews"].as_array().expect("a list").clone()
}
