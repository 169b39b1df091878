//! What no name and no size may do to a picture.

use super::*;
use proptest::prelude::*;

/// As many subnets, in three zones, as no VPC has, and needs that each go another way.
fn huge(subnets: usize, services: usize) -> String {
    let zones = ["a", "b", "c"];
    let id = |at: usize| format!("subnet-0123456789abc{at:04}");
    let mut vpc = bare();
    vpc.subnets.extend((0..subnets).map(|at| subnet(&id(at), zones[at % 3], "10.0.1.0/24")));
    let task = Task { subnets: (0..subnets).map(id).collect(), ..task() };
    let needs: Vec<_> = (0..services)
        .map(|at| Need {
            service: format!("service-{at}"),
            why: String::new(),
            is_outside: false,
            requests: Vec::new(),
        })
        .collect();
    let endpoints = needs.iter().enumerate().map(|(at, need)| interface(&need.service, &[&id(at)]));
    vpc.endpoints = Ok(endpoints.collect());
    drawn(&vpc, &task, &needs)
}

#[test]
fn what_would_be_refused_is_trimmed_and_says_so() {
    let text = huge(200, 4);
    let notes: Vec<_> = text.lines().filter(|line| line.contains("not drawn")).collect();
    insta::assert_snapshot!(notes.join("\n"), @r#"
    n8["59 more subnets of the tasks, not drawn"]
    n17["59 more subnets of the tasks, not drawn"]
    n26["58 more subnets of the tasks, not drawn"]
    "#);
    let text = huge(16, 90);
    let notes: Vec<_> = text.lines().filter(|line| line.contains("not drawn")).collect();
    insta::assert_snapshot!(notes.join("\n"), @r#"
    n57["600 more ways of the tasks, not drawn"]
      n4["2 more subnets of the tasks, not drawn"]
      n9["1 more subnet of the tasks, not drawn"]
      n14["1 more subnet of the tasks, not drawn"]
    "#);
}

/// Outside of quotes there is nothing but this program's own words.
fn check(text: &str) {
    assert!(text.len() <= MOST_TEXT, "{} bytes", text.len());
    let edges = text.lines().filter(|line| line.contains("->")).count();
    assert!(edges <= MOST_EDGES, "{edges} edges");
    let mut depth = 0;
    for line in text.lines().skip(1) {
        assert!(!line.contains(['`', '~', '%', '{', '}', '\\', '\r']), "{line}");
        assert!(!line.to_lowercase().contains("www."), "{line}");
        let pieces: Vec<_> = line.split('"').collect();
        assert!(pieces.len() == 1 || pieces.len() == 3, "{line}");
        if let [before, inside, after] = pieces[..] {
            let starts = ["|", "["];
            assert!(starts.iter().any(|start| before.ends_with(start)), "{line}");
            assert!(after == "]" || after.starts_with("| n"), "{line}");
            assert!(!inside.is_empty(), "{line}");
            let plain = inside.replace("<br/>", "").replace("NO: ", "");
            assert!(!plain.contains(['<', '>', '(', ')', '*', '_', '@', ':', '&']), "{line}");
        }
        match line.trim().split(' ').next() {
            Some("subgraph") => depth += 1,
            Some("end") => depth -= 1,
            _ => {}
        }
        assert!(depth >= 0, "{text}");
    }
    assert_eq!(depth, 0, "{text}");
}

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => proptest::sample::select(vec![
            "`", "```", "~~~", "\n", "\r\n", "\"", "#quot;", "#", ";", "]", "end", "subgraph", "-->", "%%",
            "%%{init: {}}%%", "click n0", "<b>", "</details>", "<br/>", "1. ", "- ", "www.", "fa:fa-x", "@x",
            "\u{202e}", "ﬂ°°34¶ß", "style a:#x;", "|", "\\", "é", "\u{2028}", "---", "&quot;", "_a_", "**",
        ])
        .prop_map(str::to_owned),
        1 => ".{0,8}",
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn finding(service: &str, subnet: &str, verdict: Verdict) -> Finding {
    let need = Need {
        service: service.to_owned(),
        why: String::new(),
        requests: Vec::new(),
        is_outside: false,
    };
    Finding { need, subnet: subnet.to_owned(), verdict }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn nothing_breaks_out_of_a_label(text in hostile(), other in hostile()) {
        let mut vpc = complete();
        for (at, subnet) in vpc.subnets.iter_mut().enumerate() {
            subnet.id = format!("{at}{text}");
            subnet.zone.clone_from(&other);
            subnet.cidr.clone_from(&text);
        }
        let mut named = interface(&text, &[]);
        named.id.clone_from(&other);
        named.subnets = [format!("0{text}")].into();
        vpc.endpoints = Ok(vec![named]);
        let task = Task { subnets: [format!("0{text}"), text.clone()].into(), ..task() };
        let broken = Broken { hop: Hop::Policy, what: other.clone(), fix: None };
        let findings = [
            finding(&text, &format!("0{text}"), Verdict::Unreachable(broken)),
            finding(&other, &text, Verdict::Unknown(vec![text.clone()])),
            finding(&other, &format!("0{text}"), Verdict::Reachable(Via::Nat(text.clone()))),
        ];
        let subnets = [format!("1{text}")].into();
        let load_balancer = LoadBalancer { name: &text, subnets: &subnets, is_internet_facing: true };
        let picture = Picture { vpc: &vpc, task: &task, findings: &findings, load_balancer: Some(load_balancer) };
        check(&mermaid(&picture));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(12) })]

    #[test]
    fn a_picture_is_never_larger_than_github_draws(subnets in 0_usize..120, services in 0_usize..120) {
        check(&huge(subnets, services));
    }
}
