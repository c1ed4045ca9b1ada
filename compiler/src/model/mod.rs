//! The typed plant: zones, segments, gateways, principals and how they hang together.

pub mod bridges;
pub(crate) mod build;
mod classes;
mod clusters;
mod externals;
pub mod fiveg;
mod identities;
mod named;
mod principals;
pub mod protocols;
mod quantities;
mod sets;
mod topology;
mod trust;
mod typed;

use std::{net::IpAddr, sync::Arc};

use ipnet::IpNet;
use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use weir_syntax::{Diagnostic, FileId, Span, ast::Declaration};

use crate::{
    names::{EntityId, Scope, Universe, schema},
    plan::{AddressSet, Ranges},
};

pub use bridges::{Bridge, Crossing, Port};
pub use build::build;
pub(crate) use build::{attribute_place, entity_block};
pub use clusters::{Cluster, Dns, DnsServer, Labels, PodSelector, Workload};
pub use named::{Named, named};
pub use protocols::{Protocol, Protocols, Served, Service, TransportMatch};
pub use sets::Sets;
pub use trust::Trust;
pub use typed::{Assurance, Identity, Integrity, Key, Typed};

/// Sets of principals: ranges of [`PrincipalId`]s. Arrays and declarations of one file are adjacent, so most sets are
/// a few ranges.
pub type PrincipalSet = Arc<Ranges<u32>>;

