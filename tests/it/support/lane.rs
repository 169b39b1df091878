//! Between one run of the program and moto: passes every request on, counts it, and can end the program or
//! let the call fail at any of them. Where moto lets through what AWS refuses, it answers as AWS does.

use super::{authority::Authority, manners::Manners, relay::without};
use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// There are too many calls; nothing was done.
    Throttle,
    /// AWS has lost its way, after it did what was asked.
    ServerError,
    /// The connection is reset before the request was read.
    ResetBefore,
    /// The connection is reset after the work was done.
    ResetAfter,
    /// The work is done and no answer comes.
    NoAnswer,
    /// The caller lacks the permission.
    Denial,
}

/// Which calls fail.
#[derive(Debug, Clone)]
pub enum Which {
    None,
    /// Each one when it is made for the first time.
    First,
    /// The same for those whose number is in here, counted without those that were made before.
    FirstOf(std::ops::Range<usize>),
    /// All calls of this operation.
    Operation(String),
    /// What these policies do not allow.
    Unless(Arc<Authority>),
}

/// A call, and what was made of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// `ec2:CreateVpcEndpoint`.
    pub name: String,
    /// Whether it was let fail.
    pub failed: bool,
}

/// Listens as long as the test runs.
#[derive(Debug, Clone)]
pub struct Lane {
    /// On 127.0.0.1.
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    moto: u16,
    account: String,
    manners: Arc<Manners>,
    fault: Fault,
    which: Which,
    last: Option<usize>,
    state: Mutex<State>,
    /// The calls that moto has answered, and those that it works on.
    progress: watch::Sender<(usize, usize)>,
}

#[derive(Debug, Default)]
struct State {
    calls: Vec<Call>,
    seen: BTreeSet<String>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("account", &self.account).finish_non_exhaustive()
    }
}

/// One request, read.
#[derive(Debug)]
pub struct Request {
    pub head: String,
    pub body: String,
    /// `ec2`, as it is signed.
    pub service: String,
    /// `CreateVpcEndpoint`.
    pub operation: String,
}

impl Lane {
    /// A way to this account of the moto at this port on which nothing fails.
    pub async fn plain(moto: u16, account: &str, manners: &Arc<Manners>) -> Self {
        Self::failing(moto, account, manners, Fault::Throttle, Which::None, None).await
    }

    /// One on which these calls fail, or which ends after the `last` call.
    pub async fn failing(
        moto: u16,
        account: &str,
        manners: &Arc<Manners>,
        fault: Fault,
        which: Which,
        last: Option<usize>,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let shared = Arc::new(Shared {
            moto,
            account: account.to_owned(),
            manners: Arc::clone(manners),
            fault,
            which,
            last,
            state: Mutex::default(),
            progress: watch::Sender::new((0, 0)),
        });
        let serving = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // A client that hangs up has its answer, or was killed.
                let shared = Arc::clone(&serving);
                tokio::spawn(async move { Box::pin(shared.serve(client)).await.ok() });
            }
        });
        Self { port, shared }
    }

    /// Where it answers.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns when the last call was answered by moto. Nothing gets to moto after it, and what it works
    /// on meanwhile comes to its end first.
    pub async fn ended(&self) {
        let Some(last) = self.shared.last else { return std::future::pending().await };
        let mut progress = self.shared.progress.subscribe();
        let is_over = |(done, working): &(usize, usize)| *done >= last && *working == 0;
        progress.wait_for(is_over).await.expect("this lane has the sender");
    }

    /// The calls so far, in the order in which they came.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.lock().calls.clone()
    }

    /// The operations that were called.
    pub fn operations(&self) -> BTreeSet<String> {
        self.calls().into_iter().map(|call| call.name).collect()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn serve(&self, mut client: TcpStream) -> std::io::Result<()> {
        let mut buffered = Vec::new();
        while let Some(request) = read(&mut client, &mut buffered).await? {
            if let Which::Unless(authority) = &self.which
                && let Some(asked) = authority.refuses(&request).await
            {
                let name = format!("{}:{}", request.service, request.operation);
                self.lock().calls.push(Call { name, failed: true });
                let text = denied(&asked.action, &format!(" on resource: {}", asked.resource));
                client.write_all(&denial(&request.service, &text)).await?;
                continue;
            }
            let fault = self.fails(&request);
            match fault {
                Some(Fault::Throttle | Fault::Denial) => {
                    let answer = refusal(&request, fault == Some(Fault::Denial));
                    client.write_all(&answer).await?;
                    continue;
                }
                Some(Fault::ResetBefore) => return client.set_zero_linger(),
                _ => {}
            }
            let answer = self.work(&request).await?;
            match fault {
                Some(Fault::ServerError) => {
                    let body = "the server has lost its way";
                    client
                        .write_all(&message("500 Internal Server Error", "text/plain", body))
                        .await?;
                }
                Some(Fault::NoAnswer) => return std::future::pending().await,
                Some(_) => return client.set_zero_linger(),
                None => client.write_all(&answer).await?,
            }
        }
        Ok(())
    }

    /// Writes the call down and says how it fails.
    fn fails(&self, request: &Request) -> Option<Fault> {
        let mut state = self.lock();
        let name = format!("{}:{}", request.service, request.operation);
        let number = state.seen.len();
        let is_new = state.seen.insert(format!("{name} {}", request.body));
        let failed = match &self.which {
            Which::None | Which::Unless(_) => false,
            Which::First => is_new,
            Which::FirstOf(numbers) => is_new && numbers.contains(&number),
            Which::Operation(operation) => *operation == name,
        };
        state.calls.push(Call { name, failed });
        failed.then_some(self.fault)
    }

    /// What moto says, with AWS's manners.
    async fn work(&self, request: &Request) -> std::io::Result<Vec<u8>> {
        let mut is_over = false;
        self.progress.send_modify(|(done, working)| {
            is_over = self.last.is_some_and(|last| *done >= last);
            *working += usize::from(!is_over);
        });
        if is_over {
            return std::future::pending().await;
        }
        let moto = (self.moto, self.account.as_str());
        let answer = self.manners.answer(moto, request).await;
        let mut is_over = false;
        self.progress.send_modify(|(done, working)| {
            (*done, *working) = (*done + 1, *working - 1);
            is_over = self.last.is_some_and(|last| *done >= last);
        });
        if is_over { std::future::pending().await } else { answer }
    }
}

