//! Which target renders an enforcement point: the one place that knows all targets.

use weir_compiler::{
    package::Targets,
    plan::{GatewayPlan, Plan, Point, ProxyPlan, proxies::ProxyKind},
};
use weir_target_5g as mobile;
use weir_target_envoy as envoy;
use weir_target_kubernetes as kubernetes;
use weir_target_modbus as modbus;
use weir_target_mosquitto as mosquitto;
use weir_target_nftables as nftables;
use weir_targets::{Emitted, TargetGuide, file_name};

/// What artifacts are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    Nftables,
    Kubernetes,
    Envoy,
    Modbus,
    Mosquitto,
    Mobile,
}

/// Why a target cannot render a point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub what: String,
    /// The id of the statement that it cannot say, where it is one.
    pub statement: Option<String>,
    pub help: String,
}

impl Target {
    /// In the order in which trees are made and described.
    pub const ALL: [Self; 6] =
        [Self::Nftables, Self::Kubernetes, Self::Envoy, Self::Modbus, Self::Mosquitto, Self::Mobile];

    /// The target that renders a point.
    pub fn of(point: Point<'_>) -> Self {
        match point {
            Point::Gateway(_) => Self::Nftables,
            Point::Cluster(_) => Self::Kubernetes,
            Point::Proxy(ProxyPlan { kind: ProxyKind::Envoy, .. }) => Self::Envoy,
            Point::Proxy(ProxyPlan { kind: ProxyKind::Modbus, .. }) => Self::Modbus,
            Point::Proxy(ProxyPlan { kind: ProxyKind::Mosquitto, .. }) => Self::Mosquitto,
            Point::Core(_) => Self::Mobile,
        }
    }

    /// Its name on the command line, and its folder in a tree.
    pub fn word(self) -> &'static str {
        match self {
            Self::Nftables => nftables::TARGET,
            Self::Kubernetes => kubernetes::TARGET,
            Self::Envoy => envoy::TARGET,
            Self::Modbus => modbus::TARGET,
            Self::Mosquitto => mosquitto::TARGET,
            Self::Mobile => mobile::TARGET,
        }
    }

    /// What the README of a tree says about it.
    pub fn guide(self, plan: &Plan, options: &Targets) -> TargetGuide {
        let points = || plan.points().filter(|point| Self::of(*point) == self);
        let names = || -> Vec<String> { points().map(|point| point.name().to_owned()).collect() };
        let section = match self {
            Self::Nftables => {
                let those = |fits: fn(&GatewayPlan) -> bool| -> Vec<String> {
                    plan.gateways.iter().filter(|one| fits(one)).map(|one| one.name.clone()).collect()
                };
                let bridges = those(|one| !one.bridges.is_empty());
                let transparent = those(|one| !one.redirects.is_empty());
                nftables::readme_section(&names(), &bridges, &transparent)
            }
            Self::Kubernetes => {
                let clusters = points().filter_map(|point| match point {
                    Point::Cluster(cluster) => Some(cluster),
                    _ => None,
                });
                kubernetes::readme_section(&clusters.collect::<Vec<_>>())
            }
            Self::Envoy => envoy::readme_section(&names(), &(&options.envoy).into()),
            Self::Modbus => modbus::readme_section(&names(), &(&options.modbus).into()),
            Self::Mosquitto => mosquitto::readme_section(&names(), &(&options.mosquitto).into()),
            Self::Mobile => mobile::readme_section(&plan.cores.iter().collect::<Vec<_>>()),
        };
        TargetGuide { target: self.word(), section }
    }
}

/// The artifacts of one point of a plan.
///
/// # Errors
/// What its target cannot say; nothing is made then.
pub fn emit(point: Point<'_>, plan: &Plan, options: &Targets) -> Result<Emitted, Refusal> {
    let refused = |what: &str, error: String, statement: Option<&str>, help: &str| Refusal {
        what: format!("{what} `{}` cannot be built: {error}", point.name()),
        statement: statement.map(str::to_owned),
        help: help.to_owned(),
    };
    match point {
        Point::Gateway(gateway) => match nftables::emit(gateway, &(&options.nftables).into()) {
            Ok(emission) => Ok(Emitted {
                point: gateway.name.clone(),
                artifacts: emission.artifacts,
                carried: vec![emission.carried],
            }),
            Err(error) => Err(refused("gateway", error.to_string(), error.statement(), error.help())),
        },
        Point::Cluster(cluster) => kubernetes::emit(cluster).map_err(|error| {
            refused("the policies of cluster", error.to_string(), error.statement(), error.help())
        }),
        Point::Proxy(proxy) => match proxy.kind {
            ProxyKind::Envoy => envoy::emit(proxy, &(&options.envoy).into())
                .map_err(|error| refused("gateway", error.to_string(), None, error.help())),
            ProxyKind::Modbus => modbus::emit(proxy, &(&options.modbus).into())
                .map_err(|error| refused("gateway", error.to_string(), None, &error.help())),
            ProxyKind::Mosquitto => mosquitto::emit(proxy, &(&options.mosquitto).into())
                .map_err(|error| refused("gateway", error.to_string(), None, error.help())),
        },
        Point::Core(core) => mobile::emit(core, &plan.gaps).map_err(|error| {
            refused("the settings of core", error.to_string(), error.statement(), error.help())
        }),
    }
}

/// What the paths of a point's artifacts begin with. Other points' paths may begin with it too.
pub fn stem(point: Point<'_>) -> String {
    format!("{}/{}", Target::of(point).word(), file_name(point.name()))
}

/// Whether a path of a tree is one of a point's artifacts, or in their place.
pub fn is_of(point: Point<'_>, path: &str) -> bool {
    let Some(rest) = path.strip_prefix(&stem(point)) else { return false };
    match Target::of(point) {
        Target::Nftables => rest == ".nft" || rest.starts_with(".d/"),
        Target::Envoy => rest == ".yaml" || rest.starts_with(".d/"),
        Target::Kubernetes | Target::Modbus | Target::Mosquitto | Target::Mobile => rest.starts_with('/'),
    }
}
