//! Enforcement points: whatever gets artifacts of its own.

use super::{
    ClusterPlan, CorePlan, GatewayPlan, Plan, ProxyPlan, StatementOrigin, gateway::Statement,
    proxies::ProxyKind,
};

/// The plan of one enforcement point.
#[derive(Clone, Copy, Debug)]
pub enum Point<'p> {
    Gateway(&'p GatewayPlan),
    Cluster(&'p ClusterPlan),
    Proxy(&'p ProxyPlan),
    Core(&'p CorePlan),
}

impl<'p> Point<'p> {
    /// Its path in the package; not yet fit for a file name. A host that enforces in several ways is several points of one
    /// name.
    pub fn name(self) -> &'p str {
        match self {
            Self::Gateway(plan) => &plan.name,
            Self::Cluster(plan) => &plan.name,
            Self::Proxy(plan) => &plan.name,
            Self::Core(plan) => &plan.name,
        }
    }

    /// What its artifacts may name, sorted by id.
    pub fn statements(self) -> &'p [Statement] {
        match self {
            Self::Gateway(plan) => &plan.statements,
            Self::Cluster(plan) => &plan.statements,
            Self::Proxy(plan) => &plan.statements,
            Self::Core(plan) => &plan.statements,
        }
    }
}

impl Plan {
    /// All that get artifacts, kind by kind. A cluster without workloads holds nothing, and a broker that serves no MQTT
    /// has nothing to listen on.
    pub fn points(&self) -> impl Iterator<Item = Point<'_>> {
        let gateways = self.gateways.iter().map(Point::Gateway);
        let clusters = self.clusters.iter().filter(|cluster| !cluster.namespaces.is_empty());
        let listens = |proxy: &&ProxyPlan| proxy.kind != ProxyKind::Mosquitto || !proxy.listeners.is_empty();
        let proxies = self.proxies.iter().filter(listens);
        let cores = self.cores.iter().map(Point::Core);
        gateways.chain(clusters.map(Point::Cluster)).chain(proxies.map(Point::Proxy)).chain(cores)
    }

    /// The statement of an id.
    pub fn statement(&self, id: &str) -> Option<&StatementOrigin> {
        let at = self.statements.binary_search_by(|origin| origin.id.as_str().cmp(id)).ok()?;
        self.statements.get(at)
    }
}
