//! What network ACLs let through, there and back.
//! <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-network-acls.html>

use super::lab::{BLOCK, Lab, set};
use super::make::Endpoint;

topologies!(every_acl_has_its_verdict:
    an_acl_of_ones_own_allows_nothing,
    an_acl_without_ephemeral_ports,
    an_acl_with_the_upper_ephemeral_ports_only,
    an_acl_with_all_that_is_needed,
    an_acl_of_the_endpoints_subnet,
    an_acl_within_one_subnet_does_not_count,
    a_rule_that_denies_before_one_that_allows,
    a_rule_that_denies_after_one_that_allows,
    an_acl_that_is_about_one_subnet,
    an_acl_of_the_nat_gateways_subnet,
    an_acl_that_denies_a_part_of_the_internet,
);

const ALL: &str = "0.0.0.0/0";
const HTTPS: (i32, i32) = (443, 443);
const EPHEMERAL: (i32, i32) = (1024, 65535);

/// In the task's subnet; S3's gateway is outside of it as well.
async fn an_acl_of_ones_own_allows_nothing(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    scene.acl("acl-own", &[&scene.a]).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api from a: TaskAcl
    ecr.api from b: EndpointAcl
    ecr.dkr from a: TaskAcl
    ecr.dkr from b: EndpointAcl
    s3 from a: TaskAcl
    s3 from b: by vpce-s3
    logs from a: TaskAcl
    logs from b: EndpointAcl
    ! acl-own of a refuses HTTPS to vpce-ecr.api in b (TCP 443) by its last rule, `*`
      aws ec2 create-network-acl-entry --network-acl-id acl-own --egress --rule-number 100 --protocol tcp --port-range From=443,To=443 --cidr-block 10.42.0.0/16 --rule-action allow
    ! acl-own of a refuses HTTPS from b (TCP 443) by its last rule, `*`
      aws ec2 create-network-acl-entry --network-acl-id acl-own --ingress --rule-number 110 --protocol tcp --port-range From=443,To=443 --cidr-block 10.42.0.0/16 --rule-action allow
    ");
}

/// The answers come to the port that was asked from.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/nacl-ephemeral-ports.html>
async fn an_acl_without_ephemeral_ports(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    let acl = scene.acl("acl-own", &[&scene.a, &scene.b]).await;
    for is_egress in [true, false] {
        scene.tcp(&acl, is_egress, 100, HTTPS, ALL).await;
    }
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api, ecr.dkr: EndpointAcl
    s3: TaskAcl
    logs: EndpointAcl
    ! acl-own of b refuses the answers to a (TCP 32768-60999) by its last rule, `*`
      aws ec2 create-network-acl-entry --network-acl-id acl-own --egress --rule-number 110 --protocol tcp --port-range From=1024,To=65535 --cidr-block 10.42.0.0/16 --rule-action allow
    ! acl-own of a refuses the answers from vpce-ecr.api in b (TCP 32768-60999) by its last rule, `*`
      aws ec2 create-network-acl-entry --network-acl-id acl-own --ingress --rule-number 110 --protocol tcp --port-range From=1024,To=65535 --cidr-block 10.42.0.0/16 --rule-action allow
    ");
}

/// Those of Windows are not those of Linux, which begin at 32768.
async fn an_acl_with_the_upper_ephemeral_ports_only(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    let acl = scene.acl("acl-own", &[&scene.a, &scene.b]).await;
    for is_egress in [true, false] {
        scene.tcp(&acl, is_egress, 100, HTTPS, ALL).await;
        scene.tcp(&acl, is_egress, 110, (49152, 65535), ALL).await;
    }
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api, ecr.dkr: EndpointAcl
    s3: TaskAcl
    logs: EndpointAcl
    ! acl-own of b refuses the answers to a (TCP 32768-60999) by its last rule, `*`
      aws ec2 create-network-acl-entry --network-acl-id acl-own --egress --rule-number 120 --protocol tcp --port-range From=1024,To=65535 --cidr-block 10.42.0.0/16 --rule-action allow
    ! acl-own of a refuses the answers from vpce-ecr.api in b (TCP 32768-60999) by its last rule, `*`
      aws ec2 create-network-acl-entry --network-acl-id acl-own --ingress --rule-number 120 --protocol tcp --port-range From=1024,To=65535 --cidr-block 10.42.0.0/16 --rule-action allow
    ");
}

async fn an_acl_with_all_that_is_needed(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    let acl = scene.acl("acl-own", &[&scene.a, &scene.b]).await;
    scene.tcp(&acl, true, 100, HTTPS, ALL).await;
    scene.tcp(&acl, true, 110, EPHEMERAL, BLOCK).await;
    scene.tcp(&acl, false, 100, HTTPS, BLOCK).await;
    scene.tcp(&acl, false, 110, EPHEMERAL, ALL).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    ");
}

/// It admits HTTPS, and does not let the answers out.
async fn an_acl_of_the_endpoints_subnet(lab: &Lab) {
    let mut scene = lab.scene().await;
    let apart = |request: Endpoint| {
        request
            .private_dns_enabled(true)
            .security_group_ids(&scene.sg_endpoint)
            .subnet_ids(&scene.b)
    };
    scene.interface_with("ecr.api", apart).await;
    scene.interface("ecr.dkr").await;
    scene.interface("logs").await;
    scene.gateway("s3", &[&scene.rtb_a, &scene.rtb_b]).await;
    let acl = scene.acl("acl-own", &[&scene.b]).await;
    scene.tcp(&acl, false, 100, HTTPS, BLOCK).await;
    scene.task.subnets = set(&[&scene.a]);
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api, ecr.dkr: EndpointAcl
    s3: by vpce-s3
    logs: EndpointAcl
    ! acl-own of b refuses the answers to a (TCP 32768-60999) by its last rule, `*`
      aws ec2 create-network-acl-entry --network-acl-id acl-own --egress --rule-number 100 --protocol tcp --port-range From=1024,To=65535 --cidr-block 10.42.0.0/16 --rule-action allow
    ");
}

