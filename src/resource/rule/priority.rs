//! The order in which a listener's rules are asked. What is narrower comes first, whoever made it when:
//! each sort of rule has a range of its own.
//!
//! Within its range a preview begins at its number, so that pull requests that are opened at the same
//! moment do not ask for the same priority.

use std::{collections::BTreeSet, ops::RangeInclusive};

/// Those before it are left for rules made by hand.
const FIRST: u32 = 100;
/// A path of a preview, of one host.
const PATHS_OF_HOSTS: RangeInclusive<u32> = FIRST..=549;
/// A path of a preview, whatever the host.
const PATHS: RangeInclusive<u32> = 550..=999;
/// A preview's host.
const PREVIEWS: RangeInclusive<u32> = 1_000..=9_999;
/// A service's host, which may be a pattern.
const HOSTS: RangeInclusive<u32> = 10_000..=39_999;
/// Every request; the last one is asked last. ELB has no later priority.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateRule.html>
const EVERYTHING: RangeInclusive<u32> = 40_000..=50_000;

/// Where the search for a priority begins: for a rule with a host, with a path, and of the preview of the
/// pull request with this number.
pub fn first(has_host: bool, has_path: bool, preview: Option<u64>) -> u32 {
    let (range, number) = match (has_host, has_path, preview) {
        (true, true, number) => (PATHS_OF_HOSTS, number),
        (false, true, number) => (PATHS, number),
        (true, false, Some(number)) => (PREVIEWS, Some(number)),
        (true, false, None) => (HOSTS, None),
        (false, false, _) => return *EVERYTHING.end(),
    };
    let size = u64::from(range.end() - range.start()) + 1;
    let step = number.map_or(0, |number| number % size);
    range.start() + u32::try_from(step).unwrap_or_default()
}

/// The free priority that comes next in the range of `wanted`, where that comes before `before`; otherwise
/// the last free one before that. `None` where there is none.
pub fn free(taken: &BTreeSet<u32>, wanted: u32, before: Option<u32>) -> Option<u32> {
    let before = before.unwrap_or(u32::MAX);
    let is_free = |priority: &u32| !taken.contains(priority) && *priority < before;
    if EVERYTHING.contains(&wanted) {
        return (*EVERYTHING.start()..=wanted).rfind(is_free);
    }
    let ranges = [PATHS_OF_HOSTS, PATHS, PREVIEWS, HOSTS];
    let range = ranges.into_iter().find(|range| range.contains(&wanted))?;
    let (start, end) = range.into_inner();
    let next = (wanted..=end).chain(start..wanted).find(is_free);
    next.or_else(|| (1..before.min(start)).rfind(is_free))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_narrower_is_asked_first() {
        let all = [
            first(true, true, Some(449)),
            first(false, true, Some(449)),
            first(true, false, Some(8_999)),
            first(true, false, None),
            first(false, false, None),
        ];
        assert_eq!(all, [549, 999, 9_999, 10_000, 50_000]);
        assert_eq!(first(true, true, Some(450)), 100);
        assert_eq!(first(true, false, Some(u64::MAX)), 1_000 + 3_615);
    }

    #[test]
    fn every_preview_gets_one_and_only_one() {
        let mut taken = BTreeSet::new();
        for number in 0..450 {
            // All of them begin at the same one.
            let begin = first(false, true, Some(450 * number + 7));
            assert!(taken.insert(free(&taken, begin, None).expect("one is free")));
        }
        assert_eq!(taken, PATHS.collect());
        assert_eq!(
            free(&taken, 557, None),
            Some(549),
            "a full range overflows to what comes before"
        );
    }

    #[test]
    fn a_rule_that_would_take_everything_is_gone_before() {
        let taken = BTreeSet::from([100, 101, 50_000]);
        assert_eq!(free(&taken, 50_000, None), Some(49_999));
        assert_eq!(free(&taken, 10_000, None), Some(10_000));
        assert_eq!(free(&taken, 1_042, Some(1_050)), Some(1_042));
        assert_eq!(free(&taken, 1_042, Some(1_010)), Some(1_000));
        assert_eq!(free(&taken, 1_042, Some(102)), Some(99));
        assert_eq!(free(&BTreeSet::from([1]), 142, Some(2)), None);
        assert_eq!(free(&taken, 142, Some(1)), None);
    }
}
