//! Heads of declarations.

use super::Mistake;

/// The first fix mends the package.
pub(crate) const MENDED: &[Mistake] = &[
    ("device panel : Hmi {", "device panel Hmi {", "E0101", ""),
    ("device panel : Hmi {", "device panel : hmi {", "E0202", "hmi"),
    ("device panel : Hmi {", "device \"panel\" : Hmi {", "E0101", "\"panel\""),
    ("device panel : Hmi {", "device panel : Hmi (", "E0101", "("),
    ("device panel : Hmi {", "Device panel : Hmi {", "E0206", "Device"),
    ("device panel : Hmi {", "resource \"device\" \"panel\" {", "E0101", "resource \"device\" \"panel\""),
    ("device panel : Hmi {", "device panel extends Hmi {", "E0101", "extends"),
    ("device panel : Hmi {", "devices panel : Hmi {", "E0206", "devices"),
    ("device pump[1..4] :", "device pump[4] :", "E0303", "4"),
    ("device pump[1..4] :", "device pump[1-4] :", "E0303", "1-4"),
    ("device pump[1..4] :", "device pump[1:4] :", "E0101", "[1:4]"),
    ("device pump[1..4] :", "device pump(1..4) :", "E0101", "(1..4)"),
    ("device pump[1..4] :", "device pump[1...4] :", "E0101", "[1...4]"),
    ("device pump[1..4] :", "device pump[1..4 :", "E0104", "["),
    ("= pump_net.host(20 + index)", "= pump_net.host(20 + i)", "E0202", "i"),
    ("= pump_net.host(20 + index)", "= pump_net.host(20 + index))", "E0104", ")"),
    ("= pump_net.host(20 + index)", "= pump_net.hosts(20 + index)", "E0304", "hosts"),
    ("between control_room, office", "between control_room and office", "E0101", "and"),
    ("between control_room, office", "between control_room office", "E0101", ""),
    ("between control_room, office", "between control_room -> office", "E0101", "->"),
    ("between control_room, office", "between (control_room, office)", "E0101", "(control_room, office)"),
    ("between control_room, office", "control_room, office", "E0101", ""),
    (
        "interface eth0 { network = pump_net, address = 10.1.0.1 }",
        "interface \"eth0\" { network = pump_net, address = 10.1.0.1 }",
        "E0101",
        "\"eth0\"",
    ),
    (
        "interface eth0 { network = pump_net, address = 10.1.0.1 }",
        "interface eth0.10 { network = pump_net, address = 10.1.0.1 }",
        "E0101",
        "eth0.10",
    ),
    (
        "interface eth0 { network = pump_net, address = 10.1.0.1 }",
        "interfaces eth0 { network = pump_net, address = 10.1.0.1 }",
        "E0207",
        "interfaces",
    ),
    ("policy figures {", "policy figures", "E0104", "policy figures"),
    ("policy figures {", "policy \"figures\" {", "E0101", "\"figures\""),
    ("policy figures {", "policy figures = {", "E0101", "="),
    ("policy figures {", "policy figures: {", "E0101", ":"),
];

/// There is more than one way to mend it, or more to do.
pub(crate) const SAID: &[Mistake] = &[
    ("device panel : Hmi {", "device panel = Hmi {", "E0210", "Hmi"),
    ("device panel : Hmi {", "device panel :Hmi() {", "E0304", "Hmi"),
    ("device panel : Hmi {", "device panel-1 : Hmi {", "E0101", "panel-1"),
    ("device panel : Hmi {", "device 1panel : Hmi {", "E0101", "1panel"),
    (
        "device panel : Hmi {",
        "device panel : Hmi = {",
        "E0210",
        "{ network = pump_net, address = 10.1.0.40 }",
    ),
    ("device panel : Hmi {", "device : Hmi {", "E0101", "device"),
    (
        "device panel : Hmi { network = pump_net, address = 10.1.0.40 }",
        "device:\n  - name: panel\n    network: pump_net\n",
        "E0101",
        "device:",
    ),
    ("device panel : Hmi {", "device panël : Hmi {", "E0102", "panël"),
    ("device panel : Hmi {", "device allow : Hmi {", "E0101", "allow"),
    ("device pump[1..4] :", "device pump[1..] :", "E0101", "[1..]"),
    ("= pump_net.host(20 + index)", "= pump_net.host()", "E0304", "host"),
    ("= pump_net.host(20 + index)", "= pump_net.host(20)", "E0402", "address = pump_net.host(20)"),
    ("between control_room, office", "from control_room to office", "E0101", "from"),
    (
        "conduit room_office between control_room, office",
        "conduit between control_room, office",
        "E0101",
        "conduit",
    ),
    (
        "interface eth0 { network = pump_net, address = 10.1.0.1 }",
        "interface { network = pump_net, address = 10.1.0.1 }",
        "E0210",
        "interface",
    ),
    (
        "interface eth0 { network = pump_net, address = 10.1.0.1 }",
        "interface eth0 = { network = pump_net, address = 10.1.0.1 }",
        "E0210",
        "{ network = pump_net, address = 10.1.0.1 }",
    ),
    (
        "interface eth0 { network = pump_net, address = 10.1.0.1 }",
        "eth0 { network = pump_net, address = 10.1.0.1 }",
        "E0207",
        "eth0",
    ),
    (
        "interface eth0 { network = pump_net, address = 10.1.0.1 }",
        "interface eth0 { network = pump_net, address = 10.1.0.1 ",
        "E0104",
        "{",
    ),
    ("policy figures {", "policy {", "E0101", "policy"),
];
