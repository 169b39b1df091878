//! Whole answers, as somebody reads them who was woken for it.

use super::*;
use crate::{
    diagnosis::{read::read, rows::Values},
    error::Problem,
    network::{
        model::{Peer, Topology, Unknown},
        needs::{Outside, TaskFacts, needs},
        net::Ports,
        scene::{allow, bare, complete, entry, plain, table, task},
    },
};

const TOKEN: &str = "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. operation error ECR: GetAuthorizationToken, exceeded maximum number of attempts, 3, https response error StatusCode: 0, RequestID: , request send failed, Post \"https://api.ecr.eu-west-1.amazonaws.com/\": dial tcp {address}:443: i/o timeout";
const LAYERS: &str = "CannotPullContainerError: The task cannot pull {registry}/web@sha256:0a from the registry {registry}/web. There is a connection issue between the task and the registry. Check your task network configuration. : failed to copy: httpReadSeeker: failed open: failed to do request: Get {registry}/web: dial tcp {address}:443: i/o timeout";
const LOG: &str = "ResourceInitializationError: failed to validate logger args: The task cannot find the Amazon CloudWatch log group defined in the task definition. There is a connection issue between the task and Amazon CloudWatch. Check your network configuration. : signal: killed";

fn on(vpc: Topology) -> Ground {
    Ground { vpc, task: task(), needs: plain() }
}

fn sign(by: By, text: &str) -> Sign {
    Sign { by, told: read(text), text: text.to_owned() }
}

fn stopped(id: &str, text: &str) -> Sign {
    sign(By::Task(id.to_owned()), text)
}

fn at(text: &str, address: &str) -> String {
    Values::default().fill(&text.replace("{address}", address))
}

fn told(signs: &[Sign], ground: Option<&Ground>) -> String {
    let Answer { cause, found, help } = answer(signs, ground).expect("something failed");
    let problem = found.into_iter().fold(Problem::new(cause), Problem::found);
    problem.help(help).to_string()
}

/// One task that stopped with this text, in this VPC.
fn of(text: &str, vpc: Topology) -> String {
    told(&[stopped("0f3e", text)], Some(&on(vpc)))
}

