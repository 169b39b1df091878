//! Pictures, and what is red in them.

mod bounds;

use super::*;
use crate::network::{
    diagnose::diagnose,
    model::{Nat, Peer, Unknown},
    needs::Need,
    net::Ports,
    scene::{
        S3_LIST, allow, bare, complete, entry, interface, open_acl, plain, set, subnet, task,
        with_nat,
    },
    verdict::{Broken, Via},
};

fn drawn(vpc: &Topology, task: &Task, needs: &[Need]) -> String {
    let findings = diagnose(vpc, task, needs).findings;
    let subnets = set(&["pub"]);
    let load_balancer = LoadBalancer { name: "web", subnets: &subnets, is_internet_facing: true };
    mermaid(&Picture { vpc, task, findings: &findings, load_balancer: Some(load_balancer) })
}

/// What is red: the things, the subnets, and the ways.
fn red(vpc: &Topology) -> String {
    let text = drawn(vpc, &task(), &plain());
    let after = |start: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(start));
        let ids = line.and_then(|line| line.split(' ').next()).unwrap_or_default();
        ids.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let is_broken = text.contains("classDef broken");
    let named = |id: String| {
        let start = [format!("{id}["), format!("subgraph {id}[")];
        let line = text.lines().map(str::trim);
        let line = line.filter(|line| start.iter().any(|start| line.starts_with(start.as_str())));
        line.collect::<String>()
    };
    let mut red: Vec<_> =
        if is_broken { after("class ").into_iter().map(named).collect() } else { Vec::new() };
    let edges: Vec<_> = text.lines().filter(|line| line.contains("->")).collect();
    for number in if text.contains("#cf222e") { after("linkStyle ") } else { Vec::new() } {
        red.push(edges[number.parse::<usize>().expect("a number")].trim().to_owned());
    }
    red.join("\n")
}

