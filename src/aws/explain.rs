//! What an error of the SDK means: service, operation, code, message, request id, and for a refusal
//! the permission that is missing. The SDK's own `Display` says "service error".

mod quota;

use crate::error::{Error, Problem};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::{
    display::DisplayErrorContext,
    metadata::{ErrorMetadata, ProvideErrorMetadata},
};

/// A call that did not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The IAM name of the operation: `ec2:CreateVpcEndpoint`.
    pub operation: &'static str,
    /// What it was tried on.
    pub on: String,
    /// AWS's error code; `None` where no answer came.
    pub code: Option<String>,
    /// AWS's words, or what stopped the call on the way.
    pub message: String,
    /// For a support case.
    pub request_id: Option<String>,
}

impl Failure {
    /// Whether AWS answered with this code. The wire's code sometimes carries the suffix `Exception`.
    pub fn is(&self, code: &str) -> bool {
        self.code.as_deref().is_some_and(|found| {
            found == code || found.strip_suffix("Exception").is_some_and(|found| found == code)
        })
    }

    /// Whether what was to be made is there already: another run was faster.
    pub fn already_exists(&self) -> bool {
        let code = self.code.as_deref().unwrap_or_default();
        code.contains("AlreadyExists")
            || code.contains("Duplicate")
            || code == "PriorityInUse"
            || code == "RouteAlreadyExists"
            || self.message.contains("was not idempotent")
            || self.message.contains("conflicting DNS domain")
    }

    /// Whether a preview's place behind its load balancer was taken since this run looked: behind another
    /// one there may be room.
    pub fn lost_its_place(&self) -> bool {
        self.is("TooManyUniqueTargetGroupsPerLoadBalancer") || self.is("TooManyRules")
    }

    /// Whether what was to be used is not there: another run has deleted it since this one looked.
    pub fn is_gone(&self) -> bool {
        let code = self.code.as_deref().unwrap_or_default();
        code.contains("NotFound")
            || ["NoSuchEntity", "ServiceNotActive"].iter().any(|gone| self.is(gone))
    }

    /// Whether AWS said neither that it did the work nor that it will not: it may have.
    pub fn is_unanswered(&self) -> bool {
        self.is_unavailable() && !self.lacks_credentials()
    }

    /// Whether the caller lacks a permission.
    pub fn is_denied(&self) -> bool {
        const CODES: [&str; 5] = [
            "AccessDenied",
            "AccessDeniedException",
            "UnauthorizedOperation",
            "Client.UnauthorizedOperation",
            "AuthorizationError",
        ];
        self.code.as_deref().is_some_and(|code| CODES.contains(&code))
    }

    /// Whether the credentials themselves are refused.
    fn is_unauthenticated(&self) -> bool {
        const CODES: [&str; 9] = [
            "AuthFailure",
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "SignatureDoesNotMatch",
            "ExpiredToken",
            "ExpiredTokenException",
            "RequestExpired",
            "IncompleteSignature",
            "MissingAuthenticationToken",
        ];
        self.code.as_deref().is_some_and(|code| CODES.contains(&code))
    }

    /// The failure in the form that every message has.
    pub fn problem(&self) -> Problem {
        let Self { operation, on, code, message, request_id } = self;
        let lacks_credentials = self.lacks_credentials();
        let what = match code {
            _ if lacks_credentials => format!("no AWS credentials were found: {message}"),
            Some(code) => format!("{operation} on {on} was refused: {code}: {message}"),
            None => format!("{operation} on {on} got no answer: {message}"),
        };
        let mut problem = Problem::new(what);
        if let Some(id) = request_id {
            problem = problem.found(format!("request id {id}"));
        }
        let quota = code.as_deref().and_then(quota::help);
        if let Some(help) = quota {
            problem = problem.help(help);
        } else if self.is_denied() {
            problem = problem.help(self.permission());
        } else if self.is_unauthenticated() {
            problem = problem.help(
                "AWS does not accept these credentials: check AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY, whether the session has expired, and the role's trust policy",
            );
        } else if lacks_credentials {
            problem = problem.help(
                "in a workflow set `role-to-assume`; elsewhere `aws configure`, or set AWS_PROFILE",
            );
        } else if self.is_unavailable() {
            problem = problem.help(
                "try again; if it stays, check that this machine reaches AWS (proxy, DNS, \
                 AWS_ENDPOINT_URL)",
            );
        }
        problem
    }

