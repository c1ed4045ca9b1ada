//! Random plans, from a pool of addresses and services small enough that they overlap.

use std::net::IpAddr;
use std::sync::Arc;

use proptest::prelude::*;
use weir_compiler::plan::{
    Action, AddressSet, Binding, GatewayPlan, Hook, InterfacePlan, Limit, MacBinding, OperationMatch,
    PayloadProtocol, PlanRule, PortMatch, RequestMatch, Statement, Transport,
};

pub(crate) const UNTIL: i64 = 2_000_000_000;

const V4: [&str; 8] = [
    "10.0.0.1",
    "10.0.0.2",
    "10.0.0.0-10.0.0.7",
    "10.0.0.5-10.0.0.9",
    "10.0.1.0-10.0.1.255",
    "10.0.1.7",
    "10.0.0.200-10.0.1.199",
    "0.0.0.0-255.255.255.255",
];
const V6: [&str; 5] = [
    "2001:db8::1",
    "2001:db8::-2001:db8::ffff:ffff:ffff:ffff",
    "2001:db8::5-2001:db8::9",
    "2001:db8:1::2",
    "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
];
const SERVICES: [(Transport, u16, u16); 8] = [
    (Transport::Tcp, 80, 80),
    (Transport::Tcp, 502, 502),
    (Transport::Tcp, 0, 65535),
    (Transport::Tcp, 1000, 2999),
    (Transport::Udp, 53, 53),
    (Transport::Udp, 47808, 47808),
    (Transport::Sctp, 5, 6),
    (Transport::IcmpEcho, 0, 0),
];

fn chosen<T: Copy>(all: &[T], mask: u16) -> Vec<T> {
    all.iter().enumerate().filter(|(index, _)| mask >> index & 1 == 1).map(|(_, one)| *one).collect()
}

fn addresses(v4: u16, v6: u16) -> AddressSet {
    let range = |text: &str| -> (IpAddr, IpAddr) {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        (first.parse().unwrap(), last.parse().unwrap())
    };
    chosen(&V4, v4).into_iter().chain(chosen(&V6, v6)).map(range).collect()
}

fn request(functions: &[u16], items: Option<(u16, u16)>, value: Option<u16>) -> RequestMatch {
    RequestMatch { functions: functions.to_vec(), items, value }
}

/// Operations that a filter can hold, with the one service that they run over.
pub(crate) fn operations() -> Vec<(OperationMatch, PortMatch)> {
    let over = |transport, port| PortMatch { transport, first: port, last: port };
    let make = |protocol, requests| OperationMatch { protocol, requests };
    let bacnet = over(Transport::Udp, 47808);
    let coap = over(Transport::Udp, 5683);
    let modbus = over(Transport::Tcp, 502);
    use PayloadProtocol::{BacnetIp, Coap, ModbusTcp};
    vec![
        (make(BacnetIp, vec![request(&[12], None, None)]), bacnet),
        (make(BacnetIp, vec![request(&[12, 14, 0x1008], None, None)]), bacnet),
        (make(BacnetIp, vec![request(&[0x1007, 0x1008], None, None)]), bacnet),
        (make(BacnetIp, vec![request(&[0x1007], None, None)]), bacnet),
        (make(Coap, vec![request(&[1], None, None)]), coap),
        (make(Coap, vec![request(&[1, 2, 5], None, None)]), coap),
        (make(ModbusTcp, vec![request(&[1, 2, 3, 4, 7, 11, 12, 17, 20, 24], None, None)]), modbus),
        (
            make(
                ModbusTcp,
                vec![request(&[3], Some((0, 3)), None), request(&[5], Some((17, 17)), Some(0xff00))],
            ),
            modbus,
        ),
        (
            make(
                ModbusTcp,
                vec![request(&[15, 16, 22], Some((100, 103)), None), request(&[8, 23, 43], None, None)],
            ),
            modbus,
        ),
        (make(ModbusTcp, vec![request(&[1, 2], Some((7, 7)), None), request(&[6], None, Some(3))]), modbus),
        (make(ModbusTcp, vec![request(&[3, 4], Some((100, 65535)), None)]), modbus),
    ]
}

type Rule = (u8, (u16, u16), (u16, u16), u16, u8, u8);

