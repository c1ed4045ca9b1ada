//! The way of a flow: segments, gateways, and the lines of artifacts that decide it there.

use std::{cell::RefCell, net::IpAddr};

use rustc_hash::FxHashMap;
use serde::Serialize;
use weir_compiler::{
    flows::PortSet,
    model::{GatewayId, PrincipalKind, SegmentId, SegmentKind},
    plan::{AddressSet, PortMatch, Ranges, Routes, Transport},
};
use weir_nftables_reader::{FilterModel, Hook, Ruleset};

use crate::{Subject, trees::Files};

/// From one principal to another, all the way or to a proxy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Leg {
    pub from: String,
    pub to: String,
    /// Segments in order; equal, where both stand on one.
    pub segments: Vec<String>,
    pub points: Vec<Point>,
    /// What holds it, where no gateway lies between.
    pub remark: Option<String>,
}

/// What a point does with the example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// It lets it pass. Of an operation that is denied: the connection, of whose operations it sees nothing.
    Accepts,
    Refuses,
    /// Refused before.
    NotReached,
    /// It has no filter there.
    Unfiltered,
    /// The package has errors, by which this cannot be said.
    Unknown,
}

/// An enforcement point on the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Point {
    pub gateway: String,
    /// What it enforces there; empty, where it filters nothing.
    pub enforces: Vec<String>,
    /// `forward`, `input` and `output` of packet filters, `pods` of network policies inside of a cluster, `end` where a
    /// point ends the connection and looks into it.
    pub hook: &'static str,
    /// Another way of the same length.
    pub is_alternative: bool,
    pub decision: Decision,
    /// Lines of artifacts that accept it: `nftables/gw.nft:120`.
    pub lines: Vec<String>,
}

pub(super) struct Context<'c> {
    pub(super) subject: &'c Subject,
    files: Option<&'c Files>,
    routes: RefCell<Routes>,
    rulesets: RefCell<FxHashMap<String, Option<FilterModel>>>,
    carried: FxHashMap<String, Vec<String>>,
}

#[derive(serde::Deserialize)]
struct SourceMap {
    statements: std::collections::BTreeMap<String, Carried>,
}

#[derive(serde::Deserialize)]
struct Carried {
    artifacts: Vec<String>,
}

impl<'c> Context<'c> {
    pub(super) fn new(subject: &'c Subject, files: Option<&'c Files>) -> Self {
        let map = files.and_then(|files| files.get("sourcemap.json"));
        let map = map.and_then(|bytes| serde_json::from_slice::<SourceMap>(bytes).ok());
        let carried =
            map.into_iter().flat_map(|map| map.statements).map(|(id, one)| (id, one.artifacts)).collect();
        Self {
            subject,
            files,
            routes: RefCell::new(Routes::new(subject.model())),
            rulesets: RefCell::default(),
            carried,
        }
    }

    /// The artifacts of a statement, without the parts of the hitless form.
    pub(super) fn carrying(&self, statement: &str) -> Vec<String> {
        let all = self.carried.get(statement).into_iter().flatten();
        all.filter(|path| !path.contains(".d/")).cloned().collect()
    }

    /// The legs of a rectangle's connections, which are permitted.
    pub(super) fn legs(
        &self,
        rectangle: u32,
        (source, destination): (u32, u32),
        ports: &PortSet,
    ) -> Vec<Leg> {
        let facts = &self.subject.facts;
        let statement = facts.rectangles.get(rectangle as usize).map(|one| one.statement);
        let id = statement.map(|index| self.subject.statement(index).id.to_string());
        let mut legs = match facts.proxies.get(rectangle as usize).copied().flatten() {
            Some(proxy) if proxy != source && proxy != destination => vec![
                self.leg(source, proxy, ports, id.as_deref()),
                self.leg(proxy, destination, ports, id.as_deref()),
            ],
            _ => vec![self.leg(source, destination, ports, id.as_deref())],
        };
        let ends = if legs.len() > 1 { facts.proxies[rectangle as usize] } else { Some(destination) };
        if let (Some(first), Some(end)) = (legs.first_mut(), ends) {
            first.points.extend(self.end(end, ports, Decision::Accepts));
        }
        legs
    }

