//! The action's image, built from the Dockerfile and started as GitHub's runner starts it: its mounts,
//! its working directory, its environment, and the engine's socket.
//! <https://github.com/actions/runner/blob/main/src/Runner.Worker/Handlers/ContainerActionHandler.cs>

use crate::support::{account::Account, ministack::Ministack, process::variable, switch::dead};
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

const IMAGE: &str = "ecs-private-deploy-action:test";

fn docker(arguments: &[&str]) -> Output {
    let output = Command::new("docker").args(arguments).output().expect("docker starts");
    assert!(output.status.success(), "docker {arguments:?}: {}", text(&output.stderr));
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Builds the image with the program that the tests run, in place of the stage that compiles it.
fn build() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    fs::create_dir(&out).expect("a folder");
    fs::copy(env!("CARGO_BIN_EXE_ecs-private-deploy"), out.join("ecs-private-deploy"))
        .expect("the program");
    let context = format!("build={}", folder.path().display());
    let root = env!("CARGO_MANIFEST_DIR");
    let arguments =
        ["buildx", "build", "--load", "--build-context", &context, "--tag", IMAGE, root];
    // The engine's image store may just be collecting a layer of an image that an earlier test removed.
    let first = Command::new("docker").args(arguments).output().expect("docker starts");
    if !first.status.success() {
        docker(&arguments);
    }
}

/// The folders that the runner mounts.
struct Runner {
    folder: tempfile::TempDir,
    ministack: Ministack,
    account: Account,
}

