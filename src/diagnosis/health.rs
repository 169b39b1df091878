//! Reads what the load balancer says of a target, in its own words and in ECS's events.

use super::{cause::Cause, extract, line::normal, read::Told, reading::Reading};

/// What the load balancer says of a target: its code, then its words.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html>
pub fn target(code: &str, description: &str, port: Option<u16>) -> Told {
    let description = normal(description);
    let of_code = match code {
        "Target.ResponseCodeMismatch" => Cause::TargetCode,
        "Target.Timeout" => Cause::TargetTimeout,
        "Target.FailedHealthChecks" => Cause::TargetRefused,
        "Target.NotInUse" if description.contains("Availability Zone") => Cause::TargetZone,
        "Target.NotInUse" => Cause::TargetUnrouted,
        "Target.IpUnusable" => Cause::TargetAddress,
        "Elb.InitialHealthChecking"
        | "Elb.RegistrationInProgress"
        | "Target.DeregistrationInProgress" => return Told::Routine,
        _ => match health(&description) {
            Some(cause) => cause,
            None => return Told::Unknown,
        },
    };
    let codes = codes(&description);
    Told::Cause(Box::new(Reading { codes, port, ..Reading::new(of_code) }))
}

/// `(port 8080) is unhealthy in (target-group …) due to (reason …)`, the parenthesis closed.
pub(super) fn unhealthy(text: &str) -> Option<Reading> {
    let (_, rest) = text.split_once(" is unhealthy in (")?;
    let (_, reason) = rest.split_once("due to (reason ")?;
    let (reason, _) = reason.rsplit_once(')')?;
    let port = extract::within(text, "(port ", ')').and_then(|port| port.parse().ok());
    Some(Reading {
        codes: codes(reason),
        port,
        resource: extract::within(text, "(target-group ", ')').map(str::to_owned),
        ..Reading::new(health(reason)?)
    })
}

fn health(reason: &str) -> Option<Cause> {
    let reason = reason.trim_end_matches('.').to_ascii_lowercase();
    match reason.as_str() {
        "health checks failed" => Some(Cause::TargetRefused),
        "request timed out" => Some(Cause::TargetTimeout),
        _ if reason.starts_with("health checks failed with these codes: [") => {
            Some(Cause::TargetCode)
        }
        _ if reason.contains("availability zone that is not enabled for the load balancer") => {
            Some(Cause::TargetZone)
        }
        _ if reason.starts_with("instance has failed at least the unhealthythreshold number") => {
            Some(Cause::TargetHealth)
        }
        _ => None,
    }
}

/// `404` of `[404]`: digits and commas alone.
fn codes(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("these codes: [")?;
    let (codes, _) = rest.split_once(']')?;
    let is_plain = codes.len() < 40
        && codes.chars().all(|c| c.is_ascii_digit() || matches!(c, ',' | ' ' | '-'));
    is_plain.then(|| codes.to_owned())
}
