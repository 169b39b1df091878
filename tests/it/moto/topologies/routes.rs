//! The ways out of private subnets.

use super::lab::{Lab, set};
use aws_sdk_ec2::types::ConnectivityType;
use ecs_private_deploy::network::{diagnose::diagnose, needs::needs};

topologies!(every_way_out_has_its_verdict:
    no_way_out,
    a_nat_gateway,
    a_private_nat_gateway,
    a_nat_gateway_in_a_private_subnet,
    a_nat_gateway_that_was_deleted,
    a_blackhole,
    a_regional_nat_gateway,
    a_nat_gateway_under_block_public_access,
    a_nat_gateway_for_one_subnet_of_two,
    a_nat_gateway_beside_an_s3_gateway,
    a_default_route_in_two_halves,
    a_transit_gateway,
    a_transit_gateway_beside_endpoints,
    a_virtual_private_gateway,
    a_nat_instance,
    a_detour_for_some_addresses,
    subnets_on_the_main_table,
    a_gateway_endpoint_that_the_main_table_lacks,
    an_internet_gateway_on_the_private_subnet,
    an_internet_gateway_and_a_public_address,
    egress_for_ipv6_only,
);

async fn no_way_out(lab: &Lab) {
    let scene = lab.scene().await;
    insta::assert_snapshot!(scene.told().await, @r#"
    ecr.api, ecr.dkr, s3, logs: Route
    ! rtb-a of a has no default route, and there is no endpoint of ecr.api
      aws ec2 create-vpc-endpoint --vpc-id vpc --service-name com.amazonaws.eu-central-1.ecr.api --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
    "#);
    let topology = scene.read(&scene.config()).await;
    let problems = diagnose(&topology, &scene.task, &needs(&scene.facts)).problems;
    let fix = problems[0].broken.fix.as_ref().expect("an endpoint").to_string();
    let fix = fix.replace(&scene.vpc, "vpc").replace(&scene.a, "a").replace(&scene.b, "b");
    insta::assert_snapshot!(fix, @r#"
    group=$(aws ec2 create-security-group --vpc-id vpc --group-name vpc-endpoints --description 'HTTPS from the VPC' --query GroupId --output text)
    aws ec2 authorize-security-group-ingress --group-id "$group" --protocol tcp --port 443 --cidr 10.42.0.0/16
    aws ec2 create-vpc-endpoint --vpc-id vpc --service-name com.amazonaws.eu-central-1.ecr.api --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
    "#);
}

async fn a_nat_gateway(lab: &Lab) {
    let scene = lab.scene().await;
    let nat = scene.nat(&scene.public).await;
    scene.out(|to| to.nat_gateway_id(&nat)).await;
    insta::assert_snapshot!(scene.told().await, @"ecr.api, ecr.dkr, s3, logs: by nat");
}

/// <https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html>
async fn a_private_nat_gateway(lab: &Lab) {
    let scene = lab.scene().await;
    let nat = scene.nat_that_is(ConnectivityType::Private, &scene.public).await;
    scene.out(|to| to.nat_gateway_id(&nat)).await;
    insta::assert_snapshot!(scene.told().await, @r#"
    ecr.api, ecr.dkr, s3, logs: Nat
    ! nat is a private NAT gateway and does not lead out, and there is no endpoint of ecr.api
      aws ec2 create-vpc-endpoint --vpc-id vpc --service-name com.amazonaws.eu-central-1.ecr.api --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
    "#);
}

async fn a_nat_gateway_in_a_private_subnet(lab: &Lab) {
    let scene = lab.scene().await;
    let nat = scene.nat(&scene.b).await;
    scene.out(|to| to.nat_gateway_id(&nat)).await;
    insta::assert_snapshot!(scene.told().await, @r#"
    ecr.api, ecr.dkr, s3, logs: Nat
    ! nat stands in b, whose rtb-b has no route to an internet gateway, and there is no endpoint of ecr.api
      aws ec2 create-vpc-endpoint --vpc-id vpc --service-name com.amazonaws.eu-central-1.ecr.api --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
    "#);
}

async fn a_nat_gateway_that_was_deleted(lab: &Lab) {
    let scene = lab.scene().await;
    let nat = scene.nat(&scene.public).await;
    scene.out(|to| to.nat_gateway_id(&nat)).await;
    scene.ec2().delete_nat_gateway().nat_gateway_id(&nat).send().await.expect("it goes");
    insta::assert_snapshot!(scene.told().await, @r#"
    ecr.api, ecr.dkr, s3, logs: Nat
    ! nat is deleted, and there is no endpoint of ecr.api
      aws ec2 create-vpc-endpoint --vpc-id vpc --service-name com.amazonaws.eu-central-1.ecr.api --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
    "#);
}

/// What EC2 says of the route of a NAT gateway that is gone; moto says `active` of every route.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Route.html>
async fn a_blackhole(lab: &Lab) {
    let scene = lab.scene().await;
    let nat = scene.nat(&scene.public).await;
    scene.out(|to| to.nat_gateway_id(&nat)).await;
    scene.ec2().delete_nat_gateway().nat_gateway_id(&nat).send().await.expect("it goes");
    let route = |state| {
        format!(
            "<natGatewayId>{nat}</natGatewayId><origin>CreateRoute</origin><state>{state}</state>"
        )
    };
    lab.relay.say("DescribeRouteTables", route("active"), route("blackhole"));
    insta::assert_snapshot!(scene.told().await, @r#"
    ecr.api, ecr.dkr, s3, logs: Route
    ! 0.0.0.0/0 in rtb-a is a blackhole: nat is gone, and there is no endpoint of ecr.api
      aws ec2 create-vpc-endpoint --vpc-id vpc --service-name com.amazonaws.eu-central-1.ecr.api --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
    "#);
}

/// It stands in no subnet, and has its own way out.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateways-regional.html>
async fn a_regional_nat_gateway(lab: &Lab) {
    let scene = lab.scene().await;
    let nat = scene.nat(&scene.b).await;
    scene.out(|to| to.nat_gateway_id(&nat)).await;
    let subnet = format!("<subnetId>{}</subnetId>", scene.b);
    lab.relay.say("DescribeNatGateways", subnet, "<availabilityMode>regional</availabilityMode>");
    insta::assert_snapshot!(scene.told().await, @"ecr.api, ecr.dkr, s3, logs: by nat");
}

/// Ingress is the internet's to begin; a NAT gateway's connections begin inside.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/security-vpc-bpa.html>
async fn a_nat_gateway_under_block_public_access(lab: &Lab) {
    let scene = lab.scene().await;
    let nat = scene.nat(&scene.public).await;
    scene.out(|to| to.nat_gateway_id(&nat)).await;
    let id = format!("<subnetId>{}</subnetId>", scene.public);
    let blocked = |mode: &str| {
        format!(
            "{id}<blockPublicAccessStates><internetGatewayBlockMode>{mode}\
             </internetGatewayBlockMode></blockPublicAccessStates>"
        )
    };
    lab.relay.say("DescribeSubnets", &id, blocked("block-ingress"));
    insta::assert_snapshot!(scene.told().await, @"ecr.api, ecr.dkr, s3, logs: by nat");
    lab.relay.say("DescribeSubnets", &id, blocked("block-bidirectional"));
    insta::assert_snapshot!(scene.told().await, @r#"
    ecr.api, ecr.dkr, s3, logs: Nat
    ! VPC Block Public Access closes nat of public, and there is no endpoint of ecr.api
      aws ec2 create-vpc-endpoint --vpc-id vpc --service-name com.amazonaws.eu-central-1.ecr.api --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
    "#);
}

async fn a_nat_gateway_for_one_subnet_of_two(lab: &Lab) {
    let scene = lab.scene().await;
    let nat = scene.nat(&scene.public).await;
    scene.route(&scene.rtb_a, "0.0.0.0/0", |to| to.nat_gateway_id(&nat)).await;
    insta::assert_snapshot!(scene.told().await, @r#"
    ecr.api from a: by nat
    ecr.api from b: Route
    ecr.dkr from a: by nat
    ecr.dkr from b: Route
    s3 from a: by nat
    s3 from b: Route
    logs from a: by nat
    logs from b: Route
    ! rtb-b of b has no default route, and there is no endpoint of ecr.api
      aws ec2 create-vpc-endpoint --vpc-id vpc --service-name com.amazonaws.eu-central-1.ecr.api --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
    "#);
}

/// The prefix list's route is narrower than the default route.
/// <https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html#gateway-endpoint-routing>
async fn a_nat_gateway_beside_an_s3_gateway(lab: &Lab) {
    let scene = lab.scene().await;
    let nat = scene.nat(&scene.public).await;
    scene.out(|to| to.nat_gateway_id(&nat)).await;
    scene.gateway("s3", &[&scene.rtb_a]).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api, ecr.dkr: by nat
    s3 from a: by vpce-s3
    s3 from b: by nat
    logs: by nat
    ");
}

/// Two halves are the whole, and narrower than it.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/route-tables-priority.html>
async fn a_default_route_in_two_halves(lab: &Lab) {
    let scene = lab.scene().await;
    let nat = scene.nat(&scene.public).await;
    for half in ["0.0.0.0/1", "128.0.0.0/1"] {
        scene.route(&scene.rtb_a, half, |to| to.nat_gateway_id(&nat)).await;
        scene.route(&scene.rtb_b, half, |to| to.nat_gateway_id(&nat)).await;
    }
    insta::assert_snapshot!(scene.told().await, @"ecr.api, ecr.dkr, s3, logs: by nat");
}

async fn a_transit_gateway(lab: &Lab) {
    let scene = lab.scene().await;
    let tgw = scene.transit_gateway().await;
    scene.out(|to| to.transit_gateway_id(&tgw)).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api, ecr.dkr, s3, logs: unknown
    ? 0.0.0.0/0 in rtb-a leads to tgw, behind which nothing can be seen from here
    ? 0.0.0.0/0 in rtb-b leads to tgw, behind which nothing can be seen from here
    ");
}

async fn a_transit_gateway_beside_endpoints(lab: &Lab) {
    let scene = lab.scene().await;
    let tgw = scene.transit_gateway().await;
    scene.out(|to| to.transit_gateway_id(&tgw)).await;
    scene.endpoints().await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    ");
}

async fn a_virtual_private_gateway(lab: &Lab) {
    let scene = lab.scene().await;
    let request = scene.ec2().create_vpn_gateway().r#type(aws_sdk_ec2::types::GatewayType::Ipsec1);
    let made = request.send().await.expect("a gateway");
    let id = made.vpn_gateway().and_then(|made| made.vpn_gateway_id()).expect("an id");
    let vgw = scene.call(id, "vgw");
    let request = scene.ec2().attach_vpn_gateway().vpn_gateway_id(&vgw).vpc_id(&scene.vpc);
    request.send().await.expect("it is attached");
    scene.out(|to| to.gateway_id(&vgw)).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api, ecr.dkr, s3, logs: unknown
    ? 0.0.0.0/0 in rtb-a leads to vgw, behind which nothing can be seen from here
    ? 0.0.0.0/0 in rtb-b leads to vgw, behind which nothing can be seen from here
    ");
}

async fn a_nat_instance(lab: &Lab) {
    let scene = lab.scene().await;
    let made = scene.ec2().create_network_interface().subnet_id(&scene.public).send().await;
    let made = made.expect("an interface");
    let id = made.network_interface().and_then(|made| made.network_interface_id());
    let eni = scene.call(id.expect("an id"), "eni");
    scene.out(|to| to.network_interface_id(&eni)).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api, ecr.dkr, s3, logs: unknown
    ? 0.0.0.0/0 in rtb-a leads to eni, behind which nothing can be seen from here
    ? 0.0.0.0/0 in rtb-b leads to eni, behind which nothing can be seen from here
    ");
}

/// Where S3 is, its prefix list says; where the others are, nothing says.
async fn a_detour_for_some_addresses(lab: &Lab) {
    let scene = lab.scene().await;
    let nat = scene.nat(&scene.public).await;
    let tgw = scene.transit_gateway().await;
    scene.out(|to| to.nat_gateway_id(&nat)).await;
    for table in [&scene.rtb_a, &scene.rtb_b] {
        scene.route(table, "10.0.0.0/8", |to| to.transit_gateway_id(&tgw)).await;
    }
    insta::assert_snapshot!(scene.told().await, @"ecr.api, ecr.dkr, s3, logs: by nat");
    scene.route(&scene.rtb_a, "18.0.0.0/8", |to| to.transit_gateway_id(&tgw)).await;
    // The same target says nothing new.
    scene.route(&scene.rtb_b, "52.0.0.0/8", |to| to.nat_gateway_id(&nat)).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api from a: unknown
    ecr.api from b: by nat
    ecr.dkr from a: unknown
    ecr.dkr from b: by nat
    s3: by nat
    logs from a: unknown
    logs from b: by nat
    ? 18.0.0.0/8 in rtb-a leads to tgw, and whether ecr.api is there is not known
    ? 18.0.0.0/8 in rtb-a leads to tgw, and whether ecr.dkr is there is not known
    ? 18.0.0.0/8 in rtb-a leads to tgw, and whether logs is there is not known
    ");
}

/// A subnet that no table names has the main one.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/subnet-route-tables.html>
async fn subnets_on_the_main_table(lab: &Lab) {
    let scene = lab.scene().await;
    scene.on_main_table().await;
    insta::assert_snapshot!(scene.told().await, @r#"
    ecr.api, ecr.dkr, s3, logs: Route
    ! rtb-main of a has no default route, and there is no endpoint of ecr.api
      aws ec2 create-vpc-endpoint --vpc-id vpc --service-name com.amazonaws.eu-central-1.ecr.api --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
    "#);
    let nat = scene.nat(&scene.public).await;
    scene.route(&scene.main_table().await, "0.0.0.0/0", |to| to.nat_gateway_id(&nat)).await;
    insta::assert_snapshot!(scene.told().await, @"ecr.api, ecr.dkr, s3, logs: by nat");
}

async fn a_gateway_endpoint_that_the_main_table_lacks(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    scene.on_main_table().await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: Route
    logs: by vpce-logs
    ! rtb-main of a has no route to vpce-s3, and rtb-main of a has no default route
      aws ec2 modify-vpc-endpoint --vpc-endpoint-id vpce-s3 --add-route-table-ids rtb-main
    ");
}

/// A task without a public address cannot use it.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html>
async fn an_internet_gateway_on_the_private_subnet(lab: &Lab) {
    let scene = lab.scene().await;
    scene.out(|to| to.gateway_id(&scene.igw)).await;
    insta::assert_snapshot!(scene.told().await, @r#"
    ecr.api, ecr.dkr, s3, logs: Route
    ! 0.0.0.0/0 in rtb-a leads to igw, which a task without a public address cannot use, and there is no endpoint of ecr.api
      aws ec2 create-vpc-endpoint --vpc-id vpc --service-name com.amazonaws.eu-central-1.ecr.api --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
    "#);
}

async fn an_internet_gateway_and_a_public_address(lab: &Lab) {
    let mut scene = lab.scene().await;
    scene.task.subnets = set(&[&scene.public]);
    scene.task.has_public_address = true;
    insta::assert_snapshot!(scene.told().await, @"ecr.api, ecr.dkr, s3, logs: by igw");
}

/// ECR and its endpoints are reached over IPv4 by a task of Fargate.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-networking.html>
async fn egress_for_ipv6_only(lab: &Lab) {
    let scene = lab.scene().await;
    let request = scene.ec2().associate_vpc_cidr_block().vpc_id(&scene.vpc);
    request.amazon_provided_ipv6_cidr_block(true).send().await.expect("a block");
    let made = scene.ec2().create_egress_only_internet_gateway().vpc_id(&scene.vpc).send().await;
    let made = made.expect("a gateway").egress_only_internet_gateway.expect("it");
    let eigw = scene.call(made.egress_only_internet_gateway_id().expect("an id"), "eigw");
    for table in [&scene.rtb_a, &scene.rtb_b] {
        let way = |to: aws_sdk_ec2::operation::create_route::builders::CreateRouteFluentBuilder| {
            to.egress_only_internet_gateway_id(&eigw)
        };
        scene.route(table, "::/0", way).await;
    }
    insta::assert_snapshot!(scene.told().await, @r#"
    ecr.api, ecr.dkr, s3, logs: Route
    ! rtb-a of a has a default route for IPv6 only, by eigw, and there is no endpoint of ecr.api
      aws ec2 create-vpc-endpoint --vpc-id vpc --service-name com.amazonaws.eu-central-1.ecr.api --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
    "#);
}
