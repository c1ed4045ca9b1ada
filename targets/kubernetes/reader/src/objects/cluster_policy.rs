//! `policy.networking.k8s.io/v1alpha2` `ClusterNetworkPolicy`, standard channel: guard rails that no namespace can undo.

use serde::{Deserialize, de::IgnoredAny};

use super::{LabelSelector, Metadata};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct ClusterNetworkPolicy {
    pub api_version: String,
    pub kind: String,
    pub metadata: Metadata,
    pub(crate) spec: ClusterPolicySpec,
    status: IgnoredAny,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ClusterPolicySpec {
    pub(crate) tier: String,
    pub(crate) priority: Option<i64>,
    pub(crate) subject: ClusterPeer,
    pub(crate) ingress: Vec<ClusterRule>,
    pub(crate) egress: Vec<ClusterRule>,
}

/// A rule of either direction; `from` belongs to ingress alone, `to` and `networks` to egress.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ClusterRule {
    pub(crate) name: String,
    pub(crate) action: String,
    pub(crate) from: Option<Vec<ClusterPeer>>,
    pub(crate) to: Option<Vec<ClusterPeer>>,
    pub(crate) protocols: Option<Vec<ProtocolChoice>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ClusterPeer {
    pub(crate) namespaces: Option<LabelSelector>,
    pub(crate) pods: Option<NamespacedPods>,
    pub(crate) networks: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct NamespacedPods {
    pub(crate) namespace_selector: LabelSelector,
    pub(crate) pod_selector: LabelSelector,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct ProtocolChoice {
    pub(crate) tcp: Option<Ports>,
    pub(crate) udp: Option<Ports>,
    pub(crate) sctp: Option<Ports>,
    pub(crate) destination_named_port: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Ports {
    pub(crate) destination_port: Option<PortChoice>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PortChoice {
    pub(crate) number: Option<i64>,
    pub(crate) range: Option<PortRange>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PortRange {
    pub(crate) start: i64,
    pub(crate) end: i64,
}
