//! AWS's token buckets that are known: how many calls may come at once, and how fast they refill. Each is
//! one account's in one region, shared with everybody who calls there. What is not listed is not published,
//! IAM's and CloudWatch Logs' among them; there the retries alone have to do.

/// How many calls may come at once, and how many a second after that.
pub(super) type Rate = (f64, f64);

/// The buckets of one service.
#[derive(Debug)]
pub(super) struct Service {
    /// As requests are signed for it.
    pub(super) name: &'static str,
    /// What all of its calls share.
    pub(super) every: Option<Rate>,
    /// What some calls share: their names, or the beginning of their names with a star. The first that
    /// fits counts.
    pub(super) some: &'static [(&'static [&'static str], Rate)],
}

/// EC2: <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>
/// ELB: <https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-throttling.html>
/// ECS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html>
/// ECR: <https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html>
pub(super) const SERVICES: &[Service] = &[
    Service {
        name: "ec2",
        every: None,
        some: &[
            (&["CreateVpcEndpoint"], (4.0, 0.3)),
            (&["ModifyVpcEndpoint"], (4.0, 0.3)),
            (&["DeleteVpcEndpoints"], (4.0, 0.3)),
            (&["CreateTags"], (100.0, 10.0)),
            (&["Describe*", "Get*"], (100.0, 20.0)),
            (&["*"], (50.0, 5.0)),
        ],
    },
    Service {
        name: "elasticloadbalancing",
        every: Some((40.0, 10.0)),
        some: &[
            (&["CreateLoadBalancer", "SetSubnets"], (10.0, 0.2)),
            (&["RegisterTargets", "DeregisterTargets"], (20.0, 4.0)),
            (&["Describe*"], (40.0, 10.0)),
            (&["*"], (20.0, 3.0)),
        ],
    },
    Service {
        name: "ecs",
        every: None,
        some: &[
            (&["CreateService", "UpdateService", "DeleteService"], (50.0, 5.0)),
            (&["DescribeServices", "ListServices"], (100.0, 20.0)),
            (&["DescribeServiceDeployments", "ListServiceDeployments"], (50.0, 20.0)),
            (&["DescribeServiceRevisions"], (50.0, 20.0)),
            (&["RegisterTaskDefinition", "DeregisterTaskDefinition"], (20.0, 1.0)),
            (&["DescribeTaskDefinition", "ListTaskDefinition*"], (50.0, 20.0)),
            (&["DeleteTaskDefinitions"], (5.0, 1.0)),
            (&["CreateCluster", "UpdateCluster*", "DeleteCluster"], (20.0, 1.0)),
            (&["DescribeClusters", "ListClusters"], (50.0, 20.0)),
            (&["DescribeTasks", "ListTasks"], (100.0, 20.0)),
            // Fargate starts fewer tasks a second than RunTask may ask for.
            (&["RunTask"], (100.0, 20.0)),
            (&["StopTask", "ExecuteCommand"], (100.0, 40.0)),
            (&["TagResource", "UntagResource"], (20.0, 10.0)),
        ],
    },
    Service { name: "ecr", every: None, some: &[(&["GetAuthorizationToken"], (500.0, 500.0))] },
];

/// Whether a pattern of the table fits the operation.
pub(super) fn fits(pattern: &str, operation: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => operation.starts_with(start),
        None => pattern == operation,
    }
}
