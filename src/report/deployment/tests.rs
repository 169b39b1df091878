use super::*;

fn outcome(command: Command) -> Outcome {
    Outcome { command, service: "web-pr-42".into(), preview: Some(42), ..Outcome::default() }
}

fn told(outcome: &Outcome) -> String {
    let End { state, description, url, ends_earlier } = made(outcome);
    let url = url.unwrap_or_default();
    let ends = if ends_earlier { ", ends those before" } else { "" };
    format!("{state:?}{ends}: {description} {url}").trim_end().to_owned()
}

#[test]
fn each_end_of_a_run_is_one_of_its_deployment() {
    let problem = || Problem::new("x");
    let up = || {
        let mut outcome = outcome(Command::PreviewUp);
        outcome.outputs.url = Some("https://pr-42.example.com".into());
        outcome
    };
    let verdict = |verdict| Outcome { verdict: Some(verdict), ..up() };
    let failed = |exit_code| Outcome { error: Some(problem()), exit_code, ..up() };
    let mut hostile = up();
    hostile.outputs.url = Some("javascript:alert(1)".into());
    let rows = [
        up(),
        hostile,
        verdict(Verdict::Succeeded),
        verdict(Verdict::RolledBack(problem())),
        verdict(Verdict::Failed(problem())),
        verdict(Verdict::Superseded { by: "ecs-svc/2".into(), whose: problem() }),
        verdict(Verdict::TimedOut(problem())),
        failed(exit::REFUSED),
        failed(exit::UNEXPECTED),
        Outcome { is_cancelled: true, ..failed(exit::PARTIAL) },
        Outcome { neutral: Some(problem()), ..up() },
        Outcome { neutral: Some(problem()), changed: true, ..up() },
    ];
    insta::assert_snapshot!(rows.iter().map(told).collect::<Vec<_>>().join("\n"), @r"
    Success, ends those before: the preview `web-pr-42` is up https://pr-42.example.com
    Success, ends those before: the preview `web-pr-42` is up
    Success, ends those before: the preview `web-pr-42` is up https://pr-42.example.com
    Failure: the new version of `web-pr-42` failed, the previous version is back
    Failure: the new version of `web-pr-42` failed, nothing took its place
    Inactive: a newer deployment of `web-pr-42`, `ecs-svc/2`, took the place of this one
    Error: the rollout of `web-pr-42` did not finish in time
    Failure: making the preview `web-pr-42` failed, nothing was changed
    Error: making the preview `web-pr-42` failed
    Error: making the preview `web-pr-42` was cancelled part-way
    Inactive: the preview `web-pr-42` was not made
    Inactive, ends those before: the preview `web-pr-42` is taken down again
    ");
}

#[test]
fn deployments_end_only_where_nothing_stays() {
    let down = outcome(Command::PreviewDown);
    assert!(taken_down(&down).ends_earlier);
    assert!(taken_down(&Outcome { changed: true, ..down.clone() }).ends_earlier);
    assert!(!taken_down(&Outcome { error: Some(Problem::new("x")), ..down }).ends_earlier);
}

#[test]
fn a_preview_has_an_environment_of_its_own() {
    let context = Context { environment: Some("production".into()), ..Context::default() };
    let place = |service, preview| {
        let found = place(service, preview, &context).expect("there is one");
        format!("{} {} {}", found.environment, found.service, found.is_transient)
    };
    assert_eq!(place("web", None), "production web false");
    assert_eq!(place("web-pr-42", Some(42)), "web-pr-42 web-pr-42 true");
    assert_eq!(super::place("web", None, &Context::default()), None);
}
