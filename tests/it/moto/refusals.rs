//! What cannot work is refused with what was looked for, what was found and what to do, and nothing is
//! changed.

use super::{stack::Stack, states::load_balancer_of_others};
use crate::support::{account::Account, moto::REGION};
use aws_sdk_elasticloadbalancingv2::types::LoadBalancerSchemeEnum;
use ecs_private_deploy::{aws::Reader, exit};
use std::fmt::Write as _;

/// The refusal's text, with the ids that differ from run to run replaced.
async fn refused(stack: &Stack) -> String {
    stack.moto.calls();
    let error = stack.plan().await.expect_err("it cannot work");
    assert_eq!(error.exit_code(), exit::REFUSED, "{error}");
    assert_eq!(stack.moto.writes(), Vec::<String>::new());
    stable(&error.to_string())
}

/// `vpc-0a1b2c…` becomes `vpc-1`, the next one `vpc-2`.
fn stable(text: &str) -> String {
    let mut seen: Vec<String> = Vec::new();
    let mut stable = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|character: char| character.is_ascii_alphanumeric()) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        stable.push_str(before);
        match word.rsplit_once('-') {
            Some((kind, id))
                if id.len() >= 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) =>
            {
                let known = seen.iter().position(|found| found == word).unwrap_or_else(|| {
                    seen.push(word.to_owned());
                    seen.len() - 1
                });
                write!(stable, "{kind}-{}", known + 1).expect("a String takes it");
            }
            _ => stable.push_str(word),
        }
        rest = after;
    }
    stable + rest
}

