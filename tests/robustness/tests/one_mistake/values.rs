//! Levels, quotes and foreign characters.

use super::Mistake;

/// The first fix mends the package.
pub(crate) const MENDED: &[Mistake] = &[
    ("target_level = SL1 }\n\n/// The room", "target_level = sl1 }\n\n/// The room", "E0302", "sl1"),
    ("target_level = SL1 }\n\n/// The room", "target_level = \"SL1\" }\n\n/// The room", "E0301", "\"SL1\""),
    ("target_level = SL1 }\n\n/// The room", "target-level = SL1 }\n\n/// The room", "E0101", "target-level"),
    ("target_level = SL1 }\n\n/// The room", "targetLevel = SL1 }\n\n/// The room", "E0207", "targetLevel"),
    ("/// Desks.\nzone", "/* Desks. */\nzone", "E0101", "/*"),
    ("/// Desks.\nzone", "# Desks.\nzone", "E0101", "#"),
    ("/// Desks.\nzone", "-- Desks.\nzone", "E0101", "--"),
    ("/// Desks.\nzone", "/ Desks.\nzone", "E0101", "/"),
    ("\"desks of one floor\"", "“desks of one floor”", "E0102", "“desks of one floor”"),
    ("\"desks of one floor\"", "'desks of one floor'", "E0102", "'desks of one floor'"),
    ("\"desks of one floor\"", "desks", "E0301", "desks"),
    ("\"desks of one floor\"", "\"\"\"desks of one floor\"\"\"", "E0101", "\"\"\"desks of one floor\"\"\""),
    ("    allow panel ->", "\u{a0}\u{a0}allow panel ->", "E0102", "\u{a0}\u{a0}"),
    ("    allow panel ->", "\u{200b}allow panel ->", "E0102", "\u{200b}"),
    ("carries = [opcua, ntp] }", "carries = [opcua, ntp } }", "E0104", "}"),
    ("carries = [opcua, ntp] }", "carries = [opcua,, ntp] }", "E0101", ","),
    ("carries = [opcua, ntp] }", "carries = opcua ntp }", "E0101", "opcua ntp"),
    (
        "policy figures {\n    owner = \"office@water.example\"",
        "policy figures {\n    owner = office@water.example",
        "E0102",
        "office@water.example",
    ),
];

/// There is more than one way to mend it, or more to do.
pub(crate) const SAID: &[Mistake] = &[
    ("target_level = SL1 }\n\n/// The room", "target_level = 1 }\n\n/// The room", "E0301", "1"),
    ("purdue = 1,", "purdue = 1.5,", "E0301", "1.5"),
    ("purdue = 1,", "purdue = L1,", "E0202", "L1"),
    ("\"desks of one floor\"", "desks of one floor", "E0101", "desks of one floor"),
    ("carries = [opcua, ntp] }", "carries = [opcua, ntp], ntp }", "E0101", "ntp"),
];
