//! A cell as a template, with rules of its own.

use crate::{
    Options,
    classes::CELL,
    plant::{Place, Plant},
};

/// The rules of a cell among its own machines, in the order in which a template takes them.
const RULES: &[&str] = &[
    "plc -> io : modbus",
    "plc -> drive : modbus",
    "plc -> robot : opcua",
    "hmi -> plc : opcua",
    "hmi -> robot : opcua",
    "robot -> plc : opcua",
    "hmi -> drive : modbus",
    "plc -> hmi : opcua",
];

/// How many instances there are.
pub(crate) fn instances(plant: &Plant) -> u32 {
    plant.of(Place::Cell).count() as u32
}

/// How many rules the template has: at most half of all are templates' rules.
pub(crate) fn rules(options: &Options, plant: &Plant) -> u32 {
    (options.rules / 2 / instances(plant).max(1)).min(RULES.len() as u32)
}

/// The template, and the sizes of the arrays that it takes.
pub(crate) fn text(rules: u32) -> String {
    let taken = &RULES[..RULES.len().min(rules as usize)];
    let mut protocols: Vec<&str> = taken.iter().filter_map(|rule| rule.rsplit(' ').next()).collect();
    protocols.sort_unstable();
    protocols.dedup();
    let mut text = String::from("//! A cell, written once.\n\n");
    if !protocols.is_empty() {
        text.push_str(&format!("use std.ot.{{{}}}\n", protocols.join(", ")));
    }
    text.push_str(
        "use std.it.{ssh}\n\n\
         /// One cell: its network, its gateway, its machines, and what they may do among themselves.\n\
         template machine_cell(\n    number: integer,\n    home: zone,\n    subnet: prefix,\n    uplink: address,\n",
    );
    for class in CELL {
        text.push_str(&format!("    {}s: integer,\n", class.stem));
    }
    text.push_str(
        ") {\n    /// All machines of the cell.\n    network net {\n        zone = home\n        subnet = subnet\n        \
         accept_gap = \"machines of one cell are delivered together\"\n    }\n\n    \
         /// All that enters or leaves the cell passes here.\n    gateway gw {\n        name = \"cell-{number:03}\"\n        \
         enforces = nftables\n        serves = [ssh]\n        interface lan0 { network = net, address = net.host(1) }\n        \
         interface up0 { network = backbone, address = uplink }\n    }\n",
    );
    let mut before = String::from("9");
    for class in CELL {
        let (name, stem) = (class.name, class.stem);
        text.push_str(&format!(
            "\n    /// {}\n    device {stem}[1..{stem}s] : {name} {{ network = net, address = net.host({before} + index) }}\n",
            class.documentation
        ));
        before.push_str(&format!(" + {stem}s"));
    }
    if !taken.is_empty() {
        text.push_str("\n    /// What the machines may do among themselves.\n    policy inside {\n");
        text.push_str("        owner = \"automation@plant.example\"\n");
        for rule in taken {
            text.push_str(&format!("        allow {rule}\n"));
        }
        text.push_str("    }\n");
    }
    text.push_str("}\n");
    text
}

/// The instances of the cells of a hall: one array, so that its cells differ by number only.
pub(crate) fn instance(plant: &Plant, hall: u32) -> String {
    let cells: Vec<_> = plant.of(Place::Cell).filter(|cell| cell.hall() == hall).collect();
    let Some(first) = cells.first() else { return String::new() };
    let at = first.index - 1;
    let mut text = format!("instance cell[1..{}] : machine_cell(\n", cells.len());
    text.push_str(&format!("    number = {} + index,\n    home = process,\n", first.number - 1));
    text.push_str(&format!("    subnet = 10.16.0.0/12.subnet(24, {at} + index - 1),\n"));
    text.push_str(&format!("    uplink = backbone.host({} + index),\n", first.index + 1));
    let devices: Vec<_> =
        plant.devices[first.devices.start as usize..first.devices.end as usize].iter().collect();
    for class in CELL {
        let count = devices.iter().filter(|device| device.class.stem == class.stem).count();
        text.push_str(&format!("    {}s = {count},\n", class.stem));
    }
    text.push_str(")\n");
    text
}
