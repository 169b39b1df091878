//! A gate before a registry: it lets nobody in without the login, as ECR does and MiniStack does not.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ecs_private_deploy::image::login::Login;
use tokio::{
    io::{self, AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
};

/// The first byte of a TLS handshake.
const TLS: u8 = 0x16;

/// A gate, open until this is dropped.
#[derive(Debug)]
pub(crate) struct Gate {
    /// `host:port`.
    pub(crate) registry: String,
    task: AbortHandle,
}

impl Gate {
    /// Opens one before the registry at `behind`, a `host:port`, for this login alone.
    pub(crate) async fn open(behind: &str, login: &Login) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let registry = listener.local_addr().expect("it is bound").to_string();
        let behind = behind.to_owned();
        let pair = format!("{}:{}", login.username, login.password.expose());
        let key = format!("\r\nAuthorization: Basic {}\r\n", BASE64_STANDARD.encode(pair));
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, behind.clone(), key.clone()));
            }
        });
        Self { registry, task: task.abort_handle() }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Looks at the first request alone: who has the key keeps showing it.
async fn serve(mut client: TcpStream, behind: String, key: String) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if client.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
        // Docker tries TLS first, and takes an answer without it as the sign to do without.
        if head.first() == Some(&TLS) {
            return client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    }
    // Names of headers have no case, and not all clients write them as Docker does.
    let shown =
        String::from_utf8_lossy(&head).replace("\r\nauthorization: ", "\r\nAuthorization: ");
    if !shown.contains(&key) {
        let answer = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"gate\"\r\n\
            Content-Length: 0\r\nConnection: close\r\n\r\n";
        return client.write_all(answer.as_bytes()).await;
    }
    let mut registry = TcpStream::connect(behind).await?;
    registry.write_all(&head).await?;
    io::copy_bidirectional(&mut client, &mut registry).await.map(drop)
}
