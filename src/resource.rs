//! One AWS thing a file, each with the same items in the same order: `Settings` (the normal form
//! that what is there and what is wanted share), `Observed`, `observe`, `diff`, `calls` and `apply`.

pub mod cached_image;
pub mod cluster;
pub mod endpoint;
pub mod image;
pub mod listener;
pub mod listener_certificate;
pub mod load_balancer;
pub mod log_group;
pub mod preview_images;
pub mod pull_through_cache_rule;
pub mod repository;
pub mod role;
pub mod rule;
pub mod run_task;
pub mod security_group;
pub mod service;
pub mod target_group;
pub mod task_definition;
pub mod vpc;

use crate::address::{Address, Known};
use serde::Serialize;

/// The normal form of one thing: sorted, defaults filled in, so that comparing is `==`.
pub trait Settings: Serialize + PartialEq + Clone {
    /// The identifiers that it mentions; those still to be made are what its step waits for.
    fn references(&self) -> Vec<&Known>;
}

/// What a step does to one thing.
#[derive(Debug, Clone, PartialEq)]
pub enum Action<S> {
    /// It is not there.
    Create(S),
    /// It is ours and differs, or is completed.
    Update {
        /// What AWS calls it.
        id: String,
        /// What stands.
        from: S,
        /// What will stand.
        to: S,
    },
    /// It is ours and nobody else's any more.
    Delete {
        /// What AWS calls it.
        id: String,
        /// What stands.
        settings: S,
        /// What has to be gone before.
        after: Vec<Address>,
    },
}

impl<S: Settings> Action<S> {
    /// The steps that have to be done before.
    pub fn needs(&self) -> Vec<Address> {
        match self {
            Self::Create(to) | Self::Update { to, .. } => needs(to),
            Self::Delete { after, .. } => after.clone(),
        }
    }
}

/// The steps that have to be done before a thing like this is made.
pub fn needs<S: Settings>(to: &S) -> Vec<Address> {
    to.references().into_iter().filter_map(Known::after).cloned().collect()
}

/// The difference between what is wanted and what is there, where the thing may be changed.
pub fn changed<S: Settings>(id: &str, from: &S, to: &S) -> Option<Action<S>> {
    (from != to).then(|| Action::Update { id: id.to_owned(), from: from.clone(), to: to.clone() })
}
