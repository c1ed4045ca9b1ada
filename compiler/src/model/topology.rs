//! Segments and the gateways that join them; addresses in their place.

use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use weir_syntax::{Diagnostic, FileId, Span, diagnostic::codes};

use super::{
    Gateway, GatewayId, Interface, Model, Segment, SegmentId, SegmentKind, StaticRoute, Typed, Unbuilt,
    bridges::PortDraft,
    build::{attribute_place, entity_block},
    principals::{Values, values_of},
    read_block,
};
use crate::{
    names::{EntityId, Kind, Universe, schema},
    plan::AddressSet,
};

pub(super) fn segments(universe: &Universe<'_>, model: &mut Model, diagnostics: &mut Vec<Diagnostic>) {
    for kind in [Kind::Network, Kind::Slice, Kind::Cluster] {
        for entity in universe.entities_of(kind) {
            segment(universe, entity, kind, model, diagnostics);
        }
    }
    overlaps(universe, model, diagnostics);
    slices_apart(universe, model, diagnostics);
}

fn segment(
    universe: &Universe<'_>,
    entity: EntityId,
    kind: Kind,
    model: &mut Model,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut segment = Segment {
        entity,
        kind: match kind {
            Kind::Slice => SegmentKind::Slice,
            Kind::Cluster => SegmentKind::Pods,
            _ => SegmentKind::Network,
        },
        name: universe.path(entity),
        zone: None,
        prefixes: Vec::new(),
        addresses: AddressSet::default(),
        unread: false,
        isolated: false,
        accept_gap: None,
        admission: None,
    };
    for (name, typed) in entity_block(universe, entity, diagnostics) {
        match (name, typed) {
            ("zone", Typed::References(list)) => {
                segment.zone = list.first().and_then(|(zone, _)| model.zone_of.get(zone).copied());
            }
            ("subnet" | "pool" | "pods", Typed::Prefixes(prefixes)) => segment.prefixes = prefixes,
            // an isolated slice is one without flows in or out; its UEs still meet inside of the UPF
            ("isolated", Typed::Boolean(isolated)) if kind == Kind::Network => segment.isolated = isolated,
            ("accept_gap", Typed::Text(reason)) => segment.accept_gap = Some(reason),
            ("admission", Typed::Word(word)) => segment.admission = Some(word),
            _ => {}
        }
    }
    let prefix_attribute = prefix_attribute(segment.kind);
    segment.unread = segment.prefixes.is_empty() && universe.attribute(entity, prefix_attribute).is_some();
    segment.addresses = segment.prefixes.iter().map(|net| (net.network(), net.broadcast())).collect();
    if kind == Kind::Slice {
        segment.admission = Some("sim");
    }
    model.segment_of.insert(entity, SegmentId(model.segments.len() as u32));
    model.segments.push(segment);
}

/// No two segments share an address: a packet's address has to say where it belongs.
fn overlaps(universe: &Universe<'_>, model: &Model, diagnostics: &mut Vec<Diagnostic>) {
    let mut prefixes: Vec<(ipnet::IpNet, usize)> = Vec::new();
    for (index, segment) in model.segments.iter().enumerate() {
        prefixes.extend(segment.prefixes.iter().map(|net| (*net, index)));
    }
    prefixes.sort_unstable_by_key(|(net, index)| (net.network(), net.prefix_len(), *index));
    let mut open: Option<(ipnet::IpNet, usize)> = None;
    for (net, index) in prefixes {
        if let Some((around, owner)) = open.filter(|(around, _)| around.contains(&net)) {
            let (file, span) = prefix_place(universe, &model.segments[index]);
            let (other_file, other_span) = prefix_place(universe, &model.segments[owner]);
            diagnostics.push(
                Diagnostic::new(
                    &codes::E0403,
                    format!(
                        "`{}` of `{}` overlaps `{around}` of `{}`",
                        net, model.segments[index].name, model.segments[owner].name
                    ),
                )
                .primary(file, span, "these addresses")
                .secondary(other_file, other_span, "are here too")
                .help("give each segment addresses of its own"),
            );
        } else {
            open = Some((net, index));
        }
    }
}

