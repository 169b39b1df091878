use super::*;
use crate::{
    address::{Address, Kind},
    context::GitHub,
    error::Problem,
    event::{Event, Outputs, Phase, Span, Verdict},
    plan::view::{Row, View},
    report::summary,
};
use proptest::prelude::*;
use pulldown_cmark::{Event as Md, Options, Parser, Tag, TagEnd};
use serde_json::json;
use std::time::Duration;

fn context(text: &str) -> Context {
    Context {
        commit: Some(text.into()),
        github: Some(GitHub {
            repository: "octo/app".into(),
            api_url: "https://api.github.com".into(),
            server_url: "https://github.com".into(),
            run_id: Some(42),
            pull_request: Some(7),
            token: None,
            output: None,
            step_summary: None,
        }),
        registry: None,
        environment: Some(text.into()),
        variables: std::collections::BTreeMap::new(),
    }
}

/// An outcome whose every text is this one.
fn outcome(text: &str, verdict: Option<Verdict>, command: Command) -> Outcome {
    let s = || Some(text.to_owned());
    let step = Row {
        reason: text.into(),
        action: "create",
        before: json!({ text: text }),
        after: json!(text),
    };
    Outcome {
        command,
        service: text.into(),
        plan: Some(
            View {
                steps: [(Address::new(Kind::Service, text), step)].into_iter().collect(),
                unchanged: 1,
                cost: Some(text.into()),
                warnings: vec![text.into()],
            }
            .into(),
        ),
        verdict,
        error: None,
        changed: true,
        outputs: Outputs {
            url: s(),
            image: s(),
            image_digest: s(),
            task_definition_arn: s(),
            service_arn: s(),
            cluster_arn: s(),
            load_balancer_dns: s(),
            changed: true,
        },
        timeline: vec![
            Span { name: "observe".into(), start: Duration::ZERO, end: Duration::from_secs(4) },
            Span {
                name: text.into(),
                start: Duration::from_secs(4),
                end: Duration::from_millis(61_500),
            },
        ],
        exit_code: 0,
    }
}

fn problem(text: &str) -> Problem {
    Problem::new(text).found(text).found(text).help(text)
}

fn verdicts(text: &str) -> [Option<Verdict>; 4] {
    [
        None,
        Some(Verdict::Succeeded),
        Some(Verdict::RolledBack(problem(text))),
        Some(Verdict::Superseded { by: text.into() }),
    ]
}

