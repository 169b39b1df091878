//! The part of ECR that no emulator has: pull-through cache rules. Every call is kept, to be held against
//! the API's own description.

use super::registry::Registry;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use std::{
    io::{BufReader, Write as _},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
};

/// The password in the token that it gives.
pub const PASSWORD: &str = "the token of this account";

/// ECR's control plane, with a cache behind it.
#[derive(Debug, Clone)]
pub struct Ecr {
    /// Where it answers.
    pub url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<Value>,
    images: Vec<Cached>,
    calls: Vec<(String, Value, Value)>,
}

/// An image that is there once its manifest lies in the cache.
#[derive(Debug, Clone)]
struct Cached {
    repository: String,
    tag: String,
    digest: String,
    file: Option<PathBuf>,
}

impl Ecr {
    /// Starts it; it ends with the process.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let ecr = Self { url, state: Arc::default() };
        let listening = ecr.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let ecr = listening.clone();
                thread::spawn(move || ecr.serve(&stream));
            }
        });
        ecr
    }

    /// An image that was pushed.
    pub fn has(&self, repository: &str, tag: &str, digest: &str) {
        self.add(repository, tag, digest, None);
    }

    /// An image that is there from the moment that the cache has its manifest.
    pub fn caches(&self, cache: &Registry, repository: &str, tag: &str, digest: &str) {
        self.add(repository, tag, digest, Some(cache.file(digest)));
    }

    fn add(&self, repository: &str, tag: &str, digest: &str, file: Option<PathBuf>) {
        let [repository, tag, digest] = [repository, tag, digest].map(str::to_owned);
        let image = Cached { repository, tag, digest, file };
        self.state.lock().expect("nobody panics").images.push(image);
    }

    /// The inputs of the calls of one operation.
    pub fn asked(&self, operation: &str) -> Vec<Value> {
        let state = self.state.lock().expect("nobody panics");
        let of = state.calls.iter().filter(|(called, ..)| called == operation);
        of.map(|(_, input, _)| input.clone()).collect()
    }

    /// What in the calls and the answers is not as the API's description has it. moto brings that along.
    pub fn unlike_the_api(&self) -> String {
        let calls: Vec<_> = {
            let state = self.state.lock().expect("nobody panics");
            let call = |(operation, input, output): &(String, Value, Value)| json!({"operation": operation, "input": input, "output": output});
            state.calls.iter().map(call).collect()
        };
        super::shapes::unlike_the_api("ecr", &json!(calls))
    }

    fn serve(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
        while let Some((operation, input)) = request(&mut reader) {
            let output = self.answer(&operation, &input);
            let status = if output.get("__type").is_some() { "400 Bad Request" } else { "200 OK" };
            let body = output.to_string();
            let call = (operation, input, output);
            self.state.lock().expect("nobody panics").calls.push(call);
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/x-amz-json-1.1\r\n\
                 content-length: {}\r\n\r\n",
                body.len()
            );
            let mut stream = stream;
            if stream.write_all((head + &body).as_bytes()).is_err() {
                return;
            }
        }
    }

    fn answer(&self, operation: &str, input: &Value) -> Value {
        let mut state = self.state.lock().expect("nobody panics");
        let prefix = input["ecrRepositoryPrefix"].clone();
        let known = state.rules.iter().find(|rule| rule["ecrRepositoryPrefix"] == prefix).cloned();
        match (operation, known) {
            ("DescribePullThroughCacheRules", _) => json!({"pullThroughCacheRules": state.rules}),
            ("CreatePullThroughCacheRule", Some(_)) => {
                json!({"__type": "PullThroughCacheRuleAlreadyExistsException", "message": "it is"})
            }
            ("CreatePullThroughCacheRule", None) => {
                let mut rule = input.clone();
                rule["registryId"] = json!(super::moto::ACCOUNT);
                rule["createdAt"] = json!(1_700_000_000.0);
                rule["upstreamRepositoryPrefix"] = json!("ROOT");
                state.rules.push(rule.clone());
                rule
            }
            ("ValidatePullThroughCacheRule", Some(rule)) => json!({
                "ecrRepositoryPrefix": prefix,
                "registryId": super::moto::ACCOUNT,
                "upstreamRegistryUrl": rule["upstreamRegistryUrl"],
                "credentialArn": rule["credentialArn"],
                "isValid": true,
            }),
            ("GetAuthorizationToken", _) => {
                let token = BASE64_STANDARD.encode(format!("AWS:{PASSWORD}"));
                json!({"authorizationData": [{"authorizationToken": token}]})
            }
            ("DescribeImages", _) => images(&state.images, input),
            _ => json!({"__type": "InvalidParameterException", "message": operation}),
        }
    }
}

fn images(images: &[Cached], input: &Value) -> Value {
    let id = &input["imageIds"][0];
    let is_there = |image: &&Cached| image.file.as_ref().is_none_or(|file| file.exists());
    let mut there = images.iter().filter(is_there);
    let of_repository = |image: &&Cached| input["repositoryName"] == *image.repository;
    if there.clone().find(of_repository).is_none() {
        return json!({"__type": "RepositoryNotFoundException", "message": "no such repository"});
    }
    let found = there.find(|image| {
        of_repository(image) && (id["imageTag"] == *image.tag || id["imageDigest"] == *image.digest)
    });
    match found {
        Some(image) => json!({"imageDetails": [{
            "registryId": super::moto::ACCOUNT,
            "repositoryName": image.repository,
            "imageDigest": image.digest,
            "imageTags": [image.tag],
        }]}),
        None => json!({"__type": "ImageNotFoundException", "message": "no such image"}),
    }
}

/// The operation and the body of the next request.
fn request(reader: &mut impl std::io::BufRead) -> Option<(String, Value)> {
    let (mut operation, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        match line.split_once(": ").map(|(key, value)| (key.to_ascii_lowercase(), value)) {
            Some((key, value)) if key == "x-amz-target" => {
                value.rsplit('.').next()?.clone_into(&mut operation);
            }
            Some((key, value)) if key == "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((operation, serde_json::from_slice(&body).ok()?))
}
