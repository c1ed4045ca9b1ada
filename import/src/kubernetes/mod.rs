//! Kubernetes manifests: what runs in a cluster, as far as it decides who its pods are and whether network policies hold
//! them.
//!
//! - [`read`] takes files to [`Manifests`].
//! - [`check`] says what of them leads nowhere, and [`posture`] what undermines a network policy.
//! - [`bind`](bind::bind) holds a package's workloads against them.
//! - [`inventory`] says them in Weir.

pub mod bind;
mod check;
mod objects;
mod posture;
mod read;
mod say;

use std::collections::BTreeMap;

pub use check::check;
pub use objects::{
    Container, ContainerPort, Manifests, Object, Other, Pods, RivalPolicy, Service, ServicePort, Target,
};
pub use posture::{Finding, posture};
pub use read::{read, twice};
pub use say::{Options, inventory};

/// Labels by key.
pub type Labels = BTreeMap<String, String>;

/// Whether something with `labels` is chosen by a selector.
pub(crate) fn covers(selector: &Labels, labels: &Labels) -> bool {
    selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// `app=web,tier=front`, as kubectl writes it.
pub(crate) fn show(labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(",")
}
