//! Devices, workloads, gateways and roles become principals: array elements one each, at their places.

use std::{net::IpAddr, sync::Arc};

use rustc_hash::FxHashMap;
use smol_str::{SmolStr, ToSmolStr, format_smolstr};
use weir_syntax::{Diagnostic, FileId, Span, diagnostic::codes};

use super::{
    Attachment, Details, Model, Principal, PrincipalId, PrincipalKind, SegmentId, Service, Typed, Unbuilt,
    ZoneId,
    build::{attribute_place, entity_block},
    classes::{Class, Classes, read_attribute},
};
use crate::{
    names::{EntityId, Kind, Universe, mentions_index},
    plan::AddressSet,
};

pub(super) fn build<'a>(
    universe: &Universe<'a>,
    classes: &Classes<'a>,
    gateways: &FxHashMap<EntityId, Values<'a>>,
    model: &mut Model,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let none = Class::default();
    for (index, entity) in universe.entities.iter().enumerate() {
        let id = EntityId(index as u32);
        let first = model.principals.len() as u32;
        match entity.kind {
            Kind::Device => device(universe, id, classes, &none, model, diagnostics),
            Kind::Workload => workload(universe, id, model, diagnostics),
            Kind::Gateway => gateway(universe, id, gateways, model, diagnostics),
            Kind::Role => role(universe, id, model, diagnostics),
            _ => continue,
        }
        model.principals_of.insert(id, (first, model.principals.len() as u32 - first));
    }
}

pub(super) type Values<'a> = Vec<(SmolStr, Arc<Typed<'a>>)>;

/// The attributes of a declaration without a class.
pub(super) fn values_of<'a>(
    universe: &Universe<'a>,
    id: EntityId,
    diagnostics: &mut Vec<Diagnostic>,
) -> Values<'a> {
    let block = entity_block(universe, id, diagnostics);
    block.into_iter().map(|(name, typed)| (SmolStr::new_static(name), Arc::new(typed))).collect()
}

fn device<'a>(
    universe: &Universe<'a>,
    id: EntityId,
    classes: &Classes<'a>,
    none: &Class<'a>,
    model: &mut Model,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let entity = universe.entity(id);
    let class_id = entity.declaration.class.as_ref().and_then(|class| {
        let found = universe.reference(class, &[Kind::Class], universe.scope(id, None));
        found.map_err(|diagnostic| diagnostics.push(*diagnostic)).ok().map(|(class, _)| class)
    });
    let class = class_id.and_then(|class| classes.get(&class)).unwrap_or(none);
    let own: Vec<_> = entity.declaration.body.iter().flat_map(weir_syntax::ast::Block::attributes).collect();
    let mut shared: Values<'a> = Vec::new();
    let mut varying = Vec::new();
    for attribute in own {
        if entity.elements.is_some() && mentions_index(&attribute.value) {
            varying.push(attribute);
            continue;
        }
        match read_attribute(universe, attribute, class, universe.scope(id, None)) {
            Ok(typed) => shared.push((attribute.name.text.clone(), Arc::new(typed))),
            Err(diagnostic) => diagnostics.push(*diagnostic),
        }
    }
    let given = |name: &str| class.values.contains_key(name) || universe.attribute(id, name).is_some();
    let mut missing: Vec<&SmolStr> = class
        .declared
        .iter()
        .filter(|(name, (_, required))| *required && !given(name))
        .map(|(name, _)| name)
        .collect();
    missing.sort_unstable();
    if let Some(first) = missing.first() {
        let (file, span) = universe.name_span(id);
        let list = missing.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        diagnostics.push(
            Diagnostic::new(
                &codes::E0209,
                format!("`{}` lacks {list}, which its class requires", universe.path(id)),
            )
            .primary(file, span, "incomplete")
            .help(format!("add `{first} = …`")),
        );
    }
    let mut inherited: Vec<_> = class.values.iter().collect();
    inherited.sort_unstable_by_key(|(name, _)| *name);
    for (name, value) in inherited {
        if !shared.iter().any(|(own, _)| own == name) && !varying.iter().any(|own| own.name.text == *name) {
            shared.push((name.clone(), value.clone()));
        }
    }
    shared.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    let details = Arc::new(details_of(universe, model, &shared, class_id, diagnostics));
    report_unbuilt(universe, id, &details, model);
    let path = universe.path(id);
    for element in 1..=entity.elements.unwrap_or(1) {
        let index = entity.elements.map(|_| element);
        let mut values = shared.clone();
        for attribute in &varying {
            match read_attribute(universe, attribute, class, universe.scope(id, index)) {
                Ok(typed) => values.push((attribute.name.text.clone(), Arc::new(typed))),
                Err(diagnostic) => diagnostics.push(*diagnostic),
            }
        }
        let details = if varying.is_empty() {
            details.clone()
        } else {
            share(&details, details_of(universe, model, &values, class_id, diagnostics))
        };
        let name = match index {
            Some(index) => format_smolstr!("{path}[{index}]"),
            None => path.to_smolstr(),
        };
        let principal = place(universe, id, index, name, &values, details, model, diagnostics);
        model.principals.push(principal);
    }
}

