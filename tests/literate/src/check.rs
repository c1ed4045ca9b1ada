//! Compares what the compiler says with the marks.

use std::fmt::Write as _;

use weir_compiler::{Facts, Sources, analyze, imports, package::Targets, plan::Plan};
use weir_engine::Budget;
use weir_proof::{File, Prover};
use weir_syntax::{Diagnostic, FileId, Severity, text::LineIndex};

use crate::{
    case::{Case, Text},
    marks::Mark,
};

/// A diagnostic, at a line of the file.
struct Said<'c> {
    diagnostic: Diagnostic,
    /// Nothing for a file of the standard library.
    text: Option<&'c Text>,
    path: String,
    /// From 0.
    line: usize,
}

/// What is wrong with one case, as text to print.
pub fn check(name: &str, case: &Case) -> Vec<String> {
    let mut failures = Vec::new();
    match said(case) {
        Ok(said) => {
            failures.extend(compare(name, case, &said));
            failures.extend(unprinted(name, case, &said));
        }
        Err(problem) => failures.push(format!("{name}:{}: {problem}", case.line)),
    }
    let marked = || case.files.values().chain([&case.manifest]).any(|text| !text.marks.is_empty());
    if case.fails && !marked() {
        failures.push(format!("{name}:{}: “{}” has the word `fails`, and no mark", case.line, case.title));
    }
    failures
}

/// The codes that the compiler reports for a case, in its order.
pub fn codes(case: &Case) -> Result<Vec<&'static str>, String> {
    said(case).map(|said| said.iter().map(|said| said.diagnostic.code.id).collect())
}

/// Seconds since 1970 of a date or time as Weir spells it.
fn seconds(now: &str) -> Option<i64> {
    let mut parts = now.get(..10)?.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    // days from civil, after Howard Hinnant
    let year = if month <= 2 { year - 1 } else { year };
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let days = year.div_euclid(400) * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(days * 86_400)
}

fn said(case: &Case) -> Result<Vec<Said<'_>>, String> {
    if case.snippet {
        let said = case.files.iter().flat_map(|(path, text)| {
            let diagnostics = weir_syntax::parse(&text.text, FileId(0)).diagnostics;
            diagnostics.into_iter().map(|diagnostic| placed(diagnostic, Some(text), path, &text.text))
        });
        return Ok(said.collect());
    }
    let now = seconds(&case.now).ok_or_else(|| format!("`now={}` is no date", case.now))?;
    let files = case.files.iter().map(|(path, text)| (path.clone(), text.text.clone().into_bytes()));
    let (policies, others): (Vec<_>, Vec<_>) =
        files.partition(|(path, _): &(String, Vec<u8>)| path.rsplit('.').next() == Some("weir"));
    let mut sources = Sources::new(&case.manifest.text, policies);
    let wanted = imports::wanted(&sources);
    let is_wanted =
        |path: &str| wanted.iter().any(|wanted| path == wanted || path.starts_with(&format!("{wanted}/")));
    for (path, bytes) in others.into_iter().filter(|(path, _)| is_wanted(path)) {
        sources.import(path, bytes);
    }
    let analysis = analyze(&sources, now);
    if analysis.plan.is_none() != analysis.diagnostics.iter().any(|said| said.severity() == Severity::Error) {
        return Err("a plan exists exactly if there is no error, but not here".to_owned());
    }
    if let (Some(plan), Some(facts)) = (&analysis.plan, &analysis.facts) {
        prove(plan, facts, &sources.manifest.targets)?;
    }
    let placed = analysis.diagnostics.into_iter().map(|diagnostic| {
        let source = diagnostic.labels.first().and_then(|label| sources.file(label.file));
        let path = source.map_or("weir.toml", |source| source.path.as_str());
        let text = if path == "weir.toml" { Some(&case.manifest) } else { case.files.get(path) };
        placed(diagnostic, text, path, source.map_or("", |source| &source.text))
    });
    Ok(placed.collect())
}

