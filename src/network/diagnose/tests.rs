//! VPCs, each with its known truth.

use super::*;
use crate::network::{
    model::{Nat, Peer, Unknown},
    needs::{TaskFacts, needs},
    net::Ports,
    scene::{
        allow, bare, complete, entry, gateway, igw, interface, nat, net, open_acl, plain, route,
        set, table, task, with_nat,
    },
    subnets::Target,
    verdict::Via,
};
use serde_json::json;

/// A line for each need and subnet, then the fixes in order, and what is left after them.
fn told(vpc: &Topology) -> String {
    told_of(vpc, &task(), &plain())
}

fn told_of(vpc: &Topology, task: &Task, needs: &[Need]) -> String {
    let Diagnosis { findings, problems, warnings } = diagnose(vpc, task, needs);
    let mut lines = Vec::new();
    for Finding { need, subnet, verdict } in &findings {
        let verdict = match verdict {
            Verdict::Reachable(via) => format!("by {via}"),
            Verdict::Unreachable(broken) => format!("{:?}", broken.hop),
            Verdict::Unknown(_) => "unknown".to_owned(),
        };
        let line = format!("{} from {subnet}: {verdict}", need.service);
        match lines.last_mut() {
            Some(last) if line.replace("from b", "from a") == *last => {
                *last = format!("{}: {verdict}", need.service);
            }
            _ => lines.push(line),
        }
    }
    let mut doubts = BTreeSet::new();
    for finding in &findings {
        if let Verdict::Unknown(why) = &finding.verdict {
            doubts.extend(why.clone());
        }
    }
    lines.extend(doubts.into_iter().map(|why| format!("? {why}")));
    let mut mended = vpc.clone();
    for Problem { broken, .. } in &problems {
        lines.push(format!("! {}", broken.what));
        if let Some(fix) = &broken.fix {
            lines.push(format!("  {}", fix.to_string().replace('\n', "\n  ")));
            mend(&mut mended, fix);
        }
    }
    lines.extend(warnings);
    if problems.iter().any(|problem| problem.broken.fix.is_some()) {
        let unmended = problems.iter().any(|problem| problem.broken.fix.is_none());
        let after = diagnose(&mended, task, needs);
        let left = after.findings.iter();
        let left = left.filter(|left| matches!(left.verdict, Verdict::Unreachable(_))).count();
        assert_eq!(left > 0, unmended, "what is named mends it: {after:?}");
    }
    lines.join("\n")
}

fn hop(vpc: &Topology, service: &str, subnet: &str) -> String {
    let need = plain().into_iter().find(|need| need.service == service).expect("a need");
    match judge(vpc, &task(), &need, subnet) {
        Verdict::Reachable(via) => format!("by {via}"),
        Verdict::Unreachable(broken) => format!("{:?}: {}", broken.hop, broken.what),
        Verdict::Unknown(why) => format!("unknown: {}", why.join("; ")),
    }
}

