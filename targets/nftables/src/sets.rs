//! Address and service sets, interned: equal sets are stored and compared once.
//!
//! Both families are held as ranges of `u128`, so that one algorithm serves both.

use std::rc::Rc;

use rustc_hash::FxHashMap;
use weir_compiler::plan::{AddressSet, PlanRule, PortMatch, Transport};

/// An inclusive range of addresses.
pub(crate) type Range = (u128, u128);

/// Address family: a dimension of its own everywhere in this target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    pub(crate) const BOTH: [Self; 2] = [Self::V4, Self::V6];

    /// The port under which connection tracking files an echo request: its type and code.
    pub(crate) fn echo_port(self) -> u16 {
        match self {
            Self::V4 => 8 << 8,
            Self::V6 => 128 << 8,
        }
    }
}

/// Ranges up to this many addresses (or ports) become single elements of a hash map; wider ones need an interval map,
/// which costs a packet more.
pub(crate) const EXPAND: u64 = 16;
/// A box is expanded up to this many elements.
pub(crate) const EXPAND_BOX: u64 = 64;

/// How many addresses a range holds, saturating.
pub(crate) fn width((first, last): Range) -> u64 {
    u64::try_from(last - first).unwrap_or(u64::MAX).saturating_add(1)
}

/// A set of one family with what it would cost as elements.
#[derive(Clone)]
pub(crate) struct Addresses {
    pub(crate) ranges: Rc<[Range]>,
    pub(crate) elements: u64,
}

/// Services of one family: disjoint port ranges by transport.
pub(crate) type Ports = Rc<[PortMatch]>;

/// The set without addresses: what a rule of one family has in the other.
const NO_ADDRESSES: u32 = 0;

pub(crate) struct Interner {
    /// Sets of one address, by it: most are.
    single: FxHashMap<u128, u32>,
    addresses: FxHashMap<Rc<[Range]>, u32>,
    by_address: FxHashMap<(*const AddressSet, Family), u32>,
    address_list: Vec<Addresses>,
    services: FxHashMap<Ports, u32>,
    by_service: FxHashMap<(*const PortMatch, usize, Family), u32>,
    service_list: Vec<(Ports, u64)>,
}

impl Default for Interner {
    fn default() -> Self {
        Self {
            single: FxHashMap::default(),
            addresses: FxHashMap::default(),
            by_address: FxHashMap::default(),
            address_list: vec![Addresses { ranges: Rc::from([]), elements: 0 }],
            services: FxHashMap::default(),
            by_service: FxHashMap::default(),
            service_list: Vec::new(),
        }
    }
}

impl Interner {
    /// The set in one family. The same allocation is looked at once; that is sound while the plan is borrowed.
    pub(crate) fn addresses(&mut self, set: &std::sync::Arc<AddressSet>, family: Family) -> u32 {
        let single = match family {
            Family::V4 => match set.v4.as_slice() {
                [] => return NO_ADDRESSES,
                [(first, last)] if first == last => Some(u128::from(*first)),
                _ => None,
            },
            Family::V6 => match set.v6.as_slice() {
                [] => return NO_ADDRESSES,
                [(first, last)] if first == last => Some(*first),
                _ => None,
            },
        };
        if let Some(address) = single {
            return *self.single.entry(address).or_insert_with(|| {
                self.address_list.push(Addresses { ranges: Rc::from([(address, address)]), elements: 1 });
                self.address_list.len() as u32 - 1
            });
        }
        let pointer = (std::sync::Arc::as_ptr(set), family);
        if let Some(id) = self.by_address.get(&pointer) {
            return *id;
        }
        let ranges: Rc<[Range]> = match family {
            Family::V4 => set.v4.iter().map(|(first, last)| (first.into(), last.into())).collect(),
            Family::V6 => set.v6.as_slice().into(),
        };
        let id = *self.addresses.entry(ranges).or_insert_with_key(|ranges| {
            let elements = ranges.iter().map(|r| if width(*r) <= EXPAND { width(*r) } else { 1 }).sum();
            self.address_list.push(Addresses { ranges: Rc::clone(ranges), elements });
            self.address_list.len() as u32 - 1
        });
        self.by_address.insert(pointer, id);
        id
    }

    /// The services of a rule in one family, merged. `None` if a port range is not one.
    pub(crate) fn services(&mut self, rule: &PlanRule, family: Family) -> Option<u32> {
        let pointer = (rule.services.as_ptr(), rule.services.len(), family);
        if let Some(id) = self.by_service.get(&pointer) {
            return Some(*id);
        }
        let mut ports = Vec::with_capacity(rule.services.len());
        for service in rule.services.iter() {
            let echo = service.transport == Transport::IcmpEcho;
            if service.first > service.last || (echo && service.last != 0) {
                return None;
            }
            let port = family.echo_port();
            ports.push(if echo { PortMatch { first: port, last: port, ..*service } } else { *service });
        }
        let ports: Ports = merge(ports).into();
        let id = *self.services.entry(ports).or_insert_with_key(|ports| {
            let elements = |p: &PortMatch| u64::from(p.last - p.first) + 1;
            let cost = ports.iter().map(|p| if elements(p) <= EXPAND { elements(p) } else { 1 }).sum();
            self.service_list.push((Rc::clone(ports), cost));
            self.service_list.len() as u32 - 1
        });
        self.by_service.insert(pointer, id);
        Some(id)
    }

    pub(crate) fn address_set(&self, id: u32) -> &Addresses {
        &self.address_list[id as usize]
    }

    pub(crate) fn service_set(&self, id: u32) -> &[PortMatch] {
        &self.service_list[id as usize].0
    }

    /// About how many elements the destinations and services of a rule become.
    pub(crate) fn cost(&self, destinations: u32, services: u32) -> u64 {
        self.address_set(destinations).elements.saturating_mul(self.service_list[services as usize].1)
    }
}

fn merge(mut ports: Vec<PortMatch>) -> Vec<PortMatch> {
    ports.sort_unstable();
    let mut merged: Vec<PortMatch> = Vec::with_capacity(ports.len());
    for port in ports {
        match merged.last_mut() {
            Some(last)
                if last.transport == port.transport && u32::from(port.first) <= u32::from(last.last) + 1 =>
            {
                last.last = last.last.max(port.last);
            }
            _ => merged.push(port),
        }
    }
    merged
}
