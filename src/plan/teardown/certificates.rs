//! The certificates that were added to listeners for a service's previews.

use super::Inputs;
use crate::{
    address::{Address, Kind, Known},
    plan::{Plan, change::Change},
    resource::{Action, listener, listener_certificate},
};

/// Plans their end on a listener that stays: one that goes takes them along.
pub(super) fn certificates(inputs: &Inputs<'_>, plan: &mut Plan) {
    if inputs.config.preview_of.is_some() {
        return;
    }
    let goes = |found: &listener::Observed| {
        plan.steps.values().any(|step| {
            matches!(&step.change, Change::Listener(Action::Delete { id, .. }) if *id == found.arn)
        })
    };
    let stay: Vec<_> = inputs.world.listeners.iter().filter(|found| !goes(found)).collect();
    let identity = &inputs.world.identity;
    for found in stay {
        let own = found.ownership.added.iter().filter(|(_, stack)| *stack == inputs.names.stack);
        for (id, _) in own {
            let certificate = format!(
                "arn:{}:acm:{}:{}:certificate/{id}",
                identity.partition, identity.region, identity.account
            );
            let settings = listener_certificate::Settings {
                listener: Known::Now(found.arn.clone()),
                certificate: certificate.clone(),
            };
            let delete = Action::Delete { id: certificate, settings, after: Vec::new() };
            let address = Address::new(Kind::ListenerCertificate, id);
            plan.add(
                address,
                Some(Change::ListenerCertificate(delete)),
                "was added for this service's previews",
            );
        }
    }
}
