//! Between the program and an emulator: passes every request on, and puts in the answer what AWS would
//! say where the emulator has no such thing.

use super::moto::REGION;
use aws_config::SdkConfig;
use futures_util::future::BoxFuture;
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
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

/// What is done with the requests of an operation.
#[derive(Clone)]
struct Hook {
    action: &'static str,
    does: Does,
}

/// What a body is made into.
type Make<T> = Arc<dyn Fn(&str) -> T + Send + Sync>;

#[derive(Clone)]
enum Does {
    /// Before the request is passed on.
    Before(Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>),
    /// In place of passing it on, with its body; yields the body of a refusal.
    Instead(Make<Option<String>>),
    /// With the answer's body.
    After(Make<String>),
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hook").field("action", &self.action).finish_non_exhaustive()
    }
}

/// What is changed on the way.
#[derive(Debug, Default)]
struct Changes {
    edits: Mutex<Vec<Edit>>,
    hooks: Mutex<Vec<Hook>>,
}

/// Listens as long as the test runs.
#[derive(Debug)]
pub struct Relay {
    /// On 127.0.0.1.
    pub port: u16,
    changes: Arc<Changes>,
}

impl Relay {
    /// Listens, and passes on to this port.
    pub async fn before(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let changes = Arc::new(Changes::default());
        let own = listener.local_addr().expect("it is bound").port();
        let relay = Self { port: own, changes: Arc::clone(&changes) };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let changes = Arc::clone(&changes);
                // A client that hangs up has its answer, or its test has ended.
                tokio::spawn(async move { Box::pin(carry(client, port, &changes)).await.ok() });
            }
        });
        relay
    }

    /// What a client of the account's administrator is made from, that asks here.
    pub fn config(&self) -> SdkConfig {
        super::program::administrator(&format!("http://127.0.0.1:{}", self.port), REGION)
    }

    /// From now on `to` stands for every `from` in the answers to `action`.
    pub fn say(&self, action: &'static str, from: impl Into<String>, to: impl Into<String>) {
        let edit = Edit { action, from: from.into(), to: to.into(), is_used: false };
        lock(&self.changes.edits).push(edit);
    }

    /// The same, where it does not matter whether it comes up.
    pub fn may_say(&self, action: &'static str, from: impl Into<String>, to: impl Into<String>) {
        let edit = Edit { action, from: from.into(), to: to.into(), is_used: true };
        lock(&self.changes.edits).push(edit);
    }

    /// From now on this is done before every request of `action` is passed on.
    pub fn before_each(
        &self,
        action: &'static str,
        before: impl Fn() -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) {
        self.hook(action, Does::Before(Arc::new(before)));
    }

    /// From now on a request of `action` is answered by status 400 and this body, where there is one.
    pub fn refuse(
        &self,
        action: &'static str,
        refusal: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) {
        self.hook(action, Does::Instead(Arc::new(refusal)));
    }

    /// From now on every answer to `action` is what this makes of it.
    pub fn amend(
        &self,
        action: &'static str,
        after: impl Fn(&str) -> String + Send + Sync + 'static,
    ) {
        self.hook(action, Does::After(Arc::new(after)));
    }

    fn hook(&self, action: &'static str, does: Does) {
        lock(&self.changes.hooks).push(Hook { action, does });
    }

    /// Takes the edits back; one that was never used is a mistake of the test.
    pub fn forget(&self) {
        let edits: Vec<_> = lock(&self.changes.edits).drain(..).collect();
        let unused: Vec<_> = edits.iter().filter(|edit| !edit.is_used).collect();
        assert!(unused.is_empty(), "never said by moto: {unused:?}");
    }
}

fn lock<T>(list: &Mutex<Vec<T>>) -> MutexGuard<'_, Vec<T>> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One request a connection, so that where the answer ends is where the connection does.
async fn carry(mut client: TcpStream, port: u16, changes: &Changes) -> std::io::Result<()> {
    let Some((head, body)) = request(&mut client).await? else { return Ok(()) };
    let action = action(&head, &body).unwrap_or_default();
    let hooks: Vec<_> =
        lock(&changes.hooks).iter().filter(|hook| hook.action == action).cloned().collect();
    for hook in &hooks {
        match &hook.does {
            Does::Before(before) => before().await,
            Does::Instead(refusal) => {
                if let Some(refusal) = refusal(&body) {
                    let head = "HTTP/1.1 400 Bad Request\r\n";
                    return answer(&mut client, head, &refusal).await;
                }
            }
            Does::After(_) => {}
        }
    }
    let (answered, mut text) = asked(port, &head, &body).await?;
    for edit in lock(&changes.edits).iter_mut().filter(|edit| edit.action == action) {
        edit.is_used |= text.contains(&edit.from);
        text = text.replace(&edit.from, &edit.to);
    }
    for hook in &hooks {
        if let Does::After(after) = &hook.does {
            text = after(&text);
        }
    }
    answer(&mut client, &answered, &text).await
}

/// Reads a request; none where the client hung up.
pub(super) async fn request(client: &mut TcpStream) -> std::io::Result<Option<(String, String)>> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = client.read(&mut buffer).await?;
        if read == 0 {
            return Ok(None);
        }
        request.extend_from_slice(&buffer[..read]);
        if let Some((head, body)) = split(&request)
            && body.len() >= length(&head)
        {
            return Ok(Some((head, body)));
        }
    }
}

/// What the server at this port answers to it: head and body.
pub(super) async fn asked(port: u16, head: &str, body: &str) -> std::io::Result<(String, String)> {
    let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
    server.write_all(closing(head, body).as_bytes()).await?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).await?;
    Ok(split(&answer).unwrap_or_default())
}

/// Gives the client its answer.
pub(super) async fn answer(client: &mut TcpStream, head: &str, body: &str) -> std::io::Result<()> {
    client.write_all(closing(head, body).as_bytes()).await?;
    client.shutdown().await
}

/// The operation: in a header for the JSON services, in the body for the others.
pub(super) fn action(head: &str, body: &str) -> Option<String> {
    let target = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("x-amz-target").then(|| value.trim().rsplit('.').next())?
    });
    let of_body = || body.split('&').find_map(|pair| pair.strip_prefix("Action="));
    target.or_else(of_body).map(str::to_owned)
}

/// The message with this body, as the connection's last one.
pub(super) fn closing(head: &str, body: &str) -> String {
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

/// The head without this header.
pub(super) fn without(head: &str, name: &str) -> String {
    let is_other = |line: &&str| {
        line.split_once(':').is_none_or(|(found, _)| !found.eq_ignore_ascii_case(name))
    };
    head.split_inclusive("\r\n").filter(is_other).collect()
}
