//! The normal form against the obvious reading of the plan, on random small plans.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use proptest::prelude::*;
use smol_str::{SmolStr, format_smolstr};
use weir_compiler::plan::{
    Action, AddressSet, GatewayPlan, Hook, Limit, PlanRule, PortMatch, Statement, Transport,
};

use crate::normal::{Lookup, NormalForm};
use crate::profile::ProfileId;
use crate::sets::Family;
use crate::{EmitError, Options, emit};

/// A packet that starts a connection.
#[derive(Clone, Copy, Debug)]
struct Packet {
    hook: Hook,
    source: IpAddr,
    destination: IpAddr,
    transport: Transport,
    port: u16,
}

/// What the plan says: the (policy, action) of every rule that covers the packet.
fn covered(plan: &GatewayPlan, packet: &Packet) -> Vec<(SmolStr, Action)> {
    let covers = |rule: &&PlanRule| {
        rule.hook == packet.hook
            && rule.sources.contains(packet.source)
            && rule.destinations.contains(packet.destination)
            && rule.services.iter().any(|service| {
                service.transport == packet.transport
                    && service.first <= packet.port
                    && packet.port <= service.last
            })
    };
    plan.rules
        .iter()
        .filter(covers)
        .map(|rule| (plan.statements[rule.statement as usize].policy.clone(), rule.action.clone()))
        .collect()
}

/// What the kernel does with the normal form: the profiles tried, in order.
fn tried(form: &NormalForm, packet: &Packet) -> Vec<ProfileId> {
    let (family, source, destination) = match (packet.source, packet.destination) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (Family::V4, a.to_bits().into(), b.to_bits().into()),
        (IpAddr::V6(a), IpAddr::V6(b)) => (Family::V6, a.to_bits(), b.to_bits()),
        _ => return Vec::new(),
    };
    let port = if packet.transport == Transport::IcmpEcho { family.echo_port() } else { packet.port };
    let Lookup { layers, keys, boxes } = form.hook(packet.hook).family(family);
    let mut out = Vec::new();
    for layer in layers {
        let pairs = layer.pairs.iter().filter(|(address, key)| {
            (*address, key.destination, key.transport, key.port)
                == (source, destination, packet.transport, port)
        });
        let pairs: Vec<u32> = pairs.map(|(_, key)| key.verdict).collect();
        assert!(pairs.len() <= 1, "a pair stands once");
        for verdict in pairs {
            out.extend_from_slice(form.profiles.attempts(verdict));
        }
        let singles = layer.singles.iter().filter(|(address, _)| *address == source).map(|(_, class)| *class);
        let ranges =
            layer.ranges.iter().filter(|((a, b), _)| (*a..=*b).contains(&source)).map(|(_, class)| *class);
        let classes: Vec<u32> = singles.chain(ranges).collect();
        assert!(classes.len() <= 1, "a source has one class in a layer");
        for class in classes {
            assert_ne!(class, 0);
            let hits = keys.iter().filter(|(c, key)| {
                (*c, key.destination, key.transport, key.port) == (class, destination, packet.transport, port)
            });
            let verdicts: Vec<u32> = hits.map(|(_, key)| key.verdict).collect();
            assert!(verdicts.len() <= 1, "a key stands once");
            let hits = boxes.iter().filter(|(c, wide)| {
                *c == class
                    && wide.transport == packet.transport
                    && (wide.destinations.0..=wide.destinations.1).contains(&destination)
                    && (wide.ports.0..=wide.ports.1).contains(&port)
            });
            let wide: Vec<u32> = hits.map(|(_, wide)| wide.verdict).collect();
            assert!(wide.len() <= 1, "boxes are disjoint");
            for verdict in verdicts.into_iter().chain(wide) {
                out.extend_from_slice(form.profiles.attempts(verdict));
            }
        }
    }
    out
}

