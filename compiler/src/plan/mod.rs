//! The plan: for each enforcement point, the part of the flow relation that crosses it.

mod address;
mod gateway;

pub use address::{AddressSet, Ranges};
pub use gateway::{
    Action, Binding, GatewayPlan, Hook, InterfacePlan, Limit, MacBinding, PlanRule, PortMatch, Statement,
    StatementId, Transport,
};
