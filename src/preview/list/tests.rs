//! The rows of a list, and its three views.

use super::*;
use crate::{
    config::{model::PreviewOf, sample},
    cost::prices::PriceList,
    preview::found::{Balancer, Service},
    tags::Ownership,
};

const NOW: i64 = 1_795_000_000;
const HOUR: i64 = 3600;

fn found(number: u64, is_spot: bool) -> Found {
    let preview_of = Some(PreviewOf { service: "web".to_owned(), number });
    let repository = Some("octo/web".to_owned());
    let service = Service {
        ownership: Ownership { preview_of, repository, ..Ownership::default() },
        since: Some(NOW - 200 * HOUR),
        deployed: Some(NOW - 3 * HOUR - 300),
        desired: 1,
        running: 1,
        task_definition: "web:1".to_owned(),
        is_spot,
    };
    Found {
        number,
        name: format!("web-pr-{number}"),
        since: service.since,
        deployed: service.deployed,
        service: Some(service),
        parts: vec!["service", "target group"],
        load_balancer: Some(Balancer {
            name: if is_spot { "web-2".to_owned() } else { "web".to_owned() },
            dns: "shared-1.eu-central-1.elb.amazonaws.com".to_owned(),
        }),
    }
}

fn listed(preview: &str, found: &[Found], standings: &BTreeMap<u64, Standing>) -> List {
    let main = sample(&format!("service: web\npreview: {preview}\n"));
    let size = Size { cpu: 256, memory: 512, is_arm: false };
    let prices = PriceList::own();
    let inputs = Inputs {
        found,
        standings,
        sizes: &[("web:1".to_owned(), Some(size))].into(),
        prices: prices.of("eu-central-1"),
        region: "eu-central-1",
        now: NOW,
    };
    list(&main, &inputs)
}

fn four() -> List {
    let half = Found {
        service: None,
        parts: vec!["target group", "log group"],
        since: None,
        deployed: None,
        ..found(44, false)
    };
    let old = Found { deployed: Some(NOW - 190 * HOUR), ..found(45, false) };
    let no_answer = Problem::new("`GET /x` answered 403 no").help("say please");
    let standings = [
        (42, Standing::Open),
        (43, Standing::Closed { is_merged: true, at: None }),
        (44, Standing::Closed { is_merged: false, at: None }),
        (45, Standing::Unknown(no_answer)),
    ];
    listed("{ ttl: 7d }", &[found(42, false), found(43, true), half, old], &standings.into())
}

#[test]
fn what_people_read() {
    insta::assert_snapshot!(view::text(&four()), @r"
    4 previews of `web` in eu-central-1

      pull request  state      made       last deploy  tasks   USD a month  where
      #42           open       8d 8h ago  3h 05m ago   1 of 1        10.36  http://shared-1.eu-central-1.elb.amazonaws.com/pr-42/
      #43           merged     8d 8h ago  3h 05m ago   1 of 1    from 3.11  http://shared-1.eu-central-1.elb.amazonaws.com/pr-43/
      #44           closed     –          –            –                 –  incomplete: target group, log group
      #45           not known  8d 8h ago  7d 22h ago   1 of 1        10.36  http://shared-1.eu-central-1.elb.amazonaws.com/pr-45/

    `preview sweep` takes down `web-pr-43`: its pull request is merged
    `preview sweep` takes down `web-pr-44`: its pull request is closed
    `preview sweep` takes down `web-pr-45`: nothing was deployed for 7d 22h, and `ttl` is 7d 0h
    together 23.83 (with Spot at its cheapest) to 31.09 USD a month before traffic, beside what is shared, at prices of 2026-07-07
    whether a pull request is open is not known: `GET /x` answered 403 no
      help: say please
    ");
    insta::assert_snapshot!(view::markdown(&four()), @r"
    **4 previews of `web` in eu-central-1**

    | pull request | state | made | last deploy | tasks | USD a month | where |
    |--:|---|---|---|---|--:|---|
    | 42 | open | 8d 8h ago | 3h 05m ago | 1 of 1 | 10.36 | <http://shared-1.eu-central-1.elb.amazonaws.com/pr-42/> |
    | 43 | merged | 8d 8h ago | 3h 05m ago | 1 of 1 | from 3.11 | <http://shared-1.eu-central-1.elb.amazonaws.com/pr-43/> |
    | 44 | closed | – | – | – | – | incomplete: target group, log group |
    | 45 | not known | 8d 8h ago | 7d 22h ago | 1 of 1 | 10.36 | <http://shared-1.eu-central-1.elb.amazonaws.com/pr-45/> |

    `preview sweep` takes down `web-pr-43`: its pull request is merged

    `preview sweep` takes down `web-pr-44`: its pull request is closed

    `preview sweep` takes down `web-pr-45`: nothing was deployed for 7d 22h, and `ttl` is 7d 0h

    together 23.83 (with Spot at its cheapest) to 31.09 USD a month before traffic, beside what is shared, at prices of 2026-07-07

    whether a pull request is open is not known: `GET /x` answered 403 no\
    help: say please
    ");
}

#[test]
fn what_programs_read() {
    let list: serde_json::Value = serde_json::from_str(&view::json(&four())).expect("JSON");
    insta::assert_snapshot!(serde_json::to_string_pretty(&list["previews"][1]).expect("JSON"), @r#"
    {
      "pull_request": 43,
      "service": "web-pr-43",
      "repository": "octo/web",
      "state": "merged",
      "goes": "its pull request is merged",
      "url": "http://shared-1.eu-central-1.elb.amazonaws.com/pr-43/",
      "made": "2026-11-10T03:06:40Z",
      "deployed": "2026-11-18T08:01:40Z",
      "desired": 1,
      "running": 1,
      "is_spot": true,
      "usd_a_month": {
        "from": 3.11,
        "to": 10.36
      },
      "parts": [
        "service",
        "target group"
      ]
    }
    "#);
    assert_eq!(list["previews"][2]["parts"], serde_json::json!(["target group", "log group"]));
    assert_eq!(list["previews"][2]["url"], serde_json::Value::Null);
}

#[test]
fn none_is_said_and_a_host_is_where_it_answers() {
    let none = listed("{}", &[], &BTreeMap::new());
    insta::assert_snapshot!(view::text(&none), @"No preview of `web` stands in eu-central-1");
    let under = "load-balancer: { host: www.example.com }\npreview: {}";
    let (own, spread) = (found(7, false), found(8, true));
    let main = sample(&format!("service: web\n{under}\n"));
    assert_eq!(url(&main, &own).as_deref(), Some("http://www.example.com/pr-7/"));
    let dns = "http://shared-1.eu-central-1.elb.amazonaws.com/pr-8/";
    assert_eq!(url(&main, &spread).as_deref(), Some(dns), "the host leads to the first");
    let host = listed("{ host: 'pr-{number}.example.com' }", &[found(7, false)], &BTreeMap::new());
    assert_eq!(host.rows[0].url.as_deref(), Some("http://pr-7.example.com"));
    assert_eq!(host.rows[0].state, "not known");
}
