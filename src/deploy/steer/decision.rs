//! What is done about a word, or why nothing can be. Pure.

use crate::{aws::explain::Failure, error::Problem, event::Verdict, resource::service::Observed};

/// What somebody has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// It goes on.
    Continue,
    /// The last version comes back.
    Rollback,
}

/// A service deployment, as ECS tells of it.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html>
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deployment {
    /// Its ARN.
    pub arn: String,
    /// `IN_PROGRESS`, `ROLLBACK_SUCCESSFUL`, …
    pub status: String,
    /// ECS's words about that; may be empty.
    pub reason: String,
    /// Where it is on its way, `BAKE_TIME`.
    pub stage: Option<String>,
    /// The hooks of that stage.
    pub hooks: Vec<Hook>,
}

/// A lifecycle hook of a deployment that is going on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// By which ECS is told about it.
    pub id: String,
    /// `PAUSE` or `AWS_LAMBDA`.
    pub target: String,
    /// `AWAITING_ACTION`, …
    pub status: String,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// The hook that waits gets its answer.
    Resolve {
        /// The service deployment.
        deployment: String,
        /// The hook.
        hook: String,
        /// Whether the deployment goes on; otherwise the last version comes back.
        goes_on: bool,
    },
    /// The deployment is stopped, and the last version comes back.
    Stop {
        /// The service deployment.
        deployment: String,
    },
    /// ECS is at it already.
    Await {
        /// The service deployment.
        deployment: String,
    },
}

impl Act {
    /// The service deployment that it is about.
    pub fn deployment(&self) -> &str {
        match self {
            Self::Resolve { deployment, .. }
            | Self::Stop { deployment }
            | Self::Await { deployment } => deployment,
        }
    }
}

/// The service, where there is one that ECS deploys.
///
/// # Errors
/// Why there is nothing to say, and the way out.
pub fn check(word: Word, name: &str, service: Option<Observed>) -> Result<Observed, Problem> {
    let Some(service) = service else {
        let problem = Problem::new(format!("{name} does not exist"));
        return Err(problem.help(
            "check `service`, `cluster` and the region, or deploy it: ecs-private-deploy deploy",
        ));
    };
    if service.kind.is_draining {
        let problem = Problem::new(format!("{name} was deleted and is draining"));
        return Err(problem.help("deploy it again: ecs-private-deploy deploy"));
    }
    let controller = &*service.kind.controller;
    let verb = match word {
        Word::Continue => "continue-deployment",
        Word::Rollback => "stop-deployment --auto-rollback-enabled",
    };
    let help = match controller {
        "ECS" => return Ok(service),
        "CODE_DEPLOY" => format!("tell CodeDeploy: aws deploy {verb} --deployment-id d-…"),
        _ => "tell whoever made its task sets: aws ecs describe-services shows them".to_owned(),
    };
    let what = format!("{name} is not deployed by ECS (deployment controller {controller})");
    Err(Problem::new(what).help(help))
}

/// What is done about the deployment that is going on.
///
/// # Errors
/// Why nothing is, and the way out.
pub fn decide(
    word: Word,
    name: &str,
    service: &Observed,
    deployment: Option<&Deployment>,
) -> Result<Act, Problem> {
    let Some(Deployment { arn, status, stage, hooks, .. }) = deployment else {
        return Err(nothing(word, name, service));
    };
    let deployment = arn.clone();
    let stage = stage.as_ref().map(|stage| format!(", at {stage}")).unwrap_or_default();
    let is_going_on = matches!(&**status, "PENDING" | "IN_PROGRESS");
    if !is_going_on {
        return match word {
            Word::Rollback => Ok(Act::Await { deployment }),
            Word::Continue => Err(Problem::new(format!("the deployment of {name} cannot go on"))
                .found(format!("{arn} is {status}{stage}"))
                .help("deploy again when it is over: ecs-private-deploy deploy")),
        };
    }
    let waits = |hook: &&Hook| hook.status == "AWAITING_ACTION" && hook.target != "AWS_LAMBDA";
    let waiting = hooks.iter().find(waits).map(|hook| hook.id.clone());
    match (word, waiting) {
        (_, Some(hook)) => Ok(Act::Resolve { deployment, hook, goes_on: word == Word::Continue }),
        (Word::Rollback, None) => Ok(Act::Stop { deployment }),
        (Word::Continue, None) => {
            let problem =
                Problem::new(format!("the deployment of {name} does not wait for a word"));
            let mut problem = problem.found(format!("{arn} is {status}{stage}"));
            for hook in hooks.iter().filter(|hook| hook.target == "AWS_LAMBDA") {
                problem = problem.found(format!("a Lambda hook is {}", hook.status));
            }
            Err(problem.help(
                "`rollout: { pause: { at: [POST_SCALE_UP] } }` makes one wait; to follow this one: \
                 ecs-private-deploy deploy",
            ))
        }
    }
}

fn nothing(word: Word, name: &str, service: &Observed) -> Problem {
    let problem = Problem::new(format!("no deployment of {name} is going on"));
    let runs = service.settings.task_definition.now().unwrap_or_default();
    let runs = runs.rsplit('/').next().unwrap_or(runs);
    let state = service.primary.as_ref().map(|primary| primary.rollout_state.as_str());
    let state = state.filter(|state| !state.is_empty()).unwrap_or("state not told");
    let problem = problem.found(format!("it runs {runs} ({state})"));
    match word {
        Word::Continue => problem.help("a deploy starts one: ecs-private-deploy deploy"),
        Word::Rollback => problem.help(
            "a version that is out is left by deploying another one: check out its commit, or name its \
             image: ecs-private-deploy deploy --image URI@DIGEST",
        ),
    }
}

/// Whether an answer means that ECS has no service deployments here.
pub fn is_absent(failure: &Failure) -> bool {
    const CODES: [&str; 3] = ["UnsupportedFeature", "UnknownOperation", "InvalidAction"];
    CODES.iter().any(|code| failure.is(code))
}

/// What is said where ECS has none.
pub fn absent(word: Word, name: &str, failure: &Failure) -> Problem {
    let problem = Problem::new(format!("ECS does not tell of the deployments of {name} here"));
    let problem = problem.found(failure.problem().what);
    match word {
        Word::Continue => problem.help("a pause needs them: take `rollout.pause` out of the file"),
        Word::Rollback => problem.help(
            "deploy the last version: check out its commit, or name its image: ecs-private-deploy \
             deploy --image URI@DIGEST",
        ),
    }
}

/// How a deployment that was to be rolled back ended; `None` while it has not.
pub fn end(deployment: &Deployment) -> Option<Verdict> {
    let Deployment { arn, status, reason, .. } = deployment;
    let problem = |what: String| {
        let problem = Problem::new(what).found(arn.clone());
        if reason.is_empty() { problem } else { problem.found(format!("ECS says: {reason}")) }
    };
    match &**status {
        "ROLLBACK_SUCCESSFUL" => {
            Some(Verdict::RolledBack(problem("the last version is back, as asked".to_owned())))
        }
        "ROLLBACK_FAILED" => Some(Verdict::Failed(
            problem("the last version could not be brought back".to_owned())
                .help("deploy a version that is known to work: ecs-private-deploy deploy"),
        )),
        "STOPPED" => Some(Verdict::Stopped(
            problem("the rollout was stopped, and nothing was brought back".to_owned())
                .help("deploy the version that is wanted: ecs-private-deploy deploy"),
        )),
        "SUCCESSFUL" => Some(Verdict::Succeeded),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