/// The shared details again, where an element's are the same.
fn share(shared: &Arc<Details>, own: Details) -> Arc<Details> {
    if **shared == own { shared.clone() } else { Arc::new(own) }
}

fn details_of(
    universe: &Universe<'_>,
    model: &Model,
    values: &Values<'_>,
    class: Option<EntityId>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Details {
    let mut details = Details { class, ..Details::default() };
    for (name, value) in values {
        match (name.as_str(), &**value) {
            ("serves", Typed::Serves(serves)) => details.serves = Some(serves.clone()),
            ("enforces", Typed::Words(words)) => details.enforces.clone_from(words),
            ("identity", Typed::Identity(identity)) => details.identity = Some(identity.clone()),
            ("integrity", Typed::Integrity(integrity)) => details.integrity = Some(*integrity),
            ("endorses", Typed::Endorsement(from, to)) => details.endorses = Some((*from, *to)),
            ("requires", Typed::Assurance(assurance)) => details.requires = *assurance,
            ("safe", Typed::Expression(expr, scope)) => {
                match model.protocols.services(universe, expr, *scope) {
                    Ok(services) => {
                        diagnostics.extend(no_command(model, &services, scope.file, expr.span));
                        details.safe = Some(services.into());
                    }
                    Err(diagnostic) => diagnostics.push(*diagnostic),
                }
            }
            (name, Typed::Text(text)) => details.texts.push((name.into(), text.clone())),
            (name, Typed::Word(word)) => details.texts.push((name.into(), SmolStr::new_static(word))),
            (name, Typed::Integer(number)) => details.texts.push((name.into(), number.to_smolstr())),
            (name, Typed::Boolean(boolean)) => details.texts.push((name.into(), boolean.to_smolstr())),
            _ => {}
        }
    }
    details.texts.sort_unstable();
    details
}

/// What `safe` names has to be an operation that moves something: reading needs no leave.
fn no_command(model: &Model, services: &[Service], file: FileId, span: Span) -> Option<Diagnostic> {
    let commands = |service: &Service| {
        let Service::Protocol { protocol, operation: Some(used) } = service else { return false };
        let operation = model.protocols.get(*protocol).operations.get(used.operation as usize);
        operation.is_some_and(|operation| operation.effect.commands())
    };
    (!services.iter().all(commands)).then(|| {
        Diagnostic::new(&codes::E0309, "`safe` names what is no single command")
            .primary(file, span, "each entry has to be an operation that writes")
            .help("name the writes that lead to the safe state: `safe = [modbus.write(coil 17 = on)]`")
    })
}

#[allow(clippy::too_many_arguments, reason = "one element's facts, gathered in one place")]
fn place<'a>(
    universe: &Universe<'a>,
    id: EntityId,
    element: Option<u32>,
    name: SmolStr,
    values: &Values<'a>,
    details: Arc<Details>,
    model: &Model,
    diagnostics: &mut Vec<Diagnostic>,
) -> Principal {
    let mut segments: Vec<SegmentId> = Vec::new();
    let mut ranges: Vec<(IpAddr, IpAddr)> = Vec::new();
    let (mut mac, mut zone, mut capability) = (None, None, None);
    for (name, value) in values {
        match (name.as_str(), &**value) {
            ("network" | "slice", Typed::References(list)) => {
                segments.extend(list.iter().filter_map(|(e, _)| model.segment_of.get(e).copied()));
            }
            ("address", Typed::Addresses(found)) => ranges.clone_from(found),
            ("mac", Typed::Mac(bytes)) => mac = Some(*bytes),
            ("zone", Typed::References(list)) => {
                zone = list.first().and_then(|(z, _)| model.zone_of.get(z).copied());
            }
            ("capability", Typed::Level(level)) => capability = Some(*level),
            _ => {}
        }
    }
    segments.sort_unstable();
    segments.dedup();
    let attachments = attach(universe, id, &name, &segments, &ranges, model, diagnostics);
    let mut zones: Vec<ZoneId> = match zone {
        Some(zone) => vec![zone],
        None => segments.iter().filter_map(|segment| model.segment(*segment).zone).collect(),
    };
    zones.sort_unstable();
    zones.dedup();
    if let Some(level) = capability {
        // a zone inside of another shares its target; one that is demanded by both is said once
        let mut around: Vec<ZoneId> = zones.iter().flat_map(|zone| model.zones_around(*zone)).collect();
        around.sort_unstable();
        around.dedup();
        let highest = around.into_iter().map(|zone| model.zone(zone)).max_by_key(|zone| zone.target_level);
        if let Some(zone) = highest.filter(|zone| zone.target_level.is_some_and(|target| target > level)) {
            let (file, span) = universe.name_span(id);
            let (zone_file, zone_span) = attribute_place(universe, zone.entity, "target_level");
            diagnostics.push(
                    Diagnostic::new(
                        &codes::E0407,
                        format!("`{}` reaches SL{level}, its zone `{}` demands SL{}", name, zone.name, zone.target_level.unwrap_or(0)),
                    )
                    .primary(file, span, format!("capability SL{level}"))
                    .secondary(zone_file, zone_span, "demanded here")
                    .help("put it into a zone of its own with a lower target level, behind a gateway (IEC 62443-3-2)"),
                );
        }
    }
    Principal { kind: PrincipalKind::Device, entity: id, element, name, zones, attachments, mac, details }
}

