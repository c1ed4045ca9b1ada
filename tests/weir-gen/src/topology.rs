//! The declarations of a plant: classes, networks, gateways, devices.

use std::fmt::Write as _;

use crate::{
    classes::{CELL, Class, OFFICE, ROOM},
    plant::{Network, Place, Plant},
    services::{OWN, SSH, own_port},
    template,
    text::{FileText, PER_FILE},
};

type Files = Vec<(String, String)>;

/// All files but conduits and policies. `template_rules` is the number of rules in the template of a cell.
pub(crate) fn files(plant: &Plant, template_rules: u32) -> Files {
    let mut files = vec![
        ("plant.weir".into(), root(plant)),
        ("classes.weir".into(), classes()),
        ("protocols.weir".into(), protocols()),
    ];
    if plant.template {
        files.push(("cell.weir".into(), template::text(template_rules)));
    }
    for hall in 1..=plant.halls {
        let folder = format!("halls/hall_{hall:02}");
        let cells: Vec<&Network> = plant.of(Place::Cell).filter(|cell| cell.hall() == hall).collect();
        files.push((format!("{folder}/hall.weir"), hall_file(plant, hall, &cells)));
        if !plant.template {
            devices(plant, &folder, "cells", &cells, &mut files);
        }
    }
    for (place, folder, stem) in [(Place::Room, "rooms", "servers"), (Place::Office, "offices", "desks")] {
        let networks: Vec<&Network> = plant.of(place).collect();
        let mut file = FileText::new("Networks and gateways.");
        for network in &networks {
            segment(&mut file, network);
        }
        gateways(&mut file, &networks);
        files.push((format!("{folder}/{folder}.weir"), file.finish()));
        devices(plant, folder, stem, &networks, &mut files);
    }
    files
}

fn root(plant: &Plant) -> String {
    let mut file = FileText::new("The plant: zones, the backbone, administration.");
    file.service(SSH);
    file.uses("std.devices", "AdminStation");
    file.push(
        "/// All halls; each is a zone inside of it.\nzone production { purdue = 1, target_level = SL1 }\n\n\
         /// Servers.\nzone operations { purdue = 3, target_level = SL1 }\n\n\
         /// Desks.\nzone office { purdue = 4, target_level = SL1 }\n\n\
         /// Administration of gateways.\nzone management { purdue = 3, target_level = SL2 }\n\n\
         /// What joins all networks.\nzone transport { purdue = 3, target_level = SL2 }\n\n\
         /// Gateways only.\nnetwork backbone {\n    zone = transport\n    subnet = 10.0.0.0/16\n    medium = fibre\n    \
         accept_gap = \"a transit network: each station is a gateway and guards itself\"\n}\n\n\
         /// Administration.\nnetwork admin_net {\n    zone = management\n    subnet = 10.1.0.0/24\n    admission = dot1x\n    \
         accept_gap = \"stations administered alike\"\n}\n\n\
         gateway gw_admin {\n    enforces = nftables\n    serves = [ssh]\n    \
         interface lan0 { network = admin_net, address = 10.1.0.1 }\n    \
         interface up0 { network = backbone, address = 10.0.0.2 }\n}\n\n\
         device admin[1..2] : AdminStation { network = admin_net, address = admin_net.host(10 + index) }\n\n\
         group everyone = production | operations | office\n\n",
    );
    let mut all: Vec<String> =
        (1..=plant.halls).map(|hall| format!("halls.hall_{hall:02}.gateways")).collect();
    all.extend(["rooms.gateways".into(), "offices.gateways".into()]);
    file.push(&format!("group all_gateways =\n    gw_admin\n        | {}\n", all.join("\n        | ")));
    file.finish()
}

fn classes() -> String {
    let mut file = FileText::new("What stands in the plant.");
    for class in CELL.iter().chain(ROOM).chain(OFFICE) {
        file.uses("std.devices", class.base);
        let serves: Vec<&str> = class.serves.iter().map(|service| file.service(*service)).collect();
        let mut text = format!("/// {}\nclass {} : {} {{\n", class.documentation, class.name, class.base);
        let _ = write!(text, "    vendor = \"{}\"\n    integrity = field\n", class.vendor);
        if !serves.is_empty() {
            let _ = writeln!(text, "    serves = [{}]", serves.join(", "));
        }
        text.push_str("}\n\n");
        file.push(&text);
    }
    file.finish()
}

