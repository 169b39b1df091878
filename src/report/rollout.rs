//! What a rollout looks like, in words: tasks, targets, stage, pause.

use crate::event::{Breaker, Pause, RolloutState};
use jiff::Timestamp;
use std::iter;

/// `1 of 2 tasks running, 1 PENDING, 1 failed`: in ECS's own words where each task was looked at.
pub fn tasks(state: &RolloutState) -> String {
    let RolloutState { desired, running, pending, failed, .. } = state;
    let noun = if *desired == 1 { "task" } else { "tasks" };
    let mut parts = vec![format!("{running} of {desired} {noun} running")];
    let words: Vec<_> = state
        .tasks
        .iter()
        .filter(|(word, _)| word != "RUNNING")
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    if words.is_empty() && *pending > 0 {
        parts.push(format!("{pending} starting"));
    }
    parts.extend(words);
    if *failed > 0 {
        parts.push(format!("{failed} failed"));
    }
    parts.join(", ")
}

/// What else is known, each in a few words.
pub fn facts(state: &RolloutState) -> Vec<String> {
    let rollback = state.is_rolling_back.then(|| "returning to the last version".to_owned());
    let place = state.stage.as_deref().map(|stage| match state.traffic {
        Some(traffic) => format!("{stage}, {traffic}% of the requests"),
        None => stage.to_owned(),
    });
    let targets: Vec<_> =
        state.targets.iter().map(|(word, count)| format!("{count} {word}")).collect();
    let targets = (!targets.is_empty()).then(|| format!("targets: {}", targets.join(", ")));
    let old = (state.old_running > 0).then(|| format!("{} old running", state.old_running));
    let breaker = state.breaker.filter(|breaker| breaker.failures > 0);
    let breaker = breaker.map(|Breaker { failures, threshold }| {
        format!("circuit breaker: {failures} of {threshold} failures")
    });
    [rollback, place, targets, old, breaker].into_iter().flatten().collect()
}

/// The same, one line each, with all that it takes to end a pause.
pub fn lines(state: &RolloutState) -> Vec<String> {
    facts(state).into_iter().chain(state.pause.iter().flat_map(pause)).collect()
}

/// That ECS waits, how long, and what ends it.
pub fn pause(pause: &Pause) -> Vec<String> {
    let since = pause.since.map(|at| format!(" since {}", moment(at))).unwrap_or_default();
    let then = if pause.continues { "goes on" } else { "rolls back" };
    let until = pause.until.map(|at| format!("; at {} it {then} by itself", moment(at)));
    iter::once(format!("ECS waits for your word{since}{}", until.unwrap_or_default()))
        .chain([
            "to go on: `ecs-private-deploy continue`".to_owned(),
            "to go back: `ecs-private-deploy rollback`".to_owned(),
        ])
        .collect()
}

/// `2026-11-25 14:03 UTC`; the number where it is no time.
fn moment(seconds: i64) -> String {
    Timestamp::from_second(seconds)
        .map_or_else(|_| seconds.to_string(), |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[(&str, usize)]) -> Vec<(String, usize)> {
        words.iter().map(|(word, count)| ((*word).to_owned(), *count)).collect()
    }

    #[test]
    fn tasks_are_in_ecs_words_where_they_are_known() {
        let state = RolloutState {
            desired: 3,
            running: 1,
            pending: 2,
            failed: 1,
            ..RolloutState::default()
        };
        assert_eq!(tasks(&state), "1 of 3 tasks running, 2 starting, 1 failed");
        let tasks_of =
            words(&[("PROVISIONING", 1), ("PENDING", 1), ("RUNNING", 1), ("STOPPED", 1)]);
        let state = RolloutState { tasks: tasks_of, ..state };
        assert_eq!(
            tasks(&state),
            "1 of 3 tasks running, 1 PROVISIONING, 1 PENDING, 1 STOPPED, 1 failed"
        );
    }

    #[test]
    fn a_pause_says_since_when_until_when_and_what_ends_it() {
        let pause =
            Pause { since: Some(1_700_000_000), until: Some(1_700_086_400), continues: false };
        let state = RolloutState {
            desired: 1,
            running: 1,
            old_running: 1,
            targets: words(&[("healthy", 1), ("initial", 1)]),
            breaker: Some(Breaker { failures: 1, threshold: 3 }),
            stage: Some("POST_SCALE_UP".to_owned()),
            traffic: Some(0),
            pause: Some(pause),
            ..RolloutState::default()
        };
        insta::assert_snapshot!(lines(&state).join("\n"), @r"
        POST_SCALE_UP, 0% of the requests
        targets: 1 healthy, 1 initial
        1 old running
        circuit breaker: 1 of 3 failures
        ECS waits for your word since 2023-11-14 22:13 UTC; at 2023-11-15 22:13 UTC it rolls back by itself
        to go on: `ecs-private-deploy continue`
        to go back: `ecs-private-deploy rollback`
        ");
    }
}
