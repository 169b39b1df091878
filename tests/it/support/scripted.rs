//! A rollout by a script: an ECS and an ELB that answer as AWS documents it, at the times that a test
//! sets. Everything else goes on to another server, so that the whole program runs against it.
//!
//! The shapes are those of AWS's own API models (`ecs/2014-11-13`, `elasticloadbalancingv2/2015-12-01`).

mod answers;

use super::relay::{self, action, asked, request};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};
use tokio::net::{TcpListener, TcpStream};

/// What is true from a moment on.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    /// Since the script began, or since the call that turned to it.
    pub at: Duration,
    /// `rolloutState` of the new deployment; not listed where it is empty.
    pub state: &'static str,
    /// Why, in ECS's words.
    pub why: &'static str,
    /// Its tasks that should run, run, start and have failed.
    pub counts: [i32; 4],
    /// The old version's tasks that run.
    pub old: i32,
    /// `rolloutState` of a deployment that has taken its place, and whether that runs the old version.
    pub successor: Option<(&'static str, bool)>,
    /// `status`, `statusReason` of the service deployment; none where ECS has no such records.
    pub record: Option<(&'static str, &'static str)>,
    /// `status`, `failureCount` of its circuit breaker, whose threshold is 3.
    pub breaker: Option<(&'static str, i32)>,
    /// Alarms that went off.
    pub alarms: &'static [&'static str],
    /// `lifecycleStage`.
    pub stage: Option<&'static str>,
    /// Whether a hook waits.
    pub pauses: bool,
    /// The new version's tasks.
    pub tasks: Vec<Task>,
    /// `state`, `reason`, `description` of the target of each address.
    pub targets: Vec<(&'static str, [&'static str; 3])>,
    /// What ECS says that happened, all of it so far.
    pub events: Vec<String>,
}

/// A task of the new version.
#[derive(Debug, Clone, Default)]
pub struct Task {
    /// `lastStatus`.
    pub status: &'static str,
    /// Its address.
    pub address: &'static str,
    /// `stopCode`, `stoppedReason`.
    pub stopped: Option<(&'static str, &'static str)>,
    /// `exitCode` of its container.
    pub exit_code: Option<i32>,
}

/// What happens from the deploy on, and after a call that changes its course.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// From CreateService or UpdateService on.
    pub frames: Vec<Frame>,
    /// From StopServiceDeployment on, or ContinueServiceDeployment with the action ROLLBACK.
    pub after_stop: Vec<Frame>,
    /// From ContinueServiceDeployment on.
    pub after_continue: Vec<Frame>,
}

/// A call that was made, and when, since the server began.
#[derive(Debug, Clone)]
pub struct Call {
    pub operation: String,
    pub at: Duration,
    pub body: Value,
}

/// Listens as long as the test runs.
#[derive(Debug)]
pub struct Scripted {
    /// On 127.0.0.1.
    pub port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    upstream: u16,
    script: Script,
    began: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The frames that count now, since when.
    course: Option<(Vec<Frame>, Instant)>,
    /// When the deployment was made.
    created_at: f64,
    service: BTreeMap<&'static str, Value>,
    calls: Vec<Call>,
}

