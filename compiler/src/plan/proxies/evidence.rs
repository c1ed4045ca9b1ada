//! By what a point knows its clients. What it cannot verify is an error.

use rustc_hash::FxHashMap;

use super::{Evidence, ProxyKind, Speaks};
use crate::model::{Identity, Model, Principal, PrincipalKind};

/// Why a point cannot know somebody: the reason, and what to write instead.
pub(super) struct Unknown {
    pub(super) why: String,
    pub(super) help: String,
}

/// Longest common name (RFC 5280, ub-common-name).
const LONGEST_COMMON_NAME: usize = 64;

fn unknown(why: impl Into<String>, help: impl Into<String>) -> Unknown {
    Unknown { why: why.into(), help: help.into() }
}

const CERTIFICATE: &str = "give it a certificate: `identity = spiffe(\"spiffe://…\")` or `x509(san = \"…\")`";

/// The name in a certificate's subjectAltName that an identity states.
fn subject_name(identity: &Identity) -> Option<Result<Evidence, Unknown>> {
    let text = match identity.scheme {
        "spiffe" => identity.part("id")?,
        "x509" => identity.part("san")?,
        "attested" => identity.part("san").or_else(|| identity.part("id"))?,
        _ => return None,
    };
    Some(if text.contains("://") { uri(text) } else { dns(text) })
}

fn uri(text: &str) -> Result<Evidence, Unknown> {
    // SPIFFE-ID, section 2: a trust domain in lower case, segments that are neither empty nor dots
    let bad = || {
        unknown(
            format!("`{text}` is no SPIFFE ID"),
            "write `spiffe://trust-domain/path`, of letters, digits, `.`, `-`, `_` and `/`",
        )
    };
    let rest = text.strip_prefix("spiffe://").ok_or_else(bad)?;
    let (domain, path) = rest.split_once('/').map_or((rest, None), |(domain, path)| (domain, Some(path)));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let domain_fits =
        !domain.is_empty() && domain.bytes().all(|byte| plain(byte) && !byte.is_ascii_uppercase());
    let path_fits = path.is_none_or(|path| {
        path.split('/').all(|part| !matches!(part, "" | "." | "..") && part.bytes().all(plain))
    });
    if domain_fits && path_fits && text.len() <= 2048 { Ok(Evidence::Uri(text.into())) } else { Err(bad()) }
}

fn dns(text: &str) -> Result<Evidence, Unknown> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
    if !text.is_empty() && text.len() <= 253 && text.bytes().all(fits) {
        Ok(Evidence::Dns(text.into()))
    } else {
        Err(unknown(
            format!("`{text}` is no DNS name"),
            "write it in lower case, of letters, digits, `.`, `-` and `_`, without a wildcard",
        ))
    }
}

fn common_name(text: &str) -> Result<Evidence, Unknown> {
    // `+`, `#` and `/` mean something in topics, the rest something in distinguished names
    let fits = |byte: u8| byte.is_ascii_graphic() && !b"+#/,=\\\"<>;%".contains(&byte);
    if text.is_empty() || !text.bytes().all(fits) {
        return Err(unknown(
            format!("the common name `{text}` holds a space, or a character with a meaning of its own"),
            "use letters, digits, `.`, `-`, `_`, `:` and brackets: `identity = x509(cn = \"…\")`",
        ));
    }
    if text.len() > LONGEST_COMMON_NAME {
        return Err(unknown(
            format!("the common name `{text}` has more than {LONGEST_COMMON_NAME} characters (RFC 5280)"),
            "give it a shorter one: `identity = x509(cn = \"…\")`",
        ));
    }
    Ok(Evidence::CommonName(text.into()))
}

/// The common name that a broker knows a principal by: the one that it declares; else its SPIFFE ID with `:` for the
/// slashes, its DNS name, or its name in the package. No two of these forms meet: a SPIFFE ID gives a `:` wherever it
/// has a path, and what is left is compared.
fn broker_name(principal: &Principal) -> Result<Evidence, Unknown> {
    let identity = principal.details.identity.as_deref();
    if let Some(name) = identity.filter(|identity| identity.scheme == "x509").and_then(|x509| x509.part("cn"))
    {
        return common_name(name);
    }
    match identity.and_then(subject_name) {
        Some(Ok(Evidence::Uri(text))) => {
            common_name(&text.strip_prefix("spiffe://").unwrap_or(&text).replace('/', ":"))
        }
        Some(Ok(Evidence::Dns(text))) => common_name(&text),
        Some(Err(unknown)) => Err(unknown),
        _ => common_name(&principal.name),
    }
}

