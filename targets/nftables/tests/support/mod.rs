//! Small plans in a few words.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses a part of this, and stops at the first surprise"
)]

pub(crate) mod lab;

use std::net::IpAddr;
use std::sync::Arc;

use weir_compiler::plan::{
    Action, AddressSet, Binding, BridgePlan, BridgePort, FrameRule, GatewayPlan, Hook, InterfacePlan, Limit,
    MacBinding, OperationMatch, PayloadProtocol, PlanRule, PortMac, PortMatch, Ranges, RequestMatch,
    Statement, Transport,
};

/// `10.0.0.0/24`, `10.0.0.5-10.0.0.9`, `10.0.0.1`; several separated by spaces.
pub(crate) fn set(text: &str) -> Arc<AddressSet> {
    let range = |part: &str| -> (IpAddr, IpAddr) {
        if let Some((first, last)) = part.split_once('-') {
            return (first.parse().unwrap(), last.parse().unwrap());
        }
        let (address, bits) = part.split_once('/').unwrap_or((part, "none"));
        match address.parse().unwrap() {
            IpAddr::V4(v4) => {
                let bits = bits.parse().unwrap_or(32);
                let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
                let first = u32::from(v4) & mask;
                (IpAddr::V4(first.into()), IpAddr::V4((first | !mask).into()))
            }
            IpAddr::V6(v6) => {
                let bits = bits.parse().unwrap_or(128);
                let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
                let first = u128::from(v6) & mask;
                (IpAddr::V6(first.into()), IpAddr::V6((first | !mask).into()))
            }
        }
    };
    Arc::new(text.split_whitespace().map(range).collect())
}

/// `tcp/80`, `udp/5000-5100`, `sctp/1`, `echo`; several separated by spaces.
pub(crate) fn services(text: &str) -> Arc<[PortMatch]> {
    text.split_whitespace()
        .map(|part| {
            let (name, ports) = part.split_once('/').unwrap_or((part, "0"));
            let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
            let transport = match name {
                "tcp" => Transport::Tcp,
                "udp" => Transport::Udp,
                "sctp" => Transport::Sctp,
                "echo" => Transport::IcmpEcho,
                other => unreachable!("{other}"),
            };
            PortMatch { transport, first: first.parse().unwrap(), last: last.parse().unwrap() }
        })
        .collect()
}

/// An empty plan with the given bindings `device sources`.
pub(crate) fn plan(bindings: &[(&str, &str)]) -> GatewayPlan {
    GatewayPlan {
        package: "plant".into(),
        name: "gw_turbine".into(),
        interfaces: bindings
            .iter()
            .map(|(device, _)| InterfacePlan {
                name: (*device).into(),
                device: (*device).into(),
                addresses: AddressSet::default(),
            })
            .collect(),
        statements: Vec::new(),
        rules: Vec::new(),
        bindings: bindings
            .iter()
            .map(|(device, sources)| Binding { device: (*device).into(), sources: (*set(sources)).clone() })
            .collect(),
        mac_bindings: Vec::new(),
        redirects: Vec::new(),
        bridges: Vec::new(),
    }
}

/// Adds a rule with a statement of its own. `policy.hash` is the statement id; statements must come in order.
pub(crate) fn rule(
    plan: &mut GatewayPlan,
    id: &str,
    hook: Hook,
    from: &str,
    to: &str,
    by: &str,
    action: Action,
) {
    let policy = id.rsplit_once('.').unwrap().0.to_owned();
    plan.statements.push(Statement { id: id.into(), policy: policy.into() });
    plan.rules.push(PlanRule {
        statement: plan.statements.len() as u32 - 1,
        hook,
        sources: set(from),
        destinations: set(to),
        services: services(by),
        action,
    });
}

pub(crate) fn plain() -> Action {
    Action::default()
}

