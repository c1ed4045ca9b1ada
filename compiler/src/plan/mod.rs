//! The plan: for each enforcement point, the part of the flow relation that crosses it.

mod address;
mod assurance;
mod build;
mod capabilities;
mod evidence;
mod finish;
mod gaps;
mod gateway;
mod join;
mod legs;
mod operations;
mod refusals;
mod routes;
mod shortfall;

use smol_str::SmolStr;
use weir_syntax::{FileId, Span};

pub use address::{AddressSet, Number, Ranges};
pub use build::build;
pub use gaps::{Gap, GapKind, gaps};
pub use gateway::{
    Action, Binding, GatewayPlan, Hook, InterfacePlan, Limit, MacBinding, PlanRule, PortMatch, Statement,
    StatementId, Transport,
};
pub use legs::Leg;
pub use operations::{OperationMatch, PayloadProtocol, RequestMatch};

/// What all enforcement points of a package have to hold together.
#[derive(Debug, Default)]
pub struct Plan {
    pub package: String,
    pub version: String,
    /// One per gateway that enforces with nftables, by name.
    pub gateways: Vec<GatewayPlan>,
    /// What policy denies and nothing separates, accepted or not.
    pub gaps: Vec<Gap>,
    /// Every statement that some artifact carries, by id.
    pub statements: Vec<StatementOrigin>,
    /// The parts of the relation that packet filters see, in the relation's order.
    pub legs: Vec<Leg>,
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
