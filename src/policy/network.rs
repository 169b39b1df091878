//! EC2: what is read of the VPC, the endpoints and the security groups.

use super::{
    document::Grant,
    subject::{Purpose, Subject},
};
use crate::{config::model::Endpoints, plan::task, resource::endpoint::service_name};

/// What EC2 tells of; IAM knows no resource for any of it.
const READ: [&str; 5] = [
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcEndpoints",
    "ec2:DescribeVpcs",
];
/// What only the judgement of the network needs. Without one of them what depends on it is unknown.
const JUDGE: [&str; 6] = [
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNatGateways",
    "ec2:DescribeNetworkAcls",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribePrefixLists",
    "ec2:DescribeVpcEndpointServices",
];
/// What ELB asks EC2 in the caller's name when a load balancer or a target group is made.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-permissions.html>
const FOR_ELB: [&str; 3] =
    ["ec2:DescribeAccountAttributes", "ec2:DescribeAddresses", "ec2:DescribeInternetGateways"];
/// What EC2 asks Route 53 in the caller's name for an endpoint's private name.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html>
const PRIVATE_NAME: &str = "route53:AssociateVPCWithHostedZone";

/// What is allowed at EC2, and at Route 53 in its name.
pub(super) fn grants(of: &Subject<'_>) -> Vec<Grant> {
    let judges = of.purpose.makes()
        || of.purpose == Purpose::Doctor
        || of.purpose == Purpose::Plan && of.config.network.endpoints != Endpoints::Off;
    let mut reads = READ.to_vec();
    let mut named = vec!["ec2:DescribeVpcAttribute"];
    if judges {
        reads.extend(JUDGE);
        named.push("ec2:GetManagedPrefixListEntries");
    }
    if of.purpose.makes() {
        reads.extend(FOR_ELB);
    }
    let lists = judges.then(|| of.arn("ec2", "prefix-list/*"));
    let mut grants = vec![
        of.here(reads),
        Grant::of("Ec2ReadNamed", named).on([vpc(of)].into_iter().chain(lists)),
    ];
    match of.purpose {
        Purpose::Deploy => {
            grants.extend(making(of));
            if of.config.network.ensure_dns {
                let modify = Grant::of("VpcDns", ["ec2:ModifyVpcAttribute"]);
                grants.push(modify.on([vpc(of)]));
            }
        }
        Purpose::Destroy => grants.extend(unmaking(of)),
        Purpose::Preview => grants.extend(of_preview(of)),
        Purpose::Plan | Purpose::Doctor => {}
    }
    grants
}

fn vpc(of: &Subject<'_>) -> String {
    of.arn("ec2", &format!("vpc/{}", of.config.network.vpc.as_deref().unwrap_or("*")))
}

fn groups(of: &Subject<'_>) -> [String; 1] {
    [of.arn("ec2", "security-group/*")]
}

fn endpoint(of: &Subject<'_>) -> [String; 1] {
    [of.arn("ec2", "vpc-endpoint/*")]
}

/// What an endpoint is made of.
fn parts(of: &Subject<'_>) -> [String; 3] {
    ["route-table/*", "security-group/*", "subnet/*"].map(|part| of.arn("ec2", part))
}

const RULES: [&str; 2] = ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"];

fn making(of: &Subject<'_>) -> Vec<Grant> {
    let makes_endpoints = of.config.network.endpoints == Endpoints::Ensure;
    let mut into = Grant::of("MakeInVpc", ["ec2:CreateSecurityGroup"]).on([vpc(of)]);
    let mut tagged = Grant::of("Ec2TagNew", ["ec2:CreateTags"]).on(groups(of));
    let mut actions = vec!["CreateSecurityGroup"];
    let mut used = Grant::of("Ec2Register", ["ec2:CreateTags"]).on(groups(of));
    let mut grants = Vec::new();
    if makes_endpoints {
        into.actions.insert("ec2:CreateVpcEndpoint");
        tagged = tagged.on(endpoint(of));
        actions.push("CreateVpcEndpoint");
        used = used.on(endpoint(of));
        grants.extend(endpoints(of));
    }
    let group = Grant::of("SecurityGroup", ["ec2:CreateSecurityGroup"]).on(groups(of));
    grants.extend([
        into,
        of.made(group),
        of.shared(Grant::of("SecurityGroupRules", RULES).on(groups(of))),
        tagged.when("StringEquals", "ec2:CreateAction", actions),
        unless_adopted(of, of.tagging(used)),
    ]);
    grants
}

/// What somebody else made is completed only where the file says so.
fn unless_adopted(of: &Subject<'_>, grant: Grant) -> Grant {
    if of.config.network.adopt { grant } else { of.shared(grant) }
}

fn endpoints(of: &Subject<'_>) -> Vec<Grant> {
    let services = task::judged(of.config, of.region).unwrap_or_default();
    let services = services.iter().map(|service| service_name(of.region, service));
    let make = Grant::of("Endpoint", ["ec2:CreateVpcEndpoint"]).on(endpoint(of));
    let zone = format!("arn:{}:route53:::hostedzone/*", of.partition);
    vec![
        of.made(make).when("StringEquals", "ec2:VpceServiceName", services),
        Grant::of("EndpointParts", ["ec2:CreateVpcEndpoint", "ec2:ModifyVpcEndpoint"])
            .on(parts(of)),
        unless_adopted(of, Grant::of("EndpointChange", ["ec2:ModifyVpcEndpoint"]).on(endpoint(of))),
        Grant::of("EndpointName", [PRIVATE_NAME]).on([zone]),
    ]
}

fn unmaking(of: &Subject<'_>) -> Vec<Grant> {
    let gone = ["ec2:DeleteSecurityGroup", "ec2:DeleteVpcEndpoints"];
    let gone = Grant::of("Ec2Delete", gone).on(groups(of)).on(endpoint(of));
    let change = |id| Grant::of(id, ["ec2:ModifyVpcEndpoint"]);
    let untag = Grant::of("Ec2Unregister", ["ec2:DeleteTags"]).on(groups(of)).on(endpoint(of));
    vec![
        of.shared(gone),
        change("EndpointParts").on(parts(of)),
        unless_adopted(of, change("EndpointChange").on(endpoint(of))),
        unless_adopted(of, of.tagging(untag)),
    ]
}

/// A preview has at most a group of its own.
fn of_preview(of: &Subject<'_>) -> Vec<Grant> {
    let group = |id, action| Grant::of(id, [action]).on(groups(of));
    vec![
        Grant::of("MakeInVpc", ["ec2:CreateSecurityGroup"]).on([vpc(of)]),
        of.made(group("SecurityGroup", "ec2:CreateSecurityGroup")),
        of.owned(Grant::of("SecurityGroupRules", RULES).on(groups(of))),
        group("Ec2TagNew", "ec2:CreateTags").when(
            "StringEquals",
            "ec2:CreateAction",
            ["CreateSecurityGroup"],
        ),
        of.owned(group("Ec2Delete", "ec2:DeleteSecurityGroup")),
    ]
}