#[test]
fn all_endpoints() {
    insta::assert_snapshot!(told(&complete()), @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    ");
}

#[test]
fn no_endpoint_at_all() {
    insta::assert_snapshot!(told(&bare()), @r#"
    ecr.api: Route
    ecr.dkr: Route
    s3: Route
    logs: Route
    ! rtb-private of a has no default route, and there is no endpoint of ecr.api
      group=$(aws ec2 create-security-group --vpc-id vpc-1 --group-name vpc-1-endpoints --description 'HTTPS from the VPC' --query GroupId --output text)
      aws ec2 authorize-security-group-ingress --group-id "$group" --protocol tcp --port 443 --cidr 10.0.0.0/16
      aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.ecr.api --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
    ! rtb-private of a has no default route, and there is no endpoint of ecr.dkr
      aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.ecr.dkr --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
    ! rtb-private of a has no default route, and there is no endpoint of s3
      aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.s3 --vpc-endpoint-type Gateway --route-table-ids rtb-private
    ! rtb-private of a has no default route, and there is no endpoint of logs
      aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.logs --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
    "#);
}

#[test]
fn a_nat_gateway() {
    insta::assert_snapshot!(told(&with_nat()), @"
    ecr.api: by nat-1
    ecr.dkr: by nat-1
    s3: by nat-1
    logs: by nat-1
    ");
}

#[test]
fn a_private_nat_gateway_is_no_way_out() {
    let mut vpc = with_nat();
    vpc.nats.as_mut().expect("read")[0].is_public = false;
    insta::assert_snapshot!(told(&vpc), @r#"
    ecr.api: Nat
    ecr.dkr: Nat
    s3: Nat
    logs: Nat
    ! nat-1 is a private NAT gateway and does not lead out, and there is no endpoint of ecr.api
      group=$(aws ec2 create-security-group --vpc-id vpc-1 --group-name vpc-1-endpoints --description 'HTTPS from the VPC' --query GroupId --output text)
      aws ec2 authorize-security-group-ingress --group-id "$group" --protocol tcp --port 443 --cidr 10.0.0.0/16
      aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.ecr.api --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
    ! nat-1 is a private NAT gateway and does not lead out, and there is no endpoint of ecr.dkr
      aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.ecr.dkr --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
    ! nat-1 is a private NAT gateway and does not lead out, and there is no endpoint of s3
      aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.s3 --vpc-endpoint-type Gateway --route-table-ids rtb-private
    ! nat-1 is a private NAT gateway and does not lead out, and there is no endpoint of logs
      aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.logs --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
    "#);
}

#[test]
fn a_nat_gateway_that_failed() {
    let mut vpc = with_nat();
    vpc.nats.as_mut().expect("read")[0].state = "failed".to_owned();
    insta::assert_snapshot!(hop(&vpc, "ecr.dkr", "a"), @"Nat: nat-1 is failed, and there is no endpoint of ecr.dkr");
}

#[test]
fn a_nat_gateway_in_a_private_subnet() {
    let mut vpc = with_nat();
    vpc.nats.as_mut().expect("read")[0].subnet = Some("b".to_owned());
    vpc.table("rtb-private").subnets = vec!["a".to_owned()];
    vpc.tables.as_mut().expect("read").push(table("rtb-b", &["b"], None));
    insta::assert_snapshot!(hop(&vpc, "ecr.dkr", "a"), @"Nat: nat-1 stands in b, whose rtb-b has no route to an internet gateway, and there is no endpoint of ecr.dkr");
}

#[test]
fn a_regional_nat_gateway_has_no_subnet() {
    let mut vpc = with_nat();
    vpc.nats.as_mut().expect("read")[0].subnet = None;
    insta::assert_snapshot!(hop(&vpc, "ecr.dkr", "a"), @"by nat-1");
}

#[test]
fn block_public_access_stops_nat_only_when_it_stops_both_ways() {
    let mut vpc = with_nat();
    vpc.subnets[2].block_public_access = "block-ingress".to_owned();
    assert_eq!(hop(&vpc, "ecr.dkr", "a"), "by nat-1");
    vpc.subnets[2].block_public_access = "block-bidirectional".to_owned();
    insta::assert_snapshot!(hop(&vpc, "ecr.dkr", "a"), @"Nat: VPC Block Public Access closes nat-1 of pub, and there is no endpoint of ecr.dkr");
}

#[test]
fn a_nat_subnet_whose_acl_admits_no_answers() {
    let mut vpc = with_nat();
    let mut acl = open_acl("acl-pub", &["pub"]);
    acl.inbound = [(100, entry(true, Ports::HTTPS, "0.0.0.0/0"))].into();
    vpc.acl("acl-default").subnets.remove("pub");
    vpc.acls.as_mut().expect("read").push(acl);
    insta::assert_snapshot!(told(&vpc), @"
    ecr.api: NatAcl
    ecr.dkr: NatAcl
    s3: NatAcl
    logs: NatAcl
    ! acl-pub of pub refuses the answers from the public addresses of ecr.api (TCP 1024-65535) by its last rule, `*`
      aws ec2 create-network-acl-entry --network-acl-id acl-pub --ingress --rule-number 110 --protocol tcp --port-range From=1024,To=65535 --cidr-block 0.0.0.0/0 --rule-action allow
    ");
}

#[test]
fn a_transit_gateway_cannot_be_seen_through() {
    let mut vpc = bare();
    vpc.table("rtb-private").routes.push(route("0.0.0.0/0", Target::Elsewhere("tgw-1".to_owned())));
    insta::assert_snapshot!(told(&vpc), @"
    ecr.api: unknown
    ecr.dkr: unknown
    s3: unknown
    logs: unknown
    ? 0.0.0.0/0 in rtb-private leads to tgw-1, behind which nothing can be seen from here
    ");
}

#[test]
fn a_transit_gateway_behind_a_closed_group_is_certainly_closed() {
    let mut vpc = bare();
    vpc.table("rtb-private").routes.push(route("0.0.0.0/0", Target::Elsewhere("tgw-1".to_owned())));
    vpc.group("sg-task").egress.clear();
    insta::assert_snapshot!(hop(&vpc, "ecr.dkr", "a"), @"TaskEgress: sg-task does not let out HTTPS to the public addresses of ecr.dkr");
}

#[test]
fn subnets_on_the_main_table() {
    let mut vpc = complete();
    vpc.table("rtb-private").subnets = vec!["a".to_owned()];
    vpc.table("rtb-main").routes.retain(|route| route.destination != "0.0.0.0/0");
    insta::assert_snapshot!(told(&vpc), @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3 from a: by vpce-s3
    s3 from b: Route
    logs: by vpce-logs
    ! rtb-main of b has no route to vpce-s3, and rtb-main of b has no default route
      aws ec2 modify-vpc-endpoint --vpc-endpoint-id vpce-s3 --add-route-table-ids rtb-main
    ");
}

#[test]
fn an_internet_gateway_is_no_use_without_a_public_address() {
    let mut vpc = bare();
    vpc.table("rtb-private").routes.push(route("0.0.0.0/0", igw()));
    insta::assert_snapshot!(hop(&vpc, "ecr.api", "a"), @"Route: 0.0.0.0/0 in rtb-private leads to igw-1, which a task without a public address cannot use, and there is no endpoint of ecr.api");
    let public = Task { has_public_address: true, ..task() };
    let verdict = judge(&vpc, &public, &plain()[0], "a");
    assert_eq!(verdict, Verdict::Reachable(Via::Internet("igw-1".to_owned())));
}

#[test]
fn egress_for_ipv6_alone_does_not_help() {
    let mut vpc = bare();
    vpc.table("rtb-private").routes.push(route("::/0", Target::Nat("eigw-1".to_owned())));
    insta::assert_snapshot!(hop(&vpc, "ecr.api", "a"), @"Route: rtb-private of a has a default route for IPv6 only, by eigw-1, and there is no endpoint of ecr.api");
}

#[test]
fn a_subnet_without_ipv4() {
    let mut vpc = complete();
    vpc.subnets[0].is_ipv6_native = true;
    insta::assert_snapshot!(hop(&vpc, "ecr.api", "a"), @"Subnet: a has no IPv4, which a Fargate task needs to start");
}

#[test]
fn a_blackhole() {
    let mut vpc = with_nat();
    for route in &mut vpc.table("rtb-private").routes {
        route.is_active = route.destination != "0.0.0.0/0";
    }
    insta::assert_snapshot!(hop(&vpc, "ecr.api", "a"), @"Route: 0.0.0.0/0 in rtb-private is a blackhole: nat-1 is gone, and there is no endpoint of ecr.api");
}

#[test]
fn a_detour_puts_a_way_in_doubt() {
    let mut vpc = with_nat();
    let detour = route("52.0.0.0/8", Target::Elsewhere("tgw-1".to_owned()));
    vpc.table("rtb-private").routes.push(detour);
    insta::assert_snapshot!(hop(&vpc, "ecr.api", "a"), @"unknown: 52.0.0.0/8 in rtb-private leads to tgw-1, and whether ecr.api is there is not known");
    vpc.table("rtb-private").routes.pop();
    let inside = route("172.16.0.0/12", Target::Elsewhere("tgw-1".to_owned()));
    vpc.table("rtb-private").routes.push(inside);
    assert_eq!(hop(&vpc, "ecr.api", "a"), "by nat-1");
}

#[test]
fn an_appliance_before_the_endpoint_cannot_be_seen_through() {
    let mut vpc = complete();
    let inspected = route("10.0.2.0/24", Target::Elsewhere("eni-1".to_owned()));
    vpc.table("rtb-private").routes.push(inspected);
    insta::assert_snapshot!(hop(&vpc, "ecr.api", "a"), @"unknown: 10.0.2.0/24 in rtb-private leads to eni-1, through which the way to 10.0.2.0/24 cannot be seen");
}

#[test]
fn private_dns_leads_to_the_endpoint_that_has_it_and_to_no_other() {
    let mut vpc = complete();
    vpc.endpoint("vpce-ecr.api").groups = set(&["sg-default"]);
    let mut second = interface("ecr.api", &["a", "b"]);
    second.id = "vpce-second".to_owned();
    second.private_dns = false;
    vpc.endpoints.as_mut().expect("read").push(second);
    insta::assert_snapshot!(told(&vpc), @"
    ecr.api: EndpointIngress
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    ! sg-default of vpce-ecr.api does not admit HTTPS from 10.0.1.0/24
      aws ec2 authorize-security-group-ingress --group-id sg-default --ip-permissions IpProtocol=tcp,FromPort=443,ToPort=443,IpRanges='[{CidrIp=10.0.0.0/16}]'
    ");
}

#[test]
fn private_dns_off() {
    let mut vpc = complete();
    vpc.endpoint("vpce-logs").private_dns = false;
    insta::assert_snapshot!(told(&vpc), @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: Dns
    ! vpce-logs has private DNS off, and rtb-private of a has no default route
      aws ec2 modify-vpc-endpoint --vpc-endpoint-id vpce-logs --private-dns-enabled
    ");
    let mut vpc = Topology { tables: with_nat().tables, ..vpc };
    assert_eq!(hop(&vpc, "logs", "a"), "by nat-1");
    vpc.endpoint("vpce-logs").private_dns = true;
    assert_eq!(hop(&vpc, "logs", "a"), "by vpce-logs");
}

#[test]
fn hostnames_off() {
    let mut vpc = complete();
    vpc.dns.as_mut().expect("read").hostnames = false;
    insta::assert_snapshot!(told(&vpc), @"
    ecr.api: Dns
    ecr.dkr: Dns
    s3: by vpce-s3
    logs: Dns
    ! `enableDnsHostnames` of vpc-1 is off, so the name of ecr.api does not lead to vpce-ecr.api, and rtb-private of a has no default route
      aws ec2 modify-vpc-attribute --vpc-id vpc-1 --enable-dns-hostnames
    ");
}

#[test]
fn hostnames_off_and_no_endpoint() {
    let mut vpc = bare();
    vpc.dns.as_mut().expect("read").hostnames = false;
    insta::assert_snapshot!(hop(&vpc, "ecr.api", "a"), @"Dns: rtb-private of a has no default route, and an endpoint needs `enableDnsHostnames`, which is off");
}

#[test]
fn dns_off_stops_a_nat_gateway_as_well() {
    let mut vpc = with_nat();
    vpc.dns.as_mut().expect("read").support = false;
    insta::assert_snapshot!(told(&vpc), @"
    ecr.api: Dns
    ecr.dkr: Dns
    s3: Dns
    logs: Dns
    ! `enableDnsSupport` of vpc-1 is off: no name is answered
      aws ec2 modify-vpc-attribute --vpc-id vpc-1 --enable-dns-support
    ");
}

#[test]
fn other_resolvers_are_not_guessed() {
    let mut vpc = complete();
    vpc.resolvers = Ok(vec!["10.9.0.2".to_owned()]);
    insta::assert_snapshot!(hop(&vpc, "ecr.api", "a"), @"unknown: names are asked of 10.9.0.2, by the DHCP options of vpc-1, and not of Amazon's resolver");
    for amazons in ["169.254.169.253", "10.0.0.2"] {
        vpc.resolvers = Ok(vec![amazons.to_owned()]);
        assert_eq!(hop(&vpc, "ecr.api", "a"), "by vpce-ecr.api");
    }
    // Wherever the name leads, there is no way.
    let closed = Topology { resolvers: Ok(vec!["10.9.0.2".to_owned()]), ..bare() };
    insta::assert_snapshot!(hop(&closed, "ecr.api", "a"), @"Route: rtb-private of a has no default route, and there is no endpoint of ecr.api");
}

#[test]
fn an_endpoint_in_one_zone_serves_both_with_a_warning() {
    let mut vpc = complete();
    vpc.endpoint("vpce-ecr.api").subnets = set(&["a"]);
    insta::assert_snapshot!(told(&vpc), @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    vpce-ecr.api (ecr.api) stands in eu-west-1a only: tasks in eu-west-1b reach it across zones, which costs more, and not at all when that zone fails
    ");
}

#[test]
fn an_endpoint_in_no_zone() {
    let mut vpc = complete();
    vpc.endpoint("vpce-ecr.api").subnets.clear();
    insta::assert_snapshot!(told(&vpc), @"
    ecr.api: Endpoint
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    ! vpce-ecr.api has no interface in any zone
      aws ec2 modify-vpc-endpoint --vpc-endpoint-id vpce-ecr.api --add-subnet-ids a b
    ");
}

#[test]
fn an_endpoint_that_is_pending_or_failed() {
    let mut vpc = complete();
    vpc.endpoint("vpce-ecr.api").state = "pending".to_owned();
    vpc.endpoint("vpce-logs").state = "failed".to_owned();
    insta::assert_snapshot!(told(&vpc), @"
    ecr.api: Endpoint
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: Endpoint
    ! vpce-ecr.api is pending, and rtb-private of a has no default route
      # wait until vpce-ecr.api is available
      aws ec2 describe-vpc-endpoints --vpc-endpoint-ids vpce-ecr.api --query 'VpcEndpoints[0].State'
    ! vpce-logs is failed, and rtb-private of a has no default route
      aws ec2 delete-vpc-endpoints --vpc-endpoint-ids vpce-logs
      aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.logs --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids sg-endpoint
    ");
}

#[test]
fn a_service_that_is_not_offered_in_a_zone_gets_its_endpoint_in_another() {
    let mut vpc = complete();
    vpc.endpoints.as_mut().expect("read").retain(|endpoint| endpoint.service != "logs");
    vpc.offered.as_mut().expect("read").insert("logs".to_owned(), set(&["eu-west-1b"]));
    insta::assert_snapshot!(told(&vpc), @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: Route
    ! rtb-private of a has no default route, and there is no endpoint of logs
      aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.logs --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids b --security-group-ids sg-endpoint
    ");
}

#[test]
fn the_wrong_group() {
    let mut vpc = complete();
    vpc.group("sg-endpoint").ingress = vec![allow(Peer::Group("sg-bastion".to_owned()))];
    insta::assert_snapshot!(told(&vpc), @"
    ecr.api: EndpointIngress
    ecr.dkr: EndpointIngress
    s3: by vpce-s3
    logs: EndpointIngress
    ! sg-endpoint of vpce-ecr.api does not admit HTTPS from 10.0.1.0/24
      aws ec2 authorize-security-group-ingress --group-id sg-endpoint --ip-permissions IpProtocol=tcp,FromPort=443,ToPort=443,IpRanges='[{CidrIp=10.0.0.0/16}]'
    ");
}

#[test]
fn the_right_group() {
    let mut vpc = complete();
    vpc.group("sg-endpoint").ingress = vec![allow(Peer::Group("sg-task".to_owned()))];
    assert_eq!(hop(&vpc, "ecr.api", "a"), "by vpce-ecr.api");
}

#[test]
fn a_group_that_admits_half_of_the_subnet() {
    let mut vpc = complete();
    vpc.group("sg-endpoint").ingress = vec![allow(Peer::Cidr(net("10.0.1.0/25")))];
    insta::assert_snapshot!(hop(&vpc, "ecr.api", "a"), @"EndpointIngress: sg-endpoint of vpce-ecr.api does not admit HTTPS from all of 10.0.1.0/24");
}

#[test]
fn an_endpoint_without_a_group_carries_the_vpcs_own() {
    let mut vpc = complete();
    vpc.endpoint("vpce-ecr.api").groups.clear();
    insta::assert_snapshot!(hop(&vpc, "ecr.api", "a"), @"EndpointIngress: sg-default of vpce-ecr.api does not admit HTTPS from 10.0.1.0/24");
}

#[test]
fn a_group_that_is_not_seen_is_not_guessed() {
    let mut vpc = complete();
    vpc.endpoint("vpce-ecr.api").groups = set(&["sg-gone"]);
    insta::assert_snapshot!(hop(&vpc, "ecr.api", "a"), @"unknown: the security group sg-gone was not found in vpc-1");
}

#[test]
fn a_task_that_lets_nothing_out() {
    let mut vpc = complete();
    vpc.group("sg-task").egress.clear();
    insta::assert_snapshot!(told(&vpc), @"
    ecr.api: TaskEgress
    ecr.dkr: TaskEgress
    s3: TaskEgress
    logs: TaskEgress
    ! sg-task does not let out HTTPS to vpce-ecr.api in a
      aws ec2 authorize-security-group-egress --group-id sg-task --ip-permissions IpProtocol=tcp,FromPort=443,ToPort=443,UserIdGroupPairs='[{GroupId=sg-endpoint}]'
    ! sg-task does not let out HTTPS to s3 (pl-s3)
      aws ec2 authorize-security-group-egress --group-id sg-task --ip-permissions IpProtocol=tcp,FromPort=443,ToPort=443,PrefixListIds='[{PrefixListId=pl-s3}]'
    ");
}

#[test]
fn a_task_that_lets_https_out_to_the_vpc_cannot_fetch_layers() {
    let mut vpc = complete();
    vpc.group("sg-task").egress = vec![allow(Peer::Cidr(net("10.0.0.0/16")))];
    insta::assert_snapshot!(told(&vpc), @"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: TaskEgress
    logs: by vpce-logs
    ! sg-task does not let out HTTPS to s3 (pl-s3)
      aws ec2 authorize-security-group-egress --group-id sg-task --ip-permissions IpProtocol=tcp,FromPort=443,ToPort=443,PrefixListIds='[{PrefixListId=pl-s3}]'
    ");
    vpc.group("sg-task").egress.push(allow(Peer::PrefixList("pl-s3".to_owned())));
    assert_eq!(hop(&vpc, "s3", "a"), "by vpce-s3");
}

#[test]
fn an_address_that_is_known_is_judged_by_itself() {
    let mut vpc = complete();
    vpc.group("sg-task").egress =
        vec![allow(Peer::Cidr(net("10.0.1.7/32"))), allow(Peer::Cidr(net("10.0.2.7/32")))];
    insta::assert_snapshot!(hop(&vpc, "ecr.api", "a"), @"unknown: sg-task lets out HTTPS to a part of where ecr.api is");
    let addresses =
        [([10, 0, 1, 7].into(), "a".to_owned()), ([10, 0, 2, 7].into(), "b".to_owned())];
    vpc.endpoint("vpce-ecr.api").addresses = addresses.into();
    assert_eq!(hop(&vpc, "ecr.api", "a"), "by vpce-ecr.api");
    vpc.group("sg-task").egress.pop();
    insta::assert_snapshot!(hop(&vpc, "ecr.api", "a"), @"TaskEgress: sg-task does not let out HTTPS to vpce-ecr.api in b");
}

#[test]
fn an_acl_without_ephemeral_ports() {
    let mut vpc = complete();
    let mut acl = open_acl("acl-private", &["a", "b"]);
    acl.inbound = [(100, entry(true, Ports::HTTPS, "0.0.0.0/0"))].into();
    vpc.acls = Ok(vec![acl]);
    insta::assert_snapshot!(told(&vpc), @"
    ecr.api: TaskAcl
    ecr.dkr: TaskAcl
    s3: TaskAcl
    logs: TaskAcl
    ! acl-private of a refuses the answers from vpce-ecr.api in b (TCP 32768-60999) by its last rule, `*`
      aws ec2 create-network-acl-entry --network-acl-id acl-private --ingress --rule-number 110 --protocol tcp --port-range From=1024,To=65535 --cidr-block 10.0.0.0/16 --rule-action allow
    ! acl-private of a refuses the answers from s3 (pl-s3) (TCP 32768-60999) by its last rule, `*`
      aws ec2 create-network-acl-entry --network-acl-id acl-private --ingress --rule-number 120 --protocol tcp --port-range From=1024,To=65535 --cidr-block 0.0.0.0/0 --rule-action allow
    ");
}

#[test]
fn linux_asks_from_half_of_the_ephemeral_ports() {
    let mut vpc = with_nat();
    let ports = |from, to| entry(true, Ports { from, to }, "0.0.0.0/0");
    vpc.acl("acl-default").subnets = set(&["pub"]);
    let mut acl = open_acl("acl-private", &["a", "b"]);
    acl.inbound = [(100, ports(32768, 60999))].into();
    vpc.acls.as_mut().expect("read").push(acl);
    assert_eq!(hop(&vpc, "ecr.api", "a"), "by nat-1");
    vpc.acl("acl-private").inbound = [(100, ports(49152, 65535))].into();
    insta::assert_snapshot!(hop(&vpc, "ecr.api", "a"), @"TaskAcl: acl-private of a refuses the answers from the public addresses of ecr.api (TCP 32768-60999) by its last rule, `*`");
}

#[test]
fn acl_rules_count_in_their_order() {
    let mut vpc = complete();
    let deny = entry(false, Ports::HTTPS, "10.0.2.0/24");
    vpc.acl("acl-default").outbound.insert(200, deny.clone());
    assert_eq!(hop(&vpc, "ecr.api", "a"), "by vpce-ecr.api");
    vpc.acl("acl-default").outbound.insert(1, deny);
    insta::assert_snapshot!(told(&vpc), @"
    ecr.api from a: TaskAcl
    ecr.api from b: by vpce-ecr.api
    ecr.dkr from a: TaskAcl
    ecr.dkr from b: by vpce-ecr.dkr
    s3: by vpce-s3
    logs from a: TaskAcl
    logs from b: by vpce-logs
    ! acl-default of a refuses HTTPS to vpce-ecr.api in b (TCP 443) by rule 1
      aws ec2 delete-network-acl-entry --network-acl-id acl-default --egress --rule-number 1
    ");
    // From `b`, what is denied is its own subnet, in which an ACL does not apply.
    assert_eq!(hop(&vpc, "ecr.api", "b"), "by vpce-ecr.api");
}

#[test]
fn a_part_of_the_internet_that_is_denied_is_a_doubt() {
    let mut vpc = with_nat();
    vpc.acl("acl-default").outbound.insert(10, entry(false, Ports::ALL, "203.0.113.0/24"));
    insta::assert_snapshot!(hop(&vpc, "ecr.api", "a"), @"unknown: acl-default of a refuses HTTPS to the public addresses of ecr.api (TCP 443) by rule 10, in a part of where it may be; acl-default of pub refuses HTTPS to the public addresses of ecr.api (TCP 443) by rule 10, in a part of where it may be");
    assert_eq!(hop(&vpc, "s3", "a"), "by nat-1");
}

#[test]
fn a_policy_without_the_layer_bucket() {
    let mut vpc = complete();
    let mine = json!({"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": ["arn:aws:s3:::mine", "arn:aws:s3:::mine/*"]});
    vpc.endpoint("vpce-s3").policy = Some(json!({ "Statement": [mine] }).to_string());
    insta::assert_snapshot!(told(&vpc), @r#"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: Policy
    logs: by vpce-logs
    ! the policy of vpce-s3 does not allow s3:GetObject on arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/*
      aws ec2 modify-vpc-endpoint --vpc-endpoint-id vpce-s3 --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::mine","arn:aws:s3:::mine/*"]},{"Effect":"Allow","Principal":"*","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/*"]}]}'
    "#);
}

#[test]
fn a_policy_that_denies() {
    let mut vpc = complete();
    let all = json!({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"});
    let others = json!({"Sid": "MineOnly", "Effect": "Deny", "Principal": "*", "Action": "*", "NotResource": "arn:aws:s3:::mine/*"});
    vpc.endpoint("vpce-s3").policy = Some(json!({ "Statement": [all, others] }).to_string());
    insta::assert_snapshot!(told(&vpc), @r#"
    ecr.api: by vpce-ecr.api
    ecr.dkr: by vpce-ecr.dkr
    s3: Policy
    logs: by vpce-logs
    ! vpce-s3 denies s3:GetObject on arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/*: the statement `MineOnly` of its policy
      # without the statement `MineOnly` of its policy
      aws ec2 modify-vpc-endpoint --vpc-endpoint-id vpce-s3 --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}'
    "#);
}

#[test]
fn an_ecr_policy_that_lacks_an_action() {
    let mut vpc = complete();
    let some = json!({"Effect": "Allow", "Principal": "*", "Action": ["ecr:GetAuthorizationToken", "ecr:BatchGetImage"], "Resource": "*"});
    vpc.endpoint("vpce-ecr.api").policy = Some(json!({ "Statement": some }).to_string());
    insta::assert_snapshot!(told(&vpc), @r#"
    ecr.api: Policy
    ecr.dkr: by vpce-ecr.dkr
    s3: by vpce-s3
    logs: by vpce-logs
    ! the policy of vpce-ecr.api does not allow ecr:BatchCheckLayerAvailability on arn:aws:ecr:eu-west-1:1:repository/web
      aws ec2 modify-vpc-endpoint --vpc-endpoint-id vpce-ecr.api --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":["ecr:GetAuthorizationToken","ecr:BatchGetImage"],"Resource":"*"},{"Effect":"Allow","Principal":"*","Action":["ecr:BatchCheckLayerAvailability","ecr:GetDownloadUrlForLayer"],"Resource":["arn:aws:ecr:eu-west-1:1:repository/web"]}]}'
    "#);
}

#[test]
fn a_policy_that_is_not_json() {
    let mut vpc = complete();
    vpc.endpoint("vpce-s3").policy = Some("{\"Statement\": [".to_owned());
    insta::assert_snapshot!(hop(&vpc, "s3", "a"), @"unknown: the policy of vpce-s3 is not a policy: EOF while parsing a list at line 1 column 15");
}

#[test]
fn what_the_application_asks_is_not_known_to_a_narrow_policy() {
    let mut vpc = complete();
    let facts = TaskFacts { reach: set(&["sqs"]), ..TaskFacts::default() };
    let needs = needs(&facts);
    let mut sqs = interface("sqs", &["a"]);
    let narrow =
        json!({"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"});
    sqs.policy = Some(json!({ "Statement": narrow }).to_string());
    vpc.endpoints.as_mut().expect("read").push(sqs);
    let verdict = judge(&vpc, &task(), needs.last().expect("sqs"), "a");
    insta::assert_debug_snapshot!(verdict, @r#"
    Unknown(
        [
            "the policy of vpce-sqs is not full access, and what is asked of sqs is not known",
        ],
    )
    "#);
}

#[test]
fn shared_subnets() {
    let mut vpc = bare();
    vpc.owner = "2".to_owned();
    insta::assert_snapshot!(hop(&vpc, "ecr.api", "a"), @"unknown: rtb-private of a has no default route; vpc-1 belongs to account 2, which alone sees its endpoints and makes them");
    let shared = Topology { owner: "2".to_owned(), ..with_nat() };
    assert_eq!(hop(&shared, "ecr.api", "a"), "by nat-1");
}

#[test]
fn s3_by_an_interface_endpoint() {
    let mut vpc = complete();
    vpc.endpoints.as_mut().expect("read").retain(|endpoint| endpoint.service != "s3");
    vpc.endpoints.as_mut().expect("read").push(interface("s3", &["a"]));
    assert_eq!(hop(&vpc, "s3", "a"), "by vpce-s3");
    vpc.endpoint("vpce-s3").inbound_resolver_only = true;
    insta::assert_snapshot!(hop(&vpc, "s3", "a"), @"Route: rtb-private of a has no default route, and there is no endpoint of s3");
}

#[test]
fn a_refused_read_makes_unknown_what_depends_on_it() {
    fn refused<T>(what: &str) -> Result<T, Unknown> {
        Err(Unknown { what: what.to_owned(), why: "was refused".to_owned() })
    }
    let acls = Topology { acls: refused("ec2:DescribeNetworkAcls"), ..complete() };
    insta::assert_snapshot!(hop(&acls, "ecr.api", "a"), @"unknown: ec2:DescribeNetworkAcls was refused");
    let endpoints = Topology { endpoints: refused("ec2:DescribeVpcEndpoints"), ..with_nat() };
    insta::assert_snapshot!(hop(&endpoints, "ecr.api", "a"), @"unknown: ec2:DescribeVpcEndpoints was refused");
    let nats = Topology { nats: refused("ec2:DescribeNatGateways"), ..with_nat() };
    insta::assert_snapshot!(hop(&nats, "ecr.api", "a"), @"unknown: ec2:DescribeNatGateways was refused");
    assert_eq!(hop(&Topology { nats: refused("x"), ..complete() }, "s3", "a"), "by vpce-s3");
    let tables = Topology { tables: refused("ec2:DescribeRouteTables"), ..complete() };
    insta::assert_snapshot!(hop(&tables, "s3", "a"), @"unknown: ec2:DescribeRouteTables was refused");
    // What is certain without it stays certain.
    let mut closed = Topology { acls: refused("ec2:DescribeNetworkAcls"), ..complete() };
    closed.group("sg-task").egress.clear();
    insta::assert_snapshot!(hop(&closed, "ecr.api", "a"), @"TaskEgress: sg-task does not let out HTTPS to vpce-ecr.api in a");
}

#[test]
fn two_gateways_and_a_table_that_only_one_of_them_has() {
    let mut vpc = complete();
    vpc.table("rtb-private").subnets = vec!["a".to_owned()];
    vpc.tables.as_mut().expect("read").push(table("rtb-b", &["b"], Some(nat())));
    let second = Nat { id: "nat-2".to_owned(), ..vpc.nats.clone().expect("read")[0].clone() };
    vpc.nats.as_mut().expect("read").push(second);
    assert_eq!(hop(&vpc, "s3", "a"), "by vpce-s3");
    assert_eq!(hop(&vpc, "s3", "b"), "by nat-1");
    vpc.endpoints.as_mut().expect("read").push(gateway(&["rtb-b"]));
    assert_eq!(hop(&vpc, "s3", "b"), "by vpce-s3");
}
