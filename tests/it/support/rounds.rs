//! Between the program and moto: holds every answer until the program waits for answers and does nothing
//! else, then gives all of them at once. What it asks at once is one round, however slow the machine is,
//! and the rounds are the calls that it makes one after another.

use super::relay::{action, answer, asked, request};
use std::{
    fs,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    time::sleep,
};

/// How often the program is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// Looks in a row that must find it waiting: it may have been between two threads at one of them.
const LOOKS: usize = 8;

/// Listens as long as the test runs.
#[derive(Debug)]
pub struct Rounds {
    /// On 127.0.0.1.
    pub port: u16,
    told: Arc<Mutex<Told>>,
}

#[derive(Debug, Default)]
struct Told {
    rounds: Vec<Vec<String>>,
    asked: Vec<String>,
    held: Vec<oneshot::Sender<()>>,
    program: Option<u32>,
}

impl Rounds {
    /// Listens, and passes on to this port.
    pub async fn before(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let own = listener.local_addr().expect("it is bound").port();
        let told = Arc::new(Mutex::new(Told::default()));
        tokio::spawn(release(told.clone()));
        let kept = told.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let told = told.clone();
                tokio::spawn(async move { Box::pin(carry(client, port, &told)).await.ok() });
            }
        });
        Self { port: own, told: kept }
    }

    /// Whose calls they are, by its process.
    pub fn of(&self, program: u32) {
        lock(&self.told).program = Some(program);
    }

    /// The operations of each round, sorted.
    pub fn all(&self) -> Vec<Vec<String>> {
        let mut rounds = lock(&self.told).rounds.clone();
        for round in &mut rounds {
            round.sort();
        }
        rounds
    }
}

fn lock(told: &Mutex<Told>) -> MutexGuard<'_, Told> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn carry(mut client: TcpStream, port: u16, told: &Mutex<Told>) -> std::io::Result<()> {
    let Some((head, body)) = request(&mut client).await? else { return Ok(()) };
    lock(told).asked.push(action(&head, &body).unwrap_or_default());
    let (answered, text) = asked(port, &head, &body).await?;
    let (gate, opened) = oneshot::channel();
    lock(told).held.push(gate);
    opened.await.ok();
    answer(&mut client, &answered, &text).await
}

async fn release(told: Arc<Mutex<Told>>) {
    let (mut looks, mut seen) = (0, 0);
    loop {
        sleep(LOOK).await;
        let mut told = lock(&told);
        let asked = told.asked.len();
        // All that was asked is answered, nothing new came, and the program waits.
        let waits = asked > 0 && told.held.len() == asked && seen == asked;
        looks = if waits && told.program.is_some_and(is_waiting) { looks + 1 } else { 0 };
        seen = asked;
        if looks == LOOKS {
            (looks, seen) = (0, 0);
            let round = std::mem::take(&mut told.asked);
            told.rounds.push(round);
            for gate in told.held.drain(..) {
                gate.send(()).ok();
            }
        }
    }
}

/// Whether no thread of the process runs, or could run if it had a processor.
/// <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>
fn is_waiting(process: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else { return true };
    threads.flatten().all(|thread| {
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        // The name before the state may have brackets.
        stat.rsplit_once(") ").is_none_or(|(_, rest)| !rest.starts_with('R'))
    })
}
