//! The model, the interpreter and the plan say the same about every packet.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod support;

use proptest::prelude::*;
use support::packets::at_boundaries;
use support::permits::{describe, permits, planned};
use support::plans::plans;
use support::{Gateway, examples, kernel, listing, read};
use weir_nftables_reader::{Family, Hook, Packet, Ruleset, device_name};
use weir_target_nftables::Options;

#[test]
fn on_the_examples() {
    let mut accepted = 0;
    for (seed, gateway) in examples().iter().enumerate() {
        let set = read(gateway);
        let model = set.model().unwrap();
        for packet in at_boundaries(&model, 400, seed as u64) {
            let judgement = set.judge(&packet);
            if special(&packet) {
                continue;
            }
            assert_eq!(
                judgement.accepted,
                permits(&model, &packet),
                "{}: {} (by {})",
                gateway.name,
                describe(&packet),
                set.describe(judgement.by)
            );
            accepted += u32::from(judgement.accepted);
        }
    }
    assert!(accepted > 1000, "{accepted}: the packets say little");
}

/// What the lemma lets pass besides: loopback, neighbour discovery.
fn special(packet: &Packet) -> bool {
    let discovery = packet.family == Family::V6 && packet.protocol == 58 && packet.hop_limit != 64;
    packet.hook != Hook::Forward && device_name(packet.device) == "lo" || discovery
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn on_random_plans(plan in plans(), seed: u64) {
        let gateway = Gateway::of(&plan, &Options::default());
        let set = read(&gateway);
        let model = set.model().map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(model.marks.epoch, gateway.epoch);
        for packet in at_boundaries(&model, 60, seed) {
            if special(&packet) {
                continue;
            }
            let judged = set.judge(&packet).accepted;
            prop_assert_eq!(judged, permits(&model, &packet), "model: {}", describe(&packet));
            let local = packet.family == Family::V6 && (packet.source == 0 || packet.source >> 118 == 0xfe80 >> 6);
            if !local && device_name(packet.device) != "lo" {
                prop_assert_eq!(judged, planned(&plan, &packet), "plan: {}", describe(&packet));
            }
        }
        let parts = ["base.nft", "stage.nft", "switch.nft", "sweep.nft"].map(|part| (part, gateway.part(part)));
        let hitless = Ruleset::hitless(parts).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(hitless.model().unwrap().canonical(), model.canonical());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn with_what_the_kernel_lists(plan in plans()) {
        if !kernel() {
            return Ok(());
        }
        let gateway = Gateway::of(&plan, &Options::default());
        let listing = listing(&[gateway.whole()]);
        let listed = Ruleset::listed("listing", &listing).and_then(|set| set.model());
        let listed = listed.map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(listed.canonical(), read(&gateway).model().unwrap().canonical());
    }
}