/// What a page's package becomes is proven, as by `weir build`.
fn prove(plan: &Plan, facts: &Facts, options: &Targets) -> Result<(), String> {
    let mut prover = Prover::new(facts, plan, Budget::default(), false);
    for point in plan.points() {
        let emitted = weir_emission::emit(point, plan, options).map_err(|refusal| refusal.what)?;
        let files = emitted.artifacts.iter().map(|file| File { path: &file.path, bytes: &file.contents });
        prover.prove(point, &files.collect::<Vec<_>>());
    }
    match prover.finish().findings.first() {
        Some(finding) => Err(format!("the proof: {finding}")),
        None => Ok(()),
    }
}

fn placed<'c>(diagnostic: Diagnostic, text: Option<&'c Text>, path: &str, source: &str) -> Said<'c> {
    let start = diagnostic.labels.first().map_or(0, |label| label.span.start);
    // an end of the file is at its last line, not behind it
    let start = start.min((source.trim_end().len() as u32).saturating_sub(u32::from(!source.is_empty())));
    Said { line: LineIndex::new(source).line(start), diagnostic, text, path: path.to_owned() }
}

fn compare(name: &str, case: &Case, said: &[Said<'_>]) -> Vec<String> {
    let mut failures = Vec::new();
    let mut left: Vec<(&Text, &str, &Mark)> = Vec::new();
    let mut tolerated: Vec<(&Text, &Mark)> = Vec::new();
    for (path, text) in
        case.files.iter().map(|(path, text)| (path.as_str(), text)).chain([("weir.toml", &case.manifest)])
    {
        left.extend(text.marks.iter().map(|mark| (text, path, mark)));
        tolerated.extend(text.earlier.iter().map(|mark| (text, mark)));
    }
    for said in said {
        let fits = |text: &Text, mark: &Mark| {
            said.text.is_some_and(|own| std::ptr::eq(own, text))
                && mark.line == said.line
                && mark.code == said.diagnostic.code.id
                && mark.severity == said.diagnostic.severity()
                && mark.message.as_ref().is_none_or(|part| said.diagnostic.message.contains(part))
        };
        if let Some(found) = left.iter().position(|(text, _, mark)| fits(text, mark)) {
            left.remove(found);
            continue;
        }
        let earlier = tolerated.iter().any(|(text, mark)| fits(text, mark));
        let ignored = case.ignore_warnings && said.diagnostic.severity() == Severity::Warning;
        if !earlier && !ignored {
            failures.push(unexpected(name, case, said));
        }
    }
    for (text, path, mark) in left {
        let part =
            mark.message.as_ref().map_or_else(String::new, |part| format!(" with \"{part}\" in its message"));
        failures.push(format!(
            "{name}:{}: in `{path}` of “{}”: expected {}{part}, and nothing says so\n{}",
            text.line(mark.line),
            case.title,
            mark.code,
            line_of(&text.text, mark.line),
        ));
    }
    failures
}

/// Lines that the document shows and the compiler does not print.
fn unprinted(name: &str, case: &Case, said: &[Said<'_>]) -> Vec<String> {
    let severity = |diagnostic: &Diagnostic| match diagnostic.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let prints = |line: &str| {
        said.iter().map(|said| &said.diagnostic).any(|diagnostic| {
            let head = format!("{}[{}]: {}", severity(diagnostic), diagnostic.code.id, diagnostic.message);
            line == head
                || line.strip_prefix("= help: ").is_some_and(|help| Some(help) == diagnostic.help.as_deref())
        })
    };
    let wrong = case.printed.iter().filter(|(_, line)| !prints(line));
    wrong.map(|(line, text)| format!("{name}:{line}: the compiler does not print\n    {text}")).collect()
}

fn unexpected(name: &str, case: &Case, said: &Said<'_>) -> String {
    let diagnostic = &said.diagnostic;
    let line = said.text.map_or(case.line, |text| text.line(said.line));
    let mut out = format!(
        "{name}:{line}: in `{}` of “{}”: unexpected {}: {}",
        said.path, case.title, diagnostic.code.id, diagnostic.message
    );
    if let Some(text) = said.text {
        let _ = write!(out, "\n{}", line_of(&text.text, said.line));
    }
    for label in &diagnostic.labels {
        let _ = write!(out, "\n    {} {}", if label.primary { "^" } else { "-" }, label.message);
    }
    if let Some(help) = &diagnostic.help {
        let _ = write!(out, "\n    help: {help}");
    }
    out
}

fn line_of(text: &str, line: usize) -> String {
    format!("    | {}", text.lines().nth(line).unwrap_or("").trim())
}
