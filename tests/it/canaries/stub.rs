//! A GitHub that takes everything and writes it all down but for the token, which is whose it is.

use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// Listens as long as the process runs.
#[derive(Debug, Clone)]
pub(super) struct Stub {
    /// Its root.
    pub(super) url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Stub {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let stub = Self { url, requests: Arc::default() };
        let listening = stub.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let stub = listening.clone();
                thread::spawn(move || stub.serve(&stream));
            }
        });
        stub
    }

    /// All that came: method, target, headers and body of each.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no test panics with it").clone()
    }

    fn serve(&self, mut stream: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream);
        let (mut text, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            if line.trim_end().is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').unwrap_or_default();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok()?;
            }
            if !name.eq_ignore_ascii_case("authorization") {
                text += &line;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let sent: Value = serde_json::from_slice(&body).unwrap_or_default();
        let (status, answer) = answer(&text, &sent);
        text += &String::from_utf8_lossy(&body);
        self.requests.lock().expect("no test panics with it").push(text);
        let answer = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            answer.len()
        );
        stream.write_all((head + &answer).as_bytes()).ok()
    }
}

fn answer(request: &str, sent: &Value) -> (&'static str, Value) {
    let mut words = request.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let bot = json!({"id": 41_898_282, "login": "github-actions[bot]", "type": "Bot"});
    let made = json!({"id": 1, "number": 7, "state": "open", "body": sent["body"], "user": bot});
    match (method, target) {
        ("GET", "/user") => ("403 Forbidden", json!({"message": "Resource not accessible"})),
        ("GET", target) if target.contains("/pulls/") => ("200 OK", made),
        ("GET", _) => ("200 OK", json!([])),
        ("POST", _) => ("201 Created", made),
        _ => ("200 OK", made),
    }
}
