//! Against servers on this machine that say what they are told to.

use super::*;
use crate::secret::Secret;
use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
};

/// A server with one answer a connection; yields its `host:port` and the requests that came.
fn server(answers: Vec<String>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let host = listener.local_addr().expect("it is bound").to_string();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hearing = Arc::clone(&heard);
    thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n")
                && stream.read(&mut byte).is_ok_and(|read| read == 1)
            {
                request.push(byte[0]);
            }
            hearing
                .lock()
                .expect("nobody panics")
                .push(String::from_utf8_lossy(&request).to_lowercase());
            stream.write_all(answer.as_bytes()).expect("it is taken");
        }
    });
    (host, heard)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
    )
}

fn registry(host: &str) -> Registry {
    let password = Secret::new("hunter2");
    let login = Login { username: "AWS".to_owned(), password };
    Registry::new(host, Some(&login)).waiting(Duration::ZERO)
}

/// The bytes `hello`.
fn hello(size: u64) -> Descriptor {
    let digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    Descriptor { digest: Digest::parse(digest).expect("a digest"), size }
}

#[tokio::test]
async fn the_login_goes_to_the_registry_and_not_to_where_it_redirects() {
    let (storage, at_storage) = server(vec![answer("200 OK", "", "hello")]);
    let location = format!("location: http://{storage}/bucket/x?signature=1\r\n");
    let (host, at_registry) = server(vec![answer("307 Temporary Redirect", &location, "")]);
    registry(&host).blob("a/b", &hello(5)).await.expect("it is pulled");
    let asked = at_registry.lock().expect("nobody panics").concat();
    let path = format!("get /v2/a/b/blobs/{} http/1.1\r\n", hello(5).digest);
    assert!(asked.starts_with(&path), "{asked}");
    // The base64 of `AWS:hunter2`, in lower case as all that is heard here.
    assert!(asked.contains("\r\nauthorization: basic qvdtomh1bnrlcji=\r\n"), "{asked}");
    let asked = at_storage.lock().expect("nobody panics").concat();
    assert!(asked.starts_with("get /bucket/x?signature=1 http/1.1\r\n"), "{asked}");
    assert!(!asked.contains("authorization"), "{asked}");
}

#[tokio::test]
async fn a_redirect_inside_of_the_registry_keeps_the_login() {
    let elsewhere = answer("302 Found", "location: /v2/a/c\r\n", "");
    let (host, heard) = server(vec![elsewhere, answer("200 OK", "", "hello")]);
    registry(&host).blob("a/b", &hello(5)).await.expect("it is pulled");
    let heard = heard.lock().expect("nobody panics").clone();
    assert!(heard[1].starts_with("get /v2/a/c "), "{heard:?}");
    assert!(heard[1].contains("\r\nauthorization: basic "), "{heard:?}");
}

#[tokio::test]
async fn redirects_come_to_an_end() {
    let again = answer("302 Found", "location: /v2/a/b\r\n", "");
    let (host, _) = server(vec![again; 6]);
    let fault = registry(&host).blob("a/b", &hello(5)).await.expect_err("it goes round");
    assert_eq!(fault.said, "it redirects more than 5 times");
}

#[tokio::test]
async fn what_is_not_what_was_asked_for_is_told() {
    for (body, size, said) in [
        ("hellp", 5, "what came has the digest sha256:"),
        ("hell", 5, "4 bytes came, and its manifest says 5"),
        ("hello!", 5, "more than 5 bytes came, and its manifest says 5"),
        ("hello", 6, "5 bytes came, and its manifest says 6"),
    ] {
        let (host, heard) = server(vec![answer("200 OK", "", body)]);
        let fault = registry(&host).blob("a/b", &hello(size)).await.expect_err("it is wrong");
        assert!(fault.said.starts_with(said), "{body}: {fault:?}");
        assert_eq!((fault.status, heard.lock().expect("nobody panics").len()), (None, 1), "{body}");
    }
}

#[tokio::test]
async fn a_server_that_fails_is_asked_again_and_one_that_refuses_is_not() {
    let busy = || answer("503 Service Unavailable", "", "");
    let broken = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhe".to_owned();
    let (host, heard) = server(vec![busy(), broken, answer("200 OK", "", "hello")]);
    registry(&host).blob("a/b", &hello(5)).await.expect("the third time");
    assert_eq!(heard.lock().expect("nobody panics").len(), 3);

    let (host, _) = server(vec![busy(); 4]);
    let fault = registry(&host).blob("a/b", &hello(5)).await.expect_err("it stays busy");
    assert_eq!(fault.status, Some(503));

    let body = r#"{"errors":[{"code":"DENIED","message":"not for you"}]}"#;
    let (host, heard) = server(vec![answer("403 Forbidden", "", body)]);
    let fault = registry(&host).manifest("a/b", "1").await.expect_err("it is refused");
    assert_eq!((fault.status, &*fault.said), (Some(403), "DENIED: not for you"));
    assert_eq!(heard.lock().expect("nobody panics").len(), 1);
}

#[tokio::test]
async fn a_tag_is_what_its_manifest_hashes_to() {
    let kind = "content-type: application/vnd.oci.image.index.v1+json\r\n";
    let (host, heard) = server(vec![answer("200 OK", kind, "hello"); 2]);
    let registry = registry(&host);
    let text = registry.manifest("a/b", "1").await.expect("it is there");
    assert_eq!(text.digest, hello(5).digest);
    assert_eq!(text.media_type, "application/vnd.oci.image.index.v1+json");
    let other = format!("sha256:{}", "0".repeat(64));
    let fault = registry.manifest("a/b", &other).await.expect_err("it is another one");
    assert!(fault.said.starts_with("what came has the digest sha256:2cf2"), "{fault:?}");
    let heard = heard.lock().expect("nobody panics").clone();
    assert!(
        heard[0].contains("\r\naccept: application/vnd.oci.image.index.v1+json, "),
        "{heard:?}"
    );
}

#[test]
fn only_this_machine_is_spoken_to_without_tls() {
    for host in ["localhost", "localhost:5000", "127.0.0.1:4566", "[::1]:80"] {
        assert!(is_local(host), "{host}");
    }
    for host in
        ["1.dkr.ecr.eu-west-1.amazonaws.com", "10.0.0.1:5000", "localhost.example", "ghcr.io"]
    {
        assert!(!is_local(host), "{host}");
    }
}
