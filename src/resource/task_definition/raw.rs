//! The SDK's own operations with the JSON that goes over the wire: signed, retried and timed by the
//! SDK, but with nothing dropped on the way in or out.

use crate::aws::explain::{Explain as _, Failure};
use aws_sdk_ecs::{
    Client,
    config::{ConfigBag, Intercept, RuntimeComponents},
    types::{ContainerDefinition, TaskDefinitionField},
};
use aws_smithy_runtime_api::{
    box_error::BoxError, client::interceptors::context::AfterDeserializationInterceptorContextRef,
};
use aws_smithy_types::body::SdkBody;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};

/// Registers the document and yields the revision's ARN.
pub(super) async fn register(
    ecs: &Client,
    family: &str,
    document: &Value,
) -> Result<String, Failure> {
    let body = document.to_string();
    let registered = ecs
        .register_task_definition()
        // The SDK checks that these two are there before it lets the request be changed.
        .family(family)
        .container_definitions(ContainerDefinition::builder().build())
        .customize()
        .mutate_request(move |request| {
            let length = body.len().to_string();
            request.headers_mut().insert("content-length", length);
            *request.body_mut() = SdkBody::from(body.as_str());
        })
        .send()
        .await
        .explain("ecs:RegisterTaskDefinition", format!("family {family}"))?;
    Ok(registered
        .task_definition
        .and_then(|definition| definition.task_definition_arn)
        .unwrap_or_default())
}

/// Describes a revision, with its tags, as ECS answered it.
pub(super) async fn describe(ecs: &Client, name: &str) -> Result<Value, Failure> {
    let answer = Body::default();
    ecs.describe_task_definition()
        .task_definition(name)
        .include(TaskDefinitionField::Tags)
        .customize()
        .interceptor(answer.clone())
        .send()
        .await
        .explain("ecs:DescribeTaskDefinition", format!("task definition {name}"))?;
    let bytes = answer.0.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default();
    serde_json::from_slice(&bytes).map_err(|error| Failure {
        operation: "ecs:DescribeTaskDefinition",
        on: format!("task definition {name}"),
        code: None,
        message: format!("the answer is not JSON: {error}"),
        request_id: None,
    })
}

/// Keeps the body of the last answer.
#[derive(Debug, Default, Clone)]
struct Body(Arc<Mutex<Option<Vec<u8>>>>);

impl Intercept for Body {
    fn name(&self) -> &'static str {
        "Body"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().map(<[u8]>::to_vec);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = body;
        Ok(())
    }
}
