//! Elastic Load Balancing, and the certificates.

use super::{
    document::Grant,
    subject::{Purpose, Subject},
};

/// What ELB tells of; IAM knows no resource for any of it.
const READ: [&str; 7] = [
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeLoadBalancerAttributes",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:DescribeTags",
    "elasticloadbalancing:DescribeTargetGroupAttributes",
    "elasticloadbalancing:DescribeTargetGroups",
];

/// What is allowed at ELB, and at ACM.
pub(super) fn grants(of: &Subject<'_>) -> Vec<Grant> {
    let mut reads = match of.purpose {
        // It is drawn, and judged by nobody.
        Purpose::Doctor => vec![READ[2], READ[6]],
        _ => READ.to_vec(),
    };
    if of.purpose.makes() {
        reads.push("elasticloadbalancing:DescribeTargetHealth");
    }
    let mut grants = vec![of.here(reads)];
    match of.purpose {
        Purpose::Deploy => grants.extend(making(of)),
        Purpose::Destroy => grants.extend(unmaking(of)),
        Purpose::Preview => grants.extend(of_previews(of)),
        Purpose::Plan | Purpose::Doctor => {}
    }
    grants
}

/// The load balancer, its listeners, their rules.
struct Balancer {
    itself: [String; 1],
    listeners: [String; 1],
    rules: [String; 1],
}

impl Balancer {
    fn of(of: &Subject<'_>, name: &str) -> Self {
        let arn = |thing: &str| [of.arn("elasticloadbalancing", thing)];
        Self {
            itself: arn(&format!("loadbalancer/app/{name}/*")),
            listeners: arn(&format!("listener/app/{name}/*/*")),
            rules: arn(&format!("listener-rule/app/{name}/*/*/*")),
        }
    }
}

fn target_groups(of: &Subject<'_>) -> Vec<String> {
    let groups = of.own.target_groups.iter();
    groups.map(|name| of.arn("elasticloadbalancing", &format!("targetgroup/{name}/*"))).collect()
}

const CREATE_ACTION: &str = "elasticloadbalancing:CreateAction";

fn making(of: &Subject<'_>) -> Vec<Grant> {
    let balancer = Balancer::of(of, &of.config.load_balancer.name);
    let Balancer { itself, listeners, rules } = &balancer;
    let made = Grant::of("LoadBalancer", ["elasticloadbalancing:CreateLoadBalancer"]);
    let parts = [
        "elasticloadbalancing:CreateListener",
        "elasticloadbalancing:CreateRule",
        "elasticloadbalancing:CreateTargetGroup",
    ];
    let parts = Grant::of("ElbMake", parts).on(itself.clone()).on(listeners.clone());
    let tagged = Grant::of("ElbTagNew", ["elasticloadbalancing:AddTags"])
        .on(itself.clone())
        .on(listeners.clone())
        .on(rules.clone())
        .on(target_groups(of));
    let actions = ["CreateListener", "CreateLoadBalancer", "CreateRule", "CreateTargetGroup"];
    let used = Grant::of("ElbRegister", ["elasticloadbalancing:AddTags"]);
    let shared = [
        "elasticloadbalancing:DeleteListener",
        "elasticloadbalancing:ModifyListener",
        "elasticloadbalancing:ModifyLoadBalancerAttributes",
        "elasticloadbalancing:SetSecurityGroups",
        "elasticloadbalancing:SetSubnets",
    ];
    let own = [
        "elasticloadbalancing:DeleteRule",
        "elasticloadbalancing:ModifyRule",
        "elasticloadbalancing:ModifyTargetGroup",
        "elasticloadbalancing:ModifyTargetGroupAttributes",
    ];
    let internet = [INTERNET];
    vec![
        of.made(made.on(itself.clone())).when("StringEquals", SCHEME, internet),
        of.made(parts.on(target_groups(of))),
        tagged.when("StringEquals", CREATE_ACTION, actions),
        of.shared(of.tagging(used.on(itself.clone()).on(listeners.clone()))),
        of.shared(Grant::of("ElbChangeShared", shared).on(itself.clone()).on(listeners.clone())),
        of.owned(Grant::of("ElbChange", own).on(rules.clone()).on(target_groups(of))),
    ]
}

const SCHEME: &str = "elasticloadbalancing:Scheme";
const INTERNET: &str = "internet-facing";

