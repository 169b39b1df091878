//! Answers AWS's query calls from texts, each after a delay, and keeps when it did.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// A call: from when it was read to when its answer was written.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    action: String,
    from: Instant,
    to: Instant,
}

/// Listens as long as the program runs.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) port: u16,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Server {
    /// `answers` are by the action, and by the attribute that is asked for where there is one.
    pub(crate) async fn start(answers: BTreeMap<String, String>, delay: Duration) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (answers, kept) = (Arc::new(answers), calls.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answers, kept) = (answers.clone(), kept.clone());
                tokio::spawn(async move { serve(stream, &answers, &kept, delay).await.ok() });
            }
        });
        Self { port, calls }
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    answers: &BTreeMap<String, String>,
    calls: &Mutex<Vec<Call>>,
    delay: Duration,
) -> std::io::Result<()> {
    let mut received = Vec::new();
    loop {
        let (body, rest) = loop {
            if let Some(found) = request(&received) {
                break found;
            }
            if stream.read_buf(&mut received).await? == 0 {
                return Ok(());
            }
        };
        received = rest;
        let from = Instant::now();
        tokio::time::sleep(delay).await;
        let value = |name: &str| {
            body.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        };
        let action = value("Action").unwrap_or_default();
        let key = value("Attribute").map_or(action.to_owned(), |of| format!("{action} {of}"));
        let (status, text) = match answers.get(&key) {
            Some(text) => ("200 OK", text.as_str()),
            None => ("404 Not Found", ""),
        };
        let length = text.len();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: text/xml\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(text.as_bytes()).await?;
        let call = Call { action: key, from, to: Instant::now() };
        calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }
}

/// The body of the first request, where all of it is there, and what comes after it.
fn request(received: &[u8]) -> Option<(String, Vec<u8>)> {
    let end = received.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&received[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
    let body = received.get(end..end + length)?;
    Some((String::from_utf8_lossy(body).into_owned(), received[end + length..].to_vec()))
}

/// The most calls each of which began when the one before had its answer: what one of them waited for
/// cannot be told from outside, so this is what there is at the most.
pub(crate) fn longest_chain(calls: &[Call]) -> Vec<String> {
    let mut calls: Vec<_> = calls.iter().collect();
    calls.sort_by_key(|call| call.to);
    let mut chains: Vec<Vec<&Call>> = Vec::new();
    for call in calls {
        let before = chains
            .iter()
            .filter(|chain| chain.last().is_some_and(|last| last.to <= call.from))
            .max_by_key(|chain| chain.len());
        let mut chain = before.cloned().unwrap_or_default();
        chain.push(call);
        chains.push(chain);
    }
    let longest = chains.into_iter().max_by_key(Vec::len).unwrap_or_default();
    longest.into_iter().map(|call| call.action.clone()).collect()
}
