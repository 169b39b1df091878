//! The cluster, and whether tasks can run on Fargate Spot in it.

use super::Inputs;
use crate::{
    address::{Address, Kind, Known},
    error::{Error, Result},
    plan::{Plan, change::Change},
    resource::{
        Action,
        cluster::{self, SPOT},
    },
};

/// The cluster.
pub(super) struct Planned {
    /// What it is called.
    pub(super) cluster: Known,
    /// What has to be done to it before its services can run on Spot.
    pub(super) ready: Option<Known>,
}

/// Plans the cluster. A file whose previews run on Spot has the main service's deploy make it ready for
/// them.
pub(super) fn cluster(inputs: &Inputs<'_>, plan: &mut Plan) -> Result<Planned> {
    let Inputs { config, world, .. } = *inputs;
    let has_spot = config.preview.as_ref().is_some_and(|preview| preview.spot);
    let desired =
        cluster::Settings { name: config.cluster.clone(), used_by_this_stack: true, has_spot };
    let observed = world.cluster.as_ref();
    if let Some(found) = observed
        && !found.ownership.is_managed()
        && inputs.is_preview()
        && has_spot
        && !found.settings.has_spot
    {
        return Err(without_spot(found));
    }
    let change = cluster::diff(&desired, observed);
    let reason = match &change {
        Some(Action::Update { from, to, .. }) if from.has_spot != to.has_spot => {
            "previews run on Fargate Spot in it"
        }
        Some(Action::Update { .. }) => "this service is not registered as a user of it",
        _ => "no such cluster",
    };
    let address = Address::new(Kind::Cluster, &config.cluster);
    let ready = change.as_ref().map(|_| Known::After(address.clone()));
    plan.add(address.clone(), change.map(Change::Cluster), reason);
    let cluster = observed.map_or(Known::After(address), |found| Known::Now(found.arn.clone()));
    Ok(Planned { cluster, ready: ready.filter(|_| inputs.is_preview()) })
}

/// One of somebody else's is not changed, and ECS takes no service there whose tasks run on Spot.
fn without_spot(found: &cluster::Observed) -> Error {
    let mut providers = found.providers.clone();
    providers.push(SPOT.to_owned());
    let name = &found.settings.name;
    let strategy = if found.has_default_strategy {
        " with the default strategy that it has now"
    } else {
        " --default-capacity-provider-strategy '[]'"
    };
    Error::refused(
        format!(
            "cluster `{name}` was not made by this program and has no capacity provider {SPOT}, which \
             `preview.spot` needs"
        ),
        format!(
            "add it: aws ecs put-cluster-capacity-providers --cluster {name} --capacity-providers {}{strategy}\n\
             or take `preview.spot` out",
            providers.join(" ")
        ),
    )
}