fn action(kind: u8) -> (Action, Option<PortMatch>) {
    let limit = |count, seconds| Some(Limit { count, seconds });
    let plain = Action::default();
    match kind {
        0..=3 => (plain, None),
        4 => (Action { limit: limit(6, 60), ..plain }, None),
        5 => (Action { limit: limit(50, 1), log: true, ..plain }, None),
        6 => (Action { until: Some(UNTIL), ..plain }, None),
        7 => (Action { until: Some(UNTIL), limit: limit(5, 3600), log: true, ..plain }, None),
        8 => (Action { log: true, ..plain }, None),
        9 => (Action { audit: true, ..plain }, None),
        kind => {
            let all = operations();
            let (operations, service) = all[usize::from(kind - 10) % all.len()].clone();
            let limit = if kind % 3 == 0 { limit(2, 1) } else { None };
            let until = (kind % 4 == 0).then_some(UNTIL);
            (
                Action { operations: Some(Arc::new(operations)), limit, until, log: kind % 2 == 0, ..plain },
                Some(service),
            )
        }
    }
}

fn empty() -> GatewayPlan {
    GatewayPlan {
        package: "random".into(),
        name: "gw".into(),
        interfaces: Vec::new(),
        statements: Vec::new(),
        rules: Vec::new(),
        bindings: Vec::new(),
        mac_bindings: Vec::new(),
        redirects: Vec::new(),
        bridges: Vec::new(),
    }
}

/// A plan of one rule.
pub(crate) fn single(rule: PlanRule, statement: Statement, binding: Binding) -> GatewayPlan {
    GatewayPlan { statements: vec![statement], rules: vec![rule], bindings: vec![binding], ..empty() }
}

/// A plan of these rules.
fn build(rules: Vec<Rule>, bindings: Vec<(u16, u16)>, macs: u8) -> GatewayPlan {
    let mut plan = empty();
    for (index, (v4, v6)) in bindings.into_iter().enumerate() {
        let device = format!("eth{index}");
        plan.interfaces.push(InterfacePlan {
            name: device.clone(),
            device: device.clone(),
            addresses: AddressSet::default(),
        });
        plan.bindings.push(Binding { device, sources: addresses(v4, v6) });
    }
    for index in 0..macs {
        plan.mac_bindings.push(MacBinding {
            device: "eth0".into(),
            address: if index % 2 == 0 { "10.0.0.1" } else { "2001:db8::1" }.parse().unwrap(),
            mac: [2, 0, 0, 0, 0, index],
        });
    }
    for (index, (hook, sources, destinations, services, kind, policy)) in rules.into_iter().enumerate() {
        let (action, only) = action(kind);
        let services: Vec<PortMatch> = match only {
            Some(service) => vec![service],
            None => chosen(&SERVICES, services)
                .into_iter()
                .map(|(transport, first, last)| PortMatch { transport, first, last })
                .collect(),
        };
        plan.statements.push(Statement {
            id: format!("p{policy}.{index:04}").into(),
            policy: format!("p{policy}").into(),
        });
        plan.rules.push(PlanRule {
            statement: index as u32,
            hook: [Hook::Forward, Hook::Forward, Hook::Input, Hook::Output][usize::from(hook)],
            sources: Arc::new(addresses(sources.0, sources.1)),
            destinations: Arc::new(addresses(destinations.0, destinations.1)),
            services: services.into(),
            action,
        });
    }
    // Statements are sorted by id.
    let mut order: Vec<usize> = (0..plan.statements.len()).collect();
    order.sort_by(|a, b| plan.statements[*a].id.cmp(&plan.statements[*b].id));
    let mut rank = vec![0; order.len()];
    for (new, old) in order.iter().enumerate() {
        rank[*old] = new as u32;
    }
    plan.statements.sort();
    for rule in &mut plan.rules {
        rule.statement = rank[rule.statement as usize];
    }
    plan
}

/// Random plans. Every rule has some IPv4 source, destination and service, so that none is empty.
pub(crate) fn plans() -> impl Strategy<Value = GatewayPlan> {
    let set = || (1_u16..256, 0_u16..32);
    let rule = (0_u8..4, set(), set(), 1_u16..256, 0_u8..32, 0_u8..3);
    (
        proptest::collection::vec(rule, 0..12),
        proptest::collection::vec((0_u16..256, 0_u16..32), 1..4),
        0_u8..4,
    )
        .prop_map(|(rules, bindings, macs)| build(rules, bindings, macs))
}
