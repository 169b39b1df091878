//! The comment: made once, found again, edited in place, and left to others where they know better.

use super::*;
use ecs_private_deploy::{
    context::{Context, GitHub},
    event::{Command, Event, Outcome, Outputs, Phase, Verdict},
    plan::view::View,
    report::{self, Setup, publish::CommentReporter},
    secret::Secrets,
};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

#[tokio::test]
async fn a_comment_is_created_and_edited_in_place() {
    let scene = Scene::new("create-and-edit", BOT);
    scene.say("first").await.expect("it is created");
    assert_eq!(scene.comments(), ["1 github-actions[bot]: first"]);
    assert_eq!(
        scene.requests(),
        [
            "GET …/7/comments?per_page=100&page=1",
            "POST …/7/comments",
            "GET …/7/comments?per_page=100&page=1",
        ]
    );
    scene.say("second").await.expect("it is edited");
    assert_eq!(scene.comments(), ["1 github-actions[bot]: second"]);
    assert_eq!(
        scene.requests(),
        ["GET …/7/comments?per_page=100&page=1", "GET /user", "PATCH …/comments/1"]
    );
}

#[tokio::test]
async fn it_is_found_again_among_many_and_others_are_left_alone() {
    let scene = Scene::new("pages", BOT);
    for id in 1..=240 {
        match id {
            5 => scene.has(id, PERSON, &format!("{MARKER}\nforged")),
            9 => scene.has(id, BOT, &format!("I quote:\n{MARKER}")),
            120 => scene.has(id, BOT, "<!-- ecs-private-deploy:web:prod -->\nanother"),
            210 => scene.has(id, BOT, &format!("{MARKER}\nours")),
            _ => scene.has(id, PERSON, "lgtm"),
        }
    }
    scene.say("new").await.expect("it is edited");
    let comments = scene.comments();
    assert_eq!(comments.len(), 240);
    assert_eq!(comments[4], "5 mona: forged");
    assert_eq!(comments[8], format!("9 github-actions[bot]: {MARKER}"));
    assert_eq!(comments[119], "120 github-actions[bot]: another");
    assert_eq!(comments[209], "210 github-actions[bot]: new");
    assert_eq!(scene.requests().iter().filter(|request| request.starts_with("GET …")).count(), 3);
}

#[tokio::test]
async fn a_personal_token_edits_only_what_its_owner_wrote() {
    let scene = Scene::new("personal-token", PERSON);
    scene.has(1, OTHER_BOT, &format!("{MARKER}\nforged"));
    scene.say("first").await.expect("it is created");
    scene.say("second").await.expect("it is edited");
    assert_eq!(scene.comments(), ["1 dependabot[bot]: forged", "2 mona: second"]);
}

#[tokio::test]
async fn of_two_runs_at_once_the_older_comment_stays() {
    let scene = Scene::new("race", BOT);
    let faster = Comment { id: 40, author: BOT, body: format!("{MARKER}\nthe other run") };
    scene.with(|repository| repository.faster.push(faster));
    scene.say("this run").await.expect("it is edited");
    assert_eq!(scene.comments(), ["40 github-actions[bot]: this run"]);
    assert_eq!(scene.requests()[3..], ["DELETE …/comments/41", "PATCH …/comments/40"]);
}

#[tokio::test]
async fn a_comment_that_was_deleted_is_made_again() {
    let scene = Scene::new("deleted", BOT);
    scene.has(1, BOT, &format!("{MARKER}\nold"));
    let (newest, kept) = scene.keep(body(42, "first"));
    scene.prism.github.until(scene.name, |repository| repository.requests.len() == 3).await;
    scene.with(|repository| repository.comments.clear());
    newest.send_replace(body(42, "second"));
    drop(newest);
    kept.await.expect("it does not panic").expect("it is made again");
    assert_eq!(scene.comments(), ["1 github-actions[bot]: second"]);
    assert_eq!(
        scene.requests()[2..],
        [
            "PATCH …/comments/1",
            "PATCH …/comments/1",
            "GET …/7/comments?per_page=100&page=1",
            "POST …/7/comments",
            "GET …/7/comments?per_page=100&page=1",
        ]
    );
}

/// A run that made the comment looks once more at its end: GitHub may have listed another one late.
#[tokio::test]
async fn a_second_comment_that_was_listed_late_is_deleted() {
    let scene = Scene::new("listed-late", BOT);
    let (newest, kept) = scene.keep(body(42, "first"));
    scene.prism.github.until(scene.name, |repository| repository.requests.len() == 3).await;
    scene.has(2, BOT, &format!("{MARKER}\nthe other run"));
    scene.has(3, OTHER_BOT, &format!("{MARKER}\nanother app"));
    newest.send_replace(body(42, "second"));
    drop(newest);
    kept.await.expect("it does not panic").expect("it is edited");
    let left = ["1 github-actions[bot]: second", "3 dependabot[bot]: another app"];
    assert_eq!(scene.comments(), left);
}

