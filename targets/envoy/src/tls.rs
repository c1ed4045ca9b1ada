//! TLS on both sides of the proxy.

use std::collections::BTreeSet;

use serde::Serialize;
use weir_compiler::plan::proxies::{Evidence, Listener, Speaks, Upstream};

use crate::types::{Extension, FileName};

#[derive(Serialize)]
pub(crate) struct Downstream {
    require_client_certificate: bool,
    /// A resumed session would not be verified again.
    disable_stateless_session_resumption: bool,
    disable_stateful_session_resumption: bool,
    common_tls_context: Common,
}

#[derive(Serialize)]
pub(crate) struct UpstreamTls {
    #[serde(skip_serializing_if = "Option::is_none")]
    sni: Option<String>,
    common_tls_context: Common,
}

#[derive(Serialize)]
struct Common {
    tls_params: Parameters,
    tls_certificates: Vec<Certificate>,
    validation_context: Validation,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alpn_protocols: Vec<&'static str>,
}

#[derive(Serialize)]
struct Parameters {
    tls_minimum_protocol_version: &'static str,
    tls_maximum_protocol_version: &'static str,
}

#[derive(Serialize)]
struct Certificate {
    certificate_chain: FileName,
    private_key: FileName,
}

#[derive(Serialize)]
struct Validation {
    trusted_ca: FileName,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    match_typed_subject_alt_names: Vec<SubjectAltName>,
}

#[derive(Serialize)]
struct SubjectAltName {
    san_type: &'static str,
    matcher: Text,
}

/// How a text is compared.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Text {
    Exact(String),
    Prefix(String),
}

const SOCKET: &str = "envoy.transport_sockets.tls";
const KINDS: &str = "envoy.extensions.transport_sockets.tls.v3";

fn common(home: &str, minimum: &'static str, names: Vec<SubjectAltName>, alpn: &[&'static str]) -> Common {
    let file = |name: &str| FileName { filename: format!("{home}/{name}") };
    Common {
        tls_params: Parameters {
            tls_minimum_protocol_version: minimum,
            tls_maximum_protocol_version: "TLSv1_3",
        },
        tls_certificates: vec![Certificate {
            certificate_chain: file("gateway.crt"),
            private_key: file("gateway.key"),
        }],
        validation_context: Validation { trusted_ca: file("ca.crt"), match_typed_subject_alt_names: names },
        alpn_protocols: alpn.to_vec(),
    }
}

/// Strangers to the trust domains of all clients fail in the handshake, other identities in the filter, which logs them.
pub(crate) fn downstream(listener: &Listener, home: &str) -> Extension<Downstream> {
    let clients = || listener.permissions.iter().flat_map(|permission| permission.clients.iter());
    let has_people = clients().any(|client| matches!(client.evidence, Evidence::Token { .. }));
    let mut domains = BTreeSet::new();
    let mut names = BTreeSet::new();
    // where names are compared in the handshake, Envoy asks everybody for a certificate
    for client in clients().filter(|_| !has_people) {
        match &client.evidence {
            Evidence::Uri(text) => {
                let rest = text.strip_prefix("spiffe://").unwrap_or(text);
                domains.insert(rest.split('/').next().unwrap_or(rest));
            }
            Evidence::Dns(text) => {
                names.insert(text.clone());
            }
            _ => {}
        }
    }
    let domains = domains.into_iter().map(|domain| SubjectAltName {
        san_type: "URI",
        matcher: Text::Prefix(format!("spiffe://{domain}/")), // with its slash: no other domain begins so
    });
    let names = names.into_iter().map(|name| SubjectAltName { san_type: "DNS", matcher: Text::Exact(name) });
    let alpn: &[&str] = if listener.speaks == Speaks::Http { &["h2", "http/1.1"] } else { &[] };
    let message = Downstream {
        // people have tokens instead; who has neither gets no further than the filter
        require_client_certificate: !has_people,
        disable_stateless_session_resumption: true,
        disable_stateful_session_resumption: true,
        common_tls_context: common(home, "TLSv1_3", domains.chain(names).collect(), alpn),
    };
    Extension::new(SOCKET, &format!("{KINDS}.DownstreamTlsContext"), message)
}

pub(crate) fn upstream(upstream: &Upstream, home: &str) -> Extension<UpstreamTls> {
    let (san_type, name) = match &upstream.identity {
        Some(Evidence::Uri(name)) => ("URI", Some(name)),
        Some(Evidence::Dns(name)) => ("DNS", Some(name)),
        _ => ("", None),
    };
    let names = name.map(|name| SubjectAltName { san_type, matcher: Text::Exact(name.clone()) });
    let message = UpstreamTls {
        sni: name.filter(|_| san_type == "DNS").cloned(),
        common_tls_context: common(home, "TLSv1_2", names.into_iter().collect(), &[]),
    };
    Extension::new(SOCKET, &format!("{KINDS}.UpstreamTlsContext"), message)
}