    /// The way of what is denied, up to the point that refuses it. `rectangle` is one of the same ends and ports, of which
    /// only other operations are permitted.
    pub(super) fn refused(
        &self,
        rectangle: Option<u32>,
        (source, destination): (u32, u32),
        ports: &PortSet,
    ) -> Leg {
        let proxies = &self.subject.facts.proxies;
        let proxy = rectangle.and_then(|index| proxies.get(index as usize).copied().flatten());
        let end = proxy.filter(|proxy| *proxy != source).unwrap_or(destination);
        let mut leg = self.leg(source, end, ports, None);
        // a proxy that takes connections on their way is not what they are addressed to
        let addressed = if self.is_taken(end) { destination } else { end };
        let mut refused: Option<usize> = None;
        for index in 0..leg.points.len() {
            let is_next =
                |before: usize| leg.points[before + 1..=index].iter().all(|point| point.is_alternative);
            let decision = match refused {
                Some(before) if !is_next(before) => Decision::NotReached,
                _ => self.decision(&leg.points[index], (source, addressed), ports),
            };
            if decision == Decision::Refuses && refused.is_none() {
                refused = Some(index);
            }
            leg.points[index].decision = decision;
        }
        let last = if refused.is_some() { Decision::NotReached } else { Decision::Refuses };
        leg.points.extend(self.end(end, ports, last));
        let decides = |point: &Point| !matches!(point.decision, Decision::Accepts | Decision::Unfiltered);
        if self.subject.principal(source).kind == PrincipalKind::Role && leg.points.len() > 1 {
            leg.remark.get_or_insert_with(|| {
                "packet filters know no people, but the devices that they work with".into()
            });
        }
        if leg.remark.is_none() && !leg.points.is_empty() && !leg.points.iter().any(decides) {
            leg.remark = Some("no point on the way tells it from what is permitted".into());
        }
        leg
    }

    fn is_taken(&self, point: u32) -> bool {
        let model = self.subject.model();
        let gateway = model.gateway_of.get(&model.principal(point).entity);
        gateway.is_some_and(|gateway| model.gateway(*gateway).transparent)
    }

    /// The point at a connection's end that looks into it, if there is one.
    fn end(&self, id: u32, ports: &PortSet, decision: Decision) -> Option<Point> {
        let principal = self.subject.principal(id);
        if !principal.terminates() {
            return None;
        }
        let planned = self.subject.plan.iter().flat_map(|plan| &plan.proxies);
        let mut enforces: Vec<String> = planned
            .filter(|plan| plan.name == principal.name.as_str())
            .filter(|plan| {
                let listens = |port: &PortMatch| {
                    plan.listeners.iter().any(|one| port.first <= one.port && one.port <= port.last)
                };
                ports.port_matches().iter().any(listens)
            })
            .map(|plan| plan.kind.word().to_owned())
            .collect();
        if enforces.is_empty() {
            let ends = |word: &&&str| matches!(**word, "envoy" | "modbus" | "mosquitto");
            enforces =
                principal.details.enforces.iter().filter(ends).map(|word| (*word).to_owned()).collect();
        }
        Some(Point {
            gateway: principal.name.to_string(),
            enforces,
            hook: "end",
            is_alternative: false,
            decision,
            lines: Vec::new(),
        })
    }

    /// What a packet filter or a cluster's network policies do with a connection. Filters know addresses and ports, policies
    /// know the pods of their own cluster.
    fn decision(&self, point: &Point, (source, destination): (u32, u32), ports: &PortSet) -> Decision {
        if point.enforces.is_empty() {
            return Decision::Unfiltered;
        }
        let of_pods = point.enforces.iter().any(|word| word == "kubernetes");
        let alike = |id: u32| self.alike(id, of_pods.then_some(point.gateway.as_str()));
        let (sources, destinations) = (alike(source), alike(destination));
        let covers = |from: &Ranges<u32>, to: &Ranges<u32>, through: &PortSet| {
            through.overlaps(ports)
                && !from.intersection(&sources).is_empty()
                && !to.intersection(&destinations).is_empty()
        };
        let Some(plan) = &self.subject.plan else {
            let mut permitted = self.subject.connections().into_iter();
            let any = permitted.any(|one| covers(&one.sources, &one.destinations, &one.ports));
            return if any { Decision::Unknown } else { Decision::Refuses };
        };
        let mut legs = plan.legs.iter();
        // where operations stand beside it, the filter looks for them in each packet
        let any = legs.any(|leg| {
            leg.operations.is_none()
                && leg.frame_ids.is_none()
                && covers(&leg.sources, &leg.destinations, &leg.ports)
        });
        if any { Decision::Accepts } else { Decision::Refuses }
    }

