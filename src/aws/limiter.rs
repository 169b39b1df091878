//! A token bucket kept on this side, so that AWS's smallest buckets never overflow.

use std::time::Duration;
use tokio::{sync::Mutex, time::Instant};

/// A bucket that refills at a steady rate.
#[derive(Debug)]
pub struct Limiter {
    burst: f64,
    per_second: f64,
    state: Mutex<Option<(f64, Instant)>>,
}

impl Limiter {
    /// A full bucket of `burst` calls that refills with `per_second`.
    pub const fn new(burst: f64, per_second: f64) -> Self {
        Self { burst, per_second, state: Mutex::const_new(None) }
    }

    /// Waits until one more call fits.
    pub async fn take(&self) {
        let mut state = self.state.lock().await;
        let now = Instant::now();
        let (left, since) = state.unwrap_or((self.burst, now));
        let left = (left + (now - since).as_secs_f64() * self.per_second).min(self.burst) - 1.0;
        *state = Some((left, now));
        drop(state);
        if left < 0.0 {
            tokio::time::sleep(Duration::from_secs_f64(-left / self.per_second)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_fifth_call_waits_for_the_refill() {
        let limiter = Limiter::new(4.0, 0.3);
        let start = Instant::now();
        for _ in 0..4 {
            limiter.take().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        limiter.take().await;
        assert!(start.elapsed() >= Duration::from_secs_f64(1.0 / 0.3));
    }
}
