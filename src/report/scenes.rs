//! Whole runs as each reporter tells them, in the words of the engine: what is read at two in the
//! morning. Each snapshot has one run, four times.

mod stage;

use crate::{
    address::{Address, Kind},
    error::Problem,
    event::{Event, Outcome, Outputs, Phase, Source, Verdict},
    exit,
};
use stage::{
    DIGEST, IMAGE, URL, done, finished, first_plan, outcome, plan, rolling, rollout, said,
    second_plan, span, started, told,
};
use std::sync::Arc;

#[test]
fn first_deploy() {
    let plan = first_plan();
    let last = Outcome {
        timeline: vec![
            span("observe", 0, 4),
            span("repository/web", 4, 5),
            span("endpoint/ecr.api", 4, 61),
            span("load-balancer/shared", 4, 130),
            span("image/web", 5, 80),
            span("service/web", 130, 131),
            span("rollout", 131, 190),
        ],
        ..outcome(Some(&plan), Some(Verdict::Succeeded))
    };
    insta::assert_snapshot!(told(&[
        (0, Event::Phase(Phase::Observe)),
        (4, Event::Planned(plan)),
        (4, Event::Phase(Phase::Apply)),
        (4, started(Kind::Repository, "web")),
        (4, started(Kind::Endpoint, "ecr.api")),
        (4, started(Kind::LoadBalancer, "shared")),
        (5, done(Kind::Repository, "web", IMAGE, 1)),
        (5, started(Kind::Image, "web")),
        (6, said(Source::Build, "#1 [internal] load build definition from Dockerfile")),
        (7, said(Source::Build, "#5 [2/3] RUN npm ci")),
        (50, said(Source::Build, "#5 0.4 ::set-output name=x::boo")),
        (61, done(Kind::Endpoint, "ecr.api", "vpce-0abc", 57)),
        (79, said(Source::Build, "#8 pushing manifest done")),
        (80, done(Kind::Image, "web", &format!("{IMAGE}@{DIGEST}"), 75)),
        (
            130,
            done(
                Kind::LoadBalancer,
                "shared",
                "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shared/50dc",
                126
            )
        ),
        (130, started(Kind::Service, "web")),
        (
            131,
            done(Kind::Service, "web", "arn:aws:ecs:eu-west-1:123456789012:service/default/web", 1)
        ),
        (131, Event::Phase(Phase::Rollout)),
        (132, rollout(0, 2, 0, 1)),
        (
            140,
            said(Source::ServiceEvent, "(service web) has started 2 tasks: (task 7d1) (task 9c2).")
        ),
        (189, rollout(2, 0, 0, 58)),
        (190, finished(last)),
    ]));
}

#[test]
fn nothing_to_do() {
    let plan = Arc::new(plan(&[], 16, &[]));
    let mut last = outcome(Some(&plan), None);
    last.outputs.changed = false;
    insta::assert_snapshot!(told(&[
        (0, Event::Phase(Phase::Observe)),
        (4, Event::Planned(plan)),
        (4, finished(last)),
    ]));
}

#[test]
fn failed_build() {
    let problem = Problem::new(format!(
        "building `{IMAGE}:89abcdef0123`: a step of the Dockerfile ended with exit code 1"
    ))
    .found("#9 0.3 npm ERR! missing script: build")
    .found("Dockerfile:7")
    .found("   5 |     COPY . .")
    .found("   7 | >>> RUN npm run build")
    .help("mend the step that `>>>` points at; nothing was pushed");
    let address = Address::new(Kind::Image, "web");
    let mut whole = problem.clone();
    whole.what = format!("{address}: {}", whole.what);
    let last = Outcome {
        error: Some(whole),
        exit_code: exit::REFUSED,
        outputs: Outputs { url: Some(URL.into()), ..Outputs::default() },
        ..outcome(Some(&second_plan()), None)
    };
    insta::assert_snapshot!(told(&[
        (0, Event::Phase(Phase::Observe)),
        (4, Event::Planned(second_plan())),
        (4, Event::Phase(Phase::Apply)),
        (4, started(Kind::Image, "web")),
        (6, said(Source::Build, "#9 [4/4] RUN npm run build")),
        (7, said(Source::Build, "#9 0.3 npm ERR! missing script: build")),
        (8, Event::StepFailed { address: address.clone(), problem }),
        (8, Event::StepSkipped { address: Address::new(Kind::Service, "web"), waits_for: address }),
        (8, finished(last)),
    ]));
}