/// A plan with one of everything.
pub(crate) fn sampler() -> GatewayPlan {
    let mut plan =
        plan(&[("eth0", "10.1.0.0/24 2001:db8:1::/64"), ("eth1", "10.2.0.0/24 10.9.0.7 2001:db8:2::/64")]);
    plan.mac_bindings.push(MacBinding {
        device: "eth0".into(),
        mac: [2, 0, 0, 0, 0, 5],
        address: "10.1.0.5".parse().unwrap(),
    });
    let hmi = "10.1.0.5 10.1.0.8 2001:db8:1::5";
    let limited = Action { limit: Some(Limit { count: 50, seconds: 1 }), ..plain() };
    let logged = Action { log: true, ..plain() };
    let audit = Action { audit: true, ..plain() };
    let until = Action { until: Some(1_900_000_000), ..plain() };
    let slow = Action {
        limit: Some(Limit { count: 6, seconds: 60 }),
        until: Some(2_000_000_000),
        log: true,
        ..plain()
    };
    rule(&mut plan, "control.0a11", Hook::Forward, hmi, "10.2.0.10 2001:db8:2::10", "tcp/502 echo", plain());
    rule(&mut plan, "control.0b22", Hook::Forward, "10.1.0.9", "10.2.0.10-10.2.0.12", "tcp/502-504", limited);
    rule(&mut plan, "historian.1c33", Hook::Forward, "10.1.0.0/24", "10.2.0.0/24", "tcp/4840", plain());
    rule(&mut plan, "historian.2d44", Hook::Forward, hmi, "10.2.0.128/25", "tcp/4000-5000 udp/53", logged);
    rule(&mut plan, "learning.3e55", Hook::Forward, "10.1.0.0/24", "10.2.0.77", "udp/1-65535", audit);
    rule(&mut plan, "remote.4f66", Hook::Forward, "10.9.0.7", "10.1.0.5", "tcp/22", until);
    rule(&mut plan, "remote.5a77", Hook::Forward, "10.9.0.7", "10.1.0.5", "tcp/22", slow);
    rule(
        &mut plan,
        "watch[3].6b88",
        Hook::Input,
        "10.1.0.8 2001:db8:1::/64",
        "10.1.0.1 2001:db8:1::1",
        "tcp/22 echo",
        plain(),
    );
    rule(&mut plan, "watch[3].7c99", Hook::Output, "10.1.0.1", "10.2.0.53", "udp/53 udp/123", plain());
    plan
}

/// Functions, items and value of a request.
pub(crate) type Request<'a> = (&'a [u16], Option<(u16, u16)>, Option<u16>);

