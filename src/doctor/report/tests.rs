//! What is read at two in the morning.

use super::*;
use crate::{
    error,
    network::{
        addresses::{Demand, budget, check},
        diagnose::{Finding, diagnose},
        model::{Topology, Unknown},
        needs::Need,
        picture::{Picture, mermaid},
        scene::{bare, complete, interface, open_acl, plain, set, subnet, task},
        verdict::{Broken, Hop, Task, Via},
    },
};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

fn report_of(vpc: &Topology, task: &Task) -> Report {
    let diagnosis = diagnose(vpc, task, &plain());
    let demand = Demand {
        task_subnets: task.subnets.clone(),
        desired_count: 2,
        maximum_percent: 200,
        ..Demand::default()
    };
    let picture =
        mermaid(&Picture { vpc, task, findings: &diagnosis.findings, load_balancer: None });
    Report {
        subject: "service web of cluster prod".to_owned(),
        region: vpc.region.clone(),
        vpc: vpc.vpc.clone(),
        zones: vpc.subnets.iter().map(|it| (it.id.clone(), it.zone.clone())).collect(),
        diagnosis,
        addresses: budget(&vpc.subnets, &demand),
        short: check(&vpc.subnets, &demand).err().map(|problem| *problem),
        assumed: Vec::new(),
        picture,
    }
}

/// Each view once; of the JSON each item on a line, and of the picture nothing.
fn views(report: &Report) -> String {
    let report = &Report { picture: String::new(), ..report.clone() };
    let mut all = format!("{}\n=====\n{}\n=====\n", text(report), markdown(report));
    let value = json(report);
    for (key, value) in value.as_object().expect("an object") {
        match value.as_array() {
            Some(items) => {
                let items: Vec<_> = items.iter().map(|item| format!("\n  {item}")).collect();
                writeln!(all, "{key}:{}", items.concat()).expect(WRITES);
            }
            None => writeln!(all, "{key}: {value}").expect(WRITES),
        }
    }
    all
}