/// Gives each address to the segment that it lies in.
fn attach(
    universe: &Universe<'_>,
    id: EntityId,
    name: &str,
    segments: &[SegmentId],
    ranges: &[(IpAddr, IpAddr)],
    model: &Model,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Attachment> {
    let mut attachments: Vec<Attachment> =
        segments.iter().map(|segment| Attachment { segment: *segment, addresses: Arc::default() }).collect();
    if segments.is_empty() {
        if universe.attribute(id, "network").is_some() || universe.attribute(id, "slice").is_some() {
            return attachments; // given, and wrong: that was said
        }
        let (file, span) = universe.name_span(id);
        let around = ranges.first().and_then(|(address, _)| {
            model.segments.iter().find(|segment| segment.addresses.contains(*address))
        });
        let help = match around {
            Some(segment) => format!("add `network = {}`", segment.name),
            None => "add `network = …` or `slice = …`".into(),
        };
        if ["network", "slice"].iter().any(|given| universe.attribute(id, given).is_some()) {
            return attachments; // given, but wrong: that is said already
        }
        diagnostics.push(
            Diagnostic::new(&codes::E0409, format!("`{name}` stands nowhere"))
                .primary(file, span, "no network and no slice")
                .help(help),
        );
        return attachments;
    }
    for (first, last) in ranges {
        let range: AddressSet = std::iter::once((*first, *last)).collect();
        let home = attachments.iter_mut().find(|attachment| {
            let segment = model.segment(attachment.segment);
            segment.addresses.contains(*first) && segment.addresses.covers(&range)
        });
        if let Some(attachment) = home {
            let all =
                if attachment.addresses.is_empty() { range } else { attachment.addresses.union(&range) };
            attachment.addresses = Arc::new(all);
            continue;
        }
        if segments.iter().any(|segment| model.segment(*segment).unread) {
            continue;
        }
        let (file, span) = attribute_place(universe, id, "address");
        let shown = if first == last { first.to_string() } else { format!("{first}..{last}") };
        let mut outside =
            Diagnostic::new(&codes::E0401, format!("`{shown}` of `{name}` lies outside of its network"))
                .primary(file, span, "not in there");
        for segment in segments.iter().map(|segment| model.segment(*segment)) {
            let (file, span) = universe.name_span(segment.entity);
            let prefixes = segment.prefixes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let label =
                if prefixes.is_empty() { "has no subnet".to_owned() } else { format!("has {prefixes}") };
            outside = outside.secondary(file, span, label);
        }
        let right = model.segments.iter().find(|segment| segment.addresses.contains(*first));
        let help = match right {
            Some(segment) => format!("it lies in `{}`: correct the address or the network", segment.name),
            None => "no network of the package has this address".into(),
        };
        diagnostics.push(outside.help(help));
    }
    attachments
}

fn workload(universe: &Universe<'_>, id: EntityId, model: &mut Model, diagnostics: &mut Vec<Diagnostic>) {
    let scope = universe.scope(id, None);
    let values = values_of(universe, id, diagnostics);
    let host_network =
        values.iter().any(|(name, value)| name == "host_network" && matches!(**value, Typed::Boolean(true)));
    let cluster = universe.entity(id).declaration.cluster.as_ref().and_then(|path| {
        let found = universe.reference_path(path, &[Kind::Cluster], scope);
        found.map_err(|diagnostic| diagnostics.push(*diagnostic)).ok().map(|(cluster, _)| cluster)
    });
    let segment = cluster.and_then(|cluster| model.segment_of.get(&cluster).copied());
    let details = Arc::new(details_of(universe, model, &values, None, diagnostics));
    report_unbuilt(universe, id, &details, model);
    let nodes = cluster.and_then(|cluster| model.gateway_of.get(&cluster)).filter(|_| host_network);
    if let Some(nodes) = nodes.and_then(|nodes| model.gateway(*nodes).interfaces.last()) {
        let (principal, network) = (model.principals.len() as u32, nodes.segment);
        model.on_nodes.push((principal, network));
    }
    let attachments = match segment {
        // a host-networked pod has the node's address, which says nothing of the pod
        Some(_) if host_network => Vec::new(),
        Some(segment) => {
            vec![Attachment { segment, addresses: Arc::new(model.segment(segment).addresses.clone()) }]
        }
        None => Vec::new(),
    };
    model.principals.push(Principal {
        kind: PrincipalKind::Workload,
        entity: id,
        element: None,
        name: universe.path(id).into(),
        zones: segment.and_then(|segment| model.segment(segment).zone).into_iter().collect(),
        attachments,
        mac: None,
        details,
    });
}

fn gateway<'a>(
    universe: &Universe<'a>,
    id: EntityId,
    gateways: &FxHashMap<EntityId, Values<'a>>,
    model: &mut Model,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let Some(gateway) = model.gateway_of.get(&id).copied() else { return };
    let Some(values) = gateways.get(&id) else { return };
    let zone = values.iter().find_map(|(name, value)| match (&**value, name.as_str()) {
        (Typed::References(list), "zone") => {
            list.first().and_then(|(zone, _)| model.zone_of.get(zone).copied())
        }
        _ => None,
    });
    let interfaces = &model.gateways[gateway.index()].interfaces;
    let mut zones: Vec<ZoneId> = match zone {
        Some(zone) => vec![zone],
        None => interfaces.iter().filter_map(|interface| model.segment(interface.segment).zone).collect(),
    };
    zones.sort_unstable();
    zones.dedup();
    let mut attachments: Vec<Attachment> = Vec::new();
    for interface in interfaces {
        let segment = model.segment(interface.segment);
        if !segment.unread && !interface.addresses.difference(&segment.addresses).is_empty() {
            let (file, _) = universe.name_span(id);
            diagnostics.push(
                Diagnostic::new(
                    &codes::E0401,
                    format!(
                        "the address of interface `{}` lies outside of `{}`",
                        interface.name, segment.name
                    ),
                )
                .primary(file, interface.span, "not in there")
                .help("correct the address or the network"),
            );
            continue;
        }
        match attachments.iter_mut().find(|attachment| attachment.segment == interface.segment) {
            Some(attachment) => {
                attachment.addresses = Arc::new(attachment.addresses.union(&interface.addresses));
            }
            None => attachments.push(Attachment {
                segment: interface.segment,
                addresses: Arc::new(interface.addresses.clone()),
            }),
        }
    }
    let principal = PrincipalId(model.principals.len() as u32);
    model.gateways[gateway.index()].principal = Some(principal);
    model.principals.push(Principal {
        kind: PrincipalKind::Gateway,
        entity: id,
        element: None,
        name: universe.path(id).into(),
        zones,
        attachments,
        mac: None,
        details: Arc::new(details_of(universe, model, values, None, diagnostics)),
    });
}