fn prefix_place(universe: &Universe<'_>, segment: &Segment) -> (FileId, Span) {
    attribute_place(universe, segment.entity, prefix_attribute(segment.kind))
}

fn prefix_attribute(kind: SegmentKind) -> &'static str {
    match kind {
        SegmentKind::Network => "subnet",
        SegmentKind::Slice => "pool",
        SegmentKind::Pods => "pods",
    }
}

/// Slices of one core are told apart by their S-NSSAI, and on Open5GS by their DNN.
fn slices_apart(universe: &Universe<'_>, _model: &Model, diagnostics: &mut Vec<Diagnostic>) {
    let mut seen: FxHashMap<(EntityId, String), EntityId> = FxHashMap::default();
    for entity in universe.entities_of(Kind::Slice) {
        let scope = universe.scope(entity, None);
        let Some(core) = universe.attribute(entity, "core") else { continue };
        let Ok((core, _)) = universe.reference(&core.value, &[Kind::Core], scope) else { continue };
        for (name, kind) in [("snssai", schema::Type::Snssai), ("dnn", schema::Type::Text)] {
            let Some(attribute) = universe.attribute(entity, name) else { continue };
            let key = match universe.typed(&attribute.value, kind, scope) {
                Ok(Typed::Snssai(sst, sd)) => format!("S-NSSAI {sst}/{:06x}", sd.unwrap_or(0xff_ffff)),
                Ok(Typed::Text(dnn)) => format!("DNN {dnn}"),
                _ => continue,
            };
            if let Some(earlier) = seen.insert((core, key.clone()), entity) {
                let (file, span) = attribute_place(universe, earlier, name);
                diagnostics.push(
                    Diagnostic::new(&codes::E0408, format!("two slices of one core have {key}"))
                        .primary(scope.file, attribute.value.span, "the same again")
                        .secondary(file, span, "first here")
                        .help("cores choose session management and pool by these: give each slice its own"),
                );
            }
        }
    }
}

/// What is read of gateways and needed when there are principals.
#[derive(Default)]
pub(super) struct GatewaysRead<'a> {
    /// Who stands behind them is known later.
    pub(super) ports: Vec<PortDraft<'a>>,
    pub(super) values: FxHashMap<EntityId, Values<'a>>,
}

pub(super) fn gateways<'a>(
    universe: &Universe<'a>,
    model: &mut Model,
    diagnostics: &mut Vec<Diagnostic>,
) -> GatewaysRead<'a> {
    let mut read = GatewaysRead::default();
    for entity in universe.entities_of(Kind::Gateway) {
        let mut gateway = Gateway {
            entity,
            name: universe.path(entity),
            principal: None,
            enforces: Vec::new(),
            interfaces: Vec::new(),
            masquerade: Vec::new(),
            transparent: false,
            routes: Vec::new(),
        };
        let values = values_of(universe, entity, diagnostics);
        for (name, typed) in &values {
            match (name.as_str(), &**typed) {
                ("enforces", Typed::Words(words)) => gateway.enforces.clone_from(words),
                ("masquerade", Typed::References(list)) => {
                    gateway.masquerade =
                        list.iter().filter_map(|(e, _)| model.segment_of.get(e).copied()).collect();
                }
                ("transparent", Typed::Boolean(value)) => gateway.transparent = *value,
                _ => {}
            }
        }
        takes_what_it_holds(universe, &gateway, diagnostics);
        read.values.insert(entity, values);
        interfaces(universe, &mut gateway, model, &mut read.ports, diagnostics);
        routes(universe, &mut gateway, model, diagnostics);
        let (file, span) = universe.name_span(entity);
        for word in gateway
            .enforces
            .iter()
            .filter(|word| !matches!(**word, "nftables" | "envoy" | "modbus" | "mosquitto"))
        {
            let what = match *word {
                "upf" => continue,
                other => format!("a configuration for `{other}`"),
            };
            model.unbuilt.push(Unbuilt { what, file, span });
        }
        model.gateway_of.insert(entity, GatewayId(model.gateways.len() as u32));
        model.gateways.push(gateway);
    }
    user_planes(universe, model, diagnostics);
    nodes(universe, model);
    read
}

