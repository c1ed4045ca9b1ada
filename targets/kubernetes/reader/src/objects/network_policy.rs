//! `networking.k8s.io/v1` `NetworkPolicy`.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, Visitor},
};

use super::{LabelSelector, Metadata};
use crate::model::Direction;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct NetworkPolicy {
    pub api_version: String,
    pub kind: String,
    pub metadata: Metadata,
    pub spec: NetworkPolicySpec,
    status: IgnoredAny,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct NetworkPolicySpec {
    pub pod_selector: LabelSelector,
    pub policy_types: Vec<String>,
    #[serde(deserialize_with = "ingress_rules")]
    pub ingress: Vec<NetworkPolicyRule>,
    #[serde(deserialize_with = "egress_rules")]
    pub egress: Vec<NetworkPolicyRule>,
}

impl NetworkPolicySpec {
    /// Whether it isolates the pods that it selects, in this direction. Without `policyTypes` it always does so for
    /// ingress, and for egress where it has egress rules.
    pub fn isolates(&self, direction: Direction) -> bool {
        let word = match direction {
            Direction::Ingress => "Ingress",
            Direction::Egress => "Egress",
        };
        if self.policy_types.is_empty() {
            direction == Direction::Ingress || !self.egress.is_empty()
        } else {
            self.policy_types.iter().any(|known| known == word)
        }
    }

    pub fn rules(&self, direction: Direction) -> &[NetworkPolicyRule] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

/// Any of the peers on any of the ports; an empty list is every one.
#[derive(Clone, Debug, Default)]
pub struct NetworkPolicyRule {
    /// `from` or `to`.
    pub peers: Vec<NetworkPolicyPeer>,
    pub ports: Vec<NetworkPolicyPort>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct IngressRule {
    from: Vec<NetworkPolicyPeer>,
    ports: Vec<NetworkPolicyPort>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct EgressRule {
    to: Vec<NetworkPolicyPeer>,
    ports: Vec<NetworkPolicyPort>,
}

fn ingress_rules<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<NetworkPolicyRule>, D::Error> {
    let rules = Vec::<IngressRule>::deserialize(deserializer)?;
    Ok(rules.into_iter().map(|rule| NetworkPolicyRule { peers: rule.from, ports: rule.ports }).collect())
}

fn egress_rules<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<NetworkPolicyRule>, D::Error> {
    let rules = Vec::<EgressRule>::deserialize(deserializer)?;
    Ok(rules.into_iter().map(|rule| NetworkPolicyRule { peers: rule.to, ports: rule.ports }).collect())
}

/// Pods, by their labels, their namespace's, or both; or addresses.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct NetworkPolicyPeer {
    pub pod_selector: Option<LabelSelector>,
    pub namespace_selector: Option<LabelSelector>,
    pub ip_block: Option<IpBlock>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IpBlock {
    pub cidr: String,
    pub except: Vec<String>,
}

/// Without `port` it is every port of the protocol, and without that TCP.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct NetworkPolicyPort {
    protocol: Option<String>,
    pub port: Option<IntOrText>,
    pub end_port: Option<i64>,
}

impl NetworkPolicyPort {
    /// # Errors
    /// The word that is none of the three.
    pub fn protocol(&self) -> Result<Protocol, &str> {
        match self.protocol.as_deref() {
            None | Some("" | "TCP") => Ok(Protocol::Tcp),
            Some("UDP") => Ok(Protocol::Udp),
            Some("SCTP") => Ok(Protocol::Sctp),
            Some(other) => Err(other),
        }
    }
}

/// A port's number or name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntOrText {
    Number(i64),
    Text(String),
}

impl<'de> Deserialize<'de> for IntOrText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Port;
        impl Visitor<'_> for Port {
            type Value = IntOrText;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a number or a name")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<IntOrText, E> {
                Ok(IntOrText::Number(number))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<IntOrText, E> {
                Ok(IntOrText::Text(text.into()))
            }
        }
        deserializer.deserialize_any(Port)
    }
}

/// What NetworkPolicies tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

impl Protocol {
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Sctp];
}

impl fmt::Display for Protocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        })
    }
}
