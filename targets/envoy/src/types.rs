//! The parts of Envoy's API (v3) that are emitted, and nothing else of it.

use std::net::IpAddr;

use serde::Serialize;

/// `typed_config`: a message with its type.
#[derive(Serialize)]
pub(crate) struct Any<T> {
    #[serde(rename = "@type")]
    kind: String,
    #[serde(flatten)]
    message: T,
}

impl<T> Any<T> {
    pub(crate) fn new(kind: &str, message: T) -> Self {
        Self { kind: format!("type.googleapis.com/{kind}"), message }
    }
}

/// A filter, socket or log, by name.
#[derive(Serialize)]
pub(crate) struct Extension<T> {
    name: &'static str,
    typed_config: Any<T>,
}

impl<T> Extension<T> {
    pub(crate) fn new(name: &'static str, kind: &str, message: T) -> Self {
        Self { name, typed_config: Any::new(kind, message) }
    }
}

#[derive(Serialize)]
pub(crate) struct DiscoveryResponse<R> {
    pub(crate) version_info: String,
    pub(crate) resources: Vec<R>,
}

#[derive(Serialize)]
pub(crate) struct FileName {
    pub(crate) filename: String,
}

#[derive(Serialize)]
pub(crate) struct Address {
    socket_address: SocketAddress,
}

#[derive(Serialize)]
struct SocketAddress {
    address: String,
    port_value: u16,
}

impl Address {
    pub(crate) fn new(address: IpAddr, port: u16) -> Self {
        Self { socket_address: SocketAddress { address: address.to_string(), port_value: port } }
    }
}

#[derive(Serialize)]
pub(crate) struct Bootstrap {
    node: Node,
    admin: Admin,
    dynamic_resources: DynamicResources,
}

#[derive(Serialize)]
struct Node {
    id: String,
    cluster: &'static str,
}

#[derive(Serialize)]
struct Admin {
    address: PipeAddress,
}

#[derive(Serialize)]
struct PipeAddress {
    pipe: Pipe,
}

#[derive(Serialize)]
struct Pipe {
    path: String,
    /// Octal 600: the administrator's alone.
    mode: u32,
}

#[derive(Serialize)]
struct DynamicResources {
    cds_config: ConfigSource,
    lds_config: ConfigSource,
}

#[derive(Serialize)]
struct ConfigSource {
    resource_api_version: &'static str,
    path_config_source: PathConfigSource,
}

#[derive(Serialize)]
struct PathConfigSource {
    path: String,
    watched_directory: Directory,
}

#[derive(Serialize)]
struct Directory {
    path: String,
}

impl Bootstrap {
    pub(crate) fn new(name: &str, home: &str) -> Self {
        let source = |file: &str| ConfigSource {
            resource_api_version: "V3",
            path_config_source: PathConfigSource {
                path: format!("{home}/{file}"),
                watched_directory: Directory { path: home.to_owned() },
            },
        };
        let pipe = Pipe { path: format!("{home}/admin.sock"), mode: 0o600 };
        Self {
            node: Node { id: name.to_owned(), cluster: "weir" },
            admin: Admin { address: PipeAddress { pipe } },
            dynamic_resources: DynamicResources {
                cds_config: source("clusters.yaml"),
                lds_config: source("listeners.yaml"),
            },
        }
    }
}
