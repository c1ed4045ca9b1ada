//! Assertions.

use super::Mistake;

/// The first fix mends the package.
pub(crate) const MENDED: &[Mistake] = &[
    ("assert never desk ~> pump", "assert nevr desk ~> pump", "E0302", "nevr"),
    ("assert never desk ~> pump", "never desk ~> pump", "E0101", "never"),
    (
        "assert only scada | panel -> pump_plc : opcua",
        "assert only scada, panel -> pump_plc : opcua",
        "E0101",
        ",",
    ),
];

/// There is more than one way to mend it, or more to do.
pub(crate) const SAID: &[Mistake] = &[
    ("assert never desk ~> pump", "assert never desk -> pump", "E0210", "never"),
    ("assert never desk ~> pump", "assert desk ~> pump", "E0101", "~>"),
    ("assert never desk ~> pump", "assert never desk", "E0210", "never"),
    ("assert never desk ~> pump", "assert(never desk ~> pump)", "E0101", "("),
    (
        "assert only scada | panel -> pump_plc : opcua",
        "assert only scada | panel -> pump_plc",
        "E0210",
        "only",
    ),
    (
        "assert only scada | panel -> pump_plc : opcua",
        "assert only (scada | panel -> pump_plc : opcua",
        "E0104",
        "(",
    ),
];
