//! What becomes of a preview: it stays, or it goes and why. Pure.

use super::standing::Standing;
use crate::report::format::age;
use std::{fmt, time::Duration};

/// Why a preview goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// Its pull request is closed.
    Closed {
        /// Whether it is merged.
        is_merged: bool,
    },
    /// Nothing was deployed to it for longer than the file's `ttl`.
    Old {
        /// How long.
        age: Duration,
        /// The file's `ttl`.
        ttl: Duration,
    },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed { is_merged: true } => f.write_str("its pull request is merged"),
            Self::Closed { is_merged: false } => f.write_str("its pull request is closed"),
            Self::Old { age: since, ttl } => {
                write!(f, "nothing was deployed for {}, and `ttl` is {}", age(*since), age(*ttl))
            }
        }
    }
}

/// Why it goes; `None` where it stays. What is not known takes nothing down: a pull request of which
/// GitHub told nothing is no closed one, and a preview whose age nobody knows is no old one.
///
/// `deployed` and `now` are seconds of the Unix epoch.
pub fn why(
    standing: &Standing,
    deployed: Option<i64>,
    ttl: Option<Duration>,
    now: i64,
) -> Option<Why> {
    match standing {
        Standing::Closed { is_merged, .. } => return Some(Why::Closed { is_merged: *is_merged }),
        // Its file may have another `ttl`.
        Standing::Elsewhere(_) => return None,
        Standing::Open | Standing::Unknown(_) => {}
    }
    let age = u64::try_from(now.checked_sub(deployed?)?).ok().map(Duration::from_secs)?;
    ttl.filter(|ttl| age > *ttl).map(|ttl| Why::Old { age, ttl })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Problem;

    const NOW: i64 = 10_000_000;
    const DAY: i64 = 86_400;

    fn told(standing: &Standing, days: Option<i64>, ttl: Option<u64>) -> String {
        let deployed = days.map(|days| NOW - days * DAY);
        let ttl = ttl.map(|days| Duration::from_hours(24 * days));
        why(standing, deployed, ttl, NOW).map_or_else(|| "stays".to_owned(), |why| why.to_string())
    }

    #[test]
    fn only_what_is_closed_or_too_old_goes() {
        let closed = |is_merged| Standing::Closed { is_merged, at: None };
        let unknown = Standing::Unknown(Problem::new("no answer"));
        let rows = [
            told(&Standing::Open, Some(3), None),
            told(&Standing::Open, Some(7), Some(7)),
            told(&Standing::Open, Some(8), Some(7)),
            told(&Standing::Open, None, Some(7)),
            told(&unknown, Some(3), None),
            told(&unknown, None, Some(7)),
            told(&unknown, Some(8), Some(7)),
            told(&Standing::Elsewhere("octo/other".to_owned()), Some(8), Some(7)),
            told(&closed(true), Some(0), Some(7)),
            told(&closed(false), None, None),
            // A clock that is behind makes nothing old.
            told(&Standing::Open, Some(-1), Some(0)),
        ];
        insta::assert_snapshot!(rows.join("\n"), @"
        stays
        stays
        nothing was deployed for 8d 0h, and `ttl` is 7d 0h
        stays
        stays
        stays
        nothing was deployed for 8d 0h, and `ttl` is 7d 0h
        stays
        its pull request is merged
        its pull request is closed
        stays
        ");
    }
}