#[test]
fn partial_apply() {
    let address = Address::new(Kind::Endpoint, "ecr.api");
    let problem = Problem::new(
        "ec2:CreateVpcEndpoint for endpoint `ecr.api` answered VpcEndpointLimitExceeded: \
         The maximum number of VPC endpoints has been reached (request 6f1-22)",
    )
    .help("ask for a higher quota `Interface VPC endpoints per VPC`");
    let mut whole = problem.clone();
    whole.what = format!("{address}: {}", whole.what);
    let whole =
        whole.found("done: repository/web, image/web").found("not started: service/web").help(
            "ask for a higher quota `Interface VPC endpoints per VPC`\n\
             run it again: it takes up where this run stopped",
        );
    let last = Outcome {
        error: Some(whole),
        exit_code: exit::PARTIAL,
        changed: true,
        outputs: Outputs {
            image: Some(format!("{IMAGE}@{DIGEST}")),
            changed: true,
            ..Outputs::default()
        },
        ..outcome(Some(&first_plan()), None)
    };
    insta::assert_snapshot!(told(&[
        (0, Event::Phase(Phase::Observe)),
        (4, Event::Planned(first_plan())),
        (4, Event::Phase(Phase::Apply)),
        (4, started(Kind::Repository, "web")),
        (4, started(Kind::Endpoint, "ecr.api")),
        (5, done(Kind::Repository, "web", IMAGE, 1)),
        (5, started(Kind::Image, "web")),
        (9, Event::StepFailed { address: address.clone(), problem }),
        (80, done(Kind::Image, "web", &format!("{IMAGE}@{DIGEST}"), 75)),
        (
            80,
            Event::StepSkipped { address: Address::new(Kind::Service, "web"), waits_for: address }
        ),
        (80, finished(last)),
    ]));
}

#[test]
fn rolled_back() {
    let problem = Problem::new(
        "both tasks of `ecs-svc/8841` stopped: essential container `web` exited with 1",
    )
    .found("stopped: Essential container in task exited (exit code 1)")
    .found("log: Error: Cannot find module '/app/server.js'")
    .found("log: ::error::thrown by @octocat in #12")
    .help("run the image locally: `docker run -p 8080:8080 web`");
    let last = Outcome {
        exit_code: exit::ROLLOUT_FAILED,
        ..outcome(Some(&second_plan()), Some(Verdict::RolledBack(problem)))
    };
    let mut events = rolling();
    events.extend([
        (55, rollout(0, 1, 2, 23)),
        (56, said(Source::Log, "Error: Cannot find module '/app/server.js'")),
        (56, said(Source::Log, "::error::thrown by @octocat in #12")),
        (
            95,
            said(
                Source::ServiceEvent,
                "(service web) (deployment ecs-svc/8841) deployment failed: tasks failed to start.",
            ),
        ),
        (110, finished(last)),
    ]);
    insta::assert_snapshot!(told(&events));
}

#[test]
fn timed_out() {
    let problem = Problem::new("deployment `ecs-svc/8841` was still IN_PROGRESS after 15m")
        .found("1 of 2 tasks running, 1 starting")
        .found("target 10.0.3.7:8080 is unhealthy: Target.ResponseCodeMismatch, Health checks failed with these codes: [404]")
        .help("ECS goes on with it: look at the service, or set `rollout.timeout` higher");
    let last = Outcome {
        exit_code: exit::TIMED_OUT,
        ..outcome(Some(&second_plan()), Some(Verdict::TimedOut(problem)))
    };
    let mut events = rolling();
    events.extend([(70, rollout(1, 1, 0, 38)), (132, finished(last))]);
    insta::assert_snapshot!(told(&events));
}

#[test]
fn refused() {
    let problem = Problem::new("`vpc-0abc` has no private subnet")
        .found("subnet-0a (eu-west-1a): 0.0.0.0/0 goes to igw-01, so it is public")
        .found("subnet-0b (eu-west-1b): 0.0.0.0/0 goes to igw-01, so it is public")
        .help("add a subnet whose route table has no route to an internet gateway");
    let last = Outcome { error: Some(problem), exit_code: exit::REFUSED, ..outcome(None, None) };
    insta::assert_snapshot!(told(&[(0, Event::Phase(Phase::Observe)), (4, finished(last))]));
}
