//! Which gateways a packet crosses.

use weir_compiler::model::{Gateway, GatewayId, Model, SegmentId};

/// One gateway on a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hop {
    pub gateway: GatewayId,
    pub from: SegmentId,
    pub to: SegmentId,
}

/// A way from a segment to a segment; no hops, where they are the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    pub from: SegmentId,
    pub to: SegmentId,
    pub hops: Vec<Hop>,
}

/// Whether a gateway passes packets on: one that ends connections does not, unless it filters packets as well.
pub fn forwards(gateway: &Gateway) -> bool {
    let word = |word: &str| gateway.enforces.contains(&word);
    word("nftables") || !(word("envoy") || word("modbus") || word("mosquitto"))
}

/// All shortest paths between two segments, found by walking one gateway further at a time.
pub fn paths(model: &Model, from: SegmentId, to: SegmentId) -> Vec<Path> {
    let mut ways = vec![Path { from, to, hops: Vec::new() }];
    let mut seen = vec![from];
    loop {
        let end = |way: &Path| way.hops.last().map_or(way.from, |hop| hop.to);
        if ways.is_empty() || ways.iter().any(|way| end(way) == to) {
            ways.retain(|way| end(way) == to);
            ways.sort();
            ways.dedup();
            return ways;
        }
        let mut further = Vec::new();
        for way in &ways {
            for hop in hops(model, end(way)) {
                if !seen.contains(&hop.to) {
                    let mut way = way.clone();
                    way.hops.push(hop);
                    further.push(way);
                }
            }
        }
        seen.extend(further.iter().map(end));
        ways = further;
    }
}

/// Every gateway that leads on from a segment.
fn hops(model: &Model, from: SegmentId) -> Vec<Hop> {
    let mut hops = Vec::new();
    for (index, gateway) in model.gateways.iter().enumerate() {
        if !forwards(gateway) || !gateway.interfaces.iter().any(|interface| interface.segment == from) {
            continue;
        }
        for out in gateway.interfaces.iter().filter(|interface| interface.segment != from) {
            let hop =
                Hop { gateway: GatewayId(u32::try_from(index).unwrap_or(u32::MAX)), from, to: out.segment };
            if !hops.contains(&hop) {
                hops.push(hop);
            }
        }
    }
    hops
}

/// All shortest paths between two principals, from any of the segments that each stands on.
pub fn paths_between(model: &Model, source: u32, destination: u32) -> Vec<Path> {
    let stands = |principal: u32| {
        model.principals[principal as usize]
            .attachments
            .iter()
            .map(|attachment| attachment.segment)
            .collect::<Vec<_>>()
    };
    let mut all = Vec::new();
    for from in stands(source) {
        for to in stands(destination) {
            all.extend(paths(model, from, to));
        }
    }
    let shortest = all.iter().map(|path| path.hops.len()).min();
    all.retain(|path| Some(path.hops.len()) == shortest);
    all.sort();
    all.dedup();
    all
}

/// The host's names of a gateway's interfaces on a segment.
pub fn devices(gateway: &Gateway, segment: SegmentId) -> impl Iterator<Item = &str> {
    gateway
        .interfaces
        .iter()
        .filter(move |interface| interface.segment == segment)
        .map(|interface| interface.device.as_str())
}
