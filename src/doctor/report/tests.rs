//! What is read at two in the morning.

mod hostile;
mod many;

use super::*;
use crate::{
    error,
    network::{
        addresses::{Demand, budget, check},
        diagnose::diagnose,
        model::{Topology, Unknown},
        picture::{Picture, mermaid},
        scene::{bare, complete, open_acl, plain, set, task},
        verdict::Task,
    },
};

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
    insta::assert_snapshot!(text(&report_of(&complete(), &task())), @"
    service web of cluster prod in vpc-1 (eu-west-1): all 4 needs are reached from 2 subnets

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
    ");
}

#[test]
fn no_endpoint_at_all() {
    insta::assert_snapshot!(text(&report_of(&bare(), &task())), @r#"
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
    service web of cluster prod in vpc-1 (eu-west-1): 1 of 4 needs cannot be reached from 2 of 2 subnets, and 1 could not be judged

    needs:
      service  both subnets                        why
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

    **1.** logs from a, security group of the endpoint: sg-task of vpce-logs does not admit HTTPS from 10.0.1.0/24

    ```sh
    aws ec2 authorize-security-group-ingress --group-id sg-task --ip-permissions IpProtocol=tcp,FromPort=443,ToPort=443,IpRanges='[{CidrIp=10.0.0.0/16}]'
    ```

    **Not known**

    - s3: the policy of vpce-s3 is not a policy: expected ident at line 1 column 2

    **Addresses**

    | subnet | zone | block | free | endpoints | tasks | ALB | left |
    |---|---|---|--:|--:|--:|--:|--:|
    | `a` | eu-west-1a | 10.0.1.0/24 | 200 | 0 | 2 | 0 | 198 |
    | `b` | eu-west-1b | 10.0.2.0/24 | 200 | 0 | 2 | 0 | 198 |

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

#[test]
fn addresses_that_do_not_suffice() {
    let mut vpc = complete();
    vpc.subnets[1].free_addresses = 1;
    let report = report_of(&vpc, &task());
    assert!(report.is_broken());
    insta::assert_snapshot!(text(&report), @"
    service web of cluster prod in vpc-1 (eu-west-1): all 4 needs are reached from 2 subnets, but there are not enough addresses

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
            pub in eu-west-1a has 200 free

    addresses:
      subnet  zone        block        free  endpoints  tasks  ALB     left
      a       eu-west-1a  10.0.1.0/24   200          0      2    0      198
      b       eu-west-1b  10.0.2.0/24     1          0      2    0  1 short
    ");
    insta::assert_snapshot!(json(&report)["problems"], @r#"
    [{"service":null,"subnet":"b","broken_hop":"addresses","what":"b in eu-west-1b (10.0.2.0/24): 1 free, 2 for tasks, 1 short","fix":"it fits in eu-west-1a: free addresses, use larger subnets, or lower `rollout.desired-count`\npub in eu-west-1a has 200 free"}]
    "#);
    insta::assert_snapshot!(json(&report)["addresses"][1]["left"], @"null");
    let page = markdown(&report);
    let problem = page.split("\n\n").skip_while(|block| !block.starts_with("**1.**")).take(3);
    insta::assert_snapshot!(problem.collect::<Vec<_>>().join("\n\n"), @r"
    **1.** addresses: b has not enough addresses

    - b in eu-west-1b (10.0.2.0/24): 1 free, 2 for tasks, 1 short

    Fix: it fits in eu-west-1a: free addresses, use larger subnets, or lower `rollout.desired-count`. pub in eu-west-1a has 200 free
    ");
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
    service web of cluster prod in vpc-1 (eu-west-1): all 4 needs are reached from 2 subnets
    service web of cluster prod in vpc-1 (eu-west-1): its one need is reached from 1 subnet
    service web of cluster prod in vpc-1 (eu-west-1): no need is known to be out of reach, and 1 of 1 could not be judged
    service web of cluster prod in vpc-1 (eu-west-1): nothing is needed of the network
    service web of cluster prod in vpc-1 (eu-west-1): 1 of 4 needs cannot be reached from 2 of 2 subnets, and 1 could not be judged, and there are not enough addresses
    service web of cluster prod in vpc-1 (eu-west-1): 1 of 4 needs cannot be reached from a, and 1 could not be judged, and there are not enough addresses
    ");
}

#[test]
fn what_cannot_be_read_is_told_once() {
    let mut vpc = complete();
    let refused = |what: &str| Unknown { what: what.to_owned(), why: "was refused".to_owned() };
    vpc.acls = Err(refused("ec2:DescribeNetworkAcls"));
    insta::assert_snapshot!(text(&report_of(&vpc, &task())), @"
    service web of cluster prod in vpc-1 (eu-west-1): no need is known to be out of reach, and 4 of 4 could not be judged

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
