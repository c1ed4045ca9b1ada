//! Open5GS 2.7: one SMF for each slice, one UPF for each user plane.
//!
//! An SMF without `info` serves every slice, a subnet without `dnn` every data network; both are always there. Policies are in
//! one PCF, since an SMF takes any PCF that it finds, and one that does not know a SUPI ends its process.

mod functions;
mod session;
mod subscribers;
mod values;

use std::net::Ipv4Addr;

use weir_compiler::plan::CorePlan;

pub(crate) use values::{description, loopback};

use crate::{emit::Output, error::EmitError};

pub(crate) fn emit(plan: &CorePlan, out: &mut Output) -> Result<(), EmitError> {
    functions::emit(plan, out)?;
    session::emit(plan, out)?;
    subscribers::emit(plan, out)
}

/// Where radios reach the AMF.
pub(crate) fn amf_address(plan: &CorePlan) -> Ipv4Addr {
    values::Layout::of(plan).amf.address
}
