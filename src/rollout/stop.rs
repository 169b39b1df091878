//! Ends a rollout that cannot work.

use super::Target;
use crate::aws::{
    Writer,
    explain::{Explain as _, Failure},
};
use aws_sdk_ecs::types::{StopServiceDeploymentStopType, Tag};

/// The tag of a service that was scaled to zero because its first version did not start; the value is
/// the revision, a blank, and the tasks that should have run. A service without tasks looks steady, and
/// the next run has to know that it is not.
pub const GIVEN_UP: &str = "ecs-private-deploy:given-up";

/// Asks ECS to return to the last version. That works without the service's own rollback option too.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopServiceDeployment.html>
pub async fn roll_back(aws: &Writer, service_deployment: &str) -> Result<(), Failure> {
    let request = aws.aws.ecs.stop_service_deployment();
    let request = request
        .service_deployment_arn(service_deployment)
        .stop_type(StopServiceDeploymentStopType::Rollback);
    request.send().await.explain("ecs:StopServiceDeployment", service_deployment).map(drop)
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