    /// What to allow, and where. AWS's words name the action, which may be another one than was called:
    /// passing a role, or tagging what is made.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>
    fn permission(&self) -> String {
        const BEFORE: &str = "is not authorized to perform: ";
        let said = self.message.split_once(BEFORE).map_or("", |(_, said)| said);
        let mut words = said.split_whitespace().map(|word| word.trim_end_matches([',', '.']));
        let named = words.next().filter(|word| is_action(word));
        let action = named.unwrap_or(self.operation);
        let resource = match (words.next(), words.next(), words.next()) {
            (Some("on"), Some("resource:"), Some(arn)) if arn.starts_with("arn:") => Some(arn),
            _ => None,
        };
        let on = resource.filter(|_| action != self.operation).unwrap_or(&self.on);
        if let Some((_, place)) = self.message.split_once("with an explicit deny in ") {
            let place = place.split([':', '.', '\n']).next().unwrap_or_default();
            return format!(
                "`{action}` on {on} is denied in {place}, which no other policy outweighs: it has to be \
                 taken out there"
            );
        }
        let place =
            PLACES.iter().find(|place| self.message.contains(&format!("because no {place}")));
        let of = "the policy of the role that runs this";
        let place = place.map_or_else(|| of.to_owned(), |place| format!("the {place} too"));
        format!("allow `{action}` on {on} in {place}")
    }

    /// Whether the call was not made, since there is nothing to sign it with.
    pub fn lacks_credentials(&self) -> bool {
        self.code.is_none() && self.message.contains("credentials")
    }

    /// Whether AWS did not answer, or not as AWS: that says nothing about what was asked.
    fn is_unavailable(&self) -> bool {
        const CODES: [&str; 6] = [
            "Throttling",
            "RequestLimitExceeded",
            "ServiceUnavailable",
            "InternalFailure",
            "InternalError",
            "ServerException",
        ];
        self.code.as_deref().is_none_or(|code| {
            code.starts_with("HTTP ") && !["HTTP 401", "HTTP 403"].contains(&code)
                || CODES.iter().any(|known| self.is(known))
        })
    }

    /// The failure of a read, before anything was changed: a refusal where AWS answered or there are
    /// no credentials, otherwise a service that cannot be reached.
    pub fn refused(&self) -> Error {
        if self.is_unavailable() && !self.lacks_credentials() {
            Error::Unexpected(self.problem())
        } else {
            Error::Refused(self.problem())
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.refused()
    }
}

/// What has to allow an action besides the role's own policies, as AWS's words call it.
const PLACES: [&str; 5] = [
    "permissions boundary",
    "resource control policy",
    "service control policy",
    "session policy",
    "VPC endpoint policy",
];

/// `iam:PassRole`. The text is from outside.
fn is_action(word: &str) -> bool {
    word.split_once(':').is_some_and(|(service, name)| {
        let is_name = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        is_name(service) && is_name(name)
    })
}

/// Turns the SDK's error into a [`Failure`].
pub trait Explain<T> {
    /// Names what was called and on what.
    fn explain(self, operation: &'static str, on: impl Into<String>) -> Result<T, Failure>;
}

impl<T, E> Explain<T> for Result<T, SdkError<E, HttpResponse>>
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    fn explain(self, operation: &'static str, on: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|error| {
            let on = on.into();
            let Some(service) = error.as_service_error() else {
                let message = innermost(&error);
                return Failure { operation, on, code: None, message, request_id: None };
            };
            let meta: &ErrorMetadata = service.meta();
            let foreign = match (meta.code(), error.raw_response()) {
                (None, Some(response)) => foreign(response),
                _ => None,
            };
            let (code, message) = foreign.unwrap_or_else(|| {
                let message = meta.message().map_or_else(|| innermost(service), str::to_owned);
                (meta.code().unwrap_or("UnknownError").to_owned(), message)
            });
            Failure {
                operation,
                on,
                code: Some(code),
                message: message.trim_end_matches('.').to_owned(),
                request_id: meta.extra("aws_request_id").map(str::to_owned),
            }
        })
    }
}

