//! Subnets with ids as long as real ones.

use super::*;
use crate::network::scene::subnet;

fn id(at: usize) -> String {
    format!("subnet-0a1b2c3d4e5f6{at:04}")
}

fn many(zones: usize, subnets: usize) -> (Topology, Task) {
    let mut vpc = complete();
    vpc.subnets = (0..subnets)
        .map(|at| subnet(&id(at), ["a", "b", "c"][at % zones], &format!("10.0.{at}.0/24")))
        .collect();
    let ids: BTreeSet<_> = (0..subnets).map(id).collect();
    vpc.table("rtb-private").subnets = ids.iter().cloned().collect();
    for endpoint in vpc.endpoints.as_mut().expect("read") {
        endpoint.id = format!("vpce-0a1b2c3d4e5f{:05}", endpoint.service.len());
        if endpoint.service != "s3" {
            endpoint.subnets = (0..zones).map(id).collect();
        }
    }
    (vpc, Task { subnets: ids, ..task() })
}

#[test]
fn many_subnets() {
    let (mut vpc, task) = many(3, 9);
    insta::assert_snapshot!(text(&report_of(&vpc, &task)), @"
    service web of cluster prod in vpc-1 (eu-west-1): all 4 needs are reached from 9 subnets

    needs:
      service  all 9 subnets           why
      ecr.api  vpce-0a1b2c3d4e5f00007  the token for the image's registry
      ecr.dkr  vpce-0a1b2c3d4e5f00007  the image's manifest
      s3       vpce-0a1b2c3d4e5f00002  the image's layers
      logs     vpce-0a1b2c3d4e5f00004  the containers' logs

    addresses:
      subnet                    zone        block        free  endpoints  tasks  ALB  left
      subnet-0a1b2c3d4e5f60000  eu-west-1a  10.0.0.0/24   200          0      1    0   199
      subnet-0a1b2c3d4e5f60003  eu-west-1a  10.0.3.0/24   200          0      1    0   199
      subnet-0a1b2c3d4e5f60006  eu-west-1a  10.0.6.0/24   200          0      0    0   200
      subnet-0a1b2c3d4e5f60001  eu-west-1b  10.0.1.0/24   200          0      1    0   199
      subnet-0a1b2c3d4e5f60004  eu-west-1b  10.0.4.0/24   200          0      0    0   200
      subnet-0a1b2c3d4e5f60007  eu-west-1b  10.0.7.0/24   200          0      0    0   200
      subnet-0a1b2c3d4e5f60002  eu-west-1c  10.0.2.0/24   200          0      1    0   199
      subnet-0a1b2c3d4e5f60005  eu-west-1c  10.0.5.0/24   200          0      0    0   200
      subnet-0a1b2c3d4e5f60008  eu-west-1c  10.0.8.0/24   200          0      0    0   200
    ");
    let alike = report_of(&vpc, &task);
    vpc.acls.as_mut().expect("read").insert(0, open_acl("acl-x", &[&id(7)]));
    vpc.acl("acl-x").outbound.clear();
    let report = report_of(&vpc, &task);
    insta::assert_snapshot!(text(&report), @"
    service web of cluster prod in vpc-1 (eu-west-1): 4 of 4 needs cannot be reached from subnet-0a1b2c3d4e5f60007

    needs:
      ecr.api (the token for the image's registry)
        NO: network ACL of the task: subnet-0a1b2c3d4e5f60007 (eu-west-1b)
        vpce-0a1b2c3d4e5f00007: the other 8 subnets
      ecr.dkr (the image's manifest)
        NO: network ACL of the task: subnet-0a1b2c3d4e5f60007 (eu-west-1b)
        vpce-0a1b2c3d4e5f00007: the other 8 subnets
      s3 (the image's layers)
        NO: network ACL of the task: subnet-0a1b2c3d4e5f60007 (eu-west-1b)
        vpce-0a1b2c3d4e5f00002: the other 8 subnets
      logs (the containers' logs)
        NO: network ACL of the task: subnet-0a1b2c3d4e5f60007 (eu-west-1b)
        vpce-0a1b2c3d4e5f00004: the other 8 subnets

    problems:
    1. ecr.api from subnet-0a1b2c3d4e5f60007, network ACL of the task: acl-x of subnet-0a1b2c3d4e5f60007
       refuses HTTPS to vpce-0a1b2c3d4e5f00007 in subnet-0a1b2c3d4e5f60000 (TCP 443) by its last rule,
       `*`
       fix:
         aws ec2 create-network-acl-entry --network-acl-id acl-x --egress --rule-number 100 --protocol tcp --port-range From=443,To=443 --cidr-block 10.0.0.0/16 --rule-action allow
    2. s3 from subnet-0a1b2c3d4e5f60007, network ACL of the task: acl-x of subnet-0a1b2c3d4e5f60007
       refuses HTTPS to s3 (pl-s3) (TCP 443) by its last rule, `*`
       fix:
         aws ec2 create-network-acl-entry --network-acl-id acl-x --egress --rule-number 110 --protocol tcp --port-range From=443,To=443 --cidr-block 0.0.0.0/0 --rule-action allow

    addresses:
      subnet                    zone        block        free  endpoints  tasks  ALB  left
      subnet-0a1b2c3d4e5f60000  eu-west-1a  10.0.0.0/24   200          0      1    0   199
      subnet-0a1b2c3d4e5f60003  eu-west-1a  10.0.3.0/24   200          0      1    0   199
      subnet-0a1b2c3d4e5f60006  eu-west-1a  10.0.6.0/24   200          0      0    0   200
      subnet-0a1b2c3d4e5f60001  eu-west-1b  10.0.1.0/24   200          0      1    0   199
      subnet-0a1b2c3d4e5f60004  eu-west-1b  10.0.4.0/24   200          0      0    0   200
      subnet-0a1b2c3d4e5f60007  eu-west-1b  10.0.7.0/24   200          0      0    0   200
      subnet-0a1b2c3d4e5f60002  eu-west-1c  10.0.2.0/24   200          0      1    0   199
      subnet-0a1b2c3d4e5f60005  eu-west-1c  10.0.5.0/24   200          0      0    0   200
      subnet-0a1b2c3d4e5f60008  eu-west-1c  10.0.8.0/24   200          0      0    0   200
    ");
    let tables = [&alike, &report].map(|report| Needs::of(report).markdown());
    insta::assert_snapshot!(tables.join("\n"), @"
    | service | all 9 subnets | why |
    |---|---|---|
    | `ecr.api` | `vpce-0a1b2c3d4e5f00007` | the token for the image's registry |
    | `ecr.dkr` | `vpce-0a1b2c3d4e5f00007` | the image's manifest |
    | `s3` | `vpce-0a1b2c3d4e5f00002` | the image's layers |
    | `logs` | `vpce-0a1b2c3d4e5f00004` | the containers' logs |

    | service | by | subnets | why |
    |---|---|---|---|
    | `ecr.api` | **NO: network ACL of the task** | subnet-0a1b2c3d4e5f60007 (eu-west-1b) | the token for the image's registry |
    | `ecr.api` | `vpce-0a1b2c3d4e5f00007` | the other 8 subnets | the token for the image's registry |
    | `ecr.dkr` | **NO: network ACL of the task** | subnet-0a1b2c3d4e5f60007 (eu-west-1b) | the image's manifest |
    | `ecr.dkr` | `vpce-0a1b2c3d4e5f00007` | the other 8 subnets | the image's manifest |
    | `s3` | **NO: network ACL of the task** | subnet-0a1b2c3d4e5f60007 (eu-west-1b) | the image's layers |
    | `s3` | `vpce-0a1b2c3d4e5f00002` | the other 8 subnets | the image's layers |
    | `logs` | **NO: network ACL of the task** | subnet-0a1b2c3d4e5f60007 (eu-west-1b) | the containers' logs |
    | `logs` | `vpce-0a1b2c3d4e5f00004` | the other 8 subnets | the containers' logs |
    ");
}

#[test]
fn real_ids_in_two_zones() {
    let (mut vpc, task) = many(2, 2);
    vpc.endpoints.as_mut().expect("read").remove(0);
    insta::assert_snapshot!(text(&report_of(&vpc, &task)), @"
    service web of cluster prod in vpc-1 (eu-west-1): 1 of 4 needs cannot be reached from 2 of 2 subnets

    needs:
      service  subnet-0a1b2c3d4e5f60000  subnet-0a1b2c3d4e5f60001  why
               eu-west-1a                eu-west-1b
      ecr.api  NO: route                 NO: route                 the token for the image's registry
      ecr.dkr  vpce-0a1b2c3d4e5f00007    vpce-0a1b2c3d4e5f00007    the image's manifest
      s3       vpce-0a1b2c3d4e5f00002    vpce-0a1b2c3d4e5f00002    the image's layers
      logs     vpce-0a1b2c3d4e5f00004    vpce-0a1b2c3d4e5f00004    the containers' logs

    problems:
    1. ecr.api from subnet-0a1b2c3d4e5f60000, route: rtb-private of subnet-0a1b2c3d4e5f60000 has no
       default route, and there is no endpoint of ecr.api
       fix:
         aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.ecr.api --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids subnet-0a1b2c3d4e5f60000 subnet-0a1b2c3d4e5f60001 --security-group-ids sg-endpoint

    addresses:
      subnet                    zone        block        free  endpoints  tasks  ALB  left
      subnet-0a1b2c3d4e5f60000  eu-west-1a  10.0.0.0/24   200          0      2    0   198
      subnet-0a1b2c3d4e5f60001  eu-west-1b  10.0.1.0/24   200          0      2    0   198
    ");
}
