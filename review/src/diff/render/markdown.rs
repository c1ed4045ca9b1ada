//! For a pull request. Names are foreign text: nothing in them is markup.

use weir_targets::code;

use super::{
    super::{Difference, FlowChange, Verdict},
    assertion, summary,
};
use crate::table::{code_cell, markdown as escaped, prose};

/// Rows of one table; a comment has a limit.
const SHOWN: usize = 40;

/// A document of sections and tables; the verdict comes first.
pub fn markdown(difference: &Difference) -> String {
    let sign = match difference.verdict {
        Verdict::Same => "✅",
        Verdict::Narrowed => "🔽",
        Verdict::Widened => "⚠️",
    };
    let mut out = format!(
        "## {sign} Policy: {}\n\n{} → {}\n",
        escaped(&summary(difference)),
        code(&difference.before),
        code(&difference.after)
    );
    flows(&mut out, "Newly permitted", &difference.permitted);
    flows(&mut out, "Newly denied", &difference.denied);
    if !difference.terms.is_empty() {
        out.push_str("\n### On other terms\n\n| flow | change | rule |\n| --- | --- | --- |\n");
        for change in difference.terms.iter().take(SHOWN) {
            let flow = format!("{} -> {} : {}", change.sources, change.destinations, change.service);
            let words: Vec<String> = change
                .changes
                .iter()
                .map(|one| {
                    let word = if one.wider { "**wider**" } else { "narrower" };
                    format!("{} {word}", escaped(&one.to_string()))
                })
                .collect();
            out.push_str(&format!(
                "| {} | {}{} | {} |\n",
                code_cell(&flow),
                words.join("<br>"),
                approved(change.approved),
                code_cell(&change.after.place.to_string())
            ));
        }
        more(&mut out, difference.terms.len());
    }
    if !difference.assertions.is_empty() {
        out.push_str("\n### Assertions\n\n");
        for change in &difference.assertions {
            let witness =
                change.witness.as_ref().map_or_else(String::new, |text| format!(": {}", escaped(text)));
            out.push_str(&format!(
                "- **{}**: {} ({}){witness}\n",
                assertion(change),
                code(&change.text),
                code(&change.place.to_string())
            ));
        }
    }
    if !difference.radius.is_empty() {
        out.push_str("\n### Blast radius\n\n| from | before | after | gains | loses |\n| --- | ---: | ---: | --- | --- |\n");
        for change in difference.radius.iter().take(SHOWN) {
            let cell = |text: &str| if text.is_empty() { String::new() } else { code_cell(text) };
            out.push_str(&format!(
                "| {} | {} | {} | {} | {} |\n",
                code_cell(&change.principals),
                change.before,
                change.after,
                cell(&change.gained),
                cell(&change.lost)
            ));
        }
        more(&mut out, difference.radius.len());
    }
    if !difference.plant.is_empty() {
        out.push_str("\n### Plant\n\n");
        for change in difference.plant.iter().take(SHOWN) {
            let detail = if change.detail.is_empty() {
                String::new()
            } else {
                format!(": {}", escaped(&change.detail))
            };
            let effect = match change.effect {
                Verdict::Same => "",
                Verdict::Narrowed => " (narrows)",
                Verdict::Widened => " (**widens**)",
            };
            out.push_str(&format!(
                "- {} {} {}{detail}{effect}\n",
                change.what,
                code(&change.name),
                change.change
            ));
        }
        more(&mut out, difference.plant.len());
    }
    if let Some(artifacts) = difference.artifacts.as_ref().filter(|list| !list.is_empty()) {
        out.push_str("\n<details><summary>Artifacts</summary>\n\n| file | | lines |\n| --- | --- | --- |\n");
        for change in artifacts.iter().take(SHOWN) {
            out.push_str(&format!(
                "| {} | {} | +{} -{} |\n",
                code_cell(&change.path),
                change.change,
                change.lines_added,
                change.lines_removed
            ));
        }
        more(&mut out, artifacts.len());
        out.push('\n');
        for (path, text) in artifacts.iter().filter_map(|one| Some((&one.path, one.unified.as_ref()?))) {
            // a fence longer than any in the text
            let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
            let fence = "`".repeat(longest.max(2) + 1);
            out.push_str(&format!("{}\n\n{fence}diff\n{text}{fence}\n\n", code(path)));
        }
        out.push_str("</details>\n");
    }
    if !difference.notes.is_empty() {
        out.push_str("\n### Notes\n\n");
        difference.notes.iter().for_each(|note| out.push_str(&format!("- {}\n", escaped(note))));
    }
    out
}

fn approved(approved: Option<bool>) -> &'static str {
    match approved {
        Some(true) => "<br>approved by the envelope",
        Some(false) => "<br>**outside of the envelope**",
        None => "",
    }
}

fn flows(out: &mut String, title: &str, changes: &[FlowChange]) {
    if changes.is_empty() {
        return;
    }
    out.push_str(&format!(
        "\n### {title}\n\n| flow | for example | rule | why |\n| --- | --- | --- | --- |\n"
    ));
    for change in changes.iter().take(SHOWN) {
        let terms = if change.terms.is_empty() { String::new() } else { format!(" {{ {} }}", change.terms) };
        let flow = format!("{} -> {} : {}{terms}", change.sources, change.destinations, change.service);
        let witness = &change.witness;
        let witness = format!("{} -> {} : {}", witness.source, witness.destination, witness.service);
        out.push_str(&format!(
            "| {}{} | {} | {} | {} |\n",
            code_cell(&flow),
            approved(change.approved),
            code_cell(&witness),
            code_cell(&change.rule.place.to_string()),
            prose(&change.cause.text)
        ));
    }
    more(out, changes.len());
}

fn more(out: &mut String, entries: usize) {
    if entries > SHOWN {
        out.push_str(&format!("\n… and {} more\n", entries - SHOWN));
    }
}
