//! Which of several routes is taken.

use crate::network::{
    model::Topology,
    scene::{bare, complete, nat, plain, route, task, with_nat},
    subnets::{Route, Target},
    verdict::{Verdict, judge},
};

fn hop(vpc: &Topology, service: &str) -> String {
    let need = plain().into_iter().find(|need| need.service == service).expect("a need");
    match judge(vpc, &task(), &need, "a") {
        Verdict::Reachable(via) => format!("by {via}"),
        Verdict::Unreachable(broken) => format!("{:?}: {}", broken.hop, broken.what),
        Verdict::Unknown(why) => format!("unknown: {}", why.join("; ")),
    }
}

fn away() -> Target {
    Target::Elsewhere("tgw-1".to_owned())
}

#[test]
fn two_halves_are_a_default_route() {
    let mut vpc = bare();
    vpc.table("rtb-private").routes.extend([route("0.0.0.0/1", nat())]);
    insta::assert_snapshot!(hop(&vpc, "ecr.api"), @"unknown: 0.0.0.0/1 in rtb-private leads to nat-1, and whether ecr.api is there is not known");
    vpc.table("rtb-private").routes.push(route("128.0.0.0/1", nat()));
    assert_eq!(hop(&vpc, "ecr.api"), "by nat-1");
    // The same in the NAT gateway's own subnet.
    let igw = vpc.table("rtb-main").routes.pop().expect("the default route").target;
    vpc.table("rtb-main").routes.push(route("0.0.0.0/1", igw.clone()));
    vpc.table("rtb-main").routes.push(route("128.0.0.0/1", igw));
    assert_eq!(hop(&vpc, "ecr.api"), "by nat-1");
    vpc.table("rtb-main").routes.pop();
    assert!(hop(&vpc, "ecr.api").starts_with("unknown: 0.0.0.0/1 in rtb-main leads to igw-1"));
}

#[test]
fn two_halves_that_part_are_a_doubt() {
    let mut vpc = bare();
    let halves = [route("0.0.0.0/1", nat()), route("128.0.0.0/1", away())];
    vpc.table("rtb-private").routes.extend(halves);
    insta::assert_snapshot!(hop(&vpc, "ecr.api"), @"unknown: 0.0.0.0/1 in rtb-private leads to nat-1, and whether ecr.api is there is not known");
    // All of what is known of S3 lies in the lower half.
    assert_eq!(hop(&vpc, "s3"), "by nat-1");
}

#[test]
fn a_narrower_route_to_the_same_target_changes_nothing() {
    let mut vpc = with_nat();
    vpc.table("rtb-private").routes.push(route("52.0.0.0/8", nat()));
    assert_eq!(hop(&vpc, "ecr.api"), "by nat-1");
    assert_eq!(hop(&vpc, "s3"), "by nat-1");
}

#[test]
fn a_narrower_blackhole_swallows_some_addresses() {
    let mut vpc = with_nat();
    let gone = Route { is_active: false, ..route("18.0.0.0/8", away()) };
    vpc.table("rtb-private").routes.push(gone);
    insta::assert_snapshot!(hop(&vpc, "ecr.api"), @"unknown: 18.0.0.0/8 in rtb-private is a blackhole since it led to tgw-1, and whether ecr.api is there is not known");
    assert_eq!(hop(&vpc, "s3"), "by nat-1");
}

#[test]
fn a_route_past_the_gateway_endpoint_is_a_doubt() {
    let mut vpc = complete();
    vpc.table("rtb-private").routes.push(route("52.92.1.0/24", away()));
    insta::assert_snapshot!(hop(&vpc, "s3"), @"unknown: 52.92.1.0/24 in rtb-private leads to tgw-1, and whether s3 is there is not known");
    vpc.table("rtb-private").routes.pop();
    // The prefix list's blocks are narrower than these.
    vpc.table("rtb-private").routes.push(route("52.0.0.0/8", away()));
    vpc.table("rtb-private").routes.push(route("0.0.0.0/0", nat()));
    assert_eq!(hop(&vpc, "s3"), "by vpce-s3");
}

#[test]
fn a_prefix_list_that_was_not_read_is_a_doubt() {
    let mut vpc = with_nat();
    vpc.table("rtb-private").routes.push(route("pl-offices", away()));
    insta::assert_snapshot!(hop(&vpc, "ecr.api"), @"unknown: pl-offices in rtb-private leads to tgw-1, and whether ecr.api is there is not known");
    let default = vpc.table("rtb-private").routes.remove(1);
    assert_eq!(default.destination, "0.0.0.0/0");
    assert!(hop(&vpc, "ecr.api").starts_with("unknown: pl-offices"));
}