    /// Whoever looks the same to a point: everybody with the address, or a pod of the cluster itself alone. People come with
    /// some device of their network.
    fn alike(&self, id: u32, cluster: Option<&str>) -> Ranges<u32> {
        let model = self.subject.model();
        let principal = model.principal(id);
        if principal.kind == PrincipalKind::Role {
            let on = |segment: SegmentId| principal.attachments.iter().any(|one| one.segment == segment);
            return model.principals_where(|other| other.attachments.iter().any(|one| on(one.segment)));
        }
        let is_own_pod = principal.attachments.iter().any(|one| {
            let segment = model.segment(one.segment);
            segment.kind == SegmentKind::Pods && cluster == Some(segment.name.as_str())
        });
        let itself = Ranges::from_unsorted(vec![(id, id)]);
        match principal.addresses().first().filter(|_| !is_own_pod) {
            Some(address) => super::principals_at(self.subject, address).union(&itself),
            None => itself,
        }
    }

    /// The way between two principals, with the lines that accept a statement there; without a statement, no lines.
    pub(super) fn leg(&self, source: u32, destination: u32, ports: &PortSet, statement: Option<&str>) -> Leg {
        let model = self.subject.model();
        let mut routes = self.routes.borrow_mut();
        let mut best: Option<(u32, SegmentId, SegmentId)> = None;
        for from in &model.principal(source).attachments {
            for to in &model.principal(destination).attachments {
                if let Some(length) = routes.length(from.segment, to.segment)
                    && best.is_none_or(|(shortest, ..)| length < shortest)
                {
                    best = Some((length, from.segment, to.segment));
                }
            }
        }
        let mut leg = Leg {
            from: self.subject.name(source).into(),
            to: self.subject.name(destination).into(),
            segments: Vec::new(),
            points: Vec::new(),
            remark: None,
        };
        let Some((length, from, to)) = best else {
            let role = model.principal(source).kind == PrincipalKind::Role;
            leg.remark = Some(if role {
                "people have no address: a proxy knows them".into()
            } else {
                "no path joins them".into()
            });
            return leg;
        };
        leg.segments.push(model.segment(from).name.clone());
        let own = |id: u32| {
            let principal = model.principal(id);
            let gateway = model.gateway_of.get(&principal.entity).copied();
            gateway.filter(|_| principal.kind == PrincipalKind::Gateway)
        };
        let mut point = |gateway: GatewayId, hook: Hook, is_alternative: bool| {
            let lines = statement.map_or_else(Vec::new, |statement| {
                self.lines(gateway, hook, (source, from), (destination, to), ports, statement)
            });
            let known = model.gateway(gateway);
            let filters = |word: &&&str| matches!(**word, "nftables" | "kubernetes");
            let enforces: Vec<String> =
                known.enforces.iter().filter(filters).map(|word| (*word).to_owned()).collect();
            // one that ends connections and filters no packets is named as the end
            if enforces.is_empty() && hook != Hook::Forward {
                return;
            }
            leg.points.push(Point {
                gateway: known.name.clone(),
                decision: if enforces.is_empty() { Decision::Unfiltered } else { Decision::Accepts },
                enforces,
                hook: hook.name(),
                is_alternative,
                lines,
            });
        };
        if let Some(gateway) = own(source) {
            point(gateway, Hook::Output, false);
        }
        let route = routes.route(from, to);
        let mut rank = None;
        let mut passed = Vec::new();
        for hop in route.iter().flat_map(|route| &route.hops) {
            let is_alternative = rank == Some(hop.rank);
            rank = Some(hop.rank);
            if !is_alternative {
                passed.push(hop.to);
            }
            point(hop.gateway, Hook::Forward, is_alternative);
        }
        if let Some(gateway) = own(destination) {
            point(gateway, Hook::Input, false);
        }
        let from_pods = model.segment(from).kind == SegmentKind::Pods;
        if length == 0 && from_pods && leg.points.is_empty() && source != destination {
            leg.points.push(Point {
                gateway: model.segment(from).name.clone(),
                enforces: vec!["kubernetes".into()],
                hook: "pods",
                is_alternative: false,
                decision: Decision::Accepts,
                lines: Vec::new(),
            });
        }
        leg.segments.extend(passed.into_iter().map(|segment| model.segment(segment).name.clone()));
        if length == 0 && leg.points.is_empty() && source != destination {
            let segment = model.segment(from);
            let bridges = model.bridges_on.get(&from).into_iter().flatten();
            let bridges: Vec<&str> =
                bridges.map(|index| model.gateway(model.bridges[*index].gateway).name.as_str()).collect();
            leg.remark = Some(if !bridges.is_empty() {
                format!("both stand on `{}`, behind the bridge {}", segment.name, bridges.join(", "))
            } else if segment.isolated {
                format!("both stand on `{}`, whose stations are kept apart", segment.name)
            } else {
                format!("both stand on `{}`: no gateway lies between, and nothing can stop it", segment.name)
            });
        }
        leg
    }

