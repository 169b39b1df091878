//! What security groups let out and admit.

use super::lab::{BLOCK, Lab, set};
use super::make::{Endpoint, https, of_group, of_list, range};
use aws_sdk_ec2::types::{AddPrefixListEntry, IpPermission};

topologies!(every_group_has_its_verdict:
    the_wrong_group,
    the_right_group,
    no_group_is_the_vpcs_own,
    a_task_with_the_vpcs_own_group,
    a_group_for_one_subnet_of_two,
    a_group_for_half_of_a_subnet,
    a_group_for_another_port,
    a_group_for_a_range_of_ports,
    a_group_for_a_prefix_list,
    two_groups_of_an_endpoint,
    a_task_that_lets_nothing_out,
    a_task_that_lets_out_to_the_vpc_only,
    a_task_that_lets_out_to_what_it_needs,
    a_closed_task_beside_a_nat_gateway,
);

async fn the_wrong_group(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    scene.close_endpoints().await;
    let bastion = scene.group("sg-bastion").await;
    let rule = https().user_id_group_pairs(of_group(&bastion)).build();
    scene.admit(&scene.sg_endpoint, rule).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api, ecr.dkr: EndpointIngress
    s3: by vpce-s3
    logs: EndpointIngress
    ! sg-endpoint of vpce-ecr.api does not admit HTTPS from 10.42.10.0/24
      aws ec2 authorize-security-group-ingress --group-id sg-endpoint --ip-permissions IpProtocol=tcp,FromPort=443,ToPort=443,IpRanges='[{CidrIp=10.42.0.0/16}]'
    ");
}

async fn the_right_group(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    scene.close_endpoints().await;
    let rule = https().user_id_group_pairs(of_group(&scene.sg_task)).build();
    scene.admit(&scene.sg_endpoint, rule).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    ");
}

/// EC2 gives an endpoint that was given no group the VPC's own, which admits itself only.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html>
async fn no_group_is_the_vpcs_own(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    let request = scene.ec2().delete_vpc_endpoints().vpc_endpoint_ids(scene.id("vpce-logs"));
    request.send().await.expect("it goes");
    let without = |request: Endpoint| request.private_dns_enabled(true).subnet_ids(&scene.a);
    scene.interface_with("logs", without).await;
    admit_itself(&scene).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: EndpointIngress
    ! sg-default of vpce-logs does not admit HTTPS from 10.42.10.0/24
      aws ec2 authorize-security-group-ingress --group-id sg-default --ip-permissions IpProtocol=tcp,FromPort=443,ToPort=443,IpRanges='[{CidrIp=10.42.0.0/16}]'
    ");
}

async fn a_task_with_the_vpcs_own_group(lab: &Lab) {
    let mut scene = lab.scene().await;
    scene.endpoints().await;
    let without = |request: Endpoint| request.private_dns_enabled(true).subnet_ids(&scene.a);
    let request = scene.ec2().delete_vpc_endpoints().vpc_endpoint_ids(scene.id("vpce-logs"));
    request.send().await.expect("it goes");
    scene.interface_with("logs", without).await;
    admit_itself(&scene).await;
    scene.task.groups = set(&[&scene.default_group().await]);
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    ~ vpce-logs (logs) stands in eu-central-1a only: tasks in eu-central-1b reach it across zones, which costs more, and not at all when that zone fails
    ");
}

/// The rule that EC2's own groups begin with, and moto's do not.
async fn admit_itself(scene: &super::lab::Scene<'_>) {
    let own = scene.default_group().await;
    let all = IpPermission::builder().ip_protocol("-1").user_id_group_pairs(of_group(&own));
    scene.admit(&own, all.build()).await;
}

async fn a_group_for_one_subnet_of_two(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    scene.close_endpoints().await;
    scene.admit(&scene.sg_endpoint, https().ip_ranges(range("10.42.10.0/24")).build()).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api from a: by vpce-ecr.api
    ecr.api from b: EndpointIngress
    ecr.dkr from a: by vpce-ecr.dkr
    ecr.dkr from b: EndpointIngress
    s3: by vpce-s3
    logs from a: by vpce-logs
    logs from b: EndpointIngress
    ! sg-endpoint of vpce-ecr.api does not admit HTTPS from 10.42.11.0/24
      aws ec2 authorize-security-group-ingress --group-id sg-endpoint --ip-permissions IpProtocol=tcp,FromPort=443,ToPort=443,IpRanges='[{CidrIp=10.42.0.0/16}]'
    ");
}

/// A task gets any address of its subnet.
async fn a_group_for_half_of_a_subnet(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    scene.close_endpoints().await;
    let halves = https().ip_ranges(range("10.42.10.0/25")).ip_ranges(range("10.42.11.0/24"));
    scene.admit(&scene.sg_endpoint, halves.build()).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api from a: EndpointIngress
    ecr.api from b: by vpce-ecr.api
    ecr.dkr from a: EndpointIngress
    ecr.dkr from b: by vpce-ecr.dkr
    s3: by vpce-s3
    logs from a: EndpointIngress
    logs from b: by vpce-logs
    ! sg-endpoint of vpce-ecr.api does not admit HTTPS from all of 10.42.10.0/24
      aws ec2 authorize-security-group-ingress --group-id sg-endpoint --ip-permissions IpProtocol=tcp,FromPort=443,ToPort=443,IpRanges='[{CidrIp=10.42.0.0/16}]'
    ");
}

