//! Waits as long as GitHub asks, and not longer than a run may take to end.

use crate::github::answer::Failure;
use std::time::Duration;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// How long a call may wait once the run has ended; the reporters' last words end a little later, and
/// could no longer say why.
pub const LAST_WAIT: Duration = Duration::from_secs(8);

/// How often in a row GitHub may ask to wait before a call is given up.
pub const ATTEMPTS: u32 = 5;

/// How long to wait after so many failures: longer each time, as GitHub asks for.
/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit>
pub fn longer(wait: Duration, failures: u32) -> Duration {
    wait.saturating_mul(2_u32.saturating_pow(failures))
}

/// A run that may end meanwhile, and then has little time left.
#[derive(Debug)]
pub struct Patience<E>(watch::Receiver<Option<E>>);

impl<E: Clone> Patience<E> {
    /// The run's end comes from there; a sender that is gone is an end of which nothing was told.
    pub const fn new(end: watch::Receiver<Option<E>>) -> Self {
        Self(end)
    }

    /// Whether the run has ended.
    pub fn has_ended(&self) -> bool {
        self.0.borrow().is_some() || self.0.has_changed().is_err()
    }

    /// Waits for the end of the run, and says how it ended.
    pub async fn ended(&mut self) -> Option<E> {
        self.0.wait_for(Option::is_some).await.ok().and_then(|end| end.clone())
    }

    /// Asks, and asks again where GitHub says when.
    pub async fn ask<T, F>(&mut self, ask: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut failures = 0;
        loop {
            let (wait, problem) = match ask().await {
                Err(Failure::Later { wait, problem }) => (wait, problem),
                answer => return answer,
            };
            let until = Instant::now() + longer(wait, failures);
            failures += 1;
            if failures == ATTEMPTS || !self.waits(until).await {
                return Err(Failure::Later { wait, problem });
            }
        }
    }

    /// Waits until then, unless the run ends and has not that long.
    async fn waits(&mut self, until: Instant) -> bool {
        tokio::select! {
            () = sleep_until(until) => return true,
            _ = self.ended() => {}
        }
        let lasts = until <= Instant::now() + LAST_WAIT;
        if lasts {
            sleep_until(until).await;
        }
        lasts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Problem;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// How often GitHub was asked, how long it took, and whether there was an answer; it answers the
    /// request of this number, and asks for `wait` before.
    async fn asked(answers: u32, wait: u64, end: Option<u64>) -> (u32, u64, bool) {
        let (sender, receiver) = watch::channel(None);
        let count = AtomicU32::new(0);
        let start = Instant::now();
        let ending = async {
            if let Some(after) = end {
                tokio::time::sleep(Duration::from_secs(after)).await;
                sender.send_replace(Some(()));
            }
        };
        let mut patience = Patience::new(receiver);
        let answer = patience.ask(|| async {
            if count.fetch_add(1, Ordering::Relaxed) + 1 == answers {
                return Ok(());
            }
            let problem = Problem::new("GitHub asks to wait");
            Err(Failure::Later { wait: Duration::from_secs(wait), problem })
        });
        let (answer, ()) = tokio::join!(answer, ending);
        (count.into_inner(), start.elapsed().as_secs(), answer.is_ok())
    }

    #[tokio::test(start_paused = true)]
    async fn it_waits_longer_each_time_and_not_for_ever() {
        assert_eq!(asked(1, 60, None).await, (1, 0, true));
        assert_eq!(asked(3, 60, None).await, (3, 180, true));
        assert_eq!(asked(9, 1, None).await, (5, 15, false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_ends_waits_no_hour() {
        assert_eq!(asked(2, 3600, Some(30)).await, (1, 30, false));
        assert_eq!(asked(2, 33, Some(30)).await, (2, 33, true));
        // Nobody tells the end any more.
        let (sender, receiver) = watch::channel(None::<()>);
        drop(sender);
        let mut patience = Patience::new(receiver);
        assert!(patience.has_ended());
        assert_eq!(patience.ended().await, None);
    }
}