/// Sends the request on, and reads the answer to its end, which is the connection's.
pub async fn forward((moto, account): (u16, &str), request: &Request) -> std::io::Result<Vec<u8>> {
    let mut server = TcpStream::connect(("127.0.0.1", moto)).await?;
    let head = without(&without(&request.head, "connection"), "content-length");
    let text = format!(
        "{head}connection: close\r\nx-moto-account-id: {account}\r\ncontent-length: {}\r\n\r\n{}",
        request.body.len(),
        request.body
    );
    server.write_all(text.as_bytes()).await?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).await?;
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
    let head = without(&without(&format!("{head}\r\n"), "connection"), "content-length");
    let head = head.replacen("HTTP/1.0", "HTTP/1.1", 1);
    Ok(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

async fn read(client: &mut TcpStream, buffered: &mut Vec<u8>) -> std::io::Result<Option<Request>> {
    loop {
        if let Some(end) = buffered.windows(4).position(|end| end == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffered[..end + 2]).into_owned();
            let length = header(&head, "content-length").and_then(|value| value.parse().ok());
            let all = end + 4 + length.unwrap_or(0);
            if buffered.len() >= all {
                let body = String::from_utf8_lossy(&buffered[end + 4..all]).into_owned();
                buffered.drain(..all);
                return Ok(Some(parse(head, body)));
            }
        }
        if client.read_buf(buffered).await? == 0 {
            return Ok(None);
        }
    }
}

fn parse(head: String, body: String) -> Request {
    // `AWS4-HMAC-SHA256 Credential=AKIA…/20261123/eu-central-1/ec2/aws4_request, …`
    let service = header(&head, "authorization").and_then(|value| value.split('/').nth(3));
    let service = service.unwrap_or_default().to_owned();
    let target = header(&head, "x-amz-target").and_then(|target| target.rsplit('.').next());
    let operation = target.or_else(|| field(&body, "Action")).unwrap_or_default().to_owned();
    Request { head, body, service, operation }
}

/// A field of a form.
pub fn field<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    body.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// A throttle or a denial in the service's own form.
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>
fn refusal(request: &Request, is_denial: bool) -> Vec<u8> {
    let Request { service, operation, .. } = request;
    if is_denial {
        return denial(service, &denied(&format!("{service}:{operation}"), ""));
    }
    let (code, text) = match service.as_str() {
        "ec2" => ("RequestLimitExceeded", "Request limit exceeded."),
        "iam" | "sts" | "elasticloadbalancing" => ("Throttling", "Rate exceeded"),
        _ => ("ThrottlingException", "Rate exceeded"),
    };
    error(service, code, text, 400)
}

fn denied(action: &str, on: &str) -> String {
    format!(
        "User: arn:aws:sts::123456789012:assumed-role/deploy/run is not authorized to perform: \
         {action}{on} because no identity-based policy allows the {action} action"
    )
}

fn denial(service: &str, text: &str) -> Vec<u8> {
    let (code, text) = match service {
        "ec2" => {
            let text = format!("You are not authorized to perform this operation. {text}");
            ("UnauthorizedOperation", text)
        }
        "iam" | "sts" | "elasticloadbalancing" => ("AccessDenied", text.to_owned()),
        _ => ("AccessDeniedException", text.to_owned()),
    };
    error(service, code, &text, 403)
}

/// An error in the service's own form.
pub fn error(service: &str, code: &str, text: &str, status: u16) -> Vec<u8> {
    let status = match (service, status) {
        ("ec2", 400) if code == "RequestLimitExceeded" => "503 Service Unavailable",
        ("ec2" | "iam" | "sts" | "elasticloadbalancing", 403) => "403 Forbidden",
        _ => "400 Bad Request",
    };
    match service {
        "ec2" => {
            let body = format!(
                "<Response><Errors><Error><Code>{code}</Code><Message>{text}</Message></Error></Errors>\
                 <RequestID>0a</RequestID></Response>"
            );
            message(status, "text/xml", &body)
        }
        "iam" | "sts" | "elasticloadbalancing" => {
            let body = format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{text}</Message>\
                 </Error><RequestId>0a</RequestId></ErrorResponse>"
            );
            message(status, "text/xml", &body)
        }
        _ => {
            let body = serde_json::json!({"__type": code, "message": text}).to_string();
            message(status, "application/x-amz-json-1.1", &body)
        }
    }
}

/// An answer.
pub fn message(status: &str, kind: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}