/// A packet filter takes connections, for a point that reads them: one host has to be both.
fn takes_what_it_holds(universe: &Universe<'_>, gateway: &Gateway, diagnostics: &mut Vec<Diagnostic>) {
    let lacks = |word: &&'static str| !gateway.enforces.contains(word);
    let Some(missing) = ["nftables", "modbus"].into_iter().find(lacks).filter(|_| gateway.transparent) else {
        return;
    };
    let (file, span) = attribute_place(universe, gateway.entity, "transparent");
    diagnostics.push(
        Diagnostic::new(&codes::E0608, format!("`{}` cannot be transparent without `{missing}`", gateway.name))
            .primary(file, span, "its packet filter takes connections, and its Modbus gateway reads them")
            .help("write `enforces = [nftables, modbus]`, or leave `transparent` out: clients then connect to the gateway itself"),
    );
}

fn interfaces<'a>(
    universe: &Universe<'a>,
    gateway: &mut Gateway,
    model: &Model,
    ports: &mut Vec<PortDraft<'a>>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let own_ports = ports.len();
    let scope = universe.scope(gateway.entity, None);
    let block = &schema::of(Kind::Gateway).blocks[0];
    for inner in universe.blocks(gateway.entity, "interface") {
        let name = inner.name.text.clone();
        let mut interface = Interface {
            device: name.clone(),
            name,
            segment: SegmentId(u32::MAX),
            addresses: AddressSet::default(),
            span: inner.name.span,
        };
        let (mut bridge, mut stations) = (None, None);
        for (name, typed) in read_block(universe, inner, block.attributes, scope, diagnostics) {
            match (name, typed) {
                ("network", Typed::References(list)) => {
                    if let Some(segment) = list.first().and_then(|(e, _)| model.segment_of.get(e)) {
                        interface.segment = *segment;
                    }
                }
                ("address", Typed::Addresses(ranges)) => interface.addresses = ranges.into_iter().collect(),
                ("device", Typed::Text(device)) => interface.device = device,
                ("bridge", Typed::Text(device)) => bridge = Some(device),
                ("stations", Typed::Expression(expr, scope)) => stations = Some((expr, scope)),
                _ => {}
            }
        }
        let usable =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'@' | b':');
        let unusable =
            |device: &&SmolStr| device.is_empty() || device.len() > 15 || !device.bytes().all(usable);
        if let Some(device) = std::iter::once(&interface.device).chain(&bridge).find(unusable) {
            diagnostics.push(
                Diagnostic::new(&codes::E0405, format!("`{}` cannot be an interface's name on a host", device.escape_debug()))
                    .primary(scope.file, inner.name.span, "not usable")
                    .help("a Linux interface has 1 to 15 letters, digits, `_`, `-`, `.`, `@` or `:`; give it with `device = \"eth0.10\"`"),
            );
            continue;
        }
        let others = gateway.interfaces.iter().map(|other| (&other.name, &other.device, other.span));
        let port_names = ports[own_ports..].iter().map(|port| (&port.name, &port.device, port.span));
        let mut others = others.chain(port_names);
        let twin = others.find(|(name, device, _)| **device == interface.device && **name != interface.name);
        if let Some((_, _, twin)) = twin {
            diagnostics.push(
                Diagnostic::new(
                    &codes::E0405,
                    format!("two interfaces are `{}` on the host", interface.device),
                )
                .primary(scope.file, inner.name.span, "again here")
                .secondary(scope.file, twin, "first here")
                .help("give each its own `device`"),
            );
        }
        if interface.segment.0 == u32::MAX {
            continue;
        }
        let not_a_port = |message: String, help: String| {
            Diagnostic::new(&codes::E0410, message)
                .primary(scope.file, inner.name.span, "this interface")
                .help(help)
        };
        match bridge {
            None if stations.is_some() => diagnostics.push(not_a_port(
                format!("`{}` has stations, but belongs to no bridge", interface.name),
                "add `bridge = \"br0\"`, or remove `stations`".into(),
            )),
            None => gateway.interfaces.push(interface),
            Some(bridge) if !interface.addresses.is_empty() => diagnostics.push(not_a_port(
                format!("`{}` is a port of `{bridge}` and has an address of its own", interface.name),
                format!("a port has none: give the address to the bridge itself, as `interface {bridge} {{ network = …  address = … }}`"),
            )),
            Some(bridge) => ports.push(PortDraft {
                gateway: GatewayId(model.gateways.len() as u32),
                bridge,
                name: interface.name,
                device: interface.device,
                segment: interface.segment,
                stations,
                file: scope.file,
                span: inner.name.span,
            }),
        }
    }
    let none = universe.blocks(gateway.entity, "interface").next().is_none();
    if none && !gateway.enforces.contains(&"upf") {
        let (file, span) = universe.name_span(gateway.entity);
        diagnostics.push(
            Diagnostic::new(&codes::E0409, format!("gateway `{}` has no interface", gateway.name))
                .primary(file, span, "joins nothing")
                .help("add `interface lan0 { network = some_network  address = 10.0.0.1 }`"),
        );
    }
}

