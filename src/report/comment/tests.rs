mod inert;
mod preview;

use super::*;
use crate::{
    address::{Address, Kind},
    context::GitHub,
    error::Problem,
    event::{Event, Outputs, Pause, Phase, RolloutState, Span, Verdict},
    plan::view::{Row, View},
    report::summary,
};
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
        environment: Some(text.into()),
        ..Context::default()
    }
}

fn subject(service: &str) -> Subject {
    Subject { command: Command::Deploy, service: service.into(), preview: None }
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
        preview: None,
        neutral: None,
        plan: Some(
            View {
                steps: [(Address::new(Kind::Service, text), step)].into_iter().collect(),
                unchanged: 1,
                cost: Some(text.into()),
                warnings: vec![text.into()],
                addresses: Vec::new(),
                picture: Some(text.into()),
            }
            .into(),
        ),
        verdict,
        error: None,
        changed: true,
        is_cancelled: false,
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
        cost: Some(text.into()),
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
        Some(Verdict::Superseded { by: text.into(), whose: problem(text) }),
    ]
}

#[test]
fn a_rollout_that_waits_says_so_while_it_does() {
    let mut underway = Underway::default();
    underway.take(&Event::Phase(Phase::Rollout), Duration::ZERO);
    let pause = Pause { since: Some(1_700_000_000), until: Some(1_700_086_400), continues: false };
    let state = RolloutState {
        desired: 2,
        running: 2,
        old_running: 2,
        targets: vec![("healthy".into(), 2)],
        stage: Some("POST_SCALE_UP".into()),
        pause: Some(pause),
        ..RolloutState::default()
    };
    underway.take(&Event::Rollout(state), Duration::from_secs(9));
    let body = render_underway(&underway, &subject("web"), &Context::default());
    insta::assert_snapshot!(body, @r"
    <!-- ecs-private-deploy:web -->
    <!-- run 0 -->
    ### ⏳ deploying `web`

    2 of 2 tasks running

    - POST\_SCALE\_UP
    - targets: 2 healthy
    - 2 old running
    - ECS waits for your word since 2023-11-14 22:13 UTC; at 2023-11-15 22:13 UTC it rolls back by itself
    - to go on: `ecs-private-deploy continue`
    - to go back: `ecs-private-deploy rollback`
    ");
}

#[test]
fn a_deploy_that_worked() {
    let mut done = outcome("web", Some(Verdict::Succeeded), Command::Deploy);
    done.outputs.url = Some("https://web.example.com/".into());
    done.outputs.image = Some("1.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:12ab".into());
    done.outputs.task_definition_arn = None;
    let mut context = context("0123abcdef0123abcdef");
    context.environment = Some("preview/12".into());
    insta::assert_snapshot!(render(&done, &context), @r"
    <!-- ecs-private-deploy:web:preview/12 -->
    <!-- run 42 -->
    ### ✅ `web` is deployed

    - **URL:** <https://web.example.com/>
    - **Image:** `1.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:12ab`
    - **Environment:** `preview/12`
    - **Commit:** [`0123abc`](https://github.com/octo/app/commit/0123abcdef0123abcdef)
    - **Cost:** web
    - **Took:** 1m 01s

    <details><summary>Plan: 1 to create, 1 unchanged</summary>

    | | what | why |
    |---|---|---|
    | create | `service/web` | web |

    Cost: web

    > **Warning:** web

    </details>

    <details><summary>The network</summary>

    ```mermaid
    web
    ```

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
    insta::assert_snapshot!(summary::render(&done), @r"
    ## ✅ `web` is deployed

    - **URL:** <https://web.example.com/>
    - **Image:** `1.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:12ab`
    - **Cost:** web
    - **Took:** 1m 01s

    <details><summary>Plan: 1 to create, 1 unchanged</summary>

    | | what | why |
    |---|---|---|
    | create | `service/web` | web |

    Cost: web

    > **Warning:** web

    </details>

    **The network**

    ```mermaid
    web
    ```

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
    insta::assert_snapshot!(render(&failed, &Context::default()), @r"
    <!-- ecs-private-deploy:web -->
    <!-- run 0 -->
    ### ❌ the new version of `web` failed, the previous version is back

    the task of `web` stops

    **What to do:** run the image with `PORT=8080`

    <details><summary>What was found</summary>

    ```text
    exit code 1
    log: cannot bind @octocat #1
    ```

    </details>
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
        render_underway(&underway, &subject("web"), &Context::default()),
        @r"
    <!-- ecs-private-deploy:web -->
    <!-- run 0 -->
    ### ⏳ deploying `web`

    1 of 1 step done

    <details><summary>Plan: 1 to create, 1 unchanged</summary>

    | | what | why |
    |---|---|---|
    | create | `service/web` | web |

    Cost: web

    > **Warning:** web

    </details>

    <details><summary>The network</summary>

    ```mermaid
    web
    ```

    </details>
    "
    );
}

#[test]
fn the_picture_is_there_whole_or_not_at_all() {
    let with = |lines: usize| {
        let mut done = outcome("web", Some(Verdict::Succeeded), Command::Deploy);
        let picture = Some("  n0 --> n1\n".repeat(lines));
        let plan = done.plan.as_deref().cloned().expect("it has one");
        done.plan = Some(View { picture, ..plan }.into());
        done
    };
    let fits = render(&with(4_000), &Context::default());
    assert_eq!(fits.matches("n0 --> n1").count(), 4_000);
    let large = render(&with(6_000), &Context::default());
    assert!(!large.contains("The network") && large.contains("gantt"), "{large}");
    let underway = |lines: usize| {
        let mut underway = Underway::default();
        let plan = with(lines).plan.expect("it has one");
        underway.take(&Event::Planned(plan), Duration::ZERO);
        render_underway(&underway, &subject("web"), &Context::default())
    };
    assert!(underway(4_000).contains("The network"));
    assert!(!underway(6_000).contains("The network"));
    assert!(summary::render(&with(6_000)).contains("**The network**\n\n```mermaid"));
}
