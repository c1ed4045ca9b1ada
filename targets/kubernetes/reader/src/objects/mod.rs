//! The objects of the API that are read, field by field. Policies are closed: a field that they do not have is an error. Of
//! pods, which have hundreds, only what decides whether policies hold is read.

mod cluster_policy;
mod metadata;
mod network_policy;
mod pod;

use crate::{
    Unread,
    decode::decode,
    yaml::{Node, Value, Wrong, documents},
};

pub use cluster_policy::ClusterNetworkPolicy;
pub(crate) use cluster_policy::{ClusterPeer, ClusterRule, PortChoice};
pub use metadata::{LabelSelector, Labels, Metadata, Requirement};
pub use network_policy::{
    IntOrText, IpBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicyRule,
    NetworkPolicySpec, Protocol,
};
pub(crate) use pod::Container;
pub use pod::PodManifest;

/// One object.
#[derive(Clone, Debug)]
pub enum Object {
    NetworkPolicy(Box<NetworkPolicy>),
    ClusterNetworkPolicy(Box<ClusterNetworkPolicy>),
    Pod(Box<PodManifest>),
}

/// Reads every object of a text: YAML documents, JSON, and lists as `kubectl get -o yaml` prints them. `file` is for
/// messages only.
///
/// # Errors
/// The first thing that is no such object, with its line.
pub fn read(file: &str, text: &str) -> Result<Vec<Object>, Unread> {
    let unread = |wrong: Wrong| Unread { file: file.into(), line: wrong.line, what: wrong.what };
    let mut objects = Vec::new();
    for document in documents(text).map_err(unread)? {
        match list_items(&document).map_err(unread)? {
            Some(items) => {
                for item in items {
                    objects.push(object(item).map_err(unread)?);
                }
            }
            None => objects.push(object(&document).map_err(unread)?),
        }
    }
    Ok(objects)
}

/// The items of a list of objects.
fn list_items(node: &Node) -> Result<Option<&[Node]>, Wrong> {
    let kind = node.get("kind").and_then(Node::text);
    if !matches!(kind, Some("List" | "NetworkPolicyList" | "ClusterNetworkPolicyList")) {
        return Ok(None);
    }
    let Value::Map(entries) = &node.value else { return Ok(None) };
    for (key, _) in entries {
        if !matches!(key.text.as_str(), "apiVersion" | "kind" | "metadata" | "items") {
            return Err(Wrong { line: key.line, what: format!("unknown field `{}`", key.text) });
        }
    }
    match node.get("items") {
        None | Some(Node { value: Value::Null, .. }) => Ok(Some(&[])),
        Some(Node { value: Value::List(items), .. }) => Ok(Some(items)),
        Some(other) => {
            Err(Wrong { line: other.line, what: format!("expected a list, found {}", other.what()) })
        }
    }
}

pub(crate) fn object(node: &Node) -> Result<Object, Wrong> {
    let field = |name: &str| match node.get(name).and_then(Node::text) {
        Some(text) => Ok(text),
        None => Err(Wrong { line: node.line, what: format!("`{name}` is missing: no object of Kubernetes") }),
    };
    match (field("apiVersion")?, field("kind")?) {
        ("networking.k8s.io/v1", "NetworkPolicy") => decode(node).map(Object::NetworkPolicy),
        ("policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy") => {
            decode(node).map(Object::ClusterNetworkPolicy)
        }
        ("v1", "Pod") => decode(node).map(Object::Pod),
        (version, kind) => {
            Err(Wrong { line: node.line, what: format!("objects of `{version}` `{kind}` are not read") })
        }
    }
}
