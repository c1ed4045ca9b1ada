//! The files of a small plan, as a person would review them.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod support;

use weir_target_nftables::{LogDestination, Options, emit};

#[test]
fn small_plan() {
    let emission = emit(&support::sampler(), &Options::default()).unwrap();
    for artifact in &emission.artifacts {
        let name = artifact.path.replace('/', "__");
        insta::assert_snapshot!(name, std::str::from_utf8(&artifact.contents).unwrap());
    }
    insta::assert_debug_snapshot!("carried", emission.carried);
}

#[test]
fn readme() {
    insta::assert_snapshot!(weir_target_nftables::readme_section(
        &["gw_turbine".into(), "press[3].gw".into()],
        &["press[3].gw".into()],
        &["gw_turbine".into()]
    ));
}

#[test]
fn log_group() {
    let options = Options { log: LogDestination::Nflog(5), ..Options::default() };
    let emission = emit(&support::sampler(), &options).unwrap();
    let text = String::from_utf8(emission.artifacts.last().unwrap().contents.clone()).unwrap();
    assert!(
        text.lines().filter(|line| line.contains(" log ")).all(|line| line.ends_with("group 5")),
        "{text}"
    );
}

#[test]
fn operations() {
    let emission = emit(&support::operations(), &Options::default()).unwrap();
    let whole = emission.artifacts.iter().find(|artifact| artifact.path.ends_with("gw_turbine.nft")).unwrap();
    insta::assert_snapshot!(std::str::from_utf8(&whole.contents).unwrap());
}

#[test]
fn mark_mask() {
    let options = Options { mark_mask: Some(0x00ff_ff00), ..Options::default() };
    let emission = emit(&support::sampler(), &options).unwrap();
    let whole = emission.artifacts.iter().find(|artifact| artifact.path.ends_with("gw_turbine.nft")).unwrap();
    insta::assert_snapshot!(std::str::from_utf8(&whole.contents).unwrap());
    let narrow = Options { mark_mask: Some(0x0000_7fff), ..Options::default() };
    let refused = emit(&support::sampler(), &narrow).unwrap_err();
    assert!(refused.to_string().contains("mark-mask"), "{refused}");
}

#[test]
fn bridge() {
    let emission = emit(&support::bridge(), &Options::default()).unwrap();
    for end in ["gw_turbine.nft", "switch.nft", "sweep.nft"] {
        let file = emission.artifacts.iter().find(|artifact| artifact.path.ends_with(end)).unwrap();
        insta::assert_snapshot!(format!("bridge_{end}"), std::str::from_utf8(&file.contents).unwrap());
    }
    assert!(emission.carried.statements.iter().any(|id| *id == "trips.1"), "{:?}", emission.carried);
}

#[test]
fn no_packets_pass_as_frames() {
    for ethertype in [0x0800, 0x0806, 0x86dd, 0x8100, 0x05ff] {
        let mut plan = support::bridge();
        plan.bridges[0].frames[0].ethertypes =
            weir_compiler::plan::Ranges::from_unsorted(vec![(ethertype, ethertype)]);
        assert!(matches!(
            emit(&plan, &Options::default()),
            Err(weir_target_nftables::EmitError::UnsupportedFrames { .. })
        ));
    }
}