fn protocols() -> String {
    let mut file = FileText::new("Protocols of the plant's own applications.");
    for (index, name) in OWN.iter().enumerate() {
        file.push(&format!("protocol {name} {{\n    transport = tcp/{}\n", own_port(index)));
        file.push("    operation publish { effect = publish }\n}\n\n");
    }
    file.finish()
}

fn hall_file(plant: &Plant, hall: u32, cells: &[&Network]) -> String {
    let mut file = FileText::new(format!("Hall {hall}: its zone, the networks and gateways of its cells."));
    file.push(&format!(
        "/// Hall {hall}.\nzone process {{ purdue = 1, target_level = SL1, parent = production }}\n\n\
         /// All controllers of the hall.\ngroup controllers = CellPlc & process\n\n"
    ));
    if plant.template {
        file.push("group gateways = cell.gw\n\n");
        file.push(&template::instance(plant, hall));
    } else {
        for cell in cells {
            segment(&mut file, cell);
        }
        gateways(&mut file, cells);
    }
    file.finish()
}

/// A network and its gateway.
fn segment(file: &mut FileText, network: &Network) {
    file.service(SSH);
    let name = network.name();
    file.push(&format!(
        "network {name} {{\n    zone = {}\n    subnet = {}/24\n",
        network.zone(),
        network.address(0)
    ));
    file.push("    accept_gap = \"stations of one team, kept alike\"\n}\n\n");
    file.push(&format!("gateway gw_{name} {{\n    enforces = nftables\n    serves = [ssh]\n"));
    file.push(&format!("    interface lan0 {{ network = {name}, address = {} }}\n", network.address(1)));
    file.push(&format!("    interface up0 {{ network = backbone, address = {} }}\n}}\n\n", network.uplink()));
}

fn gateways(file: &mut FileText, networks: &[&Network]) {
    let names: Vec<String> = networks.iter().map(|network| format!("gw_{}", network.name())).collect();
    file.push(&format!("group gateways =\n    {}\n", names.join("\n        | ")));
}

/// The devices of some networks, in files of about [`PER_FILE`].
fn devices(plant: &Plant, folder: &str, stem: &str, networks: &[&Network], files: &mut Files) {
    let mut file = FileText::default();
    let mut declared = 0;
    let mut number = 0;
    for network in networks {
        if declared == 0 {
            file = FileText::new(format!("Devices from network {} on.", network.name()));
        }
        for id in network.devices.clone() {
            if plant.devices[id as usize].element.0 == 1 {
                device(plant, network, id, &mut file);
                declared += 1;
            }
        }
        let is_last = networks.last().is_some_and(|last| last.index == network.index);
        if is_last || declared >= PER_FILE * 3 / 4 {
            number += 1;
            files.push((format!("{folder}/{stem}_{number}.weir"), std::mem::take(&mut file).finish()));
            declared = 0;
        }
    }
}

fn device(plant: &Plant, network: &Network, id: u32, file: &mut FileText) {
    let device = &plant.devices[id as usize];
    let Class { name: class, serves: of_class, .. } = device.class;
    let name = plant.declared_name(id);
    let segment = network.name();
    let (_, count) = device.element;
    if count > 1 {
        let first = device.host - 1;
        file.push(&format!(
            "device {name}[1..{count}] : {class} {{ network = {segment}, address = {segment}.host({first} + index) }}\n"
        ));
        return;
    }
    let address = network.address(device.host);
    if device.extra.is_empty() && !device.has_mac {
        file.push(&format!("device {name} : {class} {{ network = {segment}, address = {address} }}\n"));
        return;
    }
    let mut text = format!("device {name} : {class} {{\n    network = {segment}\n    address = {address}\n");
    if device.has_mac {
        let [_, a, b, c] = id.to_be_bytes();
        let _ = writeln!(text, "    mac = 02:5e:00:{a:02x}:{b:02x}:{c:02x}");
    }
    if !device.extra.is_empty() {
        let all = of_class.iter().chain(&device.extra);
        let names: Vec<&str> = all.map(|service| file.service(*service)).collect();
        let _ = writeln!(text, "    serves = [{}]", names.join(", "));
    }
    text.push_str("}\n");
    file.push(&text);
}