fn action() -> impl Strategy<Value = Action> {
    let limit = prop_oneof![3 => Just(None), 1 => Just(Some(Limit { count: 5, seconds: 1 })), 1 => Just(Some(Limit { count: 9, seconds: 60 }))];
    let until = prop_oneof![3 => Just(None), 1 => Just(Some(1_000_i64)), 1 => Just(Some(2_000_i64))];
    (limit, prop::bool::weighted(0.2), prop::bool::weighted(0.2), until)
        .prop_map(|(limit, log, audit, until)| Action { limit, log, audit, until, ..Action::default() })
}

/// Ranges on a small axis, at both ends of the address space, so that they overlap in every way.
fn addresses() -> impl Strategy<Value = Arc<AddressSet>> {
    let range = (any::<bool>(), any::<bool>(), 0_u32..60, prop_oneof![0_u32..3, 0_u32..60]);
    prop::collection::vec(range, 1..4).prop_map(|ranges| {
        let range = |(v4, low, first, length): (bool, bool, u32, u32)| -> (IpAddr, IpAddr) {
            let last = (first + length).min(59);
            match (v4, low) {
                (true, true) => (IpAddr::V4(first.into()), IpAddr::V4(last.into())),
                (true, false) => {
                    (IpAddr::V4((u32::MAX - last).into()), IpAddr::V4((u32::MAX - first).into()))
                }
                (false, true) => (IpAddr::V6(u128::from(first).into()), IpAddr::V6(u128::from(last).into())),
                (false, false) => {
                    let at = |n: u32| IpAddr::V6((u128::MAX - u128::from(n)).into());
                    (at(last), at(first))
                }
            }
        };
        Arc::new(ranges.into_iter().map(range).collect())
    })
}

fn service() -> impl Strategy<Value = PortMatch> {
    let ports = (0_u16..40, prop_oneof![Just(0_u16), 0_u16..40], any::<bool>(), any::<bool>());
    ports.prop_map(|(first, length, tcp, low)| {
        let last = first + length;
        let transport = if tcp { Transport::Tcp } else { Transport::Udp };
        if low {
            PortMatch { transport, first, last }
        } else {
            PortMatch { transport, first: u16::MAX - last, last: u16::MAX - first }
        }
    })
}

fn services() -> impl Strategy<Value = Arc<[PortMatch]>> {
    let echo = PortMatch { transport: Transport::IcmpEcho, first: 0, last: 0 };
    prop::collection::vec(prop_oneof![4 => service(), 1 => Just(echo)], 1..4).prop_map(Arc::from)
}

fn plans() -> impl Strategy<Value = GatewayPlan> {
    let statements: Vec<Statement> = (0..6)
        .map(|n| Statement { id: format_smolstr!("p{}.{n}", n / 2), policy: format_smolstr!("p{}", n / 2) })
        .collect();
    let hook = prop_oneof![4 => Just(Hook::Forward), 1 => Just(Hook::Input), 1 => Just(Hook::Output)];
    let rule = (0_u32..6, hook, addresses(), addresses(), services(), action());
    let rule = rule.prop_map(|(statement, hook, sources, destinations, services, action)| PlanRule {
        statement,
        hook,
        sources,
        destinations,
        services,
        action,
    });
    prop::collection::vec(rule, 1..14).prop_map(move |mut rules| {
        rules.retain(|rule| {
            let (from, to) = (&rule.sources, &rule.destinations);
            (!from.v4.is_empty() && !to.v4.is_empty()) || (!from.v6.is_empty() && !to.v6.is_empty())
        });
        GatewayPlan {
            package: "random".into(),
            name: "gw".into(),
            interfaces: Vec::new(),
            statements: statements.clone(),
            rules,
            bindings: Vec::new(),
            mac_bindings: Vec::new(),
            redirects: Vec::new(),
            bridges: Vec::new(),
        }
    })
}

