use super::*;

/// On GitHub's own machines, with credentials.
const GIVEN: Given =
    Given { number: None, allows_forks: false, may_have_credentials: true, is_dependabot: false };

fn head(fork: Option<&str>) -> Head {
    Head { commit: "abc".into(), fork: fork.map(str::to_owned) }
}

fn pull_request(action: &str, fork: Option<&str>, is_target: bool) -> Trigger {
    let action = action.to_owned();
    Trigger::PullRequest(PullRequest { is_target, action, number: 42, head: head(fork) })
}

fn workflow_run(event: &str, number: Option<u64>, fork: Option<&str>) -> Trigger {
    Trigger::WorkflowRun(WorkflowRun {
        action: "completed".into(),
        event: event.into(),
        conclusion: Some("success".into()),
        number,
        head: head(fork),
    })
}

fn asked(name: &str) -> Trigger {
    Trigger::Asked { name: name.into() }
}

fn decided(trigger: &Trigger, given: Given) -> String {
    match decide(trigger, &given) {
        Ok(Decision::Deploy) => "deploy".into(),
        Ok(Decision::Update(number)) => format!("update {number}"),
        Ok(Decision::TakeDown(number)) => format!("take down {number}"),
        Ok(Decision::Nothing(problem)) => format!("nothing: {}", problem.what),
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn every_action_of_a_pull_request() {
    // https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request
    let actions = [
        "assigned",
        "auto_merge_disabled",
        "auto_merge_enabled",
        "closed",
        "converted_to_draft",
        "demilestoned",
        "dequeued",
        "edited",
        "enqueued",
        "labeled",
        "locked",
        "milestoned",
        "opened",
        "ready_for_review",
        "reopened",
        "review_request_removed",
        "review_requested",
        "synchronize",
        "unassigned",
        "unlabeled",
        "unlocked",
        "what_comes_next",
    ];
    let acting = |is_target| {
        let acting = actions.iter().filter_map(|action| {
            let told = decided(&pull_request(action, None, is_target), GIVEN);
            let is_idle = told.starts_with("nothing") && told.contains(action);
            (!is_idle).then(|| format!("{action}: {told}"))
        });
        acting.collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(acting(false), @r"
    closed: take down 42
    opened: update 42
    ready_for_review: update 42
    reopened: update 42
    synchronize: update 42
    ");
    assert_eq!(acting(false), acting(true));
}

#[test]
fn what_deploys() {
    let release = |action: &str, is_draft| Trigger::Release { action: action.into(), is_draft };
    let rows = [
        ("push", Trigger::Push { is_deleted: false }),
        ("push, deleted", Trigger::Push { is_deleted: true }),
        ("workflow_dispatch", asked("workflow_dispatch")),
        ("repository_dispatch", asked("repository_dispatch")),
        ("schedule", asked("schedule")),
        ("release, created", release("created", false)),
        ("release, created, draft", release("created", true)),
        ("release, published", release("published", false)),
        ("release, released", release("released", false)),
        ("release, prereleased", release("prereleased", false)),
        ("release, edited", release("edited", false)),
        ("release, deleted", release("deleted", false)),
        ("release, unpublished", release("unpublished", false)),
        (
            "issue_comment",
            Trigger::Other { name: "issue_comment".into(), action: Some("created".into()) },
        ),
        ("fork", Trigger::Other { name: "fork".into(), action: None }),
        ("none", Trigger::None),
    ];
    let told: Vec<_> = rows
        .iter()
        .map(|(name, trigger)| format!("{name} -> {}", decided(trigger, GIVEN)))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    push -> deploy
    push, deleted -> nothing: `push` does nothing here
    workflow_dispatch -> deploy
    repository_dispatch -> deploy
    schedule -> deploy
    release, created -> deploy
    release, created, draft -> nothing: `release` (created) does nothing here
    release, published -> deploy
    release, released -> deploy
    release, prereleased -> deploy
    release, edited -> nothing: `release` (edited) does nothing here
    release, deleted -> nothing: `release` (deleted) does nothing here
    release, unpublished -> nothing: `release` (unpublished) does nothing here
    issue_comment -> nothing: `issue_comment` (created) does nothing here
    fork -> nothing: `fork` does nothing here
    none -> error: `auto` goes by the event that started the run, and there is none
      help: say what to do: `deploy`, `plan`, `preview up --pr N`; in a workflow GITHUB_EVENT_NAME and GITHUB_EVENT_PATH tell the event
    ");
}

#[test]
fn after_another_workflow() {
    let mut rows = Vec::new();
    for event in ["push", "release", "schedule", "pull_request", "pull_request_target", "issues"] {
        let is_for_one = event.starts_with("pull_request");
        for (number, fork) in [(None, None), (Some(42), None), (None, Some("mallory/app"))] {
            if number.is_some() && !is_for_one {
                continue;
            }
            let told = decided(&workflow_run(event, number, fork), GIVEN);
            rows.push(format!("{event} {number:?} {fork:?} -> {told}"));
        }
    }
    insta::assert_snapshot!(rows.join("\n"), @r#"
    push None None -> deploy
    push None Some("mallory/app") -> nothing: the commit of `workflow_run` (completed) comes from the fork `mallory/app`, and forks are not built
    release None None -> deploy
    release None Some("mallory/app") -> nothing: the commit of `workflow_run` (completed) comes from the fork `mallory/app`, and forks are not built
    schedule None None -> deploy
    schedule None Some("mallory/app") -> nothing: the commit of `workflow_run` (completed) comes from the fork `mallory/app`, and forks are not built
    pull_request None None -> nothing: `workflow_run` (completed) does nothing here
    pull_request Some(42) None -> update 42
    pull_request None Some("mallory/app") -> nothing: the commit of `workflow_run` (completed) comes from the fork `mallory/app`, and forks are not built
    pull_request_target None None -> nothing: `workflow_run` (completed) does nothing here
    pull_request_target Some(42) None -> update 42
    pull_request_target None Some("mallory/app") -> nothing: the commit of `workflow_run` (completed) comes from the fork `mallory/app`, and forks are not built
    issues None None -> nothing: `workflow_run` (completed) does nothing here
    issues None Some("mallory/app") -> nothing: `workflow_run` (completed) does nothing here
    "#);
    let Trigger::WorkflowRun(run) = workflow_run("push", None, None) else { unreachable!() };
    let requested = WorkflowRun { action: "requested".into(), ..run.clone() };
    let failed = WorkflowRun { conclusion: Some("failure".into()), ..run };
    for run in [requested, failed] {
        assert!(decided(&Trigger::WorkflowRun(run), GIVEN).starts_with("nothing"));
    }
}

#[test]
fn a_fork_is_not_built_with_credentials_beside_it() {
    let fork = Some("mallory/app");
    let without = Given { may_have_credentials: false, ..GIVEN };
    let allowed = Given { allows_forks: true, ..GIVEN };
    let allowed_without = Given { may_have_credentials: false, ..allowed };
    let mut rows = Vec::new();
    for (name, trigger) in [
        ("pull_request opened", pull_request("opened", fork, false)),
        ("pull_request closed", pull_request("closed", fork, false)),
        ("pull_request_target opened", pull_request("opened", fork, true)),
        ("pull_request_target closed", pull_request("closed", fork, true)),
        ("workflow_run", workflow_run("pull_request", None, fork)),
        ("workflow_run, its push", workflow_run("push", None, fork)),
    ] {
        for (what, given) in [
            ("credentials", GIVEN),
            ("none", without),
            ("allowed", allowed),
            ("allowed, none", allowed_without),
            ("allowed, by hand", Given { number: Some(42), ..allowed }),
        ] {
            rows.push(format!("{name}; {what} -> {}", decided(&trigger, given)));
        }
    }
    insta::assert_snapshot!(rows.join("\n"), @r"
    pull_request opened; credentials -> nothing: pull request 42 comes from the fork `mallory/app`, and forks are not built
    pull_request opened; none -> nothing: pull request 42 comes from the fork `mallory/app`, and GitHub gives its runs no secrets
    pull_request opened; allowed -> update 42
    pull_request opened; allowed, none -> nothing: pull request 42 comes from the fork `mallory/app`, and GitHub gives its runs no secrets
    pull_request opened; allowed, by hand -> update 42
    pull_request closed; credentials -> take down 42
    pull_request closed; none -> nothing: pull request 42 comes from the fork `mallory/app`, and GitHub gives its runs no secrets
    pull_request closed; allowed -> take down 42
    pull_request closed; allowed, none -> nothing: pull request 42 comes from the fork `mallory/app`, and GitHub gives its runs no secrets
    pull_request closed; allowed, by hand -> take down 42
    pull_request_target opened; credentials -> nothing: pull request 42 comes from the fork `mallory/app`, and forks are not built
    pull_request_target opened; none -> nothing: pull request 42 comes from the fork `mallory/app`, and forks are not built
    pull_request_target opened; allowed -> update 42
    pull_request_target opened; allowed, none -> update 42
    pull_request_target opened; allowed, by hand -> update 42
    pull_request_target closed; credentials -> take down 42
    pull_request_target closed; none -> take down 42
    pull_request_target closed; allowed -> take down 42
    pull_request_target closed; allowed, none -> take down 42
    pull_request_target closed; allowed, by hand -> take down 42
    workflow_run; credentials -> nothing: the commit of `workflow_run` (completed) comes from the fork `mallory/app`, and forks are not built
    workflow_run; none -> nothing: the commit of `workflow_run` (completed) comes from the fork `mallory/app`, and forks are not built
    workflow_run; allowed -> nothing: `workflow_run` (completed) does nothing here
    workflow_run; allowed, none -> nothing: `workflow_run` (completed) does nothing here
    workflow_run; allowed, by hand -> update 42
    workflow_run, its push; credentials -> nothing: the commit of `workflow_run` (completed) comes from the fork `mallory/app`, and forks are not built
    workflow_run, its push; none -> nothing: the commit of `workflow_run` (completed) comes from the fork `mallory/app`, and forks are not built
    workflow_run, its push; allowed -> deploy
    workflow_run, its push; allowed, none -> deploy
    workflow_run, its push; allowed, by hand -> update 42
    ");
}

#[test]
fn dependabot_needs_credentials_of_its_own() {
    let without = Given { may_have_credentials: false, is_dependabot: true, ..GIVEN };
    let own = pull_request("opened", None, false);
    let told = forbidden(&own, &without).map(|problem| problem.to_string()).unwrap_or_default();
    insta::assert_snapshot!(told, @r"
    pull request 42 is Dependabot's, and GitHub gives its runs only Dependabot's secrets
      neither credentials nor an OIDC token are there
      help: give the job `permissions: id-token: write`, which Dependabot may have, or add the credentials to Dependabot's secrets
    ");
    assert_eq!(decided(&own, Given { is_dependabot: true, ..GIVEN }), "update 42");
    // Nobody but Dependabot is excused: what is missing is told by who asks for credentials.
    assert_eq!(decided(&own, Given { may_have_credentials: false, ..GIVEN }), "update 42");
    // On the main branch a deploy that does not happen is no good end.
    assert_eq!(decided(&Trigger::Push { is_deleted: false }, without), "deploy");
}

#[test]
fn a_number_by_hand_makes_a_preview() {
    let given = Given { number: Some(7), ..GIVEN };
    assert_eq!(decided(&asked("workflow_dispatch"), given), "update 7");
    assert_eq!(decided(&workflow_run("pull_request", None, None), given), "update 7");
    insta::assert_snapshot!(decided(&pull_request("opened", None, false), given), @r"
    error: the event is about pull request 42, and `pr` is 7
      help: leave `pr` out: it is for events that name no pull request
    ");
    assert_eq!(
        decided(&pull_request("opened", None, false), Given { number: Some(42), ..GIVEN }),
        "update 42"
    );
    let other = Trigger::Other { name: "issues".into(), action: None };
    assert!(decided(&other, given).starts_with("nothing"));
}

#[test]
fn nothing_is_told_with_what_would_be() {
    let told = |decision: Decision| match decision {
        Decision::Nothing(problem) => problem.to_string(),
        other => panic!("{other:?}"),
    };
    let of = |trigger: &Trigger, given: &Given| told(decide(trigger, given).expect("it is well"));
    let without = Given { may_have_credentials: false, ..GIVEN };
    let fork = Some("mallory/app");
    let all = [
        of(&pull_request("labeled", None, false), &GIVEN),
        of(&pull_request("opened", fork, false), &without),
        of(&pull_request("closed", fork, false), &without),
        of(&pull_request("opened", fork, true), &GIVEN),
        of(&workflow_run("pull_request", None, None), &GIVEN),
        of(&workflow_run("pull_request", None, fork), &GIVEN),
    ];
    insta::assert_snapshot!(all.join("\n\n"), @r"
    `pull_request` (labeled) does nothing here
      a push, a release, a dispatch and a schedule deploy
      a pull request that is opened, reopened or updated gets its preview or the plan
      a pull request that is closed loses its preview
      help: a command that says what to do, such as `deploy` or `preview-up`, runs on any event

    pull request 42 comes from the fork `mallory/app`, and GitHub gives its runs no secrets
      neither credentials nor an OIDC token are there
      help: nothing is wrong with it; to see it deployed, push its commits to a branch of this repository

    pull request 42 comes from the fork `mallory/app`, and GitHub gives its runs no secrets
      neither credentials nor an OIDC token are there
      help: a preview that stands all the same is taken down by `preview sweep`

    pull request 42 comes from the fork `mallory/app`, and forks are not built
      whoever opens a pull request would run a program beside this job's credentials
      help: push its commits to a branch of this repository, or set `allow-forks: true` after reading docs/pull-requests.md

    `workflow_run` (completed) does nothing here
      the event names no pull request, or more than one: GitHub names those that are open and come from this repository
      help: give its number as `pr`: ask GitHub for the pull request of `github.event.workflow_run.head_sha`, and believe no artifact of the other run

    the commit of `workflow_run` (completed) comes from the fork `mallory/app`, and forks are not built
      whoever opens a pull request would run a program beside this job's credentials
      help: push its commits to a branch of this repository, or set `allow-forks: true` after reading docs/pull-requests.md
    ");
}

#[test]
fn what_is_checked_out_is_what_the_event_is_about() {
    let target = pull_request("opened", None, true);
    let after = workflow_run("push", None, None);
    for trigger in [&target, &after] {
        assert!(check_out(trigger, Some("ABC")).is_ok() && check_out(trigger, None).is_ok());
    }
    // The merge commit of a pull request is neither its head nor wrong.
    assert!(check_out(&pull_request("opened", None, false), Some("def")).is_ok());
    let told = check_out(&target, Some("def")).expect_err("it is the base").to_string();
    insta::assert_snapshot!(told, @r"
    `pull_request_target` (opened) is about another commit than is here
      the event's is abc
      def is checked out, as GitHub does for this event
      help: give actions/checkout `ref: ${{ github.event.pull_request.head.sha }}`
    ");
    let told = check_out(&after, Some("def")).expect_err("it is a newer one").to_string();
    assert!(told.contains("ref: ${{ github.event.workflow_run.head_sha }}"), "{told}");
}
