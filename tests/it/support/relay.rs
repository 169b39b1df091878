//! Between the program and moto: passes every request on, and puts in the answer what EC2 would say
//! where moto has no such thing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// A text of an answer and what stands in its place.
#[derive(Debug)]
struct Edit {
    action: &'static str,
    from: String,
    to: String,
    is_used: bool,
}

/// Listens as long as the test runs.
#[derive(Debug)]
pub struct Relay {
    /// On 127.0.0.1.
    pub port: u16,
    edits: Arc<Mutex<Vec<Edit>>>,
}

impl Relay {
    /// Listens, and passes on to this port.
    pub async fn before(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let edits = Arc::new(Mutex::new(Vec::new()));
        let relay =
            Self { port: listener.local_addr().expect("it is bound").port(), edits: edits.clone() };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let edits = edits.clone();
                // A client that hangs up has its answer, or its test has ended.
                tokio::spawn(async move { Box::pin(carry(client, port, &edits)).await.ok() });
            }
        });
        relay
    }

    /// From now on `to` stands for every `from` in the answers to `action`.
    pub fn say(&self, action: &'static str, from: impl Into<String>, to: impl Into<String>) {
        let edit = Edit { action, from: from.into(), to: to.into(), is_used: false };
        lock(&self.edits).push(edit);
    }

    /// The same, where it does not matter whether it comes up.
    pub fn may_say(&self, action: &'static str, from: impl Into<String>, to: impl Into<String>) {
        let edit = Edit { action, from: from.into(), to: to.into(), is_used: true };
        lock(&self.edits).push(edit);
    }

    /// Takes the edits back; one that was never used is a mistake of the test.
    pub fn forget(&self) {
        let edits: Vec<_> = lock(&self.edits).drain(..).collect();
        let unused: Vec<_> = edits.iter().filter(|edit| !edit.is_used).collect();
        assert!(unused.is_empty(), "never said by moto: {unused:?}");
    }
}

fn lock(edits: &Mutex<Vec<Edit>>) -> MutexGuard<'_, Vec<Edit>> {
    edits.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One request a connection, so that where the answer ends is where the connection does.
async fn carry(mut client: TcpStream, port: u16, edits: &Mutex<Vec<Edit>>) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    let (head, body) = loop {
        let read = client.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        request.extend_from_slice(&buffer[..read]);
        if let Some((head, body)) = split(&request)
            && body.len() >= length(&head)
        {
            break (head, body);
        }
    };
    let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
    let closing = headed(&head, &body);
    server.write_all(closing.as_bytes()).await?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).await?;
    let (answered, mut text) = split(&answer).unwrap_or_default();
    let action = body.split('&').find_map(|pair| pair.strip_prefix("Action="));
    for edit in lock(edits).iter_mut().filter(|edit| Some(edit.action) == action) {
        edit.is_used |= text.contains(&edit.from);
        text = text.replace(&edit.from, &edit.to);
    }
    client.write_all(headed(&answered, &text).as_bytes()).await?;
    client.shutdown().await
}

/// The message with this body, as the connection's last one.
pub(super) fn headed(head: &str, body: &str) -> String {
    let head = without(&without(head, "connection"), "content-length");
    format!("{head}connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// The head with its last line break, and the body.
pub(super) fn split(message: &[u8]) -> Option<(String, String)> {
    let text = String::from_utf8_lossy(message);
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some((format!("{head}\r\n"), body.to_owned()))
}

pub(super) fn length(head: &str) -> usize {
    let value = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    };
    head.lines().find_map(value).unwrap_or(0)
}

fn without(head: &str, name: &str) -> String {
    let is_other = |line: &&str| {
        line.split_once(':').is_none_or(|(found, _)| !found.eq_ignore_ascii_case(name))
    };
    head.split_inclusive("\r\n").filter(is_other).collect()
}
