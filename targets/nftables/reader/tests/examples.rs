//! Every gateway of every example, as it is emitted.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod support;

use support::{examples, kernel, listing, read};
use weir_nftables_reader::Ruleset;

#[test]
fn everything_is_read_and_nothing_is_dead() {
    let mut attempts = 0;
    for gateway in examples() {
        let model = read(&gateway).model().unwrap_or_else(|error| unreachable!("{error}"));
        assert_eq!(model.dead, []);
        assert_eq!(model.assumptions, []);
        assert_eq!(model.marks.epoch, gateway.epoch);
        attempts += model.forward.v4.len() + model.forward.v6.len();
    }
    assert!(attempts > 1000, "{attempts}");
}

#[test]
fn the_hitless_form_is_the_whole_file() {
    for gateway in examples() {
        let whole = read(&gateway).model().unwrap();
        let parts =
            ["base.nft", "stage.nft", "switch.nft", "sweep.nft"].map(|part| (part, gateway.part(part)));
        let hitless = Ruleset::hitless(parts).unwrap_or_else(|error| unreachable!("{error}"));
        assert_eq!(hitless.model().unwrap().canonical(), whole.canonical(), "{}", gateway.name);
    }
}

#[test]
fn the_kernel_lists_the_same() {
    if !kernel() {
        return;
    }
    for gateway in examples() {
        let listing = listing(&[gateway.whole()]);
        let listed = Ruleset::listed("listing", &listing).unwrap_or_else(|error| unreachable!("{error}"));
        let listed = listed.model().unwrap_or_else(|error| unreachable!("{error}"));
        assert_eq!(listed.canonical(), read(&gateway).model().unwrap().canonical(), "{}", gateway.name);
        assert_eq!(listed.assumptions, []);
    }
}
