//! Reads Kubernetes objects as the API server does: the same YAML, the same fields, the same refusals. What is not known is
//! an error with its line, never skipped.
//!
//! - [`read`] takes a text to [`Object`]s, [`Cluster::admit`] says whether a cluster's API server would take it.
//! - [`World::permits`] decides single connections under NetworkPolicies (networking.k8s.io/v1), by every rule of the API.
//! - [`read_folder`] takes what Weir emitted for a cluster to a [`PolicyModel`], and refuses whatever is not in the normal
//!   form on which real data planes agree; [`compare`] holds the model against what a policy requires, both ways.

mod address;
mod compare;
mod decode;
mod evaluate;
mod folder;
mod guard_rails;
mod model;
mod names;
mod objects;
mod security;
mod validate;
mod yaml;

pub use compare::{Connection, Difference, Fault, Grant, Requirement, compare};
pub use evaluate::{ContainerPort, End, Pod, World};
pub use folder::read_folder;
pub use model::{Direction, Peer, Place, PolicyModel, Selector, Term};
pub use names::{check_label_key, check_label_value, check_namespace};
pub use objects::{
    ClusterNetworkPolicy, IntOrText, IpBlock, LabelSelector, Labels, Metadata, NetworkPolicy,
    NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicyRule, NetworkPolicySpec, Object, PodManifest,
    Protocol, Requirement as LabelRequirement, read,
};
pub use security::Level;
pub use validate::Cluster;
pub use weir_reading::Unread;
