//! Weir's compiler: from a package's text to a checked model, the flow relation and the plan of each
//! enforcement point. No network and no clock of its own; files come through its caller.

pub mod plan;
