use super::*;

const WELL: &str = "\
x-north-1:
  date: 2026-10-05
  source: the invoice
  endpoint: { hour: 0.02, gb: [{ usd: 0.01 }] }
  nat: { hour: 0.05, gb: 0.05 }
  public-ipv4: { hour: 0.005 }
";

fn told(text: &str) -> String {
    let rendered = read("prices.yml", text).expect_err("it is wrong");
    // The colours are the terminal's.
    let mut plain = String::new();
    let mut rest = rendered.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    plain.push_str(rest);
    plain
}

#[test]
fn what_is_not_required_may_be_left_out() {
    let prices = read("prices.yml", WELL).expect("it is well");
    let north = prices.get("x-north-1").expect("it is there");
    assert_eq!((north.load_balancer, north.fargate_x86, north.fargate_arm), (None, None, None));
    assert_eq!(
        north.endpoint_gb,
        [Tier { usd: Usd::parse("0.01").expect("a price"), up_to: None }]
    );
}

#[test]
fn every_wrong_line_is_told_with_its_place() {
    let text = "\
a:
  date: 5 October
  source: ''
  endpoint: { hour: -0.02, gb: [{ usd: 0.01, up-to: 10 }, { usd: cheap, up-to: 5 }] }
  nat: { hour: 1e-2 }
  public-ipv4: 0.005
  fargate: { x86: { vcpu-hour: \"0.04\", gb-hour: 0.00444444444444 }, risc: {} }
a: []
b: 3
";
    insta::assert_snapshot!(told(text), @r#"
    error: `a.date` is no date
     --> prices.yml:2:9
      |
    2 |   date: 5 October
      |         ^^^^^^^^^
      |
      = help: write the day on which the prices were read: 2026-10-05

    error: `a.source` has to be text
     --> prices.yml:3:11
      |
    3 |   source: ''
      |           ^^

    error: `a.endpoint.hour` is no price
     --> prices.yml:4:21
      |
    4 |   endpoint: { hour: -0.02, gb: [{ usd: 0.01, up-to: 10 }, { usd: cheap, up-to: 5 }] }
      |                     ^^^^^ not a price
      |
      = help: write USD as digits with at most nine decimals: 0.0225

    error: `a.endpoint.gb[1].usd` is no price
     --> prices.yml:4:66
      |
    4 |   endpoint: { hour: -0.02, gb: [{ usd: 0.01, up-to: 10 }, { usd: cheap, up-to: 5 }] }
      |                                                                  ^^^^^ not a price
      |
      = help: write USD as digits with at most nine decimals: 0.0225

    error: `a.endpoint.gb[1]` is the last and has an end
     --> prices.yml:4:80
      |
    4 |   endpoint: { hour: -0.02, gb: [{ usd: 0.01, up-to: 10 }, { usd: cheap, up-to: 5 }] }
      |                                                                                ^

    error: `a.nat.gb` is missing
     --> prices.yml:5:8
      |
    5 |   nat: { hour: 1e-2 }
      |        ^ in this section

    error: `a.nat.hour` is no price
     --> prices.yml:5:16
      |
    5 |   nat: { hour: 1e-2 }
      |                ^^^^ not a price
      |
      = help: write USD as digits with at most nine decimals: 0.0225

    error: `a.public-ipv4` is a number, and has to be a section
     --> prices.yml:6:16
      |
    6 |   public-ipv4: 0.005
      |                ^^^^^

    error: `a.fargate.x86.vcpu-hour` is no price
     --> prices.yml:7:32
      |
    7 |   fargate: { x86: { vcpu-hour: "0.04", gb-hour: 0.00444444444444 }, risc: {} }
      |                                ^^^^^^ not a price
      |
      = help: write USD as digits with at most nine decimals: 0.0225

    error: `a.fargate.x86.gb-hour` is no price
     --> prices.yml:7:49
      |
    7 |   fargate: { x86: { vcpu-hour: "0.04", gb-hour: 0.00444444444444 }, risc: {} }
      |                                                 ^^^^^^^^^^^^^^^^ not a price
      |
      = help: write USD as digits with at most nine decimals: 0.0225

    error: unknown key `a.fargate.risc`
     --> prices.yml:7:69
      |
    7 |   fargate: { x86: { vcpu-hour: "0.04", gb-hour: 0.00444444444444 }, risc: {} }
      |                                                                     ^^^^ not a price's key
      |
      = help: the keys are x86, arm

    error: the key `a` stands twice
     --> prices.yml:8:1
      |
    1 | a:
      | - first here
    ...
    8 | a: []
      | ^ again here

    error: `b` is a number, and has to be a section
     --> prices.yml:9:4
      |
    9 | b: 3
      |    ^
    "#);
}

#[test]
fn tiers_follow_each_other_and_the_last_has_no_end() {
    let with = |tiers: &str| told(&WELL.replace("[{ usd: 0.01 }]", tiers));
    for (tiers, expected) in [
        ("[]", "`x-north-1.endpoint.gb` is empty"),
        ("[{ usd: 0.01, up-to: 5 }]", "`x-north-1.endpoint.gb[0]` is the last and has an end"),
        (
            "[{ usd: 1 }, { usd: 2 }]",
            "`x-north-1.endpoint.gb[0].up-to` has to be a number of GB above 0",
        ),
        ("[{ usd: 1, up-to: 5 }, { usd: 2, up-to: 5 }, { usd: 3 }]", "GB above 5"),
        ("{ usd: 1 }", "`x-north-1.endpoint.gb` is a section, and has to be a list"),
    ] {
        let told = with(tiers);
        assert!(told.contains(expected) && told.contains("prices.yml:4:"), "{tiers}: {told}");
    }
}

#[test]
fn what_is_no_price_file() {
    for (text, expected) in [
        ("", "the file is nothing"),
        ("{}", "the price file has no region"),
        ("- 1\n", "the file is a list"),
        ("a: [\n", "this is no YAML"),
        ("\u{0}", "this is no YAML"),
    ] {
        assert!(told(text).contains(expected), "{text:?}: {}", told(text));
    }
}
