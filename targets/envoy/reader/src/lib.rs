//! Reads an Envoy bootstrap with its listener and cluster files, and says what they permit. It shares no code with the
//! emitter, and refuses what it does not know: the types of `message` are closed.

mod message;
mod rules;

use std::{collections::BTreeMap, net::IpAddr};

use message::{ClusterText, Filter, HttpFilter, ListenerText, Network, Response, Tls};
pub use weir_reading::Unread;

/// What a proxy permits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyModel {
    /// By port.
    pub listeners: Vec<Listener>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    pub port: u16,
    /// Sorted; every address of the host, where it is empty.
    pub addresses: Vec<IpAddr>,
    /// Who shows no certificate gets no further than the handshake; else no further than the policies.
    pub needs_certificate: bool,
    /// Names in certificates that pass the handshake, sorted: what else is in `policies` could never show up.
    pub admitted: Vec<Admitted>,
    pub http: bool,
    pub upstream: Upstream,
    /// By name: the statement's id, with a number where it has parts.
    pub policies: Vec<Policy>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Admitted {
    Dns(String),
    /// Every SPIFFE ID of this trust domain.
    TrustDomain(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    pub address: IpAddr,
    pub port: u16,
    pub tls: bool,
    /// The one name that its certificate has to hold, where one is asked for.
    pub name: Option<UpstreamName>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamName {
    Uri(String),
    Dns(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub statement: String,
    /// Sorted.
    pub clients: Vec<Identity>,
    /// Everything, where it is none. Of HTTP: requests that one of them covers.
    pub permit: Option<Vec<Request>>,
    /// And that none of these does.
    pub refuse: Vec<Request>,
    /// On trial: permitted, and logged as denied.
    pub audit: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identity {
    /// A URI or DNS name in the certificate; a URI has `://`.
    Name(String),
    /// A token of this issuer with this group.
    Token { issuer: String, group: String },
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// Any, where it is empty; sorted.
    pub methods: Vec<String>,
    pub path: Option<Path>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Path {
    Exact(String),
    /// It ends with a slash.
    Below(String),
}

const BOOTSTRAP: &str = "bootstrap";
const LISTENERS: &str = "listeners.yaml";
const CLUSTERS: &str = "clusters.yaml";

fn parse<T: serde::de::DeserializeOwned>(file: &'static str, bytes: &[u8]) -> Result<T, Unread> {
    serde_yaml_ng::from_slice(bytes).map_err(|error| {
        let line = error.location().map_or(0, |place| place.line() as u32);
        Unread { file: file.into(), line, what: error.to_string() }
    })
}

/// Reads the three files of a proxy.
pub fn read(bootstrap: &[u8], listeners: &[u8], clusters: &[u8]) -> Result<ProxyModel, Unread> {
    let home = parse::<message::Bootstrap>(BOOTSTRAP, bootstrap)?.home()?;
    let mut upstreams = BTreeMap::new();
    for cluster in parse::<Response<ClusterText>>(CLUSTERS, clusters)?.resources {
        let name = cluster.name.clone();
        if upstreams.insert(name.clone(), upstream(cluster, &home)?).is_some() {
            return Err(unread(CLUSTERS, format!("the cluster {name} again")));
        }
    }
    let mut models: Vec<Listener> = Vec::new();
    for text in parse::<Response<ListenerText>>(LISTENERS, listeners)?.resources {
        let model = listener(text, &home, &upstreams)?;
        if models.iter().any(|other| other.port == model.port) {
            return Err(unread(LISTENERS, format!("port {} again", model.port)));
        }
        models.push(model);
    }
    models.sort_by_key(|listener| listener.port);
    Ok(ProxyModel { listeners: models })
}

fn unread(file: &'static str, what: impl Into<String>) -> Unread {
    Unread { file: file.into(), line: 0, what: what.into() }
}

fn upstream(cluster: ClusterText, home: &str) -> Result<Upstream, Unread> {
    let bad = |what: &str| unread(CLUSTERS, format!("cluster {}: {what}", cluster.name));
    let assignment = &cluster.load_assignment;
    let [locality] = assignment.endpoints.as_slice() else { return Err(bad("not one place")) };
    let [endpoint] = locality.lb_endpoints.as_slice() else { return Err(bad("not one endpoint")) };
    if cluster.kind != "STATIC" || assignment.cluster_name != cluster.name {
        return Err(bad("not one static endpoint"));
    }
    let (address, port) = endpoint.endpoint.address.place().ok_or_else(|| bad("no address"))?;
    let name = match &cluster.transport_socket {
        None => None,
        Some(socket) => {
            let tls = &socket.typed_config;
            let context = &tls.common_tls_context;
            if tls.kind != Tls::UPSTREAM
                || !context.is_ours(home, &["TLSv1_2"])
                || !context.alpn_protocols.is_empty()
            {
                return Err(bad("its TLS"));
            }
            match context.validation_context.match_typed_subject_alt_names.as_slice() {
                [] if tls.sni.is_none() => None,
                [one] => match (one.san_type.as_str(), one.matcher.exact()) {
                    ("URI", Some(name)) if tls.sni.is_none() => Some(UpstreamName::Uri(name)),
                    ("DNS", Some(name)) if tls.sni.as_ref() == Some(&name) => Some(UpstreamName::Dns(name)),
                    _ => return Err(bad("the names in its certificate")),
                },
                _ => return Err(bad("the names in its certificate")),
            }
        }
    };
    Ok(Upstream { address, port, tls: cluster.transport_socket.is_some(), name })
}

fn listener(
    text: ListenerText,
    home: &str,
    upstreams: &BTreeMap<String, Upstream>,
) -> Result<Listener, Unread> {
    let bad = |what: &str| unread(LISTENERS, format!("listener {}: {what}", text.name));
    let mut places = vec![text.address.place().ok_or_else(|| bad("no address"))?];
    for more in &text.additional_addresses {
        places.push(more.address.place().ok_or_else(|| bad("no address"))?);
    }
    let port = places[0].1;
    if places.iter().any(|(_, other)| *other != port) {
        return Err(bad("several ports"));
    }
    let mut addresses: Vec<IpAddr> = places.into_iter().map(|(address, _)| address).collect();
    addresses.sort_unstable();
    if addresses.windows(2).any(|two| two[0] == two[1]) {
        return Err(bad("an address again"));
    }
    let everywhere = addresses.iter().filter(|address| address.is_unspecified()).count();
    match (everywhere, addresses.len()) {
        (0, _) => {}
        (2, 2) => addresses.clear(),
        _ => return Err(bad("every address of one family only")),
    }
    // one chain without a match: no connection takes another way
    let [chain] = text.filter_chains.as_slice() else { return Err(bad("not one chain of filters")) };
    let tls = &chain.transport_socket.typed_config;
    let context = &tls.common_tls_context;
    let resumes = tls.disable_stateless_session_resumption != Some(true)
        || tls.disable_stateful_session_resumption != Some(true);
    if tls.kind != Tls::DOWNSTREAM || resumes || tls.sni.is_some() || !context.is_ours(home, &["TLSv1_3"]) {
        return Err(bad("its TLS"));
    }
    let needs_certificate = tls.require_client_certificate == Some(true);
    let mut admitted = Vec::new();
    for name in &context.validation_context.match_typed_subject_alt_names {
        admitted.push(match (name.san_type.as_str(), name.matcher.exact(), name.matcher.prefix()) {
            ("DNS", Some(name), None) => Admitted::Dns(name),
            ("URI", None, Some(prefix)) => {
                match prefix.strip_prefix("spiffe://").and_then(|rest| rest.strip_suffix('/')) {
                    Some(domain) if !domain.is_empty() && !domain.contains('/') => {
                        Admitted::TrustDomain(domain.into())
                    }
                    _ => return Err(bad("a prefix that is no trust domain")),
                }
            }
            _ => return Err(bad("the names in certificates")),
        });
    }
    admitted.sort();
    let (http, cluster, rbac, issuers) = match chain.filters.as_slice() {
        [
            Filter { name: rbac_name, typed_config: Network::Rbac(rbac) },
            Filter { name, typed_config: Network::TcpProxy(tcp) },
        ] if rbac_name == "envoy.filters.network.rbac" && name == "envoy.filters.network.tcp_proxy" => {
            if !message::logs(&tcp.access_log, false) {
                return Err(bad("its log"));
            }
            if tcp.upstream_connect_mode != "ON_DOWNSTREAM_DATA" || tcp.max_early_data_bytes == 0 {
                return Err(bad("it connects before the decision"));
            }
            (false, &tcp.cluster, rbac, BTreeMap::new())
        }
        [Filter { name, typed_config: Network::Http(http) }]
            if name == "envoy.filters.network.http_connection_manager" =>
        {
            let (rbac, issuers) = http_filters(&http.http_filters).ok_or_else(|| bad("its HTTP filters"))?;
            let cluster = http.sound_route().ok_or_else(|| bad("its paths or routes"))?;
            (true, cluster, rbac, issuers)
        }
        _ => return Err(bad("its filters")),
    };
    if !needs_certificate && issuers.is_empty() {
        return Err(bad("neither certificates nor tokens are asked for"));
    }
    let protocols: &[&str] = if http { &["h2", "http/1.1"] } else { &[] };
    if context.alpn_protocols != protocols {
        return Err(bad("the protocols that it offers"));
    }
    let upstream = upstreams.get(cluster).cloned().ok_or_else(|| bad("its cluster is missing"))?;
    let policies = rules::read(rbac, &issuers, http).map_err(|what| bad(&what))?;
    Ok(Listener { port, addresses, needs_certificate, admitted, http, upstream, policies })
}

/// The decision, and the issuers of tokens by the key under which their payload is kept.
fn http_filters(filters: &[HttpFilter]) -> Option<(&message::Rbac, BTreeMap<String, String>)> {
    match filters {
        [HttpFilter::Rbac(rbac), HttpFilter::Router(_)] => Some((rbac, BTreeMap::new())),
        [HttpFilter::Tokens(tokens), HttpFilter::Rbac(rbac), HttpFilter::Router(_)] => {
            Some((rbac, tokens.issuers()?))
        }
        _ => None,
    }
}
