//! Device against device: each UE in a namespace of its own behind its user plane's interface, with the rulesets loaded. Who
//! reaches whom is what the core's own files say of its user planes: a packet filter does not see what a UPF sends straight
//! from one UE of a pool to another, and sees everything else.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv6Addr},
};

use weir_5g_reader::{CoreModel, Product, SliceKey, open5gs::Outcome};
use weir_compiler::plan::{Point, cores::CorePlan};
use weir_lab::{
    Lab, Place, available,
    package::{NOW, Package},
};

const STATION: &str = env!("CARGO_BIN_EXE_weir-station");

/// Both families, a user plane that two slices share, and one for a slice alone.
const BOTH_FAMILIES: &str = include_str!("../../proof/tests/cores/open5gs.weir");

/// A UE.
struct Ue {
    imsi: String,
    slice: usize,
    addresses: Vec<IpAddr>,
    place: Place,
}

struct Campus {
    package: Package,
    lab: Lab,
    ues: Vec<Ue>,
}

impl Campus {
    /// The first two devices of each slice that are in no other, each on its own.
    fn new(package: Package) -> Self {
        let mut lab = Lab::staffed(&package, STATION);
        let core = &package.plan.cores[0];
        let mut ues: Vec<Ue> = Vec::new();
        for subscriber in &core.subscribers {
            let [session] = subscriber.sessions.as_slice() else { continue };
            if ues.iter().filter(|ue| ue.slice == session.slice).count() == 2 {
                continue;
            }
            // a UE chooses the second half of its address
            let own = |net: ipnet::Ipv6Net| Ipv6Addr::from(u128::from(net.network()) + 0xfe).into();
            let addresses: Vec<IpAddr> =
                session.v4.map(IpAddr::V4).into_iter().chain(session.v6.map(own)).collect();
            let slice = &core.slices[session.slice];
            let gateways: Vec<IpAddr> = slice.pools.iter().map(|pool| pool.gateway).collect();
            let segments = &package.facts.model.segments;
            let segment = segments.iter().position(|segment| segment.name == slice.name).unwrap();
            let place = lab.apart(segment, &addresses, &gateways, STATION);
            ues.push(Ue {
                imsi: subscriber.supi.digits().to_owned(),
                slice: session.slice,
                addresses,
                place,
            });
        }
        Self { package, lab, ues }
    }

    fn core(&self) -> &CorePlan {
        &self.package.plan.cores[0]
    }

    /// The core's files, as the core reads them.
    fn files(&self) -> CoreModel {
        let targets = weir_compiler::package::Targets::default();
        let emitted = weir_emission::emit(Point::Core(self.core()), &self.package.plan, &targets).unwrap();
        let files: Vec<(String, String)> = emitted
            .artifacts
            .into_iter()
            .map(|file| {
                let below = file.path.splitn(3, '/').nth(2).unwrap().to_owned();
                (below, String::from_utf8(file.contents).unwrap())
            })
            .collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
        weir_5g_reader::read(Product::Open5gs, &files).unwrap()
    }

    /// Pairs of UEs whose packets their user plane sends straight to each other, by the core's own rules.
    fn hairpins(&self) -> BTreeSet<(usize, usize)> {
        let model = self.files();
        let core = model.open5gs.unwrap();
        let mut sessions = Vec::new();
        for ue in &self.ues {
            let slice = &self.core().slices[ue.slice];
            let key = SliceKey::new(slice.snssai.sst, slice.snssai.sd());
            let area = self.core().radios[slice.radios[0]].tac;
            match core.session(&ue.imsi, key, &slice.dnn, area) {
                Outcome::Session(found) => sessions.push((ue.imsi.clone(), found)),
                other => unreachable!("{other:?}"),
            }
        }
        let at = |imsi: &String| self.ues.iter().position(|ue| ue.imsi == *imsi).unwrap();
        let mut pairs = BTreeSet::new();
        for (_, _, members) in core.hairpins(&sessions) {
            for one in &members {
                pairs.extend(members.iter().filter(|other| *other != one).map(|other| (at(one), at(other))));
            }
        }
        pairs
    }

    /// Whether one UE gets an answer of another, over each family that both have.
    fn reaches(&self, from: usize, to: usize, patience: u32) -> Vec<bool> {
        let (one, other) = (&self.ues[from], &self.ues[to]);
        let mut answers = Vec::new();
        for source in &one.addresses {
            let targets = other.addresses.iter().filter(|target| target.is_ipv4() == source.is_ipv4());
            for target in targets {
                let target = std::net::SocketAddr::new(*target, 502);
                let order = format!("tcp {source} {target} {patience}");
                answers.push(self.lab.station(one.place).done(&order));
            }
        }
        answers
    }

    fn pairs(&self) -> Vec<(usize, usize)> {
        let all = 0..self.ues.len();
        all.clone().flat_map(|from| all.clone().map(move |to| (from, to))).filter(|(a, b)| a != b).collect()
    }

    fn listen(&self) {
        for ue in &self.ues {
            assert!(self.lab.station(ue.place).done("listen-tcp 502"));
        }
    }

