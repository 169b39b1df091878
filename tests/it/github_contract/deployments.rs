//! GitHub's deployments over the life of a preview, each run with all its reporters' parts that tell
//! GitHub.

use super::{BOT, Scene};
use crate::support::github::{Deployment, Repository};
use ecs_private_deploy::{
    context::{Context, GitHub},
    error::Problem,
    event::{Command, Event, Outcome, Outputs, Phase, Verdict},
    plan::view::View,
    report::{
        self, Reporter, Setup, deployment::DeploymentReporter, publish::CommentReporter,
        swept::SweptReporter,
    },
    secret::{Secret, Secrets},
};
use serde_json::json;
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::{sync::mpsc, time::sleep};

/// Hears the warnings.
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Reporter for Warnings {
    fn tell(&mut self, event: &Event, _now: Duration) -> Result<(), Problem> {
        if let Event::Warning(text) = event {
            self.0.lock().expect("no test panics with it").push(text.clone());
        }
        Ok(())
    }
}

impl Scene {
    fn context(&self, run: u64, commit: &str, environment: Option<&str>) -> Context {
        Context {
            commit: Some(commit.to_owned()),
            environment: environment.map(str::to_owned),
            github: Some(GitHub {
                repository: format!("octo/{}", self.name),
                api_url: self.prism.url(),
                server_url: "https://github.com".into(),
                run_id: Some(run),
                pull_request: Some(7),
                token: Some(Secret::new(self.name)),
                output: None,
                step_summary: None,
            }),
            ..Context::default()
        }
    }

    /// A run that has these events; what it warned of.
    async fn tell(
        &self,
        context: &Context,
        (command, service, preview): (Command, &str, Option<u64>),
        told: Vec<Event>,
    ) -> Vec<String> {
        let secrets = Secrets::default();
        let setup =
            Setup { context, secrets: secrets.clone(), verbose: false, service, command, preview };
        let client = self.client();
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let mut reporters: Vec<Box<dyn Reporter>> = vec![
            Box::new(Warnings(Arc::clone(&heard))),
            Box::new(CommentReporter::new(&setup, &client, 7)),
            Box::new(SweptReporter::new(context, &client)),
        ];
        let deployment = DeploymentReporter::new(&setup, &client);
        let is_deployed = deployment.is_some() && command != Command::PreviewDown;
        if let Some(deployment) = deployment {
            reporters.push(Box::new(deployment));
        }
        let (events, receiver) = mpsc::unbounded_channel();
        let tell = async {
            for event in told {
                let is_planned = matches!(event, Event::Planned(_));
                events.send(event).expect("the reporters listen");
                if is_planned && is_deployed {
                    let is_going_on = |repository: &Repository| {
                        repository.may_not_deploy
                            || repository
                                .deployments
                                .last()
                                .is_some_and(|it| it.state() == "in_progress")
                    };
                    self.prism.github.until(self.name, is_going_on).await;
                }
            }
            drop(events);
        };
        tokio::join!(report::run(receiver, secrets, reporters), tell);
        heard.lock().expect("no test panics with it").clone()
    }

    /// A run of the preview's, which ends so.
    async fn preview(&self, commit: &str, outcome: Outcome) -> Vec<String> {
        let outcome = Outcome { service: "web-pr-7".into(), preview: Some(7), ..outcome };
        let subject = (outcome.command, "web-pr-7", Some(7));
        self.tell(&self.context(42, commit, None), subject, planned(outcome)).await
    }

    /// The deployments, as `ID COMMIT -> ENVIRONMENT: STATE STATE`.
    pub(super) fn deployments(&self) -> Vec<String> {
        let line = |Deployment { id, asked, statuses }: &Deployment| {
            let text = |key: &str| asked[key].as_str().unwrap_or_default().to_owned();
            let states: Vec<_> =
                statuses.iter().filter_map(|status| status["state"].as_str()).collect();
            format!("{id} {} -> {}: {}", text("ref"), text("environment"), states.join(" "))
        };
        self.with(|repository| repository.deployments.iter().map(line).collect())
    }
}

/// The events of a run that comes as far as its plan.
fn planned(outcome: Outcome) -> Vec<Event> {
    let plan = View { unchanged: 9, ..View::default() }.into();
    vec![Event::Phase(Phase::Observe), Event::Planned(plan), Event::Finished(Box::new(outcome))]
}

fn up() -> Outcome {
    let url = Some("https://pr-7.preview.example.com".to_owned());
    Outcome {
        command: Command::PreviewUp,
        verdict: Some(Verdict::Succeeded),
        changed: true,
        outputs: Outputs { url, ..Outputs::default() },
        ..Outcome::default()
    }
}

