//! The `rollout` section.

use super::number;
use crate::config::{
    finding::Finding,
    model::{EarlySuccess, OnCancel, Pause, Percent, Rollout, Shift, ShiftSteps, Strategy},
    section::{At, Section},
    tree::Value,
};
use std::{collections::BTreeSet, time::Duration};

/// How long a rollout without any bake time is waited for.
const TIMEOUT: Duration = Duration::from_mins(15);
/// Short of AWS's own advice for production, long enough for alarms to notice.
const BAKE_TIME: Duration = Duration::from_mins(5);
/// ECS's own defaults.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LinearConfiguration.html>
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CanaryConfiguration.html>
const LINEAR: (Percent, Duration) = (Percent(100), Duration::from_mins(6));
const CANARY: (Percent, Duration) = (Percent(50), Duration::from_mins(10));
/// The most that ECS bakes.
const BAKE_TIME_MOST: Duration = Duration::from_hours(24);
/// How long ECS pauses: by default, and at most.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentLifecycleHook.html>
const PAUSE: Duration = Duration::from_hours(24);
const PAUSE_MOST: Duration = Duration::from_hours(336);

/// Keys that one strategy or a kind of them has, and the strategies.
const OF_STRATEGIES: [(&str, &[&str]); 6] = [
    ("early-success", &["rolling"]),
    ("bake-time", &["blue-green", "linear", "canary"]),
    ("test-port", &["blue-green", "linear", "canary"]),
    ("pause", &["blue-green", "linear", "canary"]),
    ("linear", &["linear"]),
    ("canary", &["canary"]),
];

/// Reads it.
pub(super) fn read(file: &Section<'_>, findings: &mut Vec<Finding>) -> Rollout {
    let section = file.section("rollout");
    let strategy = strategy(file, &section, findings);
    let bakes = strategy.bakes();
    let rollout = Rollout {
        desired_count: section.number("desired-count").map(|at| at.value),
        minimum_healthy_percent: number(&section, "minimum-healthy-percent", 100),
        maximum_percent: number(&section, "maximum-percent", 200),
        timeout: section.duration("timeout").unwrap_or(TIMEOUT + bakes),
        strategy,
        give_up_after: number(&section, "give-up-after", 2),
        rollback: section.boolean("rollback").unwrap_or(true),
        on_cancel: match section.text("on-cancel").map(|at| at.value) {
            Some("rollback") => OnCancel::Rollback,
            _ => OnCancel::Leave,
        },
        alarms: alarms(&section, findings),
    };
    if is_stuck(&rollout)
        && let Some(entry) =
            section.entry("maximum-percent").or_else(|| section.entry("minimum-healthy-percent"))
    {
        let what = "no task may be started before another one is stopped, and none may be stopped";
        let finding = Finding::new(entry.node.span.clone(), what);
        findings.push(finding.help("raise `maximum-percent`, or lower `minimum-healthy-percent`"));
    }
    if let Strategy::Rolling { early_success: Some(early) } = &rollout.strategy
        && early.healthy_percent < rollout.minimum_healthy_percent
        && let Some(entry) = section.entry("early-success")
    {
        let (early, least) = (early.healthy_percent, rollout.minimum_healthy_percent);
        let what = format!("a rollout that keeps {least} % healthy cannot succeed with {early} %");
        let finding = Finding::new(entry.node.span.clone(), what);
        findings.push(
            finding.help("raise `healthy-percent`, or lower `rollout.minimum-healthy-percent`"),
        );
    }
    if rollout.timeout <= bakes
        && let Some(entry) = section.entry("timeout")
    {
        let minutes = bakes.as_secs() / 60;
        let what = format!("the rollout bakes for {minutes}m, and is waited for no longer");
        let finding = Finding::new(entry.node.span.clone(), what);
        findings.push(finding.help(format!("give it more than {minutes}m, or take the key out")));
    }
    if rollout.on_cancel == OnCancel::Rollback
        && !rollout.rollback
        && let (Some(cancel), Some(rollback)) =
            (section.entry("on-cancel"), section.entry("rollback"))
    {
        let what = "a rollout that is never taken back cannot be taken back when it is cancelled";
        let finding = Finding::new(cancel.node.span.clone(), what);
        findings.push(finding.also(rollback.node.span.clone(), "never taken back"));
    }
    rollout
}

