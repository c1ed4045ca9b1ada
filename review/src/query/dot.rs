//! Edges as Graphviz takes them.

use std::collections::BTreeMap;

use super::{Answer, Named};
use crate::Access;

/// A text in quotes: nothing in it ends them.
fn quoted(text: &str) -> String {
    let inner: String = text
        .chars()
        .flat_map(|character| match character {
            '"' => vec!['\\', '"'],
            '\\' => vec!['\\', '\\'],
            _ if character.is_control() => vec![' '],
            _ => vec![character],
        })
        .collect();
    format!("\"{inner}\"")
}

fn color(access: Access) -> &'static str {
    match access {
        Access::Connect => "#6b7280",
        Access::Observe | Access::Subscribe => "#2563eb",
        Access::Publish => "#0d9488",
        Access::Actuate => "#dc2626",
        Access::Manage => "#9333ea",
    }
}

/// Nothing, where the answer is no graph.
pub fn dot<'a>(answer: &'a Answer) -> Option<String> {
    if !answer.is_graph {
        return None;
    }
    let mut out = String::from("digraph weir {\n  rankdir = LR\n  node [shape = box]\n");
    for note in &answer.notes {
        let line: String = note.chars().map(|one| if one.is_control() { ' ' } else { one }).collect();
        out.push_str(&format!("  // {line}\n"));
    }
    // sets that are called the same in short are not the same node
    let mut known: BTreeMap<&str, Vec<&Named>> = BTreeMap::new();
    let mut node = |set: &'a Named| -> String {
        let words = set.words.as_str();
        let alike = known.entry(words).or_default();
        let place = alike.iter().position(|one| *one == set).unwrap_or(alike.len());
        if place == alike.len() {
            alike.push(set);
        }
        if place == 0 { quoted(words) } else { quoted(&format!("{words} ({})", place + 1)) }
    };
    // what is asked about is there even where nothing leads to it
    for set in &answer.asked {
        out.push_str(&format!("  {} [penwidth = 2]\n", node(set)));
    }
    for edge in &answer.edges {
        let (source, destination) = (node(&edge.source), node(&edge.destination));
        out.push_str(&format!(
            "  {} -> {} [label = {}, color = \"{}\"]\n",
            source,
            destination,
            quoted(&edge.label),
            color(edge.access)
        ));
    }
    out.push_str("}\n");
    Some(out)
}
