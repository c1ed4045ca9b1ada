//! What one 5G core has to know: plain data, all sets resolved. The packet filters of the user planes' hosts are gateways of
//! the plan like any other; both come from the same legs.

mod build;
mod limits;
mod quality;

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv6Net};
use smol_str::SmolStr;

use super::{Statement, StatementId, Transport};
use crate::model::{
    Key,
    fiveg::{Arp, BitRate, PduSessionType, Plmn, Product, SliceQuality, Snssai, Supi, UserPlaneSecurity},
};

pub use build::build;

/// One core with its slices, radios and subscriptions. Numbers are places in the lists of the same plan.
///
/// Invariant: a device's address of a slice is in that slice's pool, in the pool of no other slice, and fixed in exactly one
/// subscription; the pool stands behind one interface of one user plane.
#[derive(Clone, Debug)]
pub struct CorePlan {
    /// The package's name, as `weir.toml` has it.
    pub package: String,
    /// Path of the core in the package; not yet fit for a file name.
    pub name: String,
    pub product: Product,
    pub version: Option<SmolStr>,
    pub plmn: Plmn,
    /// Where AMF, NRF, NSSF and PCF listen; on loopback addresses, where it is not given.
    pub functions: Option<Ipv4Addr>,
    pub radios: Vec<RadioPlan>,
    pub user_planes: Vec<UserPlanePlan>,
    pub slices: Vec<SlicePlan>,
    /// By SUPI.
    pub subscribers: Vec<SubscriberPlan>,
    /// Flows with a quality of their own.
    pub flows: Vec<FlowPlan>,
    /// What policy permits between slices, by pair; pairs without any flow are not in it.
    pub between: Vec<SlicePair>,
    /// What the policy says, for names in artifacts; sorted by id.
    pub statements: Vec<Statement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RadioPlan {
    pub name: String,
    pub tac: u32,
}

/// A gateway that is a UPF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPlanePlan {
    pub name: String,
    /// Whether Weir emits a packet filter for its host.
    pub filters: bool,
    pub slices: Vec<usize>,
}

#[derive(Clone, Debug)]
pub struct SlicePlan {
    pub name: String,
    pub snssai: Snssai,
    pub dnn: SmolStr,
    /// One of each family at most, and one at least; IPv4 first.
    pub pools: Vec<PoolPlan>,
    /// The interface of the user plane's host behind which the pools stand.
    pub device: String,
    pub radios: Vec<usize>,
    pub user_plane: usize,
    pub dedicated: bool,
    /// Slices of the package that no device may be in as well.
    pub exclusive_with: Vec<String>,
    pub max_ues: Option<u64>,
    pub quality: SliceQuality,
    pub security: UserPlaneSecurity,
    /// Session management and the user plane's address towards it (N4, N3); on loopback, where it is not given.
    pub session_management: Option<(Ipv4Addr, Ipv4Addr)>,
    pub dns: IpAddr,
    /// Statements that its UEs are an end of, ascending.
    pub statements: Vec<StatementId>,
    /// Where the core itself filters: what its UEs may exchange with whom, whichever UE it is.
    pub permissions: Vec<SlicePermission>,
}

/// Addresses of UEs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolPlan {
    pub net: IpNet,
    /// The user plane's own address in it.
    pub gateway: IpAddr,
}

/// UEs of a slice start connections to `endpoints`, or endpoints to UEs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlicePermission {
    pub statement: StatementId,
    /// Who starts: a UE, or what lies behind the user plane.
    pub started_by_ue: bool,
    /// Disjoint prefixes, ascending.
    pub endpoints: Vec<IpNet>,
    /// Of the server, whoever that is.
    pub transport: Transport,
    pub ports: (u16, u16),
    /// Index into [`CorePlan::flows`].
    pub flow: Option<usize>,
}

#[derive(Clone, Debug)]
pub struct SubscriberPlan {
    pub device: SmolStr,
    pub supi: Supi,
    pub key: Option<Key>,
    /// The first is the default.
    pub sessions: Vec<SessionPlan>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionPlan {
    pub slice: usize,
    /// Of both families, it has one at least.
    pub v4: Option<Ipv4Addr>,
    /// A whole /64.
    pub v6: Option<Ipv6Net>,
    /// Indices into [`CorePlan::flows`], ascending.
    pub flows: Vec<usize>,
}

impl SessionPlan {
    pub fn kind(&self) -> PduSessionType {
        PduSessionType::of(self.v4.is_some(), self.v6.is_some())
    }
}

/// A flow that asks for a quality of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowPlan {
    pub statement: StatementId,
    pub slice: usize,
    pub five_qi: u8,
    pub arp: Arp,
    /// The same both ways, as the language has one number for both.
    pub guaranteed: Option<BitRate>,
    pub maximum: Option<BitRate>,
    /// Milliseconds, rounded up, of a cyclic flow.
    pub period: Option<u64>,
    pub filters: Vec<FilterPlan>,
}

/// Packets of a flow, seen from the UE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FilterPlan {
    pub remote: IpNet,
    pub transport: Transport,
    /// Whether `ports` are the remote's or the UE's.
    pub remote_serves: bool,
    pub ports: (u16, u16),
}

/// What policy permits from UEs of one slice to UEs of another, or of the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlicePair {
    pub from: usize,
    pub to: usize,
    /// Ascending.
    pub statements: Vec<StatementId>,
}
