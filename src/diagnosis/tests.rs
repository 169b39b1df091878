//! Each documented text gives its cause.

use super::{
    cause::Cause,
    extract::Dial,
    ground::address::{Lies, lies},
    health,
    read::{self, Told, read},
    rows::{Values, means, rows},
};

#[test]
fn every_row_gives_its_cause() {
    for row in rows() {
        let text = Values::default().fill(row.text);
        let told = read(&text).cause().map(means);
        assert_eq!(told.as_deref(), Some(row.means), "row {}: {text}", row.name);
    }
}

#[test]
fn every_row_gives_its_cause_in_an_event_too() {
    for row in rows()
        .iter()
        .filter(|row| row.text.split(' ').next().is_some_and(|word| word.ends_with("Error:")))
    {
        let bare = Values::default().fill(row.text);
        let text = format!("(service web) was unable to place a task. Reason: {bare}.");
        let told = read(&text).cause().map(means);
        assert_eq!(told.as_deref(), Some(row.means), "row {}: {text}", row.name);
        assert_eq!(read::kind(&text), read::kind(&bare), "row {}", row.name);
    }
}

#[test]
fn the_rows_of_the_table_are_all_here() {
    let rows = rows();
    for number in 1..=36 {
        let is_of = |name: &str| name.trim_end_matches(char::is_alphabetic) == number.to_string();
        // The circuit breaker's own words are no cause.
        assert!(number == 32 || rows.iter().any(|row| is_of(row.name)), "row {number}");
    }
    let breaker = "(service web) (deployment ecs-svc/3) deployment failed: tasks failed to start.";
    assert_eq!(read(breaker), Told::Follows);
}

#[test]
fn what_only_follows_is_no_cause() {
    for text in [
        "ECS deployment circuit breaker: tasks failed to start.",
        "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/123.",
        "(service web) is unable to consistently start tasks successfully. For more information, see the Troubleshooting section.",
        "(service web) rolling back to deployment ecs-svc/123.",
        "Service deployment rolled back because the circuit breaker threshold was exceeded.",
    ] {
        assert_eq!(read(text), Told::Follows, "{text}");
    }
}

#[test]
fn ordinary_life_is_routine() {
    for text in [
        "Scaling activity initiated by (deployment ecs-svc/123)",
        "(service web) has reached a steady state.",
        "(service web) has started 2 tasks: (task 1) (task 2).",
        "(service web) has stopped 1 running tasks: (task 1).",
        "(service web) registered 1 targets in (target-group arn:x)",
        "(service web) deregistered 1 targets in (target-group arn:x)",
        "(service web) (deployment ecs-svc/1) deployment completed.",
    ] {
        assert_eq!(read(text), Told::Routine, "{text}");
    }
}

#[test]
fn what_has_several_causes_is_not_known() {
    for text in [
        "",
        "ResourceInitializationError: unable to pull secrets or registry auth",
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve ecr registry auth: service call has been retried 3 time(s)",
        "ResourceInitializationError: failed to validate logger args: The task cannot find the Amazon CloudWatch log group defined in the task definition.",
        "CannotPullContainerError: ref pull has been retried 1 time(s): failed to copy: httpReaderSeeker: failed open: unexpected status code",
        "CannotPullContainerError: Error response from daemon: pull access denied for web, repository does not exist or may require 'docker login'",
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref web:1: unexpected status code 500 Internal Server Error",
        "Task failed",
        "Internal error.",
        "a text that nobody has seen before",
    ] {
        assert_eq!(read(text), Told::Unknown, "{text}");
    }
}

#[test]
fn an_exit_code_has_its_meaning() {
    let meant = |code, reason| read::exit("web", code, reason).to_string();
    let codes: Vec<_> =
        [0, 1, 126, 127, 134, 137, 139, 143, 255].map(|code| meant(code, "")).to_vec();
    insta::assert_snapshot!(codes.join("\n"), @r"
    container `web` exited with code 0: it ended as if its work were done
    container `web` exited with code 1
    container `web` exited with code 126: its command cannot be run
    container `web` exited with code 127: its command cannot be run
    container `web` exited with code 134
    container `web` exited with code 137: it was killed
    container `web` exited with code 139: a segmentation fault
    container `web` exited with code 143: it was asked to end
    container `web` exited with code 255
    ");
    insta::assert_snapshot!(meant(137, "OutOfMemoryError: Container killed due to memory usage"), @"container `web` exited with code 137: it ran out of memory");
    let line = read::log_line("web", Some(255), "exec /app: exec format error");
    insta::assert_snapshot!(line.expect("it is known"), @"container `web` exited with code 255: the image is built for another CPU");
    assert_eq!(read::log_line("web", Some(1), "error: no DATABASE_URL"), None);
}

#[test]
fn a_targets_health_has_its_cause() {
    let of = |code: &str, description: &str| {
        health::target(code, description, Some(8080)).cause().map(|it| it.cause)
    };
    assert_eq!(
        of("Target.ResponseCodeMismatch", "Health checks failed with these codes: [404]"),
        Some(Cause::TargetCode)
    );
    assert_eq!(of("Target.Timeout", "Request timed out"), Some(Cause::TargetTimeout));
    assert_eq!(of("Target.FailedHealthChecks", "Health checks failed"), Some(Cause::TargetRefused));
    let zone = "Target is in an Availability Zone that is not enabled for the load balancer";
    assert_eq!(of("Target.NotInUse", zone), Some(Cause::TargetZone));
    let unrouted = "Target group is not configured to receive traffic from the load balancer";
    assert_eq!(of("Target.NotInUse", unrouted), Some(Cause::TargetUnrouted));
    assert_eq!(
        of("Target.IpUnusable", "The target IP address is in use by a load balancer"),
        Some(Cause::TargetAddress)
    );
    assert_eq!(health::target("Elb.InitialHealthChecking", "", None), Told::Routine);
    assert_eq!(health::target("Target.DeregistrationInProgress", "", None), Told::Routine);
    assert_eq!(health::target("Elb.InternalError", "", None), Told::Unknown);
}

#[test]
fn an_address_says_where_the_name_led() {
    let to = |address: &str| Some(Dial::To(address.parse().expect("an address")));
    let vpc = ["10.0.0.0/16".parse().expect("a block")];
    assert_eq!(lies(to("10.0.1.5"), Some(&vpc)), Lies::Inside);
    assert_eq!(lies(to("10.1.1.5"), Some(&vpc)), Lies::Elsewhere);
    assert_eq!(lies(to("52.216.8.9"), Some(&vpc)), Lies::Outside);
    for private in ["10.1.1.5", "172.31.0.9", "192.168.1.1"] {
        assert_eq!(lies(to(private), None), Lies::Inside, "{private}");
    }
    assert_eq!(lies(to("172.32.0.9"), None), Lies::Outside);
    assert_eq!(lies(Some(Dial::NoName), None), Lies::NoName);
    assert_eq!(lies(None, Some(&vpc)), Lies::Untold);
}