/// Packets at, before and behind the edges of every rule, and some between rules.
fn packets(plan: &GatewayPlan, picks: &[(usize, usize, usize, u8)]) -> Vec<Packet> {
    let ends = |set: &AddressSet| -> Vec<IpAddr> {
        let v4 = set.v4.iter().flat_map(|(a, b)| [a, b, a.wrapping_sub(1), b.wrapping_add(1)]);
        let v6 = set.v6.iter().flat_map(|(a, b)| [a, b, a.wrapping_sub(1), b.wrapping_add(1)]);
        v4.map(|n| IpAddr::V4(n.into())).chain(v6.map(|n| IpAddr::V6(n.into()))).collect()
    };
    if plan.rules.is_empty() {
        return Vec::new();
    }
    let at = |n: usize| &plan.rules[n % plan.rules.len()];
    let mut out = Vec::new();
    for (a, b, c, edge) in picks {
        let (sources, destinations, services) =
            (ends(&at(*a).sources), ends(&at(*b).destinations), &at(*c).services);
        let service = services[usize::from(*edge) % services.len()];
        let ports =
            [service.first, service.last, service.first.wrapping_sub(1), service.last.wrapping_add(1)];
        for source in &sources {
            for destination in destinations.iter().filter(|to| to.is_ipv4() == source.is_ipv4()) {
                let port = if service.transport == Transport::IcmpEcho {
                    0
                } else {
                    ports[usize::from(edge / 4) % 4]
                };
                let packet = Packet {
                    hook: at(*a).hook,
                    source: *source,
                    destination: *destination,
                    transport: service.transport,
                    port,
                };
                out.push(packet);
            }
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    /// A packet meets exactly the profiles of the rules that cover it, up to the first that always accepts; enforced
    /// ones before audits, logging ones before silent ones.
    #[test]
    fn the_normal_form_means_the_plan(
        plan in plans(),
        picks in prop::collection::vec((0_usize..14, 0_usize..14, 0_usize..14, 0_u8..16), 12),
    ) {
        let form = NormalForm::build(&plan).unwrap();
        for packet in packets(&plan, &picks.iter().copied().chain((0..14).map(|n| (n, n, n, 0))).collect::<Vec<_>>()) {
            let expected: BTreeSet<(SmolStr, Action)> = covered(&plan, &packet).into_iter().collect();
            let list = tried(&form, &packet);
            let profile = |id: &ProfileId| {
                let profile = &form.profiles.list[*id as usize];
                (profile.policy.clone(), profile.action.clone())
            };
            let met: BTreeSet<(SmolStr, Action)> = list.iter().map(profile).collect();
            prop_assert!(met.is_subset(&expected), "{packet:?} meets {met:?}, not only {expected:?}");
            let free = |(_, action): &(SmolStr, Action)| action.limit.is_none() && action.until.is_none();
            prop_assert_eq!(met.is_empty(), expected.is_empty(), "{:?}", packet);
            if expected.iter().any(free) {
                prop_assert!(met.iter().any(free), "{packet:?}");
            } else {
                prop_assert_eq!(&met, &expected, "{:?}", packet);
            }
            let first = list.iter().map(profile).find(|p| free(p));
            if let Some((_, action)) = first {
                let enforced = expected.iter().any(|p| free(p) && !p.1.audit);
                prop_assert!(!(enforced && action.audit), "{packet:?}: audit hides enforcement");
                let logged = expected.iter().any(|p| free(p) && !p.1.audit && p.1.log);
                prop_assert!(action.log || !logged, "{packet:?}: not logged");
            }
        }
    }

    /// The order of the rules and the sharing of sets are not seen in a single byte.
    #[test]
    fn order_does_not_matter(
        (plan, shuffled) in plans().prop_flat_map(|plan| (Just(plan.clone()), Just(plan.rules).prop_shuffle())),
    ) {
        let mut other = plan.clone();
        other.rules = shuffled;
        for rule in &mut other.rules {
            rule.sources = Arc::new((*rule.sources).clone());
            rule.services = rule.services.iter().rev().copied().collect();
        }
        let (a, b) = (emit(&plan, &Options::default()).unwrap(), emit(&other, &Options::default()).unwrap());
        prop_assert_eq!(a.artifacts, b.artifacts);
        prop_assert_eq!(a.carried, b.carried);
    }
}

#[test]
fn what_says_nothing_or_nonsense_is_refused() {
    let v4: Arc<AddressSet> = Arc::new(std::iter::once(IpAddr::V4(1.into())).collect());
    let v6: Arc<AddressSet> = Arc::new(std::iter::once(IpAddr::V6(1.into())).collect());
    let tcp = PortMatch { transport: Transport::Tcp, first: 80, last: 80 };
    let rule = PlanRule {
        statement: 0,
        hook: Hook::Forward,
        sources: Arc::clone(&v4),
        destinations: Arc::clone(&v4),
        services: Arc::new([tcp]),
        action: Action::default(),
    };
    let plan = GatewayPlan {
        package: "p".into(),
        name: "gw".into(),
        interfaces: Vec::new(),
        statements: vec![Statement { id: "a.1".into(), policy: "a".into() }],
        rules: vec![rule.clone()],
        bindings: Vec::new(),
        mac_bindings: Vec::new(),
        redirects: Vec::new(),
        bridges: Vec::new(),
    };
    let with = |change: &dyn Fn(&mut GatewayPlan)| {
        let mut plan = plan.clone();
        change(&mut plan);
        emit(&plan, &Options::default()).map(|_| ())
    };
    assert_eq!(with(&|_| {}), Ok(()));
    let statement = || "a.1".to_owned();
    assert_eq!(
        with(&|p| p.rules[0].destinations = Arc::clone(&v6)),
        Err(EmitError::EmptyRule { statement: statement() })
    );
    assert_eq!(
        with(&|p| p.rules[0].services = Arc::new([])),
        Err(EmitError::EmptyRule { statement: statement() })
    );
    let backwards = PortMatch { first: 81, ..tcp };
    assert_eq!(
        with(&|p| p.rules[0].services = Arc::new([backwards])),
        Err(EmitError::BadPorts { statement: statement() })
    );
    assert_eq!(with(&|p| p.rules[0].statement = 7), Err(EmitError::UnknownStatement { index: 7 }));
    for (count, seconds) in [(0, 1), (5, 2), (5, 0), (u32::MAX, 1)] {
        let limit = Some(Limit { count, seconds });
        let error = EmitError::UnsupportedLimit { statement: statement(), count, seconds };
        assert_eq!(with(&|p| p.rules[0].action.limit = limit), Err(error));
    }
    assert_eq!(
        with(&|p| p.rules[0].action.until = Some(i64::MAX)),
        Err(EmitError::UntilTooLate { statement: statement(), until: i64::MAX })
    );
    assert_eq!(with(&|p| p.rules[0].action.until = Some(i64::MIN)), Ok(()));
    for bad in ["", "a\nflush ruleset", "a\"b", "a b", "a;b", "ä", "{{a}}"] {
        for change in [
            &(|p: &mut GatewayPlan| p.package = bad.into()) as &dyn Fn(&mut GatewayPlan),
            &|p| p.name = bad.into(),
            &|p| p.statements[0].id = bad.into(),
            &|p| p.statements[0].policy = bad.into(),
        ] {
            assert!(matches!(with(change), Err(EmitError::UnsafeName { .. })), "{bad:?}");
        }
    }
}

#[test]
fn the_epoch_is_the_policy() {
    let epoch = |policy: &str, port: u16| {
        let all = Arc::new(AddressSet::everything());
        let plan = GatewayPlan {
            package: "p".into(),
            name: "gw".into(),
            interfaces: Vec::new(),
            statements: vec![Statement { id: format_smolstr!("{policy}.1"), policy: "a".into() }],
            rules: vec![PlanRule {
                statement: 0,
                hook: Hook::Forward,
                sources: Arc::clone(&all),
                destinations: all,
                services: Arc::new([PortMatch { transport: Transport::Tcp, first: 80, last: port }]),
                action: Action::default(),
            }],
            bindings: Vec::new(),
            mac_bindings: Vec::new(),
            redirects: Vec::new(),
            bridges: Vec::new(),
        };
        emit(&plan, &Options::default()).unwrap().epoch
    };
    assert_eq!(epoch("a", 80), epoch("b", 80), "comments decide nothing");
    assert_ne!(epoch("a", 80), epoch("a", 81));
    assert!(epoch("a", 80) > 0x8000_0000);
}
