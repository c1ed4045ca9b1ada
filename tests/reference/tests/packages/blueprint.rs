//! What a random package consists of. Numbers that choose one of several things wrap around, so that every blueprint
//! means something and every shrunk one does.

use proptest::{collection::vec, prelude::*};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topology {
    /// Networks in a row.
    Line(usize),
    /// One gateway.
    Star(usize),
    /// A network of gateways, and one more behind each.
    Backbone(usize),
    /// Three gateways, joined in a circle.
    Ring,
    /// Two gateways side by side, a third behind them.
    Parallel,
}

impl Topology {
    /// The networks that each gateway joins.
    pub(crate) fn gateways(self) -> Vec<Vec<usize>> {
        match self {
            Self::Line(count) => (0..count).map(|gateway| vec![gateway, gateway + 1]).collect(),
            Self::Star(networks) => vec![(0..networks).collect()],
            Self::Backbone(count) => (0..count).map(|gateway| vec![0, gateway + 1]).collect(),
            Self::Ring => (0..3).map(|gateway| vec![gateway, (gateway + 1) % 3, gateway + 3]).collect(),
            Self::Parallel => vec![vec![0, 1], vec![0, 1], vec![1, 2]],
        }
    }

    pub(crate) fn networks(self) -> usize {
        self.gateways().iter().flatten().max().map_or(0, |last| last + 1)
    }
}

/// Which addresses there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
    Dual,
}

impl Family {
    pub(crate) fn has_v4(self) -> bool {
        self != Self::V6
    }
    pub(crate) fn has_v6(self) -> bool {
        self != Self::V4
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub(crate) network: usize,
    /// A second place, unless it is an array.
    pub(crate) also: Option<usize>,
    /// 0 for a device that is no array.
    pub(crate) count: u32,
    /// 0 is none, 1 is `C0`, 2 is `C1 : C0`.
    pub(crate) class: usize,
    pub(crate) serves: Vec<Served>,
    pub(crate) family: Family,
    pub(crate) mac: bool,
}

/// A protocol, on its default or a port of the server's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Served {
    pub(crate) protocol: usize,
    pub(crate) port: Option<u16>,
}

#[derive(Clone, Debug)]
pub(crate) enum Expr {
    /// One of the names that the package has.
    Name(usize),
    Union(Vec<Self>),
    Intersection(Vec<Self>),
    Difference(Box<Self>, Box<Self>),
}

/// What follows the colon; see [`super::text::service`].
pub(crate) type Service = usize;

#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) deny: bool,
    pub(crate) both: bool,
    pub(crate) sources: Expr,
    pub(crate) destinations: Expr,
    pub(crate) services: Vec<Service>,
    /// Which policy it stands in; the last is none.
    pub(crate) policy: usize,
    pub(crate) condition: usize,
}

#[derive(Clone)]
pub(crate) struct Blueprint {
    pub(crate) topology: Topology,
    /// Of all networks; where it is both, each device may have one only.
    pub(crate) family: Family,
    /// Zones; networks are dealt to them in turn.
    pub(crate) zones: usize,
    pub(crate) nested: bool,
    /// A gateway that filters nothing.
    pub(crate) plain: Option<usize>,
    pub(crate) gateway_serves: Vec<Served>,
    pub(crate) devices: Vec<Device>,
    /// 0 to 3: none, one, one inside of the other, two.
    pub(crate) externals: usize,
    pub(crate) external_serves: Vec<Served>,
    pub(crate) groups: Vec<Expr>,
    pub(crate) statements: Vec<Statement>,
    /// A name that the package is written without; see the metamorphic tests.
    pub(crate) removed: Option<String>,
    /// A prefix of all devices' names.
    pub(crate) prefix: &'static str,
}

impl std::fmt::Debug for Blueprint {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let files = super::text::files(self, &super::text::Layout::default());
        writeln!(out)?;
        files.iter().try_for_each(|(_, text)| out.write_str(text))
    }
}

fn served() -> impl Strategy<Value = Vec<Served>> {
    let one = (0..5usize, proptest::option::weighted(0.4, 7_000..7_008u16))
        // the last has no port of its own accord
        .prop_map(|(protocol, port)| Served {
            protocol,
            port: if protocol == 4 { port.or(Some(7_003)) } else { port },
        });
    vec(one, 0..4)
}

fn expr() -> impl Strategy<Value = Expr> {
    let name = (0..64usize).prop_map(Expr::Name);
    name.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            3 => vec(inner.clone(), 2..4).prop_map(Expr::Union),
            1 => vec(inner.clone(), 2..3).prop_map(Expr::Intersection),
            2 => (inner.clone(), inner).prop_map(|(left, right)| Expr::Difference(Box::new(left), Box::new(right))),
        ]
    })
}

fn device() -> impl Strategy<Value = Device> {
    let family = prop_oneof![6 => Just(Family::Dual), 1 => Just(Family::V4), 1 => Just(Family::V6)];
    let count = prop_oneof![2 => Just(0u32), 1 => 1..5u32];
    (
        0..6usize,
        proptest::option::weighted(0.15, 0..6usize),
        count,
        0..3usize,
        served(),
        family,
        any::<bool>(),
    )
        .prop_map(|(network, also, count, class, serves, family, mac)| Device {
            network,
            also,
            count,
            class,
            serves,
            family,
            mac,
        })
}

pub(crate) fn statement() -> impl Strategy<Value = Statement> {
    (
        proptest::bool::weighted(0.3),
        proptest::bool::weighted(0.1),
        expr(),
        expr(),
        vec(0..super::text::SERVICES, 1..3),
        0..4usize,
        0..6usize,
    )
        .prop_map(|(deny, both, sources, destinations, services, policy, condition)| Statement {
            deny,
            both,
            sources,
            destinations,
            services,
            policy,
            condition,
        })
}

pub(crate) fn blueprint() -> impl Strategy<Value = Blueprint> {
    let topology = prop_oneof![
        (1..4usize).prop_map(Topology::Line),
        (2..5usize).prop_map(Topology::Star),
        (2..4usize).prop_map(Topology::Backbone),
        Just(Topology::Ring),
        Just(Topology::Parallel),
    ];
    let family = prop_oneof![2 => Just(Family::V4), 1 => Just(Family::V6), 2 => Just(Family::Dual)];
    let plant = (topology, family, 1..4usize, any::<bool>(), proptest::option::weighted(0.1, 0..3usize));
    let who = (served(), vec(device(), 1..7), 0..4usize, served());
    (plant, who, vec(expr(), 0..4), vec(statement(), 1..8)).prop_map(
        |(
            (topology, family, zones, nested, plain),
            (gateway_serves, devices, externals, external_serves),
            groups,
            statements,
        )| {
            Blueprint {
                topology,
                family,
                zones,
                nested,
                plain,
                gateway_serves,
                devices,
                externals,
                external_serves,
                groups,
                statements,
                removed: None,
                prefix: "dev",
            }
        },
    )
}