/// Whether a principal is declared to have a certificate.
pub(super) fn has_certificate(principal: &Principal) -> bool {
    let scheme = principal.details.identity.as_ref().map(|identity| identity.scheme);
    matches!(scheme, Some("spiffe" | "x509" | "attested"))
}

/// By what a point knows a principal.
pub(super) fn of(principal: &Principal, kind: ProxyKind, speaks: Speaks) -> Result<Evidence, Unknown> {
    let identity = principal.details.identity.as_deref();
    if principal.kind == PrincipalKind::Role {
        let token = identity.filter(|identity| identity.scheme == "oidc" && speaks == Speaks::Http);
        let token = token.and_then(|oidc| oidc.part("issuer").zip(oidc.part("group")));
        return match token {
            Some((issuer, group)) if fits_token(issuer) && fits_token(group) => {
                Ok(Evidence::Token { issuer: issuer.into(), group: group.into() })
            }
            _ => Err(unknown(
                "people are known by a signed token, which only an Envoy that reads HTTP can ask for",
                "write `identity = oidc(issuer = \"https://…\", group = \"…\")`, and lead the flow by HTTP through an Envoy",
            )),
        };
    }
    if principal.kind == PrincipalKind::External && !has_certificate(principal) && kind != ProxyKind::Modbus {
        return Err(unknown("it shows no certificate", CERTIFICATE));
    }
    match kind {
        ProxyKind::Mosquitto => broker_name(principal),
        ProxyKind::Envoy => match identity.and_then(subject_name) {
            Some(known) => known,
            None if has_certificate(principal) => Err(unknown(
                "Envoy compares names in subjectAltName, and this certificate has none",
                "say which: `x509(san = \"…\")` or `spiffe(\"spiffe://…\")`",
            )),
            None => Err(unknown("it shows no certificate", CERTIFICATE)),
        },
        ProxyKind::Modbus => match identity.and_then(subject_name) {
            Some(known) => known,
            None if has_certificate(principal) => match identity.and_then(|identity| identity.part("cn")) {
                Some(name) => common_name(name),
                None => Err(unknown(
                    "nothing says which name its certificate has",
                    "say it: `x509(san = \"…\")`, `x509(cn = \"…\")` or `spiffe(\"spiffe://…\")`",
                )),
            },
            None => Ok(Evidence::Addresses(principal.addresses())),
        },
    }
}

fn fits_token(text: &str) -> bool {
    !text.is_empty() && text.len() <= 1024 && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
}

/// The identity by which a destination is known, where its certificate's name is stated.
pub(super) fn of_destination(principal: &Principal) -> Result<Option<Evidence>, Unknown> {
    principal.details.identity.as_deref().and_then(subject_name).transpose()
}

/// Who has which certificate, over the whole package: what two show alike tells neither from the other.
pub(super) struct Owners {
    by_kind: FxHashMap<(ProxyKind, Evidence), u32>,
    twice: FxHashMap<(ProxyKind, Evidence), u32>,
    read: [bool; 3],
}

impl Owners {
    pub(super) fn new() -> Self {
        Self { by_kind: FxHashMap::default(), twice: FxHashMap::default(), read: [false; 3] }
    }

    /// Somebody else who shows the same to a point of this kind. Addresses are compared elsewhere: the model has none
    /// twice.
    pub(super) fn other(
        &mut self,
        model: &Model,
        kind: ProxyKind,
        id: u32,
        evidence: &Evidence,
    ) -> Option<u32> {
        if matches!(evidence, Evidence::Addresses(_) | Evidence::Token { .. }) {
            return None;
        }
        if !std::mem::replace(&mut self.read[kind as usize], true) {
            for (index, principal) in model.principals.iter().enumerate() {
                let is_external = principal.kind == PrincipalKind::External;
                if principal.kind == PrincipalKind::Role || is_external && !has_certificate(principal) {
                    continue;
                }
                let Ok(shown) = of(principal, kind, Speaks::Bytes) else { continue };
                if matches!(shown, Evidence::Addresses(_)) {
                    continue;
                }
                match self.by_kind.get(&(kind, shown.clone())) {
                    // regions of one external share its identity
                    Some(first) if model.principal(*first).entity == principal.entity && is_external => {}
                    Some(_) => {
                        self.twice.insert((kind, shown), index as u32);
                    }
                    None => {
                        self.by_kind.insert((kind, shown), index as u32);
                    }
                }
            }
        }
        let key = (kind, evidence.clone());
        let second = self.twice.get(&key).copied()?;
        if second == id { self.by_kind.get(&key).copied() } else { Some(second) }
    }
}
