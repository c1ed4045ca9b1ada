//! What cores take in silence and then mix up: said here, at its line.

mod planes;

use ipnet::IpNet;
use weir_syntax::{Diagnostic, FileId, Span, diagnostic::codes};

use super::{
    super::{Model, build::attribute_place},
    BitRate, Capabilities, Mobile, Protection, ResourceType, Slice, Subscriber,
    five_qi::resource_type,
    read::is_of_the_process,
    values::dnn_fault,
};
use crate::names::{EntityId, Universe};

/// Everything that needs no flow to be wrong.
pub(super) fn check(
    universe: &Universe<'_>,
    model: &Model,
    mobile: &Mobile,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut subscribed = vec![0; mobile.slices.len()];
    for session in mobile.subscribers.iter().flat_map(|subscriber| &subscriber.sessions) {
        subscribed[session.slice] += 1;
    }
    let mut checker = Checker { universe, model, mobile, subscribed, diagnostics };
    checker.cores();
    for (index, slice) in mobile.slices.iter().enumerate() {
        checker.slice(index, slice);
    }
    checker.hosts();
    checker.user_planes();
    checker.joined();
    checker.subscriptions();
}

struct Checker<'c, 'a> {
    universe: &'c Universe<'a>,
    model: &'c Model,
    mobile: &'c Mobile,
    /// By slice.
    subscribed: Vec<u64>,
    diagnostics: &'c mut Vec<Diagnostic>,
}

impl Checker<'_, '_> {
    fn cores(&mut self) {
        for core in &self.mobile.cores {
            if core.capabilities().is_none() {
                let (file, span) = attribute_place(self.universe, core.entity, "version");
                self.diagnostics.push(
                    Diagnostic::new(
                        &codes::E0718,
                        format!(
                            "what {} {} does is not known",
                            core.product.name(),
                            core.version.as_deref().unwrap_or("")
                        ),
                    )
                    .primary(file, span, "no settings can be written for it")
                    .help("Open5GS is known as `version = \"2.7\"`"),
                );
            }
        }
    }

    /// Where a block's attribute stands; the slice's name, where it is not given.
    fn place(&self, slice: &Slice, block: &'static str, name: &str) -> Option<(FileId, Span)> {
        let (file, _) = self.universe.name_span(slice.entity);
        let blocks = self.universe.blocks(slice.entity, block);
        let mut attributes =
            blocks.flat_map(|inner| inner.body.iter().flat_map(weir_syntax::ast::Block::attributes));
        attributes.find(|attribute| attribute.name.text == name).map(|attribute| (file, attribute.span))
    }

    fn slice(&mut self, index: usize, slice: &Slice) {
        let attribute = |name| attribute_place(self.universe, slice.entity, name);
        if let Some(fault) = dnn_fault(&slice.dnn) {
            let (file, span) = attribute("dnn");
            self.diagnostics.push(
                Diagnostic::new(&codes::E0713, format!("`{}` is no data network name", slice.dnn))
                    .primary(file, span, fault)
                    .help("name one data network, as `ot-control` or `control.plant-nord`"),
            );
        }
        self.area(slice);
        if (8..=127).contains(&slice.snssai.sst) {
            let (file, span) = attribute("snssai");
            self.diagnostics.push(
                Diagnostic::new(&codes::W0716, format!("no standard has an SST of {}", slice.snssai.sst))
                    .primary(file, span, "kept for later standards")
                    .help("write 1 to 5 by name, or 128 to 255, which are an operator's own (TS 23.501, 5.15.2.2)"),
            );
        }
        let core = &self.mobile.cores[slice.core];
        if is_of_the_process(self.model, slice.segment) && slice.security.integrity != Protection::Required {
            let (file, span) = self
                .place(slice, "security", "integrity")
                .unwrap_or_else(|| self.universe.name_span(slice.entity));
            let help = if core.capabilities().is_some_and(|known| !known.user_plane_security) {
                "this core cannot ask the radio for it: run this slice on Open5GS, or put its UEs into a zone above Purdue level 2"
            } else {
                "add `security { integrity = required, confidentiality = required }`"
            };
            self.diagnostics.push(
                Diagnostic::new(
                    &codes::E0717,
                    format!("nothing protects the integrity of what `{}` carries over the air", slice.name),
                )
                .primary(file, span, "its zone is part of the process")
                .help(help),
            );
        }
        self.quality(slice);
        if let Some(known) = core.capabilities() {
            self.capabilities(slice, known);
        }
        self.size(index, slice);
        self.functions(slice);
    }

