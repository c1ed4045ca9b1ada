//! The output tree: what describes it, and what it refuses.

#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use serde_json::Value;
use weir_compiler::{
    Sources,
    plan::{Plan, StatementOrigin},
};
use weir_syntax::{FileId, Span};
use weir_targets::{Artifact, Carried, Emitted, Manifest, OutputTree, TargetGuide, TreeError};

const POLICY: &str = "policy vibration {\n  /* ü */ allow sensor -> broker : mqtts\n}\n";

fn sources() -> Sources {
    Sources::new("[package]\nname = \"hall\"\n", vec![("plant.weir".into(), POLICY.into())])
}

fn plan() -> Plan {
    let start = POLICY.find("allow").unwrap() as u32;
    Plan {
        package: "hall".into(),
        version: "1.0`\n# evil".into(),
        statements: vec![StatementOrigin {
            id: "vibration.3fa2c1".into(),
            policy: "vibration".into(),
            file: FileId(1),
            span: Span::new(start, start + 5),
            text: "allow sensor -> broker : mqtts".into(),
            documentation: "Telemetry.".into(),
        }],
        ..Plan::default()
    }
}

fn artifact(path: &str) -> Artifact {
    Artifact {
        path: path.into(),
        contents: b"table inet weir\n".to_vec(),
        target: "nftables",
        executable: false,
    }
}

fn emitted(paths: &[&str]) -> Emitted {
    Emitted {
        point: "gw".into(),
        artifacts: paths.iter().map(|path| artifact(path)).collect(),
        carried: vec![Carried {
            statements: vec!["vibration.3fa2c1".into()],
            artifacts: vec![paths[0].to_owned()],
        }],
    }
}

fn guide() -> TargetGuide {
    TargetGuide { target: "nftables", section: "## nftables\n\nLoad it.\n".into() }
}

fn assemble(paths: &[&str]) -> Result<OutputTree, TreeError> {
    OutputTree::assemble(&plan(), &sources(), vec![emitted(paths)], &[guide()], b"{}\n".to_vec())
}

fn json(tree: &OutputTree, path: &str) -> Value {
    serde_json::from_slice(&tree.files[path].contents).unwrap()
}

#[test]
fn the_manifest_lists_every_other_file() {
    let tree = assemble(&["nftables/gw.nft"]).unwrap();
    let manifest = Manifest::parse(&tree.files["manifest.json"].contents).unwrap();
    let paths: Vec<&str> = manifest.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["README.md", "certificate.json", "nftables/gw.nft", "sourcemap.json"]);
    let artifact = &manifest.files[2];
    assert_eq!(artifact.target.as_deref(), Some("nftables"));
    assert_eq!(artifact.size, 16);
    assert_eq!(artifact.sha256, "109010630dbae1a828f240a68c4b3aadb33b78b1f82788d93b6d4ef08c85929d");
}

#[test]
fn the_source_map_leads_back_to_the_text() {
    let tree = assemble(&["nftables/gw.nft"]).unwrap();
    let map = json(&tree, "sourcemap.json");
    let statement = &map["statements"]["vibration.3fa2c1"];
    assert_eq!(statement["file"], "plant.weir");
    assert_eq!((statement["line"].as_u64(), statement["column"].as_u64()), (Some(2), Some(11)));
    assert_eq!(statement["artifacts"], serde_json::json!(["nftables/gw.nft"]));
    assert_eq!(statement["doc"], "Telemetry.");
}

#[test]
fn the_readme_is_not_markup_from_the_package() {
    let tree = assemble(&["nftables/gw.nft"]).unwrap();
    let readme = std::str::from_utf8(&tree.files["README.md"].contents).unwrap();
    assert!(readme.starts_with("# `hall`, version `1.0' # evil`\n"), "{readme}");
    assert!(readme.ends_with("you roll back to.\n\n## nftables\n\nLoad it.\n"), "{readme}");
    assert!(readme.lines().all(|line| line != "# evil"));
}

#[test]
fn a_tree_is_a_function_of_its_input() {
    assert_eq!(assemble(&["nftables/gw.nft"]), assemble(&["nftables/gw.nft"]));
}

#[test]
fn paths_that_could_leave_the_folder_are_refused() {
    for path in
        ["../gw.nft", "/etc/passwd", "nftables//gw", "nftables/g w", "nftables/./gw", "nftables/ü", ""]
    {
        assert_eq!(assemble(&[path]), Err(TreeError::UnsafePath(path.into())), "{path:?}");
    }
}

#[test]
fn paths_that_meet_are_refused() {
    assert_eq!(assemble(&["a/b", "a/b"]), Err(TreeError::Collision("a/b".into())));
    assert_eq!(assemble(&["a", "a/b/c"]), Err(TreeError::Collision("a".into())));
    assert_eq!(assemble(&["manifest.json"]), Err(TreeError::Collision("manifest.json".into())));
}

#[test]
fn only_our_manifest_is_a_manifest() {
    assert_eq!(Manifest::parse(br#"{"name": "my-web-app", "version": "1"}"#), None);
    assert_eq!(Manifest::parse(b"not json"), None);
}
