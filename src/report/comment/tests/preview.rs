//! What a pull request reads of its preview.

use super::*;

fn preview(command: Command, verdict: Option<Verdict>) -> Outcome {
    let mut outcome = outcome("web-pr-42", verdict, command);
    outcome.preview = Some(42);
    outcome.outputs = Outputs {
        url: Some("https://pr-42.preview.example.com".into()),
        image: Some("1.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:12ab".into()),
        ..Outputs::default()
    };
    outcome.cost = Some("about 3 USD a month for 1 task".into());
    let plan = outcome.plan.as_deref().cloned().expect("it has one");
    outcome.plan = Some(View { picture: None, cost: None, warnings: Vec::new(), ..plan }.into());
    outcome.timeline.clear();
    outcome
}

fn context() -> Context {
    Context { environment: Some("production".into()), ..super::context("0123abcdef0123abcdef") }
}

#[test]
fn a_preview_that_failed_says_why_first() {
    let why = Problem::new("the task of `web-pr-42` stops: exit code 1")
        .found("log: thrown by @octocat in #12 ```")
        .help("run the image with `PORT=8080`");
    let mut failed = preview(Command::PreviewUp, Some(Verdict::RolledBack(why)));
    failed.exit_code = 5;
    insta::assert_snapshot!(render(&failed, &context()), @r"
    <!-- ecs-private-deploy:web -->
    <!-- run 42 -->
    ### ❌ the new version of `web-pr-42` failed, the previous version is back

    the task of `web-pr-42` stops: exit code 1

    **What to do:** run the image with `PORT=8080`

    - **URL:** <https://pr-42.preview.example.com>
    - **Image that failed:** `1.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:12ab`
    - **Commit:** [`0123abc`](https://github.com/octo/app/commit/0123abcdef0123abcdef)
    - **Cost:** about 3 USD a month for 1 task

    <details><summary>What was found</summary>

    ````text
    log: thrown by @octocat in #12 ```
    ````

    </details>

    <details><summary>Plan: 1 to create, 1 unchanged</summary>

    | | what | why |
    |---|---|---|
    | create | `service/web-pr-42` | web-pr-42 |

    </details>

    <sub>[Log of this run](https://github.com/octo/app/actions/runs/42)</sub>
    ");
}

#[test]
fn a_preview_that_is_gone_says_what_went() {
    let mut down = preview(Command::PreviewDown, None);
    down.outputs = Outputs::default();
    insta::assert_snapshot!(render(&down, &context()), @r"
    <!-- ecs-private-deploy:web -->
    <!-- run 42 -->
    ### ✅ the preview `web-pr-42` is taken down

    - **Commit:** [`0123abc`](https://github.com/octo/app/commit/0123abcdef0123abcdef)

    **Taken down: 1 thing**

    | | what | why |
    |---|---|---|
    | create | `service/web-pr-42` | web-pr-42 |

    <sub>[Log of this run](https://github.com/octo/app/actions/runs/42)</sub>
    ");
    let up_and_down = Outcome {
        command: Command::PreviewUp,
        neutral: Some(Problem::new("pull request 42 is merged since 2026-11-25T13:00:00Z")),
        ..down
    };
    insta::assert_snapshot!(render(&up_and_down, &context()).lines().take(8).collect::<Vec<_>>().join("\n"), @r"
    <!-- ecs-private-deploy:web -->
    <!-- run 42 -->
    ### ⚠️ the preview `web-pr-42` is taken down again

    pull request 42 is merged since 2026-11-25T13:00:00Z

    - **Commit:** [`0123abc`](https://github.com/octo/app/commit/0123abcdef0123abcdef)
    ");
}

#[test]
fn the_service_and_its_previews_have_one_comment_in_a_pull_request() {
    let mark = |service, preview| mark(service, preview, &Context::default());
    assert_eq!(mark("web-pr-42", Some(42)), mark("web", None));
    assert_ne!(mark("web-pr-42", Some(7)), mark("web", None));
    // A preview has an environment of its own, whatever the input says.
    let preview = super::mark("web-pr-42", Some(42), &context());
    assert_eq!(preview, mark("web", None));
    assert_ne!(super::mark("web", None, &context()), mark("web", None));
}

#[test]
fn a_run_that_did_nothing_makes_no_comment_and_writes_over_none() {
    let problem = || Problem::new("x");
    let quiet = |command| Outcome { changed: false, ..preview(command, None) };
    let superseded = Verdict::Superseded { by: "ecs-svc/2".into(), whose: problem() };
    let rows = [
        ("up", preview(Command::PreviewUp, Some(Verdict::Succeeded))),
        ("up, nothing to do", quiet(Command::PreviewUp)),
        ("up, closed", Outcome { neutral: Some(problem()), ..quiet(Command::PreviewUp) }),
        (
            "up, closed meanwhile",
            Outcome { neutral: Some(problem()), ..preview(Command::PreviewUp, None) },
        ),
        ("up, superseded", preview(Command::PreviewUp, Some(superseded))),
        (
            "up, cancelled",
            Outcome { error: Some(problem()), is_cancelled: true, ..quiet(Command::PreviewUp) },
        ),
        ("down", preview(Command::PreviewDown, None)),
        ("down, nothing there", quiet(Command::PreviewDown)),
        ("down, failed", Outcome { error: Some(problem()), ..quiet(Command::PreviewDown) }),
        ("plan", quiet(Command::Plan)),
        ("plan, a fork", Outcome { neutral: Some(problem()), ..quiet(Command::Plan) }),
    ];
    let told: Vec<_> = rows
        .iter()
        .map(|(name, outcome)| {
            let Body { creates, yields, .. } = ended(outcome, &context());
            let creates = if creates { "makes it" } else { "edits it" };
            format!(
                "{name}: {creates}{}",
                if yields { ", unless another run wrote it" } else { "" }
            )
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    up: makes it
    up, nothing to do: makes it
    up, closed: edits it, unless another run wrote it
    up, closed meanwhile: makes it
    up, superseded: makes it, unless another run wrote it
    up, cancelled: makes it, unless another run wrote it
    down: makes it
    down, nothing there: edits it
    down, failed: makes it
    plan: makes it
    plan, a fork: edits it, unless another run wrote it
    ");
}