fn routes(universe: &Universe<'_>, gateway: &mut Gateway, model: &Model, diagnostics: &mut Vec<Diagnostic>) {
    let scope = universe.scope(gateway.entity, None);
    let block = &schema::of(Kind::Gateway).blocks[1];
    for inner in universe.blocks(gateway.entity, "route") {
        let (mut to, mut via) = (Vec::new(), None);
        for (name, typed) in read_block(universe, inner, block.attributes, scope, diagnostics) {
            match (name, typed) {
                ("to", Typed::Prefixes(prefixes)) => to = prefixes,
                ("via", Typed::Address(address)) => via = Some(address),
                _ => {}
            }
        }
        let Some(via) = via else { continue };
        let mut attached = gateway.interfaces.iter().map(|interface| model.segment(interface.segment));
        if !attached.any(|segment| segment.addresses.contains(via)) {
            diagnostics.push(
                Diagnostic::new(
                    &codes::E0401,
                    format!("the next hop `{via}` is on none of the gateway's networks"),
                )
                .primary(scope.file, inner.name.span, "cannot be reached")
                .help("a next hop is an address in the subnet of one of the gateway's interfaces"),
            );
            continue;
        }
        gateway.routes.push(StaticRoute { to, via, span: inner.name.span });
    }
}

/// The gateway that is a slice's UPF stands on the slice, whether it names an interface for it or not.
fn user_planes(universe: &Universe<'_>, model: &mut Model, diagnostics: &mut Vec<Diagnostic>) {
    for entity in universe.entities_of(Kind::Slice) {
        let scope = universe.scope(entity, None);
        let Some(attribute) = universe.attribute(entity, "user_plane") else { continue };
        let Ok(Typed::UserPlane { gateway, .. }) =
            universe.typed(&attribute.value, schema::Type::UserPlane, scope)
        else {
            continue;
        };
        let (Some(gateway), Some(segment)) = (model.gateway_of.get(&gateway), model.segment_of.get(&entity))
        else {
            continue;
        };
        let (gateway, segment) = (*gateway, *segment);
        let upf = &mut model.gateways[gateway.index()];
        if !upf.enforces.contains(&"upf") {
            let (file, span) = universe.name_span(upf.entity);
            diagnostics.push(
                Diagnostic::new(&codes::E0603, format!("`{}` is no UPF", upf.name))
                    .primary(scope.file, attribute.value.span, "a user plane needs a UPF")
                    .secondary(file, span, "declared here")
                    .help("write `enforces = [upf, nftables]` in the gateway"),
            );
            continue;
        }
        if upf.interfaces.iter().any(|interface| interface.segment == segment) {
            continue;
        }
        let device = SmolStr::from(format!("ogs{}", universe.entity(entity).declaration.name.text));
        if device.len() > 15 || upf.interfaces.iter().any(|interface| interface.device == device) {
            diagnostics.push(
                Diagnostic::new(
                    &codes::E0405,
                    format!("`{device}` cannot be the slice's tunnel interface on `{}`", upf.name),
                )
                .primary(scope.file, attribute.value.span, "the name is too long, or taken")
                .help(format!(
                    "name it in the gateway: `interface ogsx {{ network = {} }}`",
                    universe.entity(entity).declaration.name.text
                )),
            );
            continue;
        }
        upf.interfaces.push(Interface {
            name: device.clone(),
            device,
            segment,
            addresses: AddressSet::default(),
            span: attribute.value.span,
        });
    }
}

