//! What the words that ECS has for a failure mean, and what to do about the clear ones.

/// What a cause is cut to in a headline.
const LENGTH: usize = 220;

/// Something to do, where a text holds at least one of the words of each group; in lower case.
struct Rule {
    all: &'static [&'static [&'static str]],
    help: &'static str,
}

/// AWS's own list of what a missing way looks like, and what its newer messages say instead.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/resource-initialization-error.html>
const NETWORK: &[&str] = &[
    "connection issue",
    "dial tcp",
    "dial udp",
    "i/o timeout",
    "tls handshake timeout",
    "connection timed out",
    "client.timeout",
    "request canceled while waiting for connection",
    "signal: killed",
    "context deadline exceeded",
];
const DENIED: &[&str] =
    &["accessdenied", "not authorized", "403", "denied", "check that the role has the permissions"];
const MISSING: &[&str] =
    &["not found", "manifest unknown", "404", "does not exist", "check whether the image exists"];
const PULL: &[&str] = &["cannotpullcontainer", "pull the image", "pull image", "ref pull"];
const SECRET: &[&str] = &["secret", " asm", "ssm"];
const LOG: &[&str] = &["logger args", "logging driver", "cloudwatch log", "log group", "awslogs"];

/// The first rule that fits tells what to do. One wording has several causes and one cause several
/// wordings, so the rules look for words, the most telling first.
const RULES: &[Rule] = &[
    Rule {
        all: &[&["exec format error", "matching platform"]],
        help: "the image is built for another CPU: make `image.platforms` fit the task's CPU architecture",
    },
    Rule {
        all: &[&["toomanyrequests", "too many requests", "pull rate limit"]],
        help: "the registry throttles: take the image from a private ECR repository",
    },
    Rule {
        all: &[&["outofmemory", "out of memory"]],
        help: "the container needs more memory than it has: raise `task.memory`",
    },
    Rule {
        all: &[&["capacity is unavailable"]],
        help: "Fargate has no room in these zones now: try again later, or add private subnets in \
               other zones",
    },
    Rule {
        all: &[&["limit on the number", "above your limit"]],
        help: "the account's Fargate quota is used up: ask for more in Service Quotas",
    },
    Rule {
        all: &[&["create network interface", "free addresses", "network interface provisioning"]],
        help: "the task got no network interface: check that the private subnets have addresses left",
    },
    Rule {
        all: &[&["unable to assume the role"]],
        help: "let `ecs-tasks.amazonaws.com` assume the role in its trust policy",
    },
    Rule {
        all: &[&["registry auth from asm"]],
        help: "check the secret with the registry's password: whether it exists, whether the \
               execution role may read it, and the way to Secrets Manager",
    },
    Rule {
        all: &[LOG, NETWORK],
        help: "the task does not reach CloudWatch Logs: check the endpoint `logs`, its private DNS, and \
               that its security group admits port 443 from the task",
    },
    Rule { all: &[LOG, DENIED], help: "allow the execution role to write to the log group" },
    Rule {
        all: &[LOG],
        help: "check the log group and the `logConfiguration` of the task definition",
    },
    Rule {
        all: &[
            &["registry auth from amazon ecr", "ecr registry auth", "getauthorizationtoken"],
            NETWORK,
        ],
        help: "the task does not reach ECR: check the endpoint `ecr.api`, its private DNS, and that its \
               security group admits port 443 from the task",
    },
    Rule {
        all: &[&["ecr registry auth", "getauthorizationtoken"]],
        help: "the task got no token from ECR: check the endpoint `ecr.api`, and that the execution \
               role may call `ecr:GetAuthorizationToken`",
    },
    Rule {
        all: &[PULL, NETWORK],
        help: "the task does not reach the registry: check the endpoints `ecr.api` and `ecr.dkr` with \
               their private DNS and security group, and the S3 gateway endpoint on the subnets' \
               route tables; images of other registries have no way from private subnets",
    },
    Rule {
        all: &[PULL, &["denied", "not authorized", "403", "permissions"], &["does not exist"]],
        help: "there is no such image, or the registry does not show it to the execution role",
    },
    Rule {
        all: &[PULL, MISSING],
        help: "there is no such image: check the name, and that the repository's lifecycle rule has \
               not removed it",
    },
    Rule {
        all: &[PULL, DENIED],
        help: "let the execution role pull: its policy, the repository's and the endpoints' all have to \
               allow it",
    },
    Rule {
        all: &[SECRET, &["accessdenied", "not authorized"]],
        help: "allow the execution role to read the secret, and to decrypt with its key",
    },
    Rule {
        all: &[SECRET, &["invalid character", "did not contain json key"]],
        help: "check that the secret is JSON and has the key that the task definition names",
    },
    Rule {
        all: &[SECRET, &["invalid ssm parameters", "can't find", "resourcenotfound"]],
        help: "there is no such secret or parameter: check its name and region",
    },
    Rule {
        all: &[SECRET, NETWORK],
        help: "the task does not reach its secrets: check the endpoint `secretsmanager` or `ssm`, its \
               private DNS, and that its security group admits port 443 from the task",
    },
    Rule {
        all: &[&["unable to pull secrets"]],
        help: "check that the secrets exist, that the execution role may read them, and the endpoints \
               `ecr.api` and `secretsmanager` or `ssm`",
    },
    Rule {
        all: &[&["executable file not found", "no such file or directory", "code 127", "code 126"]],
        help: "the command cannot be run: check the image's entry point and `task.command`",
    },
    Rule {
        all: &[&["unhealthy", "elb health check"], &["these codes"]],
        help: "the application answers the health check with another code: check \
               `load-balancer.health-check` (`path`, `matcher`)",
    },
    Rule {
        all: &[&["zone that is not enabled"]],
        help: "the load balancer has no subnet in the task's zone: give it a public subnet there",
    },
    Rule {
        all: &[&["unhealthy", "elb health check", "target."]],
        help: "the load balancer gets no good answer: check that the application listens on 0.0.0.0 \
               and on `task.port`, answers `load-balancer.health-check.path`, and is up within the \
               grace period",
    },
    Rule {
        all: &[&["container health check"]],
        help: "check the `healthCheck` of the container in the task definition: its command has to be \
               in the image, and `startPeriod` long enough",
    },
    Rule {
        all: &[&["code 137"]],
        help: "the process was killed: it ran out of memory (raise `task.memory`) or did not end when \
               it was asked to",
    },
    Rule {
        all: &[&["code 0"]],
        help: "a service's container has to keep running, and this one ended by itself",
    },
    Rule {
        all: &[&["exited with code", "essential container"]],
        help: "the application ended by itself: its log says why",
    },
];

/// What to do about the first of these texts that says enough.
pub fn help<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<&'static str> {
    texts.into_iter().find_map(|text| {
        let text = text.to_lowercase();
        let has = |group: &&[&str]| group.iter().any(|word| text.contains(word));
        RULES.iter().find(|rule| rule.all.iter().all(has)).map(|rule| rule.help)
    })
}