#[test]
fn all_is_reached() {
    insta::assert_snapshot!(views(&report_of(&complete(), &task())), @r#"
    service web of cluster prod in vpc-1 (eu-west-1): 4 needs are reached from 2 subnets

    needs:
      service  a             b             why
               eu-west-1a    eu-west-1b
      ecr.api  vpce-ecr.api  vpce-ecr.api  the token for the image's registry
      ecr.dkr  vpce-ecr.dkr  vpce-ecr.dkr  the image's manifest
      s3       vpce-s3       vpce-s3       the image's layers
      logs     vpce-logs     vpce-logs     the containers' logs

    addresses:
      subnet  zone        block        free  endpoints  tasks  ALB  left
      a       eu-west-1a  10.0.1.0/24   200          0      2    0   198
      b       eu-west-1b  10.0.2.0/24   200          0      2    0   198

    =====
    **service web of cluster prod in vpc-1 (eu-west-1): 4 needs are reached from 2 subnets**

    | service | `a` eu-west-1a | `b` eu-west-1b | why |
    |---|---|---|---|
    | `ecr.api` | `vpce-ecr.api` | `vpce-ecr.api` | the token for the image's registry |
    | `ecr.dkr` | `vpce-ecr.dkr` | `vpce-ecr.dkr` | the image's manifest |
    | `s3` | `vpce-s3` | `vpce-s3` | the image's layers |
    | `logs` | `vpce-logs` | `vpce-logs` | the containers' logs |

    **Addresses**

    | subnet | zone | block | free | endpoints | tasks | ALB | left |
    |---|---|---|--:|--:|--:|--:|--:|
    | `a` | eu-west-1a | 10\.0\.1\.0/24 | 200 | 0 | 2 | 0 | 198 |
    | `b` | eu-west-1b | 10\.0\.2\.0/24 | 200 | 0 | 2 | 0 | 198 |

    =====
    subject: "service web of cluster prod"
    region: "eu-west-1"
    vpc: "vpc-1"
    needs:
      {"service":"ecr.api","why":"the token for the image's registry","subnet":"a","verdict":"reachable","via":"vpce-ecr.api","broken_hop":null,"fix":null,"unknown":null}
      {"service":"ecr.api","why":"the token for the image's registry","subnet":"b","verdict":"reachable","via":"vpce-ecr.api","broken_hop":null,"fix":null,"unknown":null}
      {"service":"ecr.dkr","why":"the image's manifest","subnet":"a","verdict":"reachable","via":"vpce-ecr.dkr","broken_hop":null,"fix":null,"unknown":null}
      {"service":"ecr.dkr","why":"the image's manifest","subnet":"b","verdict":"reachable","via":"vpce-ecr.dkr","broken_hop":null,"fix":null,"unknown":null}
      {"service":"s3","why":"the image's layers","subnet":"a","verdict":"reachable","via":"vpce-s3","broken_hop":null,"fix":null,"unknown":null}
      {"service":"s3","why":"the image's layers","subnet":"b","verdict":"reachable","via":"vpce-s3","broken_hop":null,"fix":null,"unknown":null}
      {"service":"logs","why":"the containers' logs","subnet":"a","verdict":"reachable","via":"vpce-logs","broken_hop":null,"fix":null,"unknown":null}
      {"service":"logs","why":"the containers' logs","subnet":"b","verdict":"reachable","via":"vpce-logs","broken_hop":null,"fix":null,"unknown":null}
    addresses:
      {"subnet":"a","zone":"eu-west-1a","cidr":"10.0.1.0/24","free":200,"endpoints":0,"tasks":2,"load_balancer":0,"left":198}
      {"subnet":"b","zone":"eu-west-1b","cidr":"10.0.2.0/24","free":200,"endpoints":0,"tasks":2,"load_balancer":0,"left":198}
    problems:
    warnings:
    assumed:
    "#);
}

#[test]
fn no_endpoint_at_all() {
    insta::assert_snapshot!(views(&report_of(&bare(), &task())), @r#"
    service web of cluster prod in vpc-1 (eu-west-1): 4 of 4 needs cannot be reached from 2 of 2 subnets

    needs:
      service  a           b           why
               eu-west-1a  eu-west-1b
      ecr.api  NO: route   NO: route   the token for the image's registry
      ecr.dkr  NO: route   NO: route   the image's manifest
      s3       NO: route   NO: route   the image's layers
      logs     NO: route   NO: route   the containers' logs

    problems:
    1. ecr.api from a, route: rtb-private of a has no default route, and there is no endpoint of ecr.api
       fix:
         group=$(aws ec2 create-security-group --vpc-id vpc-1 --group-name vpc-1-endpoints --description 'HTTPS from the VPC' --query GroupId --output text)
         aws ec2 authorize-security-group-ingress --group-id "$group" --protocol tcp --port 443 --cidr 10.0.0.0/16
         aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.ecr.api --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
    2. ecr.dkr from a, route: rtb-private of a has no default route, and there is no endpoint of ecr.dkr
       fix:
         aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.ecr.dkr --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
    3. s3 from a, route: rtb-private of a has no default route, and there is no endpoint of s3
       fix:
         aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.s3 --vpc-endpoint-type Gateway --route-table-ids rtb-private
    4. logs from a, route: rtb-private of a has no default route, and there is no endpoint of logs
       fix:
         aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.logs --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"

    addresses:
      subnet  zone        block        free  endpoints  tasks  ALB  left
      a       eu-west-1a  10.0.1.0/24   200          0      2    0   198
      b       eu-west-1b  10.0.2.0/24   200          0      2    0   198

    =====
    **service web of cluster prod in vpc-1 (eu-west-1): 4 of 4 needs cannot be reached from 2 of 2 subnets**

    | service | `a` eu-west-1a | `b` eu-west-1b | why |
    |---|---|---|---|
    | `ecr.api` | **NO: route** | **NO: route** | the token for the image's registry |
    | `ecr.dkr` | **NO: route** | **NO: route** | the image's manifest |
    | `s3` | **NO: route** | **NO: route** | the image's layers |
    | `logs` | **NO: route** | **NO: route** | the containers' logs |

    **1.** ecr.api from a, route: rtb-private of a has no default route, and there is no endpoint of ecr.api

    ```sh
    group=$(aws ec2 create-security-group --vpc-id vpc-1 --group-name vpc-1-endpoints --description 'HTTPS from the VPC' --query GroupId --output text)
    aws ec2 authorize-security-group-ingress --group-id "$group" --protocol tcp --port 443 --cidr 10.0.0.0/16
    aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.ecr.api --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
    ```

    **2.** ecr.dkr from a, route: rtb-private of a has no default route, and there is no endpoint of ecr.dkr

    ```sh
    aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.ecr.dkr --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
    ```

    **3.** s3 from a, route: rtb-private of a has no default route, and there is no endpoint of s3

    ```sh
    aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.s3 --vpc-endpoint-type Gateway --route-table-ids rtb-private
    ```

    **4.** logs from a, route: rtb-private of a has no default route, and there is no endpoint of logs

    ```sh
    aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.logs --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids "$group"
    ```

    **Addresses**

    | subnet | zone | block | free | endpoints | tasks | ALB | left |
    |---|---|---|--:|--:|--:|--:|--:|
    | `a` | eu-west-1a | 10\.0\.1\.0/24 | 200 | 0 | 2 | 0 | 198 |
    | `b` | eu-west-1b | 10\.0\.2\.0/24 | 200 | 0 | 2 | 0 | 198 |

    =====
    subject: "service web of cluster prod"
    region: "eu-west-1"
    vpc: "vpc-1"
    needs:
      {"service":"ecr.api","why":"the token for the image's registry","subnet":"a","verdict":"unreachable","via":null,"broken_hop":"route","fix":"group=$(aws ec2 create-security-group --vpc-id vpc-1 --group-name vpc-1-endpoints --description 'HTTPS from the VPC' --query GroupId --output text)\naws ec2 authorize-security-group-ingress --group-id \"$group\" --protocol tcp --port 443 --cidr 10.0.0.0/16\naws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.ecr.api --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids \"$group\"","unknown":null}
      {"service":"ecr.api","why":"the token for the image's registry","subnet":"b","verdict":"unreachable","via":null,"broken_hop":"route","fix":"group=$(aws ec2 create-security-group --vpc-id vpc-1 --group-name vpc-1-endpoints --description 'HTTPS from the VPC' --query GroupId --output text)\naws ec2 authorize-security-group-ingress --group-id \"$group\" --protocol tcp --port 443 --cidr 10.0.0.0/16\naws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.ecr.api --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids \"$group\"","unknown":null}
      {"service":"ecr.dkr","why":"the image's manifest","subnet":"a","verdict":"unreachable","via":null,"broken_hop":"route","fix":"group=$(aws ec2 create-security-group --vpc-id vpc-1 --group-name vpc-1-endpoints --description 'HTTPS from the VPC' --query GroupId --output text)\naws ec2 authorize-security-group-ingress --group-id \"$group\" --protocol tcp --port 443 --cidr 10.0.0.0/16\naws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.ecr.dkr --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids \"$group\"","unknown":null}
      {"service":"ecr.dkr","why":"the image's manifest","subnet":"b","verdict":"unreachable","via":null,"broken_hop":"route","fix":"group=$(aws ec2 create-security-group --vpc-id vpc-1 --group-name vpc-1-endpoints --description 'HTTPS from the VPC' --query GroupId --output text)\naws ec2 authorize-security-group-ingress --group-id \"$group\" --protocol tcp --port 443 --cidr 10.0.0.0/16\naws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.ecr.dkr --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids \"$group\"","unknown":null}
      {"service":"s3","why":"the image's layers","subnet":"a","verdict":"unreachable","via":null,"broken_hop":"route","fix":"aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.s3 --vpc-endpoint-type Gateway --route-table-ids rtb-private","unknown":null}
      {"service":"s3","why":"the image's layers","subnet":"b","verdict":"unreachable","via":null,"broken_hop":"route","fix":"aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.s3 --vpc-endpoint-type Gateway --route-table-ids rtb-private","unknown":null}
      {"service":"logs","why":"the containers' logs","subnet":"a","verdict":"unreachable","via":null,"broken_hop":"route","fix":"group=$(aws ec2 create-security-group --vpc-id vpc-1 --group-name vpc-1-endpoints --description 'HTTPS from the VPC' --query GroupId --output text)\naws ec2 authorize-security-group-ingress --group-id \"$group\" --protocol tcp --port 443 --cidr 10.0.0.0/16\naws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.logs --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids \"$group\"","unknown":null}
      {"service":"logs","why":"the containers' logs","subnet":"b","verdict":"unreachable","via":null,"broken_hop":"route","fix":"group=$(aws ec2 create-security-group --vpc-id vpc-1 --group-name vpc-1-endpoints --description 'HTTPS from the VPC' --query GroupId --output text)\naws ec2 authorize-security-group-ingress --group-id \"$group\" --protocol tcp --port 443 --cidr 10.0.0.0/16\naws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.logs --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids \"$group\"","unknown":null}
    addresses:
      {"subnet":"a","zone":"eu-west-1a","cidr":"10.0.1.0/24","free":200,"endpoints":0,"tasks":2,"load_balancer":0,"left":198}
      {"subnet":"b","zone":"eu-west-1b","cidr":"10.0.2.0/24","free":200,"endpoints":0,"tasks":2,"load_balancer":0,"left":198}
    problems:
      {"service":"ecr.api","subnet":"a","broken_hop":"route","what":"rtb-private of a has no default route, and there is no endpoint of ecr.api","fix":"group=$(aws ec2 create-security-group --vpc-id vpc-1 --group-name vpc-1-endpoints --description 'HTTPS from the VPC' --query GroupId --output text)\naws ec2 authorize-security-group-ingress --group-id \"$group\" --protocol tcp --port 443 --cidr 10.0.0.0/16\naws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.ecr.api --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids \"$group\""}
      {"service":"ecr.dkr","subnet":"a","broken_hop":"route","what":"rtb-private of a has no default route, and there is no endpoint of ecr.dkr","fix":"aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.ecr.dkr --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids \"$group\""}
      {"service":"s3","subnet":"a","broken_hop":"route","what":"rtb-private of a has no default route, and there is no endpoint of s3","fix":"aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.s3 --vpc-endpoint-type Gateway --route-table-ids rtb-private"}
      {"service":"logs","subnet":"a","broken_hop":"route","what":"rtb-private of a has no default route, and there is no endpoint of logs","fix":"aws ec2 create-vpc-endpoint --vpc-id vpc-1 --service-name com.amazonaws.eu-west-1.logs --vpc-endpoint-type Interface --private-dns-enabled --subnet-ids a b --security-group-ids \"$group\""}
    warnings:
    assumed:
    "#);
}

/// Something broken, something unknown, something better made otherwise, something taken for granted.
fn mixed() -> Report {
    let mut vpc = complete();
    vpc.endpoint("vpce-logs").groups = set(&["sg-task"]);
    vpc.endpoint("vpce-ecr.api").subnets = set(&["a"]);
    vpc.endpoint("vpce-s3").policy = Some("no policy".to_owned());
    let mut report = report_of(&vpc, &task());
    report.assumed.push(
        "the task's role is not known, so the policies of endpoints are judged without".to_owned(),
    );
    report
}

#[test]
fn broken_and_unknown() {
    insta::assert_snapshot!(views(&mixed()), @r#"
    service web of cluster prod in vpc-1 (eu-west-1): 1 of 4 needs cannot be reached from 2 of 2
    subnets, and 1 could not be judged

    needs:
      service  all 2 subnets                       why
      ecr.api  vpce-ecr.api                        the token for the image's registry
      ecr.dkr  vpce-ecr.dkr                        the image's manifest
      s3       ?                                   the image's layers
      logs     NO: security group of the endpoint  the containers' logs

    problems:
    1. logs from a, security group of the endpoint: sg-task of vpce-logs does not admit HTTPS from
       10.0.1.0/24
       fix:
         aws ec2 authorize-security-group-ingress --group-id sg-task --ip-permissions IpProtocol=tcp,FromPort=443,ToPort=443,IpRanges='[{CidrIp=10.0.0.0/16}]'

    not known:
    - s3: the policy of vpce-s3 is not a policy: expected ident at line 1 column 2

    addresses:
      subnet  zone        block        free  endpoints  tasks  ALB  left
      a       eu-west-1a  10.0.1.0/24   200          0      2    0   198
      b       eu-west-1b  10.0.2.0/24   200          0      2    0   198

    warnings:
    - vpce-ecr.api (ecr.api) stands in eu-west-1a only: tasks in eu-west-1b reach it across zones, which
      costs more, and not at all when that zone fails

    assumed:
    - the task's role is not known, so the policies of endpoints are judged without

    =====
    **service web of cluster prod in vpc-1 (eu-west-1): 1 of 4 needs cannot be reached from 2 of 2 subnets, and 1 could not be judged**

    | service | `a` eu-west-1a | `b` eu-west-1b | why |
    |---|---|---|---|
    | `ecr.api` | `vpce-ecr.api` | `vpce-ecr.api` | the token for the image's registry |
    | `ecr.dkr` | `vpce-ecr.dkr` | `vpce-ecr.dkr` | the image's manifest |
    | `s3` | ? | ? | the image's layers |
    | `logs` | **NO: security group of the endpoint** | **NO: security group of the endpoint** | the containers' logs |

    **1.** logs from a, security group of the endpoint: sg-task of vpce-logs does not admit HTTPS from 10\.0\.1\.0/24

    ```sh
    aws ec2 authorize-security-group-ingress --group-id sg-task --ip-permissions IpProtocol=tcp,FromPort=443,ToPort=443,IpRanges='[{CidrIp=10.0.0.0/16}]'
    ```

    **Not known**

    - s3: the policy of vpce-s3 is not a policy: expected ident at line 1 column 2

    **Addresses**

    | subnet | zone | block | free | endpoints | tasks | ALB | left |
    |---|---|---|--:|--:|--:|--:|--:|
    | `a` | eu-west-1a | 10\.0\.1\.0/24 | 200 | 0 | 2 | 0 | 198 |
    | `b` | eu-west-1b | 10\.0\.2\.0/24 | 200 | 0 | 2 | 0 | 198 |

    **Warnings**

    - vpce-ecr.api (ecr.api) stands in eu-west-1a only: tasks in eu-west-1b reach it across zones, which costs more, and not at all when that zone fails

    **Assumed**

    - the task's role is not known, so the policies of endpoints are judged without

    =====
    subject: "service web of cluster prod"
    region: "eu-west-1"
    vpc: "vpc-1"
    needs:
      {"service":"ecr.api","why":"the token for the image's registry","subnet":"a","verdict":"reachable","via":"vpce-ecr.api","broken_hop":null,"fix":null,"unknown":null}
      {"service":"ecr.api","why":"the token for the image's registry","subnet":"b","verdict":"reachable","via":"vpce-ecr.api","broken_hop":null,"fix":null,"unknown":null}
      {"service":"ecr.dkr","why":"the image's manifest","subnet":"a","verdict":"reachable","via":"vpce-ecr.dkr","broken_hop":null,"fix":null,"unknown":null}
      {"service":"ecr.dkr","why":"the image's manifest","subnet":"b","verdict":"reachable","via":"vpce-ecr.dkr","broken_hop":null,"fix":null,"unknown":null}
      {"service":"s3","why":"the image's layers","subnet":"a","verdict":"unknown","via":null,"broken_hop":null,"fix":null,"unknown":["the policy of vpce-s3 is not a policy: expected ident at line 1 column 2"]}
      {"service":"s3","why":"the image's layers","subnet":"b","verdict":"unknown","via":null,"broken_hop":null,"fix":null,"unknown":["the policy of vpce-s3 is not a policy: expected ident at line 1 column 2"]}
      {"service":"logs","why":"the containers' logs","subnet":"a","verdict":"unreachable","via":null,"broken_hop":"endpoint-ingress","fix":"aws ec2 authorize-security-group-ingress --group-id sg-task --ip-permissions IpProtocol=tcp,FromPort=443,ToPort=443,IpRanges='[{CidrIp=10.0.0.0/16}]'","unknown":null}
      {"service":"logs","why":"the containers' logs","subnet":"b","verdict":"unreachable","via":null,"broken_hop":"endpoint-ingress","fix":"aws ec2 authorize-security-group-ingress --group-id sg-task --ip-permissions IpProtocol=tcp,FromPort=443,ToPort=443,IpRanges='[{CidrIp=10.0.0.0/16}]'","unknown":null}
    addresses:
      {"subnet":"a","zone":"eu-west-1a","cidr":"10.0.1.0/24","free":200,"endpoints":0,"tasks":2,"load_balancer":0,"left":198}
      {"subnet":"b","zone":"eu-west-1b","cidr":"10.0.2.0/24","free":200,"endpoints":0,"tasks":2,"load_balancer":0,"left":198}
    problems:
      {"service":"logs","subnet":"a","broken_hop":"endpoint-ingress","what":"sg-task of vpce-logs does not admit HTTPS from 10.0.1.0/24","fix":"aws ec2 authorize-security-group-ingress --group-id sg-task --ip-permissions IpProtocol=tcp,FromPort=443,ToPort=443,IpRanges='[{CidrIp=10.0.0.0/16}]'"}
    warnings:
      "vpce-ecr.api (ecr.api) stands in eu-west-1a only: tasks in eu-west-1b reach it across zones, which costs more, and not at all when that zone fails"
    assumed:
      "the task's role is not known, so the policies of endpoints are judged without"
    "#);
}

/// As long as real ones.
fn id(at: usize) -> String {
    format!("subnet-0a1b2c3d4e5f6{at:04}")
}

fn many(zones: usize, subnets: usize) -> (Topology, Task) {
    let mut vpc = complete();
    vpc.subnets = (0..subnets)
        .map(|at| subnet(&id(at), &["a", "b", "c"][at % zones], &format!("10.0.{at}.0/24")))
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
    service web of cluster prod in vpc-1 (eu-west-1): 4 needs are reached from 9 subnets

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
    service web of cluster prod in vpc-1 (eu-west-1): 4 of 4 needs cannot be reached from
    subnet-0a1b2c3d4e5f60007

    needs:
      ecr.api (the token for the image's registry)
        NO: network ACL of the task: subnet-0a1b2c3d4e5f60007 (eu-west-1b)
        vpce-0a1b2c3d4e5f00007: subnet-0a1b2c3d4e5f60000 (eu-west-1a), subnet-0a1b2c3d4e5f60003
                                (eu-west-1a), subnet-0a1b2c3d4e5f60006 (eu-west-1a),
                                subnet-0a1b2c3d4e5f60001 (eu-west-1b), subnet-0a1b2c3d4e5f60004
                                (eu-west-1b), subnet-0a1b2c3d4e5f60002 (eu-west-1c),
                                subnet-0a1b2c3d4e5f60005 (eu-west-1c), subnet-0a1b2c3d4e5f60008
                                (eu-west-1c)
      ecr.dkr (the image's manifest)
        NO: network ACL of the task: subnet-0a1b2c3d4e5f60007 (eu-west-1b)
        vpce-0a1b2c3d4e5f00007: subnet-0a1b2c3d4e5f60000 (eu-west-1a), subnet-0a1b2c3d4e5f60003
                                (eu-west-1a), subnet-0a1b2c3d4e5f60006 (eu-west-1a),
                                subnet-0a1b2c3d4e5f60001 (eu-west-1b), subnet-0a1b2c3d4e5f60004
                                (eu-west-1b), subnet-0a1b2c3d4e5f60002 (eu-west-1c),
                                subnet-0a1b2c3d4e5f60005 (eu-west-1c), subnet-0a1b2c3d4e5f60008
                                (eu-west-1c)
      s3 (the image's layers)
        NO: network ACL of the task: subnet-0a1b2c3d4e5f60007 (eu-west-1b)
        vpce-0a1b2c3d4e5f00002: subnet-0a1b2c3d4e5f60000 (eu-west-1a), subnet-0a1b2c3d4e5f60003
                                (eu-west-1a), subnet-0a1b2c3d4e5f60006 (eu-west-1a),
                                subnet-0a1b2c3d4e5f60001 (eu-west-1b), subnet-0a1b2c3d4e5f60004
                                (eu-west-1b), subnet-0a1b2c3d4e5f60002 (eu-west-1c),
                                subnet-0a1b2c3d4e5f60005 (eu-west-1c), subnet-0a1b2c3d4e5f60008
                                (eu-west-1c)
      logs (the containers' logs)
        NO: network ACL of the task: subnet-0a1b2c3d4e5f60007 (eu-west-1b)
        vpce-0a1b2c3d4e5f00004: subnet-0a1b2c3d4e5f60000 (eu-west-1a), subnet-0a1b2c3d4e5f60003
                                (eu-west-1a), subnet-0a1b2c3d4e5f60006 (eu-west-1a),
                                subnet-0a1b2c3d4e5f60001 (eu-west-1b), subnet-0a1b2c3d4e5f60004
                                (eu-west-1b), subnet-0a1b2c3d4e5f60002 (eu-west-1c),
                                subnet-0a1b2c3d4e5f60005 (eu-west-1c), subnet-0a1b2c3d4e5f60008
                                (eu-west-1c)

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
    | `ecr.api` | `vpce-0a1b2c3d4e5f00007` | subnet-0a1b2c3d4e5f60000 (eu-west-1a), subnet-0a1b2c3d4e5f60003 (eu-west-1a), subnet-0a1b2c3d4e5f60006 (eu-west-1a), subnet-0a1b2c3d4e5f60001 (eu-west-1b), subnet-0a1b2c3d4e5f60004 (eu-west-1b), subnet-0a1b2c3d4e5f60002 (eu-west-1c), subnet-0a1b2c3d4e5f60005 (eu-west-1c), subnet-0a1b2c3d4e5f60008 (eu-west-1c) | the token for the image's registry |
    | `ecr.dkr` | **NO: network ACL of the task** | subnet-0a1b2c3d4e5f60007 (eu-west-1b) | the image's manifest |
    | `ecr.dkr` | `vpce-0a1b2c3d4e5f00007` | subnet-0a1b2c3d4e5f60000 (eu-west-1a), subnet-0a1b2c3d4e5f60003 (eu-west-1a), subnet-0a1b2c3d4e5f60006 (eu-west-1a), subnet-0a1b2c3d4e5f60001 (eu-west-1b), subnet-0a1b2c3d4e5f60004 (eu-west-1b), subnet-0a1b2c3d4e5f60002 (eu-west-1c), subnet-0a1b2c3d4e5f60005 (eu-west-1c), subnet-0a1b2c3d4e5f60008 (eu-west-1c) | the image's manifest |
    | `s3` | **NO: network ACL of the task** | subnet-0a1b2c3d4e5f60007 (eu-west-1b) | the image's layers |
    | `s3` | `vpce-0a1b2c3d4e5f00002` | subnet-0a1b2c3d4e5f60000 (eu-west-1a), subnet-0a1b2c3d4e5f60003 (eu-west-1a), subnet-0a1b2c3d4e5f60006 (eu-west-1a), subnet-0a1b2c3d4e5f60001 (eu-west-1b), subnet-0a1b2c3d4e5f60004 (eu-west-1b), subnet-0a1b2c3d4e5f60002 (eu-west-1c), subnet-0a1b2c3d4e5f60005 (eu-west-1c), subnet-0a1b2c3d4e5f60008 (eu-west-1c) | the image's layers |
    | `logs` | **NO: network ACL of the task** | subnet-0a1b2c3d4e5f60007 (eu-west-1b) | the containers' logs |
    | `logs` | `vpce-0a1b2c3d4e5f00004` | subnet-0a1b2c3d4e5f60000 (eu-west-1a), subnet-0a1b2c3d4e5f60003 (eu-west-1a), subnet-0a1b2c3d4e5f60006 (eu-west-1a), subnet-0a1b2c3d4e5f60001 (eu-west-1b), subnet-0a1b2c3d4e5f60004 (eu-west-1b), subnet-0a1b2c3d4e5f60002 (eu-west-1c), subnet-0a1b2c3d4e5f60005 (eu-west-1c), subnet-0a1b2c3d4e5f60008 (eu-west-1c) | the containers' logs |
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

#[test]
fn addresses_that_do_not_suffice() {
    let mut vpc = complete();
    vpc.subnets[1].free_addresses = 1;
    let report = report_of(&vpc, &task());
    assert!(report.is_broken());
    insta::assert_snapshot!(views(&report), @r#"
    service web of cluster prod in vpc-1 (eu-west-1): 4 needs are reached from 2 subnets, but there are
    not enough addresses

    needs:
      service  a             b             why
               eu-west-1a    eu-west-1b
      ecr.api  vpce-ecr.api  vpce-ecr.api  the token for the image's registry
      ecr.dkr  vpce-ecr.dkr  vpce-ecr.dkr  the image's manifest
      s3       vpce-s3       vpce-s3       the image's layers
      logs     vpce-logs     vpce-logs     the containers' logs

    problems:
    1. addresses: b has not enough addresses
       b in eu-west-1b (10.0.2.0/24): 1 free, 2 for tasks, 1 short
       fix: it fits in eu-west-1a: free addresses, use larger subnets, or lower `rollout.desired-count`
       fix: pub in eu-west-1a has 200 free

    addresses:
      subnet  zone        block        free  endpoints  tasks  ALB     left
      a       eu-west-1a  10.0.1.0/24   200          0      2    0      198
      b       eu-west-1b  10.0.2.0/24     1          0      2    0  1 short

    =====
    **service web of cluster prod in vpc-1 (eu-west-1): 4 needs are reached from 2 subnets, but there are not enough addresses**

    | service | `a` eu-west-1a | `b` eu-west-1b | why |
    |---|---|---|---|
    | `ecr.api` | `vpce-ecr.api` | `vpce-ecr.api` | the token for the image's registry |
    | `ecr.dkr` | `vpce-ecr.dkr` | `vpce-ecr.dkr` | the image's manifest |
    | `s3` | `vpce-s3` | `vpce-s3` | the image's layers |
    | `logs` | `vpce-logs` | `vpce-logs` | the containers' logs |

    **1.** addresses: b has not enough addresses

    - b in eu-west-1b (10\.0\.2\.0/24): 1 free, 2 for tasks, 1 short

    it fits in eu-west-1a: free addresses, use larger subnets, or lower `rollout.desired-count`. pub in eu-west-1a has 200 free

    **Addresses**

    | subnet | zone | block | free | endpoints | tasks | ALB | left |
    |---|---|---|--:|--:|--:|--:|--:|
    | `a` | eu-west-1a | 10\.0\.1\.0/24 | 200 | 0 | 2 | 0 | 198 |
    | `b` | eu-west-1b | 10\.0\.2\.0/24 | 1 | 0 | 2 | 0 | **1 short** |

    =====
    subject: "service web of cluster prod"
    region: "eu-west-1"
    vpc: "vpc-1"
    needs:
      {"service":"ecr.api","why":"the token for the image's registry","subnet":"a","verdict":"reachable","via":"vpce-ecr.api","broken_hop":null,"fix":null,"unknown":null}
      {"service":"ecr.api","why":"the token for the image's registry","subnet":"b","verdict":"reachable","via":"vpce-ecr.api","broken_hop":null,"fix":null,"unknown":null}
      {"service":"ecr.dkr","why":"the image's manifest","subnet":"a","verdict":"reachable","via":"vpce-ecr.dkr","broken_hop":null,"fix":null,"unknown":null}
      {"service":"ecr.dkr","why":"the image's manifest","subnet":"b","verdict":"reachable","via":"vpce-ecr.dkr","broken_hop":null,"fix":null,"unknown":null}
      {"service":"s3","why":"the image's layers","subnet":"a","verdict":"reachable","via":"vpce-s3","broken_hop":null,"fix":null,"unknown":null}
      {"service":"s3","why":"the image's layers","subnet":"b","verdict":"reachable","via":"vpce-s3","broken_hop":null,"fix":null,"unknown":null}
      {"service":"logs","why":"the containers' logs","subnet":"a","verdict":"reachable","via":"vpce-logs","broken_hop":null,"fix":null,"unknown":null}
      {"service":"logs","why":"the containers' logs","subnet":"b","verdict":"reachable","via":"vpce-logs","broken_hop":null,"fix":null,"unknown":null}
    addresses:
      {"subnet":"a","zone":"eu-west-1a","cidr":"10.0.1.0/24","free":200,"endpoints":0,"tasks":2,"load_balancer":0,"left":198}
      {"subnet":"b","zone":"eu-west-1b","cidr":"10.0.2.0/24","free":1,"endpoints":0,"tasks":2,"load_balancer":0,"left":null}
    problems:
      {"service":null,"subnet":"b","broken_hop":"addresses","what":"b in eu-west-1b (10.0.2.0/24): 1 free, 2 for tasks, 1 short","fix":"it fits in eu-west-1a: free addresses, use larger subnets, or lower `rollout.desired-count`\npub in eu-west-1a has 200 free"}
    warnings:
    assumed:
    "#);
}

#[test]
fn the_sentence() {
    let mut report = report_of(&complete(), &task());
    let mut told = vec![sentence(&report)];
    report.diagnosis.findings.retain(|it| it.need.service == "s3" && it.subnet == "a");
    told.push(sentence(&report));
    report.diagnosis.findings[0].verdict = Verdict::Unknown(Vec::new());
    told.push(sentence(&report));
    report.diagnosis.findings.clear();
    told.push(sentence(&report));
    let mut report = mixed();
    report.short = Some(error::Problem::new("short"));
    told.push(sentence(&report));
    report.diagnosis.findings.retain(|it| it.subnet == "a" || it.need.service != "logs");
    told.push(sentence(&report));
    insta::assert_snapshot!(told.join("\n"), @"
    service web of cluster prod in vpc-1 (eu-west-1): 4 needs are reached from 2 subnets
    service web of cluster prod in vpc-1 (eu-west-1): 1 need is reached from 1 subnet
    service web of cluster prod in vpc-1 (eu-west-1): no need is known to be out of reach, and 1 of 1 could not be judged
    service web of cluster prod in vpc-1 (eu-west-1): nothing is needed of the network
    service web of cluster prod in vpc-1 (eu-west-1): 1 of 4 needs cannot be reached from 2 of 2 subnets, and 1 could not be judged, and there are not enough addresses
    service web of cluster prod in vpc-1 (eu-west-1): 1 of 4 needs cannot be reached from a, and 1 could not be judged, and there are not enough addresses
    ");
}

/// A report whose every text is this one.
fn hostile(text: &str) -> Report {
    let need = Need { service: text.to_owned(), why: text.to_owned(), requests: Vec::new() };
    let finding = |subnet: &str, verdict| Finding {
        need: need.clone(),
        subnet: format!("{subnet}{text}"),
        verdict,
    };
    let fix = crate::network::fix::Fix::DropStatement {
        endpoint: "vpce-1".to_owned(),
        statement: text.to_owned(),
        policy: text.to_owned(),
    };
    let broken = Broken { hop: Hop::Policy, what: text.to_owned(), fix: Some(fix) };
    let mut report = report_of(&complete(), &task());
    report.subject = text.to_owned();
    report.diagnosis.findings = vec![
        finding("a", Verdict::Unreachable(broken.clone())),
        finding("b", Verdict::Reachable(Via::Nat(text.to_owned()))),
        finding("c", Verdict::Unknown(vec![text.to_owned()])),
    ];
    let (service, subnet) = (text.to_owned(), text.to_owned());
    report.diagnosis.problems = vec![Problem { broken, service, subnet }];
    report.diagnosis.warnings = vec![text.to_owned()];
    report.assumed = vec![text.to_owned()];
    report.short = Some(error::Problem::new(text).found(text).help(text));
    report
}

const NASTY: &str =
    "x`\n```\n~~~\n</details> @octocat #1 | [x](javascript:y) <b>\u{1b}[31m\r rm -rf '";

#[test]
fn hostile_texts() {
    let report = hostile(NASTY);
    let told = text(&report);
    assert!(!told.contains(['\u{1b}', '\r']), "{told}");
    // What is to be copied is the command, and nothing from the comment above it.
    insta::assert_snapshot!(told, @r"
    x` ``` ~~~ </details> @octocat #1 | [x](javascript:y) <b> [31m rm -rf ' in vpc-1 (eu-west-1): 1 of 1
    need cannot be reached from ax` ``` ~~~ </details> @octocat #1 | [x](javascript:y) <b> [31m rm -rf
    ', and 1 could not be judged, and there are not enough addresses

    needs:
      x` ``` ~~~ </details> @octocat #1 | [x](javascript:y) <b> [31m rm -rf ' (x` ``` ~~~ </details>
      @octocat #1 | [x](javascript:y) <b> [31m rm -rf ')
        NO: endpoint policy: ax` ``` ~~~ </details> @octocat #1 | [x](javascript:y) <b> [31m rm -rf '
        ?: cx` ``` ~~~ </details> @octocat #1 | [x](javascript:y) <b> [31m rm -rf '
        x` ``` ~~~ </details> @octocat #1 | [x](javascript:y) <b> [31m  rm -rf ': bx` ``` ~~~ </details>
                                                                                  @octocat #1 |
                                                                                  [x](javascript:y) <b>
                                                                                  [31m rm -rf '

    problems:
    1. x` ``` ~~~ </details> @octocat #1 | [x](javascript:y) <b> [31m rm -rf ' from x` ``` ~~~
       </details> @octocat #1 | [x](javascript:y) <b> [31m rm -rf ', endpoint policy: x` ``` ~~~
       </details> @octocat #1 | [x](javascript:y) <b> [31m rm -rf '
       fix:
         # without x` ``` ~~~ </details> @octocat #1 | [x](javascript:y) <b> [31m  rm -rf '
         aws ec2 modify-vpc-endpoint --vpc-endpoint-id vpce-1 --policy-document 'x`
         ```
         ~~~
         </details> @octocat #1 | [x](javascript:y) <b> [31m  rm -rf '\'''
    2. addresses: x` ``` ~~~ </details> @octocat #1 | [x](javascript:y) <b> [31m rm -rf '
       x` ``` ~~~ </details> @octocat #1 | [x](javascript:y) <b> [31m rm -rf '
       fix: x`
       fix: ```
       fix: ~~~
       fix: </details> @octocat #1 | [x](javascript:y) <b> [31m rm -rf '

    not known:
    - x` ``` ~~~ </details> @octocat #1 | [x](javascript:y) <b> [31m rm -rf ': x` ``` ~~~ </details>
      @octocat #1 | [x](javascript:y) <b> [31m rm -rf '

    addresses:
      subnet  zone        block        free  endpoints  tasks  ALB  left
      a       eu-west-1a  10.0.1.0/24   200          0      2    0   198
      b       eu-west-1b  10.0.2.0/24   200          0      2    0   198

    warnings:
    - x` ``` ~~~ </details> @octocat #1 | [x](javascript:y) <b> [31m rm -rf '

    assumed:
    - x` ``` ~~~ </details> @octocat #1 | [x](javascript:y) <b> [31m rm -rf '
    ");
    let page = markdown(&report);
    let (mut html, mut links, mut code, mut in_code) = (Vec::new(), 0, Vec::new(), false);
    for event in Parser::new_ext(&page, Options::all()) {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                code.push(format!("{kind:?}"));
                in_code = true;
            }
            Event::End(TagEnd::CodeBlock) => in_code = false,
            Event::Html(text) | Event::InlineHtml(text) => html.push(text.into_string()),
            Event::Start(Tag::Link { .. } | Tag::Image { .. }) => links += 1,
            Event::Text(text) if !in_code => {
                assert!(!text.contains("@octocat") && !text.contains("#1"), "{text}\n{page}");
            }
            _ => {}
        }
    }
    assert_eq!((html, links), (Vec::new(), 0), "{page}");
    insta::assert_snapshot!(code.join("\n"), @r#"
    Fenced(Borrowed("sh"))
    Fenced(Borrowed("mermaid"))
    "#);
}

#[test]
fn what_cannot_be_read_is_told_once() {
    let mut vpc = complete();
    let refused = |what: &str| Unknown { what: what.to_owned(), why: "was refused".to_owned() };
    vpc.acls = Err(refused("ec2:DescribeNetworkAcls"));
    insta::assert_snapshot!(text(&report_of(&vpc, &task())), @"
    service web of cluster prod in vpc-1 (eu-west-1): no need is known to be out of reach, and 4 of 4
    could not be judged

    needs:
      service  a           b           why
               eu-west-1a  eu-west-1b
      ecr.api  ?           ?           the token for the image's registry
      ecr.dkr  ?           ?           the image's manifest
      s3       ?           ?           the image's layers
      logs     ?           ?           the containers' logs

    not known:
    - ecr.api, ecr.dkr, logs, s3: ec2:DescribeNetworkAcls was refused

    addresses:
      subnet  zone        block        free  endpoints  tasks  ALB  left
      a       eu-west-1a  10.0.1.0/24   200          0      2    0   198
      b       eu-west-1b  10.0.2.0/24   200          0      2    0   198
    ");
}
