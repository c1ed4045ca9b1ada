//! Listeners: a port each, with TLS, the decision, and only then the destination.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Serialize;
use weir_compiler::plan::proxies::{Listener, ProxyPlan, Speaks};

use crate::{
    EmitError, clusters,
    http::{self, HttpConnectionManager},
    rbac::{self, Rbac, SHADOW},
    tls,
    types::{Address, Any, Extension},
};

#[derive(Serialize)]
pub(crate) struct ListenerResource {
    name: String,
    address: Address,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    additional_addresses: Vec<AdditionalAddress>,
    per_connection_buffer_limit_bytes: u32,
    filter_chains: Vec<FilterChain>,
}

#[derive(Serialize)]
struct AdditionalAddress {
    address: Address,
}

#[derive(Serialize)]
struct FilterChain {
    transport_socket_connect_timeout: &'static str,
    transport_socket: Extension<tls::Downstream>,
    filters: Vec<Filter>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Filter {
    Rbac(Extension<Rbac>),
    Tcp(Extension<TcpProxy>),
    Http(Box<Extension<HttpConnectionManager>>),
}

#[derive(Serialize)]
struct TcpProxy {
    stat_prefix: String,
    cluster: String,
    /// Not before the client has spoken, and the filter before this one has let it: else every stranger opens a
    /// connection to the destination.
    upstream_connect_mode: &'static str,
    max_early_data_bytes: u32,
    access_log: Vec<AccessLog>,
}

pub(crate) type AccessLog = Extension<StdoutAccessLog>;

#[derive(Serialize)]
pub(crate) struct StdoutAccessLog {
    log_format: LogFormat,
}

#[derive(Serialize)]
struct LogFormat {
    text_format_source: InlineString,
}

#[derive(Serialize)]
struct InlineString {
    inline_string: String,
}

const BUFFER: u32 = 65_536;

/// One line for each connection or request: who, what became of it, and what a permission on trial would have done.
pub(crate) fn access_log(filter: &str) -> AccessLog {
    let what = if filter.contains("http") {
        "%REQ(:METHOD)% %PATH(NQ)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS%"
    } else {
        "%CONNECTION_TERMINATION_DETAILS%"
    };
    let inline_string = format!(
        "weir-envoy %START_TIME% %DOWNSTREAM_REMOTE_ADDRESS% -> %DOWNSTREAM_LOCAL_ADDRESS% uri=%DOWNSTREAM_PEER_URI_SAN% dns=%DOWNSTREAM_PEER_DNS_SAN% {what} audit=%DYNAMIC_METADATA({filter}:{SHADOW}shadow_engine_result)%\n"
    );
    Extension::new(
        "envoy.access_loggers.stdout",
        "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
        StdoutAccessLog { log_format: LogFormat { text_format_source: InlineString { inline_string } } },
    )
}

pub(crate) fn render(plan: &ProxyPlan, home: &str) -> Result<Vec<Any<ListenerResource>>, EmitError> {
    plan.listeners
        .iter()
        .map(|one| Ok(Any::new("envoy.config.listener.v3.Listener", listener(plan, one, home)?)))
        .collect()
}

fn listener(plan: &ProxyPlan, listener: &Listener, home: &str) -> Result<ListenerResource, EmitError> {
    let name = format!("tcp_{}", listener.port);
    let upstream = listener.upstream.as_ref().ok_or(EmitError::WrongPlan { statement: String::new() })?;
    let cluster = clusters::name(upstream);
    let everywhere: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    let addresses =
        if listener.addresses.is_empty() { everywhere.to_vec() } else { listener.addresses.clone() };
    let mut addresses = addresses.into_iter().map(|address| Address::new(address, listener.port));
    let Some(address) = addresses.next() else {
        return Err(EmitError::WrongPlan { statement: String::new() });
    };
    let filters = match listener.speaks {
        Speaks::Http => vec![Filter::Http(Box::new(http::manager(plan, listener, &name, cluster, home)?))],
        Speaks::Bytes => vec![
            Filter::Rbac(Extension::new(
                "envoy.filters.network.rbac",
                "envoy.extensions.filters.network.rbac.v3.RBAC",
                rbac::of(plan, listener, Some(name.clone()))?,
            )),
            Filter::Tcp(Extension::new(
                "envoy.filters.network.tcp_proxy",
                "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                TcpProxy {
                    stat_prefix: name.clone(),
                    cluster,
                    upstream_connect_mode: "ON_DOWNSTREAM_DATA",
                    max_early_data_bytes: BUFFER,
                    access_log: vec![access_log("envoy.filters.network.rbac")],
                },
            )),
        ],
        _ => return Err(EmitError::WrongPlan { statement: String::new() }),
    };
    Ok(ListenerResource {
        name,
        address,
        additional_addresses: addresses.map(|address| AdditionalAddress { address }).collect(),
        per_connection_buffer_limit_bytes: BUFFER,
        filter_chains: vec![FilterChain {
            transport_socket_connect_timeout: "10s",
            transport_socket: tls::downstream(listener, home),
            filters,
        }],
    })
}