    fn gateway(&self, slice: usize) -> usize {
        let name = &self.core().user_planes[self.core().slices[slice].user_plane].name;
        self.package.facts.model.gateways.iter().position(|gateway| gateway.name == *name).unwrap()
    }

    /// Everybody against everybody, without the rulesets and with them.
    fn all_against_all(&self) {
        self.listen();
        for (from, to) in self.pairs() {
            let answers = self.reaches(from, to, 4_000);
            assert!(answers.iter().all(|answer| *answer), "{from} -> {to} without a ruleset: {answers:?}");
        }
        self.lab.load(&self.package);
        let hairpins = self.hairpins();
        assert!(!hairpins.is_empty() && hairpins.len() < self.pairs().len());
        for (from, to) in self.pairs() {
            let inside = hairpins.contains(&(from, to));
            let answers = self.reaches(from, to, if inside { 4_000 } else { 300 });
            assert!(answers.iter().all(|answer| *answer == inside), "{from} -> {to}: {answers:?}");
        }
        // what the kernel shows is what the package was warned of, by name
        for (from, to) in hairpins {
            assert_eq!(self.ues[from].slice, self.ues[to].slice);
            let place = &self.core().slices[self.ues[from].slice].name;
            assert!(self.package.plan.gaps.iter().any(|gap| gap.place == *place), "{place}");
        }
    }

    /// What its user plane's host does with a packet of a UE.
    fn fate(&self, ue: &Ue, source: &str, target: &str) -> Fate {
        let gateway = self.gateway(ue.slice);
        let counted = || ["n_spoofed", "n_denied_forward"].map(|name| self.lab.counted(gateway, name));
        let before = counted();
        assert!(self.lab.station(ue.place).done(&format!("forge {source} {target}")), "{source}");
        let after = counted();
        match (after[0] > before[0], after[1] > before[1]) {
            (true, _) => Fate::Spoofed,
            (false, true) => Fate::Denied,
            (false, false) => Fate::Passed,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// Its source does not belong behind that interface.
    Spoofed,
    /// Nobody with its source is permitted this.
    Denied,
    Passed,
}

#[test]
fn who_reaches_whom_is_what_the_core_is_told() {
    if available() {
        Campus::new(Package::example("campus_5g", "")).all_against_all();
    }
}

#[test]
fn with_both_families_too() {
    if !available() {
        return;
    }
    let campus = Campus::new(Package::text(BOTH_FAMILIES, NOW));
    campus.all_against_all();
    // what policy permits passes, over either
    let segments = &campus.package.facts.model.segments;
    let behind = Place::Segment(segments.iter().position(|segment| segment.name == "n6").unwrap());
    assert!(campus.lab.station(behind).done("listen-tcp 502"));
    let agv = campus.ues.iter().find(|ue| ue.addresses.len() == 2).unwrap();
    for (source, target) in agv.addresses.iter().zip(["10.1.0.10:502", "[2001:db8:1::10]:502"]) {
        assert!(campus.lab.station(agv.place).done(&format!("tcp {source} {target} 4000")), "{source}");
    }
}

/// Sources that are not the UE's own: of another slice, of the plant, of nobody, and of its own pool. The last are told apart by
/// permission: an address that no device has is permitted nothing. Only another device's of the same pool is not seen here: the
/// UPF holds it, which knows by which tunnel a packet came.
#[test]
fn a_device_sends_with_its_own_addresses_only() {
    if !available() {
        return;
    }
    let campus = Campus::new(Package::text(BOTH_FAMILIES, NOW));
    campus.lab.load(&campus.package);
    let (v4, v6) = ("10.1.0.10:5683", "[2001:db8:1::10]:5683");
    let agv = campus.ues.iter().find(|ue| ue.addresses.len() == 2).unwrap();
    let IpAddr::V6(own) = agv.addresses[1] else { unreachable!("IPv4 stands first") };
    // any address of its /64
    let another = Ipv6Addr::from(u128::from(own) + 0x1234_5678);
    let own = [(agv.addresses[0].to_string(), v4), (own.to_string(), v6), (another.to_string(), v6)];
    let own = own.map(|(source, target)| (source, target, Fate::Passed));
    let others = [
        ("10.61.0.200", v4, Fate::Denied),
        ("10.62.0.11", v4, Fate::Spoofed),
        ("10.1.0.10", v4, Fate::Spoofed),
        ("203.0.113.5", v4, Fate::Spoofed),
        ("2001:db8:61:ff::5", v6, Fate::Denied),
        ("2001:db8:63:5::5", v6, Fate::Spoofed),
        ("2001:db8:1::77", v6, Fate::Spoofed),
        ("2001:db8:ffff::5", v6, Fate::Spoofed),
    ];
    let others = others.map(|(source, target, fate)| (source.to_owned(), target, fate));
    for (source, target, fate) in own.into_iter().chain(others) {
        assert_eq!(campus.fate(agv, &source, target), fate, "{source}");
    }
}
