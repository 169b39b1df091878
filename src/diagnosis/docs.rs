//! The tables of `docs/diagnosis.md`, from the table that the program reads by.

use super::{
    cause::Cause,
    health,
    read::{self, read},
    wordings::{FOLLOWS, NETWORK, WORDINGS, Wording},
};

const DOCUMENT: &str = include_str!("../../docs/diagnosis.md");

fn quoted(words: &[&str]) -> String {
    let words: Vec<_> = words.iter().map(|words| format!("`{}`", words.trim())).collect();
    words.join(" or ")
}

fn worded(row: &Wording) -> String {
    let stage = quoted(row.stage);
    match row.then {
        [] => stage,
        NETWORK => format!("{stage}, then a mark of the network"),
        then => format!("{stage}, then {}", quoted(then)),
    }
}

/// What tells a cause that is no wording: statuses, exit codes, the load balancer's reasons.
fn coded(cause: Cause) -> Vec<String> {
    let is = |found: Option<Cause>| found == Some(cause);
    let status = |asked: &str, status: u16| {
        let text = format!("CannotPullContainerError: {asked}: unexpected status code {status} X ");
        read(&text).cause().map(|reading| reading.cause)
    };
    let manifest = [401, 403, 404, 429].into_iter();
    let manifest = manifest.filter(|code| is(status("failed to resolve ref a/b:1", *code)));
    let layer = [403].into_iter();
    let layer =
        layer.filter(|code| is(status("failed to copy: httpReadSeeker: failed open", *code)));
    let exit = (0..=255).filter(|code| is(Some(read::exit("web", *code, "").cause)));
    let exit: Vec<_> = exit.map(|code| format!("exit code {code}")).collect();
    let exit = if exit.len() > 9 { vec!["any other exit code".to_owned()] } else { exit };
    let targets = [
        ("Target.ResponseCodeMismatch", "Health checks failed with these codes: [404]"),
        ("Target.Timeout", "Request timed out"),
        ("Target.FailedHealthChecks", "Health checks failed"),
        (
            "Target.NotInUse",
            "Target is in an Availability Zone that is not enabled for the load balancer",
        ),
        ("Target.NotInUse", "anything else"),
        ("Target.IpUnusable", ""),
    ];
    let targets = targets.into_iter().filter(|(code, words)| {
        is(health::target(code, words, None).cause().map(|reading| reading.cause))
    });
    let whole = [
        "Essential container in task exited",
        "was unable to place a task. Reason: Internal error.",
    ];
    let whole = whole.into_iter().filter(|text| is(read(text).cause().map(|it| it.cause)));
    manifest
        .map(|code| format!("status {code} for the manifest"))
        .chain(layer.map(|code| format!("status {code} for a layer")))
        .chain(exit)
        .chain(targets.map(|(code, words)| match words {
            "" => format!("`{code}`"),
            "anything else" => format!("`{code}` otherwise"),
            words => format!("`{code}`, or `{words}`"),
        }))
        .chain(whole.map(|text| format!("`{text}`, and no more")))
        .collect()
}

fn causes() -> String {
    let row = |cause: &Cause| {
        let told = WORDINGS.iter().filter(|row| row.cause == *cause).map(worded);
        let told: Vec<_> = told.chain(coded(*cause)).collect();
        assert!(!told.is_empty(), "nothing tells {cause:?}");
        format!("| {} | {} | {} |\n", cause.title(), told.join("; "), cause.advice())
    };
    let rows: String = Cause::ALL.iter().map(row).collect();
    format!("| cause | told by | advised |\n| --- | --- | --- |\n{rows}")
}

#[test]
fn the_manual_says_what_the_program_does() {
    let (marks, follows) =
        (quoted(NETWORK).replace(" or ", ", "), quoted(FOLLOWS).replace(" or ", ", "));
    for part in [causes(), marks, follows] {
        assert!(DOCUMENT.contains(&part), "docs/diagnosis.md has to contain:\n{part}");
    }
}
