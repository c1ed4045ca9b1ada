//! Who is in a set, by the blueprint alone: the second opinion on the compiler's set expressions.

use std::collections::{BTreeMap, BTreeSet};

use super::blueprint::{Blueprint, Device, Expr, Served};

pub(crate) type Members = BTreeSet<String>;

/// Every name that an expression may use, in a fixed order, with its members.
pub(crate) struct Names {
    pub(crate) list: Vec<(String, Members)>,
    /// What each principal serves.
    pub(crate) serves: BTreeMap<String, Vec<Served>>,
    /// The set expression of each group.
    pub(crate) groups: Vec<String>,
    removed: Option<String>,
}

impl Blueprint {
    pub(crate) fn network_of(&self, number: usize) -> usize {
        number % self.topology.networks()
    }

    pub(crate) fn zone_of(&self, network: usize) -> usize {
        network % self.zones
    }

    pub(crate) fn networks_of(&self, device: &Device) -> Vec<usize> {
        let mut networks = vec![self.network_of(device.network)];
        if device.count == 0 {
            networks.extend(device.also.map(|also| self.network_of(also)));
        }
        networks.sort_unstable();
        networks.dedup();
        networks
    }

    pub(crate) fn device_name(&self, index: usize) -> String {
        format!("{}{index}", self.prefix)
    }

    /// The principals that a device declaration makes.
    fn elements(&self, index: usize) -> Vec<String> {
        let name = self.device_name(index);
        match self.devices[index].count {
            0 => vec![name],
            count => (1..=count).map(|element| format!("{name}[{element}]")).collect(),
        }
    }
}

impl Names {
    pub(crate) fn new(plant: &Blueprint) -> Self {
        let mut list: Vec<(String, Members)> = Vec::new();
        let mut serves: BTreeMap<String, Vec<Served>> = BTreeMap::new();
        let networks = plant.topology.networks();
        let mut of_network = vec![Members::new(); networks];
        let mut of_class = vec![Members::new(); 2];
        let mut of_zone = vec![Members::new(); plant.zones];
        for (index, device) in plant.devices.iter().enumerate() {
            if plant.removed.as_ref() == Some(&plant.device_name(index)) {
                // keeps its place in the list, so that other names keep theirs
                list.push((plant.device_name(index), Members::new()));
                list.extend((device.count > 0).then(|| (plant.device_name(index), Members::new())));
                continue;
            }
            let elements: Members = plant.elements(index).into_iter().collect();
            for network in plant.networks_of(device) {
                of_network[network].extend(elements.iter().cloned());
                of_zone[plant.zone_of(network)].extend(elements.iter().cloned());
            }
            for class in of_class.iter_mut().take(device.class) {
                class.extend(elements.iter().cloned());
            }
            for element in &elements {
                serves.insert(element.clone(), device.serves.clone());
            }
            list.push((plant.device_name(index), elements.clone()));
            if device.count > 0 {
                let last = format!("{}[{}]", plant.device_name(index), device.count);
                list.push((last.clone(), Members::from([last])));
            }
        }
        for (index, joined) in plant.topology.gateways().iter().enumerate() {
            let name = format!("gw{index}");
            for network in joined {
                of_network[*network].insert(name.clone());
                of_zone[plant.zone_of(*network)].insert(name.clone());
            }
            serves.insert(name.clone(), plant.gateway_serves.clone());
            list.push((name.clone(), Members::from([name])));
        }
        for (name, members) in externals(plant.externals) {
            of_zone[0].extend(members.iter().cloned());
            serves.insert(name.clone(), plant.external_serves.clone());
            list.push((name, members));
        }
        list.extend(
            of_network.into_iter().enumerate().map(|(index, members)| (format!("net{index}"), members)),
        );
        if plant.nested && plant.zones > 1 {
            let inner = of_zone[1].clone();
            of_zone[0].extend(inner);
        }
        list.extend(of_zone.into_iter().enumerate().map(|(index, members)| (format!("z{index}"), members)));
        list.extend(of_class.into_iter().enumerate().map(|(index, members)| (format!("C{index}"), members)));
        let mut names = Self { list, serves, groups: Vec::new(), removed: plant.removed.clone() };
        for protocol in 0..5 {
            let members =
                names.serves.iter().filter(|(_, list)| list.iter().any(|served| served.protocol == protocol));
            let members = members.map(|(name, _)| name.clone()).collect();
            names.list.push((format!("servers{protocol}"), members));
        }
        for (index, group) in plant.groups.iter().enumerate() {
            let members = names.members(group);
            names.groups.push(names.text(group));
            names.list.push((format!("group{index}"), members));
        }
        names
    }

    /// An expression as the package has it.
    pub(crate) fn text(&self, expr: &Expr) -> String {
        let joined = |parts: &[Expr], by: &str| {
            parts.iter().map(|part| self.operand(part)).collect::<Vec<_>>().join(by)
        };
        match expr {
            Expr::Name(_) => self.operand(expr),
            Expr::Union(parts) => joined(parts, " | "),
            Expr::Intersection(parts) => joined(parts, " & "),
            Expr::Difference(left, right) => format!("{} - {}", self.operand(left), self.operand(right)),
        }
    }

    fn operand(&self, expr: &Expr) -> String {
        let Expr::Name(number) = expr else { return format!("({})", self.text(expr)) };
        let name = &self.list[number % self.list.len()].0;
        let whole = name.split('[').next().unwrap_or_default();
        if self.removed.as_deref() == Some(whole) { "(net0 - net0)".into() } else { name.clone() }
    }

    /// Groups see the names before them only, since the list grows with each.
    pub(crate) fn members(&self, expr: &Expr) -> Members {
        match expr {
            Expr::Name(number) => self.list[number % self.list.len()].1.clone(),
            Expr::Union(parts) => parts.iter().flat_map(|part| self.members(part)).collect(),
            Expr::Intersection(parts) => {
                let mut sets = parts.iter().map(|part| self.members(part));
                let first = sets.next().unwrap_or_default();
                sets.fold(first, |both, set| both.intersection(&set).cloned().collect())
            }
            Expr::Difference(left, right) => {
                self.members(left).difference(&self.members(right)).cloned().collect()
            }
        }
    }
}

/// Names of the externals and the regions in each, which are named by the smallest external around them.
pub(crate) fn externals(kind: usize) -> Vec<(String, Members)> {
    let of = |members: &[&str]| members.iter().map(|name| (*name).to_owned()).collect::<Members>();
    match kind {
        0 => Vec::new(),
        1 => vec![("x0".into(), of(&["x0"]))],
        2 => vec![("x0".into(), of(&["x0", "x1"])), ("x1".into(), of(&["x1"]))],
        _ => vec![("x0".into(), of(&["x0"])), ("x1".into(), of(&["x1"]))],
    }
}