#[tokio::test]
async fn no_vpc() {
    let stack = Stack::new().await;
    stack.write_more("network: { vpc: vpc-0123456789abcdef0 }");
    insta::assert_snapshot!(refused(&stack).await, @"
    VPC `vpc-1` does not exist in eu-central-1 for account 123456789012
      help: check the VPC's id, the region and the account of the credentials
    ");
}

#[tokio::test]
async fn two_vpcs() {
    let stack = Stack::new().await;
    stack.account.vpc().await;
    insta::assert_snapshot!(refused(&stack).await, @"
    2 VPCs in eu-central-1, and none is named
      vpc-1 (10.42.0.0/16)
      vpc-2 (10.42.0.0/16)
      help: add `network: { vpc: vpc-… }` to the file with the one to use, or ask `doctor` about one with `--vpc`
    ");
}

#[tokio::test]
async fn no_private_subnet() {
    let stack = Stack::new().await;
    let Account { ec2, .. } = &stack.account;
    for subnet in &stack.vpc.private {
        ec2.delete_subnet().subnet_id(subnet).send().await.expect("it goes");
    }
    insta::assert_snapshot!(refused(&stack).await, @"
    no private subnet: no subnet of the VPC is without a route to an internet gateway (in vpc-1)
      subnet-2 in eu-central-1a (10.42.0.0/24): public by rtb-3
      subnet-4 in eu-central-1b (10.42.1.0/24): public by rtb-3
      vpc-1 is the only VPC of the region
      help: make a private subnet in two zones, or take the route to the internet gateway out of the route table of the subnets that the tasks should stand in
    ");
}

#[tokio::test]
async fn public_subnets_in_one_zone_only() {
    let stack = Stack::new().await;
    let request = stack.account.ec2.delete_subnet().subnet_id(&stack.vpc.public[1]);
    request.send().await.expect("it goes");
    insta::assert_snapshot!(refused(&stack).await, @"
    public subnets in eu-central-1a only: an internet-facing load balancer needs one in each of two zones (in vpc-1)
      subnet-2 in eu-central-1a (10.42.0.0/24): public by rtb-3
      subnet-4 in eu-central-1a (10.42.10.0/24): private, no default route in rtb-5
      subnet-6 in eu-central-1b (10.42.11.0/24): private, no default route in rtb-7
      vpc-1 is the only VPC of the region
      help: make a subnet in another zone whose route table leads 0.0.0.0/0 to the VPC's internet gateway
    ");
}

#[tokio::test]
async fn an_image_that_is_not_there() {
    let stack = Stack::new().await;
    stack.write("", &format!("image: 123456789012.dkr.ecr.{REGION}.amazonaws.com/web:v9"));
    insta::assert_snapshot!(refused(&stack).await, @"
    image `123456789012.dkr.ecr.eu-central-1.amazonaws.com/web:v9` does not exist in ECR
      help: push it first, or check its repository, tag and account
    ");
}

#[tokio::test]
async fn an_image_of_another_region() {
    let stack = Stack::new().await;
    stack.write("", "image: 123456789012.dkr.ecr.us-east-1.amazonaws.com/web:v1");
    insta::assert_snapshot!(refused(&stack).await, @"
    container `web`: image `123456789012.dkr.ecr.us-east-1.amazonaws.com/web:v1` is in us-east-1, and the service in eu-central-1
      the ECR endpoints of a VPC lead to the registry of its own region alone
      help: add `image: { uri: 123456789012.dkr.ecr.us-east-1.amazonaws.com/web:v1, pull-through: ensure }`, and ECR keeps a copy in the region
            or copy it yourself: docker buildx imagetools create --tag 123456789012.dkr.ecr.eu-central-1.amazonaws.com/web:v1 123456789012.dkr.ecr.us-east-1.amazonaws.com/web:v1
    ");
}

async fn given_load_balancer(stack: &Stack, scheme: LoadBalancerSchemeEnum, subnets: &[String]) {
    let made = stack
        .account
        .elb
        .create_load_balancer()
        .name("given")
        .scheme(scheme)
        .set_subnets(Some(subnets.to_vec()))
        .send()
        .await;
    made.expect("a load balancer");
    stack.write_more("load-balancer: { name: given }");
}

#[tokio::test]
async fn a_load_balancer_that_is_internal() {
    let stack = Stack::new().await;
    given_load_balancer(&stack, LoadBalancerSchemeEnum::Internal, &stack.vpc.public).await;
    insta::assert_snapshot!(refused(&stack).await, @"
    load balancer `given` is internal: nothing outside the VPC reaches it, and its scheme cannot be changed
      help: name another one in `load-balancer.name`; one that does not exist is made
    ");
}

#[tokio::test]
async fn a_load_balancer_in_private_subnets() {
    let stack = Stack::new().await;
    given_load_balancer(&stack, LoadBalancerSchemeEnum::InternetFacing, &stack.vpc.private).await;
    insta::assert_snapshot!(refused(&stack).await, @"
    load balancer `given` stands in subnets that have no route from the internet: subnet-1, subnet-2
      help: name another one in `load-balancer.name`; one that does not exist is made
    ");
}

#[tokio::test]
async fn a_load_balancer_in_another_vpc() {
    let stack = Stack::new().await;
    let other = stack.account.vpc().await;
    given_load_balancer(&stack, LoadBalancerSchemeEnum::InternetFacing, &other.public).await;
    stack.write_more(&format!(
        "load-balancer: {{ name: given }}\nnetwork: {{ vpc: {} }}",
        stack.vpc.id
    ));
    insta::assert_snapshot!(refused(&stack).await, @"
    load balancer `given` stands in another VPC, in subnet-1, subnet-2; the service stands in vpc-3
      help: name another one in `load-balancer.name`; one that does not exist is made
    ");
}

#[tokio::test]
async fn a_listener_that_others_use() {
    let stack = Stack::new().await;
    load_balancer_of_others(&stack).await;
    stack.write_more("load-balancer: { name: shared }");
    insta::assert_snapshot!(refused(&stack).await, @"
    the listener on port 80 of load balancer `shared` is used by others and does something else by default (answer 404)
      help: give this service a host of its own with `load-balancer: { host: … }`, or another load balancer with `load-balancer: { name: … }`
    ");
}

#[tokio::test]
async fn a_security_group_of_somebody_elses_that_has_our_name() {
    let stack = Stack::new().await;
    let request = stack.account.ec2.create_security_group().vpc_id(&stack.vpc.id);
    let request = request.group_name("ecs-private-deploy-endpoints").description("theirs");
    request.send().await.expect("a group");
    insta::assert_snapshot!(refused(&stack).await, @"
    security group `ecs-private-deploy-endpoints` (sg-1) exists, differs from what the file asks for, and was not made by this program
      help: choose another name, or hand it over: aws ec2 create-tags --resources sg-1 --tags Key=ecs-private-deploy:stack,Value=web
    ");
}

#[tokio::test]
async fn dns_attributes_that_are_off() {
    let stack = Stack::new().await;
    let off = aws_sdk_ec2::types::AttributeBooleanValue::builder().value(false).build();
    let request = stack.account.ec2.modify_vpc_attribute().vpc_id(&stack.vpc.id);
    request.enable_dns_hostnames(off).send().await.expect("it is off");
    insta::assert_snapshot!(refused(&stack).await, @"
    vpc-1 has DNS attributes off that endpoints with private DNS need
      enableDnsHostnames is off
      help: aws ec2 modify-vpc-attribute --vpc-id vpc-1 --enable-dns-hostnames
            or write `network: { dns: ensure }`
    ");
}

#[tokio::test]
async fn credentials_that_aws_does_not_know() {
    let stack = Stack::new().await;
    stack.moto.enforce_iam().await;
    let error = Reader::new(&stack.moto.config()).await.expect_err("nobody knows these");
    assert_eq!(error.exit_code(), exit::REFUSED);
    let text = error.to_string();
    let (first, _) = text.split_once("\n  request id").expect("it names the request");
    insta::assert_snapshot!(first, @"sts:GetCallerIdentity on the credentials for eu-central-1 was refused: InvalidClientTokenId: The security token included in the request is invalid");
    assert!(text.contains("help: AWS does not accept these credentials"), "{text}");
}
