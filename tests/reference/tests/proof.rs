//! The proof on random packages: what is built is proven, and a plan or relation that was changed on the way is not.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod packages;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use packages::{
    analyze,
    blueprint::blueprint,
    config, errors,
    text::{self, Layout},
};
use proptest::prelude::*;
use weir_compiler::{
    Facts,
    plan::{AddressSet, Plan, PlanRule, Point, Transport},
};
use weir_engine::Budget;
use weir_proof::{File, Finding, Prover};
use weir_reference::{
    Wire,
    gateway::{Packet, permits},
};
use weir_target_nftables::{Options, emit};

/// What the proof finds when the gateways of one plan are emitted and held against another's policy.
fn findings(facts: &Facts, plan: &Plan, emitted: &Plan) -> Vec<Finding> {
    let mut prover = Prover::new(facts, plan, Budget::default(), false);
    for (gateway, emitted) in plan.gateways.iter().zip(&emitted.gateways) {
        let emission = emit(emitted, &Options::default()).unwrap();
        let files = emission.artifacts.iter().map(|file| File { path: &file.path, bytes: &file.contents });
        prover.prove(Point::Gateway(gateway), &files.collect::<Vec<_>>());
    }
    prover.finish().findings
}

/// Packets at the ends of each range of a rule.
fn corners(rule: &PlanRule) -> Vec<Packet<'static>> {
    let ends = |set: &AddressSet| -> Vec<IpAddr> {
        let v4 = set.v4.iter().flat_map(|(first, last)| [first, last]).map(|n| Ipv4Addr::from_bits(n).into());
        let v6 = set.v6.iter().flat_map(|(first, last)| [first, last]).map(|n| Ipv6Addr::from_bits(n).into());
        v4.chain(v6).collect()
    };
    let wires = rule.services.iter().flat_map(|service| {
        let make = match service.transport {
            Transport::Tcp => Wire::Tcp,
            Transport::Udp => Wire::Udp,
            Transport::Sctp => Wire::Sctp,
            Transport::IcmpEcho => |_| Wire::Echo,
        };
        [service.first, service.last].map(make)
    });
    let wires: Vec<Wire> = wires.collect();
    let mut packets = Vec::new();
    for source in ends(&rule.sources) {
        for destination in ends(&rule.destinations).into_iter().filter(|to| to.is_ipv4() == source.is_ipv4())
        {
            for wire in &wires {
                let (hook, wire) = (rule.hook, *wire);
                packets.push(Packet { hook, arrives_by: None, source, mac: None, destination, wire, at: 0 });
            }
        }
    }
    packets
}

proptest! {
    #![proptest_config(config(1_000))]

    #[test]
    fn what_is_built_is_proven(plant in blueprint()) {
        let analysis = analyze(&text::files(&plant, &Layout::default()));
        prop_assume!(errors(&analysis).is_empty());
        let (facts, plan) = (analysis.facts.unwrap(), analysis.plan.unwrap());
        prop_assert_eq!(findings(&facts, &plan, &plan), []);
    }

    /// A rule that gets lost in the planner is found, unless another rule of the gateway covers it.
    #[test]
    fn a_lost_rule_is_found(plant in blueprint(), pick in any::<prop::sample::Index>()) {
        let analysis = analyze(&text::files(&plant, &Layout::default()));
        prop_assume!(errors(&analysis).is_empty());
        let (facts, plan) = (analysis.facts.unwrap(), analysis.plan.unwrap());
        let all: Vec<(usize, usize)> = plan
            .gateways
            .iter()
            .enumerate()
            .flat_map(|(gateway, known)| (0..known.rules.len()).map(move |rule| (gateway, rule)))
            .collect();
        prop_assume!(!all.is_empty());
        let (gateway, rule) = *pick.get(&all);
        let mut changed = Plan { gateways: plan.gateways.clone(), ..Plan::default() };
        let lost = changed.gateways[gateway].rules.remove(rule);
        // The corners of the lost rule, as packets: if others permit all of them, they may cover it.
        let covered = corners(&lost).iter().all(|packet| {
            changed.gateways[gateway].rules.iter().any(|other| permits(other, packet))
        });
        let found = findings(&facts, &plan, &changed);
        prop_assert!(covered || !found.is_empty(), "{:?} was lost and not missed", lost);
    }

    /// A rule that becomes wider in the planner is found, unless the policy permits that too.
    #[test]
    fn a_wider_rule_is_found(plant in blueprint(), pick in any::<prop::sample::Index>()) {
        let analysis = analyze(&text::files(&plant, &Layout::default()));
        prop_assume!(errors(&analysis).is_empty());
        let (facts, plan) = (analysis.facts.unwrap(), analysis.plan.unwrap());
        let all: Vec<(usize, usize)> = plan
            .gateways
            .iter()
            .enumerate()
            .flat_map(|(gateway, known)| (0..known.rules.len()).map(move |rule| (gateway, rule)))
            .collect();
        prop_assume!(!all.is_empty());
        let (gateway, rule) = *pick.get(&all);
        let mut changed = Plan { gateways: plan.gateways.clone(), ..Plan::default() };
        let wide = std::sync::Arc::new(AddressSet::everything());
        changed.gateways[gateway].rules[rule].destinations = wide;
        prop_assert!(!findings(&facts, &plan, &changed).is_empty());
    }
}
