//! Reads cores, radios and slices, and finds out which devices subscribe to them.

use std::net::Ipv4Addr;

use ipnet::Ipv6Net;
use rustc_hash::FxHashMap;
use weir_syntax::{Diagnostic, diagnostic::codes};

use super::{
    super::{
        Key, Model, PrincipalKind, Typed, Unbuilt,
        build::{attribute_place, entity_block},
        read_block,
    },
    Arp, BitRate, Core, FlowQuality, Mobile, Plmn, Product, Protection, Radio, Rates, Session, Slice,
    SliceQuality, Snssai, Subscriber, Supi, UserPlaneSecurity, check, five_qi,
};
use crate::{
    names::{EntityId, Kind, Universe, schema},
    plan::AddressSet,
};

/// What a session gets, where the slice says nothing: what cores give, too.
const DEFAULT_FIVE_QI: u8 = 9;
const DEFAULT_ARP: u8 = 9;
const DEFAULT_RATE: BitRate = BitRate(100_000_000);

/// Reads and checks everything. Needs principals.
pub(in crate::model) fn read(universe: &Universe<'_>, model: &mut Model, diagnostics: &mut Vec<Diagnostic>) {
    let mut mobile = Mobile::default();
    let mut core_of: FxHashMap<EntityId, usize> = FxHashMap::default();
    for entity in universe.entities_of(Kind::Core) {
        if let Some(core) = core(universe, entity, model, diagnostics) {
            core_of.insert(entity, mobile.cores.len());
            mobile.cores.push(core);
        }
    }
    let mut radio_of: FxHashMap<EntityId, usize> = FxHashMap::default();
    for entity in universe.entities_of(Kind::Radio) {
        match radio(universe, entity, &core_of, diagnostics) {
            Some(radio) => {
                radio_of.insert(entity, mobile.radios.len());
                mobile.radios.push(radio);
            }
            None => mobile.lacks_radios = true,
        }
    }
    let mut slice_of: FxHashMap<EntityId, usize> = FxHashMap::default();
    let mut exclusive: Vec<(usize, EntityId)> = Vec::new();
    for entity in universe.entities_of(Kind::Slice) {
        let known = exclusive.len();
        let found = slice(universe, entity, model, (&core_of, &radio_of), &mobile, &mut exclusive);
        if found.is_none() {
            exclusive.truncate(known); // its place is the next one's
        }
        if let Some(slice) = found {
            slice_of.insert(entity, mobile.slices.len());
            mobile.slices.push(slice);
        }
    }
    for (own, other) in exclusive {
        let Some(other) = slice_of.get(&other).copied().filter(|other| *other != own) else { continue };
        mobile.slices[own].exclusive_with.push(other);
        mobile.slices[other].exclusive_with.push(own);
    }
    for slice in &mut mobile.slices {
        slice.exclusive_with.sort_unstable();
        slice.exclusive_with.dedup();
    }
    subscribers(universe, model, &mut mobile, diagnostics);
    check::check(universe, model, &mobile, diagnostics);
    model.mobile = mobile;
}

fn core(
    universe: &Universe<'_>,
    entity: EntityId,
    model: &mut Model,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Core> {
    let before = diagnostics.len();
    let mut core = Core {
        entity,
        name: universe.path(entity),
        product: Product::Open5gs,
        version: None,
        plmn: Plmn::default(),
        functions: None,
    };
    for (name, typed) in entity_block(universe, entity, diagnostics) {
        match (name, typed) {
            ("product", Typed::Word(word)) => core.product = Product::of(word),
            ("version", Typed::Text(version)) => core.version = Some(version),
            ("mcc", Typed::Text(text)) => core.plmn.mcc = text,
            ("mnc", Typed::Text(text)) => core.plmn.mnc = text,
            ("functions", Typed::References(list)) => core.functions = one_device(model, &list),
            _ => {}
        }
    }
    for (name, text, lengths) in [("mcc", &core.plmn.mcc, 3..=3), ("mnc", &core.plmn.mnc, 2..=3)] {
        if universe.attribute(entity, name).is_some()
            && !(lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()))
            && diagnostics.len() == before
        {
            let (file, span) = attribute_place(universe, entity, name);
            diagnostics.push(
                Diagnostic::new(&codes::E0408, format!("`{text}` is no {}", name.to_uppercase()))
                    .primary(file, span, "wrong digits")
                    .help("an MCC has three digits, an MNC two or three (TS 23.003, 2.2); `01` is not `001`"),
            );
        }
    }
    if core.capabilities().is_some_and(|known| !known.settings) {
        let (file, span) = universe.name_span(entity);
        let what = format!("the settings of a core that is {}", core.product.name());
        model.unbuilt.push(Unbuilt { what, file, span });
    }
    (diagnostics.len() == before).then_some(core)
}

