//! Whatever a text says, it stays a text, and a report stays under GitHub's limit.

use super::*;
use proptest::prelude::*;
use pulldown_cmark::{Event as Md, Options, Parser, Tag, TagEnd};

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
    let titles = [
        "Plan: 1 to create, 1 unchanged",
        "Taken down: 1 thing",
        "What was found",
        "The network",
        "Timeline",
    ];
    let folded = titles.map(|title| format!("<details><summary>{title}</summary>"));
    let fixed = ["</details>", "<sub>", "</sub>", "<!-- run 42 -->"];
    let marker = html.starts_with("<!-- ecs-private-deploy:")
        && html.find('>') == Some(html.len() - 1)
        && html.ends_with(" -->");
    fixed.contains(&html) || folded.iter().any(|title| title == html) || marker
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
            for (command, preview) in [
                (Command::Deploy, None),
                (Command::Plan, None),
                (Command::Destroy, None),
                (Command::PreviewUp, Some(42)),
                (Command::PreviewDown, Some(42)),
            ] {
                let ended = Outcome { preview, ..outcome(&text, verdict.clone(), command) };
                let neutral = Outcome { neutral: Some(problem(&text)), ..ended.clone() };
                for outcome in [ended, neutral] {
                    let comment = render(&outcome, &context);
                    let marker = marker(&text, preview.is_none().then_some(text.as_str()));
                    let hidden: Vec<_> = comment.lines().take(2).collect();
                    prop_assert_eq!(hidden, [marker.as_str(), "<!-- run 42 -->"]);
                    check(&comment, 65_536);
                    check(&summary::render(&outcome), 1024 * 1024);
                }
            }
        }
        let mut underway = Underway::default();
        underway.take(
            &Event::Planned(outcome(&text, None, Command::Deploy).plan.expect("it has one")),
            Duration::ZERO,
        );
        check(&render_underway(&underway, &subject(&text), &context), 65_536);
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
