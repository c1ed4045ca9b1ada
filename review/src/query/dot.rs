//! Edges as Graphviz takes them.

use super::Answer;
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

pub fn dot(answer: &Answer) -> String {
    let mut out = String::from("digraph weir {\n  rankdir = LR\n  node [shape = box]\n");
    for edge in &answer.edges {
        out.push_str(&format!(
            "  {} -> {} [label = {}, color = \"{}\"]\n",
            quoted(&edge.source),
            quoted(&edge.destination),
            quoted(&edge.label),
            color(edge.access)
        ));
    }
    out.push_str("}\n");
    out
}