impl Scripted {
    /// Listens, follows the script from the first deploy on, and sends what it does not know to this
    /// port.
    pub async fn before(upstream: u16, script: Script) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let (began, state) = (Instant::now(), Mutex::default());
        let shared = Arc::new(Shared { upstream, script, began, state });
        let own = shared.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let shared = own.clone();
                // A client that hangs up has its answer, or its test has ended.
                tokio::spawn(async move { Box::pin(shared.carry(client)).await.ok() });
            }
        });
        Self { port, shared }
    }

    /// The calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.lock().calls.clone()
    }

    /// How often this operation was called.
    pub fn count(&self, operation: &str) -> usize {
        self.calls().iter().filter(|call| call.operation == operation).count()
    }

    /// When a frame of the script's first course came, since the server began.
    pub fn deployed(&self) -> Option<Duration> {
        let calls = self.calls();
        calls.iter().find(|call| is_deploy(&call.operation, &call.body)).map(|call| call.at)
    }

    /// Since the server began.
    pub fn now(&self) -> Duration {
        self.shared.began.elapsed()
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One request a connection.
    async fn carry(&self, mut client: TcpStream) -> std::io::Result<()> {
        let Some((head, body)) = request(&mut client).await? else { return Ok(()) };
        let operation = action(&head, &body).unwrap_or_default();
        let json = serde_json::from_str(&body).unwrap_or(Value::Null);
        let answer = if let Some(answer) = self.answer(&operation, &json) {
            answer
        } else {
            let (head, answer) = asked(self.upstream, &head, &body).await?;
            let status = head.lines().next().unwrap_or_default().to_owned();
            let answer = if status.contains(" 200 ") {
                self.edit(&operation, &json, answer)
            } else {
                answer
            };
            (status, answer)
        };
        self.note(operation, json);
        let (status, answer) = answer;
        let kind = if answer.starts_with('<') { "text/xml" } else { "application/x-amz-json-1.1" };
        let head = format!("{status}\r\ncontent-type: {kind}\r\n");
        relay::answer(&mut client, &head, &answer).await
    }

    fn note(&self, operation: String, body: Value) {
        let at = self.began.elapsed();
        self.lock().calls.push(Call { operation, at, body });
    }

    /// The answer of an operation that the script plays, once it has begun.
    fn answer(&self, operation: &str, body: &Value) -> Option<(String, String)> {
        let ok = |text: String| Some(("HTTP/1.1 200 OK".to_owned(), text));
        let mut state = self.lock();
        let frame = state.frame()?;
        match operation {
            "DescribeTargetHealth" => ok(answers::targets(&frame)),
            "ListTasks" => ok(answers::list_tasks(&frame, body).to_string()),
            "DescribeTasks" => ok(answers::tasks(&frame, body, &state).to_string()),
            "ListServiceDeployments"
            | "DescribeServiceDeployments"
            | "DescribeServiceRevisions"
                if frame.record.is_none() =>
            {
                // As moto does for what it does not know.
                Some(("HTTP/1.1 500 INTERNAL SERVER ERROR".to_owned(), "<h1>no</h1>".to_owned()))
            }
            "ListServiceDeployments" => ok(answers::list_records(&frame, body, &state).to_string()),
            "DescribeServiceDeployments" => ok(answers::records(&frame, &state).to_string()),
            "DescribeServiceRevisions" => ok(answers::revisions(body, &state).to_string()),
            "StopServiceDeployment" | "ContinueServiceDeployment" => {
                let is_back = operation == "StopServiceDeployment" || body["action"] == "ROLLBACK";
                let next =
                    if is_back { &self.script.after_stop } else { &self.script.after_continue };
                if !next.is_empty() {
                    state.course = Some((next.clone(), Instant::now()));
                }
                ok(answers::stopped(&state).to_string())
            }
            _ => None,
        }
    }

    /// What upstream says of the service, with the script's deployments.
    fn edit(&self, operation: &str, body: &Value, answer: String) -> String {
        let Ok(mut found) = serde_json::from_str::<Value>(&answer) else { return answer };
        let mut state = self.lock();
        if is_deploy(operation, body) && state.course.is_none() {
            state.course = Some((self.script.frames.clone(), Instant::now()));
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            state.created_at = now.map_or(0.0, |now| now.as_secs_f64());
        }
        let services = match operation {
            "DescribeServices" => found["services"].as_array_mut(),
            "CreateService" | "UpdateService" => {
                let service = found["service"].take();
                found["service"] = Value::Array(vec![service]);
                found["service"].as_array_mut()
            }
            _ => None,
        };
        for service in services.into_iter().flatten() {
            state.remember(service);
            if let Some(frame) = state.frame() {
                answers::service(service, &frame, &state);
            }
        }
        if let Some(service) = found.get_mut("service").filter(|it| it.is_array()) {
            let inner = service[0].take();
            *service = inner;
        }
        found.to_string()
    }
}

impl State {
    /// What is true now.
    fn frame(&self) -> Option<Frame> {
        let (frames, since) = self.course.as_ref()?;
        let elapsed = since.elapsed();
        frames.iter().rev().find(|frame| frame.at <= elapsed).or(frames.first()).cloned()
    }

    /// Which revision is the old one, and which the new.
    fn remember(&mut self, service: &Value) {
        let key = if self.course.is_none() { "old" } else { "new" };
        self.service.insert(key, service["taskDefinition"].clone());
        self.service.insert("arn", service["serviceArn"].clone());
        self.service.insert("cluster", service["clusterArn"].clone());
    }

    fn known(&self, key: &str) -> &str {
        self.service.get(key).and_then(Value::as_str).unwrap_or_default()
    }
}

/// Whether the call starts a deployment.
fn is_deploy(operation: &str, body: &Value) -> bool {
    let changes = body["taskDefinition"].is_string() || body["forceNewDeployment"] == true;
    operation == "CreateService" || operation == "UpdateService" && changes
}
