//! Misspelt words, and what is forgotten or said twice.

use super::Mistake;

/// The first fix mends the package.
pub(crate) const MENDED: &[Mistake] = &[
    ("assert only", "asert only", "E0101", "asert"),
    (
        "use std.it.{https, ntp, ping, ssh}\n\n/// Inside",
        "uses std.it.{https, ntp, ping, ssh}\n\n/// Inside",
        "E0101",
        "uses",
    ),
    ("between control_room, pumping", "betwen control_room, pumping", "E0101", "betwen"),
    ("carries = [opcua, ntp]", "carry = [opcua, ntp]", "E0207", "carry"),
    ("device panel :", "device level :", "E0201", "level"),
    ("zone office {", "zone pumping {", "E0201", "pumping"),
    ("= pump_net.host(20 + index)", "= pump_net.host(20 + index", "E0104", "("),
    (
        "use std.it.{https, ntp, ping, ssh}\n\n/// Inside",
        "use std.it.{https, ntp, ping}\n\n/// Inside",
        "E0202",
        "ssh",
    ),
    (
        "use std.ot.{modbus, opcua, opcua_pubsub}\nuse std.it.{https, ntp, ping, ssh}\n\n/// Inside",
        "use std.it.{https, ntp, ping, ssh}\n\n/// Inside",
        "E0202",
        "modbus",
    ),
    ("    allow panel ->", "    alow panel ->", "E0101", "alow"),
    ("log = true }\n    allow operator", "log = yes }\n    allow operator", "E0301", "yes"),
];

/// There is more than one way to mend it, or more to do.
pub(crate) const SAID: &[Mistake] = &[];