#[test]
fn all_is_reached() {
    insta::assert_snapshot!(drawn(&complete(), &task(), &plain()), @r#"
    %%{init: {"flowchart": {"wrappingWidth": 320}}}%%
    flowchart TB
      n3["clients on the internet"]
      subgraph vpc["VPC 10.0.0.0/16"]
        n5["gateway endpoint<br/>s3 vpce-s3"]
        subgraph z0["eu-west-1a"]
          subgraph s0["10.0.1.0/24"]
            n0["tasks<br/>a"]
            n4["interface endpoints<br/>ecr.api vpce-ecr.api<br/>ecr.dkr vpce-ecr.dkr<br/>logs vpce-logs"]
          end
          subgraph s1["10.0.100.0/24"]
            n2["load balancer<br/>web<br/>pub"]
          end
        end
        subgraph z1["eu-west-1b"]
          subgraph s2["10.0.2.0/24"]
            n1["tasks<br/>b"]
            n6["interface endpoints<br/>ecr.api vpce-ecr.api<br/>ecr.dkr vpce-ecr.dkr<br/>logs vpce-logs"]
          end
        end
      end
      n3 --> n2
      n2 --> n0
      n0 -->|"ecr.api, ecr.dkr, logs"| n4
      n0 -->|"s3"| n5
      n1 -->|"ecr.api, ecr.dkr, logs"| n6
      n1 -->|"s3"| n5
    "#);
}

#[test]
fn by_nat_where_the_load_balancers_zone_has_no_tasks() {
    let mut vpc = with_nat();
    vpc.subnets[0].zone = "eu-west-1c".to_owned();
    insta::assert_snapshot!(drawn(&vpc, &task(), &plain()), @r#"
    %%{init: {"flowchart": {"wrappingWidth": 320}}}%%
    flowchart TB
      n3["clients on the internet"]
      n6["public addresses of AWS"]
      subgraph vpc["VPC 10.0.0.0/16"]
        n5["internet gateway<br/>igw-1"]
        subgraph z0["eu-west-1a"]
          subgraph s0["10.0.100.0/24"]
            n2["load balancer<br/>web<br/>pub"]
            n4["NAT gateway<br/>nat-1"]
          end
        end
        subgraph z1["eu-west-1b"]
          subgraph s1["10.0.2.0/24"]
            n0["tasks<br/>b"]
          end
        end
        subgraph z2["eu-west-1c"]
          subgraph s2["10.0.1.0/24"]
            n1["tasks<br/>a"]
          end
        end
      end
      n3 --> n2
      n2 --> n1
      n2 --> n0
      n5 --> n6
      n4 --> n5
      n1 -->|"ecr.api, ecr.dkr, logs, s3"| n4
      n0 -->|"ecr.api, ecr.dkr, logs, s3"| n4
    "#);
}

#[test]
fn mixed() {
    let mut vpc = complete();
    vpc.endpoint("vpce-logs").groups = set(&["sg-task"]);
    vpc.endpoint("vpce-logs").subnets = set(&["a"]);
    vpc.endpoint("vpce-s3").policy = Some("no policy".to_owned());
    vpc.endpoints.as_mut().expect("read").retain(|endpoint| endpoint.service != "ecr.dkr");
    insta::assert_snapshot!(drawn(&vpc, &task(), &plain()), @r#"
    %%{init: {"flowchart": {"wrappingWidth": 320}}}%%
    flowchart TB
      n3["clients on the internet"]
      n7["ecr.dkr"]
      subgraph vpc["VPC 10.0.0.0/16"]
        n6["gateway endpoint<br/>s3 vpce-s3"]
        subgraph z0["eu-west-1a"]
          subgraph s0["10.0.1.0/24"]
            n0["tasks<br/>a"]
            n4["interface endpoint<br/>ecr.api vpce-ecr.api"]
            n5["interface endpoint<br/>logs vpce-logs"]
          end
          subgraph s1["10.0.100.0/24"]
            n2["load balancer<br/>web<br/>pub"]
          end
        end
        subgraph z1["eu-west-1b"]
          subgraph s2["10.0.2.0/24"]
            n1["tasks<br/>b"]
            n8["interface endpoint<br/>ecr.api vpce-ecr.api"]
          end
        end
      end
      n3 --> n2
      n2 --> n0
      n0 -->|"ecr.api"| n4
      n0 -->|"logs<br/>NO: security group of the endpoint"| n5
      n0 -.->|"s3<br/>not known"| n6
      n0 -->|"ecr.dkr<br/>NO: route"| n7
      n1 -->|"logs<br/>NO: security group of the endpoint"| n5
      n1 -->|"ecr.api"| n8
      n1 -.->|"s3<br/>not known"| n6
      n1 -->|"ecr.dkr<br/>NO: route"| n7
      classDef broken fill:#ffebe9,stroke:#cf222e,stroke-width:3px,color:#82071e
      class n5,n7 broken
      linkStyle 3,5,6,9 stroke:#cf222e,stroke-width:3px
      linkStyle 4,8 stroke:#8c959f
    "#);
}

#[test]
fn what_is_broken_is_red() {
    let mut egress = complete();
    egress.group("sg-task").egress = vec![allow(Peer::PrefixList(S3_LIST.to_owned()))];
    insta::assert_snapshot!(red(&egress), @r#"
    n0["tasks<br/>a"]
    n1["tasks<br/>b"]
    n0 -->|"ecr.api, ecr.dkr, logs<br/>NO: security group of the task"| n4
    n1 -->|"ecr.api, ecr.dkr, logs<br/>NO: security group of the task"| n6
    "#);
    let mut own_acl = complete();
    own_acl.acl("acl-default").subnets = set(&["a", "pub"]);
    own_acl.acls.as_mut().expect("read").push(open_acl("acl-b", &["b"]));
    own_acl.acl("acl-b").outbound.clear();
    insta::assert_snapshot!(red(&own_acl), @r#"
    subgraph s2["10.0.2.0/24"]
    n0 -->|"ecr.api, ecr.dkr, logs<br/>NO: network ACL of the endpoint"| n4
    n1 -->|"ecr.api, ecr.dkr, logs<br/>NO: network ACL of the task"| n4
    n1 -->|"s3<br/>NO: network ACL of the task"| n5
    "#);
    let mut far_acl = complete();
    far_acl.endpoints.as_mut().expect("read")[0].subnets = set(&["pub"]);
    far_acl.acl("acl-default").subnets = set(&["a", "b"]);
    far_acl.acls.as_mut().expect("read").push(open_acl("acl-pub", &["pub"]));
    far_acl.acl("acl-pub").inbound.insert(1, entry(false, Ports::ALL, "10.0.0.0/16"));
    insta::assert_snapshot!(red(&far_acl), @r#"
    subgraph s1["10.0.100.0/24"]
    n0 -->|"ecr.api<br/>NO: network ACL of the endpoint"| n5
    n1 -->|"ecr.api<br/>NO: network ACL of the endpoint"| n5
    "#);
    let mut nat = with_nat();
    "failed".clone_into(&mut nat.nats.as_mut().expect("read")[0].state);
    insta::assert_snapshot!(red(&nat), @r#"
    n4["NAT gateway<br/>nat-1"]
    n0 -->|"ecr.api, ecr.dkr, logs, s3<br/>NO: NAT gateway"| n4
    n1 -->|"ecr.api, ecr.dkr, logs, s3<br/>NO: NAT gateway"| n4
    "#);
    let mut nat_acl = with_nat();
    nat_acl.acl("acl-default").subnets = set(&["a", "b"]);
    nat_acl.acls.as_mut().expect("read").push(open_acl("acl-pub", &["pub"]));
    nat_acl.acl("acl-pub").inbound.clear();
    insta::assert_snapshot!(red(&nat_acl), @r#"
    subgraph s1["10.0.100.0/24"]
    n0 -->|"ecr.api, ecr.dkr, logs, s3<br/>NO: network ACL of the NAT gateway"| n4
    n1 -->|"ecr.api, ecr.dkr, logs, s3<br/>NO: network ACL of the NAT gateway"| n4
    "#);
    let mut names = complete();
    names.endpoint("vpce-logs").private_dns = false;
    insta::assert_snapshot!(red(&names), @r#"
    n0 -->|"logs<br/>NO: DNS"| n5
    n1 -->|"logs<br/>NO: DNS"| n8
    "#);
    let mut gateway = complete();
    gateway.endpoint("vpce-s3").tables.clear();
    insta::assert_snapshot!(red(&gateway), @r#"
    n0 -->|"s3<br/>NO: route"| n5
    n1 -->|"s3<br/>NO: route"| n5
    "#);
    assert_eq!(red(&complete()), "");
}

#[test]
fn nothing_is_known() {
    let mut vpc = complete();
    let refused = |what: &str| Unknown { what: what.to_owned(), why: "was refused".to_owned() };
    vpc.endpoints = Err(refused("ec2:DescribeVpcEndpoints"));
    vpc.tables = Err(refused("ec2:DescribeRouteTables"));
    insta::assert_snapshot!(drawn(&vpc, &task(), &plain()), @r#"
    %%{init: {"flowchart": {"wrappingWidth": 320}}}%%
    flowchart TB
      n3["clients on the internet"]
      n4["ecr.api<br/>ecr.dkr<br/>logs<br/>s3"]
      subgraph vpc["VPC 10.0.0.0/16"]
        subgraph z0["eu-west-1a"]
          subgraph s0["10.0.1.0/24"]
            n0["tasks<br/>a"]
          end
          subgraph s1["10.0.100.0/24"]
            n2["load balancer<br/>web<br/>pub"]
          end
        end
        subgraph z1["eu-west-1b"]
          subgraph s2["10.0.2.0/24"]
            n1["tasks<br/>b"]
          end
        end
      end
      n3 --> n2
      n2 --> n0
      n0 -.->|"ecr.api, ecr.dkr, logs, s3<br/>not known"| n4
      n1 -.->|"ecr.api, ecr.dkr, logs, s3<br/>not known"| n4
      classDef unknown fill:#f6f8fa,stroke:#6e7781,stroke-dasharray:4,color:#424a53
      class n4 unknown
      linkStyle 2,3 stroke:#8c959f
    "#);
}

#[test]
fn a_regional_nat_gateway_stands_in_no_subnet() {
    let mut vpc = with_nat();
    vpc.nats = Ok(vec![Nat {
        id: "nat-1".to_owned(),
        is_public: true,
        state: "available".to_owned(),
        subnet: None,
    }]);
    let text = drawn(&vpc, &task(), &plain());
    assert!(text.contains("\n    n4[\"NAT gateway<br/>nat-1\"]\n"), "{text}");
}

#[test]
fn folded_for_a_comment() {
    insta::assert_snapshot!(folded("flowchart TB\n"), @"
    <details><summary>The network</summary>

    ```mermaid
    flowchart TB
    ```

    </details>
    ");
}

#[test]
fn a_broken_subnet_is_drawn_before_others() {
    let mut vpc = complete();
    vpc.subnets.extend((0..200).map(|at| subnet(&format!("x{at:03}"), "a", "10.0.1.0/24")));
    let ids: Vec<_> = vpc.subnets.iter().map(|it| it.id.clone()).collect();
    vpc.table("rtb-private").subnets = ids;
    vpc.acls.as_mut().expect("read").insert(0, open_acl("acl-x", &["x150"]));
    vpc.acl("acl-x").outbound.clear();
    let task = Task { subnets: vpc.subnets.iter().map(|it| it.id.clone()).collect(), ..task() };
    let text = drawn(&vpc, &task, &plain());
    assert!(text.contains("x150") && !text.contains("x149"), "{text}");
}