#[tokio::test]
async fn a_run_with_nothing_to_say_makes_no_comment_and_leaves_what_another_run_wrote() {
    let scene = Scene::new("nothing-to-say", BOT);
    let quiet = |text| Body { creates: false, ..body(42, text) };
    scene.say_as(quiet("nothing was there")).await.expect("it is well");
    assert_eq!(scene.comments(), [""; 0]);

    scene.has(1, BOT, &format!("{MARKER}\n<!-- run 41 -->\nthe preview is up"));
    let yielding = |text| Body { yields: true, ..body(42, text) };
    scene.say_as(yielding("superseded")).await.expect("it is well");
    assert_eq!(scene.comments(), ["1 github-actions[bot]: the preview is up"]);
    scene.say_as(quiet("taken down")).await.expect("it is edited");
    assert_eq!(scene.comments(), ["1 github-actions[bot]: taken down"]);
}

#[tokio::test]
async fn a_run_that_was_superseded_does_not_write_over_the_one_that_did() {
    let scene = Scene::new("superseded", BOT);
    let (newest, kept) = scene.keep(body(41, "going on"));
    scene.prism.github.until(scene.name, |repository| repository.requests.len() == 3).await;
    scene.say("the preview is up").await.expect("it is edited");
    newest.send_replace(Body { yields: true, ..body(41, "superseded") });
    drop(newest);
    kept.await.expect("it does not panic").expect("it is well");
    assert_eq!(scene.comments(), ["1 github-actions[bot]: the preview is up"]);
    // Where nobody else wrote meanwhile, it says so.
    let (newest, kept) = scene.keep(body(43, "going on"));
    let is_edited = |repository: &Repository| repository.comments[0].body.ends_with("going on");
    scene.prism.github.until(scene.name, is_edited).await;
    newest.send_replace(Body { yields: true, ..body(43, "superseded") });
    drop(newest);
    kept.await.expect("it does not panic").expect("it is edited");
    assert_eq!(scene.comments(), ["1 github-actions[bot]: superseded"]);
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let scene = Scene::new("no-permission", BOT);
    let accepted = ("x-accepted-github-permissions", "issues=write; pull_requests=write");
    scene.refuses("POST", "403 Forbidden", &[accepted], "Resource not accessible by integration");
    let problem = scene.say("first").await.expect_err("it may not");
    insta::assert_snapshot!(problem, @"
    the comment on pull request 7 is given up: `POST /repos/octo/no-permission/issues/7/comments` answered 403 Resource not accessible by integration
      GitHub asks for: issues=write; pull_requests=write
      help: give the job `permissions: pull-requests: write` (for an issue, `issues: write`); a pull request from a fork has a token that only reads
    ");
    assert_eq!(scene.comments(), [""; 0]);
}

#[tokio::test]
async fn a_locked_conversation_is_named() {
    let scene = Scene::new("locked", BOT);
    let message = "Unable to create comment because issue is locked.";
    scene.refuses("POST", "403 Forbidden", &[], message);
    let problem = scene.say("first").await.expect_err("it may not");
    insta::assert_snapshot!(problem, @"
    the comment on pull request 7 is given up: `POST /repos/octo/locked/issues/7/comments` answered 403 Unable to create comment because issue is locked.
      help: unlock the conversation, or read the job summary
    ");
}

#[tokio::test]
async fn a_rate_limit_is_waited_for() {
    let scene = Scene::new("rate-limit", BOT);
    let reset = (jiff::Timestamp::now().as_second() + 2).to_string();
    let spent = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", reset.as_str())];
    scene.refuses(
        "POST",
        "403 Forbidden",
        &spent,
        "API rate limit exceeded for installation ID 1.",
    );
    let start = Instant::now();
    scene.say("first").await.expect("it works the second time");
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(scene.comments(), ["1 github-actions[bot]: first"]);
}

#[tokio::test]
async fn a_secondary_rate_limit_is_waited_for() {
    let scene = Scene::new("secondary-rate-limit", BOT);
    let message = "You have exceeded a secondary rate limit.";
    scene.refuses("GET", "403 Forbidden", &[("retry-after", "1")], message);
    scene.refuses("PATCH", "403 Forbidden", &[("retry-after", "1")], message);
    scene.has(3, BOT, &format!("{MARKER}\nold"));
    let start = Instant::now();
    scene.say("first").await.expect("it works in the end");
    assert!(start.elapsed() >= Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(scene.comments(), ["3 github-actions[bot]: first"]);
}

#[tokio::test]
async fn a_run_that_has_ended_does_not_wait_for_an_hour() {
    let scene = Scene::new("long-rate-limit", BOT);
    let message = "You have exceeded a secondary rate limit.";
    scene.refuses("POST", "403 Forbidden", &[("retry-after", "3600")], message);
    let problem = scene.say("first").await.expect_err("it is too long");
    insta::assert_snapshot!(problem, @"
    the comment on pull request 7 is given up: `POST /repos/octo/long-rate-limit/issues/7/comments` answered 403 You have exceeded a secondary rate limit.
      GitHub asks to wait 3600 s
    ");
}

#[tokio::test]
async fn a_whole_run_is_one_comment() {
    let scene = Scene::new("whole-run", BOT);
    let token = Secret::new(scene.name);
    let github = GitHub {
        repository: format!("octo/{}", scene.name),
        api_url: scene.prism.url(),
        server_url: "https://github.com".into(),
        run_id: Some(42),
        pull_request: Some(7),
        token: Some(token.clone()),
        output: None,
        step_summary: None,
    };
    let context = Context { github: Some(github.clone()), ..Context::default() };
    let secrets = Secrets::default();
    secrets.add(&Secret::new("hunter2"));
    let setup = Setup {
        context: &context,
        secrets: secrets.clone(),
        verbose: false,
        service: "web",
        command: Command::Deploy,
        preview: None,
    };
    let reporter = CommentReporter::new(&setup, &scene.client(), 7);
    let (events, receiver) = mpsc::unbounded_channel();
    events.send(Event::Phase(Phase::Observe)).expect("the reporters listen");
    let told = tokio::spawn(report::run(receiver, secrets, vec![Box::new(reporter)]));
    scene.prism.github.until(scene.name, |repository| !repository.comments.is_empty()).await;
    let body = || scene.with(|repository| repository.comments[0].body.clone());
    insta::assert_snapshot!(body(), @r"
    <!-- ecs-private-deploy:web -->
    <!-- run 42 -->
    ### ⏳ deploying `web`

    reading AWS

    <sub>[Log of this run](https://github.com/octo/whole-run/actions/runs/42)</sub>
    ");

    let plan = View { unchanged: 16, ..View::default() }.into();
    let problem = Problem::new("tasks stop").found("password hunter2, says @octocat").help("look");
    let outcome = Outcome {
        service: "web".into(),
        plan: Some(plan),
        verdict: Some(Verdict::RolledBack(problem)),
        outputs: Outputs { url: Some("http://web.example.com".into()), ..Outputs::default() },
        ..Outcome::default()
    };
    events.send(Event::Finished(Box::new(outcome))).expect("the reporters listen");
    drop(events);
    told.await.expect("it does not panic");
    assert_eq!(scene.comments().len(), 1);
    insta::assert_snapshot!(body(), @r"
    <!-- ecs-private-deploy:web -->
    <!-- run 42 -->
    ### ❌ the new version of `web` failed, the previous version is back

    tasks stop

    **What to do:** look

    - **URL:** <http://web.example.com>
    - **Plan:** 16 unchanged

    <details><summary>What was found</summary>

    ```text
    password ***, says @octocat
    ```

    </details>

    <sub>[Log of this run](https://github.com/octo/whole-run/actions/runs/42)</sub>
    ");
}

/// GitHub Enterprise Server has its API below a path of its own.
/// <https://docs.github.com/en/enterprise-server/rest/using-the-rest-api/getting-started-with-the-rest-api>
#[tokio::test]
async fn an_enterprise_server_is_asked_below_its_own_root() {
    let scene = Scene::new("enterprise", BOT);
    let root = format!("{}/api/v3", scene.prism.github.url);
    let client = Client::new(&root, "octo/enterprise", &Secret::new(scene.name));
    let client = client.expect("it is well formed");
    let (newest, bodies) = watch::channel(body(42, "first"));
    drop(newest);
    sticky::keep(&client, 7, MARKER, bodies).await.expect("it is created");
    assert_eq!(scene.comments(), ["1 github-actions[bot]: first"]);
    let requests = scene.with(|repository| repository.requests.clone());
    let is_below = |request: &String| request.contains(" /api/v3/repos/octo/enterprise/");
    assert!(requests.len() == 3 && requests.iter().all(is_below), "{requests:?}");
}
