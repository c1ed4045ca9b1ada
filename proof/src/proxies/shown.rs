//! What principals show to points, derived from what the package declares of them.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
};

use weir_compiler::{
    model::{Identity, Model, Principal, PrincipalKind},
    plan::{AddressSet, proxies::ProxyKind},
};

/// What a point knows a client by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shown {
    /// A URI or DNS name in subjectAltName.
    Name(String),
    CommonName(String),
    Token {
        issuer: String,
        group: String,
    },
}

/// Names, or addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identities {
    pub(crate) names: BTreeSet<Shown>,
    pub(crate) addresses: AddressSet,
}

impl Identities {
    pub(crate) fn add(&mut self, other: Self) {
        self.names.extend(other.names);
        if !other.addresses.is_empty() {
            self.addresses = self.addresses.union(&other.addresses);
        }
    }

    /// What is here and not there.
    pub(crate) fn without(&self, other: &Self) -> Self {
        Self {
            names: self.names.difference(&other.names).cloned().collect(),
            addresses: self.addresses.difference(&other.addresses),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty() && self.addresses.is_empty()
    }

    fn one(name: Shown) -> Self {
        Self { names: BTreeSet::from([name]), addresses: AddressSet::default() }
    }
}

/// The name that a certificate has in subjectAltName.
pub(crate) fn subject(identity: &Identity) -> Option<&str> {
    match identity.scheme {
        "spiffe" => identity.part("id"),
        "x509" => identity.part("san"),
        "attested" => identity.part("san").or_else(|| identity.part("id")),
        _ => None,
    }
}

/// Nothing, for whom the point cannot know.
pub(crate) fn by(principal: &Principal, kind: ProxyKind) -> Option<Identities> {
    let identity = principal.details.identity.as_deref();
    if principal.kind == PrincipalKind::Role {
        let identity = identity.filter(|_| kind == ProxyKind::Envoy)?;
        let (issuer, group) = (identity.part("issuer")?.to_owned(), identity.part("group")?.to_owned());
        return Some(Identities::one(Shown::Token { issuer, group }));
    }
    let certified = identity.filter(|identity| matches!(identity.scheme, "spiffe" | "x509" | "attested"));
    let name = certified.and_then(subject);
    let common = certified.filter(|identity| identity.scheme == "x509").and_then(|x509| x509.part("cn"));
    let is_outside = principal.kind == PrincipalKind::External;
    match (kind, name, common) {
        (ProxyKind::Envoy, Some(name), _) => Some(Identities::one(Shown::Name(name.into()))),
        (ProxyKind::Envoy, None, _) => None,
        (ProxyKind::Mosquitto, _, Some(common)) => Some(Identities::one(Shown::CommonName(common.into()))),
        (ProxyKind::Mosquitto, Some(name), None) => {
            let name = name.strip_prefix("spiffe://").map_or_else(|| name.into(), |id| id.replace('/', ":"));
            Some(Identities::one(Shown::CommonName(name)))
        }
        (ProxyKind::Mosquitto, None, None) => (!is_outside || certified.is_some())
            .then(|| Identities::one(Shown::CommonName(principal.name.to_string()))),
        (ProxyKind::Modbus, Some(name), _) => Some(Identities::one(Shown::Name(name.into()))),
        (ProxyKind::Modbus, None, Some(common)) => Some(Identities::one(Shown::CommonName(common.into()))),
        (ProxyKind::Modbus, None, None) => certified
            .is_none()
            .then(|| Identities { names: BTreeSet::new(), addresses: principal.addresses() })
            .filter(|known| !known.is_empty()),
    }
}

/// Everybody in a package by what they show: whoever shows what a point knows, is let in, whether meant or not. Made once
/// for each kind of point.
#[derive(Default)]
pub(crate) struct Bearers {
    envoy: OnceCell<BTreeMap<Shown, Vec<u32>>>,
    modbus: OnceCell<BTreeMap<Shown, Vec<u32>>>,
    mosquitto: OnceCell<BTreeMap<Shown, Vec<u32>>>,
}

impl Bearers {
    pub(crate) fn of(&self, model: &Model, kind: ProxyKind) -> &BTreeMap<Shown, Vec<u32>> {
        let known = match kind {
            ProxyKind::Envoy => &self.envoy,
            ProxyKind::Modbus => &self.modbus,
            ProxyKind::Mosquitto => &self.mosquitto,
        };
        known.get_or_init(|| {
            let mut found: BTreeMap<Shown, Vec<u32>> = BTreeMap::new();
            for (id, principal) in (0..).zip(&model.principals) {
                let shown = by(principal, kind).unwrap_or_default();
                for name in shown.names {
                    found.entry(name).or_default().push(id);
                }
            }
            found
        })
    }
}
