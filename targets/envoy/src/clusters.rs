//! Clusters: one destination each.

use std::collections::BTreeMap;

use serde::Serialize;
use weir_compiler::plan::proxies::{ProxyPlan, Upstream};

use crate::{
    EmitError, tls,
    types::{Address, Any, Extension},
};

#[derive(Serialize)]
pub(crate) struct ClusterResource {
    name: String,
    r#type: &'static str,
    connect_timeout: &'static str,
    load_assignment: LoadAssignment,
    #[serde(skip_serializing_if = "Option::is_none")]
    transport_socket: Option<Extension<tls::UpstreamTls>>,
}

#[derive(Serialize)]
struct LoadAssignment {
    cluster_name: String,
    endpoints: Vec<LocalityEndpoints>,
}

#[derive(Serialize)]
struct LocalityEndpoints {
    lb_endpoints: Vec<LoadBalancedEndpoint>,
}

#[derive(Serialize)]
struct LoadBalancedEndpoint {
    endpoint: Endpoint,
}

#[derive(Serialize)]
struct Endpoint {
    address: Address,
}

/// Says all that a listener relies on: a cluster that means something else has another name.
pub(crate) fn name(upstream: &Upstream) -> String {
    let tls = if upstream.tls { "tls" } else { "tcp" };
    format!("{}_{tls}_{}_{}", upstream.name, upstream.address, upstream.port)
}

pub(crate) fn render(plan: &ProxyPlan, home: &str) -> Result<Vec<Any<ClusterResource>>, EmitError> {
    let mut clusters = BTreeMap::new();
    for upstream in plan.listeners.iter().filter_map(|listener| listener.upstream.as_ref()) {
        let name = name(upstream);
        let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:[]-".contains(&byte);
        if !name.bytes().all(safe) {
            return Err(EmitError::UnsafeName { kind: "destination", name });
        }
        let endpoint = Endpoint { address: Address::new(upstream.address, upstream.port) };
        let cluster = ClusterResource {
            name: name.clone(),
            r#type: "STATIC",
            connect_timeout: "5s",
            load_assignment: LoadAssignment {
                cluster_name: name.clone(),
                endpoints: vec![LocalityEndpoints { lb_endpoints: vec![LoadBalancedEndpoint { endpoint }] }],
            },
            transport_socket: upstream.tls.then(|| tls::upstream(upstream, home)),
        };
        clusters.insert(name, Any::new("envoy.config.cluster.v3.Cluster", cluster));
    }
    Ok(clusters.into_values().collect())
}