    fn area(&mut self, slice: &Slice) {
        let (file, span) = attribute_place(self.universe, slice.entity, "area");
        let core = &self.mobile.cores[slice.core];
        let foreign = slice.area.iter().find(|radio| self.mobile.radios[**radio].core != slice.core);
        if let Some(radio) = foreign {
            let radio = &self.mobile.radios[*radio];
            self.diagnostics.push(
                Diagnostic::new(
                    &codes::E0714,
                    format!("`{}` is a radio of another core than `{}`", radio.name, slice.name),
                )
                .primary(file, span, format!("`{}` is not of `{}`", radio.name, core.name))
                .help("name radios of the slice's own core"),
            );
        } else if slice.area.is_empty() && !self.mobile.lacks_radios {
            self.diagnostics.push(
                Diagnostic::new(&codes::E0714, format!("no radio offers `{}`", slice.name))
                    .primary(file, span, "no UE can ever attach to it")
                    .help(format!("declare one: `radio gnb {{ core = {}, tac = 1 }}`", core.name)),
            );
        }
    }

    fn quality(&mut self, slice: &Slice) {
        let five_qi = slice.quality.five_qi;
        if let Some((file, span)) = self.place(slice, "qos", "five_qi") {
            match resource_type(five_qi) {
                None => self.diagnostics.push(unknown_five_qi(five_qi, file, span)),
                Some(ResourceType::NonGuaranteed) => {}
                Some(_) => self.diagnostics.push(
                    Diagnostic::new(
                        &codes::W0713,
                        format!("5QI {five_qi} guarantees a rate, and a session's default flow has none"),
                    )
                    .primary(file, span, "taken for its priority only")
                    .help("give the slice a 5QI that is not guaranteed (80 for low latency), and the flow that needs it `qos = { five_qi = …, gfbr = …, mfbr = … }`"),
                ),
            }
        }
        for name in ["gfbr", "mfbr", "period", "size"] {
            if let Some((file, span)) = self.place(slice, "qos", name) {
                self.diagnostics.push(
                    Diagnostic::new(&codes::E0720, format!("a slice has no `{name}`"))
                        .primary(file, span, "belongs to a flow")
                        .help("write it at the flow: `allow a -> b : modbus { qos = { … } }`"),
                );
            }
        }
        if let Some(place) = self.place(slice, "qos", "arp") {
            self.diagnostics.extend(too_important(self.model, slice, slice.quality.arp.priority, place));
        }
    }

