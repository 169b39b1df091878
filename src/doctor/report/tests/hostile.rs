//! What no text from outside may do to a view.

use super::*;
use crate::network::{
    diagnose::Finding,
    fix::Fix,
    needs::Need,
    verdict::{Broken, Hop, Via},
};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// A report whose every text is this one.
fn hostile(text: &str) -> Report {
    let need = Need {
        service: text.to_owned(),
        why: text.to_owned(),
        requests: Vec::new(),
        is_outside: false,
    };
    let finding = |subnet: &str, verdict| Finding {
        need: need.clone(),
        subnet: format!("{subnet}{text}"),
        verdict,
    };
    let fix = Fix::DropStatement {
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
    report.diagnosis.problems = vec![Problem { broken, service, subnet, is_outside: false }];
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
    x` ``` ~~~ </details> @octocat #1 | [x](javascript:y) <b> [31m  rm -rf ' in vpc-1 (eu-west-1): 1 of 1 need cannot be reached from ax` ``` ~~~ </details> @octocat #1 | [x](javascript:y) <b> [31m  rm -rf ', and 1 could not be judged, and there are not enough addresses

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
            ```
            ~~~
            </details> @octocat #1 | [x](javascript:y) <b> [31m rm -rf '

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
