//! MiniStack: AWS's control plane with a registry that takes pushes, and tasks that run as containers
//! in the Docker engine that `DOCKER_HOST` names.

use super::process::{Server, part};
use aws_config::SdkConfig;
use std::{fs::File, process::Command};

/// A region that is nobody's default, so that a default cannot pass for the right one.
pub(crate) const REGION: &str = "eu-central-1";

/// A MiniStack of one's own.
#[derive(Debug)]
pub(crate) struct Ministack {
    /// Where it answers: the control plane, the load balancers by their `Host`, and the registry.
    pub(crate) endpoint: String,
    /// The same for Docker, which takes a registry on a loopback address without TLS.
    pub(crate) registry: String,
    _server: Server,
    _turn: File,
}

impl Ministack {
    /// Starts one, when it is this test's turn: an engine has one image store for all, and to remove an
    /// image from it can take away what another build is just writing.
    pub(crate) async fn start() -> Self {
        Self::listening_on("127.0.0.1", None, false).await
    }

    /// The same, in which IAM decides: policies, and whom a role's trust policy takes.
    pub(crate) async fn start_that_authorizes() -> Self {
        Self::listening_on("127.0.0.1", None, true).await
    }

    /// The same, whose engine is behind this daemon.
    pub(crate) async fn start_on(daemon: &super::daemon::Daemon) -> Self {
        Self::listening_on("127.0.0.1", Some(daemon.host()), false).await
    }

    /// The same, for containers to reach too.
    pub(crate) async fn start_for_containers() -> Self {
        Self::listening_on("0.0.0.0", None, false).await
    }

    async fn listening_on(host: &str, engine: Option<String>, authorizes: bool) -> Self {
        let turn = File::create(concat!(env!("CARGO_TARGET_TMPDIR"), "/engine.lock"))
            .expect("a file to lock");
        turn.lock().expect("a lock");
        let program = part("ECS_PRIVATE_DEPLOY_TEST_MINISTACK");
        let server = Server::start(|port, folder| {
            let mut command = Command::new(program);
            command
                .env("BIND_HOST", host)
                .env("GATEWAY_PORT", port.to_string())
                .env("MINISTACK_REGION", REGION)
                .env("TMPDIR", folder.path())
                .env("AUTH", authorizes.to_string())
                .envs(engine.map(|engine| ("DOCKER_HOST", engine)));
            command
        })
        .await;
        let address = format!("127.0.0.1:{}", server.port);
        Self {
            endpoint: format!("http://{address}"),
            registry: address,
            _server: server,
            _turn: turn,
        }
    }

    /// Where it answers, as a container on the default bridge sees it.
    pub(crate) fn endpoint_for_containers(&self) -> String {
        let gateway = Command::new("docker")
            .args(["network", "inspect", "bridge", "--format"])
            .arg("{{(index .IPAM.Config 0).Gateway}}")
            .output()
            .expect("docker starts");
        let gateway = String::from_utf8(gateway.stdout).expect("an address");
        let (_, port) = self.registry.rsplit_once(':').expect("a port");
        format!("http://{}:{port}", gateway.trim())
    }

    /// Asks the load balancer of this DNS name for its page; yields status and body.
    pub(crate) async fn page(&self, host: &str) -> (u16, String) {
        self.get("/", host).await
    }

    /// Asks the load balancer of this name for the page of a host; MiniStack has a path for that.
    pub(crate) async fn page_of(&self, load_balancer: &str, host: &str) -> (u16, String) {
        self.get(&format!("/_alb/{load_balancer}/"), host).await
    }

    async fn get(&self, path: &str, host: &str) -> (u16, String) {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream =
            tokio::net::TcpStream::connect(&self.registry).await.expect("MiniStack answers");
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("it is sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.expect("a status"), body.to_owned())
    }

    /// The port that it listens on, on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        let (_, port) = self.registry.rsplit_once(':').expect("a port");
        port.parse().expect("a port")
    }

    /// What a client of the account's administrator is made from.
    pub(crate) fn config(&self) -> SdkConfig {
        super::program::administrator(&self.endpoint, REGION)
    }
}