fn failed() -> Outcome {
    let why = Problem::new("tasks stop").help("look");
    Outcome { verdict: Some(Verdict::RolledBack(why)), exit_code: 5, ..up() }
}

fn down() -> Outcome {
    Outcome { command: Command::PreviewDown, changed: true, ..Outcome::default() }
}

#[tokio::test]
async fn a_preview_is_deployed_updated_fails_and_is_destroyed() {
    let scene = Scene::new("preview-life", BOT);
    assert_eq!(scene.preview("aaa", up()).await, [""; 0]);
    assert_eq!(scene.deployments(), ["1 aaa -> web-pr-7: in_progress success"]);
    let (asked, statuses) = scene.with(|repository| {
        let made = &repository.deployments[0];
        (made.asked.clone(), made.statuses.clone())
    });
    let expected = json!({
        "ref": "aaa",
        "environment": "web-pr-7",
        "description": "making the preview web-pr-7",
        "auto_merge": false,
        "required_contexts": [],
        "payload": { "ecs-private-deploy": "web-pr-7" },
        "transient_environment": true,
        "production_environment": false,
    });
    assert_eq!(asked, expected);
    let log = format!("https://github.com/octo/{}/actions/runs/42", scene.name);
    let expected = json!([
        {
            "state": "in_progress",
            "description": "making the preview web-pr-7",
            "auto_inactive": false,
            "log_url": log,
        },
        {
            "state": "success",
            "description": "the preview web-pr-7 is up",
            "auto_inactive": false,
            "log_url": log,
            "environment_url": "https://pr-7.preview.example.com",
        },
    ]);
    assert_eq!(json!(statuses), expected);

    scene.preview("bbb", up()).await;
    let updated = [
        "1 aaa -> web-pr-7: in_progress success inactive",
        "2 bbb -> web-pr-7: in_progress success",
    ];
    assert_eq!(scene.deployments(), updated);
    // What stands is still the version before, and GitHub goes on saying so.
    scene.preview("ccc", failed()).await;
    assert_eq!(scene.deployments()[..2], updated);
    assert_eq!(scene.deployments()[2], "3 ccc -> web-pr-7: in_progress failure");

    // While something stays, nothing is destroyed.
    let problem = Problem::new("target-group/web-pr-7 stands still");
    scene.preview("ccc", Outcome { error: Some(problem), exit_code: 4, ..down() }).await;
    assert_eq!(scene.deployments()[..2], updated);
    scene.preview("ccc", down()).await;
    assert_eq!(
        scene.deployments(),
        [
            "1 aaa -> web-pr-7: in_progress success inactive",
            "2 bbb -> web-pr-7: in_progress success inactive",
            "3 ccc -> web-pr-7: in_progress failure inactive",
        ]
    );
    assert_eq!(scene.comments().len(), 1);
}

#[tokio::test]
async fn a_pull_request_that_is_closed_leaves_no_deployment_that_stands() {
    let scene = Scene::new("closed", BOT);
    let closed = || Some(Problem::new("pull request 7 is merged"));
    // Before the first write: neither a deployment nor a comment.
    let context = scene.context(42, "aaa", None);
    let unmade = Outcome {
        command: Command::PreviewUp,
        service: "web-pr-7".into(),
        preview: Some(7),
        neutral: closed(),
        ..Outcome::default()
    };
    let subject = (Command::PreviewUp, "web-pr-7", Some(7));
    scene.tell(&context, subject, vec![Event::Finished(Box::new(unmade))]).await;
    assert_eq!(scene.requests(), [""; 0]);
    scene.preview("aaa", up()).await;
    // After the last one: this run's deployment is gone with the one before it.
    scene.preview("bbb", Outcome { neutral: closed(), verdict: None, ..up() }).await;
    assert_eq!(
        scene.deployments(),
        [
            "1 aaa -> web-pr-7: in_progress success inactive",
            "2 bbb -> web-pr-7: in_progress inactive",
        ]
    );
}

#[tokio::test]
async fn a_service_of_the_same_environment_is_left_alone() {
    let scene = Scene::new("environment", BOT);
    let deploy = async |service: &str, commit: &str| {
        let outcome = Outcome {
            command: Command::Deploy,
            service: service.to_owned(),
            outputs: up().outputs,
            ..Outcome::default()
        };
        let context = scene.context(42, commit, Some("staging & test"));
        scene.tell(&context, (Command::Deploy, service, None), planned(outcome)).await
    };
    deploy("api", "aaa").await;
    deploy("web", "aaa").await;
    deploy("web", "bbb").await;
    assert_eq!(
        scene.deployments(),
        [
            "1 aaa -> staging & test: in_progress success",
            "2 aaa -> staging & test: in_progress success inactive",
            "3 bbb -> staging & test: in_progress success",
        ]
    );
    let asked = scene.with(|repository| repository.deployments[0].asked.clone());
    assert_eq!(asked["transient_environment"], json!(false));
    assert_eq!(asked.get("production_environment"), None);
    // Without an environment there is none.
    let context = scene.context(42, "ccc", None);
    let outcome = Outcome { service: "web".into(), ..Outcome::default() };
    scene.tell(&context, (Command::Deploy, "web", None), planned(outcome)).await;
    assert_eq!(scene.deployments().len(), 3);
}