/// Whether a service event tells of something that keeps tasks from running. That a
/// deployment failed and is rolled back, or that tasks keep failing, is a consequence.
pub fn is_failure(message: &str) -> bool {
    const SIGNS: [&str; 7] =
        ["unable to", "unhealthy", "failed", "error", "throttled", "limit", "unavailable"];
    let message = message.to_lowercase();
    let is_consequence = ["deployment failed", "rolling back", "unable to consistently"]
        .map(|it| message.contains(it));
    !is_consequence.contains(&true) && SIGNS.iter().any(|sign| message.contains(sign))
}

/// Whether ECS stopped a task because a deployment or scaling wanted it so.
pub fn is_routine(reason: &str) -> bool {
    ["Scaling activity initiated by", "Service scaling down", "Deployment completed"]
        .iter()
        .any(|start| reason.starts_with(start))
}

/// What two texts about the same failure have in common: addresses, times and request ids differ from
/// task to task.
pub fn kind(text: &str) -> String {
    headline(text).chars().filter(|it| !it.is_ascii_hexdigit()).take(80).collect()
}

/// The text in one short line: without what repeats the service, the target group and the manual.
pub fn headline(text: &str) -> String {
    let line = one_line(text);
    let mut rest = line.trim_end_matches('.');
    for before in ["unable to place a task. Reason: ", "unable to place a task because "] {
        rest = rest.split_once(before).map_or(rest, |(_, reason)| reason);
    }
    rest = rest.split_once("For more information, see").map_or(rest, |(before, _)| before);
    for kind in ["(service ", "(task "] {
        let inner = rest.strip_prefix(kind).and_then(|inner| inner.split_once(") "));
        rest = inner.map_or(rest, |(_, after)| after);
    }
    let short = unhealthy(rest).unwrap_or_else(|| rest.to_owned());
    let short = short.trim_end_matches(['.', ' ']);
    if short.chars().count() <= LENGTH {
        return short.to_owned();
    }
    let cut: String = short.chars().take(LENGTH).collect();
    let cut = cut.rsplit_once(' ').map_or(cut.as_str(), |(whole, _)| whole);
    format!("{}…", cut.trim_end_matches([' ', ':', ',', '.']))
}

