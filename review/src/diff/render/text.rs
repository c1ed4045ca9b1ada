//! For a terminal: what is added begins with `+`, what goes with `-`, what changes with `~`.

use super::{
    super::{Difference, FlowChange, PlantChange, Verdict},
    assertion, summary,
};

/// How a line is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    Plain,
    Heading,
    Added,
    Removed,
    Changed,
    Faint,
}

/// One line, without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub paint: Paint,
    pub text: String,
}

/// Entries of one section that are shown; the rest is counted. `--format json` has all.
const SHOWN: usize = 60;

/// All lines. `unified` shows the text of artifacts that was asked for.
pub fn text(difference: &Difference) -> Vec<Line> {
    let mut out = Lines::default();
    out.section("Newly permitted", difference.permitted.len());
    for change in difference.permitted.iter().take(SHOWN) {
        out.flow('+', Paint::Added, change);
    }
    out.more(difference.permitted.len());
    out.section("Newly denied", difference.denied.len());
    for change in difference.denied.iter().take(SHOWN) {
        out.flow('-', Paint::Removed, change);
    }
    out.more(difference.denied.len());
    out.section("On other terms", difference.terms.len());
    for change in difference.terms.iter().take(SHOWN) {
        let words: Vec<String> = change
            .changes
            .iter()
            .map(|one| format!("{one} ({})", if one.wider { "wider" } else { "narrower" }))
            .collect();
        out.line(
            Paint::Changed,
            format!(
                "~ {} -> {} : {}  {}{}",
                change.sources,
                change.destinations,
                change.service,
                words.join(", "),
                approved(change.approved)
            ),
        );
        if change.before.text == change.after.text {
            out.line(Paint::Faint, format!("    rule {}  {}", change.after.place, change.after.text));
        } else {
            out.line(Paint::Faint, format!("    was {}  {}", change.before.place, change.before.text));
            out.line(Paint::Faint, format!("    now {}  {}", change.after.place, change.after.text));
        }
    }
    out.more(difference.terms.len());
    out.section("Assertions", difference.assertions.len());
    for change in &difference.assertions {
        let (sign, paint) = match (change.before, change.after) {
            (Some(false) | None, Some(true)) => ('+', Paint::Added),
            (_, Some(false)) => ('!', Paint::Removed),
            _ => ('-', Paint::Changed),
        };
        out.line(paint, format!("{sign} {}: {}  {}", assertion(change), change.text, change.place));
        if let Some(witness) = &change.witness {
            out.line(Paint::Faint, format!("    {witness}"));
        }
    }
    out.section("Blast radius", difference.radius.len());
    for change in &difference.radius {
        let paint = if change.after > change.before { Paint::Added } else { Paint::Removed };
        let mut line = format!("~ {}: {} -> {}", change.principals, change.before, change.after);
        for (word, set) in [("gains", &change.gained), ("loses", &change.lost)] {
            if !set.is_empty() {
                line.push_str(&format!("; {word} {set}"));
            }
        }
        out.line(paint, line);
    }
    out.section("Plant", difference.plant.len());
    for change in difference.plant.iter().take(SHOWN) {
        out.plant(change);
    }
    out.more(difference.plant.len());
    if let Some(artifacts) = &difference.artifacts {
        out.section("Artifacts", artifacts.len());
        for change in artifacts {
            let (sign, paint) = match change.change {
                "created" => ('+', Paint::Added),
                "removed" => ('-', Paint::Removed),
                _ => ('~', Paint::Changed),
            };
            out.line(
                paint,
                format!("{sign} {}  +{} -{}", change.path, change.lines_added, change.lines_removed),
            );
            for line in change.unified.iter().flat_map(|text| text.lines()) {
                let paint = match line.as_bytes().first() {
                    Some(b'+') => Paint::Added,
                    Some(b'-') => Paint::Removed,
                    Some(b'@') => Paint::Heading,
                    _ => Paint::Plain,
                };
                out.line(paint, format!("    {line}"));
            }
        }
    }
    if !difference.notes.is_empty() {
        out.section("Notes", difference.notes.len());
        for note in &difference.notes {
            out.line(Paint::Plain, format!("  {note}"));
        }
    }
    let paint = match difference.verdict {
        Verdict::Same => Paint::Plain,
        Verdict::Narrowed => Paint::Removed,
        Verdict::Widened => Paint::Added,
    };
    if !out.0.is_empty() {
        out.line(Paint::Plain, String::new());
    }
    out.line(paint, format!("{} -> {}: {}", difference.before, difference.after, summary(difference)));
    out.0
}

fn approved(approved: Option<bool>) -> &'static str {
    match approved {
        Some(true) => "  [approved]",
        Some(false) => "  [not approved]",
        None => "",
    }
}

#[derive(Default)]
struct Lines(Vec<Line>);

impl Lines {
    fn line(&mut self, paint: Paint, text: String) {
        self.0.push(Line { paint, text });
    }

    fn section(&mut self, title: &str, entries: usize) {
        if entries > 0 {
            if !self.0.is_empty() {
                self.line(Paint::Plain, String::new());
            }
            self.line(Paint::Heading, title.to_owned());
        }
    }

    fn more(&mut self, entries: usize) {
        if entries > SHOWN {
            self.line(Paint::Plain, format!("  … and {} more; `--format json` has all", entries - SHOWN));
        }
    }

    fn flow(&mut self, sign: char, paint: Paint, change: &FlowChange) {
        let terms = if change.terms.is_empty() { String::new() } else { format!("  {{ {} }}", change.terms) };
        self.line(
            paint,
            format!(
                "{sign} {} -> {} : {}{terms}{}",
                change.sources,
                change.destinations,
                change.service,
                approved(change.approved)
            ),
        );
        let witness = &change.witness;
        let pairs =
            if change.pairs > 1 { format!("  (one of {} pairs)", change.pairs) } else { String::new() };
        self.line(
            Paint::Faint,
            format!("    e.g. {} -> {} : {}{pairs}", witness.source, witness.destination, witness.service),
        );
        self.line(Paint::Faint, format!("    rule {}  {}", change.rule.place, change.rule.text));
        let place = match &change.cause.place {
            Some(place) if *place != change.rule.place => format!("  {place}"),
            _ => String::new(),
        };
        self.line(Paint::Faint, format!("    why  {}{place}", change.cause.text));
    }

    fn plant(&mut self, change: &PlantChange) {
        let (sign, paint) = match change.change {
            "added" => ('+', Paint::Added),
            "removed" => ('-', Paint::Removed),
            _ => ('~', Paint::Changed),
        };
        let detail = if change.detail.is_empty() { String::new() } else { format!(": {}", change.detail) };
        let effect = match change.effect {
            Verdict::Same => "",
            Verdict::Narrowed => "  [narrows]",
            Verdict::Widened => "  [widens]",
        };
        self.line(paint, format!("{sign} {} {} {}{detail}{effect}", change.what, change.name, change.change));
    }
}
