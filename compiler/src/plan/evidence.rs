//! What evidence of a source is worth, and who can verify it: the tables behind assurance.
//!
//! A packet filter verifies an address, and a gateway binds addresses to the segment on which they stand. So an address
//! is worth what a station had to show to get on that segment:
//!
//! | admission | worth | because |
//! | --- | --- | --- |
//! | none, `open` | `address` | any station of the segment can take the address, nobody else |
//! | `psk` | `shared` | whoever has an address has the key, and so have all others |
//! | `dot1x` | `certified`, or `hardware` where the device's key is | IEEE 802.1X admits by certificate; by MAC address, it admits those that declare no better identity |
//! | `sim`, a slice | `hardware`, or `certified` where the key is software | the key does not leave the UICC (TS 33.501, 5.2.4), and the UPF binds the address to the session |
//! | pods of a cluster | `address` | the cluster gives the address |
//!
//! An address of the outside is bound by nobody there: it is worth nothing, or `address` where the network beyond which
//! it lies admits with a credential. A point that ends connections verifies what the source shows itself.

use crate::model::{Assurance, Identity, Key, Principal, PrincipalKind, Segment, SegmentKind};

/// What an address on a segment says of whoever has it, if it is not known who that is.
pub(super) fn admitted(segment: &Segment) -> Assurance {
    match (segment.kind, segment.admission) {
        (SegmentKind::Pods, _) => Assurance::Address,
        (_, Some("psk")) => Assurance::Shared,
        (_, Some("dot1x")) => Assurance::Certified,
        (_, Some("sim")) => Assurance::Hardware,
        _ => Assurance::Address,
    }
}

/// What an address says of a principal on its own segment.
pub(super) fn address(principal: &Principal, segment: &Segment) -> Assurance {
    let admitted = admitted(segment);
    if principal.kind == PrincipalKind::External {
        return if admitted > Assurance::Address { Assurance::Address } else { Assurance::None };
    }
    if principal.kind == PrincipalKind::Role {
        return Assurance::None;
    }
    let Some(identity) = &principal.details.identity else { return admitted };
    match (segment.kind, segment.admission) {
        (SegmentKind::Pods, _) => admitted,
        (_, Some("dot1x")) => match identity.scheme {
            "none" | "mac" => Assurance::Address,
            "psk" => Assurance::Shared,
            _ if identity.key == Some(Key::Hardware) || identity.scheme == "attested" => Assurance::Hardware,
            _ => Assurance::Certified,
        },
        (_, Some("sim")) if identity.key == Some(Key::Software) => Assurance::Certified,
        _ => admitted,
    }
}

/// What a point that ends connections, by a word of its `enforces`, verifies of an identity.
pub(super) fn verified(word: &str, identity: &Identity) -> Assurance {
    let certificate =
        if identity.key == Some(Key::Hardware) { Assurance::Hardware } else { Assurance::Certified };
    match (word, identity.scheme) {
        ("envoy" | "modbus" | "mosquitto", "x509" | "spiffe") => certificate,
        ("mosquitto", "psk") => Assurance::Shared,
        // a token of whoever logs people in
        ("envoy", "oidc") => Assurance::Certified,
        // of the three, only Envoy can ask for the verifier's result
        ("envoy", "attested") => Assurance::Attested,
        ("modbus" | "mosquitto", "attested") => Assurance::Certified,
        _ => Assurance::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(scheme: &'static str, key: Option<Key>) -> Identity {
        Identity { scheme, parts: Vec::new(), key }
    }

    #[test]
    fn only_some_points_verify_an_identity() {
        let x509 = identity("x509", None);
        let hardware = identity("spiffe", Some(Key::Hardware));
        assert_eq!(verified("envoy", &x509), Assurance::Certified);
        assert_eq!(verified("modbus", &hardware), Assurance::Hardware);
        assert_eq!(verified("nftables", &hardware), Assurance::None);
        assert_eq!(verified("mosquitto", &identity("psk", None)), Assurance::Shared);
        assert_eq!(verified("envoy", &identity("psk", None)), Assurance::None);
        assert_eq!(verified("envoy", &identity("attested", None)), Assurance::Attested);
        assert_eq!(verified("modbus", &identity("attested", None)), Assurance::Certified);
        assert_eq!(verified("envoy", &identity("sim", Some(Key::Hardware))), Assurance::None);
    }
}
