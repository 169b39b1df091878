//! Endpoints: which there are, where they stand, whether they stand.

use super::lab::{Lab, arn, set};
use crate::support::moto::REGION;
use ecs_private_deploy::network::needs::Exec;

topologies!(every_set_of_endpoints_has_its_verdict:
    all_endpoints,
    one_endpoint_is_missing,
    endpoints_in_one_zone_only,
    an_endpoint_in_no_subnet,
    an_endpoint_that_was_deleted,
    an_endpoint_that_is_pending,
    an_endpoint_that_failed,
    a_gateway_for_one_table_of_two,
    s3_by_an_interface,
    a_service_that_a_zone_does_not_have,
    secrets_parameters_and_exec,
    what_the_application_calls,
    endpoints_of_another_vpc,
    shared_subnets,
);

async fn all_endpoints(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    ");
}

async fn one_endpoint_is_missing(lab: &Lab) {
    let scene = lab.scene().await;
    scene.interface("ecr.api").await;
    scene.interface("ecr.dkr").await;
    scene.gateway("s3", &[&scene.rtb_a, &scene.rtb_b]).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: Route
    ! rtb-a of a has no default route, and there is no endpoint of logs
      aws ec2 create-vpc-endpoint --vpc-id vpc --service-name com.amazonaws.eu-central-1.logs --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids sg-endpoint
    ");
}

/// An endpoint serves every zone of its VPC.
/// <https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html>
async fn endpoints_in_one_zone_only(lab: &Lab) {
    let scene = lab.scene().await;
    for service in ["ecr.api", "ecr.dkr", "logs"] {
        let in_one = |request: super::make::Endpoint| {
            let request = request.security_group_ids(&scene.sg_endpoint).subnet_ids(&scene.a);
            request.private_dns_enabled(true)
        };
        scene.interface_with(service, in_one).await;
    }
    scene.gateway("s3", &[&scene.rtb_a, &scene.rtb_b]).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    ~ vpce-ecr.api (ecr.api) stands in eu-central-1a only: tasks in eu-central-1b reach it across zones, which costs more, and not at all when that zone fails
    ~ vpce-ecr.dkr (ecr.dkr) stands in eu-central-1a only: tasks in eu-central-1b reach it across zones, which costs more, and not at all when that zone fails
    ~ vpce-logs (logs) stands in eu-central-1a only: tasks in eu-central-1b reach it across zones, which costs more, and not at all when that zone fails
    ");
}

async fn an_endpoint_in_no_subnet(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    let request = scene.ec2().modify_vpc_endpoint().vpc_endpoint_id(scene.id("vpce-logs"));
    let request = request.remove_subnet_ids(&scene.a).remove_subnet_ids(&scene.b);
    request.send().await.expect("it is modified");
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: Endpoint
    ! vpce-logs has no interface in any zone
      aws ec2 modify-vpc-endpoint --vpc-endpoint-id vpce-logs --add-subnet-ids a b
    ");
}

/// EC2 tells of it for a while.
async fn an_endpoint_that_was_deleted(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    let request = scene.ec2().delete_vpc_endpoints().vpc_endpoint_ids(scene.id("vpce-ecr.dkr"));
    request.send().await.expect("it goes");
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: Route
    s3: by vpce-s3
    logs: by vpce-logs
    ! rtb-a of a has no default route, and there is no endpoint of ecr.dkr
      aws ec2 create-vpc-endpoint --vpc-id vpc --service-name com.amazonaws.eu-central-1.ecr.dkr --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids sg-endpoint
    ");
}

async fn an_endpoint_that_is_pending(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    is(lab, "ecr.api", "pending");
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: Endpoint
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    ! vpce-ecr.api is pending, and rtb-a of a has no default route
      # wait until vpce-ecr.api is available
      aws ec2 describe-vpc-endpoints --vpc-endpoint-ids vpce-ecr.api --query 'VpcEndpoints[0].State'
    ");
}

async fn an_endpoint_that_failed(lab: &Lab) {
    let scene = lab.scene().await;
    scene.endpoints().await;
    is(lab, "logs", "failed");
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: Endpoint
    ! vpce-logs is failed, and rtb-a of a has no default route
      aws ec2 delete-vpc-endpoints --vpc-endpoint-ids vpce-logs
      aws ec2 create-vpc-endpoint --vpc-id vpc --service-name com.amazonaws.eu-central-1.logs --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids sg-endpoint
    ");
}

/// moto's endpoints are `available` from the beginning.
fn is(lab: &Lab, service: &str, state: &str) {
    let endpoint = |state: &str| {
        format!("<serviceName>com.amazonaws.{REGION}.{service}</serviceName><state>{state}</state>")
    };
    lab.relay.say("DescribeVpcEndpoints", endpoint("available"), endpoint(state));
}

