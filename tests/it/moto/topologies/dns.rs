//! To what the services' names lead.

use super::lab::Lab;
use super::make::Endpoint;
use aws_sdk_ec2::types::AttributeBooleanValue;

topologies!(every_name_has_its_verdict:
    a_second_endpoint_whose_dns_would_conflict,
    hostnames_off,
    hostnames_off_and_no_endpoint,
    hostnames_off_beside_a_nat_gateway,
    dns_support_off,
    dns_support_off_beside_a_nat_gateway,
    private_dns_off,
    private_dns_off_beside_a_nat_gateway,
    private_dns_that_leads_away_from_a_nat_gateway,
    name_servers_of_ones_own,
    name_servers_of_ones_own_and_no_way_at_all,
    the_resolvers_three_addresses,
    no_dhcp_options,
);

fn off() -> AttributeBooleanValue {
    AttributeBooleanValue::builder().value(false).build()
}

/// EC2 refuses private DNS to the second, so the name leads to the first, whatever the second admits.
/// <https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html#privatelink-dns-concepts>
async fn a_second_endpoint_whose_dns_would_conflict(lab: &Lab) {
    let scene = lab.scene().await;
    let wrong = scene.group("sg-wrong").await;
    let first = |request: Endpoint| {
        request.private_dns_enabled(true).security_group_ids(&wrong).subnet_ids(&scene.a)
    };
    scene.interface_with("ecr.api", first).await;
    let second = |request: Endpoint| {
        request
            .private_dns_enabled(false)
            .security_group_ids(&scene.sg_endpoint)
            .subnet_ids(&scene.a)
            .subnet_ids(&scene.b)
    };
    let id = scene.interface_with("ecr.api", second).await;
    scene.names.borrow_mut().retain(|(known, _)| *known != id);
    scene.call(&id, "vpce-second");
    for service in ["ecr.dkr", "logs"] {
        scene.interface(service).await;
    }
    scene.gateway("s3", &[&scene.rtb_a, &scene.rtb_b]).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: EndpointIngress
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    ! sg-wrong of vpce-ecr.api does not admit HTTPS from 10.42.10.0/24
      aws ec2 authorize-security-group-ingress --group-id sg-wrong --ip-permissions IpProtocol=tcp,FromPort=443,ToPort=443,IpRanges='[{CidrIp=10.42.0.0/16}]'
    ");
}

async fn hostnames_off(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    let request = scene.ec2().modify_vpc_attribute().vpc_id(&scene.vpc);
    request.enable_dns_hostnames(off()).send().await.expect("it is off");
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api, ecr.dkr: Dns
    s3: by vpce-s3
    logs: Dns
    ! `enableDnsHostnames` of vpc is off, so the name of ecr.api does not lead to vpce-ecr.api, and rtb-a of a has no default route
      aws ec2 modify-vpc-attribute --vpc-id vpc --enable-dns-hostnames
    ");
}

