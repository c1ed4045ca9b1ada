//! The plan: for each enforcement point, the part of the flow relation that crosses it.

mod address;
mod build;
mod capabilities;
mod finish;
mod gaps;
mod gateway;
mod join;
mod legs;
mod operations;
pub mod proxies;
mod refusals;
mod routes;

use weir_syntax::{FileId, Span};

pub use address::{AddressSet, Number, Ranges};
pub use build::build;
pub use gaps::gaps;
pub use gateway::{
    Action, Binding, GatewayPlan, Hook, InterfacePlan, Limit, MacBinding, PlanRule, PortMatch, Statement,
    StatementId, Transport,
};
pub use legs::Leg;
pub use operations::{OperationMatch, PayloadProtocol, RequestMatch};
pub use proxies::ProxyPlan;

/// What all enforcement points of a package have to hold together.
#[derive(Debug, Default)]
pub struct Plan {
    pub package: String,
    pub version: String,
    /// One per gateway that enforces with nftables, by name.
    pub gateways: Vec<GatewayPlan>,
    /// One for each point and kind that ends connections, by name.
    pub proxies: Vec<ProxyPlan>,
    /// Every statement that some artifact carries, by id.
    pub statements: Vec<StatementOrigin>,
    /// The parts of the relation that packet filters see, in the relation's order.
    pub legs: Vec<Leg>,
}

/// Where a statement stands in the text.
#[derive(Clone, Debug)]
pub struct StatementOrigin {
    pub id: String,
    pub policy: String,
    pub file: FileId,
    pub span: Span,
    /// The statement, on one line.
    pub text: String,
    pub documentation: String,
}
