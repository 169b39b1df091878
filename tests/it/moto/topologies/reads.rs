//! Reads that are refused: what depends on them is unknown, with the reason, and the rest goes on.

use super::lab::{Lab, Scene, set};
use super::make::{Endpoint, https, of_group, of_list};
use aws_config::SdkConfig;
use aws_sdk_ec2::types::AddPrefixListEntry;
use ecs_private_deploy::{
    aws::Reader,
    exit,
    world::{topology, vpc},
};
use std::collections::BTreeSet;

topologies!(every_refused_read_has_its_verdict by where_iam_decides:
    refused_reads_before_endpoints,
    refused_reads_before_a_nat_gateway,
    acls_that_are_not_read_and_do_not_matter,
    acls_that_are_not_read_behind_a_closed_group,
    lists_that_are_not_read,
    a_customers_list_that_is_not_read,
    subnets_that_are_not_read,
);

/// What a client of a user who may do everything but this is made from.
async fn all_but(scene: &Scene<'_>, denied: &str) -> SdkConfig {
    let user = format!("{}-{}", scene.vpc, denied.replace(':', "-"));
    let keys = scene.lab.user(&user, &[denied]).await;
    scene.config().into_builder().credentials_provider(keys).build()
}

/// What is unknown says why; what does not need the read is as it was.
async fn refused_reads_before_endpoints(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    let by_endpoints =
        "ecr.api: by vpce-ecr.api\necr.dkr: by vpce-ecr.dkr\ns3: by vpce-s3\nlogs: by vpce-logs";
    let unknown = |read: &str| format!("ecr.api, ecr.dkr, s3, logs: unknown\n? {read} was refused");
    for (read, decides) in [
        ("ec2:DescribeNetworkAcls", true),
        ("ec2:DescribeRouteTables", true),
        ("ec2:DescribeVpcEndpoints", true),
        ("ec2:DescribeSecurityGroups", true),
        ("ec2:DescribeVpcAttribute", true),
        ("ec2:DescribeDhcpOptions", true),
        ("ec2:DescribeNatGateways", false),
        ("ec2:DescribeVpcEndpointServices", false),
        // Without addresses an endpoint is anywhere in its subnets, all of which the groups let through.
        ("ec2:DescribeNetworkInterfaces", false),
        ("ec2:DescribePrefixLists", false),
    ] {
        let told = scene.told_to(&all_but(&scene, read).await).await;
        let truth = if decides { unknown(read) } else { by_endpoints.to_owned() };
        assert_eq!(told, truth, "{read}");
    }
}

async fn refused_reads_before_a_nat_gateway(lab: &Lab) {
    let scene = lab.scene().await;
    let nat = scene.nat(&scene.public).await;
    scene.out(|to| to.nat_gateway_id(&nat)).await;
    let unknown = |read: &str| format!("ecr.api, ecr.dkr, s3, logs: unknown\n? {read} was refused");
    for (read, decides) in [
        ("ec2:DescribeNatGateways", true),
        ("ec2:DescribeNetworkAcls", true),
        ("ec2:DescribeVpcEndpoints", true),
        // An endpoint whose name could lead away from the NAT gateway is not there.
        ("ec2:DescribeVpcEndpointServices", false),
        ("ec2:DescribePrefixLists", false),
    ] {
        let told = scene.told_to(&all_but(&scene, read).await).await;
        let by_nat = "ecr.api, ecr.dkr, s3, logs: by nat";
        let truth = if decides { unknown(read) } else { by_nat.to_owned() };
        assert_eq!(told, truth, "{read}");
    }
}

