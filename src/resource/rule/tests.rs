//! What a rule is made of, and what is changed of one that stands.

use super::*;

fn group(name: &str) -> Known {
    Known::Now(name.to_owned())
}

fn rule(weights: &[(&str, u32)]) -> Settings {
    Settings {
        listener: Known::Now("listener".to_owned()),
        priority: 100,
        host: Some("web.example.com".to_owned()),
        path: None,
        rewrite: None,
        target_groups: weights.iter().map(|&(name, weight)| (group(name), weight)).collect(),
    }
}

fn observed(settings: Settings) -> Observed {
    let ownership = Ownership::read([(crate::tags::STACK, "web")]);
    Observed {
        arn: "arn".to_owned(),
        ownership,
        priority: Some(settings.priority),
        takes: settings.takes(),
        settings: Some(settings),
    }
}

#[test]
fn weights_that_ecs_moved_are_not_moved_back() {
    let wanted = rule(&[("blue", 1), ("green", 0)]);
    for there in [[("blue", 0), ("green", 100)], [("blue", 90), ("green", 10)]] {
        assert_eq!(diff(&wanted, Some(&observed(rule(&there)))), None);
    }
}

#[test]
fn a_second_target_group_gets_no_requests_at_first() {
    let wanted = rule(&[("blue", 1), ("green", 0)]);
    for (there, live) in
        [("blue", [("blue", 1), ("green", 0)]), ("green", [("blue", 0), ("green", 1)])]
    {
        let change = diff(&wanted, Some(&observed(rule(&[(there, 1)]))));
        let Some(Action::Update { to, .. }) = change else { panic!("{change:?}") };
        assert_eq!(to.target_groups, rule(&live).target_groups);
    }
    let change = diff(&wanted, Some(&observed(rule(&[("other", 1)]))));
    let Some(Action::Update { to, .. }) = change else { panic!("{change:?}") };
    assert_eq!(to, wanted);
}

#[test]
fn what_a_rule_takes_and_where_it_leads_is_read_as_it_is_written() {
    let host = Some("web.example.com".to_owned());
    let path = Some("/pr-42".to_owned());
    for (host, path) in
        [(None, None), (host.clone(), None), (None, path.clone()), (host.clone(), path.clone())]
    {
        for groups in [&[("blue", 1)][..], &[("blue", 1), ("green", 0)]] {
            let rewrite = path.as_deref().map(Rewrite::off);
            let wanted =
                Settings { host: host.clone(), path: path.clone(), rewrite, ..rule(groups) };
            let written = Rule::builder()
                .priority("100")
                .set_conditions(Some(wanted.takes().conditions()))
                .set_transforms(transforms(&wanted))
                .actions(forward(&wanted, &Outputs::default()))
                .build();
            assert_eq!(settings(&written, "listener"), Some(wanted));
        }
    }
}

#[test]
fn tags_are_read_only_of_what_may_be_the_stacks_own() {
    let arn = |name: &str| format!("arn:aws:elasticloadbalancing:r:1:targetgroup/{name}/01");
    let rule = |takes: &Takes, group: &str| {
        let forward = ElbAction::builder().r#type(ActionTypeEnum::Forward);
        Rule::builder()
            .set_conditions(Some(takes.conditions()))
            .actions(forward.target_group_arn(arn(group)).build())
            .build()
    };
    let takes = Takes::of(Some("pr-42.example.com"), None);
    let other = Takes::of(Some("pr-43.example.com"), None);
    let own = Own { target_groups: vec!["web-pr-42".to_owned()], takes: takes.clone() };
    assert!(own.may_be(&rule(&takes, "other")));
    assert!(own.may_be(&rule(&other, "web-pr-42")));
    assert!(!own.may_be(&rule(&other, "web-pr-421")));
}
