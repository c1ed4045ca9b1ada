//! HTTP: what is normalised before paths are compared, and people's tokens.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use weir_compiler::plan::proxies::{Evidence, Listener, ProxyPlan};

use crate::{
    EmitError,
    listeners::{AccessLog, access_log},
    rbac::{self, Rbac},
    types::{Extension, FileName},
};

#[derive(Serialize)]
pub(crate) struct HttpConnectionManager {
    stat_prefix: String,
    codec_type: &'static str,
    use_remote_address: bool,
    normalize_path: bool,
    merge_slashes: bool,
    path_with_escaped_slashes_action: &'static str,
    forward_client_cert_details: &'static str,
    request_headers_timeout: &'static str,
    stream_idle_timeout: &'static str,
    common_http_protocol_options: CommonOptions,
    access_log: Vec<AccessLog>,
    route_config: RouteConfiguration,
    http_filters: Vec<HttpFilter>,
}

#[derive(Serialize)]
struct CommonOptions {
    idle_timeout: &'static str,
    headers_with_underscores_action: &'static str,
}

#[derive(Serialize)]
struct RouteConfiguration {
    name: String,
    virtual_hosts: Vec<VirtualHost>,
}

#[derive(Serialize)]
struct VirtualHost {
    name: &'static str,
    domains: [&'static str; 1],
    routes: Vec<Route>,
}

#[derive(Serialize)]
struct Route {
    r#match: RouteMatch,
    route: RouteAction,
}

#[derive(Serialize)]
struct RouteMatch {
    prefix: &'static str,
}

#[derive(Serialize)]
struct RouteAction {
    cluster: String,
    timeout: &'static str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum HttpFilter {
    Tokens(Extension<JwtAuthentication>),
    Rbac(Extension<Rbac>),
    Router(Extension<Router>),
}

#[derive(Serialize)]
struct Router {}

#[derive(Serialize)]
struct JwtAuthentication {
    providers: BTreeMap<String, Provider>,
    rules: Vec<RequirementRule>,
}

#[derive(Serialize)]
struct Provider {
    issuer: String,
    local_jwks: FileName,
    payload_in_metadata: String,
    forward: bool,
    /// A token that never ends is none.
    require_expiration: bool,
}

#[derive(Serialize)]
struct RequirementRule {
    r#match: RouteMatch,
    requires: Requires,
}

#[derive(Serialize)]
struct Requires {
    requires_any: Requirements,
}

#[derive(Serialize)]
struct Requirements {
    requirements: Vec<Requirement>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Requirement {
    ProviderName(String),
    /// Whoever shows a certificate needs no token. A wrong token is refused all the same.
    AllowMissing(Router),
}

/// A provider's name and file: its issuer without what a file name cannot hold. Two issuers never meet.
pub(crate) fn issuer_key(issuer: &str) -> String {
    weir_targets::file_name(issuer.strip_prefix("https://").unwrap_or(issuer))
}

fn tokens(listener: &Listener, home: &str) -> Option<HttpFilter> {
    let clients = listener.permissions.iter().flat_map(|permission| permission.clients.iter());
    let issuers: BTreeSet<&String> = clients
        .filter_map(|client| match &client.evidence {
            Evidence::Token { issuer, .. } => Some(issuer),
            _ => None,
        })
        .collect();
    if issuers.is_empty() {
        return None;
    }
    let providers: BTreeMap<String, Provider> = issuers
        .into_iter()
        .map(|issuer| {
            let key = issuer_key(issuer);
            let provider = Provider {
                issuer: issuer.clone(),
                local_jwks: FileName { filename: format!("{home}/{key}.jwks") },
                payload_in_metadata: key.clone(),
                forward: true,
                require_expiration: true,
            };
            (key, provider)
        })
        .collect();
    let mut requirements: Vec<Requirement> =
        providers.keys().cloned().map(Requirement::ProviderName).collect();
    requirements.push(Requirement::AllowMissing(Router {}));
    let rules = vec![RequirementRule {
        r#match: RouteMatch { prefix: "/" },
        requires: Requires { requires_any: Requirements { requirements } },
    }];
    Some(HttpFilter::Tokens(Extension::new(
        "envoy.filters.http.jwt_authn",
        "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        JwtAuthentication { providers, rules },
    )))
}

pub(crate) fn manager(
    plan: &ProxyPlan,
    listener: &Listener,
    name: &str,
    cluster: String,
    home: &str,
) -> Result<Extension<HttpConnectionManager>, EmitError> {
    let mut http_filters = Vec::new();
    http_filters.extend(tokens(listener, home));
    http_filters.push(HttpFilter::Rbac(Extension::new(
        "envoy.filters.http.rbac",
        "envoy.extensions.filters.http.rbac.v3.RBAC",
        rbac::of(plan, listener, None)?,
    )));
    http_filters.push(HttpFilter::Router(Extension::new(
        "envoy.filters.http.router",
        "envoy.extensions.filters.http.router.v3.Router",
        Router {},
    )));
    let message = HttpConnectionManager {
        stat_prefix: name.to_owned(),
        codec_type: "AUTO",
        use_remote_address: true,
        normalize_path: true,
        merge_slashes: true,
        path_with_escaped_slashes_action: "REJECT_REQUEST",
        forward_client_cert_details: "SANITIZE",
        request_headers_timeout: "10s",
        stream_idle_timeout: "300s",
        common_http_protocol_options: CommonOptions {
            idle_timeout: "300s",
            headers_with_underscores_action: "REJECT_REQUEST",
        },
        access_log: vec![access_log("envoy.filters.http.rbac")],
        route_config: RouteConfiguration {
            name: name.to_owned(),
            virtual_hosts: vec![VirtualHost {
                name: "destination",
                domains: ["*"],
                routes: vec![Route {
                    r#match: RouteMatch { prefix: "/" },
                    route: RouteAction { cluster, timeout: "60s" },
                }],
            }],
        },
        http_filters,
    };
    Ok(Extension::new(
        "envoy.filters.network.http_connection_manager",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        message,
    ))
}
