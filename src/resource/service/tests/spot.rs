//! Tasks on Fargate Spot. moto keeps no capacity provider strategy of a service, so that what is sent and what
//! is read of it is shown here.

use super::*;
use crate::{
    apply::Outputs,
    aws::{Writer, replay::Replay},
    event::Events,
    tags::Tags,
};
use serde_json::{Value, json};

fn on(on_spot: Option<bool>) -> Settings {
    Settings { on_spot, ..sample::settings() }
}

/// The request by which it is done.
async fn sent(action: &Action<Settings>) -> Value {
    let operation =
        if matches!(action, Action::Create(_)) { "CreateService" } else { "UpdateService" };
    let replay = Replay::new([(operation, 200, json!({"service": {"serviceArn": "arn"}}))]);
    let writer = Writer::new(replay.reader(), "web".to_owned(), Events::channel().0);
    let done = apply(action, &Tags::new(), &writer, &Outputs::default()).await;
    done.expect("it is done");
    replay.asked().remove(0)
}

#[tokio::test]
async fn it_is_made_with_a_strategy_or_a_launch_type_and_never_both() {
    let spot = sent(&Action::Create(on(Some(true)))).await;
    let strategy = json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}]);
    assert_eq!((&spot["capacityProviderStrategy"], &spot["launchType"]), (&strategy, &Value::Null));
    for plain in [None, Some(false)] {
        let plain = sent(&Action::Create(on(plain))).await;
        let is = (&plain["capacityProviderStrategy"], &plain["launchType"]);
        assert_eq!(is, (&Value::Null, &json!("FARGATE")));
    }
}

#[tokio::test]
async fn a_change_of_it_starts_a_deployment() {
    let there = |on_spot| Observed { settings: on(Some(on_spot)), ..observed("COMPLETED") };
    assert_eq!(diff(&on(Some(true)), Some(&there(true))), None);
    // Nobody asked: whoever put it on Spot has it so.
    assert_eq!(diff(&on(None), Some(&there(true))), None);
    for (wanted, strategy) in [
        (true, json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}])),
        (false, json!([])),
    ] {
        let action = diff(&on(Some(wanted)), Some(&there(!wanted))).expect("it differs");
        let request = sent(&action).await;
        let expected = json!({
            "cluster": "cluster", "service": "service",
            "capacityProviderStrategy": strategy, "forceNewDeployment": true,
        });
        assert_eq!(request, expected);
    }
}

#[test]
fn what_ecs_tells_of_it() {
    let read = |provider: Option<&str>| {
        let item = provider.map(|provider| {
            let item = CapacityProviderStrategyItem::builder().capacity_provider(provider);
            item.build().expect("the provider is given")
        });
        let service =
            Service::builder().set_capacity_provider_strategy(item.map(|item| vec![item]));
        super::super::observed(&service.build()).settings.on_spot
    };
    assert_eq!(read(Some("FARGATE_SPOT")), Some(true));
    assert_eq!(read(Some("FARGATE")), Some(false));
    assert_eq!(read(None), Some(false));
}