/// A cluster's nodes forward between its pods and the nodes' network.
fn nodes(universe: &Universe<'_>, model: &mut Model) {
    for entity in universe.entities_of(Kind::Cluster) {
        let scope = universe.scope(entity, None);
        let Some(pods) = model.segment_of.get(&entity).copied() else { continue };
        let network = universe
            .attribute(entity, "nodes")
            .and_then(|a| universe.reference(&a.value, &[Kind::Network], scope).ok());
        let Some(network) = network.and_then(|(network, _)| model.segment_of.get(&network).copied()) else {
            continue;
        };
        let masquerades = universe
            .attribute(entity, "egress")
            .is_some_and(|a| a.value.as_word().is_some_and(|word| word.text == "masquerade"));
        let (_, span) = universe.name_span(entity);
        let interface = |name: &'static str, segment| Interface {
            name: SmolStr::new_static(name),
            device: SmolStr::new_static(name),
            segment,
            addresses: AddressSet::default(),
            span,
        };
        model.gateway_of.insert(entity, GatewayId(model.gateways.len() as u32));
        model.gateways.push(Gateway {
            entity,
            name: universe.path(entity),
            principal: None,
            enforces: vec!["kubernetes"],
            interfaces: vec![interface("pods", pods), interface("nodes", network)],
            masquerade: if masquerades { vec![network] } else { Vec::new() },
            transparent: false,
            routes: Vec::new(),
        });
    }
}

/// Each address lies in its segment, belongs to one principal, and is a host's.
pub(super) fn check_addresses(universe: &Universe<'_>, model: &Model, diagnostics: &mut Vec<Diagnostic>) {
    let mut v4: Vec<(u32, u32, u32)> = Vec::new();
    let mut v6: Vec<(u128, u128, u32)> = Vec::new();
    for (index, principal) in model.principals.iter().enumerate() {
        if !matches!(principal.kind, super::PrincipalKind::Device | super::PrincipalKind::Gateway) {
            continue;
        }
        for attachment in &principal.attachments {
            v4.extend(attachment.addresses.v4.iter().map(|(first, last)| (first, last, index as u32)));
            v6.extend(attachment.addresses.v6.iter().map(|(first, last)| (first, last, index as u32)));
            let segment = model.segment(attachment.segment);
            reserved(universe, principal, attachment, segment, diagnostics);
        }
    }
    credentials(universe, model, diagnostics);
    exclusive(universe, model, diagnostics);
    v4.sort_unstable();
    v6.sort_unstable();
    let mut twice = |first: std::net::IpAddr, owner: u32, other: u32| {
        let (a, b) = (model.principal(owner), model.principal(other));
        let help = if a.entity == b.entity {
            "the elements of an array count by `index`: `some_network.host(20 + index)`"
        } else {
            "give each its own address: by it, an enforcement point knows who is speaking"
        };
        let (file, span) = attribute_place(universe, b.entity, "address");
        let (other_file, other_span) = attribute_place(universe, a.entity, "address");
        diagnostics.push(
            Diagnostic::new(&codes::E0402, format!("`{first}` belongs to `{}` and to `{}`", a.name, b.name))
                .primary(file, span, format!("of `{}`", b.name))
                .secondary(other_file, other_span, format!("of `{}`", a.name))
                .help(help),
        );
    };
    for pair in v4.windows(2) {
        if pair[1].0 <= pair[0].1 {
            twice(std::net::Ipv4Addr::from_bits(pair[1].0).into(), pair[0].2, pair[1].2);
        }
    }
    for pair in v6.windows(2) {
        if pair[1].0 <= pair[0].1 {
            twice(std::net::Ipv6Addr::from_bits(pair[1].0).into(), pair[0].2, pair[1].2);
        }
    }
}

