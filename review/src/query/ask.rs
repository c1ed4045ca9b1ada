//! From words to a query.

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    WhoReaches,
    WhatReaches,
    Paths,
    Blast,
    TopExposure,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub text: String,
    pub kind: Kind,
    /// The set expressions that it names, one or two; none for a ranking.
    pub sets: Vec<String>,
}

/// The forms that there are.
const FORMS: &str =
    "`who reaches X`, `what X reaches`, `paths A ~> B` (or `paths A to B`), `blast X`, `top exposure`";

/// Reads a query; an error says which forms there are.
pub fn parse(text: &str) -> Result<Query, String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let found = |kind, sets: Vec<&str>| {
        let sets: Vec<String> = sets.into_iter().map(|set| set.trim().to_owned()).collect();
        if sets.iter().any(String::is_empty) {
            return Err(format!("`{text}` leaves out who is meant: there are {FORMS}"));
        }
        Ok(Query { text: text.clone(), kind, sets })
    };
    if let Some(set) = text.strip_prefix("who reaches ").or_else(|| text.strip_prefix("who can reach ")) {
        return found(Kind::WhoReaches, vec![set]);
    }
    if let Some(rest) = text.strip_prefix("what ")
        && let Some(set) = rest.strip_suffix(" reaches").or_else(|| rest.strip_suffix(" can reach"))
    {
        return found(Kind::WhatReaches, vec![set]);
    }
    if let Some(rest) = text.strip_prefix("paths ").or_else(|| text.strip_prefix("path ")) {
        let ends = ["~>", "->", " to "].iter().find_map(|arrow| rest.split_once(arrow));
        if let Some((from, to)) = ends {
            return found(Kind::Paths, vec![from, to]);
        }
        return Err(format!("`{text}` has one end: write `paths A ~> B` (in quotes) or `paths A to B`"));
    }
    if let Some(set) = text.strip_prefix("blast ") {
        return found(Kind::Blast, vec![set]);
    }
    if text == "top exposure" || text == "top" {
        return found(Kind::TopExposure, Vec::new());
    }
    Err(format!("`{text}` is no query: there are {FORMS}"))
}