impl Runner {
    async fn new() -> Self {
        let ministack = Ministack::start_for_containers().await;
        let account = Account::of(&ministack.config());
        let vpc = account.vpc().await;
        let folder = tempfile::tempdir().expect("a folder");
        let runner = Self { folder, ministack, account };
        for name in ["home", "workflow", "file_commands", "runner_temp", "workspace/app"] {
            fs::create_dir_all(runner.path(name)).expect("a folder");
        }
        let pull_request = json!({"number": 7, "head": {"sha": HEAD}});
        let event = json!({"action": "synchronize", "pull_request": pull_request});
        fs::write(runner.path("workflow/event.json"), event.to_string()).expect("the event");
        for name in ["output", "summary"] {
            fs::write(runner.path("file_commands").join(name), "").expect("a file");
        }
        let app = runner.path("workspace/app");
        let file = format!(
            "service: hello\nnetwork: {{ vpc: {} }}\nimage: {{ context: ., cache: none }}\n\
             task: {{ port: 8080 }}\nrollout: {{ desired-count: 1, timeout: 3m }}\n",
            vpc.id
        );
        fs::write(app.join("deploy.yml"), file).expect("the file");
        let dockerfile = "FROM busybox:1.37\nRUN mkdir /www && echo from-the-action > /www/index.html\n\
            CMD [\"sh\", \"-c\", \"trap 'exit 0' TERM; httpd -f -p 8080 -h /www & wait\"]\n";
        fs::write(app.join("Dockerfile"), dockerfile).expect("the Dockerfile");
        runner
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the image as the runner does, with the action's inputs; yields what it printed.
    fn run(&self, inputs: &[(&str, &str)], more: &[(&str, &str)]) -> Output {
        self.command(inputs, more, &[]).output().expect("docker starts")
    }

    /// The same, not started yet; `arguments` are docker's.
    fn command(
        &self,
        inputs: &[(&str, &str)],
        more: &[(&str, &str)],
        arguments: &[&str],
    ) -> Command {
        let socket = socket();
        let mut command = Command::new("docker");
        command.args(["run", "--rm", "--workdir", "/github/workspace"]).args(arguments);
        for (name, inside) in [
            ("home", "/github/home"),
            ("workflow", "/github/workflow"),
            ("file_commands", "/github/file_commands"),
            ("runner_temp", "/github/runner_temp"),
            ("workspace", "/github/workspace"),
        ] {
            command.arg("-v").arg(format!("{}:{inside}", self.path(name).display()));
        }
        command.arg("-v").arg(format!("{}:/var/run/docker.sock", socket.display()));
        let own = [
            ("HOME", "/github/home"),
            ("CI", "true"),
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_API_URL", "http://127.0.0.1:9"),
            ("GITHUB_EVENT_NAME", "pull_request"),
            ("GITHUB_EVENT_PATH", "/github/workflow/event.json"),
            ("GITHUB_OUTPUT", "/github/file_commands/output"),
            ("GITHUB_REPOSITORY", "octo/hello"),
            ("GITHUB_RUN_ID", "42"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_SHA", MERGE),
            ("GITHUB_STEP_SUMMARY", "/github/file_commands/summary"),
            ("GITHUB_WORKSPACE", "/github/workspace"),
            ("RUNNER_OS", "Linux"),
            ("RUNNER_TEMP", "/github/runner_temp"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ENDPOINT_URL", &self.ministack.endpoint_for_containers()),
            ("ECS_PRIVATE_DEPLOY_REGISTRY", &self.ministack.registry),
        ];
        for (name, value) in own.iter().chain(more) {
            command.arg("-e").arg(format!("{name}={value}"));
        }
        // An input that a workflow does not give is there, and empty.
        for name in INPUTS {
            let given =
                inputs.iter().find(|(given, _)| *given == name).map_or("", |(_, value)| value);
            command.arg("-e").arg(format!("INPUT_{}={given}", name.to_uppercase()));
        }
        command.arg(IMAGE);
        command
    }
}

const INPUTS: [&str; 18] = [
    "command",
    "config",
    "working-directory",
    "aws-region",
    "role-to-assume",
    "role-session-name",
    "role-duration-seconds",
    "role-external-id",
    "audience",
    "role-chaining",
    "role-skip-session-tagging",
    "mask-aws-account-id",
    "allowed-account-ids",
    "image",
    "pr",
    "allow-forks",
    "environment",
    "github-token",
];
const HEAD: &str = "1111111111222222222233333333334444444444";
const MERGE: &str = "9999999999888888888877777777776666666666";
const SECRET: &str = "a-secret-access-key-of-this-test";

/// The engine's socket, which the runner mounts.
fn socket() -> PathBuf {
    let host = variable("DOCKER_HOST").map(|host| host.to_string_lossy().into_owned());
    let host = host.unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned());
    Path::new(host.strip_prefix("unix://").expect("an engine on this machine")).to_owned()
}

#[tokio::test]
async fn the_image_deploys_as_a_step_of_a_workflow() {
    let runner = Runner::new().await;
    build();
    let inputs = [("command", "deploy"), ("config", "deploy.yml"), ("working-directory", "app")];
    let ran = runner.run(&inputs, &[]);
    let printed = text(&ran.stdout) + &text(&ran.stderr);
    assert!(ran.status.success(), "{printed}");
    assert!(printed.contains("::group::") && printed.contains("::stop-commands::"), "{printed}");

    let found = runner.account.elb.describe_load_balancers().names("hello").send().await;
    let host = found.expect("load balancers").load_balancers()[0].dns_name().map(str::to_owned);
    let host = host.expect("a name");
    let outputs = fs::read_to_string(runner.path("file_commands/output")).expect("the outputs");
    for name in [
        "url",
        "image",
        "image-digest",
        "task-definition-arn",
        "service-arn",
        "cluster-arn",
        "load-balancer-dns",
        "changed",
    ] {
        let is_there = outputs.lines().any(|line| line.starts_with(&format!("{name}<<")));
        assert!(is_there, "{name} in {outputs}");
    }
    assert!(outputs.contains(&host), "{outputs}");
    let summary = fs::read_to_string(runner.path("file_commands/summary")).expect("the summary");
    assert!(summary.contains("`hello` is deployed"), "{summary}");
    // The pull request's head, not its merge commit.
    let image = runner.account.ecr.list_images().repository_name("hello").send().await;
    let tags: Vec<_> = image
        .expect("images")
        .image_ids()
        .iter()
        .filter_map(|id| id.image_tag().map(str::to_owned))
        .collect();
    assert_eq!(tags, [HEAD]);

    for _ in 0..100 {
        if runner.ministack.page(&host).await.1.trim() == "from-the-action" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert_eq!(runner.ministack.page(&host).await.1.trim(), "from-the-action");
    nothing_is_left(&runner, &printed);

    // What the runner passes through the environment, and a second run that finds nothing to do.
    let again = runner.run(&inputs, &[]);
    assert!(text(&again.stderr).contains("nothing to do"), "{}", text(&again.stderr));
    let down = runner.run(&[("command", "destroy"), inputs[1], inputs[2]], &[]);
    assert!(down.status.success(), "{}", text(&down.stderr));
}

/// No credential is printed or left in a folder that outlives the step.
fn nothing_is_left(runner: &Runner, printed: &str) {
    // The runner takes this command, and shows three stars for what it names.
    let mut shown = printed.lines().filter(|line| !line.starts_with("::add-mask::"));
    assert!(!shown.any(|line| line.contains(SECRET)), "{printed}");
    let mut folders = vec![runner.folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("it can be read") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let content = text(&fs::read(&path).unwrap_or_default());
                assert!(!content.contains(SECRET), "{}", path.display());
                assert!(!content.contains("\"auths\""), "{}", path.display());
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_input_is_said_as_an_annotation_and_ends_with_2() {
    let runner = Runner::new().await;
    build();
    let ran = runner.run(&[("command", "deplou"), ("working-directory", "app")], &[]);
    assert_eq!(ran.status.code(), Some(2), "{}", text(&ran.stderr));
    assert!(text(&ran.stderr).contains("deplou"), "{}", text(&ran.stderr));
}

#[tokio::test]
async fn as_process_1_it_ends_when_it_is_told_to() {
    let runner = Runner::new().await;
    build();
    let endpoint = runner.ministack.endpoint_for_containers();
    let (host, _) = endpoint.rsplit_once(':').expect("a port");
    let inputs = [("command", "deploy"), ("config", "deploy.yml"), ("working-directory", "app")];
    for signal in ["INT", "TERM"] {
        // A service that never answers, as the container sees it.
        let (port, mut requests) = dead("0.0.0.0").await;
        let endpoint = format!("{host}:{port}");
        let name = format!("ecs-private-deploy-test-{port}-{signal}");
        let own = [("AWS_ENDPOINT_URL", endpoint.as_str())];
        let mut command = runner.command(&inputs, &own, &["--name", &name]);
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("docker starts");
        requests.recv().await.expect("AWS is asked");
        docker(&["kill", "--signal", signal, &name]);
        let deadline = Instant::now() + Duration::from_secs(20);
        while child.try_wait().expect("a child of this process").is_none() {
            if Instant::now() > deadline {
                docker(&["rm", "--force", &name]);
                panic!("it does not end by itself");
            }
            thread::sleep(Duration::from_millis(20));
        }
        let ran = child.wait_with_output().expect("it has ended");
        assert_eq!(ran.status.code(), Some(1), "{}", text(&ran.stderr));
        let ended = format!("the run was ended by SIG{signal}");
        assert!(text(&ran.stderr).contains(&ended), "{}", text(&ran.stderr));
        let summary =
            fs::read_to_string(runner.path("file_commands/summary")).expect("the summary");
        assert!(summary.contains("was cancelled, nothing was changed"), "{summary}");
        assert!(summary.contains(&ended), "{summary}");
    }
}