/// No device stands on two slices of which one is `exclusive_with` the other.
fn exclusive(universe: &Universe<'_>, model: &Model, diagnostics: &mut Vec<Diagnostic>) {
    for (index, segment) in model.segments.iter().enumerate() {
        let Some(attribute) = universe.attribute(segment.entity, "exclusive_with") else { continue };
        let scope = universe.scope(segment.entity, None);
        let Ok(Typed::References(others)) =
            universe.typed(&attribute.value, schema::Type::References(&[Kind::Slice]), scope)
        else {
            continue;
        };
        let others: Vec<SegmentId> =
            others.iter().filter_map(|(slice, _)| model.segment_of.get(slice).copied()).collect();
        let stands_on = |principal: &super::Principal, slice: SegmentId| {
            principal.attachments.iter().any(|attachment| attachment.segment == slice)
        };
        let own = SegmentId(index as u32);
        for principal in model
            .principals
            .iter()
            .filter(|principal| principal.kind == super::PrincipalKind::Device && stands_on(principal, own))
        {
            for other in others.iter().filter(|other| stands_on(principal, **other)) {
                let (file, span) = attribute_place(universe, principal.entity, "slice");
                let other = &model.segment(*other).name;
                diagnostics.push(
                    Diagnostic::new(
                        &codes::E0408,
                        format!("`{}` is in `{}` and in `{other}`", principal.name, segment.name),
                    )
                    .primary(file, span, "in both")
                    .secondary(scope.file, attribute.span, "declared exclusive")
                    .help("give it one of the two slices, or two SIMs as two devices"),
                );
            }
        }
    }
}

/// A MAC address on one segment, and a SUPI anywhere, belong to one device.
fn credentials(universe: &Universe<'_>, model: &Model, diagnostics: &mut Vec<Diagnostic>) {
    let mut seen: FxHashMap<String, u32> = FxHashMap::default();
    for (index, principal) in model.principals.iter().enumerate() {
        let supi = principal.details.identity.as_ref().and_then(|identity| identity.part("supi"));
        let mac = principal.mac.map(|mac| mac.map(|byte| format!("{byte:02x}")).join(":"));
        let macs = principal.attachments.iter().filter_map(|at| {
            mac.as_ref()
                .map(|mac| (format!("MAC address {mac}"), format!("{mac} on {}", at.segment.0), "mac"))
        });
        let supis = supi.map(|supi| (format!("SUPI {supi}"), supi.to_owned(), "identity"));
        for (what, key, attribute) in macs.chain(supis) {
            let Some(earlier) = seen.insert(key, index as u32) else { continue };
            let other = model.principal(earlier);
            let (file, span) = attribute_place(universe, principal.entity, attribute);
            let (other_file, other_span) = attribute_place(universe, other.entity, attribute);
            diagnostics.push(
                Diagnostic::new(
                    &codes::E0406,
                    format!("`{}` and `{}` have the same {what}", other.name, principal.name),
                )
                .primary(file, span, format!("of `{}`", principal.name))
                .secondary(other_file, other_span, format!("of `{}`", other.name))
                .help("what proves who a device is can prove one only: give each its own"),
            );
        }
    }
}

fn reserved(
    universe: &Universe<'_>,
    principal: &super::Principal,
    attachment: &super::Attachment,
    segment: &Segment,
    diagnostics: &mut Vec<Diagnostic>,
) {
    for net in segment.prefixes.iter().filter(|net| net.network().is_ipv4() && net.prefix_len() <= 30) {
        for (address, what) in [(net.network(), "network"), (net.broadcast(), "broadcast")] {
            if attachment.addresses.contains(address) {
                let (file, span) = attribute_place(universe, principal.entity, "address");
                diagnostics.push(
                    Diagnostic::new(
                        &codes::E0404,
                        format!("`{address}` is the {what} address of `{}`", segment.name),
                    )
                    .primary(file, span, format!("no host of `{net}` can have it"))
                    .help("choose an address between the two"),
                );
            }
        }
    }
}