/// A gateway endpoint has no private DNS, and needs no attribute.
async fn hostnames_off_and_no_endpoint(lab: &Lab) {
    let scene = lab.scene().await;
    let request = scene.ec2().modify_vpc_attribute().vpc_id(&scene.vpc);
    request.enable_dns_hostnames(off()).send().await.expect("it is off");
    insta::assert_snapshot!(scene.told().await, @r#"
    ecr.api, ecr.dkr: Dns
    s3: Route
    logs: Dns
    ! rtb-a of a has no default route, and an endpoint needs `enableDnsHostnames`, which is off
      aws ec2 modify-vpc-attribute --vpc-id vpc --enable-dns-hostnames
    ! rtb-a of a has no default route, and there is no endpoint of ecr.api
      aws ec2 create-vpc-endpoint --vpc-id vpc --service-name com.amazonaws.eu-central-1.ecr.api --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
    "#);
}

async fn hostnames_off_beside_a_nat_gateway(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    let nat = scene.nat(&scene.public).await;
    scene.out(|to| to.nat_gateway_id(&nat)).await;
    let request = scene.ec2().modify_vpc_attribute().vpc_id(&scene.vpc);
    request.enable_dns_hostnames(off()).send().await.expect("it is off");
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api, ecr.dkr: by nat
    s3: by vpce-s3
    logs: by nat
    ");
}

async fn dns_support_off(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    let request = scene.ec2().modify_vpc_attribute().vpc_id(&scene.vpc);
    request.enable_dns_support(off()).send().await.expect("it is off");
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api, ecr.dkr, s3, logs: Dns
    ! `enableDnsSupport` of vpc is off: no name is answered
      aws ec2 modify-vpc-attribute --vpc-id vpc --enable-dns-support
    ");
}

/// <https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html#vpc-dns-support>
async fn dns_support_off_beside_a_nat_gateway(lab: &Lab) {
    let scene = lab.scene().await;
    let nat = scene.nat(&scene.public).await;
    scene.out(|to| to.nat_gateway_id(&nat)).await;
    let request = scene.ec2().modify_vpc_attribute().vpc_id(&scene.vpc);
    request.enable_dns_support(off()).send().await.expect("it is off");
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api, ecr.dkr, s3, logs: Dns
    ! `enableDnsSupport` of vpc is off: no name is answered
      aws ec2 modify-vpc-attribute --vpc-id vpc --enable-dns-support
    ");
}

async fn private_dns_off(lab: &Lab) {
    let scene = lab.scene().await;
    scene.interface("ecr.api").await;
    scene.interface("ecr.dkr").await;
    scene.gateway("s3", &[&scene.rtb_a, &scene.rtb_b]).await;
    unnamed_logs(&scene).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: Dns
    ! vpce-logs has private DNS off, and rtb-a of a has no default route
      aws ec2 modify-vpc-endpoint --vpc-endpoint-id vpce-logs --private-dns-enabled
    ");
}

async fn private_dns_off_beside_a_nat_gateway(lab: &Lab) {
    let scene = lab.scene().await;
    let nat = scene.nat(&scene.public).await;
    scene.out(|to| to.nat_gateway_id(&nat)).await;
    unnamed_logs(&scene).await;
    insta::assert_snapshot!(scene.told().await, @"ecr.api, ecr.dkr, s3, logs: by nat");
}

async fn unnamed_logs(scene: &super::lab::Scene<'_>) {
    let unnamed = |request: Endpoint| {
        request
            .private_dns_enabled(false)
            .security_group_ids(&scene.sg_endpoint)
            .subnet_ids(&scene.a)
            .subnet_ids(&scene.b)
    };
    scene.interface_with("logs", unnamed).await;
}

/// The name leads to the endpoint, also where the public way would work.
async fn private_dns_that_leads_away_from_a_nat_gateway(lab: &Lab) {
    let scene = lab.scene().await;
    let nat = scene.nat(&scene.public).await;
    scene.out(|to| to.nat_gateway_id(&nat)).await;
    scene.close_endpoints().await;
    scene.interface("logs").await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api, ecr.dkr, s3: by nat
    logs: EndpointIngress
    ! sg-endpoint of vpce-logs does not admit HTTPS from 10.42.10.0/24
      aws ec2 authorize-security-group-ingress --group-id sg-endpoint --ip-permissions IpProtocol=tcp,FromPort=443,ToPort=443,IpRanges='[{CidrIp=10.42.0.0/16}]'
    ");
}

/// What they answer, only they know.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/DHCPOptionSetConcepts.html#CustomDHCPOptionSet>
async fn name_servers_of_ones_own(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    scene.resolve(&["10.42.10.53", "AmazonProvidedDNS"]).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api, ecr.dkr, s3, logs: unknown
    ? names are asked of 10.42.10.53, by the DHCP options of vpc, and not of Amazon's resolver
    ");
}

/// Wherever the name leads, there is no way.
async fn name_servers_of_ones_own_and_no_way_at_all(lab: &Lab) {
    let scene = lab.scene().await;
    scene.resolve(&["10.42.10.53"]).await;
    insta::assert_snapshot!(scene.told().await, @r#"
    ecr.api, ecr.dkr, s3, logs: Route
    ! rtb-a of a has no default route, and there is no endpoint of ecr.api
      aws ec2 create-vpc-endpoint --vpc-id vpc --service-name com.amazonaws.eu-central-1.ecr.api --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
    "#);
}

/// <https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html#AmazonDNS>
async fn the_resolvers_three_addresses(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    for servers in [&["169.254.169.253"][..], &["10.42.0.2"], &["10.42.0.2", "AmazonProvidedDNS"]] {
        scene.resolve(servers).await;
        let told = scene.told().await;
        let by_endpoints = told.lines().filter(|line| line.contains(": by vpce-")).count();
        assert_eq!((by_endpoints, told.lines().count()), (4, 4), "{told}");
    }
}

/// Then 169.254.169.253 is asked, on the Nitro System.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/DHCPOptionSetConcepts.html>
async fn no_dhcp_options(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    let request = scene.ec2().associate_dhcp_options().dhcp_options_id("default");
    request.vpc_id(&scene.vpc).send().await.expect("they are taken off");
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    ");
}
