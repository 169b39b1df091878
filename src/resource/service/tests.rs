mod spot;

use super::{configuration::Configuration, sample::observed, *};
use crate::{
    address::{Address, Kind as Thing},
    config,
};

fn known(id: &str) -> Known {
    Known::Now(id.to_owned())
}

/// Settings as the file asks for them, with this rollout block.
fn asked(rollout: &str) -> Settings {
    let file = config::sample(&format!("service: web\nrollout: {rollout}\n"));
    let deployment_configuration = Box::new(Configuration::desired(&file.rollout));
    Settings { deployment_configuration, ..sample::settings() }
}

fn shifting(settings: Settings, one: &str, other: &str) -> Settings {
    let shifting = Shifting {
        alternate_target_group: known(other),
        production_rule: known("production"),
        test_rule: Some(known("test")),
        role: known("role"),
    };
    Settings { target_group: known(one), shifting: Some(Box::new(shifting)), ..settings }
}

fn there(settings: Settings) -> Observed {
    Observed { settings, ..observed("COMPLETED") }
}

const CANARY: &str = "{ strategy: canary, alarms: [5xx] }";

#[test]
fn nothing_is_done_about_a_service_that_is_as_asked() {
    let blocks =
        ["{}", "{ rollback: false }", "{ strategy: blue-green }", "{ strategy: linear }", CANARY];
    for block in blocks {
        let wanted = shifting(asked(block), "blue", "green");
        assert_eq!(diff(&wanted, Some(&there(wanted.clone()))), None, "{block}");
    }
}

#[test]
fn the_sides_of_the_target_groups_are_ecs_s() {
    let wanted = shifting(asked(CANARY), "blue", "green");
    let swapped = there(shifting(asked(CANARY), "green", "blue"));
    assert_eq!(diff(&wanted, Some(&swapped)), None);
    let other = shifting(asked(CANARY), "green", "elsewhere");
    let Some(Action::Update { to, .. }) = diff(&wanted, Some(&there(other))) else {
        panic!("another target group is a difference")
    };
    assert_eq!(to, wanted);
}

#[test]
fn what_ecs_does_not_tell_of_the_configuration_is_as_it_should_be() {
    let wanted = shifting(asked(CANARY), "blue", "green");
    let silent = Observed {
        tells: Tells { deployment_configuration: false, health_check_grace_period: false },
        ..there(shifting(asked("{}"), "blue", "green"))
    };
    assert_eq!(diff(&wanted, Some(&silent)), None);
}

#[test]
fn a_service_waits_for_what_its_requests_move_with() {
    let after = |kind, name: &str| Known::After(Address::new(kind, name));
    let role = after(Thing::Role, "infrastructure");
    let way = after(Thing::Rule, "web");
    let group = after(Thing::TargetGroup, "web-alternate");
    let wanted = Settings {
        shifting: Some(Box::new(Shifting {
            alternate_target_group: group.clone(),
            production_rule: way.clone(),
            test_rule: None,
            role: role.clone(),
        })),
        ..asked(CANARY)
    };
    let create = Action::Create(wanted);
    let expected = [group, way, role].map(|known| known.after().cloned().expect("a step"));
    assert_eq!(create.needs(), expected);
    assert_eq!(calls(&create), ["ecs:CreateService", "iam:PassRole"]);
}

#[test]
fn the_kind_of_a_service_is_read_where_it_is_told() {
    let plain = Service::builder().status("ACTIVE").build();
    assert_eq!(kind(&plain), observed("").kind);
    let controller = DeploymentController::builder().r#type("CODE_DEPLOY".into());
    let item = aws_sdk_ecs::types::CapacityProviderStrategyItem::builder();
    let other = Service::builder()
        .status("DRAINING")
        .deployment_controller(controller.build().expect("a type"))
        .capacity_provider_strategy(
            item.clone().capacity_provider("FARGATE_SPOT").build().expect("a name"),
        )
        .capacity_provider_strategy(item.capacity_provider("gpu").build().expect("a name"))
        .scheduling_strategy("DAEMON".into())
        .build();
    let expected = Kind {
        is_draining: true,
        controller: "CODE_DEPLOY".to_owned(),
        runs_on: Some("gpu".to_owned()),
        scheduling: "DAEMON".to_owned(),
    };
    assert_eq!(kind(&other), expected);
}

#[test]
fn a_refusal_about_alarms_says_where_they_are_named() {
    let failure = |message: &str| Failure {
        operation: "ecs:CreateService",
        on: "service web in cluster web".to_owned(),
        code: Some("InvalidParameterException".to_owned()),
        message: message.to_owned(),
        request_id: None,
    };
    let told = |message, rollout| apply::about_alarms(failure(message), &asked(rollout)).message;
    insta::assert_snapshot!(told("Alarms not found", CANARY), @"Alarms not found (`rollout.alarms` names 5xx, which have to be CloudWatch alarms of this region, and ECS asks for them by the right of the role that runs this: cloudwatch:DescribeAlarms)");
    assert_eq!(told("Alarms not found", "{}"), "Alarms not found");
    assert_eq!(told("no subnets", CANARY), "no subnets");
}