fn role(universe: &Universe<'_>, id: EntityId, model: &mut Model, diagnostics: &mut Vec<Diagnostic>) {
    let values = values_of(universe, id, diagnostics);
    let mut attachments = Vec::new();
    let mut zones = Vec::new();
    for (name, value) in &values {
        match (name.as_str(), &**value) {
            ("network", Typed::References(list)) => {
                for segment in list.iter().filter_map(|(e, _)| model.segment_of.get(e).copied()) {
                    zones.extend(model.segment(segment).zone);
                    attachments.push(Attachment { segment, addresses: Arc::default() });
                }
            }
            ("zone", Typed::References(list)) => {
                zones.extend(list.first().and_then(|(zone, _)| model.zone_of.get(zone).copied()));
            }
            _ => {}
        }
    }
    zones.sort_unstable();
    zones.dedup();
    let details = Arc::new(details_of(universe, model, &values, None, diagnostics));
    model.principals.push(Principal {
        kind: PrincipalKind::Role,
        entity: id,
        element: None,
        name: universe.path(id).into(),
        zones,
        attachments,
        mac: None,
        details,
    });
}

/// Says once of each kind what a declaration states and nothing enforces yet.
fn report_unbuilt(universe: &Universe<'_>, id: EntityId, details: &Details, model: &mut Model) {
    let mut say = |what: &str, name: &str| {
        if !model.unbuilt.iter().any(|other| other.what == what) {
            let (file, span) = attribute_place(universe, id, name);
            model.unbuilt.push(Unbuilt { what: what.into(), file, span });
        }
    };
    for word in &details.enforces {
        if !matches!(*word, "nftables" | "upf" | "envoy" | "modbus" | "mosquitto") {
            say(&format!("a configuration for `{word}`"), "enforces");
        }
    }
}
