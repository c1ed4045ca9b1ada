//! The N6 side of slices in the kernel: the interfaces are named as the cores' files name them, every slice knocks at every
//! other, and UEs send with addresses that are not theirs.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use weir_compiler::plan::cores::{CorePlan, SlicePlan};
use weir_lab::{Lab, Place, available, package::Package};

/// Stands for the stations of a namespace.
const STATION: &str = env!("CARGO_BIN_EXE_weir-station");

struct Campus {
    package: Package,
    lab: Lab,
}

impl Campus {
    fn new() -> Self {
        let package = Package::example("campus_5g", "");
        let lab = Lab::staffed(&package, STATION);
        Self { package, lab }
    }

    fn core(&self) -> &CorePlan {
        &self.package.plan.cores[0]
    }

    fn segment(&self, name: &str) -> Place {
        let segments = &self.package.facts.model.segments;
        Place::Segment(segments.iter().position(|segment| segment.name == name).unwrap())
    }

    fn gateway(&self, slice: &SlicePlan) -> usize {
        let name = &self.core().user_planes[slice.user_plane].name;
        self.package.facts.model.gateways.iter().position(|gateway| gateway.name == *name).unwrap()
    }

    /// The address of the first device of a slice.
    fn ue(&self, slice: usize) -> String {
        let sessions = self.core().subscribers.iter().flat_map(|one| &one.sessions);
        sessions
            .filter(|session| session.slice == slice)
            .filter_map(|session| session.v4)
            .min()
            .unwrap()
            .to_string()
    }
}

#[test]
fn interfaces_have_the_names_that_cores_are_told() {
    if !available() {
        return;
    }
    let campus = Campus::new();
    for slice in &campus.core().slices {
        let gateway = Place::Gateway(campus.gateway(slice));
        let show =
            |what: &str| campus.lab.shell(gateway, &format!("ip -o -4 {what} show dev {}", slice.device));
        // the lab gives every address by itself, and leads the pool to the interface by a route
        let (addresses, routes) = (show("address"), show("route"));
        for pool in &slice.pools {
            assert!(addresses.contains(&format!("inet {}/", pool.gateway)), "{}: {addresses}", slice.name);
            assert!(routes.contains(&pool.net.to_string()), "{}: {routes}", slice.name);
        }
    }
}

/// Without the rulesets the slices reach each other, through the routing of the user planes' hosts; with them none does.
#[test]
fn no_slice_reaches_another() {
    if !available() {
        return;
    }
    let campus = Campus::new();
    let count = campus.core().slices.len();
    assert_eq!(count, 3);
    for slice in &campus.core().slices {
        assert!(campus.lab.station(campus.segment(&slice.name)).done("listen-tcp 502"));
    }
    let reaches = |from: usize, to: usize, patience: u32| {
        let (own, other) = (campus.ue(from), campus.ue(to));
        let station = campus.lab.station(campus.segment(&campus.core().slices[from].name));
        station.done(&format!("tcp {own} {other}:502 {patience}"))
    };
    let pairs =
        || (0..count).flat_map(|from| (0..count).map(move |to| (from, to))).filter(|(from, to)| from != to);
    for (from, to) in pairs() {
        assert!(reaches(from, to, 4_000), "separate slices do not separate traffic: {from} -> {to}");
    }
    campus.lab.load(&campus.package);
    for (from, to) in pairs() {
        assert!(!reaches(from, to, 300), "{from} -> {to}");
    }
    // and what policy permits passes still
    let [crane, server] = [campus.ue(0), "10.80.1.10:502".to_owned()];
    assert!(campus.lab.station(campus.segment("yard_net")).done("listen-tcp 502"));
    assert!(campus.lab.station(campus.segment("cranes")).done(&format!("tcp {crane} {server} 4000")));
}

/// A UE that sends with an address of another pool, of its own pool's user plane, or of the plant behind.
#[test]
fn an_address_of_another_pool_is_dropped_at_the_user_plane() {
    if !available() {
        return;
    }
    let campus = Campus::new();
    campus.lab.load(&campus.package);
    let count = campus.core().slices.len();
    for from in 0..count {
        let slice = &campus.core().slices[from];
        let station = campus.lab.station(campus.segment(&slice.name));
        let gateway = campus.gateway(slice);
        let others = (0..count).filter(|other| *other != from).map(|other| campus.ue(other));
        for source in others.chain(["10.80.1.10".to_owned(), "203.0.113.5".to_owned()]) {
            let before = campus.lab.spoofed(gateway);
            let _ = station.done(&format!("forge {source} 10.80.1.10:502"));
            assert!(campus.lab.spoofed(gateway) > before, "{} with {source}", slice.name);
        }
        let before = campus.lab.spoofed(gateway);
        let _ = station.done(&format!("forge {} 10.80.1.10:502", campus.ue(from)));
        assert_eq!(campus.lab.spoofed(gateway), before, "its own is no other's");
    }
}