async fn a_group_for_another_port(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    scene.close_endpoints().await;
    for (protocol, port) in [("tcp", 80), ("udp", 443)] {
        let rule = IpPermission::builder().ip_protocol(protocol).from_port(port).to_port(port);
        scene.admit(&scene.sg_endpoint, rule.ip_ranges(range(BLOCK)).build()).await;
    }
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api, ecr.dkr: EndpointIngress
    s3: by vpce-s3
    logs: EndpointIngress
    ! sg-endpoint of vpce-ecr.api does not admit HTTPS from 10.42.10.0/24
      aws ec2 authorize-security-group-ingress --group-id sg-endpoint --ip-permissions IpProtocol=tcp,FromPort=443,ToPort=443,IpRanges='[{CidrIp=10.42.0.0/16}]'
    ");
}

async fn a_group_for_a_range_of_ports(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    scene.close_endpoints().await;
    let rule = IpPermission::builder().ip_protocol("tcp").from_port(0).to_port(65535);
    scene.admit(&scene.sg_endpoint, rule.ip_ranges(range("0.0.0.0/0")).build()).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    ");
}

async fn a_group_for_a_prefix_list(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    scene.close_endpoints().await;
    let entry = |cidr| AddPrefixListEntry::builder().cidr(cidr).build();
    let request = scene.ec2().create_managed_prefix_list().prefix_list_name("offices");
    let request = request.address_family("IPv4").max_entries(5).entries(entry("10.42.10.0/24"));
    let made = request.send().await.expect("a prefix list");
    let id = made.prefix_list().and_then(|made| made.prefix_list_id()).expect("an id");
    let list = scene.call(id, "pl-offices");
    scene.admit(&scene.sg_endpoint, https().prefix_list_ids(of_list(&list)).build()).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api from a: by vpce-ecr.api
    ecr.api from b: EndpointIngress
    ecr.dkr from a: by vpce-ecr.dkr
    ecr.dkr from b: EndpointIngress
    s3: by vpce-s3
    logs from a: by vpce-logs
    logs from b: EndpointIngress
    ! sg-endpoint of vpce-ecr.api does not admit HTTPS from 10.42.11.0/24
      aws ec2 authorize-security-group-ingress --group-id sg-endpoint --ip-permissions IpProtocol=tcp,FromPort=443,ToPort=443,IpRanges='[{CidrIp=10.42.0.0/16}]'
    ");
}

/// What any of them admits is admitted.
async fn two_groups_of_an_endpoint(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    scene.close_endpoints().await;
    let second = scene.group("sg-second").await;
    scene.admit(&scene.sg_endpoint, https().ip_ranges(range("10.42.10.0/24")).build()).await;
    scene.admit(&second, https().ip_ranges(range("10.42.11.0/24")).build()).await;
    for service in ["ecr.api", "ecr.dkr", "logs"] {
        let endpoint = scene.id(&format!("vpce-{service}"));
        let request = scene.ec2().modify_vpc_endpoint().vpc_endpoint_id(endpoint);
        request.add_security_group_ids(&second).send().await.expect("it is modified");
    }
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    ");
}

async fn a_task_that_lets_nothing_out(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    scene.close(&scene.sg_task).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api, ecr.dkr, s3, logs: TaskEgress
    ! sg-task does not let out HTTPS to vpce-ecr.api in a
      aws ec2 authorize-security-group-egress --group-id sg-task --ip-permissions IpProtocol=tcp,FromPort=443,ToPort=443,UserIdGroupPairs='[{GroupId=sg-endpoint}]'
    ");
}

/// The layers are at S3's public addresses, also behind a gateway endpoint.
/// <https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html#gateway-endpoint-security>
async fn a_task_that_lets_out_to_the_vpc_only(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    scene.close(&scene.sg_task).await;
    scene.let_out(&scene.sg_task, https().ip_ranges(range(BLOCK)).build()).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: TaskEgress
    logs: by vpce-logs
    ! sg-task does not let out HTTPS to s3 (pl-s3)
      aws ec2 authorize-security-group-egress --group-id sg-task --ip-permissions IpProtocol=tcp,FromPort=443,ToPort=443,PrefixListIds='[{PrefixListId=pl-s3}]'
    ");
}

async fn a_task_that_lets_out_to_what_it_needs(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    scene.close(&scene.sg_task).await;
    let to_endpoints = https().user_id_group_pairs(of_group(&scene.sg_endpoint));
    let rule = to_endpoints.prefix_list_ids(of_list(&scene.id("pl-s3"))).build();
    scene.let_out(&scene.sg_task, rule).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    ");
}

async fn a_closed_task_beside_a_nat_gateway(lab: &Lab) {
    let scene = lab.scene().await;
    let nat = scene.nat(&scene.public).await;
    scene.out(|to| to.nat_gateway_id(&nat)).await;
    scene.close(&scene.sg_task).await;
    let rule = IpPermission::builder().ip_protocol("tcp").from_port(80).to_port(80);
    scene.let_out(&scene.sg_task, rule.ip_ranges(range("0.0.0.0/0")).build()).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api, ecr.dkr, s3, logs: TaskEgress
    ! sg-task does not let out HTTPS to the public addresses of ecr.api
      aws ec2 authorize-security-group-egress --group-id sg-task --ip-permissions IpProtocol=tcp,FromPort=443,ToPort=443,IpRanges='[{CidrIp=0.0.0.0/0}]'
    ");
}
