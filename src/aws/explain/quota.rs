//! The quotas of a load balancer, by the error that says that one is used up.
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html>

/// The name in Service Quotas, and whether more can be asked for there.
pub(super) fn of(code: &str) -> Option<(&'static str, bool)> {
    Some(match code.strip_suffix("Exception").unwrap_or(code) {
        "TooManyUniqueTargetGroupsPerLoadBalancer" => {
            ("Target Groups per Application Load Balancer", false)
        }
        "TooManyRules" => ("Rules per Application Load Balancer", true),
        "TooManyTargetGroups" => ("Target Groups per Region", true),
        "TooManyLoadBalancers" => ("Application Load Balancers per Region", true),
        "TooManyListeners" => ("Listeners per Application Load Balancer", true),
        "TooManyCertificates" => {
            ("Certificates per Application Load Balancer (excluding default certificates)", true)
        }
        _ => return None,
    })
}

/// What to do where it is used up.
pub(super) fn help(code: &str) -> Option<String> {
    let (name, is_adjustable) = of(code)?;
    let more = if is_adjustable {
        "ask for more in Service Quotas, or delete some that nobody needs"
    } else {
        "no more can be asked for: delete some that nobody needs, or take another load balancer with \
         `load-balancer.name`"
    };
    Some(format!("the quota `{name}` of Elastic Load Balancing is used up: {more}"))
}

#[cfg(test)]
mod tests {
    use crate::aws::explain::Failure;

    #[test]
    fn a_quota_that_is_used_up_is_told_by_its_name() {
        let told = |code: &str| {
            let failure = Failure {
                operation: "elasticloadbalancing:CreateRule",
                on: "the host".to_owned(),
                code: Some(code.to_owned()),
                message: "no more".to_owned(),
                request_id: None,
            };
            failure.problem().to_string()
        };
        let codes = ["TooManyUniqueTargetGroupsPerLoadBalancer", "TooManyRules", "TooManyTargets"];
        insta::assert_snapshot!(codes.map(told).join("\n"), @r"
        elasticloadbalancing:CreateRule on the host was refused: TooManyUniqueTargetGroupsPerLoadBalancer: no more
          help: the quota `Target Groups per Application Load Balancer` of Elastic Load Balancing is used up: no more can be asked for: delete some that nobody needs, or take another load balancer with `load-balancer.name`
        elasticloadbalancing:CreateRule on the host was refused: TooManyRules: no more
          help: the quota `Rules per Application Load Balancer` of Elastic Load Balancing is used up: ask for more in Service Quotas, or delete some that nobody needs
        elasticloadbalancing:CreateRule on the host was refused: TooManyTargets: no more
        ");
    }
}