#[test]
fn the_endpoint_is_missing() {
    let mut vpc = complete();
    vpc.endpoints.as_mut().expect("read").retain(|endpoint| endpoint.service != "ecr.api");
    insta::assert_snapshot!(of(&at(TOKEN, "52.94.8.9"), vpc), @r#"
    the task does not reach ecr.api from a: rtb-private of a has no default route, and there is no endpoint of ecr.api (1 task)
      at fault: vpc-1
      task 0f3e stopped: ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. operation error ECR: GetAuthorizationToken, exceeded maximum number of attempts, 3, https response error StatusCode: 0, RequestID: , request send failed, Post "https://api.ecr.eu-west-1.amazonaws.com/": dial tcp 52.94.8.9:443: i/o timeout
      52.94.8.9 is a public address: the name did not lead to an endpoint
      help: aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.ecr.api --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids sg-endpoint
            or write `network: { endpoints: ensure }` and deploy again: it makes what is missing
    "#);
}

#[test]
fn nothing_is_there_and_what_would_fail_next_is_told_too() {
    insta::assert_snapshot!(of(&at(TOKEN, "52.94.8.9"), bare()), @r#"
    the task does not reach ecr.api from a: rtb-private of a has no default route, and there is no endpoint of ecr.api (1 task)
      at fault: vpc-1
      task 0f3e stopped: ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. operation error ECR: GetAuthorizationToken, exceeded maximum number of attempts, 3, https response error StatusCode: 0, RequestID: , request send failed, Post "https://api.ecr.eu-west-1.amazonaws.com/": dial tcp 52.94.8.9:443: i/o timeout
      52.94.8.9 is a public address: the name did not lead to an endpoint
      next, the task does not reach ecr.dkr from a: rtb-private of a has no default route, and there is no endpoint of ecr.dkr
      next, the task does not reach s3 from a: rtb-private of a has no default route, and there is no endpoint of s3
      next, the task does not reach logs from a: rtb-private of a has no default route, and there is no endpoint of logs
      help: group=$(aws ec2 create-security-group --vpc-id vpc-1 --group-name vpc-1-endpoints --description 'HTTPS from the VPC' --query GroupId --output text)
            aws ec2 authorize-security-group-ingress --group-id "$group" --protocol tcp --port 443 --cidr 10.0.0.0/16
            aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.ecr.api --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
            aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.ecr.dkr --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
            aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.s3 --vpc-endpoint-type Gateway --route-table-ids rtb-private
            aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.logs --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
            or write `network: { endpoints: ensure }` and deploy again: it makes what is missing
    "#);
}

#[test]
fn its_private_dns_is_off() {
    let mut vpc = complete();
    vpc.endpoint("vpce-ecr.api").private_dns = false;
    insta::assert_snapshot!(of(&at(TOKEN, "52.94.8.9"), vpc), @r#"
    the task does not reach ecr.api from a: vpce-ecr.api has private DNS off, and rtb-private of a has no default route (1 task)
      task 0f3e stopped: ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. operation error ECR: GetAuthorizationToken, exceeded maximum number of attempts, 3, https response error StatusCode: 0, RequestID: , request send failed, Post "https://api.ecr.eu-west-1.amazonaws.com/": dial tcp 52.94.8.9:443: i/o timeout
      52.94.8.9 is a public address: the name did not lead to an endpoint
      help: aws ec2 modify-vpc-endpoint --vpc-endpoint-id vpce-ecr.api --private-dns-enabled
            or write `network: { endpoints: ensure, adopt: true }` and deploy again: it completes what somebody else made
    "#);
}

#[test]
fn its_group_is_closed() {
    let mut vpc = complete();
    vpc.group("sg-endpoint").ingress = vec![allow(Peer::Group("sg-other".to_owned()))];
    insta::assert_snapshot!(of(&at(TOKEN, "10.0.1.5"), vpc), @r#"
    the task does not reach ecr.api from a: sg-endpoint of vpce-ecr.api does not admit HTTPS from 10.0.1.0/24 (1 task)
      task 0f3e stopped: ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. operation error ECR: GetAuthorizationToken, exceeded maximum number of attempts, 3, https response error StatusCode: 0, RequestID: , request send failed, Post "https://api.ecr.eu-west-1.amazonaws.com/": dial tcp 10.0.1.5:443: i/o timeout
      10.0.1.5 is an address of the VPC: the name led to an endpoint, which did not answer
      help: aws ec2 authorize-security-group-ingress --group-id sg-endpoint --ip-permissions IpProtocol=tcp,FromPort=443,ToPort=443,IpRanges='[{CidrIp=10.0.0.0/16}]'
    "#);
}

#[test]
fn an_acl_stops_the_answers() {
    let mut vpc = complete();
    let deny = entry(false, Ports { from: 40000, to: 40000 }, "0.0.0.0/0");
    vpc.acl("acl-default").inbound.insert(50, deny);
    insta::assert_snapshot!(of(&at(LAYERS, "52.216.8.9"), vpc), @r"
    the task does not reach s3 from a: acl-default of a refuses the answers from s3 (pl-s3) (TCP 32768-60999) by rule 50 (1 task)
      task 0f3e stopped: CannotPullContainerError: The task cannot pull 123456789012.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:0a from the registry 123456789012.dkr.ecr.eu-west-1.amazonaws.com/web. There is a connection issue between the task and the registry. Check your task network configuration. : failed to copy: httpReadSeeker: failed open: failed to do request: Get 123456789012.dkr.ecr.eu-west-1.amazonaws.com/web: dial tcp 52.216.8.9:443: i/o timeout
      52.216.8.9 is a public address of S3: only the route of the S3 gateway endpoint leads a private subnet there
      next, the task does not reach ecr.api from a: acl-default of a refuses the answers from vpce-ecr.api in b (TCP 32768-60999) by rule 50
      next, the task does not reach s3 from a: acl-default of a refuses the answers from s3 (pl-s3) (TCP 32768-60999) by rule 50
      help: aws ec2 create-network-acl-entry --network-acl-id acl-default --ingress --rule-number 49 --protocol tcp --port-range From=1024,To=65535 --cidr-block 0.0.0.0/0 --rule-action allow
            aws ec2 create-network-acl-entry --network-acl-id acl-default --ingress --rule-number 49 --protocol tcp --port-range From=1024,To=65535 --cidr-block 10.0.0.0/16 --rule-action allow
            aws ec2 create-network-acl-entry --network-acl-id acl-default --ingress --rule-number 48 --protocol tcp --port-range From=1024,To=65535 --cidr-block 0.0.0.0/0 --rule-action allow
    ");
}

#[test]
fn one_table_lacks_the_route_to_s3() {
    let mut vpc = complete();
    vpc.tables = Ok(vec![table("rtb-private", &["a"], None), table("rtb-other", &["b"], None)]);
    insta::assert_snapshot!(of(&at(LAYERS, "52.216.8.9"), vpc), @r"
    the task does not reach s3 from b: rtb-other of b has no route to vpce-s3, and rtb-other of b has no default route (1 task)
      task 0f3e stopped: CannotPullContainerError: The task cannot pull 123456789012.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:0a from the registry 123456789012.dkr.ecr.eu-west-1.amazonaws.com/web. There is a connection issue between the task and the registry. Check your task network configuration. : failed to copy: httpReadSeeker: failed open: failed to do request: Get 123456789012.dkr.ecr.eu-west-1.amazonaws.com/web: dial tcp 52.216.8.9:443: i/o timeout
      52.216.8.9 is a public address of S3: only the route of the S3 gateway endpoint leads a private subnet there
      help: aws ec2 modify-vpc-endpoint --vpc-endpoint-id vpce-s3 --add-route-table-ids rtb-other
            or write `network: { endpoints: ensure, adopt: true }` and deploy again: it completes what somebody else made
    ");
}

#[test]
fn a_killed_process_has_no_address_and_the_model_says_where() {
    let mut vpc = complete();
    vpc.endpoints.as_mut().expect("read").retain(|endpoint| endpoint.service != "logs");
    insta::assert_snapshot!(of(LOG, vpc), @r"
    the task does not reach logs from a: rtb-private of a has no default route, and there is no endpoint of logs (1 task)
      at fault: vpc-1
      task 0f3e stopped: ResourceInitializationError: failed to validate logger args: The task cannot find the Amazon CloudWatch log group defined in the task definition. There is a connection issue between the task and Amazon CloudWatch. Check your network configuration. : signal: killed
      help: aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.logs --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids sg-endpoint
            or write `network: { endpoints: ensure }` and deploy again: it makes what is missing
    ");
}

#[test]
fn all_is_open_and_is_not_blamed() {
    insta::assert_snapshot!(of(&at(TOKEN, "52.94.8.9"), complete()), @r#"
    the task did not reach ECR (`ecr.api`), which gives the token for the image (1 task)
      task 0f3e stopped: ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. operation error ECR: GetAuthorizationToken, exceeded maximum number of attempts, 3, https response error StatusCode: 0, RequestID: , request send failed, Post "https://api.ecr.eu-west-1.amazonaws.com/": dial tcp 52.94.8.9:443: i/o timeout
      52.94.8.9 is a public address: the name did not lead to an endpoint
      as the VPC is now, every hop is open (ecr.api by vpce-ecr.api)
      help: deploy again: the endpoint's private DNS takes a minute or two after it is made, and the task asked before; where it stays, see whether a resolver or a private hosted zone of your own answers for the name
    "#);
    insta::assert_snapshot!(of(&at(TOKEN, "10.0.1.5"), complete()), @r#"
    the task did not reach ECR (`ecr.api`), which gives the token for the image (1 task)
      task 0f3e stopped: ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. operation error ECR: GetAuthorizationToken, exceeded maximum number of attempts, 3, https response error StatusCode: 0, RequestID: , request send failed, Post "https://api.ecr.eu-west-1.amazonaws.com/": dial tcp 10.0.1.5:443: i/o timeout
      10.0.1.5 is an address of the VPC: the name led to an endpoint, which did not answer
      as the VPC is now, every hop is open (ecr.api by vpce-ecr.api)
      help: deploy again, if a group or an ACL was changed meanwhile; where it stays, look for a firewall or an appliance between the subnets, which EC2 does not tell of
    "#);
}

#[test]
fn an_address_of_another_network_is_no_endpoint() {
    insta::assert_snapshot!(of(&at(TOKEN, "172.20.0.5"), complete()), @r#"
    the task did not reach ECR (`ecr.api`), which gives the token for the image (1 task)
      task 0f3e stopped: ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. operation error ECR: GetAuthorizationToken, exceeded maximum number of attempts, 3, https response error StatusCode: 0, RequestID: , request send failed, Post "https://api.ecr.eu-west-1.amazonaws.com/": dial tcp 172.20.0.5:443: i/o timeout
      172.20.0.5 is neither public nor in this VPC: the name led into another network
      as the VPC is now, every hop is open (ecr.api by vpce-ecr.api)
      help: look for a DNS firewall, or a private hosted zone or a resolver of your own that answers for the name
    "#);
}

#[test]
fn what_the_model_finds_besides_is_not_taken_for_the_cause() {
    let mut vpc = complete();
    vpc.endpoint("vpce-ecr.api").private_dns = false;
    insta::assert_snapshot!(of(&at(TOKEN, "10.0.1.5"), vpc), @r#"
    the task did not reach ECR (`ecr.api`), which gives the token for the image (1 task)
      task 0f3e stopped: ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. operation error ECR: GetAuthorizationToken, exceeded maximum number of attempts, 3, https response error StatusCode: 0, RequestID: , request send failed, Post "https://api.ecr.eu-west-1.amazonaws.com/": dial tcp 10.0.1.5:443: i/o timeout
      10.0.1.5 is an address of the VPC: the name led to an endpoint, which did not answer
      the model of the VPC finds as well: the task does not reach ecr.api from a: vpce-ecr.api has private DNS off, and rtb-private of a has no default route
      help: let the security group of the endpoint `ecr.api` admit port 443 from the tasks, and the network ACLs of both subnets let it through
            aws ec2 modify-vpc-endpoint --vpc-endpoint-id vpce-ecr.api --private-dns-enabled
            or write `network: { endpoints: ensure, adopt: true }` and deploy again: it completes what somebody else made
    "#);
}

#[test]
fn the_name_is_not_answered() {
    let text = TOKEN.replace(
        "dial tcp {address}:443: i/o timeout",
        "dial tcp: lookup api.ecr.eu-west-1.amazonaws.com on 10.0.0.2:53: no such host",
    );
    let mut vpc = complete();
    vpc.dns.as_mut().expect("read").support = false;
    insta::assert_snapshot!(of(&text, vpc), @r#"
    the task does not reach ecr.api from a: `enableDnsSupport` of vpc-1 is off: no name is answered (1 task)
      task 0f3e stopped: ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. operation error ECR: GetAuthorizationToken, exceeded maximum number of attempts, 3, https response error StatusCode: 0, RequestID: , request send failed, Post "https://api.ecr.eu-west-1.amazonaws.com/": dial tcp: lookup api.ecr.eu-west-1.amazonaws.com on 10.0.0.2:53: no such host
      the name was not answered
      help: aws ec2 modify-vpc-attribute --vpc-id vpc-1 --enable-dns-support
            or write `network: { dns: ensure }` and deploy again
    "#);
    insta::assert_snapshot!(of(&text, complete()), @r#"
    the task did not reach ECR (`ecr.api`), which gives the token for the image (1 task)
      task 0f3e stopped: ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. operation error ECR: GetAuthorizationToken, exceeded maximum number of attempts, 3, https response error StatusCode: 0, RequestID: , request send failed, Post "https://api.ecr.eu-west-1.amazonaws.com/": dial tcp: lookup api.ecr.eu-west-1.amazonaws.com on 10.0.0.2:53: no such host
      the name was not answered
      as the VPC is now, every hop is open (ecr.api by vpce-ecr.api)
      help: look for a DNS firewall, or a private hosted zone or a resolver of your own that answers for the name
    "#);
}

#[test]
fn what_the_model_cannot_tell_it_does_not() {
    let mut vpc = complete();
    vpc.groups = Err(Unknown {
        what: "ec2:DescribeSecurityGroups".to_owned(),
        why: "was refused".to_owned(),
    });
    insta::assert_snapshot!(of(&at(TOKEN, "10.0.1.5"), vpc), @r#"
    the task did not reach ECR (`ecr.api`), which gives the token for the image (1 task)
      task 0f3e stopped: ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. operation error ECR: GetAuthorizationToken, exceeded maximum number of attempts, 3, https response error StatusCode: 0, RequestID: , request send failed, Post "https://api.ecr.eu-west-1.amazonaws.com/": dial tcp 10.0.1.5:443: i/o timeout
      10.0.1.5 is an address of the VPC: the name led to an endpoint, which did not answer
      the model of the VPC cannot tell: ec2:DescribeSecurityGroups was refused
      help: let the security group of the endpoint `ecr.api` admit port 443 from the tasks, and the network ACLs of both subnets let it through
    "#);
}

#[test]
fn a_policy_refuses_the_layers() {
    let text = "CannotPullContainerError: ref pull has been retried 1 time(s): failed to copy: httpReaderSeeker: failed open: unexpected status code https://prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com/0a: 403 Forbidden";
    let mut vpc = complete();
    insta::assert_snapshot!(of(text, vpc.clone()), @r"
    S3 refuses the image's layers (1 task)
      task 0f3e stopped: CannotPullContainerError: ref pull has been retried 1 time(s): failed to copy: httpReaderSeeker: failed open: unexpected status code https://prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com/0a: 403 Forbidden
      as the VPC is now, every hop is open (s3 by vpce-s3)
      help: allow `ecr:GetDownloadUrlForLayer` to the execution role, and see whether a policy of the organization refuses S3
    ");
    vpc.endpoint("vpce-s3").policy = Some(r#"{"Statement": []}"#.to_owned());
    insta::assert_snapshot!(of(text, vpc), @r#"
    S3 refuses the image's layers: the policy of vpce-s3 does not allow s3:GetObject on arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/* (1 task)
      task 0f3e stopped: CannotPullContainerError: ref pull has been retried 1 time(s): failed to copy: httpReaderSeeker: failed open: unexpected status code https://prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com/0a: 403 Forbidden
      help: aws ec2 modify-vpc-endpoint --vpc-endpoint-id vpce-s3 --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/*"]}]}'
    "#);
}

#[test]
fn without_the_vpc_the_address_speaks() {
    let alone = |text: &str| told(&[stopped("0f3e", text)], None);
    insta::assert_snapshot!(alone(&at(TOKEN, "10.0.1.5")), @r#"
    the task did not reach ECR (`ecr.api`), which gives the token for the image (1 task)
      task 0f3e stopped: ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. operation error ECR: GetAuthorizationToken, exceeded maximum number of attempts, 3, https response error StatusCode: 0, RequestID: , request send failed, Post "https://api.ecr.eu-west-1.amazonaws.com/": dial tcp 10.0.1.5:443: i/o timeout
      10.0.1.5 is an address of the VPC: the name led to an endpoint, which did not answer
      help: let the security group of the endpoint `ecr.api` admit port 443 from the tasks, and the network ACLs of both subnets let it through
    "#);
    insta::assert_snapshot!(alone(&at(TOKEN, "52.94.8.9")), @r#"
    the task did not reach ECR (`ecr.api`), which gives the token for the image (1 task)
      task 0f3e stopped: ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. operation error ECR: GetAuthorizationToken, exceeded maximum number of attempts, 3, https response error StatusCode: 0, RequestID: , request send failed, Post "https://api.ecr.eu-west-1.amazonaws.com/": dial tcp 52.94.8.9:443: i/o timeout
      52.94.8.9 is a public address: the name did not lead to an endpoint
      help: make the endpoint `ecr.api` with private DNS: `network: { endpoints: ensure }` does it
    "#);
    insta::assert_snapshot!(alone(LOG), @r"
    the task did not reach CloudWatch Logs (`logs`) (1 task)
      task 0f3e stopped: ResourceInitializationError: failed to validate logger args: The task cannot find the Amazon CloudWatch log group defined in the task definition. There is a connection issue between the task and Amazon CloudWatch. Check your network configuration. : signal: killed
      help: check the endpoint `logs`: that it is there, its private DNS, and that its security group admits port 443 from the tasks; `ecs-private-deploy doctor` does it
    ");
}

#[test]
fn an_image_of_elsewhere_has_no_way() {
    let text = "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref docker.io/library/nginx:1: failed to do request: Head \"https://registry-1.docker.io/v2/library/nginx/manifests/1\": dial tcp 44.205.64.79:443: i/o timeout";
    let mut ground = on(bare());
    let docker = Outside { service: "docker.io".to_owned(), why: "the image `nginx`".to_owned() };
    let facts = TaskFacts { outside: [docker].into(), ..TaskFacts::default() };
    ground.needs.extend(needs(&facts).into_iter().filter(|need| need.is_outside));
    insta::assert_snapshot!(told(&[stopped("0f3e", text)], Some(&ground)), @r#"
    the task does not reach docker.io from a: rtb-private of a has no default route, and no endpoint of the VPC leads to docker.io (1 task)
      task 0f3e stopped: CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref docker.io/library/nginx:1: failed to do request: Head "https://registry-1.docker.io/v2/library/nginx/manifests/1": dial tcp 44.205.64.79:443: i/o timeout
      next, the task does not reach ecr.api from a: rtb-private of a has no default route, and there is no endpoint of ecr.api
      next, the task does not reach ecr.dkr from a: rtb-private of a has no default route, and there is no endpoint of ecr.dkr
      next, the task does not reach s3 from a: rtb-private of a has no default route, and there is no endpoint of s3
      and 1 more
      help: group=$(aws ec2 create-security-group --vpc-id vpc-1 --group-name vpc-1-endpoints --description 'HTTPS from the VPC' --query GroupId --output text)
            aws ec2 authorize-security-group-ingress --group-id "$group" --protocol tcp --port 443 --cidr 10.0.0.0/16
            aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.ecr.api --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
            aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.ecr.dkr --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
            aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.s3 --vpc-endpoint-type Gateway --route-table-ids rtb-private
            aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.logs --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
            keep it in the tasks' own region (an image in ECR, for another registry's with `image: { pull-through: ensure }`), or give the subnets a NAT gateway
            or write `network: { endpoints: ensure }` and deploy again: it makes what is missing
    "#);
    insta::assert_snapshot!(told(&[stopped("0f3e", text)], None), @r#"
    the task did not reach `registry-1.docker.io`, to which no endpoint leads (1 task)
      task 0f3e stopped: CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref docker.io/library/nginx:1: failed to do request: Head "https://registry-1.docker.io/v2/library/nginx/manifests/1": dial tcp 44.205.64.79:443: i/o timeout
      help: take the image from ECR: `image: { pull-through: ensure }`, or give the subnets a NAT gateway
    "#);
}

#[test]
fn no_address_is_left() {
    let text = "Unexpected EC2 error while attempting to Create Network Interface in subnet 'a': InsufficientFreeAddressesInSubnet";
    let mut vpc = complete();
    vpc.subnets[0].id = "subnet-a".to_owned();
    vpc.subnets[0].free_addresses = 0;
    insta::assert_snapshot!(of(&text.replace("'a'", "'subnet-a'"), vpc), @r"
    EC2 gave the task no network interface: `subnet-a` (1 task)
      task 0f3e stopped: Unexpected EC2 error while attempting to Create Network Interface in subnet 'subnet-a': InsufficientFreeAddressesInSubnet
      subnet-a (10.0.1.0/24) has 0 free addresses now
      help: free addresses in the subnet, or give the service larger private subnets
    ");
}

#[test]
fn the_first_cause_comes_first_and_what_follows_is_folded() {
    let signs = [
        stopped(
            "1a",
            "Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/web/5)",
        ),
        stopped("2b", "container `web` exited with code 1"),
        stopped(
            "3c",
            "Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/web/5)",
        ),
        sign(
            By::Event,
            "(service web) (port 8080) is unhealthy in (target-group arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/web/5) due to (reason Health checks failed).",
        ),
        sign(By::Event, "(service web) is unable to consistently start tasks successfully."),
        sign(By::Event, "(service web) has started 1 tasks: (task 4d)."),
        sign(By::Deployment, "ECS deployment circuit breaker: tasks failed to start."),
    ];
    insta::assert_snapshot!(told(&signs, None), @r"
    container `web` exited with code 1 (3 of 3 tasks)
      task 2b stopped: container `web` exited with code 1
      left out: 5 messages that follow from it
      help: look at its log: the application ended by itself; a variable or a secret that it needs may be missing under `task`
    ");
}

#[test]
fn another_cause_is_told_beside_it() {
    let signs = [
        stopped("1a", "container `web` exited with code 1"),
        stopped("2b", "container `web` exited with code 1"),
        stopped("3c", "Your Spot Task was interrupted."),
        stopped("4d", "MysteryError: 0x3f happened\u{1b}[2J on\nthe host"),
    ];
    insta::assert_snapshot!(told(&signs, None), @r"
    container `web` exited with code 1 (2 of 4 tasks)
      2 tasks stopped, 1a the first: container `web` exited with code 1
      also, and not known: task 4d stopped: MysteryError: 0x3f happened [2J on the host
      also: task 3c stopped: Your Spot Task was interrupted.
      help: look at its log: the application ended by itself; a variable or a secret that it needs may be missing under `task`
    ");
}

#[test]
fn what_is_not_known_is_shown_as_it_is() {
    let text = "MysteryError: the task met something new on host ip-10-0-1-5\u{202e}\n::error::no";
    let mut vpc = complete();
    vpc.endpoints.as_mut().expect("read").retain(|endpoint| endpoint.service != "logs");
    insta::assert_snapshot!(of(text, vpc), @r"
    MysteryError: the task met something new on host ip-10-0-1-5 ::error::no (1 task)
      task 0f3e stopped: MysteryError: the task met something new on host ip-10-0-1-5 ::error::no
      what this text means is not known
      the model of the VPC finds: the task does not reach logs from a: rtb-private of a has no default route, and there is no endpoint of logs
      help: look at the service's events and at the stopped tasks in the ECS console, which keeps them for an hour; `ecs-private-deploy doctor` says whether the tasks can start, and what mends the network
    ");
    let long = format!("MysteryError: {}", "x ".repeat(4_000));
    let Answer { cause, found, .. } = answer(&[stopped("1", &long)], None).expect("it failed");
    assert!(cause.chars().count() < 250 && found.iter().all(|line| line.chars().count() <= 1_001));
}

#[test]
fn a_missing_permission_is_named_with_its_role() {
    let text = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret arn:aws:secretsmanager:eu-west-1:1:secret:db-a1 from secrets manager: operation error Secrets Manager: GetSecretValue, https response error StatusCode: 400, RequestID: 7, api error AccessDeniedException: User: arn:aws:sts::1:assumed-role/web-execution/9 is not authorized to perform: secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:eu-west-1:1:secret:db-a1 because no identity-based policy allows the secretsmanager:GetSecretValue action";
    insta::assert_snapshot!(told(&[stopped("1a", text)], None), @r"
    the execution role may not read the secret: `arn:aws:secretsmanager:eu-west-1:1:secret:db-a1` (1 task)
      task 1a stopped: ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret arn:aws:secretsmanager:eu-west-1:1:secret:db-a1 from secrets manager: operation error Secrets Manager: GetSecretValue, https response error StatusCode: 400, RequestID: 7, api error AccessDeniedException: User: arn:aws:sts::1:assumed-role/web-execution/9 is not authorized to perform: secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:eu-west-1:1:secret:db-a1 because no identity-based policy allows the secretsmanager:GetSecretValue action
      help: allow `secretsmanager:GetSecretValue` on `arn:aws:secretsmanager:eu-west-1:1:secret:db-a1` to the role `web-execution`: its own policies, the resource's and the endpoint's all have to allow it
    ");
}

#[test]
fn nothing_failed() {
    assert_eq!(answer(&[sign(By::Event, "(service web) has reached a steady state.")], None), None);
    assert_eq!(answer(&[], None), None);
}
