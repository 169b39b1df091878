//! A service for tests, with nothing special about it.

use super::{Deployment, Kind, Observed, Settings, Tells, configuration::Configuration};
use crate::{address::Known, config::sample, tags::Ownership};
use std::collections::BTreeSet;

/// How `web` is set that listens on port 8080 and is rolled out.
pub(crate) fn settings() -> Settings {
    let known = |id: &str| Known::Now(id.to_owned());
    Settings {
        name: "web".to_owned(),
        cluster: known("cluster"),
        task_definition: known("web:1"),
        subnets: BTreeSet::new(),
        security_groups: BTreeSet::new(),
        assign_public_ip: "DISABLED".to_owned(),
        platform_version: "LATEST".to_owned(),
        target_group: known("blue"),
        shifting: None,
        container: "web".to_owned(),
        port: 8080,
        desired_count: None,
        on_spot: None,
        deployment_configuration: Box::new(Configuration::desired(
            &sample("service: web\n").rollout,
        )),
        health_check_grace_period: 60,
        last_deployment_failed: false,
        stands_on: Vec::new(),
        follows_drained: false,
        owes_tasks: false,
    }
}

/// It is there, its newest deployment in this state.
pub(crate) fn observed(rollout_state: &str) -> Observed {
    Observed {
        arn: "service".to_owned(),
        ownership: Ownership::default(),
        tells: Tells { deployment_configuration: true, health_check_grace_period: true },
        settings: settings(),
        primary: Some(Deployment {
            id: "ecs-svc/1".to_owned(),
            rollout_state: rollout_state.to_owned(),
        }),
        has_exec: false,
        has_service_connect: false,
        given_up: None,
        kind: Kind {
            is_draining: false,
            controller: "ECS".to_owned(),
            runs_on: None,
            scheduling: "REPLICA".to_owned(),
        },
    }
}
