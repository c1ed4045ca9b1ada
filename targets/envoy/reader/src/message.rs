//! The parts of Envoy's API (v3) that are understood. Unknown fields are errors: each could change what is permitted.

use std::{collections::BTreeMap, net::IpAddr};

use serde::Deserialize;

use crate::Unread;

macro_rules! closed {
    ($($(#[$attribute:meta])* struct $name:ident { $($(#[$on:meta])* $field:ident: $kind:ty,)* })*) => {$(
        $(#[$attribute])*
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name { $($(#[$on])* pub(crate) $field: $kind,)* }
    )*};
}

closed! {
    struct Bootstrap { #[serde(rename = "node")] _node: Node, admin: Admin, dynamic_resources: DynamicResources, }
    struct Node { #[serde(rename = "id")] _id: String, #[serde(rename = "cluster")] _cluster: String, }
    struct Admin { address: PipeAddress, }
    struct PipeAddress { pipe: Pipe, }
    struct Pipe { path: String, mode: u32, }
    struct DynamicResources { cds_config: ConfigSource, lds_config: ConfigSource, }
    struct ConfigSource { resource_api_version: String, path_config_source: PathConfigSource, }
    struct PathConfigSource { path: String, watched_directory: Directory, }
    struct Directory { path: String, }

    struct Address { socket_address: SocketAddress, }
    struct SocketAddress { address: String, port_value: u16, }
    struct FileName { filename: String, }

    struct ClusterText {
        #[serde(rename = "@type")] _kind: ClusterKind,
        name: String,
        #[serde(rename = "type")] kind: String,
        #[serde(rename = "connect_timeout")] _connect_timeout: Seconds,
        load_assignment: LoadAssignment,
        transport_socket: Option<Socket>,
    }
    struct LoadAssignment { cluster_name: String, endpoints: Vec<Locality>, }
    struct Locality { lb_endpoints: Vec<LbEndpoint>, }
    struct LbEndpoint { endpoint: Endpoint, }
    struct Endpoint { address: Address, }

    struct Socket { #[serde(rename = "name")] _name: TlsName, typed_config: Tls, }
    struct Tls {
        #[serde(rename = "@type")] kind: String,
        require_client_certificate: Option<bool>,
        disable_stateless_session_resumption: Option<bool>,
        disable_stateful_session_resumption: Option<bool>,
        sni: Option<String>,
        common_tls_context: TlsContext,
    }
    struct TlsContext {
        tls_params: TlsParameters,
        tls_certificates: Vec<TlsCertificate>,
        validation_context: Validation,
        #[serde(default)] alpn_protocols: Vec<String>,
    }
    struct TlsParameters { tls_minimum_protocol_version: String, tls_maximum_protocol_version: String, }
    struct TlsCertificate { certificate_chain: FileName, private_key: FileName, }
    struct Validation { trusted_ca: FileName, #[serde(default)] match_typed_subject_alt_names: Vec<SanMatch>, }
    struct SanMatch { san_type: String, matcher: Text, }
    struct Text { exact: Option<String>, prefix: Option<String>, }

    struct ListenerText {
        #[serde(rename = "@type")] _kind: ListenerKind,
        name: String,
        address: Address,
        #[serde(default)] additional_addresses: Vec<AdditionalAddress>,
        #[serde(rename = "per_connection_buffer_limit_bytes")] _buffer: u32,
        filter_chains: Vec<FilterChain>,
    }
    struct AdditionalAddress { address: Address, }
    struct FilterChain {
        #[serde(rename = "transport_socket_connect_timeout")] _timeout: Seconds,
        transport_socket: Socket,
        filters: Vec<Filter>,
    }
    struct Filter { name: String, typed_config: Network, }
    struct TcpProxy {
        #[serde(rename = "stat_prefix")] _stat_prefix: String,
        cluster: String,
        upstream_connect_mode: String,
        max_early_data_bytes: u32,
        access_log: Vec<AccessLog>,
    }
    struct AccessLog { name: String, typed_config: StdoutLog, }
    struct StdoutLog { #[serde(rename = "@type")] kind: String, log_format: LogFormat, }
    struct LogFormat { text_format_source: InlineString, }
    struct InlineString { inline_string: String, }
    struct Rbac {
        #[serde(rename = "stat_prefix")] _stat_prefix: Option<String>,
        rules: Rules,
        shadow_rules: Option<Rules>,
        shadow_rules_stat_prefix: Option<String>,
    }
    struct Rules { action: String, policies: BTreeMap<String, PolicyText>, }
    struct PolicyText { permissions: Vec<Rule>, principals: Vec<Who>, }
    struct Rulesets { rules: Vec<Rule>, }
    struct Header { name: String, string_match: Text, }
    struct UrlPath { path: Text, }
    struct Authenticated { principal_name: Text, }
    struct SourcedMetadata { metadata_matcher: MetadataMatcher, }
    struct MetadataMatcher { filter: String, path: Vec<PathKey>, value: ListValue, }
    struct PathKey { key: String, }
    struct ListValue { list_match: ListMatch, }
    struct ListMatch { one_of: StringValue, }
    struct StringValue { string_match: Text, }

    struct HttpManager {
        #[serde(rename = "stat_prefix")] _stat_prefix: String,
        codec_type: String,
        use_remote_address: bool,
        normalize_path: bool,
        merge_slashes: bool,
        path_with_escaped_slashes_action: String,
        forward_client_cert_details: String,
        #[serde(rename = "request_headers_timeout")] _headers_timeout: Seconds,
        #[serde(rename = "stream_idle_timeout")] _idle_timeout: Seconds,
        common_http_protocol_options: CommonOptions,
        access_log: Vec<AccessLog>,
        route_config: RouteConfiguration,
        http_filters: Vec<HttpFilter>,
    }
    struct CommonOptions { #[serde(rename = "idle_timeout")] _idle: Seconds, headers_with_underscores_action: String, }
    struct RouteConfiguration { #[serde(rename = "name")] _name: String, virtual_hosts: Vec<VirtualHost>, }
    struct VirtualHost { #[serde(rename = "name")] _name: String, domains: Vec<String>, routes: Vec<Route>, }
    struct Route { r#match: RouteMatch, route: RouteAction, }
    struct RouteMatch { prefix: String, }
    struct RouteAction { cluster: String, #[serde(rename = "timeout")] _timeout: Seconds, }
    struct Tokens { providers: BTreeMap<String, Provider>, rules: Vec<RequirementRule>, }
    struct Provider { issuer: String, local_jwks: FileName, payload_in_metadata: String, forward: bool, require_expiration: bool, }
    struct RequirementRule { r#match: RouteMatch, requires: Requires, }
    struct Requires { requires_any: Requirements, }
    struct Requirements { requirements: Vec<Requirement>, }
    struct Nothing {}
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Response<R> {
    #[serde(rename = "version_info")]
    pub(crate) _version_info: String,
    pub(crate) resources: Vec<R>,
}

/// A duration in whole seconds, at least one: `10s`.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Seconds;

impl TryFrom<String> for Seconds {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.strip_suffix('s').and_then(|number| number.parse::<u16>().ok()) {
            Some(1..) => Ok(Self),
            _ => Err(format!("{text:?} is no number of seconds")),
        }
    }
}

/// One line on standard output for each connection or request, with who asked, and what rules on trial made of it.
pub(crate) fn logs(log: &[AccessLog], http: bool) -> bool {
    let (kind, what) = if http {
        ("http", "%REQ(:METHOD)% %PATH(NQ)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS%")
    } else {
        ("network", "%CONNECTION_TERMINATION_DETAILS%")
    };
    let line = format!(
        "weir-envoy %START_TIME% %DOWNSTREAM_REMOTE_ADDRESS% -> %DOWNSTREAM_LOCAL_ADDRESS% \
         uri=%DOWNSTREAM_PEER_URI_SAN% dns=%DOWNSTREAM_PEER_DNS_SAN% {what} \
         audit=%DYNAMIC_METADATA(envoy.filters.{kind}.rbac:{SHADOW}shadow_engine_result)%\n"
    );
    matches!(log, [one] if one.name == "envoy.access_loggers.stdout"
        && one.typed_config.kind == "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog"
        && one.typed_config.log_format.text_format_source.inline_string == line)
}

/// Under which refusals on trial are found in the log.
pub(crate) const SHADOW: &str = "weir_audit_";

#[derive(Deserialize)]
pub(crate) enum ClusterKind {
    #[serde(rename = "type.googleapis.com/envoy.config.cluster.v3.Cluster")]
    Cluster,
}

#[derive(Deserialize)]
pub(crate) enum ListenerKind {
    #[serde(rename = "type.googleapis.com/envoy.config.listener.v3.Listener")]
    Listener,
}

#[derive(Deserialize)]
pub(crate) enum TlsName {
    #[serde(rename = "envoy.transport_sockets.tls")]
    Tls,
}

/// A network filter, by its type.
#[derive(Deserialize)]
#[serde(tag = "@type")]
pub(crate) enum Network {
    #[serde(rename = "type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC")]
    Rbac(Rbac),
    #[serde(rename = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy")]
    TcpProxy(TcpProxy),
    #[serde(
        rename = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    )]
    Http(Box<HttpManager>),
}

/// An HTTP filter, by name; its type has to be the name's.
#[derive(Deserialize)]
#[serde(tag = "name", content = "typed_config", deny_unknown_fields)]
pub(crate) enum HttpFilter {
    #[serde(rename = "envoy.filters.http.jwt_authn", deserialize_with = "tokens")]
    Tokens(Tokens),
    #[serde(rename = "envoy.filters.http.rbac", deserialize_with = "rbac")]
    Rbac(Rbac),
    #[serde(rename = "envoy.filters.http.router", deserialize_with = "router")]
    Router(Nothing),
}

#[derive(Deserialize)]
#[serde(tag = "@type")]
enum TypedHttp {
    #[serde(rename = "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication")]
    Tokens(Tokens),
    #[serde(rename = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC")]
    Rbac(Rbac),
    #[serde(rename = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router")]
    Router(Nothing),
}

fn tokens<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Tokens, D::Error> {
    match TypedHttp::deserialize(from)? {
        TypedHttp::Tokens(found) => Ok(found),
        _ => Err(serde::de::Error::custom("a filter of another type than its name's")),
    }
}

fn rbac<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Rbac, D::Error> {
    match TypedHttp::deserialize(from)? {
        TypedHttp::Rbac(found) => Ok(found),
        _ => Err(serde::de::Error::custom("a filter of another type than its name's")),
    }
}

fn router<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Nothing, D::Error> {
    match TypedHttp::deserialize(from)? {
        TypedHttp::Router(found) => Ok(found),
        _ => Err(serde::de::Error::custom("a filter of another type than its name's")),
    }
}

/// One of a message's alternatives: exactly one field.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) struct Rule {
    pub(crate) any: Option<bool>,
    pub(crate) and_rules: Option<Rulesets>,
    pub(crate) or_rules: Option<Rulesets>,
    #[serde(rename = "not_rule")]
    pub(crate) not: Option<Box<Rule>>,
    pub(crate) header: Option<Header>,
    pub(crate) url_path: Option<UrlPath>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Who {
    pub(crate) authenticated: Option<Authenticated>,
    pub(crate) sourced_metadata: Option<SourcedMetadata>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Requirement {
    pub(crate) provider_name: Option<String>,
    pub(crate) allow_missing: Option<Nothing>,
}

impl Text {
    pub(crate) fn exact(&self) -> Option<String> {
        self.exact.clone().filter(|_| self.prefix.is_none())
    }

    pub(crate) fn prefix(&self) -> Option<String> {
        self.prefix.clone().filter(|_| self.exact.is_none())
    }
}

impl Address {
    pub(crate) fn place(&self) -> Option<(IpAddr, u16)> {
        Some((self.socket_address.address.parse().ok()?, self.socket_address.port_value))
    }
}

impl Tls {
    pub(crate) const UPSTREAM: &str =
        "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
    pub(crate) const DOWNSTREAM: &str =
        "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";
}

impl TlsContext {
    /// The proxy's own certificate, its one CA, and a version of TLS that is not too old.
    pub(crate) fn is_ours(&self, home: &str, minimum: &[&str]) -> bool {
        let file = |one: &FileName, name: &str| one.filename == format!("{home}/{name}");
        matches!(self.tls_certificates.as_slice(), [one]
            if file(&one.certificate_chain, "gateway.crt") && file(&one.private_key, "gateway.key"))
            && file(&self.validation_context.trusted_ca, "ca.crt")
            && minimum.contains(&self.tls_params.tls_minimum_protocol_version.as_str())
            && self.tls_params.tls_maximum_protocol_version == "TLSv1_3"
    }
}

impl Bootstrap {
    /// The folder that Envoy watches, with nothing configured beside it.
    pub(crate) fn home(&self) -> Result<String, Unread> {
        let bad = |what: &str| Unread { file: "bootstrap".into(), line: 0, what: what.into() };
        let source = |source: &ConfigSource, file: &str| {
            let home = source.path_config_source.watched_directory.path.clone();
            let fits = source.resource_api_version == "V3"
                && home.starts_with('/')
                && source.path_config_source.path == format!("{home}/{file}");
            fits.then_some(home)
        };
        let listeners = source(&self.dynamic_resources.lds_config, "listeners.yaml");
        let clusters = source(&self.dynamic_resources.cds_config, "clusters.yaml");
        match (listeners, clusters) {
            (Some(home), Some(other)) if home == other => {
                let pipe = &self.admin.address.pipe;
                if pipe.path != format!("{home}/admin.sock") || pipe.mode != 0o600 {
                    return Err(bad("the administrator's socket"));
                }
                Ok(home)
            }
            _ => Err(bad("the watched files")),
        }
    }
}

impl HttpManager {
    /// The one cluster, where paths are compared in their normal form.
    pub(crate) fn sound_route(&self) -> Option<&String> {
        let sound = self.codec_type == "AUTO"
            && self.use_remote_address
            && self.normalize_path
            && self.merge_slashes
            && self.path_with_escaped_slashes_action == "REJECT_REQUEST"
            && self.forward_client_cert_details == "SANITIZE"
            && self.common_http_protocol_options.headers_with_underscores_action == "REJECT_REQUEST"
            && logs(&self.access_log, true);
        let [host] = self.route_config.virtual_hosts.as_slice() else { return None };
        let [route] = host.routes.as_slice() else { return None };
        (sound && host.domains == ["*"] && route.r#match.prefix == "/").then_some(&route.route.cluster)
    }
}

impl Tokens {
    /// Issuers by key. Who shows no token is nobody; a wrong one is refused.
    pub(crate) fn issuers(&self) -> Option<BTreeMap<String, String>> {
        let [rule] = self.rules.as_slice() else { return None };
        let requirements = &rule.requires.requires_any.requirements;
        let named: Vec<&String> = requirements.iter().filter_map(|one| one.provider_name.as_ref()).collect();
        let missing = requirements.iter().filter(|one| one.allow_missing.is_some()).count();
        let known = rule.r#match.prefix == "/"
            && missing == 1
            && named.len() + 1 == requirements.len()
            && named.iter().copied().eq(self.providers.keys());
        let issuers = self.providers.iter().map(|(name, provider)| {
            let sound = provider.payload_in_metadata == *name
                && provider.forward
                && provider.require_expiration
                && provider.local_jwks.filename.ends_with(&format!("/{name}.jwks"));
            sound.then(|| (name.clone(), provider.issuer.clone()))
        });
        known.then(|| issuers.collect()).flatten()
    }
}