fn unmaking(of: &Subject<'_>) -> Vec<Grant> {
    let Balancer { itself, listeners, rules } = Balancer::of(of, &of.config.load_balancer.name);
    let shared = [
        "elasticloadbalancing:DeleteListener",
        "elasticloadbalancing:DeleteLoadBalancer",
        "elasticloadbalancing:ModifyListener",
    ];
    let own = ["elasticloadbalancing:DeleteRule", "elasticloadbalancing:DeleteTargetGroup"];
    let untag = Grant::of("ElbUnregister", ["elasticloadbalancing:RemoveTags"]);
    vec![
        of.shared(Grant::of("ElbDeleteShared", shared).on(itself.clone()).on(listeners.clone())),
        of.owned(Grant::of("ElbDelete", own).on(rules).on(target_groups(of))),
        of.shared(of.tagging(untag.on(itself).on(listeners))),
    ]
}

/// What previews make at the load balancer that stands, and at those that they overflow to, which are made
/// and taken down with them.
fn of_previews(of: &Subject<'_>) -> Vec<Grant> {
    let name = &of.config.load_balancer.name;
    let (main, more) = (Balancer::of(of, name), Balancer::of(of, &format!("{name}-*")));
    let listeners = || main.listeners.iter().chain(&more.listeners).cloned();
    let rules = || main.rules.iter().chain(&more.rules).cloned();
    let parts = ["elasticloadbalancing:CreateRule", "elasticloadbalancing:CreateTargetGroup"];
    let own = [
        "elasticloadbalancing:DeleteRule",
        "elasticloadbalancing:DeleteTargetGroup",
        "elasticloadbalancing:ModifyRule",
        "elasticloadbalancing:ModifyTargetGroup",
        "elasticloadbalancing:ModifyTargetGroupAttributes",
    ];
    let made = Grant::of("LoadBalancer", ["elasticloadbalancing:CreateLoadBalancer"]);
    let listener = Grant::of("Listener", ["elasticloadbalancing:CreateListener"]);
    let overflow = [
        "elasticloadbalancing:DeleteListener",
        "elasticloadbalancing:DeleteLoadBalancer",
        "elasticloadbalancing:ModifyLoadBalancerAttributes",
    ];
    let overflow = Grant::of("ElbOverflow", overflow).on(more.itself.clone());
    let actions = ["CreateListener", "CreateLoadBalancer", "CreateRule", "CreateTargetGroup"];
    let tagged = Grant::of("ElbTagNew", ["elasticloadbalancing:AddTags"])
        .on(more.itself.clone())
        .on(more.listeners.clone())
        .on(rules())
        .on(target_groups(of));
    let mut grants = vec![
        of.made(Grant::of("ElbMake", parts).on(listeners()).on(target_groups(of))),
        of.owned(Grant::of("ElbChange", own).on(rules()).on(target_groups(of))),
        of.made_by_main(made.on(more.itself.clone())).when("StringEquals", SCHEME, [INTERNET]),
        of.made_by_main(listener.on(more.itself.clone())),
        of.owned_by_main(overflow.on(more.listeners.clone())),
        tagged.when("StringEquals", CREATE_ACTION, actions),
    ];
    if of.config.load_balancer.certificate.is_some() {
        grants.extend(certificates(of, &listeners().collect::<Vec<_>>()));
    }
    grants
}

/// What is done about the certificate of a preview's host.
fn certificates(of: &Subject<'_>, listeners: &[String]) -> Vec<Grant> {
    let certificate = of.arn("acm", "certificate/*");
    let mut grants = vec![
        of.here(["elasticloadbalancing:DescribeListenerCertificates"]),
        Grant::of("CertificateRead", ["acm:DescribeCertificate"]).on([certificate]),
    ];
    let has_own = of.config.preview.as_ref().is_some_and(|preview| preview.certificate.is_some());
    if has_own {
        let further = [
            "elasticloadbalancing:AddListenerCertificates",
            "elasticloadbalancing:RemoveListenerCertificates",
        ];
        let tags = ["elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags"];
        let on = |id, actions: [&'static str; 2]| {
            of.shared(Grant::of(id, actions).on(listeners.iter().cloned()))
        };
        grants.extend([on("Certificates", further), of.tagging(on("CertificateTags", tags))]);
    }
    grants
}