fn strategy(file: &Section<'_>, section: &Section<'_>, findings: &mut Vec<Finding>) -> Strategy {
    let given = section.text("strategy");
    let name = given.as_ref().map_or("rolling", |at| at.value);
    for (key, strategies) in OF_STRATEGIES {
        if let Some(entry) = section.entry(key).filter(|_| !strategies.contains(&name)) {
            let what = format!("`rollout.{key}` has no meaning with the strategy `{name}`");
            let strategies: Vec<_> = strategies.iter().map(|it| format!("`{it}`")).collect();
            let finding = Finding::new(entry.key_span.clone(), what);
            findings.push(finding.help(format!("it goes with {}", strategies.join(", "))));
        }
    }
    let bake_time = |section: &Section<'_>, key, default, findings: &mut Vec<Finding>| {
        let given = section.duration_or_none(key);
        minutes(given, BAKE_TIME_MOST, findings).unwrap_or(default)
    };
    let steps = match name {
        "blue-green" => ShiftSteps::AllAtOnce,
        "linear" => {
            let section = section.section("linear");
            ShiftSteps::Linear {
                percent: section.tenths("step-percent").map_or(LINEAR.0, Percent),
                bake_time: bake_time(&section, "step-bake-time", LINEAR.1, findings),
            }
        }
        "canary" => {
            let section = section.section("canary");
            ShiftSteps::Canary {
                percent: section.tenths("percent").map_or(CANARY.0, Percent),
                bake_time: bake_time(&section, "bake-time", CANARY.1, findings),
            }
        }
        _ => return Strategy::Rolling { early_success: early_success(section) },
    };
    without_load_balancer(file, given.as_ref(), findings);
    Strategy::Shift(Shift {
        steps,
        bake_time: bake_time(section, "bake-time", BAKE_TIME, findings),
        test_port: test_port(file, section, findings),
        pause: pause(section, findings),
    })
}

/// The file has no form without a load balancer; who tries one reads why this strategy needs it.
fn without_load_balancer(
    file: &Section<'_>,
    strategy: Option<&At<&str>>,
    findings: &mut Vec<Finding>,
) {
    let (Some(strategy), Some(entry)) = (strategy, file.entry("load-balancer")) else { return };
    if !matches!(entry.node.value, Value::Map(_) | Value::Null) {
        let what =
            format!("`{}` moves requests, and has no load balancer to do it", strategy.value);
        let finding = Finding::new(strategy.span.clone(), what);
        findings.push(finding.also(entry.node.span.clone(), "no load balancer"));
    }
}

fn early_success(section: &Section<'_>) -> Option<EarlySuccess> {
    section.entry("early-success")?;
    let section = section.section("early-success");
    Some(EarlySuccess {
        healthy_percent: number(&section, "healthy-percent", 100),
        is_cleanup_deferred: section.text("cleanup").is_none_or(|at| at.value == "deferred"),
    })
}

fn test_port(
    file: &Section<'_>,
    section: &Section<'_>,
    findings: &mut Vec<Finding>,
) -> Option<u16> {
    let At { value: port, span } = section.number::<u16>("test-port")?;
    let has_certificate = file.section("load-balancer").entry("certificate").is_some();
    if port == 80 || port == 443 && has_certificate {
        let what = format!("port {port} is where everybody's requests come in");
        let finding = Finding::new(span, what);
        findings.push(finding.help("take another port for the listener of the tests"));
    }
    Some(port)
}

fn pause(section: &Section<'_>, findings: &mut Vec<Finding>) -> Option<Pause> {
    let entry = section.entry("pause")?;
    let section = section.section("pause");
    let at: BTreeSet<_> = section
        .texts("at")
        .unwrap_or_default()
        .into_iter()
        .map(|stage| stage.value.to_owned())
        .collect();
    if at.is_empty() {
        let finding = Finding::new(entry.key_span.clone(), "it is not said where ECS pauses");
        findings.push(finding.help("name lifecycle stages: `at: [POST_SCALE_UP]`"));
    }
    let timeout = minutes(section.duration_or_none("timeout"), PAUSE_MOST, findings);
    Some(Pause {
        at,
        timeout: timeout.unwrap_or(PAUSE),
        continues: section.text("on-timeout").is_some_and(|at| at.value == "continue"),
    })
}

/// A time that ECS takes in whole minutes.
fn minutes(
    given: Option<At<Duration>>,
    most: Duration,
    findings: &mut Vec<Finding>,
) -> Option<Duration> {
    let At { value, span } = given?;
    if value > most || value.as_secs() % 60 != 0 {
        let what = "ECS does not take this time";
        let label = format!("whole minutes, up to {}h", most.as_secs() / 3600);
        findings.push(Finding::new(span, what).label(label));
    }
    Some(value)
}

fn alarms(section: &Section<'_>, findings: &mut Vec<Finding>) -> BTreeSet<String> {
    let rule = |text: &str| {
        let is_well = text.len() <= 255 && !text.chars().any(char::is_control);
        is_well.then_some(()).ok_or_else(|| "a name has at most 255 characters".to_owned())
    };
    let names = section.texts("alarms").unwrap_or_default();
    for name in &names {
        name.must("the alarm", rule, findings);
    }
    names.iter().map(|name| name.value.to_owned()).collect()
}

/// Whether ECS, which rounds the one down and the other up, could replace no task.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html>
fn is_stuck(rollout: &Rollout) -> bool {
    let Rollout { desired_count, minimum_healthy_percent: least, maximum_percent: most, .. } =
        rollout;
    let Some(count) = *desired_count else { return *least == 100 && *most == 100 };
    let may_start = u64::from(count) * u64::from(*most) / 100 > count.into();
    let may_stop = (u64::from(count) * u64::from(*least)).div_ceil(100) < count.into();
    count > 0 && !may_start && !may_stop
}