/// What an answer says that is not in the service's own form: code and message where it is XML in the
/// form of another service, otherwise the HTTP status and the first of its words. Proxies and
/// gateways answer so.
fn foreign(response: &HttpResponse) -> Option<(String, String)> {
    const WORDS: usize = 200;
    let body = String::from_utf8_lossy(response.body().bytes()?).into_owned();
    let element = |name: &str| {
        let (_, rest) = body.split_once(&format!("<{name}>"))?;
        Some(rest.split_once("</")?.0.trim().to_owned())
    };
    if let (Some(code), Some(message)) = (element("Code"), element("Message")) {
        return Some((code, message));
    }
    let words: String = body.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = words.chars().take(WORDS).collect();
    Some((format!("HTTP {}", response.status().as_u16()), words))
}

/// The last cause of an error: the one that says something. The whole chain would print the raw
/// response with its headers.
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = cause.to_string();
    if text.is_empty() { DisplayErrorContext(cause).to_string() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_types::body::SdkBody;

    fn answer(status: u16, body: &str) -> Option<(String, String)> {
        let status = status.try_into().expect("a status");
        foreign(&HttpResponse::new(status, SdkBody::from(body)))
    }

    fn failure(code: Option<&str>) -> Failure {
        Failure {
            operation: "ec2:DescribeVpcs",
            on: "this region".to_owned(),
            code: code.map(str::to_owned),
            message: "no".to_owned(),
            request_id: Some("1-2-3".to_owned()),
        }
    }

    #[test]
    fn an_answer_in_another_form_is_read_as_far_as_it_can_be() {
        let ec2 = "<Response><Errors><Error><Code>AuthFailure</Code><Message>who?</Message>";
        assert_eq!(answer(401, ec2), Some(("AuthFailure".into(), "who?".into())));
        let proxy = "<html>\n  <h1>Forbidden</h1>";
        assert_eq!(
            answer(403, proxy),
            Some(("HTTP 403".into(), "<html> <h1>Forbidden</h1>".into()))
        );
    }

    #[test]
    fn a_refusal_names_the_permission_that_is_missing() {
        insta::assert_snapshot!(failure(Some("UnauthorizedOperation")).problem(), @"
        ec2:DescribeVpcs on this region was refused: UnauthorizedOperation: no
          request id 1-2-3
          help: allow `ec2:DescribeVpcs` on this region in the policy of the role that runs this
        ");
    }

    fn permission(message: &str) -> String {
        Failure {
            operation: "ecs:RegisterTaskDefinition",
            on: "family web".to_owned(),
            code: Some("AccessDeniedException".to_owned()),
            message: message.to_owned(),
            request_id: None,
        }
        .problem()
        .help
        .expect("it helps")
    }

    #[test]
    fn the_permission_is_the_one_that_aws_names() {
        let user = "User: arn:aws:sts::1:assumed-role/d/r is not authorized to perform:";
        let pass = "iam:PassRole on resource: arn:aws:iam::1:role/web because no identity-based policy \
                    allows the iam:PassRole action";
        assert_eq!(
            permission(&format!("{user} {pass}")),
            "allow `iam:PassRole` on arn:aws:iam::1:role/web in the policy of the role that runs this"
        );
        let own =
            "ecs:RegisterTaskDefinition on resource: * because no VPC endpoint policy allows it";
        assert_eq!(
            permission(&format!("{user} {own}")),
            "allow `ecs:RegisterTaskDefinition` on family web in the VPC endpoint policy too"
        );
        let denied = "iam:PassRole on resource: arn:aws:iam::1:role/web with an explicit deny in a service \
                      control policy";
        assert_eq!(
            permission(&format!("{user} {denied}")),
            "`iam:PassRole` on arn:aws:iam::1:role/web is denied in a service control policy, which no other \
             policy outweighs: it has to be taken out there"
        );
        for hostile in ["", "you may not", &format!("{user} `rm` on"), &format!("{user} ::set on")]
        {
            assert_eq!(
                permission(hostile),
                "allow `ecs:RegisterTaskDefinition` on family web in the policy of the role that runs this"
            );
        }
    }

    #[test]
    fn no_answer_is_no_refusal() {
        assert!(matches!(failure(None).refused(), Error::Unexpected(_)));
        assert!(matches!(failure(Some("ThrottlingException")).refused(), Error::Unexpected(_)));
        assert!(matches!(failure(Some("HTTP 502")).refused(), Error::Unexpected(_)));
        assert!(matches!(failure(Some("InvalidParameter")).refused(), Error::Refused(_)));
        assert!(failure(Some("RepositoryNotFoundException")).is("RepositoryNotFound"));
    }
}