#[tokio::test]
async fn a_run_that_was_killed_is_put_right_by_the_next_one() {
    let scene = Scene::new("killed", BOT);
    let left = |id: u64, states: &[&str]| Deployment {
        id,
        asked: json!({
            "ref": "old",
            "environment": "web-pr-7",
            "payload": { "ecs-private-deploy": "web-pr-7" },
        }),
        statuses: states.iter().map(|state| json!({ "state": state })).collect(),
    };
    scene.with(|repository| {
        repository.deployments.extend((1..=6).map(|id| left(id, &["success", "inactive"])));
        repository.deployments.push(left(7, &["success"]));
        repository.deployments.extend([left(8, &[]), left(9, &["in_progress"])]);
        repository.deployments.push(left(10, &["failure"]));
    });
    scene.preview("aaa", up()).await;
    let states: Vec<_> = scene.with(|repository| {
        repository.deployments.iter().map(|found| found.state().to_owned()).collect()
    });
    assert_eq!(states[6..], ["inactive", "inactive", "inactive", "failure", "success"]);
    // It does not look at all that ever was.
    let looks = scene.requests();
    let looks = looks.iter().filter(|request| request.contains("statuses?")).count();
    assert_eq!(looks, 9);
}

#[tokio::test]
async fn a_missing_permission_is_one_warning_and_the_rest_goes_on() {
    let scene = Scene::new("no-deployments", BOT);
    let context = scene.context(42, "aaa", None);
    let subject = (Command::PreviewUp, "web-pr-7", Some(7));
    scene.with(|repository| repository.may_not_deploy = true);
    let outcome = Outcome { service: "web-pr-7".into(), preview: Some(7), ..up() };
    let warnings = scene.tell(&context, subject, planned(outcome)).await;
    insta::assert_snapshot!(warnings.join("\n"), @r"
    the deployment to `web-pr-7` on GitHub is given up: `POST /repos/octo/no-deployments/deployments` answered 403 Resource not accessible by integration
      GitHub asks for: deployments=write
      help: give the job `permissions: deployments: write`; a pull request from a fork has a token that only reads
    ");
    assert!(scene.comments()[0].contains("Log of this run"), "{:?}", scene.comments());
}

#[tokio::test]
async fn a_sweep_tells_each_pull_request() {
    let scene = Scene::new("sweep", BOT);
    scene.preview("aaa", up()).await;
    let gone = Outcome { service: "web-pr-7".into(), preview: Some(7), ..down() };
    // A schedule's run is about no pull request, and its environment is not that of the previews.
    let context = scene.context(43, "main", Some("production"));
    let github = context.github.map(|github| GitHub { pull_request: None, ..github });
    let context = Context { github, ..context };
    let (events, receiver) = mpsc::unbounded_channel();
    events.send(Event::Swept(Box::new(gone))).expect("the reporters listen");
    drop(events);
    let swept = SweptReporter::new(&context, &scene.client());
    report::run(receiver, Secrets::default(), vec![Box::new(swept)]).await;
    assert_eq!(scene.deployments(), ["1 aaa -> web-pr-7: in_progress success inactive"]);
    let text = scene.with(|repository| repository.comments[0].body.clone());
    assert!(text.contains("the preview `web-pr-7` is taken down"), "{text}");
    assert!(text.contains("/actions/runs/43"), "{text}");
}

/// While GitHub asks one report to wait, no other asks it anything.
#[tokio::test]
async fn nothing_is_asked_while_github_asks_to_wait() {
    let scene = Scene::new("silence", BOT);
    let message = "You have exceeded a secondary rate limit.";
    scene.refuses("GET", "429 Too Many Requests", &[("retry-after", "2")], message);
    let start = Instant::now();
    let (warnings, asked) = tokio::join!(scene.preview("aaa", up()), async {
        sleep(Duration::from_millis(1500)).await;
        scene.with(|repository| repository.requests.clone())
    });
    // One request may have gone before.
    let is_refused = |request: &String| request.starts_with("GET ");
    assert_eq!(asked.iter().position(is_refused), Some(asked.len() - 1), "{asked:?}");
    assert_eq!(warnings, [""; 0]);
    assert!(start.elapsed() >= Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(scene.deployments(), ["1 aaa -> web-pr-7: in_progress success"]);
}
