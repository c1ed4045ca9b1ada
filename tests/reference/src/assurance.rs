//! Assurance, pair by pair: what is verified of a source on the way to one destination.

use weir_compiler::model::{Assurance, Gateway, Identity, Key, Model, SegmentId};

use crate::topology::{Path, forwards, paths_between};

fn filters(gateway: &Gateway) -> bool {
    gateway.enforces.contains(&"nftables")
}

/// What was shown to get on a segment.
fn admission(model: &Model, segment: SegmentId) -> Assurance {
    match model.segment(segment).admission {
        Some("psk") => Assurance::Shared,
        Some("dot1x") => Assurance::Certified,
        Some("sim") => Assurance::Hardware,
        _ => Assurance::Address,
    }
}

/// What the source's own address says of it on its own segment.
fn own(model: &Model, identity: Option<&Identity>, segment: SegmentId) -> Assurance {
    match (model.segment(segment).admission, identity) {
        (Some("dot1x"), Some(identity)) => match (identity.scheme, &identity.key) {
            ("none" | "mac", _) => Assurance::Address,
            ("psk", _) => Assurance::Shared,
            (_, Some(Key::Hardware)) => Assurance::Hardware,
            _ => Assurance::Certified,
        },
        _ => admission(model, segment),
    }
}

/// Segments from which packets come to the same filters as those of a segment, without crossing one.
fn unfiltered(model: &Model, from: SegmentId) -> Vec<SegmentId> {
    let mut reached = vec![from];
    loop {
        let more: Vec<SegmentId> = model
            .gateways
            .iter()
            .filter(|gateway| forwards(gateway) && !filters(gateway))
            .filter(|gateway| gateway.interfaces.iter().any(|interface| reached.contains(&interface.segment)))
            .flat_map(|gateway| gateway.interfaces.iter().map(|interface| interface.segment))
            .filter(|segment| !reached.contains(segment))
            .collect();
        if more.is_empty() {
            return reached;
        }
        reached.extend(more);
    }
}

fn on_path(model: &Model, source: u32, destination: u32, path: &Path) -> Assurance {
    let end = &model.principals[destination as usize].name;
    let at_the_end = model.gateways.iter().any(|gateway| gateway.name == end.as_str() && filters(gateway));
    if !at_the_end && !path.hops.iter().any(|hop| filters(model.gateway(hop.gateway))) {
        return Assurance::None;
    }
    let identity = model.principals[source as usize].details.identity.as_deref();
    let others = unfiltered(model, path.from).into_iter().filter(|segment| *segment != path.from);
    let others = others.map(|segment| admission(model, segment));
    others.fold(own(model, identity, path.from), Assurance::min)
}

/// What a point that ends connections verifies.
fn verified(word: &str, identity: &Identity) -> Assurance {
    let hardware = identity.key == Some(Key::Hardware);
    match (word, identity.scheme) {
        (_, "x509" | "spiffe") if word != "nftables" && word != "upf" => {
            if hardware {
                Assurance::Hardware
            } else {
                Assurance::Certified
            }
        }
        ("mosquitto", "psk") => Assurance::Shared,
        _ => Assurance::None,
    }
}

/// What is verified of a source that connects to a destination, led through a proxy or not. `carries` says whether a
/// point with this word of `enforces` looks into the flow's protocol.
pub fn effective(
    model: &Model,
    source: u32,
    destination: u32,
    proxy: Option<u32>,
    carries: impl Fn(&str) -> bool,
) -> Assurance {
    let end = proxy.unwrap_or(destination);
    let paths = paths_between(model, source, end);
    let address = paths.iter().map(|path| on_path(model, source, end, path)).min().unwrap_or_default();
    let identity = model.principals[source as usize].details.identity.as_deref();
    let words = model.principals[end as usize].details.enforces.iter().filter(|word| carries(word));
    let shown = identity.and_then(|identity| words.map(|word| verified(word, identity)).max());
    address.max(shown.unwrap_or_default())
}
