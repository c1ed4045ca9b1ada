//! `certificate.json`: what was proven of which bytes, and what the proof takes for granted. Without times and hosts:
//! same input, same bytes.

use std::fmt::Write as _;

use serde::Serialize;
use sha2::{Digest, Sha256};
use weir_compiler::{Facts, Sources, plan::Plan};
use weir_syntax::text::LineIndex;

use crate::{Effort, Proof};

#[derive(Serialize)]
struct Certificate<'c> {
    version: u32,
    generator: String,
    package: Package<'c>,
    /// The package's files that were compiled, `weir.toml` among them.
    inputs: Vec<Hashed<'c>>,
    artifacts: Vec<Artifact<'c>>,
    end_to_end: EndToEnd,
    assertions: Vec<Assertion>,
    /// What policy denies and nothing separates, accepted by the package or not.
    gaps: Vec<Gap<'c>>,
    assumptions: &'c [String],
}

#[derive(Serialize)]
struct Package<'c> {
    name: &'c str,
    version: &'c str,
}

#[derive(Serialize)]
struct Hashed<'c> {
    path: &'c str,
    sha256: String,
}

#[derive(Serialize)]
struct Artifact<'c> {
    path: &'c str,
    sha256: String,
    target: &'c str,
    /// The enforcement point.
    point: &'c str,
    verdict: Verdict,
    /// Rectangles of the policy that the point has to permit.
    requirements: u64,
    /// Elements that were read from the artifact.
    elements: u64,
    /// Combinations of both that meet somewhere, each judged.
    combinations: u64,
    method: &'static str,
}

/// What is known of an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It permits exactly what the policy has it permit.
    Equal,
    /// It holds the same as another artifact of the point, which is proven.
    SameAsProven,
    /// The question was larger than the budget, and the package accepts that.
    NotDecided,
}

#[derive(Serialize)]
struct EndToEnd {
    /// Rectangles of the relation, and the parts of them that packet filters see.
    flows: usize,
    legs: usize,
    enforcement_points: usize,
    verdict: Verdict,
}

/// An assertion that holds.
#[derive(Serialize)]
struct Assertion {
    file: String,
    line: u32,
    text: String,
    verdict: &'static str,
    /// What narrows it, by its own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    assumption: Option<String>,
}

#[derive(Serialize)]
struct Gap<'c> {
    place: &'c str,
    what: &'c str,
    /// Why the package accepts it; `null`, if it does not.
    accepted: Option<&'c str>,
}

/// Renders the certificate of a proof without findings. `digest` gives the SHA-256 of an artifact by its path.
pub fn render(
    proof: &Proof,
    facts: &Facts,
    plan: &Plan,
    sources: &Sources,
    digest: impl Fn(&str) -> String,
) -> Result<Vec<u8>, serde_json::Error> {
    let own = sources.files.iter().filter(|source| !source.is_standard());
    let artifacts = proof.artifacts.iter().map(|proven| {
        let Effort { requirements, elements, combinations, by_diagram } = proven.effort;
        Artifact {
            path: &proven.path,
            sha256: digest(&proven.path),
            target: proven.target,
            point: &proven.point,
            verdict: proven.verdict,
            requirements,
            elements,
            combinations,
            method: if by_diagram { "diagram" } else { "sweep" },
        }
    });
    let all_equal = proof.artifacts.iter().all(|proven| proven.verdict != Verdict::NotDecided);
    let certificate = Certificate {
        version: 1,
        generator: format!("weir {}", env!("CARGO_PKG_VERSION")),
        package: Package { name: &plan.package, version: &plan.version },
        inputs: own.map(|file| Hashed { path: &file.path, sha256: sha256(file.text.as_bytes()) }).collect(),
        artifacts: artifacts.collect(),
        end_to_end: EndToEnd {
            flows: proof.flows,
            legs: plan.legs.len(),
            enforcement_points: plan.gateways.len()
                + plan.clusters.iter().filter(|cluster| !cluster.namespaces.is_empty()).count()
                + plan.cores.len(),
            verdict: if all_equal { Verdict::Equal } else { Verdict::NotDecided },
        },
        assertions: assertions(facts, sources),
        gaps: plan
            .gaps
            .iter()
            .map(|gap| Gap { place: &gap.place, what: gap.message(), accepted: gap.accepted.as_deref() })
            .collect(),
        assumptions: &proof.assumptions,
    };
    let mut bytes = serde_json::to_vec_pretty(&certificate)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Every assertion of the package; a build with one that does not hold gets no certificate.
fn assertions(facts: &Facts, sources: &Sources) -> Vec<Assertion> {
    let held = facts.assertions.iter().filter_map(|held| {
        let source = sources.file(held.file)?;
        let text = held.span.of(&source.text);
        Some(Assertion {
            file: source.path.clone(),
            line: LineIndex::new(&source.text).line_column(&source.text, held.span.start).line,
            text: text.split_whitespace().collect::<Vec<_>>().join(" "),
            verdict: "holds",
            assumption: held.assumption.clone(),
        })
    });
    held.collect()
}

/// The digest as manifests have it.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing into a String does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
