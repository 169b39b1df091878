//! Whether the service that is there can be deployed to at all.

use super::Inputs;
use crate::{
    error::{Error, Problem, Result},
    plan::Plan,
    resource::service::Kind,
};

/// Refuses a service of another kind. Yields whether a deleted one has to be gone first, which is said.
pub(super) fn check(inputs: &Inputs<'_>, plan: &mut Plan) -> Result<bool> {
    let Inputs { config, names, world, .. } = *inputs;
    let name = format!("service `{}` in cluster `{}`", config.service, config.cluster);
    if let Some(found) = &world.service
        && let Some(problem) = misfit(&name, &found.kind)
    {
        return Err(Error::Refused(problem));
    }
    let Some(draining) = &world.draining else { return Ok(false) };
    if !draining.ownership.is_of(&names.stack) {
        let what = format!("{name} was deleted, is still draining, and is not this program's");
        let help = format!(
            "wait until it is gone, or give the service another name: aws ecs wait services-inactive \
             --cluster {} --services {}",
            config.cluster, config.service
        );
        return Err(Error::refused(what, help));
    }
    plan.warnings.push(format!(
        "{name} was deleted and is still draining: its tasks get {} s to finish their requests, and the \
         new service is made after that",
        config.load_balancer.deregistration_delay
    ));
    Ok(true)
}

/// What is wrong with it, and the way out.
fn misfit(name: &str, kind: &Kind) -> Option<Problem> {
    let another = "give this service another name with `service:`";
    let (what, help) = match &*kind.controller {
        "ECS" if kind.scheduling == "DAEMON" => (
            format!("{name} runs one task on each instance (scheduling strategy DAEMON)"),
            format!("{another}, or delete that one: Fargate has no such services"),
        ),
        "ECS" => {
            let runs_on = kind.runs_on.as_ref()?;
            (
                format!("{name} runs on {runs_on}, and this program deploys to Fargate"),
                format!("{another}, or delete that one: its launch type cannot be changed"),
            )
        }
        "CODE_DEPLOY" => (
            format!("{name} is deployed by CodeDeploy (deployment controller CODE_DEPLOY)"),
            format!(
                "{another}, delete that one, or let ECS deploy it: https://docs.aws.amazon.com/\
                 AmazonECS/latest/developerguide/migrate-code-deploy-to-ecs-blue-green.html"
            ),
        ),
        controller => (
            format!("{name} is deployed by somebody else (deployment controller {controller})"),
            format!("{another}, or delete that one"),
        ),
    };
    Some(Problem::new(what).help(help))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind() -> Kind {
        Kind {
            is_draining: false,
            controller: "ECS".to_owned(),
            runs_on: None,
            scheduling: "REPLICA".to_owned(),
        }
    }

    #[test]
    fn each_kind_of_service_that_does_not_fit_has_its_way_out() {
        let text = |text: &str| text.to_owned();
        let kinds = [
            Kind { controller: text("CODE_DEPLOY"), ..kind() },
            Kind { controller: text("EXTERNAL"), runs_on: Some(text("EC2")), ..kind() },
            Kind { runs_on: Some(text("EC2")), ..kind() },
            Kind { runs_on: Some(text("EC2")), scheduling: text("DAEMON"), ..kind() },
        ];
        let told: Vec<_> = kinds
            .iter()
            .map(|kind| misfit("service `web` in cluster `web`", kind).expect("it is").to_string())
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        service `web` in cluster `web` is deployed by CodeDeploy (deployment controller CODE_DEPLOY)
          help: give this service another name with `service:`, delete that one, or let ECS deploy it: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/migrate-code-deploy-to-ecs-blue-green.html
        service `web` in cluster `web` is deployed by somebody else (deployment controller EXTERNAL)
          help: give this service another name with `service:`, or delete that one
        service `web` in cluster `web` runs on EC2, and this program deploys to Fargate
          help: give this service another name with `service:`, or delete that one: its launch type cannot be changed
        service `web` in cluster `web` runs one task on each instance (scheduling strategy DAEMON)
          help: give this service another name with `service:`, or delete that one: Fargate has no such services
        ");
        assert_eq!(misfit("service `web` in cluster `web`", &kind()), None);
    }
}