/// `port 8080 is unhealthy: …`, from `(port 8080) is unhealthy in (target-group …) due to (reason …)`.
fn unhealthy(text: &str) -> Option<String> {
    let (port, rest) =
        text.strip_prefix("(port ")?.split_once(") is unhealthy in (target-group ")?;
    let (_, reason) = rest.split_once(") due to (reason ")?;
    Some(format!("port {port} is unhealthy: {}", reason.strip_suffix(')').unwrap_or(reason)))
}

/// The text on one line, without anything that moves a cursor.
pub fn one_line(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_headline_is_the_part_that_differs() {
        let unhealthy = "(service web) (task 0f3e) (port 8080) is unhealthy in (target-group \
                         arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/web/5) due to (reason \
                         Health checks failed with these codes: [404])";
        insta::assert_snapshot!(headline(unhealthy), @"port 8080 is unhealthy: Health checks failed with these codes: [404]");
        let placed = "(service web) was unable to place a task. Reason: Capacity is unavailable at \
                      this time. Please try again later or in a different availability zone. For more \
                      information, see the Troubleshooting section.";
        insta::assert_snapshot!(headline(placed), @"Capacity is unavailable at this time. Please try again later or in a different availability zone");
        insta::assert_snapshot!(headline("a\u{1b}[2J\n  b."), @"a [2J b");
        assert_eq!(headline(&"word ".repeat(100)).chars().count(), LENGTH);
    }

    #[test]
    fn the_more_telling_rule_comes_first() {
        let texts = [
            "CannotPullContainerError: ref pull has been retried 1 time(s): failed to do request: \
             dial tcp 1.2.3.4:443: i/o timeout",
            "ResourceInitializationError: failed to validate logger args: There is a connection issue \
             between the task and Amazon CloudWatch. : signal: killed",
            "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve \
             secret from asm: AccessDeniedException: not authorized to perform",
            "container `web` exited with code 137: OutOfMemoryError: killed due to memory usage",
            "container `web` exited with code 1",
            "Task failed ELB health checks in (target-group arn)",
            "something else",
        ];
        let helps: Vec<_> = texts.iter().map(|text| help([*text]).unwrap_or("nothing")).collect();
        insta::assert_snapshot!(helps.join("\n"), @r"
        the task does not reach the registry: check the endpoints `ecr.api` and `ecr.dkr` with their private DNS and security group, and the S3 gateway endpoint on the subnets' route tables; images of other registries have no way from private subnets
        the task does not reach CloudWatch Logs: check the endpoint `logs`, its private DNS, and that its security group admits port 443 from the task
        allow the execution role to read the secret, and to decrypt with its key
        the container needs more memory than it has: raise `task.memory`
        the application ended by itself: its log says why
        the load balancer gets no good answer: check that the application listens on 0.0.0.0 and on `task.port`, answers `load-balancer.health-check.path`, and is up within the grace period
        nothing
        ");
    }

    #[test]
    fn a_consequence_is_no_cause() {
        let failed =
            "(service web) (deployment ecs-svc/2) deployment failed: tasks failed to start.";
        assert!(!is_failure(failed));
        assert!(!is_failure("(service web) has reached a steady state."));
        assert!(is_failure("(service web) (task 1) failed container health checks."));
    }
}
