//! When to look again: as seldom as can be, and never so late that the end is told a second after it.

use std::time::Duration;

/// What the next look may find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// The end: all runs as asked, or a rollback goes on.
    Near,
    /// A step on the way. A rollout of seconds may end from there as well.
    Underway,
    /// Nothing that matters: it waits for somebody's word, or for a time that is known.
    Far,
}

/// Looks at the end may come this often for as long: old tasks take minutes to go.
const NEAR_FOR: Duration = Duration::from_secs(20);
/// Failures in a row after which the pause does not get longer.
const DOUBLINGS: u32 = 3;

/// The time from one look's beginning to the next one's, `since` so long with this outlook and after so
/// many failed looks in a row. The rest of the second is for the look itself, which takes one call.
/// ECS gives an account and region 20 of these calls a second.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html>
pub fn pause(outlook: Outlook, since: Duration, failures: u32) -> Duration {
    let usual = match outlook {
        Outlook::Near if since < NEAR_FOR => 450,
        Outlook::Near | Outlook::Underway => 850,
        Outlook::Far => 2_000,
    };
    Duration::from_millis(usual << failures.min(DOUBLINGS))
}

/// How long one look may take. A connection that hangs is given up for a new one, and a slow one gets
/// its time.
pub fn patience(failures: u32) -> Duration {
    Duration::from_secs(3 << failures.min(DOUBLINGS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_looks_often_where_the_end_is_near_and_seldom_where_it_fails() {
        let ms = |outlook, since, failures| {
            pause(outlook, Duration::from_secs(since), failures).as_millis()
        };
        assert_eq!(ms(Outlook::Near, 0, 0), 450);
        assert_eq!(ms(Outlook::Near, 20, 0), 850);
        assert_eq!(ms(Outlook::Underway, 0, 0), 850);
        assert_eq!(ms(Outlook::Far, 0, 0), 2_000);
        assert_eq!(ms(Outlook::Underway, 0, 1), 1_700);
        assert_eq!(ms(Outlook::Underway, 0, 99), 6_800);
        assert_eq!(patience(0).as_secs(), 3);
        assert_eq!(patience(99).as_secs(), 24);
    }
}
