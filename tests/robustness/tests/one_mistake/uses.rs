//! `use`, as other languages import.

use super::Mistake;

/// The first fix mends the package.
pub(crate) const MENDED: &[Mistake] = &[
    (
        "use std.it.{https, ntp, ping, ssh}\n\n/// Inside",
        "use std.it.(https, ntp, ping, ssh)\n\n/// Inside",
        "E0101",
        "(",
    ),
    (
        "use std.it.{https, ntp, ping, ssh}\n\n/// Inside",
        "use std.it.[https, ntp, ping, ssh]\n\n/// Inside",
        "E0101",
        "[",
    ),
    ("use std.it.{https, ntp, ping, ssh}\n\n/// Inside", "use std.it\n\n/// Inside", "E0202", "https"),
    (
        "use std.it.{https, ntp, ping, ssh}\n\n/// Inside",
        "use std::it::{https, ntp, ping, ssh}\n\n/// Inside",
        "E0101",
        "::",
    ),
    (
        "use std.it.{https, ntp, ping, ssh}\n\n/// Inside",
        "use std/it/{https, ntp, ping, ssh}\n\n/// Inside",
        "E0101",
        "/",
    ),
    (
        "use std.it.{https, ntp, ping, ssh}\n\n/// Inside",
        "use std.it{https, ntp, ping, ssh}\n\n/// Inside",
        "E0101",
        "",
    ),
    (
        "use std.it.{https, ntp, ping, ssh}\n\n/// Inside",
        "use std.it.{https ntp ping ssh}\n\n/// Inside",
        "E0101",
        "",
    ),
    (
        "use std.it.{https, ntp, ping, ssh}\n\n/// Inside",
        "use std.it.https, ntp, ping, ssh\n\n/// Inside",
        "E0101",
        "https, ntp, ping, ssh",
    ),
    (
        "use std.it.{https, ntp, ping, ssh}\n\n/// Inside",
        "import std.it.{https, ntp, ping, ssh}\n\n/// Inside",
        "E0101",
        "import",
    ),
    (
        "use std.it.{https, ntp, ping, ssh}\n\n/// Inside",
        "use sdt.it.{https, ntp, ping, ssh}\n\n/// Inside",
        "E0205",
        "sdt",
    ),
    (
        "use std.it.{https, ntp, ping, ssh}\n\n/// Inside",
        "use std.ti.{https, ntp, ping, ssh}\n\n/// Inside",
        "E0205",
        "ti",
    ),
    (
        "use std.it.{https, ntp, ping, ssh}\n\n/// Inside",
        "use std.ot.{https, ntp, ping, ssh}\n\n/// Inside",
        "E0205",
        "https",
    ),
];

/// There is more than one way to mend it, or more to do.
pub(crate) const SAID: &[Mistake] = &[
    ("use std.it.{https, ntp, ping, ssh}\n\n/// Inside", "use std.it.*\n\n/// Inside", "E0101", "*"),
    (
        "use std.it.{https, ntp, ping, ssh}\n\n/// Inside",
        "use \"std.it\"\n\n/// Inside",
        "E0101",
        "\"std.it\"",
    ),
    (
        "use std.it.{https, ntp, ping, ssh}\n\n/// Inside",
        "from std.it use {https, ntp, ping, ssh}\n\n/// Inside",
        "E0101",
        "from",
    ),
];
