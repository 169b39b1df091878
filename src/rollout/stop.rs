//! Ends a rollout that cannot work.

use super::{Target, machine::revision, state::at_once};
use crate::aws::{
    Writer,
    explain::{Explain as _, Failure},
};
use aws_sdk_ecs::operation::stop_service_deployment::builders::StopServiceDeploymentFluentBuilder;
use aws_sdk_ecs::types::{Service, StopServiceDeploymentStopType, Tag};

/// The tag of a service that was scaled to zero because its first version did not start; the value is
/// the revision, a blank, and the tasks that should have run. A service without tasks looks steady, and
/// the next run has to know that it is not.
pub const GIVEN_UP: &str = "ecs-private-deploy:given-up";

/// Asks ECS to return to the last version. That works without the service's own rollback option too.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopServiceDeployment.html>
pub async fn roll_back(aws: &Writer, service_deployment: &str) -> Result<(), Failure> {
    let request = rolling_back(aws, service_deployment);
    request.send().await.explain("ecs:StopServiceDeployment", service_deployment).map(drop)
}

/// The same where there is no time for a second attempt.
pub async fn roll_back_at_once(aws: &Writer, service_deployment: &str) -> Result<(), Failure> {
    let request = rolling_back(aws, service_deployment).customize().config_override(at_once());
    request.send().await.explain("ecs:StopServiceDeployment", service_deployment).map(drop)
}

fn rolling_back(aws: &Writer, service_deployment: &str) -> StopServiceDeploymentFluentBuilder {
    let request = aws.aws.ecs.stop_service_deployment();
    let request = request.service_deployment_arn(service_deployment);
    request.stop_type(StopServiceDeploymentStopType::Rollback)
}

/// Scales a service without a version that ever ran to zero, and writes down that this was not wanted:
/// first, so that no service stands at zero without it.
pub async fn scale_to_zero(
    aws: &Writer,
    target: &Target,
    service: &str,
    given_up: &str,
) -> Result<(), Failure> {
    let tag = Tag::builder().key(GIVEN_UP).value(given_up).build();
    let request = aws.aws.ecs.tag_resource().resource_arn(service).tags(tag);
    request.send().await.explain("ecs:TagResource", service)?;
    let request = aws.aws.ecs.update_service().cluster(&target.cluster).service(&target.service);
    request.desired_count(0).send().await.explain("ecs:UpdateService", service).map(drop)
}

/// The tasks that should run, where the service stands at zero only because this revision did not start.
/// The tag stays when another revision has come, or somebody has scaled: then it says nothing.
pub fn given_up(service: &Service) -> Option<u32> {
    let tag = service.tags().iter().find(|tag| tag.key() == Some(GIVEN_UP))?;
    let (of, count) = tag.value()?.split_once(' ')?;
    let stands = service.desired_count() == 0 && revision(service.task_definition()?) == of;
    count.parse().ok().filter(|count| stands && *count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_at_zero_is_given_up_only_with_the_revision_that_did_not_start() {
        let given_up = |value: &str, revision: &str, desired| {
            let tag = Tag::builder().key(GIVEN_UP).value(value).build();
            let arn = format!("arn:aws:ecs:eu-west-1:1:task-definition/{revision}");
            let service = Service::builder().tags(tag).task_definition(arn);
            super::given_up(&service.desired_count(desired).build())
        };
        assert_eq!(given_up("web:1 2", "web:1", 0), Some(2));
        assert_eq!(given_up("web:1 2", "web:2", 0), None);
        assert_eq!(given_up("web:1 2", "web:1", 1), None);
        assert_eq!(given_up("web:1 0", "web:1", 0), None);
        assert_eq!(given_up("x", "web:1", 0), None);
    }
}