/// The only principal of the named declaration.
fn one_device(model: &Model, list: &[(EntityId, Option<u32>)]) -> Option<u32> {
    let (entity, element) = list.first()?;
    let (first, count) = *model.principals_of.get(entity)?;
    match element {
        Some(element) => (1..=count).contains(element).then(|| first + element - 1),
        None => (count == 1).then_some(first),
    }
}

fn radio(
    universe: &Universe<'_>,
    entity: EntityId,
    core_of: &FxHashMap<EntityId, usize>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Radio> {
    let (mut core, mut tac, mut capacity) = (None, None, None);
    for (name, typed) in entity_block(universe, entity, diagnostics) {
        match (name, typed) {
            ("core", Typed::References(list)) => {
                core = list.first().and_then(|(core, _)| core_of.get(core).copied());
            }
            ("tac", Typed::Integer(number)) => tac = u32::try_from(number).ok(),
            ("capacity", Typed::DataRate(rate)) => capacity = Some(BitRate(rate)),
            _ => {}
        }
    }
    Some(Radio { entity, name: universe.path(entity), core: core?, tac: tac?, capacity })
}

/// What is wrong with a slice's values is said where segments are read.
fn slice(
    universe: &Universe<'_>,
    entity: EntityId,
    model: &Model,
    (core_of, radio_of): (&FxHashMap<EntityId, usize>, &FxHashMap<EntityId, usize>),
    mobile: &Mobile,
    exclusive: &mut Vec<(usize, EntityId)>,
) -> Option<Slice> {
    let (mut core, mut snssai, mut dnn, mut plane) = (None, None, None, None);
    let (mut max_ues, mut session_management, mut dns) = (None, None, None);
    let mut area: Option<Vec<usize>> = None;
    for (name, typed) in entity_block(universe, entity, &mut Vec::new()) {
        match (name, typed) {
            ("core", Typed::References(list)) => {
                core = list.first().and_then(|(core, _)| core_of.get(core).copied());
            }
            ("snssai", Typed::Snssai(sst, sd)) => snssai = Some(Snssai::new(sst, sd)),
            ("dnn", Typed::Text(text)) => dnn = Some(text),
            ("area", Typed::References(list)) => {
                let mut radios: Vec<usize> =
                    list.iter().filter_map(|(radio, _)| radio_of.get(radio).copied()).collect();
                radios.sort_unstable();
                radios.dedup();
                area = Some(radios);
            }
            ("user_plane", Typed::UserPlane { dedicated, gateway }) => {
                plane = model.gateway_of.get(&gateway).map(|gateway| (*gateway, dedicated));
            }
            ("exclusive_with", Typed::References(list)) => {
                exclusive.extend(list.iter().map(|(other, _)| (mobile.slices.len(), *other)));
            }
            ("max_ues", Typed::Integer(number)) => max_ues = Some(number),
            ("session_management", Typed::References(list)) => session_management = one_device(model, &list),
            ("dns", Typed::Address(address)) => dns = Some(address),
            _ => {}
        }
    }
    let (core, snssai, dnn) = (core?, snssai?, dnn?);
    let (user_plane, dedicated) = plane?;
    let segment = *model.segment_of.get(&entity)?;
    let all = || (0..mobile.radios.len()).filter(|radio| mobile.radios[*radio].core == core).collect();
    // whoever runs the process is not pushed out of it
    let of_the_process = is_of_the_process(model, segment);
    let (quality, security) = blocks(universe, entity, of_the_process);
    Some(Slice {
        entity,
        name: universe.path(entity),
        core,
        segment,
        snssai,
        dnn,
        area: area.unwrap_or_else(all),
        user_plane,
        dedicated,
        exclusive_with: Vec::new(),
        max_ues,
        quality,
        security,
        session_management,
        dns,
    })
}

/// Purdue levels 0 to 2: sensors, controllers, and what supervises them.
pub(super) fn is_of_the_process(model: &Model, segment: super::super::SegmentId) -> bool {
    let zone = model.segment(segment).zone;
    zone.and_then(|zone| model.zone(zone).purdue).is_some_and(|level| level <= 2)
}

fn blocks(
    universe: &Universe<'_>,
    entity: EntityId,
    of_the_process: bool,
) -> (SliceQuality, UserPlaneSecurity) {
    let scope = universe.scope(entity, None);
    let known = schema::of(Kind::Slice).blocks;
    let mut quality = SliceQuality {
        five_qi: DEFAULT_FIVE_QI,
        arp: Arp { priority: DEFAULT_ARP, may_preempt: false, preemptable: !of_the_process },
        session: Rates { uplink: DEFAULT_RATE, downlink: DEFAULT_RATE },
    };
    let mut security = UserPlaneSecurity::default();
    for inner in universe.blocks(entity, "qos") {
        for (name, typed) in read_block(universe, inner, known[0].attributes, scope, &mut Vec::new()) {
            match (name, typed) {
                ("five_qi", Typed::Integer(number)) => {
                    quality.five_qi = u8::try_from(number).unwrap_or(DEFAULT_FIVE_QI);
                }
                ("arp", Typed::Integer(number)) => {
                    quality.arp.priority = u8::try_from(number).unwrap_or(DEFAULT_ARP);
                }
                ("ambr_up", Typed::DataRate(rate)) => quality.session.uplink = BitRate(rate),
                ("ambr_down", Typed::DataRate(rate)) => quality.session.downlink = BitRate(rate),
                _ => {}
            }
        }
    }
    for inner in universe.blocks(entity, "security") {
        for (name, typed) in read_block(universe, inner, known[1].attributes, scope, &mut Vec::new()) {
            security.given = true;
            match (name, typed) {
                ("integrity", Typed::Word(word)) => security.integrity = Protection::of(word),
                ("confidentiality", Typed::Word(word)) => security.confidentiality = Protection::of(word),
                _ => {}
            }
        }
    }
    (quality, security)
}

/// Every device on a slice, with its SIM. One that lacks what its core needs to know is reported.
fn subscribers(
    universe: &Universe<'_>,
    model: &Model,
    mobile: &mut Mobile,
    diagnostics: &mut Vec<Diagnostic>,
) {
    if mobile.slices.is_empty() {
        return;
    }
    let by_segment: FxHashMap<_, usize> =
        mobile.slices.iter().enumerate().map(|(index, slice)| (slice.segment, index)).collect();
    for (id, principal) in model.principals.iter().enumerate() {
        if principal.kind != PrincipalKind::Device {
            continue;
        }
        let on = |attachment: &super::super::Attachment| {
            by_segment.get(&attachment.segment).map(|slice| (*slice, attachment.addresses.clone()))
        };
        let mut sessions: Vec<_> = principal.attachments.iter().filter_map(on).collect();
        let Some((first, _)) = sessions.first() else { continue };
        let core = mobile.slices[*first].core;
        let order = named_slices(universe, model, principal.entity, principal.details.class);
        let twice = order.iter().enumerate().find(|(at, slice)| order[..*at].contains(slice));
        if let Some((_, slice)) = twice {
            if principal.element.is_none_or(|element| element == 1) {
                let (file, span) = attribute_place(universe, principal.entity, "slice");
                let what = format!("`{}` is in `{}` twice", principal.name, universe.path(*slice));
                diagnostics.push(
                    Diagnostic::new(&codes::E0408, what)
                        .primary(file, span, "the default one, and another that is not")
                        .help("name each slice once, the default one first (TS 29.503, 6.1.6.2.2)"),
                );
            }
            continue;
        }
        // the first that the device or its class names is the default one
        if sessions.len() > 1 {
            sessions.sort_by_key(|(slice, _)| {
                let slice = mobile.slices[*slice].entity;
                order.iter().position(|entity| *entity == slice).unwrap_or(usize::MAX)
            });
        }
        let (file, span) = universe.name_span(principal.entity);
        let lacks = |what: String, help: &str| {
            Diagnostic::new(&codes::E0711, what).primary(file, span, "cannot be provisioned").help(help)
        };
        let identity = principal
            .details
            .identity
            .as_deref()
            .and_then(|identity| Some((identity, identity.part("supi")?)));
        let given = |name| universe.attribute(principal.entity, name).is_some();
        if principal.details.identity.is_none() && given("identity") {
            continue; // given, and wrong: that was said
        }
        let Some((identity, supi)) = identity else {
            let what = format!("`{}` is in a slice and has no SIM", principal.name);
            diagnostics.push(lacks(what, "write `identity = sim(supi = \"imsi-…\", key = ref(\"vault:…\"))`: a core gives an address in the pool to a subscription, not to a device"));
            continue;
        };
        let plmn = &mobile.cores[core].plmn;
        let parsed = Supi::parse(supi).filter(|supi| supi.is_of(plmn));
        let Some(supi) = parsed else {
            let (file, span) = attribute_place(universe, principal.entity, "identity");
            let (core_file, core_span) = universe.name_span(mobile.cores[core].entity);
            diagnostics.push(
                Diagnostic::new(&codes::E0710, format!("`{}` is no SUPI of `{}`", supi, mobile.cores[core].name))
                    .primary(file, span, format!("of `{}`", principal.name))
                    .secondary(core_file, core_span, "its core")
                    .help(format!(
                        "a SUPI is `imsi-` and 5 to 15 digits that begin with MCC and MNC of its core, here `imsi-{}…` (TS 23.003, 2.2B)",
                        plmn.digits()
                    )),
            );
            continue;
        };
        if let Some(Key::Reference(reference)) = &identity.key
            && (reference.is_empty() || !reference.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            let what = format!("where the key of `{}` is kept cannot be written down", principal.name);
            diagnostics.push(lacks(
                what,
                "a reference has letters, digits and signs, and no space: `ref(\"vault:sim/agv1\")`",
            ));
            continue;
        }
        if given("address") && sessions.iter().all(|(_, addresses)| addresses.is_empty()) {
            continue; // given, and wrong: that was said
        }
        let mut read = Vec::new();
        for (slice, addresses) in sessions {
            match fixed(&addresses) {
                Ok((v4, v6)) => read.push(Session { slice, v4, v6 }),
                Err((has, help)) => {
                    let what = format!("`{}` has {has} in `{}`", principal.name, mobile.slices[slice].name);
                    diagnostics.push(lacks(what, help));
                }
            }
        }
        mobile.subscribers.push(Subscriber {
            principal: id as u32,
            core,
            supi,
            key: identity.key.clone(),
            sessions: read,
        });
    }
}

/// An IPv4 address, a prefix of IPv6, or both.
type Fixed = (Option<Ipv4Addr>, Option<Ipv6Net>);

/// What a core fixes in a subscription; or what it has instead, and what to write.
fn fixed(addresses: &AddressSet) -> Result<Fixed, (&'static str, &'static str)> {
    const ONE: &str = "give it one address of the slice's pool, as `address = control.pool.host(10)`: the core fixes it in the subscription, and rules know the device by it";
    const PREFIX: &str = "give it 64 bits of the slice's pool, as `address = control.subnet(64, 10)`: a core gives a UE a whole /64, and the UE chooses its addresses in it";
    let (mut v4, mut v6) = (addresses.v4.iter(), addresses.v6.iter());
    let found = match (v4.next(), v6.next()) {
        (None, None) => return Err(("no address", ONE)),
        found => found,
    };
    if v4.next().is_some() || found.0.is_some_and(|(first, last)| first != last) {
        return Err(("several addresses", ONE));
    }
    if v6.next().is_some() {
        return Err(("several prefixes", PREFIX));
    }
    let prefix = |(first, last): (u128, u128)| {
        let whole = first & u128::from(u64::MAX) == 0 && last == first | u128::from(u64::MAX);
        Ipv6Net::new(first.into(), 64)
            .ok()
            .filter(|_| whole)
            .ok_or(("another part of the pool than a /64", PREFIX))
    };
    Ok((found.0.map(|(first, _)| first.into()), found.1.map(prefix).transpose()?))
}

/// The slices that a device, or else the nearest of its classes, names; in the order of the text.
fn named_slices(
    universe: &Universe<'_>,
    model: &Model,
    device: EntityId,
    class: Option<EntityId>,
) -> Vec<EntityId> {
    let classes = std::iter::successors(class, |class| model.bases.get(class).copied()).take(64);
    for entity in std::iter::once(device).chain(classes) {
        let Some(attribute) = universe.attribute(entity, "slice") else { continue };
        let kind = schema::Type::References(&[Kind::Slice]);
        if let Ok(Typed::References(list)) =
            universe.typed(&attribute.value, kind, universe.scope(entity, Some(1)))
        {
            return list.into_iter().map(|(entity, _)| entity).collect();
        }
    }
    Vec::new()
}

impl FlowQuality {
    /// Reads the record of a flow's `qos`.
    pub(crate) fn of(record: &[(&'static str, Typed<'_>)], span: weir_syntax::Span) -> Self {
        let mut quality = Self {
            five_qi: None,
            arp: None,
            guaranteed: None,
            maximum: None,
            period: None,
            size: None,
            has_session_rate: false,
            span,
        };
        for (name, typed) in record {
            match (*name, typed) {
                ("five_qi", Typed::Integer(number)) => quality.five_qi = u8::try_from(*number).ok(),
                ("arp", Typed::Integer(number)) => quality.arp = u8::try_from(*number).ok(),
                ("gfbr", Typed::DataRate(rate)) => quality.guaranteed = Some(BitRate(*rate)),
                ("mfbr", Typed::DataRate(rate)) => quality.maximum = Some(BitRate(*rate)),
                ("period", Typed::Duration(nanoseconds)) => quality.period = Some(*nanoseconds),
                ("size", Typed::DataSize(bytes)) => quality.size = Some(*bytes),
                ("ambr_up" | "ambr_down", _) => quality.has_session_rate = true,
                _ => {}
            }
        }
        quality
    }

    /// Of what type its 5QI is; nothing, where it has none or an unknown one.
    pub fn resource(&self) -> Option<five_qi::ResourceType> {
        self.five_qi.and_then(five_qi::resource_type)
    }
}
