//! What is done about a word, or why nothing can be. Pure.

use crate::{
    aws::explain::Failure,
    error::Problem,
    event::Verdict,
    resource::service::Observed,
    rollout::service_deployment::{ServiceDeployment, Status},
};

/// What somebody has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// It goes on.
    Continue,
    /// The last version comes back.
    Rollback,
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
    deployment: Option<&ServiceDeployment>,
) -> Result<Act, Problem> {
    let Some(ServiceDeployment { arn, status, stage, pause, functions, .. }) = deployment else {
        return Err(nothing(word, name, service));
    };
    let deployment = arn.clone();
    let stage = stage.as_ref().map(|stage| format!(", at {stage}")).unwrap_or_default();
    if *status != Status::Underway {
        return match word {
            Word::Rollback => Ok(Act::Await { deployment }),
            Word::Continue => Err(Problem::new(format!("the deployment of {name} cannot go on"))
                .found(format!("{arn} is {status}{stage}"))
                .help("deploy again when it is over: ecs-private-deploy deploy")),
        };
    }
    match (word, pause.as_ref().map(|pause| pause.hook.clone())) {
        (_, Some(hook)) => Ok(Act::Resolve { deployment, hook, goes_on: word == Word::Continue }),
        (Word::Rollback, None) => Ok(Act::Stop { deployment }),
        (Word::Continue, None) => {
            let problem =
                Problem::new(format!("the deployment of {name} does not wait for a word"));
            let mut problem = problem.found(format!("{arn} is {status}{stage}"));
            for status in functions {
                problem = problem.found(format!("a Lambda hook is {status}"));
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
pub fn end(deployment: &ServiceDeployment) -> Option<Verdict> {
    let reason = deployment.why();
    let problem = |what: &str| {
        let problem = Problem::new(what).found(deployment.arn.clone());
        if reason.is_empty() { problem } else { problem.found(format!("ECS says: {reason}")) }
    };
    match deployment.status {
        Status::RolledBack => {
            Some(Verdict::RolledBack(problem("the last version is back, as asked")))
        }
        Status::RollbackFailed => Some(Verdict::Failed(
            problem("the last version could not be brought back")
                .help("deploy a version that is known to work: ecs-private-deploy deploy"),
        )),
        Status::Stopped => Some(Verdict::Stopped(
            problem("the rollout was stopped, and nothing was brought back")
                .help("deploy the version that is wanted: ecs-private-deploy deploy"),
        )),
        Status::Successful => Some(Verdict::Succeeded),
        Status::Underway
        | Status::StopRequested
        | Status::RollbackRequested
        | Status::RollingBack => None,
    }
}

#[cfg(test)]
mod tests;