/// <https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html#gateway-endpoint-routing>
async fn a_gateway_for_one_table_of_two(lab: &Lab) {
    let scene = lab.scene().await;
    for service in ["ecr.api", "ecr.dkr", "logs"] {
        scene.interface(service).await;
    }
    scene.gateway("s3", &[&scene.rtb_a]).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3 from a: by vpce-s3
    s3 from b: Route
    logs: by vpce-logs
    ! rtb-b of b has no route to vpce-s3, and rtb-b of b has no default route
      aws ec2 modify-vpc-endpoint --vpc-endpoint-id vpce-s3 --add-route-table-ids rtb-b
    ");
}

/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html>
async fn s3_by_an_interface(lab: &Lab) {
    let scene = lab.scene().await;
    for service in ["ecr.api", "ecr.dkr", "logs", "s3"] {
        scene.interface(service).await;
    }
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    ");
}

/// Its endpoint is made where the service is.
/// <https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html>
async fn a_service_that_a_zone_does_not_have(lab: &Lab) {
    let mut scene = lab.scene().await;
    scene.endpoints().await;
    scene.facts.reach = set(&["sqs"]);
    let zone = |name: &str| format!("<item>{REGION}{name}</item>");
    lab.relay.say("DescribeVpcEndpointServices", zone("a"), "");
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    sqs: Route
    ! rtb-a of a has no default route, and there is no endpoint of sqs
      aws ec2 create-vpc-endpoint --vpc-id vpc --service-name com.amazonaws.eu-central-1.sqs --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids b --security-group-ids sg-endpoint
    ");
}

/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/vpc-endpoints.html>
async fn secrets_parameters_and_exec(lab: &Lab) {
    let mut scene = lab.scene().await;
    scene.endpoints().await;
    scene.facts.secrets =
        set(&[&arn("secretsmanager", "secret:db-AbCdEf"), &arn("ssm", "parameter/web/key")]);
    let key = Some(arn("kms", "key/0a1b"));
    scene.facts.exec = Some(Exec { kms_key: key, ..Exec::default() });
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    secretsmanager, ssm, ssmmessages, kms: Route
    ! rtb-a of a has no default route, and there is no endpoint of secretsmanager
      aws ec2 create-vpc-endpoint --vpc-id vpc --service-name com.amazonaws.eu-central-1.secretsmanager --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids sg-endpoint
    ");
    for service in ["secretsmanager", "ssm", "ssmmessages", "kms"] {
        scene.interface(service).await;
    }
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    secretsmanager: by vpce-secretsmanager
    ssm: by vpce-ssm
    ssmmessages: by vpce-ssmmessages
    kms: by vpce-kms
    ");
}

/// DynamoDB has a gateway as S3 has; SQS has interfaces only.
async fn what_the_application_calls(lab: &Lab) {
    let mut scene = lab.scene().await;
    scene.endpoints().await;
    scene.facts.reach = set(&["dynamodb", "sqs"]);
    scene.gateway("dynamodb", &[&scene.rtb_a]).await;
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    dynamodb from a: by vpce-dynamodb
    dynamodb from b: Route
    sqs: Route
    ! rtb-b of b has no route to vpce-dynamodb, and rtb-b of b has no default route
      aws ec2 modify-vpc-endpoint --vpc-endpoint-id vpce-dynamodb --add-route-table-ids rtb-b
    ");
}

/// Private DNS and gateways are of one VPC; another one's endpoints are no help.
async fn endpoints_of_another_vpc(lab: &Lab) {
    let (one, other) = (lab.scene().await, lab.scene().await);
    other.endpoints().await;
    insta::assert_snapshot!(one.told().await, @r#"
    ecr.api, ecr.dkr, s3, logs: Route
    ! rtb-a of a has no default route, and there is no endpoint of ecr.api
      aws ec2 create-vpc-endpoint --vpc-id vpc --service-name com.amazonaws.eu-central-1.ecr.api --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
    "#);
    insta::assert_snapshot!(other.told().await, @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    ");
}

/// Who is given subnets sees neither the owner's endpoints nor makes any, but a way out works for all.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-sharing-service-behavior.html>
async fn shared_subnets(lab: &Lab) {
    let scene = lab.scene().await;
    let mine = format!("<ownerId>{}</ownerId>", crate::support::moto::ACCOUNT);
    let theirs = "<ownerId>210987654321</ownerId>";
    lab.relay.say("DescribeVpcs", &mine, theirs);
    lab.relay.say("DescribeSubnets", &mine, theirs);
    insta::assert_snapshot!(scene.told().await, @"
    ecr.api, ecr.dkr, s3, logs: unknown
    ? rtb-a of a has no default route; vpc belongs to account 210987654321, which alone sees its endpoints and makes them
    ? rtb-b of b has no default route; vpc belongs to account 210987654321, which alone sees its endpoints and makes them
    ");
    let nat = scene.nat(&scene.public).await;
    scene.out(|to| to.nat_gateway_id(&nat)).await;
    lab.relay.say("DescribeVpcs", &mine, theirs);
    insta::assert_snapshot!(scene.told().await, @"ecr.api, ecr.dkr, s3, logs: by nat");
}
