//! The plan: for each enforcement point, the part of the flow relation that crosses it.

mod address;
mod assurance;
mod bridges;
mod build;
mod capabilities;
mod clusters;
pub mod cores;
mod evidence;
mod finish;
mod gaps;
mod gateway;
mod guard_rails;
mod join;
mod legs;
mod operations;
mod points;
pub mod proxies;
mod refusals;
mod routes;
mod shortfall;
mod transparent;

use smol_str::SmolStr;
use weir_syntax::{FileId, Span};

use crate::flows::Rectangle;

pub use address::{AddressSet, Number, Ranges};
pub use build::build;
pub use clusters::{ClusterPlan, PodDirection, PodGrant, PodPeers, WorkloadPlan};
pub use cores::CorePlan;
pub use gaps::{Gap, GapKind, gaps};
pub use gateway::{
    Action, Binding, BridgePlan, BridgePort, FrameRule, GatewayPlan, Hook, InterfacePlan, Limit, MacBinding,
    PlanRule, PortMac, PortMatch, Redirect, Statement, StatementId, Transport,
};
pub use guard_rails::{GuardRail, GuardRails, add_guard_rails};
pub use legs::Leg;
pub use operations::{OperationMatch, PayloadProtocol, RequestMatch};
pub use points::Point;
pub use proxies::ProxyPlan;
pub use routes::{Hop, Route, Routes};

/// What all enforcement points of a package have to hold together.
#[derive(Debug, Default)]
pub struct Plan {
    pub package: String,
    pub version: String,
    /// One per gateway that enforces with nftables, by name.
    pub gateways: Vec<GatewayPlan>,
    /// By name.
    pub clusters: Vec<ClusterPlan>,
    /// One per 5G core whose settings Weir writes, by name.
    pub cores: Vec<CorePlan>,
    /// One for each point and kind that ends connections, by name.
    pub proxies: Vec<ProxyPlan>,
    /// What policy denies and nothing separates, accepted or not.
    pub gaps: Vec<Gap>,
    /// What imported files say that decides whether artifacts hold, in words.
    pub taken_for_granted: Vec<String>,
    /// Every statement that some artifact carries, by id.
    pub statements: Vec<StatementOrigin>,
    /// The parts of the relation that packet filters see, in the relation's order.
    pub legs: Vec<Leg>,
}

impl Plan {
    /// The connections to and from proxies that rectangles become: what an intruder on a proxy may start, for one.
    pub fn relays(&self, rectangles: &[Rectangle]) -> Vec<Rectangle> {
        let mut relays = Vec::new();
        for leg in &self.legs {
            let Some(whole) = rectangles.get(leg.rectangle as usize) else { continue };
            // the second half: from the proxy on. The first is for everybody, people too, whom no packet filter knows
            if leg.taken_by.is_none()
                && leg.sources != whole.sources
                && leg.destinations == whole.destinations
            {
                relays.push(Rectangle { destinations: leg.sources.clone(), ..whole.clone() });
                relays.push(Rectangle { sources: leg.sources.clone(), ..whole.clone() });
            }
        }
        relays
    }
}

/// Where a statement stands in the text.
#[derive(Clone, Debug)]
pub struct StatementOrigin {
    pub id: SmolStr,
    pub policy: SmolStr,
    pub file: FileId,
    pub span: Span,
    /// The statement, on one line.
    pub text: SmolStr,
    pub documentation: SmolStr,
}