/// Between a task and an endpoint in the same subnet nothing crosses its border.
async fn an_acl_within_one_subnet_does_not_count(lab: &Lab) {
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
    scene.acl("acl-own", &[&scene.a]).await;
    scene.task.subnets = set(&[&scene.a]);
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: TaskAcl
    logs: by vpce-logs
    ! acl-own of a refuses HTTPS to s3 (pl-s3) (TCP 443) by its last rule, `*`
      aws ec2 create-network-acl-entry --network-acl-id acl-own --egress --rule-number 100 --protocol tcp --port-range From=443,To=443 --cidr-block 0.0.0.0/0 --rule-action allow
    ");
}

/// The lowest number decides; the VPC's own ACL allows everything by 100.
async fn a_rule_that_denies_before_one_that_allows(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    scene.tcp(&scene.id("acl-default"), true, -50, HTTPS, BLOCK).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api, ecr.dkr: TaskAcl
    s3: by vpce-s3
    logs: TaskAcl
    ! acl-default of a refuses HTTPS to vpce-ecr.api in b (TCP 443) by rule 50
      aws ec2 create-network-acl-entry --network-acl-id acl-default --egress --rule-number 49 --protocol tcp --port-range From=443,To=443 --cidr-block 10.42.0.0/16 --rule-action allow
    ");
}

async fn a_rule_that_denies_after_one_that_allows(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    for is_egress in [true, false] {
        scene.tcp(&scene.id("acl-default"), is_egress, -200, (0, 65535), ALL).await;
    }
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    ");
}

/// From `b` only what stands in `a` is denied, and from `a` that is its own subnet.
async fn an_acl_that_is_about_one_subnet(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    scene.tcp(&scene.id("acl-default"), true, -50, HTTPS, "10.42.10.0/24").await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api from a: by vpce-ecr.api
    ecr.api from b: TaskAcl
    ecr.dkr from a: by vpce-ecr.dkr
    ecr.dkr from b: TaskAcl
    s3: by vpce-s3
    logs from a: by vpce-logs
    logs from b: TaskAcl
    ! acl-default of b refuses HTTPS to vpce-ecr.api in a (TCP 443) by rule 50
      aws ec2 create-network-acl-entry --network-acl-id acl-default --egress --rule-number 49 --protocol tcp --port-range From=443,To=443 --cidr-block 10.42.0.0/16 --rule-action allow
    ");
}

/// A NAT gateway asks from 1024 to 65535.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/nacl-ephemeral-ports.html>
async fn an_acl_of_the_nat_gateways_subnet(lab: &Lab) {
    let scene = lab.scene().await;
    let nat = scene.nat(&scene.public).await;
    scene.out(|to| to.nat_gateway_id(&nat)).await;
    let acl = scene.acl("acl-public", &[&scene.public]).await;
    scene.tcp(&acl, false, 100, HTTPS, BLOCK).await;
    scene.tcp(&acl, false, 110, (32768, 60999), ALL).await;
    scene.tcp(&acl, true, 100, HTTPS, ALL).await;
    scene.tcp(&acl, true, 110, EPHEMERAL, BLOCK).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api, ecr.dkr, s3, logs: NatAcl
    ! acl-public of public refuses the answers from the public addresses of ecr.api (TCP 1024-65535) by its last rule, `*`
      aws ec2 create-network-acl-entry --network-acl-id acl-public --ingress --rule-number 120 --protocol tcp --port-range From=1024,To=65535 --cidr-block 0.0.0.0/0 --rule-action allow
    ");
    scene.tcp(&acl, false, 120, EPHEMERAL, ALL).await;
    insta::assert_snapshot!(scene.told().await, @"ecr.api, ecr.dkr, s3, logs: by nat");
}

/// Where a service's public addresses are is not known, except S3's.
async fn an_acl_that_denies_a_part_of_the_internet(lab: &Lab) {
    let scene = lab.scene().await;
    let nat = scene.nat(&scene.public).await;
    scene.out(|to| to.nat_gateway_id(&nat)).await;
    scene.tcp(&scene.id("acl-default"), true, -50, HTTPS, "203.0.113.0/24").await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api, ecr.dkr: unknown
    s3: by nat
    logs: unknown
    ? acl-default of a refuses HTTPS to the public addresses of ecr.api (TCP 443) by rule 50, in a part of where it may be
    ? acl-default of a refuses HTTPS to the public addresses of ecr.dkr (TCP 443) by rule 50, in a part of where it may be
    ? acl-default of a refuses HTTPS to the public addresses of logs (TCP 443) by rule 50, in a part of where it may be
    ? acl-default of b refuses HTTPS to the public addresses of ecr.api (TCP 443) by rule 50, in a part of where it may be
    ? acl-default of b refuses HTTPS to the public addresses of ecr.dkr (TCP 443) by rule 50, in a part of where it may be
    ? acl-default of b refuses HTTPS to the public addresses of logs (TCP 443) by rule 50, in a part of where it may be
    ? acl-default of public refuses HTTPS to the public addresses of ecr.api (TCP 443) by rule 50, in a part of where it may be
    ? acl-default of public refuses HTTPS to the public addresses of ecr.dkr (TCP 443) by rule 50, in a part of where it may be
    ? acl-default of public refuses HTTPS to the public addresses of logs (TCP 443) by rule 50, in a part of where it may be
    ");
}
