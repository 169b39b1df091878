//! How long AWS is waited for and how often it is asked again, for every call alike.

use super::wire::Call;
use aws_config::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_runtime_api::client::{
    interceptors::context::InterceptorContext,
    orchestrator::{HttpRequest, HttpResponse},
    retries::classifiers::{ClassifyRetry, RetryAction, RetryClassifierPriority},
};
use aws_smithy_types::retry::RetrySpec;
use std::time::Duration;

/// Attempts against a throttle, the first one included: with pauses that double from a second to
/// twenty, each shortened at random so that runs which were throttled together do not come back
/// together, that is some 75 seconds. A bucket that twenty runs draw from refills within.
const ATTEMPTS: u32 = 12;
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// Attempts against everything else that passes by itself: a 500, a connection that is reset, an answer
/// that does not come. The pauses double from a fifth of a second, so that these are some 13 seconds.
const ATTEMPTS_WITHOUT_THROTTLE: u32 = 8;
const FIRST_PAUSE_WITHOUT_THROTTLE: Duration = Duration::from_millis(200);

const CONNECT: Duration = Duration::from_secs(5);
/// Until an answer begins. The SDK has no end for it of its own, so that a server which takes a request
/// and never answers would hold the run for ever.
const ANSWER: Duration = Duration::from_secs(20);
/// Until it has come to its end; the wait for a place in a bucket does not count.
pub(super) const ATTEMPT: Duration = Duration::from_secs(30);
/// All attempts with their pauses, and the wait for places in a bucket.
const CALL: Duration = Duration::from_mins(5);

/// How often it is asked again, and when.
pub(super) fn retries() -> RetryConfig {
    let spec = RetrySpec::v2_1().with_non_throttling_initial_backoff(FIRST_PAUSE_WITHOUT_THROTTLE);
    RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_max_backoff(LONGEST_PAUSE)
        .with_retry_spec(spec)
}

/// How long it is waited for; [`ATTEMPT`] is kept where the place in the bucket is taken.
pub(super) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .read_timeout(ANSWER)
        .operation_timeout(CALL)
        .build()
}

/// Calls that do their work once more each time that they are made, and take no client token. Whoever
/// makes one that got no answer has to look first.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html>
const NEVER_BLINDLY: [&str; 1] = ["RegisterTaskDefinition"];

/// Whether this request is not made again, other than when it is throttled: a throttled call has done
/// nothing. The SDK knows one number of attempts for every kind of failure.
pub(super) fn is_last(call: &Call, request: &HttpRequest) -> bool {
    let attempt = request.headers().get("amz-sdk-request").and_then(attempt).unwrap_or(1);
    attempt >= ATTEMPTS_WITHOUT_THROTTLE || NEVER_BLINDLY.contains(&&*call.operation)
}

/// Put on an answer that says that AWS has failed, when it is the last one.
pub(super) const LAST: &str = "x-ecs-private-deploy-last";

/// Ends the attempts with an answer that is marked as the [`LAST`].
#[derive(Debug)]
pub(super) struct Patience;

impl ClassifyRetry for Patience {
    fn name(&self) -> &'static str {
        "Patience"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }

    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let is_last = |answer: &HttpResponse| answer.headers().get(LAST).is_some();
        if context.response().is_some_and(is_last) {
            RetryAction::RetryForbidden
        } else {
            RetryAction::NoActionIndicated
        }
    }
}

/// `2` of `attempt=2; max=12`, which the SDK tells AWS.
fn attempt(header: &str) -> Option<u32> {
    let attempt = header.split("; ").find_map(|part| part.strip_prefix("attempt="));
    attempt.and_then(|attempt| attempt.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attempt_is_read_from_what_the_sdk_tells() {
        assert_eq!(attempt("attempt=2; max=12"), Some(2));
        assert_eq!(attempt("ttl=20261125T101010Z; attempt=11; max=12"), Some(11));
        assert_eq!(attempt("max=12"), None);
    }
}
