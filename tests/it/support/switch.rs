//! Between the program and a service: tells what is asked, holds answers back, and changes them.

use super::relay::{action, answer, asked, request};
use aws_config::SdkConfig;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    time::timeout,
};

/// What is done with the answers to an operation.
#[derive(Debug, Default)]
struct Orders {
    held: BTreeSet<String>,
    edits: Vec<(String, String, String)>,
    answers: BTreeMap<String, (&'static str, String)>,
    heard: Vec<String>,
}

#[derive(Debug, Default)]
struct Shared {
    orders: Mutex<Orders>,
    /// Counts requests.
    count: watch::Sender<u64>,
}

/// Listens as long as the test runs.
#[derive(Debug)]
pub struct Switch {
    /// On 127.0.0.1.
    pub port: u16,
    shared: Arc<Shared>,
}

impl Switch {
    /// Listens, and passes on to this port.
    pub async fn before(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let shared = Arc::new(Shared::default());
        let switch = Self {
            port: listener.local_addr().expect("it is bound").port(),
            shared: shared.clone(),
        };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let shared = shared.clone();
                // A client that hangs up has its answer, or its test has ended.
                tokio::spawn(async move { Box::pin(carry(client, port, &shared)).await.ok() });
            }
        });
        switch
    }

    /// The same account, asked through here.
    pub fn config(&self, config: &SdkConfig) -> SdkConfig {
        let url = format!("http://127.0.0.1:{}", self.port);
        config.clone().into_builder().endpoint_url(url).build()
    }

    /// From now on nobody gets an answer to this operation, which is not passed on either.
    pub fn hold(&self, operation: &str) {
        self.orders().held.insert(operation.to_owned());
    }

    /// From now on it is answered again.
    pub fn release(&self, operation: &str) {
        self.orders().held.remove(operation);
    }

    /// From now on `to` stands for every `from` in the answers to this operation.
    pub fn say(&self, operation: &str, from: &str, to: &str) {
        let edit = (operation.to_owned(), from.to_owned(), to.to_owned());
        self.orders().edits.push(edit);
    }

    /// From now on this operation is answered with an error, in the form of the JSON services.
    pub fn refuse(&self, operation: &str, code: &str, message: &str) {
        let body = json!({"__type": code, "message": message});
        self.answer(operation, "400 Bad Request", &body);
    }

    /// From now on this operation is answered with this, in the form of the JSON services.
    pub fn answer(&self, operation: &str, status: &'static str, body: &Value) {
        self.orders().answers.insert(operation.to_owned(), (status, body.to_string()));
    }

    /// Waits until this operation is asked for.
    pub async fn hears(&self, operation: &str) {
        self.hears_more(operation, 0).await;
    }

    /// Waits until this operation is asked for more often than that.
    pub async fn hears_more(&self, operation: &str, times: usize) {
        let mut count = self.shared.count.subscribe();
        let waits = async {
            while self.count(operation) <= times {
                count.changed().await.expect("it is sent from here");
            }
        };
        let in_time = timeout(Duration::from_mins(1), waits).await.is_ok();
        assert!(in_time, "{operation} was never asked for: {:?}", self.orders().heard);
    }

    /// How often this operation was asked for.
    pub fn count(&self, operation: &str) -> usize {
        self.orders().heard.iter().filter(|heard| *heard == operation).count()
    }

    fn orders(&self) -> MutexGuard<'_, Orders> {
        lock(&self.shared)
    }
}

fn lock(shared: &Shared) -> MutexGuard<'_, Orders> {
    shared.orders.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One request a connection, so that where the answer ends is where the connection does.
async fn carry(mut client: TcpStream, port: u16, shared: &Shared) -> std::io::Result<()> {
    let Some((head, body)) = request(&mut client).await? else { return Ok(()) };
    let operation = action(&head, &body).unwrap_or_default();
    let (is_held, given) = {
        let mut orders = lock(shared);
        orders.heard.push(operation.clone());
        (orders.held.contains(&operation), orders.answers.get(&operation).cloned())
    };
    shared.count.send_modify(|count| *count += 1);
    if is_held {
        return std::future::pending().await;
    }
    if let Some((status, body)) = given {
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/x-amz-json-1.1\r\n");
        return answer(&mut client, &head, &body).await;
    }
    let (answered, mut text) = asked(port, &head, &body).await?;
    for (_, from, to) in lock(shared).edits.iter().filter(|(edited, ..)| *edited == operation) {
        text = text.replace(from, to);
    }
    answer(&mut client, &answered, &text).await
}

/// A service that takes every request and answers none; the channel tells of each.
pub async fn dead(host: &str) -> (u16, mpsc::UnboundedReceiver<()>) {
    let listener = TcpListener::bind((host, 0)).await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let (asked, requests) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let asked = asked.clone();
            tokio::spawn(async move {
                stream.read_u8().await.ok();
                asked.send(()).ok();
                std::future::pending::<()>().await;
            });
        }
    });
    (port, requests)
}
