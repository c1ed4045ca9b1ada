//! One page that needs nothing else: no script, no network.

use super::{
    super::{Difference, FlowChange, Verdict},
    assertion, summary,
};
use crate::table::html as escaped;

const STYLE: &str = include_str!("style.css");

pub fn html(difference: &Difference) -> String {
    let class = match difference.verdict {
        Verdict::Same => "same",
        Verdict::Narrowed => "narrowed",
        Verdict::Widened => "widened",
    };
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{0}</title>\n<style>{STYLE}</style>\n<main>\n<h1 class=\"{class}\">{0}</h1>\n<p><code>{1}</code> → <code>{2}</code></p>\n",
        escaped(&summary(difference)),
        escaped(&difference.before),
        escaped(&difference.after)
    );
    flows(&mut out, "Newly permitted", "added", &difference.permitted);
    flows(&mut out, "Newly denied", "removed", &difference.denied);
    if !difference.terms.is_empty() {
        out.push_str("<h2>On other terms</h2>\n<table>\n<tr><th>flow<th>change<th>rule\n");
        for change in &difference.terms {
            let words: Vec<String> = change
                .changes
                .iter()
                .map(|one| {
                    let class = if one.wider { "added" } else { "removed" };
                    format!("<span class=\"{class}\">{}</span>", escaped(&one.to_string()))
                })
                .collect();
            out.push_str(&format!(
                "<tr><td><code>{} -&gt; {} : {}</code>{}<td>{}<td><code title=\"{}\">{}</code>\n",
                escaped(&change.sources),
                escaped(&change.destinations),
                escaped(&change.service),
                approved(change.approved),
                words.join("<br>"),
                escaped(&change.after.text),
                escaped(&change.after.place.to_string())
            ));
        }
        out.push_str("</table>\n");
    }
    if !difference.assertions.is_empty() {
        out.push_str("<h2>Assertions</h2>\n<ul>\n");
        for change in &difference.assertions {
            let class = if change.after == Some(true) { "added" } else { "removed" };
            let witness = change.witness.as_deref().unwrap_or_default();
            out.push_str(&format!(
                "<li><b class=\"{class}\">{}</b> <code>{}</code> {}<br>{}\n",
                assertion(change),
                escaped(&change.text),
                escaped(&change.place.to_string()),
                escaped(witness)
            ));
        }
        out.push_str("</ul>\n");
    }
    if !difference.radius.is_empty() {
        out.push_str("<h2>Blast radius</h2>\n<table>\n<tr><th>from<th>before<th>after<th>gains<th>loses\n");
        for change in &difference.radius {
            out.push_str(&format!(
                "<tr><td><code>{}</code><td>{}<td>{}<td>{}<td>{}\n",
                escaped(&change.principals),
                change.before,
                change.after,
                escaped(&change.gained),
                escaped(&change.lost)
            ));
        }
        out.push_str("</table>\n");
    }
    if !difference.plant.is_empty() {
        out.push_str("<h2>Plant</h2>\n<ul>\n");
        for change in &difference.plant {
            let effect = match change.effect {
                Verdict::Same => "",
                Verdict::Narrowed => " <span class=\"removed\">narrows</span>",
                Verdict::Widened => " <span class=\"added\">widens</span>",
            };
            out.push_str(&format!(
                "<li>{} <code>{}</code> {} {}{effect}\n",
                change.what,
                escaped(&change.name),
                change.change,
                escaped(&change.detail)
            ));
        }
        out.push_str("</ul>\n");
    }
    if let Some(artifacts) = difference.artifacts.as_ref().filter(|list| !list.is_empty()) {
        out.push_str("<h2>Artifacts</h2>\n");
        for change in artifacts {
            let head = format!(
                "<code>{}</code> {} <span class=\"added\">+{}</span> <span class=\"removed\">-{}</span>",
                escaped(&change.path),
                change.change,
                change.lines_added,
                change.lines_removed
            );
            match &change.unified {
                None => out.push_str(&format!("<p>{head}</p>\n")),
                Some(text) => {
                    out.push_str(&format!("<details><summary>{head}</summary><pre>"));
                    for line in text.lines() {
                        let class = match line.as_bytes().first() {
                            Some(b'+') => "added",
                            Some(b'-') => "removed",
                            _ => "plain",
                        };
                        out.push_str(&format!("<span class=\"{class}\">{}</span>\n", escaped(line)));
                    }
                    out.push_str("</pre></details>\n");
                }
            }
        }
    }
    if !difference.notes.is_empty() {
        out.push_str("<h2>Notes</h2>\n<ul>\n");
        difference.notes.iter().for_each(|note| out.push_str(&format!("<li>{}\n", escaped(note))));
        out.push_str("</ul>\n");
    }
    out.push_str("</main>\n</html>\n");
    out
}

fn approved(approved: Option<bool>) -> &'static str {
    match approved {
        Some(true) => "<br>approved by the envelope",
        Some(false) => "<br><b>outside of the envelope</b>",
        None => "",
    }
}

fn flows(out: &mut String, title: &str, class: &str, changes: &[FlowChange]) {
    if changes.is_empty() {
        return;
    }
    out.push_str(&format!("<h2>{title}</h2>\n<table>\n<tr><th>flow<th>for example<th>rule<th>why\n"));
    for change in changes {
        let witness = &change.witness;
        out.push_str(&format!(
            "<tr><td class=\"{class}\"><code>{} -&gt; {} : {}</code> {}{}<td><code>{} -&gt; {} : {}</code>{}<td><code title=\"{}\">{}</code><td>{}\n",
            escaped(&change.sources),
            escaped(&change.destinations),
            escaped(&change.service),
            escaped(&change.terms),
            approved(change.approved),
            escaped(&witness.source),
            escaped(&witness.destination),
            escaped(&witness.service),
            if change.pairs > 1 { format!("<br>one of {} pairs", change.pairs) } else { String::new() },
            escaped(&change.rule.text),
            escaped(&change.rule.place.to_string()),
            escaped(&change.cause.text)
        ));
    }
    out.push_str("</table>\n");
}
