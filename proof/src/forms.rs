//! The forms of one ruleset: the whole file, and the hitless one in parts. All have to hold the same.

use weir_nftables_reader::{FilterModel, Ruleset};
use weir_reading::Unread;

use crate::{
    File,
    certificate::sha256,
    finding::{Fault, Finding},
    same_text::{Parts, same_text},
};

/// The digest of the `apply` script with the names of package, gateway and generation taken out. It runs as root, so it
/// is fixed: whoever changes it reviews it, and then this.
const APPLY: &str = "39fad0e02c2352744ae2e62ae9c906b283badaa9b3a5f2b1be11af92a611af6e";

/// Reads the form that replaces the table.
pub(crate) fn whole(file: &File<'_>) -> Result<FilterModel, Unread> {
    Ruleset::default().apply(file.path, file.bytes)?.model()
}

/// The parts, put into force one after the other, hold what the whole file holds; and `sweep.nft` takes away what
/// `stage.nft` brought.
pub(crate) fn hitless(
    package: &str,
    file: &File<'_>,
    whole: &FilterModel,
    files: &[File<'_>],
    findings: &mut Vec<Finding>,
) {
    let part = |name: &str| files.iter().find(|file| file.path.ends_with(&format!(".d/{name}")));
    let first = files.first().map_or("", |file| file.path);
    let folder = first.rsplit_once('/').map_or(first, |(folder, _)| folder);
    let mut wrong = |what: &str| findings.push(Finding::new(folder, Fault::Forms { what: what.into() }));
    let (Some(base), Some(stage), Some(switch), Some(sweep), Some(apply)) =
        (part("base.nft"), part("stage.nft"), part("switch.nft"), part("sweep.nft"), part("apply"))
    else {
        return wrong("a part of the hitless form is missing");
    };
    let bytes = Parts { base: base.bytes, stage: stage.bytes, switch: switch.bytes, sweep: sweep.bytes };
    let parts = [base, stage, switch, sweep].map(|part| (part.path, part.bytes));
    if !same_text(file.bytes, &bytes) {
        match Ruleset::hitless(parts).and_then(|ruleset| ruleset.model()) {
            Ok(model) if model.canonical() == whole.canonical() => {}
            Ok(_) => wrong("the hitless form holds something else than the whole file"),
            Err(unread) => return findings.push(Finding::unread(folder, unread)),
        }
    }
    if fixed_part(package, folder, stage.bytes, apply.bytes).as_deref() != Some(APPLY) {
        findings.push(Finding::new(apply.path, Fault::Forms { what: "not the reviewed script".into() }));
    }
}

/// The digest of the script without what differs between gateways; nothing, if it names another generation than the one
/// that it stages.
fn fixed_part(package: &str, folder: &str, stage: &[u8], script: &[u8]) -> Option<String> {
    let (text, stage) = (std::str::from_utf8(script).ok()?, std::str::from_utf8(stage).ok()?);
    let name = folder.rsplit('/').next().unwrap_or(folder);
    let name = name.strip_suffix(".d").unwrap_or(name);
    let generation = text.lines().find_map(|line| line.strip_prefix("generation="))?;
    let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if generation.len() != 8 || !generation.bytes().all(hexadecimal) {
        return None;
    }
    let staged = stage.lines().filter_map(|line| line.strip_prefix("flush chain inet weir "));
    if staged.into_iter().any(|chain| !chain.ends_with(&format!("/g{generation}"))) {
        return None;
    }
    let fixed: Vec<&str> = text
        .lines()
        .map(|line| match line {
            // The comment names package, gateway and generation as the package spells them.
            line if line.starts_with(&format!("# package {package}, gateway ")) => "# package",
            line if line == format!("generation={generation}") => "generation",
            "families='inet'" | "families='inet bridge'" => "families",
            line if line == format!("run=${{WEIR_RUN_DIR:-/run/weir}}/{name}") => "run",
            line if line.starts_with('#') && line.contains(&format!("`nft -f {name}.nft`")) => "# whole",
            line => line,
        })
        .collect();
    Some(sha256(fixed.join("\n").as_bytes()))
}
