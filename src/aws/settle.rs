//! Waiting for what passes by itself: AWS tells some of its own parts late of what was made or deleted.

use super::{Writer, explain::Failure};
use crate::event::{Event, Source};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// What is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Settling {
    /// What it is, for whoever reads along: `its network interfaces to go`.
    pub what: &'static str,
    /// How long it may take.
    pub longest: Duration,
    /// The time between two tries.
    pub pause: Duration,
}

impl Settling {
    /// What was made a moment ago, and is not known everywhere yet.
    /// <https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html#troubleshoot_general_eventual-consistency>
    pub const MADE: Self = Self {
        what: "AWS to know everywhere what was just made",
        longest: Duration::from_mins(1),
        pause: Duration::from_secs(2),
    };
}

impl Writer {
    /// Calls until it works, as long as it fails with what `passes`, and tells that it waits.
    pub async fn settled<T>(
        &self,
        settling: Settling,
        passes: impl Fn(&Failure) -> bool,
        call: impl AsyncFn() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let began = Instant::now();
        let mut is_told = false;
        loop {
            match call().await {
                Err(failure) if passes(&failure) && began.elapsed() < settling.longest => {
                    if !is_told {
                        self.tell(format!("{}: waiting for {}", failure.on, settling.what));
                    }
                    is_told = true;
                }
                result => return result,
            }
            sleep(settling.pause.mul_f64(0.75 + chance() / 2.0)).await;
        }
    }

    /// Says what is waited for.
    pub fn tell(&self, text: String) {
        self.events.send(Event::Line { source: Source::Waiting, text });
    }
}

/// Somewhere from 0 to 1, so that runs which got into each other's way do not do so again.
fn chance() -> f64 {
    let random = uuid::Uuid::new_v4().as_bytes()[0];
    f64::from(random) / f64::from(u8::MAX)
}

/// Whether something that was made a moment ago is not known yet where it was needed.
pub fn is_not_known_yet(failure: &Failure) -> bool {
    const CODES: [&str; 10] = [
        "InvalidGroup.NotFound",
        "InvalidSecurityGroupId.NotFound",
        "InvalidSecurityGroup",
        "LoadBalancerNotFound",
        "TargetGroupNotFound",
        "ListenerNotFound",
        "NoSuchEntity",
        "RepositoryNotFound",
        "ResourceNotFound",
        "ClusterNotFound",
    ];
    CODES.iter().any(|code| failure.is(code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{aws::replay::Replay, event::Events};
    use std::cell::Cell;

    fn failure(code: &str) -> Failure {
        Failure {
            operation: "iam:AttachRolePolicy",
            on: "role web".to_owned(),
            code: Some(code.to_owned()),
            message: String::new(),
            request_id: None,
        }
    }

    /// Calls with a clock that jumps ahead; yields the result, the tries and what was told.
    async fn settled(
        call: impl Fn(u32) -> Result<(), Failure>,
    ) -> (Result<(), Failure>, u32, Vec<String>) {
        let (events, mut told) = Events::channel();
        let writer = Writer::new(Replay::default().reader(), "web".to_owned(), events);
        let tries = Cell::new(0);
        let result = writer
            .settled(Settling::MADE, is_not_known_yet, async || {
                tries.set(tries.get() + 1);
                call(tries.get())
            })
            .await;
        drop(writer);
        let mut lines = Vec::new();
        while let Some(event) = told.recv().await {
            if let Event::Line { text, .. } = event {
                lines.push(text);
            }
        }
        (result, tries.get(), lines)
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_waited_for_and_told_once() {
        let late = |tries| if tries < 4 { Err(failure("NoSuchEntity")) } else { Ok(()) };
        let (result, tries, told) = settled(late).await;
        assert_eq!((result, tries), (Ok(()), 4));
        assert_eq!(told, ["role web: waiting for AWS to know everywhere what was just made"]);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_else_is_and_not_for_ever() {
        let (result, tries, told) = settled(|_| Err(failure("LimitExceeded"))).await;
        assert_eq!((result, tries), (Err(failure("LimitExceeded")), 1));
        assert_eq!(told, Vec::<String>::new());
        let (result, tries, _) = settled(|_| Err(failure("NoSuchEntity"))).await;
        assert_eq!(result, Err(failure("NoSuchEntity")));
        assert!((25..=42).contains(&tries), "{tries}");
    }
}