macro_rules! ids {
    ($($(#[$documentation:meta])* $name:ident)*) => {$(
        $(#[$documentation])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);

        impl $name {
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}
ids! {
    /// Index into [`Model::zones`].
    ZoneId
    /// Index into [`Model::segments`].
    SegmentId
    /// Index into [`Model::gateways`].
    GatewayId
    /// Index into [`Model::principals`].
    PrincipalId
}

#[derive(Clone, Debug)]
pub struct Zone {
    pub entity: EntityId,
    pub name: String,
    /// 0 to 5, where it is given.
    pub purdue: Option<u8>,
    /// 1 to 4, where it is given.
    pub target_level: Option<u8>,
    pub parent: Option<ZoneId>,
    pub isolated: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentKind {
    Network,
    /// The UEs of a slice, behind its UPF.
    Slice,
    /// The pods of a cluster, behind its nodes.
    Pods,
}

/// A broadcast domain, or what stands for one: its stations reach each other without a gateway.
#[derive(Clone, Debug)]
pub struct Segment {
    pub entity: EntityId,
    pub kind: SegmentKind,
    pub name: String,
    pub zone: Option<ZoneId>,
    pub prefixes: Vec<IpNet>,
    pub addresses: AddressSet,
    /// Its prefixes were given and could not be read: nothing follows from their absence.
    pub unread: bool,
    /// Stations do not reach each other directly.
    pub isolated: bool,
    pub accept_gap: Option<SmolStr>,
    pub admission: Option<&'static str>,
}

#[derive(Clone, Debug)]
pub struct Interface {
    /// Name of the block.
    pub name: SmolStr,
    /// Name on the host.
    pub device: SmolStr,
    pub segment: SegmentId,
    pub addresses: AddressSet,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct StaticRoute {
    pub to: Vec<IpNet>,
    pub via: IpAddr,
    pub span: Span,
}

/// A host that forwards, enforces, or both; a cluster's nodes are one as well.
#[derive(Clone, Debug)]
pub struct Gateway {
    pub entity: EntityId,
    pub name: String,
    pub principal: Option<PrincipalId>,
    pub enforces: Vec<&'static str>,
    pub interfaces: Vec<Interface>,
    /// Segments into which it hides sources behind its own address.
    pub masquerade: Vec<SegmentId>,
    /// It takes Modbus connections that are addressed to whoever is behind it.
    pub transparent: bool,
    pub routes: Vec<StaticRoute>,
}

impl Gateway {
    /// Whether it filters what it forwards by rules that Weir emits.
    pub fn filters(&self) -> bool {
        self.enforces.contains(&"nftables")
    }

    /// Whether it ends connections and starts them anew.
    pub fn terminates(&self) -> bool {
        self.enforces.iter().any(|word| matches!(*word, "envoy" | "modbus" | "mosquitto"))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    Device,
    Workload,
    Gateway,
    External,
    Role,
}

/// A place at which a principal stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    pub segment: SegmentId,
    pub addresses: Arc<AddressSet>,
}

/// Who can be the source or destination of a flow.
#[derive(Clone, Debug)]
pub struct Principal {
    pub kind: PrincipalKind,
    pub entity: EntityId,
    /// Array element, from 1.
    pub element: Option<u32>,
    /// `press[3].plc`, `vib[4]`; a region of several externals is named by the smallest of them.
    pub name: SmolStr,
    /// Its zones: one, but for gateways, which are in those of all their networks.
    pub zones: Vec<ZoneId>,
    pub attachments: Vec<Attachment>,
    pub mac: Option<[u8; 6]>,
    pub details: Arc<Details>,
}

/// What principals of one declaration mostly share.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    pub class: Option<EntityId>,
    pub serves: Option<Arc<[Served]>>,
    pub enforces: Vec<&'static str>,
    pub identity: Option<Arc<Identity>>,
    /// What it or its class says; see [`Model::trust`] for those who say nothing.
    pub integrity: Option<Integrity>,
    pub endorses: Option<(Integrity, Integrity)>,
    /// Writes that lead to its safe state.
    pub safe: Option<Arc<[Service]>>,
    pub requires: Assurance,
    /// Attributes for `where`, as text; `host_network` among them.
    pub texts: Vec<(SmolStr, SmolStr)>,
}

impl Principal {
    pub fn serves(&self) -> &[Served] {
        self.details.serves.as_deref().unwrap_or_default()
    }

    pub fn addresses(&self) -> AddressSet {
        match self.attachments.as_slice() {
            [only] => (*only.addresses).clone(),
            several => several.iter().fold(AddressSet::default(), |all, one| all.union(&one.addresses)),
        }
    }

    /// Whether a connection to it ends in something that looks into it.
    pub fn terminates(&self) -> bool {
        self.details.enforces.iter().any(|word| matches!(*word, "envoy" | "modbus" | "mosquitto"))
    }
}

#[derive(Clone, Debug)]
pub struct Conduit {
    pub entity: EntityId,
    pub name: String,
    /// Two ends, each a zone or an external.
    pub ends: [EntityId; 2],
    pub carries: Vec<Service>,
    pub requires: Assurance,
    pub through: Vec<GatewayId>,
}

/// What only a target of a later version enforces; each is said once.
#[derive(Clone, Debug)]
pub struct Unbuilt {
    pub what: String,
    pub file: FileId,
    pub span: Span,
}

#[derive(Debug, Default)]
pub struct Model {
    pub zones: Vec<Zone>,
    pub segments: Vec<Segment>,
    pub gateways: Vec<Gateway>,
    /// Bridges of gateways, in the order of the gateways.
    pub bridges: Vec<Bridge>,
    /// Places in `bridges`.
    pub bridges_on: FxHashMap<SegmentId, Vec<usize>>,
    pub principals: Vec<Principal>,
    pub conduits: Vec<Conduit>,
    /// In the order of the text.
    pub clusters: Vec<Cluster>,
    pub protocols: Protocols,
    pub mobile: fiveg::Mobile,
    pub unbuilt: Vec<Unbuilt>,
    pub internet: Option<EntityId>,
    pub zone_of: FxHashMap<EntityId, ZoneId>,
    pub segment_of: FxHashMap<EntityId, SegmentId>,
    pub gateway_of: FxHashMap<EntityId, GatewayId>,
    /// First principal and count of each declaration that makes principals; elements in order.
    pub principals_of: FxHashMap<EntityId, (u32, u32)>,
    /// Externals are made of regions, each of which may belong to several.
    pub regions_of: FxHashMap<EntityId, Vec<u32>>,
    /// Pods that use their node's network, by principal, and the network of the nodes.
    pub on_nodes: Vec<(u32, SegmentId)>,
    /// Each class's own base.
    pub bases: FxHashMap<EntityId, EntityId>,
}

impl Model {
    pub fn zone(&self, id: ZoneId) -> &Zone {
        &self.zones[id.index()]
    }
    pub fn segment(&self, id: SegmentId) -> &Segment {
        &self.segments[id.index()]
    }
    pub fn gateway(&self, id: GatewayId) -> &Gateway {
        &self.gateways[id.index()]
    }
    pub fn principal(&self, id: u32) -> &Principal {
        &self.principals[id as usize]
    }

    /// The principals that fit.
    pub fn principals_where(&self, fits: impl Fn(&Principal) -> bool) -> Ranges<u32> {
        (0..self.principals.len() as u32).filter(|id| fits(self.principal(*id))).collect()
    }

    /// The zone and the zones around it, innermost first. Cycles are reported and cut when zones are read.
    pub fn zones_around(&self, zone: ZoneId) -> impl Iterator<Item = ZoneId> + '_ {
        std::iter::successors(Some(zone), |zone| self.zone(*zone).parent)
    }

    /// What is served at a principal by a protocol: its own port or the protocol's defaults.
    pub fn served_at(&self, principal: u32, protocol: u32) -> Vec<TransportMatch> {
        let definition = self.protocols.get(protocol);
        if Some(self.principal(principal).entity) == self.internet {
            return definition.transports.clone(); // out there, somebody serves anything
        }
        let mut served = Vec::new();
        for entry in
            self.principal(principal).serves().iter().filter(|entry| entry.protocol == definition.entity)
        {
            match entry.port {
                Some(port) => served.push(port),
                None => served.extend(definition.transports.iter().copied()),
            }
        }
        served.sort_unstable();
        served.dedup();
        served
    }
}

/// The typed attributes of a block, in its order; what is mistyped is reported and left out.
pub(crate) fn read_block<'a>(
    universe: &Universe<'a>,
    declaration: &'a Declaration,
    known: &'static [schema::Attribute],
    scope: Scope,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<(&'static str, Typed<'a>)> {
    let mut values = Vec::new();
    for attribute in declaration.body.iter().flat_map(weir_syntax::ast::Block::attributes) {
        let Some(schema) = known.iter().find(|known| known.name == attribute.name.text) else { continue };
        match universe.typed(&attribute.value, schema.kind, scope) {
            Ok(typed) => values.push((schema.name, typed)),
            Err(diagnostic) => diagnostics.push(*diagnostic),
        }
    }
    values
}
