//! 5G: cores, radios, slices, and the subscriptions of the devices in them.

mod capabilities;
pub(crate) mod check;
mod five_qi;
mod read;
mod values;

use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv6Net;
use smol_str::SmolStr;
use weir_syntax::Span;

use super::{GatewayId, Key, SegmentId};
use crate::names::EntityId;

pub use capabilities::{Capabilities, Product, TABLE_OF_CORES, capabilities};
pub use five_qi::{Characteristics, ResourceType, characteristics, is_operators, resource_type};
pub(super) use read::read;
pub use values::{
    Arp, BitRate, PduSessionType, Plmn, Protection, Rates, Snssai, Supi, UserPlaneSecurity, dnn_fault,
};

/// All that a package says about 5G. Lists are in the order of the text; numbers in them are places in these lists.
#[derive(Clone, Debug, Default)]
pub struct Mobile {
    pub cores: Vec<Core>,
    pub radios: Vec<Radio>,
    /// Whether some radio could not be read, which was said.
    pub lacks_radios: bool,
    pub slices: Vec<Slice>,
    /// By principal.
    pub subscribers: Vec<Subscriber>,
}

#[derive(Clone, Debug)]
pub struct Core {
    pub entity: EntityId,
    pub name: String,
    pub product: Product,
    pub version: Option<SmolStr>,
    pub plmn: Plmn,
    /// The principal that AMF, NRF, NSSF and PCF run on.
    pub functions: Option<u32>,
}

impl Core {
    /// What it does with what it is told; nothing, where its version is not known (which is an error).
    pub fn capabilities(&self) -> Option<&'static Capabilities> {
        capabilities(self.product, self.version.as_deref())
    }
}

/// A gNB.
#[derive(Clone, Debug)]
pub struct Radio {
    pub entity: EntityId,
    pub name: String,
    pub core: usize,
    /// Tracking area code, 24 bits.
    pub tac: u32,
    /// What it can guarantee to all flows together.
    pub capacity: Option<BitRate>,
}

#[derive(Clone, Debug)]
pub struct Slice {
    pub entity: EntityId,
    pub name: String,
    pub core: usize,
    pub segment: SegmentId,
    pub snssai: Snssai,
    pub dnn: SmolStr,
    /// The radios that offer it: all of the core's, where the package names none.
    pub area: Vec<usize>,
    pub user_plane: GatewayId,
    pub dedicated: bool,
    /// Both ways: whom it names, and who names it.
    pub exclusive_with: Vec<usize>,
    pub max_ues: Option<u64>,
    pub quality: SliceQuality,
    pub security: UserPlaneSecurity,
    /// The principal that its session management runs on.
    pub session_management: Option<u32>,
    /// What its UEs ask for names.
    pub dns: Option<IpAddr>,
}

/// What sessions of a slice get, but for flows that ask for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceQuality {
    pub five_qi: u8,
    pub arp: Arp,
    pub session: Rates,
}

/// What a flow's `qos` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowQuality {
    pub five_qi: Option<u8>,
    pub arp: Option<u8>,
    pub guaranteed: Option<BitRate>,
    pub maximum: Option<BitRate>,
    /// Nanoseconds.
    pub period: Option<u64>,
    /// Bytes of one message.
    pub size: Option<u64>,
    /// A session's rate, which a flow does not have.
    pub has_session_rate: bool,
    pub span: Span,
}

/// A device with its SIM.
#[derive(Clone, Debug)]
pub struct Subscriber {
    pub principal: u32,
    pub core: usize,
    pub supi: Supi,
    pub key: Option<Key>,
    /// The first is the default: what a UE gets that asks for nothing.
    pub sessions: Vec<Session>,
}

/// A device's place in a slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub slice: usize,
    /// Of both families, it has one at least.
    pub v4: Option<Ipv4Addr>,
    /// 64 bits: a UE chooses the other half of its addresses by itself (TS 23.501, 5.8.2.2).
    pub v6: Option<Ipv6Net>,
}