/// Only these requests.
pub(crate) fn only(protocol: PayloadProtocol, requests: &[Request<'_>]) -> Action {
    let requests = requests.iter().map(|(functions, items, value)| RequestMatch {
        functions: functions.to_vec(),
        items: *items,
        value: *value,
    });
    let operations = OperationMatch { protocol, requests: requests.collect() };
    Action { operations: Some(Arc::new(operations)), ..plain() }
}

/// One of every kind of operation.
pub(crate) fn operations() -> GatewayPlan {
    use PayloadProtocol::{BacnetIp, Coap, ModbusTcp};
    let mut plan = plan(&[("in0", "10.1.0.0/24 2001:db8:1::/64"), ("out0", "10.2.0.0/24 2001:db8:2::/64")]);
    let (from, to) = ("10.1.0.2 2001:db8:1::2", "10.2.0.2 2001:db8:2::2");
    let read: &[u16] = &[5, 6, 12, 14, 26, 28];
    let discover: &[u16] = &[0x1000, 0x1001, 0x1007, 0x1008];
    let trip = Action {
        limit: Some(Limit { count: 6, seconds: 60 }),
        log: true,
        ..only(ModbusTcp, &[(&[5], Some((17, 17)), Some(0xff00))])
    };
    let registers: &[u16] = &[3];
    let until = Action { until: Some(2_000_000_000), ..only(Coap, &[(&[1, 5], None, None)]) };
    rule(&mut plan, "air.1", Hook::Forward, from, to, "udp/47808", only(BacnetIp, &[(read, None, None)]));
    rule(&mut plan, "air.2", Hook::Forward, from, to, "udp/47808", only(BacnetIp, &[(discover, None, None)]));
    rule(&mut plan, "light.3", Hook::Forward, from, to, "udp/5683", until);
    rule(&mut plan, "pump.4", Hook::Forward, from, to, "tcp/502", trip);
    rule(
        &mut plan,
        "pump.5",
        Hook::Forward,
        from,
        to,
        "tcp/502",
        only(ModbusTcp, &[(registers, Some((0, 3)), None), (&[22], Some((7, 7)), None)]),
    );
    rule(
        &mut plan,
        "pump.6",
        Hook::Forward,
        from,
        to,
        "tcp/502",
        Action { limit: Some(Limit { count: 1, seconds: 3600 }), ..plain() },
    );
    plan
}

/// A bridge of two ports with frames of every kind, some of them permitted twice.
pub(crate) fn bridge() -> GatewayPlan {
    let mut plan = plan(&[("br0", "10.1.0.0/24 2001:db8:1::/64")]);
    rule(&mut plan, "reports.0", Hook::Forward, "10.1.0.2 2001:db8:1::2", "10.1.0.4", "tcp/102", plain());
    let port = |name: &str, mac: u8, sources: &str| BridgePort {
        name: name.into(),
        device: format!("eth{name}"),
        macs: vec![[2, 0, 0, 0, 0, mac]],
        sources: (*set(sources)).clone(),
        stations: vec![(sources.split(' ').next().unwrap().parse().unwrap(), [2, 0, 0, 0, 0, mac])],
    };
    let at = |port: u32, mac: u8| PortMac { port, mac: [2, 0, 0, 0, 0, mac] };
    let numbers = |ranges: &[(u64, u64)]| Ranges::from_unsorted(ranges.to_vec());
    let ids = |ranges: &[(u16, u16)]| Ranges::from_unsorted(ranges.to_vec());
    let goose = (0x010c_cd01_0000, 0x010c_cd01_01ff);
    let frames = |statement, groups: &[(u64, u64)], ids: Option<Ranges<u16>>, action| FrameRule {
        statement,
        sources: vec![at(0, 2)],
        destinations: vec![at(1, 4)],
        listeners: vec![1],
        groups: numbers(groups),
        ethertypes: Ranges::from_unsorted(vec![(0x88b8, 0x88b8)]),
        frame_ids: ids,
        action,
    };
    for id in ["trips.1", "trips.2", "trips.3", "watch.4"] {
        let policy = id.rsplit_once('.').unwrap().0.to_owned();
        plan.statements.push(Statement { id: id.into(), policy: policy.into() });
    }
    let limited = Action { limit: Some(Limit { count: 100, seconds: 1 }), log: true, ..plain() };
    let until = Action { until: Some(2_000_000_000), audit: true, ..plain() };
    plan.bridges.push(BridgePlan {
        device: "br0".into(),
        ports: vec![
            port("1", 2, "10.1.0.2 2001:db8:1::2"),
            port("2", 4, "10.1.0.4 10.9.0.0/16 2001:db8:1::4"),
        ],
        frames: vec![
            frames(1, &[goose], Some(ids(&[(1, 5), (9, 9)])), plain()),
            frames(2, &[(goose.0, goose.0 + 15)], None, limited),
            frames(3, &[], None, plain()),
            FrameRule {
                ethertypes: Ranges::from_unsorted(vec![(0x8892, 0x8892)]),
                ..frames(4, &[], None, until)
            },
        ],
        neighbours: vec![(set("10.1.0.2 2001:db8:1::2"), set("10.1.0.4-10.1.0.9 2001:db8:1::4"))],
    });
    plan
}