    /// The elements of a gateway's ruleset that stand for a statement and hold a connection.
    fn lines(
        &self,
        gateway: GatewayId,
        hook: Hook,
        (source, from): (u32, SegmentId),
        (destination, to): (u32, SegmentId),
        ports: &PortSet,
        statement: &str,
    ) -> Vec<String> {
        let model = self.subject.model();
        let name = &model.gateway(gateway).name;
        let Some(files) = self.files.filter(|_| model.gateway(gateway).filters()) else { return Vec::new() };
        let mut rulesets = self.rulesets.borrow_mut();
        let ruleset = rulesets.entry(name.clone()).or_insert_with(|| read(files, name));
        let Some(ruleset) = ruleset else { return Vec::new() };
        let on = |id: u32, segment: SegmentId| -> AddressSet {
            let places = model.principal(id).attachments.iter().filter(|one| one.segment == segment);
            places.fold(AddressSet::default(), |all, one| all.union(&one.addresses))
        };
        let (sources, destinations) = (on(source, from).first(), on(destination, to));
        let Some(port) = ports.port_matches().first().copied() else { return Vec::new() };
        let mut lines: Vec<(bool, String)> = Vec::new();
        let attempts = ruleset.hook(hook);
        for (attempts, is_v6) in [(&attempts.v4, false), (&attempts.v6, true)] {
            for attempt in attempts {
                if !ruleset.comment(attempt).split([' ', ',']).any(|id| id == statement) {
                    continue;
                }
                let here = if is_v6 {
                    destinations
                        .v6
                        .iter()
                        .any(|(a, b)| a <= attempt.destinations.1 && attempt.destinations.0 <= b)
                } else {
                    destinations.v4.iter().any(|(a, b)| {
                        u128::from(a) <= attempt.destinations.1 && attempt.destinations.0 <= u128::from(b)
                    })
                };
                if !here || !is_port(attempt.protocol, attempt.ports, port) {
                    continue;
                }
                let number = sources.map(|address| match address {
                    IpAddr::V4(address) => (false, u128::from(address.to_bits())),
                    IpAddr::V6(address) => (true, address.to_bits()),
                });
                let exact = number.is_some_and(|(v6, number)| {
                    v6 == is_v6 && attempt.sources.iter().any(|(a, b)| *a <= number && number <= *b)
                });
                lines.push((exact, ruleset.describe(attempt.place)));
            }
        }
        // behind a masquerade the source has another address
        let any_exact = lines.iter().any(|(exact, _)| *exact);
        let mut lines: Vec<String> =
            lines.into_iter().filter(|(exact, _)| *exact || !any_exact).map(|(_, line)| line).collect();
        lines.dedup();
        lines.truncate(4);
        lines
    }
}

fn is_port(protocol: u8, (first, last): (u16, u16), port: PortMatch) -> bool {
    match port.transport {
        Transport::Tcp => protocol == 6 && first <= port.first && port.first <= last,
        Transport::Udp => protocol == 17 && first <= port.first && port.first <= last,
        Transport::Sctp => protocol == 132 && first <= port.first && port.first <= last,
        Transport::IcmpEcho => matches!(protocol, 1 | 58),
    }
}

fn read(files: &Files, gateway: &str) -> Option<FilterModel> {
    // file names escape what names of gateways may have and paths may not
    let of_gateway = |path: &&String| {
        path.strip_prefix("nftables/")
            .and_then(|path| path.strip_suffix(".nft"))
            .is_some_and(|file| !file.contains('/') && unescaped(file) == gateway.as_bytes())
    };
    let path = files.keys().find(of_gateway)?;
    Ruleset::default().apply(path, files.get(path)?).ok()?.model().ok()
}

/// The name behind a file's: `~5b` is `[`.
fn unescaped(file: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = file.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (*byte, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'~', Some(escaped)) => {
                out.push(escaped);
                rest = &after[2..];
            }
            _ => out.push(*byte),
        }
    }
    out
}