    fn capabilities(&mut self, slice: &Slice, known: &'static Capabilities) {
        let product = known.product.name();
        let lacks = |what: String, (file, span): (FileId, Span), label: &str, help: &str| {
            Diagnostic::new(&codes::E0718, what).primary(file, span, label).help(help)
        };
        let attribute = |name| attribute_place(self.universe, slice.entity, name);
        let pools = &self.model.segment(slice.segment).prefixes;
        let v6: Vec<_> = pools.iter().filter(|net| net.network().is_ipv6()).collect();
        if v6.len() > 1 || pools.len() > v6.len() + 1 {
            self.diagnostics.push(lacks(
                format!("{product} takes one pool of each slice and family"),
                attribute("pool"),
                "several",
                "make it one prefix of IPv4, and one of IPv6 if need be: the core chooses the first that has the DNN, and the others by chance",
            ));
        } else if !v6.is_empty() && !known.ipv6 {
            self.diagnostics.push(lacks(
                format!("{product} has no IPv6 for UEs"),
                attribute("pool"),
                "an IPv6 pool",
                "give the slice an IPv4 pool, or run it on Open5GS",
            ));
        } else if v6.iter().any(|net| net.prefix_len() > 63) {
            self.diagnostics.push(lacks(
                format!("{product} gives a whole /64 to each UE"),
                attribute("pool"),
                "room for none beside the user plane",
                "give the slice a prefix of 63 bits or less",
            ));
        }
        if !known.user_plane_security
            && slice.security.given
            && [slice.security.integrity, slice.security.confidentiality].contains(&Protection::Required)
        {
            let place = self.place(slice, "security", "integrity");
            let place = place.or_else(|| self.place(slice, "security", "confidentiality"));
            let place = place.unwrap_or_else(|| self.universe.name_span(slice.entity));
            self.diagnostics.push(lacks(
                format!("{product} cannot demand protection of a slice's user plane"),
                place,
                "the radio would not be told",
                "run this slice on Open5GS, or demand what is protected end to end instead: `requires = certified` at its flows",
            ));
        }
        if resource_type(slice.quality.five_qi).is_some()
            && !known.takes(slice.quality.five_qi)
            && let Some(place) = self.place(slice, "qos", "five_qi")
        {
            self.diagnostics.push(lacks(
                format!("{product} does not know 5QI {}", slice.quality.five_qi),
                place,
                "not in its table",
                fallback(known),
            ));
        }
        let rates =
            [("ambr_up", slice.quality.session.uplink), ("ambr_down", slice.quality.session.downlink)];
        for (name, rate) in rates {
            if let Some(place) = self.place(slice, "qos", name).filter(|_| !known.keeps(rate)) {
                self.diagnostics.push(too_fast(known, rate, place));
            }
        }
    }

    /// Pool, declared maximum and subscriptions.
    fn size(&mut self, index: usize, slice: &Slice) {
        let subscribed = self.subscribed[index];
        // of IPv4 without network, broadcast and the user plane's own; of IPv6 as many /64, but for the user plane's
        let hosts = |net: &IpNet| match net {
            IpNet::V4(net) => (1u64 << (32 - net.prefix_len())).saturating_sub(3),
            IpNet::V6(net) => (1u64 << 64u8.saturating_sub(net.prefix_len()).min(63)) - 1,
        };
        let hosts = self.model.segment(slice.segment).prefixes.iter().map(hosts).max().unwrap_or(0);
        let Some(most) = slice.max_ues else { return };
        let (file, span) = attribute_place(self.universe, slice.entity, "max_ues");
        if subscribed > most {
            self.diagnostics.push(
                Diagnostic::new(
                    &codes::E0719,
                    format!("{subscribed} devices subscribe to `{}`, which is for {most}", slice.name),
                )
                .primary(file, span, "fewer than there are")
                .help("raise it, or take devices out: no core of today counts UEs, so subscriptions are what holds it"),
            );
        } else if most > hosts {
            let (pool_file, pool_span) = attribute_place(self.universe, slice.entity, "pool");
            self.diagnostics.push(
                Diagnostic::new(
                    &codes::E0719,
                    format!("the pool of `{}` has {hosts} addresses for UEs", slice.name),
                )
                .primary(file, span, "more than that")
                .secondary(pool_file, pool_span, "the pool")
                .help("give it a larger pool, or lower `max_ues`"),
            );
        }
    }

