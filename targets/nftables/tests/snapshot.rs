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
    insta::assert_snapshot!(weir_target_nftables::readme_section(&[
        "gw_turbine".into(),
        "press[3].gw".into()
    ]));
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
