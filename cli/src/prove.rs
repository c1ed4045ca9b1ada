//! What a proof found, for people.

use std::fmt::Write as _;

use weir_compiler::{Facts, Sources, flows::Statement, package::Undecided, plan::Plan};
use weir_proof::{Fault, Finding, Proof, Prover};
use weir_syntax::{Diagnostic, FileId, Span, diagnostic::codes, text::LineIndex};

use crate::failure::Failure;

/// Findings that are shown in full.
const SHOWN: usize = 5;

pub(crate) fn prover<'p>(plan: &'p Plan, facts: &'p Facts, sources: &Sources) -> Prover<'p> {
    let options = sources.manifest.proof;
    Prover::new(facts, plan, options.budget(), options.undecided == Undecided::Warning)
}

/// Ends a build whose artifacts are not what the policy says, which is our mistake; what was not decided within the
/// package's budget is the user's to settle.
pub(crate) fn settle(
    proof: &Proof,
    facts: &Facts,
    sources: &Sources,
) -> Result<Option<Vec<Diagnostic>>, Failure> {
    let undecided = |finding: &&Finding| matches!(finding.fault, Fault::Undecided { .. });
    let wrong: Vec<&Finding> = proof.findings.iter().filter(|finding| !undecided(finding)).collect();
    if !wrong.is_empty() {
        return Err(Failure::Internal(format!("the proof failed\n{}", describe(&wrong, facts, sources))));
    }
    let open: Vec<&Finding> = proof.findings.iter().filter(undecided).collect();
    if open.is_empty() {
        return Ok(None);
    }
    let diagnostics = open.iter().map(|finding| {
        Diagnostic::new(&codes::E0605, finding.to_string())
            .primary(FileId(0), Span::default(), "the budget of this package")
            .help(
                "raise `budget` in `[proof]`, or accept the artifact unproven with `undecided = \"warning\"`",
            )
    });
    Ok(Some(diagnostics.collect()))
}

/// Each finding with the policy lines and the artifact lines that it rests on.
pub(crate) fn describe(findings: &[&Finding], facts: &Facts, sources: &Sources) -> String {
    let mut text = String::new();
    for finding in findings.iter().take(SHOWN) {
        // Writing into a String does not fail.
        let _ = writeln!(text, "- {finding}");
        for statement in finding.statements.iter().filter_map(|index| facts.statements.get(*index as usize)) {
            let _ = writeln!(text, "    policy   {}", line(statement, sources));
        }
        for place in &finding.places {
            let _ = writeln!(text, "    artifact {place}");
        }
    }
    if findings.len() > SHOWN {
        let _ = writeln!(text, "- and {} more", findings.len() - SHOWN);
    }
    text
}

/// `policies/process.weir:9: allow a -> b : modbus`
fn line(statement: &Statement, sources: &Sources) -> String {
    let Some(source) = sources.file(statement.file) else { return statement.text.to_string() };
    let place = LineIndex::new(&source.text).line_column(&source.text, statement.span.start);
    format!("{}:{}: {}", source.path, place.line, statement.text)
}