    fn subscriptions(&mut self) {
        for subscriber in &self.mobile.subscribers {
            let principal = self.model.principal(subscriber.principal);
            let (file, span) = attribute_place(self.universe, principal.entity, "slice");
            let core = &self.mobile.cores[subscriber.core];
            let slices = || subscriber.sessions.iter().map(|session| &self.mobile.slices[session.slice]);
            if let Some(foreign) = slices().find(|slice| slice.core != subscriber.core) {
                self.diagnostics.push(
                    Diagnostic::new(&codes::E0714, format!("`{}` is in slices of two cores", principal.name))
                        .primary(file, span, format!("`{}` is not of `{}`", foreign.name, core.name))
                        .help("a SIM belongs to one core: make it two devices, each with its own"),
                );
                continue;
            }
            if let Some(known) = core.capabilities()
                && subscriber.sessions.len() > known.slices_per_ue
            {
                self.diagnostics.push(
                    Diagnostic::new(
                        &codes::E0712,
                        format!("`{}` is in {} slices", principal.name, subscriber.sessions.len()),
                    )
                    .primary(
                        file,
                        span,
                        format!("{} serves {} of one SIM", known.product.name(), known.slices_per_ue),
                    )
                    .help("take it out of some, or make it several devices, each with its own SIM"),
                );
            }
            self.bridges(subscriber, (file, span));
        }
    }

    /// A device in two slices whose zones no conduit joins is a way between them that nothing sees.
    fn bridges(&mut self, subscriber: &Subscriber, (file, span): (FileId, Span)) {
        let zone = |slice: usize| {
            let segment = self.model.segment(self.mobile.slices[slice].segment);
            segment.zone.map(|zone| self.model.zone(zone))
        };
        let joined = |a: EntityId, b: EntityId| {
            a == b
                || self.model.conduits.iter().any(|conduit| conduit.ends == [a, b] || conduit.ends == [b, a])
        };
        for (position, one) in subscriber.sessions.iter().enumerate() {
            for other in &subscriber.sessions[..position] {
                let (Some(a), Some(b)) = (zone(one.slice), zone(other.slice)) else { continue };
                if !joined(a.entity, b.entity) {
                    let principal = self.model.principal(subscriber.principal);
                    self.diagnostics.push(
                        Diagnostic::new(
                            &codes::W0712,
                            format!(
                                "`{}` stands in `{}` and in `{}`, which no conduit joins",
                                principal.name, a.name, b.name
                            ),
                        )
                        .primary(file, span, "what it forwards between its slices, no gateway sees")
                        .help("make it two devices, or add a conduit between the zones"),
                    );
                    return;
                }
            }
        }
    }
}

pub(crate) fn unknown_five_qi(five_qi: u8, file: FileId, span: Span) -> Diagnostic {
    Diagnostic::new(&codes::E0720, format!("5QI {five_qi} has no meaning"))
        .primary(file, span, "neither standardised nor an operator's")
        .help("standardised values are in TS 23.501, table 5.7.4-1; 128 to 254 are the operator's own")
}

/// A priority that is kept for the process, outside of it.
pub(crate) fn too_important(
    model: &Model,
    slice: &Slice,
    priority: u8,
    (file, span): (FileId, Span),
) -> Option<Diagnostic> {
    let level = model.segment(slice.segment).zone.and_then(|zone| model.zone(zone).purdue);
    let wrong = level.is_some_and(|level| level >= 3) && priority <= 8;
    wrong.then(|| {
        Diagnostic::new(&codes::W0714, format!("`{}` has a priority of the process", slice.name))
            .primary(file, span, "1 to 8 are for what the operator itself answers for")
            .help("write 9 to 15 (TS 23.501, 5.7.2.2): slices of the process keep their resources")
    })
}

/// What to write instead of a 5QI that a core does not know.
pub(crate) fn fallback(known: &Capabilities) -> &'static str {
    if known.guaranteed {
        "of delay-critical values, it knows 82 to 86"
    } else {
        "it knows 5 to 9, 69, 70, 79 and 80: take one of those, or run this slice on Open5GS"
    }
}

/// A rate that a core would cut off.
pub(crate) fn too_fast(known: &Capabilities, rate: BitRate, (file, span): (FileId, Span)) -> Diagnostic {
    Diagnostic::new(&codes::E0718, format!("{} cannot keep a rate of {rate}", known.product.name()))
        .primary(file, span, "it keeps numbers of 31 bits")
        .help(if known.largest_rate < u64::MAX {
            "write at most 2147483647 bps"
        } else {
            "write a whole number of Kbps, Mbps or Gbps"
        })
}