/// An ACL is at the border of a subnet, which a task does not cross to an endpoint beside it.
async fn acls_that_are_not_read_and_do_not_matter(lab: &Lab) {
    let mut scene = lab.scene().await;
    for service in ["ecr.api", "ecr.dkr", "logs"] {
        let beside = |request: Endpoint| {
            request
                .private_dns_enabled(true)
                .security_group_ids(&scene.sg_endpoint)
                .subnet_ids(&scene.a)
        };
        scene.interface_with(service, beside).await;
    }
    scene.gateway("s3", &[&scene.rtb_a]).await;
    scene.task.subnets = set(&[&scene.a]);
    let config = all_but(&scene, "ec2:DescribeNetworkAcls").await;
    insta::assert_snapshot!(scene.told_to(&config).await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: unknown
    logs: by vpce-logs
    ? ec2:DescribeNetworkAcls was refused
    ");
}

/// Whatever the ACLs say, there is no way.
async fn acls_that_are_not_read_behind_a_closed_group(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    scene.close_endpoints().await;
    let config = all_but(&scene, "ec2:DescribeNetworkAcls").await;
    insta::assert_snapshot!(scene.told_to(&config).await, @"
    ecr.api, ecr.dkr: EndpointIngress
    s3: unknown
    logs: EndpointIngress
    ? ec2:DescribeNetworkAcls was refused
    ! sg-endpoint of vpce-ecr.api does not admit HTTPS from 10.42.10.0/24
      aws ec2 authorize-security-group-ingress --group-id sg-endpoint --ip-permissions IpProtocol=tcp,FromPort=443,ToPort=443,IpRanges='[{CidrIp=10.42.0.0/16}]'
    ");
}

/// Then it is not known what a rule that names S3's list lets out to.
async fn lists_that_are_not_read(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    scene.close(&scene.sg_task).await;
    let to_endpoints = https().user_id_group_pairs(of_group(&scene.sg_endpoint));
    let rule = to_endpoints.prefix_list_ids(of_list(&scene.id("pl-s3"))).build();
    scene.let_out(&scene.sg_task, rule).await;
    let config = all_but(&scene, "ec2:DescribePrefixLists").await;
    insta::assert_snapshot!(scene.told_to(&config).await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: unknown
    logs: by vpce-logs
    ? ec2:DescribePrefixLists was refused
    ");
}

async fn a_customers_list_that_is_not_read(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    scene.close_endpoints().await;
    let entry = AddPrefixListEntry::builder().cidr("10.42.0.0/16").build();
    let request = scene.ec2().create_managed_prefix_list().prefix_list_name("tasks");
    let request = request.address_family("IPv4").max_entries(5).entries(entry);
    let made = request.send().await.expect("a prefix list");
    let list = made.prefix_list().and_then(|made| made.prefix_list_id()).expect("an id");
    scene.admit(&scene.sg_endpoint, https().prefix_list_ids(of_list(list)).build()).await;
    let config = all_but(&scene, "ec2:GetManagedPrefixListEntries").await;
    insta::assert_snapshot!(scene.told_to(&config).await, @"
    ecr.api, ecr.dkr: unknown
    s3: by vpce-s3
    logs: unknown
    ? ec2:GetManagedPrefixListEntries was refused
    ");
}

/// Without them there is nothing to say.
async fn subnets_that_are_not_read(lab: &Lab) {
    let scene = lab.scene().await;
    let aws = Reader::new(&all_but(&scene, "ec2:DescribeSubnets").await).await.expect("a reader");
    let found = vpc::choose(&aws, Some(&scene.vpc)).await.expect("the VPC");
    let error = topology::observe(&aws, &found, &BTreeSet::new()).await.expect_err("nothing");
    assert_eq!(error.exit_code(), exit::REFUSED, "{error}");
    assert!(error.to_string().starts_with("ec2:DescribeSubnets on vpc-"), "{error}");
    let aws = Reader::new(&all_but(&scene, "ec2:DescribeVpcs").await).await.expect("a reader");
    let found = vpc::choose(&aws, Some(&scene.vpc)).await.expect("its name");
    let error = topology::observe(&aws, &found, &BTreeSet::new()).await.expect_err("nothing");
    assert_eq!(error.exit_code(), exit::REFUSED, "{error}");
    assert!(error.to_string().starts_with("ec2:DescribeVpcs on vpc-"), "{error}");
}