#[test]
fn a_deploy_that_worked() {
    let mut done = outcome("web", Some(Verdict::Succeeded), Command::Deploy);
    done.outputs.url = Some("https://web.example.com/".into());
    done.outputs.image = Some("1.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:12ab".into());
    done.outputs.task_definition_arn = None;
    let mut context = context("0123abcdef0123abcdef");
    context.environment = Some("preview/12".into());
    insta::assert_snapshot!(render(&done, &context), @"
    <!-- ecs-private-deploy:web:preview/12 -->
    ### ✅ `web` is deployed

    - **URL:** <https://web.example.com/>
    - **Image:** `1.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:12ab`
    - **Environment:** `preview/12`
    - **Commit:** [`0123abc`](https://github.com/octo/app/commit/0123abcdef0123abcdef)
    - **Took:** 1m 01s

    <details><summary>Plan: 1 to create, 1 unchanged</summary>

    | | what | why |
    |---|---|---|
    | create | `service/web` | web |

    Cost: web

    > **Warning:** web

    </details>

    <details><summary>Timeline</summary>

    ```mermaid
    gantt
        dateFormat HH:mm:ss.SSS
        axisFormat %M:%S
        todayMarker off
        observe 4.0s :00:00:00.000, 4000ms
        step/web 57s :00:00:04.000, 57500ms
    ```

    </details>

    <sub>[Log of this run](https://github.com/octo/app/actions/runs/42)</sub>
    ");
    insta::assert_snapshot!(summary::render(&done), @"
    ## ✅ `web` is deployed

    - **URL:** <https://web.example.com/>
    - **Image:** `1.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:12ab`
    - **Took:** 1m 01s

    <details><summary>Plan: 1 to create, 1 unchanged</summary>

    | | what | why |
    |---|---|---|
    | create | `service/web` | web |

    Cost: web

    > **Warning:** web

    </details>

    **Timeline**

    ```mermaid
    gantt
        dateFormat HH:mm:ss.SSS
        axisFormat %M:%S
        todayMarker off
        observe 4.0s :00:00:00.000, 4000ms
        step/web 57s :00:00:04.000, 57500ms
    ```
    ");
}

#[test]
fn a_deploy_that_failed_says_so_first() {
    let problem = Problem::new("the task of `web` stops")
        .found("exit code 1")
        .found("log: cannot bind @octocat #1")
        .help("run the image with `PORT=8080`");
    let mut failed = outcome("web", Some(Verdict::RolledBack(problem)), Command::Deploy);
    failed.outputs = Outputs::default();
    failed.timeline.clear();
    failed.plan = None;
    insta::assert_snapshot!(render(&failed, &Context::default()), @"
    <!-- ecs-private-deploy:web -->
    ### ❌ the new version of `web` failed, the previous version is back

    the task of `web` stops

    **What to do:** run the image with `PORT=8080`

    **What was found**

    ```text
    exit code 1
    log: cannot bind @octocat #1
    ```
    ");
}

#[test]
fn a_deploy_that_is_going_on() {
    let mut underway = Underway::default();
    let now = Duration::ZERO;
    underway.take(&Event::Phase(Phase::Apply), now);
    let plan = outcome("web", None, Command::Deploy).plan.expect("it has one");
    underway.take(&Event::Planned(plan), now);
    let address = Address::new(Kind::Service, "web");
    underway.take(&Event::StepDone { address, id: "x".into(), took: now }, now);
    insta::assert_snapshot!(
        render_underway(&underway, Command::Deploy, "web", &Context::default()),
        @"
    <!-- ecs-private-deploy:web -->
    ### ⏳ deploying `web`

    1 of 1 step done

    <details><summary>Plan: 1 to create, 1 unchanged</summary>

    | | what | why |
    |---|---|---|
    | create | `service/web` | web |

    Cost: web

    > **Warning:** web

    </details>
    "
    );
}

#[test]
fn each_service_and_environment_has_a_marker_of_its_own() {
    let markers = [
        marker("web", None),
        marker("web", Some("prod")),
        marker("web", Some("a:b -->\n@x")),
        marker("web:prod", None),
    ];
    insta::assert_snapshot!(markers.join("\n"), @"
    <!-- ecs-private-deploy:web -->
    <!-- ecs-private-deploy:web:prod -->
    <!-- ecs-private-deploy:web:a%3Ab%20--%3E%0A%40x -->
    <!-- ecs-private-deploy:web%3Aprod -->
    ");
}

/// What a reader, and GitHub's search for mentions, would see of a page.
#[derive(Debug, Default)]
struct Seen {
    html: Vec<String>,
    links: Vec<String>,
    running_text: String,
    open_details: i32,
}

fn seen(page: &str) -> Seen {
    let mut seen = Seen::default();
    let mut in_code = false;
    for event in Parser::new_ext(page, Options::all()) {
        match event {
            Md::Start(Tag::CodeBlock(_)) => in_code = true,
            Md::End(TagEnd::CodeBlock) => in_code = false,
            Md::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                seen.links.push(dest_url.into_string());
            }
            Md::Html(html) | Md::InlineHtml(html) => {
                seen.open_details += i32::from(html.contains("<details>"));
                seen.open_details -= i32::from(html.contains("</details>"));
                seen.html.push(html.trim().to_owned());
            }
            Md::Text(text) if !in_code => seen.running_text.push_str(&text),
            _ => {}
        }
    }
    seen
}

fn is_ours(html: &str) -> bool {
    let plan = "<details><summary>Plan: 1 to create, 1 unchanged</summary>";
    let fixed = [plan, "<details><summary>Timeline</summary>", "</details>", "<sub>", "</sub>"];
    let marker = html.starts_with("<!-- ecs-private-deploy:")
        && html.find('>') == Some(html.len() - 1)
        && html.ends_with(" -->");
    fixed.contains(&html) || marker
}

fn check(page: &str, limit: usize) {
    assert!(page.chars().count() < limit && page.len() < limit, "{} bytes", page.len());
    let seen = seen(page);
    assert!(seen.html.iter().all(|html| is_ours(html)), "{:?}\n{page}", seen.html);
    assert_eq!(seen.open_details, 0, "{page}");
    let ours = |link: &String| link.starts_with("http") && !link.contains(['@', '<', '`']);
    assert!(seen.links.iter().all(ours), "{:?}\n{page}", seen.links);
    let text = &seen.running_text;
    let mention =
        text.match_indices(['@', '#']).any(|(at, _)| !text[at + 1..].starts_with('\u{200b}'));
    assert!(!mention, "{text}");
}

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => proptest::sample::select(vec![
            "`", "``", "```", "````\n", "~~~", "\n", "\n\n", "\r\n", "@octocat", "@org/team", "#12",
            "</details>", "<details>", "</summary>", "<!--", "-->", "<script>", "<img src=x>",
            "[x](javascript:y)", "![x](https://evil/y)", "https://evil/", "|", "# ", "- ", "    ",
            "> ", "---", "===", "\\", "&#64;x", "*", "_", "$", ":", ";", "é", "\u{202e}", "<https://a@b>",
            "[^1]: ", "%%", "$$", "\t", "www.evil.com",
        ])
        .prop_map(str::to_owned),
        1 => ".{0,8}",
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn nothing_breaks_out_of_a_report(text in hostile()) {
        let context = context(&text);
        for verdict in verdicts(&text) {
            for command in [Command::Deploy, Command::Plan, Command::Destroy] {
                let outcome = outcome(&text, verdict.clone(), command);
                let comment = render(&outcome, &context);
                let marker = marker(&text, Some(&text));
                prop_assert_eq!(comment.lines().next(), Some(marker.as_str()));
                check(&comment, 65_536);
                check(&summary::render(&outcome), 1024 * 1024);
            }
        }
        let mut underway = Underway::default();
        underway.take(
            &Event::Planned(outcome(&text, None, Command::Deploy).plan.expect("it has one")),
            Duration::ZERO,
        );
        check(&render_underway(&underway, Command::Deploy, &text, &context), 65_536);
    }

    #[test]
    fn a_report_of_any_length_stays_under_the_limit(text in hostile(), times in 1_usize..40_000) {
        let long = text.repeat(times.min(150_000 / text.len().max(1)));
        let mut outcome = outcome("web", Some(Verdict::Failed(problem(&long))), Command::Deploy);
        let plan = View { warnings: vec![long.clone()], ..View::clone(outcome.plan.as_ref().expect("it has one")) };
        outcome.plan = Some(plan.into());
        outcome.outputs.url = Some(long.clone());
        outcome.timeline = vec![outcome.timeline[1].clone(); times / 10];
        check(&render(&outcome, &context("web")), 65_536);
        check(&summary::render(&outcome), 1024 * 1024 + 1);
        check(&summary::render_within(&outcome, 9_000), 9_001);
    }
}
