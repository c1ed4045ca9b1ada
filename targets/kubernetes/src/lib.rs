//! The Kubernetes target: network policies (networking.k8s.io/v1) of each cluster.
//!
//! # Shape
//!
//! Data planes differ in how they take the odd corners of the API, and some open more than the policy says. So there is one
//! form, on which they agree:
//!
//! - one object per file, one direction per object; both ends of a connection between pods are held;
//! - namespaces by `kubernetes.io/metadata.name`, pods by labels, ports by the pods' own numbers;
//! - addresses as prefixes that neither overlap nor touch, without `except`, and never of pods or services;
//! - a rule always has peers and ports, for an empty list permits everything;
//! - every field is said, every text stands in double quotes, everything is sorted;
//! - each namespace that holds a workload denies by default, both ways;
//! - where the package wants guard rails, what it forbids is denied by a `ClusterNetworkPolicy` as well.
//!
//! [`emit`] goes from the plan to [`object::Policy`]s, the closed schema, and from there to text.

mod emit;
mod error;
mod guard_rails;
mod names;
mod object;
mod prefixes;
mod readme;

pub use emit::emit;
pub use error::EmitError;
pub use readme::readme_section;

/// The name of this target in artifacts and on the command line.
pub const TARGET: &str = "kubernetes";
